//! What ends is not always done.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{Told, on, play, serve, sibling, web};

fn ended(key: &str, resolution: &str) -> Post {
    let items = vec![item("resolution", None, Some(resolution)), item("status", Some("To Do"), Some("Closed"))];
    let fields = json!({
        "status": { "name": "Closed", "statusCategory": { "key": "done" } }, "resolution": { "name": resolution },
    });
    changed(key, 5, items, fields)
}

fn closed_as(number: u64, reason: Value) -> Post {
    issue(number, "closed", 5, json!({ "issue": { "state_reason": reason } }))
}

const DONE: [&str; 2] = [" is done", "how it works for you"];

#[tokio::test]
async fn the_words_say_how_it_ended() {
    let link = json!({ "issue": { "fields": { "issuelinks": [{
        "type": { "name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates" },
        "outwardIssue": { "key": "DATA-1399", "fields": { "summary": "Export" } },
    }] } } });
    let by_changelog = ended("DATA-1306", "Won't Do").with(json!({ "issue": { "fields": { "resolution": null } } }));
    let siblings = [
        sibling("wont-do", [ended("DATA-1301", "Won't Do")]).messages(1, "DATA-1301"),
        sibling("duplicate", [ended("DATA-1302", "Duplicate").with(link)]).messages(1, "DATA-1302").says("DATA-1399"),
        sibling("done", [ended("DATA-1303", "Done")]).messages(1, "DATA-1303"),
        sibling("named-by-the-site", [ended("DATA-1304", "Liegt beim Kunden")])
            .messages(1, "DATA-1304")
            .says("Liegt beim Kunden"),
        sibling("cannot-reproduce", [ended("DATA-1305", "Cannot Reproduce")]).messages(1, "DATA-1305"),
        sibling("by-changelog-alone", [by_changelog]).messages(1, "DATA-1306"),
        sibling("without-resolution", [done("DATA-1307", 5)]).messages(1, "DATA-1307"),
        sibling("not-planned", [closed_as(1311, json!("not_planned"))]).messages(1, "Orders 1311"),
        sibling("issue-duplicate", [closed_as(1312, json!("duplicate"))]).messages(1, "Orders 1312"),
        sibling("completed", [closed_as(1313, json!("completed"))]).messages(1, "Orders 1313"),
        sibling("old-server", [closed_as(1314, Value::Null)]).messages(1, "Orders 1314"),
    ];
    let mut told = play(&serve(&[web("0s", &on(&["ticket.done", "issue.closed"]))]).await, &siblings).await;
    let text =
        |told: &Told, word: &str| told.with(word).first().map(|mail| mail.text.to_lowercase()).unwrap_or_default();
    for word in ["DATA-1301", "DATA-1302", "DATA-1305", "DATA-1306", "Orders 1311", "Orders 1312"] {
        let text = text(&told, word);
        told.unless(!DONE.iter().any(|done| text.contains(done)), format!("{word} is told as done: {text}"));
    }
    for (word, says) in [
        ("DATA-1301", "won"),
        ("DATA-1302", "duplicate"),
        ("DATA-1303", "done"),
        ("DATA-1305", "cannot reproduce"),
        ("DATA-1306", "won"),
        ("DATA-1307", "done"),
        ("Orders 1311", "plan"),
        ("Orders 1312", "duplicate"),
    ] {
        let text = text(&told, word).replace('’', "'");
        let plain = says == "plan" && text.contains("won't");
        told.unless(text.contains(says) || plain, format!("{word} has not {says:?}: {text}"));
    }
    told.finish();
}

#[tokio::test]
async fn a_rule_asks_for_what_was_really_done() {
    let rule = |resolution: &str| format!("{}resolution = [{resolution}]\n", on(&["ticket.done", "issue.closed"]));
    let siblings = [
        sibling("done", [ended("DATA-1321", "Done")]).messages(1, "DATA-1321"),
        sibling("wont-do", [ended("DATA-1322", "Won't Do")]).messages(0, "DATA-1322"),
        sibling("duplicate", [ended("DATA-1323", "Duplicate")]).messages(0, "DATA-1323"),
    ];
    play(&serve(&[web("0s", &rule("\"Done\", \"completed\""))]).await, &siblings).await.finish();
    let other = [
        sibling("done", [ended("DATA-1331", "Done")]).messages(1, "DATA-1331"),
        sibling("wont-do", [ended("DATA-1332", "Won't Do")]).messages(0, "DATA-1332"),
    ];
    play(&serve(&[web("0s", &rule("\"!Won't Do\""))]).await, &other).await.finish();
}
