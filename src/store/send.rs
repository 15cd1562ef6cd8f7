//! Sends: claimed under a lease, then settled by whoever holds the newest fence.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tokio::sync::oneshot;

use super::bounce::{Refusals, refusals};
use super::{Job, Store, StoreError, corrupt, from_json, to_json};
use crate::destination::{Destination, Manner};
use crate::event::EventKind;
use crate::reason::{Code, Reason};
use crate::template::Message;

/// A claim is void after this long: longer than a whole claim of sends that all run into their deadlines.
const LEASE: Duration = Duration::from_secs(600);

/// A send that this process may make now.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id, stable over retries
    pub id: i64,
    /// What must be shown to settle it
    pub fence: i64,
    /// Which attempt this is, from 1
    pub attempt: i64,
    /// Where it goes
    pub destination: Destination,
    /// Its conversation
    pub thread: String,
    /// It tells of several conversations
    pub digest: bool,
    /// The conversation's first message there, in the channel's own words
    pub root: Option<String>,
    /// What to send
    pub message: Message,
    /// The team it is for
    pub team: String,
    /// The rule it comes from
    pub rule: String,
    /// What it tells
    pub kind: EventKind,
    /// The ledger's name of its update: `delivery.line`
    pub update: String,
    /// When it was queued
    pub created: Timestamp,
    /// What went wrong in the last attempt
    pub error: Option<String>,
    /// It may have arrived in the last attempt
    pub doubtful: bool,
    /// It tells of an assumption
    pub assumes: bool,
    /// How its destination refused earlier mail
    pub refusals: Option<Refusals>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It arrived; the channel's reference begins the conversation if it has none yet
    Sent {
        /// A Message-ID, a Slack ts
        reference: Option<String>,
        /// What began the conversation before is of no more use: the reference takes its place
        anew: bool,
        /// What a reader of the ledger should know all the same: that it may have arrived twice
        doubt: Option<String>,
    },
    /// It is tried again then
    Again {
        /// When
        at: Timestamp,
        /// What went wrong
        error: String,
        /// It may have arrived all the same
        doubtful: bool,
    },
    /// It was not tried: it waits for its turn again
    Unclaimed,
    /// It will not be tried again
    Failed {
        /// What went wrong
        error: String,
        /// It may have arrived all the same
        doubtful: bool,
    },
    /// It will not be tried again, since there is nobody at its destination
    Refused {
        /// What its server said
        error: String,
    },
}

/// What is under way, and so where there is room for more.
#[derive(Debug, Clone, Default)]
pub struct Room<'a> {
    /// Destinations that get nothing now
    pub busy: &'a [&'a Destination],
    /// How many destinations of a channel can be served at a time
    pub lanes: usize,
    /// How many more of a channel can, where some are
    pub free: HashMap<&'a str, usize>,
}

impl Store {
    /// Claims the next sends at `now`, to destinations that there is room for: at most 16 to one destination, in order and
    /// one a thread, since what comes next in a thread answers to the one before it. Of each channel, those destinations
    /// come first that have waited longest.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn claim(&self, room: &Room<'_>, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        let busy = to_json(&json!({ "busy": room.busy, "lanes": room.lanes, "free": room.free }))?;
        let now = now.as_millisecond();
        self.write(move |conn| Box::pin(async move { claim(conn, &busy, now).await })).await
    }

    /// Records how an attempt ended. `false` when another worker took the send over since.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn settle(&self, claimed: &Claimed, settled: &Settled) -> Result<bool, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Job::Settle(row(claimed, settled), reply)).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)
    }

    /// Tries again what failed, at the request of a person: the failed sends of a line, or the reading of a delivery
    /// that was ignored. The line is named as the ledger shows it, `delivery.line`. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn retry(&self, delivery: i64, line: i64) -> Result<u64, StoreError> {
        self.write(move |conn| Box::pin(retry(conn, delivery, line))).await
    }
}

