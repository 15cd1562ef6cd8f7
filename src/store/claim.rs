//! Sends are claimed under a lease, each destination's in order.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::bounce::{Refusals, refusals};
use super::lanes::{Lane, Lanes, Now, Waiting};
use super::plan::rule_id;
use super::row::{Millis, Row, Text, json, named_params, text, time, time_or_none};
use super::{Store, StoreError, Tx, pg};
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

/// What is claimed of a send, from `send s`.
macro_rules! claimed_of_send {
    () => {
        "SELECT s.id, s.fence, s.attempts, iif(s.state = 'sending', s.next_at, NULL) AS lost,
                s.taken_back = 1 OR coalesce(a.waits, 0) = 1 AS taken_back, s.destination, s.thread, s.created_at, s.error,
                s.doubtful, l.digest, a.id IS NOT NULL AS carries, iif(a.id IS NULL, c.root, a.comment) AS root,
                c.editable, c.subject, l.message, l.team, l.rule, l.kind, l.delivery_id || '.' || l.line AS name,
                l.answers IS NULL AND (l.kind = 'note.assumed' OR EXISTS (
                    SELECT 1 FROM ledger o WHERE o.lead_id = l.id AND o.kind = 'note.assumed')) AS assumes,
                b.refusals, b.first_at, b.last_at, b.error AS refused
         FROM send s
         JOIN ledger l ON l.id = s.ledger_id
         LEFT JOIN conversation c ON c.destination = s.destination AND c.thread = s.thread
         LEFT JOIN answer a ON a.carrier_id = l.id
         LEFT JOIN bounce b ON b.destination = s.destination "
    };
}

/// Which sends may go: one a thread, since what comes next in a thread answers to the one before it. What carries an answer waits
/// until what the answer says by now is decided on.
macro_rules! may_go {
    ($when:literal) => {
        concat!(" AND s.state IN ('queued', 'sending') AND ", $when, "
          AND (s.state = 'sending' OR NOT EXISTS (SELECT 1 FROM answer w WHERE w.carrier_id = s.ledger_id AND w.waits = 1))
          AND NOT EXISTS (
              SELECT 1 FROM send e WHERE e.destination = s.destination AND e.thread = s.thread AND e.id < s.id
                AND e.state IN ('queued', 'sending')) ")
    };
}

/// The next sends to a destination.
const NEXT: &str =
    concat!(claimed_of_send!(), "WHERE s.destination = :to", may_go!("s.next_at <= :now"), "ORDER BY s.id LIMIT 16");

/// The same on PostgreSQL, past those that another process claims or takes back at this moment. They are chosen first, in the order
/// of the index that has what waits for a destination: otherwise all that waits there would be joined and sorted. That a text is
/// between a name and itself, and not equal to it, keeps the planner from walking through all sends in their order.
///
/// What is under way to a destination that has just been taken is nobody's: its claim was committed, and the connection ended before
/// its process heard of that.
const NEXT_ON_SERVER: &str = concat!(
    "WITH next AS MATERIALIZED (SELECT s.id FROM send s WHERE s.destination BETWEEN :to AND :to",
    may_go!("(s.next_at <= :now OR s.state = 'sending' AND :replica <> 0)"),
    "ORDER BY s.destination, s.id LIMIT 16 FOR UPDATE OF s SKIP LOCKED) ",
    claimed_of_send!(),
    "WHERE s.id IN (SELECT id FROM next) ORDER BY s.id"
);

/// The first send that may go to a destination.
const FIRST: &str = "SELECT id, next_at FROM send
    WHERE destination = :to AND state IN ('queued', 'sending') AND next_at <= :now ORDER BY id LIMIT 1";
const FIRST_ON_SERVER: &str = "SELECT id, next_at FROM send
    WHERE destination BETWEEN :to AND :to AND state IN ('queued', 'sending') AND next_at <= :now
    ORDER BY destination, id LIMIT 1";

impl Store {
    /// Claims the next sends at `now`.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn claim(&self, lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        let lanes = lanes.clone();
        self.write_beside(move |tx| {
            tx.read_rests(&lanes, now)?;
            tx.claim(&lanes, now)
        })
        .await
    }

    /// Claims what comes next now that the lanes to these destinations have `ended`: more for them, or what waited for room.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn claim_after(&self, ended: Vec<Destination>, lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        let lanes = lanes.clone();
        self.write_beside(move |tx| tx.claim_after(&ended, &lanes, now)).await
    }
}

