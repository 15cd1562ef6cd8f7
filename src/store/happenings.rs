//! What happened in a span of time, by conversation: for summaries.
//!
//! A week may have a million lines, so they are read once for all summaries of a moment, a window at a time, by the index on
//! their time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;

use super::ledger::stored;
use super::row::{Millis, Row, json, json_or_none, named_params, text, time};
use super::{EntryState, Store, StoreError, Tx};
use crate::event::{Event, EventKind, SubjectKey};
use crate::reason::Reason;
use crate::track::Known;

/// Something that moves work on, or says where it stands.
#[derive(Debug, Clone)]
pub struct Step {
    /// When it was planned
    pub planned: Timestamp,
    /// What happened
    pub event: Event,
}

/// What a team was told in a conversation, and what not.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// How many updates it was told
    pub updates: u64,
    /// How many of them were more than assumptions
    pub news: u64,
    /// Whether one is still to be told
    pub waits: bool,
    /// Why the last one that wasn't told wasn't
    pub untold: Option<Reason>,
    /// What those that were told were about
    pub subjects: BTreeSet<SubjectKey>,
}

/// What happened in one conversation.
#[derive(Debug, Clone)]
pub struct Course {
    /// When something last did
    pub last: Timestamp,
    /// What moved it on in the span of time, and what teams were told in it that moved it on before; oldest first
    pub steps: Vec<Step>,
    /// What teams that rules reached heard of it in the span of time, whenever it happened
    pub heard: BTreeMap<String, Heard>,
    /// What is known of its parts, the ticket first
    pub subjects: Vec<(SubjectKey, Known)>,
    /// The teams that were ever told anything in it
    pub told: BTreeSet<String>,
}

/// What happened in a span of time, and shortly before.
#[derive(Debug, Clone, Default)]
pub struct Happenings {
    /// The conversations
    pub courses: BTreeMap<String, Course>,
    /// Whether repositories are private, as far as it is known
    pub private: HashMap<String, bool>,
}

/// A place in the ledger: the time and the id of a line.
type Place = (i64, i64);

/// So many lines, or conversations, are read at a time.
const WINDOW: usize = 4000;
const CONVERSATIONS: usize = 500;

/// Kinds that say where work stands.
const STEPS: &str = "'pull_request.draft', 'pull_request.opened', 'pull_request.ready', 'pull_request.merged',
    'pull_request.closed', 'pull_request.reopened', 'pull_request.on_track', 'issue.opened', 'issue.closed', 'issue.reopened',
    'ticket.created', 'ticket.transitioned', 'ticket.started', 'ticket.done', 'ticket.slipped', 'ticket.pulled_in',
    'release.published', 'release.promoted'";

const LINES: &str = "
    SELECT l.id, l.at, l.event_id, l.kind, l.subject, l.thread, l.team, l.state, l.answers IS NOT NULL AS answers,
           iif(l.state = 'suppressed', l.reason, NULL) AS reason, coalesce(l.changed_at, l.at) AS changed,
           iif(l.kind IN (STEPS) AND coalesce(l.changed_at, l.at) >= :begin, e.body, NULL) AS body
    FROM ledger l INDEXED BY ledger_at LEFT JOIN event e ON e.id = l.event_id
    WHERE (l.at, l.id) > (:at, :id) AND l.at < :end ORDER BY l.at, l.id LIMIT 4000";

const SUBJECT: &str = "SELECT state, thread FROM subject WHERE key = :key";

const TOLD: &str = "SELECT DISTINCT team FROM ledger INDEXED BY ledger_thread_at
    WHERE thread = :thread AND told_at IS NOT NULL AND state IN ('sent', 'held') AND team IS NOT NULL AND answers IS NULL";

impl Store {
    /// What happened in a span of time. What happened `before`, from that time on, counts for when something last did, and if a
    /// team was told of it in the span: an update may wait for a week.
    ///
    /// # Errors
    /// As above
    pub async fn happenings(&self, before: Timestamp, span: Range<Timestamp>) -> Result<Happenings, StoreError> {
        let (mut reading, mut place) = (Reading::default(), Some((before.as_millisecond(), i64::MIN)));
        // No reader holds up the copying of the log for long.
        while let Some(after) = place {
            (reading, place) = self.read(move |tx| tx.read_lines(reading, after, span.start..span.end)).await?;
        }
        let Reading { lines, mut events, .. } = reading;
        let mut subjects = lines.iter().filter_map(|line| line.subject.clone()).collect::<Vec<_>>();
        subjects.extend(lines.iter().map(|line| line.thread.clone()));
        subjects.sort_unstable();
        subjects.dedup();
        let mut known = HashMap::new();
        for some in subjects.chunks(CONVERSATIONS) {
            let some = some.to_vec();
            known.extend(self.read(move |tx| tx.subjects_now(some)).await?);
        }
        let mut happenings = together(lines, &span, (&mut events, &known));
        let threads = happenings.courses.iter().map(|(thread, course)| {
            // What was told of a part before it belonged to the conversation has the part's name.
            let parts = course.subjects.iter().map(|(key, _)| key.to_string()).filter(|key| key != thread);
            (thread.clone(), std::iter::once(thread.clone()).chain(parts).collect())
        });
        let threads = threads.collect::<Vec<_>>();
        for some in threads.chunks(CONVERSATIONS) {
            let some = some.to_vec();
            for (thread, told) in self.read(move |tx| tx.told_in(some)).await? {
                happenings.courses.entry(thread).and_modify(|course| course.told = told);
            }
        }
        let names = happenings.courses.values().flat_map(|course| &course.subjects);
        let names = names.map(|(key, _)| key.scope_on_host().to_owned()).collect::<HashSet<_>>();
        happenings.private = self
            .read(move |tx| {
                let private = names.into_iter().map(|name| Ok(tx.private(&name)?.map(|private| (name, private))));
                private.filter_map(Result::transpose).collect()
            })
            .await?;
        Ok(happenings)
    }
}

