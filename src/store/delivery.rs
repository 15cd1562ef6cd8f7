//! Deliveries: stored as they arrive, and processed in order.

use jiff::Timestamp;
use rusqlite::{Row, named_params};

use super::row::{Json, Millis, Text, text, time};
use super::writer::{Job, Urgency};
use super::{Store, StoreError, Tx};
use crate::event::Source;
use crate::reason::Reason;

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
    /// [`StoreError::Overloaded`], [`StoreError::NotWritten`]
    pub async fn accept(&self, incoming: Incoming) -> Result<Accepted, StoreError> {
        // A large one would keep others from this thread for long.
        let incoming = match incoming.body.len() {
            ..=LARGE => incoming.compressed(),
            _ => tokio::task::spawn_blocking(move || incoming.compressed()).await.map_err(StoreError::Stopped)?,
        };
        let (job, answer) = Job::new(Urgency::Sender, move |tx| tx.insert_delivery(&incoming, false));
        // It does not wait for a place in the queue: the sender is told to come back.
        self.writer.try_send(job).map_err(|_| StoreError::Overloaded)?;
        answer.await.map_err(|_| StoreError::NotWritten)?
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
        self.run(
            "DELETE FROM recovered WHERE NOT parked AND NOT EXISTS (
                 SELECT 1 FROM delivery d CROSS JOIN recovered r ON r.delivery_id = d.id WHERE d.waits = 1)",
            [],
        )?;
        Ok(())
    }

    /// A write that changes nothing and reaches the disk all the same.
    pub(super) fn touch(&self) -> Result<(), StoreError> {
        self.run("UPDATE delivery SET waits = waits WHERE id = (SELECT max(id) FROM delivery)", [])?;
        Ok(())
    }

    /// Writes a delivery whose body is compressed, unless it is here. It is worked on next, unless it is parked.
    pub(super) fn insert_delivery(&self, incoming: &Incoming, parked: bool) -> Result<Accepted, StoreError> {
        let Incoming { source, key, name, body, received, ignored } = incoming;
        let new = self.run(
            "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
             VALUES (:source, :key, :name, :received, :waits, :body) ON CONFLICT (source, delivery_key) DO NOTHING",
            named_params! { ":source": Text(source), ":key": key, ":name": name, ":received": Millis(*received),
            ":waits": ignored.is_none() && !parked, ":body": body },
        )?;
        if new == 0 {
            let id = self.value(
                "SELECT id FROM delivery WHERE source = :source AND delivery_key = :key",
                named_params! { ":source": Text(source), ":key": key },
            )?;
            return Ok(Accepted::Duplicate(id.unwrap_or_default()));
        }
        let id = self.inserted();
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
        self.run(
            "INSERT INTO ledger (delivery_id, line, source, kind, state, reason, at)
             VALUES (:delivery, 1, :source, nullif(:name, ''), 'ignored', :reason, :at)",
            named_params! { ":delivery": delivery, ":source": Text(source), ":name": name, ":reason": Json(reason),
            ":at": Millis(at) },
        )?;
        Ok(())
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