/// At start: what was under way when the process died may or may not have arrived. What is claimed together for a
/// destination, and so has the same `next_at`, is tried in order, each once the one before it is settled: so that is the
/// first of those that are left, and the others were not tried. The states are named as the index has them, so that it is
/// used.
pub(super) async fn release_all(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE send SET state = 'queued', next_at = $1, fence = fence + 1,
                attempts = iif(id = tried, attempts, attempts - 1),
                doubtful = iif(id = tried, 1, doubtful), error = iif(id = tried, $2 || attempts, error)
         FROM (SELECT destination AS place, next_at AS lease, min(id) AS tried FROM send
               WHERE state = 'sending' AND state IN ('queued', 'sending') GROUP BY destination, next_at)
         WHERE destination = place AND next_at = lease AND state = 'sending' AND state IN ('queued', 'sending')",
    )
    .bind(Timestamp::now().as_millisecond())
    .bind(STOPPED)
    .execute(conn)
    .await?;
    Ok(())
}

/// What is noted, with the attempt's number behind it, of a send that was under way when the process died.
const STOPPED: &str = "ambiguous: the service stopped during attempt ";

async fn claim(conn: &mut SqliteConnection, busy: &str, now: i64) -> Result<Vec<Claimed>, StoreError> {
    // From one destination to the next in the index, past all that waits for it.
    let rows = sqlx::query(
        "WITH RECURSIVE destinations (name) AS (
             SELECT min(destination) FROM send WHERE state IN ('queued', 'sending')
             UNION ALL
             SELECT (SELECT min(destination) FROM send
                     WHERE state IN ('queued', 'sending') AND destination > destinations.name)
             FROM destinations WHERE destinations.name IS NOT NULL),
         waiting (name, channel, since) AS (
             SELECT name, substr(name, 1, instr(name || ':', ':') - 1),
                    (SELECT next_at FROM send
                     WHERE destination = name AND state IN ('queued', 'sending') AND next_at <= $1 ORDER BY id LIMIT 1)
             FROM destinations WHERE name NOT IN (SELECT value FROM json_each($2, '$.busy'))),
         due (name) AS (
             SELECT name FROM (
                 SELECT name, channel, row_number() OVER (PARTITION BY channel ORDER BY since) AS place
                 FROM waiting WHERE since IS NOT NULL)
             WHERE place <= coalesce((SELECT value FROM json_each($2, '$.free') WHERE key = channel), $2 ->> '$.lanes'))
         SELECT s.id, s.fence, s.attempts, s.destination, s.thread, s.created_at, s.error, s.doubtful, l.digest, c.root,
                c.editable, c.subject, l.message, l.team, l.rule, l.kind, l.delivery_id || '.' || l.line AS name,
                l.answers IS NULL AND (l.kind = 'note.assumed' OR EXISTS (
                    SELECT 1 FROM ledger o WHERE o.lead_id = l.id AND o.kind = 'note.assumed')) AS assumes,
                b.refusals, b.first_at, b.last_at, b.error AS refused
         FROM due CROSS JOIN send s ON s.id IN (
             SELECT id FROM send n
             WHERE n.destination = due.name AND n.state IN ('queued', 'sending') AND n.next_at <= $1
               AND NOT EXISTS (
                   SELECT 1 FROM send e
                   WHERE e.destination = n.destination AND e.thread = n.thread AND e.id < n.id
                     AND e.state IN ('queued', 'sending'))
             ORDER BY n.id LIMIT 16)
         JOIN ledger l ON l.id = s.ledger_id
         LEFT JOIN conversation c ON c.destination = s.destination AND c.thread = s.thread
         LEFT JOIN bounce b ON b.destination = s.destination",
    )
    .bind(now)
    .bind(busy)
    .fetch_all(&mut *conn)
    .await?;
    let mut claimed = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
    claimed.sort_by_key(|send| send.id);
    if !claimed.is_empty() {
        sqlx::query(
            "UPDATE send SET state = 'sending', attempts = attempts + 1, fence = fence + 1, next_at = $2
             WHERE id IN (SELECT value FROM json_each($1))",
        )
        .bind(to_json(&claimed.iter().map(|send| send.id).collect::<Vec<_>>())?)
        .bind(now + i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
        .execute(conn)
        .await?;
    }
    Ok(claimed)
}

