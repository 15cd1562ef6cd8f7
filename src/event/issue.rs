//! GitHub's issues, and what they are as tickets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, Stage, StatusCategory, Ticket, TicketKey};

/// A GitHub issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// Its number in the repository; 0 where no more than its id is known
    pub number: u64,
    /// What GitHub's API calls it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(skip)]
    pub id: Option<String>,
    /// Its title
    pub title: String,
    /// Its page
    pub url: String,
    /// Its state: open, closed and so on
    pub stage: Stage,
    /// Why it is closed: `completed`, `not_planned` or `duplicate`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state_reason: Option<String>,
    /// Who opened it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Actor>,
    /// Names of its labels
    #[serde(default)]
    pub labels: Vec<String>,
    /// Logins of those it is assigned to
    #[serde(default)]
    pub assignees: Vec<String>,
    /// The name of its type, such as `Bug`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub type_name: Option<String>,
    /// Its milestone
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub milestone: Option<Milestone>,
    /// The issue that it is a sub-issue of, such as `acme/api#7`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub parent: Option<TicketKey>,
    /// Where the work on it stands
    #[serde(skip_serializing_if = "Progress::is_unknown", default)]
    #[schemars(skip)]
    pub progress: Progress,
    /// The first paragraph of its text, at most 280 characters
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_summary: Option<String>,
    /// Its text as written, empty where there is none; templates don't see it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(skip)]
    pub body: Option<String>,
    /// Whether the repository is private
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private: Option<bool>,
    /// When GitHub last changed it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub updated_at: Option<Timestamp>,
}

/// A milestone of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// Its title
    pub title: String,
    /// The day on which it is due
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub due: Option<Date>,
}

/// Where the work on an issue stands, apart from whether it is open. No payload of the issue says it: it is kept from what
/// happened before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Whether it has begun: somebody was assigned, or opened a pull request that closes the issue
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<bool>,
    /// The name of its status on a project's board
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What that status means
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<StatusCategory>,
    /// The name of the status before a change of it; of the event, not of the state
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<String>,
    /// The due date, if a project has one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// The iteration that a project plans it for
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<String>,
    /// The values of a project's other fields, by their names in lower case; none of one that was emptied
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Vec<String>>,
    /// When projects last changed which of these
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Timestamp>,
    /// Whether this is all that is known of it: what is absent was removed
    #[serde(skip)]
    pub whole: bool,
    /// Whether its last change of date or milestone was to a later one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slipped: Option<bool>,
    /// The milestone that was removed last
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// A milestone that an issue was taken out of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The milestone
    pub milestone: Milestone,
    /// When
    pub at: Timestamp,
}

impl Progress {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl Issue {
    /// Whether work on it has begun, as far as we know. Somebody to whom it is assigned works on it.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.progress.begun.unwrap_or(!self.assignees.is_empty())
    }

    /// How far the work is. A closed issue is done, whatever a board says; how it ended is said by its resolution.
    #[must_use]
    pub fn category(&self) -> StatusCategory {
        match (self.stage, self.progress.category) {
            (Stage::Closed | Stage::Merged, _) => StatusCategory::Done,
            (Stage::Open, Some(category)) => category,
            (Stage::Open, None) if self.is_begun() => StatusCategory::InProgress,
            (Stage::Open, None) => StatusCategory::Todo,
        }
    }

    /// The day that it is due: a project's, or else its milestone's.
    #[must_use]
    pub fn due(&self) -> Option<Date> {
        self.progress.due.or_else(|| self.milestone.as_ref()?.due)
    }

    /// Whom it is assigned to.
    #[must_use]
    pub fn assigned(&self) -> Vec<Actor> {
        let person = |login: &String| Actor { login: login.clone(), name: login.clone(), url: None, bot: false };
        self.assignees.iter().map(person).collect()
    }

    /// Whether no more than its id is known.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.number == 0
    }

    /// The issue as a ticket with this key.
    #[must_use]
    pub fn ticket(&self, key: &str) -> Ticket {
        let state = if self.stage == Stage::Open { "open" } else { "closed" };
        let board = self.progress.status.clone().filter(|_| self.stage == Stage::Open);
        Ticket {
            url: Some(self.url.clone()),
            summary: Some(self.title.clone()),
            status: Some(board.unwrap_or_else(|| state.to_owned())),
            status_category: Some(self.category()),
            previous_status: self.progress.previous_status.clone(),
            resolution: self.state_reason.as_ref().map(|reason| reason.replace('_', " ")),
            slipped: self.progress.slipped,
            due: self.due(),
            assignee: self.assigned().into_iter().next(),
            reporter: self.author.clone(),
            type_name: self.type_name.clone(),
            labels: self.labels.clone(),
            parents: self.parent.as_ref().map(|parent| vec![parent.to_string()]),
            sprints: self.progress.iteration.clone().map(|iteration| vec![iteration]),
            fields: self.progress.fields.clone(),
            fix_versions: self.milestone.iter().map(|milestone| milestone.title.clone()).collect(),
            updated_at: self.updated_at,
            private: self.private != Some(false),
            ..Ticket::bare(key)
        }
    }

    /// An issue of which no more than this is known.
    #[must_use]
    pub fn bare(number: u64, title: &str, url: &str, stage: Stage) -> Self {
        Self {
            number,
            id: None,
            title: title.to_owned(),
            url: url.to_owned(),
            stage,
            state_reason: None,
            author: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            type_name: None,
            milestone: None,
            parent: None,
            progress: Progress::default(),
            body_summary: None,
            body: None,
            private: None,
            updated_at: None,
        }
    }
}
