//! The ledger newest first, a page at a time, and only what was asked for.
//!
//! Where an index holds few lines that can fit (a conversation's, a team's, those that wait or failed), the page is read
//! along it; else along the time. What doesn't fit is passed over, for as long as [`BUDGET`] lasts: then the page ends, short or
//! empty, and says how far it has looked. So a page of a ledger of any size comes at once, whatever was asked for.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ledger::{Entry, EntryState, LINES, entry};
use super::params::ToSql;
use super::row::{Json, Row, Value, json_or_none, named_params, time};
use super::{Store, StoreError, Tx};
use crate::event::Event;
use crate::reason::Code;

/// For so long what doesn't fit is passed over.
const BUDGET: Duration = Duration::from_millis(40);
/// The clock is read once for so many lines.
const STRIDE: u32 = 64;

/// What to look for. A line must fit all that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// The team
    pub team: Option<String>,
    /// `owner/repo`, or the key of a project in Jira
    pub repository: Option<String>,
    /// A conversation, or a subject that belongs to one
    pub thread: Option<String>,
    /// The kinds of event, any one
    pub kinds: Option<Vec<String>>,
    /// What became of it
    pub state: Option<EntryState>,
    /// Why
    pub code: Option<Code>,
    /// Planned since then
    pub since: Option<Timestamp>,
    /// Planned until then
    pub until: Option<Timestamp>,
    /// All of these are in the message or the name of the subject, in small or capital letters
    pub words: Vec<String>,
}

/// A place in the ledger: after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    at: Timestamp,
    id: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.as_millisecond(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (at, id) = text.rsplit_once('-')?;
            Some(Self { at: Timestamp::from_millisecond(at.parse().ok()?).ok()?, id: id.parse().ok()? })
        };
        read().ok_or_else(|| "this isn't a cursor that a page gave: begin at the first page".to_owned())
    }
}

/// A line, with what decides who may read it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id in the store
    pub row: i64,
    /// The line
    pub entry: Entry,
    /// Its event, if there is one that this version can read
    pub event: Option<Event>,
    /// It is about a ticket that has a security level by now
    pub restricted: bool,
    /// Whether its repository is private, as far as we heard
    pub private: Option<bool>,
}

/// Lines, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The lines
    pub lines: Vec<Shown>,
    /// Where the next page begins; `None` if there is nothing older
    pub next: Option<Cursor>,
    /// How far was looked
    pub looked_back_to: Option<Timestamp>,
}

/// The index that a page is read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    Thread,
    /// What waits or failed
    Open,
    Team,
    Time,
}

impl Along {
    fn of(sought: &Sought) -> Self {
        match sought {
            Sought { thread: Some(_), .. } => Self::Thread,
            Sought { state: Some(EntryState::Held | EntryState::Failed), .. } => Self::Open,
            Sought { team: Some(_), .. } => Self::Team,
            _ => Self::Time,
        }
    }

    fn index(self) -> &'static str {
        match self {
            Self::Thread => "ledger_thread_at",
            Self::Open => "ledger_open",
            Self::Team => "ledger_team",
            Self::Time => "ledger_at",
        }
    }

    /// The condition that the index is for.
    fn condition(self) -> &'static str {
        match self {
            Self::Thread => "l.thread = :thread",
            Self::Open => "l.state = :state AND l.state IN ('held', 'failed')",
            Self::Team => "l.team = :team AND l.rule IS NOT NULL",
            Self::Time => "TRUE",
        }
    }
}

/// The next lines along an index, each with whether it fits.
fn next_lines(along: Along, conditions: &str) -> String {
    format!(
        "SELECT l.id, l.at, (TRUE{conditions}) IS TRUE AS fits FROM ledger l INDEXED BY {} WHERE {}
           AND l.at BETWEEN :since AND :until AND (l.at < :until OR l.id < :before) ORDER BY l.at DESC, l.id DESC",
        along.index(),
        along.condition()
    )
}

type Named = (&'static str, Value);

/// The conditions of what is sought, to append, and their parameters.
fn narrow(sought: &Sought) -> (String, Vec<Named>) {
    let Sought { team, repository, thread, kinds, state, code, words, since: _, until: _ } = sought;
    let kinds = kinds.as_ref().map(|kinds| serde_json::Value::from(kinds.clone()).to_string().into());
    let conditions: [(_, _, Option<Value>); 6] = [
        (" AND l.team = :team", ":team", team.clone().map(Value::from)),
        (" AND l.thread = :thread", ":thread", thread.clone().map(Value::from)),
        (" AND l.state = :state", ":state", state.map(|state| state.to_string().into())),
        (" AND l.reason_code = :code", ":code", code.map(|code| code.to_string().into())),
        (" AND l.kind IN (SELECT value FROM json_each(:kinds))", ":kinds", kinds),
        (
            " AND substr(l.subject, 1, length(:repository)) = :repository AND iif(l.source = 'jira',
                substr(l.subject, length(:repository) + 1, 1) = '-',
                substr(l.subject, length(:repository) + 1, 1) IN ('#', ':', '@'))",
            ":repository",
            repository.clone().map(Value::from),
        ),
    ];
    let (mut sql, mut params): (String, Vec<_>) =
        conditions.into_iter().filter_map(|(condition, name, value)| Some((condition, (name, value?)))).unzip();
    // Messages are stored as JSON, so this only passes over what can't fit. The rest is read.
    for (word, name) in words.iter().filter(|word| is_plain(word)).zip([":word0", ":word1", ":word2", ":word3"]) {
        sql.push_str(&format!(
            " AND (l.subject LIKE {name} OR l.message LIKE {name} OR EXISTS (
                SELECT 1 FROM ledger m WHERE m.id = l.lead_id AND m.message LIKE {name}))"
        ));
        params.push((name, format!("%{word}%").into()));
    }
    (sql, params)
}

