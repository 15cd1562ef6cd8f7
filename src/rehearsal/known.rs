//! What GitHub and Jira were asked for the events of a delivery when it came, from the ledger: a rehearsal asks nobody, and they
//! would answer for today.

use crate::event::{About, Event};
use crate::source::Parsed;

/// What a delivery says, completed by its events as they were planned.
pub(super) fn complete(parsed: Parsed, before: Vec<Event>) -> Parsed {
    let Parsed::Events(mut events) = parsed else { return parsed };
    for event in &mut events {
        let same = before.iter().filter(|known| known.subject == event.subject);
        // The files are asked for with the first of several.
        if let Some(known) = same.clone().find(|known| known.paths.is_some()).or(same.clone().next()) {
            learn(event, known);
        }
    }
    let in_commits = before.into_iter().filter(|known| is_in_commit(known) && known.undoing.is_none());
    for note in in_commits {
        if !events.iter().any(|event| event.once == note.once) {
            events.push(note);
        }
    }
    Parsed::Events(events)
}

fn learn(event: &mut Event, known: &Event) {
    if event.paths.is_none() {
        (event.paths, event.more_paths) = (known.paths.clone(), known.more_paths);
    }
    if event.paths == known.paths {
        (event.owners, event.more_owners) = (known.owners.clone(), known.more_owners);
        event.generated.clone_from(&known.generated);
    }
    if event.tickets.is_empty() && event.listed.is_empty() {
        (event.tickets, event.listed) = (known.tickets.clone(), known.listed.clone());
        event.more_tickets = known.more_tickets;
    }
    if let (About::Thing(thing), About::Thing(known)) = (&mut event.about, &known.about)
        && thing.brought_by.is_none()
    {
        (thing.pull_request, thing.brought_by) = (known.pull_request.or(thing.pull_request), known.brought_by.clone());
    }
    event.gap = event.gap.take().or_else(|| known.gap.clone());
}

/// Whether it is a note in a commit, which GitHub was asked for unless a push tells of it.
fn is_in_commit(event: &Event) -> bool {
    let place = format!(":{}:commit", event.scope);
    event.note.is_some() && event.once.as_deref().is_some_and(|once| once.contains(&place))
}
