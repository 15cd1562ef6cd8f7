//! Summaries: when the next ones are due, and how they are written down and queued.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::row::{Json, Millis, Row, Text, named_params, time, time_or_none};
use super::{EntryState, Store, StoreError, Tx};
use crate::destination::Destination;
use crate::reason::Reason;
use crate::rule::SUMMARY;
use crate::template::Message;

/// What the ledger calls a summary.
const KIND: &str = "summary";

/// When a reader has the next summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The team, or everybody
    pub reader: String,
    /// What decides when: if that changes, the next time does too
    pub timing: String,
    /// The next time; `None` while there is to be none
    pub due: Option<Timestamp>,
    /// The last summary told what happened up to then
    pub since: Timestamp,
}

/// A summary to be written down.
#[derive(Debug, Clone)]
pub struct NewSummary {
    /// The reader's schedule from now on
    pub next: Schedule,
    /// When it was due, so that nobody writes it twice
    pub due: Timestamp,
    /// When it is written
    pub at: Timestamp,
    /// Since when it tells
    pub since: Timestamp,
    /// What becomes of it
    pub fate: SummaryFate,
    /// The last event that it can know of
    pub seen: i64,
}

/// What becomes of a summary.
#[derive(Debug, Clone)]
pub enum SummaryFate {
    /// It is sent
    Sent(Box<SummaryMessage>),
    /// There is none, for this reason
    Suppressed(Reason),
    /// It could not be written
    Failed(Reason),
}

/// A summary that is sent.
#[derive(Debug, Clone)]
pub struct SummaryMessage {
    /// Its words
    pub message: Message,
    /// What it names
    pub names: BTreeSet<String>,
    /// Where it goes
    pub to: Vec<Destination>,
    /// Where it is left out because it is muted there, with what muted it
    pub left_out: Vec<(Destination, String)>,
    /// Its conversation, of which it is all
    pub thread: String,
}

/// A summary that was taken back before it was sent, to be written anew.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// Its line
    pub line: i64,
    /// For whom it is
    pub reader: String,
    /// Its span of time
    pub span: Range<Timestamp>,
}

pub(super) const DUE: &str = "SELECT reader, timing, due_at, since_at FROM summary WHERE due_at <= :now";

/// Summaries whose message was taken back. The next one goes on from where this one ends.
pub(super) const TAKEN_BACK: &str = "SELECT id, team, since_at,
        coalesce((SELECT since_at FROM summary WHERE reader = team), at) AS until_at
    FROM ledger INDEXED BY ledger_summary WHERE kind = 'summary' AND state = 'held' AND message IS NULL";

/// The last line that intake planned.
pub(super) const PLANNED_LAST: &str = "SELECT at FROM ledger INDEXED BY ledger_at
    WHERE event_id IS NOT NULL ORDER BY at DESC LIMIT 1";

impl Store {
    /// Everybody's schedules.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn summary_schedules(&self) -> Result<Vec<Schedule>, StoreError> {
        self.read(|tx| tx.rows("SELECT reader, timing, due_at, since_at FROM summary", [], schedule)).await
    }

    /// Changes schedules.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn schedule_summaries(&self, schedules: Vec<Schedule>) -> Result<(), StoreError> {
        self.write(move |tx| schedules.iter().try_for_each(|schedule| tx.schedule_summary(schedule))).await
    }

    /// When the next summary is due.
    ///
    /// # Errors
    /// As above
    pub async fn next_summary(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| {
            let next = tx.value::<Option<Millis>>("SELECT min(due_at) FROM summary WHERE due_at IS NOT NULL", [])?;
            Ok(next.flatten().map(|next| next.0))
        })
        .await
    }

    /// The summaries that are due `now`, once all that came up to then is planned.
    ///
    /// # Errors
    /// As above
    pub async fn due_summaries(&self, now: Timestamp) -> Result<Vec<Schedule>, StoreError> {
        self.read(move |tx| {
            let due = tx.rows(DUE, named_params! { ":now": Millis(now) }, schedule)?;
            let Some(last) = due.iter().filter_map(|schedule| schedule.due).max() else { return Ok(due) };
            let unplanned = tx.holds(
                "SELECT EXISTS (SELECT 1 FROM delivery WHERE waits = 1 AND received_at <= :due)
                     OR EXISTS (SELECT 1 FROM recovered WHERE parked = 0)",
                named_params! { ":due": Millis(last) },
            )?;
            Ok(if unplanned { Vec::new() } else { due })
        })
        .await
    }

    /// Summaries that were taken back before they were sent.
    ///
    /// # Errors
    /// As above
    pub async fn summaries_taken_back(&self) -> Result<Vec<TakenBack>, StoreError> {
        self.read(|tx| {
            tx.rows(TAKEN_BACK, [], |row| {
                let span = time(row, "since_at")?..time(row, "until_at")?;
                Ok(TakenBack { line: row.get("id")?, reader: row.get("team")?, span })
            })
        })
        .await
    }

    /// Up to when all that happened is in the ledger: intake plans in order, so what it has yet to write comes later than what it
    /// wrote last.
    ///
    /// # Errors
    /// As above
    pub async fn planned_until(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| tx.row(PLANNED_LAST, [], |row| time(row, "at"))).await
    }

    /// The number of the last event.
    ///
    /// # Errors
    /// As above
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        self.read(|tx| Ok(tx.value::<Option<i64>>("SELECT max(id) FROM event", [])?.flatten().unwrap_or_default()))
            .await
    }

    /// Writes a summary down and queues it, unless that was done, or something has happened since to what it names: then it
    /// is to be made once more. Says whether it was written.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn write_summary(&self, new: NewSummary) -> Result<bool, StoreError> {
        self.write(move |tx| tx.write_summary(&new)).await
    }

    /// Queues a summary that was written anew, unless that was done, or it is to be made once more.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn rewrite_summary(
        &self,
        line: i64,
        (fate, seen): (SummaryFate, i64),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let sql = format!("SELECT EXISTS ({TAKEN_BACK} AND id = :line)");
            match tx.holds(&sql, named_params! { ":line": line })? && !tx.is_overtaken(&fate, seen)? {
                true => tx.end_summary(line, &fate, now),
                false => Ok(()),
            }
        })
        .await
    }
}

