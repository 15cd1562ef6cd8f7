//! What the fields of GitHub's projects mean.

use std::collections::BTreeMap;

use super::StatusCategory;

/// The fields of a project, by the names that they have there. The defaults are those of GitHub's templates for projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The field with the status
    pub status: String,
    /// The field with the date on which work starts
    pub start: String,
    /// The field with the date on which it is due
    pub due: String,
    /// The statuses of what has not begun
    pub todo: Vec<String>,
    /// The statuses of what is done; work is in progress in all others
    pub done: Vec<String>,
}

impl Default for Board {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            status: "Status".to_owned(),
            start: "Start date".to_owned(),
            due: "Target date".to_owned(),
            todo: names(&["Todo", "To triage", "Backlog", "Ready"]),
            done: names(&["Done"]),
        }
    }
}

impl Board {
    /// What a status means.
    #[must_use]
    pub fn category(&self, status: &str) -> StatusCategory {
        let among = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(status));
        match () {
            () if among(&self.done) => StatusCategory::Done,
            () if among(&self.todo) => StatusCategory::Todo,
            () => StatusCategory::InProgress,
        }
    }
}

/// The projects that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boards {
    /// By `owner/number` in small letters; if there are none, every project counts
    pub named: BTreeMap<String, Board>,
    /// Of those that have no name here
    pub other: Board,
}

impl Boards {
    /// A project, by `owner/number`; `None` if it doesn't count.
    #[must_use]
    pub fn of(&self, project: &str) -> Option<&Board> {
        if self.named.is_empty() { Some(&self.other) } else { self.named.get(&project.to_lowercase()) }
    }
}
