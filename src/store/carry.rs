//! What people answer to messages, on its way to the page that a message is about: each answer is one comment there.
//!
//! The comment is the message of a line of the ledger with a send of its own, like what an author is told, so it is retried,
//! given up and shown in the same way. When the answer is edited or taken back, that send is made once more, as an edit.

use jiff::Timestamp;
use rusqlite::{Row, named_params};

use super::answer::{Objected, Objection, Through, event};
use super::plan::rule_id;
use super::row::{Json, Millis, Text, text, time};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;
use crate::event::{Event, RuleId};
use crate::plan::LineId;
use crate::reason::Reason;
use crate::template::{Message, clean, shorten};

/// A message isn't a chat room: whoever says more goes to the page.
const MOST_ANSWERS: i64 = 50;
/// How much of an answer is kept, in letters.
const LONGEST_TEXT: usize = 4_000;
const LONGEST_NAME: usize = 100;

/// A message whose answers are carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerable {
    /// The id of the line that it tells
    pub line: i64,
    /// Where it went
    pub to: Vec<Destination>,
}

/// The message that somebody answers in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// The id of the line that it tells
    pub line: i64,
    /// Where it went
    pub to: Destination,
    /// Whether its answers are carried
    pub carried: bool,
}

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
    /// The destination where it was written, if that is known
    pub place: Option<Destination>,
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

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is recorded
    New,
    /// It says something else than before, or was taken back
    Changed,
    /// It was recorded before, or a later version of it was
    Known,
    /// The message has so many answers that one more isn't recorded
    TooMany,
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

impl Store {
    /// The message that told a line, if its answers are carried.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn answerable(&self, line: LineId) -> Result<Option<Answerable>, StoreError> {
        self.read(move |tx| {
            let id = tx.value::<i64>(
                "SELECT coalesce(lead_id, id) FROM ledger l WHERE delivery_id = :delivery AND line = :line
                   AND answers IS NULL",
                named_params! { ":delivery": line.delivery, ":line": line.line },
            )?;
            id.map_or(Ok(None), |id| tx.answerable(id))
        })
        .await
    }

    /// The message that somebody answers `at` a time in a conversation of a channel: the newest one above what they wrote.
    /// `None` if it isn't a conversation of ours.
    ///
    /// # Errors
    /// As above
    pub async fn answered_in(&self, channel: &str, root: &str, at: Timestamp) -> Result<Option<Above>, StoreError> {
        let (channel, root) = (channel.to_owned(), root.to_owned());
        self.read(move |tx| {
            tx.row(
                "SELECT l.id, c.destination, coalesce(l.message ->> '$.answers', 0) AS carried FROM conversation c
                 JOIN send s ON s.destination = c.destination AND s.thread = c.thread AND s.state = 'sent'
                 JOIN ledger l ON l.id = s.ledger_id
                 WHERE c.root = :root AND c.destination LIKE :channel || ':%' AND l.answers IS NULL
                 ORDER BY s.sent_at <= :at DESC, abs(s.sent_at - :at), s.id DESC LIMIT 1",
                named_params! { ":channel": channel, ":root": root, ":at": Millis(at) },
                |row| Ok(Above { line: row.get("id")?, to: text(row, "destination")?, carried: row.get("carried")? }),
            )
        })
        .await
    }

    /// Whether the answers to the message that told a line are carried, by the line's id.
    ///
    /// # Errors
    /// As above
    pub async fn is_answerable(&self, line: i64) -> Result<bool, StoreError> {
        self.read(move |tx| Ok(tx.answerable(line)?.is_some())).await
    }

    /// The login of whoever is this member in Slack, as far as others said so.
    ///
    /// # Errors
    /// As above
    pub async fn login_in_slack(&self, member: &str) -> Result<Option<String>, StoreError> {
        let member = member.to_owned();
        self.read(move |tx| {
            tx.value("SELECT login FROM contact WHERE slack = :member", named_params! { ":member": member })
        })
        .await
    }

    /// Records an answer, and that it objects to assumptions.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn answer(
        &self,
        answer: Option<Answer>,
        objections: Vec<Objection>,
    ) -> Result<(Option<Answered>, Vec<Objected>), StoreError> {
        self.write(move |tx| {
            let answered = answer.as_ref().map(|answer| tx.hear_answer(answer)).transpose()?;
            let objected = objections.iter().map(|objection| tx.object(objection)).collect::<Result<_, _>>()?;
            Ok((answered, objected))
        })
        .await
    }

    /// Records another version of an answer that is known. `false` if it isn't, or the version isn't newer.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn change_answer(&self, key: &str, (text, version): (Option<String>, i64)) -> Result<bool, StoreError> {
        let key = key.to_owned();
        self.write(move |tx| tx.change_answer(&key, (text.as_deref(), version))).await
    }
}

