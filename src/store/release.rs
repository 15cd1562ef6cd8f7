//! Updates whose time has come: what becomes of them, and in which messages they go.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt, from_json, mute, to_json};
use crate::destination::Destination;
use crate::event::{Event, EventKind};
use crate::hold::Wait;
use crate::plan::Said;
use crate::reason::Reason;
use crate::template::Message;
use crate::track::Known;

/// An update whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// The line's id
    pub id: i64,
    /// The ledger's name of it: `delivery.line`
    pub name: String,
    /// The event it was planned from
    pub event: Event,
    /// The event's id, which the updates of several rules about it share
    pub event_id: i64,
    /// What it tells
    pub kind: EventKind,
    /// Its team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// Its conversation
    pub thread: String,
    /// It goes with others of its team
    pub digest: bool,
    /// It did not wait for anything
    pub at_once: bool,
    /// What is known of its subject
    pub known: Option<Known>,
    /// What is known of its ticket, if that is not the subject itself
    pub ticket: Option<Known>,
    /// When its rule last told of the subject
    pub told: Option<Timestamp>,
    /// Where its team was told the same of the subject
    pub said: Vec<Said>,
    /// When the environment that it tells of was last deployed to
    pub deployed: Option<Timestamp>,
    /// Whether its repository is private now, as far as it is known
    pub private: Option<bool>,
    /// When it was planned
    pub at: Timestamp,
    /// Since when the first one waits that it replaces or goes with
    pub since: Option<Timestamp>,
}

/// Which of the updates whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them
    All,
    /// Those that did not wait for anything
    AtOnce,
    /// Those that waited: something newer may take their place
    Waited,
}

/// What became of updates whose time had come.
#[derive(Debug, Clone, Default)]
pub struct Released {
    /// The messages that go
    pub sent: Vec<Outgoing>,
    /// Those that wait on, whether with others of their team, and the reason
    pub held: Vec<(i64, Wait, bool, Reason)>,
    /// Those that are not sent, with the reason. A milestone that was not told may be told another time.
    pub suppressed: Vec<(i64, Reason)>,
    /// Those that are muted everywhere, or that another rule told of there, with the reason. They count as told.
    pub muted: Vec<(i64, Reason)>,
    /// Where those that are sent don't go because it is muted there, with the reason
    pub left_out: Vec<(i64, Destination, String)>,
    /// Those that could not be written, with the reason
    pub failed: Vec<(i64, Reason)>,
}

/// A message, and the updates that it tells.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The update that stands for all of them
    pub lead: i64,
    /// Its name
    pub name: String,
    /// The others
    pub others: Vec<i64>,
    /// The conversation that the message is part of
    pub thread: String,
    /// What it is about: the conversation of a comment on GitHub
    pub subject: String,
    /// What it says
    pub message: Message,
    /// Where it goes
    pub to: Vec<Destination>,
    /// Until when its assumptions can be objected to, by the update
    pub object_by: Vec<(i64, Timestamp)>,
}

/// Updates of a team about one kind of event that one person brought about: its name, the kind's and the login.
pub type Group = (String, String, String);

/// One of a [`Group`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// What it is about
    pub subject: String,
    /// When it was planned
    pub at: Timestamp,
    /// When it is due, if it waits
    pub due: Option<Timestamp>,
}

/// So many updates are made into messages at a time.
const BATCH: u32 = 512;

