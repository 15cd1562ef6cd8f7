//! Whether what an event reported is still true, for every kind of event (docs/concepts/undoing.md).

use jiff::civil::Date;

use crate::event::{
    About, Event, EventKind, Issue, Outcome, PullRequest, Stage, StatusCategory, Thing, ThingKind, Ticket,
};
use crate::reason::Reason;

use super::{Known, ReviewState};

/// Whether an update of a kind may still be sent, by what is known of its subject now.
///
/// # Errors
/// What undid it.
pub fn stands(kind: EventKind, event: &Event, now: &Known) -> Result<(), Reason> {
    if let Some(how) = now.gone.filter(|_| kind != EventKind::TicketDeleted) {
        return Err(Reason::GoneByNow { how });
    }
    if !holds(kind, &now.about) {
        return Err(state_by_now(&now.about));
    }
    match &now.about {
        About::Issue(issue) => match event.kind {
            EventKind::IssueLabeled => listed(to(event), &issue.labels, "the label"),
            EventKind::IssueAssigned => listed(to(event), &issue.assignees, "the assignment to"),
            kind => ticket(kind, event, &issue.ticket(&event.subject)),
        },
        _ if kind != event.kind => Ok(()),
        About::PullRequest(pr) => pull_request(kind, event, (pr, now)),
        About::Ticket(ticket) => self::ticket(kind, event, ticket),
        About::Thing(thing) => self::thing(kind, event, thing),
    }
}

fn state_by_now(about: &About) -> Reason {
    Reason::StateByNow { state: standing(about).to_owned() }
}

fn to(event: &Event) -> Option<&str> {
    event.change.as_ref()?.to.as_deref()
}

fn from(event: &Event) -> Option<&str> {
    event.change.as_ref()?.from.as_deref()
}

/// What was put into a list is still in it.
fn listed(value: Option<&str>, list: &[String], what: &str) -> Result<(), Reason> {
    let is_in = value.is_none_or(|value| list.iter().any(|other| other.eq_ignore_ascii_case(value)));
    if is_in { Ok(()) } else { Err(Reason::RemovedByNow { what: format!("{what} {}", value.unwrap_or_default()) }) }
}

