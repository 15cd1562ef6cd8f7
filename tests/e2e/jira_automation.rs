//! Jira's Automation rules instead of a webhook: what `jira setup --automation` prints is filled in as Jira does, and sent.

use serde_json::{Value, json};

use crate::support::{Answer, SECRET, Service, answer, read_mail, states, ticket};

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"all\"\non = [\"ticket.*\", \"note.*\"]\n";

/// What smart values stand for: the work item, who changed it, and what a test adds.
fn values(more: Value) -> Value {
    let mut values = json!({
        "baseUrl": "https://acme.atlassian.net", "now": "2026-03-02T10:00:05.0+0000",
        "initiator": { "accountId": "5b10a2", "displayName": "Ana \"A\" Silva" },
        "issue": {
            "id": 10042, "key": "DATA-123", "summary": "Orders in the \"v2\" schema\\", "project": { "key": "DATA" },
            "status": { "name": "Doing", "statusCategory": { "key": "indeterminate" } },
            "issueType": { "name": "Story" }, "labels": ["contract", "api"], "components": [{ "name": "Ingest" }],
            "fixVersions": [], "updated": "2026-03-02T10:00:00.0+0000", "duedate": "2026-03-20",
        },
    });
    for (key, value) in more.as_object().unwrap() {
        match value {
            Value::Object(fields) if values[key].is_object() => {
                values[key].as_object_mut().unwrap().extend(fields.clone())
            }
            value => values[key] = value.clone(),
        }
    }
    values
}

/// A smart value: what it stands for, with the function at its end; an empty text where there is nothing.
fn smart(path: &str, values: &Value) -> String {
    let path = path.strip_suffix(".jiraDateTime").or_else(|| path.strip_suffix(".jiraDate")).unwrap_or(path);
    let (path, encoded) = path.strip_suffix(".jsonEncode").map_or((path, false), |path| (path, true));
    let text = match found(path, values) {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let quoted = json!(text).to_string();
    if encoded { quoted[1..quoted.len() - 1].to_owned() } else { text }
}

fn found<'v>(path: &str, values: &'v Value) -> &'v Value {
    path.split('.').filter(|part| !part.is_empty()).fold(values, |value, part| &value[part])
}

/// A text with smart values, as Jira fills it in.
fn filled(text: &str, values: &Value) -> String {
    let Some((before, rest)) = text.split_once("{{") else { return text.to_owned() };
    let (tag, rest) = rest.split_once("}}").unwrap();
    let (inside, rest) = match tag.strip_prefix('#') {
        Some(path) => {
            let (block, rest) = rest.split_once("{{/}}").unwrap();
            let entries = match found(path, values) {
                Value::Null => Vec::new(),
                Value::Array(entries) => entries.iter().map(|entry| filled(block, entry)).collect(),
                one => vec![filled(block, one)],
            };
            (entries.concat(), rest)
        }
        None => (smart(tag, values), rest),
    };
    format!("{before}{inside}{}", filled(rest, values))
}

