//! What the planner reads and writes: subjects, milestones told, and the ledger's lines.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
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
    /// [`StoreError::Read`], [`StoreError::Corrupt`]
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
    /// [`StoreError::Read`], [`StoreError::Corrupt`]
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT min(due_at) FROM ledger WHERE due_at IS NOT NULL").fetch_one(&self.read).await?;
        let next: Option<i64> = row.try_get(0)?;
        next.map(Timestamp::from_millisecond).transpose().map_err(|e| corrupt("a due time", &e))
    }
}

impl Tx<'_> {
    /// What is known of a subject.
    ///
    /// # Errors
    /// [`StoreError`], here and below
    pub async fn known(&mut self, subject: &str) -> Result<Option<Known>, StoreError> {
        let row = sqlx::query("SELECT state FROM subject WHERE key = $1").bind(subject).fetch_optional(&mut *self.0);
        row.await?.map(|row| from_json(row.try_get(0)?)).transpose()
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

    /// The delivery that told of this occurrence before, if any: the sender's id for it.
    pub async fn told(&mut self, once: &str) -> Result<Option<String>, StoreError> {
        let row =
            sqlx::query("SELECT d.delivery_key FROM event e JOIN delivery d ON d.id = e.delivery_id WHERE e.once = $1")
                .bind(once)
                .fetch_optional(&mut *self.0)
                .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The milestones of a subject that rules have told.
    pub async fn fired(&mut self, subject: &str) -> Result<Fired, StoreError> {
        let rows = sqlx::query("SELECT team, rule, kind FROM fired WHERE subject = $1")
            .bind(subject)
            .fetch_all(&mut *self.0)
            .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, kind(row.try_get(2)?)?))).collect()
    }

    /// The updates of a subject that still wait.
    pub async fn held(&mut self, subject: &str) -> Result<Vec<Held>, StoreError> {
        let rows = sqlx::query("SELECT id, team, rule, kind FROM ledger WHERE subject = $1 AND due_at IS NOT NULL")
            .bind(subject)
            .fetch_all(&mut *self.0)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Held {
                    id: row.try_get(0)?,
                    team: row.try_get(1)?,
                    rule: row.try_get(2)?,
                    kind: kind(row.try_get(3)?)?,
                })
            })
            .collect()
    }

    /// Notes that nothing can be done with a delivery, and why.
    pub async fn ignore(&mut self, delivery: &Queued, reason: &str) -> Result<(), StoreError> {
        let name = (!delivery.name.is_empty()).then(|| delivery.name.clone());
        let at = Timestamp::now().as_millisecond();
        ignore(self.0, (delivery.id, delivery.source, name, at), reason).await
    }

    /// Begins a part of the transaction that can be undone alone.
    pub async fn save(&mut self) -> Result<(), StoreError> {
        self.execute("SAVEPOINT delivery").await
    }

    /// Keeps the part that [`Self::save`] began.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        self.execute("RELEASE delivery").await
    }

    /// Undoes the part that [`Self::save`] began.
    pub async fn undo(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK TO delivery").await?;
        self.execute("RELEASE delivery").await
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Writes an event and its lines; `first` is the number of the delivery's next line. Returns the number after it.
    pub async fn plan(&mut self, delivery: i64, first: i64, planned: &PlannedEvent) -> Result<i64, StoreError> {
        let event = &planned.event;
        let event_id = self.insert_event(delivery, event).await?;
        let now = Timestamp::now().as_millisecond();
        let mut number = first;
        for line in &planned.lines {
            let (state, due) = match line.state {
                LineState::Held(due) => ("held", Some(due.as_millisecond())),
                LineState::Suppressed => ("suppressed", None),
            };
            let (team, rule) = line.rule.as_ref().map(|(team, rule)| (team.as_str(), rule.as_str())).unzip();
            sqlx::query(
                "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state,
                                     reason, at, due_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(delivery)
            .bind(number)
            .bind(event_id)
            .bind(event.source.as_str())
            .bind(line.kind.as_str())
            .bind(&event.subject)
            .bind(&planned.thread)
            .bind(team)
            .bind(rule)
            .bind(state)
            .bind(&line.reason)
            .bind(now)
            .bind(due)
            .execute(&mut *self.0)
            .await?;
            number += 1;
            if due.is_some() && line.kind.is_milestone() {
                self.fire(&event.subject, (team, rule), line.kind).await?;
            }
        }
        for (id, reason) in &planned.superseded {
            self.end(*id, "superseded", reason).await?;
        }
        self.know(&event.subject, &planned.known).await?;
        Ok(number)
    }

    async fn insert_event(&mut self, delivery: i64, event: &Event) -> Result<i64, StoreError> {
        // An occurrence that was told before keeps its name with the delivery that told it.
        let row = sqlx::query(
            "INSERT INTO event (delivery_id, once, body) VALUES ($1,
                 CASE WHEN EXISTS (SELECT 1 FROM event WHERE once = $2) THEN NULL ELSE $2 END, $3) RETURNING id",
        )
        .bind(delivery)
        .bind(&event.once)
        .bind(to_json(event)?)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(row.try_get(0)?)
    }

    async fn fire(
        &mut self,
        subject: &str,
        (team, rule): (Option<&str>, Option<&str>),
        kind: EventKind,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO fired (subject, team, rule, kind) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(subject)
            .bind(team)
            .bind(rule)
            .bind(kind.as_str())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    async fn know(&mut self, subject: &str, known: &Known) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO subject (key, state) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET state = excluded.state",
        )
        .bind(subject)
        .bind(to_json(known)?)
        .execute(&mut *self.0)
        .await?;
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

    /// Marks a delivery as worked on.
    pub async fn done(&mut self, delivery: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE delivery SET state = 'done' WHERE id = $1").bind(delivery).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Ends a waiting update with a reason.
    pub async fn end(&mut self, id: i64, state: &str, reason: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE ledger SET state = $2, reason = $3, due_at = NULL WHERE id = $1")
            .bind(id)
            .bind(state)
            .bind(reason)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Suppresses an update whose time came: a milestone that was not told may be told another time.
    pub async fn suppress(&mut self, due: &Due, reason: &str) -> Result<(), StoreError> {
        self.end(due.id, "suppressed", reason).await?;
        sqlx::query("DELETE FROM fired WHERE subject = $1 AND team = $2 AND rule = $3 AND kind = $4")
            .bind(&due.event.subject)
            .bind(&due.team)
            .bind(&due.rule)
            .bind(due.kind.as_str())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Queues a rendered update to its destinations.
    pub async fn queue(&mut self, due: &Due, message: &Message, to: &[Destination]) -> Result<(), StoreError> {
        let now = Timestamp::now().as_millisecond();
        sqlx::query("UPDATE ledger SET message = $2, reason = $3, due_at = NULL WHERE id = $1")
            .bind(due.id)
            .bind(to_json(message)?)
            .bind("it is being sent")
            .execute(&mut *self.0)
            .await?;
        for destination in to {
            sqlx::query(
                "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
                 VALUES ($1, $2, $3, 'queued', $4, $4)",
            )
            .bind(due.id)
            .bind(destination.to_string())
            .bind(&due.thread)
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        }
        Ok(())
    }
}

/// Writes the single line of a delivery that nothing can be done with, and marks it as done.
pub(super) async fn ignore(
    conn: &mut SqliteConnection,
    (id, source, name, at): (i64, Source, Option<String>, i64),
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ledger (delivery_id, line, source, kind, state, reason, at)
         VALUES ($1, 1, $2, $3, 'ignored', $4, $5)",
    )
    .bind(id)
    .bind(source.as_str())
    .bind(name)
    .bind(reason)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    Tx(conn).done(id).await
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
