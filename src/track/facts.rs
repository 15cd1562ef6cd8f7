//! Facts that complete an event: what was said before about the same occurrence, and about what the event belongs to.

use jiff::SignedDuration;

use crate::event::{About, Event, OccurrenceId, Source, Ticket, Undoes, Undone};
use crate::reason::Reason;

use super::{Known, Tracked, belong, track};

/// What is known that an event is completed by.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Of its subject
    pub known: Option<Known>,
    /// Of the pull request that brought it about
    pub work: Option<Known>,
    /// Of its primary ticket, where that is not the subject itself and somebody asks
    pub ticket: Option<Ticket>,
    /// The payload has only Jira's number of its ticket, and no key is known for it
    pub nameless: bool,
    /// The delivery that told of the same occurrence before, by the sender's id
    pub told: Option<String>,
    /// The events that undo the occurrence, or put other words into it, and came first
    pub undoings: Vec<Event>,
    /// The events about notes in the place of this note
    pub notes: Vec<Event>,
    /// Whether anybody was sent the note that it is an edit of
    pub replaced_was_sent: bool,
    /// Whether its repository was private, if somebody would want to know that it is now
    pub was_private: Option<bool>,
}

/// So much later an Automation rule may report a change than a webhook does.
const AUTOMATION: SignedDuration = SignedDuration::from_mins(2);

/// Whether two events tell of one change, which one of them has by another name.
#[must_use]
pub fn is_same_change(event: &Event, other: &Event) -> bool {
    let changed = |event: &Event| event.change.clone().map(|change| (change.field, change.from, change.to));
    changed(event) == changed(other) && event.at.duration_since(other.at).abs() <= AUTOMATION
}

/// Completes an event by all that is known.
#[must_use]
pub fn complete(mut event: Event, facts: Facts) -> Tracked {
    if let Some(note) = event.note.as_mut().filter(|note| note.edited && note.replaces.is_some()) {
        // One that was edited before anybody was sent its first words isn't an edit to its readers.
        note.edited = facts.replaced_was_sent;
    }
    let undone = undone(&mut event, facts.undoings);
    if let Some(work) = &facts.work {
        belong(&mut event, work);
    }
    let nameless = facts.nameless.then(|| nameless(&event));
    let told = facts.told.map(|delivery| told_already(delivery, &event));
    let overtaken = overtaken(&event, &facts.notes);
    let becomes_private = event.private == Some(true) && facts.was_private == Some(false);
    let tracked = track(facts.known, event);
    let stale = nameless.or(told).or(undone).or(overtaken).or(tracked.stale);
    let forward = tracked.forward && stale.is_none();
    Tracked { stale, forward, becomes_private, ticket: facts.ticket, ..tracked }
}

/// The same comment comes again within `jira:issue_updated`, with the key, so it is not taken for told.
fn nameless(event: &Event) -> Reason {
    let number = match &event.about {
        About::Ticket(ticket) => ticket.key.clone(),
        _ => String::new(),
    };
    Reason::TicketUnknown { number }
}

/// Why an occurrence isn't news, if what undoes it came first; other words that were put into it stand in it from the
/// beginning.
fn undone(event: &mut Event, undoings: Vec<Event>) -> Option<Reason> {
    let once = undone_with(event)?;
    let mut reason = None;
    for other in undoings {
        let how = match other.undoing.map(|undoing| undoing.of) {
            Some(Undoes::Occurrence(of, how)) if of == once => how,
            _ => continue,
        };
        match (how, other.comment) {
            // What an edit makes of a note is known from the notes in the new words.
            (Undone::Edited, _) if event.note.is_some() => {}
            (Undone::Edited, Some(words)) => event.comment = Some(words),
            (how, _) => reason = Some(Reason::LateGone { how }),
        }
    }
    reason
}

/// The occurrence whose undoing would undo an event, by its name: of a note, the comment that it is said in. `None` where
/// nothing that undoes it can come first.
#[must_use]
pub fn undone_with(event: &Event) -> Option<OccurrenceId> {
    if event.undoing.is_some() {
        return None;
    }
    let once = event.once.as_ref()?;
    match (&event.note, &event.comment) {
        (Some(_), _) => once.comment_of_note(),
        (None, None) if !event.kind.can_be_undone_first() => None,
        (None, _) => Some(once.clone()),
    }
}

/// The place of a note whose edits may have come before it, as the names of all notes there begin.
#[must_use]
pub fn place_of_note(event: &Event) -> Option<String> {
    let (note, once) = (event.note.as_ref()?, event.once.as_ref()?);
    // What an edit brings is newer than the words that it replaces.
    if note.taken_back || !once.is_original() { None } else { once.notes_beside() }
}

/// Why an occurrence that two deliveries tell of isn't news the second time. Two webhooks of GitHub's never have the same
/// id, and a delivery that is repeated keeps its own.
fn told_already(delivery: String, event: &Event) -> Reason {
    let two_webhooks = event.source == Source::Github && event.note.is_none();
    Reason::ToldAlready { delivery: Some(delivery), two_webhooks }
}

/// Why a note isn't news: an edit of it came before it.
fn overtaken(event: &Event, notes: &[Event]) -> Option<Reason> {
    let (note, once) = (event.note.as_ref()?, event.once.as_ref()?.original());
    // What an edit brings is newer than the words that it replaces.
    if note.edited {
        return None;
    }
    let replaces = |other: &Event| other.note.as_ref().is_some_and(|other| other.replaces.as_ref() == Some(&once));
    notes.iter().any(replaces).then_some(Reason::LateEdited)
}
