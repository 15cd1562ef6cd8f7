//! What is known of each subject: its latest state, its milestone, its conversation.
//!
//! Webhooks come late, twice and out of order. [`track`] takes what was known and one event, and returns what is known now:
//! an older payload fills gaps and never rolls a state back. All of it is pure, and what is known is kept in
//! [`crate::store`].

mod facts;
mod forget;
mod host;
mod issue;
mod merge;
mod progress;
mod project;
mod reviews;
mod stands;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{
    About, Event, EventKind, Outcome, PullRequest, StatusCategory, SubjectKey, Thing, ThingKind, Ticket, TicketKey,
    Undoes, Undone,
};
use crate::reason::Reason;

pub use self::facts::{Facts, complete, is_same_change, place_of_note, undone_with};
pub use self::host::{Homes, localize};
pub use self::issue::begun_by;
use self::merge::merge;
use self::progress::moves_forward;
pub use self::progress::on_track;
pub use self::project::place;
pub use self::reviews::{Reviews, State as ReviewState};
pub use self::stands::{holds, standing, stands};

/// What is known of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its latest state
    pub about: About,
    /// Its ticket keys, the primary one first
    #[serde(default)]
    pub tickets: Vec<TicketKey>,
    /// The milestone it stands at, if we saw it get there
    #[serde(default)]
    pub milestone: Option<EventKind>,
    /// When the source last changed it, as far as we heard
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// What each reviewer of a pull request said last
    #[serde(default, skip_serializing_if = "Reviews::is_empty")]
    pub reviews: Reviews,
    /// What became of it, if it is no more
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Undone>,
    /// Its host, if that is not ours
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl Known {
    /// The ticket that it is, by its name as a subject: one in Jira, or an issue on GitHub. Of an issue that is gone, no words
    /// are known.
    #[must_use]
    pub fn ticket(&self, subject: &str) -> Option<Ticket> {
        match &self.about {
            About::Ticket(ticket) => Some(ticket.clone()),
            About::Issue(issue) if self.gone.is_some() => Some(issue.ticket(subject).key_and_link()),
            About::Issue(issue) => Some(issue.ticket(subject)),
            About::PullRequest(_) | About::Thing(_) => None,
        }
    }

    /// What the first event about a subject says of it.
    #[must_use]
    pub fn first(event: &Event) -> Self {
        Self {
            about: event.about.clone(),
            tickets: event.tickets.clone(),
            milestone: (event.kind.is_milestone() && event.undoing.is_none()).then_some(event.kind),
            updated_at: event.about.updated_at(),
            reviews: Reviews::default().after(event),
            gone: gone(None, event),
            host: event.host.clone(),
        }
    }
}

/// An event, completed by what was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// The event; its kind may be corrected and its subject's state filled in
    pub event: Event,
    /// What is known from now on
    pub known: Known,
    /// Why this event isn't news to anybody, if so
    pub stale: Option<Reason>,
    /// Whether the subject belongs to other tickets than before
    pub rekeyed: bool,
    /// What is known of its primary ticket, where that is not the subject itself and somebody asks
    pub ticket: Option<Ticket>,
    /// The issue that it is about, as a ticket
    pub itself: Option<Ticket>,
    /// What it is to rules on tickets, if it is about an issue, the most significant first
    pub as_ticket: Vec<EventKind>,
    /// Whether its ticket has a security level from now on, which it had not before
    pub restricts: bool,
    /// Whether its repository is private from now on, which it was not before
    pub becomes_private: bool,
    /// Whether its ticket moves on with it: into work, or further within it
    pub forward: bool,
}

impl Tracked {
    fn new(event: Event, known: Known) -> Self {
        let (stale, ticket, itself) = (None, None, event.issue_as_ticket());
        let (rekeyed, restricts, becomes_private, forward) = (false, false, false, false);
        let as_ticket = Vec::new();
        Self { event, known, stale, rekeyed, ticket, itself, as_ticket, restricts, becomes_private, forward }
    }

    /// An event that was tracked before and is asked about again, with what is known of its subject since.
    #[must_use]
    pub fn again(event: Event, known: Known, ticket: Option<Ticket>) -> Self {
        Self { ticket, ..Self::new(event, known) }
    }

    /// The ticket that rules speak of when they are asked about it as this kind ([`Event::ticket_as`]).
    #[must_use]
    pub fn ticket_as(&self, kind: EventKind) -> Option<&Ticket> {
        self.itself.as_ref().filter(|_| self.event.is_ticket_as(kind)).or(self.ticket.as_ref())
    }

