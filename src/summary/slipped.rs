//! What slipped: the changes of a ticket's date or version, and what all of them come to.

use std::cmp::Reverse;

use jiff::civil::Date;

use super::content::Writing;
use super::named::{Line, Seen};
use crate::event::EventKind;
use crate::store::CourseStep;
use crate::template::{SlippedView, shown_change};

impl Writing<'_> {
    /// Tickets that are later than in the beginning: moved twice is one line, and moved back is none.
    pub(super) fn slipped(&self) -> Vec<Line<SlippedView>> {
        let mut slipped = Vec::new();
        for (thread, course) in self.courses().filter(|(_, course)| self.follows(course)) {
            let parts = self.parts(course);
            // To which ticket private work belongs is not for readers outside.
            if parts.iter().any(|seen| seen.private) {
                continue;
            }
            for seen in parts.iter().filter(|seen| !seen.restricted) {
                let changes = course.steps.iter().filter(|step| step.event.subject == *seen.key && is_dated(step));
                let changes = changes.collect::<Vec<_>>();
                let mut fields =
                    changes.iter().filter_map(|step| Some(&step.event.change.as_ref()?.field)).collect::<Vec<_>>();
                fields.sort_unstable();
                fields.dedup();
                for field in fields {
                    let of =
                        |step: &&&CourseStep| step.event.change.as_ref().is_some_and(|change| change.field == *field);
                    let (Some(first), Some(last)) = (changes.iter().find(of), changes.iter().rfind(of)) else {
                        continue;
                    };
                    if let Some(line) = net((first, last), seen) {
                        slipped.push((last.planned, Line::of(thread, std::slice::from_ref(seen), line)));
                    }
                }
            }
        }
        slipped.sort_by_key(|(at, _)| Reverse(*at));
        slipped.into_iter().map(|(_, line)| line).collect()
    }
}

fn is_dated(step: &CourseStep) -> bool {
    matches!(step.event.kind, EventKind::TicketSlipped | EventKind::TicketPulledIn)
}

/// What all changes of a ticket's date or version come to, if it is later.
fn net((first, last): (&CourseStep, &CourseStep), seen: &Seen<'_>) -> Option<SlippedView> {
    let (begin, end) = (first.event.change.as_ref()?, shown_change(last.event.change.as_ref()?));
    let (from, to) = (begin.from.clone(), end.to.clone()?);
    let day = |text: &str| text.parse::<Date>().ok();
    let later = match (from.as_deref().and_then(day), day(&to)) {
        (Some(from), Some(to)) => to > from,
        _ => last.event.kind == EventKind::TicketSlipped && from.as_ref() != Some(&to),
    };
    // It was taken away, or changed in a way that nobody told of.
    let stands = match (end.field.as_str(), &seen.ticket()?) {
        ("due", ticket) => ticket.due.map(|due| due.to_string()).is_none_or(|due| due == to) && ticket.due.is_some(),
        ("fix_version", ticket) => ticket.fix_versions.contains(&to),
        _ => true,
    };
    (later && stands).then(|| SlippedView { named: seen.named(), field: end.name, from, to: Some(to) })
}
