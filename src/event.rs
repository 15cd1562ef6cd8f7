//! The vocabulary: what happened, to what, by whom.
//!
//! Everything downstream of [`crate::source`] speaks in these types and never sees a provider's payload.
//! They serialise to JSON because the ledger keeps them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who sends us webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// GitHub, GitHub Enterprise Server
    Github,
    /// Jira Cloud, Jira Data Center
    Jira,
}

impl Source {
    /// The name used in routes, the database and `--json` output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Jira => "jira",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "github" => Ok(Self::Github),
            "jira" => Ok(Self::Jira),
            other => Err(format!("`{other}` is no source: it is `github` or `jira`")),
        }
    }
}

macro_rules! event_kinds {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// What happened. The names are what teams write in a rule's `on`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum EventKind {
            $(
                #[doc = $doc]
                #[serde(rename = $name)]
                $variant,
            )*
        }

        impl EventKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that teams write, such as `pull_request.merged`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One line of documentation.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

event_kinds! {
    PullRequestDraft = "pull_request.draft", "a pull request is opened as a draft, or converted to one";
    PullRequestOpened = "pull_request.opened", "a pull request is opened, ready from the start";
    PullRequestReady = "pull_request.ready", "a draft becomes ready for review";
    PullRequestMerged = "pull_request.merged", "a pull request is merged";
    PullRequestClosed = "pull_request.closed", "a pull request is closed without a merge";
    PullRequestReopened = "pull_request.reopened", "a closed pull request is opened again";
    PullRequestPushed = "pull_request.pushed", "commits are pushed to a pull request";
    PullRequestEdited = "pull_request.edited", "a pull request's title, description or base is edited";
    PullRequestLabeled = "pull_request.labeled", "a label is added to a pull request";
    PullRequestUnlabeled = "pull_request.unlabeled", "a label is taken off a pull request";
    PullRequestAssigned = "pull_request.assigned", "a pull request is assigned to somebody";
    PullRequestReviewRequested = "pull_request.review_requested", "somebody is asked for a review";
    PullRequestApproved = "pull_request.approved", "a review approves a pull request";
    PullRequestChangesRequested = "pull_request.changes_requested", "a review asks for changes";
    PullRequestCommented = "pull_request.commented", "a comment, or a review that only comments";
    PullRequestOnTrack = "pull_request.on_track", "a push to an open draft, or a draft whose ticket moved forward";
    PullRequestStalled = "pull_request.stalled", "no activity on a pull request for the rule's `after`";
    IssueOpened = "issue.opened", "a GitHub issue is opened";
    IssueClosed = "issue.closed", "a GitHub issue is closed";
    IssueReopened = "issue.reopened", "a GitHub issue is opened again";
    IssueLabeled = "issue.labeled", "a label is added to a GitHub issue";
    IssueAssigned = "issue.assigned", "a GitHub issue is assigned to somebody";
    IssueCommented = "issue.commented", "a comment on a GitHub issue";
    Push = "push", "commits are pushed to a branch";
    ReleasePublished = "release.published", "a release is published";
    DeploymentSucceeded = "deployment.succeeded", "a deployment succeeds";
    DeploymentFailed = "deployment.failed", "a deployment fails";
    WorkflowFailed = "workflow.failed", "a workflow run fails";
    WorkflowRecovered = "workflow.recovered", "a workflow that failed succeeds again";
    DiscussionCreated = "discussion.created", "a discussion is started";
    DiscussionAnswered = "discussion.answered", "a discussion gets its answer";
    BranchCreated = "branch.created", "a branch is created";
    BranchDeleted = "branch.deleted", "a branch is deleted";
    TicketCreated = "ticket.created", "a ticket is created";
    TicketTransitioned = "ticket.transitioned", "a ticket's status changes";
    TicketStarted = "ticket.started", "a ticket moves to a status in progress";
    TicketDone = "ticket.done", "a ticket moves to a status that is done";
    TicketAssigned = "ticket.assigned", "a ticket's assignee changes";
    TicketSlipped = "ticket.slipped", "a ticket's due date or fix version moves later";
    TicketPulledIn = "ticket.pulled_in", "a ticket's due date or fix version moves earlier";
    TicketPriorityChanged = "ticket.priority_changed", "a ticket's priority changes";
    TicketFlagged = "ticket.flagged", "a ticket is flagged as impeded";
    TicketCommented = "ticket.commented", "a comment on a ticket";
    TicketLinked = "ticket.linked", "a ticket is linked to another";
    TicketMoved = "ticket.moved", "a ticket gets another key";
    TicketUpdated = "ticket.updated", "anything else about a ticket changes";
    TicketDeleted = "ticket.deleted", "a ticket is deleted";
    TicketQuiet = "ticket.quiet", "a ticket is in progress and nothing was said for the rule's `after`";
    SprintStarted = "sprint.started", "a sprint starts";
    SprintClosed = "sprint.closed", "a sprint is closed";
    VersionReleased = "version.released", "a version is released in Jira";
    NoteAssumed = "note.assumed", "`/assume`: somebody assumed something that was not agreed";
    NoteDecided = "note.decided", "`/decide`: a decision";
    NoteHeadsUp = "note.heads_up", "`/headsup`: something others should know";
    NoteDelayed = "note.delayed", "`/delay`: something will be later";
    NoteBlocked = "note.blocked", "`/block`: somebody cannot go on";
}

