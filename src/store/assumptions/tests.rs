#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::event::{About, Event, EventKind, Source, SubjectKey, Thing, ThingKind};
use crate::store::tests::{DELIVERY, uses_indexes, with_file, with_rows};

/// The name of a note, by its digest.
fn name(digest: &str) -> String {
    format!("note:github:comment:1:assumed:{digest}")
}

fn event(id: i64, once: &str, replaces: Option<&str>) -> String {
    let about = About::Thing(Thing::bare(ThingKind::Release, "v1"));
    let mut body = json!(Event::bare(Source::Github, EventKind::NoteAssumed, SubjectKey::from("acme/api@v1"), about));
    body["note"] = json!({ "kind": "assumed", "text": "ids are never reused", "replaces": replaces });
    format!("INSERT INTO event (id, delivery_id, once, body) VALUES ({id}, 1, '{once}', '{body}');\n")
}

/// A line about an event: for a team, in a state, with what came of it.
fn line(id: i64, event: i64, team: &str, (state, outcome): (&str, &[Reason])) -> String {
    let outcome = if outcome.is_empty() { "NULL".to_owned() } else { format!("'{}'", json!(outcome)) };
    format!(
        "INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at, outcome)
         VALUES ({id}, 1, {id}, {event}, 'github', 'note.assumed', 'acme/api@v1', 'DATA-{event}', '{team}', 'all', '{state}',
                 '{{\"code\":\"sending\"}}', 0, {outcome});
"
    )
}

async fn listed(store: &Store, filter: AssumptionFilter) -> Vec<(i64, &'static str)> {
    let found = store.list_assumptions(filter).await.unwrap();
    assert_eq!(found.before, None);
    found.records.iter().map(|(state, record)| (record.id, state.as_str())).collect()
}

#[tokio::test]
async fn each_is_in_the_state_that_follows_from_what_came_of_it() {
    let until = "2026-11-20T14:05:00".parse().unwrap();
    let agreed = Reason::Agreed { until };
    let objected = Reason::Objected { by: "Bo".to_owned(), through: "link".to_owned(), at: until };
    let answered = Reason::Answered { name: "Bo".to_owned(), place: "there".to_owned(), until };
    let sql = [
        DELIVERY.to_owned(),
        event(1, &name("a"), None),
        event(2, &name("b"), None),
        event(3, &format!("{}@5", name("c")), Some(&name("b"))),
        event(4, &format!("{}@6-", name("d")), Some(&name("d"))),
        event(5, &name("d"), None),
        line(1, 1, "web", ("sent", &[])),
        line(2, 1, "ops", ("sent", std::slice::from_ref(&agreed))),
        line(3, 1, "a", ("sent", &[agreed.clone(), objected])),
        line(4, 1, "b", ("sent", &[answered])),
        line(5, 1, "c", ("sent", &[Reason::ChangedBeforeAgreed])),
        line(6, 1, "d", ("failed", &[Reason::NotAgreed])),
        line(7, 1, "e", ("held", &[])),
        line(8, 1, "f", ("failed", &[])),
        line(9, 1, "g", ("suppressed", &[])),
        line(10, 1, "h", ("superseded", &[])),
        line(11, 1, "i", ("sent", &[])),
        "INSERT INTO objection (ledger_id, key, made_by, through, text, made_at) VALUES (11, 'k', 'Bo', 'link', 'No', 0);\n"
            .to_owned(),
        line(12, 2, "web", ("sent", &[])),
        line(13, 3, "web", ("sent", &[])),
        line(14, 5, "web", ("sent", &[])),
        line(15, 4, "web", ("sent", &[])),
        "INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, team, rule, state, reason, at, answers)
         VALUES (16, 1, 16, 1, 'github', 'note.assumed', 'web', 'all', 'sent', '{}', 0, 1)"
            .to_owned(),
    ];
    let (_folder, store) = with_rows(sql.concat()).await;
    let all = [
        (14, "changed"),
        (13, "open"),
        (12, "changed"),
        (11, "objected"),
        (8, "expired"),
        (7, "waiting"),
        (6, "expired"),
        (5, "changed"),
        (4, "answered"),
        (3, "objected"),
        (2, "agreed"),
        (1, "open"),
    ];
    assert_eq!(listed(&store, AssumptionFilter::default()).await, all);
    for state in AssumptionState::ALL {
        let fitting = all.into_iter().filter(|(_, name)| *name == state.as_str()).collect::<Vec<_>>();
        let filter = AssumptionFilter { state: Some(state), ..AssumptionFilter::default() };
        assert_eq!(listed(&store, filter).await, fitting, "{state}");
        assert_eq!(state.as_str().parse(), Ok(state));
    }
    let of_web = AssumptionFilter { team: Some("web".to_owned()), ..AssumptionFilter::default() };
    assert_eq!(listed(&store, of_web).await.len(), 4);
    let of_ticket = AssumptionFilter { thread: Some("DATA-2".to_owned()), ..AssumptionFilter::default() };
    assert_eq!(listed(&store, of_ticket).await, [(12, "changed")]);
    let records = store.list_assumptions(AssumptionFilter::default()).await.unwrap().records;
    let objection = &records[3].1.objections[0];
    assert_eq!((objection.by.as_str(), objection.text.as_str()), ("Bo", "No"));
    assert!(records[0].1.event.as_ref().unwrap().changed && !records[1].1.event.as_ref().unwrap().changed);
}

#[tokio::test]
async fn a_page_that_finds_little_says_where_to_go_on() {
    let mut sql = [DELIVERY.to_owned(), event(1, &name("a"), None), line(1, 1, "web", ("sent", &[]))].concat();
    for id in 2..=2_101 {
        sql.push_str(&line(id, 1, "web", ("suppressed", &[])));
    }
    for id in 2_102..=2_201 {
        sql.push_str(&line(id, 1, "web", ("sent", &[])));
    }
    let (_folder, store) = with_rows(sql).await;
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let filter = AssumptionFilter { before, ..AssumptionFilter::default() };
        let page = store.list_assumptions(filter).await.unwrap();
        pages.push(page.records.len());
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [50, 50, 0, 1]);
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let (_folder, store) = with_file().await;
    let named = || Some("x".to_owned());
    for (team, thread, index) in [
        (None, None, "ledger_assumed (id<?)"),
        (named(), None, "ledger_assumed_team (team=? AND id<?)"),
        (None, named(), "ledger_assumed_thread (thread=? AND id<?)"),
        (named(), named(), "ledger_assumed_t"),
    ] {
        let filter = AssumptionFilter { team, thread, ..AssumptionFilter::default() };
        let plan = uses_indexes(&store, &candidates(&filter).0).await;
        assert!(plan.contains(index), "{index}: {plan}");
    }
}
