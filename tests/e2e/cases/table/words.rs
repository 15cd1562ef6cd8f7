//! What happens to the things of the table. Each has a number of its own, and old and new words with it.

use serde_json::{Value, json};

use crate::cases::payload::*;

pub fn old(n: u64) -> String {
    format!("old-{n}")
}

pub fn new(n: u64) -> String {
    format!("new-{n}")
}

pub fn key(n: u64) -> String {
    format!("DATA-{n}")
}

pub fn titled(n: u64) -> Value {
    json!({ "pull_request": { "title": old(n) } })
}

pub fn pr(n: u64, action: &str, minute: u64, more: Value) -> Post {
    pull(n, action, minute, titled(n)).with(more)
}

pub fn is_draft() -> Value {
    json!({ "pull_request": { "draft": true } })
}

pub fn end(n: u64, merged: bool, minute: u64) -> Post {
    closed(n, merged, minute).with(titled(n))
}

pub fn label(n: u64, on: bool, minute: u64) -> Post {
    let (action, labels): (_, &[&str]) = if on { ("labeled", &["contract"]) } else { ("unlabeled", &[]) };
    pr(n, action, minute, json!({ "label": { "name": "contract" }, "pull_request": { "labels": named(labels) } }))
}

pub fn assign(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("assigned", &["cy"]) } else { ("unassigned", &[]) };
    pr(n, action, minute, json!({ "assignee": user("cy"), "pull_request": { "assignees": users(who) } }))
}

pub fn ask(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("review_requested", &["cy"]) } else { ("review_request_removed", &[]) };
    let more = json!({ "requested_reviewer": user("cy"), "pull_request": { "requested_reviewers": users(who) } });
    pr(n, action, minute, more)
}

pub fn reviewed(n: u64, state: &str) -> Post {
    review(n, n, state, Some(&format!("words {}", old(n))))
        .with(json!({ "pull_request": { "title": format!("Title {n}") } }))
}

pub fn review_edited(n: u64, state: &str) -> Vec<Post> {
    let more = json!({ "action": "edited", "review": { "body": format!("words {}", new(n)) },
        "changes": { "body": { "from": format!("words {}", old(n)) } } });
    vec![reviewed(n, state).with(more)]
}

pub fn moved_on(n: u64) -> Post {
    pr(n, "milestoned", 30, json!({}))
}

pub fn said(n: u64, action: &str, words: &str) -> Post {
    pull_comment(n, n, action, words)
}

pub fn said_edited(n: u64, before: &str, after: &str) -> Post {
    let more = json!({ "comment": { "updated_at": time(11) }, "changes": { "body": { "from": before } } });
    said(n, "edited", after).with(more)
}

pub fn an_issue(n: u64, action: &str, minute: u64, more: Value) -> Post {
    issue(n, action, minute, json!({ "issue": { "title": old(n) } })).with(more)
}

pub fn issue_label(n: u64, on: bool, minute: u64) -> Post {
    let (action, labels): (_, &[&str]) = if on { ("labeled", &["contract"]) } else { ("unlabeled", &[]) };
    an_issue(n, action, minute, json!({ "label": { "name": "contract" }, "issue": { "labels": named(labels) } }))
}

pub fn issue_assign(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("assigned", &["cy"]) } else { ("unassigned", &[]) };
    an_issue(n, action, minute, json!({ "assignee": user("cy"), "issue": { "assignees": users(who) } }))
}

pub fn on_issue(n: u64, action: &str, words: &str) -> Post {
    comment(n, n, action, words)
}

pub fn pushes(n: u64, number: u64) -> Post {
    push(&format!("b-{n}"), number, vec![commit(number, "ana", &old(n), &["x"])])
}

pub fn released(n: u64, action: &str, more: Value) -> Post {
    release(n, &format!("v{n}"), action, json!({ "release": { "name": old(n) } })).with(more)
}

pub fn pre() -> Value {
    json!({ "release": { "prerelease": true } })
}

pub fn deployed(n: u64, status: u64, state: &str) -> Post {
    // Names are of all of GitHub.
    deployment(n, n * 60 + status, state, &old(n))
}

pub fn ran(n: u64, id: u64, attempt: u64, conclusion: &str) -> Post {
    run(&old(n), (id, attempt), conclusion, "main")
}

pub fn talk(n: u64, action: &str, minute: u64) -> Post {
    discussion(n, action, minute, json!({ "discussion": { "title": old(n) } }))
}

pub fn talk_edited(n: u64, from: &str) -> Vec<Post> {
    vec![talk(n, from, 6).with(json!({ "action": "edited", "discussion": { "title": new(n) },
        "changes": { "title": { "from": old(n) } }, "answer": null }))]
}

pub fn a_branch(n: u64, event: &'static str, minute: u64) -> Post {
    branch_at(event, &old(n), minute)
}

// Tickets are told by their summaries.

pub fn summed(n: u64, post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "summary": old(n) } } }))
}

pub fn change(n: u64, minute: u64, items: Vec<Value>, fields: Value) -> Post {
    summed(n, changed(&key(n), minute, items, fields))
}

pub fn to(n: u64, minute: u64, names: (&str, &str), category: &str) -> Post {
    summed(n, moved_to(&key(n), minute, names, category))
}

pub fn due(n: u64, minute: u64, from: &str, until: &str) -> Post {
    change(n, minute, vec![item("duedate", Some(from), Some(until))], json!({ "duedate": until }))
}

pub fn who(n: u64, minute: u64, from: Option<&str>, who: Option<&str>) -> Post {
    change(n, minute, vec![item("assignee", from, who)], json!({ "assignee": who.map(|name| person(name, name)) }))
}

pub fn priority(n: u64, minute: u64, from: &str, now: &str) -> Post {
    change(n, minute, vec![item("priority", Some(from), Some(now))], json!({ "priority": { "name": now } }))
}

pub fn flag(n: u64, minute: u64, on: bool) -> Post {
    let (from, now) = if on { (None, Some("Impediment")) } else { (Some("Impediment"), None) };
    change(n, minute, vec![item("Flagged", from, now)], json!({}))
}

pub fn link(n: u64, minute: u64, on: bool) -> Post {
    let text = Some("This issue blocks DATA-9");
    let (from, now) = if on { (None, text) } else { (text, None) };
    change(n, minute, vec![item("Link", from, now)], json!({}))
}

pub fn labels(n: u64, minute: u64, from: &str, now: &str) -> Post {
    change(n, minute, vec![item("labels", Some(from), Some(now))], json!({ "labels": [now] }))
}

pub fn remark(n: u64, event: &str, words: &str) -> Post {
    jira_comment(&key(n), n, event, json!(words))
}

/// The same ticket under another key.
pub fn as_core(n: u64, post: Post) -> Post {
    let (_, number) = ("", n);
    let more = json!({ "issue": { "id": format!("1{number:0>5}"), "key": format!("CORE-{n}"),
        "fields": { "project": { "key": "CORE" } } } });
    post.with(more)
}

pub fn a_sprint(n: u64, event: &str, minute: u64) -> Post {
    sprint(n, event, minute, json!({ "sprint": { "name": old(n) } }))
}

pub fn a_version(n: u64, event: &str, minute: u64) -> Post {
    version(n, event, minute, json!({ "version": { "name": old(n) } }))
}

/// Another summary, with these fields as they are.
pub fn resummed(n: u64, fields: Value) -> Post {
    changed(&key(n), 20, vec![item("summary", Some(&old(n)), Some(&new(n)))], fields)
        .with(json!({ "issue": { "fields": { "summary": new(n) } } }))
}
