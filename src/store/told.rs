//! What was reported before: occurrences that come in two deliveries, and notes that are edited.
//!
//! An event's `once` names its occurrence. When an edit of a note was reported, the time of the edit follows after an `@`,
//! and the note is found by the name without it too.

use std::collections::HashMap;

use super::row::{json, named_params};
use super::{Store, StoreError, Tx};
use crate::event::Event;

impl Store {
    /// The deliveries that told of occurrences before, so far as any did: the sender's ids, by the occurrence.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn told(&self, once: Vec<String>) -> Result<HashMap<String, String>, StoreError> {
        self.read(move |tx| {
            let told = once.into_iter().map(|once| Ok(tx.told(&once)?.map(|delivery| (once, delivery))));
            told.filter_map(Result::transpose).collect()
        })
        .await
    }
}

impl Tx<'_> {
    /// The delivery that told of an occurrence before, by the sender's id.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn told(&self, once: &str) -> Result<Option<String>, StoreError> {
        self.value(
            "SELECT delivery_key FROM delivery WHERE id = (
                 SELECT delivery_id FROM event WHERE once = :once UNION ALL
                 SELECT delivery_id FROM event WHERE once > :once || '@' AND once < :once || 'A'
                   AND body ->> '$.undoing' IS NULL LIMIT 1)",
            named_params! { ":once": once },
        )
    }

    /// The events that undo an occurrence, or put other words into it, oldest first. They may have come before it.
    ///
    /// # Errors
    /// As above
    pub fn undoings(&self, once: &str) -> Result<Vec<Event>, StoreError> {
        self.rows(
            "SELECT body FROM event WHERE once > :once || '@' AND once < :once || 'A' ORDER BY id",
            named_params! { ":once": once },
            |row| json(row, "body"),
        )
    }

    /// The events about notes in a place, oldest first. `prefix` is what their names begin with and ends in a colon.
    ///
    /// # Errors
    /// As above
    pub fn notes(&self, prefix: &str) -> Result<Vec<Event>, StoreError> {
        self.rows(
            "SELECT body FROM event WHERE once > :prefix AND once < rtrim(:prefix, ':') || ';' ORDER BY id",
            named_params! { ":prefix": prefix },
            |row| json(row, "body"),
        )
    }

    /// The changes whose names begin like this, which ends in a colon, each with the delivery that told of it.
    ///
    /// # Errors
    /// As above
    pub fn changes(&self, beginning: &str) -> Result<Vec<(String, Event)>, StoreError> {
        self.rows(
            "SELECT d.delivery_key, e.body FROM event e JOIN delivery d ON d.id = e.delivery_id
             WHERE e.once > :beginning AND e.once < rtrim(:beginning, ':') || ';' ORDER BY e.id",
            named_params! { ":beginning": beginning },
            |row| Ok((row.get("delivery_key")?, json(row, "body")?)),
        )
    }

    /// Whether anybody was sent a note, or what it is an edit of, by the note's name.
    ///
    /// # Errors
    /// As above
    pub fn note_was_sent(&self, name: &str) -> Result<bool, StoreError> {
        self.holds(
            "SELECT EXISTS (SELECT 1 FROM event e
                            WHERE (e.once = :name OR e.once > :name || '@' AND e.once < :name || 'A')
                              AND (e.body -> '$.note.edited' = 'true' OR EXISTS (
                                  SELECT 1 FROM ledger l
                                  WHERE l.delivery_id = e.delivery_id AND l.event_id = e.id
                                    AND l.told_at IS NOT NULL)))",
            named_params! { ":name": name },
        )
    }
}
