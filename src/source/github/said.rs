//! What people write: comments and reviews, and the notes in them and in descriptions.

use crate::event::{Actor, Event, EventKind, Undoes, Undone};
use crate::source::lenient::{Id, Maybe};
use crate::source::note::{self, Place};

use super::payload::{Comment, User};
use super::{Delivery, name, own_words, time, undoing, written};

impl Delivery<'_> {
    /// The events for a comment or review and its notes. If it consists only of notes, only those are reported. An edit
    /// replaces the text, and a deletion takes it back. `place` is used in its name, and `what` is what people call it.
    pub(super) fn said(&self, mut event: Event, comment: &Comment, (place, what): (&str, &str)) -> Vec<Event> {
        let id = comment.id.as_ref().map(Id::as_str);
        let once = id.map(|id| name::name(&[place, id]));
        event.comment = written(comment);
        let notes = self.notes_in_comment(&event, comment, place);
        let (undone, itself) = match self.action() {
            "edited" => {
                let edit = id.and_then(|id| name::at(&[place, id, "edited"], time(&comment.updated_at)));
                (Undone::Edited, edit)
            }
            "deleted" => {
                event.comment = None;
                (Undone::Deleted, id.map(|id| name::name(&[place, id, "deleted"])))
            }
            _ => {
                event.once = once;
                return with_notes(event, notes);
            }
        };
        event.once = itself;
        let of = once.map_or(Undoes::Nothing, |once| Undoes::Occurrence(once, undone));
        event.undoing = undoing(of, format!("{what} was {}", self.action()));
        [vec![event], notes].concat()
    }

    /// The events for the notes in a comment or review, which `place` names. A deletion takes the notes back.
    pub(super) fn notes_in_comment(&self, event: &Event, comment: &Comment, place: &str) -> Vec<Event> {
        let id = comment.id.as_ref().map(Id::as_str);
        let place = Place {
            name: id.map(|id| format!("github:{place}:{id}")),
            url: event.url.clone(),
            author: self.writer(&comment.user).or_else(|| event.actor.clone()),
        };
        match self.action() {
            "deleted" => note::edits(event, (&own_words(&comment.body), ""), &place),
            _ => self.notes_in(event, &comment.body, &place),
        }
    }

    /// The events for the notes in a description.
    pub(super) fn notes_in_body(&self, event: &Event, body: &Maybe<String>, user: &Maybe<User>) -> Vec<Event> {
        let place = Place {
            name: Some(format!("github:{}:body", event.subject)),
            url: event.about.url().map(str::to_owned),
            author: self.writer(user).or_else(|| event.actor.clone()),
        };
        self.notes_in(event, body, &place)
    }

    /// The events for the notes in a text, or for the changes of an edit. An edit of something else (a title) doesn't
    /// contain the old text, since that stayed the same.
    fn notes_in(&self, event: &Event, body: &Maybe<String>, place: &Place) -> Vec<Event> {
        let before = self.body.changes.as_ref().and_then(|changes| changes.body.as_ref());
        match before.filter(|_| self.action() == "edited") {
            Some(before) => note::edits(event, (&own_words(&before.from), &own_words(body)), place),
            None => note::events(event, &own_words(body), place),
        }
    }

    /// The author of the notes in a text. After an edit it is the editor, since the earlier notes are known.
    fn writer(&self, user: &Maybe<User>) -> Option<Actor> {
        let editor = if self.action() == "edited" { self.actor(None) } else { None };
        editor.or_else(|| user.as_ref().and_then(User::actor))
    }
}

/// The events for a comment and its notes; if it consists only of notes, only those are reported.
fn with_notes(comment: Event, notes: Vec<Event>) -> Vec<Event> {
    let is_review = matches!(comment.kind, EventKind::PullRequestApproved | EventKind::PullRequestChangesRequested);
    if comment.comment.is_some() || is_review || notes.is_empty() { [vec![comment], notes].concat() } else { notes }
}
