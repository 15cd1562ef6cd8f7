//! What goes and what stays.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::store::tests::{change_by, scratch};
use crate::store::{Store, audit, session};

/// An old delivery with one line that was sent, about a pull request that is merged; `{new}` is today.
const OLD: &str = "
    INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd-1', 'push', 0, 0, x'01');
    INSERT INTO subject (key, state, thread, seen_at) VALUES
        ('acme/api#7', '{\"about\": {\"type\": \"pull_request\", \"stage\": \"merged\"}}', 'DATA-1', 0);
    INSERT INTO event (id, delivery_id, once, body) VALUES (1, 1, 'a', '{\"subject\": \"acme/api#7\"}');
    INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at, told_at)
        VALUES (1, 1, 1, 1, 'github', 'pull_request.merged', 'acme/api#7', 'DATA-1', 'web', 'all', 'sent', '{}', 0, 0);
    INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at) VALUES (1, 'mailbox', 'DATA-1', 'sent', 0, 0);
    INSERT INTO step (ledger_id, state, reason, until_at) VALUES (1, 'held', '{}', 0);
    INSERT INTO attempt (ledger_id, destination, number, began_at, ended_at, outcome) VALUES (1, 'mailbox', 1, 0, 0, 'sent');
    INSERT INTO conversation (destination, thread, root, subject) VALUES ('mailbox', 'DATA-1', 'r', 's');
    INSERT INTO fired (subject, team, rule, kind) VALUES ('acme/api#7', 'web', 'all', 'pull_request.merged')";

/// Another delivery, as old, with a line that was told with the first one's message.
const OTHER: &str = "
    INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (2, 'github', 'd-2', 'push', 0, 0, x'');
    INSERT INTO ledger (id, delivery_id, line, source, state, reason, at, lead_id) VALUES (2, 2, 1, 'github', 'sent', '{}', 0, 1)";

/// The newest delivery and send, which stay so that no number is given twice.
const NEWEST: &str = "
    INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (100, 'github', 'd-100', 'push', 0, 0, x'');
    INSERT INTO ledger (id, delivery_id, line, source, state, reason, at) VALUES (100, 100, 1, 'github', 'sent', '{}', 0);
    INSERT INTO send (id, ledger_id, destination, thread, state, next_at, created_at) VALUES (100, 100, 'mailbox', 'x', 'sent', 0, 0)";

const OPEN_NOTE: &str = "UPDATE subject SET state = json_set(state, '$.about.stage', 'open');
    UPDATE event SET once = 'note:github:acme/api#7:1'";

/// A store with these rows after a sweep: deliveries, subjects, milestones and conversations that are left, and bodies.
async fn left(rows: &str) -> [i64; 5] {
    let (_place, store) = scratch().await;
    let now = Timestamp::now();
    let rows = format!("{OLD};{rows};{NEWEST}").replace("{new}", &now.as_millisecond().to_string());
    change_by(&store, rows.split(';').map(str::to_owned).collect()).await;
    let mut sweep = Some(Sweep::default());
    while let Some(next) = sweep {
        sweep = store.sweep(next, Keep::default(), now).await.unwrap();
    }
    let counted = store.read(|tx| {
        let rows = ["delivery WHERE id < 100", "subject", "fired", "conversation", "delivery WHERE length(body) > 0"];
        let counted = rows.map(|rows| tx.value(&format!("SELECT count(*) FROM {rows}"), []).transpose());
        counted.into_iter().flatten().collect::<Result<Vec<i64>, _>>()
    });
    counted.await.unwrap().try_into().unwrap()
}

