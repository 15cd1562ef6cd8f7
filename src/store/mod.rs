//! All SQL, and the one place that writes.
//!
//! SQLite in WAL mode with `synchronous = FULL`: what is committed is on disk. A commit costs an `fdatasync` however
//! much it holds, so there is one writer, and whatever waits for it goes in together (group commit): deliveries,
//! plans, claims and results share their commits. Readers have connections of their own and never wait.
//!
//! Limits are written into the statements: SQLite plans a statement anew, each time it runs, if its LIMIT is bound.

mod answer;
mod bounce;
mod delivery;
mod known;
mod ledger;
mod look;
mod mute;
mod names;
mod plan;
mod recall;
mod recovery;
mod release;
mod replay;
mod send;
#[cfg(test)]
mod tests;
mod timer;
mod told;
mod undo;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use answer::{Assumption, Objected, Objection, Outcome, Through, Told, Unanswered, Unopposed};
pub use bounce::Refusals;
pub use delivery::{Accepted, Incoming, Queued};
pub use ledger::{Entry, EntryState, Filter, SendEntry, SendState};
pub use plan::{Before, Line, LineState, Planned, PlannedDelivery, PlannedEvent};
pub use recovery::Hook;
pub use release::{Alike, Due, Group, Outgoing, Released, Which};
pub use replay::{Messages, Untold};
pub use send::{Claimed, Room, Settled};
pub use timer::{Followed, RunOut};

/// Why the store could not do what was asked. It is always our trouble, never the sender's.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or brought up to date
    #[error("cannot open the store `{path}`: {reason}")]
    Open {
        /// The database file
        path: String,
        /// What the system says
        reason: String,
    },
    /// An older version wrote it, and nothing that only reads may change that
    #[error(
        "the store `{0}` is of an older version of microalign: start `microalign serve` of this version, which brings it \
         up to date, or read it with the older program"
    )]
    Older(String),
    /// A newer version wrote it
    #[error("the store `{0}` is of a newer version of microalign: use that program")]
    Newer(String),
    /// Another process serves from the same file
    #[error("the store `{0}` is in use by another microalign: stop that one, or set another `[store] url`")]
    InUse(String),
    /// Another process asks for what did not arrive
    #[error("what was missed is being asked for already: try again in a minute")]
    Recovering,
    /// A write did not reach the disk; the writer has logged why
    #[error("the store could not be written")]
    NotWritten,
    /// There is no key to sign with
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// The queue of writes is full
    #[error("the store is overloaded")]
    Overloaded,
    /// A thread that worked for us ended
    #[error("a thread failed: {0}")]
    Stopped(tokio::task::JoinError),
    /// A statement failed
    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A row holds what this version cannot read
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// Tells whoever asked for a write that it is on disk. They may have gone (a client that hung up): it stands all the same.
type Answer = Box<dyn FnOnce() + Send>;
type Work = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<Answer, StoreError>> + Send>;

/// A write, and where its answer goes.
enum Job {
    /// A delivery; all that wait go in with one statement
    Accept(Incoming, oneshot::Sender<Accepted>),
    /// The result of a send; likewise
    Settle(serde_json::Value, oneshot::Sender<bool>),
    /// Anything else
    Other(Work),
}

/// What brings a store up to date.
static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// How many writes may wait; beyond it a delivery is answered 503 and its sender tries again.
const WAITING_WRITES: usize = 1024;
/// How many writes share one commit at most.
const BATCH: usize = 256;

/// The database.
#[derive(Clone)]
pub struct Store {
    path: Arc<Path>,
    read: SqlitePool,
    writer: mpsc::Sender<Job>,
    /// Whether the last commit failed
    failing: Arc<AtomicBool>,
    /// What people are called, by their ids: few, and asked for with each delivery
    people: Arc<RwLock<HashMap<String, String>>>,
    /// Held for as long as the service runs, so that no second one sends the same messages.
    _lock: Option<Arc<File>>,
}

