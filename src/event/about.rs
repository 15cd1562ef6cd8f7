//! What an event can be about, and the state of that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, Issue, Thing};

/// What an event is about, as far as its payload says. Fields that a payload leaves out are `None`, and
/// [`crate::track`] fills them from what is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum About {
    /// A pull request
    PullRequest(PullRequest),
    /// A GitHub issue
    Issue(Issue),
    /// A Jira ticket
    Ticket(Ticket),
    /// A release, deployment, workflow, discussion, branch, push, sprint or version
    Thing(Thing),
}

impl About {
    /// One line to call it by.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::PullRequest(pr) => &pr.title,
            Self::Issue(issue) => &issue.title,
            Self::Ticket(ticket) => ticket.summary.as_deref().unwrap_or(&ticket.key),
            Self::Thing(thing) => &thing.title,
        }
    }

    /// Whether it is an issue of which no more than its id is known.
    #[must_use]
    pub fn is_unnamed_issue(&self) -> bool {
        matches!(self, Self::Issue(issue) if issue.is_unnamed())
    }

    /// Its own page.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::PullRequest(pr) => Some(&pr.url),
            Self::Issue(issue) => Some(&issue.url),
            Self::Ticket(ticket) => ticket.url.as_deref(),
            Self::Thing(thing) => thing.url.as_deref(),
        }
    }

    /// Whether its repository is private, if it says so.
    #[must_use]
    pub fn private(&self) -> Option<bool> {
        match self {
            Self::PullRequest(pr) => pr.private,
            Self::Issue(issue) => issue.private,
            Self::Ticket(_) | Self::Thing(_) => None,
        }
    }

    /// The day that it is due, if it says so.
    #[must_use]
    pub fn due(&self) -> Option<Date> {
        match self {
            Self::Ticket(ticket) => ticket.due,
            Self::Issue(issue) => issue.due(),
            Self::PullRequest(_) | Self::Thing(_) => None,
        }
    }

    /// When the source last changed it: tells an old state from a new one.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        match self {
            Self::PullRequest(pr) => pr.updated_at,
            Self::Issue(issue) => issue.updated_at,
            Self::Ticket(ticket) => ticket.updated_at,
            Self::Thing(thing) => thing.updated_at,
        }
    }
}

/// Where a pull request or issue is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Not closed
    Open,
    /// Closed, not merged
    Closed,
    /// Merged
    Merged,
}

/// A pull request. The `Option`s are absent in comment events and on old servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequest {
    /// Its number in the repository
    pub number: u64,
    /// Its title
    pub title: String,
    /// Its page
    pub url: String,
    /// Its state: open, closed and so on
    pub stage: Stage,
    /// Who opened it; absent for a deleted account
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Actor>,
    /// Whether it is a draft
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub draft: Option<bool>,
    /// The branch it goes into
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<String>,
    /// The branch it comes from
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<String>,
    /// The commit that it ends with
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head_sha: Option<String>,
    /// Names of its labels
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub labels: Option<Vec<String>>,
    /// Logins of those it is assigned to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assignees: Option<Vec<String>>,
    /// Reviewers who were asked and haven't reviewed yet: logins, and slugs of teams
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reviewers: Option<Vec<String>>,
    /// Which of them are teams
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reviewing_teams: Vec<String>,
    /// Lines added
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub additions: Option<u64>,
    /// Lines deleted
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deletions: Option<u64>,
    /// Number of files changed
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed_files: Option<u64>,
    /// The first paragraph of the description, at most 280 characters
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_summary: Option<String>,
    /// The description as written, empty where there is none; templates don't see it
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

/// Jira's three groups of statuses; the names of statuses are each team's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusCategory {
    /// Not started (Jira's `new`)
    Todo,
    /// In progress (Jira's `indeterminate`)
    InProgress,
    /// Done
    Done,
}

