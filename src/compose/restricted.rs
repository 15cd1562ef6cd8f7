//! Tickets with a security level: most people may know only that they exist.

use crate::destination::Destination;
use crate::event::{About, Event, Ticket};
use crate::reason::Reason;
use crate::rule::{Audience, Rule, Team};

/// Why a team may not know of an event at all: readers outside of the company learn nothing about a ticket that even
/// some people inside may not see, whatever the rule says.
#[must_use]
pub fn withheld(team: &Team, event: &Event, ticket: Option<&Ticket>) -> Option<Reason> {
    (team.audience == Audience::Outside && own(event, ticket).is_some()).then_some(Reason::Withheld)
}

/// The ticket that an event is about, if it is restricted according to the event or to what is `known`.
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

/// The part of a ticket that may be shown, if something else belongs to it.
pub(super) fn shown(ticket: &Ticket) -> Ticket {
    if ticket.restricted == Some(true) { ticket.key_and_link() } else { ticket.clone() }
}

/// Whether a message may reach people who may see what it is about, but not the issue that this belongs to: in a private
/// repository, while the event's own is public.
pub(super) fn reveals(event: &Event, ticket: &Ticket, team: &Team, rule: &Rule) -> bool {
    let to_others = !team.is_trusted_inside() || rule.to.contains(&Destination::Github);
    ticket.private && !event.is_private() && to_others
}

/// An event reduced to the ticket that it is about.
pub(super) fn without_words(event: &Event, bare: &Ticket) -> Event {
    Event { about: About::Ticket(bare.clone()), actor: None, change: None, note: None, comment: None, ..event.clone() }
}
