//! The rows of the rest of GitHub.

use super::Then::{self, After, Cannot, First};
use super::words::*;
use super::{Heard, New, Nothing, Row, row};
use super::{ISSUE_RETITLED, PRIVATE};
use serde_json::json;
pub fn rest_of_github() -> Vec<Row> {
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
                    First(|n| vec![released(n, "deleted", json!({}))], Nothing("")),
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
            |n| a_branch(n, "create", 5),
            [After(|n| vec![a_branch(n, "delete", 6)], Nothing("deleted")), STAYS, PRIVATE, NO_TIME],
        ),
        row(
            "branch.deleted",
            |n| a_branch(n, "delete", 5),
            [After(|n| vec![a_branch(n, "create", 6)], Nothing("")), STAYS, PRIVATE, NO_TIME],
        ),
    ]
}
