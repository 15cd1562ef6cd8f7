//! What happened to tickets while nobody listened is found by JQL, and told as webhooks would have told it.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::jira_api::{Api, Asked};
use crate::support::{Service, states, ticket};

const TOKEN: &str = "hunter2-canary";
const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"all\"\non = [\"ticket.*\", \"note.*\"]\n";

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

/// As Jira writes times.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

fn history(id: u32, minutes: i64, item: Value) -> Value {
    let author = json!({ "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" });
    json!({ "id": id.to_string(), "author": author, "created": written(ago(minutes)), "items": [item] })
}

fn moved(from: (&str, &str), to: (&str, &str)) -> Value {
    json!({ "field": "status", "fieldId": "status", "from": from.0, "fromString": from.1, "to": to.0, "toString": to.1 })
}

fn paragraph(text: &str) -> Value {
    json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
}

const TODO: (&str, &str) = ("1", "To Do");
const DOING: (&str, &str) = ("3", "In Progress");
const DONE: (&str, &str) = ("5", "Done");

/// DATA-123 on Cloud: its priority, status, two comments and status again.
fn issue() -> Value {
    let urgent = json!({ "field": "priority", "fieldId": "priority", "fromString": "Low", "toString": "High" });
    // Newest first, and not all of them: the oldest is told by the ticket's own list.
    let histories = [history(203, 20, moved(DOING, DONE)), history(202, 40, moved(TODO, DOING))];
    let comment = json!({ "id": "301", "author": { "accountId": "b0", "displayName": "Bo" },
                          "created": written(ago(30)), "body": paragraph("/assume ids are stable") });
    json!({
        "id": "10042", "key": "DATA-123", "self": "https://acme.atlassian.net/rest/api/3/issue/10042",
        "fields": {
            "summary": "Orders in the v2 schema", "project": { "key": "DATA" }, "priority": { "name": "High" },
            "status": { "name": "Done", "id": "5", "statusCategory": { "key": "done" } },
            "created": written(ago(3000)), "updated": written(ago(20)),
            "comment": { "comments": [comment], "total": 2 },
        },
        "changelog": { "histories": histories, "maxResults": 2, "total": 4 },
        "old": [history(9, 3000, json!({})), history(201, 50, urgent)],
    })
}

/// A site on Cloud with that ticket on its second page.
async fn cloud() -> (Api, Arc<Mutex<Value>>) {
    let shared = Arc::new(Mutex::new(issue()));
    let kept = Arc::clone(&shared);
    let api = Api::new(move |asked: &Asked| {
        let issue = kept.lock().unwrap();
        let ours = json!({ "id": "302", "author": { "accountId": "m" }, "created": written(ago(25)),
                           "body": paragraph("— microalign") });
        match asked.line.split('?').next().unwrap() {
            "POST /rest/api/3/search/jql" if asked.body["nextPageToken"] == "two" => {
                (200, json!({ "issues": [*issue], "isLast": true }))
            }
            "POST /rest/api/3/search/jql" => (200, json!({ "issues": [], "nextPageToken": "two" })),
            "GET /rest/api/3/status" => {
                let status = |(id, name): (&str, &str), key: &str| json!({ "id": id, "name": name, "statusCategory": { "key": key } });
                (200, json!([status(TODO, "new"), status(DOING, "indeterminate"), status(DONE, "done")]))
            }
            "GET /rest/api/3/issue/DATA-123/changelog" => {
                let (new, old) = (issue["changelog"]["histories"].as_array().unwrap(), issue["old"].as_array().unwrap());
                (200, json!({ "values": old.iter().chain(new.iter().rev()).collect::<Vec<_>>(), "total": 4 }))
            }
            "GET /rest/api/3/issue/DATA-123/comment" => {
                let given = issue["fields"]["comment"]["comments"][0].clone();
                (200, json!({ "comments": [ours, given], "total": 2 }))
            }
            _ => (404, json!({ "errorMessages": ["There is nothing"] })),
        }
    })
    .await;
    (api, shared)
}