    /// The thread that it belongs to.
    #[must_use]
    pub fn conversation(&self) -> String {
        conversation(&self.event)
    }

    /// The kinds that rules may be asked about: the event's own, the milestone that its subject stands at when the event may
    /// have changed whether a rule's conditions hold (a label or a ticket key that comes late), and what it is besides: work
    /// on a draft that goes on, or something that happens to an issue as to a ticket.
    pub fn kinds(&self) -> impl Iterator<Item = EventKind> + '_ {
        let late = match self.event.kind {
            EventKind::PullRequestLabeled
            | EventKind::PullRequestUnlabeled
            | EventKind::PullRequestEdited
            | EventKind::PullRequestAssigned
            | EventKind::PullRequestReviewRequested
            | EventKind::PullRequestPushed => self.known.milestone,
            kind if self.rekeyed => self.known.milestone.filter(|milestone| *milestone != kind),
            _ => None,
        };
        // Work on a draft goes on.
        let draft = holds(EventKind::PullRequestDraft, &self.known.about);
        let on_track = self.event.kind == EventKind::PullRequestPushed && draft;
        let derived = on_track.then_some(EventKind::PullRequestOnTrack);
        std::iter::once(self.event.kind).chain(late).chain(derived).chain(self.as_ticket.iter().copied())
    }
}

/// The thread of a subject: its primary ticket, else the subject itself.
#[must_use]
pub fn thread<'a>(subject: &'a str, tickets: &'a [TicketKey]) -> &'a str {
    tickets.first().map_or(subject, TicketKey::as_str)
}

/// The thread of an event. A ticket of another site than ours may have the key of one of ours.
#[must_use]
pub fn conversation(event: &Event) -> String {
    match &event.about {
        About::Ticket(_) if event.host.is_some() => event.subject.to_string(),
        _ => thread(&event.work(), &event.tickets).to_owned(),
    }
}

/// Makes what a pull request brought about a part of that work: it has its tickets, and before any of its own.
pub fn belong(event: &mut Event, to: &Known) {
    let (About::Thing(thing), About::PullRequest(pr)) = (&mut event.about, &to.about) else { return };
    thing.pull_request = Some(pr.number);
    thing.brought_by = Some(Box::new(PullRequest { body: None, ..pr.clone() }));
    let own = std::mem::replace(&mut event.tickets, to.tickets.clone());
    let further = own.into_iter().filter(|key| !to.tickets.contains(key));
    event.tickets.extend(further);
}

/// Completes an event by what was known of its subject, and says what is known now.
#[must_use]
pub fn track(before: Option<Known>, mut event: Event) -> Tracked {
    let forward = moves_forward(before.as_ref(), &event);
    issue::replan(before.as_ref(), &mut event);
    let slipped = event.kind.slips();
    match &mut event.about {
        About::Ticket(ticket) => ticket.slipped = slipped,
        About::Issue(issue) => issue.progress.slipped = slipped,
        About::PullRequest(_) | About::Thing(_) => {}
    }
    let as_ticket = issue::proceed(before.as_ref(), &mut event);
    let Some(before) = before else {
        event.kind = refine(event.kind, None);
        let stale = first_sight(&event);
        if let About::Issue(issue) = &event.about {
            event.tickets = issue::tickets(issue, &event, None);
        }
        let known = Known::first(&event);
        let forward = forward && stale.is_none();
        return Tracked { stale, forward, as_ticket, ..Tracked::new(event, known) };
    };
    event.kind = refine(event.kind, Some(&before));
    recover(&mut event, &before);
    let state = before.updated_at.max(before.about.updated_at());
    let late = matches!((event.about.updated_at(), state), (Some(new), Some(old)) if new < old);
    let about = issue::after(&event, merge(&before.about, &event.about, late));
    let gone = gone(Some(&before), &event);
    let stale = no_news(&event, (&before, gone), &about);
    let tickets = tickets(&before, (&event, late), &about);
    let reached = event.kind.is_milestone() && stale.is_none() && event.undoing.is_none();
    let known = Known {
        about: remembered(about.clone(), gone),
        tickets: tickets.clone(),
        milestone: if reached { Some(event.kind) } else { before.milestone },
        updated_at: event.about.updated_at().max(before.updated_at),
        reviews: before.reviews.after(&event),
        gone,
        host: event.host.clone(),
    };
    event.about = match (about, event.about) {
        // Each push or deployment stands for itself.
        (_, About::Thing(thing)) if !thing.lives_on() => About::Thing(thing),
        (about, told) => with_previous_status(about, &told),
    };
    event.tickets = tickets;
    let rekeyed = event.tickets != before.tickets;
    let restricts = !is_restricted(&before.about) && is_restricted(&known.about);
    let forward = forward && stale.is_none();
    Tracked { stale, rekeyed, restricts, forward, as_ticket, ..Tracked::new(event, known) }
}

