//! What the planner reads and writes: subjects, milestones told, and the ledger's lines.
//!
//! Each call to the database is handed to its thread and back, which costs more than most statements: what belongs
//! together is one call, and lists go in as JSON.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::undo::{self, Undone};
use super::{Store, StoreError, corrupt, from_json, names, to_json};
use crate::event::{About, Comment, Event, EventKind, Renamed, Source, Thing, ThingKind, TicketKey};
use crate::plan::{History, LineId, Recall, Timer};
use crate::reason::Reason;
use crate::track::Known;

/// What is known of a subject.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Its latest state
    pub known: Option<Known>,
    /// What rules did about it
    pub history: History,
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
        reason: Reason,
    },
}

impl Planned {
    /// Whether a subject has another name with it.
    #[must_use]
    pub fn renames(&self) -> bool {
        self.events().iter().any(|planned| planned.event.renamed.is_some())
    }

    /// Its events.
    #[must_use]
    pub fn events(&self) -> &[PlannedEvent] {
        match self {
            Self::Events(events) => events,
            Self::Ignored { .. } => &[],
        }
    }

    /// What its lines begin as, and those that they replace end as.
    #[must_use]
    pub fn states(&self) -> Vec<&'static str> {
        let Self::Events(events) = self else { return vec!["ignored"] };
        let state = |line: &Line| match line.state {
            LineState::Held { .. } => "held",
            LineState::Suppressed => "suppressed",
            LineState::Ignored => "ignored",
        };
        let of = |event: &PlannedEvent| {
            let superseded = event.superseded.iter().map(|_| "superseded");
            let withdrawn = event.withdrawn.iter().map(|_| "suppressed");
            event.lines.iter().map(state).chain(superseded).chain(withdrawn).collect::<Vec<_>>()
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
    pub reason: Reason,
}

impl Line {
    /// Whether it tells a milestone, which a rule does once.
    #[must_use]
    pub fn fires(&self) -> bool {
        matches!(self.state, LineState::Held { .. }) && self.kind.is_milestone()
    }
}

/// The states that a line can begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// It waits
    Held {
        /// Until then
        due: Timestamp,
        /// To go with others of its team
        digest: bool,
        /// Since when the first one waits that it replaces or goes with
        since: Option<Timestamp>,
    },
    /// It is not sent
    Suppressed,
    /// It is none that rules can be about
    Ignored,
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
    pub superseded: Vec<(LineId, Reason)>,
    /// Silences that begin with it
    pub timers: Vec<Timer>,
    /// Subjects that are gone with it, and their silences
    pub gone: Vec<String>,
    /// Whether a ticket moves on with it
    pub forward: bool,
    /// Waiting lines that are not sent any more, with the reason
    pub withdrawn: Vec<(LineId, Reason)>,
    /// Waiting lines that wait on, and until when
    pub extended: Vec<(LineId, Timestamp)>,
    /// Messages that may not be sent yet, and are to be written anew, or not to be sent
    pub recalled: Vec<Recall>,
    /// Occurrences in whose events other words stand from now on, or none
    pub reworded: Vec<(String, Option<Comment>)>,
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

impl Store {
    /// What is known of subjects. All that are asked for are in the answer.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn before(&self, subjects: &[&str]) -> Result<HashMap<String, Before>, StoreError> {
        let rows = sqlx::query(
            "SELECT asked.value AS subject, (SELECT state FROM subject WHERE key = asked.value) AS known,
                    (SELECT json_group_array(json_array(team, rule, kind)) FROM fired
                     WHERE subject = asked.value) AS fired,
                    (SELECT json_group_array(json_object(
                                'id', json_object('delivery', l.delivery_id, 'line', l.line), 'team', l.team,
                                'rule', l.rule, 'kind', l.kind, 'once', e.once, 'actor', e.body ->> '$.actor.login',
                                'change', json_extract(e.body, '$.change'), 'since', coalesce(l.since_at, l.at)))
                     FROM ledger l LEFT JOIN event e ON e.id = l.event_id
                     WHERE l.subject = asked.value AND l.due_at IS NOT NULL) AS held,
                    (SELECT json_group_array(json_array(team, rule, at, kind)) FROM
                        (SELECT team, rule, kind, max(told_at) AS at FROM ledger
                         WHERE subject = asked.value AND told_at IS NOT NULL GROUP BY team, rule)) AS told
             FROM json_each($1) AS asked",
        )
        .bind(to_json(&subjects)?)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("subject")?, before(row)?))).collect()
    }

    /// Takes in what is known of tickets that no webhook told of yet. What a webhook told stands.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn learn(&self, tickets: &[(TicketKey, Known)]) -> Result<(), StoreError> {
        if tickets.is_empty() {
            return Ok(());
        }
        let rows = tickets.iter().map(|(key, known)| Ok(json!([key, to_json(known)?])));
        let rows = to_json(&rows.collect::<Result<Vec<_>, StoreError>>()?)?;
        self.write(move |conn| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO subject (key, state, thread) SELECT value ->> 0, value ->> 1, value ->> 0
                     FROM json_each($1) WHERE TRUE ON CONFLICT DO NOTHING",
                )
                .bind(rows)
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await
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

    /// The open drafts whose conversation is a ticket's, at most 50.
    ///
    /// # Errors
    /// As above
    pub async fn drafts_of(&self, ticket: &str) -> Result<Vec<(String, Known)>, StoreError> {
        let rows = sqlx::query(
            "SELECT key, state FROM subject WHERE thread = $1 AND thread <> key
               AND state ->> '$.about.stage' = 'open' AND state ->> '$.about.draft' LIMIT 50",
        )
        .bind(ticket)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, from_json(row.try_get(1)?)?))).collect()
    }

    /// Writes what comes of deliveries, and that they are worked on.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn plan(&self, planned: &[PlannedDelivery], now: Timestamp) -> Result<(), StoreError> {
        let rows = Rows::of(planned)?;
        self.write(move |conn| Box::pin(write_plan(conn, rows, now))).await
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
    timers: Vec<Value>,
    gone: Vec<String>,
    environments: Vec<Value>,
    private: Vec<Value>,
    renamed: Vec<Renamed>,
    undone: Undone,
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
                        rows.know(*id, planned)?;
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
        let (state, due, digest, since) = match new.state {
            LineState::Held { due, digest, since } => ("held", Some(due), digest, since),
            LineState::Suppressed => ("suppressed", None, false, None),
            LineState::Ignored => ("ignored", None, false, None),
        };
        let milliseconds = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        let actor = planned.event.doer().filter(|_| team_is_told(new));
        let (team, rule) = new.rule.as_ref().map(|(team, rule)| (team, rule)).unzip();
        self.lines.push(json!({
            "delivery": delivery, "line": line, "event": event, "source": planned.event.source.as_str(),
            "kind": new.kind, "subject": planned.event.subject, "thread": planned.thread, "team": team, "rule": rule,
            "state": state, "reason": new.reason, "due": milliseconds(due), "digest": digest,
            "since": milliseconds(since), "actor": actor, "fires": new.fires(),
        }));
    }

    fn know(&mut self, delivery: i64, planned: &PlannedEvent) -> Result<(), StoreError> {
        for (id, reason) in &planned.superseded {
            self.superseded.push(json!([id.delivery, id.line, reason, "superseded"]));
        }
        for (id, reason) in &planned.withdrawn {
            self.superseded.push(json!([id.delivery, id.line, reason, "suppressed"]));
        }
        self.undone.add(planned)?;
        self.renamed.extend(planned.event.renamed.clone());
        if let (Some(private), Source::Github) = (planned.event.private, planned.event.source) {
            let scope = planned.event.named(&planned.event.scope);
            self.private.push(json!([scope, private, planned.event.at.as_millisecond()]));
        }
        self.subjects.push(json!([planned.event.subject, to_json(&planned.known)?, planned.thread]));
        self.gone.extend(planned.gone.iter().cloned());
        for Timer { subject, team, rule, kind, due } in &planned.timers {
            self.timers.push(json!([subject, team, rule, kind, due.as_millisecond(), delivery]));
        }
        if let Some((id, key)) = planned.ticket_id() {
            self.tickets.push(json!([id, key]));
        }
        if let About::Thing(Thing {
            kind: ThingKind::Deployment, environment: Some(name), updated_at: Some(at), ..
        }) = &planned.event.about
        {
            self.environments.push(json!([planned.event.named(&planned.event.scope), name, at.as_millisecond()]));
        }
        Ok(())
    }
}

