//! What is taken back of what waits, and of messages that were made and not sent yet.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};

use super::{PlannedEvent, StoreError, recall, to_json};
use crate::plan::{Made, Recall};

/// What a plan takes back.
#[derive(Debug, Default)]
pub(super) struct Undone {
    /// Waiting lines that wait on: delivery, line, until when
    extended: Vec<Value>,
    recalled: Vec<Recall>,
    /// Occurrences and the words that stand in their events from now on
    reworded: Vec<Value>,
}

impl Undone {
    /// Adds what an event takes back.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]
    pub(super) fn add(&mut self, planned: &PlannedEvent) -> Result<(), StoreError> {
        let extended = planned.extended.iter();
        self.extended.extend(extended.map(|(id, until)| json!([id.delivery, id.line, until.as_millisecond()])));
        self.recalled.extend(planned.recalled.iter().cloned());
        for (once, words) in &planned.reworded {
            self.reworded.push(json!([once, words.as_ref().map(to_json).transpose()?]));
        }
        Ok(())
    }
}

/// Writes what a plan takes back.
pub(super) async fn write(conn: &mut SqliteConnection, undone: &Undone, now: Timestamp) -> Result<(), StoreError> {
    if !undone.extended.is_empty() {
        sqlx::query(
            "UPDATE ledger SET due_at = max(due_at, value ->> 2) FROM json_each($1)
             WHERE ledger.delivery_id = value ->> 0 AND ledger.line = value ->> 1 AND due_at IS NOT NULL",
        )
        .bind(to_json(&undone.extended)?)
        .execute(&mut *conn)
        .await?;
    }
    if !undone.reworded.is_empty() {
        sqlx::query(
            "UPDATE event SET body = iif(value ->> 1 IS NULL, json_remove(body, '$.comment'),
                                         json_set(body, '$.comment', json(value ->> 1)))
             FROM json_each($1) WHERE event.once = value ->> 0",
        )
        .bind(to_json(&undone.reworded)?)
        .execute(&mut *conn)
        .await?;
    }
    for made in &undone.recalled {
        take_back(conn, made, now).await?;
    }
    Ok(())
}

/// What a message that is partly sent says where it is not sent any more.
const PARTLY: &str = "it was taken back before it was sent here";

async fn take_back(conn: &mut SqliteConnection, taken: &Recall, now: Timestamp) -> Result<(), StoreError> {
    let (lines, name) = match &taken.made {
        // What was edited has the time of that at the end of its name.
        Made::Occurrence(once) => (
            "SELECT l.id, l.delivery_id, l.line FROM event e CROSS JOIN ledger l ON l.delivery_id = e.delivery_id AND l.event_id = e.id
             WHERE (e.once = $1 OR e.once > $1 || '@' AND e.once < $1 || 'A') AND (l.told_at IS NOT NULL OR l.due_at IS NOT NULL)",
            once,
        ),
        Made::Subject(subject) => (
            "SELECT id, delivery_id, line FROM ledger WHERE subject = $1 AND told_at IS NOT NULL AND state = 'held'
             UNION SELECT id, delivery_id, line FROM ledger
             WHERE subject = $1 AND due_at IS NOT NULL AND kind <> 'ticket.deleted'",
            subject,
        ),
        Made::Thread(thread) => {
            ("SELECT id, delivery_id, line FROM ledger WHERE thread = $1 AND told_at IS NOT NULL AND state = 'held'", thread)
        }
        Made::Repository(name) => (
            "SELECT l.id, l.delivery_id, l.line FROM send s CROSS JOIN ledger l ON l.id = s.ledger_id
             WHERE s.state = 'queued' AND substr(l.subject, 1, length($1)) = $1
               AND substr(l.subject, length($1) + 1, 1) IN ('#', ':', '@')",
            name,
        ),
    };
    let rows = sqlx::query(lines).bind(name).fetch_all(&mut *conn).await?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    if ids.is_empty() {
        return Ok(());
    }
    let lines = rows.iter().map(|row| Ok(json!([row.try_get::<i64, _>(1)?, row.try_get::<i64, _>(2)?])));
    let lines = to_json(&lines.collect::<Result<Vec<_>, sqlx::Error>>()?)?;
    recall::recall(&mut *conn, &lines, PARTLY, now).await?;
    let ids = to_json(&ids)?;
    if let Some(reason) = &taken.withdrawn {
        sqlx::query(
            "UPDATE ledger SET state = 'suppressed', reason = $2, due_at = NULL
             WHERE due_at IS NOT NULL AND id IN (SELECT value FROM json_each($1));

             DELETE FROM fired WHERE (subject, team, rule, kind) IN (
                 SELECT l.subject, l.team, l.rule, l.kind FROM json_each($1) CROSS JOIN ledger l ON l.id = value
                 WHERE l.state = 'suppressed')",
        )
        .bind(&ids)
        .bind(to_json(reason)?)
        .execute(conn)
        .await?;
    }
    Ok(())
}
