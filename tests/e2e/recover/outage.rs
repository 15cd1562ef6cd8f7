//! What happens at GitHub while the service is down.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::github::{Attempt, HOOK};
use crate::support::{commented, pull_request};

/// The outage: what happens during it, each a second after the other.
pub struct Outage {
    next: Timestamp,
    pub missed: Vec<Attempt>,
}

impl Outage {
    /// It began so many seconds ago.
    pub fn new(ago: i64) -> Self {
        Self { next: Timestamp::now() - SignedDuration::from_secs(ago), missed: Vec::new() }
    }

    pub fn add(&mut self, event: &'static str, mut payload: Value) {
        let at = self.next;
        self.next += SignedDuration::from_secs(1);
        for field in ["pull_request", "issue", "workflow_run", "deployment_status"] {
            if let Some(field) = payload.get_mut(field).and_then(Value::as_object_mut) {
                field.insert("updated_at".to_owned(), json!(at.to_string()));
                field.insert("created_at".to_owned(), json!(at.to_string()));
            }
        }
        let guid = format!("missed-{}", self.missed.len());
        self.missed.push(Attempt { hook: HOOK, guid, at, status: 502, event, payload });
    }

    pub fn pull_request(&mut self, action: &str, number: u64, more: Value) {
        self.add("pull_request", change(action, number, more));
    }

    pub fn merged(&mut self, number: u64) {
        self.pull_request("closed", number, json!({ "state": "closed", "merged": true }));
    }
}

/// A change of a pull request that names no ticket, so that it is a conversation of its own.
pub fn change(action: &str, number: u64, more: Value) -> Value {
    let mut payload = pull_request(action, number, json!({ "body": "", "title": format!("Change {number}") }));
    payload["pull_request"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    payload
}

pub fn of_repository(mut payload: Value) -> Value {
    payload["repository"] = json!({ "full_name": "acme/ingest-api", "private": false });
    payload["sender"] = json!({ "login": "ana", "type": "User" });
    payload
}

fn issue(action: &str, number: u64) -> Value {
    of_repository(json!({ "action": action, "issue": {
        "number": number, "title": format!("Issue {number}"), "user": { "login": "ana" },
        "html_url": format!("https://github.com/acme/ingest-api/issues/{number}"),
        "state": if action == "closed" { "closed" } else { "open" },
    }}))
}

pub fn workflow(branch: u64, conclusion: &str) -> Value {
    of_repository(json!({ "action": "completed", "workflow_run": {
        "name": "build", "head_branch": format!("branch-{branch}"), "conclusion": conclusion,
        "html_url": format!("https://github.com/acme/ingest-api/actions/runs/{branch}"),
    }}))
}

fn deployment(id: u64, environment: u64, state: &str) -> Value {
    let environment = format!("place-{environment}");
    of_repository(json!({
        "action": "created", "deployment": { "id": id, "environment": environment },
        "deployment_status": { "state": state, "environment": environment },
    }))
}

fn branch(number: u64) -> Value {
    of_repository(json!({ "ref": format!("new-{number}"), "ref_type": "branch" }))
}

fn comment(number: u64) -> Value {
    let mut payload = commented("Looks good.");
    payload["issue"]["number"] = json!(number);
    payload["comment"]["id"] = json!(7000 + number);
    payload["comment"]["html_url"] = json!(format!("https://github.com/acme/ingest-api/pull/{number}#c"));
    payload
}

/// Five hundred of what a busy repository sends, with what is to be said of it afterwards.
pub fn five_hundred() -> (Outage, Vec<(String, &'static str)>) {
    let mut outage = Outage::new(590);
    let subject = |number: u64| format!("acme/ingest-api#{number}");
    let mut said = Vec::new();
    for number in 100..160 {
        outage.pull_request("opened", number, json!({ "draft": true }));
    }
    for number in 0..20 {
        outage.add("workflow_run", workflow(number, "failure"));
        outage.add("issues", issue("opened", 300 + number));
        outage.add("issues", issue("opened", 320 + number));
        said.push((subject(320 + number), "opened the issue"));
        outage.add("pull_request_review_comment_thread", of_repository(json!({ "action": "resolved" })));
    }
    for number in 0..10 {
        outage.add("deployment_status", deployment(number, number, "failure"));
        outage.add("create", branch(number));
    }
    for number in 100..160 {
        outage.pull_request("synchronize", number, json!({ "draft": true }));
        outage.pull_request("ready_for_review", number, json!({}));
    }
    for number in 100..120 {
        outage.add("issue_comment", comment(number));
        said.push((subject(number), "commented"));
    }
    for number in 0..20 {
        outage.add("issues", issue("closed", 300 + number));
        said.push((subject(300 + number), "closed"));
        if number < 15 {
            outage.add("workflow_run", workflow(number, "success"));
        } else {
            said.push((format!("acme/ingest-api: build workflow on branch-{number}"), "build"));
        }
    }
    for number in 0..10 {
        if number < 5 {
            outage.add("deployment_status", deployment(100 + number, number, "success"));
            outage.add("delete", branch(number));
        } else {
            said.push((format!("acme/ingest-api: deployment to place-{number}"), "failed"));
            said.push((format!("acme/ingest-api: branch new-{number}"), "branch"));
        }
    }
    for number in 100..160 {
        if number % 2 == 0 {
            outage.merged(number);
            said.push((subject(number), "merged"));
        } else {
            said.push((subject(number), "ready"));
        }
    }
    while outage.missed.len() < 500 {
        outage.add("star", of_repository(json!({ "action": "created" })));
    }
    (outage, said)
}
