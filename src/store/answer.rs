//! Answers to assumptions, what becomes of assumptions that nobody answers, and what their authors are told.
//!
//! What an author is told is a line of the ledger with sends of its own, like an update: it is retried, given up and shown in
//! the same way.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::plan::rule_id;
use super::row::{Json, Millis, Row, Text, json, named_params, text, time};
use super::{EntryState, Store, StoreError, Tx};
use crate::destination::Destination;
use crate::event::{Event, RuleId};
use crate::plan::LineId;
use crate::reason::Reason;
use crate::template::{Message, clean, shorten};

/// Whoever answers more often talks to people who know already.
const MOST_OBJECTIONS: i64 = 5;
/// How much of an objection is kept, in letters.
const LONGEST_TEXT: usize = 4_000;
pub(super) const LONGEST_NAME: usize = 100;

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
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Through {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Link, Self::Mail, Self::Slack];
        let found = all.into_iter().find(|through| through.as_str() == text);
        found.ok_or_else(|| format!("`{text}` isn't a way to object"))
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
    /// The assumption has so many that one more is not recorded
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
    /// The rule, and its team
    pub rule: RuleId,
    /// The event of the note
    pub event_id: i64,
    /// The note; `None` if this version cannot read it
    pub event: Option<Event>,
    /// What it is about belongs to a ticket that has a security level now
    pub restricted: bool,
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
    /// A comment carries it to the page as an answer, so that the author reads it there
    pub carried: bool,
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
pub struct Conclusion {
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

/// What is known of a line when somebody objects to it.
struct Known {
    id: i64,
    objections: i64,
    /// Whether this objection is among them
    recorded: bool,
}

impl Store {
    /// Records an objection: the ledger, and the author where that is wanted, are told of it soon. From then on nobody is
    /// told that the team agreed.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn object(&self, objection: Objection) -> Result<Objected, StoreError> {
        self.write(move |tx| tx.object(&objection)).await
    }

    /// The assumptions that a line told of, with those that were told in the same message.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn assumptions(&self, line: LineId) -> Result<Vec<Assumption>, StoreError> {
        self.read(move |tx| {
            let id = tx.value::<i64>(
                "SELECT id FROM ledger WHERE delivery_id = :delivery AND line = :line",
                named_params! { ":delivery": line.delivery, ":line": line.line },
            )?;
            let told = id.map_or(Ok(Vec::new()), |id| tx.assumptions_in(id))?;
            Ok(told.into_iter().map(|(assumption, _)| assumption).collect())
        })
        .await
    }
}

/// What is read of a line that tells an assumption.
pub(super) const LINE: &str =
    "l.id, l.delivery_id, l.line, l.event_id, l.team, l.rule, l.state, l.object_at, l.outcome";

/// Whether what a line is about belongs to a ticket that has a security level now.
pub(super) const RESTRICTED: &str = "EXISTS (
    SELECT 1 FROM subject t WHERE t.key = coalesce((SELECT thread FROM subject WHERE key = l.subject), l.thread)
      AND t.state ->> '$.about.type' = 'ticket' AND t.state -> '$.about.restricted' = 'true') AS restricted";

