//! Issues as tickets: to which conversation they belong, and how the work on them goes on.

use crate::event::{About, Event, EventKind, Issue, Progress, Stage, TicketKey};

use super::{Known, refine};

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
    let works = assigned.is_some() || *kind == EventKind::TicketStarted;
    let begins = news && works && issue.stage == Stage::Open && !had_begun;
    issue.progress.begun = Some(had_begun || begins);
    let started = (begins && *kind != EventKind::TicketStarted).then_some(EventKind::TicketStarted);
    let also = kind.of_ticket().filter(|_| news).map(|kind| refine(kind, before));
    started.into_iter().chain(also).collect()
}

/// The newer state of an issue, with what only earlier events said.
pub(super) fn merge(new: &Issue, old: &Issue) -> Issue {
    let begun = new.progress.begun.into_iter().chain(old.progress.begun).max();
    Issue {
        parent: new.parent.clone().or_else(|| old.parent.clone()),
        private: new.private.or(old.private),
        progress: Progress {
            begun,
            status: new.progress.status.clone().or_else(|| old.progress.status.clone()),
            category: new.progress.category.or(old.progress.category),
            due: new.progress.due.or(old.progress.due),
            slipped: new.progress.slipped.or(old.progress.slipped),
            previous_status: new.progress.previous_status.clone(),
        },
        ..new.clone()
    }
}
