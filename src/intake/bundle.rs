//! Puts updates that are due together into messages: one for each conversation, one for a digest, and each thing only once.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::channel;
use crate::compose::{Rulebook, Telling};
use crate::destination::Destination;
use crate::event::{Comment, EventKind, SubjectKey};
use crate::plan::{self, Outgoing, Ready, Tells};
use crate::rule::Team;
use crate::template::{self, Block, Company, Message};

/// More lines are another message.
const MOST: usize = 40;

/// A burst of more comments is another message.
const MOST_UPDATES: usize = 400;

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
    told: HashMap<(String, SubjectKey), Vec<usize>>,
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
    Subject(String),
    Nothing(i64),
}

/// Whether two updates would say the same: of one event, or that their subject is in a state (a label that comes late
/// brings that up again).
fn says_the_same(one: &Ready<'_>, other: &Ready<'_>) -> bool {
    let state = |update: &Ready<'_>| (update.due.kind, update.due.event.subject.clone());
    let same_event =
        one.due.event_id == other.due.event_id && (one.message.body == other.message.body || is_both(one, other));
    let same_state =
        one.due.kind.is_milestone() && state(one) == state(other) && one.rule.template == other.rule.template;
    same_event || same_state
}

/// Whether one event about an issue is told as what happens to the issue and as what happens to a ticket, in our words.
fn is_both(one: &Ready<'_>, other: &Ready<'_>) -> bool {
    let of_ticket = |update: &Ready<'_>| update.due.kind.is_of_ticket();
    let plain = |update: &Ready<'_>| update.rule.template.is_none() && update.due.event.kind.of_ticket().is_some();
    of_ticket(one) != of_ticket(other) && plain(one) && plain(other)
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
            Together::Thread(due.event.subject.to_string())
        }
        due if is_comment(update) => Together::Thread(due.thread.clone()),
        due if due.digest => Together::Digest,
        due if due.at_once => Together::Nothing(due.id),
        // A line of a private repository must not show to which ticket it belongs.
        due if update.message.private => Together::Subject(due.event.subject.to_string()),
        due => Together::Thread(due.thread.clone()),
    };
    (update.team.name.clone(), together, to)
}

/// Whether it goes onto the page of what it is about.
fn is_comment(update: &Ready<'_>) -> bool {
    update.to.iter().any(|to| matches!(to, Destination::Github | Destination::Jira))
}

/// Comments of one person on one subject that are told as one.
fn burst<'r>(update: &'r Ready<'_>) -> Option<(EventKind, &'r str, &'r str, Option<&'r str>)> {
    const COMMENTS: [EventKind; 3] =
        [EventKind::PullRequestCommented, EventKind::IssueCommented, EventKind::TicketCommented];
    let kind = update.due.kind;
    let wordy = update.joins && !update.message.private && !update.message.restricted;
    let who = update.event.actor.as_ref()?.login.as_str();
    let template = update.rule.template.as_deref();
    (COMMENTS.contains(&kind) && wordy).then_some((kind, update.due.event.subject.as_str(), who, template))
}

/// Updates that are one line of a message: one, or the comments of a burst.
type Item<'r, 'a> = Vec<&'r Ready<'a>>;

/// The lines of a message, in the order of their first updates.
fn items<'r, 'a>(updates: &'r [Ready<'a>]) -> Vec<Item<'r, 'a>> {
    let mut items: Vec<Item<'_, '_>> = Vec::new();
    for update in updates {
        let own = burst(update);
        let of_burst =
            |item: &&mut Item<'_, '_>| own.is_some() && item.first().is_some_and(|first| burst(first) == own);
        match items.iter_mut().find(of_burst) {
            // Two rules that tell of one comment.
            Some(item) if item.iter().any(|other| other.due.event_id == update.due.event_id) => {}
            Some(item) => item.push(update),
            None => items.push(vec![update]),
        }
    }
    items
}

