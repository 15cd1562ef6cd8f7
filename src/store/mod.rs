//! All SQL, and the only place that writes.
//!
//! SQLite is in WAL mode with `synchronous = FULL`, so what is committed is on disk. A commit costs an `fdatasync` however
//! much it holds, so there is one `writer`, and senders that wait for an answer share a commit (group commit). The writer
//! has its connection on a thread of its own, and a write is one closure that runs there: handing each statement to another
//! thread would cost more than most statements do. Readers have connections of their own and never wait.
//!
//! Statements run on a [`Tx`], and each file here has those about one topic. Nothing here decides what is sent:
//! [`crate::plan`] does. Limits are written into the statements, because SQLite plans a statement anew each time it runs if
//! its LIMIT is bound.

mod activity;
mod agreement;
mod answer;
mod assumptions;
mod attempt;
mod audit;
mod bounce;
mod carry;
mod checkpoint;
mod claim;
mod contact;
mod conversation;
mod delivery;
mod due;
mod feed;
mod file;
mod forget;
mod happenings;
mod hear;
mod history;
mod keep;
mod known;
mod lanes;
mod ledger;
mod load;
mod mute;
mod names;
mod nudge;
mod outgoing;
mod plan;
mod reader;
mod recall;
mod record;
mod recovery;
mod release;
mod replay;
mod repository_file;
mod row;
mod rule_count;
mod schema;
mod send;
mod session;
mod stats;
mod subscription;
mod summary;
mod tally;
#[cfg(test)]
pub(crate) mod tests;
mod timer;
mod told;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot, watch};

use self::file::ServedFile;
use self::reader::Readers;
use self::writer::{Job, Notices, Urgency, Writer};
use crate::plan::LineId;

pub use activity::{Cursor, Page, Shown, Sought};
pub use agreement::{Agreed, Agreement};
pub use answer::{Assumption, Conclusion, Objected, Objection, Through, Told, Unanswered, Unopposed};
pub use assumptions::{AssumptionFilter, AssumptionState, Assumptions};
pub use attempt::{Attempt, AttemptOutcome};
pub use audit::{Audited, Change};
pub use bounce::Refusals;
pub use carry::{Answer, Carriage, Uncarried};
pub use claim::Claimed;
pub use contact::{Contact, Said};
pub use conversation::{Conversation, Found, LINES_IN_PAGE, Turn};
pub use delivery::{Accepted, Incoming, Queued};
pub use due::Batch;
pub use feed::{Changes, News};
pub use forget::Forgotten;
pub use happenings::{Course, Happenings, Heard, Step as CourseStep};
pub use hear::{Above, Answered};
pub use history::{Happened, Step, Story};
pub use keep::{Keep, Sweep};
pub use lanes::{Lane, Lanes, Now, Rest};
pub use ledger::{Entry, EntryState, FORGOTTEN_MESSAGE, Filter, Pages, SendEntry, SendState};
pub use load::Load;
pub use nudge::Nudge;
pub use outgoing::{Behind, Counted, DESTINATIONS_IN_PAGE, Health, Outgoing, Retried, SENDS_IN_PAGE, Unsent};
pub use plan::PlannedEvent;
pub use record::{AgreementRecord, EventRecord, ObjectionRecord, Record, SendRecord};
pub use recovery::Hook;
pub use replay::{Messages, Untold};
pub use row::Tx;
pub use rule_count::RuleCount;
pub use send::{Recorded, SendOutcome, Tried};
pub use session::{Session, SessionDigest};
pub use stats::{Kind, Stats};
pub use subscription::{Subscribed, Subscription, free_name};
pub use summary::{NewSummary, Schedule, SummaryFate, SummaryMessage, TakenBack};
pub use tally::{Doer, SILENT_DAYS, Tally, Telling, ThreadDay, earliest, silent_for};
pub use timer::RunOut;

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
    /// It was cut, or emptied
    #[error(
        "the store `{path}` is damaged: {what}; restore a backup, or move it and the files beside it away to begin anew"
    )]
    Damaged {
        /// The database file
        path: String,
        /// What is missing
        what: String,
    },
    /// What is written goes where nobody finds it
    #[error(
        "the files of the store `{0}` were deleted or replaced while the service ran: nothing is accepted until they are \
         back, or the service is restarted"
    )]
    Replaced(String),
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
    /// A delivery can't be read again without its body
    #[error("delivery {0} can't be read again: its body was deleted (`[store] keep_bodies`)")]
    NoBody(i64),
    /// A message can't be sent again without its words
    #[error("the message of {0} can't be sent again: its words were removed (`microalign store forget`)")]
    NoMessage(LineId),
    /// All was removed, but not from where SQLite leaves what it moves or deletes
    #[error(
        "what was removed may still be in unused parts of the store `{path}`: {reason}; stop the service, and run \
         `sqlite3 {path} VACUUM`"
    )]
    Remains {
        /// The database file
        path: String,
        /// Why they could not be removed
        reason: String,
    },
    /// A thread that worked for us ended
    #[error("a thread failed: {0}")]
    Stopped(tokio::task::JoinError),
    /// A statement failed
    #[error("the store failed: {0}")]
    Database(rusqlite::Error),
    /// A row holds what this version cannot read
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// The file cannot be opened, for this reason.
    fn open(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Open { path: path.display().to_string(), reason: reason.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(error.to_string()),
            error => Self::Database(error),
        }
    }
}

/// How many writes may wait; beyond it a delivery is answered 503 and its sender tries again.
const WAITING_WRITES: usize = 1024;
/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);
/// How long it does so while senders wait for an answer, which they give up after 10 seconds.
const SENDERS_WAIT: Duration = Duration::from_secs(1);
/// More statements than there are in these files.
const STATEMENTS: usize = 256;

