//! What is known of a note's earlier words, for edits whose payload doesn't say.

use super::Batch;
use crate::event::{Event, Note};
use crate::reason::Reason;
use crate::source;
use crate::store::{Planned, StoreError};

impl Batch<'_> {
    /// A delivery's events; where its text was edited, with what that changes instead of all the notes in it.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) async fn compared(&self, events: Vec<Event>) -> Result<Vec<Event>, StoreError> {
        let Some((brought, prefix)) = events.iter().find_map(|event| Some((event, event.retold.as_deref()?))) else {
            return Ok(events);
        };
        let stored = self.store.notes(prefix).await?;
        let begins = |event: &&Event| event.once.as_deref().is_some_and(|once| once.starts_with(prefix));
        let before = source::standing_notes(stored.into_iter().chain(self.events().filter(begins).cloned()));
        let brought = brought.clone();
        let (now, mut others): (Vec<_>, Vec<_>) = events.iter().cloned().partition(|event| begins(&event));
        others.extend(source::revise_notes(&brought, before, now));
        Ok(others)
    }

    /// A note that was edited before anybody was sent its first words is no edit to its readers.
    pub(super) async fn with_edit(&self, mut event: Event) -> Result<Event, StoreError> {
        let Some(note) = event.note.as_mut().filter(|note| note.edited) else { return Ok(event) };
        if let Some(replaced) = note.replaces.as_deref() {
            let is_replaced = |event: &&Event| event.once.as_deref().map(Note::name) == Some(replaced);
            let edited_here =
                self.events().filter(is_replaced).any(|event| event.note.as_ref().is_some_and(|note| note.edited));
            note.edited = edited_here || self.store.note_was_sent(replaced).await?;
        }
        Ok(event)
    }

    /// Why a note is no news: an edit of it came before it.
    pub(super) async fn overtaken(&self, event: &Event) -> Result<Option<Reason>, StoreError> {
        let (Some(note), Some(once)) = (&event.note, event.once.as_deref()) else { return Ok(None) };
        let Some((prefix, _)) = once.rsplit_once(':').and_then(|(kind, _)| kind.rsplit_once(':')) else {
            return Ok(None);
        };
        // What an edit brings is newer than the words that it replaces.
        if note.edited || note.taken_back || Note::name(once) != once {
            return Ok(None);
        }
        let replaces = |event: &Event| {
            event.note.as_ref().is_some_and(|other| other.replaces.as_deref() == Some(Note::name(once)))
        };
        let edited = self.store.notes(&format!("{prefix}:")).await?.iter().any(replaces) || self.events().any(replaces);
        Ok(edited.then_some(Reason::LateEdited))
    }

    /// What the batch has of events so far, which the store doesn't know yet.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        let events = self.planned.iter().filter_map(|delivery| match &delivery.outcome {
            Planned::Events(events) => Some(events),
            Planned::Ignored { .. } => None,
        });
        events.flatten().map(|planned| &planned.event)
    }
}
