//! What a machine does on somebody's behalf: facts are told whoever pressed the key, chatter is not.

use serde_json::json;

use super::payload::*;
use super::story::{on, play, serve, sibling, tell, web};

const ACTIONS: &str = "github-actions[bot]";

fn app() -> serde_json::Value {
    json!({ "user": { "accountId": "557058:automation", "displayName": "Automation for Jira", "accountType": "app" } })
}

#[tokio::test]
async fn what_automation_ships_is_told() {
    let deployed = deployment(201, 201, "success", "production")
        .with(json!({ "deployment": { "creator": user(ACTIONS) }, "deployment_status": { "creator": user(ACTIONS) } }));
    let by_app = |post: Post| post.with(app());
    let merged = closed(208, true, 5).with(json!({ "pull_request": { "merged_by": user("mergify[bot]") } }));
    let of_bo = |post: Post| post.with(json!({ "pull_request": { "user": user("bo") } }));
    let siblings = [
        sibling("deployment", [deployed.by(ACTIONS)]).messages(1, "production"),
        sibling("failed-deployment", [deployment(202, 202, "failure", "stage-202").by("vercel[bot]")])
            .messages(1, "stage-202"),
        sibling("release", [release(203, "v203", "published", json!({})).by(ACTIONS)]).messages(1, "v203"),
        sibling("issue", [issue(204, "closed", 5, json!({})).by("github-merge-queue[bot]")]).messages(1, "Orders 204"),
        sibling("ticket", [by_app(done("DATA-205", 5))]).messages(1, "DATA-205"),
        sibling("ticket-started", [by_app(started("DATA-206", 5))]),
        sibling("workflow", [run("ci-207", (207, 1), "failure", "main").by(ACTIONS)]).messages(1, "ci-207"),
        sibling("merge", [merged.by("mergify[bot]")]).messages(1, "schema 208"),
        sibling("merge-of-a-members", [of_bo(closed(209, true, 5)).by("mergify[bot]")])
            .messages(0, "schema 209")
            .because(0, "bo"),
        sibling("version", [by_app(version(210, "jira:version_released", 5, json!({})))]).messages(1, "Ingest 210"),
        sibling("sprint", [by_app(sprint(211, "sprint_closed", 5, json!({})))]).messages(1, "Sprint 211"),
        sibling("a-members-release", [release(212, "v212", "published", json!({})).by("bo")]).messages(0, "v212"),
    ];
    let kinds = [
        "deployment.*",
        "release.published",
        "issue.closed",
        "ticket.done",
        "workflow.failed",
        "pull_request.merged",
        "version.released",
        "sprint.closed",
    ];
    tell(&[web("0s", &on(&kinds))], &siblings).await;
}

#[tokio::test]
async fn what_bots_chatter_is_not() {
    let theirs = json!({ "pull_request": { "user": user("renovate[bot]") } });
    let label = json!({ "label": { "name": "stale" }, "pull_request": { "labels": named(&["stale"]) } });
    let siblings = [
        sibling("comment", [pull_comment(221, 221, "created", "Coverage is 80 %").by("codecov[bot]")])
            .messages(0, "schema 221")
            .because(0, "bot"),
        sibling("label", [pull(222, "labeled", 5, label).by("stale[bot]")]).messages(0, "schema 222"),
        sibling("dependency", [pull(223, "opened", 5, theirs.clone()).by("renovate[bot]")]).messages(0, "schema 223"),
        sibling("person", [pull_comment(224, 224, "created", "Fine.")]).messages(1, "schema 224"),
        sibling(
            "jira",
            [jira_comment("DATA-225", 225, "comment_created", json!("Hello."))
                .with(json!({ "comment": { "author": app()["user"], "updateAuthor": app()["user"] } }))
                .with(app())],
        )
        .messages(0, "DATA-225"),
        sibling("merge-of-a-dependency", [closed(226, true, 5).with(theirs).by("li")])
            .messages(0, "schema 226")
            .because(0, "bot"),
    ];
    tell(&[web("0s", &on(&["*"]))], &siblings).await;
}