fn claimed(row: &SqliteRow) -> Result<Claimed, StoreError> {
    let kind: &str = row.try_get("kind")?;
    let (fence, attempts): (i64, i64) = (row.try_get("fence")?, row.try_get("attempts")?);
    let mut message: Message = from_json(row.try_get("message")?)?;
    // Mail programs split a conversation whose subject changes.
    if let Some(subject) = row.try_get("subject")?
        && !message.private
        && !message.own_subject
    {
        message.subject = subject;
    }
    // Nobody else's words are replaced, and none of a note.
    let (team, editable): (&str, Option<&str>) = (row.try_get("team")?, row.try_get("editable")?);
    if message.manner == Manner::Edit && editable != Some(team) {
        message.manner = Manner::Reply;
    }
    Ok(Claimed {
        id: row.try_get("id")?,
        fence: fence + 1,
        attempt: attempts + 1,
        destination: destination(row.try_get("destination")?)?,
        thread: row.try_get("thread")?,
        digest: row.try_get("digest")?,
        root: row.try_get("root")?,
        message,
        team: row.try_get("team")?,
        rule: row.try_get("rule")?,
        kind: kind.parse().map_err(|e| corrupt("an event's kind", &e))?,
        update: row.try_get("name")?,
        created: Timestamp::from_millisecond(row.try_get("created_at")?).map_err(|e| corrupt("a time", &e))?,
        error: row.try_get("error")?,
        doubtful: row.try_get("doubtful")?,
        assumes: row.try_get("assumes")?,
        refusals: refusals(row)?,
    })
}

/// How an attempt ended, as the statement reads it.
fn row(claimed: &Claimed, settled: &Settled) -> Value {
    let now = Timestamp::now().as_millisecond();
    let (state, attempts, next, error) = match settled {
        Settled::Sent { doubt, .. } => ("sent", claimed.attempt, now, doubt.as_deref()),
        Settled::Again { at, error, .. } => ("queued", claimed.attempt, at.as_millisecond(), Some(error.as_str())),
        Settled::Unclaimed => ("queued", claimed.attempt - 1, now, claimed.error.as_deref()),
        Settled::Failed { error, .. } | Settled::Refused { error } => {
            ("failed", claimed.attempt, now, Some(error.as_str()))
        }
    };
    let doubtful = match settled {
        Settled::Again { doubtful, .. } | Settled::Failed { doubtful, .. } => *doubtful,
        Settled::Sent { .. } | Settled::Unclaimed => claimed.doubtful,
        Settled::Refused { .. } => false,
    };
    let (sent, reference, anew) = match settled {
        Settled::Sent { reference, anew, .. } => (Some(now), reference.as_deref(), *anew),
        _ => (None, None, false),
    };
    json!({ "id": claimed.id, "fence": claimed.fence, "state": state, "attempts": attempts, "next": next,
            "sent": sent, "error": error, "doubtful": doubtful, "reference": reference, "anew": anew,
            "subject": claimed.message.subject,
            "refused": matches!(settled, Settled::Refused { .. }).then_some(now) })
}

