//! Merge queues: what they carry is its author's doing, and their branches aren't news.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{on, play, serve, sibling, tell, web};

const QUEUE: &str = "github-merge-queue[bot]";
const PUSHES: &str = "\n[[rule]]\nname = \"schemas\"\non = [\"push\"]\nprivate = false\npaths = [\"schemas/**\", \"!schemas/test/**\"]\n";

fn landed(bot: &str, number: u64, authors: &[&str]) -> Post {
    let files = format!("schemas/orders-{number}.json");
    let last = authors.len() as u64 - 1;
    let commit = |(index, author): (usize, &&str)| {
        commit(number + index as u64, author, &format!("Mend part {number} (#45)"), &[&files])
    };
    let commits = authors.iter().enumerate().map(commit).collect();
    push("main", number + last, commits)
        .by(bot)
        .with(json!({ "pusher": { "name": bot } }))
        .of(&format!("acme/r{number}"))
}

#[tokio::test]
async fn what_a_queue_pushes_is_its_authors() {
    let siblings = [
        sibling("anas", [landed(QUEUE, 301, &["ana"])]).messages(1, "part 301"),
        sibling("a-members", [landed(QUEUE, 311, &["bo"])]).messages(0, "part 311").because(0, "bo"),
        sibling("bors", [landed("bors[bot]", 321, &["ana"])]).messages(1, "part 321"),
        sibling("mergify", [landed("mergify[bot]", 331, &["ana"])]).messages(1, "part 331"),
        sibling("kodiak", [landed("kodiakhq[bot]", 341, &["ana"])]).messages(1, "part 341"),
        sibling("several-of-which-one-is-not", [landed(QUEUE, 351, &["bo", "li"])]).messages(1, "part 351"),
        sibling("all-members", [landed(QUEUE, 361, &["bo", "cy", "bo"])]).messages(0, "part 361"),
        sibling("no-queue", [landed("ana", 371, &["ana"])]).messages(1, "part 371"),
        sibling("a-bots-own", [landed("renovate[bot]", 381, &["renovate[bot]"])]).messages(0, "part 381"),
    ];
    let team = web("0s", PUSHES).replace("[\"bo\"]", "[\"bo\", \"cy\"]");
    let mut told = play(&serve(&[team]).await, &siblings).await;
    for number in [301, 321, 331, 341] {
        let mails = told.with(&format!("part {number}")).into_iter().map(|mail| mail.text.clone()).collect::<String>();
        let named = mails.contains("ana") && !mails.contains("[bot]");
        told.unless(named, format!("{number} does not name its author, or names the queue: {mails}"));
    }
    told.finish();
}

const BRANCH: &str = "gh-readonly-queue/main/pr-45-aaaaaaaa";

fn tried(id: u64, conclusion: &str, branch: &str, by: &str) -> Post {
    run("CI", (id, 1), conclusion, branch).by(by).with(json!({
        "workflow_run": { "event": "merge_group", "actor": user(by) },
    }))
}

fn dequeued() -> Post {
    pull(45, "dequeued", 9, json!({ "reason": "CI_FAILURE" }))
}

fn made(branch_name: &str, number: u64, by: &str) -> [Post; 2] {
    let commits = vec![commit(number, "ana", "Orders in the v2 schema (#45)", &["schemas/orders.json"])];
    let pushed = push(branch_name, number, commits).with(json!({ "created": true, "before": "0".repeat(40) }));
    [branch("create", branch_name).by(by), pushed.by(by)]
}

/// One try that fails and one that succeeds.
fn tries(name: &'static str, by: &str) -> super::story::Sibling {
    let [created, pushed] = made(BRANCH, 401, by);
    let next = "gh-readonly-queue/main/pr-45-bbbbbbbb";
    let posts = [
        created,
        pushed,
        settled(),
        tried(1001, "failure", BRANCH, by),
        settled(),
        branch("delete", BRANCH).by(by),
        dequeued().by(by),
        settled(),
        tried(1002, "success", next, by),
    ];
    sibling(name, posts)
}

