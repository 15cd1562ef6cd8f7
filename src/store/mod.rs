//! All SQL, and the only place that writes.
//!
//! SQLite is in WAL mode with `synchronous = FULL`, so what is committed is on disk. A commit costs an `fdatasync` however
//! much it holds, so there is one `writer`, and senders that wait for an answer share a commit (group commit). The writer
//! has its connection on a thread of its own, and a write is one closure that runs there: handing each statement to another
//! thread would cost more than most statements do. Readers have connections of their own and never wait.
//!
//! PostgreSQL is used in the same way, by any number of processes (`replica`), each with two writers: what senders wait for
//! never waits for planning. See `pg`.
//!
//! Statements run on a [`Tx`], and each file here has those about one topic. Nothing here decides what is sent:
//! [`crate::plan`] does. Limits are written into the statements, because SQLite plans a statement anew each time it runs if
//! its LIMIT is bound.

mod abandoned;
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
mod connection;
mod contact;
mod conversation;
mod copy;
mod delivery;
mod due;
mod error;
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
mod location;
mod migrate;
mod mute;
mod names;
mod nudge;
mod origin;
mod outgoing;
mod params;
mod pg;
mod plan;
mod reader;
mod recall;
mod record;
mod recovery;
mod release;
mod replay;
mod replica;
mod repository_file;
mod row;
mod rule_count;
mod schema;
mod send;
mod session;
mod settled;
mod shared_lanes;
mod sqlite;
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
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use self::abandoned::Whose;
use self::connection::Connection;
use self::file::ServedFile;
use self::origin::Origin;
use self::pg::{Heart, Purpose};
use self::reader::Readers;
use self::replica::Replica;
use self::settled::Settled;
use self::sqlite::{Options, SENDERS_WAIT};
use self::writer::{End, Job, Notices, Urgency, Writer};

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
pub use copy::{Copied, Doing, Progress};
pub use delivery::{Accepted, Incoming, Queued};
pub use due::Batch;
pub use error::StoreError;
pub use feed::{Changes, News};
pub use forget::Forgotten;
pub use happenings::{Course, Happenings, Heard, Step as CourseStep};
pub use hear::{Above, Answered};
pub use history::{Happened, Step, Story};
pub use keep::{Keep, Sweep};
pub use lanes::{Lane, Lanes, Now, Rest};
pub use ledger::{Entry, EntryState, FORGOTTEN_MESSAGE, Filter, Pages, SendEntry, SendState};
pub use load::Load;
pub use location::Location;
pub use migrate::Migrated;
pub use nudge::Nudge;
pub use outgoing::{Behind, Counted, DESTINATIONS_IN_PAGE, Health, Outgoing, Retried, SENDS_IN_PAGE, Unsent};
pub use pg::Server;
pub use plan::PlannedEvent;
pub use record::{AgreementRecord, EventRecord, ObjectionRecord, Record, SendRecord};
pub use recovery::{Hook, OneRecovery};
pub use replay::{Messages, Untold};
pub use replica::{Fence, Peer};
pub use row::Tx;
pub use rule_count::RuleCount;
pub use send::{Recorded, SendOutcome, Tried};
pub use session::{Session, SessionDigest};
pub use stats::{Kind, Stats};
pub use subscription::{Subscribed, Subscription, free_name};
pub use summary::{NewSummary, Schedule, SummaryFate, SummaryMessage, TakenBack};
pub use tally::{Doer, SILENT_DAYS, Tally, Telling, ThreadDay, earliest, silent_for};
pub use timer::RunOut;

/// How many writes may wait; beyond it a delivery is answered 503 and its sender tries again.
const WAITING_WRITES: usize = 1024;
/// Whoever asks whether work can be taken doesn't wait for longer.
const LOOKS_FOR: Duration = Duration::from_secs(3);
/// More statements than there are in these files.
const STATEMENTS: usize = 256;

/// The database.
#[derive(Clone)]
pub struct Store {
    location: Location,
    readers: Readers,
    /// What senders wait for, and how sends ended: on PostgreSQL, nothing else keeps its thread
    senders: mpsc::Sender<Job>,
    /// All other writes
    writer: mpsc::Sender<Job>,
    /// Whether the last commit failed
    failing: Arc<AtomicBool>,
    /// The right by which it is written
    fence: Fence,
    /// This process among those that serve
    replica: Replica,
    /// How many senders wait for their answers
    waiting: Arc<AtomicUsize>,
    /// Changes with each commit
    commits: Arc<watch::Sender<()>>,
    /// Up to where all that is news can be seen
    settled: Arc<Settled>,
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
    pub async fn serve(location: impl Into<Location>, now: Timestamp) -> Result<(Self, Written), StoreError> {
        let (store, written) = Self::open(location.into(), Use::Serve, now).await?;
        // Others may be sending; what was left is given back by whoever finds that out.
        if !store.is_shared() {
            store.write(move |tx| tx.release_claims(Whose::All, now)).await?;
        }
        Ok((store, written))
    }

