//! What people answer to assumptions, what comes of those that nobody answers to, and what their authors are told.
//!
//! What an author is told is a line of the ledger with sends of its own, like an update: it is tried again, given up and
//! shown like one.

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt, from_json, to_json};
use crate::destination::Destination;
use crate::event::Event;
use crate::plan::LineId;
use crate::reason::Reason;
use crate::template::{Message, clean, shorten};

/// Whoever answers more often talks to people who know already.
const MOST_OBJECTIONS: i64 = 5;
/// How much of an objection is kept, in letters.
const LONGEST_TEXT: usize = 4_000;
const LONGEST_NAME: usize = 100;

/// The way that an objection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The link in a message
    Link,
    /// A reply to a mail
    Mail,
    /// The thread in Slack
    Slack,
}

impl Through {
    /// The name in the database, and in the words of the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Mail => "mail",
            Self::Slack => "Slack",
        }
    }

    fn read(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Link, Self::Mail, Self::Slack];
        let found = all.into_iter().find(|through| through.as_str() == name);
        found.ok_or_else(|| corrupt("the way of an objection", &name))
    }
}

/// What somebody has against an assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The line that told them of it
    pub line: LineId,
    /// Names the objection, so that it counts once: a Message-ID, an event of Slack
    pub key: String,
    /// Who it is, as they say; empty if they don't
    pub by: String,
    /// How it came
    pub through: Through,
    /// What they wrote, as they wrote it; it may be empty
    pub text: String,
    /// When it came
    pub at: Timestamp,
}

/// What became of an objection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objected {
    /// It is recorded
    New,
    /// It was recorded before
    Known,
    /// There are so many of the assumption that one more is not recorded
    TooMany,
    /// The line tells of no assumption
    NoSuchLine,
}

/// An assumption as a team was told of it.
#[derive(Debug, Clone)]
pub struct Assumption {
    /// The line's id
    pub id: i64,
    /// Its name
    pub line: LineId,
    /// The team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// The event of the note
    pub event_id: i64,
    /// The note; `None` if this version cannot read it
    pub event: Option<Event>,
}

/// An objection that the ledger does not tell of yet.
#[derive(Debug, Clone)]
pub struct Unanswered {
    /// The objection's id
    pub id: i64,
    /// What it is against
    pub assumption: Assumption,
    /// The objection
    pub objection: Objection,
}

/// An assumption whose time to object is over.
#[derive(Debug, Clone)]
pub struct Unopposed {
    /// The assumption
    pub assumption: Assumption,
    /// Whether it arrived
    pub arrived: bool,
    /// Until when the team could object
    pub until: Timestamp,
    /// What happened in the conversation since, oldest first
    pub since: Vec<Event>,
}

/// What comes of assumptions.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The objection that it comes of; `None` where nobody objected
    pub objection: Option<i64>,
    /// The ids of the assumptions' lines, each with what came of it
    pub lines: Vec<(i64, Reason)>,
    /// What the author is told; `None` if nothing
    pub told: Option<Told>,
}

/// What the author of an assumption is told.
#[derive(Debug, Clone)]
pub struct Told {
    /// The channel that has the page where the assumption was made
    pub to: Destination,
    /// The page: `owner/repo#45`, a ticket's key
    pub page: String,
    /// What is said there
    pub message: Message,
    /// That, as the ledger has it
    pub reason: Reason,
}