async fn a_try(by: &str) {
    let service = serve(&[web("0s", &on(&["push", "branch.*", "workflow.*"]))]).await;
    let mut told = play(&service, &[tries("try", by)]).await;
    for post in [0, 1, 5] {
        let sent = told.states(&format!("try/{post}"), "web").contains(&"sent");
        told.unless(!sent, format!("post {post} is news of the queue's branch"));
    }
    let failed = told.lines("try/3").into_iter().find(|line| line["state"] == "sent").cloned().unwrap_or_default();
    let thread = failed["thread"].as_str().unwrap_or_default();
    told.unless(thread.contains("#45"), format!("the failure is not told in 45's conversation: {failed}"));
    let again = told.lines("try/8").into_iter().find(|line| line["state"] == "sent").cloned().unwrap_or_default();
    told.unless(again["thread"] == failed["thread"], format!("its end is not told there: {again}"));
    let mails = told.mails.iter().map(|mail| format!("{} | {}", mail.subject, mail.text)).collect::<Vec<_>>();
    told.unless(mails.len() == 2, format!("not two messages: {mails:#?}"));
    told.unless(mails.iter().all(|mail| !mail.contains(BRANCH)), format!("the branch is named: {mails:#?}"));
    told.finish();
}

#[tokio::test]
async fn a_queues_try_is_its_pull_requests_where_a_person_sends() {
    a_try("ana").await;
}

#[tokio::test]
async fn a_queues_try_is_its_pull_requests_where_the_queue_sends() {
    a_try(QUEUE).await;
}

#[tokio::test]
async fn the_branches_of_other_queues_are_no_news_either() {
    let both = |name, branch_name: &str, number| {
        let [created, pushed] = made(branch_name, number, "ana");
        sibling(name, [created, pushed, branch("delete", branch_name)])
    };
    let siblings = [
        both("mergify", "mergify/merge-queue/0d1e2f3a4b", 411).messages(0, "0d1e2f3a4b"),
        both("trunk", "trunk-merge/pr-45/0d1e2f3a-aaaa", 421).messages(0, "0d1e2f3a-aaaa"),
        both("base-with-a-slash", "gh-readonly-queue/release/2.0/pr-46-cccccccc", 431).messages(0, "cccccccc"),
        sibling("an-ordinary-one", [branch("create", "queue-length")]).messages(1, "queue-length"),
    ];
    tell(&[web("0s", &on(&["push", "branch.*"]))], &siblings).await;
}

/// The failure, the merge and what comes of another try are one conversation, each told once.
#[tokio::test]
async fn a_merge_ends_a_failure_in_the_queue() {
    let failed = |id, branch| tried(id, "failure", branch, QUEUE);
    let mut late = tried(1012, "success", "gh-readonly-queue/main/pr-45-dddddddd", QUEUE);
    put(&mut late.body, json!({ "workflow_run": { "pull_requests": Value::Array(Vec::new()) } }));
    let opened = pull(45, "opened", 5, json!({ "pull_request": { "head": { "ref": "DATA-1045-orders" } } }));
    let siblings = [
        sibling("known", [opened, settled()]),
        sibling("merged", [failed(1011, BRANCH), settled(), closed(45, true, 20), settled(), late]),
        sibling("of-another", [failed(1013, "gh-readonly-queue/main/pr-46-eeeeeeee")]),
    ];
    let team = web("0s", &on(&["workflow.*", "pull_request.merged"]));
    let mut told = play(&serve(&[team]).await, &siblings).await;
    for post in [0, 2, 4] {
        let lines = told.lines(&format!("merged/{post}"));
        let line = lines.first().map(|line| (line["state"].as_str(), line["thread"].as_str()));
        let right = line == Some((Some("sent"), Some("DATA-1045")));
        told.unless(right, format!("post {post} is not told in the pull request's conversation: {line:?}"));
    }
    let of_another = told.lines("of-another/0").first().map(|line| line["thread"].to_string()).unwrap_or_default();
    told.unless(of_another.contains("#46"), format!("another one's failure is told in {of_another}"));
    let counts = (told.mails.len(), told.with("DATA-1045").len());
    told.unless(counts == (4, 3), format!("{counts:?} messages of the two failures and the first one's end"));
    told.finish();
}
