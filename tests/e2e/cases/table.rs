//! Each kind of event, undone, edited, restricted, delivered twice and late: what is told. No cell is left out.

use std::fmt::Write as _;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::payload::*;
use super::story::{Told, send, serve};
use crate::support::{Service, eventually};

/// What comes of a cell, to the team that asked for its kind.
#[derive(Debug, Clone, Copy)]
enum Comes {
    /// One message
    Told,
    /// A message or several: each was an occurrence of its own
    Heard,
    /// One message, with the new words and without the old ones
    New,
    /// No message; the ledger's reason has this
    Nothing(&'static str),
    /// None, or one for what stands at the end
    AtMostOne,
    /// The key at most: no old words for anybody, and nothing for readers outside
    KeyOnly,
    /// One message, and no old words for readers outside
    Inside,
}

use Comes::{AtMostOne, Heard, Inside, KeyOnly, New, Nothing};

type Posts = fn(u64) -> Vec<Post>;

/// What a condition is made of.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// This comes after it, while it waits
    After(Posts, Comes),
    /// This, which happened later, came before it
    First(Posts, Comes),
    /// It cannot be, for this reason
    Cannot(&'static str),
}

use Then::{After, Cannot, First};

/// A kind. That it is told once if it is delivered twice holds for all.
struct Row {
    kind: &'static str,
    /// What had to be told before
    before: Posts,
    it: fn(u64) -> Post,
    undone: Then,
    edited: Then,
    restricted: Then,
    late: Then,
}

const CONDITIONS: [&str; 5] = ["undone", "edited", "restricted", "twice", "late"];

/// The row of what needs nothing before it.
fn row(kind: &'static str, it: fn(u64) -> Post, [undone, edited, restricted, late]: [Then; 4]) -> Row {
    Row { kind, before: |_| Vec::new(), it, undone, edited, restricted, late }
}

// Everything has a number of its own, and old and new words with it.

fn old(n: u64) -> String {
    format!("old-{n}")
}

fn new(n: u64) -> String {
    format!("new-{n}")
}

fn key(n: u64) -> String {
    format!("DATA-{n}")
}

fn titled(n: u64) -> Value {
    json!({ "pull_request": { "title": old(n) } })
}

fn pr(n: u64, action: &str, minute: u64, more: Value) -> Post {
    pull(n, action, minute, titled(n)).with(more)
}

fn is_draft() -> Value {
    json!({ "pull_request": { "draft": true } })
}

fn end(n: u64, merged: bool, minute: u64) -> Post {
    closed(n, merged, minute).with(titled(n))
}

fn label(n: u64, on: bool, minute: u64) -> Post {
    let (action, labels): (_, &[&str]) = if on { ("labeled", &["contract"]) } else { ("unlabeled", &[]) };
    pr(n, action, minute, json!({ "label": { "name": "contract" }, "pull_request": { "labels": named(labels) } }))
}

fn assign(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("assigned", &["cy"]) } else { ("unassigned", &[]) };
    pr(n, action, minute, json!({ "assignee": user("cy"), "pull_request": { "assignees": users(who) } }))
}

fn ask(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("review_requested", &["cy"]) } else { ("review_request_removed", &[]) };
    let more = json!({ "requested_reviewer": user("cy"), "pull_request": { "requested_reviewers": users(who) } });
    pr(n, action, minute, more)
}

fn reviewed(n: u64, state: &str) -> Post {
    review(n, n, state, Some(&format!("words {}", old(n))))
        .with(json!({ "pull_request": { "title": format!("Title {n}") } }))
}

fn review_edited(n: u64, state: &str) -> Vec<Post> {
    let more = json!({ "action": "edited", "review": { "body": format!("words {}", new(n)) },
        "changes": { "body": { "from": format!("words {}", old(n)) } } });
    vec![reviewed(n, state).with(more)]
}

fn moved_on(n: u64) -> Post {
    pr(n, "milestoned", 30, json!({}))
}

fn said(n: u64, action: &str, words: &str) -> Post {
    pull_comment(n, n, action, words)
}

fn said_edited(n: u64, before: &str, after: &str) -> Post {
    let more = json!({ "comment": { "updated_at": time(11) }, "changes": { "body": { "from": before } } });
    said(n, "edited", after).with(more)
}

fn an_issue(n: u64, action: &str, minute: u64, more: Value) -> Post {
    issue(n, action, minute, json!({ "issue": { "title": old(n) } })).with(more)
}

fn issue_label(n: u64, on: bool, minute: u64) -> Post {
    let (action, labels): (_, &[&str]) = if on { ("labeled", &["contract"]) } else { ("unlabeled", &[]) };
    an_issue(n, action, minute, json!({ "label": { "name": "contract" }, "issue": { "labels": named(labels) } }))
}

fn issue_assign(n: u64, on: bool, minute: u64) -> Post {
    let (action, who): (_, &[&str]) = if on { ("assigned", &["cy"]) } else { ("unassigned", &[]) };
    an_issue(n, action, minute, json!({ "assignee": user("cy"), "issue": { "assignees": users(who) } }))
}

fn on_issue(n: u64, action: &str, words: &str) -> Post {
    comment(n, n, action, words)
}

fn pushes(n: u64, number: u64) -> Post {
    push(&format!("b-{n}"), number, vec![commit(number, "ana", &old(n), &["x"])])
}

