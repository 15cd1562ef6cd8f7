//! What waits to be sent and what was given up, as the console shows it; and a person's wish to try it again.
//!
//! There may be a million of either: they are read in pages, by indexes, and counted up to a bound.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::bounce::{Refusals, refusals};
use super::row::{Json, Millis, Row, Text, json_or_none, named_params, text, time, time_or_none};
use super::{SendState, Store, StoreError, Tx};
use crate::destination::Destination;
use crate::plan::LineId;
use crate::template::Message;

/// Which sends to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing {
    /// Those that wait for their turn or an attempt, or are under way
    Waiting,
    /// Those that wait for another attempt
    Retrying,
    /// Those that were given up
    Failed,
}

/// A send that has not arrived.
#[derive(Debug, Clone)]
pub struct Unsent {
    /// Its id
    pub id: i64,
    /// Where it goes
    pub destination: String,
    /// Its conversation
    pub thread: String,
    /// Where it is
    pub state: SendState,
    /// How often it was tried
    pub attempts: i64,
    /// When it is tried next, if it waits
    pub next: Option<Timestamp>,
    /// What went wrong last, in the words of the other end
    pub error: Option<String>,
    /// When it was queued
    pub since: Timestamp,
    /// The line that has its message
    pub line: LineId,
    /// The team that it is for
    pub team: String,
    /// The message; `None` if it was removed
    pub message: Option<Message>,
    /// Its words were taken back, so it isn't tried again
    pub taken_back: bool,
    /// Its subject, or the ticket that belongs to, has a security level now
    pub restricted: bool,
    /// Its repository is private, as far as we heard
    pub private: bool,
}

/// Where a list goes on: after this send to this destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The destination
    pub destination: String,
    /// The send's id
    pub id: i64,
}

/// A number that is counted up to a bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many there are at least
    pub count: u64,
    /// There are more
    pub more: bool,
}

/// How it is with a destination.
#[derive(Debug, Clone)]
pub struct Health {
    /// Which one
    pub destination: String,
    /// What waits for it
    pub waiting: Counted,
    /// What waits for another attempt
    pub retrying: Counted,
    /// What was given up
    pub failed: Counted,
    /// When something arrived last, among the latest messages of those who send there
    pub last_sent: Option<Timestamp>,
    /// What went wrong last with what waits or was given up
    pub error: Option<String>,
    /// When what waits longest is tried next
    pub next: Option<Timestamp>,
    /// How it refused mail
    pub refusals: Option<Refusals>,
}

/// What became of a wish to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// So many sends wait for another attempt
    pub sends: usize,
    /// There are more
    pub more: bool,
}

/// So many sends are in a page.
pub const SENDS_IN_PAGE: usize = 50;
/// So many destinations.
pub const DESTINATIONS_IN_PAGE: usize = 25;
/// So many sends of a destination are tried again at once.
const AT_ONCE: usize = 500;
/// For whom of those who send to a destination it is looked up when something arrived last.
const SENDERS: usize = 4;

const UNSENT: &str = "
    SELECT s.id, s.destination, s.thread, s.state, s.attempts, s.next_at, s.error, s.created_at, s.taken_back,
           l.delivery_id, l.line, l.team, l.subject, l.message, EXISTS (
               SELECT 1 FROM subject k WHERE k.key IN (l.subject, l.thread)
                 AND k.state ->> '$.about.type' = 'ticket' AND k.state -> '$.about.restricted' = 'true') AS restricted
    FROM (SELECT * FROM send INDEXED BY WHERE_FROM WHERE WHICH AND AT ORDER BY destination, id LIMIT 51) s
    JOIN ledger l ON l.id = s.ledger_id ORDER BY s.destination, s.id";

impl Outgoing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Retrying, Self::Failed];

    fn index(self) -> &'static str {
        match self {
            Self::Waiting => "send_waiting",
            Self::Retrying => "send_retrying",
            Self::Failed => "send_failed",
        }
    }

    /// As the index has it, so that it is used.
    fn which(self) -> &'static str {
        match self {
            Self::Waiting => "state IN ('queued', 'sending')",
            Self::Retrying => "state = 'queued' AND attempts > 0",
            Self::Failed => "state = 'failed'",
        }
    }

    fn list(self, of_one: bool) -> String {
        let at = match of_one {
            true => "destination = :destination AND id > :id",
            false => "(destination, id) > (:destination, :id)",
        };
        let sql = UNSENT.replace("WHERE_FROM", self.index()).replace("WHICH", self.which());
        sql.replace(" AT ", &format!(" {at} "))
    }

    /// Counts up to the bound that is given.
    fn count(self, of_one: bool, bound: &str) -> String {
        let of = if of_one { " AND destination = :to" } else { "" };
        let (index, which) = (self.index(), self.which());
        format!("SELECT count(*) FROM (SELECT 1 FROM send INDEXED BY {index} WHERE {which}{of} LIMIT {bound}) AS few")
    }

    /// The next destination that has any.
    fn next_destination(self) -> String {
        let (index, which) = (self.index(), self.which());
        format!("SELECT min(destination) FROM send INDEXED BY {index} WHERE {which} AND destination > :last")
    }
}

