//! Deliveries: taken in as they come, worked through in order.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;
use sqlx::{Row, SqliteConnection};
use tokio::sync::oneshot;

use super::{Job, Store, StoreError, corrupt, to_json};
use crate::event::Source;
use crate::reason::Reason;

/// A verified delivery, before it is stored.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Who sent it
    pub source: Source,
    /// The sender's id for it
    pub key: String,
    /// `X-GitHub-Event`; empty for Jira
    pub name: String,
    /// The JSON body
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

/// A delivery as it is stored.
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
    /// The JSON body
    pub body: Vec<u8>,
    /// When it came
    pub received: Timestamp,
}

impl Store {
    /// Stores a delivery; when this returns `Ok`, it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`], [`StoreError::NotWritten`]
    pub async fn accept(&self, incoming: Incoming) -> Result<Accepted, StoreError> {
        let incoming = incoming.compressed();
        let (reply, answer) = oneshot::channel();
        // It does not wait for a place in the queue: the sender is told to come back.
        self.writer.try_send(Job::Accept(incoming, reply)).map_err(|_| StoreError::Overloaded)?;
        answer.await.map_err(|_| StoreError::NotWritten)
    }

    /// The oldest deliveries that wait, at most 64, as they came; those that came late in their place.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn queued(&self) -> Result<Vec<Queued>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, source, delivery_key, name, body, received_at FROM delivery
             WHERE waits = 1 ORDER BY received_at, id LIMIT 64",
        )
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(queued).collect()
    }

    /// A delivery as it came, by its id in the ledger.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn delivery(&self, id: i64) -> Result<Option<Queued>, StoreError> {
        let row = sqlx::query("SELECT id, source, delivery_key, name, body, received_at FROM delivery WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(queued).transpose()
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn backlog(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT count(*) FROM delivery WHERE waits = 1").fetch_one(&self.read).await?;
        Ok(row.try_get(0)?)
    }
}

/// A write that changes nothing and reaches the disk all the same.
pub(super) async fn touch(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE delivery SET waits = waits WHERE id = (SELECT max(id) FROM delivery)").execute(conn).await?;
    Ok(())
}

/// So many bytes of bodies go into one statement, unless a single one is larger.
const TOGETHER: usize = 1 << 20;

/// Writes all deliveries that wait for this commit, in order. They are worked on next, unless they are parked.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    incoming: &[Incoming],
    parked: bool,
) -> Result<Vec<Accepted>, StoreError> {
    let (mut accepted, mut rest) = (Vec::with_capacity(incoming.len()), incoming);
    while !rest.is_empty() {
        let mut size = 0;
        let fits = rest.iter().take_while(|next| {
            size += next.body.len();
            size <= TOGETHER
        });
        let (part, after) = rest.split_at(fits.count().max(1));
        accepted.extend(insert_part(conn, part, parked).await?);
        rest = after;
    }
    Ok(accepted)
}

async fn insert_part(
    conn: &mut SqliteConnection,
    incoming: &[Incoming],
    parked: bool,
) -> Result<Vec<Accepted>, StoreError> {
    // JSON holds no bytes: the bodies go in as one blob, and each row cuts out its own.
    let (mut rows, mut bodies) = (Vec::new(), Vec::new());
    for Incoming { source, key, name, body, received, ignored } in incoming {
        rows.push(json!({ "source": source.as_str(), "key": key, "name": name, "at": received.as_millisecond(),
                          "ignored": ignored, "from": bodies.len() + 1, "size": body.len() }));
        bodies.extend_from_slice(body);
    }
    let inserted = sqlx::query(
        "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
         SELECT value ->> 'source', value ->> 'key', value ->> 'name', value ->> 'at',
                value ->> 'ignored' IS NULL AND NOT $3,
                substr($2, value ->> 'from', value ->> 'size')
         FROM json_each($1) WHERE TRUE
         ON CONFLICT (source, delivery_key) DO NOTHING RETURNING id, source, delivery_key;

         INSERT INTO ledger (delivery_id, line, source, kind, state, reason, at)
         SELECT d.id, 1, d.source, nullif(d.name, ''), 'ignored', value ->> 'ignored', d.received_at
         FROM json_each($1) CROSS JOIN delivery d ON d.source = value ->> 'source' AND d.delivery_key = value ->> 'key'
         WHERE value ->> 'ignored' IS NOT NULL AND NOT d.waits ON CONFLICT DO NOTHING",
    )
    .bind(to_json(&rows)?)
    .bind(bodies)
    .bind(parked)
    .fetch_all(&mut *conn)
    .await?;
    let mut new = HashMap::new();
    for row in &inserted {
        let (id, source, key): (i64, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        new.insert((source, key), id);
    }
    let mut accepted = Vec::with_capacity(incoming.len());
    for delivery in incoming {
        accepted.push(match new.remove(&(delivery.source.to_string(), delivery.key.clone())) {
            Some(id) => Accepted::New(id),
            None => Accepted::Duplicate(known(conn, delivery).await?),
        });
    }
    Ok(accepted)
}

async fn known(conn: &mut SqliteConnection, delivery: &Incoming) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT id FROM delivery WHERE source = $1 AND delivery_key = $2")
        .bind(delivery.source.as_str())
        .bind(&delivery.key)
        .fetch_one(conn)
        .await?;
    Ok(row.try_get(0)?)
}

fn queued(row: &sqlx::sqlite::SqliteRow) -> Result<Queued, StoreError> {
    let body: &[u8] = row.try_get("body")?;
    let source: &str = row.try_get("source")?;
    let id: i64 = row.try_get("id")?;
    Ok(Queued {
        id,
        source: source.parse().map_err(|e| corrupt("a delivery's source", &e))?,
        key: row.try_get("delivery_key")?,
        name: row.try_get("name")?,
        // A damaged body must not hold up those behind it: it goes on as an empty one, and ends as not understood.
        body: lz4_flex::decompress_size_prepended(body).unwrap_or_else(|error| {
            tracing::error!(delivery = id, %error, "the stored body is damaged");
            Vec::new()
        }),
        received: Timestamp::from_millisecond(row.try_get("received_at")?)
            .map_err(|e| corrupt("a delivery's time", &e))?,
    })
}