impl Store {
    /// Records an objection: the ledger, and the author where that is wanted, are told of it soon. After it nobody says
    /// that the team agreed.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn object(&self, objection: Objection) -> Result<Objected, StoreError> {
        self.write(move |conn| Box::pin(object(conn, objection))).await
    }

    /// The assumptions that a line told of, with those that were told in the same message.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn assumptions(&self, line: LineId) -> Result<Vec<Assumption>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.*, e.body FROM ledger lead
             JOIN ledger l ON l.id = lead.id OR l.lead_id = lead.id JOIN event e ON e.id = l.event_id
             WHERE lead.delivery_id = $1 AND lead.line = $2
               AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL ORDER BY l.id LIMIT 50",
        )
        .bind(line.delivery)
        .bind(line.line)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(assumption).collect()
    }

    /// The assumption that was told last in a conversation of a channel (`email`, `slack`), by what the channel calls the
    /// conversation's first message: a Message-ID, Slack's `CHANNEL/TS`.
    ///
    /// # Errors
    /// As above
    pub async fn assumption_in(&self, channel: &str, root: &str) -> Result<Option<Assumption>, StoreError> {
        let row = sqlx::query(
            "SELECT l.*, e.body FROM conversation c
             JOIN send s ON s.destination = c.destination AND s.thread = c.thread AND s.state = 'sent'
             JOIN ledger l ON l.id = s.ledger_id OR l.lead_id = s.ledger_id JOIN event e ON e.id = l.event_id
             WHERE c.root = $2 AND c.destination LIKE $1 || ':%'
               AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL
             ORDER BY s.sent_at DESC, l.id DESC LIMIT 1",
        )
        .bind(channel)
        .bind(root)
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(assumption).transpose()
    }

    /// Objections that the ledger does not tell of yet, oldest first, at most 64.
    ///
    /// # Errors
    /// As above
    pub async fn unanswered(&self) -> Result<Vec<Unanswered>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.*, e.body, o.id AS objection, o.key, o.made_by, o.through, o.text, o.made_at
             FROM objection o JOIN ledger l ON l.id = o.ledger_id JOIN event e ON e.id = l.event_id
             WHERE o.waits = 1 ORDER BY o.id LIMIT 64",
        )
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(unanswered).collect()
    }

    /// Assumptions whose time to object is over, at most 64; none while a delivery that came late may yet be an objection.
    ///
    /// # Errors
    /// As above
    pub async fn unopposed(&self, now: Timestamp) -> Result<Vec<Unopposed>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.*, e.body,
                    (SELECT json_group_array(json(se.body) ORDER BY se.id) FROM ledger o JOIN event se ON se.id = o.event_id
                     WHERE o.thread IN (l.thread, (SELECT thread FROM subject WHERE key = l.subject))
                       AND o.delivery_id > l.delivery_id) AS since
             FROM ledger l JOIN event e ON e.id = l.event_id
             WHERE l.object_at <= $1 AND l.state <> 'held' AND NOT EXISTS (SELECT 1 FROM recovered WHERE NOT parked)
             ORDER BY l.object_at, l.event_id, l.id LIMIT 64",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(unopposed).collect()
    }

    /// Records what comes of assumptions, and queues what their authors are told.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn conclude(&self, outcomes: Vec<Outcome>, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn| Box::pin(conclude(conn, outcomes, now))).await
    }
}

async fn object(conn: &mut SqliteConnection, objection: Objection) -> Result<Objected, StoreError> {
    let Objection { line, key, by, through, text, at } = objection;
    let row = sqlx::query(
        "SELECT l.id, count(o.id) AS count, coalesce(max(o.key = $3), 0) AS known
         FROM ledger l LEFT JOIN objection o ON o.ledger_id = l.id
         WHERE l.delivery_id = $1 AND l.line = $2
           AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL
         GROUP BY l.id",
    )
    .bind(line.delivery)
    .bind(line.line)
    .bind(&key)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(Objected::NoSuchLine) };
    let (count, known): (i64, bool) = (row.try_get("count")?, row.try_get("known")?);
    if known || count >= MOST_OBJECTIONS {
        return Ok(if known { Objected::Known } else { Objected::TooMany });
    }
    let id: i64 = row.try_get("id")?;
    sqlx::query(
        "INSERT INTO objection (ledger_id, key, made_by, through, text, made_at) VALUES ($1, $2, $3, $4, $5, $6);

         UPDATE ledger SET object_at = NULL WHERE id = $1",
    )
    .bind(id)
    .bind(key)
    .bind(shorten(&clean(&by), LONGEST_NAME))
    .bind(through.as_str())
    .bind(shorten(text.trim(), LONGEST_TEXT))
    .bind(at.as_millisecond())
    .execute(conn)
    .await?;
    Ok(Objected::New)
}

