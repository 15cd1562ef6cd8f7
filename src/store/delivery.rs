//! Deliveries: taken in as they come, worked through in order.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt};
use crate::event::Source;

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
    pub ignored: Option<String>,
}

/// What became of an incoming delivery; the number is the delivery's id in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk and will be worked on
    New(i64),
    /// The same delivery was taken in before
    Duplicate(i64),
}

/// A delivery that waits to be worked on.
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
        let body = lz4_flex::compress_prepend_size(&incoming.body);
        self.try_write(move |conn| Box::pin(insert(conn, incoming, body))).await
    }

    /// The oldest deliveries that wait, at most 16: planning them holds up the answers to new ones for so long.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn queued(&self) -> Result<Vec<Queued>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, source, delivery_key, name, body, received_at FROM delivery
             WHERE waits = 1 ORDER BY id LIMIT 16",
        )
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(queued).collect()
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

async fn insert(conn: &mut SqliteConnection, incoming: Incoming, body: Vec<u8>) -> Result<Accepted, StoreError> {
    let at = incoming.received.as_millisecond();
    let inserted = sqlx::query(
        "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (source, delivery_key) DO NOTHING RETURNING id",
    )
    .bind(incoming.source.as_str())
    .bind(&incoming.key)
    .bind(&incoming.name)
    .bind(at)
    .bind(incoming.ignored.is_none())
    .bind(body)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = inserted else {
        let row = sqlx::query("SELECT id FROM delivery WHERE source = $1 AND delivery_key = $2")
            .bind(incoming.source.as_str())
            .bind(&incoming.key)
            .fetch_one(conn)
            .await?;
        return Ok(Accepted::Duplicate(row.try_get(0)?));
    };
    let id: i64 = row.try_get(0)?;
    if let Some(reason) = incoming.ignored {
        let kind = (!incoming.name.is_empty()).then_some(incoming.name);
        super::plan::ignore(conn, (id, incoming.source, kind, at), &reason).await?;
    }
    Ok(Accepted::New(id))
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