/// Who is said to have done it.
#[tokio::test]
async fn a_machine_is_named_by_whom_it_worked_for() {
    let merged = closed(231, true, 5).with(json!({ "pull_request": { "merged_by": user("github-merge-queue[bot]") } }));
    let agents = closed(232, true, 5)
        .with(json!({ "pull_request": { "user": user("copilot-swe-agent[bot]"), "merged_by": user("li") } }))
        .by("li");
    let own = json!({ "pull_request": { "merged_by": user("bo") } });
    let siblings = [
        sibling("queue", [merged.by("github-merge-queue[bot]")]).messages(1, "schema 231").never("merge-queue"),
        sibling("coding-agent", [agents.clone()]).messages(1, "schema 232"),
        sibling("coding-agent-for-a-member", [agents.of("acme/own").with(own).by("bo")]).unsent(0).because(0, "bo"),
    ];
    let told = play(&serve(&[web("0s", &on(&["pull_request.merged"]))]).await, &siblings).await;
    let (queue, agent) = (told.one("schema 231"), told.one("schema 232"));
    assert!(queue.text.contains("ana"), "{}", queue.text);
    assert!(agent.text.contains("li "), "{}", agent.text);
    told.finish();
}

/// The rules in the guide, each heard by what it is about.
#[tokio::test]
async fn the_guides_examples_work_as_printed() {
    let guide = include_str!("../../../docs/guides/rules.md");
    let (_, rules) = guide.split_once("```toml\n# rules/web.toml\n").unwrap();
    let (rules, _) = rules.split_once("[[test]]").unwrap();
    let lines = rules.lines().filter(|line| {
        let at_once = ["to = ", "quiet = ", "budget = ", "settle = ", "every = ", "digest = ", "mention = "];
        !at_once.iter().any(|key| line.starts_with(key))
    });
    let rules = lines.collect::<Vec<_>>().join("\n");
    let rules = rules.replacen("\n[", "\nto = [\"mailbox\"]\nsettle = \"0s\"\n\n[", 1);
    let merged =
        closed(241, true, 5).of("acme/ingest-api").with(json!({ "pull_request": { "labels": named(&["contract"]) } }));
    let live =
        deployment(242, 242, "success", "production").with(json!({ "deployment": { "creator": user(ACTIONS) } }));
    let files = commit(243, "ana", "Mend 243", &["schemas/orders.json"]);
    let nightly =
        run("nightly-build", (244, 1), "failure", "main").with(json!({ "workflow_run": { "event": "schedule" } }));
    let plans = json!({ "fixVersions": [{ "name": "2.1" }], "components": [{ "name": "Ingest" }],
        "assignee": { "accountId": "ana", "displayName": "ana" }, "issuetype": { "name": "Bug" } });
    let draft = json!({ "pull_request": { "draft": true, "head": { "ref": "DATA-246-x" } } });
    let bumped = json!({ "pull_request": { "user": user("renovate[bot]"), "head": { "ref": "renovate/x" } } });
    let siblings = [
        sibling("contract-merged", [merged]),
        sibling("live", [live.by(ACTIONS)]),
        sibling("schemas", [push("main", 243, vec![files]).by("github-merge-queue[bot]")]),
        sibling("nightly", [nightly.by(ACTIONS)]),
        sibling("release-plans", [changed("DATA-245", 5, vec![item("labels", None, Some("x"))], plans)]),
        sibling("on-track", [pull(246, "opened", 5, draft)]),
        sibling("dependencies", [pull(247, "opened", 5, bumped).by("renovate[bot]")]),
        sibling(
            "assumptions",
            [pull_comment(248, 248, "created", "/assume fish swim")
                .with(json!({ "issue": { "title": "DATA-248: fish" } }))],
        ),
    ];
    let mut told = play(&serve(&[rules]).await, &siblings).await;
    for rule in ["contract-merged", "live", "schemas", "nightly", "release-plans", "dependencies", "assumptions"] {
        let lines = told.lines(&format!("{rule}/0"));
        let heard = lines.iter().any(|line| line["rule"] == rule && line["state"] == "sent");
        let lines = format!("{lines:?}");
        told.unless(heard, format!("`{rule}` of the guide hears nothing: {lines}"));
    }
    told.finish();
}
