//! Decides what each team hears of an event, and gives the reason for each update that isn't sent.
//!
//! Everything here is pure: [`plan`] decides when an event arrives, and [`release`] when an update's time has come. What they
//! need is read, and what they decide is written, by [`crate::intake`]. Whether a single rule matches is up to
//! [`crate::rule`], and how long an update waits to [`crate::hold`].

mod assumption;
mod deadline;
mod due;
mod note;
mod silence;
mod timer;
mod undo;
mod verdict;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

pub use assumption::{Agreement, agreement, author_page, why_answer, why_author};
pub use deadline::name as name_due_date;
pub use due::{Alike, Due, Group, NotSent, Outgoing, Ready, Released, Said, Tells, places, release};
pub use timer::{Elapsed, Since, Timer};
pub use undo::{Made, Recall};

use crate::destination::Destination;
use crate::event::{Change, Comment, Event, EventKind, OccurrenceId, RuleId, SubjectKey};
use crate::hold::{Past, Wait, hold};
use crate::reason::{Code, Reason};
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate};
use crate::track::Tracked;

pub use verdict::{Evaluated, differences, evaluate_all, matching, undecided};

/// Names a line of the ledger. People see it as `delivery.line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let (delivery, line) = numbers.ok_or_else(|| format!("`{text}` isn't a line: write one such as 41.2"))?;
        Ok(Self { delivery, line })
    }
}

/// An update of the same subject that still waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its line
    pub id: LineId,
    /// The rule it comes from
    pub rule: RuleId,
    /// What it would tell
    pub kind: EventKind,
    /// Its event's `once`
    pub once: Option<OccurrenceId>,
    /// Its event's change
    pub change: Option<Change>,
    /// The login of whoever did it
    pub actor: Option<String>,
    /// Since when it waits, or the first of those that it replaced
    pub since: Timestamp,
}

/// What rules did about a subject before.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The milestones that rules told of it, or wait to tell
    pub fired: HashSet<(RuleId, EventKind)>,
    /// Its updates that still wait
    pub held: Vec<Held>,
    /// When a rule last told of it, and what
    pub told: HashMap<RuleId, (Timestamp, EventKind)>,
}

/// What one rule makes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The rule
    pub rule: RuleId,
    /// What it tells: the event's kind, or the milestone that its subject stands at
    pub kind: EventKind,
    /// What becomes of it
    pub fate: Fate,
}

/// What becomes of an update when it is planned.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It waits
    Held {
        /// Until when, and for what
        wait: Wait,
        /// It goes with others of its team
        digest: bool,
        /// Since when the first of those waits that it replaces or goes with
        since: Option<Timestamp>,
        /// Why it waits
        reason: Reason,
    },
    /// It is not sent, for this reason
    Suppressed(Reason),
    /// It is of a kind that rules can't be about, or nothing by itself
    Ignored(Reason),
}

impl Fate {
    /// The state of its line in the ledger.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Suppressed(_) => "suppressed",
            Self::Ignored(_) => "ignored",
        }
    }

    /// The code of its reason.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Held { reason, .. } | Self::Suppressed(reason) | Self::Ignored(reason) => reason.code(),
        }
    }

    fn held((team, rule): (&Team, &Rule), wait: Wait, since: Option<Timestamp>) -> Self {
        Self::Held { wait, digest: rule.digest.is_some(), since, reason: wait.reason(&team.timezone) }
    }
}

/// What an event leads to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One for each rule that the event reached
    pub updates: Vec<Update>,
    /// What the ledger says where it reached none
    pub unreached: Option<Fate>,
    /// Waiting updates that a newer one replaces, with the reason
    pub superseded: Vec<(LineId, Reason)>,
    /// Silences that begin with the event, and due dates to wait for
    pub timers: Vec<Timer>,
    /// Subjects of which nobody waits to hear any more: they are gone
    pub gone: Vec<SubjectKey>,
    /// Waiting updates that are not to be sent any more, with the reason
    pub withdrawn: Vec<(LineId, Reason)>,
    /// Waiting updates that wait on, since they go with a new one
    pub extended: Vec<(LineId, Timestamp)>,
    /// What was made ready to be sent and is to be written anew, or not to be sent
    pub recalled: Vec<Recall>,
    /// Occurrences, by their names, in whose events other words stand from now on, or none
    pub reworded: Vec<(OccurrenceId, Option<Comment>)>,
}

