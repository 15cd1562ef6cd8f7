//! The story that the demo plays without Jira: an issue, the pull request that closes it, an assumption, a sub-issue that is
//! closed from another repository.

use serde_json::{Value, json};

use super::payload::{
    Step, by_bot, by_member, comment, contract_elsewhere, day, github, merge, pull_request, repository, review,
    unheard, unsigned, user,
};

/// The whole story, noise included.
pub(super) fn github_only() -> Vec<Step> {
    let merged = || work("closed", &json!({ "draft": false, "state": "closed", "merged": true }));
    vec![
        github("Caro opens an issue.", "issues", "g1", orders("opened", &json!({}))),
        github("She assigns it to Ana.", "issues", "g2", assigned()),
        github("She adds a sub-issue to it.", "sub_issues", "g3", sub_issue()),
        github(
            "Ana opens a draft that closes the issue.",
            "pull_request",
            "g4",
            work("opened", &json!({ "draft": true })),
        ),
        github("She notes an assumption in a comment.", "issue_comment", "g5", comment()),
        github("The issue gets a later milestone.", "issues", "g6", postponed()),
        github("The draft becomes ready.", "pull_request", "g7", work("ready_for_review", &json!({ "draft": false }))),
        github("Caro approves it.", "pull_request_review", "g8", review(&of_issue())),
        github("Ana merges it.", "pull_request", "g9", merged()),
        github("GitHub closes the issue with the merge.", "issues", "g10", closed("completed")),
        github(
            "Caro opens a draft in another repository, which closes the sub-issue.",
            "pull_request",
            "g11",
            elsewhere(),
        ),
        github("The sub-issue won't be done after all.", "issues", "g12", given_up()),
        github(
            "Bo, of the web team, changes the contract in another repository.",
            "pull_request",
            "g16",
            contract_elsewhere(),
        ),
        github(
            "Mia, of the mobile team, begins to work on it too. Nobody asked to hear of that.",
            "pull_request",
            "g17",
            unheard("acme/ingest-api#12"),
        ),
        github("Noise: GitHub delivers the merge a second time.", "pull_request", "g9", merged()),
        github("Noise: a bot opens a pull request.", "pull_request", "g13", by_bot()),
        github("Noise: Bo, who is on the web team, merges something himself.", "pull_request", "g14", by_member()),
        unsigned("g15", merged()),
    ]
}

/// What a pull request says that closes the issue.
fn of_issue() -> Value {
    json!({ "body": "Moves orders to the v2 schema. Closes #12.", "head": { "ref": "order-v2" } })
}

fn work(action: &str, more: &Value) -> Value {
    pull_request(action, "ana", &merge(of_issue(), more))
}

fn milestone(title: &str, due: &str) -> Value {
    json!({ "title": title, "due_on": format!("{due}T08:00:00Z") })
}

/// An issue, by its number and title.
fn issue(number: u64, title: &str, more: &Value) -> Value {
    let fields = json!({
        "number": number,
        "title": title,
        "html_url": format!("https://github.com/acme/ingest-api/issues/{number}"),
        "state": "open",
        "user": user("caro"),
        "labels": [{ "name": "contract" }],
        "assignees": [],
    });
    merge(fields, more)
}

fn about_issue(action: &str, sender: &str, issue: &Value) -> Value {
    json!({ "action": action, "issue": issue, "repository": repository(), "sender": user(sender) })
}

fn orders(action: &str, more: &Value) -> Value {
    let fields = json!({ "milestone": milestone("v2.0", &day(1)), "body": "Clients need the new order schema." });
    about_issue(action, "caro", &issue(12, "Orders in the v2 schema", &merge(fields, more)))
}

fn assigned() -> Value {
    let body = orders("assigned", &json!({ "assignees": [user("ana")] }));
    merge(body, &json!({ "assignee": user("ana") }))
}

fn postponed() -> Value {
    let later = milestone("v2.1", &day(15));
    let body = orders("milestoned", &json!({ "assignees": [user("ana")], "milestone": later }));
    merge(body, &json!({ "milestone": later }))
}

fn closed(reason: &str) -> Value {
    let ended = json!({ "state": "closed", "state_reason": reason, "assignees": [user("ana")] });
    merge(orders("closed", &ended), &json!({ "sender": user("ana") }))
}

const SUB_ISSUE: &str = "Move old orders to the v2 schema";

fn sub_issue() -> Value {
    json!({
        "action": "parent_issue_added",
        "sub_issue": issue(13, SUB_ISSUE, &json!({})),
        "parent_issue": issue(12, "Orders in the v2 schema", &json!({})),
        "parent_issue_repo": repository(),
        "repository": repository(),
        "sender": user("caro"),
    })
}

fn elsewhere() -> Value {
    let page = "https://github.com/acme/backfill/pull/7";
    let more = json!({ "number": 7, "title": "Rewrite old orders", "user": user("caro"), "draft": true, "labels": [],
        "body": "Fixes acme/ingest-api#13", "html_url": page, "head": { "ref": "old-orders" } });
    let there =
        json!({ "full_name": "acme/backfill", "private": false, "html_url": "https://github.com/acme/backfill" });
    merge(pull_request("opened", "caro", &more), &json!({ "repository": there }))
}

fn given_up() -> Value {
    let ended = json!({ "state": "closed", "state_reason": "not_planned" });
    about_issue("closed", "caro", &issue(13, SUB_ISSUE, &ended))
}
