//! Takes back updates that wait, and messages that were written and not sent yet.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::row::{Json, Millis, named_params};
use super::{StoreError, Tx};
use crate::plan::{Made, Recall};
use crate::reason::{Code, Reason};

/// What a message that is partly sent says where it is not sent any more.
const PARTLY: &str = "it was taken back before it was sent here";

impl Tx<'_> {
    /// Takes back what tells of something: what no place can have got yet is written anew, or not sent. Why a line isn't to be
    /// told any more is noted for as long as its message is under way.
    pub(super) fn take_back(&self, taken: &Recall, now: Timestamp) -> Result<(), StoreError> {
        if let Made::Thread(thread) = &taken.made {
            self.doubt_answers(thread, now)?;
        }
        let (lines, summaries) = (self.telling(&taken.made)?, self.naming(&taken.made)?);
        self.recall(&lines, now)?;
        self.recall(&summaries, now)?;
        let Some(reason) = &taken.withdrawn else { return Ok(()) };
        // A summary, which tells of other things too, is written anew.
        for line in lines {
            self.put(
                "UPDATE ledger SET withdrawn = :reason WHERE id = :line AND EXISTS (
                     SELECT 1 FROM send s WHERE s.ledger_id = coalesce(ledger.lead_id, ledger.id) AND s.state = 'sending')",
                named_params! { ":reason": Json(reason), ":line": line },
            )?;
            self.put(
                "UPDATE ledger SET state = 'suppressed', reason = :reason, changed_at = :now, due_at = NULL
                 WHERE id = :line AND due_at IS NOT NULL",
                named_params! { ":reason": Json(reason), ":now": Millis(now), ":line": line },
            )?;
            self.put(
                "DELETE FROM fired WHERE (subject, team, rule, kind) IN (
                     SELECT subject, team, rule, kind FROM ledger WHERE id = :line AND state = 'suppressed')",
                named_params! { ":line": line },
            )?;
        }
        Ok(())
    }

    /// The lines that tell of something and wait, or whose message was made.
    fn telling(&self, made: &Made) -> Result<Vec<i64>, StoreError> {
        let (lines, name): (_, &str) = match made {
            // What was edited has the time of that at the end of its name.
            Made::Occurrence(once) => (
                "SELECT l.id FROM event e CROSS JOIN ledger l ON l.delivery_id = e.delivery_id AND l.event_id = e.id
                 WHERE (e.once = :name OR e.once > :name || '@' AND e.once < :name || 'A')
                   AND (l.told_at IS NOT NULL OR l.due_at IS NOT NULL)",
                once,
            ),
            Made::Subject(subject) => (
                "SELECT id FROM ledger WHERE subject = :name AND told_at IS NOT NULL AND state = 'held'
                 UNION SELECT id FROM ledger WHERE subject = :name AND due_at IS NOT NULL AND kind <> 'ticket.deleted'",
                subject,
            ),
            Made::Thread(thread) => {
                ("SELECT id FROM ledger WHERE thread = :name AND told_at IS NOT NULL AND state = 'held'", thread)
            }
            Made::Repository(name) => (
                "SELECT l.id FROM send s CROSS JOIN ledger l ON l.id = s.ledger_id
                 WHERE s.state IN ('queued', 'sending') AND l.answers IS NULL AND substr(l.subject, 1, length(:name)) = :name
                   AND substr(l.subject, length(:name) + 1, 1) IN ('#', ':', '@')",
                name,
            ),
        };
        self.rows(lines, named_params! { ":name": name }, |row| row.get("id"))
    }

    /// The summaries that name something and were not sent everywhere.
    fn naming(&self, made: &Made) -> Result<Vec<i64>, StoreError> {
        let (name, named) = match made {
            Made::Occurrence(once) => (once.original().to_string(), "n.value = :name"),
            Made::Subject(subject) => (subject.to_string(), "n.value = :name"),
            Made::Thread(thread) => (thread.clone(), "n.value = :name"),
            Made::Repository(name) => (
                name.to_string(),
                "substr(n.value, 1, length(:name)) = :name AND substr(n.value, length(:name) + 1, 1) IN ('#', ':', '@')",
            ),
        };
        let sql = format!(
            "SELECT l.id FROM ledger l INDEXED BY ledger_summary WHERE l.kind = 'summary' AND l.state = 'held'
               AND EXISTS (SELECT 1 FROM json_each(l.names) n WHERE {named})"
        );
        self.rows(&sql, named_params! { ":name": name }, |row| row.get("id"))
    }

    /// The id of a line, by its name.
    #[cfg(test)]
    pub fn line(&self, name: crate::plan::LineId) -> Result<Option<i64>, StoreError> {
        let crate::plan::LineId { delivery, line } = name;
        let params = named_params! { ":delivery": delivery, ":line": line };
        self.value("SELECT id FROM ledger WHERE delivery_id = :delivery AND line = :line", params)
    }

    /// Takes back the messages that tell lines, by the lines' ids.
    ///
    /// As long as no place can have got the message, all that it tells waits again, and is due: it is written anew from what
    /// then still stands. Where some place has it, or may have, the other places don't get it: their sends fail.
    /// What is under way is marked, so that the same is decided about it if it isn't sent.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn recall(&self, lines: &[i64], now: Timestamp) -> Result<(), StoreError> {
        let mut messages = BTreeSet::new();
        for line in lines {
            self.lock_sends_of(*line)?;
            self.put(
                "UPDATE send SET taken_back = 1 WHERE state = 'sending' AND ledger_id = (
                     SELECT coalesce(lead_id, id) FROM ledger WHERE id = :line)",
                named_params! { ":line": line },
            )?;
            messages.extend(self.value::<i64>(
                "SELECT q.ledger_id FROM ledger l
                 CROSS JOIN send q ON q.ledger_id = coalesce(l.lead_id, l.id) AND q.state = 'queued' WHERE l.id = :line",
                named_params! { ":line": line },
            )?);
        }
        for message in messages {
            self.recall_message(message, now)?;
        }
        Ok(())
    }

    /// Has claims by other replicas pass these by, so that what is decided here is about them as they are.
    fn lock_sends_of(&self, line: i64) -> Result<(), StoreError> {
        if !self.is_sqlite() {
            let lock =
                "SELECT id FROM send WHERE ledger_id = (SELECT coalesce(lead_id, id) FROM ledger WHERE id = :line)
                        ORDER BY id FOR UPDATE";
            self.rows(lock, named_params! { ":line": line }, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Takes back the message of a send that waits again, if its words were taken back while it was under way.
    ///
    /// # Errors
    /// As above
    pub(super) fn recall_if_taken_back(&self, send: i64, now: Timestamp) -> Result<(), StoreError> {
        let message = self.value::<i64>(
            "SELECT ledger_id FROM send WHERE id = :send AND state = 'queued' AND taken_back = 1",
            named_params! { ":send": send },
        )?;
        message.map_or(Ok(()), |message| self.recall_message(message, now))
    }

    /// Takes back a message that waits for some place.
    fn recall_message(&self, message: i64, now: Timestamp) -> Result<(), StoreError> {
        let is_out = self.holds(
            "SELECT EXISTS (SELECT 1 FROM send WHERE ledger_id = :message
               AND (state IN ('sent', 'sending') OR (attempts > 0 AND doubtful = 1)))",
            named_params! { ":message": message },
        )?;
        if is_out { self.end_message(message, now) } else { self.unmake_message(message, now) }
    }

    /// Has the lines of a message wait again, but for those that were withdrawn while it was under way. Where it was left out
    /// since it is muted somewhere is decided anew, too.
    fn unmake_message(&self, message: i64, now: Timestamp) -> Result<(), StoreError> {
        self.put("DELETE FROM send WHERE ledger_id = :message", named_params! { ":message": message })?;
        // The other end may have quoted what it refused.
        self.put(
            "UPDATE attempt SET error = NULL WHERE ledger_id = :message AND error IS NOT NULL",
            named_params! { ":message": message },
        )?;
        self.put(
            "DELETE FROM fired WHERE (subject, team, rule, kind) IN (
                 SELECT subject, team, rule, kind FROM ledger
                 WHERE (id = :message OR lead_id = :message) AND state = 'held' AND withdrawn IS NOT NULL)",
            named_params! { ":message": message },
        )?;
        self.put(
            "UPDATE ledger SET message = NULL, lead_id = NULL, told_at = NULL, object_at = NULL, withdrawn = NULL,
                    changed_at = :now, due_at = iif(state = 'held' AND withdrawn IS NULL AND kind <> 'summary', :now, NULL),
                    reason = iif(state = 'held', coalesce(withdrawn, :reason), reason),
                    state = iif(state = 'held' AND withdrawn IS NOT NULL, 'suppressed', state)
             WHERE id = :message OR lead_id = :message",
            named_params! { ":message": message, ":now": Millis(now), ":reason": Json(Reason::WrittenAnew) },
        )
    }

    /// Ends the sends of a message that aren't made yet.
    fn end_message(&self, message: i64, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE send SET state = 'failed', taken_back = 1, error = iif(doubtful = 1, error || '; then ' || :error, :error)
             WHERE ledger_id = :message AND state = 'queued'",
            named_params! { ":message": message, ":error": PARTLY },
        )?;
        self.put(
            "UPDATE ledger SET state = 'failed', changed_at = :now,
                    reason = json_object('code', :code, 'failed', json((
                        SELECT json_group_array(json_object('destination', destination, 'error', error)) FROM send
                        WHERE ledger_id = :message AND state = 'failed')))
             WHERE (id = :message OR lead_id = :message) AND state = 'held'
               AND NOT EXISTS (SELECT 1 FROM send WHERE ledger_id = :message AND state = 'sending')",
            named_params! { ":message": message, ":code": Code::Undelivered.as_str(), ":now": Millis(now) },
        )
    }
}
