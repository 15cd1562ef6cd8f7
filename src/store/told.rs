//! What was told before: occurrences that come in two deliveries, and notes that are edited.
//!
//! An event's `once` names it. A note that an edit told has the edit's time behind an `@`, and is found by the name
//! without it too.

use std::collections::HashMap;

use sqlx::Row;

use super::{Store, StoreError, from_json, to_json};
use crate::event::Event;

impl Store {
    /// The deliveries that told of occurrences before, so far as any did: the sender's ids, by the occurrence.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn told(&self, once: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let rows = sqlx::query(
            "SELECT asked.value, d.delivery_key FROM json_each($1) AS asked CROSS JOIN delivery d ON d.id = (
                 SELECT delivery_id FROM event WHERE once = asked.value UNION ALL
                 SELECT delivery_id FROM event WHERE once > asked.value || '@' AND once < asked.value || 'A'
                   AND body ->> '$.undoing' IS NULL LIMIT 1)",
        )
        .bind(to_json(&once)?)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// The events that undo an occurrence, or put other words into it, oldest first. They may have come before it.
    ///
    /// # Errors
    /// As above
    pub async fn undoings(&self, once: &str) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT body FROM event WHERE once > $1 || '@' AND once < $1 || 'A' ORDER BY id")
            .bind(once)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| from_json(row.try_get("body")?)).collect()
    }

    /// The events about notes in a place, oldest first. `prefix` is what their names begin with and ends in a colon.
    ///
    /// # Errors
    /// As above
    pub async fn notes(&self, prefix: &str) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT body FROM event WHERE once > $1 AND once < rtrim($1, ':') || ';' ORDER BY id")
            .bind(prefix)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| from_json(row.try_get("body")?)).collect()
    }

    /// Whether anybody was sent a note, or what it is an edit of, by the note's name.
    ///
    /// # Errors
    /// As above
    pub async fn note_was_sent(&self, name: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM event e
                            WHERE (e.once = $1 OR e.once > $1 || '@' AND e.once < $1 || 'A')
                              AND (e.body ->> '$.note.edited' OR EXISTS (
                                  SELECT 1 FROM ledger l
                                  WHERE l.delivery_id = e.delivery_id AND l.event_id = e.id
                                    AND l.told_at IS NOT NULL)))",
        )
        .bind(name)
        .fetch_one(&self.read)
        .await?;
        Ok(row.try_get(0)?)
    }
}
