//! From stored deliveries to queued messages: understand, track, plan, hold, release.
//!
//! One task does all of it, so that there is nothing to lock: what it reads is what it last wrote. The planning of a
//! delivery and the mark that it is done commit together.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tracing::Instrument as _;

use crate::event::{About, Event, Source};
use crate::metrics::Metrics;
use crate::plan::{self, Fate, Release, Waited};
use crate::rulebook::Rulebook;
use crate::source::{self, Parsed, Settings};
use crate::store::{Due, Line, LineState, PlannedEvent, Queued, Store, StoreError, Tx};
use crate::track::{self, Tracked};

/// It is told of new deliveries; it also looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// After trouble with the store.
const REST: Duration = Duration::from_secs(2);

/// Reads a payload. A fault of our parser ends here, with the body kept for a replay.
#[must_use]
pub fn understand(source: Source, name: &str, body: &[u8], received: Timestamp, settings: &Settings) -> Parsed {
    let parse = AssertUnwindSafe(|| source::parse(source, name, body, received, settings));
    std::panic::catch_unwind(parse)
        .unwrap_or_else(|_| Parsed::Ignored("our parser failed on it: please report it; the body is kept".to_owned()))
}

/// The task that turns deliveries into messages.
pub struct Intake {
    /// Where deliveries come from and messages go
    pub store: Store,
    /// How payloads are read
    pub settings: Settings,
    /// The rules and templates in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// What is counted
    pub metrics: Arc<Metrics>,
    /// Notified when there is a new delivery
    pub stored: Arc<Notify>,
    /// Notified by us when there is something to send
    pub to_send: Arc<Notify>,
}

impl Intake {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let rest = match self.step().await {
                Ok(true) => continue,
                Ok(false) => self.until_due().await,
                Err(error) => {
                    tracing::error!(%error, "cannot work on deliveries now; they wait");
                    REST
                }
            };
            tokio::select! {
                () = self.stored.notified() => {}
                () = tokio::time::sleep(rest) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One batch of deliveries and one of updates. `false` when there was nothing to do.
    async fn step(&self) -> Result<bool, StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let taken = self.take_in(&rulebook).await?;
        let released = self.release(&rulebook).await?;
        Ok(taken + released > 0)
    }

    async fn until_due(&self) -> Duration {
        match self.store.next_due().await {
            Ok(Some(due)) => {
                let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
                wait.clamp(Duration::from_millis(1), LOOK)
            }
            Ok(None) => LOOK,
            Err(error) => {
                tracing::error!(%error, "cannot look for what is due");
                REST
            }
        }
    }

    async fn take_in(&self, rulebook: &Arc<Rulebook>) -> Result<usize, StoreError> {
        let queued = self.store.queued().await?;
        if queued.is_empty() {
            return Ok(0);
        }
        let count = queued.len();
        let read = |delivery: &Queued| {
            understand(delivery.source, &delivery.name, &delivery.body, delivery.received, &self.settings)
        };
        let work = queued.into_iter().map(|delivery| (read(&delivery), delivery)).collect::<Vec<_>>();
        let rulebook = Arc::clone(rulebook);
        let planned = self.store.transact(move |mut tx| Box::pin(async move { take(&mut tx, &work, &rulebook).await }));
        for state in planned.await? {
            self.metrics.update(state);
        }
        Ok(count)
    }

