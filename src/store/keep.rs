//! What is old is deleted, unless it is still needed.
//!
//! A delivery goes with its events, its lines with their steps, and its sends with their attempts. It stays while anything of it is under way, while a line of a delivery
//! that stays refers to one of its own, as long as its number or a send's is the last one, and while it brought a note to a
//! subject that is open: an edit of the place where the note was written must not tell it again. What is known of a subject, with the milestones that were told of it, and its
//! conversations go once it isn't open and nothing waits or was told of it lately.
//!
//! Each write deletes a few rows, so that whoever waits for the writer doesn't wait long. There may be millions of subjects,
//! most of which stay: so they are looked at by a reader.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::row::{Json, Millis, named_params};
use super::{Store, StoreError, Tx};

/// How long what is in the store is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Deliveries, with their events, lines and sends
    pub ledger: Duration,
    /// The bodies of deliveries
    pub bodies: Duration,
}

impl Keep {
    /// Recovery looks so far back, and so do the timings of rules.
    pub const SHORTEST: Duration = Duration::from_secs(30 * 86_400);
}

impl Default for Keep {
    fn default() -> Self {
        Self { ledger: Duration::from_secs(90 * 86_400), bodies: Duration::from_secs(14 * 86_400) }
    }
}

/// How far a sweep through the store has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sweep {
    /// Behind the delivery with this number
    Deliveries(i64),
    /// Behind the subject with this name
    Subjects(String),
}

impl Sweep {
    /// Before the first subject.
    #[must_use]
    pub fn all_subjects() -> Self {
        Self::Subjects(String::new())
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::Deliveries(0)
    }
}

/// So many rows are looked at in a write.
const ROWS: usize = 200;
/// So many pages are given back to the file system in a write,
const PAGES: i64 = 500;
/// as long as more than one of so many is free: what is free is used again, which costs less.
const FREE: i64 = 10;

/// Deletes bodies that were read. Those of parked deliveries, which don't wait either, are yet to be.
const BODIES: &str = "UPDATE delivery SET body = x'' WHERE id IN (
    SELECT id FROM delivery d WHERE length(body) > 0 AND received_at <= :until AND waits = 0
      AND NOT EXISTS (SELECT 1 FROM recovered r WHERE r.delivery_id = d.id) ORDER BY received_at LIMIT 200)";

/// The next deliveries.
const NEXT: &str = "SELECT id, received_at <= :until AS old FROM delivery WHERE id > :after ORDER BY id LIMIT 200";

/// Whether something waits for a delivery, is under way or is young; or its number, or that of one of its sends, is the last
/// one: SQLite would give it to the next row, and a Message-ID must not come twice.
const STAYS: &str =
    "SELECT d.id FROM delivery d WHERE d.id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)) AND (
    d.waits = 1
    OR d.id = (SELECT max(id) FROM delivery)
    OR EXISTS (SELECT 1 FROM ledger l WHERE l.delivery_id = d.id AND EXISTS (
        SELECT 1 FROM send s WHERE s.ledger_id = l.id AND s.id = (SELECT max(id) FROM send)))
    OR EXISTS (SELECT 1 FROM recovered r WHERE r.delivery_id = d.id)
    OR EXISTS (SELECT 1 FROM timer t WHERE t.delivery_id = d.id)
    OR EXISTS (
        SELECT 1 FROM ledger l WHERE l.delivery_id = d.id AND (
            l.at > :until OR l.told_at > :until OR l.due_at IS NOT NULL OR l.object_at IS NOT NULL OR l.state = 'held'
            OR EXISTS (SELECT 1 FROM send s WHERE s.ledger_id = l.id AND s.state IN ('queued', 'sending'))
            OR EXISTS (SELECT 1 FROM answer a WHERE a.ledger_id = l.id AND a.waits = 1)
            OR EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = l.id AND o.waits = 1)))
    OR EXISTS (
        SELECT 1 FROM event e JOIN subject s ON s.key = e.body ->> '$.subject'
        WHERE e.delivery_id = d.id AND e.once LIKE '%note:%' AND OPEN))";

/// Whether a subject `s` is open.
pub(super) const OPEN: &str = "(s.state ->> '$.gone' IS NULL AND CASE s.state ->> '$.about.type'
    WHEN 'thing' THEN FALSE
    WHEN 'ticket' THEN coalesce(s.state ->> '$.about.status_category', '') <> 'done'
    ELSE s.state ->> '$.about.stage' = 'open' END)";

