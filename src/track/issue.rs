//! Issues as tickets: to which conversation they belong, and how the work on them goes on.

use jiff::SignedDuration;

use crate::event::{About, Change, Event, EventKind, Issue, Left, Progress, Source, Stage, TicketKey};
use crate::source;

use super::{Known, Tracked, refine};

/// The tickets of an issue: those in Jira that it names, itself, and the issue that it is a part of. Those in Jira stay
/// what they were at first, so that an edit doesn't move the conversation.
pub(super) fn tickets(issue: &Issue, event: &Event, before: Option<&Known>) -> Vec<TicketKey> {
    let in_jira = |keys: &[TicketKey]| keys.iter().filter(|key| !key.is_issue()).cloned().collect::<Vec<_>>();
    let known = before.map(|before| in_jira(&before.tickets)).filter(|known| !known.is_empty());
    let mut tickets = known.unwrap_or_else(|| in_jira(&event.tickets));
    tickets.extend(TicketKey::issue(&event.subject));
    tickets.extend(issue.parent.clone().filter(|parent| event.subject != parent.as_str()));
    tickets
}

/// Says in an event about an issue how far the work is, by what was known; and what the event is to rules on tickets.
pub(super) fn proceed(before: Option<&Known>, event: &mut Event) -> Vec<EventKind> {
    let Event { kind, change, undoing, about, .. } = event;
    let About::Issue(issue) = about else { return Vec::new() };
    let known = before.and_then(|before| match &before.about {
        About::Issue(issue) => Some(issue),
        _ => None,
    });
    let news = undoing.is_none();
    let assigned = change.as_ref().and_then(|change| change.to.as_ref()).filter(|_| *kind == EventKind::IssueAssigned);
    let had_begun = match (known, assigned) {
        (Some(known), _) => known.is_begun(),
        // An event for each of those whom it is assigned to follows.
        (None, _) if *kind == EventKind::IssueOpened && news => false,
        (None, Some(assigned)) => issue.assignees.iter().any(|other| other != assigned),
        (None, None) => !issue.assignees.is_empty(),
    };
    // Where a board has a status for it, that says when work begins.
    let on_board = known.is_some_and(|known| known.progress.category.is_some());
    let works = assigned.is_some() && !on_board || *kind == EventKind::TicketStarted;
    let begins = news && works && issue.stage == Stage::Open && !had_begun;
    if *kind == EventKind::IssueReopened {
        issue.progress.previous_status = Some("closed".to_owned());
    }
    issue.progress.begun = Some(had_begun || begins);
    let started = (begins && *kind != EventKind::TicketStarted).then_some(EventKind::TicketStarted);
    let also = kind.of_ticket().filter(|_| news).map(|kind| refine(kind, before));
    started.into_iter().chain(also).collect()
}

/// The event that work on an issue begins with a pull request that closes it, if that is so and was not known.
#[must_use]
pub fn begun_by(work: &Tracked, key: &TicketKey, known: Known) -> Option<Event> {
    let (About::PullRequest(pr), About::Issue(issue)) = (&work.event.about, &known.about) else { return None };
    let news = work.stale.is_none() && work.event.undoing.is_none() && work.event.note.is_none();
    let idle = issue.stage == Stage::Open && !issue.is_begun() && issue.progress.category.is_none();
    if !news || !idle || known.gone.is_some() || pr.stage != Stage::Open {
        return None;
    }
    // What is public must not name a pull request that is not.
    let named = issue.private != Some(false) || !work.event.is_private();
    let change = Change { field: "pull_request".to_owned(), name: None, from: None, to: Some(pr.title.clone()) };
    Some(Event {
        scope: key.project().to_owned(),
        actor: pr.author.clone(),
        at: work.event.at,
        url: Some(if named { pr.url.clone() } else { issue.url.clone() }),
        tickets: known.tickets,
        change: Some(change).filter(|_| named),
        private: issue.private,
        host: known.host,
        ..Event::bare(Source::Github, EventKind::TicketStarted, key.subject(), known.about)
    })
}

/// What a change of milestone means, by what was known: whether the issue is planned for later or for earlier. GitHub tells of
/// a change as of two: that the old one is removed, and that the new one is set.
pub(super) fn replan(before: Option<&Known>, event: &mut Event) {
    let Event { kind, change: Some(change), about: About::Issue(issue), at, .. } = event else { return };
    if change.field != "fix_version" || *kind != EventKind::TicketUpdated {
        return;
    }
    let Some(Known { about: About::Issue(known), .. }) = before else { return };
    if let Some(gone) = &change.from {
        let milestone = known.milestone.clone().filter(|milestone| milestone.title == *gone);
        issue.progress.left = milestone.map(|milestone| Left { milestone, at: *at });
        return;
    }
    let left = known.progress.left.as_ref().filter(|left| at.duration_since(left.at).abs() < SWAP);
    let old = left.map(|left| &left.milestone).or(known.milestone.as_ref());
    let (Some(old), Some(new)) = (old.filter(|old| Some(&old.title) != change.to.as_ref()), &issue.milestone) else {
        return;
    };
    change.from = Some(old.title.clone());
    let order = old.due.zip(new.due).map(|(old, new)| old.cmp(&new));
    *kind = EventKind::of_plan(order.or_else(|| source::compare_versions(&old.title, &new.title)));
}

/// A milestone that is set so soon after another one was removed takes its place.
const SWAP: SignedDuration = SignedDuration::from_mins(1);

/// Whether an event takes an issue out of its parent.
fn parts(event: &Event) -> bool {
    let link = event.change.as_ref().filter(|change| change.field == "link");
    event.kind == EventKind::TicketUpdated && link.is_some_and(|change| change.to.is_none())
}

/// Whether a sub-issue is known to be one, or to be none: the other one of two webhooks told of it.
pub(super) fn is_told(event: &Event, before: &Known) -> bool {
    let (About::Issue(issue), About::Issue(known)) = (&event.about, &before.about) else { return false };
    let added = event.kind == EventKind::TicketLinked && issue.parent.is_some() && issue.parent == known.parent;
    added || parts(event) && known.parent.is_none()
}

/// The newer state of an issue, with what only earlier events said.
pub(super) fn merge(new: &Issue, old: &Issue) -> Issue {
    Issue {
        parent: new.parent.clone().or_else(|| old.parent.clone()),
        private: new.private.or(old.private),
        progress: merge_progress(&new.progress, &old.progress),
        ..new.clone()
    }
}

/// The state after an event, which may take it out of its parent.
pub(super) fn after(event: &Event, about: About) -> About {
    match about {
        About::Issue(issue) if parts(event) => About::Issue(Issue { parent: None, ..issue }),
        about => about,
    }
}

fn merge_progress(new: &Progress, old: &Progress) -> Progress {
    let begun = new.begun.max(old.begun);
    if new.whole {
        return Progress { begun, ..new.clone() };
    }
    let fields = old.fields.iter().chain(&new.fields).map(|(name, values)| (name.clone(), values.clone()));
    Progress {
        begun,
        fields: fields.collect(),
        status: new.status.clone().or_else(|| old.status.clone()),
        category: new.category.or(old.category),
        previous_status: new.previous_status.clone(),
        due: new.due.or(old.due),
        iteration: new.iteration.clone().or_else(|| old.iteration.clone()),
        slipped: new.slipped.or(old.slipped),
        left: new.left.clone().or_else(|| old.left.clone()),
        changed: old.changed.clone(),
        whole: false,
    }
}