impl Tx<'_> {
    /// Objections that the ledger does not tell of yet, oldest first, at most 64. Those that are answers too come once it is
    /// decided whether the answer is carried.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn unanswered(&self) -> Result<Vec<Unanswered>, StoreError> {
        let sql = format!(
            "SELECT {LINE}, e.body, {RESTRICTED}, o.id AS objection, o.key, o.made_by, o.through, o.text, o.made_at,
                    EXISTS (SELECT 1 FROM answer a JOIN ledger c ON c.id = a.ledger_id JOIN send s ON s.ledger_id = a.carrier_id
                            WHERE a.key = o.key AND c.subject = l.subject) AS carried
             FROM objection o JOIN ledger l ON l.id = o.ledger_id JOIN event e ON e.id = l.event_id
             WHERE o.waits = 1 AND NOT EXISTS (
                 SELECT 1 FROM answer a WHERE a.key = o.key AND a.carrier_id IS NULL AND a.waits = 1)
             ORDER BY o.id LIMIT 64"
        );
        self.rows(&sql, [], unanswered)
    }

    /// Assumptions whose time to object is over, at most 64; none while a delivery that came late may yet be an objection.
    ///
    /// # Errors
    /// As above
    pub fn unopposed(&self, now: Timestamp) -> Result<Vec<Unopposed>, StoreError> {
        let sql = format!(
            "SELECT {LINE}, e.body, {RESTRICTED} FROM ledger l JOIN event e ON e.id = l.event_id
             WHERE l.object_at <= :now AND l.state <> 'held' AND NOT EXISTS (SELECT 1 FROM recovered WHERE parked = 0)
             ORDER BY l.object_at LIMIT 64"
        );
        self.rows(&sql, named_params! { ":now": Millis(now) }, |row| {
            let assumption = assumption(row)?;
            let since = self.events_since(assumption.id)?;
            let state: EntryState = text(row, "state")?;
            Ok(Unopposed { assumption, arrived: state == EntryState::Sent, until: time(row, "object_at")?, since })
        })
    }

    /// What happened in a line's conversation after it, oldest first, so far as this version can read it.
    fn events_since(&self, line: i64) -> Result<Vec<Event>, StoreError> {
        let events = self.rows(
            "SELECT e.body FROM ledger l
             CROSS JOIN ledger o ON o.thread IN (l.thread, (SELECT thread FROM subject WHERE key = l.subject))
             JOIN event e ON e.id = o.event_id
             WHERE l.id = :line AND o.delivery_id > l.delivery_id ORDER BY e.id",
            named_params! { ":line": line },
            event,
        )?;
        Ok(events.into_iter().flatten().collect())
    }

    /// Records what comes of assumptions, and queues what their authors are told.
    ///
    /// # Errors
    /// As above
    pub fn conclude(&self, conclusions: &[Conclusion], now: Timestamp) -> Result<(), StoreError> {
        for conclusion in conclusions {
            if !self.still_stands(conclusion)? {
                continue;
            }
            for (line, reason) in &conclusion.lines {
                self.put(
                    "UPDATE ledger SET object_at = NULL,
                            outcome = json_insert(coalesce(outcome, '[]'), '$[#]', json(:reason)) WHERE id = :line",
                    named_params! { ":line": line, ":reason": Json(reason) },
                )?;
            }
            if let Some(told) = &conclusion.told {
                self.tell_author(told, &conclusion.lines, now)?;
            }
        }
        Ok(())
    }

    /// Whether nobody dealt with the objection, or objected, since it was read.
    fn still_stands(&self, conclusion: &Conclusion) -> Result<bool, StoreError> {
        if let Some(id) = conclusion.objection {
            let taken =
                self.run("UPDATE objection SET waits = 0 WHERE id = :id AND waits = 1", named_params! { ":id": id })?;
            return Ok(taken > 0);
        }
        for (line, _) in &conclusion.lines {
            if self.holds("SELECT object_at IS NULL FROM ledger WHERE id = :line", named_params! { ":line": line })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a line for each assumption that an author is told of; the first has the message.
    fn tell_author(&self, told: &Told, lines: &[(i64, Reason)], now: Timestamp) -> Result<(), StoreError> {
        let mut lead: Option<i64> = None;
        for (assumption, _) in lines {
            let message = lead.is_none().then_some(Json(&told.message));
            let new = self.value(
                "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state,
                                     reason, at, message, outcome, answers, lead_id)
                 SELECT delivery_id, (SELECT max(line) + 1 FROM ledger n WHERE n.delivery_id = l.delivery_id), event_id,
                        source, kind, subject, thread, team, rule, 'held',
                        :reason, :now, :message, :outcome, l.id, :lead
                 FROM ledger l WHERE id = :assumption RETURNING id",
                named_params! { ":assumption": assumption, ":reason": Json(Reason::Sending), ":now": Millis(now),
                ":message": message, ":outcome": Json([&told.reason]), ":lead": lead },
            )?;
            lead = lead.or(Some(new.ok_or_else(StoreError::nothing_found)?));
        }
        self.put(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             VALUES (:lead, :to, :page, 'queued', :now, :now)",
            named_params! { ":lead": lead, ":to": Text(&told.to), ":page": told.page, ":now": Millis(now) },
        )
    }

    pub(super) fn object(&self, objection: &Objection) -> Result<Objected, StoreError> {
        let Objection { line, key, by, through, text, at } = objection;
        let known = self.row(
            "SELECT l.id, count(o.id) AS objections, max(iif(o.key = :key, 1, 0)) AS recorded
             FROM ledger l LEFT JOIN objection o ON o.ledger_id = l.id
             WHERE l.delivery_id = :delivery AND l.line = :line
               AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL
             GROUP BY l.id",
            named_params! { ":delivery": line.delivery, ":line": line.line, ":key": key },
            |row| {
                let (objections, recorded) = (row.get("objections")?, row.get("recorded")?);
                Ok(Known { id: row.get("id")?, objections, recorded })
            },
        )?;
        let id = match known {
            None => return Ok(Objected::NoSuchLine),
            Some(known) if known.recorded => return Ok(Objected::Known),
            Some(known) if known.objections >= MOST_OBJECTIONS => return Ok(Objected::TooMany),
            Some(known) => known.id,
        };
        self.put(
            "INSERT INTO objection (ledger_id, key, made_by, through, text, made_at)
             VALUES (:line, :key, :by, :through, :text, :at)",
            named_params! { ":line": id, ":key": key, ":by": shorten(&clean(by), LONGEST_NAME),
            ":through": Text(through), ":text": shorten(text.trim(), LONGEST_TEXT), ":at": Millis(*at) },
        )?;
        self.put("UPDATE ledger SET object_at = NULL WHERE id = :line", named_params! { ":line": id })?;
        Ok(Objected::New)
    }
}

/// The event of a row. One that this version cannot read must not hold up what waits beside it.
pub(super) fn event(row: &Row<'_>) -> Result<Option<Event>, StoreError> {
    match json(row, "body") {
        Ok(event) => Ok(Some(event)),
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(%error, "our fault: an event cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn assumption(row: &Row<'_>) -> Result<Assumption, StoreError> {
    Ok(Assumption {
        id: row.get("id")?,
        line: LineId { delivery: row.get("delivery_id")?, line: row.get("line")? },
        rule: rule_id(row)?,
        event_id: row.get("event_id")?,
        event: event(row)?,
        restricted: row.get("restricted")?,
    })
}

fn unanswered(row: &Row<'_>) -> Result<Unanswered, StoreError> {
    let assumption = assumption(row)?;
    let objection = Objection {
        line: assumption.line,
        key: row.get("key")?,
        by: row.get("made_by")?,
        through: text(row, "through")?,
        text: row.get("text")?,
        at: time(row, "made_at")?,
    };
    Ok(Unanswered { id: row.get("objection")?, assumption, objection, carried: row.get("carried")? })
}