const BOUND: u64 = 1_000;
const BOUND_OF_ALL: u64 = 10_000;

const HEAD: &str = "SELECT error, next_at, state, ledger_id FROM send INDEXED BY send_waiting
    WHERE destination = :to AND state IN ('queued', 'sending') ORDER BY id LIMIT 1";
const LAST_FAILED: &str = "SELECT error, ledger_id FROM send INDEXED BY send_failed
    WHERE destination = :to AND state = 'failed' ORDER BY id DESC LIMIT 1";
const REFUSALS: &str = "SELECT refusals, first_at, last_at, error AS refused FROM bounce WHERE destination = :to";
const NEXT_REFUSING: &str = "SELECT min(destination) FROM bounce WHERE destination > :last";
const TEAM_OF: &str = "SELECT team FROM ledger WHERE id = :line";
/// Among a team's latest messages.
const LAST_SENT: &str = "SELECT max(s.sent_at) AS at FROM (
        SELECT id FROM ledger WHERE team = :team AND told_at IS NOT NULL AND lead_id IS NULL ORDER BY told_at DESC LIMIT 50) l
    CROSS JOIN send s ON s.ledger_id = l.id WHERE s.destination = :to AND s.sent_at IS NOT NULL";

/// What may be tried again of a destination. Of other teams' sends, so many are passed over at most.
const FAILED_OF: &str = "SELECT f.id, f.ledger_id FROM (
        SELECT id, ledger_id, taken_back FROM send INDEXED BY send_failed
        WHERE destination = :to AND state = 'failed' ORDER BY id LIMIT 5000) f
    JOIN ledger l ON l.id = f.ledger_id
    WHERE f.taken_back = 0 AND l.message IS NOT NULL AND (:teams IS NULL OR l.team IN (SELECT value FROM json_each(:teams)))
    ORDER BY f.id LIMIT 501";

impl Store {
    /// Sends that have not arrived, by destination and age; those of one destination, or of all from there on.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn unsent(
        &self,
        which: Outgoing,
        of: Option<String>,
        behind: Option<Behind>,
    ) -> Result<Vec<Unsent>, StoreError> {
        self.read(move |tx| {
            let of_one = of.is_some();
            let behind = behind.unwrap_or_else(|| Behind { destination: of.unwrap_or_default(), id: 0 });
            let params = named_params! { ":destination": behind.destination, ":id": behind.id };
            let mut known = HashMap::new();
            let found = tx.rows(&which.list(of_one), params, unsent)?.into_iter();
            let with_private = found
                .map(|(send, subject)| Ok(Unsent { private: tx.is_private(subject.as_deref(), &mut known)?, ..send }));
            with_private.collect()
        })
        .await
    }

    /// How many sends have not arrived, of each kind: at most ten thousand are counted.
    ///
    /// # Errors
    /// As above
    pub async fn unsent_counts(&self) -> Result<[(Outgoing, Counted); 3], StoreError> {
        self.read(|tx| {
            let count = |which: Outgoing| Ok::<_, StoreError>((which, tx.counted(which, None, BOUND_OF_ALL)?));
            Ok([count(Outgoing::Waiting)?, count(Outgoing::Retrying)?, count(Outgoing::Failed)?])
        })
        .await
    }

    /// How it is with the destinations after a name: with those of which anything waits, failed or was refused, and with the
    /// `known` ones, each with the teams that send there. Says also whether there are more.
    ///
    /// # Errors
    /// As above
    pub async fn health(
        &self,
        known: Vec<(String, Vec<String>)>,
        behind: String,
    ) -> Result<(Vec<Health>, bool), StoreError> {
        self.read(move |tx| tx.healths(&known, &behind)).await
    }

    /// Tries again what a destination was not sent, at the request of a person: at most five hundred sends, of these teams if
    /// any are given.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn retry_destination(&self, to: Destination, teams: Option<Vec<String>>) -> Result<Retried, StoreError> {
        self.write(move |tx| tx.retry_destination(&to, teams.as_deref())).await
    }
}

