//! Tickets with a security level: only some people may see more of them than that they exist.

use crate::event::{About, Event, Ticket};
use crate::reason::Reason;
use crate::rule::{Audience, Team};

/// Why a team may hear nothing at all of an event: readers outside of the company are told nothing of a ticket
/// that not even everybody inside may see, whatever a rule says.
#[must_use]
pub fn withheld(team: &Team, event: &Event, ticket: Option<&Ticket>) -> Option<Reason> {
    (team.audience == Audience::Outside && own(event, ticket).is_some()).then_some(Reason::Withheld)
}

/// The ticket that an event is about, if that is restricted, as far as the event says or it is `known`.
pub(super) fn own<'a>(event: &'a Event, known: Option<&Ticket>) -> Option<&'a Ticket> {
    let is_restricted = |ticket: &Ticket| ticket.restricted == Some(true);
    match &event.about {
        About::Ticket(ticket) => {
            let known = known.is_some_and(|known| known.key == ticket.key && is_restricted(known));
            (is_restricted(ticket) || known).then_some(ticket)
        }
        _ => None,
    }
}

/// A ticket that something else belongs to, as it may be shown.
pub(super) fn shown(ticket: &Ticket) -> Ticket {
    if ticket.restricted == Some(true) { ticket.key_and_link() } else { ticket.clone() }
}

/// An event of which no more is left than the ticket that it is about.
pub(super) fn without_words(event: &Event, bare: &Ticket) -> Event {
    Event { about: About::Ticket(bare.clone()), actor: None, change: None, note: None, comment: None, ..event.clone() }
}
