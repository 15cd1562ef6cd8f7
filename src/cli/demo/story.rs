//! The story that the demo plays: made-up webhooks in the shapes that GitHub and Jira document.

use serde_json::{Value, json};

use crate::event::Source;

/// One request of the story.
pub(super) struct Step {
    /// What happens, in words
    pub says: &'static str,
    /// Who sends it
    pub source: Source,
    /// `X-GitHub-Event`; unused for Jira
    pub event: &'static str,
    /// The sender's id for it: two steps with the same one are one delivery
    pub delivery: &'static str,
    /// Its body
    pub body: Value,
    /// Whether it is signed with the right secret
    pub signed: bool,
}

/// The whole story, noise included.
pub(super) fn story() -> Vec<Step> {
    let github =
        |says, event, delivery, body| Step { says, source: Source::Github, event, delivery, body, signed: true };
    let jira = |says, delivery, body| Step { says, source: Source::Jira, event: "", delivery, body, signed: true };
    let started = ticket("In Progress", "2026-11-30", &json!([item("status", "To Do", "In Progress")]));
    let merged = || pull_request("closed", "ana", &json!({ "draft": false, "state": "closed", "merged": true }));
    vec![
        jira("Ana starts DATA-123.", "j1", started),
        github(
            "Ana puts up a draft for it.",
            "pull_request",
            "g1",
            pull_request("opened", "ana", &json!({ "draft": true })),
        ),
        github("She notes an assumption in a comment.", "issue_comment", "g2", comment()),
        jira(
            "The due date moves.",
            "j2",
            ticket("In Progress", "2026-12-04", &json!([due("2026-11-30", "2026-12-04")])),
        ),
        github(
            "The draft becomes ready.",
            "pull_request",
            "g3",
            pull_request("ready_for_review", "ana", &json!({ "draft": false })),
        ),
        github("Caro approves it.", "pull_request_review", "g4", review()),
        github("Ana merges it.", "pull_request", "g5", merged()),
        jira("DATA-123 is done.", "j3", ticket("Done", "2026-12-04", &json!([item("status", "In Progress", "Done")]))),
        github("Noise: GitHub delivers the merge a second time.", "pull_request", "g5", merged()),
        github("Noise: a bot opens a pull request.", "pull_request", "g6", by_bot()),
        github("Noise: Bo, who is on the web team, merges something himself.", "pull_request", "g7", by_member()),
        Step {
            signed: false,
            ..github("Noise: somebody else's request, with a wrong signature.", "pull_request", "g8", merged())
        },
    ]
}

fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({ "login": login, "type": kind, "html_url": format!("https://github.com/{login}") })
}

fn repository() -> Value {
    json!({ "full_name": "acme/ingest-api", "private": false, "html_url": "https://github.com/acme/ingest-api" })
}

fn merge(mut value: Value, more: &Value) -> Value {
    if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
        value.extend(more.clone());
    }
    value
}

fn pull_request(action: &str, sender: &str, more: &Value) -> Value {
    let pull_request = json!({
        "number": 45,
        "title": "Add the v2 order schema",
        "html_url": "https://github.com/acme/ingest-api/pull/45",
        "state": "open",
        "user": user("ana"),
        "body": "Moves orders to the v2 schema. Closes DATA-123.",
        "base": { "ref": "main" },
        "head": { "ref": "data-123-order-v2" },
        "labels": [{ "name": "contract" }],
        "additions": 212,
        "deletions": 34,
        "changed_files": 9,
        "merged": false,
    });
    json!({
        "action": action,
        "pull_request": merge(pull_request, more),
        "repository": repository(),
        "sender": user(sender),
    })
}

fn by_bot() -> Value {
    let more = json!({ "number": 46, "title": "Update serde to 1.0.300", "user": user("renovate[bot]"), "body": "",
        "html_url": "https://github.com/acme/ingest-api/pull/46", "head": { "ref": "renovate/serde" } });
    pull_request("opened", "renovate[bot]", &more)
}

fn by_member() -> Value {
    let more = json!({ "number": 44, "title": "Let the web client ask for v2", "user": user("bo"), "body": "",
        "html_url": "https://github.com/acme/ingest-api/pull/44", "head": { "ref": "web-v2" },
        "state": "closed", "merged": true });
    pull_request("closed", "bo", &more)
}

fn comment() -> Value {
    json!({
        "action": "created",
        "issue": {
            "number": 45,
            "title": "Add the v2 order schema",
            "html_url": "https://github.com/acme/ingest-api/pull/45",
            "state": "open",
            "user": user("ana"),
            "labels": [{ "name": "contract" }],
            "pull_request": { "html_url": "https://github.com/acme/ingest-api/pull/45" },
        },
        "comment": {
            "id": 7001,
            "html_url": "https://github.com/acme/ingest-api/pull/45#issuecomment-7001",
            "user": user("ana"),
            "body": "First half is in.\n\n/assume order ids are never reused, so the web client may cache by id",
        },
        "repository": repository(),
        "sender": user("ana"),
    })
}

fn review() -> Value {
    let body = pull_request("submitted", "caro", &json!({ "draft": false }));
    let review = json!({
        "id": 8001,
        "state": "approved",
        "body": "",
        "user": user("caro"),
        "html_url": "https://github.com/acme/ingest-api/pull/45#pullrequestreview-8001",
    });
    merge(body, &json!({ "review": review }))
}

fn item(field: &str, from: &str, to: &str) -> Value {
    json!({ "field": field, "fieldId": field, "fromString": from, "toString": to })
}

fn due(from: &str, to: &str) -> Value {
    json!({ "field": "duedate", "fieldId": "duedate", "from": from, "fromString": from, "to": to, "toString": to })
}

fn ticket(status: &str, due: &str, items: &Value) -> Value {
    let category = if status == "Done" { "done" } else { "indeterminate" };
    let ana = json!({ "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" });
    json!({
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_updated",
        "user": ana,
        "issue": {
            "id": "10042",
            "key": "DATA-123",
            "self": "https://acme.atlassian.net/rest/api/2/issue/10042",
            "fields": {
                "summary": "Orders in the v2 schema",
                "status": { "name": status, "statusCategory": { "key": category } },
                "duedate": due,
                "assignee": ana,
                "priority": { "name": "High" },
                "issuetype": { "name": "Story" },
            },
        },
        "changelog": { "items": items },
    })
}
