//! Reading the ledger, for people and scripts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::{Row, Value, json, json_or_none, text, time};
use super::{Store, StoreError};
use crate::reason::{Code, Reason};
use crate::template::Message;

/// What became of an event for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// It waits, or is being sent
    Held,
    /// It reached every destination
    Sent,
    /// A later update that says more replaced it
    Superseded,
    /// It wasn't sent, for the reason that the line gives
    Suppressed,
    /// A destination couldn't be reached
    Failed,
    /// The delivery is of a kind that rules can't be about
    Ignored,
}

impl EntryState {
    /// The name in the database and in `--json` output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Superseded => "superseded",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
        }
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EntryState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, false)
    }
}

/// Where a send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SendState {
    /// It waits for its turn or for a retry
    Queued,
    /// It is under way
    Sending,
    /// It arrived
    Sent,
    /// It was given up
    Failed,
    /// It is not made: somebody muted it
    Muted,
}

impl SendState {
    /// The name in the database and in `--json` output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Muted => "muted",
        }
    }
}

impl FromStr for SendState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Queued, Self::Sending, Self::Sent, Self::Failed, Self::Muted];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("`{text}` isn't a state of a send"))
    }
}

/// What readers of the ledger see in the place of a message that was removed.
pub const FORGOTTEN_MESSAGE: &str = "its message was removed (`microalign store forget`)";

/// One line of the ledger. Serialises to DESIGN §6's `ledger --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// `delivery.line`, as commands take it
    pub id: String,
    /// The sender's id of the delivery
    pub delivery: String,
    /// `github` or `jira`
    pub source: String,
    /// The event's kind; the webhook's name where it was ignored
    pub kind: Option<String>,
    /// What it is about
    pub subject: Option<String>,
    /// Its conversation
    pub thread: Option<String>,
    /// The team it is for, if it reached a rule
    pub team: Option<String>,
    /// That rule
    pub rule: Option<String>,
    /// What became of it
    pub state: EntryState,
    /// Why, for programs
    pub code: Code,
    /// Why, and what came of it, for people
    pub reason: String,
    /// What came of an assumption
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Code>,
    /// When it was planned
    pub at: Timestamp,
    /// Its sends
    pub sends: Vec<SendEntry>,
    /// The message as it was rendered
    #[serde(skip)]
    pub message: Option<Message>,
    /// Its message was removed (`microalign store forget`)
    #[serde(skip)]
    pub forgotten: bool,
}

/// One send of a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendEntry {
    /// Where to
    pub destination: String,
    /// Where it is
    pub state: SendState,
    /// How often it was tried
    pub attempts: i64,
    /// What went wrong last
    pub error: Option<String>,
}

/// Which lines to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this team
    pub team: Option<String>,
    /// Of this conversation
    pub thread: Option<String>,
    /// In this state
    pub state: Option<EntryState>,
    /// Planned since then
    pub since: Option<Timestamp>,
    /// Of this delivery (the number in its id)
    pub delivery: Option<i64>,
    /// This line of that delivery
    pub line: Option<i64>,
    /// The newest so many
    pub limit: Option<u32>,
}

/// Lines of the ledger in pages, oldest first: a ledger of any size can be read, and no reader holds up the copying of the log.
pub struct Pages<'s> {
    store: &'s Store,
    filter: Filter,
    /// The last line that was read; `None` before the first page
    after: Option<i64>,
    /// The last page wasn't full
    ended: bool,
}

impl Pages<'_> {
    /// So many lines are in a page at most.
    pub const FULL: usize = 500;

    /// The next lines; none at the end.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let (conditions, mut params) = narrow(&self.filter);
        let (after, limit) = (self.after, self.filter.limit);
        let page = self.store.read(move |tx| {
            let after = match (after, limit) {
                (Some(after), _) => after,
                (None, None) => 0,
                (None, Some(limit)) => {
                    let sql = format!(
                        "SELECT coalesce(min(id) - 1, 0) FROM (
                             SELECT l.id FROM ledger l WHERE TRUE{conditions} ORDER BY l.id DESC LIMIT {limit}) AS newest"
                    );
                    tx.value::<i64>(&sql, params.as_slice())?.unwrap_or_default()
                }
            };
            params.push((":after", after.into()));
            let sql = format!("{LINES} WHERE l.id > :after{conditions} ORDER BY l.id LIMIT 500");
            let rows = tx.rows(&sql, params.as_slice(), |row| Ok((row.get::<_, i64>("id")?, entry(row)?)))?;
            Ok((rows.last().map(|(id, _)| *id).or(Some(after)), rows))
        });
        let (last, rows) = page.await?;
        (self.after, self.ended) = (last, rows.len() < Self::FULL);
        Ok(rows.into_iter().map(|(_, entry)| entry).collect())
    }
}