/// Lines of other deliveries that refer to lines of these.
const REFERRING: &str = "SELECT l.delivery_id AS named, o.delivery_id AS by
    FROM ledger l CROSS JOIN ledger o ON o.lead_id = l.id
    WHERE l.delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)) AND o.delivery_id <> l.delivery_id
    UNION SELECT l.delivery_id, o.delivery_id
    FROM ledger l CROSS JOIN ledger o ON o.answers = l.id
    WHERE l.delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)) AND o.delivery_id <> l.delivery_id";

/// Whether a subject `s` can go. A ticket stays as long as the work that belongs to it.
const GOES: &str = "NOT OPEN AND s.seen_at <= :until
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.subject = s.key)
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.subject = s.key AND l.due_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.subject = s.key AND l.told_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM subject o WHERE o.thread = s.key AND o.thread <> o.key)";

/// The next subjects.
const SUBJECTS: &str = "SELECT s.key, GOES AS goes FROM subject s WHERE s.key > :after ORDER BY s.key LIMIT 200";

/// Of these subjects, those that can go.
const OLD_SUBJECTS: &str =
    "SELECT s.key, s.thread FROM subject s WHERE s.key IN (SELECT value FROM json_each(:keys)) AND GOES";

/// What is known of a subject; the id that its source has for a ticket is in its state.
const FORGET: [&str; 3] = [
    "DELETE FROM fired WHERE subject = :key",
    "DELETE FROM ticket_id WHERE key = :key AND id IN (
       SELECT state ->> '$.about.id' FROM subject WHERE key = :key
       UNION ALL SELECT (state ->> '$.host') || '/' || (state ->> '$.about.id') FROM subject WHERE key = :key)",
    "DELETE FROM subject WHERE key = :key",
];

/// Deletes the conversations of a thread that nothing has any more.
const END_THREAD: &str = "DELETE FROM conversation WHERE thread = :thread
    AND NOT EXISTS (SELECT 1 FROM subject WHERE key = :thread)
    AND NOT EXISTS (SELECT 1 FROM subject WHERE thread = :thread AND thread <> key)
    AND NOT EXISTS (SELECT 1 FROM ledger WHERE thread = :thread)";

/// The threads of the messages of deliveries. A digest is a conversation of its own, which only its sends name.
const THREADS: &str = "SELECT DISTINCT s.thread FROM ledger l CROSS JOIN send s ON s.ledger_id = l.id
    WHERE l.delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids))";

/// The rows of deliveries, those first that refer to others.
const DELETE: [&str; 9] = [
    "DELETE FROM agreement WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM answer WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM objection WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM step WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM attempt WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM send WHERE ledger_id IN (
         SELECT id FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)))",
    "DELETE FROM ledger WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids))",
    "DELETE FROM event WHERE delivery_id IN (SELECT CAST(value AS bigint) FROM json_each(:ids))",
    "DELETE FROM delivery WHERE id IN (SELECT CAST(value AS bigint) FROM json_each(:ids))",
];

impl Store {
    /// Goes on with a sweep: deletes what is old `now`, and says how far it has come; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Database`]
    pub async fn sweep(&self, sweep: Sweep, keep: Keep, now: Timestamp) -> Result<Option<Sweep>, StoreError> {
        let until = now - keep.ledger;
        match sweep {
            Sweep::Deliveries(after) => {
                let next = self.write(move |tx| {
                    tx.delete_sessions(now)?;
                    tx.sweep_deliveries(after, until, now - keep.bodies)
                });
                Ok(Some(next.await?))
            }
            Sweep::Subjects(after) => {
                let (keys, next) = self.read(move |tx| tx.old_subjects(&after, until)).await?;
                if !keys.is_empty() {
                    self.write(move |tx| tx.delete_subjects(&keys, until)).await?;
                }
                Ok(next)
            }
        }
    }
}

