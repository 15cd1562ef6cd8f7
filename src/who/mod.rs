//! Who gets what, by the rules in force: who hears of a repository, and what a team hears. Nothing but the rules is asked,
//! so what only an event can tell, such as its labels, is listed as what a rule needs besides.

mod condition;

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use self::condition::{Holds, all, listed};
use crate::event::{EventKind, Kinds};
use crate::plan;
use crate::rule::{self, Condition, Rule, Rules, Team, duration_written};

/// Where something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A repository on GitHub, `owner/name`
    Repository(String),
    /// A project in Jira, by its key
    Project(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match text.split('/').collect::<Vec<_>>()[..] {
            [owner, name] if plain(owner) && plain(name) => Ok(Self::Repository(text.to_owned())),
            [key] if plain(key) && key.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                Ok(Self::Project(key.to_ascii_uppercase()))
            }
            _ => Err(format!(
                "`{text}` is neither a repository, such as acme/ingest-api, nor a project of Jira's, such as DATA"
            )),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Who hears of this?
    pub place: Option<Place>,
    /// What does this team hear?
    pub team: Option<String>,
    /// Who hears of such events?
    pub kinds: Option<Kinds>,
}

impl Question {
    /// Reads a question as people write it.
    ///
    /// # Errors
    /// Which part makes no sense, and why.
    pub fn read(place: Option<&str>, team: Option<&str>, kind: Option<&str>) -> Result<Self, String> {
        let place = place.map(str::parse).transpose()?;
        let kinds = kind.map(rule::kinds).transpose().map_err(|(wrong, help)| match help {
            Some(help) => format!("{wrong}; {help}"),
            None => wrong,
        })?;
        Ok(Self { place, team: team.map(str::to_owned), kinds })
    }

    fn asks_for(&self, kind: EventKind) -> bool {
        // An issue is a ticket for rules on tickets.
        let asked = |kinds: &Kinds| {
            kinds.contains(kind) || EventKind::ALL.iter().any(|of| kinds.contains(*of) && of.of_ticket() == Some(kind))
        };
        let happens = match &self.place {
            Some(Place::Repository(_)) => !matches!(family(kind), "sprint" | "version"),
            Some(Place::Project(_)) => matches!(family(kind), "ticket" | "sprint" | "version" | "note"),
            None => true,
        };
        happens && self.kinds.as_ref().is_none_or(asked)
    }
}

/// The part of a kind's name before its dot.
#[must_use]
pub fn family(kind: EventKind) -> &'static str {
    kind.as_str().split_once('.').map_or(kind.as_str(), |(family, _)| family)
}

/// What a team hears by one of its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hears {
    /// The team
    pub team: String,
    /// Its rule; `@notes` for notes that name the team
    pub rule: String,
    /// The events, as the rule has them
    pub on: Vec<String>,
    /// The kinds that are meant, among those that were asked for
    pub kinds: Vec<EventKind>,
    /// The repositories, as the rule has them; if there are none, all of them
    pub repositories: Vec<String>,
    /// The tickets, as the rule has them; if there are none, all of them
    pub tickets: Vec<String>,
    /// What an event needs besides
    pub needs: Vec<String>,
    /// The destinations
    pub to: Vec<String>,
    /// When messages are sent
    pub timing: Vec<String>,
}

/// The answer: the rules by which somebody hears of what is asked, in the order of the files.
#[must_use]
pub fn who(rules: &Rules, question: &Question) -> Vec<Hears> {
    let teams = rules.teams().iter().filter(|team| question.team.as_ref().is_none_or(|asked| *asked == team.name));
    teams
        .flat_map(|team| team.rules.iter().chain(&team.addressed).filter_map(|rule| hears(team, rule, question)))
        .collect()
}

fn hears(team: &Team, rule: &Rule, question: &Question) -> Option<Hears> {
    let kinds = rule.on.kinds.iter().filter(|kind| question.asks_for(*kind)).collect::<Vec<_>>();
    let conditions = flat(&rule.conditions);
    if kinds.is_empty() || all(conditions.iter().copied(), question.place.as_ref()) == Holds::No {
        return None;
    }
    let (mut repositories, mut tickets, mut needs) = (Vec::new(), Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            Condition::Repo(list) => repositories.extend(listed(list)),
            Condition::Ticket(list) => tickets.extend(listed(list)),
            other => match all([other], question.place.as_ref()) {
                Holds::Needs(needed) => needs.push(needed),
                Holds::Yes | Holds::No => {}
            },
        }
    }
    if team.addressed.as_ref().is_some_and(|addressed| addressed.name == rule.name) {
        needs.push(format!("the note names the team: `@{}`", team.name));
    }
    Some(Hears {
        team: team.name.clone(),
        rule: rule.name.clone(),
        on: rule.on.written.clone(),
        kinds,
        repositories,
        tickets,
        needs,
        to: plan::destinations(rule).iter().map(ToString::to_string).collect(),
        timing: timing(team, rule),
    })
}

/// The conditions, with those of `all` beside the others.
fn flat(conditions: &[Condition]) -> Vec<&Condition> {
    let mut all = Vec::new();
    for condition in conditions {
        match condition {
            Condition::All(groups) => all.extend(groups.iter().flat_map(|group| flat(group))),
            other => all.push(other),
        }
    }
    all
}

/// When messages of a rule are sent, in words.
#[must_use]
pub fn timing(team: &Team, rule: &Rule) -> Vec<String> {
    let quiet = team.quiet.written();
    let timing = [
        rule.after.map(|after| format!("when nothing happened for {}", duration_written(after))),
        rule.before.map(|days| format!("{days}d before the due date")),
        Some(match rule.digest {
            Some(digest) => format!("in a digest, {}", digest.written()),
            None if rule.settle.is_zero() => "at once".to_owned(),
            None => format!("after {}", duration_written(rule.settle)),
        }),
        rule.every.map(|every| format!("at most every {} about one thing", duration_written(every))),
        (!quiet.is_empty()).then(|| format!("outside of quiet hours ({})", quiet.join(", "))),
        team.budget.map(|budget| format!("at most {} for the team", budget.written())),
    ];
    timing.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
