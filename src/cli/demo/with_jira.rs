//! The story that the demo plays with Jira: a ticket, its draft, an assumption, a merge.

use serde_json::{Value, json};

use super::payload::{
    Step, by_bot, by_member, comment, contract_elsewhere, day, github, pull_request, review, unheard, unsigned,
};
use crate::event::Source;

/// The whole story, noise included.
pub(super) fn with_jira() -> Vec<Step> {
    let jira = |says, delivery, body| Step { says, source: Source::Jira, event: "", delivery, body, signed: true };
    let (due_before, due_then) = (&day(1), &day(5));
    let started = ticket("In Progress", due_before, &json!([item("status", "To Do", "In Progress")]));
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
        jira("The due date moves.", "j2", ticket("In Progress", due_then, &json!([due(due_before, due_then)]))),
        github(
            "The draft becomes ready.",
            "pull_request",
            "g3",
            pull_request("ready_for_review", "ana", &json!({ "draft": false })),
        ),
        github("Caro approves it.", "pull_request_review", "g4", review(&json!({}))),
        github("Ana merges it.", "pull_request", "g5", merged()),
        jira("DATA-123 is done.", "j3", ticket("Done", due_then, &json!([item("status", "In Progress", "Done")]))),
        github(
            "Bo, of the web team, changes the contract in another repository.",
            "pull_request",
            "g9",
            contract_elsewhere(),
        ),
        github(
            "Mia, of the mobile team, begins to work on it too. Nobody asked to hear of that.",
            "pull_request",
            "g10",
            unheard("DATA-123"),
        ),
        github("Noise: GitHub delivers the merge a second time.", "pull_request", "g5", merged()),
        github("Noise: a bot opens a pull request.", "pull_request", "g6", by_bot()),
        github("Noise: Bo, who is on the web team, merges something himself.", "pull_request", "g7", by_member()),
        unsigned("g8", merged()),
    ]
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
