//! What does not hold any more once its update is due.

use serde_json::json;

use super::payload::*;
use super::story::{on, play, serve, sibling, tell, web};

fn approved(number: u64) -> Post {
    review(number, number, "approved", None)
}

fn dismissed(number: u64) -> Post {
    review(number, number, "dismissed", None).with(json!({ "pull_request": { "updated_at": time(12) } }))
}

#[tokio::test]
async fn an_approval_that_is_gone_is_not_told() {
    let twice = review(53, 530, "changes_requested", Some("Not with column 53.")).with(json!({
        "review": { "submitted_at": time(12) }, "pull_request": { "updated_at": time(12) },
    }));
    let head = json!({ "pull_request": { "head": { "sha": sha(99) }, "updated_at": time(12) } });
    let other = json!({ "review": { "user": user("cy") }, "sender": user("cy") });
    let siblings = [
        sibling("dismissed", [approved(51), pushed(51, 11), dismissed(51)])
            .messages(0, "schema 51")
            .because(0, "dismissed"),
        sibling("closed", [approved(52), closed(52, false, 12)]).messages(0, "schema 52").because(0, "closed"),
        sibling("thought-better-of", [approved(53), twice]).messages(1, "schema 53").says("column 53"),
        sibling("for-older-commits", [approved(54), pushed(54, 12)]).messages(0, "schema 54").because(0, "commit"),
        sibling("dismissed-at-once", [approved(55), dismissed(55)]).messages(0, "schema 55").because(0, "dismissed"),
        sibling("dismissed-first", [dismissed(56), approved(56)]).messages(0, "schema 56").because(1, "dismissed"),
        sibling(
            "changes-not-asked-for-any-more",
            [review(57, 57, "changes_requested", Some("Column 57?")), dismissed(57)],
        )
        .messages(0, "schema 57")
        .because(0, "dismissed"),
        sibling("of-somebody-else", [approved(58), review(58, 580, "dismissed", None).with(other)])
            .messages(1, "schema 58"),
        sibling(
            "of-these-commits",
            [approved(60).with(head.clone()).with(json!({ "review": { "commit_id": sha(99) } }))],
        )
        .messages(1, "schema 60"),
        sibling("stays", [approved(61)]).messages(1, "schema 61"),
    ];
    tell(&[web("10s", &on(&["pull_request.approved", "pull_request.changes_requested"]))], &siblings).await;
}

