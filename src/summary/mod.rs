//! Summaries of what moved: what happened since the last one, by conversation and not by event, for a team or for everybody.
//!
//! A task of its own looks when a summary is due. It reads what happened in the span of time (`store`), works out what a reader is
//! told of it (`content`, pure) and has it written ([`crate::compose`]). The line of the ledger, the queued sends and the time of
//! the next summary are one commit, so that each summary comes once.

mod assumptions;
mod content;
mod named;
mod reader;
mod slipped;
mod stands;
mod task;
mod untold;

pub use self::content::{Content, Facts, Pages, content};
pub use self::reader::{EVERYBODY, Reader};
pub use self::task::{Gatherer, Summariser};

#[cfg(test)]
mod tests;