impl Tx<'_> {
    /// Answers that are to be carried, or changed where they were, oldest first, at most 64.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn uncarried(&self) -> Result<Vec<Uncarried>, StoreError> {
        self.rows(
            "SELECT a.*, l.team, l.rule, e.body,
                    EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = a.ledger_id AND o.key = a.key) AS objects,
                    EXISTS (SELECT 1 FROM subject t
                            WHERE t.key = coalesce((SELECT thread FROM subject WHERE key = l.subject), l.thread)
                              AND t.state ->> '$.about.type' = 'ticket' AND t.state ->> '$.about.restricted') AS restricted
             FROM answer a JOIN ledger l ON l.id = a.ledger_id JOIN event e ON e.id = l.event_id
             WHERE a.waits = 1 AND NOT EXISTS (
                 SELECT 1 FROM send s WHERE s.ledger_id = a.carrier_id AND s.state = 'sending')
             ORDER BY a.id LIMIT 64",
            [],
            uncarried,
        )
    }

    /// Carries an answer that isn't under way, or changes what was carried.
    ///
    /// # Errors
    /// As above
    pub fn carry(&self, id: i64, carriage: &Carriage, now: Timestamp) -> Result<(), StoreError> {
        let Some(carrier) = self.carrier(id)? else { return Ok(()) };
        self.run("UPDATE answer SET waits = 0 WHERE id = :id", named_params! { ":id": id })?;
        match (carriage, carrier.line, &carrier.send) {
            (Carriage::Withheld(reason), None, _) => self.withhold(id, reason, now),
            (Carriage::Withheld(reason), Some(line), Some((_, state))) if state != "sent" && !carrier.out => {
                self.forget_words(id)?;
                self.cancel(line, reason, now)
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
                self.run(
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

    /// Looks once more at answers on their way to GitHub in a conversation whose ticket has a security level now.
    pub(super) fn doubt_answers(&self, thread: &str) -> Result<(), StoreError> {
        self.run(
            "UPDATE answer SET waits = 1 WHERE id IN (
                 SELECT a.id FROM send s CROSS JOIN answer a ON a.carrier_id = s.ledger_id JOIN ledger l ON l.id = a.ledger_id
                 WHERE s.destination = :github AND s.state IN ('queued', 'sending')
                   AND :thread IN (l.thread, (SELECT thread FROM subject WHERE key = l.subject)))",
            named_params! { ":github": Text(&Destination::Github), ":thread": thread },
        )?;
        Ok(())
    }

    fn answerable(&self, line: i64) -> Result<Option<Answerable>, StoreError> {
        let carried = self.holds(
            "SELECT coalesce(m.message ->> '$.answers', 0) FROM ledger l JOIN ledger m ON m.id = coalesce(l.lead_id, l.id)
             WHERE l.id = :line",
            named_params! { ":line": line },
        )?;
        if !carried {
            return Ok(None);
        }
        let to = self.rows(
            "SELECT s.destination FROM ledger l CROSS JOIN send s ON s.ledger_id = coalesce(l.lead_id, l.id)
             WHERE l.id = :line AND s.state = 'sent'",
            named_params! { ":line": line },
            |row| text(row, "destination"),
        )?;
        Ok(Some(Answerable { line, to }))
    }

    fn hear_answer(&self, answer: &Answer) -> Result<Answered, StoreError> {
        let Answer { line, key, by, login, through, place, outside, text, at, version, gone } = answer;
        if self.holds("SELECT EXISTS (SELECT 1 FROM answer WHERE key = :key)", named_params! { ":key": key })? {
            let words = (!gone).then_some(text.as_str());
            let changed = self.change_answer(key, (words, *version))?;
            return Ok(if changed { Answered::Changed } else { Answered::Known });
        }
        let count = "SELECT count(*) FROM answer WHERE ledger_id = :line";
        if self.value::<i64>(count, named_params! { ":line": line })?.unwrap_or_default() >= MOST_ANSWERS {
            return Ok(Answered::TooMany);
        }
        let place = place.as_ref().map(Destination::to_string).unwrap_or_default();
        self.run(
            "INSERT INTO answer (key, ledger_id, through, place, made_by, login, outside, text, made_at, version, gone, waits)
             VALUES (:key, :line, :through, :place, :by, :login, :outside, :text, :at, :version, :gone, NOT :gone)",
            named_params! { ":key": key, ":line": line, ":through": Text(through), ":place": place,
            ":by": shorten(&clean(by), LONGEST_NAME), ":login": login, ":outside": outside,
            ":text": if *gone { String::new() } else { shorten(text.trim(), LONGEST_TEXT) }, ":at": Millis(*at),
            ":version": version, ":gone": gone },
        )?;
        Ok(Answered::New)
    }

    /// Writes another version; `None` if it was taken back, which is the last.
    fn change_answer(&self, key: &str, (text, version): (Option<&str>, i64)) -> Result<bool, StoreError> {
        let words = shorten(text.unwrap_or_default().trim(), LONGEST_TEXT);
        let changed = self.run(
            "UPDATE answer SET text = :text, version = max(version, :version), gone = :gone, waits = 1
             WHERE key = :key AND NOT gone AND (:gone OR (version < :version AND text <> :text))",
            named_params! { ":key": key, ":text": words, ":version": version, ":gone": text.is_none() },
        )?;
        if changed > 0 {
            self.run(
                "UPDATE objection SET text = :text WHERE key = :key",
                named_params! { ":key": key, ":text": words },
            )?;
        }
        Ok(changed > 0)
    }

    fn carrier(&self, id: i64) -> Result<Option<Carrier>, StoreError> {
        self.row(
            "SELECT a.carrier_id, a.gone, a.made_by, a.comment IS NOT NULL OR coalesce(s.doubtful, 0) AS out, s.id AS send, s.state
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
        self.run(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             SELECT a.carrier_id, :to, l.subject, 'queued', :now, :now
             FROM answer a JOIN ledger l ON l.id = a.ledger_id WHERE a.id = :id",
            named_params! { ":id": id, ":to": Text(to), ":now": Millis(now) },
        )?;
        Ok(())
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
        let new = self.run(
            "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                                 message, outcome, answers)
             SELECT delivery_id, (SELECT max(line) + 1 FROM ledger n WHERE n.delivery_id = l.delivery_id), event_id, source,
                    kind, subject, thread, team, rule, :state, :reason, :now, :message, :outcome, l.id
             FROM answer a JOIN ledger l ON l.id = a.ledger_id WHERE a.id = :id",
            named_params! { ":id": id, ":state": state, ":reason": Json(reason), ":now": Millis(now),
            ":message": message.map(Json), ":outcome": outcome },
        )?;
        if new == 0 {
            return Err(rusqlite::Error::QueryReturnedNoRows.into());
        }
        let line = self.inserted();
        self.run("UPDATE answer SET carrier_id = :line WHERE id = :id", named_params! { ":line": line, ":id": id })?;
        Ok(())
    }

    fn forget_words(&self, id: i64) -> Result<(), StoreError> {
        self.run("UPDATE answer SET text = '' WHERE id = :id", named_params! { ":id": id })?;
        Ok(())
    }

    /// Takes back a comment that the page can't have yet.
    fn cancel(&self, line: i64, reason: &Reason, now: Timestamp) -> Result<(), StoreError> {
        self.run("DELETE FROM send WHERE ledger_id = :line", named_params! { ":line": line })?;
        // The other end may have quoted what it refused.
        self.run("UPDATE attempt SET error = NULL WHERE ledger_id = :line", named_params! { ":line": line })?;
        self.run(
            "UPDATE ledger SET message = NULL, state = 'suppressed', reason = :reason, changed_at = :now WHERE id = :line",
            named_params! { ":line": line, ":reason": Json(reason), ":now": Millis(now) },
        )?;
        Ok(())
    }

    /// Sends a comment that is there once more: as an edit, to where the page is now.
    fn send_anew(&self, (line, send): (i64, i64), now: Timestamp) -> Result<(), StoreError> {
        self.run(
            "UPDATE send SET state = 'queued', next_at = :now, created_at = :now, error = NULL, doubtful = 0,
                    thread = coalesce((SELECT l.subject FROM answer a JOIN ledger l ON l.id = a.ledger_id
                                       WHERE a.carrier_id = :line), thread)
             WHERE id = :send",
            named_params! { ":send": send, ":line": line, ":now": Millis(now) },
        )?;
        self.run(
            "UPDATE ledger SET state = 'held', reason = :reason, changed_at = :now WHERE id = :line",
            named_params! { ":line": line, ":reason": Json(Reason::Sending), ":now": Millis(now) },
        )?;
        Ok(())
    }
}

fn uncarried(row: &Row<'_>) -> Result<Uncarried, StoreError> {
    let place: String = row.get("place")?;
    Ok(Uncarried {
        id: row.get("id")?,
        answer: Answer {
            line: row.get("ledger_id")?,
            key: row.get("key")?,
            by: row.get("made_by")?,
            login: row.get("login")?,
            through: text(row, "through")?,
            place: if place.is_empty() { None } else { Some(text(row, "place")?) },
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
