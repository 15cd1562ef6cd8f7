//! What can happen: the kinds that rules ask for.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StatusCategory;

macro_rules! event_kinds {
    ($($variant:ident = $name:literal, $doc:literal, $happened:literal;)*) => {
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

            /// What happened, as a sentence without its full stop.
            #[must_use]
            pub fn happened(self) -> &'static str {
                match self { $(Self::$variant => $happened,)* }
            }
        }
    };
}

event_kinds! {
    PullRequestDraft = "pull_request.draft", "a pull request is opened as a draft, or converted to one",
        "A draft PR was opened";
    PullRequestOpened = "pull_request.opened", "a pull request is opened, ready from the start", "A PR was opened";
    PullRequestReady = "pull_request.ready", "a draft becomes ready for review", "A PR is ready for review";
    PullRequestMerged = "pull_request.merged", "a pull request is merged", "A PR was merged";
    PullRequestClosed = "pull_request.closed", "a pull request is closed without a merge",
        "A PR was closed without being merged";
    PullRequestReopened = "pull_request.reopened", "a closed pull request is opened again", "A PR was reopened";
    PullRequestPushed = "pull_request.pushed", "commits are pushed to a pull request", "Commits were pushed to a PR";
    PullRequestEdited = "pull_request.edited", "a pull request's title, description or base is edited",
        "A PR was edited";
    PullRequestLabeled = "pull_request.labeled", "a label is added to a pull request", "A label was added to a PR";
    PullRequestUnlabeled = "pull_request.unlabeled", "a label is taken off a pull request",
        "A label was removed from a PR";
    PullRequestAssigned = "pull_request.assigned", "a pull request is assigned to somebody", "A PR was assigned";
    PullRequestReviewRequested = "pull_request.review_requested", "somebody is asked for a review",
        "A review was requested";
    PullRequestApproved = "pull_request.approved", "a review approves a pull request", "A PR was approved";
    PullRequestChangesRequested = "pull_request.changes_requested", "a review asks for changes",
        "Changes were requested on a PR";
    PullRequestCommented = "pull_request.commented", "a comment, or a review that only comments",
        "There's a new comment on a PR";
    PullRequestOnTrack = "pull_request.on_track", "a push to an open draft, or a draft whose ticket moved forward",
        "A draft PR or its ticket moved forward";
    PullRequestStalled = "pull_request.stalled", "no activity on a pull request for the rule's `after`",
        "A PR has been quiet for a while";
    IssueOpened = "issue.opened", "a GitHub issue is opened", "An issue was opened";
    IssueClosed = "issue.closed", "a GitHub issue is closed", "An issue was closed";
    IssueReopened = "issue.reopened", "a GitHub issue is opened again", "An issue was reopened";
    IssueLabeled = "issue.labeled", "a label is added to a GitHub issue", "A label was added to an issue";
    IssueAssigned = "issue.assigned", "a GitHub issue is assigned to somebody", "An issue was assigned";
    IssueCommented = "issue.commented", "a comment on a GitHub issue", "There's a new comment on an issue";
    Push = "push", "commits are pushed to a branch", "Commits were pushed";
    ReleasePublished = "release.published", "a release is published", "A release was published";
    ReleasePromoted = "release.promoted", "a pre-release becomes a release", "A pre-release became a full release";
    DeploymentSucceeded = "deployment.succeeded", "a deployment succeeds", "A deployment succeeded";
    DeploymentFailed = "deployment.failed", "a deployment fails", "A deployment failed";
    WorkflowFailed = "workflow.failed", "a workflow run fails", "A workflow failed";
    WorkflowRecovered = "workflow.recovered", "a workflow that failed succeeds again", "A workflow is passing again";
    DiscussionCreated = "discussion.created", "a discussion is started", "A discussion was started";
    DiscussionAnswered = "discussion.answered", "a discussion gets its answer", "A discussion was answered";
    BranchCreated = "branch.created", "a branch is created", "A branch was created";
    BranchDeleted = "branch.deleted", "a branch is deleted", "A branch was deleted";
    TicketCreated = "ticket.created", "a ticket is created, or an issue opened", "A ticket was created";
    TicketTransitioned = "ticket.transitioned", "a ticket's status changes; an issue is reopened", "A ticket was moved to another status";
    TicketStarted = "ticket.started", "a ticket moves to a status in progress; an issue is assigned for the first time, or has a first pull request that closes it", "A ticket was started";
    TicketDone = "ticket.done", "a ticket moves to a status that is done; an issue is closed", "A ticket was closed";
    TicketAssigned = "ticket.assigned", "a ticket's assignee changes", "A ticket's assignee changed";
    TicketSlipped = "ticket.slipped", "a ticket's due date, fix version or milestone moves later",
        "A ticket was moved to a later date or version";
    TicketPulledIn = "ticket.pulled_in", "a ticket's due date, fix version or milestone moves earlier",
        "A ticket was moved to an earlier date or version";
    TicketPriorityChanged = "ticket.priority_changed", "a ticket's priority changes", "A ticket's priority changed";
    TicketFlagged = "ticket.flagged", "a ticket is flagged as impeded", "A ticket was flagged";
    TicketCommented = "ticket.commented", "a comment on a ticket", "There's a new comment on a ticket";
    TicketLinked = "ticket.linked", "a ticket is linked to another; an issue becomes a sub-issue", "A ticket was linked to another";
    TicketMoved = "ticket.moved", "a ticket gets another key; an issue is transferred", "A ticket has a new key";
    TicketUpdated = "ticket.updated", "anything else about a ticket changes", "A ticket was updated";
    TicketDeleted = "ticket.deleted", "a ticket is deleted", "A ticket was deleted";
    TicketQuiet = "ticket.quiet", "a ticket is in progress and nothing was said for the rule's `after`",
        "A ticket in progress has been quiet for a while";
    TicketDueSoon = "ticket.due_soon", "a ticket that isn't done is due within the rule's `before`", "A ticket is due soon";
    TicketOverdue = "ticket.overdue", "a ticket that isn't done was due the day before", "A ticket is overdue";
    SprintStarted = "sprint.started", "a sprint starts", "A sprint was started";
    SprintClosed = "sprint.closed", "a sprint is closed", "A sprint was closed";
    VersionReleased = "version.released", "a version is released in Jira", "A version was released in Jira";
    NoteAssumed = "note.assumed", "`/assume`: somebody assumed something that was not agreed",
        "An assumption was noted";
    NoteDecided = "note.decided", "`/decide`: a decision", "A decision was noted";
    NoteHeadsUp = "note.heads_up", "`/headsup`: something others should know", "A heads-up was given";
    NoteDelayed = "note.delayed", "`/delay`: something will be later", "A delay was announced";
    NoteBlocked = "note.blocked", "`/block`: somebody cannot go on", "A blocker was reported";
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
            Self::TicketDueSoon | Self::TicketOverdue => Some("deadline"),
            Self::WorkflowFailed | Self::WorkflowRecovered => Some("outcome"),
            Self::DeploymentSucceeded | Self::DeploymentFailed => Some("deployment"),
            Self::ReleasePublished | Self::ReleasePromoted => Some("release"),
            _ => None,
        }
    }

    /// A comment: those that one person makes on one subject in one go are told together.
    #[must_use]
    pub fn is_comment(self) -> bool {
        matches!(self, Self::PullRequestCommented | Self::IssueCommented | Self::TicketCommented)
    }

    /// Whether what undoes one occurrence of it names that occurrence, and may come first.
    #[must_use]
    pub fn can_be_undone_first(self) -> bool {
        self.is_comment()
            || matches!(
                self,
                Self::PullRequestApproved
                    | Self::PullRequestChangesRequested
                    | Self::ReleasePublished
                    | Self::ReleasePromoted
                    | Self::DiscussionAnswered
                    | Self::TicketLinked
            )
    }

    /// Notes are what a person chose to say: they are never superseded.
    #[must_use]
    pub fn is_note(self) -> bool {
        self.as_str().starts_with("note.")
    }

    /// It tells that nothing happened for a rule's `after`.
    #[must_use]
    pub fn is_of_silence(self) -> bool {
        matches!(self, Self::PullRequestStalled | Self::TicketQuiet)
    }

    /// It tells of a due date.
    #[must_use]
    pub fn is_of_due_date(self) -> bool {
        matches!(self, Self::TicketDueSoon | Self::TicketOverdue)
    }

    /// It comes with time: no webhook brings it, and it is nobody's action.
    #[must_use]
    pub fn is_timed(self) -> bool {
        self.is_of_silence() || self.is_of_due_date()
    }

    /// Whether it happens to tickets: Jira's, and GitHub's issues.
    #[must_use]
    pub fn is_of_ticket(self) -> bool {
        self.as_str().starts_with("ticket.")
    }

    /// What a ticket's move to another status is, by what that status means.
    #[must_use]
    pub fn of_status(category: Option<StatusCategory>) -> Self {
        match category {
            Some(StatusCategory::InProgress) => Self::TicketStarted,
            Some(StatusCategory::Done) => Self::TicketDone,
            Some(StatusCategory::Todo) | None => Self::TicketTransitioned,
        }
    }

    /// What a change of a ticket's date or version is, by how the old one compares with the new one: one that was set or removed
    /// hasn't moved.
    #[must_use]
    pub fn of_plan(order: Option<Ordering>) -> Self {
        match order {
            Some(Ordering::Less) => Self::TicketSlipped,
            Some(Ordering::Greater) => Self::TicketPulledIn,
            Some(Ordering::Equal) | None => Self::TicketUpdated,
        }
    }

    /// Whether a ticket was moved to later; `None` if it wasn't moved in time.
    #[must_use]
    pub fn slips(self) -> Option<bool> {
        match self {
            Self::TicketSlipped => Some(true),
            Self::TicketPulledIn => Some(false),
            _ => None,
        }
    }

    /// What something that happens to an issue is to rules on tickets. A rule on both kinds hears of it once.
    #[must_use]
    pub fn of_ticket(self) -> Option<Self> {
        match self {
            Self::IssueOpened => Some(Self::TicketCreated),
            Self::IssueClosed => Some(Self::TicketDone),
            Self::IssueReopened => Some(Self::TicketTransitioned),
            Self::IssueLabeled => Some(Self::TicketUpdated),
            Self::IssueAssigned => Some(Self::TicketAssigned),
            Self::IssueCommented => Some(Self::TicketCommented),
            _ => None,
        }
    }

    /// The kind that this one is a case of: a ticket that was started or done was also transitioned, and a release that
    /// was a pre-release is published as what it has become; a rule on the general kind hears of it too.
    #[must_use]
    pub fn general(self) -> Option<Self> {
        match self {
            Self::TicketStarted | Self::TicketDone => Some(Self::TicketTransitioned),
            Self::ReleasePromoted => Some(Self::ReleasePublished),
            _ => None,
        }
    }
}

