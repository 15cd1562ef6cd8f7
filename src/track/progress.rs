//! Progress that isn't said: a ticket that moves on, and the drafts that are on track with it.

use crate::event::{About, Change, Event, EventKind, Source, StatusCategory, SubjectKey};

use super::{Known, category, holds};

/// Whether a ticket moves on with an event: into work, or further within it.
pub(super) fn moves_forward(before: Option<&Known>, event: &Event) -> bool {
    let moves = matches!(event.kind, EventKind::TicketStarted | EventKind::TicketTransitioned);
    let back = before.and_then(|known| category(&known.about)) == Some(StatusCategory::Done);
    // An issue's moves on its board; a draft that it begins with says so itself.
    let moves = moves && event.change.as_ref().is_none_or(|change| change.field == "status");
    moves && !back && category(&event.about) == Some(StatusCategory::InProgress)
}

/// The event that a draft is on track, since its ticket `moved`; `None` for what isn't a draft.
#[must_use]
pub fn on_track(subject: SubjectKey, draft: Known, moved: &Event, ticket: &Known) -> Option<Event> {
    if !matches!(draft.about, About::PullRequest(_)) || !holds(EventKind::PullRequestDraft, &draft.about) {
        return None;
    }
    let previous = match &moved.about {
        About::Ticket(ticket) => ticket.previous_status.clone(),
        About::Issue(issue) => issue.progress.previous_status.clone(),
        _ => None,
    };
    let (from, to) = (previous, ticket.ticket(&moved.subject).and_then(|ticket| ticket.status));
    Some(Event {
        source: Source::Github,
        kind: EventKind::PullRequestOnTrack,
        scope: subject.scope().to_owned(),
        host: draft.host,
        url: draft.about.url().map(str::to_owned),
        subject,
        tickets: draft.tickets,
        private: draft.about.private(),
        about: draft.about,
        change: Some(Change { field: "status".to_owned(), name: None, from, to }),
        note: None,
        comment: None,
        once: None,
        retold: None,
        ..moved.clone()
    })
}
