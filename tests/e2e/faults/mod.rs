//! What goes wrong around the service, done to it from outside: `docs/reliability.md` lists the results.

mod clock;
mod disk;
mod killed;
mod large;
mod power;
mod sending;
mod server;
mod shim;
mod store;
mod strangers;
mod wire;

/// What the service may log as errors while it can't write to its store, whatever it is at just then.
const STORE_FAILS: &[&str] = &[
    "cannot see whether this send was taken back",
    "cannot work on deliveries now",
    "deleted or replaced",
    "failed to",
    "no room on the disk",
    "not ready",
    "nothing was written",
];
