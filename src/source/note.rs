//! Notes: what people tell partner teams with a line that starts with a slash command.

use sha2::{Digest, Sha256};

use crate::event::{Actor, Event, EventKind, Note, OccurrenceId};

use super::text;

/// The most characters in a note.
const LENGTH: usize = 1_000;
/// The most notes in one text. More wouldn't be short messages.
pub const MOST: usize = 20;

/// Where notes are.
pub struct Place {
    /// Identifies it across deliveries, such as `github:comment:12`; with `None`, notes can't be distinguished from
    /// repetitions
    pub name: Option<String>,
    /// Where it can be read
    pub url: Option<String>,
    /// Who wrote it
    pub author: Option<Actor>,
}

/// A note in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which kind it is
    pub kind: EventKind,
    /// The names that it begins with, each once
    pub to: Vec<String>,
    /// The rest
    pub words: String,
}

impl Said {
    /// Reads the text of a note, on one line and cut to its maximum; `None` if it has no words but names.
    pub fn read(kind: EventKind, text: &str) -> Option<Self> {
        let line = text::cut(text, LENGTH);
        let mut said = Self { kind, to: Vec::new(), words: String::new() };
        let mut rest = line.as_str();
        while let Some((name, after)) = leading_name(rest) {
            if !said.to.iter().any(|known| known == name) {
                said.to.push(name.to_owned());
            }
            rest = after;
        }
        rest.clone_into(&mut said.words);
        (!rest.is_empty()).then_some(said)
    }

    /// Identifies it among the notes of its kind in one place.
    fn digest(&self) -> String {
        let names = self.to.iter().flat_map(|name| ["@", name, " "]);
        let text: String = names.chain([self.words.as_str()]).collect();
        digest(&text)
    }
}

/// A short digest of a text.
pub fn digest(words: &str) -> String {
    hex::encode(&Sha256::digest(words)[..8])
}

/// The name after an `@` at the beginning of a text, and the rest. It may be followed by a comma or a colon.
fn leading_name(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let name = word.strip_prefix('@')?.trim_end_matches([',', ':', '.', '…']);
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    (!name.is_empty() && name.chars().all(fits)).then_some((name, rest))
}

/// One event for each note in a text, otherwise like `event`, which contained the text. Quotes, code blocks and
/// comments must have been removed, unless the beginning of a line shows what it is.
pub fn events(event: &Event, text: &str, place: &Place) -> Vec<Event> {
    let mut notes = Vec::new();
    for said in text.lines().filter_map(command) {
        if notes.len() < MOST && !notes.contains(&said) {
            notes.push(said);
        }
    }
    notes.into_iter().map(|said| tell(event, said, place)).collect()
}

/// The events for the changes of an edit in the notes of a text.
pub fn edits(event: &Event, (before, now): (&str, &str), place: &Place) -> Vec<Event> {
    revise(event, events(event, before, place), events(event, now, place))
}

/// The event for a note, otherwise like `event`.
pub fn tell(event: &Event, said: Said, place: &Place) -> Event {
    let name = said.kind.as_str().trim_start_matches("note.").to_owned();
    // Every delivery contains the description, so the same text in the same place is reported once.
    let once = place.name.as_ref().map(|place| OccurrenceId::of_note(place, &name, &said.digest()));
    let note = Note {
        kind: name,
        text: said.words,
        to: said.to,
        url: place.url.clone(),
        author: place.author.clone(),
        edited: false,
        taken_back: false,
        replaces: None,
    };
    Event { kind: said.kind, url: place.url.clone(), note: Some(note), once, ..bare(event) }
}

/// The events for a text that had the notes `before` and has the notes `now`, otherwise like `event`, which contained
/// the text. If a note disappears and another one of its kind appears, that is an edit.
#[must_use]
pub fn revise(event: &Event, before: Vec<Event>, now: Vec<Event>) -> Vec<Event> {
    let is_in = |told: &[Event], event: &Event| told.iter().any(|other| says_the_same(other, event));
    let new: Vec<Event> = now.iter().filter(|event| !is_in(&before, event)).cloned().collect();
    let mut gone: Vec<Event> = before.into_iter().filter(|event| !is_in(&now, event)).collect();
    let mut told = Vec::new();
    for mut note in new {
        let place = gone.iter().position(|old| old.kind == note.kind).map(|at| gone.remove(at));
        if let (Some(old), Some(note)) = (place, note.note.as_mut()) {
            note.edited = true;
            note.replaces = old.once.as_ref().map(OccurrenceId::original);
        }
        // A text that comes back in a later edit is news again, so the time of the edit is part of the name.
        note.once = note.once.map(|once| once.at(event.at));
        told.push(note);
    }
    told.extend(gone.into_iter().map(|old| take_back(event, old)));
    told
}

/// Whether two notes in one place are the same, apart from author and time.
fn says_the_same(one: &Event, other: &Event) -> bool {
    let says = |event: &Event| event.note.as_ref().map(|note| (note.kind.clone(), note.to.clone(), note.text.clone()));
    says(one) == says(other)
}

fn take_back(event: &Event, old: Event) -> Event {
    let name = old.once.as_ref().map(OccurrenceId::original);
    let note = old.note.map(|note| Note { edited: false, taken_back: true, replaces: name.clone(), ..note });
    let once = name.map(|name| name.taken_back_at(event.at));
    Event { kind: old.kind, url: old.url, note, once, ..bare(event) }
}

/// The parts of an event that the events for its notes share.
fn bare(event: &Event) -> Event {
    Event {
        change: None,
        comment: None,
        note: None,
        once: None,
        retold: None,
        doers: Vec::new(),
        undoing: None,
        renamed: None,
        review: None,
        ..event.clone()
    }
}

