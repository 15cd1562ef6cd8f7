//! What did not arrive and was asked for: who can be asked, what is here already, and what waits for the rest.

use std::collections::HashSet;
use std::fs::File;

use jiff::Timestamp;
use serde_json::json;
use sqlx::{Row, SqliteConnection};

use super::{Accepted, Incoming, Store, StoreError, corrupt, delivery, locked, to_json};
use crate::event::Source;

/// Who can be asked for deliveries that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its number; 0 for Jira
    pub id: i64,
    /// Where the API has it; empty for Jira
    pub route: String,
    /// What was delivered before is here
    pub swept: Timestamp,
}

impl Store {
    /// Makes this the one process that asks for what did not arrive, for as long as it keeps the file.
    ///
    /// # Errors
    /// [`StoreError::Recovering`], [`StoreError::Open`]
    pub fn begin_recovery(&self) -> Result<File, StoreError> {
        locked(&self.path, ".recovery.lock", |_| StoreError::Recovering)
    }

    /// Remembers a hook, or where it is now.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]; here and below
    pub async fn learn_hook(&self, source: Source, hook: Hook) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO hook (source, id, route, swept_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT DO UPDATE SET route = excluded.route",
                )
                .bind(source.as_str())
                .bind(hook.id)
                .bind(hook.route)
                .bind(hook.swept.as_millisecond())
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Remembers that the deliveries of the hook with this route are here until then.
    ///
    /// # Errors
    /// As above
    pub async fn swept(&self, source: Source, route: &str, until: Timestamp) -> Result<(), StoreError> {
        let route = route.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sqlx::query("UPDATE hook SET swept_at = $3 WHERE source = $1 AND route = $2")
                    .bind(source.as_str())
                    .bind(route)
                    .bind(until.as_millisecond())
                    .execute(conn)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// The hooks that were heard of.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn hooks(&self, source: Source) -> Result<Vec<Hook>, StoreError> {
        let rows = sqlx::query("SELECT id, route, swept_at FROM hook WHERE source = $1 ORDER BY route, swept_at")
            .bind(source.as_str())
            .fetch_all(&self.read)
            .await?;
        let hook = |row: &sqlx::sqlite::SqliteRow| {
            let swept = Timestamp::from_millisecond(row.try_get("swept_at")?).map_err(|e| corrupt("a time", &e))?;
            Ok(Hook { id: row.try_get("id")?, route: row.try_get("route")?, swept })
        };
        rows.iter().map(hook).collect()
    }

    /// Which of these deliveries are not here, by the sender's ids.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn unknown(&self, source: Source, keys: &[&str]) -> Result<HashSet<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT value FROM json_each($1) WHERE NOT EXISTS (
                 SELECT 1 FROM delivery WHERE source = $2 AND delivery_key = value)",
        )
        .bind(to_json(&keys)?)
        .bind(source.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Stores deliveries that were asked for. They are on disk then, and worked on once they are let go. Says of each
    /// whether it is new.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn park(&self, deliveries: Vec<Incoming>, now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let deliveries = deliveries.into_iter().map(Incoming::compressed).collect::<Vec<_>>();
        self.write(move |conn| Box::pin(write_parked(conn, deliveries, now))).await
    }

    /// Lets deliveries go that were parked by then: they are worked on, in the order in which they were sent. Nothing that
    /// was planned before is sent until all of them are.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn let_go(&self, parked_by: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let now = Timestamp::now();
                sqlx::query(
                    "UPDATE delivery SET waits = 1 WHERE id IN (SELECT delivery_id FROM recovered WHERE parked AND at <= $1);
                     UPDATE recovered SET parked = 0, at = $2 WHERE parked AND at <= $1",
                )
                .bind(parked_by.as_millisecond())
                .bind(now.as_millisecond())
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await
    }
}

async fn write_parked(
    conn: &mut SqliteConnection,
    deliveries: Vec<Incoming>,
    now: Timestamp,
) -> Result<Vec<bool>, StoreError> {
    let accepted = delivery::insert(conn, &deliveries, true).await?;
    let parked = deliveries.iter().zip(&accepted).filter_map(|(delivery, accepted)| match accepted {
        Accepted::New(id) if delivery.ignored.is_none() => Some(json!(id)),
        _ => None,
    });
    sqlx::query("INSERT INTO recovered (delivery_id, parked, at) SELECT value, 1, $2 FROM json_each($1)")
        .bind(to_json(&parked.collect::<Vec<_>>())?)
        .bind(now.as_millisecond())
        .execute(conn)
        .await?;
    Ok(accepted.iter().map(|accepted| matches!(accepted, Accepted::New(_))).collect())
}
