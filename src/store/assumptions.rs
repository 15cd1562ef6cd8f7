//! Assumptions as teams were told of them, and what came of each.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Assumption, LINE, RESTRICTED, assumption};
use super::ledger::outcomes;
use super::record::Record;
use super::row::{Row, Value, named_params, text};
use super::{EntryState, Store, StoreError, Tx};
use crate::event::OccurrenceId;
use crate::plan::LineId;
use crate::reason::{Code, Reason};

/// What came of an assumption at one team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssumptionState {
    /// The team is yet to be told
    Waiting,
    /// The team can object
    Open,
    /// Somebody objected
    Objected,
    /// A member of the team answered in the conversation
    Answered,
    /// Nobody objected in time
    Agreed,
    /// Its author changed it or took it back
    Changed,
    /// The message didn't arrive in time, so nobody agreed
    Expired,
}

impl AssumptionState {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Objected, Self::Answered, Self::Agreed, Self::Changed, Self::Expired, Self::Waiting];

    /// The name in addresses and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Objected => "objected",
            Self::Answered => "answered",
            Self::Agreed => "agreed",
            Self::Changed => "changed",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for AssumptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AssumptionState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("`{text}` isn't a state of an assumption: write one such as `open`"))
    }
}

/// Which assumptions to read.
#[derive(Debug, Clone, Default)]
pub struct AssumptionFilter {
    /// As this team was told of them
    pub team: Option<String>,
    /// In this conversation
    pub thread: Option<String>,
    /// In this state
    pub state: Option<AssumptionState>,
    /// Before the line with this id
    pub before: Option<i64>,
}

/// Assumptions, newest first.
#[derive(Debug, Clone)]
pub struct Assumptions {
    /// Each with what came of it
    pub records: Vec<(AssumptionState, Record)>,
    /// The id of the line before which to go on; `None` at the end
    pub before: Option<i64>,
}

/// So many are in a page.
const IN_PAGE: usize = 50;
/// So many lines are looked at for a page: then it ends, even if it isn't full.
const LOOKED_AT: usize = 2_000;
/// So many of them at once, since most pages are full soon.
const AT_ONCE: usize = 100;

/// What its states follow from.
const CANDIDATES: &str = "
    SELECT l.id, l.state, l.outcome, EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = l.id) AS objected,
           (SELECT e.once FROM event e WHERE e.id = l.event_id) AS once
    FROM ledger l INDEXED BY {index}
    WHERE l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL AND l.id < :before";

/// Those that were told in one message, by the line that has it.
const TOLD: &str = "
    SELECT l.id, l.state, l.outcome, EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = l.id) AS objected,
           (SELECT e.once FROM event e WHERE e.id = l.event_id) AS once
    FROM ledger lead JOIN ledger l ON l.id = lead.id OR l.lead_id = lead.id
    WHERE lead.delivery_id = :delivery AND lead.line = :line
      AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL ORDER BY l.id LIMIT 50";

impl Store {
    /// The assumptions that a line told of, with those that were told in the same message, each with what came of it.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn assumptions_told(&self, line: LineId) -> Result<Vec<(AssumptionState, Record)>, StoreError> {
        self.read(move |tx| {
            let params = named_params! { ":delivery": line.delivery, ":line": line.line };
            let mut found = Vec::new();
            for candidate in tx.rows(TOLD, params, candidate)? {
                found.extend(candidate.state_with(tx)?.map(|state| (state, candidate.id)));
            }
            Ok(tx.with_records(found, None)?.records)
        })
        .await
    }

    /// Assumptions that teams were told of or are to be told of, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn list_assumptions(&self, filter: AssumptionFilter) -> Result<Assumptions, StoreError> {
        self.read(move |tx| tx.list_assumptions(&filter)).await
    }
}

