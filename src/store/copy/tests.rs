//! A store is copied whole, however often that is interrupted.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::event::Source as EventSource;
use crate::store::tests::{Place, change};
use crate::store::{Accepted, Incoming, Location, Store, schema};

/// So many rows each table has.
const ROWS: i64 = 20;
/// Some rows go into a batch.
const SMALL: usize = 600;

/// A store that has no rows.
async fn empty(place: &Place) -> PathBuf {
    let path = place.path().join("source.db");
    let (store, written) = Store::scratch(&path).await.unwrap();
    drop(store);
    written.await.unwrap();
    path
}

/// A store with rows in every table: a line refers to later ones, some values are missing, and some texts have a NUL.
async fn filled(place: &Place) -> PathBuf {
    let path = empty(place).await;
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    for table in tables(&conn) {
        let columns = columns(&conn, &table);
        let names = columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ");
        let places = vec!["?"; columns.len()].join(", ");
        for row in 1..=ROWS {
            let values = columns.iter().map(|column| column.filled(&table, row));
            let sql = format!("INSERT INTO \"{table}\" ({names}) VALUES ({places})");
            conn.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
        }
    }
    path
}

struct Column {
    name: String,
    holds: String,
    is_needed: bool,
    place: i64,
}

impl Column {
    fn filled(&self, table: &str, row: i64) -> Value {
        let place = format!("{table}.{}", self.name);
        match self.holds.as_str() {
            _ if !self.is_needed && (row + self.place) % 3 == 0 => Value::Null,
            "INTEGER" if !self.is_needed => Value::Integer(ROWS + 1 - row),
            "INTEGER" => Value::Integer(row),
            "BLOB" => Value::Blob(vec![0, 255, row.to_le_bytes()[0]]),
            _ if row == 2 && self.name != "reason" => Value::Text(format!("\0{place}")),
            _ if row == 4 => Value::Text(format!(r#"{{"a":"{place}\u0000"}}"#)),
            _ => Value::Text(format!(r#"{{"code":"{place} ä{row}"}}"#)),
        }
    }
}

fn tables(conn: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn columns(conn: &Connection, table: &str) -> Vec<Column> {
    let sql = "SELECT name, type, \"notnull\" = 1 OR pk > 0, cid FROM pragma_table_info(?1)";
    let mut statement = conn.prepare(sql).unwrap();
    let columns = statement.query_map([table], |row| {
        Ok(Column { name: row.get(0)?, holds: row.get(1)?, is_needed: row.get(2)?, place: row.get(3)? })
    });
    columns.unwrap().map(Result::unwrap).collect()
}

/// Every row of a table, in some order, as PostgreSQL has it.
async fn rows(store: &Store, table: &str, columns: &[Column]) -> Vec<String> {
    // The one that is computed is compared, too.
    let computed = if table == "ledger" { ", reason_code" } else { "" };
    let names = columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {names}{computed} FROM \"{table}\"");
    let read = store.read(move |tx| {
        tx.rows(&sql, [], |row| {
            let values = (0..row.columns()).map(|place| row.get::<_, Value>(place));
            Ok(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?))
        })
    });
    let mut rows = read.await.unwrap();
    for row in &mut rows {
        *row = row.replace("\\0", "\u{fffd}").replace("\\\\u0000", "\\\\ufffd");
    }
    rows.sort();
    rows
}

/// Asserts that a copy has all that the store has.
async fn assert_same(path: &Path, server: &Server) {
    let conn = Connection::open(path).unwrap();
    let (source, copy) =
        (Store::look(path).await.unwrap(), Store::look(Location::Server(server.clone())).await.unwrap());
    let tables = tables(&conn);
    assert!(tables.len() > 25, "{tables:?}");
    for table in tables {
        let columns = columns(&conn, &table);
        let (expected, copied) = (rows(&source, &table, &columns).await, rows(&copy, &table, &columns).await);
        assert_eq!(expected.len(), usize::try_from(ROWS).unwrap(), "{table} is not filled");
        assert_eq!(copied, expected, "{table}");
    }
}

/// Indexes, constraints and triggers, as the server describes them.
async fn described(server: &Server) -> Vec<String> {
    let store = Store::look(Location::Server(server.clone())).await.unwrap();
    let sql = "
        SELECT pg_get_indexdef(indexrelid) AS what FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = current_schema()::text::regnamespace
        UNION ALL
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = current_schema()::text::regnamespace
        UNION ALL
        SELECT pg_get_triggerdef(t.oid) || tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE NOT tgisinternal AND relnamespace = current_schema()::text::regnamespace
        UNION ALL
        SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::text::regnamespace
        ORDER BY 1";
    let schema = store.read(|tx| tx.value::<String>("SELECT current_schema()", [])).await.unwrap().unwrap();
    let described = store.read(move |tx| tx.rows(sql, [], |row| row.get::<_, String>("what"))).await.unwrap();
    described.into_iter().map(|what| what.replace(&format!("{schema}."), "")).collect()
}

/// Copies in small batches.
async fn copy(from: &Path, to: &Server, tell: impl FnMut(Progress<'_>) + Send + 'static) -> Result<Copied, StoreError> {
    let (from, to) = (from.to_owned(), to.clone());
    let copied = tokio::task::spawn_blocking(move || Copying::begin(&from, &to, (SMALL, tell))?.run(Timestamp::now()));
    copied.await.map_err(StoreError::Stopped)?
}

/// Ends a copy when so many rows of a table are done. It gets no chance to tidy up.
fn ending(what: Doing, of: &'static str, rows: i64) -> impl FnMut(Progress<'_>) + Send {
    move |progress| {
        let Progress::Table { doing, table, done, .. } = progress else { return };
        let is_there = (doing, table) == (what, of) && done >= rows.unsigned_abs();
        assert!(!is_there, "the copy ends here");
    }
}

/// Keeps how a copy begins.
fn hearing() -> (Arc<Mutex<Vec<Progress<'static>>>>, impl FnMut(Progress<'_>) + Send) {
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let keep = Arc::clone(&heard);
    let tell = move |progress: Progress<'_>| match progress {
        Progress::Resumed => keep.lock().unwrap().push(Progress::Resumed),
        Progress::Anew => keep.lock().unwrap().push(Progress::Anew),
        Progress::Table { .. } => {}
    };
    (heard, tell)
}

fn is_unfinished<T>(opened: Result<T, StoreError>) -> bool {
    matches!(opened, Err(StoreError::Unfinished(_)))
}

#[tokio::test]
async fn every_row_of_every_table_is_copied() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = filled(&place).await;
    let copied = copy(&path, &server, |_| {}).await.unwrap();
    let tables = tables(&Connection::open(&path).unwrap());
    assert_eq!(copied.rows, tables.len() as u64 * ROWS.unsigned_abs());
    assert_same(&path, &server).await;
    // It is otherwise as a new one is, and its numbers go on.
    let other = Place::new();
    Store::migrate(other.store()).await.unwrap();
    let Location::Server(new) = other.store() else { unreachable!() };
    assert_eq!(described(&server).await, described(&new).await);
    let (store, _) = Store::serve(place.store(), Timestamp::now()).await.unwrap();
    let (source, key, name, received) = (EventSource::Github, "d-1".to_owned(), "push".to_owned(), Timestamp::now());
    let incoming = Incoming { source, key, name, body: b"{}".to_vec(), received, ignored: None };
    assert!(matches!(store.accept(incoming).await.unwrap(), Accepted::New(_)));
    let last = store.read(|tx| tx.value::<i64>("SELECT max(id) FROM delivery", [])).await.unwrap();
    assert_eq!(last, Some(ROWS + 1));
}

#[tokio::test]
async fn a_copy_that_ends_anywhere_goes_on_there() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = filled(&place).await;
    let ends = [
        (Doing::Copying, "agreement", 0),
        (Doing::Copying, "ledger", 1),
        (Doing::Copying, "ledger", ROWS - 1),
        (Doing::Copying, "timer", ROWS),
        (Doing::Indexing, "alias", 0),
        (Doing::Indexing, "send", 0),
        (Doing::Checking, "answer", 0),
        (Doing::Checking, "timer", ROWS),
    ];
    for (doing, table, rows) in ends {
        let ended = copy(&path, &server, ending(doing, table, rows)).await;
        assert!(matches!(ended, Err(StoreError::Stopped(_))), "{doing:?} {table}: {ended:?}");
        assert!(is_unfinished(Store::serve(place.store(), Timestamp::now()).await), "{doing:?} {table}");
        assert!(is_unfinished(Store::visit(place.store()).await) && is_unfinished(Store::look(place.store()).await));
        assert!(is_unfinished(Store::migrate(place.store()).await));
    }
    let (heard, tell) = hearing();
    copy(&path, &server, tell).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [Progress::Resumed]);
    assert_same(&path, &server).await;
}

