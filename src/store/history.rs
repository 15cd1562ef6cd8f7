//! What happened to a delivery and its lines, step by step.

use jiff::Timestamp;

use super::activity::Shown;
use super::delivery::queued;
use super::ledger::{EntryState, stored};
use super::row::{Millis, named_params, text, time};
use super::{AttemptOutcome, Queued, Store, StoreError, Tx};
use crate::event::Event;
use crate::reason::Reason;

/// A delivery, what it meant, and what became of it.
#[derive(Debug, Clone)]
pub struct Story {
    /// The delivery
    pub delivery: Queued,
    /// Its body; empty once it was deleted
    pub body: Vec<u8>,
    /// What it meant, as far as this version can read that
    pub events: Vec<Event>,
    /// The titles that the subjects of those have now, if they still exist
    pub titles: Vec<String>,
    /// Its lines, each with its history
    pub lines: Vec<(Shown, Vec<Step>)>,
}

/// Something that happened to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When
    pub at: Timestamp,
    /// What
    pub what: Happened,
}

/// What happened to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It came into a state, for a reason
    Became {
        /// The state
        state: EntryState,
        /// The reason
        reason: Reason,
        /// The line that replaced it, if one did
        by: Option<String>,
    },
    /// An attempt to send its message ended
    Tried {
        /// Where to
        destination: String,
        /// Which attempt it was, from 1
        number: i64,
        /// When it began
        began: Timestamp,
        /// How it ended
        outcome: AttemptOutcome,
        /// What the other end said
        error: Option<String>,
    },
}

/// The events of a delivery.
const EVENTS: &str = "SELECT body FROM event WHERE delivery_id = :id ORDER BY id";
/// The titles of their subjects by now.
const TITLES: &str = "SELECT coalesce(s.state ->> '$.about.title', s.state ->> '$.about.summary') AS title
    FROM event e CROSS JOIN subject s ON s.key = e.body ->> '$.subject'
    WHERE e.delivery_id = :id AND s.state ->> '$.gone' IS NULL";
/// The states and reasons of a line, each with its end; the last one with its beginning.
const STATES: &str = "SELECT state, reason, until_at AS at FROM step WHERE ledger_id = :line
    UNION ALL SELECT state, reason, at FROM ledger WHERE id = :line";
/// The attempts to send the message that tells a line.
const ATTEMPTS: &str = "SELECT destination, number, began_at, ended_at, outcome, error FROM attempt
    WHERE ledger_id IN (:line, (SELECT lead_id FROM ledger WHERE id = :line)) ORDER BY id";
/// The line that was planned in the moment in which one was replaced.
const REPLACED_BY: &str = "SELECT n.delivery_id || '.' || n.line FROM ledger l
    CROSS JOIN ledger n INDEXED BY ledger_team ON n.team = l.team
    WHERE l.id = :line AND n.rule IS NOT NULL AND n.at = :at AND n.subject = l.subject
    AND n.kind = :kind";

impl Store {
    /// A delivery with all that came of it, by its id in the ledger.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn story(&self, delivery: i64) -> Result<Option<Story>, StoreError> {
        self.read(move |tx| tx.story(delivery)).await
    }
}

impl Tx<'_> {
    fn story(&self, id: i64) -> Result<Option<Story>, StoreError> {
        let delivery = self.row(
            "SELECT id, source, delivery_key, name, received_at FROM delivery WHERE id = :id",
            named_params! { ":id": id },
            queued,
        )?;
        let Some(delivery) = delivery else { return Ok(None) };
        let events = self.rows(EVENTS, named_params! { ":id": id }, |row| {
            Ok(serde_json::from_str(&row.get::<_, String>("body")?).ok())
        })?;
        let titles = self.rows(TITLES, named_params! { ":id": id }, |row| row.get::<_, Option<String>>("title"))?;
        let lines = self.shown_in(id)?;
        let lines = lines.into_iter().map(|line| Ok((self.steps(line.row)?, line)));
        let lines = lines.map(|line| line.map(|(steps, line)| (line, steps))).collect::<Result<_, StoreError>>()?;
        let (events, titles) = (events.into_iter().flatten().collect(), titles.into_iter().flatten().collect());
        Ok(Some(Story { delivery, body: self.body(id)?, events, titles, lines }))
    }

    /// What happened to a line, oldest first.
    fn steps(&self, line: i64) -> Result<Vec<Step>, StoreError> {
        let states = self.rows(STATES, named_params! { ":line": line }, |row| {
            Ok((text::<EntryState>(row, "state")?, stored(&row.get::<_, String>("reason")?), time(row, "at")?))
        })?;
        // The time beside each is when it ended; of the last one, when the line was planned, which is when the first began.
        let began = states.iter().rev().map(|(_, _, at)| *at).take(1).chain(states.iter().map(|(_, _, at)| *at));
        let began = began.collect::<Vec<_>>();
        // The clock may have been set back, so the order is that in which it was written. An attempt comes before what became
        // of the line with it.
        let (mut attempts, mut steps) = (self.attempts(line)?.into_iter().peekable(), Vec::new());
        for ((state, reason, _), at) in states.into_iter().zip(began) {
            let by = if state == EntryState::Superseded { self.replaced_by(line, &reason, at)? } else { None };
            steps.extend(std::iter::from_fn(|| attempts.next_if(|attempt| attempt.at <= at)));
            steps.push(Step { at, what: Happened::Became { state, reason, by } });
        }
        steps.extend(attempts);
        Ok(steps)
    }

    /// The attempts to send the message that tells a line.
    fn attempts(&self, line: i64) -> Result<Vec<Step>, StoreError> {
        self.rows(ATTEMPTS, named_params! { ":line": line }, |row| {
            Ok(Step {
                at: time(row, "ended_at")?,
                what: Happened::Tried {
                    destination: row.get("destination")?,
                    number: row.get("number")?,
                    began: time(row, "began_at")?,
                    outcome: text(row, "outcome")?,
                    error: row.get("error")?,
                },
            })
        })
    }

    /// The line that replaced one: it was planned in the same moment.
    fn replaced_by(&self, line: i64, reason: &Reason, at: Timestamp) -> Result<Option<String>, StoreError> {
        let Reason::Superseded { kind } = reason else { return Ok(None) };
        self.value(REPLACED_BY, named_params! { ":line": line, ":at": Millis(at), ":kind": kind.as_str() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::scratch(&folder.path().join("microalign.db")).await.unwrap();
        let plans = store.read(|tx| {
            let mut plans = Vec::new();
            for sql in [EVENTS, TITLES, STATES, ATTEMPTS, REPLACED_BY] {
                let sql =
                    [":id", ":line", ":at", ":kind"].iter().fold(sql.to_owned(), |sql, name| sql.replace(name, "1"));
                let sql = format!("EXPLAIN QUERY PLAN {sql}");
                plans.extend(tx.rows(&sql, [], |row| row.get::<_, String>("detail"))?);
            }
            Ok(plans)
        });
        let plans = plans.await.unwrap();
        assert!(plans.iter().all(|step| !step.starts_with("SCAN")), "{plans:#?}");
    }
}