impl Tx<'_> {
    /// The assumptions that the message of a line tells, each with whether its author changed it or took it back since.
    pub(super) fn assumptions_in(&self, line: i64) -> Result<Vec<(Assumption, bool)>, StoreError> {
        let sql = format!(
            "SELECT {LINE}, e.body, e.once, {RESTRICTED},
                    EXISTS (SELECT 1 FROM objection o WHERE o.ledger_id = l.id) AS objected
             FROM ledger lead JOIN ledger l ON l.id = lead.id OR l.lead_id = lead.id JOIN event e ON e.id = l.event_id
             WHERE lead.id = :line
               AND l.kind = 'note.assumed' AND l.team IS NOT NULL AND l.answers IS NULL ORDER BY l.id LIMIT 50"
        );
        let mut told = Vec::new();
        let read = |row: &Row<'_>| Ok((candidate(row)?, assumption(row)?));
        for (candidate, assumption) in self.rows(&sql, named_params! { ":line": line }, read)? {
            if candidate.state_with(self)?.is_some() {
                told.push((assumption, self.is_changed(candidate.once.as_ref())?));
            }
        }
        Ok(told)
    }

    fn list_assumptions(&self, filter: &AssumptionFilter) -> Result<Assumptions, StoreError> {
        let (sql, mut params) = candidates(filter);
        let (mut found, mut before) = (Vec::new(), filter.before);
        for _ in 0..LOOKED_AT / AT_ONCE {
            params[0].1 = before.unwrap_or(i64::MAX).into();
            let looked_at = self.rows(&sql, params.as_slice(), candidate)?;
            let (count, is_rest) = (looked_at.len(), looked_at.len() < AT_ONCE);
            for (place, candidate) in looked_at.into_iter().enumerate() {
                before = Some(candidate.id);
                let state = candidate.state_with(self)?;
                if let Some(state) = state.filter(|state| filter.state.is_none_or(|wanted| wanted == *state)) {
                    found.push((state, candidate.id));
                }
                if found.len() == IN_PAGE {
                    let is_last = is_rest && place + 1 == count;
                    return self.with_records(found, before.filter(|_| !is_last));
                }
            }
            if is_rest {
                return self.with_records(found, None);
            }
        }
        self.with_records(found, before)
    }

    fn with_records(&self, found: Vec<(AssumptionState, i64)>, before: Option<i64>) -> Result<Assumptions, StoreError> {
        let ids = found.iter().map(|(_, id)| *id).collect::<Vec<_>>();
        let records = self.records_by_id(&ids)?;
        let states = found.into_iter().map(|(state, _)| state);
        Ok(Assumptions { records: states.zip(records).collect(), before })
    }
}

/// The statement that finds lines which may fit a filter, by the index that leaves the fewest.
fn candidates(filter: &AssumptionFilter) -> (String, Vec<(&'static str, Value)>) {
    let AssumptionFilter { team, thread, .. } = filter;
    // Left to itself, SQLite takes the index of whole conversations.
    let index = match (team, thread) {
        (_, Some(_)) => "ledger_assumed_thread",
        (Some(_), None) => "ledger_assumed_team",
        (None, None) => "ledger_assumed",
    };
    let mut sql = CANDIDATES.replace("{index}", index);
    let mut params = vec![(":before", Value::Null)];
    for (condition, name, value) in
        [(" AND l.thread = :thread", ":thread", thread), (" AND l.team = :team", ":team", team)]
    {
        if let Some(value) = value {
            sql.push_str(condition);
            params.push((name, value.clone().into()));
        }
    }
    sql.push_str(&format!(" ORDER BY l.id DESC LIMIT {AT_ONCE}"));
    (sql, params)
}

pub(super) struct Candidate {
    id: i64,
    state: EntryState,
    outcomes: Vec<Reason>,
    objected: bool,
    pub(super) once: Option<OccurrenceId>,
}

pub(super) fn candidate(row: &Row<'_>) -> Result<Candidate, StoreError> {
    let outcome: Option<String> = row.get("outcome")?;
    Ok(Candidate {
        id: row.get("id")?,
        state: text(row, "state")?,
        outcomes: outcomes(outcome.as_deref()),
        objected: row.get("objected")?,
        once: row.get("once")?,
    })
}

impl Candidate {
    /// `None` if the team isn't told of it.
    pub(super) fn state_with(&self, tx: &Tx<'_>) -> Result<Option<AssumptionState>, StoreError> {
        let came = |code: Code| self.outcomes.iter().any(|outcome| outcome.code() == code);
        // What takes one back is not one itself.
        let takes_back = self.once.as_ref().is_some_and(OccurrenceId::takes_back);
        let state = match self.state {
            EntryState::Suppressed | EntryState::Superseded | EntryState::Ignored => return Ok(None),
            _ if takes_back => return Ok(None),
            _ if self.objected || came(Code::Objected) => AssumptionState::Objected,
            _ if came(Code::ChangedBeforeAgreed) => AssumptionState::Changed,
            _ if came(Code::Answered) => AssumptionState::Answered,
            _ if came(Code::Agreed) => AssumptionState::Agreed,
            _ if came(Code::NotAgreed) => AssumptionState::Expired,
            EntryState::Held => AssumptionState::Waiting,
            EntryState::Failed => AssumptionState::Expired,
            EntryState::Sent if tx.is_changed(self.once.as_ref())? => AssumptionState::Changed,
            EntryState::Sent => AssumptionState::Open,
        };
        Ok(Some(state))
    }
}

#[cfg(test)]
mod tests;