fn released(n: u64, action: &str, more: Value) -> Post {
    release(n, &format!("v{n}"), action, json!({ "release": { "name": old(n) } })).with(more)
}

fn pre() -> Value {
    json!({ "release": { "prerelease": true } })
}

fn deployed(n: u64, status: u64, state: &str) -> Post {
    deployment(n, status, state, &old(n))
}

fn ran(n: u64, id: u64, attempt: u64, conclusion: &str) -> Post {
    run(&old(n), (id, attempt), conclusion, "main")
}

fn talk(n: u64, action: &str, minute: u64) -> Post {
    discussion(n, action, minute, json!({ "discussion": { "title": old(n) } }))
}

fn talk_edited(n: u64, from: &str) -> Vec<Post> {
    vec![talk(n, from, 6).with(json!({ "action": "edited", "discussion": { "title": new(n) },
        "changes": { "title": { "from": old(n) } }, "answer": null }))]
}

fn a_branch(n: u64, event: &'static str) -> Post {
    branch(event, &old(n))
}

// Tickets are told by their summaries.

fn summed(n: u64, post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "summary": old(n) } } }))
}

fn change(n: u64, minute: u64, items: Vec<Value>, fields: Value) -> Post {
    summed(n, changed(&key(n), minute, items, fields))
}

fn to(n: u64, minute: u64, names: (&str, &str), category: &str) -> Post {
    summed(n, moved_to(&key(n), minute, names, category))
}

fn due(n: u64, minute: u64, from: &str, until: &str) -> Post {
    change(n, minute, vec![item("duedate", Some(from), Some(until))], json!({ "duedate": until }))
}

fn who(n: u64, minute: u64, from: Option<&str>, who: Option<&str>) -> Post {
    change(n, minute, vec![item("assignee", from, who)], json!({ "assignee": who.map(|name| person(name, name)) }))
}

fn priority(n: u64, minute: u64, from: &str, now: &str) -> Post {
    change(n, minute, vec![item("priority", Some(from), Some(now))], json!({ "priority": { "name": now } }))
}

fn flag(n: u64, minute: u64, on: bool) -> Post {
    let (from, now) = if on { (None, Some("Impediment")) } else { (Some("Impediment"), None) };
    change(n, minute, vec![item("Flagged", from, now)], json!({}))
}

fn link(n: u64, minute: u64, on: bool) -> Post {
    let text = Some("This issue blocks DATA-9");
    let (from, now) = if on { (None, text) } else { (text, None) };
    change(n, minute, vec![item("Link", from, now)], json!({}))
}

fn labels(n: u64, minute: u64, from: &str, now: &str) -> Post {
    change(n, minute, vec![item("labels", Some(from), Some(now))], json!({ "labels": [now] }))
}

fn remark(n: u64, event: &str, words: &str) -> Post {
    jira_comment(&key(n), n, event, json!(words))
}

/// The same ticket under another key.
fn as_core(n: u64, post: Post) -> Post {
    let (_, number) = ("", n);
    let more = json!({ "issue": { "id": format!("1{number:0>5}"), "key": format!("CORE-{n}"),
        "fields": { "project": { "key": "CORE" } } } });
    post.with(more)
}

fn a_sprint(n: u64, event: &str, minute: u64) -> Post {
    sprint(n, event, minute, json!({ "sprint": { "name": old(n) } }))
}

fn a_version(n: u64, event: &str, minute: u64) -> Post {
    version(n, event, minute, json!({ "version": { "name": old(n) } }))
}

/// A repository that becomes private.
const PRIVATE: Then = After(|_| vec![privatized()], Inside);
/// A security level.
const LEVEL: Then = After(|n| vec![levelled(&key(n), 20, json!({ "summary": old(n) }))], KeyOnly);
const RETITLED: Then = After(
    |n| {
        let more = json!({ "pull_request": { "title": new(n) }, "changes": { "title": { "from": old(n) } } });
        vec![pull(n, "edited", 20, more)]
    },
    New,
);
const ISSUE_RETITLED: Then = After(
    |n| {
        let more = json!({ "issue": { "title": new(n) }, "changes": { "title": { "from": old(n) } } });
        vec![issue(n, "edited", 20, more)]
    },
    New,
);
const RESUMMED: Then = After(
    |n| vec![changed(&key(n), 20, vec![item("summary", Some(&old(n)), Some(&new(n)))], json!({ "summary": new(n) }))],
    New,
);
const MERGED_SINCE: Then = First(|n| vec![end(n, true, 30)], Nothing("late"));
const MOVED_ON: Then = First(|n| vec![moved_on(n)], Comes::Told);

