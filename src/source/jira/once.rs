//! The names of occurrences, so that each is reported once, whichever deliveries report it. What an Automation rule reports has a
//! name of its own, and is compared with others by what changed and when.

use crate::event::{CHANGED, Change, Event, EventKind, SAID};
use crate::source::lenient::Id;
use crate::source::note;

use super::payload::Body;

/// Names what happened by its place in the ticket's history, where a recovery finds it too. Old servers don't say the
/// place, so there the name consists of the time and the change.
pub fn name(body: &Body, events: &mut [Event]) {
    let Some(issue) = &*body.issue else { return };
    let Some(id) = issue.id.as_ref().or(issue.key.as_ref()).map(Id::as_str) else { return };
    let history = body.changelog.as_ref().and_then(|changelog| changelog.id.as_ref()).map(|id| id.as_str().to_owned());
    let updated = issue.fields.as_ref().and_then(|fields| *fields.updated).or(*body.timestamp);
    let updated = updated.map(|time| time.0.as_millisecond().to_string());
    let mut fields: Vec<String> = Vec::new();
    for event in events.iter_mut().filter(|event| event.once.is_none()) {
        event.once = match (event.kind, &event.change) {
            (EventKind::TicketCreated, _) => Some(format!("jira-created:{id}").into()),
            (EventKind::TicketDeleted, _) => Some(format!("jira-deleted:{id}").into()),
            (EventKind::TicketCommented, _) => None,
            (_, Some(change)) if body.is_automation() => {
                let at = event.at.as_millisecond();
                Some(format!("{SAID}{id}:{}:{}:{at}", change.field.replace('@', "-"), digest(change)).into())
            }
            (_, None) => history.as_ref().or(updated.as_ref()).map(|when| format!("jira-update:{id}:{when}").into()),
            (_, Some(change)) => {
                // An `@` has a special meaning in a name.
                let field = change.field.replace('@', "-");
                let before = fields.iter().filter(|known| **known == field).count();
                let place = match (&history, &updated) {
                    (Some(history), _) => Some(format!("{history}:{before}:{field}")),
                    (None, Some(at)) => Some(format!("{at}:{before}:{field}:{}", digest(change))),
                    (None, None) => None,
                };
                fields.push(field);
                place.map(|place| format!("{CHANGED}{id}:{place}").into())
            }
        };
    }
}

fn digest(change: &Change) -> String {
    note::digest(&format!("{:?}", (&change.from, &change.to)))
}