impl Tx<'_> {
    fn counted(&self, which: Outgoing, of: Option<&str>, bound: u64) -> Result<Counted, StoreError> {
        // Limits are part of the statement, so that SQLite keeps its plan.
        let sql = which.count(of.is_some(), &(bound + 1).to_string());
        let count = match of {
            Some(of) => self.value::<i64>(&sql, named_params! { ":to": of })?,
            None => self.value::<i64>(&sql, [])?,
        };
        let count = count.unwrap_or_default().unsigned_abs();
        Ok(Counted { count: count.min(bound), more: count > bound })
    }

    fn healths(&self, known: &[(String, Vec<String>)], behind: &str) -> Result<(Vec<Health>, bool), StoreError> {
        let names = known.iter().map(|(name, _)| name.as_str()).filter(|name| *name > behind);
        let mut names = names.map(str::to_owned).collect::<BTreeSet<_>>();
        let lists = Outgoing::ALL.map(Outgoing::next_destination);
        for sql in lists.iter().map(String::as_str).chain([NEXT_REFUSING]) {
            let mut last = behind.to_owned();
            for _ in 0..=DESTINATIONS_IN_PAGE {
                let next = self.value::<Option<String>>(sql, named_params! { ":last": last })?;
                let Some(next) = next.flatten() else { break };
                names.insert(next.clone());
                last = next;
            }
        }
        let more = names.len() > DESTINATIONS_IN_PAGE;
        let senders = |name: &String| known.iter().find(|(of, _)| of == name).map_or(&[][..], |(_, teams)| teams);
        let page = names.iter().take(DESTINATIONS_IN_PAGE).map(|name| self.health_of(name, senders(name)));
        Ok((page.collect::<Result<_, _>>()?, more))
    }

    fn health_of(&self, to: &str, senders: &[String]) -> Result<Health, StoreError> {
        let params = named_params! { ":to": to };
        let head = self.row(HEAD, params, |row| {
            let state: SendState = text(row, "state")?;
            let next = if state == SendState::Queued { Some(time(row, "next_at")?) } else { None };
            Ok((row.get::<_, Option<String>>("error")?, next, row.get::<_, i64>("ledger_id")?))
        })?;
        let failed = self.row(LAST_FAILED, params, |row| {
            Ok((row.get::<_, Option<String>>("error")?, row.get::<_, i64>("ledger_id")?))
        })?;
        let mut teams = senders.iter().cloned().collect::<BTreeSet<_>>();
        for line in head.iter().map(|(.., line)| line).chain(failed.iter().map(|(_, line)| line)) {
            teams.extend(self.value::<Option<String>>(TEAM_OF, named_params! { ":line": line })?.flatten());
        }
        let mut last_sent = None;
        for team in teams.iter().take(SENDERS) {
            let sent =
                self.row(LAST_SENT, named_params! { ":team": team, ":to": to }, |row| time_or_none(row, "at"))?;
            last_sent = last_sent.max(sent.flatten());
        }
        let (error, next) = head.map_or((None, None), |(error, next, _)| (error, next));
        Ok(Health {
            destination: to.to_owned(),
            waiting: self.counted(Outgoing::Waiting, Some(to), BOUND)?,
            retrying: self.counted(Outgoing::Retrying, Some(to), BOUND)?,
            failed: self.counted(Outgoing::Failed, Some(to), BOUND)?,
            last_sent,
            error: error.or_else(|| failed.and_then(|(error, _)| error)),
            next,
            refusals: self.row(REFUSALS, params, refusals)?.flatten(),
        })
    }

    fn retry_destination(&self, to: &Destination, teams: Option<&[String]>) -> Result<Retried, StoreError> {
        let params = named_params! { ":to": Text(to), ":teams": teams.map(Json) };
        let failed =
            self.rows(FAILED_OF, params, |row| Ok((row.get::<_, i64>("id")?, row.get::<_, i64>("ledger_id")?)))?;
        let (now, more) = (Timestamp::now(), failed.len() > AT_ONCE);
        let mut messages = BTreeSet::new();
        for (send, message) in failed.iter().take(AT_ONCE) {
            self.put(
                "UPDATE send SET state = 'queued', next_at = :now, created_at = :now WHERE id = :send AND state = 'failed'",
                named_params! { ":now": Millis(now), ":send": send },
            )?;
            messages.insert(*message);
        }
        for message in &messages {
            self.sends_again(*message, now)?;
        }
        Ok(Retried { sends: failed.len().min(AT_ONCE), more })
    }
}

/// A send, and what it is about.
fn unsent(row: &Row<'_>) -> Result<(Unsent, Option<String>), StoreError> {
    let state: SendState = text(row, "state")?;
    let send = Unsent {
        id: row.get("id")?,
        destination: row.get("destination")?,
        thread: row.get("thread")?,
        state,
        attempts: row.get("attempts")?,
        next: if state == SendState::Queued { Some(time(row, "next_at")?) } else { None },
        error: row.get("error")?,
        since: time(row, "created_at")?,
        line: LineId { delivery: row.get("delivery_id")?, line: row.get("line")? },
        team: row.get::<_, Option<String>>("team")?.unwrap_or_default(),
        message: json_or_none::<Message>(row, "message")?,
        taken_back: row.get("taken_back")?,
        restricted: row.get("restricted")?,
        private: false,
    };
    Ok((send, row.get("subject")?))
}

#[cfg(test)]
mod tests;
