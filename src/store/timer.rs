//! What waits for nothing to happen: silences.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt, from_json, to_json};
use crate::plan::{Silence, Timer};
use crate::reason::Reason;
use crate::track::{Known, thread};

/// A timer that has run out.
#[derive(Debug, Clone)]
pub struct RunOut {
    /// The timer
    pub timer: Timer,
    /// What is known of its subject; `None` if this version cannot read it
    pub known: Option<Known>,
    /// What is known of its ticket, if that is not the subject itself
    pub ticket: Option<Known>,
    /// When another team was last told of anything in the conversation
    pub said: Option<Timestamp>,
    /// The last delivery in which something happened
    pub delivery: i64,
}

/// What follows from a timer that ran out, as the ledger has it.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The timer
    pub run_out: RunOut,
    /// What follows
    pub silence: Silence,
    /// Why, if the ledger gets a line
    pub reason: Option<Reason>,
}

impl Store {
    /// Timers that have run out, at most 64; none while there are deliveries that came late and may yet break the silence.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn run_out(&self, now: Timestamp) -> Result<Vec<RunOut>, StoreError> {
        let rows = sqlx::query(
            "SELECT t.subject, t.team, t.rule, t.kind, t.due_at, t.delivery_id, s.state, tk.state AS ticket,
                    (SELECT max(told_at) FROM ledger l
                     WHERE l.thread = s.thread AND l.told_at IS NOT NULL AND l.team <> t.team) AS said
             FROM timer t JOIN subject s ON s.key = t.subject
             LEFT JOIN subject tk ON tk.key = s.thread AND tk.key <> s.key
             WHERE t.due_at <= $1 AND NOT EXISTS (SELECT 1 FROM recovered WHERE NOT parked) ORDER BY t.due_at LIMIT 64",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(run_out).collect()
    }

    /// Writes what follows from timers that ran out.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn follow(&self, followed: Vec<Followed>, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn| Box::pin(write_follow(conn, followed, now))).await
    }
}

async fn write_follow(conn: &mut SqliteConnection, followed: Vec<Followed>, now: Timestamp) -> Result<(), StoreError> {
    for Followed { run_out: RunOut { timer, delivery, .. }, silence, reason } in &followed {
        if let Silence::Until(then) = silence {
            sqlx::query("UPDATE timer SET due_at = $5 WHERE (subject, team, rule, kind) = ($1, $2, $3, $4)")
                .bind(&timer.subject)
                .bind(&timer.team)
                .bind(&timer.rule)
                .bind(timer.kind.as_str())
                .bind(then.as_millisecond())
                .execute(&mut *conn)
                .await?;
            continue;
        }
        sqlx::query("DELETE FROM timer WHERE (subject, team, rule, kind) = ($1, $2, $3, $4)")
            .bind(&timer.subject)
            .bind(&timer.team)
            .bind(&timer.rule)
            .bind(timer.kind.as_str())
            .execute(&mut *conn)
            .await?;
        let (event, due, digest) = match silence {
            Silence::Told { event, wait, digest } => (event, Some(wait.until), *digest),
            Silence::Suppressed(event, _) => (event, None, false),
            Silence::Until(_) | Silence::Over => continue,
        };
        let state = if due.is_some() { "held" } else { "suppressed" };
        let line = json!({ "delivery": delivery, "event": to_json(event)?, "source": event.source, "kind": timer.kind,
                           "subject": event.subject, "thread": thread(&event.subject, &event.tickets),
                           "team": timer.team, "rule": timer.rule, "state": state, "reason": reason,
                           "at": now.as_millisecond(), "due": due.map(Timestamp::as_millisecond), "digest": digest,
                           "actor": event.doer().filter(|_| due.is_some()) });
        write_line(conn, &line).await?;
    }
    Ok(())
}

/// The silence is a further event of the last delivery in which something happened.
async fn write_line(conn: &mut SqliteConnection, line: &Value) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO event (delivery_id, body) VALUES ($1 ->> 'delivery', $1 ->> 'event');

         INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                             due_at, digest, actor)
         SELECT $1 ->> 'delivery',
                (SELECT coalesce(max(line), 0) + 1 FROM ledger WHERE delivery_id = $1 ->> 'delivery'),
                last_insert_rowid(), $1 ->> 'source', $1 ->> 'kind', $1 ->> 'subject', $1 ->> 'thread', $1 ->> 'team',
                $1 ->> 'rule', $1 ->> 'state', $1 ->> 'reason', $1 ->> 'at', $1 ->> 'due', $1 ->> 'digest',
                $1 ->> 'actor'",
    )
    .bind(to_json(line)?)
    .execute(conn)
    .await?;
    Ok(())
}

fn run_out(row: &SqliteRow) -> Result<RunOut, StoreError> {
    let kind: &str = row.try_get("kind")?;
    let said: Option<i64> = row.try_get("said")?;
    let time = |at: i64| Timestamp::from_millisecond(at).map_err(|e| corrupt("a time", &e));
    Ok(RunOut {
        timer: Timer {
            subject: row.try_get("subject")?,
            team: row.try_get("team")?,
            rule: row.try_get("rule")?,
            kind: kind.parse().map_err(|e| corrupt("an event's kind", &e))?,
            due: time(row.try_get("due_at")?)?,
        },
        known: read(row, "state")?,
        ticket: read(row, "ticket")?,
        said: said.map(time).transpose()?,
        delivery: row.try_get("delivery_id")?,
    })
}

/// What this version cannot read must not hold up what is due beside it.
fn read<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    Ok(text.and_then(|text| {
        from_json(text).inspect_err(|error| tracing::error!(%error, column, "our fault: it is left out")).ok()
    }))
}