fn pull_requests() -> Vec<Row> {
    let opened = |n| pr(n, "opened", 5, json!({}));
    vec![
        row(
            "pull_request.draft",
            |n| pr(n, "opened", 5, is_draft()),
            [
                After(|n| vec![pr(n, "ready_for_review", 6, json!({}))], Nothing("")),
                After(
                    |n| vec![pull(n, "edited", 6, is_draft()).with(json!({ "pull_request": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                MERGED_SINCE,
            ],
        ),
        row(
            "pull_request.opened",
            opened,
            [After(|n| vec![end(n, false, 6)], Nothing("closed")), RETITLED, PRIVATE, MERGED_SINCE],
        ),
        row(
            "pull_request.ready",
            |n| pr(n, "ready_for_review", 5, json!({})),
            [
                After(|n| vec![pr(n, "converted_to_draft", 6, is_draft())], Nothing("draft")),
                RETITLED,
                PRIVATE,
                MERGED_SINCE,
            ],
        ),
        row(
            "pull_request.merged",
            |n| end(n, true, 5),
            [
                Cannot("a merge stays one"),
                After(
                    |n| vec![end(n, true, 6).with(json!({ "action": "edited", "pull_request": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![end(n, true, 30).with(json!({ "action": "milestoned" }))], Comes::Told),
            ],
        ),
        row(
            "pull_request.closed",
            |n| end(n, false, 5),
            [
                After(|n| vec![pr(n, "reopened", 6, json!({}))], Nothing("")),
                After(
                    |n| vec![end(n, false, 6).with(json!({ "action": "edited", "pull_request": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![pr(n, "reopened", 30, json!({}))], Nothing("")),
            ],
        ),
        row(
            "pull_request.reopened",
            |n| pr(n, "reopened", 5, json!({})),
            [
                After(|n| vec![end(n, false, 6)], Nothing("closed")),
                RETITLED,
                PRIVATE,
                First(|n| vec![end(n, false, 30)], Nothing("closed")),
            ],
        ),
        row(
            "pull_request.pushed",
            |n| pushed(n, 5).with(titled(n)),
            [
                Cannot("what was pushed was pushed: what comes after it is a push of its own"),
                RETITLED,
                PRIVATE,
                First(|n| vec![pushed(n, 30).with(titled(n))], Heard),
            ],
        ),
        row(
            "pull_request.edited",
            |n| pr(n, "edited", 5, json!({ "changes": { "title": { "from": "First" } } })),
            [
                Cannot("an edit back is an edit"),
                After(
                    |n| {
                        vec![pr(
                            n,
                            "edited",
                            6,
                            json!({ "pull_request": { "body": new(n) }, "changes": { "body": { "from": null } } }),
                        )]
                    },
                    Heard,
                ),
                PRIVATE,
                MOVED_ON,
            ],
        ),
        row(
            "pull_request.labeled",
            |n| label(n, true, 5),
            [
                After(|n| vec![label(n, false, 6)], Nothing("")),
                After(
                    |n| {
                        vec![label(n, true, 6).with(json!({ "action": "edited", "pull_request": { "title": new(n) } }))]
                    },
                    New,
                ),
                PRIVATE,
                First(|n| vec![label(n, false, 30)], Nothing("")),
            ],
        ),
        row(
            "pull_request.unlabeled",
            |n| label(n, false, 5),
            [
                After(|n| vec![label(n, true, 6)], Nothing("")),
                RETITLED,
                PRIVATE,
                First(|n| vec![label(n, true, 30)], Nothing("")),
            ],
        ),
        row(
            "pull_request.assigned",
            |n| assign(n, true, 5),
            [
                After(|n| vec![assign(n, false, 6)], Nothing("")),
                After(
                    |n| {
                        vec![
                            assign(n, true, 6).with(json!({ "action": "edited", "pull_request": { "title": new(n) } })),
                        ]
                    },
                    New,
                ),
                PRIVATE,
                First(|n| vec![assign(n, false, 30)], Nothing("")),
            ],
        ),
        row(
            "pull_request.review_requested",
            |n| ask(n, true, 5),
            [
                After(|n| vec![ask(n, false, 6)], Nothing("")),
                After(
                    |n| vec![ask(n, true, 6).with(json!({ "action": "edited", "pull_request": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![ask(n, false, 30)], Nothing("")),
            ],
        ),
        row(
            "pull_request.approved",
            |n| reviewed(n, "approved"),
            [
                After(|n| vec![reviewed(n, "dismissed")], Nothing("dismissed")),
                After(|n| review_edited(n, "approved"), New),
                PRIVATE,
                First(|n| vec![reviewed(n, "dismissed")], Nothing("dismissed")),
            ],
        ),
        row(
            "pull_request.changes_requested",
            |n| reviewed(n, "changes_requested"),
            [
                After(|n| vec![reviewed(n, "dismissed")], Nothing("dismissed")),
                After(|n| review_edited(n, "changes_requested"), New),
                PRIVATE,
                First(|n| vec![reviewed(n, "dismissed")], Nothing("dismissed")),
            ],
        ),
        row(
            "pull_request.commented",
            |n| said(n, "created", &old(n)),
            [
                After(|n| vec![said(n, "deleted", &old(n))], Nothing("deleted")),
                After(|n| vec![said_edited(n, &old(n), &new(n))], New),
                PRIVATE,
                First(|n| vec![said(n, "deleted", &old(n))], Nothing("deleted")),
            ],
        ),
        row(
            "pull_request.on_track",
            |n| pushed(n, 5).with(titled(n)).with(is_draft()),
            [
                After(|n| vec![end(n, false, 6)], Nothing("closed")),
                After(
                    |n| vec![pull(n, "edited", 6, is_draft()).with(json!({ "pull_request": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                MERGED_SINCE,
            ],
        ),
        row(
            "pull_request.stalled",
            opened,
            [
                After(|n| vec![said(n, "created", "Still here.")], Nothing("")),
                After(|n| vec![pr(n, "edited", 6, json!({}))], Nothing("")),
                PRIVATE,
                MERGED_SINCE,
            ],
        ),
    ]
}

fn rest_of_github() -> Vec<Row> {
    const STAYS: Then = Cannot("nobody can put other words in it");
    const NO_TIME: Then = Cannot("its payload does not say when it happened");
    vec![
        row(
            "issue.opened",
            |n| an_issue(n, "opened", 5, json!({})),
            [
                After(|n| vec![an_issue(n, "deleted", 6, json!({}))], Nothing("deleted")),
                ISSUE_RETITLED,
                PRIVATE,
                First(|n| vec![an_issue(n, "deleted", 30, json!({}))], Nothing("deleted")),
            ],
        ),
        row(
            "issue.closed",
            |n| an_issue(n, "closed", 5, json!({})),
            [
                After(|n| vec![an_issue(n, "reopened", 6, json!({}))], Nothing("")),
                After(
                    |n| {
                        vec![
                            an_issue(n, "closed", 6, json!({}))
                                .with(json!({ "action": "edited", "issue": { "title": new(n) } })),
                        ]
                    },
                    New,
                ),
                PRIVATE,
                First(|n| vec![an_issue(n, "reopened", 30, json!({}))], Nothing("")),
            ],
        ),
        row(
            "issue.reopened",
            |n| an_issue(n, "reopened", 5, json!({})),
            [
                After(|n| vec![an_issue(n, "closed", 6, json!({}))], Nothing("closed")),
                ISSUE_RETITLED,
                PRIVATE,
                First(|n| vec![an_issue(n, "closed", 30, json!({}))], Nothing("closed")),
            ],
        ),
        row(
            "issue.labeled",
            |n| issue_label(n, true, 5),
            [
                After(|n| vec![issue_label(n, false, 6)], Nothing("")),
                After(
                    |n| vec![issue_label(n, true, 6).with(json!({ "action": "edited", "issue": { "title": new(n) } }))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![issue_label(n, false, 30)], Nothing("")),
            ],
        ),
        row(
            "issue.assigned",
            |n| issue_assign(n, true, 5),
            [
                After(|n| vec![issue_assign(n, false, 6)], Nothing("")),
                After(
                    |n| {
                        vec![issue_assign(n, true, 6).with(json!({ "action": "edited", "issue": { "title": new(n) } }))]
                    },
                    New,
                ),
                PRIVATE,
                First(|n| vec![issue_assign(n, false, 30)], Nothing("")),
            ],
        ),
        row(
            "issue.commented",
            |n| on_issue(n, "created", &old(n)),
            [
                After(|n| vec![on_issue(n, "deleted", &old(n))], Nothing("deleted")),
                After(
                    |n| vec![on_issue(n, "edited", &new(n)).with(json!({ "changes": { "body": { "from": old(n) } } }))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![on_issue(n, "deleted", &old(n))], Nothing("deleted")),
            ],
        ),
        row(
            "push",
            |n| pushes(n, n * 10),
            [
                Cannot("what was pushed was pushed: what comes after it is a push of its own"),
                STAYS,
                PRIVATE,
                First(|n| vec![pushes(n, n * 10 + 1)], Heard),
            ],
        ),
        row(
            "release.published",
            |n| released(n, "published", json!({})),
            [
                After(|n| vec![released(n, "deleted", json!({}))], Nothing("deleted")),
                After(
                    |n| {
                        vec![released(
                            n,
                            "edited",
                            json!({ "release": { "name": new(n) }, "changes": { "name": { "from": old(n) } } }),
                        )]
                    },
                    New,
                ),
                PRIVATE,
                First(|n| vec![released(n, "deleted", json!({}))], Nothing("deleted")),
            ],
        ),
        Row {
            before: |n| vec![released(n, "published", pre())],
            ..row(
                "release.promoted",
                |n| released(n, "released", json!({})),
                [
                    After(|n| vec![released(n, "edited", pre())], Nothing("")),
                    After(
                        |n| {
                            vec![released(
                                n,
                                "edited",
                                json!({ "release": { "name": new(n) }, "changes": { "name": { "from": old(n) } } }),
                            )]
                        },
                        New,
                    ),
                    PRIVATE,
                    First(|n| vec![released(n, "deleted", json!({}))], Nothing("deleted")),
                ],
            )
        },
        row(
            "deployment.succeeded",
            |n| deployed(n, 5, "success"),
            [
                After(|n| vec![deployed(n, 6, "failure")], Nothing("")),
                STAYS,
                PRIVATE,
                First(|n| vec![deployed(n, 6, "failure")], Nothing("")),
            ],
        ),
        row(
            "deployment.failed",
            |n| deployed(n, 5, "failure"),
            [
                After(|n| vec![deployed(n, 6, "success")], Nothing("")),
                STAYS,
                PRIVATE,
                First(|n| vec![deployed(n, 6, "success")], Nothing("")),
            ],
        ),
        row(
            "workflow.failed",
            |n| ran(n, n * 10, 1, "failure"),
            [
                After(|n| vec![ran(n, n * 10, 2, "success")], Nothing("")),
                STAYS,
                PRIVATE,
                First(|n| vec![ran(n, n * 10, 2, "success")], Nothing("")),
            ],
        ),
        Row {
            before: |n| vec![ran(n, n * 10, 1, "failure")],
            ..row(
                "workflow.recovered",
                |n| ran(n, n * 10 + 1, 1, "success"),
                [
                    After(|n| vec![ran(n, n * 10 + 2, 1, "failure")], Nothing("")),
                    STAYS,
                    PRIVATE,
                    First(|n| vec![ran(n, n * 10 + 2, 1, "failure")], Nothing("")),
                ],
            )
        },
        row(
            "discussion.created",
            |n| talk(n, "created", 5),
            [
                After(|n| vec![talk(n, "deleted", 6)], Nothing("deleted")),
                After(|n| talk_edited(n, "created"), New),
                PRIVATE,
                First(|n| vec![talk(n, "deleted", 30)], Nothing("deleted")),
            ],
        ),
        row(
            "discussion.answered",
            |n| talk(n, "answered", 5),
            [
                After(|n| vec![talk(n, "unanswered", 6)], Nothing("")),
                After(|n| talk_edited(n, "answered"), New),
                PRIVATE,
                First(|n| vec![talk(n, "unanswered", 30)], Nothing("")),
            ],
        ),
        row(
            "branch.created",
            |n| a_branch(n, "create"),
            [After(|n| vec![a_branch(n, "delete")], Nothing("deleted")), STAYS, PRIVATE, NO_TIME],
        ),
        row(
            "branch.deleted",
            |n| a_branch(n, "delete"),
            [After(|n| vec![a_branch(n, "create")], Nothing("")), STAYS, PRIVATE, NO_TIME],
        ),
    ]
}

fn tickets() -> Vec<Row> {
    vec![
        row(
            "ticket.created",
            |n| summed(n, ticket(&key(n), "jira:issue_created", 5, json!({}))),
            [
                After(|n| vec![summed(n, ticket(&key(n), "jira:issue_deleted", 6, json!({})))], Nothing("deleted")),
                RESUMMED,
                LEVEL,
                First(|n| vec![summed(n, ticket(&key(n), "jira:issue_deleted", 30, json!({})))], Nothing("deleted")),
            ],
        ),
        row(
            "ticket.transitioned",
            |n| to(n, 5, ("To Do", "Selected"), "new"),
            [
                After(|n| vec![to(n, 6, ("Selected", "To Do"), "new")], AtMostOne),
                RESUMMED,
                LEVEL,
                First(|n| vec![to(n, 30, ("Selected", "Done"), "done")], AtMostOne),
            ],
        ),
        row(
            "ticket.started",
            |n| to(n, 5, ("To Do", "In Progress"), "indeterminate"),
            [
                After(|n| vec![to(n, 6, ("In Progress", "To Do"), "new")], Nothing("")),
                RESUMMED,
                LEVEL,
                First(|n| vec![to(n, 30, ("In Progress", "Done"), "done")], Nothing("late")),
            ],
        ),
        row(
            "ticket.done",
            |n| to(n, 5, ("In Progress", "Done"), "done"),
            [
                After(|n| vec![to(n, 6, ("Done", "In Progress"), "indeterminate")], Nothing("")),
                After(
                    |n| {
                        vec![to(n, 6, ("In Progress", "Done"), "done").with(json!({
                "changelog": { "id": format!("9{n}"), "items": [item("summary", Some(&old(n)), Some(&new(n)))] },
                "issue": { "fields": { "summary": new(n) } } }))]
                    },
                    New,
                ),
                After(
                    |n| {
                        vec![to(n, 6, ("In Progress", "Done"), "done").with(json!({
                "changelog": { "id": format!("9{n}"), "items": [item("security", None, Some("Restricted"))] },
                "issue": { "fields": level() } }))]
                    },
                    KeyOnly,
                ),
                First(|n| vec![to(n, 30, ("Done", "In Progress"), "indeterminate")], Nothing("late")),
            ],
        ),
        row(
            "ticket.assigned",
            |n| who(n, 5, None, Some("cy")),
            [
                After(|n| vec![who(n, 6, Some("cy"), None)], AtMostOne),
                RESUMMED,
                LEVEL,
                First(|n| vec![who(n, 30, Some("cy"), Some("eve"))], AtMostOne),
            ],
        ),
        row(
            "ticket.slipped",
            |n| due(n, 5, "2026-02-01", "2026-03-01"),
            [
                After(|n| vec![due(n, 6, "2026-03-01", "2026-02-01")], Nothing("")),
                RESUMMED,
                LEVEL,
                First(|n| vec![due(n, 30, "2026-03-01", "2026-02-01")], Nothing("")),
            ],
        ),
        row(
            "ticket.pulled_in",
            |n| due(n, 5, "2026-03-01", "2026-02-01"),
            [
                After(|n| vec![due(n, 6, "2026-02-01", "2026-03-01")], Nothing("")),
                RESUMMED,
                LEVEL,
                First(|n| vec![due(n, 30, "2026-02-01", "2026-03-01")], Nothing("")),
            ],
        ),
        row(
            "ticket.priority_changed",
            |n| priority(n, 5, "Low", "High"),
            [
                After(|n| vec![priority(n, 6, "High", "Low")], AtMostOne),
                RESUMMED,
                LEVEL,
                First(|n| vec![priority(n, 30, "High", "Low")], AtMostOne),
            ],
        ),
        row(
            "ticket.flagged",
            |n| flag(n, 5, true),
            [
                After(|n| vec![flag(n, 6, false)], Nothing("")),
                RESUMMED,
                LEVEL,
                First(|n| vec![flag(n, 30, false)], Nothing("")),
            ],
        ),
        row(
            "ticket.commented",
            |n| remark(n, "comment_created", &old(n)),
            [
                After(|n| vec![remark(n, "comment_deleted", &old(n))], Nothing("deleted")),
                After(|n| vec![remark(n, "comment_updated", &new(n))], New),
                After(
                    |n| {
                        vec![remark(n, "comment_updated", &old(n)).with(json!({
                "comment": { "visibility": { "type": "role", "value": "Administrators" } } }))]
                    },
                    KeyOnly,
                ),
                First(|n| vec![remark(n, "comment_deleted", &old(n))], Nothing("deleted")),
            ],
        ),
        row(
            "ticket.linked",
            |n| link(n, 5, true),
            [
                After(|n| vec![link(n, 6, false)], Nothing("")),
                RESUMMED,
                LEVEL,
                First(|n| vec![link(n, 30, false)], Nothing("")),
            ],
        ),
        Row {
            before: |n| vec![labels(n, 3, "a", "b")],
            ..row(
                "ticket.moved",
                |n| as_core(n, change(n, 5, vec![item("Key", Some(&key(n)), Some(&format!("CORE-{n}")))], json!({}))),
                [
                    After(
                        |n| vec![change(n, 6, vec![item("Key", Some(&format!("CORE-{n}")), Some(&key(n)))], json!({}))],
                        AtMostOne,
                    ),
                    After(
                        |n| {
                            vec![as_core(
                                n,
                                changed(
                                    &key(n),
                                    6,
                                    vec![item("summary", Some(&old(n)), Some(&new(n)))],
                                    json!({ "summary": new(n) }),
                                ),
                            )]
                        },
                        New,
                    ),
                    After(|n| vec![as_core(n, levelled(&key(n), 6, json!({ "summary": old(n) })))], KeyOnly),
                    First(|n| vec![as_core(n, labels(n, 30, "b", "c"))], Comes::Told),
                ],
            )
        },
        row(
            "ticket.updated",
            |n| labels(n, 5, "a", "b"),
            [
                After(|n| vec![labels(n, 6, "b", "a")], AtMostOne),
                After(
                    |n| {
                        vec![changed(
                            &key(n),
                            20,
                            vec![item("summary", Some("First"), Some(&new(n)))],
                            json!({ "summary": new(n) }),
                        )]
                    },
                    Heard,
                ),
                LEVEL,
                First(|n| vec![to(n, 30, ("To Do", "In Progress"), "indeterminate")], Comes::Told),
            ],
        ),
        row(
            "ticket.deleted",
            |n| summed(n, ticket(&key(n), "jira:issue_deleted", 5, json!({}))),
            [
                Cannot("a ticket that is deleted stays so"),
                Cannot("nobody can edit it any more"),
                First(|n| vec![levelled(&key(n), 4, json!({ "summary": old(n) }))], KeyOnly),
                Cannot("nothing happens after it"),
            ],
        ),
        Row {
            before: |n| vec![quiet(n, to(n, 3, ("To Do", "In Progress"), "indeterminate"))],
            ..row(
                "ticket.quiet",
                |n| quiet(n, labels(n, 5, "a", "b")),
                [
                    After(|n| vec![remark(n, "comment_created", "Still here.")], Nothing("")),
                    After(|n| vec![quiet(n, labels(n, 6, "b", "c"))], Nothing("")),
                    After(|n| vec![quiet(n, levelled(&key(n), 6, json!({ "summary": old(n) })))], KeyOnly),
                    First(|n| vec![to(n, 30, ("In Progress", "Done"), "done")], Nothing("")),
                ],
            )
        },
    ]
}

/// A ticket that a member of the team has which is to be nudged.
fn quiet(_: u64, post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "assignee": person("quiet", "Quinn") } } }))
}

fn rest_of_jira() -> Vec<Row> {
    const NO_LEVEL: Then = Cannot("Jira has no security levels for it");
    vec![
        row(
            "sprint.started",
            |n| a_sprint(n, "sprint_started", 5),
            [
                After(|n| vec![a_sprint(n, "sprint_closed", 6)], Nothing("closed")),
                After(|n| vec![sprint(n, "sprint_updated", 6, json!({ "sprint": { "name": new(n) } }))], Comes::Told),
                NO_LEVEL,
                First(|n| vec![a_sprint(n, "sprint_closed", 30)], Nothing("closed")),
            ],
        ),
        row(
            "sprint.closed",
            |n| a_sprint(n, "sprint_closed", 5),
            [
                After(|n| vec![a_sprint(n, "sprint_started", 6)], Nothing("")),
                After(
                    |n| {
                        vec![sprint(n, "sprint_updated", 6, json!({ "sprint": { "name": new(n), "state": "closed" } }))]
                    },
                    Comes::Told,
                ),
                NO_LEVEL,
                First(|n| vec![a_sprint(n, "sprint_started", 30)], Nothing("")),
            ],
        ),
        row(
            "version.released",
            |n| a_version(n, "jira:version_released", 5),
            [
                After(|n| vec![a_version(n, "jira:version_unreleased", 6)], Nothing("")),
                After(
                    |n| {
                        vec![version(
                            n,
                            "jira:version_updated",
                            6,
                            json!({ "version": { "name": new(n), "released": true } }),
                        )]
                    },
                    Comes::Told,
                ),
                NO_LEVEL,
                First(|n| vec![a_version(n, "jira:version_unreleased", 30)], Nothing("")),
            ],
        ),
    ]
}

/// A note of a kind, in a comment; that about Jira is in one there.
macro_rules! note {
    ($kind:literal, $command:literal) => {
        row(
            $kind,
            |n| said(n, "created", &format!("{} {}", $command, old(n))),
            [
                After(|n| vec![said(n, "deleted", &format!("{} {}", $command, old(n)))], Nothing("")),
                After(
                    |n| vec![said_edited(n, &format!("{} {}", $command, old(n)), &format!("{} {}", $command, new(n)))],
                    New,
                ),
                PRIVATE,
                First(|n| vec![said(n, "deleted", &format!("{} {}", $command, old(n)))], Nothing("")),
            ],
        )
    };
}

fn notes() -> Vec<Row> {
    vec![
        note!("note.assumed", "/assume"),
        note!("note.decided", "/decide"),
        note!("note.heads_up", "/headsup"),
        note!("note.delayed", "/delay"),
        row(
            "note.blocked",
            |n| remark(n, "comment_created", &format!("/block {}", old(n))),
            [
                After(|n| vec![remark(n, "comment_deleted", &format!("/block {}", old(n)))], Nothing("")),
                After(|n| vec![remark(n, "comment_updated", &format!("/block {}", new(n)))], New),
                After(
                    |n| {
                        vec![remark(n, "comment_updated", &format!("/block {}", old(n))).with(json!({
                "comment": { "visibility": { "type": "role", "value": "Administrators" } } }))]
                    },
                    KeyOnly,
                ),
                First(|n| vec![remark(n, "comment_deleted", &format!("/block {}", old(n)))], Nothing("")),
            ],
        ),
    ]
}

fn rows() -> Vec<Row> {
    [pull_requests(), rest_of_github(), tickets(), rest_of_jira(), notes()].into_iter().flatten().collect()
}

/// Two teams for a kind: readers inside and outside.
fn teams(kind: &str) -> [String; 2] {
    let silent = matches!(kind, "pull_request.stalled" | "ticket.quiet");
    let (after, settle) = if silent { ("after = \"1s\"\n", "4s") } else { ("", "2s") };
    let team = |who: &str, end: &str, audience: &str| {
        format!(
            "team = \"{who}-{kind}\"\nmembers = [\"quiet\"]\nto = [\"email:{kind}@example.{end}\"]\nsettle = \"{settle}\"\n\
             {audience}[[rule]]\nname = \"rule\"\non = [\"{kind}\"]\n{after}"
        )
    };
    [team("in", "com", ""), team("out", "org", "audience = \"outside\"\n")]
}

/// A cell: the row, the condition, and its number.
#[derive(Clone, Copy)]
struct Cell<'a> {
    row: &'a Row,
    condition: usize,
    n: u64,
}

impl Cell<'_> {
    fn then(&self) -> Option<Then> {
        let Row { undone, edited, restricted, late, .. } = *self.row;
        [Some(undone), Some(edited), Some(restricted), None, Some(late)][self.condition]
    }

    fn name(&self) -> String {
        format!("{} {}", self.row.kind, CONDITIONS[self.condition])
    }

    /// The same in a repository and by people of this cell alone: nobody does many things at once.
    fn own(&self, post: Post) -> Post {
        let mut post = post.of(&format!("acme/r{}", self.n));
        let text = post.body.to_string();
        let text = text.replace("\"login\":\"ana\"", &format!("\"login\":\"ana{}\"", self.n));
        let text = text.replace("\"accountId\":\"5aa\"", &format!("\"accountId\":\"5aa{}\"", self.n));
        post.body = serde_json::from_str(&text).unwrap();
        post
    }

    async fn send(&self, service: &Service, step: &str, posts: Vec<Post>) {
        for (number, post) in posts.into_iter().enumerate() {
            let delivery = format!("{}/{}/{step}-{number}", self.row.kind, CONDITIONS[self.condition]);
            send(service, &delivery, &self.own(post)).await;
        }
    }

    async fn send_it(&self, service: &Service) {
        let mut its = vec![(self.row.it)(self.n)];
        if self.condition == 3 {
            its.push((self.row.it)(self.n));
        }
        self.send(service, "it", its).await;
    }

    fn is_silent(&self) -> bool {
        matches!(self.row.kind, "pull_request.stalled" | "ticket.quiet")
    }

    /// What is wrong with what came of it.
    fn wrong(&self, told: &Told) -> Option<String> {
        let number = self.n.to_string();
        let mails = |end: &str| {
            let to = format!("{}@example.{end}", self.row.kind);
            let of = told.mails.iter().filter(move |mail| mail.to.eq_ignore_ascii_case(&to));
            of.map(|mail| format!("{} | {} | {}", mail.subject, mail.text, mail.html))
                .filter(|text| text.contains(&number))
                .collect::<Vec<_>>()
        };
        let (inside, outside) = (mails("com"), mails("org"));
        let team = format!("in-{}", self.row.kind);
        let prefix = format!("{}/{}/", self.row.kind, CONDITIONS[self.condition]);
        let of_cell = |line: &&Value| {
            let delivery = line["delivery"].as_str().unwrap_or_default();
            let subject = line["subject"].as_str().unwrap_or_default();
            line["team"] == team && (delivery.starts_with(&prefix) || subject.contains(&number))
        };
        let lines = told.ledger.iter().filter(of_cell).collect::<Vec<_>>();
        let reasons = lines.iter().map(|line| format!("{}: {}", line["state"], line["reason"])).collect::<Vec<_>>();
        let (count, secret, fresh) = (inside.len(), old(self.n), new(self.n));
        let leaks = |mails: &[String]| mails.iter().any(|text| text.contains(&secret));
        let comes = match self.then() {
            Some(After(_, comes) | First(_, comes)) => comes,
            Some(Cannot(_)) => return None,
            None => Comes::Told,
        };
        let right = match comes {
            Comes::Told => count == 1,
            Heard => count >= 1,
            New => count == 1 && inside[0].contains(&fresh) && !leaks(&inside),
            Nothing(because) => count == 0 && reasons.iter().any(|reason| reason.contains(because)),
            AtMostOne => count <= 1,
            KeyOnly => count <= 1 && !leaks(&inside) && outside.is_empty(),
            Inside => count == 1 && !leaks(&outside),
        };
        let shown = inside.iter().chain(&outside).map(|text| text.split(" | ").take(2).collect::<Vec<_>>().join(" | "));
        let mut wrong = format!("{}: {comes:?}, and not {count} messages; {reasons:?}", self.name());
        shown.for_each(|text| write!(wrong, "\n    {}", text.replace('\n', " ")).unwrap());
        (!right).then_some(wrong)
    }
}

/// All kinds that rules can ask for.
async fn kinds(service: &Service) -> Vec<String> {
    let (_, schema, _) = service.run(&["schema", "rules"]).await;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let lists = |value: &Value| value["anyOf"][0]["enum"].as_array().cloned();
    let on = &schema["$defs"]["RuleTable"]["properties"]["on"]["items"];
    let kinds = lists(on).unwrap_or_else(|| panic!("no kinds in {schema}"));
    kinds.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_kind_under_every_condition() {
    let rows = rows();
    let files = rows.iter().flat_map(|row| teams(row.kind)).collect::<Vec<_>>();
    let service = serve(&files).await;
    let all = kinds(&service).await;
    let written = rows.iter().map(|row| row.kind).collect::<Vec<_>>();
    let missing = all.iter().filter(|kind| !written.contains(&kind.as_str())).collect::<Vec<_>>();
    assert!(missing.is_empty(), "no row for {missing:?}");

    let cells = rows.iter().enumerate().flat_map(|(at, row)| {
        (0..CONDITIONS.len()).map(move |condition| Cell { row, condition, n: 7000 + 10 * at as u64 + condition as u64 })
    });
    let cells = cells.filter(|cell| !matches!(cell.then(), Some(Cannot(_)))).collect::<Vec<_>>();
    let each = async |step: &dyn Fn(Cell<'_>) -> Vec<(&'static str, Vec<Post>)>| {
        let service = &service;
        stream::iter(cells.iter().map(|cell| (*cell, step(*cell))))
            .for_each_concurrent(8, async |(cell, steps)| {
                for (name, posts) in steps {
                    if name == "it" {
                        cell.send_it(service).await;
                    } else {
                        cell.send(service, name, posts).await;
                    }
                }
            })
            .await;
    };
    each(&|cell| vec![("before", (cell.row.before)(cell.n))]).await;
    service.idle().await;
    // What silence brings waits before anything can follow.
    each(&|cell| match cell.then() {
        Some(First(posts, _)) if cell.is_silent() => vec![("first", posts(cell.n)), ("it", vec![])],
        _ if cell.is_silent() => vec![("it", vec![])],
        _ => vec![],
    })
    .await;
    let silent = cells.iter().filter(|cell| cell.is_silent() && matches!(cell.then(), None | Some(After(..))));
    let silent = silent.map(|cell| (cell.row.kind, cell.n.to_string())).collect::<Vec<_>>();
    eventually("silence is noticed", async || {
        let ledger = service.ledger().await;
        let noticed = |(kind, number): &(&str, String)| {
            ledger.iter().any(|line| line["kind"] == *kind && line["subject"].as_str().unwrap().contains(number))
        };
        silent.iter().all(noticed).then_some(())
    })
    .await;
    each(&|cell| match cell.then() {
        Some(After(posts, _)) if cell.is_silent() => vec![("after", posts(cell.n))],
        Some(After(posts, _)) => vec![("it", vec![]), ("after", posts(cell.n))],
        _ if cell.is_silent() => vec![],
        Some(First(posts, _)) => vec![("first", posts(cell.n)), ("it", vec![])],
        _ => vec![("it", vec![])],
    })
    .await;
    let told = Told::by(&service).await;
    let wrong = cells.iter().filter_map(|cell| cell.wrong(&told)).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{} of {} cells are wrong:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}
