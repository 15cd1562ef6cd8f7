//! The notes in the commits of a push or a pull request.

use crate::event::{Actor, Event};

use super::note::{self, Place};
use super::tickets::Keys;
use super::trailer;

/// The parts of a commit that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its whole message
    pub message: String,
    /// Its page
    pub url: Option<String>,
    /// Who wrote it
    pub author: Option<Actor>,
}

/// The events for the notes in commit messages, otherwise like `event`, with the tickets of each message. A commit gets
/// to many branches, and has another id after a rebase or cherry-pick, so the same text counts once per repository.
pub fn notes<'c>(
    event: &Event,
    commits: impl IntoIterator<Item = &'c Commit>,
    tickets: impl Fn(&str) -> Keys,
) -> Vec<Event> {
    let mut told: Vec<Event> = Vec::new();
    for commit in commits {
        for note in notes_in(event, commit, &tickets) {
            if told.len() < note::MOST && !told.iter().any(|other| other.once == note.once) {
                told.push(note);
            }
        }
    }
    told
}

fn notes_in(event: &Event, commit: &Commit, tickets: impl Fn(&str) -> Keys) -> Vec<Event> {
    let notes = trailer::notes(&commit.message);
    if notes.is_empty() {
        return Vec::new();
    }
    let place = Place {
        name: Some(format!("github:{}:commit", event.scope)),
        url: commit.url.clone().or_else(|| event.url.clone()),
        author: commit.author.clone(),
    };
    // The note is by the commit's author, whoever pushes or merges it.
    let actor = place.author.clone().or_else(|| event.actor.clone());
    let Keys { tickets, listed } = tickets(&commit.message);
    let event = Event { actor, tickets, listed, ..event.clone() };
    notes.into_iter().map(|said| note::tell(&event, said, &place)).collect()
}
