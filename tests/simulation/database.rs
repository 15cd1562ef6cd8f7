//! The database from outside: it fails when it is told to, and keeps a journal of what the oracles ask about.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use microalign::store::Store;
use rusqlite::{Connection, named_params};
use tempfile::TempDir;

use super::action::Table;
use super::world::observed;

/// Whatever fails takes the transaction with it, as SQLite does on a full disk. The journal numbers what happened to
/// deliveries, lines and sends in the order in which it happened, whatever the clock said.
const TRIGGERS: &str = "
    CREATE TABLE fault (name TEXT PRIMARY KEY);
    CREATE TRIGGER fail_delivery BEFORE INSERT ON delivery WHEN EXISTS (SELECT 1 FROM fault WHERE name = 'delivery')
    BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;
    CREATE TRIGGER fail_planned BEFORE UPDATE OF waits ON delivery WHEN EXISTS (SELECT 1 FROM fault WHERE name = 'delivery')
    BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;
    CREATE TRIGGER fail_ledger BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM fault WHERE name = 'ledger')
    BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;
    CREATE TRIGGER fail_send BEFORE INSERT ON send WHEN EXISTS (SELECT 1 FROM fault WHERE name = 'send')
    BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;
    CREATE TRIGGER fail_outcome BEFORE UPDATE ON send WHEN EXISTS (SELECT 1 FROM fault WHERE name = 'send')
    BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;

    CREATE TABLE journal (n INTEGER PRIMARY KEY, what TEXT NOT NULL, id INTEGER NOT NULL);
    CREATE TRIGGER ignored AFTER INSERT ON delivery WHEN new.waits = 0
    BEGIN INSERT INTO journal (what, id) VALUES ('planned', new.id); END;
    CREATE TRIGGER planned AFTER UPDATE OF waits ON delivery WHEN old.waits = 1 AND new.waits = 0
    BEGIN INSERT INTO journal (what, id) VALUES ('planned', new.id); END;
    CREATE TRIGGER told AFTER UPDATE OF told_at ON ledger WHEN new.told_at IS NOT NULL
    BEGIN INSERT INTO journal (what, id) VALUES ('told', new.id); END;
    CREATE TRIGGER changed AFTER UPDATE OF state, reason ON ledger WHEN old.state <> new.state OR old.reason <> new.reason
    BEGIN INSERT INTO journal (what, id) VALUES ('changed', new.id); END;
    CREATE TRIGGER claimed AFTER UPDATE OF state ON send WHEN new.state = 'sending'
    BEGIN INSERT INTO journal (what, id) VALUES ('claimed', new.id); END;";

/// An empty database, which each run has a copy of.
static EMPTY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = folder();
    let path = folder.path().join("empty.db");
    let made = std::thread::spawn({
        let path = path.clone();
        move || super::block_on(make(&path))
    });
    made.join().unwrap();
    (folder, path)
});

async fn make(path: &Path) {
    let (store, written) = Store::serve(path, Timestamp::UNIX_EPOCH).await.unwrap();
    drop(store);
    written.await.unwrap();
    observed::watch(path);
    Connection::open(path).unwrap().execute_batch(TRIGGERS).unwrap();
}

/// A folder in memory, if there is such a place: what is simulated is what the process sees, and no power cut.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A connection of the test's own.
pub struct Database {
    pub path: PathBuf,
    connection: Connection,
}

/// What became of a send.
pub struct SendRow {
    pub id: i64,
    pub update: String,
    pub to: String,
    pub state: String,
    pub error: Option<String>,
    pub doubtful: bool,
    pub attempts: i64,
}

impl SendRow {
    /// Whether a reader of the ledger sees that it may have arrived twice, or although it failed.
    pub fn is_marked(&self) -> bool {
        self.doubtful && self.error.as_deref().is_some_and(|error| error.contains("ambiguous: "))
    }
}

