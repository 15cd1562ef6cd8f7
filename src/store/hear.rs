//! Takes in what people answer to messages, and what they make of it later.

use jiff::Timestamp;

use super::answer::{Assumption, Objected, Objection};
use super::carry::Answer;
use super::row::{Millis, Text, named_params, text};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;
use crate::plan::LineId;
use crate::template::{clean, shorten};

/// A message isn't a chat room: whoever says more goes to the page.
const MOST_ANSWERS: i64 = 50;
/// How much of an answer is kept, in letters.
const LONGEST_TEXT: usize = 4_000;
const LONGEST_NAME: usize = 100;

/// A message that somebody answers.
#[derive(Debug, Clone)]
pub struct Above {
    /// The id of the line that it tells
    pub line: i64,
    /// Where it went
    pub to: Vec<Destination>,
    /// Whether its answers are carried
    pub carried: bool,
    /// The assumptions that it tells, each with whether its author changed it or took it back since. None if nobody could say
    /// which one is meant, or the message hides them
    pub told: Vec<(Assumption, bool)>,
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

impl Store {
    /// The message that told a line.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn answered(&self, line: LineId) -> Result<Option<Above>, StoreError> {
        self.read(move |tx| {
            let id = tx.value::<i64>(
                "SELECT coalesce(lead_id, id) FROM ledger l WHERE delivery_id = :delivery AND line = :line
                   AND answers IS NULL",
                named_params! { ":delivery": line.delivery, ":line": line.line },
            )?;
            id.map_or(Ok(None), |id| tx.above(id))
        })
        .await
    }

    /// The message that somebody answers `at` a time in a conversation of a channel (`slack`), by what the channel calls the
    /// conversation's first message (`CHANNEL/TS`): the newest one above what they wrote. `None` if it isn't a conversation of
    /// ours.
    ///
    /// # Errors
    /// As above
    pub async fn answered_in(&self, channel: &str, root: &str, at: Timestamp) -> Result<Option<Above>, StoreError> {
        let (channel, root) = (channel.to_owned(), root.to_owned());
        self.read(move |tx| {
            let id = tx.value::<i64>(
                "SELECT l.id FROM conversation c
                 JOIN send s ON s.destination = c.destination AND s.thread = c.thread AND s.state = 'sent'
                 JOIN ledger l ON l.id = s.ledger_id
                 WHERE c.root = :root AND c.destination LIKE :channel || ':%' AND l.answers IS NULL
                 ORDER BY s.sent_at <= :at DESC, abs(s.sent_at - :at), s.id DESC LIMIT 1",
                named_params! { ":channel": channel, ":root": root, ":at": Millis(at) },
            )?;
            id.map_or(Ok(None), |id| tx.above(id))
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
            // It was deleted before it was heard.
            if let Some(answer) = &answer
                && tx.is_gone(&answer.key)?
            {
                return Ok((answered, Vec::new()));
            }
            let objected = objections.iter().map(|objection| tx.object(objection)).collect::<Result<_, _>>()?;
            Ok((answered, objected))
        })
        .await
    }

    /// Records another version of an answer; `None` if there is no such answer.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn change_answer(
        &self,
        key: &str,
        (text, version): (Option<String>, i64),
    ) -> Result<Option<Answered>, StoreError> {
        let key = key.to_owned();
        self.write(move |tx| tx.change_answer(&key, (text.as_deref(), version))).await
    }
}

impl Tx<'_> {
    fn above(&self, line: i64) -> Result<Option<Above>, StoreError> {
        let known = self.row(
            "SELECT coalesce(message -> '$.answers' = 'true', FALSE) AS carried,
                    digest = 1 OR coalesce(message -> '$.private' = 'true', FALSE)
                        OR coalesce(message -> '$.restricted' = 'true', FALSE) AS vague
             FROM ledger WHERE id = :line",
            named_params! { ":line": line },
            |row| Ok((row.get("carried")?, row.get("vague")?)),
        )?;
        let Some((carried, vague)) = known else { return Ok(None) };
        let to = self.rows(
            "SELECT destination FROM send WHERE ledger_id = :line AND state = 'sent'",
            named_params! { ":line": line },
            |row| text(row, "destination"),
        )?;
        let told = if vague { Vec::new() } else { self.assumptions_in(line)? };
        Ok(Some(Above { line, to, carried, told }))
    }

    fn hear_answer(&self, answer: &Answer) -> Result<Answered, StoreError> {
        let Answer { line, key, by, login, through, outside, text, at, version, gone } = answer;
        if let Some(known) = self.change_answer(key, ((!gone).then_some(text.as_str()), *version))? {
            return Ok(known);
        }
        let count = "SELECT count(*) FROM answer WHERE ledger_id = :line";
        if self.value::<i64>(count, named_params! { ":line": line })?.unwrap_or_default() >= MOST_ANSWERS {
            return Ok(Answered::TooMany);
        }
        self.put(
            "INSERT INTO answer (key, ledger_id, through, place, made_by, login, outside, text, made_at, version, gone, waits)
             VALUES (:key, :line, :through, '', :by, :login, :outside, :text, :at, :version, :gone, 1 - :gone)",
            named_params! { ":key": key, ":line": line, ":through": Text(through),
            ":by": shorten(&clean(by), LONGEST_NAME), ":login": login, ":outside": outside,
            ":text": if *gone { String::new() } else { shorten(text.trim(), LONGEST_TEXT) }, ":at": Millis(*at),
            ":version": version, ":gone": gone },
        )?;
        Ok(Answered::New)
    }

    /// Writes another version; `None` if it was taken back, which is the last. `None` also if there is no such answer.
    fn change_answer(&self, key: &str, (text, version): (Option<&str>, i64)) -> Result<Option<Answered>, StoreError> {
        let known = self.row(
            "SELECT text, version, gone FROM answer WHERE key = :key",
            named_params! { ":key": key },
            |row| Ok((row.get::<_, String>("text")?, row.get::<_, i64>("version")?, row.get::<_, bool>("gone")?)),
        )?;
        let Some((before, newest, gone)) = known else { return Ok(None) };
        if gone || (text.is_some() && version <= newest) {
            return Ok(Some(Answered::Known));
        }
        let words = shorten(text.unwrap_or_default().trim(), LONGEST_TEXT);
        let changed = text.is_none() || words != before;
        // What came between is out of date also where nothing changes.
        self.put(
            "UPDATE answer SET text = :text, version = max(version, :version), gone = :gone, waits = max(waits, :changed)
             WHERE key = :key",
            named_params! { ":key": key, ":text": words, ":version": version, ":gone": text.is_none(), ":changed": changed },
        )?;
        self.put("UPDATE objection SET text = :text WHERE key = :key", named_params! { ":key": key, ":text": words })?;
        Ok(Some(if changed { Answered::Changed } else { Answered::Known }))
    }

    fn is_gone(&self, key: &str) -> Result<bool, StoreError> {
        self.holds("SELECT EXISTS (SELECT 1 FROM answer WHERE key = :key AND gone = 1)", named_params! { ":key": key })
    }
}
