//! What the author of an assumption is told of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Rulebook;
use crate::event::{Event, Source};
use crate::plan;
use crate::template::{Company, Context, Facts, Links, Message, ObjectionView, RenderError, clean, context, shorten};

/// What came of an assumption, for its author.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The assumption
    pub note: &'a Event,
    /// The teams that were asked and of which it is so
    pub teams: &'a [String],
    /// The rule that asked the first of them
    pub rule: &'a str,
    /// That team's time zone
    pub zone: &'a TimeZone,
    /// What came
    pub came: Came<'a>,
    /// When it is told
    pub now: Timestamp,
}

/// What came of an assumption.
#[derive(Debug, Clone, Copy)]
pub enum Came<'a> {
    /// Somebody objects
    Objection {
        /// Who, as they say; empty if they don't
        by: &'a str,
        /// What they wrote
        text: &'a str,
        /// When
        at: Timestamp,
    },
    /// Nobody did by then
    Agreement(Timestamp),
}

impl Rulebook {
    /// Writes what the author of an assumption is told of it.
    ///
    /// # Errors
    /// When the template cannot be rendered within its bounds.
    pub fn answer(&self, answer: &Answer<'_>) -> Result<Message, RenderError> {
        let Answer { note, teams, rule, zone, came, now } = *answer;
        let facts = Facts {
            event: note,
            ticket: None,
            thread: &self.thread(note, None),
            team: teams.first().map_or("", String::as_str),
            rule,
            why: &plan::why_author(teams),
            links: &Links::default(),
            zone,
            object_by: match came {
                Came::Agreement(until) => Some(until),
                Came::Objection { .. } => None,
            },
            now,
            company: Company::default(),
        };
        let known = context(&facts);
        let message = match came {
            Came::Objection { by, text, at } => {
                let lines = Some(excerpt(text)).filter(|lines| !lines.is_empty());
                let objection = ObjectionView { by: Some(by.to_owned()), time: at, lines };
                self.templates.render("objected", &Context { objection: Some(objection), ..known })
            }
            Came::Agreement(_) => self.templates.render("agreed", &Context { agreed: Some(teams.to_vec()), ..known }),
        }?;
        // Jira tells whoever wrote on a ticket of what is written there.
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
