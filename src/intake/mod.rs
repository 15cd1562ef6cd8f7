//! Turns stored deliveries into queued messages.
//!
//! One task does all of it, so nothing has to be locked. First it reads the payloads, and asks GitHub and Jira for what they
//! leave out (`enrich`). Then a `round` of planning is one transaction, which sees everything that was written before it.
//! For each event it finds the names that the event goes by now and the facts that complete it, tracks it ([`crate::track`]),
//! plans it ([`crate::plan`]) and writes the plan; then it releases the updates whose time has come. So a delivery's plan and
//! the mark that it is done commit together, and so do the messages of updates that needn't wait.

mod assumption;
mod bulk;
mod bundle;
mod carry;
mod enrich;
mod fresh;
mod names;
mod planning;
mod reading;
mod release;
mod round;
mod timers;
mod touched;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

pub use self::enrich::Enricher;
pub use self::fresh::{Fresh, Read};
pub use self::touched::Touched;

use self::names::Learned;
use self::reading::Reading;
use self::round::Round;
use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::event::Source;
use crate::metrics::Metrics;
use crate::reason::{Code, Reason};
use crate::rule::Renaming;
use crate::source::{self, Parsed, Settings};
use crate::store::{Incoming, Lane, Lanes, Now, Queued, Store, StoreError};
use crate::telemetry::{Planned, Tracer};

/// It is told of new deliveries; it also looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// After trouble with the store.
const REST: Duration = Duration::from_secs(2);
/// So long deliveries are taken into one transaction while senders wait for their answers, and have their turn next;
const TURN: Duration = Duration::from_millis(4);
/// and so long while none does: a commit costs the same for many as for a few.
const LONG_TURN: Duration = Duration::from_millis(20);

/// Reads a payload. A fault of our parser ends here, with the body kept for a replay.
#[must_use]
pub fn understand(source: Source, name: &str, body: &[u8], received: Timestamp, settings: &Settings) -> Parsed {
    let parse = AssertUnwindSafe(|| source::parse(source, name, body, received, settings));
    std::panic::catch_unwind(parse).unwrap_or(Parsed::Ignored(Reason::ParserFailed))
}

/// A delivery with the reason to ignore it, if there is one; and what it says.
#[must_use]
pub fn sorted(incoming: Incoming, settings: &Settings) -> (Incoming, Parsed) {
    let Incoming { source, name, body, received, .. } = &incoming;
    let parsed = understand(*source, name, body, *received, settings);
    let ignored = match &parsed {
        Parsed::Ignored(reason) => Some(reason.clone()),
        Parsed::Events(_) => None,
    };
    (Incoming { ignored, ..incoming }, parsed)
}

/// Who sends what is queued.
pub struct Sending {
    /// Which destinations are busy
    pub lanes: Lanes,
    /// Told of sends that were claimed for it
    pub claims: mpsc::UnboundedSender<Vec<Lane>>,
}

/// The task that turns deliveries into messages.
pub struct Intake {
    /// Where deliveries come from and messages go
    pub store: Store,
    /// How payloads are read
    pub settings: Settings,
    /// Who is asked for what payloads leave out, if anybody can be
    pub enricher: Option<Arc<Enricher>>,
    /// Where the authors of assumptions are told what came of them
    pub tell_authors: TellAuthors,
    /// The rules and templates in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// When the service started, until it was asked what was missed before: updates that were planned up to then wait
    /// for that
    pub resumed: watch::Receiver<Option<Timestamp>>,
    /// What is counted
    pub metrics: Arc<Metrics>,
    /// Tells the collector of what was planned, if there is one
    pub tracer: Option<Arc<Tracer>>,
    /// Notified when there is a new delivery
    pub stored: Arc<Notify>,
    /// What new deliveries say
    pub fresh: Arc<Fresh>,
    /// Who sends what is queued; nobody in a rehearsal
    pub sending: Option<Sending>,
    /// Told by us of what has another name now
    pub renamings: mpsc::UnboundedSender<Renaming>,
    /// Told by us of what on GitHub may have changed, besides what is news
    pub touched: Vec<mpsc::UnboundedSender<Touched>>,
}

