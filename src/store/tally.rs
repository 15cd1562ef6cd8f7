//! What happened in one day, counted: who heard of whom, and in which conversations something happened. It is read in the
//! background, a window of lines at a time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::keep::OPEN;
use super::row::{Millis, Row, named_params, time, time_or_none};
use super::{Store, StoreError, Tx};
use crate::event::EventKind;

/// Somebody who did something, as a payload named them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Doer {
    /// Their login or account id
    pub login: Arc<str>,
    /// What they are called
    pub name: Arc<str>,
}

/// What one team was told of one person's doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Telling {
    /// The team
    pub team: Arc<str>,
    /// Whose doing it was, if that is known
    pub doer: Option<Doer>,
    /// Who owns the repository that it was in: its organisation
    pub owner: Option<Arc<str>>,
}

/// What happened in one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadDay {
    /// When something last did
    pub last: Timestamp,
    /// When a pull request of it became a draft first
    pub draft: Option<Timestamp>,
    /// When a team was first told of it
    pub word: Option<Timestamp>,
    /// Who did something in it
    pub doers: BTreeSet<Doer>,
    /// Whether the ticket is open, or where there is none, what it is about
    pub open: bool,
}

/// A day, or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often each team was told of whose doing
    pub told: HashMap<Telling, u64>,
    /// What happened in which conversation
    pub threads: HashMap<Arc<str>, ThreadDay>,
    /// Each text once
    texts: BTreeSet<Arc<str>>,
}

/// A conversation in which nothing has happened for so many days has gone quiet.
pub const SILENT_DAYS: u16 = 7;

/// The same as a span of time.
#[must_use]
pub fn silent_for() -> SignedDuration {
    SignedDuration::from_hours(i64::from(SILENT_DAYS) * 24)
}

/// A place in the ledger: the time and the id of a line.
type Place = (i64, i64);

/// So many conversations are asked for at a time.
const AT_ONCE: usize = 200;
/// So many lines are read at a time.
const WINDOW: usize = 4000;

const LINES: &str = "
    SELECT l.id, l.at, l.team, l.kind, l.subject, l.thread, l.told_at, l.state = 'sent' AND l.answers IS NULL AND l.kind IS DISTINCT FROM 'summary' AS told,
           coalesce(e.body ->> '$.actor.login', l.actor) AS login, e.body ->> '$.actor.name' AS name,
           coalesce(e.body -> '$.actor.bot' = 'true', FALSE) AS bot
    FROM ledger l LEFT JOIN event e ON e.id = l.event_id
    WHERE (l.at, l.id) > (:at, :id) AND l.at < :end ORDER BY l.at, l.id LIMIT 4000";

const OLDEST: &str = "SELECT min(at) AS oldest FROM ledger";

impl Store {
    /// When the oldest line of the ledger was written.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn oldest_line(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| tx.row(OLDEST, [], |row| time_or_none(row, "oldest"))).await.map(Option::flatten)
    }

    /// Counts what happened from one moment up to another.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn tally(&self, begin: Timestamp, end: Timestamp) -> Result<Tally, StoreError> {
        let (mut tally, mut place) = (Tally::default(), Some((begin.as_millisecond(), i64::MIN)));
        // No reader holds up the copying of the log for long.
        while let Some(after) = place {
            (tally, place) = self.read(move |tx| tx.tally(tally, after, end)).await?;
        }
        self.read(move |tx| tx.note_open(tally)).await
    }
}

