//! What waits, and how large the store is: for the metrics. It reads indexes only, but as much of them as waits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::row::{Row, named_params, text, time, time_or_none};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;
use crate::event::Source;

/// What waits in the store, and how large it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// Deliveries that wait to be worked on
    pub backlog: u64,
    /// Updates that are held
    pub held: u64,
    /// When the oldest of them was planned
    pub oldest_held: Option<Timestamp>,
    /// When the first of them is or was due
    pub first_due: Option<Timestamp>,
    /// The sends that wait or are under way, by channel: how many, and since when the oldest does
    pub sends: BTreeMap<String, (u64, Timestamp)>,
    /// The store's file
    pub bytes: u64,
    /// How much of it is free to be used again
    pub free: u64,
}

const BACKLOG: &str = "SELECT count(*) FROM delivery WHERE waits = 1";
const HELD: &str =
    "SELECT count(*) AS held, min(id) AS oldest, min(due_at) AS first FROM ledger WHERE due_at IS NOT NULL";
const PLANNED: &str = "SELECT coalesce(since_at, at) AS at FROM ledger WHERE id = :id";
const WAITING: &str = "SELECT destination, count(*) AS sends, min(id) AS oldest FROM send
    WHERE state IN ('queued', 'sending') GROUP BY destination";
const QUEUED: &str = "SELECT created_at FROM send WHERE id = :id";
/// The last delivery of each source, where it is one of the last thousand. The `+` keeps SQLite from reading all of the index
/// that begins with the source.
const HEARD: &str = "SELECT source || '' AS source, max(received_at) AS at FROM delivery
    WHERE id > (SELECT max(id) FROM delivery) - 1000 GROUP BY source || ''";

impl Store {
    /// What waits, and how large the store is.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn load(&self) -> Result<Load, StoreError> {
        self.read(|tx| tx.load()).await
    }

    /// When the last delivery of each source came, as far as it isn't long ago.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn last_heard(&self) -> Result<Vec<(Source, Timestamp)>, StoreError> {
        self.read(|tx| tx.rows(HEARD, [], |row| Ok((text(row, "source")?, time(row, "at")?)))).await
    }
}

impl Tx<'_> {
    fn load(&self) -> Result<Load, StoreError> {
        let number = |sql| Ok::<_, StoreError>(self.value::<i64>(sql, [])?.unwrap_or_default().unsigned_abs());
        let held = self.row(HELD, [], |row| {
            Ok((row.get::<_, i64>("held")?, row.get::<_, Option<i64>>("oldest")?, time_or_none(row, "first")?))
        })?;
        let (held, oldest, first_due) = held.unwrap_or_default();
        let planned = |id: i64| self.row(PLANNED, named_params! { ":id": id }, |row| time(row, "at"));
        let (bytes, free) = self.size()?;
        Ok(Load {
            backlog: number(BACKLOG)?,
            held: held.unsigned_abs(),
            oldest_held: oldest.map(planned).transpose()?.flatten(),
            first_due,
            sends: self.waiting_sends()?,
            bytes,
            free,
        })
    }

    /// How large the store is, and how much of that is free.
    pub(super) fn size(&self) -> Result<(u64, u64), StoreError> {
        let number = |sql| Ok::<_, StoreError>(self.value::<i64>(sql, [])?.unwrap_or_default().unsigned_abs());
        if self.is_sqlite() {
            let page = number("PRAGMA page_size")?;
            return Ok((number("PRAGMA page_count")? * page, number("PRAGMA freelist_count")? * page));
        }
        Ok((self.table_sizes()?.values().sum(), 0))
    }

    fn waiting_sends(&self) -> Result<BTreeMap<String, (u64, Timestamp)>, StoreError> {
        let mut sends = BTreeMap::<String, (u64, Timestamp)>::new();
        let read = |row: &Row<'_>| {
            let (count, oldest): (i64, i64) = (row.get("sends")?, row.get("oldest")?);
            Ok((row.get::<_, String>("destination")?, count.unsigned_abs(), oldest))
        };
        for (destination, count, oldest) in self.rows(WAITING, [], read)? {
            let since = self.row(QUEUED, named_params! { ":id": oldest }, |row| time(row, "created_at"))?;
            // One that this version can't read is set aside when it is claimed.
            if let (Ok(destination), Some(since)) = (destination.parse::<Destination>(), since) {
                let channel = sends.entry(destination.channel().to_owned()).or_insert((0, since));
                *channel = (channel.0 + count, channel.1.min(since));
            }
        }
        Ok(sends)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn nothing_is_read_but_indexes_and_single_rows() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::scratch(&folder.path().join("microalign.db")).await.unwrap();
        for sql in [BACKLOG, HELD, PLANNED, WAITING, QUEUED, HEARD] {
            let plan = format!("EXPLAIN QUERY PLAN {}", sql.replace(":id", "1"));
            let plan = store.read(move |tx| tx.rows(&plan, [], |row| row.get::<_, String>("detail"))).await.unwrap();
            let reads = plan.iter().filter(|step| step.starts_with("SCAN") || step.starts_with("SEARCH"));
            let is_good = |step: &&String| {
                // It never reads the rows: what the index is for holds for all of it.
                step.as_str() == "SCAN send USING INDEX send_waiting"
                    || step.contains("COVERING INDEX")
                    || step.contains("USING INTEGER PRIMARY KEY")
                    || step.as_str() == "SEARCH delivery"
            };
            let bad = reads.filter(|step| !is_good(step)).collect::<Vec<_>>();
            assert!(bad.is_empty(), "{sql}: {plan:?}");
        }
    }
}
