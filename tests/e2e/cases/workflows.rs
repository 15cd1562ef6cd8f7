//! Workflows that share a name, a file or a run.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{sibling, tell, web};

const RULES: &str = "
[[rule]]
name = \"at-once\"
on = [\"workflow.*\"]
workflow = [\"!e2e*\"]

[[rule]]
name = \"settled\"
on = [\"workflow.*\"]
workflow = [\"e2e*\"]
settle = \"6s\"
";

/// A run of the file with this id, which has a name that others may have too.
fn of_file(id: u64, post: Post) -> Post {
    let path = format!(".github/workflows/file-{id}.yml");
    post.with(json!({
        "workflow_run": { "workflow_id": id, "path": path }, "workflow": { "id": id, "path": path },
    }))
}

fn made_by(event: &str, post: Post) -> Post {
    post.with(json!({ "workflow_run": { "event": event } }))
}

#[tokio::test]
async fn a_workflow_is_its_file_its_branch_and_what_made_it_run() {
    let failed = |name: &str, id: u64| run(name, (id, 1), "failure", "main");
    let well = |name: &str, id: u64| run(name, (id, 1), "success", "main");
    let second = |name: &str, id: u64, how: &str| run(name, (id, 2), how, "main");
    let no_file = |post: Post| {
        post.with(
            json!({ "workflow_run": { "workflow_id": null, "path": null }, "workflow": { "id": null, "path": null } }),
        )
    };
    let siblings = [
        sibling("two-files", [of_file(1, failed("ci-1401", 14010)), settled(), of_file(2, well("ci-1401", 14011))])
            .messages(1, "ci-1401"),
        sibling("mended", [of_file(3, failed("ci-1402", 14020)), settled(), of_file(3, well("ci-1402", 14021))])
            .messages(2, "ci-1402"),
        sibling(
            "nightly-and-push",
            [
                made_by("schedule", failed("nightly-1403", 14030)),
                settled(),
                made_by("push", well("nightly-1403", 14031)),
            ],
        )
        .messages(1, "nightly-1403"),
        sibling(
            "nightly-mended-by-the-next",
            [
                made_by("schedule", failed("nightly-1404", 14040)),
                settled(),
                made_by("schedule", well("nightly-1404", 14041)),
            ],
        )
        .messages(2, "nightly-1404"),
        sibling("second-attempt", [failed("e2e-1405", 14050), second("e2e-1405", 14050, "success")])
            .messages(0, "e2e-1405"),
        sibling("second-attempt-first", [second("e2e-1406", 14060, "success"), failed("e2e-1406", 14060)])
            .messages(0, "e2e-1406"),
        sibling("second-attempt-fails-too", [failed("e2e-1407", 14070), second("e2e-1407", 14070, "failure")])
            .messages(1, "e2e-1407"),
        sibling(
            "another-branch",
            [failed("ci-1408", 14080), settled(), run("ci-1408", (14081, 1), "success", "topic")],
        )
        .messages(1, "ci-1408"),
        sibling("never-failed", [well("ci-1409", 14090)]).messages(0, "ci-1409"),
        sibling(
            "renamed-file-of-an-old-server",
            [no_file(failed("ci-1410", 14100)), settled(), no_file(well("ci-1410", 14101))],
        )
        .messages(2, "ci-1410"),
        sibling(
            "by-hand",
            [
                made_by("workflow_dispatch", failed("ci-1411", 14110)),
                settled(),
                made_by("push", well("ci-1411", 14111)),
            ],
        )
        .messages(1, "ci-1411"),
    ];
    tell(&[web("0s", RULES)], &siblings).await;
}

#[tokio::test]
async fn deployments_are_told_apart_by_what_is_deployed_where() {
    let to = |id: u64, task: &str, state: &str| {
        deployment(id, id % 60, state, "stage-1421").with(json!({ "deployment": { "task": task } }))
    };
    let kinds = super::story::on(&["deployment.*"]);
    let siblings = [sibling("two-services", [to(14210, "deploy:api", "success"), to(14211, "deploy:web", "failure")])
        .messages(2, "stage-1421")];
    tell(&[web("10s", &kinds)], &siblings).await;
}

#[tokio::test]
async fn a_scheduled_run_blames_nobody() {
    let failed = made_by("schedule", run("nightly-1431", (14310, 1), "failure", "main"));
    let by: Value = user("blamed-cy");
    let failed = failed.with(json!({ "workflow_run": { "actor": by }, "sender": by }));
    let siblings = [sibling("nightly", [failed]).messages(1, "nightly-1431").never("blamed-cy")];
    tell(&[web("0s", &super::story::on(&["workflow.*"]))], &siblings).await;
}
