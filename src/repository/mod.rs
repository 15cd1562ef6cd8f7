//! What is done at repositories: the team files in them are read, and pull requests are looked at.
//!
//! Nothing here decides what is sent, and intake waits for none of it.

mod check;
mod lint;
mod nudge;
mod pulls;
mod sync;

pub use self::pulls::{PullRequests, Work};
pub use self::sync::RuleFiles;