impl Plan {
    /// The rules that tell of it, and of what.
    #[must_use]
    pub fn tells(&self) -> Vec<(RuleId, EventKind)> {
        let told = self.updates.iter().filter(|update| matches!(update.fate, Fate::Held { .. }));
        told.map(|update| (update.rule.clone(), update.kind)).collect()
    }

    /// Takes it from rules that tell of what it follows from: that is the same news.
    pub fn leave_out(&mut self, heard: &[(RuleId, EventKind)]) {
        for Update { rule, fate, .. } in
            self.updates.iter_mut().filter(|update| matches!(update.fate, Fate::Held { .. }))
        {
            if let Some((_, kind)) = heard.iter().find(|(other, _)| other == rule) {
                *fate = Fate::Suppressed(Reason::ToldBefore { team: rule.team.clone(), kind: *kind });
            }
        }
    }

    /// Has what waits go at the time at which other updates of its team go.
    pub fn go_with(&mut self, others: &HashMap<String, Timestamp>) {
        for Update { rule, fate, .. } in &mut self.updates {
            if let (Fate::Held { wait, digest: false, .. }, Some(due)) = (fate, others.get(&rule.team)) {
                wait.until = wait.until.min(*due);
            }
        }
    }

    /// The states of the lines that it adds to the ledger, and of those that it ends, each with the reason.
    pub fn states(&self) -> impl Iterator<Item = (&'static str, Code)> {
        let fates = self.updates.iter().map(|update| &update.fate).chain(&self.unreached);
        let begun = fates.map(|fate| (fate.state(), fate.code()));
        let superseded = self.superseded.iter().map(|(_, reason)| ("superseded", reason.code()));
        begun.chain(superseded).chain(self.withdrawn.iter().map(|(_, reason)| ("suppressed", reason.code())))
    }
}

/// Says what each team hears of an event.
#[must_use]
pub fn plan(tracked: &Tracked, rules: &Rules, history: &History, now: Timestamp) -> Plan {
    let timers = [silence::timers(tracked, rules, now), deadline::timers(tracked, rules, now)].concat();
    let gone = silence::gone(&tracked.event);
    let mut plan = Plan { timers, gone, ..Plan::default() };
    note::revise(&mut plan, &tracked.event, &history.held);
    undo::take_back(&mut plan, tracked, &history.held);
    silence::broken(&mut plan, tracked, &history.held);
    if tracked.becomes_private && rules.have_readers_outside() {
        let event = &tracked.event;
        plan.recalled.push(Recall { made: Made::Repository(event.repository()), withdrawn: None });
    }
    if let Some(undoing) = &tracked.event.undoing {
        plan.unreached = Some(Fate::Ignored(Reason::UndoesOther { detail: undoing.because.clone() }));
        return plan;
    }
    let mut unknown = None;
    for kind in tracked.kinds() {
        for (team, rule) in asked(tracked, kind, rules) {
            let reached = (team, rule, kind);
            let fate = match fate(tracked, reached, Around { rules, history, now }) {
                Ok(fate) => fate,
                Err(why) => {
                    unknown = unknown.or(why);
                    continue;
                }
            };
            let id = rule_id(team, rule);
            // A push to a draft is one message, to a rule that asks for pushes and for "on track"; and so is what happens to
            // an issue, to a rule that asks for issues and for tickets.
            let also = kind == EventKind::PullRequestOnTrack || is_also(tracked, kind);
            if also && plan.updates.iter().any(|update| update.rule == id) {
                continue;
            }
            if let Fate::Held { wait, .. } = &fate {
                for held in replaced(reached, rules, &history.held) {
                    if !plan.superseded.iter().any(|(id, _)| *id == held.id) {
                        plan.superseded.push((held.id, Reason::Superseded { kind }));
                    }
                }
                let burst = burst(tracked, reached, &history.held).filter(|_| rule.digest.is_none());
                plan.extended.extend(burst.map(|held| (held.id, wait.until)));
            } else if kind != tracked.event.kind && !is_also(tracked, kind) {
                // A label that comes late asks milestone rules again: those that have told theirs are not news.
                continue;
            }
            plan.updates.push(Update { rule: id, kind, fate });
        }
    }
    undo::settle_flaps(&mut plan, tracked, &history.held);
    if plan.updates.is_empty() {
        let no_rule = || Reason::NoRule { unknown: tracked.event.gap.clone().or(unknown) };
        plan.unreached = Some(Fate::Suppressed(tracked.stale.clone().unwrap_or_else(no_rule)));
    }
    plan
}

