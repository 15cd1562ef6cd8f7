//! Deliveries: stored as they arrive, and processed in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::replica::BEAT;
use super::row::{Json, Millis, Row, Text, named_params, text, time};
use super::writer::{Job, Urgency};
use super::{Store, StoreError, Tx};
use crate::event::Source;
use crate::reason::Reason;

/// GitHub gives up on an answer after 10 seconds. A commit may wait for longer, such as for a standby that is away.
const SENDERS_GIVE_UP: Duration = Duration::from_secs(8);
/// Larger bodies take milliseconds to compress.
const LARGE: usize = 512 * 1024;

/// A verified delivery, before it is stored.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Who sent it
    pub source: Source,
    /// The sender's id for it
    pub key: String,
    /// `X-GitHub-Event`; empty for Jira
    pub name: String,
    /// The JSON body; empty once it was deleted
    pub body: Vec<u8>,
    /// When it came
    pub received: Timestamp,
    /// Why there is nothing to do with it, if that is known already
    pub ignored: Option<Reason>,
}

impl Incoming {
    /// With its body as it is stored.
    pub(super) fn compressed(self) -> Self {
        Self { body: lz4_flex::compress_prepend_size(&self.body), ..self }
    }
}

/// What became of an incoming delivery; the number is the delivery's id in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk and will be worked on
    New(i64),
    /// The same delivery was taken in before
    Duplicate(i64),
}

/// A delivery as it is stored, without its body.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Its id in the ledger
    pub id: i64,
    /// Who sent it
    pub source: Source,
    /// The sender's id for it
    pub key: String,
    /// `X-GitHub-Event`; empty for Jira
    pub name: String,
    /// When it came
    pub received: Timestamp,
}

impl Store {
    /// Stores a delivery; when this returns `Ok`, it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`], [`StoreError::CutOff`], [`StoreError::NotWritten`]
    pub async fn accept(&self, incoming: Incoming) -> Result<Accepted, StoreError> {
        // A large one would keep others from this thread for long.
        let incoming = match incoming.body.len() {
            ..=LARGE => incoming.compressed(),
            _ => tokio::task::spawn_blocking(move || incoming.compressed()).await.map_err(StoreError::Stopped)?,
        };
        if self.is_cut_off() && tokio::time::timeout(BEAT * 2, self.cut_off()).await.is_ok() {
            return Err(StoreError::CutOff);
        }
        let _waits = Waits::begin(&self.waiting);
        let arriving = Arc::new(Arriving { incoming, id: OnceLock::new() });
        let own = Arc::clone(&arriving);
        let (job, answer) = Job::new(Urgency::Sender, move |tx| match own.id.get() {
            Some(id) => Ok(Accepted::New(*id)),
            None => tx.insert_delivery(&own.incoming, false),
        });
        let job = job.of(arriving);
        // It does not wait for a place in the queue: the sender is told to come back.
        self.senders.try_send(job).map_err(|_| StoreError::Overloaded)?;
        tokio::select! {
            answer = answer => answer.map_err(|_| StoreError::NotWritten)?,
            // It may be written all the same: then whoever sends it again hears that it is known.
            () = self.cut_off() => Err(StoreError::CutOff),
            () = tokio::time::sleep(SENDERS_GIVE_UP) => {
                self.failing.store(true, Ordering::Relaxed);
                Err(StoreError::TooSlow)
            }
        }
    }

    /// Whether a sender waits for its answer.
    #[must_use]
    pub fn has_senders(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether a delivery waits.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn has_waiting(&self) -> Result<bool, StoreError> {
        self.read(|tx| tx.holds("SELECT EXISTS (SELECT 1 FROM delivery WHERE waits = 1)", [])).await
    }

    /// A delivery as it came, by its id in the ledger.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn delivery(&self, id: i64) -> Result<Option<Incoming>, StoreError> {
        self.read(move |tx| {
            let Some(Queued { source, key, name, received, .. }) = tx.row(
                "SELECT id, source, delivery_key, name, received_at FROM delivery WHERE id = :id",
                named_params! { ":id": id },
                queued,
            )?
            else {
                return Ok(None);
            };
            Ok(Some(Incoming { source, key, name, body: tx.body(id)?, received, ignored: None }))
        })
        .await
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn backlog(&self) -> Result<i64, StoreError> {
        self.read(|tx| Ok(tx.value("SELECT count(*) FROM delivery WHERE waits = 1", [])?.unwrap_or_default())).await
    }
}

/// A delivery on its way into the store.
pub(super) struct Arriving {
    /// With its body as it is stored
    pub(super) incoming: Incoming,
    /// Its number, once it was written with others
    id: OnceLock<i64>,
}

impl Arriving {
    /// Notes under which number it was written.
    pub(super) fn is_here(&self, id: i64) {
        // Nobody else writes it.
        self.id.set(id).unwrap_or_default();
    }
}

/// A sender that waits, until this is dropped: it may hang up.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(senders: &'a AtomicUsize) -> Self {
        senders.fetch_add(1, Ordering::Relaxed);
        Self(senders)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tx<'_> {
    /// So many deliveries are taken at a time.
    pub const DELIVERIES: usize = 64;

