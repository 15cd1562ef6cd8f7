//! What somebody reads in Slack: what a channel hears, and why it was told something.

use jiff::Timestamp;

use super::answer::Answer;
use super::here::Here;
use super::{Desk, Refusal};
use crate::compose::Rulebook;
use crate::mute::Mute;
use crate::store::{Found, Record, Turn};
use crate::template::shorten;
use crate::track::is_restricted;
use crate::who::{Hears, Question, who};

/// So many rules and lines are listed: a message has to end.
const MOST_RULES: usize = 25;
const MOST_LINES: usize = 8;
const MOST_LETTERS: usize = 400;

impl Desk {
    pub(super) async fn list(&self, rulebook: &Rulebook, here: &Here) -> Result<Answer, Refusal> {
        let team = &here.team.name;
        let question = Question { team: Some(team.clone()), ..Question::default() };
        let heard = who(rulebook.rules(), &question);
        let mut heard = heard.iter().filter(|hears| goes_here(hears, here)).map(in_words).collect::<Vec<_>>();
        let more = heard.len().saturating_sub(MOST_RULES);
        heard.truncate(MOST_RULES);
        let mut answer = Answer::said(&format!("By these rules of {team}, this channel hears of:")).list(heard);
        if more > 0 {
            answer = answer.and(&format!("And {more} more rules."));
        }
        let mutes = self.store.mutes(Timestamp::now()).await?;
        let muted =
            mutes.iter().filter(|mute| concerns(mute, here)).take(MOST_RULES).map(Mute::terms).collect::<Vec<_>>();
        Ok(if muted.is_empty() { answer } else { answer.and("What is muted:").list(muted) })
    }

    /// The last messages in a channel, or what became of a conversation.
    pub(super) async fn why(&self, here: &Here, thread: Option<&str>) -> Result<Answer, Refusal> {
        let team = &here.team;
        let records = match thread {
            None => {
                let to = here.to.iter().map(ToString::to_string).collect();
                self.store.told_last(team.name.clone(), to).await?
            }
            Some(thread) => self.lines_of(here, thread).await?,
        };
        let shown = records.iter().rev().filter(|record| record.team.as_ref() == Some(&team.name));
        let shown = shown.filter_map(|record| line(record, here)).take(MOST_LINES).collect::<Vec<_>>();
        Ok(match (thread, shown.is_empty()) {
            (None, true) => Answer::said("Nothing was sent to this channel lately."),
            (None, false) => Answer::said("What this channel was told last, and why:").list(shown),
            (Some(thread), true) => {
                Answer::said(&format!("None of {}'s rules matched anything about `{thread}`.", team.name))
            }
            (Some(thread), false) => {
                Answer::said(&format!("What became of `{thread}` for {}, the newest first:", team.name)).list(shown)
            }
        })
    }

    /// The last lines of a conversation, which may have another name by now.
    async fn lines_of(&self, here: &Here, thread: &str) -> Result<Vec<Record>, Refusal> {
        let mut name = thread.to_owned();
        for _ in 0..2 {
            name = match self.store.conversation(name.clone(), Turn::Before(i64::MAX), Timestamp::now()).await? {
                Found::Here(found) => return Ok(found.records),
                Found::Elsewhere(now) => now,
                Found::Nowhere => break,
            };
        }
        // Readers outside must not learn that there is something.
        if !here.team.is_trusted_inside() {
            return Ok(Vec::new());
        }
        Err(Refusal::Said(format!(
            "Nothing has been heard of `{thread}`. Write a ticket's key, such as `DATA-123`, or `acme/ingest-api#45`."
        )))
    }
}

fn goes_here(hears: &Hears, here: &Here) -> bool {
    here.to.iter().any(|to| hears.to.contains(&to.to_string()))
}

/// `merged: pull_request.merged in acme/ingest-*, labels: contract; after 1m`
fn in_words(hears: &Hears) -> String {
    let Hears { rule, on, repositories, tickets, needs, timing, .. } = hears;
    let places = [repositories.as_slice(), tickets].concat();
    let places = if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) };
    let needs = if needs.is_empty() { String::new() } else { format!(", needs {}", needs.join(" and ")) };
    shorten(&format!("`{rule}`: {}{places}{needs}; {}", on.join(", "), timing.join("; ")), MOST_LETTERS)
}

/// Whether a mute concerns a channel, and its team knows of what it is about.
fn concerns(mute: &Mute, here: &Here) -> bool {
    let scope = &mute.scope;
    let of_team = match &scope.team {
        Some(team) => *team == here.team.name,
        None => here.team.is_trusted_inside(),
    };
    of_team && scope.destination.as_ref().is_none_or(|to| here.to.contains(to))
}

/// What became of an event, so far as the team's readers may know it; `None` if they may not know of it at all. What was
/// written is never said again: it stands in the messages.
fn line(record: &Record, here: &Here) -> Option<String> {
    let outside = !here.team.is_trusted_inside();
    let event = record.event.as_ref().map(|known| &known.event);
    let restricted =
        record.of_restricted || record.by_restricted || event.is_none_or(|event| is_restricted(&event.about));
    let private = outside && (record.private || event.is_none_or(crate::event::Event::is_private));
    if restricted && outside {
        return None;
    }
    let bare = restricted || private;
    let subject = match private {
        true => event.map_or("a private repository", |event| event.scope.as_str()),
        false => record.subject.as_deref().unwrap_or("something"),
    };
    let kind = record.kind.as_deref().filter(|_| !restricted).unwrap_or("something");
    let reason = if bare { record.reason.code().describe().to_owned() } else { record.reason.to_string() };
    let rule = record.rule.as_deref().unwrap_or_default();
    let at = here.team.timezone.to_datetime(record.at).strftime("%a %d %b %H:%M");
    let came = if bare { String::new() } else { record.outcomes.iter().map(|came| format!("; {came}")).collect() };
    Some(shorten(&format!("{at}: {kind} on {subject}, rule `{rule}`: {}, {reason}{came}", record.state), MOST_LETTERS))
}
