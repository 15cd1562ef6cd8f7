//! Sends are claimed under a lease, each destination's in order.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Row, named_params};

use super::bounce::{Refusals, refusals};
use super::lanes::{Lane, Lanes, Now, State};
use super::plan::rule_id;
use super::row::{Millis, Text, json, text, time, time_or_none};
use super::{Store, StoreError, Tx};
use crate::destination::{Destination, Manner};
use crate::event::RuleId;
use crate::template::Message;

/// A claim is void after this long: longer than a whole claim of sends that all run into their deadlines.
pub(super) const LEASE: Duration = Duration::from_secs(600);

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
    pub kind: String,
    /// The ledger's name of its update: `delivery.line`
    pub update: String,
    /// When it was queued
    pub created: Timestamp,
    /// What went wrong in earlier attempts
    pub error: Option<String>,
    /// Until when the claim before this one was, if that ran out: nobody knows how its attempt ended
    pub lost: Option<Timestamp>,
    /// It may have arrived in one of them
    pub doubtful: bool,
    /// It tells of an assumption
    pub assumes: bool,
    /// It carries somebody's answer: it is that answer's comment alone, and stays away where somebody deleted it
    pub carries: bool,
    /// How its destination refused earlier mail
    pub refusals: Option<Refusals>,
}

/// The next sends to a destination, one a thread: what comes next in a thread answers to the one before it. What carries an answer
/// waits until what the answer says by now is decided on.
const NEXT: &str = "
    SELECT s.id, s.fence, s.attempts, iif(s.state = 'sending', s.next_at, NULL) AS lost, s.taken_back OR a.waits IS 1 AS taken_back, s.destination, s.thread, s.created_at, s.error, s.doubtful, l.digest, a.id IS NOT NULL AS carries,
           iif(a.id IS NULL, c.root, a.comment) AS root,
           c.editable, c.subject, l.message, l.team, l.rule, l.kind, l.delivery_id || '.' || l.line AS name,
           l.answers IS NULL AND (l.kind = 'note.assumed' OR EXISTS (
               SELECT 1 FROM ledger o WHERE o.lead_id = l.id AND o.kind = 'note.assumed')) AS assumes,
           b.refusals, b.first_at, b.last_at, b.error AS refused
    FROM send s
    JOIN ledger l ON l.id = s.ledger_id
    LEFT JOIN conversation c ON c.destination = s.destination AND c.thread = s.thread
    LEFT JOIN answer a ON a.carrier_id = l.id
    LEFT JOIN bounce b ON b.destination = s.destination
    WHERE s.destination = :to AND s.state IN ('queued', 'sending') AND s.next_at <= :now
      AND (s.state = 'sending' OR a.waits IS NOT 1)
      AND NOT EXISTS (
          SELECT 1 FROM send e
          WHERE e.destination = s.destination AND e.thread = s.thread AND e.id < s.id AND e.state IN ('queued', 'sending'))
    ORDER BY s.id LIMIT 16";

impl Store {
    /// Claims the next sends at `now`.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn claim(&self, lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        let lanes = lanes.clone();
        self.write(move |tx| tx.claim(&lanes, now)).await
    }
}

