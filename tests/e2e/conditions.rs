//! Conditions whose truth is known elsewhere, or only later.

use serde_json::{Value, json};

use crate::jira_api::Api;
use crate::support::{Service, eventually, merged, pull_request, read_mail, states, ticket};

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

/// A site on Cloud that calls its fields by these names.
async fn site() -> Api {
    Api::new(|asked| match asked.line.split('?').next().unwrap() {
        "GET /rest/api/3/field" => {
            let field =
                |id: &str, name: &str| json!({ "id": id, "name": name, "custom": true, "schema": { "type": "any" } });
            (
                200,
                json!([
                    field("customfield_7", "Severity"),
                    field("customfield_8", "Target end"),
                    field("duedate", "Due")
                ]),
            )
        }
        "GET /rest/api/3/issue/DATA-123" => {
            let fields = json!({ "summary": "Orders", "customfield_7": { "value": "High" },
                                 "updated": "2025-12-29T09:20:00.000+0000" });
            (200, json!({ "id": "10042", "key": "DATA-123", "fields": fields }))
        }
        _ => (404, json!({ "errorMessages": ["There is nothing"] })),
    })
    .await
}

fn of_site(api: &Api) -> String {
    format!("base_url = \"{}\"\nuser = \"bot@acme.example\"\ntoken = \"hunter2\"\n", api.url)
}

#[tokio::test]
async fn a_field_is_called_by_its_name_once_jira_tells_that() {
    let rule =
        "on = [\"ticket.updated\", \"pull_request.merged\"]\nfield.\"severity\" = [\"High\"]\nparent = [\"DATA-1\"]";
    let ticket = |severity: &str| {
        let mut body = ticket("In Progress", "indeterminate", json!([{ "fieldId": "labels", "toString": severity }]));
        let more = json!({ "customfield_7": { "value": severity }, "parent": { "key": "DATA-1" } });
        body["issue"]["fields"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let nameless = Service::started(&team(rule), "").await;
    let lines = nameless.jira_settled("f-0", &ticket("High")).await;
    let unknown = "no rule matched; not all was known: the ticket's field `severity` is not known";
    assert_eq!(lines[0]["reason"], unknown);
    let (_, out, _) = nameless.run(&["check"]).await;
    assert!(out.contains("note: without access to Jira's API, its fields can only be called by their ids"), "{out}");

    let jira = site().await;
    let mut service = Service::new(&team(rule), "");
    service.configure("jira", &of_site(&jira));
    service.start().await;
    assert_eq!(states(&service.jira_settled("f-1", &ticket("High")).await), ["sent"]);
    assert_eq!(service.jira_settled("f-2", &ticket("Low")).await[0]["reason"], "no rule matched");
    let (_, out, _) = service.run(&["check"]).await;
    assert!(!out.contains("called by its id"), "{out}");
    // A rule that is loaded later asks for another field.
    service.write("rules/team.toml", &team(&rule.replace("severity", "Nonsense")));
    eventually("the name is looked up", async || {
        service.log().contains("Jira has no field of this name").then_some(())
    })
    .await;
    let more = "[[rule]]\nname = \"other\"\non = [\"push\"]";
    let by_id = format!("on = [\"pull_request.merged\"]\nfield.customfield_7 = [\"High\"]\n{more}");
    service.write("rules/team.toml", &team(&by_id));
    service.loaded(|entry| entry["rules"] == 2 && entry["problems"] == 0).await;
    let mut asked = merged(9);
    asked["pull_request"]["body"] = json!("For DATA-123.");
    // What was known of the ticket did not hold that field yet.
    let lines = service.github_settled("pull_request", "f-3", &asked).await;
    assert_eq!(
        lines[0]["reason"],
        "no rule matched; not all was known: the ticket's field `customfield_7` is not known"
    );
    service.jira_settled("f-4", &ticket("High")).await;
    asked["pull_request"]["number"] = json!(10);
    assert_eq!(states(&service.github_settled("pull_request", "f-5", &asked).await), ["sent"]);
}

#[tokio::test]
async fn a_ticket_that_jira_is_asked_for_comes_with_its_fields() {
    let jira = site().await;
    let mut service = Service::new(&team("on = [\"pull_request.merged\"]\nfield.Severity = [\"High\"]"), "");
    service.configure("jira", &of_site(&jira));
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "a-1", &merged(1)).await), ["sent"]);
    let asked = jira.asked().into_iter().find(|asked| asked.line.contains("/issue/DATA-123")).unwrap();
    assert!(asked.line.ends_with(",parent,updated,customfield_7"), "{}", asked.line);
}

#[tokio::test]
async fn a_due_date_is_where_the_site_has_it() {
    let jira = site().await;
    let mut service = Service::new(&team("on = [\"ticket.slipped\", \"ticket.pulled_in\"]"), "");
    service.configure("jira", &format!("{}due = [\"Target end\"]\n", of_site(&jira)));
    let (_, out, err) = service.run(&["check"]).await;
    assert!(!out.contains("[jira] due"), "{out}{err}");
    service.start().await;
    let item = json!({ "field": "Target end", "fieldtype": "custom", "fieldId": "customfield_8", "from": "2030-01-10", "to": "2030-01-20" });
    let mut body = ticket("In Progress", "indeterminate", json!([item]));
    body["issue"]["fields"]["customfield_8"] = json!("2030-01-20");
    body["issue"]["fields"]["duedate"] = json!("2030-01-05");
    let lines = service.jira_settled("d-1", &body).await;
    assert_eq!((states(&lines), &lines[0]["kind"]), (vec!["sent"], &json!("ticket.slipped")));
    let text = read_mail(&service.mails()[0]).body_text(0).unwrap().into_owned();
    assert!(text.contains("moved the due date from Thu 10 Jan 2030 to Sun 20 Jan 2030"), "{text}");

    let nameless = Service::new(&team("on = [\"ticket.slipped\"]"), "");
    nameless.configure("jira", "due = [\"Target end\"]\n");
    let (code, out, _) = nameless.run(&["check"]).await;
    assert!(
        code == 0 && out.contains("note: without access to Jira's API, the ids of these fields in `[jira] due`"),
        "{out}"
    );
}
