//! The branches of merge queues, and what tells workflows and deployments apart.

use super::*;
use crate::event::Thing;

fn thing(event: &Event) -> Thing {
    match &event.about {
        About::Thing(thing) => thing.clone(),
        other => panic!("{other:?}"),
    }
}

const BRANCHES: [&str; 6] = [
    "gh-readonly-queue/main/pr-45-f95f852",
    "mergify/merge-queue/f95f852",
    "trunk-merge/pr-45/f95f852",
    "gtmq_main_1",
    "graphite-base/45",
    "automation/bors/try",
];

#[test]
fn a_queues_branches_are_no_news() {
    for branch in BRANCHES {
        for (name, body, pointer, value) in [
            ("create", fixture!("create"), "/ref", branch.to_owned()),
            ("delete", fixture!("create"), "/ref", branch.to_owned()),
            ("push", fixture!("push"), "/ref", format!("refs/heads/{branch}")),
            ("pull_request", fixture!("pull_request_opened"), "/pull_request/head/ref", branch.to_owned()),
            ("pull_request_review", fixture!("review_submitted"), "/pull_request/head/ref", branch.to_owned()),
        ] {
            let reason = ignored(name, &with(body, pointer, json!(value)));
            assert!(reason.ends_with("a temporary branch on which a merge queue tries pull requests"), "{reason}");
        }
    }
    let fork = with(fixture!("pull_request_opened"), "/pull_request/head/ref", json!(BRANCHES[0]));
    let fork = with(fork, "/pull_request/head/label", json!(format!("stranger:{}", BRANCHES[0])));
    assert_eq!(events("pull_request", &fork)[0].kind, EventKind::PullRequestDraft, "a stranger's branch has any name");

    let bors = json!({"login": "bors[bot]", "type": "Bot"});
    for branch in ["staging", "trying", "auto", "staging.tmp"] {
        let push = with(fixture!("push"), "/ref", json!(format!("refs/heads/{branch}")));
        let create = with(fixture!("create"), "/ref", json!(branch));
        assert_eq!(events("push", &push)[0].kind, EventKind::Push, "a branch of that name is anybody's");
        assert_eq!(events("create", &create)[0].kind, EventKind::BranchCreated);
        ignored("push", &with(push, "/sender", bors.clone()));
        ignored("create", &with(create, "/sender", bors.clone()));
    }
}

#[test]
fn a_queues_failure_is_its_pull_requests() {
    let mut run = with(fixture!("workflow_run"), "/workflow_run/event", json!("merge_group"));
    run["workflow_run"]["workflow_id"] = json!(7);
    let listed = json!([{"number": 9, "url": "https://api.github.com/repos/acme/ingest/pulls/9"}]);
    for (branch, pulls, subject, base, number) in [
        ("gh-readonly-queue/main/pr-45-f95f852", json!([]), "queue/main/pr-45", Some("main"), Some(45)),
        ("gh-readonly-queue/main/pr-45-ec26c3e", listed.clone(), "queue/main/pr-45", Some("main"), Some(45)),
        (
            "gh-readonly-queue/release/2.x/pr-7-f95f852",
            json!([]),
            "queue/release/2.x/pr-7",
            Some("release/2.x"),
            Some(7),
        ),
        ("trunk-merge/pr-46/f95f852", json!([]), "queue/pr-46", None, Some(46)),
        ("mergify/merge-queue/f95f852", listed, "queue/pr-9", None, Some(9)),
        ("gtmq_main_1", json!([]), "queue", None, None),
    ] {
        let mut run = with(run.clone(), "/workflow_run/head_branch", json!(branch));
        run["workflow_run"]["pull_requests"] = pulls;
        let event = events("workflow_run", &run).remove(0);
        assert_eq!(event.subject, format!("acme/ingest:workflow/7/merge_group@{subject}"));
        let thing = thing(&event);
        assert_eq!((thing.branch.as_deref(), thing.pull_request), (base, number), "{branch}");
        assert!(!serde_json::to_string(&event).unwrap().contains("-readonly-"), "no word of the branch");
    }
    let mut bors = with(run, "/workflow_run/head_branch", json!("staging"));
    assert!(events("workflow_run", &bors)[0].subject.ends_with("@staging"));
    bors["workflow_run"]["actor"] = json!({"login": "bors[bot]", "type": "Bot"});
    assert!(events("workflow_run", &bors)[0].subject.ends_with("@queue"));
}

