//! One piece of work over GitHub and Jira: what happened, what was told of it, and what is muted.
//!
//! A conversation is a ticket with the pull requests and issues that belong to it. What happened to a pull request before it
//! belonged to its ticket is on lines that name the pull request, and so they are read together.

use jiff::Timestamp;

use super::record::Record;
use super::row::{Json, Millis, json, named_params};
use super::{Store, StoreError, Tx};
use crate::event::{About, SubjectKey, SubjectParts};
use crate::mute::Mute;
use crate::track::Known;

/// Which lines of a conversation to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first after the line with this id
    After(i64),
    /// The last before it
    Before(i64),
}

/// A part of a conversation, and how it stands.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Its name
    pub thread: String,
    /// What belongs to it, the ticket first
    pub subjects: Vec<(SubjectKey, Known)>,
    /// Its lines, oldest first
    pub records: Vec<Record>,
    /// There are lines before these
    pub earlier: bool,
    /// There are more lines after these
    pub later: bool,
    /// What keeps it quiet, each with its id
    pub mutes: Vec<(i64, Mute)>,
}

/// Where a conversation is.
#[derive(Debug, Clone)]
pub enum Found {
    /// Here
    Here(Box<Conversation>),
    /// It goes by this name now, or is a part of this one
    Elsewhere(String),
    /// Nobody has heard of it
    Nowhere,
}

/// So many lines are in a page.
pub const LINES_IN_PAGE: usize = 100;
/// So many pull requests and issues are looked at beside the ticket itself.
const BESIDE: &str = "SELECT key, state FROM subject WHERE thread = :thread AND thread <> key LIMIT 50";
const AFTER: &str = "SELECT id FROM ledger WHERE thread = :thread AND id > :id ORDER BY id LIMIT 100";
const BEFORE: &str = "SELECT id FROM ledger WHERE thread = :thread AND id < :id ORDER BY id DESC LIMIT 100";
const IS_BEFORE: &str = "SELECT EXISTS (SELECT 1 FROM ledger WHERE thread = :thread AND id <= :id)";
const IS_BEHIND: &str = "SELECT EXISTS (SELECT 1 FROM ledger WHERE thread = :thread AND id >= :id)";
const MUTES: &str = "SELECT id, team, destination, thread, rule, until_at, made_at, made_by, who
    FROM mute WHERE thread = :thread AND (until_at IS NULL OR until_at > :now) ORDER BY id LIMIT 100";
/// The id is followed by a `/` in what a conversation's first message is called.
const AT: &str = "SELECT DISTINCT destination FROM conversation
    WHERE root >= :from AND root < :until AND destination LIKE :channel || ':%' LIMIT 20";
const TOLD_LAST: &str = "SELECT l.id FROM (
        SELECT id, lead_id, at FROM ledger WHERE team = :team AND rule IS NOT NULL ORDER BY at DESC LIMIT 500) l
    WHERE EXISTS (SELECT 1 FROM send s WHERE s.ledger_id = coalesce(l.lead_id, l.id) AND s.state = 'sent'
                                         AND s.destination IN (SELECT value FROM json_each(:to)))
    LIMIT 8";
const KNOWN: &str = "SELECT state, thread FROM subject WHERE key = :key";

impl Store {
    /// A part of a conversation, by its name or an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn conversation(&self, thread: String, turn: Turn, now: Timestamp) -> Result<Found, StoreError> {
        self.read(move |tx| tx.conversation(&thread, turn, now)).await
    }

    /// The destinations of a channel (`slack`) whose conversations are at one place, by what the channel calls the place.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn conversations_at(&self, channel: &'static str, place: &str) -> Result<Vec<String>, StoreError> {
        let (from, until) = (format!("{place}/"), format!("{place}0"));
        self.read(move |tx| {
            let params = named_params! { ":from": from, ":until": until, ":channel": channel };
            tx.rows(AT, params, |row| row.get("destination"))
        })
        .await
    }

    /// What a team was told last at some destinations, oldest first, among the latest of its lines.
    ///
    /// # Errors
    /// As above
    pub async fn told_last(&self, team: String, to: Vec<String>) -> Result<Vec<Record>, StoreError> {
        self.read(move |tx| {
            let params = named_params! { ":team": team, ":to": Json(&to) };
            let mut ids = tx.rows(TOLD_LAST, params, |row| row.get::<_, i64>("id"))?;
            ids.reverse();
            tx.records_by_id(&ids)
        })
        .await
    }

    /// Ends one mute, by its id. `false` if it had ended.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn end_mute(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |tx| Ok(tx.run("DELETE FROM mute WHERE id = :id", named_params! { ":id": id })? > 0)).await
    }
}