impl EventKind {
    /// Milestones are states: a rule on one fires once for a subject (DESIGN §4).
    #[must_use]
    pub fn is_milestone(self) -> bool {
        self.milestone_rank().is_some()
    }

    /// How much a milestone of a pull request says, compared to the others: a higher one replaces a lower one
    /// that still waits. `None` for occurrences.
    #[must_use]
    pub fn milestone_rank(self) -> Option<u8> {
        match self {
            Self::PullRequestDraft => Some(0),
            Self::PullRequestOpened => Some(1),
            Self::PullRequestReopened | Self::PullRequestReady => Some(2),
            Self::PullRequestClosed => Some(3),
            Self::PullRequestMerged => Some(4),
            _ => None,
        }
    }

    /// Whether an update of this kind makes an older one about the same subject needless while that still waits.
    #[must_use]
    pub fn says_more_than(self, older: Self) -> bool {
        match (self.milestone_rank(), older.milestone_rank()) {
            (Some(new), Some(old)) => old < new,
            (Some(_), None) => matches!(
                older,
                Self::PullRequestPushed | Self::PullRequestOnTrack | Self::PullRequestStalled | Self::PullRequestEdited
            ),
            (None, Some(_)) => false,
            (None, None) => self.state().is_some_and(|state| older.state() == Some(state)),
        }
    }

    /// Whether it may take the place of an older one where only the newest is wanted: all but a milestone's, by what
    /// is none, and a note's.
    #[must_use]
    pub fn may_replace(self, older: Self) -> bool {
        !older.is_note() && !self.is_note() && (self.is_milestone() || !older.is_milestone())
    }

    /// Which state of its subject it tells of, for kinds of which only the latest counts.
    fn state(self) -> Option<&'static str> {
        match self {
            Self::PullRequestPushed => Some("commits"),
            Self::PullRequestOnTrack | Self::PullRequestStalled => Some("progress"),
            Self::TicketTransitioned | Self::TicketStarted | Self::TicketDone => Some("status"),
            Self::TicketSlipped | Self::TicketPulledIn => Some("due"),
            Self::TicketPriorityChanged => Some("priority"),
            Self::TicketAssigned => Some("assignee"),
            Self::WorkflowFailed | Self::WorkflowRecovered => Some("outcome"),
            _ => None,
        }
    }

    /// Notes are what a person chose to say: they are never superseded.
    #[must_use]
    pub fn is_note(self) -> bool {
        self.as_str().starts_with("note.")
    }

    /// It tells that nothing happened for a rule's `after`; no webhook brings it.
    #[must_use]
    pub fn is_of_silence(self) -> bool {
        matches!(self, Self::PullRequestStalled | Self::TicketQuiet)
    }

    /// The kind that this one is a case of: a ticket that was started or done was also transitioned, so a rule
    /// on the general kind hears of it too.
    #[must_use]
    pub fn general(self) -> Option<Self> {
        match self {
            Self::TicketStarted | Self::TicketDone => Some(Self::TicketTransitioned),
            _ => None,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| format!("`{text}` is no event"))
    }
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// GitHub login, Jira account id, or user name on Jira Data Center
    pub login: String,
    /// The name to show; the login where there is no other
    pub name: String,
    /// Their page
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// A machine: GitHub type `Bot` or a login that ends in `[bot]`, Jira account type `app`
    #[serde(default)]
    pub bot: bool,
}

