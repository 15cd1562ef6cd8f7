//! What projects say of issues.

use crate::event::{About, Event};

use super::Known;

/// An event that a project tells of an issue, with what is known of the issue. What happened on a board before what is known
/// already changes nothing.
#[must_use]
pub fn place(mut event: Event, known: &Known) -> Event {
    let (About::Issue(told), About::Issue(issue)) = (&event.about, &known.about) else { return event };
    let (told, mut issue) = (told.progress.clone(), issue.clone());
    let field = event.change.as_ref().map_or("", |change| change.field.as_str()).to_owned();
    let progress = &mut issue.progress;
    progress.previous_status = told.previous_status;
    if progress.changed.get(&field).is_none_or(|before| *before <= event.at) {
        match field.as_str() {
            "status" => (progress.status, progress.category) = (told.status, told.category),
            "due" => progress.due = told.due,
            "iteration" => progress.iteration = told.iteration,
            _ => progress.fields.extend(told.fields),
        }
        progress.changed.insert(field, event.at);
        progress.whole = true;
    }
    event.url = Some(issue.url.clone());
    (event.private, event.host) = (issue.private, known.host.clone());
    event.about = About::Issue(issue);
    event
}
