//! Payloads in the documented shapes.

use serde_json::{Value, json};

/// A pull request's payload in GitHub's documented shape; `more` replaces fields of the pull request.
pub fn pull_request(action: &str, number: u64, more: Value) -> Value {
    let mut payload = json!({
        "action": action,
        "number": number,
        "pull_request": {
            "number": number,
            "title": "Add the v2 order schema",
            "html_url": format!("https://github.com/acme/ingest-api/pull/{number}"),
            "state": "open",
            "draft": false,
            "merged": false,
            "user": { "login": "ana", "type": "User", "html_url": "https://github.com/ana" },
            "body": "For DATA-123.",
            "base": { "ref": "main" },
            "head": { "ref": "order-v2" },
            "labels": [{ "name": "contract" }],
            "additions": 12, "deletions": 3, "changed_files": 2,
        },
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "sender": { "login": "ana", "type": "User", "html_url": "https://github.com/ana" },
    });
    for (key, value) in more.as_object().unwrap() {
        payload["pull_request"][key] = value.clone();
    }
    payload
}

pub fn merged(number: u64) -> Value {
    pull_request("closed", number, json!({ "state": "closed", "merged": true }))
}

/// A comment on pull request 7; GitHub sends what is said there as on an issue.
pub fn commented(body: &str) -> Value {
    json!({
        "action": "created",
        "issue": {
            "number": 7,
            "title": "Add the v2 order schema",
            "html_url": "https://github.com/acme/ingest-api/pull/7",
            "state": "open",
            "user": { "login": "ana", "type": "User" },
            "pull_request": { "html_url": "https://github.com/acme/ingest-api/pull/7" },
        },
        "comment": {
            "id": 7001,
            "html_url": "https://github.com/acme/ingest-api/pull/7#issuecomment-7001",
            "user": { "login": "ana", "type": "User" },
            "body": body,
        },
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "sender": { "login": "ana", "type": "User" },
    })
}

/// An update of DATA-123 in Jira's documented shape, with what changed.
pub fn ticket(status: &str, category: &str, changes: Value) -> Value {
    json!({
        "timestamp": 1767000000000_i64,
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": { "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" },
        "issue": {
            "id": "10042",
            "key": "DATA-123",
            "self": "https://acme.atlassian.net/rest/api/2/issue/10042",
            "fields": {
                "summary": "Orders in the v2 schema",
                "project": { "key": "DATA" },
                "status": { "name": status, "statusCategory": { "key": category } },
                "updated": "2025-12-29T09:20:00.000+0000",
            },
        },
        "changelog": { "items": changes },
    })
}