/// A Jira ticket's key, such as `DATA-123`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TicketKey(String);

impl TicketKey {
    /// The key as Jira writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project's part: `DATA` of `DATA-123`.
    #[must_use]
    pub fn project(&self) -> &str {
        self.0.rsplit_once('-').map_or(self.0.as_str(), |(project, _)| project)
    }
}

impl fmt::Display for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TicketKey {
    type Err = String;

    /// Accepts a project key of capital letters, digits and underscores that starts with a letter (Jira's default
    /// pattern), a hyphen, and a number without a leading zero.
    fn from_str(text: &str) -> Result<Self, String> {
        let valid = text.rsplit_once('-').is_some_and(|(project, number)| {
            project.len() >= 2
                && project.starts_with(|c: char| c.is_ascii_uppercase())
                && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && !number.is_empty()
                && number.len() <= 9
                && !number.starts_with('0')
                && number.bytes().all(|b| b.is_ascii_digit())
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(format!("`{text}` is no ticket key such as DATA-123")) }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Who told us
    pub source: Source,
    /// What happened
    pub kind: EventKind,
    /// `owner/repo`, or a Jira project key; empty where Jira names no project
    pub scope: String,
    /// Who did it; `None` where the payload has nobody (deleted accounts, some Jira events)
    pub actor: Option<Actor>,
    /// When it happened, as the source says; else when it arrived
    pub at: Timestamp,
    /// Where to read more: the comment, the review, or the subject itself
    pub url: Option<String>,
    /// Names the subject: `owner/repo#45`, `DATA-123`
    pub subject: String,
    /// What the payload says of the subject
    pub about: About,
    /// Ticket keys, the primary one first
    #[serde(default)]
    pub tickets: Vec<TicketKey>,
    /// What changed, for kinds that are a change of one thing
    #[serde(default)]
    pub change: Option<Change>,
    /// The note, for `note.*`
    #[serde(default)]
    pub note: Option<Note>,
    /// What was written, for comments and reviews
    #[serde(default)]
    pub comment: Option<Comment>,
    /// Whether its repository is private, as the payload says
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private: Option<bool>,
    /// Names this occurrence where the same one can reach us in two different deliveries (a Jira comment, a note
    /// in a description): the second is not news
    #[serde(default)]
    pub once: Option<String>,
    /// What the names of all notes in a text begin with, where the text was edited and its delivery doesn't say what it
    /// was before: its notes follow this event, and what they change is for whoever knows the earlier ones to say
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retold: Option<String>,
    /// The files that it changes, sorted; `None` where they are not known
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paths: Option<Vec<String>>,
}

impl Event {
    /// Whether it comes from a repository that not everybody may see. One that is not known to be public is private.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let known = [self.private, self.about.private()];
        let in_repository =
            self.source == Source::Github || matches!(self.about, About::PullRequest(_) | About::Issue(_));
        in_repository && (known.contains(&Some(true)) || !known.contains(&Some(false)))
    }

    /// Without the description, which is kept once with the subject and not again with each of its events.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        match &mut self.about {
            About::PullRequest(pr) => pr.body = None,
            About::Issue(issue) => issue.body = None,
            About::Ticket(_) | About::Thing(_) => {}
        }
        self
    }
}

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
            Self::Issue(_) | Self::Ticket(_) | Self::Thing(_) => None,
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
    /// Where it is in its life
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
    /// Names of its labels
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub labels: Option<Vec<String>>,
    /// Logins of those it is assigned to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assignees: Option<Vec<String>>,
    /// Whose review is asked for and not given yet: logins, and slugs of teams
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reviewers: Option<Vec<String>>,
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
    /// The first 16 KiB of the description as written, empty where there is none; templates don't see it
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