/// A service, and the body that its rules in Jira send.
async fn automated() -> (Service, String) {
    let mut service = Service::new(TEAM, "");
    service.configure("server", "public_url = \"https://microalign.example.com\"\n");
    let (code, out, err) = service.run(&["jira", "setup", "--automation"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(!out.contains(SECRET) && out.contains("https://microalign.example.com/webhooks/jira"), "{out}");
    assert!(out.contains("Authorization: Bearer SECRET (hidden), with the first of `[jira] secrets`"), "{out}");
    let body = out[out.find("\n{").unwrap()..].to_owned();
    service.start().await;
    (service, body)
}

async fn send(service: &Service, body: &str, event: &str, more: Value) -> Answer {
    let body = filled(&body.replace("EVENT", event), &values(more));
    let request = service.request("/webhooks/jira").header("content-type", "application/json");
    answer(request.header("authorization", format!("Bearer {SECRET}")).body(body).send().await.unwrap()).await
}

/// The kinds and states of all lines.
async fn lines(service: &Service) -> Vec<String> {
    let ledger = service.idle().await;
    let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    ledger.iter().map(|line| format!("{} {}", word(line, "kind"), word(line, "state"))).collect()
}

fn text(service: &Service) -> String {
    let texts =
        service.mails().iter().map(|mail| read_mail(mail).body_text(0).unwrap().into_owned()).collect::<Vec<_>>();
    texts.join("\n====\n").replace("\r\n", "\n")
}

#[tokio::test]
async fn what_setup_prints_tells_what_a_webhook_would() {
    let (service, body) = automated().await;
    let step = |from: &str, to: &str| json!([{ "from": "1", "fromString": from, "to": "2", "toString": to }]);
    let dates = json!([{ "from": "2026-03-10", "fromString": "2026-03-10 00:00:00.0", "to": "2026-03-20" }]);
    let comment = json!({ "id": 301, "body": "Soon.\n/assume \"ids\" are stable", "internal": false,
                          "author": { "accountId": "b0", "displayName": "Bo" }, "created": "2026-03-02T10:03:00.0+0000" });
    for (event, more) in [
        ("jira:issue_created", json!({})),
        ("jira:issue_updated", json!({ "changelog": { "status": step("To Do", "Doing") } })),
        ("jira:issue_updated", json!({ "changelog": { "duedate": dates } })),
        ("jira:issue_updated", json!({ "changelog": {} })),
        ("comment_created", json!({ "comment": comment })),
        ("jira:issue_deleted", json!({})),
    ] {
        let answer = send(&service, &body, event, more.clone()).await;
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (202, &json!("accepted")),
            "{event} {more}: {}",
            answer.body
        );
        service.idle().await;
    }
    let expected = [
        "ticket.created sent",
        // It was there when it was created.
        "ticket.transitioned sent",
        "ticket.slipped sent",
        "ticket.updated ignored",
        "ticket.commented sent",
        "note.assumed sent",
        "ticket.deleted sent",
    ];
    assert_eq!(lines(&service).await, expected);
    let text = text(&service);
    for part in [
        "Ana \"A\" Silva created DATA-123 “Orders in the \"v2\" schema\\” (https://acme.atlassian.net/browse/DATA-123)",
        "from Tue 10 Mar 2026 to Fri 20 Mar 2026",
        "> \"ids\" are stable",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn a_webhook_and_a_rule_tell_of_one_thing_once_whichever_comes_first() {
    let (service, body) = automated().await;
    let hook = |to: &str, id: &str| {
        let item = json!({ "fieldId": "priority", "fromString": "Low", "toString": to });
        let mut hook = ticket("Doing", "indeterminate", json!([item]));
        hook["changelog"]["id"] = json!(id);
        hook["timestamp"] = json!("2026-03-02T10:00:00.000+0000");
        hook["issue"]["fields"]["updated"] = json!("2026-03-02T10:00:00.000+0000");
        hook
    };
    let rule = |to: &str, now: &str| json!({ "now": now, "changelog": { "priority": [{ "fromString": "Low", "toString": to }] } });
    service.jira_settled("w-1", &hook("High", "7")).await;
    send(&service, &body, "jira:issue_updated", rule("High", "2026-03-02T10:00:09.0+0000")).await;
    // Two rules for one change.
    send(&service, &body, "jira:issue_updated", rule("High", "2026-03-02T10:00:10.0+0000")).await;
    send(&service, &body, "jira:issue_updated", rule("Highest", "2026-03-02T10:00:20.0+0000")).await;
    service.idle().await;
    let late = service.jira_settled("w-2", &hook("Highest", "8")).await;
    assert_eq!(states(&late), ["suppressed"]);
    assert!(late[0]["reason"].as_str().unwrap().ends_with("reported it already"), "{}", late[0]["reason"]);
    // The same an hour later is another change.
    send(&service, &body, "jira:issue_updated", rule("High", "2026-03-02T11:00:00.0+0000")).await;
    let told = lines(&service).await.into_iter().filter(|line| line.ends_with("sent")).collect::<Vec<_>>();
    assert_eq!(told, ["ticket.priority_changed sent"; 3]);
}

#[tokio::test]
async fn a_restricted_comment_is_told_by_no_rule() {
    let (service, body) = automated().await;
    for (id, more) in [(1, json!({ "visibility": { "value": "Administrators" } })), (2, json!({ "internal": true }))] {
        let mut comment =
            json!({ "id": id, "body": "Contract 77.\n/assume the customer pays", "author": { "accountId": "b0" } });
        comment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&service, &body, "comment_created", json!({ "comment": comment })).await;
    }
    assert_eq!(lines(&service).await, ["ticket.commented sent"; 2]);
    assert!(!text(&service).contains("77") && !text(&service).contains("customer"), "{}", text(&service));
}
