//! The rows of Jira, and of notes.

use super::Then::{self, After, Cannot, First};
use super::words::*;
use super::{AtMostOne, Comes, Heard, KeyOnly, New, Nothing, Postponed, Row, day, row};
use super::{LEVEL, PRIVATE, RESUMMED};
use crate::cases::payload::*;
use serde_json::json;
pub fn tickets() -> Vec<Row> {
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
                After(|n| vec![resummed(n, json!({ "duedate": "2026-03-01" }))], New),
                After(|n| vec![levelled(&key(n), 20, json!({ "summary": old(n), "duedate": "2026-03-01" }))], KeyOnly),
                First(|n| vec![due(n, 30, "2026-03-01", "2026-02-01")], Nothing("")),
            ],
        ),
        row(
            "ticket.pulled_in",
            |n| due(n, 5, "2026-03-01", "2026-02-01"),
            [
                After(|n| vec![due(n, 6, "2026-02-01", "2026-03-01")], Nothing("")),
                After(|n| vec![resummed(n, json!({ "duedate": "2026-02-01" }))], New),
                After(|n| vec![levelled(&key(n), 20, json!({ "summary": old(n), "duedate": "2026-02-01" }))], KeyOnly),
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
                Cannot("a change that removes a link doesn't say when that was made"),
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
                    After(|n| vec![to(n, 6, ("In Progress", "Done"), "done")], Nothing("")),
                    After(|n| vec![remark(n, "comment_created", "Still here.")], Postponed),
                    After(|n| vec![quiet(n, levelled(&key(n), 6, json!({ "summary": old(n) })))], KeyOnly),
                    First(|n| vec![to(n, 30, ("In Progress", "Done"), "done")], Nothing("")),
                ],
            )
        },
        row("ticket.due_soon", |n| dated(labels(n, 5, "a", "b"), 1), DUE_DATE),
        row("ticket.overdue", |n| dated(labels(n, 5, "a", "b"), -1), DUE_DATE),
    ]
}

/// It is told of a ticket that is to be done; what is known late is told as it is then.
const DUE_DATE: [Then; 4] = [
    After(|n| vec![to(n, 20, ("In Progress", "Done"), "done")], Nothing("")),
    After(|n| vec![resummed(n, json!({ "duedate": null }))], Nothing("due date")),
    After(|n| vec![levelled(&key(n), 20, json!({ "summary": old(n) }))], Nothing("")),
    First(|n| vec![to(n, 30, ("In Progress", "Done"), "done")], Nothing("")),
];

/// A ticket that is due so many days ahead.
fn dated(post: Post, ahead: i64) -> Post {
    post.with(json!({ "issue": { "fields": { "duedate": day(ahead) } } }))
}

/// A ticket that a member of the team has which is to be nudged.
pub fn quiet(_: u64, post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "assignee": person("quiet", "Quinn") } } }))
}

pub fn rest_of_jira() -> Vec<Row> {
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
                After(|n| vec![a_sprint(n, "sprint_deleted", 6)], Nothing("deleted")),
                After(
                    |n| {
                        vec![sprint(n, "sprint_updated", 6, json!({ "sprint": { "name": new(n), "state": "closed" } }))]
                    },
                    Comes::Told,
                ),
                NO_LEVEL,
                First(|n| vec![a_sprint(n, "sprint_deleted", 30)], Nothing("deleted")),
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

pub fn notes() -> Vec<Row> {
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