/// Whether somebody may hear of a line.
fn team_is_told(line: &Line) -> bool {
    matches!(line.state, LineState::Held { .. })
}

async fn write_plan(conn: &mut SqliteConnection, rows: Rows, now: Timestamp) -> Result<(), StoreError> {
    for renamed in &rows.renamed {
        names::rename(conn, renamed).await?;
    }
    sqlx::query(
        "INSERT INTO event (delivery_id, once, body)
         SELECT value ->> 0,
                CASE WHEN NOT EXISTS (SELECT 1 FROM event WHERE once = value ->> 1) THEN value ->> 1 END, value ->> 2
         FROM json_each($2);

         INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                             due_at, digest, since_at, actor)
         SELECT value ->> 'delivery', value ->> 'line',
                (SELECT min(id) FROM event WHERE delivery_id = value ->> 'delivery') + (value ->> 'event'),
                value ->> 'source', value ->> 'kind', value ->> 'subject', value ->> 'thread', value ->> 'team',
                value ->> 'rule', value ->> 'state', value ->> 'reason', $7, value ->> 'due',
                coalesce(value ->> 'digest', 0), value ->> 'since', value ->> 'actor'
         FROM json_each($3);

         INSERT INTO fired (subject, team, rule, kind)
         SELECT value ->> 'subject', value ->> 'team', value ->> 'rule', value ->> 'kind'
         FROM json_each($3) WHERE value ->> 'fires' ON CONFLICT DO NOTHING;

         UPDATE ledger SET state = value ->> 3, reason = value ->> 2, due_at = NULL
         FROM json_each($4) WHERE ledger.delivery_id = value ->> 0 AND ledger.line = value ->> 1;

         INSERT INTO subject (key, state, thread)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($5) WHERE TRUE
         ON CONFLICT (key) DO UPDATE SET state = excluded.state, thread = excluded.thread;

         INSERT INTO ticket_id (id, key) SELECT value ->> 0, value ->> 1 FROM json_each($6) WHERE TRUE
         ON CONFLICT (id) DO UPDATE SET key = excluded.key;

         DELETE FROM timer WHERE subject IN (SELECT value FROM json_each($9));

         INSERT INTO timer (subject, team, rule, kind, due_at, delivery_id)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($8) WHERE TRUE
         ON CONFLICT DO UPDATE SET due_at = excluded.due_at, delivery_id = excluded.delivery_id;

         INSERT INTO environment (scope, name, deployed_at)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($10) WHERE TRUE
         ON CONFLICT DO UPDATE SET deployed_at = max(deployed_at, excluded.deployed_at);

         UPDATE delivery SET waits = 0 WHERE id IN (SELECT value FROM json_each($1));

         DELETE FROM recovered WHERE NOT parked AND NOT EXISTS (
             SELECT 1 FROM delivery d CROSS JOIN recovered r ON r.delivery_id = d.id WHERE d.waits = 1)",
    )
    .bind(to_json(&rows.deliveries)?)
    .bind(to_json(&rows.events)?)
    .bind(to_json(&rows.lines)?)
    .bind(to_json(&rows.superseded)?)
    .bind(to_json(&rows.subjects)?)
    .bind(to_json(&rows.tickets)?)
    .bind(now.as_millisecond())
    .bind(to_json(&rows.timers)?)
    .bind(to_json(&rows.gone)?)
    .bind(to_json(&rows.environments)?)
    .execute(&mut *conn)
    .await?;
    if !rows.private.is_empty() {
        names::write_private(conn, &to_json(&rows.private)?).await?;
    }
    undo::write(conn, &rows.undone, now).await
}

fn before(row: &SqliteRow) -> Result<Before, StoreError> {
    let known: Option<&str> = row.try_get("known")?;
    let told: Vec<(String, String, i64, EventKind)> = from_json(row.try_get("told")?)?;
    let told = told.into_iter().map(|(team, rule, at, kind)| {
        let at = Timestamp::from_millisecond(at).map_err(|e| corrupt("a time", &e))?;
        Ok(((team, rule), (at, kind)))
    });
    let history = History {
        fired: from_json(row.try_get("fired")?)?,
        held: from_json(row.try_get("held")?)?,
        told: told.collect::<Result<_, StoreError>>()?,
    };
    Ok(Before { known: known.map(from_json).transpose()?, history })
}
