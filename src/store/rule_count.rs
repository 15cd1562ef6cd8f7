//! How often each rule led to what, for the console. It reads a part of the ledger at a time, by the index on its time.

use std::ops::Range;

use jiff::Timestamp;

use super::row::{Millis, named_params, text};
use super::{EntryState, Store, StoreError};
use crate::reason::Code;

/// Lines of a rule that ended, or wait, alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCount {
    /// The team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// What became of them
    pub state: EntryState,
    /// Why
    pub code: Code,
    /// So many
    pub count: u64,
}

/// The lines of a span of time, by rule, state and the reason's code.
pub(super) const BY_RULE: &str = "
    SELECT team, rule, state, reason_code, count(*) AS count FROM ledger INDEXED BY ledger_at
    WHERE at >= :from AND at < :until AND team IS NOT NULL GROUP BY team, rule, state, reason_code";

impl Store {
    /// Counts the lines that were planned in a span of time.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn count_by_rule(&self, span: Range<Timestamp>) -> Result<Vec<RuleCount>, StoreError> {
        self.read(move |tx| {
            let span = named_params! { ":from": Millis(span.start), ":until": Millis(span.end) };
            tx.rows(BY_RULE, span, |row| {
                let count: i64 = row.get("count")?;
                Ok(RuleCount {
                    team: row.get("team")?,
                    rule: row.get("rule")?,
                    state: text(row, "state")?,
                    code: text(row, "reason_code")?,
                    count: count.unsigned_abs(),
                })
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::tests::{change_by, scratch, with_file};
    use super::*;

    #[tokio::test]
    async fn a_span_is_counted_by_its_index() {
        let (_place, store) = scratch().await;
        let rows = "
            INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd', 'push', 0, 0, x'');
            INSERT INTO ledger (delivery_id, line, source, team, rule, state, reason, at) VALUES
                (1, 1, 'github', 'web', 'all', 'sent', '{\"code\": \"sent\"}', 1000),
                (1, 2, 'github', 'web', 'all', 'suppressed', '{\"code\": \"own_doing\"}', 1999),
                (1, 3, 'github', 'web', 'all', 'suppressed', '{\"code\": \"own_doing\"}', 1500),
                (1, 4, 'github', 'web', 'all', 'suppressed', '{\"code\": \"own_doing\"}', 2000),
                (1, 5, 'github', NULL, NULL, 'ignored', '{\"code\": \"own_doing\"}', 1500)";
        change_by(&store, rows.split(';').map(str::to_owned).collect()).await;
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let tallies = store.count_by_rule(at(1000)..at(2000)).await.unwrap();
        let counts = tallies.iter().map(|tally| (tally.rule.as_str(), tally.state, tally.count)).collect::<Vec<_>>();
        assert_eq!(counts, [("all", EntryState::Sent, 1), ("all", EntryState::Suppressed, 2)]);
        let (_file, store) = with_file().await;
        let sql = format!("EXPLAIN QUERY PLAN {BY_RULE}").replace(":from", "0").replace(":until", "1");
        let plan = store.read(move |tx| tx.rows(&sql, [], |row| row.get::<_, String>("detail"))).await.unwrap();
        assert!(plan.iter().any(|step| step.contains("SEARCH ledger USING INDEX ledger_at")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:?}");
    }
}