async fn conclude(conn: &mut SqliteConnection, outcomes: Vec<Outcome>, now: Timestamp) -> Result<(), StoreError> {
    for outcome in outcomes {
        if !still_stands(conn, &outcome).await? {
            continue;
        }
        sqlx::query(
            "UPDATE ledger SET object_at = NULL,
                    outcome = json_insert(coalesce(outcome, '[]'), '$[#]', json(value ->> 1))
             FROM json_each($1) WHERE ledger.id = value ->> 0",
        )
        .bind(to_json(&outcome.lines)?)
        .execute(&mut *conn)
        .await?;
        if let Some(told) = &outcome.told {
            let lines = outcome.lines.iter().map(|(id, _)| *id);
            tell(conn, (told, lines), now).await?;
        }
    }
    Ok(())
}

/// Whether nobody dealt with the objection, or objected, since it was read.
async fn still_stands(conn: &mut SqliteConnection, outcome: &Outcome) -> Result<bool, StoreError> {
    if let Some(id) = outcome.objection {
        let taken = sqlx::query("UPDATE objection SET waits = 0 WHERE id = $1 AND waits = 1").bind(id);
        return Ok(taken.execute(conn).await?.rows_affected() > 0);
    }
    let row = sqlx::query(
        "SELECT NOT EXISTS (SELECT 1 FROM json_each($1) JOIN ledger l ON l.id = value ->> 0 WHERE l.object_at IS NULL)",
    )
    .bind(to_json(&outcome.lines)?)
    .fetch_one(conn)
    .await?;
    Ok(row.try_get(0)?)
}

/// Writes a line for each assumption that an author is told of; the first has the message.
async fn tell(
    conn: &mut SqliteConnection,
    (told, lines): (&Told, impl Iterator<Item = i64>),
    now: Timestamp,
) -> Result<(), StoreError> {
    let message = to_json(&told.message)?;
    let (sending, tells) = (to_json(&Reason::Sending)?, to_json(&[&told.reason])?);
    let mut lead = None;
    for assumption in lines {
        let row = sqlx::query(
            "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                                 message, outcome, answers, lead_id)
             SELECT delivery_id, (SELECT max(line) + 1 FROM ledger n WHERE n.delivery_id = l.delivery_id), event_id,
                    source, kind, subject, thread, team, rule, 'held', $2, $3, $4, $6, l.id, $5
             FROM ledger l WHERE id = $1 RETURNING id",
        )
        .bind(assumption)
        .bind(&sending)
        .bind(now.as_millisecond())
        .bind(lead.is_none().then_some(&message))
        .bind(lead)
        .bind(&tells)
        .fetch_one(&mut *conn)
        .await?;
        if lead.is_none() {
            lead = Some(row.try_get::<i64, _>("id")?);
        }
    }
    sqlx::query(
        "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, 'queued', $2, $2 FROM json_each($1)",
    )
    .bind(to_json(&[json!([lead, told.to, told.page])])?)
    .bind(now.as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

fn assumption(row: &SqliteRow) -> Result<Assumption, StoreError> {
    let body: &str = row.try_get("body")?;
    // What this version cannot read must not hold up what waits beside it.
    let event = from_json(body).inspect_err(|error| tracing::error!(%error, "our fault: an event cannot be read"));
    Ok(Assumption {
        id: row.try_get("id")?,
        line: LineId { delivery: row.try_get("delivery_id")?, line: row.try_get("line")? },
        team: row.try_get("team")?,
        rule: row.try_get("rule")?,
        event_id: row.try_get("event_id")?,
        event: event.ok(),
    })
}

fn unanswered(row: &SqliteRow) -> Result<Unanswered, StoreError> {
    let assumption = assumption(row)?;
    let objection = Objection {
        line: assumption.line,
        key: row.try_get("key")?,
        by: row.try_get("made_by")?,
        through: Through::read(row.try_get("through")?)?,
        text: row.try_get("text")?,
        at: time(row, "made_at")?,
    };
    Ok(Unanswered { id: row.try_get("objection")?, assumption, objection })
}

fn unopposed(row: &SqliteRow) -> Result<Unopposed, StoreError> {
    let (state, since): (&str, &str) = (row.try_get("state")?, row.try_get("since")?);
    let since = from_json(since).inspect_err(|error| tracing::error!(%error, "our fault: events cannot be read"));
    Ok(Unopposed {
        assumption: assumption(row)?,
        arrived: state == "sent",
        until: time(row, "object_at")?,
        since: since.unwrap_or_default(),
    })
}

fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(|e| corrupt("a time", &e))
}
