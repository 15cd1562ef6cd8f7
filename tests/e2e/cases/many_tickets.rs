//! What lists many tickets is none of them in particular.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{on, play, serve, sibling, web};

fn list(keys: std::ops::RangeInclusive<u64>) -> String {
    let lines = keys.map(|n| format!("- DATA-{n}: change {n}\n")).collect::<String>();
    format!("## What is in it\n\n{lines}")
}

fn team(name: &str, ticket: &str) -> String {
    format!(
        "team = \"{name}\"\nto = [\"email:{name}@example.com\"]\nsettle = \"0s\"\n[[rule]]\nname = \"mine\"\n\
         on = [\"pull_request.*\", \"release.*\", \"issue.*\", \"push\"]\nticket = [\"{ticket}\"]\n"
    )
}

#[tokio::test]
async fn a_list_of_tickets_is_a_conversation_of_its_own() {
    let opened = |number, more: Value| pull(number, "opened", 5, json!({ "pull_request": more }));
    let commits = (1..=6).map(|n| commit(950 + n, "ana", &format!("DATA-{n}: change {n}"), &["x"])).collect();
    let siblings = [
        sibling("its-own", [opened(901, json!({ "title": "DATA-1: add ids", "head": { "ref": "DATA-1-ids" } }))]),
        sibling(
            "release-pull-request",
            [opened(
                902,
                json!({
                    "title": "Release 2024.11", "head": { "ref": "develop" }, "body": list(1..=30),
                }),
            )],
        )
        .messages(1, "Release 2024.11"),
        sibling("release", [release(903, "v903", "published", json!({ "release": { "body": list(1..=30) } }))])
            .messages(1, "v903"),
        sibling("tracking-issue", [issue(904, "opened", 5, json!({ "issue": { "body": list(1..=5) } }))])
            .messages(1, "Orders 904"),
        sibling("push-of-many", [push("develop", 956, commits)]),
        sibling("title-and-list", [opened(905, json!({ "title": "DATA-25: all of it", "body": list(1..=30) }))]),
        sibling("two-in-the-text", [opened(906, json!({ "body": "For DATA-40, with DATA-41." }))]),
        sibling("on-a-line", [opened(907, json!({ "body": "DATA-1, DATA-2, DATA-3, DATA-4 and DATA-5" }))])
            .messages(1, "schema 907"),
    ];
    let rules = on(&["pull_request.opened", "release.published", "issue.opened", "push"]);
    let teams = [
        web("0s", &rules),
        team("one", "DATA-1"),
        team("last", "DATA-25"),
        team("star", "DATA-*"),
        team("none", "CORE-*"),
    ];
    // One mail each: a copy for another team is not counted.
    let service = serve(&teams[..1]).await;
    let mut told = play(&service, &siblings).await;
    let thread = |delivery: &str| told.lines(delivery).first().map(|line| line["thread"].clone()).unwrap_or_default();
    let threads = [
        ("its-own/0", true, "DATA-1"),
        ("release-pull-request/0", false, "DATA-"),
        ("release/0", false, "DATA-"),
        ("tracking-issue/0", false, "DATA-"),
        ("push-of-many/0", false, "DATA-"),
        ("title-and-list/0", true, "DATA-25"),
        ("two-in-the-text/0", true, "DATA-40"),
        ("on-a-line/0", false, "DATA-"),
    ];
    let wrong = threads
        .iter()
        .map(|(delivery, is, key)| (delivery, thread(delivery), is, key))
        .filter(|(_, thread, is, key)| match is {
            true => thread != *key,
            false => thread.as_str().is_none_or(|thread| thread.contains(*key)),
        })
        .map(|(delivery, thread, ..)| format!("{delivery} is in the conversation {thread}"))
        .collect::<Vec<_>>();
    for wrong in wrong {
        told.unless(false, wrong);
    }
    let own = told.mails.iter().find(|mail| mail.text.contains("/pull/901")).map(|mail| mail.root.clone());
    let answers = told.mails.iter().filter(|mail| Some(&mail.root) == own.as_ref()).count();
    told.unless(answers == 1, format!("{answers} messages are in DATA-1's conversation, not its own alone"));
    told.finish();

    let service = serve(&teams[1..]).await;
    let bare = siblings.iter().map(super::story::Sibling::again).collect::<Vec<_>>();
    let mut told = play(&service, &bare).await;
    for (team, hears) in [
        ("one", vec!["its-own"]),
        ("last", vec!["title-and-list"]),
        (
            "star",
            vec![
                "its-own",
                "release-pull-request",
                "release",
                "tracking-issue",
                "push-of-many",
                "title-and-list",
                "two-in-the-text",
                "on-a-line",
            ],
        ),
        ("none", vec![]),
    ] {
        for sibling in &bare {
            let name = sibling.name();
            let heard = told.states(&format!("{name}/0"), team).contains(&"sent");
            told.unless(heard == hears.contains(&name), format!("{team} hears of {name}: {heard}"));
        }
    }
    told.finish();
}
