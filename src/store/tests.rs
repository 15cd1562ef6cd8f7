//! A store that an earlier version wrote, and what tests of several files share.

#![expect(clippy::unwrap_used, reason = "tests")]

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

pub(crate) use self::place::{Place, scratch};
pub(crate) use super::pg::tests::reads_a_whole_table;
use super::*;
use crate::reason::Code;

mod place;

/// A line as version 8 of the schema had it: state, reason, what came of it, and the line that it answers to.
type OldLine<'a> = (&'a str, &'a str, Option<&'a str>, Option<i64>);

/// A store that version 8 of the schema wrote, which counted its migrations in a table.
fn written(path: &Path, lines: &[OldLine<'_>]) {
    let mut conn = Connection::open(path).unwrap();
    Migrations::new(schema::ALL[..8].iter().map(|sql| M::up(sql)).collect()).to_latest(&mut conn).unwrap();
    conn.execute_batch(
        "PRAGMA user_version = 0;
         CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL);
         INSERT INTO _sqlx_migrations VALUES (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1);
         INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body)
         VALUES (1, 'github', 'd-1', 'push', 0, 0, '')",
    )
    .unwrap();
    for (line, (state, reason, outcome, answers)) in (1_i64..).zip(lines) {
        conn.execute(
            "INSERT INTO ledger (id, delivery_id, line, source, team, rule, state, reason, outcome, answers, at)
             VALUES (?1, 1, ?1, 'github', 'web', 'all', ?2, ?3, ?4, ?5, 0)",
            (line, state, reason, outcome, answers),
        )
        .unwrap();
    }
    for error in ["the server is away", "ambiguous: the server did not answer"] {
        conn.execute(
            "INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, error, created_at)
             VALUES (1, 'mailbox', 't-' || ?1, 'queued', 1, 0, ?1, 0)",
            [error],
        )
        .unwrap();
    }
}

#[tokio::test]
async fn the_ledger_of_an_old_store_reads_the_same_and_has_codes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("microalign.db");
    let lines = [
        ("held", "the rule matched; quiet hours: it waits until Fri 2026-11-20 08:00", None, None, Code::QuietHours),
        ("sent", "the rule matched", None, None, Code::Sent),
        (
            "sent",
            "the rule matched; agreed: nobody objected by noon",
            Some("agreed: nobody objected by noon"),
            None,
            Code::Sent,
        ),
        ("sent", "tells the author that Bo objected", Some("tells the author that Bo objected"), Some(1), Code::Sent),
        (
            "held",
            "tells the author that Bo objected: it is being sent",
            Some("tells the author that Bo objected"),
            Some(1),
            Code::Sending,
        ),
        (
            "failed",
            "github: gone; tells the author that Bo objected",
            Some("tells the author that Bo objected"),
            Some(1),
            Code::Undelivered,
        ),
        ("suppressed", "it came late: acme/ingest#7 is merged since", None, None, Code::LateState),
        ("suppressed", "no longer so: base is `dev`, not main", None, None, Code::NoLongerMatches),
        ("suppressed", "the renovate[bot] has \"quotes\" and is odd", None, None, Code::Other),
        ("suppressed", "Bo is a member of web: not news to them", None, None, Code::OwnDoing),
        ("superseded", "pull_request.merged came before it was sent, and says more", None, None, Code::Superseded),
        ("ignored", "`worklog_created` is not something rules can ask for", None, None, Code::NotAskedFor),
    ];
    let old = lines.map(|(state, reason, outcome, answers, _)| (state, reason, outcome, answers));
    written(&path, &old);
    let (store, _) = Store::visit(&path).await.unwrap();
    let entries = store.ledger(&Filter::default()).await.unwrap();
    assert_eq!(entries.len(), lines.len());
    for (entry, (state, reason, outcome, _, code)) in entries.iter().zip(lines) {
        assert_eq!((entry.state.as_str(), entry.reason.as_str()), (state, reason));
        assert_eq!((entry.code, entry.outcomes.len()), (code, usize::from(outcome.is_some())), "{reason}");
    }
    let untold = store.untold().await.unwrap();
    assert_eq!(untold.iter().filter(|untold| untold.code == Code::Sent).map(|untold| untold.count).sum::<u64>(), 3);
    let doubtful = store.read(|tx| tx.rows("SELECT doubtful FROM send ORDER BY id", [], |row| row.get::<_, i64>(0)));
    assert_eq!(doubtful.await.unwrap(), [0, 1]);
}

