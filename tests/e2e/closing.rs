//! The issues that a pull request closes, as far as only GitHub's API knows of them.

use serde_json::{Value, json};

use crate::enrich::{Api, Pages};
use crate::support::{Service, merged, pull_request, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "work"
on = ["pull_request.merged", "ticket.started"]
ticket = ["acme/ingest-api#*"]
ticket_labels = ["contract"]
"#;

const ISSUE: &str = "/repos/acme/ingest-api/issues/12";

/// An issue as GitHub's API writes it.
fn issue(more: Value) -> (u16, Value) {
    let mut issue = json!({
        "number": 12, "title": "Orders in the v2 schema", "html_url": "https://github.com/acme/ingest-api/issues/12",
        "state": "open", "labels": [{ "name": "contract" }], "assignees": [], "body": null,
        "repository_url": "https://api.github.com/repos/acme/ingest-api", "updated_at": "2026-11-20T09:00:00Z",
    });
    for (key, value) in more.as_object().unwrap() {
        issue[key] = value.clone();
    }
    (200, issue)
}

/// What GitHub answers when it is asked which issues a pull request closes.
fn linked(issues: Value) -> (u16, Value) {
    (200, json!({ "data": { "repository": { "pullRequest": { "closingIssuesReferences": { "nodes": issues } } } } }))
}

fn saying(payload: Value, text: &str) -> Value {
    let mut payload = payload;
    payload["pull_request"]["body"] = json!(text);
    payload
}

fn subject(service: &Service) -> String {
    read_mail(&service.mails()[0]).subject().unwrap().to_owned()
}

#[tokio::test]
async fn an_issue_that_no_webhook_told_of_is_asked_for_once() {
    let api = Api::new(Pages::from([(ISSUE, issue(json!({})))])).await;
    let service = Service::started(TEAM, &api.github()).await;
    let opened = saying(pull_request("opened", 7, json!({ "draft": true })), "Closes #12");
    let lines = service.github_settled("pull_request", "c-1", &opened).await;
    assert_eq!(lines.iter().find(|line| line["kind"] == "ticket.started").unwrap()["state"], "sent", "{lines:?}");
    let merge = saying(merged(7), "Closes #12");
    assert_eq!(states(&service.github_settled("pull_request", "c-2", &merge).await), ["sent"]);
    assert_eq!(subject(&service), "acme/ingest-api#12: Orders in the v2 schema");
    assert_eq!(api.asked().iter().filter(|asked| *asked == ISSUE).count(), 1, "{:?}", api.asked());
}

#[tokio::test]
async fn what_is_no_issue_or_not_told_stays_unknown() {
    let pull = issue(json!({ "pull_request": { "html_url": "https://github.com/acme/ingest-api/pull/12" } }));
    let commits = ("/repos/acme/ingest-api/pulls/7/commits?per_page=100", (200, json!([])));
    for mut pages in [Pages::from([(ISSUE, pull)]), Pages::new()] {
        pages.extend([commits.clone()]);
        let api = Api::new(pages).await;
        let service = Service::started(TEAM, &api.github()).await;
        for delivery in ["c-1", "c-2"] {
            let merge = saying(merged(7), "Closes #12");
            let lines = service.github_settled("pull_request", delivery, &merge).await;
            assert_eq!(states(&lines), ["suppressed"]);
            let reason = lines[0]["reason"].as_str().unwrap();
            assert!(reason.contains("nothing is known of acme/ingest-api#12 yet"), "{reason}");
        }
        assert_eq!(api.asked().iter().filter(|asked| *asked == ISSUE).count(), 1, "{:?}", api.asked());
    }
}

#[tokio::test]
async fn an_issue_that_was_linked_by_hand_counts() {
    let nodes = json!([null, { "number": 12, "repository": { "nameWithOwner": "acme/ingest-api" } }]);
    let api = Api::new(Pages::from([(ISSUE, issue(json!({}))), ("/graphql", linked(nodes))])).await;
    let service = Service::started(TEAM, &api.github()).await;
    assert_eq!(states(&service.github_settled("pull_request", "c-1", &saying(merged(7), "")).await), ["sent"]);
    assert_eq!(subject(&service), "acme/ingest-api#12: Orders in the v2 schema");
    // A keyword says enough.
    let asked = |path: &str| api.asked().iter().filter(|asked| *asked == path).count();
    service.github_settled("pull_request", "c-2", &saying(merged(8), "Closes #12")).await;
    assert_eq!(asked("/graphql"), 1);
}

#[tokio::test]
async fn without_an_answer_rules_work_with_what_is_said() {
    for answer in
        [linked(Value::Null), linked(json!([])), (200, json!({ "data": null, "errors": [{ "message": "no" }] }))]
    {
        let api = Api::new(Pages::from([("/graphql", answer)])).await;
        let rule = TEAM.replace("ticket = [\"acme/ingest-api#*\"]\nticket_labels = [\"contract\"]", "");
        let service = Service::started(&rule, &api.github()).await;
        assert_eq!(states(&service.github_settled("pull_request", "c-1", &saying(merged(7), "")).await), ["sent"]);
    }
}