impl Store {
    /// Updates whose time has come, oldest first, so many at a time. What is due in the same conversation within a second
    /// goes along: of two events that came together, there is to be one message. Those that were planned up to `old` wait
    /// on, and so do those that deliveries which came late may yet change.
    ///
    /// The second value are lines that this version cannot read, with the reason.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn due(
        &self,
        which: Which,
        now: Timestamp,
        old: Option<Timestamp>,
    ) -> Result<(Vec<Due>, Vec<(i64, String)>), StoreError> {
        let rows = sqlx::query(
            "SELECT l.id, l.delivery_id || '.' || l.line AS name, l.event_id, l.kind, l.team, l.rule, l.digest,
                    iif(e.body ->> '$.about.type' = 'thing', l.thread, coalesce(s.thread, l.thread)) AS thread,
                    l.due_at <= l.at AS at_once, e.body, s.state AS known, t.state AS ticket,
                    v.deployed_at AS deployed, r.private, l.at, l.since_at, l.due_at,
                    (SELECT max(o.told_at) FROM ledger o
                     WHERE o.subject = l.subject AND o.team = l.team AND o.rule = l.rule AND o.told_at IS NOT NULL) AS told,
                    (SELECT json_group_array(json_object('rule', o.rule, 'to', m.destination))
                     FROM ledger o JOIN send m ON m.ledger_id = coalesce(o.lead_id, o.id)
                     WHERE o.subject = l.subject AND o.team = l.team AND o.kind = l.kind AND o.told_at IS NOT NULL
                       AND EXISTS (SELECT 1 FROM fired f WHERE f.subject = l.subject AND f.team = l.team AND f.kind = l.kind)
                       AND m.state NOT IN ('muted', 'failed')) AS said
             FROM ledger l JOIN event e ON e.id = l.event_id
             LEFT JOIN subject s ON s.key = l.subject
             LEFT JOIN subject t ON t.key = coalesce(s.thread, l.thread) AND t.key <> l.subject
             LEFT JOIN repository r ON r.name = iif(e.body ->> '$.host' IS NULL, '', e.body ->> '$.host' || '/') || (e.body ->> '$.scope')
             LEFT JOIN environment v ON v.scope = e.body ->> '$.scope' AND v.name = e.body ->> '$.about.environment'
             WHERE l.due_at <= $1 + 1000 AND (l.due_at <= $1 OR EXISTS (
                 SELECT 1 FROM ledger d
                 WHERE d.due_at <= $1 AND d.due_at > d.at AND d.team = l.team AND d.thread = l.thread))
               AND ($2 IS NULL OR (l.due_at <= l.at) = $2)
               AND l.at > coalesce($3, 0) AND l.at > coalesce((SELECT max(at) FROM recovered WHERE NOT parked), 0)
               AND l.delivery_id NOT IN (SELECT delivery_id FROM recovered)
             ORDER BY l.due_at, l.team, l.id LIMIT $4",
        )
        .bind(now.as_millisecond())
        .bind((which != Which::All).then_some(which == Which::AtOnce))
        .bind(old.map(|old| old.as_millisecond()))
        .bind(BATCH)
        .fetch_all(&self.read)
        .await?;
        let rows = whole_teams(&rows)?;
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        for row in rows {
            match due(row) {
                Ok(due) => read.push(due),
                Err(StoreError::Corrupt(error)) => unreadable.push((row.try_get("id")?, error)),
                Err(error) => return Err(error),
            }
        }
        Ok((read, unreadable))
    }

    /// When the next update, silence or objection is due, if any waits.
    ///
    /// # Errors
    /// As above
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT min(at) FROM (SELECT min(due_at) AS at FROM ledger WHERE due_at IS NOT NULL
                                  UNION ALL SELECT min(object_at) FROM ledger WHERE object_at IS NOT NULL AND state <> 'held'
                                  UNION ALL SELECT min(due_at) FROM timer)",
        )
        .fetch_one(&self.read)
        .await?;
        let next: Option<i64> = row.try_get(0)?;
        next.map(Timestamp::from_millisecond).transpose().map_err(|e| corrupt("a due time", &e))
    }

    /// What else was brought about by the same person, for each group of a team, a kind and a person and a time: the updates
    /// since a minute before that are told or wait, in their order.
    ///
    /// # Errors
    /// As above
    pub async fn alike(&self, groups: &[(&Group, Timestamp)]) -> Result<HashMap<Group, Vec<Alike>>, StoreError> {
        let asked = groups.iter().map(|((team, kind, actor), since)| (team, kind, actor, since.as_millisecond()));
        let rows = sqlx::query(
            "SELECT l.team, l.kind, l.actor, l.subject, l.at, l.due_at
             FROM json_each($1) CROSS JOIN ledger l ON l.team = value ->> 0 AND l.actor = value ->> 2
              AND l.at > (value ->> 3) - 60000 AND l.kind = value ->> 1
             WHERE l.due_at IS NOT NULL OR l.told_at IS NOT NULL
             ORDER BY l.at",
        )
        .bind(to_json(&asked.collect::<Vec<_>>())?)
        .fetch_all(&self.read)
        .await?;
        let time = |at: i64| Timestamp::from_millisecond(at).map_err(|e| corrupt("a time", &e));
        let mut alike: HashMap<Group, Vec<Alike>> = HashMap::new();
        for row in rows {
            let group = (row.try_get("team")?, row.try_get("kind")?, row.try_get("actor")?);
            let due: Option<i64> = row.try_get("due_at")?;
            let due = due.map(time).transpose()?;
            alike.entry(group).or_default().push(Alike {
                subject: row.try_get("subject")?,
                at: time(row.try_get("at")?)?,
                due,
            });
        }
        Ok(alike)
    }

    /// How many messages a team was sent since then.
    ///
    /// # Errors
    /// As above
    pub async fn spent(&self, team: &str, since: Timestamp) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT count(*) FROM ledger WHERE team = $1 AND told_at >= $2 AND lead_id IS NULL")
            .bind(team)
            .bind(since.as_millisecond())
            .fetch_one(&self.read)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Writes what became of updates whose time had come.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn release(&self, released: &Released, now: Timestamp) -> Result<(), StoreError> {
        let rows = Rows::of(released)?;
        let (muted, left_out) = (to_json(&released.muted)?, to_json(&released.left_out)?);
        let none_muted = released.muted.is_empty() && released.left_out.is_empty();
        self.write(move |conn| {
            Box::pin(async move {
                write_release(&mut *conn, rows, now).await?;
                if none_muted { Ok(()) } else { mute::write_muted(conn, (muted, left_out), now).await }
            })
        })
        .await
    }
}

