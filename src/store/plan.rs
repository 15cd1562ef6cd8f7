//! What the planner reads and writes: subjects, milestones told, and the ledger's lines.
//!
//! Each call to the database is handed to its thread and back, which costs more than most statements: what belongs
//! together is one call, and lists go in as JSON.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt, from_json, mute, to_json};
use crate::destination::Destination;
use crate::event::{About, Event, EventKind, Source, TicketKey};
use crate::plan::{Fired, Held, LineId};
use crate::template::Message;
use crate::track::Known;

/// What is known of a subject.
#[derive(Debug, Clone)]
pub struct Before {
    /// Its latest state
    pub known: Option<Known>,
    /// Its milestones that rules have told
    pub fired: Fired,
    /// Its updates that still wait
    pub held: Vec<Held>,
}

/// A delivery that was worked on.
#[derive(Debug, Clone)]
pub struct PlannedDelivery {
    /// Its id in the ledger
    pub id: i64,
    /// What comes of it
    pub outcome: Planned,
}

/// What comes of a delivery.
#[derive(Debug, Clone)]
pub enum Planned {
    /// Its events, each with at least one line
    Events(Vec<PlannedEvent>),
    /// Nothing can be done with it
    Ignored {
        /// Who sent it
        source: Source,
        /// `X-GitHub-Event`; empty for Jira
        name: String,
        /// Why
        reason: String,
    },
}

impl Planned {
    /// What its lines begin as, and those that they replace end as.
    #[must_use]
    pub fn states(&self) -> Vec<&'static str> {
        let Self::Events(events) = self else { return vec!["ignored"] };
        let state = |line: &Line| match line.state {
            LineState::Held(_) => "held",
            LineState::Suppressed => "suppressed",
        };
        let of = |event: &PlannedEvent| {
            let superseded = event.superseded.iter().map(|_| "superseded");
            event.lines.iter().map(state).chain(superseded).collect::<Vec<_>>()
        };
        events.iter().flat_map(of).collect()
    }
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

impl Line {
    /// Whether it tells a milestone, which a rule does once.
    #[must_use]
    pub fn fires(&self) -> bool {
        matches!(self.state, LineState::Held(_)) && self.kind.is_milestone()
    }
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
    pub superseded: Vec<(LineId, String)>,
}