#[tokio::test]
async fn a_difference_is_found_and_the_next_copy_begins_anew() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = filled(&place).await;
    let behind = server.clone();
    let differing = copy(&path, &server, move |progress| {
        if let Progress::Table { doing: Doing::Checking, table: "person", done: 0, .. } = progress {
            let conn = behind.connect(crate::store::pg::Purpose::Writing).unwrap();
            assert_eq!(conn.run("UPDATE person SET name = 'Bo' WHERE id LIKE '%ä7%'", &[]).unwrap(), 1);
        }
    });
    let differs = differing.await.unwrap_err();
    assert!(matches!(&differs, StoreError::Differs { table, .. } if table == "person"), "{differs}");
    assert!(is_unfinished(Store::serve(place.store(), Timestamp::now()).await));
    let (heard, tell) = hearing();
    copy(&path, &server, tell).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [Progress::Anew]);
    assert_same(&path, &server).await;
}

#[tokio::test]
async fn a_store_that_has_changed_since_is_copied_anew() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = filled(&place).await;
    copy(&path, &server, ending(Doing::Copying, "send", 1)).await.unwrap_err();
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("DELETE FROM alias; INSERT INTO alias VALUES ('a', 'b')").unwrap();
    let (heard, tell) = hearing();
    assert_eq!(copy(&path, &server, tell).await.unwrap().rows % 10, 1);
    assert_eq!(*heard.lock().unwrap(), [Progress::Anew]);
}

