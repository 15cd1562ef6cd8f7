#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::mute::{By, Scope};
use crate::store::record::STATEMENTS;
use crate::store::tests::{DELIVERY, uses_indexes, with_file, with_rows};

fn subject(key: &str, thread: &str, about: serde_json::Value) -> String {
    let state = json!({ "about": about });
    format!("INSERT INTO subject (key, state, thread, seen_at) VALUES ('{key}', '{state}', '{thread}', 0);\n")
}

fn pull_request(number: u64) -> serde_json::Value {
    json!({ "type": "pull_request", "number": number, "title": "Sort", "url": "https://example.com", "stage": "open" })
}

/// A ticket with a pull request that had lines of its own before, and a branch whose last push named the ticket.
fn rows() -> String {
    let lines = |from: i64, to: i64, thread: &str| {
        format!(
            "WITH RECURSIVE n (id) AS (SELECT {from} UNION ALL SELECT id + 1 FROM n WHERE id < {to})
             INSERT INTO ledger (id, delivery_id, line, source, kind, subject, thread, state, reason, at)
             SELECT id, 1, id, 'github', 'push', '{thread}', '{thread}', 'suppressed', '{{\"code\":\"no_rule\"}}', id FROM n;
"
        )
    };
    [
        DELIVERY.to_owned(),
        subject("DATA-1", "DATA-1", json!({ "type": "ticket", "key": "DATA-1", "status": "To Do" })),
        subject("acme/api#7", "DATA-1", pull_request(7)),
        subject("acme/api:main", "DATA-1", json!({ "type": "thing", "kind": "push", "title": "main" })),
        lines(1, 30, "acme/api#7"),
        lines(31, 40, "acme/api:main"),
        lines(41, 10_040, "DATA-1"),
        "INSERT INTO alias VALUES ('OLD-1', 'DATA-1');\nINSERT INTO alias VALUES ('acme/old', 'acme/api');\n"
            .to_owned(),
    ]
    .concat()
}

async fn here(store: &Store, turn: Turn) -> Conversation {
    match store.conversation("DATA-1".to_owned(), turn, Timestamp::now()).await.unwrap() {
        Found::Here(found) => *found,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_long_conversation_is_read_in_parts_both_ways() {
    let (_folder, store) = with_rows(rows()).await;
    let expected = (1..=30).chain(41..=10_040).collect::<Vec<i64>>();
    let (mut all, mut turn) = (Vec::new(), Turn::After(0));
    loop {
        let part = here(&store, turn).await;
        assert_eq!(part.earlier, !all.is_empty());
        all.extend(part.records.iter().map(|record| record.id));
        turn = Turn::After(*all.last().unwrap());
        if !part.later {
            break;
        }
    }
    assert_eq!(all, expected);
    let (mut all, mut turn) = (Vec::new(), Turn::Before(i64::MAX));
    loop {
        let part = here(&store, turn).await;
        assert_eq!(part.later, !all.is_empty());
        all.extend(part.records.iter().rev().map(|record| record.id));
        turn = Turn::Before(*all.last().unwrap());
        if !part.earlier {
            break;
        }
    }
    all.reverse();
    assert_eq!(all, expected);
    let past = here(&store, Turn::After(20_000)).await;
    assert_eq!((past.records.len(), past.earlier, past.later), (0, true, false));
}

#[tokio::test]
async fn a_conversation_is_found_by_each_of_its_names() {
    let (_folder, store) = with_rows(rows()).await;
    let subjects = here(&store, Turn::After(0)).await.subjects;
    assert_eq!(subjects.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["DATA-1", "acme/api#7"]);
    for (name, now) in [
        ("OLD-1", "DATA-1"),
        ("acme/api#7", "DATA-1"),
        ("acme/old#7", "acme/api#7"),
        ("acme/old:main", "acme/api:main"),
    ] {
        let found = store.conversation(name.to_owned(), Turn::After(0), Timestamp::now()).await.unwrap();
        assert!(matches!(&found, Found::Elsewhere(to) if to == now), "{name}: {found:?}");
    }
    for name in ["acme/api:main", "DATA-1"] {
        let found = store.conversation(name.to_owned(), Turn::After(0), Timestamp::now()).await.unwrap();
        assert!(matches!(found, Found::Here(_)), "{name}: {found:?}");
    }
    for name in ["DATA-2", "", "/", "#", "a\0b"] {
        let found = store.conversation(name.to_owned(), Turn::After(0), Timestamp::now()).await.unwrap();
        assert!(matches!(found, Found::Nowhere), "{name:?}: {found:?}");
    }
}

#[tokio::test]
async fn one_mute_is_ended_by_its_number() {
    let (_folder, store) = with_rows(rows()).await;
    for team in ["web", "ops"] {
        let scope = Scope { team: Some(team.to_owned()), thread: Some("DATA-1".to_owned()), ..Scope::default() };
        let who = Some("ana".to_owned());
        store.mute(Mute { scope, until: None, at: Timestamp::now(), by: By::Console, who }).await.unwrap();
    }
    let mutes = here(&store, Turn::After(0)).await.mutes;
    assert_eq!((mutes.len(), mutes[1].1.by_whom().as_str()), (2, "ana in the console"));
    assert!(store.end_mute(mutes[0].0).await.unwrap());
    assert!(!store.end_mute(mutes[0].0).await.unwrap());
    let left = here(&store, Turn::After(0)).await.mutes;
    assert_eq!(left.iter().map(|(_, mute)| mute.scope.team.as_deref()).collect::<Vec<_>>(), [Some("ops")]);
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let (_folder, store) = with_file().await;
    for sql in [BESIDE, AFTER, BEFORE, IS_BEFORE, IS_BEHIND, MUTES, KNOWN].into_iter().chain(STATEMENTS) {
        uses_indexes(&store, sql).await;
    }
}