    /// The oldest deliveries that wait, so many at a time, as they came; those that came late in their place. And the ids of
    /// those that can't be read.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn queued(&self) -> Result<(Vec<Queued>, Vec<i64>), StoreError> {
        let rows = self.rows(
            "SELECT id, source, delivery_key, name, received_at FROM delivery
             WHERE waits = 1 ORDER BY received_at, id LIMIT 64",
            [],
            |row| Ok((row.get("id")?, queued(row))),
        )?;
        let (mut deliveries, mut unreadable) = (Vec::new(), Vec::new());
        for (id, delivery) in rows {
            match delivery {
                Ok(delivery) => deliveries.push(delivery),
                Err(StoreError::Corrupt(error)) => {
                    tracing::error!(delivery = id, error, "our fault: this delivery can't be read; it is set aside");
                    unreadable.push(id);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((deliveries, unreadable))
    }

    /// The body of a delivery; empty once it was deleted. A damaged one must not hold up those behind it: it is empty too,
    /// and ends as not understood.
    ///
    /// # Errors
    /// As above
    pub fn body(&self, id: i64) -> Result<Vec<u8>, StoreError> {
        let body = self.row("SELECT body FROM delivery WHERE id = :id", named_params! { ":id": id }, |row| {
            Ok(match row.get_ref("body")?.as_blob().unwrap_or_default() {
                [] => Ok(Vec::new()),
                body => lz4_flex::decompress_size_prepended(body),
            })
        })?;
        Ok(body
            .transpose()
            .unwrap_or_else(|error| {
                tracing::error!(delivery = id, %error, "the stored body is damaged");
                None
            })
            .unwrap_or_default())
    }

    /// Once none waits any more of those that came late, nothing waits for them.
    ///
    /// # Errors
    /// As above
    pub fn end_recovery(&self) -> Result<(), StoreError> {
        self.put(
            "DELETE FROM recovered WHERE parked = 0 AND NOT EXISTS (
                 SELECT 1 FROM delivery d CROSS JOIN recovered r ON r.delivery_id = d.id WHERE d.waits = 1)",
            [],
        )
    }

    /// A write that changes nothing and reaches the disk all the same.
    pub(super) fn touch(&self) -> Result<(), StoreError> {
        // On a server, planning may keep a delivery for longer than anybody wants to wait.
        let sql = match self.is_sqlite() {
            true => "UPDATE delivery SET waits = waits WHERE id = (SELECT max(id) FROM delivery)",
            false => "UPDATE microalign_schema SET version = version",
        };
        self.put(sql, [])
    }

    /// Writes a delivery whose body is compressed, unless it is here. It is worked on next, unless it is parked.
    pub(super) fn insert_delivery(&self, incoming: &Incoming, parked: bool) -> Result<Accepted, StoreError> {
        let Incoming { source, key, name, body, received, ignored } = incoming;
        let new = self.value(
            "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
             VALUES (:source, :key, :name, :received, :waits, :body) ON CONFLICT (source, delivery_key) DO NOTHING RETURNING id",
            named_params! { ":source": Text(source), ":key": key, ":name": name, ":received": Millis(*received),
            ":waits": ignored.is_none() && !parked, ":body": body },
        )?;
        let Some(id) = new else {
            let id = self.value(
                "SELECT id FROM delivery WHERE source = :source AND delivery_key = :key",
                named_params! { ":source": Text(source), ":key": key },
            )?;
            return Ok(Accepted::Duplicate(id.unwrap_or_default()));
        };
        if let Some(reason) = ignored {
            self.ignore(id, (*source, name), reason, *received)?;
        }
        Ok(Accepted::New(id))
    }

    /// Writes the line of a delivery that nothing can be done with.
    pub(super) fn ignore(
        &self,
        delivery: i64,
        (source, name): (Source, &str),
        reason: &Reason,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO ledger (delivery_id, line, source, kind, state, reason, at)
             VALUES (:delivery, 1, :source, nullif(:name, ''), 'ignored', :reason, :at)",
            named_params! { ":delivery": delivery, ":source": Text(source), ":name": name, ":reason": Json(reason),
            ":at": Millis(at) },
        )
    }
}

pub(super) fn queued(row: &Row<'_>) -> Result<Queued, StoreError> {
    Ok(Queued {
        id: row.get("id")?,
        source: text(row, "source")?,
        key: row.get("delivery_key")?,
        name: row.get("name")?,
        received: time(row, "received_at")?,
    })
}