impl Tx<'_> {
    fn tally(&self, mut tally: Tally, after: Place, end: Timestamp) -> Result<(Tally, Option<Place>), StoreError> {
        let params = named_params! { ":at": after.0, ":id": after.1, ":end": Millis(end) };
        let places = self.rows(LINES, params, |row| {
            tally.add(row)?;
            Ok((row.get("at")?, row.get("id")?))
        })?;
        let last = places.last().copied().filter(|_| places.len() == WINDOW);
        Ok((tally, last))
    }

    fn note_open(&self, mut tally: Tally) -> Result<Tally, StoreError> {
        let own = format!("SELECT {OPEN} FROM subject s WHERE s.key = :thread");
        let others = format!("SELECT {OPEN} FROM subject s WHERE s.thread = :thread AND s.thread <> s.key");
        let is_open = |thread: &str| {
            let params = named_params! { ":thread": thread };
            match self.value::<bool>(&own, params)? {
                Some(open) => Ok::<_, StoreError>(open),
                None => Ok(self.rows(&others, params, |row| row.get::<_, bool>(0))?.contains(&true)),
            }
        };
        let mut threads = tally.threads.iter_mut().collect::<Vec<_>>();
        for some in threads.chunks_mut(AT_ONCE) {
            self.ahead(|| some.iter().for_each(|(thread, _)| drop(is_open(thread))));
            for (thread, happened) in some {
                happened.open = is_open(thread)?;
            }
        }
        tally.texts.clear();
        Ok(tally)
    }
}

