//! What people answer to messages, on its way to the page that a message is about: each answer is one comment there.
//!
//! The comment is the message of a line of the ledger with a send of its own, like what an author is told, so it is retried,
//! given up and shown in the same way. When the answer is edited or taken back, that send is made once more, as an edit.

use jiff::Timestamp;

use super::answer::{RESTRICTED, Through, event};
use super::plan::rule_id;
use super::row::{Json, Millis, Row, Text, named_params, text, time};
use super::{StoreError, Tx};
use crate::destination::Destination;
use crate::event::{Event, RuleId};
use crate::reason::Reason;
use crate::template::Message;

/// What somebody answered, in its latest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The id of the line that it answers
    pub line: i64,
    /// Names the answer, so that it counts once: a Message-ID, Slack's `CHANNEL/TS`
    pub key: String,
    /// Who it is, as they say; empty if they don't
    pub by: String,
    /// Their login on GitHub, if that is certain
    pub login: Option<String>,
    /// How it came
    pub through: Through,
    /// Whether they don't belong to the company, as far as is known
    pub outside: bool,
    /// What they wrote
    pub text: String,
    /// When
    pub at: Timestamp,
    /// Grows with each edit
    pub version: i64,
    /// It was taken back
    pub gone: bool,
}

/// An answer that is to be carried, or changed where it was carried to.
#[derive(Debug, Clone)]
pub struct Uncarried {
    /// The answer's id
    pub id: i64,
    /// The answer
    pub answer: Answer,
    /// The rule of the message that it answers, and the team
    pub rule: RuleId,
    /// What the message was about; `None` if this version cannot read it
    pub event: Option<Event>,
    /// It is an objection
    pub objects: bool,
    /// What it is about belongs to a ticket that has a security level now
    pub restricted: bool,
}

/// What becomes of an answer.
#[derive(Debug, Clone)]
pub enum Carriage {
    /// It is written there, or what was written is changed
    Comment {
        /// The channel that has the page
        to: Destination,
        /// What is written
        message: Box<Message>,
    },
    /// It is not carried, for this reason
    Withheld(Reason),
}

/// Where an answer has got to.
struct Carrier {
    line: Option<i64>,
    send: Option<(i64, String)>,
    gone: bool,
    /// The page has it, or may have it
    out: bool,
    by: String,
}

