//! What the planner reads and writes: subjects, milestones told, and the ledger's lines.
//!
//! Each call to the database is handed to its thread and back, which costs more than most statements: what belongs
//! together is one call, and lists go in as JSON.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Queued, Store, StoreError, corrupt, from_json, to_json};
use crate::destination::Destination;
use crate::event::{About, Event, EventKind, Source, TicketKey};
use crate::plan::{Fired, Held};
use crate::template::Message;
use crate::track::Known;

/// A transaction of the planner: it sees its own writes, and all of it commits together.
pub struct Tx<'c>(&'c mut SqliteConnection);

/// What is known before an event.
#[derive(Debug, Clone)]
pub struct Before {
    /// The delivery that told of the same occurrence, if any: the sender's id for it
    pub told: Option<String>,
    /// What is known of its subject
    pub known: Option<Known>,
    /// The milestones of its subject that rules have told
    pub fired: Fired,
    /// The updates of its subject that still wait
    pub held: Vec<Held>,
}

/// A new line of the ledger.
#[derive(Debug, Clone)]
pub struct Line {
    /// The team and rule it is for; `None` where no rule was reached
    pub rule: Option<(String, String)>,
    /// What it tells
    pub kind: EventKind,
    /// What becomes of it
    pub state: LineState,
    /// Why
    pub reason: String,
}

/// The states that a line can begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// It waits until then
    Held(Timestamp),
    /// It is not sent
    Suppressed,
}

/// An event with the lines that it leads to.
#[derive(Debug, Clone)]
pub struct PlannedEvent {
    /// The event, as tracked
    pub event: Event,
    /// Its conversation
    pub thread: String,
    /// What is known of the subject from now on
    pub known: Known,
    /// Its lines
    pub lines: Vec<Line>,
    /// Waiting lines that it replaces, with the reason
    pub superseded: Vec<(i64, String)>,
}

/// An update whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// The line's id
    pub id: i64,
    /// The event it was planned from
    pub event: Event,
    /// What it tells
    pub kind: EventKind,
    /// Its team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// Its conversation
    pub thread: String,
    /// What is known of its subject
    pub known: Option<Known>,
    /// What is known of its ticket, if that is not the subject itself
    pub ticket: Option<Known>,
}

impl Store {
    /// Runs one transaction of the planner in the next group commit.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written then.
    pub async fn transact<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.write(move |conn| work(Tx(conn))).await
    }

    /// Updates whose time has come, oldest first, at most 64.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn due(&self, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.id, l.kind, l.team, l.rule, l.thread, e.body, s.state AS known, t.state AS ticket
             FROM ledger l JOIN event e ON e.id = l.event_id
             LEFT JOIN subject s ON s.key = l.subject
             LEFT JOIN subject t ON t.key = l.thread AND l.thread <> l.subject
             WHERE l.due_at <= $1 ORDER BY l.due_at, l.id LIMIT 64",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(due).collect()
    }

    /// When the next update is due, if any waits.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT min(due_at) FROM ledger WHERE due_at IS NOT NULL").fetch_one(&self.read).await?;
        let next: Option<i64> = row.try_get(0)?;
        next.map(Timestamp::from_millisecond).transpose().map_err(|e| corrupt("a due time", &e))
    }
}

