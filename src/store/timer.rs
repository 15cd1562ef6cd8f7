//! Timers for silences, which run out when nothing happens, and for due dates.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::due::ticket;
use super::plan::{Line, rule_id};
use super::row::{Json, Millis, Row, Text, named_params, text, time, time_or_none};
use super::{StoreError, Tx};
use crate::event::Ticket;
use crate::plan::{Elapsed, Timer};
use crate::track::Known;

/// A timer that has run out.
#[derive(Debug, Clone)]
pub struct RunOut {
    /// The timer
    pub timer: Timer,
    /// What is known of its subject; `None` if this version cannot read it
    pub known: Option<Known>,
    /// What is known of its ticket, if that is not the subject itself
    pub ticket: Option<Ticket>,
    /// When another team was last told of anything in the conversation
    pub said: Option<Timestamp>,
    /// The last delivery in which something happened
    pub delivery: i64,
}

impl Tx<'_> {
    /// Timers that have run out, at most 64; none while there are deliveries that came late and may yet break the silence.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn run_out(&self, now: Timestamp) -> Result<Vec<RunOut>, StoreError> {
        let rows = self.rows(
            "SELECT t.subject, t.team, t.rule, t.kind, t.due_at, t.delivery_id, s.state AS known, tk.state AS ticket, tk.key AS ticket_key,
                    (SELECT max(told_at) FROM ledger l
                     WHERE l.thread = s.thread AND l.told_at IS NOT NULL AND l.team <> t.team) AS said
             FROM timer t JOIN subject s ON s.key = t.subject
             LEFT JOIN subject tk ON tk.key = s.thread AND tk.key <> s.key
             WHERE t.due_at <= :now AND NOT EXISTS (SELECT 1 FROM recovered WHERE parked = 0) ORDER BY t.due_at LIMIT 64",
            named_params! { ":now": Millis(now) },
            |row| Ok((row.get::<_, String>("subject")?, row.get::<_, String>("kind")?, run_out(row))),
        )?;
        let mut readable = Vec::new();
        for (subject, kind, run_out) in rows {
            match run_out {
                Ok(run_out) => readable.push(run_out),
                Err(StoreError::Corrupt(error)) => {
                    tracing::error!(subject, error, "our fault: this timer can't be read; it is deleted");
                    self.put(
                        "DELETE FROM timer WHERE subject = :subject AND kind = :kind",
                        named_params! { ":subject": subject, ":kind": kind },
                    )?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(readable)
    }

    /// Writes what follows from a timer that ran out. It is a further event of the last delivery in which something
    /// happened.
    ///
    /// # Errors
    /// As above
    pub fn follow(&self, run_out: &RunOut, elapsed: &Elapsed, now: Timestamp) -> Result<(), StoreError> {
        let Timer { subject, rule, kind, .. } = &run_out.timer;
        let (event, fate) = match elapsed {
            Elapsed::Until(then) => {
                self.put(
                    "UPDATE timer SET due_at = :due WHERE subject = :subject AND team = :team AND rule = :rule AND kind = :kind",
                    named_params! { ":due": Millis(*then), ":subject": subject, ":team": rule.team, ":rule": rule.name,
                                    ":kind": Text(kind) },
                )?;
                return Ok(());
            }
            Elapsed::Told { event, fate } => (Some(event), Some(fate)),
            Elapsed::Over => (None, None),
        };
        self.put(
            "DELETE FROM timer WHERE subject = :subject AND team = :team AND rule = :rule AND kind = :kind",
            named_params! { ":subject": subject, ":team": rule.team, ":rule": rule.name, ":kind": Text(kind) },
        )?;
        let (Some(event), Some(fate)) = (event, fate) else { return Ok(()) };
        let id = self.insert_event(run_out.delivery, event)?;
        let line = Line { delivery: run_out.delivery, event: id, told: event, rule: Some(rule), kind: kind.as_str() };
        self.insert_line(&line, fate, now)
    }
}

fn run_out(row: &Row<'_>) -> Result<RunOut, StoreError> {
    Ok(RunOut {
        timer: Timer {
            subject: row.get("subject")?,
            rule: rule_id(row)?,
            kind: text(row, "kind")?,
            due: time(row, "due_at")?,
        },
        known: readable(row, "known")?,
        ticket: ticket(readable(row, "ticket")?, row)?,
        said: time_or_none(row, "said")?,
        delivery: row.get("delivery_id")?,
    })
}

/// What this version cannot read must not hold up what is due beside it.
fn readable<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError> {
    match row.get::<_, Option<Json<T>>>(column) {
        Ok(read) => Ok(read.map(|json| json.0)),
        Err(StoreError::Corrupt(error)) => {
            tracing::error!(error, column, "our fault: it is left out");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