impl Tx<'_> {
    /// Claims the next sends at `now`, to destinations that there is room for: at most 16 to one destination, in order. Of
    /// each channel, those destinations come first that have waited longest.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn claim(&self, lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        // Nobody else may claim for a destination between the look at what is busy and the note that it is.
        let mut state = lanes.lock();
        let mut claimed = Vec::new();
        for to in state.choose(self.waiting(&state, now)?, now.instant) {
            let sends = self.claim_for(&to, now.time)?;
            if !sends.is_empty() {
                claimed.push((to, sends));
            }
        }
        Ok(state.begin(claimed, (lanes, now.instant)))
    }

    /// The destinations that a send may go to now, and since when it may. From one to the next in the index, past all that
    /// waits for it.
    fn waiting(&self, lanes: &State, now: Now) -> Result<Vec<(Timestamp, Destination)>, StoreError> {
        let (mut waiting, mut last) = (Vec::new(), String::new());
        loop {
            let next = self.value::<Option<String>>(
                "SELECT min(destination) FROM send WHERE state IN ('queued', 'sending') AND destination > :last",
                named_params! { ":last": last },
            )?;
            let Some(next) = next.flatten() else { return Ok(waiting) };
            let to = next.parse::<Destination>();
            last = next;
            if to.as_ref().is_ok_and(|to| lanes.is_busy(to, now.instant)) {
                continue;
            }
            let first = self.row(
                "SELECT id, next_at FROM send
                 WHERE destination = :to AND state IN ('queued', 'sending') AND next_at <= :now ORDER BY id LIMIT 1",
                named_params! { ":to": last, ":now": Millis(now.time) },
                |row| Ok((row.get("id")?, time(row, "next_at")?)),
            )?;
            match (first, to) {
                (Some((_, since)), Ok(to)) => waiting.push((since, to)),
                (Some((id, _)), Err(error)) => self.set_aside(id, &error, now.time)?,
                (None, _) => {}
            }
        }
    }

    fn claim_for(&self, to: &Destination, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        let rows = self.rows(NEXT, named_params! { ":to": Text(to), ":now": Millis(now) }, |row| {
            Ok((row.get::<_, i64>("id")?, row.get::<_, bool>("taken_back")?, claimed(row)))
        })?;
        let mut sends = Vec::new();
        for (id, is_taken_back, send) in rows {
            match send {
                Ok(send) if is_taken_back => self.give_up(&send, now)?,
                Ok(send) => sends.push(send),
                Err(StoreError::Corrupt(error)) => self.set_aside(id, &error, now)?,
                Err(error) => return Err(error),
            }
        }
        for send in &sends {
            self.note_lost_attempt(send, now)?;
            self.run(
                "UPDATE send SET state = 'sending', attempts = attempts + 1, fence = fence + 1, next_at = :lease,
                                 doubtful = :doubtful
                 WHERE id = :id",
                named_params! { ":lease": Millis(now + LEASE), ":doubtful": send.doubtful, ":id": send.id },
            )?;
        }
        Ok(sends)
    }

    /// What was taken back while it was under way isn't tried again where its claim has run out.
    fn give_up(&self, lost: &Claimed, now: Timestamp) -> Result<(), StoreError> {
        self.note_lost_attempt(lost, now)?;
        self.run(
            "UPDATE send SET state = 'queued', error = :error, doubtful = :doubtful WHERE id = :id",
            named_params! { ":error": lost.error, ":doubtful": lost.doubtful, ":id": lost.id },
        )?;
        self.recall_if_taken_back(lost.id, now)
    }

    /// What can't be read holds up nothing else.
    fn set_aside(&self, id: i64, error: &str, now: Timestamp) -> Result<(), StoreError> {
        tracing::error!(send = id, error, "our fault: this send can't be read; it counts as failed");
        self.run(
            "UPDATE send SET state = 'failed', error = :error WHERE id = :id",
            named_params! { ":error": format!("the store holds something unreadable: {error}"), ":id": id },
        )?;
        self.end_lines_of(id, now)?;
        Ok(())
    }
}

fn claimed(row: &Row<'_>) -> Result<Claimed, StoreError> {
    let (fence, attempts): (i64, i64) = (row.get("fence")?, row.get("attempts")?);
    // It was claimed before, and that claim has run out.
    let lost = time_or_none(row, "lost")?;
    let mut message: Message = json(row, "message")?;
    // Mail programs split a conversation whose subject changes.
    if let Some(subject) = row.get("subject")?
        && !message.private
        && !message.own_subject
        && !row.get::<_, bool>("carries")?
    {
        message.subject = subject;
    }
    let rule = rule_id(row)?;
    // Nobody else's words are replaced, and none of a note.
    let editable: Option<String> = row.get("editable")?;
    let carries: bool = row.get("carries")?;
    if !carries && message.manner == Manner::Edit && editable.as_ref() != Some(&rule.team) {
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
        kind: row.get("kind")?,
        update: row.get("name")?,
        created: time(row, "created_at")?,
        error: if lost.is_some() {
            Some(format!("ambiguous: nobody knows how attempt {attempts} ended"))
        } else {
            row.get("error")?
        },
        lost,
        doubtful: lost.is_some() || row.get("doubtful")?,
        assumes: row.get("assumes")?,
        carries,
        refusals: refusals(row)?,
    })
}
