//! What a rehearsal reads: the deliveries in a span of time, and the messages that were sent in it.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::answer::event;
use super::row::{Millis, named_params, text};
use super::{EntryState, Store, StoreError};
use crate::event::Event;
use crate::reason::Code;

/// How many messages a rule led to. What is told together counts once, for the rule of its first update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// The team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// So many
    pub count: u64,
}

/// Updates of a rule that are in no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// What they are instead
    pub state: EntryState,
    /// Why
    pub code: Code,
    /// So many
    pub count: u64,
}

impl Store {
    /// The numbers of the deliveries that came in a span of time and still have their body, as they came.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn received(&self, span: &RangeInclusive<Timestamp>) -> Result<Vec<i64>, StoreError> {
        let (from, until) = (*span.start(), *span.end());
        self.read(move |tx| {
            tx.rows(
                "SELECT id FROM delivery WHERE received_at BETWEEN :from AND :until AND length(body) > 0
                 ORDER BY received_at, id",
                named_params! { ":from": Millis(from), ":until": Millis(until) },
                |row| row.get("id"),
            )
        })
        .await
    }

    /// How many deliveries of a span of time have no body any more.
    ///
    /// # Errors
    /// As above
    pub async fn bodiless(&self, span: &RangeInclusive<Timestamp>) -> Result<u64, StoreError> {
        let (from, until) = (*span.start(), *span.end());
        self.read(move |tx| {
            let count = tx.value::<i64>(
                "SELECT count(*) FROM delivery WHERE received_at BETWEEN :from AND :until AND length(body) = 0",
                named_params! { ":from": Millis(from), ":until": Millis(until) },
            )?;
            Ok(count.unwrap_or_default().unsigned_abs())
        })
        .await
    }

    /// The events of a delivery as they were planned, with what was asked of GitHub and Jira for them then.
    ///
    /// # Errors
    /// As above
    pub async fn events_of(&self, delivery: i64) -> Result<Vec<Event>, StoreError> {
        self.read(move |tx| {
            let events = tx.rows(
                "SELECT body FROM event WHERE delivery_id = :delivery ORDER BY id",
                named_params! { ":delivery": delivery },
                event,
            )?;
            Ok(events.into_iter().flatten().collect())
        })
        .await
    }

    /// The messages that were made in a span of time, by the rule.
    ///
    /// # Errors
    /// As above
    pub async fn messages(&self, span: &RangeInclusive<Timestamp>) -> Result<Vec<Messages>, StoreError> {
        let (from, until) = (*span.start(), *span.end());
        self.read(move |tx| {
            tx.rows(
                "SELECT team, rule, count(*) AS count FROM ledger
                 WHERE told_at BETWEEN :from AND :until AND lead_id IS NULL AND team IS NOT NULL AND kind <> 'summary'
                 GROUP BY team, rule",
                named_params! { ":from": Millis(from), ":until": Millis(until) },
                |row| {
                    let count: i64 = row.get("count")?;
                    Ok(Messages { team: row.get("team")?, rule: row.get("rule")?, count: count.unsigned_abs() })
                },
            )
        })
        .await
    }

    /// The updates that are in no message, by rule, state and the reason's code.
    ///
    /// # Errors
    /// As above
    pub async fn untold(&self) -> Result<Vec<Untold>, StoreError> {
        self.read(|tx| {
            tx.rows(
                "SELECT team, rule, state, reason_code, count(*) AS count FROM ledger
                 WHERE told_at IS NULL AND team IS NOT NULL GROUP BY team, rule, state, reason_code",
                [],
                |row| {
                    let count: i64 = row.get("count")?;
                    Ok(Untold {
                        team: row.get("team")?,
                        rule: row.get("rule")?,
                        state: text(row, "state")?,
                        code: text(row, "reason_code")?,
                        count: count.unsigned_abs(),
                    })
                },
            )
        })
        .await
    }
}
