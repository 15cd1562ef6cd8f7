//! Comments: whether they were written, edited, deleted or restricted.

use crate::event::{self, Event, EventKind, OccurrenceId, Undoes, Undone, notes_in};
use crate::source::jira_text::Written;
use crate::source::lenient::Id;
use crate::source::note::{self, Place};

use super::changelog::Happening;
use super::field::Field;
use super::payload::{Comment, User};
use super::{Delivery, undoing};

/// What happened to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Written,
    Edited,
    Deleted,
}

impl Delivery<'_> {
    /// What happened to the comment of the delivery, if it has one.
    pub fn comment_fate(&self) -> Option<Fate> {
        match self.name() {
            "comment_created" => Some(Fate::Written),
            "comment_updated" => Some(Fate::Edited),
            "comment_deleted" => Some(Fate::Deleted),
            "issue_updated" => self.fate_within_update(),
            _ => None,
        }
    }

    /// Old servers don't name the type of an update, so a comment that was never edited counts as new. A deleted
    /// comment is only in the changelog.
    fn fate_within_update(&self) -> Option<Fate> {
        match (self.issue_event_type(), self.body.comment.as_ref()) {
            ("issue_comment_edited", _) => Some(Fate::Edited),
            ("issue_comment_deleted", _) => Some(Fate::Deleted),
            ("issue_commented", Some(_)) => Some(Fate::Written),
            (_, Some(comment)) if comment.created() == comment.updated() => Some(Fate::Written),
            (_, Some(_)) => Some(Fate::Edited),
            (_, None) => self.gone_by_changelog().map(|_| Fate::Deleted),
        }
    }

    /// The id of a deleted comment in a changelog. Its text is there too, but isn't read.
    fn gone_by_changelog(&self) -> Option<&str> {
        let items = self.body.changelog.as_ref()?.items.entries();
        let mut gone = items.filter(|item| item.field() == Field::Comment && item.after().is_none());
        gone.find_map(|item| item.from.text()).filter(|id| id.bytes().all(|digit| digit.is_ascii_digit()))
    }

    fn comment_id(&self) -> Option<&str> {
        let comment = self.body.comment.as_ref();
        comment.and_then(|comment| comment.id.as_ref()).map(Id::as_str).or_else(|| self.gone_by_changelog())
    }

    /// A changed comment isn't news by itself: a waiting update gets the new text, or isn't sent.
    pub fn comment_happening(&self, fate: Fate) -> Happening {
        let new = Happening::new(EventKind::TicketCommented, None);
        let id = self.comment_id();
        let comment = self.body.comment.as_ref();
        let (undone, because) = match fate {
            Fate::Written => return Happening { once: id.map(once), ..new },
            Fate::Deleted => (Undone::Deleted, "the comment was deleted"),
            Fate::Edited if comment.is_some_and(Comment::is_restricted) => {
                (Undone::Restricted, "not everybody may read the comment")
            }
            Fate::Edited => (Undone::Edited, "the comment was edited: updates that wait use its new text"),
        };
        // An edit without the comment doesn't say what its text is.
        let told = comment.is_some() || undone == Undone::Deleted;
        let of = id.filter(|_| told).map_or(Undoes::Nothing, |id| Undoes::Occurrence(once(id), undone));
        let word = match undone {
            Undone::Deleted => "deleted",
            Undone::Restricted => "restricted",
            _ => "edited",
        };
        let updated = comment.and_then(Comment::updated).filter(|_| undone != Undone::Deleted);
        let time = updated.map(|time| format!(":{}", time.as_millisecond())).unwrap_or_default();
        let once = id.filter(|_| told).map(|id| format!("jira-comment-{word}:{id}{time}").into());
        Happening { once, undoing: Some(undoing(of, because)), ..new }
    }

    /// Fills an event from its comment: author, time, page and text.
    pub fn with_comment(&self, event: Event, comment: &Comment, fate: Fate) -> Event {
        let (author, editor) = (comment.author.as_ref(), comment.update_author.as_ref());
        let writer = if fate == Fate::Written { author.or(editor) } else { editor.or(author) };
        let actor = writer.and_then(User::actor).or(event.actor);
        if fate == Fate::Deleted {
            return Event { actor, ..event };
        }
        let at = if fate == Fate::Written { comment.created() } else { comment.updated() };
        let id = comment.id.as_ref().map(Id::as_str);
        let named = !event.tickets.is_empty();
        let url = event.url.map(|url| match id {
            // Understood by Cloud and Data Center alike.
            Some(id) if named => format!("{url}?focusedCommentId={id}"),
            _ => url,
        });
        let summary = own_text(comment).and_then(|written| written.summary());
        let comment = summary.map(|summary| event::Comment { summary, url: url.clone() });
        Event { actor, at: at.unwrap_or(event.at), url, comment, ..event }
    }

    /// The beginning of the names of the notes in the delivery's comment, if it isn't new, since Jira doesn't send the
    /// old text.
    pub fn edited_comment(&self) -> Option<String> {
        let fate = self.comment_fate().filter(|fate| *fate != Fate::Written)?;
        // Without the comment, there is nothing to compare.
        let id = self.comment_id().filter(|_| fate == Fate::Deleted || self.body.comment.is_some())?;
        Some(notes_in(&place(id)))
    }

    /// The events for notes in the comment.
    pub fn notes_in_comment(&self, first: &Event) -> Vec<Event> {
        let fate = self.comment_fate().filter(|fate| *fate != Fate::Deleted);
        let Some((fate, comment)) = fate.zip(self.body.comment.as_ref()) else { return Vec::new() };
        let Some(written) = own_text(comment) else { return Vec::new() };
        let plain = Event { url: first.about.url().map(str::to_owned), ..first.clone() };
        let event = self.with_comment(plain, comment, fate);
        let name = comment.id.as_ref().map(|id| place(id.as_str()));
        let place = Place { name, url: event.url.clone(), author: event.actor.clone() };
        note::events(&event, &written.own, &place)
    }
}

/// Names a comment, which comes in `comment_created` and within `jira:issue_updated`.
fn once(id: &str) -> OccurrenceId {
    format!("jira-comment:{id}").into()
}

/// Names a comment as the place of notes.
fn place(id: &str) -> String {
    format!("jira:comment:{id}")
}

/// The text of a comment, unless it is restricted.
fn own_text(comment: &Comment) -> Option<Written> {
    comment.body.as_deref().filter(|_| !comment.is_restricted()).and_then(Written::read)
}
