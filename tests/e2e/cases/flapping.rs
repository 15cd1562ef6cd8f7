//! What goes to and fro while its message waits ends in one message for what stands at the end, or in none.

use serde_json::json;

use super::payload::*;
use super::story::{on, sibling, tell, web};

/// Takes turns, so often, and perhaps with a first one more.
fn turns(times: u64, one: impl Fn(u64) -> Post, other: impl Fn(u64) -> Post, ends_with_one: bool) -> Vec<Post> {
    let mut posts = (0..times).flat_map(|n| [one(2 * n), other(2 * n + 1)]).collect::<Vec<_>>();
    posts.extend(ends_with_one.then(|| one(2 * times)));
    posts
}

#[tokio::test]
async fn a_release_that_is_tried_ten_times_is_told_once_or_not_at_all() {
    let of = |tag: &'static str, action: &'static str| {
        move |n: u64| {
            let id = tag[1..].parse::<u64>().unwrap() * 1000 + n / 2;
            let at = json!({ "release": { "created_at": time(n), "published_at": time(n) } });
            release(id, tag, action, at)
        }
    };
    let siblings = [
        sibling("stands", turns(10, of("v601", "published"), of("v601", "deleted"), true)).messages(1, "v601"),
        sibling("deleted", turns(10, of("v602", "published"), of("v602", "deleted"), false))
            .messages(0, "v602")
            .because(18, "deleted"),
        sibling("unpublished", turns(2, of("v603", "published"), of("v603", "unpublished"), false)).messages(0, "v603"),
        sibling(
            "one-id-all-along",
            [
                release(604, "v604", "published", json!({})),
                release(604, "v604", "unpublished", json!({ "release": { "draft": true } })),
                release(604, "v604", "published", json!({ "release": { "published_at": time(9) } })),
            ],
        )
        .messages(1, "v604"),
        sibling(
            "tag-and-branch-are-two-things",
            [release(605, "v605", "published", json!({})), branch("delete", "v605")],
        )
        .messages(1, "v605"),
    ];
    tell(&[web("10s", &on(&["release.published"]))], &siblings).await;
}

#[tokio::test]
async fn other_things_that_flap_end_in_what_stands() {
    let issues = |number: u64, action: &'static str| move |n: u64| issue(number, action, 5 + n, json!({}));
    let label = |number: u64, action: &'static str, on: bool| {
        move |n: u64| {
            let labels: &[&str] = if on { &["contract"] } else { &[] };
            let more = json!({ "label": { "name": "contract" }, "pull_request": { "labels": named(labels) } });
            pull(number, action, 5 + n, more)
        }
    };
    let pulls = |number: u64, draft: bool| {
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        move |n: u64| pull(number, action, 5 + n, json!({ "pull_request": { "draft": draft } }))
    };
    let branches = |event: &'static str, name: &'static str| move |n: u64| branch_at(event, name, n);
    let runs = |name: &'static str, how: &'static str| move |n: u64| run(name, (6000 + n, 1), how, "main");
    let deployed = |n: u64, state: &str| deployment(6000 + n, 1 + n, state, "stage-631");
    let deployments = (0..10).map(|n| deployed(n, "success")).collect::<Vec<_>>();
    let flag = |key: &'static str, on: bool| {
        move |n: u64| {
            let (from, to) = if on { (None, Some("Impediment")) } else { (Some("Impediment"), None) };
            changed(key, 5 + n, vec![item("Flagged", from, to)], json!({}))
        }
    };
    let siblings = [
        sibling("issue-ends-closed", turns(5, issues(611, "closed"), issues(611, "reopened"), true))
            .messages(1, "Orders 611"),
        sibling("issue-ends-open", turns(5, issues(612, "closed"), issues(612, "reopened"), false))
            .messages(0, "Orders 612"),
        sibling("label-ends-on", turns(5, label(613, "labeled", true), label(613, "unlabeled", false), true))
            .messages(1, "schema 613"),
        sibling("label-ends-off", turns(5, label(614, "labeled", true), label(614, "unlabeled", false), false))
            .messages(0, "schema 614"),
        sibling(
            "branch-ends-deleted",
            turns(5, branches("create", "branch-615"), branches("delete", "branch-615"), false),
        )
        .messages(0, "branch-615"),
        sibling(
            "branch-ends-there",
            turns(5, branches("create", "branch-616"), branches("delete", "branch-616"), true),
        )
        .messages(1, "branch-616"),
        sibling("workflow-ends-well", turns(5, runs("ci-617", "failure"), runs("ci-617", "success"), false))
            .messages(0, "ci-617"),
        sibling("workflow-ends-badly", turns(5, runs("ci-618", "failure"), runs("ci-618", "success"), true))
            .messages(1, "ci-618"),
        sibling("draft-ends-ready", turns(5, pulls(619, true), pulls(619, false), false)).messages(1, "schema 619"),
        sibling("flag-ends-lowered", turns(5, flag("DATA-620", true), flag("DATA-620", false), false))
            .messages(0, "DATA-620"),
        sibling("flag-ends-raised", turns(5, flag("DATA-621", true), flag("DATA-621", false), true))
            .messages(1, "DATA-621"),
        sibling("deployments", deployments).messages(1, "stage-631"),
    ];
    let kinds = [
        "issue.closed",
        "issue.reopened",
        "pull_request.labeled",
        "pull_request.draft",
        "pull_request.ready",
        "branch.created",
        "workflow.*",
        "deployment.*",
        "ticket.flagged",
    ];
    tell(&[web("10s", &on(&kinds))], &siblings).await;
}