impl Tx<'_> {
    /// What the planner must know before an event.
    ///
    /// # Errors
    /// [`StoreError`], here and below
    pub async fn before(&mut self, event: &Event) -> Result<Before, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT d.delivery_key FROM event e JOIN delivery d ON d.id = e.delivery_id WHERE e.once = $2) AS told,
                    (SELECT state FROM subject WHERE key = $1) AS known,
                    (SELECT json_group_array(json_array(team, rule, kind)) FROM fired WHERE subject = $1) AS fired,
                    (SELECT json_group_array(json_object('id', id, 'team', team, 'rule', rule, 'kind', kind))
                     FROM ledger WHERE subject = $1 AND due_at IS NOT NULL) AS held",
        )
        .bind(&event.subject)
        .bind(&event.once)
        .fetch_one(&mut *self.0)
        .await?;
        let known: Option<&str> = row.try_get("known")?;
        Ok(Before {
            told: row.try_get("told")?,
            known: known.map(from_json).transpose()?,
            fired: from_json(row.try_get("fired")?)?,
            held: from_json(row.try_get("held")?)?,
        })
    }

    /// The key of a ticket that an event names by Jira's numeric id.
    pub async fn ticket_key(&mut self, id: &str) -> Result<Option<TicketKey>, StoreError> {
        let row = sqlx::query("SELECT key FROM ticket_id WHERE id = $1").bind(id).fetch_optional(&mut *self.0).await?;
        row.map(|row| {
            let key: &str = row.try_get(0)?;
            key.parse().map_err(|e| corrupt("a ticket key", &e))
        })
        .transpose()
    }

    /// Notes that nothing can be done with a delivery, and why.
    pub async fn ignore(&mut self, delivery: &Queued, reason: &str) -> Result<(), StoreError> {
        let name = (!delivery.name.is_empty()).then(|| delivery.name.clone());
        let at = Timestamp::now().as_millisecond();
        ignore(self.0, (delivery.id, delivery.source, name, at), reason).await
    }

    /// Begins a part of the transaction that can be undone alone.
    pub async fn save(&mut self) -> Result<(), StoreError> {
        self.execute("SAVEPOINT part").await
    }

    /// Keeps the part that [`Self::save`] began.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        self.execute("RELEASE part").await
    }

    /// Undoes the part that [`Self::save`] began.
    pub async fn undo(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK TO part").await?;
        self.execute("RELEASE part").await
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Writes an event with its lines and what is known from now on, and marks its delivery as worked on; `first` is the
    /// number of the delivery's next line. Returns the number after it.
    pub async fn plan(&mut self, delivery: i64, first: i64, planned: &PlannedEvent) -> Result<i64, StoreError> {
        let event = &planned.event;
        // An occurrence that was told before keeps its name with the delivery that told it.
        sqlx::query(
            "INSERT INTO event (delivery_id, once, body)
             VALUES ($1, CASE WHEN EXISTS (SELECT 1 FROM event WHERE once = $2) THEN NULL ELSE $2 END, $3);

             INSERT INTO ledger (delivery_id, line, event_id, source, subject, thread, at,
                                 kind, team, rule, state, reason, due_at)
             SELECT $1, $4 + key, (SELECT max(id) FROM event WHERE delivery_id = $1), $5, $6, $7, $8,
                    value ->> 'kind', value ->> 'team', value ->> 'rule', value ->> 'state', value ->> 'reason',
                    value ->> 'due'
             FROM json_each($9);

             INSERT INTO fired (subject, team, rule, kind)
             SELECT $6, value ->> 'team', value ->> 'rule', value ->> 'kind' FROM json_each($9)
             WHERE value ->> 'fires' ON CONFLICT DO NOTHING;

             UPDATE ledger SET state = 'superseded', reason = value ->> 1, due_at = NULL
             FROM json_each($10) WHERE ledger.id = value ->> 0;

             INSERT INTO subject (key, state) VALUES ($6, $11) ON CONFLICT (key) DO UPDATE SET state = excluded.state;

             UPDATE delivery SET waits = 0 WHERE id = $1",
        )
        .bind(delivery)
        .bind(&event.once)
        .bind(to_json(event)?)
        .bind(first)
        .bind(event.source.as_str())
        .bind(&event.subject)
        .bind(&planned.thread)
        .bind(Timestamp::now().as_millisecond())
        .bind(to_json(&planned.lines.iter().map(row).collect::<Vec<_>>())?)
        .bind(to_json(&planned.superseded)?)
        .bind(to_json(&planned.known)?)
        .execute(&mut *self.0)
        .await?;
        self.name_ticket(&planned.known).await?;
        Ok(first + i64::try_from(planned.lines.len()).unwrap_or_default())
    }

    async fn name_ticket(&mut self, known: &Known) -> Result<(), StoreError> {
        if let About::Ticket(ticket) = &known.about
            && let Some(id) = ticket.id.as_deref().filter(|id| *id != ticket.key)
        {
            sqlx::query(
                "INSERT INTO ticket_id (id, key) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET key = excluded.key",
            )
            .bind(id)
            .bind(&ticket.key)
            .execute(&mut *self.0)
            .await?;
        }
        Ok(())
    }

    /// Ends an update with a reason. `false` when it does not wait any more.
    pub async fn end(&mut self, id: i64, state: &str, reason: &str) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE ledger SET state = $2, reason = $3, due_at = NULL WHERE id = $1 AND due_at IS NOT NULL",
        )
        .bind(id)
        .bind(state)
        .bind(reason)
        .execute(&mut *self.0)
        .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Suppresses an update whose time came: a milestone that was not told may be told another time.
    pub async fn suppress(&mut self, due: &Due, reason: &str) -> Result<(), StoreError> {
        if !self.end(due.id, "suppressed", reason).await? {
            return Ok(());
        }
        sqlx::query("DELETE FROM fired WHERE subject = $1 AND team = $2 AND rule = $3 AND kind = $4")
            .bind(&due.event.subject)
            .bind(&due.team)
            .bind(&due.rule)
            .bind(due.kind.as_str())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Queues rendered updates to their destinations, those that still wait.
    pub async fn queue(&mut self, rendered: &[(Due, Message, Vec<Destination>)]) -> Result<(), StoreError> {
        let rows = rendered
            .iter()
            .map(|(due, message, to)| Ok(json!({ "id": due.id, "message": to_json(message)?, "to": to })));
        let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        sqlx::query(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             SELECT ledger.id, destination.value, ledger.thread, 'queued', $2, $2
             FROM json_each($1) AS line JOIN ledger ON ledger.id = line.value ->> 'id' AND ledger.due_at IS NOT NULL,
                  json_each(line.value, '$.to') AS destination;

             UPDATE ledger SET message = value ->> 'message', reason = 'it is being sent', due_at = NULL
             FROM json_each($1) WHERE ledger.id = value ->> 'id' AND ledger.due_at IS NOT NULL",
        )
        .bind(to_json(&rows)?)
        .bind(Timestamp::now().as_millisecond())
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }
}

