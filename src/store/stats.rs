//! How much there is of what, and what goes next.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::row::time_or_none;
use super::{Keep, Store, StoreError, Tx};

/// How large the store is.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// What is in it, by kind
    pub kinds: Vec<Kind>,
    /// The file
    pub bytes: u64,
    /// How much of it is free to be used again
    pub free: u64,
}

/// One kind of thing in the store.
#[derive(Debug, Clone, Serialize)]
pub struct Kind {
    /// What it is
    pub kind: &'static str,
    /// How many there are
    pub rows: u64,
    /// What they take, with their indexes
    pub bytes: u64,
    /// When the oldest came
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// From when on that one is deleted, unless it is still needed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goes: Option<Timestamp>,
}

/// What is counted: its name, its table, and the column that says how old it is.
const KINDS: [(&str, &str, &str); 10] = [
    ("deliveries", "delivery", "received_at"),
    ("events", "event", "NULL"),
    ("lines", "ledger", "at"),
    ("steps", "step", "until_at"),
    ("sends", "send", "created_at"),
    ("attempts", "attempt", "ended_at"),
    ("subjects", "subject", "seen_at"),
    ("conversations", "conversation", "NULL"),
    ("changes", "audit", "at"),
    ("sessions", "session", "NULL"),
];

impl Store {
    /// How much there is of what. It reads the whole file.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn stats(&self, keep: Keep) -> Result<Stats, StoreError> {
        self.read(move |tx| tx.stats(&keep)).await
    }
}

impl Tx<'_> {
    fn stats(&self, keep: &Keep) -> Result<Stats, StoreError> {
        let sizes = self.table_sizes()?;
        let mut bodies = self.kind(
            "bodies",
            "CAST(coalesce(sum(length(body)), 0) AS bigint)",
            "received_at",
            "delivery WHERE length(body) > 0",
        )?;
        bodies.goes = bodies.oldest.map(|oldest| oldest + keep.bodies);
        let mut kinds = Vec::new();
        for (name, table, age) in KINDS {
            let mut kind = self.kind(name, "0", age, table)?;
            kind.goes = kind.oldest.map(|oldest| oldest + keep.ledger);
            kind.bytes = sizes.get(table).copied().unwrap_or_default();
            if table == "delivery" {
                kind.bytes = kind.bytes.saturating_sub(bodies.bytes);
            }
            kinds.push(kind);
        }
        kinds.insert(1, bodies);
        let (bytes, free) = self.size()?;
        Ok(Stats { kinds, bytes, free })
    }

    /// How large each table is, with its indexes.
    pub(super) fn table_sizes(&self) -> Result<HashMap<String, u64>, StoreError> {
        let sql = match self.is_sqlite() {
            true => {
                "SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
                 WHERE d.aggregate = TRUE GROUP BY s.tbl_name"
            }
            false => {
                "SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
                 WHERE relkind = 'r' AND relnamespace = current_schema()::text::regnamespace"
            }
        };
        let sizes =
            self.rows(sql, [], |row| Ok((row.get::<_, String>("name")?, row.get::<_, i64>("bytes")?.unsigned_abs())))?;
        Ok(sizes.into_iter().collect())
    }

    fn kind(&self, kind: &'static str, bytes: &str, age: &str, from: &str) -> Result<Kind, StoreError> {
        let sql = format!("SELECT count(*) AS rows, {bytes} AS bytes, min({age}) AS oldest FROM {from}");
        let read = self.row(&sql, [], |row| {
            let (rows, bytes) = (row.get::<_, i64>("rows")?.unsigned_abs(), row.get::<_, i64>("bytes")?.unsigned_abs());
            Ok(Kind { kind, rows, bytes, oldest: time_or_none(row, "oldest")?, goes: None })
        })?;
        read.ok_or_else(StoreError::nothing_found)
    }
}
