//! Updates that are due together go together: one message a conversation, one for a digest, each thing said once.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::channel;
use crate::destination::Destination;
use crate::plan;
use crate::rule::{Rule, Team};
use crate::store::{Due, Outgoing};
use crate::template::{self, Block, Message};

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

/// Puts together what one team hears of one conversation, or in one digest, at the same places. Where several rules
/// would say the same of the same event at a place, it is said there once.
pub(super) fn bundle(mut ready: Vec<Ready<'_>>) -> Vec<Bundle<'_>> {
    ready.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut bundles = Bundles::default();
    ready.into_iter().for_each(|update| bundles.add(update));
    bundles.all
}

#[derive(Default)]
struct Bundles<'a> {
    all: Vec<Bundle<'a>>,
    /// The places in `all` that take more, by what their updates have in common
    open: HashMap<(String, Together, Vec<Destination>), usize>,
    /// The places in `all` that tell of a subject, by team and subject
    told: HashMap<(String, String), Vec<usize>>,
}

impl<'a> Bundles<'a> {
    fn add(&mut self, mut update: Ready<'a>) {
        let told = self.told.entry((update.team.name.clone(), update.due.event.subject.clone())).or_default();
        let mut repeated = None;
        for at in &*told {
            for other in &self.all[*at].updates {
                if says_the_same(other, &update) {
                    repeated = repeated.or(Some(*at));
                    update.to.retain(|to| !other.to.contains(to));
                }
            }
        }
        if let (Some(at), true) = (repeated, update.to.is_empty()) {
            self.all[at].updates.push(update);
            return;
        }
        // One message in so long is one message, also for what is due at the same moment.
        let is_companion = |at: &&usize| self.all[**at].updates.iter().any(|other| is_of_one(other, &update));
        let companion = update.rule.every.and_then(|_| told.iter().find(is_companion).copied());
        let at = companion.unwrap_or_else(|| {
            let open = self.open.entry(key(&update)).or_insert(self.all.len());
            if self.all.get(*open).is_none_or(|bundle| !bundle.takes(&update)) {
                *open = self.all.len();
                self.all.push(Bundle { updates: Vec::new() });
            }
            *open
        });
        told.push(at);
        self.all[at].updates.push(update);
    }
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
        // A comment is on one page, where everybody who sees the page reads it: nothing of another page goes there.
        due if is_comment(update) && update.to.contains(&Destination::Github) => {
            Together::Thread(due.event.subject.clone())
        }
        due if is_comment(update) => Together::Thread(due.thread.clone()),
        due if due.digest => Together::Digest,
        // A line of a private repository must not show to which ticket it belongs.
        due if due.at_once || update.message.private => Together::Nothing(due.id),
        due => Together::Thread(due.thread.clone()),
    };
    (update.team.name.clone(), together, to)
}

/// Whether it goes onto the page of what it is about.
fn is_comment(update: &Ready<'_>) -> bool {
    update.to.iter().any(|to| matches!(to, Destination::Github | Destination::Jira))
}

impl<'a> Bundle<'a> {
    /// Whether there is room for one more, wherever it goes.
    fn takes(&self, update: &Ready<'_>) -> bool {
        let length = |update: &Ready<'_>| template::text(&line(update, true)).chars().count();
        let room = update.to.iter().map(channel::room).min().unwrap_or(usize::MAX);
        let taken = self.updates.iter().map(length).fold(length(update), usize::saturating_add);
        self.updates.len() < MOST && (self.updates.is_empty() || taken <= room)
    }

    /// The team that it goes to.
    pub(super) fn team(&self) -> Option<&'a Team> {
        self.updates.first().map(|update| update.team)
    }

    /// Together they are as loud as the loudest, call whom any calls, and answers go to somebody only if all agree.
    fn join_manners(&self, message: &mut Message) {
        let all = || self.updates.iter().map(|update| &update.message);
        message.manner = all().map(|message| message.manner).max().unwrap_or_default();
        message.mention = all().flat_map(|message| &message.mention).cloned().collect();
        message.mention.sort_unstable();
        message.mention.dedup();
        if all().any(|other| other.reply_to != message.reply_to) {
            message.reply_to = None;
        }
    }

    /// The message that tells all of it.
    pub(super) fn outgoing(self, now: Timestamp) -> Option<Outgoing> {
        let first = self.updates.first()?;
        let digest = first.due.digest && !is_comment(first);
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
        self.join_manners(&mut message);
        let mut rules = self.updates.iter().map(|update| update.rule.name.as_str()).collect::<Vec<_>>();
        rules.sort_unstable();
        rules.dedup();
        if rules.len() > 1 || self.updates.len() > 1 && message.body != first.message.body {
            message.why = plan::why_all(first.team, &rules);
        }
        let mut thread = if message.private { first.due.event.subject.clone() } else { first.due.thread.clone() };
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
            subject: first.due.event.subject.clone(),
            message,
            to: first.to.clone(),
            object_by: object_by.collect(),
        })
    }
}

/// What an update says among others: its first paragraph, with what that leads up to. A note is what a person chose to
/// say, and stays whole.
fn line(update: &Ready<'_>, among_others: bool) -> Vec<Block> {
    let body = &update.message.body;
    let leads_up =
        matches!(body.first(), Some(Block::Paragraph(words)) if template::flat(words).trim_end().ends_with(':'));
    let length = match (among_others && !update.due.kind.is_note(), leads_up) {
        (false, _) => body.len(),
        (true, true) => 2,
        (true, false) => 1,
    };
    body.iter().take(length).cloned().collect()
}