impl Tx<'_> {
    fn read_lines(
        &self,
        mut reading: Reading,
        after: Place,
        span: Range<Timestamp>,
    ) -> Result<(Reading, Option<Place>), StoreError> {
        let params =
            named_params! { ":at": after.0, ":id": after.1, ":begin": Millis(span.start), ":end": Millis(span.end) };
        let places = self.rows(&LINES.replace("STEPS", STEPS), params, |row| {
            reading.add(row)?;
            Ok((row.get("at")?, row.get("id")?))
        })?;
        let last = places.last().copied().filter(|_| places.len() == WINDOW);
        Ok((reading, last))
    }

    /// What is known of subjects, by the names that lines have for them: the name now, the state, the conversation.
    fn subjects_now(&self, names: Vec<String>) -> Result<Vec<(String, Now)>, StoreError> {
        self.ahead(|| names.iter().for_each(|name| drop(self.subject_now(name))));
        let found = names.into_iter().map(|name| Ok(self.subject_now(&name)?.map(|now| (name, now))));
        found.filter_map(Result::transpose).collect()
    }

    fn subject_now(&self, name: &str) -> Result<Option<Now>, StoreError> {
        let key = self.current_name(name)?;
        let read = self.row(SUBJECT, named_params! { ":key": key }, |row| {
            Ok((json::<Known>(row, "state"), row.get::<_, Option<String>>("thread")?))
        })?;
        match read {
            // What this version can't read is left out.
            Some((Err(StoreError::Corrupt(_)), _)) | None => Ok(None),
            Some((known, thread)) => Ok(Some(Now { key: key.as_str().into(), known: known?, thread })),
        }
    }

    /// The teams that were told anything in conversations, each with the names of its parts.
    fn told_in(&self, threads: Vec<(String, Vec<String>)>) -> Result<Vec<(String, BTreeSet<String>)>, StoreError> {
        let told_of = |part: &String| self.rows(TOLD, named_params! { ":thread": part }, |row| row.get("team"));
        self.ahead(|| threads.iter().flat_map(|(_, parts)| parts).for_each(|part| drop(told_of(part))));
        let told = |(thread, parts): (String, Vec<String>)| {
            let mut teams = BTreeSet::new();
            for part in parts {
                teams.extend(told_of(&part)?);
            }
            Ok((thread, teams))
        };
        threads.into_iter().map(told).collect()
    }
}

/// What is known of something.
struct Now {
    key: SubjectKey,
    known: Known,
    thread: Option<String>,
}

/// A line that has a conversation.
struct Line {
    at: Timestamp,
    event: Option<i64>,
    subject: Option<String>,
    thread: String,
    /// It only says that nothing happened, or what day it is
    silent: bool,
    assumption: bool,
    team: Option<(String, Told)>,
}

/// What became of an update for a team.
enum Told {
    /// Then
    At(Timestamp),
    Waits,
    No(Option<String>),
    /// It tells an author what came of an assumption
    Author,
}

/// Lines that were read.
#[derive(Default)]
struct Reading {
    lines: Vec<Line>,
    events: HashMap<i64, Event>,
}