/// A GitHub issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// Its number in the repository
    pub number: u64,
    /// Its title
    pub title: String,
    /// Its page
    pub url: String,
    /// Where it is in its life
    pub stage: Stage,
    /// Who opened it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Actor>,
    /// Names of its labels
    #[serde(default)]
    pub labels: Vec<String>,
    /// Logins of those it is assigned to
    #[serde(default)]
    pub assignees: Vec<String>,
    /// The first paragraph of its text, at most 280 characters
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_summary: Option<String>,
    /// The first 16 KiB of its text as written, empty where there is none; templates don't see it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(skip)]
    pub body: Option<String>,
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

/// A Jira ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Its key; Jira's numeric id where an event (a link, an old comment) names no key and none is known
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
    /// The name of its status
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<String>,
    /// The group of its status
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status_category: Option<StatusCategory>,
    /// The name of the status before this one, for transitions
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_status: Option<String>,
    /// Its due date
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub due: Option<Date>,
    /// Who has it
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
    /// Names of the versions it is to be fixed in
    #[serde(default)]
    pub fix_versions: Vec<String>,
    /// Names of the components it is about
    #[serde(default)]
    pub components: Vec<String>,
    /// When Jira last changed it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub updated_at: Option<Timestamp>,
}

/// What a [`Thing`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThingKind {
    /// A release on GitHub
    Release,
    /// A deployment
    Deployment,
    /// A workflow on a branch
    Workflow,
    /// A discussion
    Discussion,
    /// A branch
    Branch,
    /// A push to a branch
    Push,
    /// A sprint in Jira
    Sprint,
    /// A version in Jira
    Version,
}

/// What needs no type of its own: it has a name, a page and perhaps a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thing {
    /// What it is
    pub kind: ThingKind,
    /// One line to call it by: the release's name, the workflow's, the head commit's subject
    pub title: String,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The branch or tag it belongs to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch: Option<String>,
    /// The environment that a deployment went to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// How it ended: `success`, `failure`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<String>,
    /// The first paragraph of its text, at most 280 characters
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_summary: Option<String>,
    /// When the source last changed it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub updated_at: Option<Timestamp>,
}

/// A change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What changed: `status`, `due`, `label`, `title`, `base`, `assignee`, `reviewer`, `commits`, …
    pub field: String,
    /// What it was; absent where it was nothing
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// What it is now; absent where it is nothing
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
}

/// What somebody said with a slash command, such as `/assume the id is never reused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// `assumed`, `decided`, `heads_up`, `delayed` or `blocked`
    pub kind: String,
    /// The line without its command
    pub text: String,
    /// Where it was said
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Who said it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Actor>,
    /// Whether it was told in other words before
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub edited: bool,
    /// Whether its author took it back: the text is what it was
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub taken_back: bool,
    /// Names the note whose place it takes, or that is taken back
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<String>,
}

impl Note {
    /// The name of a note without the time of the edit that told it: `KIND:DIGEST@TIME` names the same words in the same
    /// place as `KIND:DIGEST`.
    #[must_use]
    pub fn name(once: &str) -> &str {
        once.rsplit_once('@').map_or(once, |(name, _)| name)
    }
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// Its first paragraph as plain text, at most 280 characters
    pub summary: String,
    /// Where it is
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse::<EventKind>().as_ref(), Ok(kind));
        }
    }

    #[test]
    fn ticket_keys() {
        for good in ["DATA-123", "A2-1", "MY_PROJ-99"] {
            assert!(good.parse::<TicketKey>().is_ok(), "{good}");
        }
        for bad in ["", "DATA", "data-1", "D-1", "1A-1", "DATA-", "DATA-0", "DATA-012", "DATA-1x", "DATA-12345678901"] {
            assert!(bad.parse::<TicketKey>().is_err(), "{bad}");
        }
    }
}