/// The notes that are still in a place, from all events about notes there, oldest first.
#[must_use]
pub fn standing(told: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut standing: Vec<Event> = Vec::new();
    for event in told {
        let Some(note) = &event.note else { continue };
        let goes = |once: &OccurrenceId| Some(once.original()) == note.replaces;
        standing.retain(|old| !old.once.as_ref().is_some_and(goes));
        let known = standing.iter().any(|old| says_the_same(old, &event));
        if !note.taken_back && !known {
            standing.push(event);
        }
    }
    standing
}

/// The note on a line. More than three spaces make it code, and a quote or a list item doesn't start with a slash.
pub fn command(line: &str) -> Option<Said> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let (command, words) = text.strip_prefix('/')?.split_once([' ', '\t'])?;
    let kind = match command.to_ascii_lowercase().as_str() {
        "assume" => EventKind::NoteAssumed,
        "decide" => EventKind::NoteDecided,
        "headsup" => EventKind::NoteHeadsUp,
        "delay" => EventKind::NoteDelayed,
        "block" => EventKind::NoteBlocked,
        _ => return None,
    };
    Said::read(kind, words)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn edited_at(second: i64) -> Event {
        let comment: Event = serde_json::from_value(json!({
            "source": "github", "kind": "pull_request.commented", "scope": "acme/x", "actor": null,
            "at": "2026-11-02T14:05:00Z", "url": null, "subject": "acme/x#45",
            "about": { "type": "thing", "kind": "push", "title": "x" },
        }))
        .unwrap();
        Event { at: Timestamp::from_second(second).unwrap(), ..comment }
    }

    fn all_words(events: &[Event]) -> BTreeSet<(EventKind, Vec<String>, String)> {
        let said = |event: &Event| {
            let note = event.note.as_ref().unwrap();
            (event.kind, note.to.clone(), note.text.clone())
        };
        events.iter().map(said).collect()
    }

    proptest! {
        /// However a text is edited, what was told of it adds up to what it says, and no edit is taken for another.
        #[test]
        fn edits_add_up_to_the_text(texts in prop::collection::vec("((/assume|/delay) (@x )?[a-d]\n){0,4}", 1..8)) {
            let place = Place { name: Some("github:comment:1".to_owned()), url: None, author: None };
            let mut told = events(&edited_at(0), &texts[0], &place);
            for (second, pair) in (1..).zip(texts.windows(2)) {
                told.extend(edits(&edited_at(second), (&pair[0], &pair[1]), &place));
            }
            let now = events(&edited_at(0), texts.last().unwrap(), &place);
            let standing = standing(told.clone());
            prop_assert_eq!(all_words(&standing), all_words(&now));
            let known = told.iter().filter_map(|event| event.note.as_ref()?.replaces.clone());
            let names: BTreeSet<_> = told.iter().filter_map(|event| event.once.as_ref().map(OccurrenceId::original)).collect();
            prop_assert!(known.into_iter().all(|name| names.contains(name.as_str())));
        }
    }

    #[test]
    fn a_note_is_a_line_that_starts_with_its_command() {
        for (line, kind, words) in [
            ("/assume the id is never reused", EventKind::NoteAssumed, "the id is never reused"),
            ("   /DECIDE \t we keep  it ", EventKind::NoteDecided, "we keep it"),
            ("/headsup\tthe format changes\r", EventKind::NoteHeadsUp, "the format changes"),
            ("/delay until Monday", EventKind::NoteDelayed, "until Monday"),
            ("/Block on DATA-1", EventKind::NoteBlocked, "on DATA-1"),
        ] {
            let said = Said { kind, to: Vec::new(), words: words.to_owned() };
            assert_eq!(command(line), Some(said), "{line}");
        }
        for line in [
            "> /assume x",
            "    /assume x",
            "\t/assume x",
            "- /assume x",
            "see /assume x",
            "/assume",
            "/assume ",
            "/assumed x",
        ] {
            assert_eq!(command(line), None, "{line}");
        }
        let long = command(&format!("/block {}", "é".repeat(5_000))).unwrap();
        assert_eq!(long.words.chars().count(), LENGTH);
    }

    #[test]
    fn names_at_the_beginning_are_whom_it_is_for() {
        for (line, to, words) in [
            ("/assume @web ids are stable", &["web"][..], "ids are stable"),
            ("/assume  @web\t@data-platform  ids are stable", &["web", "data-platform"], "ids are stable"),
            ("/assume @web, @acme/data_2.x: ids", &["web", "acme/data_2.x"], "ids"),
            ("/assume @web @web @Web ids", &["web", "Web"], "ids"),
            ("/assume @équipe ids", &["équipe"], "ids"),
            ("/assume ids of @web are stable", &[], "ids of @web are stable"),
            ("/assume @ ids", &[], "@ ids"),
            ("/assume @, ids", &[], "@, ids"),
            ("/assume @a@b ids", &[], "@a@b ids"),
            ("/assume @web's ids", &[], "@web's ids"),
            ("/assume ana@example.com reads it", &[], "ana@example.com reads it"),
        ] {
            let said = command(line).unwrap();
            assert_eq!(
                (said.to.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), said.words.as_str()),
                (to, words),
                "{line}"
            );
        }
        for line in ["/assume @web", "/assume @web, @data:", "/assume @web @web  "] {
            assert_eq!(command(line), None, "names alone say nothing: {line}");
        }
        let digest = |line: &str| command(line).unwrap().digest();
        assert_ne!(digest("/assume @web ids"), digest("/assume ids"), "somebody else hears it");
        assert_eq!(digest("/assume @web: ids"), digest("/assume  @web ids"));
        assert_eq!(digest("/assume ids"), "23466067f626bf8a", "names that were given before stay valid");
    }
}
