//! What the author of an assumption is told about it: that somebody objected, or that nobody did.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Rulebook;
use crate::event::{Event, Source};
use crate::plan;
use crate::template::{Company, Context, Facts, Links, Message, ObjectionView, RenderError, clean, context, shorten};

/// What the author of an assumption is told about it.
#[derive(Debug, Clone, Copy)]
pub struct Feedback<'a> {
    /// The assumption
    pub note: &'a Event,
    /// The teams that were told of it and reacted like this
    pub teams: &'a [String],
    /// The rule by which the first of them was told
    pub rule: &'a str,
    /// That team's time zone
    pub zone: &'a TimeZone,
    /// How they reacted
    pub reaction: Reaction<'a>,
    /// When the author is told
    pub now: Timestamp,
}

/// How teams react to an assumption.
#[derive(Debug, Clone, Copy)]
pub enum Reaction<'a> {
    /// Somebody objected
    Objection {
        /// Who, as they say; empty if they don't
        by: &'a str,
        /// What they wrote
        text: &'a str,
        /// When
        at: Timestamp,
    },
    /// Nobody objected by this time
    Agreement(Timestamp),
}

impl Rulebook {
    /// Writes the message that tells the author of an assumption how teams reacted.
    ///
    /// # Errors
    /// If the template can't be rendered within its limits.
    pub fn feedback(&self, feedback: &Feedback<'_>) -> Result<Message, RenderError> {
        let Feedback { note, teams, rule, zone, reaction, now } = *feedback;
        let facts = Facts {
            event: note,
            ticket: None,
            thread: &self.thread(note, None),
            team: teams.first().map_or("", String::as_str),
            rule,
            why: &plan::why_author(teams),
            links: &Links::default(),
            zone,
            object_by: match reaction {
                Reaction::Agreement(until) => Some(until),
                Reaction::Objection { .. } => None,
            },
            now,
            company: Company::default(),
        };
        let known = context(&facts);
        let message = match reaction {
            Reaction::Objection { by, text, at } => {
                let lines = Some(excerpt(text)).filter(|lines| !lines.is_empty());
                let objection = ObjectionView { by: Some(by.to_owned()), time: at, lines };
                self.templates.render("objected", &Context { objection: Some(objection), ..known })
            }
            Reaction::Agreement(_) => {
                self.templates.render("agreed", &Context { agreed: Some(teams.to_vec()), ..known })
            }
        }?;
        // Jira notifies everybody who commented on a ticket of new comments.
        let author = note.note.as_ref().and_then(|note| note.author.as_ref()).filter(|_| note.source == Source::Github);
        Ok(Message { mention: author.map(|author| author.login.clone()).into_iter().collect(), ..message })
    }
}

const MOST_LINES: usize = 6;
const MOST_LETTERS: usize = 600;

/// The beginning of what somebody wrote, in lines that are not empty.
fn excerpt(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(clean).filter(|line| !line.is_empty());
    let (mut taken, mut room) = (Vec::new(), MOST_LETTERS);
    while taken.len() < MOST_LINES && room > 1 {
        let Some(line) = lines.next() else { return taken };
        let line = shorten(&line, room);
        room -= line.chars().count().min(room);
        taken.push(line);
    }
    if lines.next().is_some() && !taken.last().is_some_and(|line| line.ends_with('…')) {
        taken.push("…".to_owned());
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_quoted() {
        assert_eq!(excerpt(""), [""; 0]);
        assert_eq!(excerpt(" \n\t\n"), [""; 0]);
        assert_eq!(excerpt("They are.\r\n\r\n  Since May.\n"), ["They are.", "Since May."]);
        assert_eq!(excerpt("1\n2\n3\n4\n5\n6\n7"), ["1", "2", "3", "4", "5", "6", "…"]);
        let long = excerpt(&"words ".repeat(2_000));
        assert_eq!(long.len(), 1);
        assert!(long[0].ends_with('…') && long[0].chars().count() <= MOST_LETTERS, "{long:?}");
        assert_eq!(excerpt(&format!("{}\nmore", "x".repeat(MOST_LETTERS))).last().map(String::as_str), Some("…"));
    }
}
