//! Two hooks tell of one event, with deliveries of their own: it is told once.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::payload::*;
use super::story::{Sibling, Told, play, send, serve, sibling, web};
use crate::recover::github::{Attempt, Github, HOOK};
use crate::support::Service;

/// One of each kind that has an occurrence, with a word that stands in its message alone.
fn all() -> Vec<(&'static str, Post, &'static str)> {
    let person = |who: &str| json!({ "assignee": user(who), "pull_request": { "assignees": users(&[who]) } });
    let label = json!({ "label": { "name": "x" }, "pull_request": { "labels": named(&["x"]) } });
    let asks = json!({ "requested_reviewer": user("cy"), "pull_request": { "requested_reviewers": users(&["cy"]) } });
    let renamed = json!({ "pull_request": { "title": "Now schema 109" }, "changes": { "title": { "from": "Old" } } });
    let flag = item("Flagged", None, Some("Impediment"));
    vec![
        ("opened", pull(101, "opened", 5, json!({})), "schema 101"),
        ("merged", closed(102, true, 5), "schema 102"),
        ("approved", review(103, 103, "approved", None), "schema 103"),
        ("reviewed", review(104, 104, "commented", Some("Fine.")), "schema 104"),
        ("commented", pull_comment(105, 105, "created", "Fine."), "schema 105"),
        ("assigned", pull(106, "assigned", 5, person("cy")), "schema 106"),
        ("labeled", pull(107, "labeled", 5, label), "schema 107"),
        ("review-requested", pull(108, "review_requested", 5, asks), "schema 108"),
        ("edited", pull(109, "edited", 5, renamed), "schema 109"),
        ("pushed", pushed(110, 5), "schema 110"),
        ("issue-opened", issue(111, "opened", 5, json!({})), "Orders 111"),
        ("issue-closed", issue(112, "closed", 5, json!({})), "Orders 112"),
        ("issue-commented", comment(113, 113, "created", "Fine."), "Orders 113"),
        ("release", release(114, "v114", "published", json!({})), "v114"),
        ("deployment", deployment(115, 115, "success", "stage-115"), "stage-115"),
        ("push", push("branch-116", 116, vec![commit(116, "ana", "Mend 116", &["x"])]), "branch-116"),
        ("workflow", run("ci-117", (117, 1), "failure", "main"), "ci-117"),
        ("discussion", discussion(118, "created", 5, json!({})), "export 118"),
        ("branch", branch("create", "branch-119"), "branch-119"),
        ("branch-deleted", branch("delete", "branch-120"), "branch-120"),
        ("note", pull_comment(121, 121, "created", "/assume fish swim"), "schema 121"),
        ("line", line_comment(122, (122, 1220), "created", "/decide fish 122 swim"), "fish 122 swim"),
        ("jira-created", ticket("DATA-131", "jira:issue_created", 5, json!({})), "DATA-131"),
        ("jira-done", done("DATA-132", 5), "DATA-132"),
        ("jira-commented", jira_comment("DATA-133", 133, "comment_created", json!("Fine.")), "DATA-133"),
        ("jira-flagged", changed("DATA-134", 5, vec![flag], json!({})), "DATA-134"),
        ("jira-deleted", ticket("DATA-135", "jira:issue_deleted", 5, json!({})), "DATA-135"),
        ("sprint", sprint(136, "sprint_started", 5, json!({})), "Sprint 136"),
        ("version", version(137, "jira:version_released", 5, json!({})), "Ingest 137"),
    ]
}

const EVERYTHING: &str = "\n[[rule]]\nname = \"all\"\non = [\"*\"]\n";

fn twice() -> Vec<Sibling> {
    let once = |(name, post, word): (&'static str, Post, &'static str)| {
        let first = post.clone().header("x-github-hook-id", "111");
        let second = post.header("x-github-hook-id", "222");
        sibling(name, [first, second]).messages(1, word).unsent(1).because(1, "reported it")
    };
    all().into_iter().map(once).collect()
}

/// Somewhere it is said that two hooks deliver.
async fn says_so(told: &mut Told, service: &Service) {
    let check = service.run(&["check"]).await;
    let ledger = format!("{:?}", told.ledger);
    let said = format!("{ledger}{}{}", check.1, check.2);
    told.unless(said.contains("hook"), "neither `check` nor the ledger says that two hooks deliver");
}