fn pull_request(kind: EventKind, event: &Event, (pr, now): (&PullRequest, &Known)) -> Result<(), Reason> {
    let list = |list: &Option<Vec<String>>, value, what| list.as_ref().map_or(Ok(()), |list| listed(value, list, what));
    let is_open = || match pr.stage {
        Stage::Open => Ok(()),
        Stage::Closed | Stage::Merged => Err(state_by_now(&now.about)),
    };
    match kind {
        EventKind::PullRequestApproved => is_open().and_then(|()| now.reviews.stands(event, ReviewState::Approved, pr)),
        EventKind::PullRequestChangesRequested => {
            is_open().and_then(|()| now.reviews.stands(event, ReviewState::ChangesRequested, pr))
        }
        EventKind::PullRequestReviewRequested => {
            is_open().and_then(|()| list(&pr.reviewers, to(event), "the request for a review by"))
        }
        EventKind::PullRequestLabeled => list(&pr.labels, to(event), "the label"),
        EventKind::PullRequestUnlabeled => match (from(event), &pr.labels) {
            (Some(label), Some(labels)) if labels.iter().any(|other| other.eq_ignore_ascii_case(label)) => {
                Err(Reason::LabelBackByNow { label: label.to_owned() })
            }
            _ => Ok(()),
        },
        EventKind::PullRequestAssigned => list(&pr.assignees, to(event), "the assignment to"),
        EventKind::PullRequestEdited => match event.change.as_ref() {
            Some(change) if change.field == "title" => same(to(event), Some(&pr.title), "title"),
            Some(change) if change.field == "base" => same(to(event), pr.base.as_deref(), "base"),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What was changed is what it was changed to.
fn same(told: Option<&str>, now: Option<&str>, what: &str) -> Result<(), Reason> {
    match (told, now) {
        (Some(told), Some(now)) if told != now => Err(Reason::ChangedAgainByNow { what: what.to_owned() }),
        (Some(_), None) => Err(Reason::ClearedByNow { what: what.to_owned() }),
        _ => Ok(()),
    }
}

fn ticket(kind: EventKind, event: &Event, ticket: &Ticket) -> Result<(), Reason> {
    let field = event.change.as_ref().map_or("", |change| change.field.as_str());
    match kind {
        EventKind::TicketFlagged if ticket.flagged == Some(false) => Err(Reason::FlagLoweredByNow),
        EventKind::TicketSlipped | EventKind::TicketPulledIn if field == "due" => match ticket.due {
            Some(due) => same(to(event), Some(&due.to_string()), "due date"),
            None => Ok(()),
        },
        EventKind::TicketSlipped | EventKind::TicketPulledIn if field == "fix_version" => {
            listed(to(event), &ticket.fix_versions, "the fix version")
        }
        EventKind::TicketDueSoon | EventKind::TicketOverdue => {
            let day = |due: Option<Date>| due.map(|due| due.to_string());
            same(day(event.about.due()).as_deref(), day(ticket.due).as_deref(), "due date")
        }
        EventKind::TicketPriorityChanged => match &ticket.priority {
            Some(priority) => same(to(event), Some(priority), "priority"),
            None => Ok(()),
        },
        EventKind::TicketAssigned => match (&ticket.assignee, to(event)) {
            (Some(now), Some(to)) if ![&now.name, &now.login].iter().any(|name| name.eq_ignore_ascii_case(to)) => {
                Err(Reason::ReassignedByNow)
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Of the tries of one release, of a workflow's run and of what was deployed to one place, the last one counts.
fn thing(kind: EventKind, event: &Event, now: &Thing) -> Result<(), Reason> {
    let About::Thing(told) = &event.about else { return Ok(()) };
    let another = now.id.is_some() && told.id.is_some() && now.id != told.id && now.updated_at >= told.updated_at;
    match kind {
        EventKind::ReleasePublished | EventKind::ReleasePromoted if another => Err(Reason::PublishedAgainByNow),
        EventKind::ReleasePublished if told.prerelease == Some(true) && now.prerelease == Some(false) => {
            Err(Reason::FullReleaseByNow)
        }
        EventKind::ReleasePromoted if now.prerelease == Some(true) => Err(Reason::PrereleaseByNow),
        EventKind::DeploymentSucceeded if has_failed(told, now) => Err(Reason::FailedByNow),
        EventKind::DeploymentFailed if another => Err(Reason::LaterDeployment),
        _ => Ok(()),
    }
}

/// Whether a milestone, or the start or end of a ticket, an issue, a workflow's failure or a branch, is (still) the state
/// that its subject is in. Other occurrences always hold.
#[must_use]
pub fn holds(kind: EventKind, about: &About) -> bool {
    let pr = match about {
        About::PullRequest(pr) => pr,
        About::Issue(issue) => {
            return match kind {
                EventKind::IssueOpened | EventKind::IssueReopened => issue.stage == Stage::Open,
                EventKind::IssueClosed => issue.stage != Stage::Open,
                EventKind::TicketQuiet | EventKind::TicketStarted => issue.category() == StatusCategory::InProgress,
                EventKind::TicketDone => issue.category() == StatusCategory::Done,
                EventKind::TicketDueSoon | EventKind::TicketOverdue => issue.category() != StatusCategory::Done,
                _ => true,
            };
        }
        About::Ticket(ticket) => {
            let stands = ticket.status_category;
            return match kind {
                EventKind::TicketQuiet => stands == Some(StatusCategory::InProgress),
                EventKind::TicketStarted => stands.is_none_or(|stands| stands == StatusCategory::InProgress),
                EventKind::TicketDone => stands.is_none_or(|stands| stands == StatusCategory::Done),
                EventKind::TicketDueSoon | EventKind::TicketOverdue => stands != Some(StatusCategory::Done),
                _ => true,
            };
        }
        About::Thing(thing) => {
            let outcome = thing.outcome.as_ref();
            return match kind {
                EventKind::WorkflowFailed => outcome != Some(&Outcome::Success),
                EventKind::WorkflowRecovered => outcome.is_none_or(|outcome| *outcome == Outcome::Success),
                EventKind::BranchCreated => outcome != Some(&Outcome::Deleted),
                EventKind::ReleasePublished | EventKind::ReleasePromoted => {
                    !matches!(outcome, Some(Outcome::Deleted | Outcome::Unpublished))
                }
                EventKind::DiscussionAnswered => outcome != Some(&Outcome::Unanswered),
                EventKind::SprintStarted => outcome != Some(&Outcome::Closed),
                EventKind::SprintClosed => outcome != Some(&Outcome::Started),
                _ => true,
            };
        }
    };
    let draft = pr.draft == Some(true);
    match kind {
        EventKind::PullRequestDraft => pr.stage == Stage::Open && draft,
        EventKind::PullRequestOpened | EventKind::PullRequestReady => pr.stage == Stage::Open && !draft,
        EventKind::PullRequestReopened | EventKind::PullRequestStalled | EventKind::PullRequestOnTrack => {
            pr.stage == Stage::Open
        }
        EventKind::PullRequestClosed => pr.stage == Stage::Closed,
        EventKind::PullRequestMerged => pr.stage == Stage::Merged,
        _ => true,
    }
}

/// A word for where a subject is, for reasons: `merged`, `closed`, `a draft`, `ready`, `in progress`.
#[must_use]
pub fn standing(about: &About) -> &'static str {
    match about {
        About::PullRequest(pr) => match (pr.stage, pr.draft) {
            (Stage::Merged, _) => "merged",
            (Stage::Closed, _) => "closed",
            (Stage::Open, Some(true)) => "a draft",
            (Stage::Open, _) => "ready",
        },
        About::Ticket(ticket) => match ticket.status_category {
            Some(StatusCategory::Todo) => "to do",
            Some(StatusCategory::InProgress) => "in progress",
            Some(StatusCategory::Done) => "done",
            None => "known",
        },
        About::Issue(Issue { stage: Stage::Open, .. }) => "open",
        About::Issue(_) => "closed",
        About::Thing(thing) => match &thing.outcome {
            Some(Outcome::Success) => "successful",
            Some(Outcome::Deleted) => "deleted",
            Some(Outcome::Unpublished) => "a draft again",
            Some(Outcome::Answered) => "answered",
            Some(Outcome::Unanswered) => "unanswered",
            Some(Outcome::Closed) => "closed",
            Some(Outcome::Started) => "started",
            Some(_) => "failing",
            None => "known",
        },
    }
}

/// Whether what was deployed has failed since.
pub(super) fn has_failed(told: &Thing, now: &Thing) -> bool {
    told.kind == ThingKind::Deployment
        && told.id.is_some()
        && told.id == now.id
        && matches!(now.outcome, Some(Outcome::Failure | Outcome::Error))
}