impl Reading {
    fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let Some(thread) = row.get::<_, Option<String>>("thread")? else { return Ok(()) };
        let event: Option<i64> = row.get("event_id")?;
        if let Some(id) = event
            && !self.events.contains_key(&id)
        {
            match json_or_none::<Event>(row, "body") {
                Ok(read) => self.events.extend(read.map(|read| (id, read))),
                Err(StoreError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let kind: Option<String> = row.get("kind")?;
        let silent = kind.as_deref().and_then(|kind| kind.parse::<EventKind>().ok()).is_some_and(EventKind::is_timed);
        let told = match text(row, "state")? {
            _ if row.get("answers")? => Told::Author,
            EntryState::Sent => Told::At(time(row, "changed")?),
            EntryState::Held => Told::Waits,
            EntryState::Suppressed => Told::No(row.get("reason")?),
            EntryState::Superseded | EntryState::Failed | EntryState::Ignored => Told::No(None),
        };
        let team = row.get::<_, Option<String>>("team")?.map(|team| (team, told));
        let assumption = kind.as_deref() == Some(EventKind::NoteAssumed.as_str());
        let (at, subject) = (time(row, "at")?, row.get("subject")?);
        self.lines.push(Line { at, event, subject, thread, silent, assumption, team });
        Ok(())
    }
}

/// The lines by the conversations that they belong to now.
fn together(
    lines: Vec<Line>,
    span: &Range<Timestamp>,
    (events, known): (&mut HashMap<i64, Event>, &HashMap<String, Now>),
) -> Happenings {
    let mut courses = BTreeMap::<String, Course>::new();
    let mut subjects = HashMap::<String, BTreeSet<&str>>::new();
    for line in lines {
        let of = line.subject.as_ref().and_then(|subject| known.get(subject));
        let thread = of.and_then(|now| now.thread.clone());
        let thread = thread.unwrap_or_else(|| known.get(&line.thread).map_or(line.thread, |now| now.key.to_string()));
        let new = Course {
            last: Timestamp::MIN,
            steps: Vec::new(),
            heard: BTreeMap::new(),
            subjects: Vec::new(),
            told: BTreeSet::new(),
        };
        let parts = subjects.entry(thread.clone()).or_default();
        if let Some((name, _)) = line.subject.as_ref().and_then(|subject| known.get_key_value(subject)) {
            parts.insert(name);
        }
        if let Some((name, _)) = known.get_key_value(&thread) {
            parts.insert(name);
        }
        let course = courses.entry(thread).or_insert(new);
        if !line.silent {
            course.last = course.last.max(line.at);
        }
        let told_now = matches!(line.team, Some((_, Told::At(at))) if span.contains(&at));
        if line.at < span.start && !told_now && !matches!(line.team, Some((_, Told::Waits))) {
            continue;
        }
        let step = line.event.and_then(|id| events.remove(&id)).filter(|event| event.undoing.is_none());
        course.steps.extend(step.map(|event| Step { planned: line.at, event }));
        if let Some((team, told)) = line.team {
            let heard = course.heard.entry(team).or_default();
            match told {
                Told::At(_) if told_now => {
                    heard.subjects.extend(of.map(|now| now.key.clone()));
                    heard.updates += 1;
                    heard.news += u64::from(!line.assumption);
                }
                Told::Waits => heard.waits = true,
                Told::No(Some(reason)) => heard.untold = Some(stored(&reason)),
                Told::At(_) | Told::No(None) | Told::Author => {}
            }
        }
    }
    for (thread, course) in &mut courses {
        let parts = subjects.remove(thread).unwrap_or_default();
        let parts = parts.into_iter().filter_map(|name| known.get(name));
        let parts = parts.map(|now| (now.key.clone(), now.known.clone())).collect::<BTreeMap<_, _>>();
        course.subjects = parts.into_iter().collect();
        course.subjects.sort_by_key(|(key, _)| key.as_str() != thread);
    }
    courses.retain(|_, course| course.last > Timestamp::MIN);
    Happenings { courses, private: HashMap::new() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::summary::{DUE, PLANNED_LAST, TAKEN_BACK};
    use super::*;

    #[tokio::test]
    async fn a_summary_reads_no_more_of_the_ledger_than_its_span() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::scratch(&folder.path().join("microalign.db")).await.unwrap();
        for (sql, index) in [
            (LINES.replace("STEPS", STEPS), "SEARCH l USING INDEX ledger_at"),
            (SUBJECT.to_owned(), "SEARCH subject USING INDEX sqlite_autoindex_subject_1"),
            (TOLD.to_owned(), "SEARCH ledger USING INDEX ledger_thread_at"),
            (DUE.to_owned(), "SEARCH summary USING INDEX summary_due"),
            (PLANNED_LAST.to_owned(), "SCAN ledger USING INDEX ledger_at"),
            (TAKEN_BACK.to_owned(), "SCAN ledger USING INDEX ledger_summary"),
        ] {
            let mut explained = format!("EXPLAIN QUERY PLAN {sql}");
            for name in [":thread", ":key", ":now", ":at", ":id", ":begin", ":end"] {
                explained = explained.replace(name, "1");
            }
            let plan = store.read(move |tx| tx.rows(&explained, [], |row| row.get::<_, String>("detail")));
            let plan = plan.await.unwrap();
            assert!(plan.iter().any(|step| step.starts_with(index)), "{sql}: {plan:?}");
            let scans = |step: &&String| step.starts_with("SCAN") && !step.starts_with(index);
            assert_eq!(plan.iter().find(scans), None, "{sql}");
        }
    }
}