/// The tickets of a subject, the primary one first. A comment names no branch, so it may know fewer keys than the pull request
/// has: what is known stays in front, also where a branch that is renamed names no key any more. A branch is many pieces of
/// work, so each push to it has its own.
fn tickets(before: &Known, (event, late): (&Event, bool), now: &About) -> Vec<TicketKey> {
    let full = match now {
        About::Issue(issue) => return issue::tickets(issue, event, Some(before)),
        About::PullRequest(_) => match &event.about {
            About::PullRequest(pr) => pr.head.is_some() && !renames_branch(&before.about, event),
            _ => false,
        },
        About::Thing(_) => true,
        About::Ticket(_) => !event.tickets.is_empty(),
    };
    // The issues that were linked to a pull request by hand are asked for only when it gets further, or is edited.
    let linked = event.tickets.is_empty() && before.tickets.iter().all(TicketKey::is_issue);
    let linked = linked && event.kind != EventKind::PullRequestEdited && matches!(now, About::PullRequest(_));
    let known = (late || !full || linked) && !before.tickets.is_empty();
    if known { before.tickets.clone() } else { event.tickets.clone() }
}

/// What stays known of a subject: the words of a ticket that was deleted are said nowhere any more, not by what belongs to it
/// either.
fn remembered(about: About, gone: Option<Undone>) -> About {
    match about {
        About::Ticket(ticket) if gone.is_some() => About::Ticket(ticket.key_and_link()),
        about => about,
    }
}

/// Whether it is a ticket with a security level.
#[must_use]
pub fn is_restricted(about: &About) -> bool {
    matches!(about, About::Ticket(Ticket { restricted: Some(true), .. }))
}

fn first_sight(event: &Event) -> Option<Reason> {
    (event.kind == EventKind::WorkflowRecovered).then_some(Reason::FailureNotKnown)
}

/// Whether a deployment is said to have succeeded that has failed since.
fn is_late(known: &Thing, event: &Event) -> bool {
    let About::Thing(told) = &event.about else { return false };
    stands::has_failed(told, known) && told.updated_at < known.updated_at
}

/// Whether a branch is said to be made or deleted that is known to be so, in a payload that doesn't say when.
fn is_repeated(known: &Thing, event: &Event) -> bool {
    let deleted = event.kind == EventKind::BranchDeleted;
    event.once.is_none() && known.kind == ThingKind::Branch && (known.outcome == Some(Outcome::Deleted)) == deleted
}

/// Whether a pull request's branch has another name than before, which names no ticket.
fn renames_branch(before: &About, event: &Event) -> bool {
    match (before, &event.about) {
        (About::PullRequest(old), About::PullRequest(new)) => {
            event.tickets.is_empty() && old.head.is_some() && old.head != new.head
        }
        _ => false,
    }
}

/// What becomes of a subject with an event. A number is given once: an issue that was deleted stays so. A tag can be
/// published again, as another release.
fn gone(before: Option<&Known>, event: &Event) -> Option<Undone> {
    let known = before.and_then(|before| before.gone);
    match event.undoing.as_ref().map(|undoing| &undoing.of) {
        Some(Undoes::Subject(how)) => return Some(*how),
        Some(Undoes::Occurrence(..) | Undoes::Nothing) => return known,
        None => {}
    }
    let id = |about: &About| match about {
        About::Thing(thing) => thing.id.clone(),
        _ => None,
    };
    let late = before.is_some_and(|before| event.about.updated_at() < before.updated_at);
    let again = match (known, &event.about) {
        (Some(Undone::Unpublished), _) => !late,
        (_, About::Thing(thing)) if thing.kind == ThingKind::Release => {
            thing.id.is_none() || before.and_then(|before| id(&before.about)) != thing.id
        }
        (_, About::Thing(thing)) => {
            !matches!(thing.kind, ThingKind::Discussion | ThingKind::Sprint | ThingKind::Version)
        }
        _ => false,
    };
    match event.kind {
        EventKind::TicketDeleted => Some(Undone::Deleted),
        _ => known.filter(|_| !again),
    }
}

