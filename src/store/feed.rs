//! Lines that came or changed since somebody last looked.
//!
//! Nobody keeps what a reader has missed: lines, steps and attempts have rising ids, so a reader's place is three numbers, and
//! good after a restart as well.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::activity::{Shown, Sought};
use super::row::named_params;
use super::settled::Settled;
use super::{Store, StoreError, Tx};

/// Whoever has missed more begins anew.
const MOST: i64 = 500;

/// The lines that are new, that came into another state, and whose message was tried to send.
const CHANGED: [&str; 3] = [
    "SELECT id FROM ledger WHERE id > :since AND id <= :until",
    "SELECT ledger_id FROM step WHERE id > :since AND id <= :until",
    "SELECT l.id FROM attempt a CROSS JOIN ledger l ON l.id = a.ledger_id OR l.lead_id = a.ledger_id
     WHERE a.id > :since AND a.id <= :until",
];
/// The last of each.
const LAST: [&str; 3] = ["SELECT max(id) FROM ledger", "SELECT max(id) FROM step", "SELECT max(id) FROM attempt"];

/// How far a reader has read: the last line, step and attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    line: i64,
    step: i64,
    attempt: i64,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.line, self.step, self.attempt)
    }
}

impl Changes {
    fn is_within(&self, newest: &Self) -> bool {
        self.line <= newest.line && self.step <= newest.step && self.attempt <= newest.attempt
    }

    fn or_later(&self, other: &Self) -> Self {
        let Self { line, step, attempt } = self;
        Self { line: *line.max(&other.line), step: *step.max(&other.step), attempt: *attempt.max(&other.attempt) }
    }
}

impl FromStr for Changes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split('.').map(str::parse).collect::<Result<Vec<i64>, _>>().unwrap_or_default();
        match *numbers {
            [line, step, attempt] => Ok(Self { line, step, attempt }),
            _ => Err(format!("`{text}` isn't the id of an event of this stream: leave out `Last-Event-ID`")),
        }
    }
}

/// What a reader hears next.
#[derive(Debug, Clone)]
pub struct News {
    /// Lines that came or changed, oldest first
    pub lines: Vec<Shown>,
    /// How far that is
    pub until: Changes,
    /// There was more than can be told one by one
    pub missed: bool,
}

impl Store {
    /// Changes with each commit.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<()> {
        self.commits.subscribe()
    }

    /// How far whoever has read everything has read.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn newest(&self) -> Result<Changes, StoreError> {
        let settled = Arc::clone(&self.settled);
        self.read(move |tx| tx.newest(&settled)).await
    }

    /// What came or changed after `since`, as far as it fits what is `sought`.
    ///
    /// # Errors
    /// As above
    pub async fn news(&self, since: Changes, sought: Sought) -> Result<News, StoreError> {
        let settled = Arc::clone(&self.settled);
        self.read(move |tx| tx.news(since, sought, &settled)).await
    }
}

impl Tx<'_> {
    fn newest(&self, settled: &Settled) -> Result<Changes, StoreError> {
        self.settled_of(self.last_numbers()?, settled)
    }

    /// What counts by now of what is there.
    fn settled_of(&self, newest: Changes, settled: &Settled) -> Result<Changes, StoreError> {
        Ok(self.snapshot()?.map_or(newest, |snapshot| settled.see(newest, snapshot, Instant::now())))
    }

    fn last_numbers(&self) -> Result<Changes, StoreError> {
        let last = |sql| Ok::<_, StoreError>(self.value::<Option<i64>>(sql, [])?.flatten().unwrap_or_default());
        let [line, step, attempt] = LAST;
        Ok(Changes { line: last(line)?, step: last(step)?, attempt: last(attempt)? })
    }

    fn news(&self, since: Changes, mut sought: Sought, settled: &Settled) -> Result<News, StoreError> {
        let newest = self.last_numbers()?;
        let settled = self.settled_of(newest, settled)?;
        // Another process may have told the reader more already.
        let until = if since.is_within(&newest) { settled.or_later(&since) } else { settled };
        let nothing = |missed| News { lines: Vec::new(), until, missed };
        if until == since {
            return Ok(nothing(false));
        }
        let behind = [until.line - since.line, until.step - since.step, until.attempt - since.attempt];
        // A number that is not yet given is from another store, or from before rows were deleted.
        if behind.iter().any(|behind| !(0..=MOST).contains(behind)) {
            return Ok(nothing(true));
        }
        let mut ids = BTreeSet::new();
        let spans = [(since.line, until.line), (since.step, until.step), (since.attempt, until.attempt)];
        for (sql, (since, until)) in CHANGED.into_iter().zip(spans) {
            let params = named_params! { ":since": since, ":until": until };
            ids.extend(self.rows(sql, params, |row| row.get::<_, i64>(0))?);
        }
        let ids = ids.into_iter().collect::<Vec<_>>();
        sought.thread = sought.thread.map(|thread| self.conversation_of(thread)).transpose()?;
        Ok(News { lines: self.shown_of(&ids, &sought)?, until, missed: false })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::tests::{change_by, scratch};
    use super::*;

    #[tokio::test]
    async fn what_is_new_is_found_without_reading_what_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::scratch(&folder.path().join("microalign.db")).await.unwrap();
        let plans = store.read(|tx| {
            let mut plans = Vec::new();
            for sql in CHANGED.into_iter().chain(LAST) {
                let sql = format!("EXPLAIN QUERY PLAN {}", sql.replace(":since", "1").replace(":until", "2"));
                plans.extend(tx.rows(&sql, [], |row| row.get::<_, String>("detail"))?);
            }
            Ok(plans)
        });
        let plans = plans.await.unwrap();
        assert!(plans.iter().all(|step| !step.starts_with("SCAN")), "{plans:#?}");
    }

    #[test]
    fn a_place_that_no_stream_gave_is_refused() {
        assert_eq!("1.2.3".parse::<Changes>().unwrap().to_string(), "1.2.3");
        for wrong in ["", "1", "1.2", "1.2.x", "1.2.3.4"] {
            assert!(wrong.parse::<Changes>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn whoever_has_missed_much_or_comes_from_another_store_begins_anew() {
        let (_place, store) = scratch().await;
        let rows = "
            INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd', '', 0, 0, x'');
            INSERT INTO ledger (id, delivery_id, line, source, state, reason, at) VALUES (501, 1, 1, 'github', 'ignored', '{\"code\":\"ping\"}', 0)";
        change_by(&store, rows.split(';').map(str::to_owned).collect()).await;
        for (since, missed, lines) in
            [("0.0.0", true, 0), ("1.0.0", false, 1), ("501.0.0", false, 0), ("502.0.0", true, 0)]
        {
            let news = store.news(since.parse().unwrap(), Sought::default()).await.unwrap();
            assert_eq!(
                (news.missed, news.lines.len(), news.until.to_string().as_str()),
                (missed, lines, "501.0.0"),
                "{since}"
            );
        }
    }
}
