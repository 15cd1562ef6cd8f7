//! A ticket's past in the form of the webhooks that would have reported it: from its state now back through its history.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::jira::time;

/// What is known of one ticket.
pub(super) struct Past<'a> {
    /// The ticket as it is now
    pub issue: &'a Value,
    /// What changed since then
    pub histories: Vec<Value>,
    /// What was commented since then
    pub comments: Vec<Value>,
    /// The categories of statuses by their ids: a history names only the status
    pub categories: &'a HashMap<String, Value>,
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Moment {
    pub at: Timestamp,
    /// Names it, whenever it is asked for
    pub key: String,
    /// What a webhook would have said
    pub body: Value,
    pub is_comment: bool,
}

impl Past<'_> {
    /// What happened since then, oldest first, each with the ticket as it was.
    pub(super) fn moments(self, since: Timestamp) -> Vec<Moment> {
        let comments = self.comments.iter().filter_map(|comment| Some((time(comment, "created")?, true, comment)));
        let histories = self.histories.iter().filter_map(|history| Some((time(history, "created")?, false, history)));
        let mut all = histories.chain(comments).collect::<Vec<_>>();
        all.sort_by_key(|(at, is_comment, _)| (*at, *is_comment));
        let mut issue = self.issue.clone();
        drop(issue.as_object_mut().and_then(|issue| issue.remove("changelog")));
        drop(issue["fields"].as_object_mut().and_then(|fields| fields.remove("comment")));
        let mut moments = Vec::new();
        for (at, is_comment, told) in all.into_iter().rev() {
            issue["fields"]["updated"] = told["created"].clone();
            moments.push(moment(&issue, at, (is_comment, told)));
            if !is_comment {
                let items = told["items"].as_array().into_iter().flatten();
                items.rev().for_each(|item| rewind(&mut issue, item, self.categories));
            }
        }
        if let Some(at) = time(&issue["fields"], "created").filter(|at| *at >= since) {
            let fields = &mut issue["fields"];
            fields["updated"] = fields["created"].clone();
            let body = json!({ "timestamp": at.as_millisecond(), "webhookEvent": "jira:issue_created",
                               "user": issue["fields"]["creator"], "issue": issue });
            moments.push(Moment { at, key: format!("jql:{}:created", word(&issue["key"])), body, is_comment: false });
        }
        moments.reverse();
        moments
    }
}

fn moment(issue: &Value, at: Timestamp, (is_comment, told): (bool, &Value)) -> Moment {
    let (kind, name) = if is_comment { ("comment", "comment_created") } else { ("history", "jira:issue_updated") };
    let mut body =
        json!({ "timestamp": at.as_millisecond(), "webhookEvent": name, "user": told["author"], "issue": issue });
    if is_comment {
        body["comment"] = told.clone();
    } else {
        body["changelog"] = json!({ "id": told["id"], "items": told["items"] });
    }
    let key = format!("jql:{}:{kind}:{}", word(&issue["key"]), word(&told["id"]));
    Moment { at, key, body, is_comment }
}

/// A key or an id, which Jira writes as a text or a number.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).chars().take(64).collect()
}

/// Undoes a change, so far as rules ask for the field; other fields stay as they are now. So does the security level: who
/// may not know the ticket may not know what it was either.
fn rewind(issue: &mut Value, item: &Value, categories: &HashMap<String, Value>) {
    if item["fieldtype"] == "custom" {
        return;
    }
    let (from, words) = (&item["from"], &item["fromString"]);
    let named = item["fieldId"].as_str().or(item["field"].as_str()).unwrap_or_default().to_lowercase();
    match named.as_str() {
        "key" | "issuekey" => {
            let project = words.as_str().and_then(|key| key.rsplit_once('-')).map(|(project, _)| project);
            (issue["fields"]["project"], issue["key"]) = (json!({ "key": project }), words.clone());
        }
        "status" => {
            let category = from.as_str().and_then(|id| categories.get(id));
            issue["fields"]["status"] = json!({ "name": words, "statusCategory": category });
        }
        // On Data Center it is the user's key.
        "assignee" if from.is_string() => {
            issue["fields"]["assignee"] = json!({ "accountId": from, "displayName": words });
        }
        "assignee" => issue["fields"]["assignee"] = Value::Null,
        "resolution" if words.is_string() => issue["fields"]["resolution"] = json!({ "name": words }),
        "resolution" => issue["fields"]["resolution"] = Value::Null,
        "priority" => issue["fields"]["priority"] = json!({ "name": words }),
        "duedate" => issue["fields"]["duedate"] = from.clone(),
        "summary" => issue["fields"]["summary"] = words.clone(),
        "description" => issue["fields"]["description"] = words.clone(),
        "labels" => {
            let labels = words.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
            issue["fields"]["labels"] = json!(labels);
        }
        _ => {}
    }
}