impl Store {
    /// Opens the store to serve from it: only one process can.
    ///
    /// The second value is the writer; it ends when the last `Store` is dropped and all writes are on disk.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Open`]
    pub async fn serve(path: &Path) -> Result<(Self, JoinHandle<()>), StoreError> {
        let lock = locked(path, ".lock", StoreError::InUse)?;
        let (mut store, writer) = Self::open(path, Use::Serve).await?;
        store._lock = Some(Arc::new(lock));
        store.write(|conn| Box::pin(send::release_all(conn))).await?;
        Ok((store, writer))
    }

    /// Opens the store beside a service that may be running, to change something. It must exist.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn visit(path: &Path) -> Result<(Self, JoinHandle<()>), StoreError> {
        Self::open(path, Use::Visit).await
    }

    /// Makes a store that nobody needs after a crash: for a replay.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn scratch(path: &Path) -> Result<(Self, JoinHandle<()>), StoreError> {
        Self::open(path, Use::Scratch).await
    }

    async fn open(path: &Path, usage: Use) -> Result<(Self, JoinHandle<()>), StoreError> {
        let failed =
            |e: &dyn std::fmt::Display| StoreError::Open { path: path.display().to_string(), reason: e.to_string() };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(usage != Use::Visit)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(if usage == Use::Scratch { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
            // A page that many commits change is copied from the log to the file once in so many pages (16 MB).
            .pragma("wal_autocheckpoint", "4000")
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let mut write = SqliteConnection::connect_with(&options).await.map_err(|e| failed(&e))?;
        MIGRATIONS.run(&mut write).await.map_err(|e| match e {
            MigrateError::VersionMissing(_) => StoreError::Newer(path.display().to_string()),
            e => failed(&e),
        })?;
        let people = names::people(&mut write).await.map_err(|e| failed(&e))?;
        let read = SqlitePoolOptions::new()
            .max_connections(2)
            .min_connections(0)
            // It is a file: there is no connection to lose.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().create_if_missing(false).read_only(true));
        let (writer, jobs) = mpsc::channel(WAITING_WRITES);
        let failing = Arc::<AtomicBool>::default();
        let rest = Rest { lull: if usage == Use::Scratch { Duration::ZERO } else { LULL }, ..Rest::default() };
        let task = tokio::spawn(Writer { options, conn: Some(write), failing: Arc::clone(&failing) }.run(jobs, rest));
        let people = Arc::new(RwLock::new(people));
        Ok((Self { path: path.into(), read, writer, failing, people, _lock: None }, task))
    }

    /// Whether work can be taken: how many deliveries wait.
    ///
    /// # Errors
    /// The store can't be read; or the last write failed, and a small one now does too.
    pub async fn ready(&self) -> Result<i64, StoreError> {
        if self.failing.load(Ordering::Relaxed) {
            self.write(|conn| Box::pin(delivery::touch(conn))).await?;
        }
        self.backlog().await
    }

    /// Runs `work` in the next group commit, and returns its value once it is on disk.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (job, answer) = job(work);
        self.writer.send(job).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)
    }
}

/// Locks the file that is called like the store, with another end; `taken` says of whom it is if not ours.
fn locked(path: &Path, end: &str, taken: impl FnOnce(String) -> StoreError) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    let failed = |e: std::io::Error| StoreError::Open { path: path.display().to_string(), reason: e.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(taken(path.display().to_string())),
        Err(std::fs::TryLockError::Error(e)) => Err(failed(e)),
    }
}

fn job<T, F>(work: F) -> (Job, oneshot::Receiver<T>)
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let work: Work = Box::new(move |conn| Box::pin(async move { Ok(answer_to(reply, work(conn).await?)) }));
    (Job::Other(work), answer)
}

fn answer_to<T: Send + 'static>(reply: oneshot::Sender<T>, value: T) -> Answer {
    Box::new(move || drop(reply.send(value)))
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Serve,
    Visit,
    Scratch,
}

/// While deliveries come in, plans and claims wait for a lull of this long,
const LULL: Duration = Duration::from_millis(4);
/// but no longer than this.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Plans and claims: nobody outside waits for them.
#[derive(Default)]
struct Rest {
    /// [`LULL`]; none where nobody waits for an answer
    lull: Duration,
    jobs: Vec<Job>,
    /// When the first of them came
    since: Option<Instant>,
    /// When a delivery last came
    busy: Option<Instant>,
}