fn no_news(event: &Event, (before, gone): (&Known, Option<Undone>), now: &About) -> Option<Reason> {
    if let Some(how) = gone.filter(|_| event.kind != EventKind::TicketDeleted) {
        return Some(Reason::LateGone { how });
    }
    match (event.kind, &before.about) {
        (EventKind::BranchCreated | EventKind::BranchDeleted, About::Thing(known)) if is_repeated(known, event) => {
            Some(Reason::ToldAlready { delivery: None, two_webhooks: true })
        }
        (_, About::Issue(_)) if issue::is_told(event, before) => {
            Some(Reason::ToldAlready { delivery: None, two_webhooks: true })
        }
        (EventKind::DeploymentSucceeded, About::Thing(known)) if is_late(known, event) => Some(Reason::LateFailed),
        (EventKind::WorkflowRecovered, About::Thing(thing))
            if thing.outcome.as_ref().is_none_or(|outcome| *outcome == Outcome::Success) =>
        {
            Some(Reason::FailureNotKnown)
        }
        // Nobody wants "a draft is up" after the merge.
        (kind, _) if !holds(kind, now) => {
            Some(Reason::LateState { subject: event.subject.to_string(), state: standing(now).to_owned() })
        }
        _ => None,
    }
}

/// A ticket that moves within a category was transitioned, not started or done again. A release that was no pre-release
/// before is published, not promoted: GitHub says `released` of both.
fn refine(kind: EventKind, before: Option<&Known>) -> EventKind {
    match (kind, before.map(|before| &before.about)) {
        (EventKind::TicketStarted, Some(about)) if category(about) == Some(StatusCategory::InProgress) => {
            EventKind::TicketTransitioned
        }
        (EventKind::TicketDone, Some(about)) if category(about) == Some(StatusCategory::Done) => {
            EventKind::TicketTransitioned
        }
        (EventKind::ReleasePromoted, Some(About::Thing(Thing { prerelease: Some(true), .. }))) => kind,
        (EventKind::ReleasePromoted, _) => EventKind::ReleasePublished,
        _ => kind,
    }
}

/// How far the work on a ticket or issue is.
fn category(about: &About) -> Option<StatusCategory> {
    match about {
        About::Ticket(ticket) => ticket.status_category,
        About::Issue(issue) => Some(issue.category()),
        About::PullRequest(_) | About::Thing(_) => None,
    }
}

/// Whoever heard that a workflow failed hears that it works again, in the same conversation: it is part of the work that
/// it failed for, whatever made it work.
fn recover(event: &mut Event, before: &Known) {
    if event.kind != EventKind::WorkflowRecovered {
        return;
    }
    let (About::Thing(now), About::Thing(failed)) = (&mut event.about, &before.about) else { return };
    (now.pull_request, now.brought_by) = (failed.pull_request, failed.brought_by.clone());
    event.tickets.clone_from(&before.tickets);
}

/// What a transition came from belongs to the event, not to the state.
#[must_use]
pub fn with_previous_status(about: About, told: &About) -> About {
    match (about, told) {
        (About::Ticket(ticket), About::Ticket(told)) => {
            About::Ticket(Ticket { previous_status: told.previous_status.clone(), ..ticket })
        }
        (About::Issue(mut issue), About::Issue(told)) => {
            issue.progress.previous_status.clone_from(&told.progress.previous_status);
            About::Issue(issue)
        }
        (about, _) => about,
    }
}

/// An event that names a ticket by its number only, with the key that the number is known to have.
#[must_use]
pub fn resolve(mut event: Event, key: TicketKey) -> Event {
    if let About::Ticket(ticket) = &mut event.about {
        if let Some((site, _)) = ticket.url.as_deref().and_then(|url| url.split_once("/secure/")) {
            let page = Some(format!("{site}/browse/{key}"));
            if event.url == ticket.url {
                event.url.clone_from(&page);
            }
            ticket.url = page;
        }
        ticket.key = key.to_string();
    }
    event.scope = key.project().to_owned();
    event.subject = SubjectKey::ticket(key.as_str()).on_host(event.host.as_deref());
    event.tickets = vec![key];
    event
}

#[cfg(test)]
mod tests;