/// Lines of the ledger, as readers see them.
pub(super) const LINES: &str = "
    SELECT l.id, l.delivery_id || '.' || l.line AS name, d.delivery_key, l.source, l.kind, l.subject, l.thread,
           l.team, l.rule, l.state, l.reason, l.outcome, l.answers IS NOT NULL AS answers, l.at, l.message,
           l.message IS NULL AND EXISTS (
               SELECT 1 FROM send f WHERE f.ledger_id = l.id AND f.state <> 'muted' AND f.taken_back = 0) AS forgotten,
           (SELECT json_group_array(json_object('destination', s.destination, 'state', s.state,
                   'attempts', s.attempts, 'error', s.error) ORDER BY s.id) FROM send s
            WHERE s.ledger_id = coalesce(l.lead_id, l.id)) AS sends
    FROM ledger l JOIN delivery d ON d.id = l.delivery_id";

impl Store {
    /// Lines of the ledger, oldest first, a page at a time.
    #[must_use]
    pub fn ledger_pages(&self, filter: Filter) -> Pages<'_> {
        Pages { store: self, filter, after: None, ended: false }
    }

    /// Lines of the ledger, oldest first, where they are few.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn ledger(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        let (mut pages, mut all) = (self.ledger_pages(filter.clone()), Vec::new());
        loop {
            let mut page = pages.next().await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.append(&mut page);
        }
    }

    /// How many lines there are, whatever the filter's limit is.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn ledger_count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let (conditions, params) = narrow(filter);
        let sql = format!("SELECT count(*) FROM ledger l WHERE TRUE{conditions}");
        let count = self.read(move |tx| tx.value::<i64>(&sql, params.as_slice())).await?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }
}

/// What leaves only the lines that the filter names: conditions to append, and their parameters.
fn narrow(filter: &Filter) -> (String, Vec<(&'static str, Value)>) {
    let Filter { team, thread, state, since, delivery, line, limit: _ } = filter;
    let conditions: [(_, _, Option<Value>); 6] = [
        (" AND l.team = :team", ":team", team.clone().map(Value::from)),
        (" AND l.thread = :thread", ":thread", thread.clone().map(Value::from)),
        (" AND l.state = :state", ":state", state.map(|state| state.to_string().into())),
        (" AND l.at >= :since", ":since", since.map(|since| since.as_millisecond().into())),
        (" AND l.delivery_id = :delivery", ":delivery", delivery.map(Value::from)),
        (" AND l.line = :line", ":line", line.map(Value::from)),
    ];
    conditions.into_iter().filter_map(|(condition, name, value)| Some((condition, (name, value?)))).unzip()
}

/// A reason as it is stored. One that this version cannot read must not hide the rest of the ledger.
pub(super) fn stored(text: &str) -> Reason {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, text, "our fault: a reason cannot be read");
        Reason::Other { class: None, sentence: text.to_owned() }
    })
}

pub(super) fn outcomes(text: Option<&str>) -> Vec<Reason> {
    let read = text.map(|text| {
        serde_json::from_str(text)
            .inspect_err(|error| tracing::error!(%error, text, "our fault: an outcome cannot be read"))
    });
    read.and_then(Result::ok).unwrap_or_default()
}

/// The sentence for a line: why, then what came of it. A line that `answers` to an assumption's author is about what came.
fn said(reason: &Reason, outcomes: &[Reason], answers: bool) -> String {
    let came = outcomes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match (reason.code(), answers) {
        _ if came.is_empty() => reason.to_string(),
        (Code::Sent, true) => came,
        (Code::Sending, true) => format!("{came}: {reason}"),
        _ => format!("{reason}; {came}"),
    }
}

pub(super) fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let (reason, outcome): (String, Option<String>) = (row.get("reason")?, row.get("outcome")?);
    let (reason, outcomes) = (stored(&reason), outcomes(outcome.as_deref()));
    Ok(Entry {
        id: row.get("name")?,
        delivery: row.get("delivery_key")?,
        source: row.get("source")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        thread: row.get("thread")?,
        team: row.get("team")?,
        rule: row.get("rule")?,
        state: text(row, "state")?,
        code: reason.code(),
        reason: said(&reason, &outcomes, row.get("answers")?),
        outcomes: outcomes.iter().map(Reason::code).collect(),
        at: time(row, "at")?,
        sends: json(row, "sends")?,
        message: json_or_none(row, "message")?,
        forgotten: row.get("forgotten")?,
    })
}