#[test]
fn workflows_are_told_apart_by_file_and_trigger() {
    let run = with(fixture!("workflow_run"), "/workflow_run/event", json!("push"));
    for (fields, workflow, subject) in [
        (json!({"workflow_id": 7, "path": ".github/workflows/a.yml"}), json!({"id": 8}), "7/push@main"),
        (json!({}), json!({"id": 8, "name": "CI"}), "8/push@main"),
        (json!({"path": ".github/workflows/a.yml@main"}), json!(null), ".github/workflows/a.yml/push@main"),
        (json!({}), json!({"path": ".github/workflows/b.yml", "name": "CI"}), ".github/workflows/b.yml/push@main"),
        (json!({"path": ""}), json!(null), "nightly/push@main"),
        (json!({"workflow_id": 7, "event": "schedule"}), json!(null), "7/schedule@main"),
        (json!({"workflow_id": 7, "event": null}), json!(null), "7@main"),
        (json!({"workflow_id": 7, "head_branch": null}), json!(null), "7/push"),
    ] {
        let mut run = run.clone();
        run["workflow"] = workflow;
        run["workflow_run"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let event = events("workflow_run", &run).remove(0);
        assert_eq!(event.subject, format!("acme/ingest:workflow/{subject}"));
        assert_eq!(event.about.title(), "nightly", "people read the name");
    }
    let mut second = run;
    second["workflow_run"]["run_attempt"] = json!(2);
    let thing = thing(&events("workflow_run", &second).remove(0));
    assert_eq!(
        (thing.id.as_deref(), thing.attempt, thing.trigger.as_deref()),
        (Some("289782451"), Some(2), Some("push"))
    );
}

#[test]
fn deployments_say_what_went_where() {
    let sha = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e";
    for (fields, subject, title, branch, number) in [
        (json!({"ref": "main"}), "production", "main@f95f852", Some("main"), None),
        (json!({"ref": "refs/heads/main"}), "production", "main@f95f852", Some("main"), None),
        (json!({"ref": "refs/tags/v2"}), "production", "v2@f95f852", Some("v2"), None),
        (json!({"ref": "main", "sha": null}), "production", "main", Some("main"), None),
        (json!({"ref": sha}), "production", "f95f852", None, None),
        (json!({"ref": "f95f852", "sha": "f95f852"}), "production", "f95f852", None, None),
        (json!({"ref": null}), "production", "f95f852", None, None),
        (json!({"ref": null, "sha": null}), "production", "acme/ingest", None, None),
        (json!({"ref": "refs/pull/45/merge"}), "production", "#45@f95f852", None, Some(45)),
        (json!({"ref": "gh-readonly-queue/main/pr-45-ec26c3e"}), "production", "#45@f95f852", Some("main"), Some(45)),
        (json!({"ref": "main", "task": "deploy:web"}), "production/deploy:web", "main@f95f852", Some("main"), None),
        (json!({"ref": "main", "task": "deploy"}), "production", "main@f95f852", Some("main"), None),
        (json!({"ref": "main", "environment": null}), "145988746", "main@f95f852", Some("main"), None),
    ] {
        let mut body = fixture!("deployment_status");
        body["deployment"]["sha"] = json!(sha);
        body["deployment"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        if fields.get("environment").is_some() {
            body["deployment_status"]["environment"] = json!(null);
        }
        let event = events("deployment_status", &body).remove(0);
        assert_eq!(event.subject, format!("acme/ingest:deployment/{subject}"), "{fields}");
        let thing = thing(&event);
        assert_eq!(
            (thing.title.as_str(), thing.branch.as_deref(), thing.pull_request),
            (title, branch, number),
            "{fields}"
        );
        assert_eq!(thing.id.as_deref(), Some("145988746"));
        assert_eq!(thing.task.as_deref(), fields["task"].as_str().filter(|task| *task != "deploy"));
    }
}
