//! What was changed through the console, and by whom.

use jiff::Timestamp;
use serde::Serialize;

use super::row::{Millis, named_params, time};
use super::{Store, StoreError, Tx};

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Audited {
    /// Its number
    pub id: i64,
    /// When
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// By whom; nothing for somebody whose names were removed
    pub who: Option<String>,
    /// How they came in
    pub via: String,
    /// What they did
    pub action: String,
    /// To what; nothing if that named somebody whose names were removed
    pub what: Option<String>,
}

/// A change that isn't written yet.
#[derive(Debug, Clone)]
pub struct Change {
    /// By whom
    pub who: String,
    /// How they came in
    pub via: &'static str,
    /// What they did
    pub action: &'static str,
    /// To what
    pub what: String,
}

const LATEST: &str = "SELECT id, at, who, via, action, what FROM audit WHERE id < :before ORDER BY id DESC LIMIT 101";
/// Deletes what is old.
const OLD: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at <= :until ORDER BY at LIMIT 200)";

impl Store {
    /// Writes what was changed.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn audit(&self, change: Change, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            let Change { who, via, action, what } = change;
            tx.put(
                "INSERT INTO audit (at, who, via, action, what) VALUES (:at, :who, :via, :action, :what)",
                named_params! { ":at": Millis(at), ":who": who, ":via": via, ":action": action, ":what": what },
            )
        })
        .await
    }

    /// What was changed last, newest first: up to 101 changes, with smaller numbers than `before`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn audited(&self, before: Option<i64>) -> Result<Vec<Audited>, StoreError> {
        self.read(move |tx| {
            tx.rows(LATEST, named_params! { ":before": before.unwrap_or(i64::MAX) }, |row| {
                let (id, at, who) = (row.get("id")?, time(row, "at")?, row.get("who")?);
                Ok(Audited { id, at, who, via: row.get("via")?, action: row.get("action")?, what: row.get("what")? })
            })
        })
        .await
    }
}

impl Tx<'_> {
    /// Deletes what was changed until then.
    pub(super) fn delete_audit(&self, until: Timestamp) -> Result<usize, StoreError> {
        self.run(OLD, named_params! { ":until": Millis(until) })
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [LATEST, OLD];
