//! What names an occurrence, so that it is told once whoever tells of it.

use crate::event::{Event, EventKind};
use crate::source::lenient::Id;

use super::payload::Body;

/// Names what happened by its place in the ticket's history, where it is found again when Jira is asked what was missed.
pub fn name(body: &Body, events: &mut [Event]) {
    let Some(issue) = &*body.issue else { return };
    let Some(issue) = issue.id.as_ref().or(issue.key.as_ref()).map(Id::as_str) else { return };
    let history = body.changelog.as_ref().and_then(|changelog| changelog.id.as_ref()).map(Id::as_str);
    let mut fields: Vec<String> = Vec::new();
    for event in events.iter_mut().filter(|event| event.once.is_none()) {
        // An `@` would begin something else in a name.
        let field = event.change.as_ref().map(|change| change.field.replace('@', "-"));
        event.once = match (event.kind, history, field) {
            (EventKind::TicketCreated, ..) => Some(format!("jira-created:{issue}")),
            (_, Some(history), Some(field)) if field != "comment" => {
                let before = fields.iter().filter(|known| **known == field).count();
                let name = format!("jira-change:{issue}:{history}:{before}:{field}");
                fields.push(field);
                Some(name)
            }
            _ => None,
        };
    }
}