impl Database {
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("simulation.db");
        std::fs::copy(&EMPTY.1, &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "synchronous", "off").unwrap();
        Self { connection, path }
    }

    pub fn fail(&self, table: Table) {
        let sql = "INSERT INTO fault VALUES (:name) ON CONFLICT DO NOTHING";
        self.connection.execute(sql, named_params! { ":name": table.name() }).unwrap();
    }

    pub fn heal(&self) {
        self.connection.execute("DELETE FROM fault", []).unwrap();
    }

    fn number(&self, sql: &str) -> Option<i64> {
        self.connection.prepare_cached(sql).unwrap().query_row([], |row| row.get(0)).unwrap()
    }

    /// When an update is due, or a send may be claimed.
    pub fn next_time(&self) -> Option<Timestamp> {
        let next = self.number(
            "SELECT min(at) FROM (SELECT min(due_at) AS at FROM ledger WHERE due_at IS NOT NULL
                                  UNION ALL SELECT min(next_at) FROM send WHERE state IN ('queued', 'sending'))",
        );
        next.map(|at| Timestamp::from_millisecond(at).unwrap())
    }

    /// How many sends wait or are under way.
    pub fn unsent(&self) -> i64 {
        self.number("SELECT count(*) FROM send WHERE state IN ('queued', 'sending')").unwrap()
    }

    /// Whether an earlier message of the same conversation waits for the same place.
    pub fn is_behind(&self, send: i64) -> bool {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM send s JOIN send e ON e.destination = s.destination AND e.thread = s.thread
                   AND e.id < s.id AND e.state IN ('queued', 'sending') WHERE s.id = :send)";
        self.connection
            .prepare_cached(sql)
            .unwrap()
            .query_row(named_params! { ":send": send }, |row| row.get(0))
            .unwrap()
    }

    /// The sends under way, of which one a lane may be tried.
    pub fn sending(&self) -> Vec<i64> {
        self.rows("SELECT min(id) FROM send WHERE state = 'sending' GROUP BY destination, next_at ORDER BY 1", |row| {
            row.get(0)
        })
    }

    /// The place in the journal of what happens next.
    pub fn now(&self) -> i64 {
        self.number("SELECT max(n) + 1 FROM journal").unwrap()
    }

    /// The place in the journal of the last claim of a send.
    pub fn claim_of(&self, send: i64) -> i64 {
        let sql = "SELECT max(n) FROM journal WHERE what = 'claimed' AND id = :send";
        self.connection
            .prepare_cached(sql)
            .unwrap()
            .query_row(named_params! { ":send": send }, |row| row.get(0))
            .unwrap()
    }

    /// The sender's ids of all deliveries, with the place in the journal at which each was planned, if it was.
    pub fn deliveries(&self) -> Vec<(String, Option<i64>)> {
        self.rows(
            "SELECT delivery_key, (SELECT max(n) FROM journal WHERE what = 'planned' AND journal.id = delivery.id)
             FROM delivery ORDER BY id",
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// The place in the journal at which the message of each line was made.
    pub fn made(&self) -> Vec<(i64, i64)> {
        self.rows("SELECT id, max(n) FROM journal WHERE what = 'told' GROUP BY id", |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    pub fn sends(&self) -> Vec<SendRow> {
        self.rows(
            "SELECT s.id, l.delivery_id || '.' || l.line, s.destination, s.state, s.error, s.doubtful, s.attempts
             FROM send s JOIN ledger l ON l.id = s.ledger_id ORDER BY s.id",
            |row| {
                Ok(SendRow {
                    id: row.get(0)?,
                    update: row.get(1)?,
                    to: row.get(2)?,
                    state: row.get(3)?,
                    error: row.get(4)?,
                    doubtful: row.get(5)?,
                    attempts: row.get(6)?,
                })
            },
        )
    }

    /// The lines whose message didn't reach a place.
    pub fn failed(&self) -> HashSet<(i64, String)> {
        let failed = self.rows("SELECT ledger_id, destination FROM send WHERE state = 'failed'", |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        failed.into_iter().collect()
    }

    /// The line whose message each send is of.
    pub fn leads(&self) -> HashMap<i64, i64> {
        self.rows("SELECT id, ledger_id FROM send", |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect()
    }

    /// One event has one line for a rule and a kind: which have several.
    pub fn planned_twice(&self) -> Vec<String> {
        self.rows(
            "SELECT delivery_id || ': ' || coalesce(team || '/' || rule, 'no rule') || ' ' || coalesce(kind, '') FROM ledger
             WHERE event_id IS NOT NULL GROUP BY event_id, team, rule, kind HAVING count(*) > 1",
            |row| row.get(0),
        )
    }

    /// The lines of which not every change is a step of their history.
    pub fn without_steps(&self) -> Vec<String> {
        self.rows(
            "SELECT delivery_id || '.' || line || ': ' || changes || ' changes, ' || steps || ' steps' FROM (
                 SELECT l.*, (SELECT count(*) FROM journal j WHERE j.what = 'changed' AND j.id = l.id) AS changes,
                        (SELECT count(*) FROM step WHERE ledger_id = l.id) AS steps FROM ledger l)
             WHERE changes <> steps",
            |row| row.get(0),
        )
    }

    /// Attempts of a send that are kept under one number twice, or out of their order.
    pub fn attempts_that_differ(&self) -> Vec<String> {
        self.rows(
            "SELECT s.id || ': ' || s.attempts || ' attempts, ' || count(a.id) || ' are kept' FROM send s
             LEFT JOIN attempt a ON a.ledger_id = s.ledger_id AND a.destination = s.destination
             WHERE s.state = 'sent' GROUP BY s.id HAVING count(DISTINCT a.number) < s.attempts",
            |row| row.get(0),
        )
    }

    /// All that the ledger says, a line each.
    pub fn dump(&self) -> Vec<String> {
        self.rows(
            "SELECT delivery_id || '.' || line || ' ' || coalesce(team || '/' || rule, '-') || ' ' || coalesce(kind, '-') || ' '
                    || state || ' ' || reason || ' told ' || coalesce(told_at, '-') || ' sends ' || coalesce((
                        SELECT group_concat(destination || ' ' || state || ' ' || attempts || ' ' || coalesce(error, ''), '; ')
                        FROM send WHERE ledger_id = ledger.id), '-')
             FROM ledger ORDER BY id",
            |row| row.get(0),
        )
    }

    fn rows<T>(&self, sql: &str, read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.connection.prepare_cached(sql).unwrap();
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    }
}