/// How far a piece of work is when something of a kind happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindStage {
    /// It begins
    Opened,
    /// It goes on
    Updated,
    /// It is done, one way or the other
    Merged,
}

impl EventKind {
    /// How far the work is.
    #[must_use]
    pub fn stage(self) -> KindStage {
        match self {
            Self::PullRequestDraft
            | Self::PullRequestOpened
            | Self::PullRequestReopened
            | Self::IssueOpened
            | Self::IssueReopened
            | Self::DiscussionCreated
            | Self::BranchCreated
            | Self::TicketCreated
            | Self::TicketStarted
            | Self::SprintStarted => KindStage::Opened,
            Self::PullRequestMerged
            | Self::PullRequestClosed
            | Self::IssueClosed
            | Self::ReleasePublished
            | Self::ReleasePromoted
            | Self::DiscussionAnswered
            | Self::BranchDeleted
            | Self::TicketDone
            | Self::TicketDeleted
            | Self::SprintClosed
            | Self::VersionReleased => KindStage::Merged,
            _ => KindStage::Updated,
        }
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u64);

const _: () = assert!(EventKind::ALL.len() <= 64, "one bit a kind");

impl Kinds {
    /// Whether a kind is in it.
    #[must_use]
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether no kind is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in it, in the order of [`EventKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32))
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
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| format!("`{text}` isn't an event"))
    }
}