/// What [`write_release`] writes, each a list in JSON.
struct Rows {
    sent: String,
    others: String,
    held: String,
    suppressed: String,
    failed: String,
}

impl Rows {
    fn of(released: &Released) -> Result<Self, StoreError> {
        let (mut sent, mut others) = (Vec::new(), Vec::new());
        for Outgoing { lead, name, others: with, thread, subject, message, to, object_by } in &released.sent {
            let object_at = |id: &i64| {
                let found = object_by.iter().find(|(line, _)| line == id);
                found.map(|(_, at)| at.as_millisecond())
            };
            let to = to.iter().map(|to| json!([to, if *to == Destination::Github { subject } else { thread }]));
            sent.push(json!({ "id": lead, "message": to_json(message)?, "to": to.collect::<Vec<_>>(),
                              "object_at": object_at(lead) }));
            let reason = Reason::ToldWith { line: name.clone() };
            others.extend(with.iter().map(|id| json!([id, lead, reason, object_at(id)])));
        }
        let held = released
            .held
            .iter()
            .map(|(id, wait, digest, reason)| json!([id, wait.until.as_millisecond(), digest, reason]));
        Ok(Self {
            sent: to_json(&sent)?,
            others: to_json(&others)?,
            held: to_json(&held.collect::<Vec<_>>())?,
            suppressed: to_json(&released.suppressed)?,
            failed: to_json(&released.failed)?,
        })
    }
}

async fn write_release(conn: &mut SqliteConnection, rows: Rows, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ledger SET message = value ->> 'message', reason = $7, due_at = NULL, told_at = $6,
                object_at = value ->> 'object_at'
         FROM json_each($1) WHERE ledger.id = value ->> 'id';

         INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
         SELECT line.value ->> 'id', place.value ->> 0, place.value ->> 1, 'queued', $6, $6
         FROM json_each($1) AS line, json_each(line.value, '$.to') AS place;

         UPDATE ledger SET lead_id = value ->> 1, reason = value ->> 2, due_at = NULL, told_at = $6,
                object_at = value ->> 3
         FROM json_each($2) WHERE ledger.id = value ->> 0;

         UPDATE ledger SET due_at = value ->> 1, digest = value ->> 2, reason = value ->> 3
         FROM json_each($3) WHERE ledger.id = value ->> 0;

         UPDATE ledger SET state = 'suppressed', reason = value ->> 1, due_at = NULL
         FROM json_each($4) WHERE ledger.id = value ->> 0;

         DELETE FROM fired WHERE (subject, team, rule, kind) IN (
             SELECT l.subject, l.team, l.rule, l.kind FROM json_each($4) CROSS JOIN ledger l ON l.id = value ->> 0);

         UPDATE ledger SET state = 'failed', reason = value ->> 1, due_at = NULL
         FROM json_each($5) WHERE ledger.id = value ->> 0",
    )
    .bind(rows.sent)
    .bind(rows.others)
    .bind(rows.held)
    .bind(rows.suppressed)
    .bind(rows.failed)
    .bind(now.as_millisecond())
    .bind(to_json(&Reason::Sending)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// A full batch without what may go on in the next one: of all that is due to a team in a moment (the end of a night, a
/// digest), there is to be one message.
fn whole_teams(rows: &[SqliteRow]) -> Result<&[SqliteRow], StoreError> {
    let of = |row: &SqliteRow| Ok::<(i64, String), StoreError>((row.try_get("due_at")?, row.try_get("team")?));
    let ids = rows.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    let last = ids.last().filter(|_| rows.len() >= BATCH as usize);
    let begin = last.and_then(|last| ids.iter().position(|id| id == last));
    // One team's alone, if that is all.
    Ok(&rows[..begin.filter(|begin| *begin > 0).unwrap_or(rows.len())])
}

fn due(row: &SqliteRow) -> Result<Due, StoreError> {
    let known: Option<&str> = row.try_get("known")?;
    let ticket: Option<&str> = row.try_get("ticket")?;
    let kind: &str = row.try_get("kind")?;
    let time = |column: &str| {
        let at: Option<i64> = row.try_get(column)?;
        at.map(Timestamp::from_millisecond).transpose().map_err(|e| corrupt("a time", &e))
    };
    Ok(Due {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        event: from_json(row.try_get("body")?)?,
        event_id: row.try_get("event_id")?,
        kind: kind.parse().map_err(|e| corrupt("an event's kind", &e))?,
        team: row.try_get("team")?,
        rule: row.try_get("rule")?,
        thread: row.try_get("thread")?,
        digest: row.try_get("digest")?,
        at_once: row.try_get("at_once")?,
        known: known.map(from_json).transpose()?,
        ticket: ticket.map(from_json).transpose()?,
        told: time("told")?,
        said: from_json(row.try_get("said")?)?,
        deployed: time("deployed")?,
        private: row.try_get("private")?,
        at: time("at")?.unwrap_or_default(),
        since: time("since_at")?,
    })
}