impl Rest {
    /// How long to wait for deliveries; `None` if nothing is held back.
    fn patience(&self) -> Option<Duration> {
        let waited = self.since?.elapsed();
        let lull = self.busy.map_or(self.lull, |busy| busy.elapsed());
        Some(self.lull.saturating_sub(lull).min(LONGEST_WAIT.saturating_sub(waited)))
    }

    /// Takes them out of a batch, and puts those into it that have waited long enough.
    fn hold_back(&mut self, batch: &mut Vec<Job>) {
        if batch.iter().any(|job| matches!(job, Job::Accept(..))) {
            self.busy = Some(Instant::now());
        }
        self.jobs.extend(batch.extract_if(.., |job| matches!(job, Job::Other(_))));
        if !self.jobs.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        if self.patience().is_some_and(|patience| patience.is_zero()) {
            self.since = None;
            batch.append(&mut self.jobs);
        }
    }
}

/// The one that writes. Ends when every `Store` is gone.
struct Writer {
    options: SqliteConnectOptions,
    conn: Option<SqliteConnection>,
    failing: Arc<AtomicBool>,
}

impl Writer {
    /// Takes all that waits, commits it at once, then answers. A sender that waits for its 202 comes first, and the
    /// result of a send: were that lost, the message would be sent twice.
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, mut rest: Rest) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = match rest.patience() {
                None => Some(jobs.recv_many(&mut batch, BATCH).await),
                Some(patience) => tokio::time::timeout(patience, jobs.recv_many(&mut batch, BATCH)).await.ok(),
            };
            rest.hold_back(&mut batch);
            if batch.is_empty() {
                // Nobody is left to ask for more.
                if taken == Some(0) {
                    break;
                }
                continue;
            }
            let committed = self.commit(batch.drain(..)).await;
            self.failing.store(committed.is_err(), Ordering::Relaxed);
            match committed {
                Ok(answers) => answers.into_iter().for_each(|answer| answer()),
                // The jobs' answers were dropped, so each caller sees `NotWritten`.
                Err(error) => tracing::error!(%error, "nothing was written: is the disk full?"),
            }
        }
        if let Some(conn) = self.conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the store did not close cleanly; nothing is lost");
        }
    }

    async fn commit(&mut self, jobs: impl Iterator<Item = Job>) -> Result<Vec<Answer>, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        let answers = commit(&mut conn, jobs).await?;
        // After a failure (a full disk) the connection is dropped: it may still be inside of a broken transaction.
        self.conn = Some(conn);
        Ok(answers)
    }
}

async fn commit(conn: &mut SqliteConnection, jobs: impl Iterator<Item = Job>) -> Result<Vec<Answer>, StoreError> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    let (mut deliveries, mut acceptors) = (Vec::new(), Vec::new());
    let (mut results, mut settlers) = (Vec::new(), Vec::new());
    let mut others = Vec::new();
    for job in jobs {
        match job {
            Job::Accept(delivery, reply) => {
                deliveries.push(delivery);
                acceptors.push(reply);
            }
            Job::Settle(result, reply) => {
                results.push(result);
                settlers.push(reply);
            }
            Job::Other(work) => others.push(work),
        }
    }
    let mut answers = Vec::new();
    if !deliveries.is_empty() {
        let accepted = delivery::insert(&mut tx, &deliveries, false).await?;
        answers.extend(acceptors.into_iter().zip(accepted).map(|(reply, value)| answer_to(reply, value)));
    }
    if !results.is_empty() {
        let settled = send::settle(&mut tx, &results).await?;
        answers.extend(settlers.into_iter().zip(settled).map(|(reply, value)| answer_to(reply, value)));
    }
    for work in others {
        answers.push(work(&mut tx).await?);
    }
    tx.commit().await?;
    Ok(answers)
}

fn corrupt(what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what}: {error}"))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| corrupt("cannot be written as JSON", &e))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| corrupt("a row's JSON", &e))
}
