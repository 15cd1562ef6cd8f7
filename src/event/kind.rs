//! What can happen: the kinds that rules ask for.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    ReleasePromoted = "release.promoted", "a pre-release becomes a release";
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

    /// It tells that nothing happened for a rule's `after`; no webhook brings it.
    #[must_use]
    pub fn is_of_silence(self) -> bool {
        matches!(self, Self::PullRequestStalled | Self::TicketQuiet)
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
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| format!("`{text}` is no event"))
    }
}
