//! Pushes, releases, deployments, workflows, discussions and branches.

use super::*;

#[test]
fn pushes() {
    let body = fixture!("push");
    let event = events("push", &body).remove(0);
    assert_eq!((event.kind, event.subject.as_str()), (EventKind::Push, "acme/ingest:release/2.0"));
    assert_eq!((event.about.title(), tickets(&event)), ("Write ids", vec!["DATA-5", "OPS-3"]));
    assert_eq!(event.at.to_string(), "2024-05-02T10:00:00Z", "the push's time, not the commit's");
    assert_eq!(event.url.as_deref(), Some("https://github.com/acme/ingest/compare/6113728f27ae...ec26c3e57ca3"));

    let bare = with(body.clone(), "/head_commit", json!(null));
    assert_eq!(events("push", &bare)[0].about.title(), "pushed to release/2.0");
    let tag = with(body.clone(), "/ref", json!("refs/tags/v1"));
    assert_eq!(ignored("push", &tag), "a push of a tag is not something rules can ask for");
    for gone in [
        with(body.clone(), "/deleted", json!(true)),
        with(body, "/after", json!("0000000000000000000000000000000000000000")),
    ] {
        assert_eq!(ignored("push", &gone), "the push deletes a branch, which is reported as `branch.deleted`");
    }
}

#[test]
fn the_rest() {
    let workflow = fixture!("workflow_run");
    let fork = with(workflow.clone(), "/workflow_run/head_repository/full_name", json!("stranger/ingest"));
    let deployment = fixture!("deployment_status");
    let discussion = fixture!("discussion");
    let branch = fixture!("create");
    let recovered = with(workflow.clone(), "/workflow_run/conclusion", json!("success"));
    let unnamed = with(workflow.clone(), "/workflow_run/name", json!(""));
    let deployed = with(deployment.clone(), "/deployment_status/state", json!("success"));
    let asked = with(discussion.clone(), "/action", json!("created"));
    let release = fixture!("release_published");
    for (name, body, kind, subject, title, url) in [
        (
            "workflow_run",
            &workflow,
            "workflow.failed",
            "acme/ingest:workflow/nightly/schedule@main",
            "nightly",
            "/actions/runs/289782451",
        ),
        (
            "workflow_run",
            &unnamed,
            "workflow.failed",
            "acme/ingest:workflow/nightly/schedule@main",
            "nightly",
            "/actions/runs/289782451",
        ),
        (
            "workflow_run",
            &recovered,
            "workflow.recovered",
            "acme/ingest:workflow/nightly/schedule@main",
            "nightly",
            "/actions/runs/289782451",
        ),
        (
            "workflow_run",
            &fork,
            "workflow.failed",
            "acme/ingest:workflow/nightly/schedule@stranger:main",
            "nightly",
            "/actions/runs/289782451",
        ),
        (
            "deployment_status",
            &deployment,
            "deployment.failed",
            "acme/ingest:deployment/production",
            "main@f95f852",
            "/runs/1",
        ),
        (
            "deployment_status",
            &deployed,
            "deployment.succeeded",
            "acme/ingest:deployment/production",
            "main@f95f852",
            "/runs/1",
        ),
        (
            "discussion",
            &discussion,
            "discussion.answered",
            "acme/ingest#4",
            "Are ids stable? DATA-9",
            "/discussions/4#discussioncomment-550561",
        ),
        ("discussion", &asked, "discussion.created", "acme/ingest#4", "Are ids stable? DATA-9", "/discussions/4"),
        (
            "create",
            &branch,
            "branch.created",
            "acme/ingest:feature/data-12 ids",
            "feature/data-12 ids",
            "/tree/feature/data-12%20ids",
        ),
        ("delete", &branch, "branch.deleted", "acme/ingest:feature/data-12 ids", "feature/data-12 ids", "/branches"),
        ("release", &release, "release.published", "acme/ingest@v2.0", "Two", "/releases/tag/v2.0"),
    ] {
        let event = events(name, body).remove(0);
        assert_eq!((event.kind.as_str(), event.subject.as_str(), event.about.title()), (kind, subject, title));
        assert_eq!(event.url, Some(format!("https://github.com/acme/ingest{url}")));
    }
    for (name, body, reason) in [
        (
            "workflow_run",
            with(workflow.clone(), "/action", json!("requested")),
            "`workflow_run.requested` is not something rules can ask for",
        ),
        (
            "workflow_run",
            with(workflow, "/workflow_run/conclusion", json!("skipped")),
            "the workflow ended as `skipped`, which is neither a failure nor a success",
        ),
        (
            "deployment_status",
            with(deployment, "/deployment_status/state", json!("queued")),
            "the deployment is `queued`, which isn't its final state",
        ),
        (
            "discussion",
            with(discussion, "/action", json!("pinned")),
            "`discussion.pinned` is not something rules can ask for",
        ),
        ("create", with(branch, "/ref_type", json!("tag")), "`create` of a tag is not something rules can ask for"),
        ("release", with(release, "/action", json!("created")), "a release is reported when it is published"),
    ] {
        assert_eq!(ignored(name, &body), reason);
    }
}
