//! Event and state in; updates out, with the reason for each one that isn't sent.
//!
//! Pure: [`plan`] says what each team is to hear of an event, and [`release`] what becomes of an update when its time
//! has come. [`crate::intake`] runs both against the store.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use crate::destination::Destination;
use crate::event::{Event, EventKind, Ticket};
use crate::rule::{Asked, Rule, Rules, Team, Verdict, judge};
use crate::track::{Known, Tracked, holds, standing};

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
}

/// What becomes of an update when it is planned.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It waits for this long
    Held(Duration),
    /// It is not sent, for this reason
    Suppressed(String),
}

/// What an event leads to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One for each rule that the event reached
    pub updates: Vec<Update>,
    /// Waiting updates that a newer one replaces, with the reason
    pub superseded: Vec<(LineId, String)>,
}

/// Says what each team hears of an event.
#[must_use]
pub fn plan(tracked: &Tracked, rules: &Rules, fired: &Fired, held: &[Held]) -> Plan {
    let mut plan = Plan::default();
    for kind in tracked.kinds() {
        let asked = Asked { event: &tracked.event, kind, ticket: tracked.ticket.as_ref() };
        for (team, rule) in rules.candidates(kind, &tracked.event) {
            let fate = match judge(rule, team, asked) {
                Verdict::Miss { .. } => continue,
                Verdict::Suppressed { because } => Fate::Suppressed(because),
                Verdict::Match => fate(tracked, (team, rule, kind), fired),
            };
            // A label that comes late asks milestone rules again: those that have told theirs are not news.
            if kind != tracked.event.kind && !matches!(fate, Fate::Held(_)) {
                continue;
            }
            if matches!(fate, Fate::Held(_)) {
                supersede(&mut plan, (team, rule, kind), rules, held);
            }
            plan.updates.push(Update { team: team.name.clone(), rule: rule.name.clone(), kind, fate });
        }
    }
    plan
}

fn fate(tracked: &Tracked, (team, rule, kind): (&Team, &Rule, EventKind), fired: &Fired) -> Fate {
    if let Some(reason) = &tracked.stale {
        return Fate::Suppressed(reason.clone());
    }
    if kind.is_milestone() && fired.contains(&(team.name.clone(), rule.name.clone(), kind)) {
        return Fate::Suppressed(format!("{} was told of {kind} before", team.name));
    }
    Fate::Held(rule.settle)
}

/// While an update waits, a later milestone of the same subject replaces it if it says more and reaches all the places
/// that the earlier one would have.
fn supersede(plan: &mut Plan, (team, rule, kind): (&Team, &Rule, EventKind), rules: &Rules, held: &[Held]) {
    let Some(rank) = kind.milestone_rank() else { return };
    for waiting in held.iter().filter(|held| held.team == team.name) {
        let less = waiting.kind.milestone_rank().is_some_and(|old| old < rank);
        let reached = rules
            .find(&waiting.team, &waiting.rule)
            .is_some_and(|(_, old)| old.to.iter().all(|to| rule.to.contains(to)));
        if less && reached && !plan.superseded.iter().any(|(id, _)| *id == waiting.id) {
            plan.superseded.push((waiting.id, format!("{kind} came before it was sent, and says more")));
        }
    }
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
    Suppressed(String),
}

/// Matches a rule once more, against the rules and the subject's state as they are now.
#[must_use]
pub fn release<'a>(waited: Waited<'_>, now: Option<&Known>, rules: &'a Rules) -> Release<'a> {
    let Some((team, rule)) = rules.find(waited.team, waited.rule) else {
        return Release::Suppressed(format!("{} has no rule `{}` any more", waited.team, waited.rule));
    };
    let mut event = waited.event.clone();
    event.kind = waited.kind;
    if let Some(known) = now {
        if !holds(waited.kind, &known.about) {
            return Release::Suppressed(format!("it is {} by now", standing(&known.about)));
        }
        let previous = match &event.about {
            crate::event::About::Ticket(ticket) => ticket.previous_status.clone(),
            _ => None,
        };
        event.about = known.about.clone();
        if let crate::event::About::Ticket(ticket) = &mut event.about {
            ticket.previous_status = previous;
        }
    }
    match judge(rule, team, Asked { event: &event, kind: waited.kind, ticket: waited.ticket }) {
        Verdict::Match => Release::Send { event: Box::new(event), team, rule },
        Verdict::Miss { because } => Release::Suppressed(format!("no longer so: {because}")),
        Verdict::Suppressed { because } => Release::Suppressed(because),
    }
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

/// The places that a rule sends to, each once.
#[must_use]
pub fn destinations(rule: &Rule) -> Vec<Destination> {
    let mut seen = HashSet::new();
    rule.to.iter().filter(|to| seen.insert(*to)).cloned().collect()
}

#[cfg(test)]
mod tests;