impl Tx<'_> {
    /// Changes what no delivery can bring.
    #[cfg(test)]
    pub fn execute_in_test(&self, sql: &str) -> Result<(), StoreError> {
        self.run(sql, []).map(drop)
    }

    fn schedule_summary(&self, Schedule { reader, timing, due, since }: &Schedule) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO summary (reader, timing, due_at, since_at) VALUES (:reader, :timing, :due, :since)
             ON CONFLICT (reader) DO UPDATE
             SET timing = excluded.timing, due_at = excluded.due_at, since_at = excluded.since_at",
            named_params! { ":reader": reader, ":timing": timing, ":due": due.map(Millis), ":since": Millis(*since) },
        )
    }

    fn write_summary(&self, new: &NewSummary) -> Result<bool, StoreError> {
        let NewSummary { next, due, at, since, fate, seen } = new;
        let is_due = self.holds(
            "SELECT EXISTS (SELECT 1 FROM summary WHERE reader = :reader AND due_at = :due)",
            named_params! { ":reader": next.reader, ":due": Millis(*due) },
        )?;
        if !is_due || self.is_overtaken(fate, *seen)? {
            return Ok(false);
        }
        self.schedule_summary(next)?;
        let line = self.value(
            "INSERT INTO ledger (delivery_id, line, source, kind, team, rule, state, reason, at, since_at,
                                 digest)
             SELECT l.delivery_id, (SELECT max(line) + 1 FROM ledger n WHERE n.delivery_id = l.delivery_id), l.source,
                    :kind, :reader, :rule, 'held', :reason, :at, :since, 1
             FROM (SELECT delivery_id, source FROM ledger ORDER BY id DESC LIMIT 1) l RETURNING id",
            named_params! { ":kind": KIND, ":reader": next.reader, ":rule": SUMMARY, ":reason": Json(Reason::Sending),
            ":at": Millis(*at), ":since": Millis(*since) },
        )?;
        // Before the first delivery there is nothing to tell, and no line to tell it.
        if let Some(line) = line {
            self.end_summary(line, fate, *at)?;
        }
        Ok(true)
    }

    /// Whether something was taken back, restricted or edited since a summary that names it was made: its words may not be said any
    /// more. What else happened meanwhile is in the next one.
    fn is_overtaken(&self, fate: &SummaryFate, seen: i64) -> Result<bool, StoreError> {
        let SummaryFate::Sent(summary) = fate else { return Ok(false) };
        self.holds(
            "SELECT EXISTS (SELECT 1 FROM event WHERE id > :seen
               AND (body -> '$.undoing' IS NOT NULL OR body -> '$.about.restricted' = 'true'
                    OR body ->> '$.kind' IN ('pull_request.edited', 'ticket.updated'))
               AND body ->> '$.subject' IN (SELECT value FROM json_each(:names)))",
            named_params! { ":seen": seen, ":names": Json(&summary.names) },
        )
    }

    /// Writes what becomes of a summary.
    fn end_summary(&self, line: i64, fate: &SummaryFate, now: Timestamp) -> Result<(), StoreError> {
        let (state, reason) = match fate {
            SummaryFate::Sent(summary) => return self.queue_summary(line, summary, now),
            SummaryFate::Suppressed(reason) => (EntryState::Suppressed, reason),
            SummaryFate::Failed(reason) => (EntryState::Failed, reason),
        };
        self.put(
            "UPDATE ledger SET state = :state, reason = :reason WHERE id = :line",
            named_params! { ":state": Text(state), ":reason": Json(reason), ":line": line },
        )
    }

    fn queue_summary(&self, line: i64, summary: &SummaryMessage, now: Timestamp) -> Result<(), StoreError> {
        let SummaryMessage { message, names, to, left_out, thread } = summary;
        self.put(
            "UPDATE ledger SET message = :message, names = :names, reason = :reason, told_at = :now WHERE id = :line",
            named_params! { ":message": Json(message), ":names": Json(names), ":reason": Json(Reason::Sending),
            ":now": Millis(now), ":line": line },
        )?;
        for to in to {
            self.queue_send((line, to, thread), now)?;
        }
        for (to, by) in left_out {
            self.leave_out(line, to, by, now)?;
        }
        Ok(())
    }
}

fn schedule(row: &Row<'_>) -> Result<Schedule, StoreError> {
    let (reader, timing) = (row.get("reader")?, row.get("timing")?);
    Ok(Schedule { reader, timing, due: time_or_none(row, "due_at")?, since: time(row, "since_at")? })
}
