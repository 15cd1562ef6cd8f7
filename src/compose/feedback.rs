//! What the author of an assumption is told about it: that somebody objected, or that nobody did.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Rulebook;
use crate::destination::Manner;
use crate::event::{Event, RuleId, Source};
use crate::plan;
use crate::store::{Answer, Through};
use crate::template::{
    AnswerView, Company, Context, Facts, Links, Message, ObjectionView, RenderError, clean, context, shorten,
};

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
        /// How it came
        through: Through,
        /// When
        at: Timestamp,
    },
    /// Nobody objected by this time
    Agreement(Timestamp),
}

/// What somebody answered to a message, which becomes a comment.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The answer
    pub answer: &'a Answer,
    /// What the message was about
    pub event: &'a Event,
    /// The team that was told, and the rule by which it was
    pub rule: &'a RuleId,
    /// The team's time zone
    pub zone: &'a TimeZone,
    /// Whether it is an objection to an assumption
    pub objects: bool,
    /// When the comment is written
    pub now: Timestamp,
}

impl Rulebook {
    /// Writes the comment that carries an answer. Each version of it takes the place of the one before.
    ///
    /// # Errors
    /// If the template can't be rendered within its limits.
    pub fn reply(&self, reply: &Reply<'_>) -> Result<Message, RenderError> {
        let Reply { answer, event, rule, zone, objects, now } = *reply;
        let lines = Some(excerpt(&answer.text, WHOLE)).filter(|lines| !lines.is_empty() && !answer.gone);
        let by = Some(answer.by.clone()).filter(|by| !by.is_empty());
        let message = if objects && lines.is_some() {
            let teams = [rule.team.clone()];
            let reaction =
                Reaction::Objection { by: &answer.by, text: &answer.text, through: answer.through, at: answer.at };
            let feedback = Feedback { note: event, teams: &teams, rule: &rule.name, zone, reaction, now };
            self.feedback_of(&feedback, WHOLE)?
        } else {
            let facts = Facts {
                event,
                ticket: None,
                thread: &self.thread(event, None),
                team: &rule.team,
                rule: &rule.name,
                why: &plan::why_answer(&rule.team),
                links: &Links::default(),
                zone,
                object_by: None,
                now,
                company: Company::default(),
            };
            let view = AnswerView {
                by,
                login: answer.login.clone(),
                place: place(answer.through).to_owned(),
                time: answer.at,
                lines,
            };
            self.templates.render("answer", &Context { answer: Some(view), ..context(&facts) })?
        };
        Ok(Message { manner: Manner::Edit, ..message })
    }

    /// Writes the message that tells the author of an assumption how teams reacted.
    ///
    /// # Errors
    /// If the template can't be rendered within its limits.
    pub fn feedback(&self, feedback: &Feedback<'_>) -> Result<Message, RenderError> {
        self.feedback_of(feedback, EXCERPT)
    }

    fn feedback_of(&self, feedback: &Feedback<'_>, most: Most) -> Result<Message, RenderError> {
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
            Reaction::Objection { by, text, through, at } => {
                let lines = Some(excerpt(text, most)).filter(|lines| !lines.is_empty());
                let objection =
                    ObjectionView { by: Some(by.to_owned()), place: place(through).to_owned(), time: at, lines };
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

/// How something was said. Readers of the page may not know of our channels, so none is named.
fn place(through: Through) -> &'static str {
    match through {
        Through::Slack => "in Slack",
        Through::Mail => "by mail (sender not verified)",
        Through::Link => "through a link (name not verified)",
    }
}

/// So many lines, and so many letters.
type Most = (usize, usize);

const EXCERPT: Most = (6, 600);
/// As much as the store keeps.
const WHOLE: Most = (100, 4_000);

/// The beginning of what somebody wrote, in lines that are not empty.
fn excerpt(text: &str, (most_lines, most_letters): Most) -> Vec<String> {
    let mut lines = text.lines().map(clean).filter(|line| !line.is_empty());
    let (mut taken, mut room) = (Vec::new(), most_letters);
    while taken.len() < most_lines && room > 1 {
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
        assert_eq!(excerpt("", EXCERPT), [""; 0]);
        assert_eq!(excerpt(" \n\t\n", EXCERPT), [""; 0]);
        assert_eq!(excerpt("They are.\r\n\r\n  Since May.\n", EXCERPT), ["They are.", "Since May."]);
        assert_eq!(excerpt("1\n2\n3\n4\n5\n6\n7", EXCERPT), ["1", "2", "3", "4", "5", "6", "…"]);
        let long = excerpt(&"words ".repeat(2_000), EXCERPT);
        assert_eq!(long.len(), 1);
        assert!(long[0].ends_with('…') && long[0].chars().count() <= EXCERPT.1, "{long:?}");
        assert_eq!(excerpt(&format!("{}\nmore", "x".repeat(EXCERPT.1)), EXCERPT).last().map(String::as_str), Some("…"));
    }
}
