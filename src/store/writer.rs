//! The only writer, with group commit, on a thread of its own.
//!
//! Writes that a sender waits for share a commit and go first. Other writes, such as a round of planning, wait for a lull and
//! get a commit each, so that one that fails takes no other with it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::connection::Connection;
use super::delivery::Arriving;
use super::origin::Origin;
use super::{StoreError, Tx, Use, WAITING_WRITES, Written};

/// How many writes share one commit at most.
const BATCH: usize = 256;
/// While many senders wait for an answer, what can wait does so for a lull of this long,
const LULL: Duration = Duration::from_millis(3);
/// but no longer than this.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Who waits for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A sender, for its 202
    Sender,
    /// The result of a send, which would be sent twice if it were lost
    Outcome,
    /// Nobody outside
    CanWait,
}

/// Tells whoever asked for a write what became of it. They may have gone (a client that hung up): it stands all the same.
type Answer = Box<dyn FnOnce() + Send>;
/// Says how it went, too.
type Work = Box<dyn FnOnce(&Tx<'_>) -> (Ended, Answer) + Send>;

/// How a write went, before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    /// It is to be taken back
    Refused,
    /// The same, since the store could not do it
    Failed,
}

/// A write, and where its answer goes.
pub(super) struct Job {
    urgency: Urgency,
    /// What it takes in, if that can be taken in with others
    arriving: Option<Arc<Arriving>>,
    work: Work,
}

impl Job {
    pub(super) fn new<T, F>(urgency: Urgency, work: F) -> (Self, oneshot::Receiver<Result<T, StoreError>>)
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |tx| {
            // A fault of ours in one write must not take the writer with it.
            let value = std::panic::catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| {
                tracing::error!("our fault: a write failed, and was taken back");
                Err(StoreError::NotWritten)
            });
            let ended = match &value {
                Ok(_) => Ended::Well,
                Err(StoreError::Database(_) | StoreError::NotWritten) => Ended::Failed,
                Err(_) => Ended::Refused,
            };
            (ended, Box::new(move || drop(reply.send(value))))
        });
        (Self { urgency, arriving: None, work }, answer)
    }

    /// The same, for what takes in a delivery.
    pub(super) fn of(self, arriving: Arc<Arriving>) -> Self {
        Self { arriving: Some(arriving), ..self }
    }
}

/// What can wait until fewer senders do.
#[derive(Default)]
struct Rest {
    jobs: Vec<Job>,
    /// When the first of them came
    since: Option<Instant>,
    /// When several senders last waited at a time
    busy: Option<Instant>,
}

impl Rest {
    /// How long to wait for more of those that can't wait; `None` if nothing is held back.
    fn patience(&self) -> Option<Duration> {
        let waited = self.since?.elapsed();
        let lull = self.busy.map_or(Duration::ZERO, |busy| LULL.saturating_sub(busy.elapsed()));
        Some(lull.min(LONGEST_WAIT.saturating_sub(waited)))
    }

    /// Takes what can wait out of a batch, and puts it back once it has waited long enough.
    fn hold_back(&mut self, batch: &mut Vec<Job>) {
        let waiting = batch.extract_if(.., |job| job.urgency == Urgency::CanWait);
        self.jobs.extend(waiting);
        if batch.iter().filter(|job| job.urgency == Urgency::Sender).nth(1).is_some() {
            self.busy = Some(Instant::now());
        }
        if !self.jobs.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        if self.patience().is_some_and(|patience| patience.is_zero()) {
            self.since = None;
            batch.append(&mut self.jobs);
        }
    }
}

/// What others hear of the writers.
#[derive(Clone, Default)]
pub(super) struct Notices {
    /// Whether the last commit failed
    pub(super) failing: Arc<AtomicBool>,
    /// Changes with each commit
    pub(super) commits: Arc<watch::Sender<()>>,
}

/// Tells whoever waits for it that everything has ended, when it is dropped.
pub(super) struct End(Option<oneshot::Sender<()>>);

impl End {
    pub(super) fn new() -> (Self, Written) {
        let (ended, written) = oneshot::channel();
        (Self(Some(ended)), written)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(ended) = self.0.take() {
            // Whoever waited may have gone.
            ended.send(()).unwrap_or_default();
        }
    }
}

/// The thread's state.
pub(super) struct Writer {
    origin: Origin,
    usage: Use,
    conn: Option<Connection>,
    notices: Notices,
    /// How many rows the connection has changed
    changes: u64,
}

