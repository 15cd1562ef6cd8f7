//! What Jira sends.

use serde_json::{Value, json};

use super::{Post, put};

/// A person in Jira, by account id.
pub fn person(id: &str, name: &str) -> Value {
    json!({ "accountId": id, "displayName": name, "accountType": "atlassian" })
}

/// A time as Jira writes it.
fn jira_time(minute: u64) -> String {
    format!("2026-01-05T{:02}:{:02}:00.000+0000", 10 + minute / 60, minute % 60)
}

/// When that is in milliseconds.
fn millis(minute: u64) -> u64 {
    1_767_607_200_000 + minute * 60_000
}

/// A webhook of Jira's about a ticket that is in progress.
pub fn ticket(key: &str, event: &str, minute: u64, more: Value) -> Post {
    let (project, number) = key.rsplit_once('-').unwrap();
    let id = format!("1{:0>5}", number);
    let mut body = json!({
        "timestamp": millis(minute), "webhookEvent": event,
        "user": person("5aa", "Ana Lima"),
        "issue": {
            "id": id, "key": key, "self": format!("https://acme.atlassian.net/rest/api/2/issue/{id}"),
            "fields": {
                "summary": format!("Orders in schema {number}"), "issuetype": { "name": "Story" },
                "project": { "key": project },
                "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } },
                "updated": jira_time(minute), "resolution": null,
            },
        },
    });
    put(&mut body, more);
    Post { to: "jira", body, headers: Vec::new() }
}

/// One change of one field, for people.
pub fn item(field: &str, from: Option<&str>, to: Option<&str>) -> Value {
    json!({
        "field": field, "fieldtype": "jira", "fieldId": field,
        "from": from, "fromString": from, "to": to, "toString": to,
    })
}

/// A `jira:issue_updated` with what changed; the minute names it in the ticket's history.
pub fn changed(key: &str, minute: u64, items: Vec<Value>, fields: Value) -> Post {
    let (_, number) = key.rsplit_once('-').unwrap();
    let changelog = json!({ "id": format!("{number}{minute:03}"), "items": items });
    let more = json!({
        "issue_event_type_name": "issue_generic", "changelog": changelog, "issue": { "fields": fields },
    });
    ticket(key, "jira:issue_updated", minute, more)
}

/// A change of the status; `category` is Jira's key of it.
pub fn moved_to(key: &str, minute: u64, (from, to): (&str, &str), category: &str) -> Post {
    let status = json!({ "status": { "name": to, "statusCategory": { "key": category } } });
    changed(key, minute, vec![item("status", Some(from), Some(to))], status)
}

pub fn started(key: &str, minute: u64) -> Post {
    moved_to(key, minute, ("To Do", "In Progress"), "indeterminate")
}

pub fn done(key: &str, minute: u64) -> Post {
    moved_to(key, minute, ("In Progress", "Done"), "done")
}

/// A security level.
pub fn level() -> Value {
    json!({ "security": { "id": "10100", "name": "Restricted" } })
}

/// A ticket gets a security level.
pub fn levelled(key: &str, minute: u64, fields: Value) -> Post {
    changed(key, minute, vec![item("security", None, Some("Restricted"))], level())
        .with(json!({ "issue": { "fields": fields } }))
}

/// A comment in Jira: `comment_created`, `comment_updated` or `comment_deleted`.
pub fn jira_comment(key: &str, id: u64, event: &str, body: Value) -> Post {
    let minute = if event == "comment_created" { 10 } else { 11 };
    let (_, number) = key.rsplit_once('-').unwrap();
    let comment = json!({
        "id": id.to_string(),
        "self": format!("https://acme.atlassian.net/rest/api/2/issue/1{number:0>5}/comment/{id}"),
        "author": person("5aa", "Ana Lima"), "updateAuthor": person("5aa", "Ana Lima"), "body": body,
        "created": jira_time(10), "updated": jira_time(minute),
    });
    ticket(key, event, minute, json!({ "comment": comment }))
}

/// A sprint: `sprint_started`, `sprint_closed`, …
pub fn sprint(id: u64, event: &str, minute: u64, more: Value) -> Post {
    let mut body = json!({
        "timestamp": millis(minute), "webhookEvent": event, "user": person("5aa", "Ana Lima"),
        "sprint": {
            "id": id, "self": format!("https://acme.atlassian.net/rest/agile/1.0/sprint/{id}"), "state": "active",
            "name": format!("Sprint {id}"), "originBoardId": 1,
        },
    });
    put(&mut body, more);
    Post { to: "jira", body, headers: Vec::new() }
}

/// A version: `jira:version_released`, …
pub fn version(id: u64, event: &str, minute: u64, more: Value) -> Post {
    let mut body = json!({
        "timestamp": millis(minute), "webhookEvent": event, "user": person("5aa", "Ana Lima"),
        "version": {
            "id": id.to_string(), "self": format!("https://acme.atlassian.net/rest/api/2/version/{id}"),
            "name": format!("Ingest {id}"), "description": "What is new", "projectId": 10_000,
            "released": event == "jira:version_released",
        },
    });
    put(&mut body, more);
    Post { to: "jira", body, headers: Vec::new() }
}
