//! What became of an attempt to send a message.

use std::time::Duration;

use super::line;

/// What became of an attempt. Errors are one short line without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other end has it
    Sent {
        /// The message's reference at the other end, for replies
        reference: Option<String>,
        /// Whether the conversation continues from this message, because its first one is gone or can't be answered or
        /// changed any more
        anew: bool,
    },
    /// It was refused, and may be accepted later
    Transient {
        /// Why
        error: String,
        /// How long the other end asks microalign to wait
        retry_after: Option<Duration>,
    },
    /// It will never be accepted
    Permanent {
        /// Why
        error: String,
    },
    /// It will never be accepted, because the address doesn't exist or takes no mail
    NoMailbox {
        /// Why
        error: String,
    },
    /// There was no answer: it may have been delivered
    Ambiguous {
        /// Why
        error: String,
        /// How long the other end asks microalign to wait
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Its name, for counting.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Transient { .. } => "transient",
            Self::Permanent { .. } | Self::NoMailbox { .. } => "permanent",
            Self::Ambiguous { .. } => "ambiguous",
        }
    }

    /// What the other end said, or why it said nothing; `None` if it has the message.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Sent { .. } => None,
            Self::Transient { error, .. }
            | Self::Permanent { error }
            | Self::NoMailbox { error }
            | Self::Ambiguous { error, .. } => Some(error),
        }
    }

    /// How long the other end asks microalign to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transient { retry_after, .. } | Self::Ambiguous { retry_after, .. } => *retry_after,
            Self::Sent { .. } | Self::Permanent { .. } | Self::NoMailbox { .. } => None,
        }
    }

    pub(super) fn map_error(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Sent { .. } => self,
            Self::Transient { error, retry_after } => Self::Transient { error: change(error), retry_after },
            Self::Ambiguous { error, retry_after } => Self::Ambiguous { error: change(error), retry_after },
            Self::Permanent { error } => Self::Permanent { error: change(error) },
            Self::NoMailbox { error } => Self::NoMailbox { error: change(error) },
        }
    }

    pub(super) fn sent(reference: Option<String>) -> Self {
        Self::Sent { reference, anew: false }
    }

    /// Sets whether the conversation continues from this message, if it was sent.
    pub(super) fn anew(self, anew: bool) -> Self {
        match self {
            Self::Sent { reference, .. } => Self::Sent { reference, anew },
            other => other,
        }
    }

    pub(super) fn transient(error: impl AsRef<str>) -> Self {
        Self::Transient { error: line(error.as_ref()), retry_after: None }
    }

    pub(super) fn permanent(error: impl AsRef<str>) -> Self {
        Self::Permanent { error: line(error.as_ref()) }
    }

    /// It may have arrived all the same.
    pub fn ambiguous(error: impl AsRef<str>) -> Self {
        Self::Ambiguous { error: line(error.as_ref()), retry_after: None }
    }
}
