//! What GitHub, Jira and Slack say when they are asked, for what their webhooks leave out.
//!
//! Every question has a deadline and a bound on the answer. Nothing here is needed for a message to go: who asks goes on
//! without an answer.

mod exchange;
pub mod github;
pub mod jira;
mod mask;
mod rest;
pub mod slack;
mod token;

use std::time::Duration;

pub use self::mask::Mask;
pub use self::rest::Rest;
pub use self::token::{ApiSettings, token, web_address};

/// A question that takes longer is given up.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// After a limit without a time, which is GitHub's own advice.
const REST: Duration = Duration::from_secs(60);
/// Nobody is left alone longer, whatever they say.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// Why there is no answer, in one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// There was none
    #[error("{0}")]
    Silent(String),
    /// It asks us to wait
    #[error("{peer} asked us to slow down for {} s", .wait.as_secs())]
    Limited {
        /// Who
        peer: &'static str,
        /// How long
        wait: Duration,
    },
    /// Our App cannot ask there
    #[error("the GitHub App is not installed for {owner}: install it there, with access to the repository")]
    NotInstalled {
        /// The organisation or user
        owner: String,
    },
    /// It says no
    #[error("{peer} answered {status}: {message}")]
    Refused {
        /// Who
        peer: &'static str,
        /// The HTTP status
        status: u16,
        /// What it says about it
        message: String,
    },
    /// It says what nobody can read
    #[error("{peer}'s answer cannot be read: {why}")]
    Unreadable {
        /// Who
        peer: &'static str,
        /// What is wrong with it
        why: String,
    },
}

impl ApiError {
    /// Whether what was asked for does not exist, or not for us.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 410, .. })
    }
}
