//! Sends: claimed under a lease, then ended by whoever holds the newest fence.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Row, named_params};
use serde::Serialize;

use super::bounce::{Refusals, refusals};
use super::plan::rule_id;
use super::row::{Json, Millis, json, text, time};
use super::writer::{Job, Urgency};
use super::{Store, StoreError, Tx};
use crate::destination::{Destination, Manner};
use crate::event::{EventKind, RuleId};
use crate::plan::LineId;
use crate::reason::{Code, Reason};
use crate::template::Message;

/// A claim is void after this long: longer than a whole claim of sends that all run into their deadlines.
const LEASE: Duration = Duration::from_secs(600);

/// A send that this process may make now.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id, stable over retries
    pub id: i64,
    /// What must be shown to record how it ended
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
    /// The rule it comes from, and the team that it is for
    pub rule: RuleId,
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
pub enum SendOutcome {
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
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Room {
    /// Destinations that get nothing now
    pub(super) busy: Vec<Destination>,
    /// How many destinations of a channel can be served at a time
    pub(super) lanes: usize,
    /// How many more of a channel can, where some are
    pub(super) free: HashMap<String, usize>,
}

impl Store {
    /// Records how an attempt ended. `false` when another worker took the send over since.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn record_outcome(&self, claimed: &Claimed, outcome: &SendOutcome) -> Result<bool, StoreError> {
        let ended = Ended::of(claimed, outcome);
        let (job, answer) = Job::new(Urgency::Now, move |tx| tx.record_outcome(&ended));
        self.writer.send(job).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)?
    }

    /// Tries again what failed, at the request of a person: the failed sends of a line, or the reading of a delivery
    /// that was ignored. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn retry(&self, line: LineId) -> Result<usize, StoreError> {
        self.write(move |tx| tx.retry(line)).await
    }
}

/// What is noted, with the attempt's number behind it, of a send that was under way when the process died.
const STOPPED: &str = "ambiguous: the service stopped during attempt ";

/// From one destination to the next in the index, past all that waits for it.
const CLAIM: &str =
        "WITH RECURSIVE destinations (name) AS (
             SELECT min(destination) FROM send WHERE state IN ('queued', 'sending')
             UNION ALL
             SELECT (SELECT min(destination) FROM send
                     WHERE state IN ('queued', 'sending') AND destination > destinations.name)
             FROM destinations WHERE destinations.name IS NOT NULL),
         waiting (name, channel, since) AS (
             SELECT name, substr(name, 1, instr(name || ':', ':') - 1),
                    (SELECT next_at FROM send
                     WHERE destination = name AND state IN ('queued', 'sending') AND next_at <= :now ORDER BY id LIMIT 1)
             FROM destinations WHERE name NOT IN (SELECT value FROM json_each(:room, '$.busy'))),
         due (name) AS (
             SELECT name FROM (
                 SELECT name, channel, row_number() OVER (PARTITION BY channel ORDER BY since) AS place
                 FROM waiting WHERE since IS NOT NULL)
             WHERE place <= coalesce((SELECT value FROM json_each(:room, '$.free') WHERE key = channel), :room ->> '$.lanes'))
         SELECT s.id, s.fence, s.attempts, s.destination, s.thread, s.created_at, s.error, s.doubtful, l.digest, c.root,
                c.editable, c.subject, l.message, l.team, l.rule, l.kind, l.delivery_id || '.' || l.line AS name,
                l.answers IS NULL AND (l.kind = 'note.assumed' OR EXISTS (
                    SELECT 1 FROM ledger o WHERE o.lead_id = l.id AND o.kind = 'note.assumed')) AS assumes,
                b.refusals, b.first_at, b.last_at, b.error AS refused
         FROM due CROSS JOIN send s ON s.id IN (
             SELECT id FROM send n
             WHERE n.destination = due.name AND n.state IN ('queued', 'sending') AND n.next_at <= :now
               AND NOT EXISTS (
                   SELECT 1 FROM send e
                   WHERE e.destination = n.destination AND e.thread = n.thread AND e.id < n.id
                     AND e.state IN ('queued', 'sending'))
             ORDER BY n.id LIMIT 16)
         JOIN ledger l ON l.id = s.ledger_id
         LEFT JOIN conversation c ON c.destination = s.destination AND c.thread = s.thread
         LEFT JOIN bounce b ON b.destination = s.destination";

