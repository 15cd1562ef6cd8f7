//! What a replay reads: the deliveries of a span of time, and what was said in it.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use sqlx::Row;

use super::ledger::state;
use super::{EntryState, Store, StoreError, corrupt};
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
    /// The numbers of the deliveries that came in a span of time, as they came.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn received(&self, span: &RangeInclusive<Timestamp>) -> Result<Vec<i64>, StoreError> {
        let rows = sqlx::query("SELECT id FROM delivery WHERE received_at BETWEEN $1 AND $2 ORDER BY received_at, id")
            .bind(span.start().as_millisecond())
            .bind(span.end().as_millisecond())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The messages that were made in a span of time, by the rule.
    ///
    /// # Errors
    /// As above
    pub async fn messages(&self, span: &RangeInclusive<Timestamp>) -> Result<Vec<Messages>, StoreError> {
        let rows = sqlx::query(
            "SELECT team, rule, count(*) AS count FROM ledger
             WHERE told_at BETWEEN $1 AND $2 AND lead_id IS NULL AND team IS NOT NULL GROUP BY team, rule",
        )
        .bind(span.start().as_millisecond())
        .bind(span.end().as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                let count: i64 = row.try_get("count")?;
                Ok(Messages { team: row.try_get("team")?, rule: row.try_get("rule")?, count: count.unsigned_abs() })
            })
            .collect()
    }

    /// The updates that are in no message, by rule, state and the reason's code.
    ///
    /// # Errors
    /// As above
    pub async fn untold(&self) -> Result<Vec<Untold>, StoreError> {
        let rows = sqlx::query(
            "SELECT team, rule, state, reason_code, count(*) AS count FROM ledger
             WHERE told_at IS NULL AND team IS NOT NULL GROUP BY team, rule, state, reason_code",
        )
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                let count: i64 = row.try_get("count")?;
                let code: &str = row.try_get("reason_code")?;
                Ok(Untold {
                    team: row.try_get("team")?,
                    rule: row.try_get("rule")?,
                    state: state(row.try_get("state")?)?,
                    code: code.parse().map_err(|e| corrupt("a reason's code", &e))?,
                    count: count.unsigned_abs(),
                })
            })
            .collect()
    }
}