impl Tx<'_> {
    fn conversation(&self, thread: &str, turn: Turn, now: Timestamp) -> Result<Found, StoreError> {
        let current = self.current_name(thread)?;
        if current != thread {
            return Ok(Found::Elsewhere(current));
        }
        let own = self.row(KNOWN, named_params! { ":key": thread }, |row| {
            Ok((json::<Known>(row, "state")?, row.get::<_, Option<String>>("thread")?))
        })?;
        if let Some((known, Some(of))) = &own
            && of != thread
            && is_part(known)
        {
            return Ok(Found::Elsewhere(of.clone()));
        }
        let mut subjects = own.map(|(known, _)| (SubjectKey::from(thread), known)).into_iter().collect::<Vec<_>>();
        let beside = self.rows(BESIDE, named_params! { ":thread": thread }, |row| {
            Ok((row.get::<_, SubjectKey>("key")?, json::<Known>(row, "state")?))
        })?;
        subjects.extend(beside.into_iter().filter(|(_, known)| is_part(known)));
        let parts =
            std::iter::once(thread).chain(subjects.iter().map(|(key, _)| key.as_str()).filter(|key| *key != thread));
        let parts = parts.map(str::to_owned).collect::<Vec<_>>();
        let records = self.records_of(&parts, turn)?;
        let mutes = self.rows(MUTES, named_params! { ":thread": thread, ":now": Millis(now) }, |row| {
            Ok((row.get::<_, i64>("id")?, super::mute::mute(row)?))
        })?;
        if subjects.is_empty() && records.is_empty() && mutes.is_empty() {
            return Ok(Found::Nowhere);
        }
        // Where a page is empty, all lines are on its other side.
        let (first, last) = match (records.first(), records.last(), turn) {
            (Some(first), Some(last), _) => (first.id - 1, last.id + 1),
            (_, _, Turn::After(id)) => (id, id.saturating_add(1)),
            (_, _, Turn::Before(id)) => (id.saturating_sub(1), id),
        };
        let (earlier, later) = (self.any(IS_BEFORE, &parts, first)?, self.any(IS_BEHIND, &parts, last)?);
        Ok(Found::Here(Box::new(Conversation { thread: thread.to_owned(), subjects, records, earlier, later, mutes })))
    }

    /// The name that something has now.
    pub(super) fn current_name(&self, name: &str) -> Result<String, StoreError> {
        if let Some(now) = self.alias(name)? {
            return Ok(now.to_string());
        }
        let key = SubjectKey::from(name);
        let SubjectParts { rest, .. } = key.parts();
        if rest.is_empty() || !key.scope().contains('/') {
            return Ok(name.to_owned());
        }
        let repository = self.alias(key.scope_on_host())?;
        Ok(repository.map_or_else(|| name.to_owned(), |now| format!("{now}{rest}")))
    }

    /// The lines of a page, oldest first.
    fn records_of(&self, threads: &[String], turn: Turn) -> Result<Vec<Record>, StoreError> {
        let (sql, id) = match turn {
            Turn::After(id) => (AFTER, id),
            Turn::Before(id) => (BEFORE, id),
        };
        let mut ids = Vec::<i64>::new();
        for thread in threads {
            ids.extend(self.rows(sql, named_params! { ":thread": thread, ":id": id }, |row| row.get::<_, i64>("id"))?);
        }
        ids.sort_unstable();
        match turn {
            Turn::After(_) => ids.truncate(LINES_IN_PAGE),
            Turn::Before(_) => drop(ids.drain(..ids.len().saturating_sub(LINES_IN_PAGE))),
        }
        self.records_by_id(&ids)
    }

    fn any(&self, sql: &str, threads: &[String], id: i64) -> Result<bool, StoreError> {
        for thread in threads {
            if self.holds(sql, named_params! { ":thread": thread, ":id": id })? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether something is a part of one conversation only: a branch or a release is in many.
fn is_part(known: &Known) -> bool {
    matches!(known.about, About::PullRequest(_) | About::Issue(_))
}

#[cfg(test)]
mod tests;