#[tokio::test]
async fn what_is_taken_off_or_back_is_not_told() {
    let asks = |number, action, minute, who: &[&str]| {
        let reviewers = json!({ "requested_reviewers": users(who) });
        pull(number, action, minute, json!({ "requested_reviewer": user("cy"), "pull_request": reviewers }))
    };
    let label = |number, action, minute, labels: &[&str]| {
        let more = json!({ "label": { "name": "contract" }, "pull_request": { "labels": named(labels) } });
        pull(number, action, minute, more)
    };
    let on_issue = |number, action, minute, labels: &[&str]| {
        let more = json!({ "label": { "name": "contract" }, "issue": { "labels": named(labels) } });
        issue(number, action, minute, more)
    };
    let assigns = |number, action, minute, who: &[&str]| {
        let more = json!({ "assignee": user("cy"), "pull_request": { "assignees": users(who) } });
        pull(number, action, minute, more)
    };
    let assigns_issue = |number, action, minute, who: &[&str]| {
        issue(number, action, minute, json!({ "assignee": user("cy"), "issue": { "assignees": users(who) } }))
    };
    let flag = |key, minute, from, to| changed(key, minute, vec![item("Flagged", from, to)], json!({}));
    let linked = |key: &str, minute, from, to| changed(key, minute, vec![item("Link", from, to)], json!({}));
    let due = |key, minute, from: &str, to: &str| {
        changed(key, minute, vec![item("duedate", Some(from), Some(to))], json!({ "duedate": to }))
    };
    let blocks = Some("This issue blocks DATA-900");
    let siblings = [
        sibling(
            "review-request",
            [asks(71, "review_requested", 5, &["cy"]), asks(71, "review_request_removed", 6, &[])],
        )
        .messages(0, "schema 71"),
        sibling("label", [label(72, "labeled", 5, &["contract"]), label(72, "unlabeled", 6, &[])])
            .messages(0, "schema 72"),
        sibling("label-of-an-issue", [on_issue(73, "labeled", 5, &["contract"]), on_issue(73, "unlabeled", 6, &[])])
            .messages(0, "Orders 73"),
        sibling("assignment", [assigns(74, "assigned", 5, &["cy"]), assigns(74, "unassigned", 6, &[])])
            .messages(0, "schema 74"),
        sibling(
            "assignment-of-an-issue",
            [assigns_issue(75, "assigned", 5, &["cy"]), assigns_issue(75, "unassigned", 6, &[])],
        )
        .messages(0, "Orders 75"),
        sibling("flag", [flag("DATA-76", 5, None, Some("Impediment")), flag("DATA-76", 6, Some("Impediment"), None)])
            .messages(0, "DATA-76"),
        sibling("answer", [discussion(77, "answered", 5, json!({})), discussion(77, "unanswered", 6, json!({}))])
            .messages(0, "export 77"),
        sibling("started", [started("DATA-78", 5), moved_to("DATA-78", 6, ("In Progress", "To Do"), "new")])
            .messages(0, "DATA-78"),
        sibling("done", [done("DATA-79", 5), started("DATA-79", 6)]).messages(1, "DATA-79").says("schema 79"),
        sibling("link", [linked("DATA-80", 5, None, blocks), linked("DATA-80", 6, blocks, None)])
            .messages(0, "DATA-80"),
        sibling("date", [due("DATA-81", 5, "2026-02-01", "2026-03-01"), due("DATA-81", 6, "2026-03-01", "2026-02-01")])
            .messages(0, "DATA-81"),
        sibling(
            "version",
            [version(82, "jira:version_released", 5, json!({})), version(82, "jira:version_unreleased", 6, json!({}))],
        )
        .messages(0, "Ingest 82"),
        sibling("off-before-on", [label(83, "unlabeled", 6, &[]), label(83, "labeled", 5, &["contract"])])
            .messages(0, "schema 83"),
        sibling(
            "on-again",
            [
                label(84, "labeled", 5, &["contract"]),
                label(84, "unlabeled", 6, &[]),
                label(84, "labeled", 7, &["contract"]),
            ],
        )
        .messages(1, "schema 84"),
        sibling(
            "issue-transferred-away",
            [
                issue(85, "opened", 5, json!({})),
                issue(
                    85,
                    "transferred",
                    6,
                    json!({ "changes": {
                "new_issue": { "id": 1, "number": 8500, "html_url": "https://github.com/acme/away/issues/8500" },
                "new_repository": { "id": 9, "full_name": "acme/away", "html_url": "https://github.com/acme/away" },
            } }),
                ),
            ],
        )
        .messages(1, "Orders 85"),
        sibling("stays", [label(86, "labeled", 5, &["contract"]), flag("DATA-87", 5, None, Some("Impediment"))])
            .messages(1, "schema 86")
            .messages(1, "DATA-87"),
    ];
    let kinds = [
        "pull_request.review_requested",
        "pull_request.labeled",
        "pull_request.assigned",
        "issue.opened",
        "issue.labeled",
        "issue.assigned",
        "ticket.flagged",
        "ticket.started",
        "ticket.done",
        "ticket.linked",
        "ticket.slipped",
        "discussion.answered",
        "version.released",
    ];
    tell(&[web("10s", &on(&kinds))], &siblings).await;
}

#[tokio::test]
async fn a_deleted_tickets_title_is_not_said_of_its_pull_requests() {
    let titled = json!({ "issue": { "fields": { "summary": "Salaries leak" } } });
    let of_ticket = |number, key: &str| {
        pull(number, "opened", 20, json!({ "pull_request": { "head": { "ref": format!("{key}-mend") } } }))
    };
    let deleted = |key| ticket(key, "jira:issue_deleted", 15, titled.clone());
    let siblings = [
        sibling("stays", [started("DATA-91", 5).with(titled.clone()), settled(), of_ticket(91, "DATA-91")])
            .messages(1, "schema 91"),
        sibling(
            "while-it-waits",
            [started("DATA-92", 5).with(titled.clone()), of_ticket(92, "DATA-92"), deleted("DATA-92")],
        )
        .messages(1, "schema 92"),
        sibling("before", [started("DATA-93", 5).with(titled.clone()), deleted("DATA-93"), of_ticket(93, "DATA-93")])
            .messages(1, "schema 93"),
        sibling(
            "heard-of-late",
            [deleted("DATA-94"), started("DATA-94", 5).with(titled.clone()), of_ticket(94, "DATA-94")],
        )
        .messages(1, "schema 94"),
    ];
    let service = serve(&[web("10s", &on(&["pull_request.opened"]))]).await;
    let mut told = play(&service, &siblings).await;
    for (number, says) in [(91, true), (92, false), (93, false), (94, false)] {
        let mails = told.with(&format!("schema {number}"));
        let said = mails.iter().any(|mail| format!("{} {}", mail.subject, mail.text).contains("Salaries"));
        told.unless(said == says, format!("the title of DATA-{number} is said: {said}"));
    }
    told.finish();
}
