//! Updates that are due together go together: one message a conversation, one for a digest, each thing said once.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::destination::Destination;
use crate::plan;
use crate::rule::{Rule, Team};
use crate::store::{Due, Outgoing};
use crate::template::{Block, Message};

/// More lines are another message.
const MOST: usize = 40;

/// An update that may go now, with its message as it would be alone.
pub(super) struct Ready<'a> {
    pub(super) due: Due,
    pub(super) team: &'a Team,
    pub(super) rule: &'a Rule,
    pub(super) message: Message,
    /// Where it goes; what somebody else brings there is taken out
    pub(super) to: Vec<Destination>,
}

/// Updates that go in one message. There is at least one.
pub(super) struct Bundle<'a> {
    pub(super) updates: Vec<Ready<'a>>,
}

/// Where an update went: the bundle's place among the others, and whom it reaches.
type Part = (usize, Vec<Destination>);

/// Puts together what one team hears of one conversation, or in one digest, at the same places. Where several rules
/// would say the same of the same event at a place, it is said there once.
pub(super) fn bundle(mut ready: Vec<Ready<'_>>) -> Vec<Bundle<'_>> {
    ready.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut bundles: Vec<Bundle<'_>> = Vec::new();
    let mut open = HashMap::new();
    let mut said: HashMap<(String, String), Vec<Part>> = HashMap::new();
    for mut update in ready {
        let subject = (update.team.name.clone(), update.due.event.subject.clone());
        let before = said.entry(subject).or_default();
        let same = |(at, _): &&Part| bundles[*at].updates.iter().any(|o| says_the_same(o, &update));
        let (repeated, covered) = before.iter().filter(same).fold((None, Vec::new()), |(first, mut all), (at, to)| {
            all.extend(to.iter().cloned());
            (first.or(Some(*at)), all)
        });
        update.to.retain(|to| !covered.contains(to));
        if let (Some(at), true) = (repeated, update.to.is_empty()) {
            bundles[at].updates.push(update);
            continue;
        }
        let key = key(&update);
        // One message in so long is one message, also for what is due at the same moment.
        let companion = |bundle: &Bundle<'_>| bundle.updates.iter().any(|other| is_of_one(other, &update));
        let companion = update.rule.every.and_then(|_| bundles.iter().position(companion));
        let at = match (companion, open.get(&key)) {
            (Some(at), _) => at,
            (None, Some(at)) if bundles.get(*at).is_some_and(|bundle: &Bundle<'_>| bundle.updates.len() < MOST) => *at,
            _ => {
                bundles.push(Bundle { updates: Vec::new() });
                open.insert(key, bundles.len() - 1);
                bundles.len() - 1
            }
        };
        before.push((at, update.to.clone()));
        bundles[at].updates.push(update);
    }
    bundles
}

fn order<'r>(update: &'r Ready<'_>) -> (&'r str, bool, &'r str, i64) {
    (&update.team.name, update.due.digest, &update.due.thread, update.due.id)
}

/// What updates that go together have in common. One that did not wait goes by itself.
#[derive(PartialEq, Eq, Hash)]
enum Together {
    Digest,
    Thread(String),
    Nothing(i64),
}

/// Whether two updates would say the same: of one event, or that their subject is in a state (a label that comes late
/// brings that up again).
fn says_the_same(one: &Ready<'_>, other: &Ready<'_>) -> bool {
    let state = |update: &Ready<'_>| (update.due.kind, update.due.event.subject.clone());
    let same_event = one.due.event_id == other.due.event_id && one.message.body == other.message.body;
    let same_state =
        one.due.kind.is_milestone() && state(one) == state(other) && one.rule.template == other.rule.template;
    same_event || same_state
}

/// Whether the two are of one rule and about one subject, for the same places.
fn is_of_one(one: &Ready<'_>, other: &Ready<'_>) -> bool {
    let what =
        |update: &Ready<'_>| (update.team.name.clone(), update.rule.name.clone(), update.due.event.subject.clone());
    one.to == other.to && what(one) == what(other)
}

fn key(update: &Ready<'_>) -> (String, Together, Vec<Destination>) {
    let mut to = update.to.clone();
    to.sort();
    let together = match &update.due {
        due if due.digest => Together::Digest,
        due if due.at_once => Together::Nothing(due.id),
        due => Together::Thread(due.thread.clone()),
    };
    (update.team.name.clone(), together, to)
}

impl<'a> Bundle<'a> {
    /// The team that it goes to.
    pub(super) fn team(&self) -> Option<&'a Team> {
        self.updates.first().map(|update| update.team)
    }

    /// The message that tells all of it.
    pub(super) fn outgoing(self, now: Timestamp) -> Option<Outgoing> {
        let first = self.updates.first()?;
        let digest = first.due.digest;
        let mut lines: Vec<Vec<Block>> = Vec::new();
        for update in &self.updates {
            let line = line(update, self.updates.len() > 1);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let mut message = first.message.clone();
        if lines.len() > 1 || digest {
            message.body = vec![Block::List { start: None, items: lines }];
            message.url = None;
        }
        message.private = self.updates.iter().any(|update| update.message.private);
        let mut rules = self.updates.iter().map(|update| update.rule.name.as_str()).collect::<Vec<_>>();
        rules.sort_unstable();
        rules.dedup();
        if rules.len() > 1 || (digest && self.updates.len() > 1) {
            message.why = plan::why_all(first.team, &rules);
        }
        let mut thread = first.due.thread.clone();
        if digest {
            let at = now.to_zoned(first.team.timezone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
            let count = self.updates.len();
            message.subject = format!("{count} update{} for {}", if count == 1 { "" } else { "s" }, first.team.name);
            // Each digest is a conversation of its own.
            thread = format!("{} digest {at}", first.team.name);
        }
        let object_by = self.updates.iter().filter_map(|update| {
            let after = plan::object_by(update.rule, update.due.kind)?;
            Some((update.due.id, now + after))
        });
        Some(Outgoing {
            lead: first.due.id,
            name: first.due.name.clone(),
            others: self.updates.iter().skip(1).map(|update| update.due.id).collect(),
            thread,
            message,
            to: first.to.clone(),
            object_by: object_by.collect(),
        })
    }
}

/// What an update says among others: its first paragraph, but a note is what a person chose to say, and stays whole.
fn line(update: &Ready<'_>, among_others: bool) -> Vec<Block> {
    let body = &update.message.body;
    let short = among_others && !update.due.kind.is_note();
    body.iter().take(if short { 1 } else { body.len() }).cloned().collect()
}