impl Tx<'_> {
    /// At start: what was under way when the process died may or may not have arrived. What is claimed together for a
    /// destination, and so has the same `next_at`, is tried in order, each once the one before it has ended: so that is the
    /// first of those that are left, and the others were not tried. The states are named as the index has them, so that it is
    /// used.
    pub(super) fn release_claims(&self) -> Result<(), StoreError> {
        self.run(
            "UPDATE send SET state = 'queued', next_at = :now, fence = fence + 1,
                    attempts = iif(id = tried, attempts, attempts - 1),
                    doubtful = iif(id = tried, 1, doubtful), error = iif(id = tried, :stopped || attempts, error)
             FROM (SELECT destination AS place, next_at AS lease, min(id) AS tried FROM send
                   WHERE state = 'sending' AND state IN ('queued', 'sending') GROUP BY destination, next_at)
             WHERE destination = place AND next_at = lease AND state = 'sending' AND state IN ('queued', 'sending')",
            named_params! { ":now": Millis(Timestamp::now()), ":stopped": STOPPED },
        )?;
        Ok(())
    }

    /// Claims the next sends at `now`, where there is room.
    pub(super) fn claim_in(&self, room: &Room, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        let params = named_params! { ":now": Millis(now), ":room": Json(room) };
        let mut claimed = self.rows(CLAIM, params, claimed)?;
        claimed.sort_by_key(|send| send.id);
        for send in &claimed {
            self.run(
                "UPDATE send SET state = 'sending', attempts = attempts + 1, fence = fence + 1, next_at = :lease
                 WHERE id = :id",
                named_params! { ":lease": Millis(now + LEASE), ":id": send.id },
            )?;
        }
        Ok(claimed)
    }

    /// Writes how an attempt ended. An update is over when all of its sends are. Says whether the send was still the
    /// worker's own.
    fn record_outcome(&self, ended: &Ended) -> Result<bool, StoreError> {
        let own = self.run(
            "UPDATE send SET state = :state, attempts = :attempts, next_at = :next, sent_at = :sent, error = :error,
                             doubtful = :doubtful
             WHERE id = :id AND fence = :fence AND state = 'sending'",
            named_params! { ":state": ended.state, ":attempts": ended.attempts, ":next": Millis(ended.next),
            ":sent": ended.sent.map(Millis), ":error": ended.error, ":doubtful": ended.doubtful,
            ":id": ended.id, ":fence": ended.fence },
        )?;
        if own == 0 {
            return Ok(false);
        }
        if ended.sent.is_some() {
            self.go_on_from(ended)?;
            self.note_reached(&ended.destination)?;
        }
        if ended.refused {
            self.note_refused(&ended.destination, ended.error.as_deref(), ended.next)?;
        }
        if ended.state != "queued" {
            self.end_lines_of(ended.id)?;
        }
        Ok(true)
    }

    /// Remembers the first message of a conversation, which later ones answer to.
    fn go_on_from(&self, ended: &Ended) -> Result<(), StoreError> {
        if ended.anew {
            self.run(
                "DELETE FROM conversation WHERE (destination, thread) IN (SELECT destination, thread FROM send WHERE id = :id)",
                named_params! { ":id": ended.id },
            )?;
        }
        if ended.reference.is_some() {
            self.run(
                "INSERT INTO conversation (destination, thread, root, subject, editable)
                 SELECT s.destination, s.thread, :reference, :subject,
                        iif(l.kind LIKE 'note.%' OR EXISTS (SELECT 1 FROM ledger WHERE lead_id = l.id), NULL, l.team)
                 FROM send s JOIN ledger l ON l.id = s.ledger_id WHERE s.id = :id ON CONFLICT DO NOTHING",
                named_params! { ":reference": ended.reference, ":subject": ended.subject, ":id": ended.id },
            )?;
        }
        Ok(())
    }

    /// Ends the lines that a send's message tells, once none of its sends waits or is under way.
    fn end_lines_of(&self, send: i64) -> Result<(), StoreError> {
        self.run(
            "UPDATE ledger SET
                 state = iif(EXISTS (SELECT 1 FROM send WHERE ledger_id = m.id AND state = 'failed'), 'failed', 'sent'),
                 reason = iif(EXISTS (SELECT 1 FROM send WHERE ledger_id = m.id AND state = 'failed'),
                     json_object('code', :undelivered, 'failed', json((
                         SELECT json_group_array(json_object('destination', destination, 'error', error)) FROM send
                         WHERE ledger_id = m.id AND state = 'failed'))),
                     json_object('code', :sent, 'with', iif(ledger.id = m.id, NULL, m.name)))
             FROM (SELECT l.id, l.delivery_id || '.' || l.line AS name
                   FROM send s JOIN ledger l ON l.id = s.ledger_id WHERE s.id = :send) AS m
             WHERE (ledger.id = m.id OR ledger.lead_id = m.id)
               AND NOT EXISTS (SELECT 1 FROM send WHERE ledger_id = m.id AND state IN ('queued', 'sending'))",
            named_params! { ":undelivered": Code::Undelivered.as_str(), ":sent": Code::Sent.as_str(), ":send": send },
        )?;
        Ok(())
    }

    fn retry(&self, LineId { delivery, line }: LineId) -> Result<usize, StoreError> {
        let message = self.value::<i64>(
            "SELECT coalesce(lead_id, id) FROM ledger WHERE delivery_id = :delivery AND line = :line",
            named_params! { ":delivery": delivery, ":line": line },
        )?;
        let Some(message) = message else { return Ok(0) };
        let retried = self.run(
            "UPDATE send SET state = 'queued', next_at = :now, created_at = :now
             WHERE state = 'failed' AND ledger_id = :message",
            named_params! { ":now": Millis(Timestamp::now()), ":message": message },
        )?;
        if retried == 0 {
            return self.read_again(LineId { delivery, line });
        }
        self.run(
            "UPDATE ledger SET state = 'held', reason = :reason WHERE id = :message OR lead_id = :message",
            named_params! { ":reason": Json(Reason::SendingAgain), ":message": message },
        )?;
        Ok(retried)
    }

    /// A delivery that was ignored is read again: a newer version may understand it.
    fn read_again(&self, LineId { delivery, line }: LineId) -> Result<usize, StoreError> {
        let gone = "SELECT length(body) = 0 FROM delivery WHERE id = :id";
        let gone = self.holds(gone, named_params! { ":id": delivery })?;
        let ignored = self.run(
            "DELETE FROM ledger WHERE delivery_id = :delivery AND line = :line AND state = 'ignored'",
            named_params! { ":delivery": delivery, ":line": line },
        )?;
        if ignored > 0 && gone {
            return Err(StoreError::NoBody(delivery));
        }
        if ignored > 0 {
            self.run("UPDATE delivery SET waits = 1 WHERE id = :id", named_params! { ":id": delivery })?;
        }
        Ok(ignored)
    }
}

