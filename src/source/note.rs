//! Notes: what people say to partner teams with a line that starts with a slash command.

use sha2::{Digest, Sha256};

use crate::event::{Actor, Event, EventKind, Note};

use super::text;

/// Characters of a note.
const LENGTH: usize = 1_000;
/// Notes in one text. More are no short messages.
const MOST: usize = 20;

/// A text that may hold notes.
pub struct Said<'a> {
    /// Without quotes, code blocks and comments, so far as these are not told by how a line starts
    pub text: &'a str,
    /// Names the text across deliveries, such as `github:comment:12`; `None`: the notes cannot be told from repetitions
    pub place: Option<String>,
    /// Where it can be read
    pub url: Option<String>,
    /// Who wrote it
    pub author: Option<Actor>,
}

/// One event for each note in a text, otherwise like `event`, the event that brought the text.
pub fn events(event: &Event, said: &Said<'_>) -> Vec<Event> {
    let notes = said.text.lines().filter_map(command).take(MOST);
    notes
        .map(|(kind, words)| {
            let name = kind.as_str().trim_start_matches("note.").to_owned();
            // Descriptions are read again with each delivery: the same words in the same place are told once.
            let once = said.place.as_ref().map(|place| format!("note:{place}:{name}:{}", digest(&words)));
            let note = Note { kind: name, text: words, url: said.url.clone(), author: said.author.clone() };
            let url = said.url.clone();
            Event { kind, url, change: None, comment: None, note: Some(note), once, ..event.clone() }
        })
        .collect()
}

/// The note on a line. More than three spaces make it code; a quote or a list item does not start with a slash.
pub fn command(line: &str) -> Option<(EventKind, String)> {
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
    let words = text::cut(words, LENGTH);
    (!words.is_empty()).then_some((kind, words))
}

fn digest(words: &str) -> String {
    Sha256::digest(words).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_line_that_starts_with_its_command() {
        for (line, kind, words) in [
            ("/assume the id is never reused", EventKind::NoteAssumed, "the id is never reused"),
            ("   /DECIDE \t we keep  it ", EventKind::NoteDecided, "we keep it"),
            ("/headsup\tthe format changes\r", EventKind::NoteHeadsUp, "the format changes"),
            ("/delay until Monday", EventKind::NoteDelayed, "until Monday"),
            ("/Block on DATA-1", EventKind::NoteBlocked, "on DATA-1"),
        ] {
            assert_eq!(command(line), Some((kind, words.to_owned())), "{line}");
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
        let (_, words) = command(&format!("/block {}", "é".repeat(5_000))).unwrap_or((EventKind::Push, String::new()));
        assert_eq!(words.chars().count(), LENGTH);
    }
}
