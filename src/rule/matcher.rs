//! Whether a rule wants an event: a pure function of the two, with the reason in plain words.
//!
//! Conditions are tried in the order `on`, `repo`, `base`, `draft`, `labels`, `author`, `ticket`, `title`, and the
//! first that fails gives the reason. Only a rule whose conditions all hold asks whose news it is: first bots, then
//! the team's own members.

use super::pattern::Refusal;
use super::{Condition, Rule, Team};
use crate::event::{About, Actor, Event, EventKind, PullRequest, Source, ThingKind};

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

/// Whether a rule of a team wants an event. `kind` is not always the event's own: a rule may be asked about the
/// milestone that a subject has reached.
#[must_use]
pub fn judge(rule: &Rule, team: &Team, event: &Event, kind: EventKind) -> Verdict {
    if !rule.on.kinds.contains(&kind) {
        let wanted: Vec<_> = rule.on.written.iter().map(String::as_str).collect();
        return Verdict::Miss { because: format!("the event is {kind}, not {}", one_of(&wanted)) };
    }
    if let Some(because) = rule.conditions.iter().find_map(|condition| condition.test(event).err()) {
        return Verdict::Miss { because };
    }
    let actor = doer(event, kind);
    match taken_back(event).or_else(|| bot_action(rule, event, actor)).or_else(|| own_action(rule, team, actor)) {
        Some(because) => Verdict::Suppressed { because },
        None => Verdict::Match,
    }
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// Why not.
    fn test(&self, event: &Event) -> Result<(), String> {
        match self {
            Self::Repo(list) => match event.source {
                Source::Github => refuse("repo", list.test(&[&event.scope]), &[&event.scope]),
                Source::Jira => Err(hasnt(event, "repo")),
            },
            Self::Base(list) => {
                let base = pull_request(event, "base", |pr| pr.base.as_deref())?;
                refuse("base", list.test(&[base]), &[base])
            }
            Self::Draft(wanted) => match pull_request(event, "draft state", |pr| pr.draft)? {
                draft if draft == *wanted => Ok(()),
                true => Err("the pull request is a draft".to_owned()),
                false => Err("the pull request is no draft".to_owned()),
            },
            Self::Labels(list) => {
                let labels = labels(event)?;
                let labels: Vec<_> = labels.iter().map(String::as_str).collect();
                refuse("label", list.test(&labels), &labels)
            }
            Self::Author(list) => {
                let author = author(event).ok_or("the author is not known")?;
                let names = names(author);
                refuse("author", list.test(&names), &names)
            }
            Self::Ticket(list) => {
                let keys: Vec<_> = event.tickets.iter().map(|key| key.as_str()).collect();
                refuse("ticket", list.test(&keys), &keys)
            }
            Self::Title(list) => refuse("title", list.test(&[event.about.title()]), &[event.about.title()]),
        }
    }
}

/// Words that are no longer said are not told; what was told of them before stands as it was sent.
fn taken_back(event: &Event) -> Option<String> {
    event.note.as_ref().filter(|note| note.taken_back).map(|_| "its author took it back".to_owned())
}

/// Puts a refusal into words.
fn refuse(what: &str, outcome: Result<(), Refusal<'_>>, values: &[&str]) -> Result<(), String> {
    outcome.map_err(|refusal| match refusal {
        Refusal::Excluded { by, value } => format!("{what} {} is excluded by {by}", quoted(value)),
        Refusal::NoneOf(wanted) => match values {
            [] => format!("it has no {what}, and the rule wants {}", one_of(&wanted)),
            [value] => format!("{what} is {}, not {}", quoted(value), one_of(&wanted)),
            values => {
                let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
                format!("{what} is {}, none of them {}", listed(&values), one_of(&wanted))
            }
        },
    })
}

fn one_of(wanted: &[&str]) -> String {
    match wanted {
        [only] => (*only).to_owned(),
        several => format!("one of {}", listed(several)),
    }
}