#[tokio::test]
async fn what_is_still_needed_stays() {
    let table = [
        ("", [0; 5]),
        ("UPDATE delivery SET received_at = {new}", [1, 1, 1, 1, 1]),
        ("UPDATE delivery SET received_at = {new} - 20 * 86400000", [1, 1, 1, 1, 0]),
        ("UPDATE delivery SET waits = 1", [1, 1, 1, 1, 1]),
        ("INSERT INTO recovered VALUES (1, 1, 0)", [1, 1, 1, 1, 1]),
        ("INSERT INTO timer VALUES ('acme/api#7', 'web', 'all', 'pull_request.stalled', 0, 1)", [1, 1, 1, 1, 0]),
        ("UPDATE ledger SET state = 'held'", [1, 1, 1, 1, 0]),
        ("UPDATE ledger SET due_at = 0", [1, 1, 1, 1, 0]),
        ("UPDATE ledger SET object_at = 0", [1, 1, 1, 1, 0]),
        ("UPDATE ledger SET at = {new}", [1, 1, 1, 1, 0]),
        ("UPDATE ledger SET told_at = {new}", [1, 1, 1, 1, 0]),
        ("UPDATE send SET state = 'queued'", [1, 1, 1, 1, 0]),
        ("UPDATE send SET state = 'sending'", [1, 1, 1, 1, 0]),
        ("INSERT INTO objection VALUES (1, 1, 'k', 'Bo', 'link', 'no', 0, 1)", [1, 1, 1, 1, 0]),
        ("INSERT INTO objection VALUES (1, 1, 'k', 'Bo', 'link', 'no', 0, 0)", [0; 5]),
        ("INSERT INTO agreement VALUES (1, 1, 'U1', 'Bo', 'Slack', 0)", [0; 5]),
        (
            "INSERT INTO answer VALUES (1, 'k', 1, NULL, 'Slack', 'slack:#web', 'Bo', NULL, 0, 'no', 0, 0, 0, NULL, 1)",
            [1, 1, 1, 1, 0],
        ),
        (
            "INSERT INTO answer VALUES (1, 'k', 1, NULL, 'Slack', 'slack:#web', 'Bo', NULL, 0, 'no', 0, 0, 0, NULL, 0)",
            [0; 5],
        ),
        // A note would be told again, if its place were edited.
        (OPEN_NOTE, [1, 1, 1, 1, 0]),
        ("UPDATE event SET once = 'note:github:acme/api#7:1'", [0; 5]),
        // What is known of a subject.
        ("UPDATE subject SET state = json_set(state, '$.about.stage', 'open')", [0, 1, 1, 1, 0]),
        ("UPDATE subject SET state = json_set(json_set(state, '$.about.stage', 'open'), '$.gone', 'deleted')", [0; 5]),
        ("UPDATE subject SET seen_at = {new}", [0, 1, 1, 1, 0]),
        ("UPDATE subject SET state = '{\"about\": {\"type\": \"thing\"}}'", [0; 5]),
        ("UPDATE subject SET state = '{\"about\": {\"type\": \"ticket\", \"status_category\": \"todo\"}}'", [0, 1, 1, 1, 0]),
        ("UPDATE subject SET state = '{\"about\": {\"type\": \"ticket\", \"status_category\": \"done\"}}'", [0; 5]),
        // A ticket, and a conversation, stay for the pull request that is open.
        (
            "UPDATE subject SET state = json_set(state, '$.about.stage', 'open');
             INSERT INTO subject (key, state, thread) VALUES ('DATA-1', '{\"about\": {\"type\": \"thing\"}}', 'DATA-1')",
            [0, 2, 1, 1, 0],
        ),
        // A digest's conversation goes with its message.
        (
            "UPDATE subject SET seen_at = {new}; UPDATE send SET thread = 'web digest';
             INSERT INTO conversation (destination, thread, root, subject) VALUES ('mailbox', 'web digest', 'r', 's')",
            [0, 1, 1, 1, 0],
        ),
    ];
    for (rows, expected) in table {
        assert_eq!(left(rows).await, expected, "{rows}");
    }
}

#[tokio::test]
async fn what_one_that_stays_refers_to_stays() {
    let table = [
        ("", 0),
        ("UPDATE delivery SET received_at = {new} WHERE id = 2", 2),
        ("UPDATE delivery SET waits = 1 WHERE id = 2", 2),
        ("UPDATE delivery SET waits = 1 WHERE id = 1", 1),
        ("UPDATE ledger SET lead_id = NULL, answers = 1 WHERE id = 2; UPDATE delivery SET waits = 1 WHERE id = 2", 2),
        // Each refers to the other.
        (
            "INSERT INTO ledger (id, delivery_id, line, source, state, reason, at) VALUES (3, 2, 2, 'github', 'sent', '{}', 0);
             UPDATE ledger SET lead_id = 3 WHERE id = 1",
            0,
        ),
    ];
    for (rows, expected) in table {
        assert_eq!(left(&format!("{OTHER};{rows}")).await[0], expected, "{rows}");
    }
}

#[tokio::test]
async fn no_number_is_given_twice() {
    let (_place, store) = scratch().await;
    let left = store.write(|tx| {
        // The last delivery sent nothing, and the last send is of the first one.
        for sql in format!("{OLD};{OTHER};UPDATE ledger SET lead_id = NULL").split(';') {
            tx.run(sql, [])?;
        }
        let third = "INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body)
                     VALUES (3, 'github', 'd-3', 'push', 0, 0, x'')";
        tx.run(third, [])?;
        tx.delete_deliveries(0, Timestamp::now() - Keep::default().ledger)?;
        tx.rows("SELECT id FROM delivery ORDER BY id", [], |row| row.get::<_, i64>("id"))
    });
    assert_eq!(left.await.unwrap(), [1, 3]);
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::scratch(&folder.path().join("microalign.db")).await.unwrap();
    let [stays, subjects, old] = [STAYS, SUBJECTS, OLD_SUBJECTS].map(whole);
    let statements =
        [&stays, REFERRING, &subjects, &old, END_THREAD, BODIES, NEXT, THREADS].into_iter().chain(DELETE).chain(FORGET);
    let statements = statements.chain(audit::STATEMENTS).chain(session::STATEMENTS);
    let names = [
        (":ids", "'[]'"),
        (":keys", "'[]'"),
        (":until", "0"),
        (":after", "''"),
        (":thread", "''"),
        (":key", "''"),
        (":digest", "x''"),
        (":before", "0"),
        (":now", "0"),
        (":seen", "0"),
        (":ends", "0"),
    ];
    for sql in statements {
        let sql = names.iter().fold(format!("EXPLAIN QUERY PLAN {sql}"), |sql, (name, value)| sql.replace(name, value));
        let plan = store.read(move |tx| tx.rows(&sql, [], |row| row.get::<_, String>("detail"))).await.unwrap();
        let is_whole = |step: &&String| step.starts_with("SCAN") && !step.contains("json_each");
        assert_eq!(plan.iter().find(is_whole), None, "{plan:#?}");
        println!("{plan:#?}");
    }
}