/// A new line as the statement reads it.
fn row(line: &Line) -> serde_json::Value {
    let (state, due) = match line.state {
        LineState::Held(due) => ("held", Some(due.as_millisecond())),
        LineState::Suppressed => ("suppressed", None),
    };
    let (team, rule) = line.rule.as_ref().map(|(team, rule)| (team, rule)).unzip();
    json!({ "kind": line.kind, "team": team, "rule": rule, "state": state, "reason": line.reason, "due": due,
            "fires": due.is_some() && line.kind.is_milestone() })
}

/// Writes the single line of a delivery that nothing can be done with, and marks it as done.
pub(super) async fn ignore(
    conn: &mut SqliteConnection,
    (id, source, name, at): (i64, Source, Option<String>, i64),
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ledger (delivery_id, line, source, kind, state, reason, at)
         VALUES ($1, 1, $2, $3, 'ignored', $4, $5);

         UPDATE delivery SET waits = 0 WHERE id = $1",
    )
    .bind(id)
    .bind(source.as_str())
    .bind(name)
    .bind(reason)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

fn kind(text: &str) -> Result<EventKind, StoreError> {
    text.parse().map_err(|e| corrupt("an event's kind", &e))
}

fn due(row: &SqliteRow) -> Result<Due, StoreError> {
    let known: Option<&str> = row.try_get("known")?;
    let ticket: Option<&str> = row.try_get("ticket")?;
    Ok(Due {
        id: row.try_get("id")?,
        event: from_json(row.try_get("body")?)?,
        kind: kind(row.try_get("kind")?)?,
        team: row.try_get("team")?,
        rule: row.try_get("rule")?,
        thread: row.try_get("thread")?,
        known: known.map(from_json).transpose()?,
        ticket: ticket.map(from_json).transpose()?,
    })
}