impl Intake {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        self.catch_up(&stop).await;
        let mut left = Batch::default();
        while !*stop.borrow() {
            let rest = match self.work(&mut left, Timestamp::now(), true).await {
                Ok(Done { more: true, .. }) => continue,
                Ok(done) => self.until(done.next_due),
                // The writer has said why.
                Err(StoreError::NotWritten) => REST,
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

    /// Works on what there is `now`, in one transaction however long that takes: one batch of deliveries, of updates, of
    /// silences. `false` when there was nothing to do.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn step(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut batch = Batch { unhurried: true, ..self.read().await? };
        Ok(self.work(&mut batch, now, true).await?.worked > 0)
    }

    /// What came before a restart is planned first: it may have changed what is due.
    async fn catch_up(&self, stop: &watch::Receiver<bool>) {
        let now = self.resumed.borrow().unwrap_or_else(Timestamp::now);
        while !*stop.borrow() {
            match self.plan_waiting(now).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot plan what waits from before; later");
                    return;
                }
            }
        }
    }

    /// Plans deliveries that came up to `now`, and releases nothing. Says how many there were.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn plan_waiting(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut batch = self.read().await?;
        // What comes meanwhile is newer than what was missed, and does not wait for that.
        let before = batch.deliveries.iter().take_while(|delivery| delivery.received <= now).count();
        batch.deliveries.truncate(before);
        batch.parsed.truncate(before);
        while !batch.deliveries.is_empty() {
            self.work(&mut batch, now, false).await?;
        }
        Ok(before)
    }

    /// Reads the payloads that wait, and asks for what they leave out.
    async fn read(&self) -> Result<Batch, StoreError> {
        let reading = self.reading();
        let mut batch = self.store.read(move |tx| reading.read(tx)).await?;
        self.complete(&mut batch).await?;
        Ok(batch)
    }

    fn reading(&self) -> Reading {
        Reading { settings: self.settings.clone(), store: self.store.clone(), fresh: Arc::clone(&self.fresh) }
    }

    /// Asks for what payloads leave out.
    async fn complete(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if let Some(enricher) = self.enricher.as_ref().filter(|_| !batch.parsed.is_empty()) {
            let rulebook = Arc::clone(&self.rulebook.borrow());
            enricher.complete(batch.parsed.iter_mut(), rulebook.rules(), &self.store).await?;
        }
        Ok(())
    }

    /// Does a round of work on what is left of a batch, else on the next one, in one transaction. What there is no time for
    /// is left in the batch; what fails is read again.
    async fn work(&self, batch: &mut Batch, now: Timestamp, release: bool) -> Result<Done, StoreError> {
        let unhurried = batch.unhurried;
        match self.work_on(batch, now, release).await {
            Err(StoreError::Corrupt(_)) => {
                *batch = Batch { careful: true, unhurried, ..self.read().await? };
                self.work_on(batch, now, release).await
            }
            done => done,
        }
    }

    async fn work_on(&self, batch: &mut Batch, now: Timestamp, release: bool) -> Result<Done, StoreError> {
        // Many payloads are read beside the transactions, which have enough to do then.
        if batch.deliveries.is_empty() && batch.full {
            *batch = self.read().await?;
        }
        loop {
            match self.transact(std::mem::take(batch), now, release).await? {
                Transacted::Asks(mut read) => {
                    // If that fails, it is read again, and not planned without.
                    self.complete(&mut read).await?;
                    *batch = read;
                }
                Transacted::Done(done, after) => {
                    *batch = self.go_on(*after);
                    return Ok(done);
                }
            }
        }
    }

    /// A round of work in one transaction, if nobody has to be asked for anything before.
    async fn transact(&self, batch: Batch, now: Timestamp, release: bool) -> Result<Transacted, StoreError> {
        let (rulebook, resumed, tell_authors) =
            (Arc::clone(&self.rulebook.borrow()), *self.resumed.borrow(), self.tell_authors);
        let (sending, tracer) = (self.sending.as_ref().map(|sending| sending.lanes.clone()), self.tracer.clone());
        let (reading, enricher) = (self.reading(), self.enricher.clone());
        let done = self.store.write(move |tx| {
            let mut batch = batch;
            if batch.deliveries.is_empty() && batch.unreadable.is_empty() {
                // Reading here spares a thread that wakes up, and has to read anew what this one has at hand.
                batch = Batch { unhurried: batch.unhurried, careful: batch.careful, ..reading.read(tx)? };
                if enricher.is_some_and(|enricher| enricher.has_questions(&batch.parsed, rulebook.rules())) {
                    return Ok(Transacted::Asks(batch));
                }
            }
            let Batch { mut deliveries, mut parsed, unreadable, learned, unhurried, full, careful } = batch;
            let mut round = Round { tracer, ..Round::new(tx, &rulebook, now, careful) };
            learned.write(tx)?;
            unreadable.iter().try_for_each(|id| tx.close_delivery(*id))?;
            let (begun, mut taken) = (Instant::now(), 0);
            while let (Some(delivery), Some(parsed)) = (deliveries.front(), parsed.pop_front()) {
                round.take_in(delivery, parsed)?;
                deliveries.pop_front();
                taken += 1;
                let turn = if reading.store.has_senders() { TURN } else { LONG_TURN };
                if !unhurried && begun.elapsed() > turn {
                    break;
                }
            }
            if taken > 0 {
                tx.end_recovery()?;
            }
            if release {
                round.release(resumed)?;
                round.look_after(resumed, tell_authors)?;
            }
            let (worked, more) = (taken + round.worked, full || !deliveries.is_empty());
            let Round { states, renamings, touched, planned, .. } = round;
            // What has nothing to wait for is claimed at once.
            let lanes = match sending {
                Some(lanes) if release => tx.claim(&lanes, Now::read())?,
                _ => Vec::new(),
            };
            // Those that are read next need no such care.
            let careful = careful && !deliveries.is_empty();
            let left = Batch { deliveries, parsed, unhurried, full, careful, ..Batch::default() };
            let after = After { left, learned, states, renamings, touched, planned, lanes };
            Ok(Transacted::Done(Done { worked, more, next_due: tx.next_due()? }, Box::new(after)))
        });
        done.await
    }

    /// Tells everybody of what is on disk now. Returns what there was no time for.
    fn go_on(&self, after: After) -> Batch {
        let After { left, learned, states, renamings, touched, planned, lanes } = after;
        self.sent(lanes);
        self.store.remember_people(learned.people);
        states.into_iter().for_each(|(state, code)| self.metrics.update(state, code));
        if let Some(tracer) = &self.tracer {
            planned.into_iter().for_each(|planned| tracer.planned(planned));
        }
        // Where nobody listens, nobody is told: a rehearsal.
        renamings.into_iter().for_each(|renaming| drop(self.renamings.send(renaming)));
        for touched in touched {
            self.touched.iter().for_each(|listener| drop(listener.send(touched.clone())));
        }
        left
    }

    /// Hands on what was claimed. If nobody takes it, it is given back.
    fn sent(&self, lanes: Vec<Lane>) {
        if let Some(sending) = self.sending.as_ref().filter(|_| !lanes.is_empty()) {
            // The dispatcher takes it until this task has ended.
            drop(sending.claims.send(lanes));
        }
    }

    /// How long to rest, if nothing comes meanwhile.
    fn until(&self, due: Option<Timestamp>) -> Duration {
        match due {
            // What is due may still have to wait for what was missed.
            Some(due) if self.resumed.borrow().is_none() => {
                let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
                wait.clamp(Duration::from_millis(1), LOOK)
            }
            _ => LOOK,
        }
    }
}

