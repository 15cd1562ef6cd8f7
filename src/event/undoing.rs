//! What takes back, restricts or renames something that was reported or waits.

use serde::{Deserialize, Serialize};

use super::{OccurrenceId, SubjectKey};

/// What an event that isn't news does to what was told, or waits to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// What it undoes
    pub of: Undoes,
    /// The reason why it is not told, as a sentence for the ledger
    pub because: String,
}

/// What an event undoes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoes {
    /// What waits to tell of an occurrence, by its [`super::Event::once`], which may yet be to come
    Occurrence(OccurrenceId, Undone),
    /// All that waits to be told of the subject
    Subject(Undone),
    /// Nothing by itself: the state that it brings decides what still holds
    Nothing,
}

/// What became of something that was to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// Its author put other words in it, which the undoing event has as its `comment`: they are told instead
    Edited,
    /// It is gone
    Deleted,
    /// Not everybody may read it any more
    Restricted,
    /// A review counts no more
    Dismissed,
    /// A release or an answer is none any more
    Unpublished,
}

/// A subject, or a repository with all that is in it, that has another name from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// What it was: a subject (`acme/api#7`, `DATA-1`), or a repository (`acme/api`)
    pub from: SubjectKey,
    /// What it is
    pub to: SubjectKey,
}

impl Undone {
    /// In words that go on with "by now" or "since".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Edited => "it says something else",
            Self::Deleted => "it was deleted",
            Self::Restricted => "it was restricted",
            Self::Dismissed => "it was dismissed",
            Self::Unpublished => "it was withdrawn",
        }
    }
}
