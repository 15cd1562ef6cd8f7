//! The APIs of GitHub, Jira and Slack, for what their webhooks leave out. Messages and comments are sent by
//! [`crate::channel`].
//!
//! Every request has limits on time and size. No message depends on it: callers go on without a response.

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

/// The time limit for a request.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// The longest response that is read, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// The pause after a rate limit without a time, as GitHub advises.
const REST: Duration = Duration::from_secs(60);
/// The longest pause, whatever the API says.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// Why a request failed, in one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// There was no response
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
    /// Our App isn't installed there
    #[error("the GitHub App is not installed for {owner}: install it there, with access to the repository")]
    NotInstalled {
        /// The organisation or user
        owner: String,
    },
    /// It refused the request
    #[error("{peer} answered {status}: {message}")]
    Refused {
        /// Who
        peer: &'static str,
        /// The HTTP status
        status: u16,
        /// What it says about it
        message: String,
    },
    /// Its response can't be read
    #[error("{peer}'s answer cannot be read: {why}")]
    Unreadable {
        /// Who
        peer: &'static str,
        /// What is wrong with it
        why: String,
    },
}

impl ApiError {
    /// Whether the thing doesn't exist, or can't be seen.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 410, .. })
    }
}