/// Writes all results that wait for this commit. An update is over when all of its sends are. Returns for each whether
/// the send was still the worker's own.
pub(super) async fn settle(conn: &mut SqliteConnection, results: &[Value]) -> Result<Vec<bool>, StoreError> {
    let settled = sqlx::query(
        "UPDATE send SET state = value ->> 'state', attempts = value ->> 'attempts', next_at = value ->> 'next',
                         sent_at = value ->> 'sent', error = value ->> 'error', doubtful = value ->> 'doubtful'
         FROM json_each($1)
         WHERE send.id = value ->> 'id' AND send.fence = value ->> 'fence' AND send.state = 'sending' RETURNING send.id;

         DELETE FROM conversation WHERE (destination, thread) IN (
             SELECT s.destination, s.thread FROM json_each($1)
             CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence'
             WHERE s.state = 'sent' AND value ->> 'anew');

         INSERT INTO conversation (destination, thread, root, subject, editable)
         SELECT s.destination, s.thread, value ->> 'reference', value ->> 'subject',
                iif(l.kind LIKE 'note.%' OR EXISTS (SELECT 1 FROM ledger WHERE lead_id = l.id), NULL, l.team)
         FROM json_each($1) CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence'
         JOIN ledger l ON l.id = s.ledger_id
         WHERE s.state = 'sent' AND value ->> 'reference' IS NOT NULL ON CONFLICT DO NOTHING;

         INSERT INTO bounce (destination, refusals, first_at, last_at, error)
         SELECT s.destination, 1, value ->> 'refused', value ->> 'refused', s.error
         FROM json_each($1) CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence'
         WHERE s.state = 'failed' AND value ->> 'refused' IS NOT NULL
         ON CONFLICT DO UPDATE SET refusals = refusals + 1, last_at = excluded.last_at, error = excluded.error;

         DELETE FROM bounce WHERE destination IN (
             SELECT s.destination FROM json_each($1)
             CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence' WHERE s.state = 'sent');

         UPDATE ledger SET
             state = CASE WHEN EXISTS (SELECT 1 FROM send WHERE ledger_id = coalesce(ledger.lead_id, ledger.id)
                                       AND state = 'failed')
                          THEN 'failed' ELSE 'sent' END,
             reason = CASE WHEN EXISTS (SELECT 1 FROM send WHERE ledger_id = coalesce(ledger.lead_id, ledger.id)
                                        AND state = 'failed')
                 THEN json_object('code', $2, 'failed', json((
                     SELECT json_group_array(json_object('destination', destination, 'error', error)) FROM send
                     WHERE ledger_id = coalesce(ledger.lead_id, ledger.id) AND state = 'failed')))
                 ELSE json_object('code', $3, 'with', (
                     SELECT delivery_id || '.' || line FROM ledger lead WHERE lead.id = ledger.lead_id)) END
         WHERE (id IN (SELECT s.ledger_id FROM json_each($1)
                       CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence'
                       WHERE s.state IN ('sent', 'failed'))
                OR lead_id IN (SELECT s.ledger_id FROM json_each($1)
                               CROSS JOIN send s ON s.id = value ->> 'id' AND s.fence = value ->> 'fence'
                               WHERE s.state IN ('sent', 'failed')))
           AND NOT EXISTS (SELECT 1 FROM send WHERE ledger_id = coalesce(ledger.lead_id, ledger.id)
                           AND state IN ('queued', 'sending'))",
    )
    .bind(to_json(&results)?)
    .bind(Code::Undelivered.as_str())
    .bind(Code::Sent.as_str())
    .fetch_all(conn)
    .await?;
    let ids = settled.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<i64>, _>>()?;
    Ok(results.iter().map(|result| result["id"].as_i64().is_some_and(|id| ids.contains(&id))).collect())
}

async fn retry(conn: &mut SqliteConnection, delivery: i64, line: i64) -> Result<u64, StoreError> {
    let now = Timestamp::now().as_millisecond();
    let retried = sqlx::query(
        "UPDATE send SET state = 'queued', next_at = $3, created_at = $3
         WHERE state = 'failed'
           AND ledger_id = (SELECT coalesce(lead_id, id) FROM ledger WHERE delivery_id = $1 AND line = $2)",
    )
    .bind(delivery)
    .bind(line)
    .bind(now)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if retried == 0 {
        return replay(conn, delivery, line).await;
    }
    sqlx::query(
        "WITH lead (id) AS (SELECT coalesce(lead_id, id) FROM ledger WHERE delivery_id = $1 AND line = $2)
         UPDATE ledger SET state = 'held', reason = $3
         WHERE id IN (SELECT id FROM lead) OR lead_id IN (SELECT id FROM lead)",
    )
    .bind(delivery)
    .bind(line)
    .bind(to_json(&Reason::SendingAgain)?)
    .execute(conn)
    .await?;
    Ok(retried)
}

/// A delivery that was ignored is read again: a newer version may understand it.
async fn replay(conn: &mut SqliteConnection, delivery: i64, line: i64) -> Result<u64, StoreError> {
    let ignored = sqlx::query("DELETE FROM ledger WHERE delivery_id = $1 AND line = $2 AND state = 'ignored'")
        .bind(delivery)
        .bind(line)
        .execute(&mut *conn)
        .await?
        .rows_affected();
    if ignored > 0 {
        sqlx::query("UPDATE delivery SET waits = 1 WHERE id = $1").bind(delivery).execute(conn).await?;
    }
    Ok(ignored)
}

fn destination(text: &str) -> Result<Destination, StoreError> {
    text.parse().map_err(|e| corrupt("a destination", &e))
}