fn configure(service: &Service, api: &Api) {
    let keys = format!("base_url = \"{}\"\nuser = \"bot@acme.example\"\ntoken = \"{TOKEN}\"\n", api.url);
    service.configure("jira", &format!("{keys}projects = [\"DATA\"]\n"));
}

/// The webhook of a change, as it comes by itself.
fn webhook(id: &str, minutes: i64, (status, category): (&str, &str), item: Value) -> Value {
    let mut body = ticket(status, category, json!([item]));
    body["changelog"]["id"] = json!(id);
    body["issue"]["fields"]["updated"] = json!(written(ago(minutes)));
    body
}

#[tokio::test]
async fn what_was_missed_is_told_once_and_nothing_stale() {
    let (jira, _) = cloud().await;
    let mut service = Service::new(TEAM, "");
    service.start().await;
    let urgent = json!({ "field": "priority", "fieldId": "priority", "fromString": "Low", "toString": "High" });
    assert_eq!(states(&service.jira_settled("w-201", &webhook("201", 50, ("To Do", "new"), urgent)).await), ["sent"]);
    assert_eq!(service.stop().await, 0);
    configure(&service, &jira);
    let (code, out, err) = service.run(&["recover", "--since", "1h"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("Jira, tickets: 5 deliveries, 2 known, 3 recovered"), "{out}");
    let asked = jira.asked().into_iter().find(|asked| asked.line.contains("search")).unwrap();
    assert_eq!(asked.body["jql"], "updated >= \"-61m\" AND project in (\"DATA\") ORDER BY updated DESC");

    service.start().await;
    service.idle().await;
    let line = async |delivery: &str| {
        let lines = service.settled(delivery).await;
        let said = |line: &Value| format!("{} {}", line["kind"].as_str().unwrap(), line["state"].as_str().unwrap());
        lines.iter().map(said).collect::<Vec<_>>()
    };
    // What it started as is old news: it is done since.
    let started = line("jql:DATA-123:history:202").await;
    assert!(started == ["ticket.started superseded"] || started == ["ticket.started suppressed"], "{started:?}");
    assert_eq!(line("jql:DATA-123:history:203").await, ["ticket.done sent"]);
    assert_eq!(line("jql:DATA-123:comment:301").await, ["note.assumed sent"]);
    let ledger = service.ledger().await;
    assert!(!ledger.iter().any(|line| line["delivery"].as_str().unwrap().ends_with(":201")), "it was told: {ledger:?}");
    assert!(!ledger.iter().any(|line| line["delivery"].as_str().unwrap().ends_with(":302")), "it is ours: {ledger:?}");

    assert_eq!(service.stop().await, 0);
    let (code, out, err) = service.run(&["recover", "--since", "1h", "--json"]).await;
    assert!(code == 0 && !out.contains("jql:"), "{out}{err}");
    service.start().await;
    // Jira tries again after all.
    let late = webhook("203", 20, ("Done", "done"), moved(DOING, DONE));
    let lines = service.jira_settled("w-203", &late).await;
    assert_eq!(lines[0]["reason"], "delivery jql:DATA-123:history:203 reported it already");
}

/// A change that came once the service was up again must not hide what was missed before it. Only where webhooks do not say
/// which change they tell of, what is older than the last is taken for told.
#[tokio::test]
async fn a_newer_webhook_hides_nothing_that_was_missed() {
    for (numbered, taken) in [(true, 4), (false, 1)] {
        let (jira, issue) = cloud().await;
        let mut service = Service::new(TEAM, "");
        service.start().await;
        let due = json!({ "field": "duedate", "fieldId": "duedate", "to": "2030-01-01" });
        let mut body = webhook("204", 2, ("Done", "done"), due.clone());
        if !numbered {
            body["changelog"].as_object_mut().unwrap().remove("id");
        }
        service.jira_settled("w-204", &body).await;
        assert_eq!(service.stop().await, 0);
        {
            let mut issue = issue.lock().unwrap();
            issue["fields"]["updated"] = json!(written(ago(2)));
            issue["changelog"]["histories"].as_array_mut().unwrap().insert(0, history(204, 2, due));
        }
        configure(&service, &jira);
        let (code, out, err) = service.run(&["recover", "--since", "1h", "--json"]).await;
        assert_eq!(code, 0, "{err}");
        let found = out.lines().filter(|line| line.contains("\"delivery\":\"jql:")).collect::<Vec<_>>();
        assert_eq!(found.len(), taken, "{out}");
        assert!(!out.contains("history:204") && out.contains("comment:301"), "{out}");
    }
}

#[tokio::test]
async fn a_search_in_trouble_is_said_in_plain_words() {
    let errors = json!({ "errorMessages": ["The value 'DATA' does not exist for the field 'project'."] });
    for (answer, words) in [
        ((400, errors), "Jira answered 400: The value 'DATA' does not exist for the field 'project'."),
        ((401, json!("<html>")), "Jira answered 401: Unauthorized: the token in `[jira]` isn't valid"),
        ((403, json!("<html>")), "Jira answered 403: Forbidden: the token's account may not search"),
        ((404, json!("<html>")), "Jira answered 404: Not Found"),
        ((429, json!("")), "Jira asked us to slow down for 7 s"),
        ((500, json!("<html><b>Oops</b></html>")), "Jira answered 500: Internal Server Error"),
        ((200, json!("{\"issues\": [{\"id")), "Jira's answer cannot be read"),
    ] {
        let jira = Api::new(move |_| answer.clone()).await;
        let mut service = Service::new(TEAM, "");
        service.start().await;
        assert_eq!(service.stop().await, 0);
        configure(&service, &jira);
        let (code, out, err) = service.run(&["recover", "--since", "1h"]).await;
        assert!(code == 1 && out.contains(words), "{out}{err} has no {words:?}");
        assert!(!format!("{out}{err}").contains(TOKEN) && !out.contains("<b>"), "{out}{err}");
    }
}

/// A site of Data Center with DATA-123, on which something internal was commented half an hour ago.
async fn service_desk(property: Value) -> Api {
    Api::new(move |asked: &Asked| {
        let comment = json!({ "id": "301", "author": { "name": "bo", "displayName": "Bo" }, "created": written(ago(30)),
                              "body": "Contract 77 says so.\n/assume the customer pays" });
        let mut marked = comment.clone();
        marked["properties"] = json!([{ "key": "sd.public.comment", "value": property }]);
        let mut issue = issue();
        (issue["fields"]["comment"], issue["changelog"]) = (json!({ "comments": [comment], "total": 1 }), json!({}));
        match asked.line.split('?').next().unwrap() {
            "GET /rest/api/2/search" => (200, json!({ "issues": [issue], "total": 1 })),
            "GET /rest/api/2/status" => (200, json!([])),
            "GET /rest/api/2/issue/DATA-123/comment" if asked.line.contains("expand=properties") => {
                (200, json!({ "comments": [marked], "total": 1 }))
            }
            _ => (404, json!({ "errorMessages": ["There is nothing"] })),
        }
    })
    .await
}

#[tokio::test]
async fn internal_words_of_a_service_desk_are_not_found_either() {
    for (internal, kinds) in [(true, vec!["ticket.commented"]), (false, vec!["ticket.commented", "note.assumed"])] {
        let jira = service_desk(json!({ "internal": internal })).await;
        let mut service = Service::new(TEAM, "");
        service.start().await;
        assert_eq!(service.stop().await, 0);
        service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"{TOKEN}\"\n", jira.url));
        let (code, out, err) = service.run(&["recover", "--since", "1h"]).await;
        assert_eq!(code, 0, "{out}{err}");
        service.start().await;
        service.idle().await;
        let lines = service.settled("jql:DATA-123:comment:301").await;
        let found = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(found, kinds);
        let mails = service.mails();
        let told = mails.iter().any(|mail| String::from_utf8_lossy(mail).contains("Contract 77"));
        assert_eq!(told, !internal);
    }
}
