//! What goes wrong around the service, done to it from outside: `docs/reliability.md` lists the results.

mod disk;
mod large;
mod power;
mod sending;
mod store;
mod strangers;
mod wire;
