//! How things ended.

use serde::{Deserialize, Serialize};

/// How a thing ended, or where it stands. Serialises as the word that GitHub or Jira has for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A workflow or deployment succeeded
    Success,
    /// A workflow or deployment failed
    Failure,
    /// A deployment could not be made
    Error,
    /// A workflow took too long
    TimedOut,
    /// A workflow could not start
    StartupFailure,
    /// A branch, release, repository, sprint or version is gone
    Deleted,
    /// A release is a draft again, or a version isn't released any more
    Unpublished,
    /// A discussion has an answer
    Answered,
    /// A discussion has no answer any more
    Unanswered,
    /// A sprint runs
    Started,
    /// A sprint is over
    Closed,
    /// A word that an earlier version stored
    #[serde(untagged)]
    Other(String),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn outcomes_are_stored_as_before() {
        for (outcome, text) in [
            (Outcome::Success, "success"),
            (Outcome::Failure, "failure"),
            (Outcome::Error, "error"),
            (Outcome::TimedOut, "timed_out"),
            (Outcome::StartupFailure, "startup_failure"),
            (Outcome::Deleted, "deleted"),
            (Outcome::Unpublished, "unpublished"),
            (Outcome::Answered, "answered"),
            (Outcome::Unanswered, "unanswered"),
            (Outcome::Started, "started"),
            (Outcome::Closed, "closed"),
            (Outcome::Other("cancelled".to_owned()), "cancelled"),
        ] {
            assert_eq!(serde_json::to_value(&outcome).unwrap(), text);
            assert_eq!(serde_json::from_value::<Outcome>(text.into()).unwrap(), outcome);
        }
    }
}