/// How an attempt ended, as the row has it.
struct Ended {
    id: i64,
    fence: i64,
    destination: String,
    subject: String,
    state: &'static str,
    attempts: i64,
    next: Timestamp,
    sent: Option<Timestamp>,
    error: Option<String>,
    doubtful: bool,
    reference: Option<String>,
    anew: bool,
    refused: bool,
}

impl Ended {
    fn of(claimed: &Claimed, outcome: &SendOutcome) -> Self {
        let now = Timestamp::now();
        let ended = Self {
            id: claimed.id,
            fence: claimed.fence,
            destination: claimed.destination.to_string(),
            subject: claimed.message.subject.clone(),
            state: "failed",
            attempts: claimed.attempt,
            next: now,
            sent: None,
            error: None,
            doubtful: claimed.doubtful,
            reference: None,
            anew: false,
            refused: false,
        };
        match outcome.clone() {
            SendOutcome::Sent { reference, anew, doubt } => {
                Self { state: "sent", sent: Some(now), error: doubt, reference, anew, ..ended }
            }
            SendOutcome::Again { at, error, doubtful } => {
                Self { state: "queued", next: at, error: Some(error), doubtful, ..ended }
            }
            SendOutcome::Unclaimed => {
                Self { state: "queued", attempts: claimed.attempt - 1, error: claimed.error.clone(), ..ended }
            }
            SendOutcome::Failed { error, doubtful } => Self { error: Some(error), doubtful, ..ended },
            SendOutcome::Refused { error } => Self { error: Some(error), doubtful: false, refused: true, ..ended },
        }
    }
}

fn claimed(row: &Row<'_>) -> Result<Claimed, StoreError> {
    let (fence, attempts): (i64, i64) = (row.get("fence")?, row.get("attempts")?);
    let mut message: Message = json(row, "message")?;
    // Mail programs split a conversation whose subject changes.
    if let Some(subject) = row.get("subject")?
        && !message.private
        && !message.own_subject
    {
        message.subject = subject;
    }
    let rule = rule_id(row)?;
    // Nobody else's words are replaced, and none of a note.
    let editable: Option<String> = row.get("editable")?;
    if message.manner == Manner::Edit && editable.as_ref() != Some(&rule.team) {
        message.manner = Manner::Reply;
    }
    Ok(Claimed {
        id: row.get("id")?,
        fence: fence + 1,
        attempt: attempts + 1,
        destination: text(row, "destination")?,
        thread: row.get("thread")?,
        digest: row.get("digest")?,
        root: row.get("root")?,
        message,
        rule,
        kind: text(row, "kind")?,
        update: row.get("name")?,
        created: time(row, "created_at")?,
        error: row.get("error")?,
        doubtful: row.get("doubtful")?,
        assumes: row.get("assumes")?,
        refusals: refusals(row)?,
    })
}