/// The first few: a reason is one line in a ledger.
fn listed<T: AsRef<str>>(entries: &[T]) -> String {
    const MOST: usize = 8;
    let first: Vec<_> = entries.iter().take(MOST).map(AsRef::as_ref).collect();
    let more = if entries.len() > MOST { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

fn quoted(value: &str) -> String {
    format!("`{}`", short(value))
}

/// A value from a payload, on one line and not too long.
fn short(value: &str) -> String {
    const LONGEST: usize = 80;
    let line = value.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c });
    let more = if value.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("{}{more}", line.collect::<String>())
}

fn hasnt(event: &Event, what: &str) -> String {
    let subject = match &event.about {
        About::PullRequest(_) => "a pull request",
        About::Issue(_) => "an issue",
        About::Ticket(_) => "a ticket",
        About::Thing(thing) => match thing.kind {
            ThingKind::Release => "a release",
            ThingKind::Deployment => "a deployment",
            ThingKind::Workflow => "a workflow",
            ThingKind::Discussion => "a discussion",
            ThingKind::Branch => "a branch",
            ThingKind::Push => "a push",
            ThingKind::Sprint => "a sprint",
            ThingKind::Version => "a version",
        },
    };
    format!("{subject} has no {what}")
}

fn pull_request<'e, T>(event: &'e Event, what: &str, get: impl Fn(&'e PullRequest) -> Option<T>) -> Result<T, String> {
    match &event.about {
        About::PullRequest(pr) => get(pr).ok_or_else(|| {
            let is = if what.ends_with('s') { "are" } else { "is" };
            format!("the pull request's {what} {is} not known")
        }),
        _ => Err(hasnt(event, what)),
    }
}

fn labels(event: &Event) -> Result<&[String], String> {
    match &event.about {
        About::PullRequest(_) => pull_request(event, "labels", |pr| pr.labels.as_deref()),
        About::Issue(issue) => Ok(&issue.labels),
        About::Ticket(ticket) => Ok(&ticket.labels),
        About::Thing(_) => Err(hasnt(event, "labels")),
    }
}

fn author(event: &Event) -> Option<&Actor> {
    match &event.about {
        About::PullRequest(pr) => pr.author.as_ref(),
        About::Issue(issue) => issue.author.as_ref(),
        About::Ticket(ticket) => ticket.reporter.as_ref(),
        About::Thing(_) => event.actor.as_ref(),
    }
}

/// Jira's account ids are unreadable, so people are also known by their names.
fn names(actor: &Actor) -> Vec<&str> {
    if actor.login == actor.name { vec![&actor.login] } else { vec![&actor.login, &actor.name] }
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
    if rule.bots {
        return None;
    }
    let author = match &event.about {
        About::PullRequest(pr) => pr.author.as_ref(),
        _ => None,
    };
    let named = |bot: &Actor| {
        rule.conditions.iter().any(|condition| matches!(condition, Condition::Author(list) if list.names(&bot.login)))
    };
    let bots: Vec<_> = [("actor", actor), ("author", author)]
        .into_iter()
        .filter_map(|(role, who)| Some((role, who.filter(|who| who.bot)?)))
        .collect();
    // A rule that names a bot wants all of its pull requests, also those that another bot merges.
    if bots.iter().any(|(_, bot)| named(bot)) {
        return None;
    }
    bots.first().map(|(role, bot)| format!("the {role} {} is a bot", short(&bot.name)))
}

fn own_action(rule: &Rule, team: &Team, actor: Option<&Actor>) -> Option<String> {
    let actor = actor.filter(|_| !rule.own)?;
    team.has(actor).then(|| format!("{} is a member of {}: not news to them", short(&actor.name), team.name))
}

impl Team {
    /// Whether somebody is a member of it.
    #[must_use]
    pub fn has(&self, actor: &Actor) -> bool {
        let (login, name) = (actor.login.to_lowercase(), actor.name.to_lowercase());
        self.members.iter().map(|member| member.to_lowercase()).any(|member| member == login || member == name)
    }
}

#[cfg(test)]
mod tests;