impl PlannedEvent {
    /// Jira's numeric id of the ticket that it is about, with the ticket's key.
    #[must_use]
    pub fn ticket_id(&self) -> Option<(&str, &str)> {
        let About::Ticket(ticket) = &self.known.about else { return None };
        let id = ticket.id.as_deref().filter(|id| *id != ticket.key)?;
        Some((id, &ticket.key))
    }
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

/// What became of updates whose time had come.
#[derive(Debug, Clone, Default)]
pub struct Released {
    /// Those that are sent, and where
    pub rendered: Vec<(Due, Message, Vec<Destination>)>,
    /// Those that are not, with the reason. A milestone that was not told may be told another time.
    pub suppressed: Vec<(i64, String)>,
    /// Those that are muted everywhere, with the reason. They count as told.
    pub muted: Vec<(i64, String)>,
    /// Where those that are sent don't go because it is muted there, with the reason
    pub left_out: Vec<(i64, Destination, String)>,
    /// Those that could not be written, with the reason
    pub failed: Vec<(i64, String)>,
}

impl Store {
    /// What is known of a subject.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn before(&self, subject: &str) -> Result<Before, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT state FROM subject WHERE key = $1) AS known,
                    (SELECT json_group_array(json_array(team, rule, kind)) FROM fired WHERE subject = $1) AS fired,
                    (SELECT json_group_array(json_object('id', json_object('delivery', delivery_id, 'line', line),
                                                         'team', team, 'rule', rule, 'kind', kind))
                     FROM ledger WHERE subject = $1 AND due_at IS NOT NULL) AS held",
        )
        .bind(subject)
        .fetch_one(&self.read)
        .await?;
        let known: Option<&str> = row.try_get("known")?;
        Ok(Before {
            known: known.map(from_json).transpose()?,
            fired: from_json(row.try_get("fired")?)?,
            held: from_json(row.try_get("held")?)?,
        })
    }

    /// The delivery that told of an occurrence before, if any: the sender's id for it.
    ///
    /// # Errors
    /// As above
    pub async fn told(&self, once: &str) -> Result<Option<String>, StoreError> {
        let row =
            sqlx::query("SELECT d.delivery_key FROM event e JOIN delivery d ON d.id = e.delivery_id WHERE e.once = $1")
                .bind(once)
                .fetch_optional(&self.read)
                .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The key of a ticket that an event names by Jira's numeric id.
    ///
    /// # Errors
    /// As above
    pub async fn ticket_key(&self, id: &str) -> Result<Option<TicketKey>, StoreError> {
        let row = sqlx::query("SELECT key FROM ticket_id WHERE id = $1").bind(id).fetch_optional(&self.read).await?;
        row.map(|row| {
            let key: &str = row.try_get(0)?;
            key.parse().map_err(|e| corrupt("a ticket key", &e))
        })
        .transpose()
    }

    /// Writes what comes of deliveries, and that they are worked on.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn plan(&self, planned: &[PlannedDelivery]) -> Result<(), StoreError> {
        let rows = Rows::of(planned)?;
        self.write(move |conn| Box::pin(write_plan(conn, rows))).await
    }

    /// Writes what became of updates whose time had come.
    ///
    /// # Errors
    /// As above
    pub async fn release(&self, released: &Released) -> Result<(), StoreError> {
        let rendered = released.rendered.iter().map(|(due, message, to)| {
            Ok(json!({ "id": due.id, "thread": due.thread, "message": to_json(message)?, "to": to }))
        });
        let rendered = to_json(&rendered.collect::<Result<Vec<_>, StoreError>>()?)?;
        let (suppressed, failed) = (to_json(&released.suppressed)?, to_json(&released.failed)?);
        let (muted, left_out) = (to_json(&released.muted)?, to_json(&released.left_out)?);
        let none_muted = released.muted.is_empty() && released.left_out.is_empty();
        self.write(move |conn| {
            Box::pin(async move {
                write_release(conn, rendered, suppressed, failed).await?;
                if none_muted { Ok(()) } else { mute::write_muted(conn, muted, left_out).await }
            })
        })
        .await
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

/// What [`write_plan`] writes, each a list in JSON.
#[derive(Default)]
struct Rows {
    deliveries: Vec<i64>,
    events: Vec<Value>,
    lines: Vec<Value>,
    superseded: Vec<Value>,
    subjects: Vec<Value>,
    tickets: Vec<Value>,
}

impl Rows {
    fn of(planned: &[PlannedDelivery]) -> Result<Self, StoreError> {
        let (mut rows, mut told) = (Self::default(), HashSet::new());
        for PlannedDelivery { id, outcome } in planned {
            rows.deliveries.push(*id);
            match outcome {
                Planned::Ignored { source, name, reason } => {
                    let name = Some(name).filter(|name| !name.is_empty());
                    rows.lines.push(json!({ "delivery": id, "line": 1, "source": source.as_str(), "kind": name,
                                            "state": "ignored", "reason": reason }));
                }
                Planned::Events(events) => {
                    let mut line = 0;
                    for (number, planned) in events.iter().enumerate() {
                        // Two deliveries may tell of one occurrence: its name stays with the first.
                        let once = planned.event.once.as_ref().filter(|once| told.insert((*once).clone()));
                        rows.events.push(json!([id, once, to_json(&planned.event)?]));
                        rows.know(planned)?;
                        for new in &planned.lines {
                            line += 1;
                            rows.line((*id, line, number), planned, new);
                        }
                    }
                }
            }
        }
        Ok(rows)
    }

    fn line(&mut self, (delivery, line, event): (i64, i64, usize), planned: &PlannedEvent, new: &Line) {
        let (state, due) = match new.state {
            LineState::Held(due) => ("held", Some(due.as_millisecond())),
            LineState::Suppressed => ("suppressed", None),
        };
        let (team, rule) = new.rule.as_ref().map(|(team, rule)| (team, rule)).unzip();
        self.lines.push(json!({
            "delivery": delivery, "line": line, "event": event, "source": planned.event.source.as_str(),
            "kind": new.kind, "subject": planned.event.subject, "thread": planned.thread, "team": team, "rule": rule,
            "state": state, "reason": new.reason, "due": due, "fires": new.fires(),
        }));
    }

    fn know(&mut self, planned: &PlannedEvent) -> Result<(), StoreError> {
        for (id, reason) in &planned.superseded {
            self.superseded.push(json!([id.delivery, id.line, reason]));
        }
        self.subjects.push(json!([planned.event.subject, to_json(&planned.known)?]));
        if let Some((id, key)) = planned.ticket_id() {
            self.tickets.push(json!([id, key]));
        }
        Ok(())
    }
}

async fn write_plan(conn: &mut SqliteConnection, rows: Rows) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO event (delivery_id, once, body)
         SELECT value ->> 0,
                CASE WHEN NOT EXISTS (SELECT 1 FROM event WHERE once = value ->> 1) THEN value ->> 1 END, value ->> 2
         FROM json_each($2);

         INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                             due_at)
         SELECT value ->> 'delivery', value ->> 'line',
                (SELECT min(id) FROM event WHERE delivery_id = value ->> 'delivery') + (value ->> 'event'),
                value ->> 'source', value ->> 'kind', value ->> 'subject', value ->> 'thread', value ->> 'team',
                value ->> 'rule', value ->> 'state', value ->> 'reason', $7, value ->> 'due'
         FROM json_each($3);

         INSERT INTO fired (subject, team, rule, kind)
         SELECT value ->> 'subject', value ->> 'team', value ->> 'rule', value ->> 'kind'
         FROM json_each($3) WHERE value ->> 'fires' ON CONFLICT DO NOTHING;

         UPDATE ledger SET state = 'superseded', reason = value ->> 2, due_at = NULL
         FROM json_each($4) WHERE ledger.delivery_id = value ->> 0 AND ledger.line = value ->> 1;

         INSERT INTO subject (key, state) SELECT value ->> 0, value ->> 1 FROM json_each($5) WHERE TRUE
         ON CONFLICT (key) DO UPDATE SET state = excluded.state;

         INSERT INTO ticket_id (id, key) SELECT value ->> 0, value ->> 1 FROM json_each($6) WHERE TRUE
         ON CONFLICT (id) DO UPDATE SET key = excluded.key;

         UPDATE delivery SET waits = 0 WHERE id IN (SELECT value FROM json_each($1))",
    )
    .bind(to_json(&rows.deliveries)?)
    .bind(to_json(&rows.events)?)
    .bind(to_json(&rows.lines)?)
    .bind(to_json(&rows.superseded)?)
    .bind(to_json(&rows.subjects)?)
    .bind(to_json(&rows.tickets)?)
    .bind(Timestamp::now().as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_release(
    conn: &mut SqliteConnection,
    rendered: String,
    suppressed: String,
    failed: String,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ledger SET message = value ->> 'message', reason = 'it is being sent', due_at = NULL
         FROM json_each($1) WHERE ledger.id = value ->> 'id';

         INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
         SELECT line.value ->> 'id', destination.value, line.value ->> 'thread', 'queued', $4, $4
         FROM json_each($1) AS line, json_each(line.value, '$.to') AS destination;

         UPDATE ledger SET state = 'suppressed', reason = value ->> 1, due_at = NULL
         FROM json_each($2) WHERE ledger.id = value ->> 0;

         DELETE FROM fired WHERE (subject, team, rule, kind) IN (
             SELECT l.subject, l.team, l.rule, l.kind FROM json_each($2) CROSS JOIN ledger l ON l.id = value ->> 0);

         UPDATE ledger SET state = 'failed', reason = value ->> 1, due_at = NULL
         FROM json_each($3) WHERE ledger.id = value ->> 0",
    )
    .bind(rendered)
    .bind(suppressed)
    .bind(failed)
    .bind(Timestamp::now().as_millisecond())
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
