//! Event and state in; updates out, with the reason for each one that isn't sent.
//!
//! Pure: [`plan`] says what each team is to hear of an event, and [`release`] what becomes of an update when its time
//! has come. [`crate::intake`] runs both against the store.

mod answer;
mod note;
mod silence;
mod undo;
mod verdict;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

pub use answer::{Agreement, agreement, author_page, why_author};
pub use silence::{Silence, Silent, Timer, broken_silence};
pub use undo::{Made, Recall};

use crate::destination::Destination;
use crate::event::{About, Change, Comment, Event, EventKind, Ticket};
use crate::hold::{Past, Wait, hold};
use crate::reason::Reason;
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate};
use crate::track::{Known, Tracked, stands, with_previous_status};

pub use verdict::{Evaluated, differences, evaluate_all, matching};

/// A milestone that a rule has told of a subject already: team, rule, kind.
pub type Fired = HashSet<(String, String, EventKind)>;

/// Names a line of the ledger. People see it as `delivery.line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct LineId {
    /// The delivery's number
    pub delivery: i64,
    /// The line's number within it, from 1
    pub line: i64,
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.delivery, self.line)
    }
}

impl FromStr for LineId {
    type Err = String;

    /// # Errors
    /// One sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('.').and_then(|(delivery, line)| Some((delivery.parse().ok()?, line.parse().ok()?)));
        let (delivery, line) = numbers.ok_or_else(|| format!("`{text}` names no line: it is like 41.2"))?;
        Ok(Self { delivery, line })
    }
}

/// An update of the same subject that still waits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Held {
    /// Its line
    pub id: LineId,
    /// The team it is for
    pub team: String,
    /// The rule it comes from
    pub rule: String,
    /// What it would tell
    pub kind: EventKind,
    /// Its event's `once`
    #[serde(default)]
    pub once: Option<String>,
    /// Its event's change
    #[serde(default)]
    pub change: Option<Change>,
    /// The login of whoever did it
    #[serde(default)]
    pub actor: Option<String>,
    /// Since when it waits, or the first of those that it replaced
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub since: Timestamp,
}

/// What rules did about a subject before.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Its milestones that were told, or wait to be
    pub fired: Fired,
    /// Its updates that still wait
    pub held: Vec<Held>,
    /// When a rule, by its team and name, last told of it, and what
    pub told: HashMap<(String, String), (Timestamp, EventKind)>,
}

/// What one rule makes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The team's name
    pub team: String,
    /// The rule's name
    pub rule: String,
    /// What it tells: the event's kind, or the milestone that its subject stands at
    pub kind: EventKind,
    /// What becomes of it
    pub fate: Fate,
    /// Since when the first of those waits that it replaces or goes with
    pub since: Option<Timestamp>,
}

/// What becomes of an update when it is planned.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It waits
    Held(Wait),
    /// It is not sent, for this reason
    Suppressed(Reason),
}

/// What an event leads to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One for each rule that the event reached
    pub updates: Vec<Update>,
    /// Waiting updates that a newer one replaces, with the reason
    pub superseded: Vec<(LineId, Reason)>,
    /// Silences that begin with the event
    pub timers: Vec<Timer>,
    /// Subjects of which nobody waits to hear any more: they are gone
    pub gone: Vec<String>,
    /// Waiting updates that are not to be sent any more, with the reason
    pub withdrawn: Vec<(LineId, Reason)>,
    /// Waiting updates that wait on, since they go with a new one
    pub extended: Vec<(LineId, Timestamp)>,
    /// What was made ready to be sent and is to be written anew, or not to be sent
    pub recalled: Vec<Recall>,
    /// Occurrences, by their names, in whose events other words stand from now on, or none
    pub reworded: Vec<(String, Option<Comment>)>,
    /// Why a rule that may want the event doesn't get it: something that it asks for is not known
    pub unknown: Option<String>,
}

/// Says what each team hears of an event.
#[must_use]
pub fn plan(tracked: &Tracked, rules: &Rules, history: &History, now: Timestamp) -> Plan {
    let (timers, gone) = (silence::timers(tracked, rules, now), silence::gone(&tracked.event));
    let mut plan = Plan { timers, gone, ..Plan::default() };
    note::revise(&mut plan, &tracked.event, &history.held);
    undo::take_back(&mut plan, tracked, &history.held);
    silence::broken(&mut plan, tracked, &history.held);
    if tracked.event.undoing.is_some() {
        return plan;
    }
    for kind in tracked.kinds() {
        for (team, rule) in asked(tracked, kind, rules) {
            let reached = (team, rule, kind);
            let (fate, since) = match fate(tracked, reached, Around { rules, history, now }) {
                Ok(fate) => fate,
                Err(unknown) => {
                    plan.unknown = plan.unknown.or(unknown);
                    continue;
                }
            };
            let told = |update: &Update| update.team == team.name && update.rule == rule.name;
            // A push to a draft is one message, to a rule that asks for pushes and for "on track".
            if kind == EventKind::PullRequestOnTrack && plan.updates.iter().any(told) {
                continue;
            }
            if let Fate::Held(wait) = &fate {
                for held in replaced(reached, rules, &history.held) {
                    if !plan.superseded.iter().any(|(id, _)| *id == held.id) {
                        plan.superseded.push((held.id, Reason::Superseded { kind }));
                    }
                }
                let burst = burst(tracked, reached, &history.held).filter(|_| rule.digest.is_none());
                plan.extended.extend(burst.map(|held| (held.id, wait.until)));
            } else if kind != tracked.event.kind {
                // A label that comes late asks milestone rules again: those that have told theirs are not news.
                continue;
            }
            plan.updates.push(Update { team: team.name.clone(), rule: rule.name.clone(), kind, fate, since });
        }
    }
    undo::settle_flaps(&mut plan, tracked, &history.held);
    plan
}

