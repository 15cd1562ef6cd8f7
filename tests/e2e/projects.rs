//! GitHub's projects: what they say of issues is news as of tickets.

use serde_json::{Value, json};

use crate::enrich::{Api, Pages, TOKEN};
use crate::support::{Service, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "work"
on = ["ticket.*"]
[[rule]]
name = "urgent"
on = ["issue.commented"]
ticket_status = ["In Progress"]
[[rule]]
name = "severe"
on = ["issue.commented"]
sprint = ["Sprint 4"]
field."Severity" = ["High"]
"#;

/// What happens to an issue, in GitHub's documented shape.
fn issue(action: &str) -> Value {
    json!({
        "action": action,
        "issue": {
            "node_id": "I_kwDOCG5vGM5La0aB", "number": 12, "title": "Reuse order ids",
            "html_url": "https://github.com/acme/api/issues/12", "state": "open", "labels": [], "assignees": [],
            "user": { "login": "ana", "type": "User" }, "body": "They run out.",
            "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z",
        },
        "repository": { "full_name": "acme/api", "private": false, "html_url": "https://github.com/acme/api" },
        "organization": { "login": "acme" },
        "sender": { "login": "ana", "type": "User", "html_url": "https://github.com/ana" },
    })
}

/// A change of a project's field, in GitHub's documented shape.
fn moved(minute: u8, (field, kind): (&str, &str), from: Value, to: Value) -> Value {
    json!({
        "action": "edited",
        "projects_v2_item": {
            "id": 5_678_510, "node_id": "PVTI_lADOAWcTxs07G84AVqWu", "project_node_id": "PVT_kwDOAWcTxs07Gw",
            "content_node_id": "I_kwDOCG5vGM5La0aB", "content_type": "Issue", "archived_at": null,
            "created_at": "2026-11-20T09:00:00Z", "updated_at": format!("2026-11-20T10:{minute:02}:00Z"),
        },
        "changes": { "field_value": {
            "field_node_id": format!("PVTF_{field}").replace(' ', "_"), "field_type": kind, "field_name": field,
            "project_number": 7, "from": from, "to": to,
        } },
        "organization": { "login": "acme", "url": "https://api.github.com/orgs/acme" },
        "sender": { "login": "bo", "type": "User", "html_url": "https://github.com/bo" },
    })
}

fn option(name: &str) -> Value {
    json!({ "id": "98236657", "name": name, "color": "GREEN", "description": "" })
}

fn status(minute: u8, from: &str, to: &str) -> Value {
    moved(minute, ("Status", "single_select"), option(from), option(to))
}

fn iteration(title: &str, start: &str) -> Value {
    json!({ "id": "cfc16e4d", "title": title, "duration": 14, "start_date": start, "completed": false })
}

fn date(day: &str) -> Value {
    json!(format!("{day}T00:00:00+00:00"))
}

/// The kinds that a team heard of.
fn kinds(lines: &[Value]) -> Vec<String> {
    lines.iter().map(|line| format!("{} {}", line["kind"].as_str().unwrap(), line["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_a_project_says_of_an_issue_is_told_as_of_a_ticket() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("issues", "i-1", &issue("opened")).await;
    let table = [
        (status(1, "Todo", "In Progress"), "ticket.started sent"),
        (status(2, "In Progress", "In Review"), "ticket.transitioned sent"),
        (moved(3, ("Target date", "date"), Value::Null, date("2026-12-01")), "ticket.updated sent"),
        (moved(4, ("Target date", "date"), date("2026-12-01"), date("2026-12-09")), "ticket.slipped sent"),
        (moved(5, ("Target date", "date"), date("2026-12-09"), date("2026-12-08")), "ticket.pulled_in sent"),
        (moved(6, ("Start date", "date"), date("2026-11-23"), date("2026-11-25")), "ticket.slipped sent"),
        (
            moved(7, ("Sprint", "iteration"), iteration("Sprint 3", "2026-11-16"), iteration("Sprint 4", "2026-11-30")),
            "ticket.slipped sent",
        ),
        (moved(8, ("Estimate", "number"), json!(3), json!(5)), "ticket.updated sent"),
        (moved(9, ("Risk <b>", "text"), Value::Null, json!("[x](http://evil.example)")), "ticket.updated sent"),
        (status(10, "In Review", "Done"), "ticket.done sent"),
    ];
    for (at, (body, expected)) in table.iter().enumerate() {
        let lines = service.github_settled("projects_v2_item", &format!("p-{at}"), body).await;
        assert_eq!(kinds(&lines), [*expected], "{body}");
        assert_eq!((&lines[0]["subject"], &lines[0]["thread"]), (&json!("acme/api#12"), &json!("acme/api#12")));
    }
    let mails = service.mails();
    let texts = mails.iter().map(|raw| {
        let mail = read_mail(raw);
        let text = mail.body_text(0).unwrap();
        format!("{}\n{}", mail.subject().unwrap(), text.split("\n\n").next().unwrap())
    });
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn conditions_know_what_a_project_says() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("issues", "i-1", &issue("opened")).await;
    let mut comment = issue("created");
    comment["comment"] = json!({ "id": 1, "body": "Now?", "user": { "login": "bo", "type": "User" } });
    for (at, (to, heard)) in [("Todo", false), ("In Progress", true), ("Done", false)].into_iter().enumerate() {
        let from = if to == "Todo" { "Backlog" } else { "Todo" };
        let minute = u8::try_from(at).unwrap();
        service.github_settled("projects_v2_item", &format!("p-{at}"), &status(minute, from, to)).await;
        let lines = say(&service, &mut comment, at).await;
        assert_eq!(
            lines.iter().any(|line| line["rule"] == "urgent" && line["state"] == "sent"),
            heard,
            "{to}: {lines:?}"
        );
    }
    let (severity, sprint) = (("Severity", "single_select"), ("Sprint", "iteration"));
    let planned = moved(11, sprint, Value::Null, iteration("Sprint 4", "2026-11-30"));
    service.github_settled("projects_v2_item", "p-sprint", &planned).await;
    for (at, from, to, heard) in [(12, "Low", "High", true), (13, "High", "Low", false)] {
        let changed = moved(at, severity, option(from), option(to));
        service.github_settled("projects_v2_item", &format!("p-{at}"), &changed).await;
        let lines = say(&service, &mut comment, at.into()).await;
        assert_eq!(
            lines.iter().any(|line| line["rule"] == "severe" && line["state"] == "sent"),
            heard,
            "{to}: {lines:?}"
        );
    }
}

/// Another comment on the issue, and what became of it.
async fn say(service: &Service, comment: &mut Value, id: usize) -> Vec<Value> {
    comment["comment"]["id"] = json!(id + 1);
    service.github_settled("issue_comment", &format!("c-{id}"), comment).await
}

#[tokio::test]
async fn what_a_project_tells_twice_or_late_is_told_once() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("issues", "i-1", &issue("opened")).await;
    let begun = status(1, "Todo", "In Progress");
    assert_eq!(kinds(&service.github_settled("projects_v2_item", "p-1", &begun).await), ["ticket.started sent"]);
    let again = service.github_settled("projects_v2_item", "p-2", &begun).await;
    assert_eq!(kinds(&again), ["ticket.transitioned suppressed"], "another hook tells it too");
    let done = status(3, "In Review", "Done");
    assert_eq!(kinds(&service.github_settled("projects_v2_item", "p-3", &done).await), ["ticket.done sent"]);
    let late = service.github_settled("projects_v2_item", "p-4", &status(2, "Todo", "In Progress")).await;
    assert_eq!(kinds(&late), ["ticket.started suppressed"], "it came late: {late:?}");
    assert_eq!(service.mails().len(), 3, "with the one that it was created");
    let cleared = moved(5, ("Status", "single_select"), option("Done"), Value::Null);
    assert_eq!(kinds(&service.github_settled("projects_v2_item", "p-5", &cleared).await), ["ticket.transitioned sent"]);
    let done = status(6, "In Progress", "Done");
    assert_eq!(kinds(&service.github_settled("projects_v2_item", "p-6", &done).await), ["ticket.done sent"]);
}

#[tokio::test]
async fn what_is_no_issue_of_ours_is_ignored_with_a_reason() {
    let service = Service::started(TEAM, "").await;
    let with = |path: &str, value: Value| {
        let mut body = status(1, "Todo", "In Progress");
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let table = [
        (status(1, "Todo", "In Progress"), "a project tells of an issue that no webhook has told of yet"),
        (
            with("/projects_v2_item/content_type", json!("DraftIssue")),
            "a project's field was changed for a draft that isn't an issue yet",
        ),
        (
            with("/projects_v2_item/content_type", json!("PullRequest")),
            "a project's field was changed for a pull request, not an issue",
        ),
        (
            with("/changes/field_value/field_name", Value::Null),
            "the payload has no usable `changes.field_value.field_name`",
        ),
        (with("/action", json!("archived")), "`projects_v2_item.archived` is not something rules can ask for"),
    ];
    for (at, (body, reason)) in table.iter().enumerate() {
        assert_eq!(service.github("projects_v2_item", &format!("p-{at}"), body).await.status, 202);
        let lines = service.settled(&format!("p-{at}")).await;
        assert_eq!((states(&lines), lines[0]["reason"].as_str()), (vec!["ignored"], Some(*reason)));
    }
    assert!(service.mails().is_empty());
}

#[tokio::test]
async fn projects_can_have_other_fields() {
    let project =
        "[github.project.\"Acme/7\"]\nstatus = \"Phase\"\ndue = \"Ship by\"\ntodo = [\"Idea\"]\ndone = [\"Live\"]\n";
    let service = Service::started(TEAM, project).await;
    service.github_settled("issues", "i-1", &issue("opened")).await;
    let phase = |minute, from, to| moved(minute, ("Phase", "single_select"), option(from), option(to));
    let table = [
        (phase(1, "Live", "Idea"), "ticket.transitioned sent"),
        (phase(2, "Idea", "Todo"), "ticket.started sent"),
        (phase(3, "Todo", "Live"), "ticket.done sent"),
        (moved(4, ("Ship by", "date"), date("2026-12-01"), date("2026-12-02")), "ticket.slipped sent"),
        (status(5, "Todo", "Done"), "ticket.updated sent"),
    ];
    for (at, (body, expected)) in table.iter().enumerate() {
        let lines = service.github_settled("projects_v2_item", &format!("p-{at}"), body).await;
        assert_eq!(kinds(&lines), [*expected], "{body}");
    }
    let mut other = phase(6, "Idea", "Live");
    other["changes"]["field_value"]["project_number"] = json!(8);
    service.github("projects_v2_item", "p-other", &other).await;
    let lines = service.settled("p-other").await;
    assert_eq!(lines[0]["reason"], "the configuration doesn't name the project acme/8");
}

#[tokio::test]
async fn an_issue_that_no_webhook_told_of_is_asked_for() {
    let values = json!([
        null,
        {},
        { "text": "In Progress", "field": { "name": "Status" } },
        { "date": "2026-12-24", "field": { "name": "Target date" } },
        { "iteration": "Sprint 4", "field": { "name": "Sprint" } },
        { "text": "High", "field": { "name": "Severity" } },
        { "number": 3.0, "field": { "name": "Estimate" } },
    ]);
    let node = json!({ "data": { "node": {
        "number": 12,
        "repository": { "full_name": "acme/api", "html_url": "https://github.com/acme/api", "private": false },
        "projectItems": { "nodes": [
            { "project": { "number": 7, "owner": { "login": "acme" } }, "fieldValues": { "nodes": values } },
        ] },
    } } });
    let pages = Pages::from([
        ("/graphql", (200, node)),
        ("/repos/acme/api/issues/12", (200, issue("opened")["issue"].clone())),
    ]);
    let api = Api::new(pages).await;
    let more = format!("token = \"{TOKEN}\"\napi_url = \"{}\"\n", api.url);
    let service = Service::started(TEAM, &more).await;
    let lines = service.github_settled("projects_v2_item", "p-1", &status(1, "Todo", "In Progress")).await;
    assert_eq!(kinds(&lines), ["ticket.started sent"]);
    let mails = service.mails();
    let text = read_mail(&mails[0]).body_text(0).unwrap().into_owned();
    assert!(text.contains("Reuse order ids") && text.contains("24"), "{text}");
    let lines = service.github_settled("projects_v2_item", "p-2", &status(2, "In Progress", "Done")).await;
    assert_eq!(kinds(&lines), ["ticket.done sent"]);
    let mut comment = issue("created");
    comment["comment"] = json!({ "id": 1, "body": "Now?", "user": { "login": "bo", "type": "User" } });
    let lines = say(&service, &mut comment, 1).await;
    assert!(lines.iter().any(|line| line["rule"] == "severe" && line["state"] == "sent"), "{lines:?}");
    assert_eq!(api.asked(), ["/graphql", "/repos/acme/api/issues/12"], "once");
}
