//! Whether a rule wants an event: a pure function of the two, with the reason in plain words.
//!
//! First the kind, then the conditions in the order of [`super::Condition`]; the first that fails gives the reason.
//! Only a rule whose conditions all hold asks whose news it is: first bots, then the team's own members.

mod conditions;
mod words;

use self::words::{one_of, short};
use super::condition::is_member;
use super::{Rule, Team};
use crate::event::{About, Actor, Event, EventKind, Ticket};

/// What a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The event, with the state of its subject
    pub event: &'a Event,
    /// Not always the event's own kind: a rule may be asked about the milestone that a subject has reached
    pub kind: EventKind,
    /// What is known of its primary ticket, where that is not the subject itself
    pub ticket: Option<&'a Ticket>,
}

/// What a rule says to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The team wants to hear of it
    Match,
    /// The rule is about something else
    Miss {
        /// The first condition that fails
        because: String,
    },
    /// The rule matches, but it is no news to the team
    Suppressed {
        /// Whose action it was
        because: String,
    },
}

/// Whether a rule of a team wants an event.
#[must_use]
pub fn judge(rule: &Rule, team: &Team, asked: Asked<'_>) -> Verdict {
    let Asked { event, kind, .. } = asked;
    if !rule.on.kinds.contains(kind) {
        let wanted: Vec<_> = rule.on.written.iter().map(String::as_str).collect();
        return Verdict::Miss { because: format!("the event is {kind}, not {}", one_of(&wanted)) };
    }
    if let Err(failure) = conditions::hold(&rule.conditions, asked) {
        return Verdict::Miss { because: failure.because };
    }
    let actor = doer(event, kind);
    match taken_back(event).or_else(|| bot_action(rule, event, actor)).or_else(|| own_action(rule, team, actor)) {
        Some(because) => Verdict::Suppressed { because },
        None => Verdict::Match,
    }
}

/// Words that are no longer said are not told; what was told of them before stands as it was sent.
fn taken_back(event: &Event) -> Option<String> {
    event.note.as_ref().filter(|note| note.taken_back).map(|_| "its author took it back".to_owned())
}

/// Whose doing it is. A bot that merges, closes or marks as ready (a merge queue, auto-merge) acts for whoever opened
/// the pull request, and a milestone that a late label brings up is not the doing of whoever labelled.
fn doer(event: &Event, kind: EventKind) -> Option<&Actor> {
    let actor = event.actor.as_ref();
    match &event.about {
        About::PullRequest(pr)
            if kind.is_milestone() && (kind != event.kind || actor.is_some_and(|actor| actor.bot)) =>
        {
            pr.author.as_ref().or(actor)
        }
        _ => actor,
    }
}

fn bot_action(rule: &Rule, event: &Event, actor: Option<&Actor>) -> Option<String> {
    let author = match &event.about {
        About::PullRequest(pr) => pr.author.as_ref(),
        _ => None,
    };
    let named = |bot: &Actor| rule.conditions.iter().any(|condition| condition.names_author(&bot.login));
    let bots: Vec<_> = [("actor", actor), ("author", author)]
        .into_iter()
        .filter_map(|(role, who)| Some((role, who.filter(|who| who.bot)?)))
        .collect();
    let (role, bot) = bots.first()?;
    // A rule that names a bot wants all of its pull requests, also those that another bot merges.
    let wanted = rule.bots || bots.iter().any(|(_, bot)| named(bot));
    (!wanted).then(|| format!("the {role} {} is a bot", short(&bot.name)))
}

fn own_action(rule: &Rule, team: &Team, actor: Option<&Actor>) -> Option<String> {
    let actor = actor.filter(|_| !rule.own)?;
    is_member(&team.members, actor)
        .then(|| format!("{} is a member of {}: not news to them", short(&actor.name), team.name))
}

#[cfg(test)]
mod tests;