/// What follows when a timer has run out `now`.
#[must_use]
pub fn elapsed(timer: &Timer, since: Since<'_>, rules: &Rules, now: Timestamp) -> Elapsed {
    match rules.find(&timer.rule.team, &timer.rule.name) {
        None => Elapsed::Over,
        Some(rule) if timer.kind.is_of_due_date() => deadline::elapsed(timer, since, rule, now),
        Some(rule) => silence::elapsed(timer, since, rule, now),
    }
}

/// Whether an event about an issue is taken as what it is to rules on tickets.
fn is_also(tracked: &Tracked, kind: EventKind) -> bool {
    kind != tracked.event.kind && tracked.as_ticket.contains(&kind)
}

fn rule_id(team: &Team, rule: &Rule) -> RuleId {
    RuleId { team: team.name.clone(), name: rule.name.clone() }
}

/// The rules that are asked: of a note that names teams theirs, else those that could want it.
fn asked<'r>(tracked: &Tracked, kind: EventKind, rules: &'r Rules) -> Vec<(&'r Team, &'r Rule)> {
    let asked = Input { event: &tracked.event, kind, ticket: tracked.ticket_as(kind) };
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

/// What becomes of an update.
///
/// # Errors
/// The rule is about something else, or perhaps is not: then what is not known.
fn fate(tracked: &Tracked, (team, rule, kind): Reached<'_>, around: Around<'_>) -> Result<Fate, Option<String>> {
    let suppressed = |reason: Reason| Ok(Fate::Suppressed(reason));
    match evaluate(rule, team, Input { event: &tracked.event, kind, ticket: tracked.ticket_as(kind) }) {
        Verdict::Miss { because, unknown } => return Err(unknown.then(|| because.to_string())),
        Verdict::Suppressed { because } => return suppressed(because),
        Verdict::Match => {}
    }
    if let Some(reason) = &tracked.stale {
        return suppressed(reason.clone());
    }
    let Around { rules, history, now } = around;
    let id = rule_id(team, rule);
    let milestone = (id, kind);
    if kind.is_milestone() && history.fired.contains(&milestone) {
        return suppressed(Reason::ToldBefore { team: team.name.clone(), kind });
    }
    let (id, _) = milestone;
    if let Some(reason) = undo::not_told_yet(tracked, (team, rule, kind), (rules, history)) {
        return suppressed(reason);
    }
    let draft = |held: &Held| held.kind.is_milestone() && held.rule == id;
    if kind == EventKind::PullRequestOnTrack && history.held.iter().any(draft) {
        return suppressed(Reason::DraftNotToldYet);
    }
    let told = rule.every.and_then(|_| history.told.get(&id));
    let reached = (team, rule, kind);
    let before = replaced(reached, rules, &history.held).chain(burst(tracked, reached, &history.held));
    let past = Past { told: told.map(|(at, _)| *at), since: before.map(|held| held.since).min() };
    Ok(Fate::held((team, rule), hold(team, rule, now, past), past.since))
}

/// While an update waits, a later one about the same subject replaces it if it says more (or if the rule wants only
/// the newest) and reaches all the places that the earlier one would have.
fn replaced<'h>((team, rule, kind): Reached<'_>, rules: &Rules, held: &'h [Held]) -> impl Iterator<Item = &'h Held> {
    held.iter().filter(move |waiting| {
        let newest_only = rule.every.is_some() && waiting.rule.name == rule.name && kind.may_replace(waiting.kind);
        let more = newest_only || kind.says_more_than(waiting.kind);
        more && waiting.rule.team == team.name && reaches_all(rule, waiting, rules)
    })
}

/// Whether a rule sends to all the places that a waiting update is for.
fn reaches_all(rule: &Rule, waiting: &Held, rules: &Rules) -> bool {
    let old = rules.find(&waiting.rule.team, &waiting.rule.name);
    old.is_some_and(|(_, old)| old.to.iter().all(|to| rule.to.contains(to)))
}

/// The waiting comments that one more by the same person goes with.
fn burst<'h>(tracked: &Tracked, (team, rule, kind): Reached<'_>, held: &'h [Held]) -> impl Iterator<Item = &'h Held> {
    let actor = tracked.event.actor.as_ref().map(|actor| actor.login.as_str());
    held.iter().filter(move |held| {
        let same = held.kind == kind && held.rule.team == team.name && held.rule.name == rule.name;
        kind.is_comment() && same && actor.is_some() && held.actor.as_deref() == actor
    })
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

#[cfg(test)]
mod tests;