#[tokio::test]
async fn what_is_in_use_or_has_data_is_refused() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = empty(&place).await;
    let (service, written) = Store::serve(&path, Timestamp::now()).await.unwrap();
    assert!(matches!(copy(&path, &server, |_| {}).await, Err(StoreError::InUse(_))));
    drop(service);
    written.await.unwrap();
    let (service, written) = Store::serve(place.store(), Timestamp::now()).await.unwrap();
    assert!(matches!(copy(&path, &server, |_| {}).await, Err(StoreError::InUse(_))));
    change(&service, "INSERT INTO person (id, name) VALUES ('1', 'Bo')".to_owned()).await;
    drop(service);
    written.await.unwrap();
    let refused = async {
        loop {
            match copy(&path, &server, |_| {}).await {
                // The server notices a little later that the service has gone.
                Err(StoreError::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                other => return other,
            }
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(10), refused).await.unwrap();
    assert!(matches!(refused, Err(StoreError::NotEmpty(_))), "{refused:?}");
    assert!(Store::look(place.store()).await.is_ok(), "it is as it was");
}

#[tokio::test]
async fn a_store_of_another_version_is_refused_and_stays_as_it_is() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = empty(&place).await;
    let version = |version: i64| Connection::open(&path).unwrap().pragma_update(None, "user_version", version);
    version(i64::try_from(schema::ALL.len()).unwrap() - 1).unwrap();
    assert!(matches!(copy(&path, &server, |_| {}).await, Err(StoreError::Older(_))));
    version(9999).unwrap();
    assert!(matches!(copy(&path, &server, |_| {}).await, Err(StoreError::Newer(_))));
    let missing = place.path().join("missing.db");
    assert!(matches!(copy(&missing, &server, |_| {}).await, Err(StoreError::Open { .. })));
    assert!(!missing.exists() && matches!(Store::look(place.store()).await, Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn what_was_being_sent_waits_in_the_copy() {
    let Some((place, server)) = Place::on_server() else { return };
    let path = empty(&place).await;
    Connection::open(&path)
        .unwrap()
        .execute_batch(&format!(
            "{}INSERT INTO ledger (id, delivery_id, line, source, state, reason, at) VALUES (1, 1, 1, 'github', 'held', '{{\"code\":\"sending\"}}', 0);
             INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at)
             VALUES (1, 'email:a@example.com', 't', 'sending', 1, 9, 0)",
            crate::store::tests::DELIVERY
        ))
        .unwrap();
    copy(&path, &server, |_| {}).await.unwrap();
    let copy = Store::look(place.store()).await.unwrap();
    let sends = copy.read(|tx| {
        let sql = "SELECT state, doubtful FROM send";
        tx.rows(sql, [], |row| Ok((row.get::<_, String>("state")?, row.get::<_, bool>("doubtful")?)))
    });
    assert_eq!(sends.await.unwrap(), [("queued".to_owned(), true)]);
}

#[test]
fn rows_are_the_same_in_any_order_and_as_often() {
    let sum = |rows: &[&str]| {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row.as_bytes()));
        sum
    };
    assert_eq!(sum(&["a", "b", "b"]), sum(&["b", "a", "b"]));
    for other in [&["a", "b"][..], &["a", "a", "b"], &["a", "b", "c"], &["a", "bb", ""]] {
        assert_ne!(sum(&["a", "b", "b"]), sum(other), "{other:?}");
    }
}