#[tokio::test]
async fn what_a_second_hook_brings_after_it_was_told_is_not_told_again() {
    let service = serve(&[web("0s", EVERYTHING)]).await;
    // All first ones, then all second ones: the wait between them is one for all.
    let (first, second): (Vec<_>, Vec<_>) = all()
        .into_iter()
        .map(|(name, post, word)| {
            let first = sibling(name, [post.clone().header("x-github-hook-id", "111")]);
            let second = post.header("x-github-hook-id", "222");
            (first, (name, second, word))
        })
        .unzip();
    play(&service, &first).await.finish();
    let again = |name: &'static str| -> &'static str { format!("{name}-again").leak() };
    let second = second
        .into_iter()
        .map(|(name, post, word)| sibling(again(name), [post]).messages(1, word).unsent(0).because(0, "reported it"))
        .collect::<Vec<_>>();
    let mut told = play(&service, &second).await;
    says_so(&mut told, &service).await;
    told.finish();
}

#[tokio::test]
async fn what_two_hooks_bring_while_it_waits_is_one_message() {
    let service = serve(&[web("10s", EVERYTHING)]).await;
    play(&service, &twice()).await.finish();
}

#[tokio::test]
async fn the_same_in_two_forms_is_one_message() {
    let within = |key: &str, id: u64, words: &str| {
        jira_comment(key, id, "comment_created", json!(words))
            .with(json!({ "webhookEvent": "jira:issue_updated", "issue_event_type_name": "issue_commented" }))
    };
    let commented = |key: &str, id, words: &str| jira_comment(key, id, "comment_created", json!(words));
    let siblings = [
        sibling("comment", [commented("DATA-141", 141, "Fine."), within("DATA-141", 141, "Fine.")])
            .messages(1, "DATA-141")
            .unsent(1),
        sibling("the-other-way-round", [within("DATA-142", 142, "Fine."), commented("DATA-142", 142, "Fine.")])
            .messages(1, "DATA-142")
            .unsent(1),
        sibling("note", [commented("DATA-143", 143, "/assume fish"), within("DATA-143", 143, "/assume fish")])
            .messages(1, "DATA-143")
            .unsent(1),
        sibling("release", [release(144, "v144", "published", json!({})), release(144, "v144", "released", json!({}))])
            .messages(1, "v144")
            .unsent(1),
        sibling(
            "a-comment-of-its-own",
            [commented("DATA-145", 145, "Fine."), commented("DATA-145", 146, "Not quite.")],
        )
        .says("Fine.")
        .says("Not quite."),
    ];
    let told = play(&serve(&[web("0s", EVERYTHING)]).await, &siblings).await;
    told.finish();
}

/// The second hook's delivery failed, and is asked for later.
#[tokio::test]
async fn what_recover_brings_of_a_second_hook_is_not_told_again() {
    let github = Github::new().await;
    let service = Service::started(&web("0s", EVERYTHING), &github.token()).await;
    let known = pull(151, "labeled", 5, json!({ "label": { "name": "x" } }))
        .header("x-github-hook-id", "7")
        .header("x-github-hook-installation-target-type", "repository");
    send(&service, "known/0", &known).await;
    let of_github = all().into_iter().filter(|(_, post, _)| post.to != "jira").collect::<Vec<_>>();
    let first = of_github.iter().map(|(name, post, _)| sibling(name, [post.clone()])).collect::<Vec<_>>();
    play(&service, &first).await.finish();
    let missed = |(name, post, _): &(&str, Post, &str)| Attempt {
        hook: HOOK,
        guid: format!("missed-{name}"),
        at: Timestamp::now() - SignedDuration::from_mins(5),
        status: 502,
        event: post.to,
        payload: post.body.clone(),
    };
    github.add(of_github.iter().map(missed));
    let (code, out, err) = service.run(&["recover", "--since", "1h"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let mut told = Told::by(&service).await;
    for (name, _, word) in &of_github {
        let lines = told.lines(&format!("missed-{name}")).len();
        let sent = told.states(&format!("missed-{name}"), "web").contains(&"sent");
        let count = told.with(word).len();
        told.unless(lines > 0, format!("{name}: nothing was recovered: {out}"));
        told.unless(!sent && count == 1, format!("{name}: {count} messages, the recovered one told: {sent}"));
    }
    told.finish();
}