/// A store with these rows, which ends with its place.
pub(crate) async fn with_rows(sql: String) -> (Place, Store) {
    let (place, store) = scratch().await;
    change(&store, sql).await;
    (place, store)
}

/// A new store of SQLite's, for what only that tells.
pub(crate) async fn with_file() -> (Place, Store) {
    let place = Place::with_file();
    let (store, _) = Store::scratch(place.store()).await.unwrap();
    (place, store)
}

/// Runs statements, each of which ends with its line.
pub(crate) async fn change(store: &Store, sql: String) {
    change_by(store, sql.split(";\n").map(str::to_owned).collect()).await;
}

/// Runs statements.
pub(crate) async fn change_by(store: &Store, statements: Vec<String>) {
    let wrote = store.write(move |tx| {
        statements.iter().filter(|sql| !sql.trim().is_empty()).try_for_each(|sql| tx.run(sql, []).map(drop))?;
        give_further_numbers(tx)
    });
    wrote.await.unwrap();
}

/// SQLite goes on from the greatest number; PostgreSQL has to be told that a test gave some.
fn give_further_numbers(tx: &Tx<'_>) -> Result<(), StoreError> {
    if tx.is_sqlite() {
        return Ok(());
    }
    let tables = "SELECT table_name FROM information_schema.columns
                  WHERE table_schema = current_schema() AND column_name = 'id' AND is_identity = 'YES'";
    for table in tx.rows(tables, [], |row| row.get::<_, String>("table_name"))? {
        let next =
            format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING count(*) > 0");
        tx.rows(&next, [], |_| Ok(()))?;
    }
    Ok(())
}

/// Fails if a statement reads more of a table than an index leaves. A subquery, and an index of few rows, may be read whole.
pub(crate) async fn uses_indexes(store: &Store, sql: &str) -> String {
    let params = regex::Regex::new(r":[a-z]+").unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {}", params.replace_all(sql, "'1'"));
    let explained = sql.clone();
    let plan = store.read(move |tx| tx.rows(&explained, [], |row| row.get::<_, String>("detail"))).await.unwrap();
    let made = plan.iter().filter_map(|step| step.strip_prefix("CO-ROUTINE ").or(step.strip_prefix("MATERIALIZE ")));
    let made = made.collect::<Vec<_>>();
    let whole = plan.iter().filter_map(|step| Some((step, step.strip_prefix("SCAN ")?.split(' ').next()?)));
    let is_few =
        |step: &str| ["send_waiting", "send_retrying", "send_failed"].iter().any(|index| step.ends_with(index));
    let whole =
        whole.filter(|(step, name)| !["json_each", "CONSTANT"].contains(name) && !made.contains(name) && !is_few(step));
    assert_eq!(whole.collect::<Vec<_>>(), [], "{sql}\n{plan:#?}");
    let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE") && !step.contains("LAST TERM"));
    // An assumption has few objections, and few people agree to it.
    let of_few = ["json_each", "FROM objection", "FROM agreement"].iter().any(|part| sql.contains(part));
    assert!(!sorts || of_few, "{sql}\n{plan:#?}");
    plan.join("\n")
}

/// A delivery with the number 1, for lines that need one.
pub(crate) const DELIVERY: &str = "INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body)
    VALUES (1, 'github', 'd-1', 'push', 0, 0, x'');
";