impl<'a> Bundle<'a> {
    /// Whether there is room for one more, wherever it goes.
    fn takes(&self, update: &Ready<'_>) -> bool {
        if self.updates.is_empty() {
            return true;
        }
        let own = burst(update);
        if own.is_some() && self.updates.len() < MOST_UPDATES && self.updates.iter().any(|other| burst(other) == own) {
            return true;
        }
        let length = |update: &Ready<'_>| template::text(&line(update, true)).chars().count();
        let room = update.to.iter().map(channel::room).min().unwrap_or(usize::MAX);
        let items = items(&self.updates);
        // A burst quotes a few of its comments.
        let quoted = items.iter().flat_map(|item| item.iter().take(6));
        let taken = quoted.map(|update| length(update)).fold(length(update), usize::saturating_add);
        items.len() < MOST && taken <= room
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
    pub(super) fn outgoing(self, rulebook: &Rulebook, now: Timestamp) -> Option<Outgoing> {
        let first = self.updates.first()?;
        let digest = first.due.digest && !is_comment(first);
        let items = items(&self.updates);
        let heading = heading(rulebook, &items, digest, now);
        let mut lines: Vec<Vec<Block>> = Vec::new();
        let mut message = first.message.clone();
        for item in &items {
            let brief = heading.is_some();
            let Some(told) = write(rulebook, item, brief, now) else { continue };
            let line =
                if item.len() > 1 { told.body.clone() } else { shortened(item.first()?, &told.body, items.len() > 1) };
            if items.len() == 1 {
                message = told;
            }
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let shown = lines.len();
        if shown > 1 || digest {
            let list = Block::List { start: None, items: lines };
            message.body = heading.filter(|_| shown > 1).into_iter().chain([list]).collect();
            message.url = None;
        }
        message.private = self.updates.iter().any(|update| update.message.private);
        message.restricted = self.updates.iter().any(|update| update.message.restricted);
        message.own_subject = self.updates.iter().any(|update| update.message.own_subject);
        // Of a message about several things nobody could say which of them an answer means.
        let about = |update: &Ready<'_>| update.due.event.subject.clone();
        message.answers =
            !digest && self.updates.iter().all(|update| update.message.answers && about(update) == about(first));
        self.join_manners(&mut message);
        let mut rules = self.updates.iter().map(|update| update.rule.name.as_str()).collect::<Vec<_>>();
        rules.sort_unstable();
        rules.dedup();
        if rules.len() > 1 || self.updates.len() > 1 && message.body != first.message.body {
            message.why = plan::why_all(first.team, &rules);
        }
        let mut thread = if message.private { first.due.event.subject.to_string() } else { first.due.thread.clone() };
        if digest {
            let at = now.to_zoned(first.team.timezone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
            message.subject = format!("{shown} update{} for {}", if shown == 1 { "" } else { "s" }, first.team.name);
            // Each digest is a conversation of its own.
            thread = format!("{} digest {at}", first.team.name);
            message.label.clone_from(&thread);
        }
        let tells = |update: &Ready<'_>| {
            let after = plan::object_by(update.rule, update.due.kind);
            Tells { id: update.due.id, object_by: after.map(|after| now + after) }
        };
        Some(Outgoing {
            lead: tells(first),
            name: first.due.name.clone(),
            others: self.updates.iter().skip(1).map(tells).collect(),
            thread,
            subject: first.due.event.subject.to_string(),
            message,
            to: first.to.clone(),
        })
    }
}

fn telling<'r>(update: &'r Ready<'_>, now: Timestamp) -> Telling<'r> {
    let Ready { due, event, team, rule, .. } = update;
    Telling { event, ticket: due.ticket.as_ref(), team, rule, line: Some(&due.name), now }
}

/// What stands above the lines about one ticket, so that it is named once. Lines of a digest are about many; and what is
/// told without words has none for its ticket either.
fn heading(rulebook: &Rulebook, items: &[Item<'_, '_>], digest: bool, now: Timestamp) -> Option<Block> {
    let first = items.first()?.first()?;
    let several = items.len() > 1 && items.iter().flatten().any(|update| update.message.body != first.message.body);
    let plain =
        |update: &&Ready<'_>| !update.message.private && !update.message.restricted && update.rule.template.is_none();
    if digest || !several || !items.iter().flatten().all(plain) {
        return None;
    }
    rulebook.heading(&telling(first, now))
}

/// What one line says: an update's words as they are beside others, or those for a whole burst.
fn write(rulebook: &Rulebook, item: &Item<'_, '_>, brief: bool, now: Timestamp) -> Option<Message> {
    let last = item.last()?;
    let comments: Vec<Option<Comment>> = match item.len() {
        1 => Vec::new(),
        _ => item.iter().map(|update| update.event.comment.clone()).collect(),
    };
    if !brief && comments.is_empty() {
        return Some(last.message.clone());
    }
    let written = rulebook.compose_among(&telling(last, now), Company { brief, comments: &comments });
    // It could be written alone, so it is at least said as it was then.
    Some(written.unwrap_or_else(|_| last.message.clone()))
}

/// What an update says among others: its first paragraph, with what that leads up to. A note is what a person chose to
/// say, and stays whole.
fn line(update: &Ready<'_>, among_others: bool) -> Vec<Block> {
    shortened(update, &update.message.body, among_others)
}

fn shortened(update: &Ready<'_>, body: &[Block], among_others: bool) -> Vec<Block> {
    let leads_up =
        matches!(body.first(), Some(Block::Paragraph(words)) if template::flat(words).trim_end().ends_with(':'));
    let length = match (among_others && !update.due.kind.is_note(), leads_up) {
        (false, _) => body.len(),
        (true, true) => 2,
        (true, false) => 1,
    };
    body.iter().take(length).cloned().collect()
}