impl Writer {
    /// Starts the thread, and gives what its writes go to. It ends when nobody has that any more, and drops `end` then.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the system starts no thread.
    pub(super) fn start(
        (origin, usage): (Origin, Use),
        conn: Connection,
        notices: Notices,
        end: impl Send + 'static,
    ) -> Result<mpsc::Sender<Job>, StoreError> {
        let (writer, jobs) = mpsc::channel(WAITING_WRITES);
        let runtime = Handle::current();
        let thread = Self { origin, usage, conn: Some(conn), notices, changes: 0 };
        let started = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
            thread.run(jobs, &runtime);
            drop(end);
        });
        match started {
            Ok(_) => Ok(writer),
            Err(error) => Err(StoreError::Open { path: "the store".to_owned(), reason: error.to_string() }),
        }
    }

    /// Takes all that waits, commits it at once, then answers.
    fn run(mut self, mut jobs: mpsc::Receiver<Job>, runtime: &Handle) {
        let (mut batch, mut rest) = (Vec::with_capacity(BATCH), Rest::default());
        loop {
            let taken = match rest.patience() {
                None => Some(jobs.blocking_recv_many(&mut batch, BATCH)),
                Some(patience) => runtime
                    .block_on(async { tokio::time::timeout(patience, jobs.recv_many(&mut batch, BATCH)).await.ok() }),
            };
            if self.usage != Use::Scratch {
                rest.hold_back(&mut batch);
            }
            if taken == Some(0) {
                batch.append(&mut rest.jobs);
            }
            // What a sender waits for is one commit. What can wait takes more work, and is one each: so what fails takes
            // nothing else with it.
            let (now, others): (Vec<_>, Vec<_>) = batch.drain(..).partition(|job| job.urgency != Urgency::CanWait);
            let others = others.into_iter().map(|job| vec![job]);
            std::iter::once(now).chain(others).filter(|jobs| !jobs.is_empty()).for_each(|jobs| self.write(jobs));
            // Nobody is left to ask for more.
            if taken == Some(0) {
                break;
            }
        }
        self.origin.stop();
        if let Some(conn) = self.conn.take() {
            conn.close();
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let for_senders = jobs.iter().any(|job| job.urgency == Urgency::Sender);
        // Nobody hears of a failure before `failing` says so: what is left of these is dropped at the end.
        let (mut jobs, mut answers) = (jobs.into_iter(), Vec::new());
        match self.commit(&mut jobs, &mut answers) {
            Ok(Ended::Failed) => {
                self.notices.failing.store(true, Ordering::Relaxed);
                answers.into_iter().for_each(|answer| answer());
            }
            Ok(Ended::Well | Ended::Refused) => {
                // What is small, or changes nothing, is committed on a full disk, too.
                if for_senders {
                    self.notices.failing.store(false, Ordering::Relaxed);
                }
                answers.into_iter().for_each(|answer| answer());
                self.notice();
                self.origin.wrote();
            }
            // The answers are dropped, so each caller sees `NotWritten`.
            Err(error) => {
                self.notices.failing.store(true, Ordering::Relaxed);
                tracing::error!(%error, "nothing was written");
            }
        }
    }

    /// Says that something was written, unless nothing was.
    fn notice(&mut self) {
        let total = self.conn.as_ref().map_or(0, Connection::changes);
        if std::mem::replace(&mut self.changes, total) != total {
            self.notices.commits.send_replace(());
        }
    }

    /// Commits what goes well. What doesn't fails the others, or is taken back if it is alone.
    fn commit(&mut self, jobs: &mut std::vec::IntoIter<Job>, answers: &mut Vec<Answer>) -> Result<Ended, StoreError> {
        let conn = match self.conn.take().filter(|conn| !conn.is_stale()) {
            Some(conn) => conn,
            None => self.origin.open()?,
        };
        if let Err(error) = conn.insert_together(jobs.as_slice().iter().filter_map(|job| job.arriving.as_deref())) {
            self.conn = Some(conn).filter(Connection::takes_back);
            return Err(error);
        }
        let ended = match conn.begin() {
            Ok(tx) => {
                let ended = run_all(tx, jobs, answers);
                self.conn = Some(conn).filter(|conn| ended.is_ok() || conn.takes_back());
                ended
            }
            Err(error) => {
                // Another process writes: nothing has begun that this connection could be inside of.
                self.conn = Some(conn).filter(Connection::is_free);
                return Err(error);
            }
        };
        let ended = ended?;
        self.origin.check()?;
        Ok(ended)
    }
}

/// Runs jobs in a transaction, and ends it.
fn run_all(tx: Tx<'_>, jobs: &mut std::vec::IntoIter<Job>, answers: &mut Vec<Answer>) -> Result<Ended, StoreError> {
    let (mut ended, alone) = (Ended::Well, jobs.len() == 1);
    for job in jobs {
        let (went, answer) = (job.work)(&tx);
        answers.push(answer);
        // After some failures, such as a full disk, SQLite has taken back the whole transaction.
        if tx.is_over() || (went != Ended::Well && !alone) {
            return Err(StoreError::NotWritten);
        }
        ended = went;
    }
    tx.end(ended == Ended::Well)?;
    Ok(ended)
}