impl Tx<'_> {
    /// Answers that are to be carried, or changed where they were, oldest first, at most 64.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn uncarried(&self) -> Result<Vec<Uncarried>, StoreError> {
        let sql = format!(
            "SELECT a.id, a.ledger_id, a.key, a.made_by, a.login, a.through, a.outside, a.text, a.made_at, a.version, a.gone,
                    l.team, l.rule, e.body, {RESTRICTED},
                    EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = a.ledger_id AND o.key = a.key) AS objects
             FROM answer a JOIN ledger l ON l.id = a.ledger_id JOIN event e ON e.id = l.event_id
             WHERE a.waits = 1 AND NOT EXISTS (
                 SELECT 1 FROM send s WHERE s.ledger_id = a.carrier_id AND s.state = 'sending')
             ORDER BY a.id LIMIT 64"
        );
        self.rows(&sql, [], uncarried)
    }

    /// Carries an answer that isn't under way, or changes what was carried.
    ///
    /// # Errors
    /// As above
    pub fn carry(&self, id: i64, carriage: &Carriage, now: Timestamp) -> Result<(), StoreError> {
        let Some(carrier) = self.carrier(id)? else { return Ok(()) };
        self.put("UPDATE answer SET waits = 0 WHERE id = :id", named_params! { ":id": id })?;
        match (carriage, carrier.line, &carrier.send) {
            (Carriage::Withheld(reason), None, _) => self.withhold(id, reason, now),
            (Carriage::Withheld(reason), Some(line), Some((_, state))) if state != "sent" => {
                self.forget_words(id)?;
                if carrier.out { self.stop(line, reason, now) } else { self.cancel(line, reason, now) }
            }
            // What is there already stays.
            (Carriage::Withheld(_), ..) => self.forget_words(id),
            (Carriage::Comment { .. }, None, _) if carrier.gone => Ok(()),
            (Carriage::Comment { to, message }, None, _) => self.begin((id, to, message), &carrier.by, now),
            (Carriage::Comment { .. }, Some(line), Some((_, state)))
                if carrier.gone && !carrier.out && state != "sent" =>
            {
                self.cancel(line, &Reason::WordsTakenBack, now)
            }
            (Carriage::Comment { message, .. }, Some(line), Some((send, state))) => {
                self.put(
                    "UPDATE ledger SET message = :message WHERE id = :line",
                    named_params! { ":message": Json(message), ":line": line },
                )?;
                if state == "sent" || (state == "failed" && carrier.out) {
                    self.send_anew((line, *send), now)
                } else {
                    Ok(())
                }
            }
            // It was not carried when it was said.
            (Carriage::Comment { .. }, Some(_), None) => self.forget_words(id),
        }
    }

    /// Looks once more at answers, and takes back objections, that are on their way to GitHub or might be sent there again, in a
    /// conversation whose ticket has a security level now.
    pub(super) fn doubt_answers(&self, thread: &str, now: Timestamp) -> Result<(), StoreError> {
        // As the indexes have it, so that they are used.
        for which in ["s.state IN ('queued', 'sending')", "s.state = 'failed'"] {
            let params = named_params! { ":github": Text(&Destination::Github), ":thread": thread };
            let of_thread = ":thread IN (l.thread, (SELECT thread FROM subject WHERE key = l.subject))";
            let answers = format!(
                "UPDATE answer SET waits = 1 WHERE id IN (
                     SELECT a.id FROM send s CROSS JOIN answer a ON a.carrier_id = s.ledger_id
                     JOIN ledger l ON l.id = a.ledger_id WHERE s.destination = :github AND {which} AND {of_thread})"
            );
            self.put(&answers, params)?;
            let objections = format!(
                "SELECT l.id FROM send s CROSS JOIN ledger l ON l.id = s.ledger_id
                 WHERE s.destination = :github AND {which} AND l.answers IS NOT NULL
                   AND l.outcome ->> '$[0].code' = 'tells_objection' AND {of_thread}"
            );
            for line in self.rows(&objections, params, |row| row.get::<_, i64>("id"))? {
                self.withdraw_objection(line, now)?;
            }
        }
        Ok(())
    }

    /// An author isn't told, any more, what somebody objects.
    fn withdraw_objection(&self, line: i64, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE ledger SET withdrawn = :reason WHERE id = :line AND state = 'held'",
            named_params! { ":line": line, ":reason": Json(Reason::AnswerRestricted) },
        )?;
        self.recall(&[line], now)?;
        self.put(
            "UPDATE send SET taken_back = 1 WHERE ledger_id = :line AND state = 'failed'",
            named_params! { ":line": line },
        )?;
        self.put(
            "UPDATE ledger SET message = NULL WHERE id = :line AND state = 'failed'",
            named_params! { ":line": line },
        )
    }

    fn carrier(&self, id: i64) -> Result<Option<Carrier>, StoreError> {
        self.row(
            "SELECT a.carrier_id, a.gone, a.made_by, a.comment IS NOT NULL OR coalesce(s.doubtful, 0) = 1 AS out, s.id AS send, s.state
             FROM answer a LEFT JOIN send s ON s.ledger_id = a.carrier_id WHERE a.id = :id",
            named_params! { ":id": id },
            |row| {
                let send = row.get::<_, Option<i64>>("send")?.zip(row.get::<_, Option<String>>("state")?);
                Ok(Carrier {
                    line: row.get("carrier_id")?,
                    send,
                    gone: row.get("gone")?,
                    out: row.get("out")?,
                    by: row.get("made_by")?,
                })
            },
        )
    }

    /// Writes the line that carries an answer, and queues its message.
    fn begin(
        &self,
        (id, to, message): (i64, &Destination, &Message),
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let reason = Reason::CarriesAnswer { by: by.to_owned() };
        self.add_line((id, "held", &Reason::Sending), (Some(message), &[reason]), now)?;
        self.put(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             SELECT a.carrier_id, :to, l.subject, 'queued', :now, :now
             FROM answer a JOIN ledger l ON l.id = a.ledger_id WHERE a.id = :id",
            named_params! { ":id": id, ":to": Text(to), ":now": Millis(now) },
        )
    }

    /// Writes the line that says why an answer isn't carried. Its words aren't kept.
    fn withhold(&self, id: i64, reason: &Reason, now: Timestamp) -> Result<(), StoreError> {
        self.forget_words(id)?;
        self.add_line((id, "suppressed", reason), (None, &[]), now)
    }

    fn add_line(
        &self,
        (id, state, reason): (i64, &str, &Reason),
        (message, outcome): (Option<&Message>, &[Reason]),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = (!outcome.is_empty()).then_some(Json(outcome));
        let new = self.value::<i64>(
            "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                                 message, outcome, answers)
             SELECT delivery_id, (SELECT max(line) + 1 FROM ledger n WHERE n.delivery_id = l.delivery_id), event_id, source,
                    kind, subject, thread, team, rule, :state, :reason, :now, :message, :outcome, l.id
             FROM answer a JOIN ledger l ON l.id = a.ledger_id WHERE a.id = :id RETURNING id",
            named_params! { ":id": id, ":state": state, ":reason": Json(reason), ":now": Millis(now),
            ":message": message.map(Json), ":outcome": outcome },
        )?;
        let line = new.ok_or_else(StoreError::nothing_found)?;
        self.put("UPDATE answer SET carrier_id = :line WHERE id = :id", named_params! { ":line": line, ":id": id })
    }

    fn forget_words(&self, id: i64) -> Result<(), StoreError> {
        self.put("UPDATE answer SET text = '' WHERE id = :id", named_params! { ":id": id })
    }

    /// Takes back a comment that the page can't have yet.
    fn cancel(&self, line: i64, reason: &Reason, now: Timestamp) -> Result<(), StoreError> {
        self.put("DELETE FROM send WHERE ledger_id = :line", named_params! { ":line": line })?;
        // The other end may have quoted what it refused.
        self.put("UPDATE attempt SET error = NULL WHERE ledger_id = :line", named_params! { ":line": line })?;
        self.put(
            "UPDATE ledger SET message = NULL, state = 'suppressed', reason = :reason, changed_at = :now WHERE id = :line",
            named_params! { ":line": line, ":reason": Json(reason), ":now": Millis(now) },
        )
    }

    /// Ends a change of a comment that the page has, or may have: what is there stays.
    fn stop(&self, line: i64, reason: &Reason, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE send SET state = 'failed', taken_back = 1, error = :error WHERE ledger_id = :line",
            named_params! { ":line": line, ":error": reason.to_string() },
        )?;
        self.put("UPDATE attempt SET error = NULL WHERE ledger_id = :line", named_params! { ":line": line })?;
        self.put(
            "UPDATE ledger SET message = NULL, state = 'failed', reason = :reason, changed_at = :now WHERE id = :line",
            named_params! { ":line": line, ":reason": Json(reason), ":now": Millis(now) },
        )
    }

    /// Sends a comment that is there once more: as an edit, to where the page is now.
    fn send_anew(&self, (line, send): (i64, i64), now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE send SET state = 'queued', next_at = :now, created_at = :now, error = NULL, doubtful = 0, taken_back = 0,
                    thread = coalesce((SELECT l.subject FROM answer a JOIN ledger l ON l.id = a.ledger_id
                                       WHERE a.carrier_id = :line), thread)
             WHERE id = :send",
            named_params! { ":send": send, ":line": line, ":now": Millis(now) },
        )?;
        self.put(
            "UPDATE ledger SET state = 'held', reason = :reason, changed_at = :now WHERE id = :line",
            named_params! { ":line": line, ":reason": Json(Reason::Sending), ":now": Millis(now) },
        )
    }
}

fn uncarried(row: &Row<'_>) -> Result<Uncarried, StoreError> {
    Ok(Uncarried {
        id: row.get("id")?,
        answer: Answer {
            line: row.get("ledger_id")?,
            key: row.get("key")?,
            by: row.get("made_by")?,
            login: row.get("login")?,
            through: text(row, "through")?,
            outside: row.get("outside")?,
            text: row.get("text")?,
            at: time(row, "made_at")?,
            version: row.get("version")?,
            gone: row.get("gone")?,
        },
        rule: rule_id(row)?,
        event: event(row)?,
        objects: row.get("objects")?,
        restricted: row.get("restricted")?,
    })
}
