//! Jira without webhooks: it is asked what changed, and that is told as webhooks would have told it.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::jira_api::{Api, Asked};
use crate::support::{SECRET, Service, eventually, states, ticket};

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"all\"\non = [\"ticket.*\", \"note.*\"]\n";

/// As Jira writes times.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

fn priority(id: u32, at: Timestamp, to: &str) -> Value {
    let item = json!({ "field": "priority", "fieldId": "priority", "fromString": "Low", "toString": to });
    let author = json!({ "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" });
    json!({ "id": id.to_string(), "author": author, "created": written(at), "items": [item] })
}

/// A site on Cloud with DATA-123, whose priority changed a while ago. What is put in before the list of its changes is
/// answered instead.
struct Site {
    api: Api,
    issue: Arc<Mutex<Value>>,
    refuse: Arc<Mutex<bool>>,
}

impl Site {
    async fn new() -> Self {
        let old = Timestamp::now() - SignedDuration::from_mins(5);
        let issue = json!({
            "id": "10042", "key": "DATA-123", "self": "https://acme.atlassian.net/rest/api/3/issue/10042",
            "fields": {
                "summary": "Orders in the v2 schema", "project": { "key": "DATA" }, "priority": { "name": "High" },
                "created": written(old), "updated": written(old), "comment": { "comments": [], "total": 0 },
            },
            "changelog": { "histories": [priority(1, old, "High")], "total": 1 },
        });
        let (issue, refuse) = (Arc::new(Mutex::new(issue)), Arc::<Mutex<bool>>::default());
        let (kept, refused) = (Arc::clone(&issue), Arc::clone(&refuse));
        let api = Api::new(move |asked: &Asked| match asked.line.split('?').next().unwrap() {
            "POST /rest/api/3/search/jql" if std::mem::take(&mut *refused.lock().unwrap()) => (429, json!("")),
            "POST /rest/api/3/search/jql" => (200, json!({ "issues": [*kept.lock().unwrap()] })),
            "GET /rest/api/3/status" => (200, json!([])),
            _ => (404, json!({ "errorMessages": ["There is nothing"] })),
        })
        .await;
        Self { api, issue, refuse }
    }

    /// The ticket changes now.
    fn change(&self, add: impl Fn(&mut Value, Timestamp)) {
        let (mut issue, now) = (self.issue.lock().unwrap(), Timestamp::now());
        issue["fields"]["updated"] = json!(written(now));
        add(&mut issue, now);
    }

    fn history(&self, id: u32, to: &str) {
        self.change(|issue, now| {
            issue["fields"]["priority"] = json!({ "name": to });
            issue["changelog"]["histories"].as_array_mut().unwrap().insert(0, priority(id, now, to));
        });
    }

    fn comment(&self, id: u32, words: &str) {
        self.change(|issue, now| {
            let text = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": words }] }] });
            let comment = json!({ "id": id.to_string(), "author": { "accountId": "b0", "displayName": "Bo" },
                                  "created": written(now), "body": text });
            issue["fields"]["comment"]["comments"].as_array_mut().unwrap().push(comment);
        });
    }

    fn searches(&self) -> usize {
        self.api.asked().iter().filter(|asked| asked.line.contains("/search/jql")).count()
    }

    /// Waits until it was asked so many times more.
    async fn asked(&self, more: usize) {
        let until = self.searches() + more;
        eventually("Jira is asked", async || (self.searches() >= until).then_some(())).await;
    }

    /// A service that polls it, with these keys beside.
    fn service(&self, keys: &str) -> Service {
        let service = Service::new(TEAM, "");
        let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
        service.write("microalign.toml", &config.replace(&format!("secrets = [\"{SECRET}\"]\n"), ""));
        let login = "user = \"bot@acme.example\"\ntoken = \"hunter2-canary\"\npoll = \"10s\"\n";
        service.configure("jira", &format!("base_url = \"{}\"\n{login}{keys}", self.api.url));
        service
    }
}

/// The kinds of what was told, with the words that say which.
async fn told(service: &Service) -> Vec<String> {
    let ledger = service.idle().await;
    let line = |line: &Value| format!("{} {}", line["kind"].as_str().unwrap(), line["state"].as_str().unwrap());
    ledger.iter().map(line).collect()
}

#[tokio::test]
async fn what_changes_is_told_once_and_nothing_old() {
    let site = Site::new().await;
    let mut service = site.service("");
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!(code, 0, "{out}{err}");
    service.start().await;
    eventually("Jira is asked", async || (site.searches() > 0).then_some(())).await;
    site.history(2, "Highest");
    site.comment(7, "/assume ids are stable");
    site.asked(2).await;
    let expected = ["ticket.priority_changed sent", "note.assumed sent"];
    assert_eq!(told(&service).await, expected, "five minutes before the start is old");
    site.asked(1).await;
    assert_eq!(told(&service).await, expected);

    assert_eq!(service.stop().await, 0);
    site.history(3, "Low");
    // Who is asked to wait waits, and asks again.
    *site.refuse.lock().unwrap() = true;
    service.start().await;
    site.asked(2).await;
    eventually("it is told", async || (told(&service).await.len() == 3).then_some(())).await;
    assert_eq!(told(&service).await[2], "ticket.priority_changed sent");
    assert!(!service.log().contains("hunter2-canary"));
}

/// Beside webhooks, whichever is first tells.
#[tokio::test]
async fn a_webhook_and_a_poll_tell_of_a_change_once() {
    let site = Site::new().await;
    let mut service = site.service(&format!("secrets = [\"{SECRET}\"]\n"));
    service.start().await;
    eventually("Jira is asked", async || (site.searches() > 0).then_some(())).await;
    site.history(2, "Highest");
    let mut hook = ticket(
        "Doing",
        "indeterminate",
        json!([{ "fieldId": "priority", "fromString": "Low", "toString": "Highest" }]),
    );
    hook["changelog"]["id"] = json!("2");
    hook["issue"]["fields"]["updated"] = site.issue.lock().unwrap()["fields"]["updated"].clone();
    assert_eq!(states(&service.jira_settled("w-1", &hook).await), ["sent"]);
    site.asked(2).await;
    assert_eq!(told(&service).await, ["ticket.priority_changed sent"]);
}