/// The rules that are asked: of a note that names teams theirs, else those that could want it.
fn asked<'r>(tracked: &Tracked, kind: EventKind, rules: &'r Rules) -> Vec<(&'r Team, &'r Rule)> {
    let asked = Input { event: &tracked.event, kind, ticket: tracked.ticket.as_ref() };
    rules.addressed(asked).unwrap_or_else(|| rules.candidates(kind, &tracked.event).collect())
}

/// A rule of a team that is asked about a kind of event.
type Reached<'a> = (&'a Team, &'a Rule, EventKind);

/// What a rule is asked among.
#[derive(Clone, Copy)]
struct Around<'a> {
    rules: &'a Rules,
    history: &'a History,
    now: Timestamp,
}

/// What becomes of an update, and since when the first one waits that it replaces or goes with.
///
/// # Errors
/// The rule is about something else, or perhaps is not: then what is not known.
fn fate(
    tracked: &Tracked,
    (team, rule, kind): Reached<'_>,
    around: Around<'_>,
) -> Result<(Fate, Option<Timestamp>), Option<String>> {
    let suppressed = |reason: Reason| Ok((Fate::Suppressed(reason), None));
    match evaluate(rule, team, Input { event: &tracked.event, kind, ticket: tracked.ticket.as_ref() }) {
        Verdict::Miss { because, unknown } => return Err(unknown.then(|| because.to_string())),
        Verdict::Suppressed { because } => return suppressed(because),
        Verdict::Match => {}
    }
    if let Some(reason) = &tracked.stale {
        return suppressed(reason.clone());
    }
    let Around { rules, history, now } = around;
    if kind.is_milestone() && history.fired.contains(&(team.name.clone(), rule.name.clone(), kind)) {
        return suppressed(Reason::ToldBefore { team: team.name.clone(), kind });
    }
    if let Some(reason) = undo::not_told_yet(tracked, (team, rule, kind), (rules, history)) {
        return suppressed(reason);
    }
    let draft = |held: &Held| held.kind.is_milestone() && (&held.team, &held.rule) == (&team.name, &rule.name);
    if kind == EventKind::PullRequestOnTrack && history.held.iter().any(draft) {
        return suppressed(Reason::DraftNotToldYet);
    }
    let told = rule.every.and_then(|_| history.told.get(&(team.name.clone(), rule.name.clone())));
    let reached = (team, rule, kind);
    let before = replaced(reached, rules, &history.held).chain(burst(tracked, reached, &history.held));
    let past = Past { told: told.map(|(at, _)| *at), since: before.map(|held| held.since).min() };
    Ok((Fate::Held(hold(team, rule, now, past)), past.since))
}

/// While an update waits, a later one about the same subject replaces it if it says more (or if the rule wants only
/// the newest) and reaches all the places that the earlier one would have.
fn replaced<'h>((team, rule, kind): Reached<'_>, rules: &Rules, held: &'h [Held]) -> impl Iterator<Item = &'h Held> {
    held.iter().filter(move |waiting| {
        let newest_only = rule.every.is_some() && waiting.rule == rule.name && kind.may_replace(waiting.kind);
        let more = newest_only || kind.says_more_than(waiting.kind);
        more && waiting.team == team.name && reaches_all(rule, waiting, rules)
    })
}

/// Whether a rule sends to all the places that a waiting update is for.
fn reaches_all(rule: &Rule, waiting: &Held, rules: &Rules) -> bool {
    let old = rules.find(&waiting.team, &waiting.rule);
    old.is_some_and(|(_, old)| old.to.iter().all(|to| rule.to.contains(to)))
}

/// The waiting comments that one more by the same person goes with.
fn burst<'h>(tracked: &Tracked, (team, rule, kind): Reached<'_>, held: &'h [Held]) -> impl Iterator<Item = &'h Held> {
    let actor = tracked.event.actor.as_ref().map(|actor| actor.login.as_str());
    held.iter().filter(move |held| {
        let same = held.kind == kind && held.team == team.name && held.rule == rule.name;
        kind.is_comment() && same && actor.is_some() && held.actor.as_deref() == actor
    })
}