/// Deliveries that wait, read.
#[derive(Default)]
struct Batch {
    deliveries: VecDeque<Queued>,
    parsed: VecDeque<Parsed>,
    /// Those that can't be read
    unreadable: Vec<i64>,
    learned: Learned,
    /// It is worked on in one transaction, however long that takes
    unhurried: bool,
    /// There may be more
    full: bool,
    /// One of them can't be planned, and is to be set aside
    careful: bool,
}

/// What came of a transaction.
enum Transacted {
    /// It was only read: somebody has to be asked for what the payloads leave out
    Asks(Batch),
    Done(Done, Box<After>),
}

/// What is to be done once a round is on disk.
struct After {
    /// What there was no time for
    left: Batch,
    learned: Learned,
    /// What lines of the ledger began and ended as, and why
    states: Vec<(&'static str, Code)>,
    renamings: Vec<Renaming>,
    touched: Vec<Touched>,
    /// What the collector is told
    planned: Vec<Planned>,
    /// What was claimed
    lanes: Vec<Lane>,
}

/// What a round of work did.
struct Done {
    /// How much there was to do
    worked: usize,
    /// Whether there are more deliveries
    more: bool,
    /// When the next update, silence or objection is due
    next_due: Option<Timestamp>,
}

#[cfg(test)]
pub(crate) mod tests;
