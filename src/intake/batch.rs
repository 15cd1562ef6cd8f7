//! Deliveries that are planned together: read once, written at once.

mod name;
mod note;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::Instrument as _;

use crate::compose::Rulebook;
use crate::event::{About, Event, EventKind, Note, Source, Ticket, TicketKey, Undoes};
use crate::plan::{self, Fate, Held, LineId};
use crate::reason::Reason;
use crate::source::Parsed;
use crate::store::{Before, Line, LineState, Planned, PlannedDelivery, PlannedEvent, Queued, Store, StoreError};
use crate::track::{self, Known, Tracked};

/// Deliveries as they are planned, and what is known once all of them are written: each sees what those before it in
/// the batch have changed.
pub(super) struct Batch<'a> {
    store: &'a Store,
    rulebook: &'a Rulebook,
    now: Timestamp,
    subjects: HashMap<String, Before>,
    /// Which delivery told of an occurrence
    told: HashMap<String, String>,
    /// The occurrences that the store was asked about
    asked: HashSet<String>,
    /// Jira's numeric ids
    tickets: HashMap<String, TicketKey>,
    planned: Vec<PlannedDelivery>,
}

impl<'a> Batch<'a> {
    /// Begins a batch for these payloads: what most of their plans need is read at once.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub(super) async fn begin(
        store: &'a Store,
        rulebook: &'a Rulebook,
        parsed: &[Parsed],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let events = parsed.iter().filter_map(|parsed| match parsed {
            Parsed::Events(events) => Some(events),
            Parsed::Ignored(_) => None,
        });
        let events = events.flatten().collect::<Vec<_>>();
        let names = events.iter().map(|event| event.subject.as_str()).collect::<BTreeSet<_>>();
        let once = events.iter().filter_map(|event| event.once.as_deref()).collect::<Vec<_>>();
        let subjects = match store.before(&names.into_iter().collect::<Vec<_>>()).await {
            // Each is read again by itself, and the damaged one told apart from the others.
            Err(StoreError::Corrupt(_)) => HashMap::new(),
            read => read?,
        };
        let told = store.told(&once).await?;
        let asked = once.into_iter().map(str::to_owned).collect();
        Ok(Self { store, rulebook, now, subjects, told, asked, tickets: HashMap::new(), planned: Vec::new() })
    }

    /// The deliveries in the order that they were added.
    pub(super) fn planned(&self) -> &[PlannedDelivery] {
        &self.planned
    }

    /// Plans one more delivery. `false` means that the batch is full: after a delivery that renames something, and after a
    /// fault of ours in one, which is recorded as ignored, with its body kept for a replay, and those behind it don't see
    /// the half of its plan.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub(super) async fn add(&mut self, delivery: &Queued, parsed: Parsed) -> Result<bool, StoreError> {
        let span = tracing::info_span!("delivery", id = delivery.id, source = %delivery.source, key = delivery.key);
        let plan = self.plan(delivery, parsed).instrument(span);
        let fault = match AssertUnwindSafe(plan).catch_unwind().await {
            Ok(Ok(outcome)) => {
                let renames = outcome.renames();
                self.planned.push(PlannedDelivery { id: delivery.id, outcome });
                // What is known of the old names is read anew.
                return Ok(!renames);
            }
            Ok(Err(StoreError::Corrupt(fault))) => fault,
            Ok(Err(error)) => return Err(error),
            Err(_) => "the planner failed".to_owned(),
        };
        tracing::error!(delivery = delivery.id, fault, "our fault: it could not be planned; its body is kept");
        let outcome = ignored(delivery, Reason::Fault { detail: fault });
        self.planned.push(PlannedDelivery { id: delivery.id, outcome });
        Ok(false)
    }

    async fn plan(&mut self, delivery: &Queued, parsed: Parsed) -> Result<Planned, StoreError> {
        let events = match parsed {
            Parsed::Events(events) => self.compared(events).await?,
            Parsed::Ignored(reason) => return Ok(ignored(delivery, reason)),
        };
        let (mut planned, mut line) = (Vec::new(), 0);
        let mut events = VecDeque::from(events);
        while let Some(event) = events.pop_front() {
            let event = self.event(event).await?;
            self.learn(delivery, line, &event);
            line += i64::try_from(event.lines.len()).unwrap_or_default();
            events.extend(self.on_track(&event).await?);
            planned.push(event);
        }
        Ok(Planned::Events(planned))
    }

    /// A ticket that moves forward is news of the drafts that belong to it.
    async fn on_track(&self, moved: &PlannedEvent) -> Result<Vec<Event>, StoreError> {
        let PlannedEvent { event, known, forward: true, .. } = moved else { return Ok(Vec::new()) };
        if !self.rulebook.rules().want(EventKind::PullRequestOnTrack) {
            return Ok(Vec::new());
        }
        let drafts = self.store.drafts_of(&event.subject).await?.into_iter();
        Ok(drafts.filter_map(|(subject, draft)| track::on_track(subject, draft, event, known)).collect())
    }

    async fn event(&mut self, event: Event) -> Result<PlannedEvent, StoreError> {
        let (mut event, nameless) = self.resolve(self.with_edit(event).await?).await?;
        name_undoing(&mut event);
        self.keep_names(&mut event);
        self.follow_name(&mut event).await?;
        let undone = self.undone(&mut event).await?;
        if matches!(&event.about, About::Thing(thing) if thing.pull_request.is_some())
            && let Some(known) = &self.before(&event.work()).await?.known
        {
            track::belong(&mut event, known);
        }
        let told = match &event.once {
            Some(once) if !self.told.contains_key(once) && !self.asked.contains(once) => {
                self.store.told(&[once]).await?.remove(once)
            }
            Some(once) => self.told.get(once).cloned(),
            None => None,
        };
        let known = self.before(&event.subject).await?.known.clone();
        let forward = track::moves_forward(known.as_ref(), &event);
        let mut tracked = track::track(known, event);
        tracked.ticket = self.ticket(&tracked.event).await?;
        let told = told.map(|delivery| told_already(&delivery, &tracked.event));
        let overtaken = self.overtaken(&tracked.event).await?;
        tracked.stale = nameless.or(told).or(undone).or(overtaken).or(tracked.stale);
        let forward = forward && tracked.stale.is_none();
        let (rules, now) = (self.rulebook.rules(), self.now);
        let before = self.before(&tracked.event.subject).await?;
        let mut plan = plan::plan(&tracked, rules, &before.history, now);
        plan.recalled.extend(self.becomes_private(&tracked.event).await?);
        Ok(self.planned_event(tracked, plan, forward))
    }

    async fn before(&mut self, subject: &str) -> Result<&mut Before, StoreError> {
        Ok(match self.subjects.entry(subject.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut read = self.store.before(&[subject]).await?;
                unknown.insert(read.remove(subject).unwrap_or_default())
            }
        })
    }

    /// What is known of an event's ticket, if that is not its subject and a rule asks.
    async fn ticket(&mut self, event: &Event) -> Result<Option<Ticket>, StoreError> {
        let Some(key) = event.tickets.first().filter(|key| key.as_str() != event.subject) else { return Ok(None) };
        if !self.rulebook.rules().ask_of_tickets() {
            return Ok(None);
        }
        Ok(match &self.before(key.as_str()).await?.known {
            Some(Known { about: About::Ticket(ticket), .. }) => Some(ticket.clone()),
            _ => None,
        })
    }

    /// Gives an event its ticket's key where the payload has none, only Jira's number. Where that says nothing to us, it
    /// says nothing to readers, for the reason that comes with it; the same comment comes again within
    /// `jira:issue_updated`, so it must not be taken for told.
    async fn resolve(&self, event: Event) -> Result<(Event, Option<Reason>), StoreError> {
        let About::Ticket(ticket) = &event.about else { return Ok((event, None)) };
        if !event.tickets.is_empty() {
            return Ok((event, None));
        }
        let key = match self.tickets.get(&ticket.key) {
            Some(key) => Some(key.clone()),
            None => self.store.ticket_key(&ticket.key).await?,
        };
        Ok(match key {
            Some(key) => (track::resolve(event, key), None),
            None => {
                let reason = Reason::TicketUnknown { number: ticket.key.clone() };
                (Event { once: None, ..event }, Some(reason))
            }
        })
    }

    /// Takes over what an event changes, as the store will have it; `line` is the number of its delivery's last line.
    fn learn(&mut self, delivery: &Queued, line: i64, planned: &PlannedEvent) {
        if let Some(once) = &planned.event.once {
            let name = if planned.event.undoing.is_none() { Note::name(once) } else { once };
            for name in [once, name] {
                self.told.entry(name.to_owned()).or_insert_with(|| delivery.key.clone());
            }
        }
        if let Some((id, key)) = planned.ticket_id()
            && let Ok(key) = key.parse()
        {
            self.tickets.insert(id.to_owned(), key);
        }
        let Some(before) = self.subjects.get_mut(&planned.event.subject) else { return };
        before.known = Some(planned.known.clone());
        let goes = |held: &Held| planned.superseded.iter().chain(&planned.withdrawn).any(|(id, _)| *id == held.id);
        before.history.held.retain(|held| !goes(held));
        for (number, new) in (line + 1..).zip(&planned.lines) {
            let (LineState::Held { since, .. }, Some((team, rule))) = (new.state, &new.rule) else { continue };
            if new.fires() {
                before.history.fired.insert((team.clone(), rule.clone(), new.kind));
            }
            let id = LineId { delivery: delivery.id, line: number };
            let event = &planned.event;
            before.history.held.push(Held {
                id,
                team: team.clone(),
                rule: rule.clone(),
                kind: new.kind,
                once: event.once.clone(),
                change: event.change.clone(),
                actor: event.actor.as_ref().map(|actor| actor.login.clone()),
                since: since.unwrap_or(self.now),
            });
        }
    }

    fn planned_event(&self, tracked: Tracked, mut plan: plan::Plan, forward: bool) -> PlannedEvent {
        let Tracked { event, known, stale, .. } = tracked;
        let lines = std::mem::take(&mut plan.updates).into_iter().map(|update| {
            let asked = self.rulebook.rules().find(&update.team, &update.rule);
            let (state, reason) = match (update.fate, asked) {
                (Fate::Held(wait), Some((team, rule))) => {
                    let digest = rule.digest.is_some();
                    let since = update.since;
                    (LineState::Held { due: wait.until, digest, since }, wait.reason(&team.timezone))
                }
                (Fate::Held(_), None) => {
                    let (team, rule) = (update.team.clone(), update.rule.clone());
                    (LineState::Suppressed, Reason::RuleRemoved { team, rule })
                }
                (Fate::Suppressed(reason), _) => (LineState::Suppressed, reason),
            };
            Line { rule: Some((update.team, update.rule)), kind: update.kind, state, reason }
        });
        let mut lines = lines.collect::<Vec<_>>();
        if let Some(undoing) = event.undoing.as_ref().filter(|_| lines.is_empty()) {
            let reason = Reason::UndoesOther { detail: undoing.because.clone() };
            lines.push(Line { rule: None, kind: event.kind, state: LineState::Ignored, reason });
        }
        if lines.is_empty() {
            let unknown = || event.gap.clone().or(plan.unknown.clone());
            let reason = stale.unwrap_or_else(|| Reason::NoRule { unknown: unknown() });
            lines.push(Line { rule: None, kind: event.kind, state: LineState::Suppressed, reason });
        }
        let thread = track::conversation(&event);
        let plan::Plan { superseded, withdrawn, timers, gone, extended, recalled, reworded, .. } = plan;
        let event = event.without_body();
        PlannedEvent {
            event,
            thread,
            known,
            lines,
            superseded,
            withdrawn,
            timers,
            gone,
            forward,
            extended,
            recalled,
            reworded,
        }
    }
}

/// What undoes an occurrence is found by its name, whichever of the two comes first.
fn name_undoing(event: &mut Event) {
    if let Some(Undoes::Occurrence(of, _)) = event.undoing.as_ref().map(|undoing| &undoing.of) {
        event.once = Some(format!("{of}@{}", event.at.as_millisecond()));
    }
}

/// Why an occurrence that two deliveries tell of is no news the second time. Two webhooks of GitHub's never have the same
/// id, and a delivery that is repeated keeps its own.
fn told_already(delivery: &str, event: &Event) -> Reason {
    let two_webhooks = event.source == Source::Github && event.note.is_none();
    Reason::ToldAlready { delivery: Some(delivery.to_owned()), two_webhooks }
}

fn ignored(delivery: &Queued, reason: Reason) -> Planned {
    Planned::Ignored { source: delivery.source, name: delivery.name.clone(), reason }
}
