//! Conditions whose truth is known elsewhere, or only later.

use serde_json::{Value, json};

use crate::support::{Service, merged, pull_request, states, ticket};

fn team(rule: &str) -> String {
    let head = "team = \"web\"\nmembers = [\"bo\"]\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n";
    format!("{head}[[rule]]\nname = \"r\"\n{rule}\n")
}

fn in_review(component: &str) -> Value {
    let mut body = ticket("In Review", "indeterminate", json!([]));
    body["issue"]["fields"]["components"] = json!([{ "name": component }]);
    body
}

#[tokio::test]
async fn a_merge_is_news_by_what_jira_told_of_its_ticket() {
    let rule = "on = [\"pull_request.merged\"]\ncomponent = [\"Ingest\"]\nticket_status = [\"in review\"]";
    let service = Service::started(&team(rule), "").await;
    let unknown = service.github_settled("pull_request", "d-1", &merged(1)).await;
    assert_eq!(unknown[0]["reason"], "no rule matched; not all was known: nothing is known of DATA-123 yet");
    service.jira_settled("j-1", &in_review("Web")).await;
    let other = service.github_settled("pull_request", "d-2", &merged(2)).await;
    assert_eq!(other[0]["reason"], "no rule matched");
    service.jira_settled("j-2", &in_review("Ingest")).await;
    assert_eq!(states(&service.github_settled("pull_request", "d-3", &merged(3)).await), ["sent"]);
}

#[tokio::test]
async fn what_the_ticket_is_by_then_decides_when_it_is_due() {
    let rule = "on = [\"pull_request.merged\"]\nsettle = \"2s\"\ncomponent = [\"Ingest\"]";
    let service = Service::started(&team(rule), "").await;
    service.jira_settled("j-1", &in_review("Ingest")).await;
    service.github("pull_request", "d-1", &merged(1)).await;
    let mut moved = in_review("Web");
    moved["issue"]["fields"]["updated"] = json!("2030-01-01T10:00:00.000+0000");
    service.jira("j-2", &moved).await;
    let lines = service.settled("d-1").await;
    assert_eq!(states(&lines), ["suppressed"]);
    assert_eq!(lines[0]["reason"], "no longer so: component is `Web`, not Ingest");
}

#[tokio::test]
async fn a_ticket_key_and_a_reviewer_that_come_late_are_not_too_late() {
    let rule = "on = [\"pull_request.opened\"]\nticket = [\"OPS-*\"]\nreviewer = [\"li\"]\nbody = \"(?i)breaking\"";
    let service = Service::started(&team(rule), "").await;
    let with = |action: &str, reviewers: Value, title: &str, body: &str| {
        let more = json!({ "title": title, "body": body, "requested_reviewers": reviewers, "requested_teams": [] });
        pull_request(action, 7, more)
    };
    let opened = with("opened", json!([]), "Add it", "");
    let lines = service.github_settled("pull_request", "d-1", &opened).await;
    assert_eq!(lines[0]["reason"], "no rule matched");
    let asked = with("review_requested", json!([{ "login": "li" }]), "Add it", "BREAKING");
    assert_ne!(states(&service.github_settled("pull_request", "d-2", &asked).await), ["sent"]);
    let edited = with("edited", json!([{ "login": "li" }]), "OPS-7: add it", "BREAKING");
    let lines = service.github_settled("pull_request", "d-3", &edited).await;
    assert_eq!((states(&lines), &lines[0]["kind"]), (vec!["sent"], &json!("pull_request.opened")));
}

#[tokio::test]
async fn a_push_is_news_by_its_files() {
    let rule = "on = [\"push\"]\npaths = [\"schemas/**\", \"!schemas/test/**\"]";
    let service = Service::started(&team(rule), "").await;
    let push = |files: Value| {
        json!({
            "ref": "refs/heads/main", "after": "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
            "repository": { "full_name": "acme/ingest-api", "private": true },
            "commits": [{ "message": "Ids", "added": [], "modified": files, "removed": [] }],
            "sender": { "login": "ana", "type": "User" },
        })
    };
    let tests = service.github_settled("push", "d-1", &push(json!(["README.md", "schemas/test/a.json"]))).await;
    assert_eq!(tests[0]["reason"], "no rule matched");
    assert_eq!(states(&service.github_settled("push", "d-2", &push(json!(["schemas/a.json"]))).await), ["sent"]);
}

fn workflow(branch: &str, number: u64) -> Value {
    json!({
        "action": "completed",
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "workflow": { "id": 1, "name": "CI" },
        "workflow_run": {
            "id": number, "name": "CI", "event": "push", "conclusion": "failure", "head_branch": branch,
            "head_sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "pull_requests": [],
            "actor": { "login": "ana", "type": "User" },
        },
        "sender": { "login": "ana", "type": "User" },
    })
}

#[tokio::test]
async fn ci_failed_on_main_is_one_rule() {
    let service = Service::started(&team("on = [\"workflow.failed\"]\nbranch = [\"main\"]"), "").await;
    let other = service.github_settled("workflow_run", "d-1", &workflow("feature/main", 1)).await;
    assert_eq!(states(&other), ["suppressed"]);
    assert_eq!(states(&service.github_settled("workflow_run", "d-2", &workflow("main", 2)).await), ["sent"]);
    let pull = team("on = [\"workflow.failed\", \"pull_request.merged\"]\nbranch = [\"main\"]");
    service.write("rules/team.toml", &pull);
    let (code, _, err) = service.run(&["check"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("use `base` or `head`"), "{err}");
}

#[tokio::test]
async fn a_rule_that_hears_next_to_nothing_is_fine_and_told() {
    let service = Service::new(&team("on = [\"release.published\"]\nauthor = [\"ana\"]"), "");
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("warning: most releases are published by a bot") && out.contains(": web/r"), "{out}");
    service.write("rules/team.toml", &team("on = [\"ticket.*\"]\nrestricted = true"));
    let (code, out, _) = service.run(&["check"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("note: web/r has `restricted = true`"), "{out}");
    service.write("rules/team.toml", &team("on = [\"push\"]\nbranch = [\"main\"]"));
    let (_, out, _) = service.run(&["check"]).await;
    assert!(!out.contains("warning:"), "{out}");
}

#[tokio::test]
async fn explain_says_by_which_value_a_rule_matches() {
    let service = Service::new(&team("on = [\"push\"]\npaths = [\"schemas/**\"]\nbranch = [\"main\"]"), "");
    let push = json!({
        "ref": "refs/heads/main", "after": "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        "repository": { "full_name": "acme/ingest-api", "private": true },
        "commits": [{ "message": "Ids", "added": [], "modified": ["a.md", "schemas/a.json"], "removed": [] }],
        "sender": { "login": "ana", "type": "User" },
    });
    service.write("push.json", &push.to_string());
    let explain = ["explain", "--source", "github", "--event", "push", "push.json"];
    let (_, out, _) = service.run(&explain).await;
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let by = "the event is push; branch is `main`; file `schemas/a.json` matches schemas/**";
    assert!(words.contains(&format!("yes web / r: matches {by}")), "{out}");
    let (_, out, _) = service.run(&[&explain[..], &["--json"]].concat()).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["rules"][0]["because"], by);
}