impl Tx<'_> {
    /// Claims the next sends at `now`, to destinations that there is room for: at most 16 to one destination, in order. Of
    /// each channel, those destinations come first that have waited longest.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn claim(&self, lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        // No other claim of this process runs at the same time: the writer makes them.
        self.server().map_or(Ok(()), pg::Connection::keep_plans)?;
        let waiting = self.waiting(lanes, now)?;
        self.claim_of(waiting, (lanes, now))
    }

    /// The same, now that the lanes to these destinations have `ended`: nothing waits for others, unless it waits for room.
    fn claim_after(&self, ended: &[Destination], lanes: &Lanes, now: Now) -> Result<Vec<Lane>, StoreError> {
        // Where what was planned meanwhile has begun another lane, the destination stays ours.
        let over = ended.iter().filter(|to| !lanes.is_under_way(to)).cloned().collect::<Vec<_>>();
        self.server().map_or(Ok(()), pg::Connection::keep_plans)?;
        self.end_lanes(&over, (lanes, now))?;
        let mut waiting = if lanes.is_crowded() { self.waiting(lanes, now)? } else { Waiting::new() };
        // These are looked for below.
        let known = ended.iter().collect::<HashSet<_>>();
        waiting.retain(|(_, to)| !known.contains(to));
        let free = || ended.iter().filter(|to| !lanes.is_busy(to, now.instant));
        let first = |to: &Destination| self.first(&to.to_string(), now.time);
        self.ahead(|| free().for_each(|to| drop(first(to))));
        for to in free() {
            waiting.extend(first(to)?.map(|(_, since)| (since, to.clone())));
        }
        self.claim_of(waiting, (lanes, now))
    }

    fn claim_of(&self, mut waiting: Waiting, (lanes, now): (&Lanes, Now)) -> Result<Vec<Lane>, StoreError> {
        let mut all = Vec::new();
        loop {
            let chosen = lanes.choose(waiting, now.instant);
            let wanted = chosen.len();
            let (mut claimed, mut idle) = (Vec::new(), Vec::new());
            let begun = self.begin_lanes(chosen, (lanes, now))?;
            let next = |to| self.next_to(to, lanes.replica(), now.time);
            self.ahead(|| begun.iter().for_each(|to| drop(next(to))));
            let next = begun.iter().map(next).collect::<Result<Vec<_>, _>>()?;
            for (to, next) in begun.into_iter().zip(next) {
                match self.take(next, now.time)? {
                    sends if sends.is_empty() => idle.push(to),
                    sends => claimed.push((to, sends)),
                }
            }
            self.end_lanes(&idle, (lanes, now))?;
            let is_full = claimed.len() == wanted;
            all.extend(lanes.begin(claimed, now.instant));
            if is_full || !lanes.is_crowded() {
                return Ok(all);
            }
            // Nothing waits any more where somebody else was quicker: others can have that room.
            waiting = lanes.left();
        }
    }

    /// The destinations that a send may go to now, and since when it may; or, if there are more of them than there is room for,
    /// what was found a moment ago. From one to the next in the index, past all that waits for it.
    fn waiting(&self, lanes: &Lanes, now: Now) -> Result<Waiting, StoreError> {
        if let Some(known) = lanes.just_left(now.instant) {
            return Ok(known);
        }
        lanes.looked(now.instant);
        if !self.is_sqlite() {
            return self.waiting_on_server(lanes, now);
        }
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
            match (self.first(&last, now.time)?, to) {
                (Some((_, since)), Ok(to)) => waiting.push((since, to)),
                (Some((id, _)), Err(error)) => self.set_aside(id, &error, now.time)?,
                (None, _) => {}
            }
        }
    }

    /// The first send that may go to a destination now, and since when it may.
    fn first(&self, to: &str, now: Timestamp) -> Result<Option<(i64, Timestamp)>, StoreError> {
        let first = if self.is_sqlite() { FIRST } else { FIRST_ON_SERVER };
        self.row(first, named_params! { ":to": to, ":now": Millis(now) }, |row| {
            Ok((row.get("id")?, time(row, "next_at")?))
        })
    }

    /// The next sends to a destination.
    fn next_to(&self, to: &Destination, replica: i64, now: Timestamp) -> Result<Vec<Next>, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>("id")?, row.get::<_, bool>("taken_back")?, claimed(row)));
        if self.is_sqlite() {
            return self.rows(NEXT, named_params! { ":to": Text(to), ":now": Millis(now) }, read);
        }
        let params = named_params! { ":to": Text(to), ":now": Millis(now), ":replica": replica };
        self.rows(NEXT_ON_SERVER, params, read)
    }

    fn take(&self, next: Vec<Next>, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        let mut sends = Vec::new();
        for (id, is_taken_back, send) in next {
            match send {
                Ok(send) if is_taken_back => self.give_up(&send, now)?,
                Ok(send) => sends.push(send),
                Err(StoreError::Corrupt(error)) => self.set_aside(id, &error, now)?,
                Err(error) => return Err(error),
            }
        }
        for send in &sends {
            self.note_lost_attempt(send, now)?;
            self.put(
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
        self.put(
            "UPDATE send SET state = 'queued', error = :error, doubtful = :doubtful WHERE id = :id",
            named_params! { ":error": lost.error, ":doubtful": lost.doubtful, ":id": lost.id },
        )?;
        self.recall_if_taken_back(lost.id, now)
    }

    /// What can't be read holds up nothing else.
    pub(super) fn set_aside(&self, id: i64, error: &str, now: Timestamp) -> Result<(), StoreError> {
        tracing::error!(send = id, error, "our fault: this send can't be read; it counts as failed");
        self.put(
            "UPDATE send SET state = 'failed', error = :error WHERE id = :id",
            named_params! { ":error": format!("the store holds something unreadable: {error}"), ":id": id },
        )?;
        self.end_lines_of(id, now)?;
        Ok(())
    }
}

/// A send by its id, whether it was taken back while it was under way, and what can be read of it.
type Next = (i64, bool, Result<Claimed, StoreError>);

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

#[cfg(test)]
mod tests;