    /// Renders what is due and queues it to its destinations.
    async fn release(&self, rulebook: &Rulebook) -> Result<usize, StoreError> {
        let due = self.store.due(Timestamp::now()).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let count = due.len();
        let (mut rendered, mut suppressed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for due in due {
            match decide(&due, rulebook) {
                Decision::Send(message, to) => rendered.push((due, *message, to)),
                Decision::Suppress(reason) => suppressed.push((due, reason)),
                Decision::Fail(reason) => failed.push((due.id, reason)),
            }
        }
        suppressed.iter().for_each(|_| self.metrics.update("suppressed"));
        failed.iter().for_each(|_| self.metrics.update("failed"));
        let write = self.store.transact(move |mut tx| {
            Box::pin(async move {
                tx.queue(&rendered).await?;
                for (due, reason) in suppressed {
                    tx.suppress(&due, &reason).await?;
                }
                for (id, reason) in failed {
                    tx.end(id, "failed", &reason).await?;
                }
                Ok(())
            })
        });
        write.await?;
        self.to_send.notify_one();
        Ok(count)
    }
}

/// What becomes of an update whose time has come.
enum Decision {
    Send(Box<crate::template::Message>, Vec<crate::destination::Destination>),
    Suppress(String),
    Fail(String),
}

fn decide(due: &Due, rulebook: &Rulebook) -> Decision {
    let waited = Waited { event: &due.event, kind: due.kind, team: &due.team, rule: &due.rule };
    match plan::release(waited, due.known.as_ref(), rulebook.teams()) {
        Release::Suppressed(reason) => Decision::Suppress(reason),
        Release::Send { event, team, rule } => {
            let ticket = due.ticket.as_ref().and_then(|known| match &known.about {
                About::Ticket(ticket) => Some(ticket),
                _ => None,
            });
            match rulebook.compose(&event, ticket, team, rule) {
                Ok(message) => Decision::Send(Box::new(message), plan::destinations(rule)),
                Err(error) => {
                    tracing::error!(team = team.name, rule = rule.name, %error, "a message could not be rendered");
                    Decision::Fail(error.to_string())
                }
            }
        }
    }
}

/// A delivery that waits, and what it says.
type Work = (Parsed, Queued);

/// Plans deliveries, all as one. If one is at fault, each is planned by itself: the fault must not hold up the others,
/// so it is undone and recorded, and can be replayed.
async fn take(tx: &mut Tx<'_>, work: &[Work], rulebook: &Rulebook) -> Result<Vec<&'static str>, StoreError> {
    if let Ok(states) = attempt(tx, work, rulebook).await? {
        return Ok(states);
    }
    let mut states = Vec::new();
    for one in work.chunks(1) {
        match attempt(tx, one, rulebook).await? {
            Ok(planned) => states.extend(planned),
            Err(fault) => {
                for (_, delivery) in one {
                    tracing::error!(
                        delivery = delivery.id,
                        fault,
                        "our fault: it could not be planned; its body is kept"
                    );
                    tx.ignore(delivery, &format!("our fault, please report it: {fault}")).await?;
                    states.push("ignored");
                }
            }
        }
    }
    Ok(states)
}

/// Plans deliveries together, or none of them; the inner error says what our fault was.
async fn attempt(
    tx: &mut Tx<'_>,
    work: &[Work],
    rulebook: &Rulebook,
) -> Result<Result<Vec<&'static str>, String>, StoreError> {
    tx.save().await?;
    let plan = async {
        let mut states = Vec::new();
        for (parsed, delivery) in work {
            let span = tracing::info_span!("delivery", id = delivery.id, source = %delivery.source, key = delivery.key);
            let updates = plan_one(tx, delivery, parsed.clone(), rulebook).instrument(span.clone()).await?;
            states.push((span, updates));
        }
        Ok(states)
    };
    let fault = match AssertUnwindSafe(plan).catch_unwind().await {
        Ok(Ok(states)) => {
            tx.keep().await?;
            let logged = states.into_iter().flat_map(|(span, updates)| {
                span.in_scope(|| tracing::info!(?updates, "planned"));
                updates
            });
            return Ok(Ok(logged.collect()));
        }
        Ok(Err(StoreError::Corrupt(fault))) => fault,
        Ok(Err(error)) => return Err(error),
        Err(_) => "the planner failed".to_owned(),
    };
    tx.undo().await?;
    Ok(Err(fault))
}

async fn plan_one(
    tx: &mut Tx<'_>,
    delivery: &Queued,
    parsed: Parsed,
    rulebook: &Rulebook,
) -> Result<Vec<&'static str>, StoreError> {
    let events = match parsed {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => {
            tx.ignore(delivery, &reason).await?;
            return Ok(vec!["ignored"]);
        }
    };
    let mut states = Vec::new();
    let mut number = 1;
    for event in events {
        let planned = plan_event(tx, event, rulebook).await?;
        states.extend(planned.lines.iter().map(|line| match line.state {
            LineState::Held(_) => "held",
            LineState::Suppressed => "suppressed",
        }));
        states.extend(planned.superseded.iter().map(|_| "superseded"));
        number = tx.plan(delivery.id, number, &planned).await?;
    }
    Ok(states)
}

async fn plan_event(tx: &mut Tx<'_>, event: Event, rulebook: &Rulebook) -> Result<PlannedEvent, StoreError> {
    let (event, nameless) = match &event.about {
        // The payload has no key, only Jira's number. Where that says nothing to us, it says nothing to readers; the
        // same comment comes again within `jira:issue_updated`, so it must not be taken for told.
        About::Ticket(ticket) if event.tickets.is_empty() => match tx.ticket_key(&ticket.key).await? {
            Some(key) => (track::resolve(event, key), None),
            None => {
                let reason =
                    format!("it names its ticket by Jira's number {} only, which is not known yet", ticket.key);
                (Event { once: None, ..event }, Some(reason))
            }
        },
        _ => (event, None),
    };
    let before = tx.before(&event).await?;
    let mut tracked = track::track(before.known, event);
    let told = before.told.map(|delivery| format!("delivery {delivery} told of it already"));
    tracked.stale = nameless.or(told).or(tracked.stale);
    let plan = plan::plan(&tracked, rulebook.teams(), &before.fired, &before.held);
    Ok(planned(tracked, plan, Timestamp::now()))
}

fn planned(tracked: Tracked, plan: plan::Plan, now: Timestamp) -> PlannedEvent {
    let Tracked { event, known, stale } = tracked;
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
    PlannedEvent { event, thread, known, lines, superseded: plan.superseded }
}
