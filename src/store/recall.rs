//! Messages that wait to be sent, and tell what was taken back meanwhile.

use jiff::Timestamp;
use serde_json::json;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, to_json};
use crate::plan::LineId;
use crate::reason::{Code, Reason};

impl Store {
    /// Takes back the messages that tell these lines. What no place can have got yet is written anew from what then still
    /// stands; what some place has, or may have, does not go to the others: that fails with `error`.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn recall(&self, lines: &[LineId], error: &str, now: Timestamp) -> Result<(), StoreError> {
        let lines = to_json(&lines.iter().map(|id| json!([id.delivery, id.line])).collect::<Vec<_>>())?;
        let error = error.to_owned();
        self.write(move |conn| Box::pin(async move { recall(conn, &lines, &error, now).await })).await
    }
}

/// Takes back the messages that tell the lines of a list in JSON, each `[delivery, line, …]`.
///
/// As long as no place can have got the message, all that it tells waits again, and is due: it is written anew from what
/// then still stands. Where some place has it, or may have, the other places don't get it: their sends fail with `error`.
pub(super) async fn recall(
    conn: &mut SqliteConnection,
    lines: &str,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT q.ledger_id, EXISTS (
             SELECT 1 FROM send o WHERE o.ledger_id = q.ledger_id
               AND (o.state IN ('sent', 'sending') OR (o.attempts > 0 AND o.doubtful)))
         FROM json_each($1)
         CROSS JOIN ledger l ON l.delivery_id = value ->> 0 AND l.line = value ->> 1
         CROSS JOIN send q ON q.ledger_id = coalesce(l.lead_id, l.id) AND q.state = 'queued'
         GROUP BY q.ledger_id",
    )
    .bind(lines)
    .fetch_all(&mut *conn)
    .await?;
    let (mut here, mut out) = (Vec::<i64>::new(), Vec::<i64>::new());
    for row in &rows {
        if row.try_get(1)? { &mut out } else { &mut here }.push(row.try_get(0)?);
    }
    if rows.is_empty() {
        return Ok(());
    }
    // What was left out since it is muted somewhere is decided anew, too.
    sqlx::query(
        "DELETE FROM send WHERE ledger_id IN (SELECT value FROM json_each($1));

         UPDATE ledger SET message = NULL, lead_id = NULL, told_at = NULL, object_at = NULL,
                due_at = iif(state = 'held', $4, NULL),
                reason = iif(state = 'held', $5, reason)
         WHERE id IN (SELECT value FROM json_each($1)) OR lead_id IN (SELECT value FROM json_each($1));

         UPDATE send SET state = 'failed', error = $3
         WHERE ledger_id IN (SELECT value FROM json_each($2)) AND state = 'queued';

         UPDATE ledger SET state = 'failed',
                reason = json_object('code', $6, 'failed', json((
                    SELECT json_group_array(json_object('destination', destination, 'error', error)) FROM send
                    WHERE ledger_id = coalesce(ledger.lead_id, ledger.id) AND state = 'failed')))
         WHERE (id IN (SELECT value FROM json_each($2)) OR lead_id IN (SELECT value FROM json_each($2)))
           AND state = 'held'
           AND NOT EXISTS (SELECT 1 FROM send WHERE ledger_id = coalesce(ledger.lead_id, ledger.id) AND state = 'sending')",
    )
    .bind(to_json(&here)?)
    .bind(to_json(&out)?)
    .bind(error)
    .bind(now.as_millisecond())
    .bind(to_json(&Reason::WrittenAnew)?)
    .bind(Code::Undelivered.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
