//! From stored deliveries to queued messages: understand, track, plan, hold, release.
//!
//! One task does all of it, so that there is nothing to lock: what it reads is what it last wrote. The plan of a delivery
//! and the mark that it is done commit together.

mod batch;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use self::batch::Batch;
use crate::event::{About, Source};
use crate::metrics::Metrics;
use crate::plan::{self, Release, Waited};
use crate::rulebook::Rulebook;
use crate::source::{self, Parsed, Settings};
use crate::store::{Due, Released, Store, StoreError};

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

    async fn take_in(&self, rulebook: &Rulebook) -> Result<usize, StoreError> {
        let queued = self.store.queued().await?;
        if queued.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::new(&self.store, rulebook);
        for delivery in &queued {
            let parsed = understand(delivery.source, &delivery.name, &delivery.body, delivery.received, &self.settings);
            if !batch.add(delivery, parsed).await? {
                break;
            }
        }
        let planned = batch.planned();
        self.store.plan(planned).await?;
        for (delivery, planned) in queued.iter().zip(planned) {
            let updates = planned.outcome.states();
            updates.iter().for_each(|state| self.metrics.update(state));
            tracing::info!(id = delivery.id, source = %delivery.source, key = delivery.key, ?updates, "planned");
        }
        Ok(planned.len())
    }

    /// Renders what is due and queues it to its destinations.
    async fn release(&self, rulebook: &Rulebook) -> Result<usize, StoreError> {
        let due = self.store.due(Timestamp::now()).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let count = due.len();
        let mut released = Released::default();
        for due in due {
            match decide(&due, rulebook) {
                Decision::Send(message, to) => released.rendered.push((due, *message, to)),
                Decision::Suppress(reason) => released.suppressed.push((due.id, reason)),
                Decision::Fail(reason) => released.failed.push((due.id, reason)),
            }
        }
        self.store.release(&released).await?;
        released.suppressed.iter().for_each(|_| self.metrics.update("suppressed"));
        released.failed.iter().for_each(|_| self.metrics.update("failed"));
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
    let ticket = due.ticket.as_ref().and_then(|known| match &known.about {
        About::Ticket(ticket) => Some(ticket),
        _ => None,
    });
    let waited = Waited { event: &due.event, kind: due.kind, team: &due.team, rule: &due.rule, ticket };
    match plan::release(waited, due.known.as_ref(), rulebook.rules()) {
        Release::Suppressed(reason) => Decision::Suppress(reason),
        Release::Send { event, team, rule } => match rulebook.compose(&event, ticket, team, rule) {
            Ok(message) => Decision::Send(Box::new(message), plan::destinations(rule)),
            Err(error) => {
                tracing::error!(team = team.name, rule = rule.name, %error, "a message could not be rendered");
                Decision::Fail(error.to_string())
            }
        },
    }
}