/// A ticket in Jira, or an issue on GitHub as rules and templates for tickets see it ([`Issue::ticket`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Its key, such as `DATA-123` or `acme/api#12`; Jira's numeric id where an event (a link, an old comment) names no key
    /// and none is known
    pub key: String,
    /// Jira's numeric id
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Its title
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub summary: Option<String>,
    /// The name of its status; of an issue, `open` or `closed` unless a project says more
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<String>,
    /// The group of its status
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status_category: Option<StatusCategory>,
    /// The name of the status before this one, for transitions
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_status: Option<String>,
    /// Its resolution, in the words of the site, such as `Done` or `Won't Do`; of an issue, `completed`, `not planned` or
    /// `duplicate`. Absent while it is open
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resolution: Option<String>,
    /// The key of the ticket that it is a duplicate of, if a link says so
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duplicate_of: Option<String>,
    /// Whether the last change of its due date or fix version was to a later one
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slipped: Option<bool>,
    /// Whether it is flagged as impeded
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub flagged: Option<bool>,
    /// When it was flagged
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub flagged_at: Option<Timestamp>,
    /// Whether it has a security level, so that only some people may see it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restricted: Option<bool>,
    /// Its due date
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub due: Option<Date>,
    /// Who it is assigned to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assignee: Option<Actor>,
    /// Who reported it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reporter: Option<Actor>,
    /// The name of its priority
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub priority: Option<String>,
    /// The name of its type, such as `Bug`
    #[serde(rename = "type_name", skip_serializing_if = "Option::is_none", default)]
    pub type_name: Option<String>,
    /// Its labels
    #[serde(default)]
    pub labels: Vec<String>,
    /// Names of its fix versions; of an issue, its milestone
    #[serde(default)]
    pub fix_versions: Vec<String>,
    /// Names of its components
    #[serde(default)]
    pub components: Vec<String>,
    /// The keys of its epic, and of the ticket that it is a sub-task of; of an issue, the one that it is a sub-issue of
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parents: Option<Vec<String>>,
    /// Names of the sprints that it is in; of an issue, the iteration that a project plans it for
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sprints: Option<Vec<String>>,
    /// The values of the site's own fields that rules ask for, by the name that they use, in lower case; templates don't see
    /// them. A field that is missing here isn't known
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    #[schemars(skip)]
    pub fields: BTreeMap<String, Vec<String>>,
    /// When Jira or GitHub last changed it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub updated_at: Option<Timestamp>,
    /// Whether it is an issue of a repository that is not known to be public. It is not kept with the ticket.
    #[serde(skip)]
    pub private: bool,
}

impl PullRequest {
    /// Its reviewers without teams, by login.
    pub fn reviewing_people(&self) -> impl Iterator<Item = &String> {
        self.reviewers.iter().flatten().filter(|name| !self.reviewing_teams.contains(name))
    }
}

impl Ticket {
    /// A ticket of which no more than the key is known.
    #[must_use]
    pub fn bare(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            id: None,
            url: None,
            summary: None,
            status: None,
            status_category: None,
            previous_status: None,
            resolution: None,
            duplicate_of: None,
            slipped: None,
            flagged: None,
            flagged_at: None,
            restricted: None,
            due: None,
            assignee: None,
            reporter: None,
            priority: None,
            type_name: None,
            labels: Vec::new(),
            fix_versions: Vec::new(),
            components: Vec::new(),
            parents: None,
            sprints: None,
            fields: BTreeMap::new(),
            updated_at: None,
            private: false,
        }
    }

    /// The ticket as those see it who may know no more of it than that it exists.
    #[must_use]
    pub fn key_and_link(&self) -> Self {
        Self { url: self.url.clone(), restricted: self.restricted, ..Self::bare(&self.key) }
    }
}

/// Whether it is Jira's id of a field that a site added, such as `customfield_10012`, and not a name.
#[must_use]
pub fn is_field_id(text: &str) -> bool {
    let number = text.strip_prefix("customfield_");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}
