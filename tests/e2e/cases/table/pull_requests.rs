//! The rows of pull requests.

use super::Then::{After, Cannot, First};
use super::words::*;
use super::{Comes, Heard, New, Nothing, Postponed, Row, row};
use super::{MERGED_SINCE, MOVED_ON, PRIVATE, RETITLED};
use crate::cases::payload::*;
use serde_json::json;
pub fn pull_requests() -> Vec<Row> {
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
                First(|n| vec![end(n, true, 30)], Nothing("")),
            ],
        ),
        row(
            "pull_request.stalled",
            opened,
            [
                After(|n| vec![end(n, false, 6)], Nothing("")),
                After(|n| vec![said(n, "created", "Still here.")], Postponed),
                PRIVATE,
                First(|n| vec![end(n, true, 30)], Nothing("")),
            ],
        ),
    ]
}
