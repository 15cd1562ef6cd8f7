//! Deliveries that are planned together: read once, written at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::Instrument as _;

use crate::event::{About, Event, Ticket, TicketKey};
use crate::plan::{self, Fate, Held, LineId};
use crate::rulebook::Rulebook;
use crate::source::Parsed;
use crate::store::{Before, Line, LineState, Planned, PlannedDelivery, PlannedEvent, Queued, Store, StoreError};
use crate::track::{self, Known, Tracked};

/// Deliveries as they are planned, and what is known once all of them are written: each sees what those before it in
/// the batch have changed.
pub(super) struct Batch<'a> {
    store: &'a Store,
    rulebook: &'a Rulebook,
    subjects: HashMap<String, Before>,
    /// Which delivery told of an occurrence
    told: HashMap<String, String>,
    /// Jira's numeric ids
    tickets: HashMap<String, TicketKey>,
    planned: Vec<PlannedDelivery>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(store: &'a Store, rulebook: &'a Rulebook) -> Self {
        let (subjects, told, tickets) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { store, rulebook, subjects, told, tickets, planned: Vec::new() }
    }

    /// The deliveries in the order that they were added.
    pub(super) fn planned(&self) -> &[PlannedDelivery] {
        &self.planned
    }

    /// Plans one more delivery. After a fault of ours in it, the answer is `false` and the batch is full: the delivery
    /// is recorded as ignored, with its body kept for a replay, and those behind it don't see the half of its plan.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub(super) async fn add(&mut self, delivery: &Queued, parsed: Parsed) -> Result<bool, StoreError> {
        let span = tracing::info_span!("delivery", id = delivery.id, source = %delivery.source, key = delivery.key);
        let plan = self.plan(delivery, parsed).instrument(span);
        let fault = match AssertUnwindSafe(plan).catch_unwind().await {
            Ok(Ok(outcome)) => {
                self.planned.push(PlannedDelivery { id: delivery.id, outcome });
                return Ok(true);
            }
            Ok(Err(StoreError::Corrupt(fault))) => fault,
            Ok(Err(error)) => return Err(error),
            Err(_) => "the planner failed".to_owned(),
        };
        tracing::error!(delivery = delivery.id, fault, "our fault: it could not be planned; its body is kept");
        let outcome = ignored(delivery, format!("our fault, please report it: {fault}"));
        self.planned.push(PlannedDelivery { id: delivery.id, outcome });
        Ok(false)
    }

    async fn plan(&mut self, delivery: &Queued, parsed: Parsed) -> Result<Planned, StoreError> {
        let events = match parsed {
            Parsed::Events(events) => events,
            Parsed::Ignored(reason) => return Ok(ignored(delivery, reason)),
        };
        let (mut planned, mut line) = (Vec::new(), 0);
        for event in events {
            let event = self.event(event).await?;
            self.learn(delivery, line, &event);
            line += i64::try_from(event.lines.len()).unwrap_or_default();
            planned.push(event);
        }
        Ok(Planned::Events(planned))
    }

    async fn event(&mut self, event: Event) -> Result<PlannedEvent, StoreError> {
        let (event, nameless) = self.resolve(event).await?;
        let told = match &event.once {
            Some(once) if !self.told.contains_key(once) => self.store.told(once).await?,
            Some(once) => self.told.get(once).cloned(),
            None => None,
        };
        let mut tracked = track::track(self.before(&event.subject).await?.known.clone(), event);
        tracked.ticket = self.ticket(&tracked.event).await?;
        let told = told.map(|delivery| format!("delivery {delivery} told of it already"));
        tracked.stale = nameless.or(told).or(tracked.stale);
        let rules = self.rulebook.rules();
        let before = self.before(&tracked.event.subject).await?;
        let plan = plan::plan(&tracked, rules, &before.fired, &before.held);
        Ok(planned(tracked, plan, Timestamp::now()))
    }

    async fn before(&mut self, subject: &str) -> Result<&Before, StoreError> {
        Ok(match self.subjects.entry(subject.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.store.before(subject).await?),
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
    async fn resolve(&self, event: Event) -> Result<(Event, Option<String>), StoreError> {
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
                let number = &ticket.key;
                let reason = format!("it names its ticket by Jira's number {number} only, which is not known yet");
                (Event { once: None, ..event }, Some(reason))
            }
        })
    }

    /// Takes over what an event changes, as the store will have it; `line` is the number of its delivery's last line.
    fn learn(&mut self, delivery: &Queued, line: i64, planned: &PlannedEvent) {
        if let Some(once) = &planned.event.once {
            self.told.entry(once.clone()).or_insert_with(|| delivery.key.clone());
        }
        if let Some((id, key)) = planned.ticket_id()
            && let Ok(key) = key.parse()
        {
            self.tickets.insert(id.to_owned(), key);
        }
        let Some(before) = self.subjects.get_mut(&planned.event.subject) else { return };
        before.known = Some(planned.known.clone());
        before.held.retain(|held| !planned.superseded.iter().any(|(id, _)| *id == held.id));
        for (number, new) in (line + 1..).zip(&planned.lines) {
            let (LineState::Held(_), Some((team, rule))) = (new.state, &new.rule) else { continue };
            if new.fires() {
                before.fired.insert((team.clone(), rule.clone(), new.kind));
            }
            let id = LineId { delivery: delivery.id, line: number };
            before.held.push(Held { id, team: team.clone(), rule: rule.clone(), kind: new.kind });
        }
    }
}

fn ignored(delivery: &Queued, reason: String) -> Planned {
    Planned::Ignored { source: delivery.source, name: delivery.name.clone(), reason }
}

fn planned(tracked: Tracked, plan: plan::Plan, now: Timestamp) -> PlannedEvent {
    let Tracked { event, known, stale, .. } = tracked;
    let lines = plan.updates.into_iter().map(|update| {
        let (state, reason) = match update.fate {
            Fate::Held(wait) => (LineState::Held(now + wait), format!("the rule matched; it settles for {wait:?}")),
            Fate::Suppressed(reason) => (LineState::Suppressed, reason),
        };
        Line { rule: Some((update.team, update.rule)), kind: update.kind, state, reason }
    });
    let mut lines = lines.collect::<Vec<_>>();
    if lines.is_empty() {
        let reason = stale.unwrap_or_else(|| "no rule matched".to_owned());
        lines.push(Line { rule: None, kind: event.kind, state: LineState::Suppressed, reason });
    }
    let thread = track::thread(&event.subject, &event.tickets).to_owned();
    PlannedEvent { event: event.without_body(), thread, known, lines, superseded: plan.superseded }
}