/// An update whose time has come.
#[derive(Debug, Clone, Copy)]
pub struct Waited<'a> {
    /// The event it was planned from
    pub event: &'a Event,
    /// What it tells
    pub kind: EventKind,
    /// Its team's name
    pub team: &'a str,
    /// Its rule's name
    pub rule: &'a str,
    /// What is known of its ticket, where that is not the subject itself
    pub ticket: Option<&'a Ticket>,
    /// When the environment that it tells of was last deployed to
    pub deployed: Option<Timestamp>,
    /// Whether its repository is private now, as far as it is known
    pub private: Option<bool>,
}

/// What becomes of an update whose time has come.
#[derive(Debug, Clone)]
pub enum Release<'a> {
    /// It is sent: the event with its subject's state as it is now
    Send {
        /// The event, brought up to date
        event: Box<Event>,
        /// The team it is for
        team: &'a Team,
        /// The rule it comes from
        rule: &'a Rule,
    },
    /// It is not sent, for this reason
    Suppressed(Reason),
}

/// Matches a rule once more, against the rules and the subject's state as they are now.
#[must_use]
pub fn release<'a>(waited: Waited<'_>, now: Option<&Known>, rules: &'a Rules) -> Release<'a> {
    let Some((team, rule)) = rules.find(waited.team, waited.rule) else {
        let (team, rule) = (waited.team.to_owned(), waited.rule.to_owned());
        return Release::Suppressed(Reason::RuleRemoved { team, rule });
    };
    let mut event = waited.event.clone();
    if let Some(Err(reason)) = now.map(|known| stands(waited.kind, &event, known)) {
        return Release::Suppressed(reason);
    }
    event.private = waited.private.or(event.private);
    let later = matches!((waited.deployed, event.about.updated_at()), (Some(last), Some(this)) if last > this);
    if waited.kind == EventKind::DeploymentFailed && later {
        return Release::Suppressed(Reason::LaterDeployment);
    }
    // Each push or deployment stands for itself; of what lives on, the state that it is in now counts.
    let stands_for_itself = matches!(&event.about, About::Thing(thing) if !thing.lives_on());
    if let Some(known) = now.filter(|_| !stands_for_itself) {
        event.about = with_previous_status(known.about.clone(), &event.about);
        event.tickets.clone_from(&known.tickets);
    }
    match evaluate(rule, team, Input { event: &event, kind: waited.kind, ticket: waited.ticket }) {
        Verdict::Match => {}
        Verdict::Miss { because, .. } => {
            return Release::Suppressed(Reason::NoLongerMatches { detail: because.to_string() });
        }
        Verdict::Suppressed { because } => return Release::Suppressed(because),
    }
    if waited.kind.is_milestone() && event.kind != waited.kind {
        // Whoever added the label that came late did not merge it.
        event.actor = None;
    }
    event.kind = waited.kind;
    Release::Send { event: Box::new(event), team, rule }
}

/// One sentence that says why a team gets a message.
#[must_use]
pub fn why(team: &Team, rule: &Rule, event: &Event) -> String {
    let place = match &event.tickets[..] {
        _ if event.scope.is_empty() => String::new(),
        [] => format!(" in {}", event.scope),
        [key, ..] if event.subject == key.as_str() => format!(" on {key}"),
        [key, ..] => format!(" in {} for {key}", event.scope),
    };
    format!("{} gets this because its rule “{}” asks for {}{place}.", team.name, rule.name, event.kind)
}

/// The same for a message that several rules lead to.
#[must_use]
pub fn why_all(team: &Team, rules: &[&str]) -> String {
    match rules {
        [rule] => format!("{} gets this because of its rule “{rule}”.", team.name),
        rules => format!("{} gets this because of its rules “{}”.", team.name, rules.join("”, “")),
    }
}

/// How long there is to object to what a rule tells.
#[must_use]
pub fn object_by(rule: &Rule, kind: EventKind) -> Option<Duration> {
    rule.object_by.filter(|_| kind == EventKind::NoteAssumed)
}

/// The places that a rule sends to, each once.
#[must_use]
pub fn destinations(rule: &Rule) -> Vec<Destination> {
    let mut seen = HashSet::new();
    rule.to.iter().filter(|to| seen.insert(*to)).cloned().collect()
}

/// Where a rule of a team told of something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Said {
    /// The rule
    pub rule: String,
    /// The place
    pub to: Destination,
}

/// The places where a rule says that its subject is in a state. Where another rule of the team `said` so before, by the
/// same template, it is no news; if that is everywhere, the answer is the reason.
///
/// # Errors
/// Why it is said nowhere.
pub fn places(rules: &Rules, team: &Team, rule: &Rule, said: &[Said]) -> Result<Vec<Destination>, Reason> {
    let words_of = |other: &str| rules.find(&team.name, other).map(|(_, other)| &other.template);
    let same = said.iter().filter(|said| words_of(&said.rule).is_none_or(|words| *words == rule.template));
    let same = same.collect::<Vec<_>>();
    let mut places = destinations(rule);
    places.retain(|to| !same.iter().any(|said| said.to == *to));
    match same.first() {
        Some(said) if places.is_empty() => Err(Reason::ToldByRule { team: team.name.clone(), rule: said.rule.clone() }),
        _ => Ok(places),
    }
}

#[cfg(test)]
mod tests;