impl Tally {
    fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let at = time(row, "at")?;
        let login: Option<String> = row.get("login")?;
        let doer = match login {
            Some(login) => {
                let name: Option<String> = row.get("name")?;
                let (login, name) = (self.text(&login), name.map(|name| self.text(&name)));
                Some(Doer { name: name.unwrap_or_else(|| Arc::clone(&login)), login })
            }
            None => None,
        };
        let told: bool = row.get("told")?;
        if let Some(team) = row.get::<_, Option<String>>("team")?.filter(|_| told) {
            let subject: Option<String> = row.get("subject")?;
            let owner = subject.as_deref().and_then(owner).map(|owner| self.text(owner));
            let telling = Telling { team: self.text(&team), doer: doer.clone(), owner };
            *self.told.entry(telling).or_default() += 1;
        }
        let Some(thread) = row.get::<_, Option<String>>("thread")? else { return Ok(()) };
        let kind: Option<String> = row.get("kind")?;
        let word = time_or_none(row, "told_at")?.filter(|_| told);
        let draft = (kind.as_deref() == Some(EventKind::PullRequestDraft.as_str())).then_some(at);
        let bot: bool = row.get("bot")?;
        let thread = self.text(&thread);
        let new = ThreadDay { last: at, draft: None, word: None, doers: BTreeSet::new(), open: false };
        let happened = self.threads.entry(thread).or_insert(new);
        happened.last = happened.last.max(at);
        happened.draft = earliest(happened.draft, draft);
        happened.word = earliest(happened.word, word);
        happened.doers.extend(doer.filter(|_| !bot));
        Ok(())
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(text) = self.texts.get(text) {
            return Arc::clone(text);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}

/// The earlier of two moments that may be unknown.
#[must_use]
pub fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// The organisation or the person whose repository a subject is in: `acme` of `acme/api#7`.
fn owner(subject: &str) -> Option<&str> {
    let repository = subject.split(['#', '@', ':']).next()?;
    repository.rsplit_once('/').map(|(owner, _)| owner).filter(|owner| !owner.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::tests::{change_by, scratch, with_file};
    use super::*;

    const ROWS: &str = r#"
        INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd-1', 'x', 0, 0, x'');
        INSERT INTO subject (key, state, thread) VALUES
            ('DATA-1', '{"about": {"type": "ticket", "status_category": "in_progress"}}', 'DATA-1'),
            ('DATA-2', '{"about": {"type": "ticket", "status_category": "done"}}', 'DATA-2'),
            ('acme/api#7', '{"about": {"type": "pull_request", "stage": "open"}}', 'DATA-3');
        INSERT INTO event (id, delivery_id, body) VALUES
            (1, 1, '{"actor": {"login": "ana", "name": "Ana"}}'), (2, 1, '{"actor": {"login": "ci[bot]", "name": "ci", "bot": true}}');
        INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, state, reason, at, told_at, answers)
        VALUES
            (1, 1, 1, 1, 'github', 'pull_request.draft', 'acme/api#7', 'DATA-1', 'web', 'sent', '{}', 1000, 61000, NULL),
            (2, 1, 2, 1, 'github', 'pull_request.draft', 'acme/api#7', 'DATA-1', 'data', 'suppressed', '{}', 1000, NULL, NULL),
            (3, 1, 3, 2, 'github', 'push', 'acme/api@main', 'DATA-1', 'web', 'sent', '{}', 2000, 2500, NULL),
            (4, 1, 4, 1, 'jira', 'ticket.done', 'DATA-2', 'DATA-2', 'web', 'sent', '{}', 3000, 3000, NULL),
            (5, 1, 5, 1, 'jira', 'note.assumed', 'DATA-2', 'DATA-2', 'web', 'sent', '{}', 3000, 3000, 4),
            (6, 1, 6, NULL, 'jira', 'ticket.quiet', 'DATA-3', 'DATA-3', NULL, 'suppressed', '{}', 4000, NULL, NULL),
            (7, 1, 7, 1, 'github', 'push', 'acme/api@main', 'x', 'web', 'sent', '{}', 86400000, 86400000, NULL)"#;

    #[tokio::test]
    async fn a_day_is_counted_by_whom_and_where() {
        let (_place, store) = scratch().await;
        change_by(&store, ROWS.split(';').map(str::to_owned).collect()).await;
        let moment = |millis| Timestamp::from_millisecond(millis).unwrap();
        let tally = store.tally(moment(0), moment(86_400_000)).await.unwrap();
        let mut told = tally.told.iter().map(|(Telling { team, doer, owner }, count)| {
            let doer = doer.as_ref().map_or("-", |doer| &*doer.login);
            format!("{team} of {doer} in {}: {count}", owner.as_deref().unwrap_or("-"))
        });
        let mut told = told.by_ref().collect::<Vec<_>>();
        told.sort();
        assert_eq!(told, ["web of ana in -: 1", "web of ana in acme: 1", "web of ci[bot] in acme: 1"]);
        let first = &tally.threads["DATA-1"];
        assert_eq!((first.last, first.draft, first.word), (moment(2000), Some(moment(1000)), Some(moment(2500))));
        assert_eq!(first.doers.iter().map(|doer| &*doer.name).collect::<Vec<_>>(), ["Ana"], "no bot works on it");
        let open = ["DATA-1", "DATA-2", "DATA-3"].map(|thread| tally.threads[thread].open);
        assert_eq!(open, [true, false, true], "DATA-3 isn't known, but its pull request");
        assert_eq!(store.oldest_line().await.unwrap(), Some(moment(1000)));
    }

    #[tokio::test]
    async fn no_table_is_scanned() {
        let (_place, store) = with_file().await;
        let own = format!("SELECT {OPEN} FROM subject s WHERE s.key = :thread");
        let others = format!("SELECT {OPEN} FROM subject s WHERE s.thread = :thread AND s.thread <> s.key");
        for sql in [LINES, OLDEST, &own, &others] {
            let sql = [":at", ":id", ":end", ":thread"].iter().fold(sql.to_owned(), |sql, name| sql.replace(name, "1"));
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let plan = store.read(move |tx| tx.rows(&plan, [], |row| row.get::<_, String>("detail"))).await.unwrap();
            assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{sql}: {plan:?}");
        }
    }

    #[test]
    fn owners_of_repositories() {
        for (subject, expected) in [
            ("acme/api#7", Some("acme")),
            ("acme/api@feature/x", Some("acme")),
            ("ghe.example/acme/api#7", Some("ghe.example/acme")),
            ("DATA-1", None),
        ] {
            assert_eq!(owner(subject), expected, "{subject}");
        }
    }
}
