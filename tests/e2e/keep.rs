//! What is old is deleted from the store, and what is needed isn't.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, pull_request, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "all"
on = ["pull_request.*"]
"#;

const DAY: i64 = 86_400_000;

/// Makes everything in the store of a service that has stopped so many days older.
fn age(service: &Service, days: i64) {
    let by = days * DAY;
    service.change(&format!("UPDATE delivery SET received_at = received_at - {by}"));
    service.change(&format!("UPDATE ledger SET at = at - {by}, told_at = told_at - {by}"));
    service.change(&format!("UPDATE subject SET seen_at = seen_at - {by}"));
}

/// Waits until a query has a number.
async fn reaches(service: &Service, sql: &str, wanted: i64) {
    eventually(sql, async || (service.number(sql) == wanted).then_some(())).await;
}

#[tokio::test]
async fn an_open_conversation_goes_on_and_its_milestone_is_told_once() {
    let mut service = Service::started(TEAM, "").await;
    let opened = pull_request("opened", 7, json!({}));
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &opened).await), ["sent"]);
    service.github_settled("pull_request", "d-2", &merged(8)).await;
    // The newest delivery stays, so that no number is given twice.
    service.github_settled("pull_request", "newest", &merged(9)).await;
    service.stop().await;
    age(&service, 91);
    service.start().await;
    reaches(&service, "SELECT count(*) FROM delivery", 1).await;
    reaches(&service, "SELECT count(*) FROM subject", 2).await;
    assert_eq!(service.number("SELECT count(*) FROM fired"), 2);
    assert_eq!(service.ledger().await.len(), 1);
    // The milestone comes again, with another delivery.
    assert_eq!(states(&service.github_settled("pull_request", "d-3", &opened).await), ["suppressed"]);
    assert_eq!(states(&service.github_settled("pull_request", "d-4", &merged(7)).await), ["sent"]);
    let mails = service.mails();
    let first = mails.iter().find(|mail| read_mail(mail).references().as_text_list().is_none()).unwrap();
    let last = mails.last().unwrap();
    let references = format!("{:?}", read_mail(last).references());
    assert!(references.contains(read_mail(first).message_id().unwrap()), "{references}");
    let ids = mails.iter().map(|mail| read_mail(mail).message_id().unwrap().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!((mails.len(), ids.len()), (4, 4), "{ids:?}");
}

#[tokio::test]
async fn bodies_go_first_and_nothing_is_damaged() {
    let mut service = Service::started(TEAM, "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.github("ping", "d-2", &json!({ "zen": "Keep it logically awesome." })).await;
    service.settled("d-2").await;
    service.stop().await;
    age(&service, 15);
    service.start().await;
    reaches(&service, "SELECT count(*) FROM delivery WHERE length(body) > 0", 0).await;
    let (code, _, err) = service.run(&["explain", "--event-id", "1"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("the body of delivery 1 was deleted (`[store] keep_bodies`)"), "{err}");
    let (_, out, err) = service.run(&["rehearse", "--since", "30d"]).await;
    assert!(out.contains("0 deliveries") && out.contains("2 more have no body any more"), "{out}{err}");
    let (code, _, err) = service.run(&["ledger", "retry", "2.1"]).await;
    assert!(code == 1 && err.contains("delivery 2 can't be read again: its body was deleted"), "{err}");
    assert_eq!(states(&service.ledger().await), ["sent", "ignored"]);
    let (code, out, err) = service.run(&["store", "stats", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let stats: Value = serde_json::from_str(&out).unwrap();
    let rows = stats["kinds"].as_array().unwrap().iter().map(|kind| kind["rows"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(rows, [2, 0, 1, 2, 2, 1, 1, 1, 1, 0, 0], "{out}");
    assert!(stats["kinds"][0]["bytes"].as_u64().unwrap() >= 4096, "{out}");
}

#[tokio::test]
async fn a_body_can_be_deleted_once_it_was_read() {
    let mut service = Service::new(TEAM, "[store]\nkeep_bodies = \"0s\"\n");
    service.start().await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.stop().await;
    service.start().await;
    reaches(&service, "SELECT count(*) FROM delivery WHERE length(body) > 0", 0).await;
    assert_eq!(states(&service.ledger().await), ["sent"]);
}

#[tokio::test]
async fn the_file_stops_growing() {
    if crate::support::is_only_for_files("it is about SQLite's file") {
        return;
    }
    let mut service = Service::started(TEAM, "").await;
    let mut pages = Vec::new();
    for round in 0..5 {
        for nth in 0..60 {
            let number = round * 60 + nth;
            let body =
                pull_request("closed", number, json!({ "state": "closed", "merged": true, "body": noise(number) }));
            service.github("pull_request", &format!("d-{number}"), &body).await;
        }
        service.idle().await;
        service.stop().await;
        age(&service, 91);
        service.start().await;
        reaches(&service, "SELECT count(*) FROM delivery", 1).await;
        reaches(&service, "SELECT count(*) FROM subject", 1).await;
        pages.push(service.number("PRAGMA page_count"));
    }
    assert_eq!(service.number("PRAGMA auto_vacuum"), 2);
    assert!(pages[4] <= pages[1] * 11 / 10, "{pages:?}");
    let foreign = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!((service.number(foreign), service.number("SELECT count(*) FROM conversation")), (0, 1));
}

/// Text that doesn't compress.
fn noise(seed: u64) -> String {
    let numbers = std::iter::successors(Some(seed + 1), |last| Some(last.wrapping_mul(6_364_136_223_846_793_005) + 1));
    numbers.take(1000).map(|number| format!("{number:016x}")).collect()
}
