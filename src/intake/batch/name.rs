//! What goes by another name now, what was undone before it was heard of, and what is private now.

use super::Batch;
use crate::event::{Event, Undoes, Undone};
use crate::plan::{Made, Recall};
use crate::reason::Reason;
use crate::store::StoreError;

impl Batch<'_> {
    /// An event that renames its subject is about the new name, of which all is known that was known of the old one.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) async fn follow_name(&mut self, event: &mut Event) -> Result<(), StoreError> {
        let Some(renamed) = event.renamed.clone() else { return Ok(()) };
        let mut known = self.before(&renamed.from).await?.clone();
        let new = self.before(&renamed.to).await?;
        if event.subject == renamed.from {
            // It says how it was there.
            if let Some(now) = new.known.clone().or_else(|| known.known.clone()) {
                event.about = now.about;
            }
            event.subject.clone_from(&renamed.to);
        }
        if new.known.is_none() {
            std::mem::swap(new, &mut known);
        } else {
            new.history.held.append(&mut known.history.held);
            new.history.fired.extend(known.history.fired);
        }
        Ok(())
    }

    /// Names at the beginning of a note that are no team's are words of it: people are named like that too.
    pub(super) fn keep_names(&self, event: &mut Event) {
        let Some(note) = event.note.as_mut().filter(|note| !note.to.is_empty()) else { return };
        let teams = self.rulebook.rules().teams();
        let (to, people) = std::mem::take(&mut note.to)
            .into_iter()
            .partition::<Vec<_>, _>(|name| teams.iter().any(|team| team.is_called(name)));
        note.to = to;
        for name in people.iter().rev() {
            note.text = format!("@{name} {}", note.text);
        }
    }

    /// Why an occurrence is no news, if what undoes it came first; other words that were put into it stand in it from the
    /// beginning.
    pub(super) async fn undone(&self, event: &mut Event) -> Result<Option<Reason>, StoreError> {
        let said_in = event.note.is_some().then(|| event.once.as_deref().and_then(comment_of)).flatten();
        let once = said_in.or_else(|| event.once.clone().filter(|_| event.note.is_none()));
        let Some(once) = once.filter(|_| event.undoing.is_none()) else { return Ok(None) };
        let once = once.as_str();
        if event.note.is_none() && event.comment.is_none() && !event.kind.can_be_undone_first() {
            return Ok(None);
        }
        let stored = self.store.undoings(once).await?.into_iter();
        let of = |event: &Event| match event.undoing.as_ref().map(|undoing| undoing.of.clone()) {
            Some(Undoes::Occurrence(of, how)) if of == once => Some((how, event.comment.clone())),
            _ => None,
        };
        let mut reason = None;
        for (how, words) in
            stored.filter_map(|event| of(&event)).chain(self.events().filter_map(of)).collect::<Vec<_>>()
        {
            match (how, words) {
                // What an edit makes of a note is known from the notes in the new words.
                (Undone::Edited, _) if event.note.is_some() => {}
                (Undone::Edited, Some(words)) => event.comment = Some(words),
                (how, _) => reason = Some(Reason::LateGone { how }),
            }
        }
        Ok(reason)
    }

    /// What is to be written anew since its repository is private from now on.
    pub(super) async fn becomes_private(&self, event: &Event) -> Result<Option<Recall>, StoreError> {
        if event.private != Some(true) || !self.rulebook.rules().have_readers_outside() {
            return Ok(None);
        }
        let scope = event.named(&event.scope);
        let was = self.store.private(&[&scope]).await?.get(&scope).copied();
        Ok((was == Some(false)).then_some(Recall { made: Made::Repository(scope), withdrawn: None }))
    }
}

/// The comment that a note is said in, by the note's name.
fn comment_of(once: &str) -> Option<String> {
    let (host, place) = once.split_once("note:")?;
    // What an edit brings is newer than the comment.
    let (place, _) = place.split_once('@').map_or(Some((place, "")), |_| None)?;
    let place = place.rsplit_once(':')?.0.rsplit_once(':')?.0;
    let of_jira = place.strip_prefix("jira:comment:").map(|id| format!("{host}jira-comment:{id}"));
    of_jira.or_else(|| {
        let of = ["github:comment:", "github:review:", "github:review-comment:"];
        of.iter().any(|kind| place.starts_with(kind)).then(|| format!("{host}{place}"))
    })
}