impl Tx<'_> {
    fn sweep_deliveries(&self, after: i64, until: Timestamp, bodies_until: Timestamp) -> Result<Sweep, StoreError> {
        let bodies = self.delete_bodies(bodies_until)?;
        self.delete_contacts(until)?;
        self.delete_audit(until)?;
        let last = self.delete_deliveries(after, until)?;
        self.give_back()?;
        Ok(match last {
            Some(last) => Sweep::Deliveries(last),
            // There may be more bodies.
            None if bodies == ROWS => Sweep::Deliveries(after),
            None => Sweep::all_subjects(),
        })
    }

    fn delete_bodies(&self, until: Timestamp) -> Result<usize, StoreError> {
        self.run(BODIES, named_params! { ":until": Millis(until) })
    }

    /// They are looked at in the order in which they came, as far as there is an old one among the next. Says which was the
    /// last.
    fn delete_deliveries(&self, after: i64, until: Timestamp) -> Result<Option<i64>, StoreError> {
        let next = self.rows(NEXT, named_params! { ":after": after, ":until": Millis(until) }, |row| {
            Ok((row.get::<_, i64>("id")?, row.get::<_, bool>("old")?))
        })?;
        let old = next.iter().filter(|(_, old)| *old).map(|(id, _)| *id).collect::<BTreeSet<_>>();
        let last = next.last().filter(|_| !old.is_empty()).map(|(id, _)| *id);
        self.delete_with_all(&self.unneeded(old, until)?)?;
        Ok(last)
    }

    /// The deliveries that nothing needs any more.
    fn unneeded(&self, mut ids: BTreeSet<i64>, until: Timestamp) -> Result<BTreeSet<i64>, StoreError> {
        if ids.is_empty() {
            return Ok(ids);
        }
        let stays = self
            .rows(&whole(STAYS), named_params! { ":ids": Json(&ids), ":until": Millis(until) }, |row| row.get("id"))?;
        let mut referring = self.rows(REFERRING, named_params! { ":ids": Json(&ids) }, |row| {
            Ok((row.get::<_, i64>("named")?, row.get::<_, i64>("by")?))
        })?;
        for id in stays {
            ids.remove(&id);
        }
        // What one that stays refers to stays, and so on.
        loop {
            let before = ids.len();
            referring.retain(|(named, by)| ids.contains(by) || !ids.remove(named));
            if ids.len() == before {
                return Ok(ids);
            }
        }
    }

    fn delete_with_all(&self, ids: &BTreeSet<i64>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let threads = self.rows(THREADS, named_params! { ":ids": Json(ids) }, |row| row.get("thread"))?;
        for sql in DELETE {
            self.put(sql, named_params! { ":ids": Json(ids) })?;
        }
        self.end_threads(threads)
    }

    /// Of the next subjects, those that can go; and how far the sweep has come with them.
    fn old_subjects(&self, after: &str, until: Timestamp) -> Result<(Vec<String>, Option<Sweep>), StoreError> {
        let sql = whole(SUBJECTS);
        let next = self.rows(&sql, named_params! { ":after": after, ":until": Millis(until) }, |row| {
            Ok((row.get::<_, String>("key")?, row.get::<_, bool>("goes")?))
        })?;
        let last = next.last().filter(|_| next.len() == ROWS).map(|(key, _)| Sweep::Subjects(key.clone()));
        Ok((next.into_iter().filter(|(_, goes)| *goes).map(|(key, _)| key).collect(), last))
    }

    /// Deletes those of these subjects that nothing has come to need meanwhile.
    fn delete_subjects(&self, keys: &[String], until: Timestamp) -> Result<(), StoreError> {
        let sql = whole(OLD_SUBJECTS);
        let old = self.rows(&sql, named_params! { ":keys": Json(keys), ":until": Millis(until) }, |row| {
            Ok((row.get::<_, String>("key")?, row.get::<_, Option<String>>("thread")?))
        })?;
        let mut threads = Vec::new();
        for (key, thread) in old {
            for sql in FORGET {
                self.put(sql, named_params! { ":key": key })?;
            }
            threads.extend(thread);
            threads.push(key);
        }
        self.end_threads(threads)?;
        self.give_back()
    }

    fn end_threads(&self, threads: Vec<String>) -> Result<(), StoreError> {
        for thread in threads {
            self.put(END_THREAD, named_params! { ":thread": thread })?;
        }
        Ok(())
    }

    /// Makes the file smaller where much of it is free; not possible in a store that an early version made.
    fn give_back(&self) -> Result<(), StoreError> {
        // PostgreSQL does so by itself.
        if !self.is_sqlite() {
            return Ok(());
        }
        let number = |sql| Ok::<_, StoreError>(self.value::<i64>(sql, [])?.unwrap_or_default());
        let (free, all) = (number("PRAGMA freelist_count")?, number("PRAGMA page_count")?);
        if free > PAGES && free > all / FREE {
            self.rows(&format!("PRAGMA incremental_vacuum({PAGES})"), [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// A statement with the conditions that it names.
fn whole(sql: &str) -> String {
    sql.replace("GOES", GOES).replace("OPEN", OPEN)
}

#[cfg(test)]
mod tests;