/// Whether a word is written in JSON as it is, and has no letters whose capitals SQLite doesn't know.
fn is_plain(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Store {
    /// The next lines after `after` that fit what is `sought` and that `keeps` wants, newest first, at most `most`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn page(
        &self,
        sought: Sought,
        (after, most): (Option<Cursor>, usize),
        keeps: impl Fn(&Shown) -> bool + Send + 'static,
    ) -> Result<Page, StoreError> {
        self.read(move |tx| tx.page(sought, (after, most), &keeps, BUDGET)).await
    }
}

impl Tx<'_> {
    fn page(
        &self,
        mut sought: Sought,
        (after, most): (Option<Cursor>, usize),
        keeps: &impl Fn(&Shown) -> bool,
        budget: Duration,
    ) -> Result<Page, StoreError> {
        sought.thread = sought.thread.map(|thread| self.conversation_of(thread)).transpose()?;
        let (conditions, mut params) = narrow(&sought);
        let until = sought.until.unwrap_or(Timestamp::MAX);
        let from = after.filter(|after| after.at <= until).unwrap_or(Cursor { at: until, id: i64::MAX });
        params.push((":since", sought.since.unwrap_or(Timestamp::MIN).as_millisecond().into()));
        params.push((":until", from.at.as_millisecond().into()));
        params.push((":before", from.id.into()));
        let params = params.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect::<Vec<_>>();
        let (mut lines, mut passed, begun) = (Vec::new(), 0_u32, Instant::now());
        let sql = next_lines(Along::of(&sought), &conditions);
        let next = self.until(&sql, &*params, |row| {
            let place = Cursor { at: time(row, "at")?, id: row.get("id")? };
            if row.get("fits")?
                && let Some(shown) = self.shown(place.id)?
                && has_words(&shown.entry, &sought.words)
                && keeps(&shown)
            {
                lines.push(shown);
            }
            passed += 1;
            let over = lines.len() == most || (passed.is_multiple_of(STRIDE) && begun.elapsed() > budget);
            Ok(if over { ControlFlow::Break(place) } else { ControlFlow::Continue(()) })
        })?;
        Ok(Page { lines, next, looked_back_to: next.map(|next| next.at) })
    }

    /// The conversation that a subject belongs to; else what was given.
    pub(super) fn conversation_of(&self, subject: String) -> Result<String, StoreError> {
        let sql = "SELECT thread FROM subject WHERE key = :subject AND thread IS NOT NULL";
        Ok(self.value(sql, named_params! { ":subject": subject })?.unwrap_or(subject))
    }

    /// One line, by its id in the store.
    pub(super) fn shown(&self, id: i64) -> Result<Option<Shown>, StoreError> {
        self.row(&shown_where("l.id = :id"), named_params! { ":id": id }, shown)
    }

    /// Those of these lines that fit what is sought, oldest first.
    pub(super) fn shown_of(&self, ids: &[i64], sought: &Sought) -> Result<Vec<Shown>, StoreError> {
        let (conditions, mut params) = narrow(sought);
        let ids = Json(ids);
        let mut bound = vec![(":ids", &ids as &dyn ToSql)];
        let since = Value::from(sought.since.unwrap_or(Timestamp::MIN).as_millisecond());
        let until = Value::from(sought.until.unwrap_or(Timestamp::MAX).as_millisecond());
        params.extend([(":since", since), (":until", until)]);
        bound.extend(params.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
        let sql = shown_where(&format!(
            "l.id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)) AND l.at BETWEEN :since AND :until{conditions}"
        ));
        let mut lines = self.rows(&format!("{sql} ORDER BY l.id"), &*bound, shown)?;
        lines.retain(|line| has_words(&line.entry, &sought.words));
        Ok(lines)
    }

    /// All lines of a delivery, in order.
    pub(super) fn shown_in(&self, delivery: i64) -> Result<Vec<Shown>, StoreError> {
        let sql = shown_where("l.delivery_id = :delivery ORDER BY l.line");
        self.rows(&sql, named_params! { ":delivery": delivery }, shown)
    }
}

/// Lines with what decides who may read them. A line that another one's message tells has that message here.
fn shown_where(condition: &str) -> String {
    let columns = "SELECT l.id AS row, e.body AS event, m.message AS told,
        coalesce((SELECT s.state -> '$.about.restricted' = 'true' FROM subject s WHERE s.key = l.subject), FALSE) AS restricted,
        (SELECT r.private FROM repository r WHERE r.name =
            iif(e.body ->> '$.host' IS NULL, '', e.body ->> '$.host' || '/') || (e.body ->> '$.scope')) AS private,";
    let lines = LINES.replacen("SELECT", columns, 1);
    format!("{lines} LEFT JOIN event e ON e.id = l.event_id LEFT JOIN ledger m ON m.id = l.lead_id WHERE {condition}")
}

fn shown(row: &Row<'_>) -> Result<Shown, StoreError> {
    let mut entry = entry(row)?;
    if entry.message.is_none() {
        entry.message = json_or_none(row, "told")?;
    }
    // What this version can't read is shown without its event.
    let event = row.get::<_, Option<String>>("event")?.and_then(|body| serde_json::from_str(&body).ok());
    Ok(Shown { row: row.get("row")?, entry, event, restricted: row.get("restricted")?, private: row.get("private")? })
}

/// Whether all words are in the message of a line or the name of its subject.
fn has_words(entry: &Entry, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let message = entry.message.as_ref().map(|message| format!("{}\n{}", message.subject, message.text()));
    let text = format!("{}\n{}", entry.subject.as_deref().unwrap_or_default(), message.unwrap_or_default());
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

#[cfg(test)]
mod tests;