/// The database.
#[derive(Clone)]
pub struct Store {
    path: Arc<Path>,
    readers: Readers,
    writer: mpsc::Sender<Job>,
    /// Whether the last commit failed
    failing: Arc<AtomicBool>,
    /// Changes with each commit
    commits: Arc<watch::Sender<()>>,
    /// What people are called, by their ids: few, and asked for with each delivery
    people: Arc<RwLock<HashMap<String, String>>>,
}

/// Resolves when the writer has ended and all that was written is on disk.
pub type Written = oneshot::Receiver<()>;

impl Store {
    /// Opens the store to serve from it from `now` on: only one process can.
    ///
    /// The second value resolves when the last `Store` is dropped and all writes are on disk.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Open`]
    pub async fn serve(path: &Path, now: Timestamp) -> Result<(Self, Written), StoreError> {
        let file = ServedFile::lock(path)?;
        let (store, written) = Self::open(path, Use::Serve, Some(file)).await?;
        store.write(move |tx| tx.release_claims(now)).await?;
        Ok((store, written))
    }

    /// Opens the store beside a service that may be running, to change something. It must exist.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn visit(path: &Path) -> Result<(Self, Written), StoreError> {
        Self::open(path, Use::Visit, None).await
    }

    /// Makes a store that nobody needs after a crash: for a replay.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn scratch(path: &Path) -> Result<(Self, Written), StoreError> {
        Self::open(path, Use::Scratch, None).await
    }

    /// Opens the store to read it: the file stays as it is, and so does its schema. Whatever would write is refused
    /// with [`StoreError::NotWritten`].
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Older`], [`StoreError::Newer`]
    pub async fn look(path: &Path) -> Result<Self, StoreError> {
        let path: Arc<Path> = path.into();
        let readers = Readers::probe(&path)?;
        // Nobody takes the writes out of this queue, and it is closed.
        let (writer, _) = mpsc::channel(1);
        let store =
            Self { path, readers, writer, failing: Arc::default(), commits: Arc::default(), people: Arc::default() };
        store.load_people().await
    }

    async fn open(path: &Path, usage: Use, file: Option<ServedFile>) -> Result<(Self, Written), StoreError> {
        let path: Arc<Path> = path.into();
        let options = Options { path: Arc::clone(&path), usage };
        let mut conn = options.open().map_err(|error| file::unopened(&path, &error))?;
        if let Some(file) = &file {
            file.check_pages(&conn)?;
        }
        schema::bring_up_to_date(&mut conn, &path)?;
        if usage == Use::Serve {
            conn.busy_timeout(SENDERS_WAIT)?;
        }
        let (writer, jobs) = mpsc::channel(WAITING_WRITES);
        let failing = Arc::<AtomicBool>::default();
        let commits = Arc::<watch::Sender<()>>::default();
        let notices = Notices { failing: Arc::clone(&failing), commits: Arc::clone(&commits) };
        let written = Writer::start((options, file), conn, notices, jobs)?;
        let readers = Readers::new(Arc::clone(&path));
        let store = Self { path, readers, writer, failing, commits, people: Arc::default() };
        Ok((store.load_people().await?, written))
    }

    async fn load_people(self) -> Result<Self, StoreError> {
        let people = self.read(|tx| tx.people()).await?;
        Ok(Self { people: Arc::new(RwLock::new(people)), ..self })
    }

    /// Whether work can be taken: how many deliveries wait.
    ///
    /// # Errors
    /// The store can't be read; or a write failed, and there still is no room for a large delivery.
    pub async fn ready(&self) -> Result<i64, StoreError> {
        if self.failing.load(Ordering::Relaxed) {
            self.write(|tx| tx.touch()).await?;
            let path = Arc::clone(&self.path);
            tokio::task::spawn_blocking(move || file::has_room(&path)).await.map_err(StoreError::Stopped)??;
            self.failing.store(false, Ordering::Relaxed);
        }
        self.backlog().await
    }

    /// Runs `work` on a connection that only reads, which sees all that was committed before.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::Stopped`] if it panics.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || readers.read(work)).await.map_err(StoreError::Stopped)?
    }

    /// Runs `work` in a transaction of its own, and returns its value once it is on disk. If it fails, what it wrote is taken
    /// back.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::NotWritten`] if the commit fails, or `work` panics.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (job, answer) = Job::new(Urgency::CanWait, work);
        self.writer.send(job).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)?
    }
}

/// The file that is called like the store, with another end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Serve,
    Visit,
    Scratch,
}

/// How the connection that writes is opened, at the start and after a failure.
struct Options {
    path: Arc<Path>,
    usage: Use,
}

impl Options {
    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if self.usage == Use::Scratch {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let conn = Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Only a store that has no tables yet takes this: its file can shrink.
        conn.pragma_update(None, "auto_vacuum", "incremental")?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", if self.usage == Use::Scratch { "off" } else { "full" })?;
        // A service has its log copied beside the writer, which helps itself only if that doesn't keep up.
        conn.pragma_update(None, "wal_autocheckpoint", if self.usage == Use::Serve { 16_000 } else { 4_000 })?;
        conn.pragma_update(None, "foreign_keys", true)?;
        // What a person has removed from the store is overwritten.
        conn.pragma_update(None, "secure_delete", self.usage == Use::Visit)?;
        // What a round of planning changes fits: pages that don't are written to the log before their time, and once more
        // each time that they change again. In KiB, below zero.
        conn.pragma_update(None, "cache_size", -16_384)?;
        conn.pragma_update(None, "temp_store", "memory")?;
        Ok(conn)
    }
}