    /// Opens the store beside a service that may be running, to change something. It must exist.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn visit(location: impl Into<Location>) -> Result<(Self, Written), StoreError> {
        Self::open(location.into(), Use::Visit, Timestamp::now()).await
    }

    /// Makes a store that nobody needs after a crash: for a replay.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub async fn scratch(location: impl Into<Location>) -> Result<(Self, Written), StoreError> {
        Self::open(location.into(), Use::Scratch, Timestamp::now()).await
    }

    /// Opens the store to read it: it stays as it is, and so does its schema. Whatever would write is refused
    /// with [`StoreError::NotWritten`].
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Older`], [`StoreError::Newer`]
    pub async fn look(location: impl Into<Location>) -> Result<Self, StoreError> {
        let location = location.into();
        let readers = Readers::probe(location.clone()).await?;
        // Nobody takes the writes out of this queue, and it is closed.
        let (writer, _) = mpsc::channel(1);
        Self::with((location, readers), (writer.clone(), writer), Notices::default(), Replica::default()).await
    }

    async fn open(location: Location, usage: Use, now: Timestamp) -> Result<(Self, Written), StoreError> {
        let (notices, (end, written)) = (Notices::default(), End::new());
        let mut replica = Replica::default();
        let lanes = match &location {
            Location::File(path) => {
                let (origin, conn) = open_file(path, usage)?;
                let writer = Writer::start((origin, usage), conn, notices.clone(), end)?;
                (writer.clone(), writer)
            }
            Location::Server(server) => {
                let (known, noticed) = (server.clone(), notices.clone());
                let opened = tokio::task::spawn_blocking(move || open_server(&known, usage, (noticed, now))).await;
                let Opened { conn, for_senders, heart } = opened.map_err(StoreError::Stopped)??;
                let origin = |purpose| (Origin::server(server.clone(), purpose), usage);
                let (writers, ended) = std::sync::mpsc::channel();
                let writer = Writer::start(origin(Purpose::Writing), conn, notices.clone(), writers.clone())?;
                let senders = Writer::start(origin(Purpose::Senders), for_senders, notices.clone(), writers)?;
                if let Some(heart) = heart {
                    replica = heart.replica();
                    heart.start(ended, end)?;
                } else {
                    // Whoever waits for the end does so with a thread that is at hand.
                    tokio::task::spawn_blocking(move || drop((ended.recv(), end)));
                }
                (senders, writer)
            }
        };
        let readers = Readers::new(location.clone());
        Ok((Self::with((location, readers), lanes, notices, replica).await?, written))
    }

    async fn with(
        (location, readers): (Location, Readers),
        (senders, writer): (mpsc::Sender<Job>, mpsc::Sender<Job>),
        notices: Notices,
        replica: Replica,
    ) -> Result<Self, StoreError> {
        let Notices { failing, commits } = notices;
        let (waiting, settled, people, fence) = (Arc::default(), Arc::default(), Arc::default(), Fence(None));
        let store =
            Self { location, readers, senders, writer, failing, fence, replica, waiting, commits, settled, people };
        store.load_people().await?;
        Ok(store)
    }

    /// Reads again what people are called, which another process may have learned.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn load_people(&self) -> Result<(), StoreError> {
        let people = self.read(|tx| tx.people()).await?;
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = people;
        Ok(())
    }

    /// Whether work can be taken: how many deliveries wait.
    ///
    /// # Errors
    /// The store can't be read, or not soon; or a write failed, and there still is no room for a large delivery.
    pub async fn ready(&self) -> Result<i64, StoreError> {
        tokio::select! {
            ready = self.looks_ready() => ready,
            () = self.cut_off() => Err(StoreError::CutOff),
            () = tokio::time::sleep(LOOKS_FOR) => Err(StoreError::TooSlow),
        }
    }

    async fn looks_ready(&self) -> Result<i64, StoreError> {
        if self.failing.load(Ordering::Relaxed) {
            self.write(|tx| tx.touch()).await?;
            let (job, answer) = Job::new(Urgency::Outcome, |tx| tx.touch());
            self.senders.send(job).await.map_err(|_| StoreError::NotWritten)?;
            answer.await.map_err(|_| StoreError::NotWritten)??;
            if let Location::File(path) = &self.location {
                let path = Arc::clone(path);
                tokio::task::spawn_blocking(move || file::has_room(&path)).await.map_err(StoreError::Stopped)??;
            }
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
        let _place = self.readers.place().await;
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
        let fence = self.fence;
        self.write_beside(move |tx| {
            tx.alone(fence)?;
            work(tx)
        })
        .await
    }

    /// The same, beside what other processes write: for what locks the rows that it needs.
    async fn write_beside<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (job, answer) = Job::new(Urgency::CanWait, work);
        self.writer.send(job).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)?
    }
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Serve,
    Visit,
    Scratch,
}

/// Opens a file to write to it.
fn open_file(path: &Arc<Path>, usage: Use) -> Result<(Origin, Connection), StoreError> {
    let serves = usage == Use::Serve;
    let file = serves.then(|| ServedFile::lock(path)).transpose()?;
    let options = Options { path: Arc::clone(path), usage };
    let mut conn = options.open().map_err(|error| file::unopened(path, &error))?;
    if let Some(file) = &file {
        file.check_pages(&conn)?;
    }
    schema::bring_up_to_date(&mut conn, path)?;
    if serves {
        conn.busy_timeout(SENDERS_WAIT)?;
    }
    Ok((Origin::file(options, file)?, Connection::Sqlite(conn)))
}

/// Connections to a server.
struct Opened {
    conn: Connection,
    for_senders: Connection,
    /// To serve
    heart: Option<Heart>,
}

/// Connects to a server to write to it.
fn open_server(server: &Server, usage: Use, (notices, now): (Notices, Timestamp)) -> Result<Opened, StoreError> {
    let conn = server.connect(Purpose::Writing)?;
    server.check_session(&conn)?;
    pg::schema::bring_up_to_date(&conn, &server.to_string(), usage != Use::Visit)?;
    let heart = match usage {
        Use::Serve => Some(Heart::new(server, notices, now)?),
        Use::Visit | Use::Scratch => None,
    };
    let for_senders = Connection::Postgres(Box::new(server.connect(Purpose::Senders)?));
    Ok(Opened { conn: Connection::Postgres(Box::new(conn)), for_senders, heart })
}
