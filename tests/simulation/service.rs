//! The service: its real parts, put together as the program does, but moved step by step.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use microalign::compose::Rulebook;
use microalign::config::TellAuthors;
use microalign::dispatch::Turn;
use microalign::intake::{Fresh, Intake, sorted};
use microalign::source::Settings;
use microalign::store::{Accepted, Incoming, Keep, Lane, Lanes, Now, Store, StoreError, Sweep, Tried, Written};
use tokio::sync::{mpsc, watch};

use super::action::Answer;
use super::shadow::Refusals;

/// Bodies go soon; the ledger stays for longer than a run takes.
const KEEP: Keep = Keep { ledger: Duration::from_secs(400 * 86_400), bodies: Duration::from_secs(3 * 86_400) };

/// A running process.
pub struct Service {
    pub intake: Intake,
    pub rulebook: watch::Sender<Arc<Rulebook>>,
    /// The lanes under way, in the order in which they were claimed
    pub flights: Vec<Flight>,
    lanes: Lanes,
    sweep: Sweep,
    written: Written,
}

/// A lane under way.
pub struct Flight {
    pub to: String,
    pub turn: Turn,
    pub phase: Phase,
    /// When it was claimed, by the clock that people set
    pub claimed: Timestamp,
    /// How its address had refused mail then
    pub refusals: Option<Refusals>,
}

/// How far the send is that is next in a lane.
pub enum Phase {
    /// Nothing was done with it
    Next,
    /// It is being tried until then, and answered like this
    Trying { answer: Answer, until: Duration },
    /// It has ended, and that is not written down
    Ended { tried: Tried, asked: Option<Duration> },
}

impl Service {
    /// Starts it, as the program does: what was under way is given back, and what waits from before is planned first.
    pub async fn start(
        path: &Path,
        rulebook: Arc<Rulebook>,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (store, written) = loop {
            match Store::serve(path, now).await {
                // A start that failed leaves a thread, which has the file for a moment.
                Err(StoreError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                served => break served?,
            }
        };
        let (rulebook, rules) = watch::channel(rulebook);
        let intake = Intake {
            store,
            settings,
            enricher: None,
            tell_authors: TellAuthors::default(),
            rulebook: rules,
            resumed: watch::channel(None).1,
            metrics: Arc::default(),
            tracer: None,
            stored: Arc::default(),
            fresh: Arc::new(Fresh::default()),
            // It would claim by a clock of its own.
            sending: None,
            renamings: mpsc::unbounded_channel().0,
            touched: Vec::new(),
        };
        // What can't be planned now is planned later.
        while intake.plan_waiting(now).await.is_ok_and(|planned| planned > 0) {}
        let (flights, lanes, sweep) = (Vec::new(), Lanes::default(), Sweep::default());
        Ok(Self { intake, rulebook, flights, lanes, sweep, written })
    }

    pub fn store(&self) -> &Store {
        &self.intake.store
    }

    /// Loses all that is in memory.
    pub async fn crash(self) {
        let Self { intake, flights, written, .. } = self;
        drop((flights, intake));
        written.await.unwrap();
    }

    /// Takes a webhook in, as the handler does once its signature is checked.
    pub async fn deliver(&self, incoming: Incoming) -> Result<Accepted, StoreError> {
        let fields = self.intake.settings.fields.now();
        let (incoming, parsed) = sorted(incoming, &self.intake.settings);
        let (source, key, fresh) = (incoming.source, incoming.key.clone(), &self.intake.fresh);
        let kept = incoming.ignored.is_none() && fresh.put(source, &key, (parsed, Arc::clone(&fields)));
        let accepted = self.store().accept(incoming).await;
        if kept && !matches!(accepted, Ok(Accepted::New(_))) {
            fresh.take(source, &key, &fields);
        }
        accepted
    }

    pub async fn step(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.intake.step(now).await
    }

    pub async fn claim(&self, now: Now) -> Result<Vec<Lane>, StoreError> {
        self.store().claim(&self.lanes, now).await
    }

    /// Does the next part of a sweep, unless deliveries wait.
    pub async fn sweep(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.store().backlog().await? == 0 {
            self.sweep = self.store().sweep(self.sweep.clone(), KEEP, now).await?.unwrap_or_default();
        }
        Ok(())
    }
}
