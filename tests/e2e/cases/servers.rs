//! Two servers, one name: other subjects.

use serde_json::json;

use super::payload::*;
use super::story::{Told, on, play, serve, sibling, web};

const KINDS: [&str; 4] = ["pull_request.opened", "pull_request.merged", "ticket.started", "ticket.done"];

fn titled(title: &str, post: Post) -> Post {
    post.with(json!({ "pull_request": { "title": title } }))
}

fn summed(summary: &str, post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "summary": summary } } }))
}

/// The conversation of a delivery in the ledger.
fn thread(told: &Told, delivery: &str) -> String {
    told.lines(delivery).first().map(|line| line["thread"].to_string()).unwrap_or_default()
}

#[tokio::test]
async fn an_enterprise_servers_pull_request_is_another_one() {
    let ghe = |post: Post| post.at("ghe.example.com", "acme/ingest-api");
    let named = |post: Post| post.header("x-github-enterprise-host", "ghe.example.com");
    let first = |number, title| titled(title, pull(number, "opened", 5, json!({})));
    let tls = |number, title| titled(title, closed(number, true, 6));
    let bare = |post: Post| {
        // An old server's payload that has no address of its repository.
        post.with(json!({ "repository": { "html_url": null } }))
    };
    let siblings = [
        sibling(
            "by-header-and-address",
            [
                first(1601, "Add fish 1601"),
                settled(),
                named(ghe(tls(1601, "Rotate cats 1601"))),
                settled(),
                tls(1601, "Add fish 1601"),
            ],
        )
        .messages(2, "fish 1601")
        .messages(1, "cats 1601"),
        sibling(
            "by-address-alone",
            [
                first(1602, "Add fish 1602"),
                settled(),
                ghe(tls(1602, "Rotate cats 1602")),
                settled(),
                tls(1602, "Add fish 1602"),
            ],
        )
        .messages(2, "fish 1602")
        .messages(1, "cats 1602"),
        sibling(
            "by-the-pages-address",
            [
                first(1603, "Add fish 1603"),
                settled(),
                named(bare(ghe(tls(1603, "Rotate cats 1603")))),
                settled(),
                tls(1603, "Add fish 1603"),
            ],
        )
        .messages(2, "fish 1603")
        .messages(1, "cats 1603"),
        sibling(
            "the-server-first",
            [
                named(ghe(titled("Rotate cats 1604", pull(1604, "opened", 5, json!({}))))),
                settled(),
                tls(1604, "Add fish 1604"),
                settled(),
                named(ghe(tls(1604, "Rotate cats 1604"))),
            ],
        )
        .messages(1, "fish 1604")
        .messages(2, "cats 1604"),
        sibling(
            "same-server-again",
            [
                named(ghe(titled("Rotate cats 1605", pull(1605, "opened", 5, json!({}))))),
                settled(),
                named(ghe(titled("Rotate cats 1605", pull(1605, "opened", 5, json!({}))))),
            ],
        )
        .messages(1, "cats 1605"),
    ];
    let mut told = play(&serve(&[web("0s", &on(&KINDS))]).await, &siblings).await;
    for name in ["by-header-and-address", "by-address-alone", "by-the-pages-address", "the-server-first"] {
        let threads = [0, 2, 4].map(|post| thread(&told, &format!("{name}/{post}")));
        let right = threads[0] == threads[2] && threads[0] != threads[1];
        told.unless(right, format!("{name}: the conversations are {threads:?}"));
    }
    for number in 1601..=1604 {
        let roots = |word: &str| {
            let of = told.with(&format!("{word} {number}"));
            of.into_iter().map(|mail| mail.root.clone()).collect::<Vec<_>>()
        };
        let (fish, cats) = (roots("fish"), roots("cats"));
        let mixed = fish.iter().any(|root| cats.contains(root));
        told.unless(!mixed, format!("{number}: both servers are in one conversation"));
        let leaks =
            told.mails.iter().any(|mail| mail.has(&format!("fish {number}")) && mail.has(&format!("cats {number}")));
        told.unless(!leaks, format!("{number}: one message has both titles"));
    }
    let cats = told.with("cats 1601").first().map(|mail| mail.html.clone()).unwrap_or_default();
    told.unless(cats.contains("https://ghe.example.com/acme/ingest-api/pull/1601"), format!("the link: {cats}"));
    told.finish();
}

#[tokio::test]
async fn another_sites_ticket_is_another_one() {
    let partner = |post: Post| post.site("partner.atlassian.net");
    let siblings = [
        sibling(
            "two-sites",
            [
                summed("Fish 1611", started("DATA-1611", 5)),
                settled(),
                partner(summed("Cats 1611", done("DATA-1611", 6))),
                settled(),
                summed("Fish 1611", done("DATA-1611", 7)),
            ],
        )
        .messages(2, "Fish 1611")
        .messages(1, "Cats 1611"),
        sibling(
            "comment",
            [
                jira_comment("DATA-1612", 16120, "comment_created", json!("fish 1612")),
                partner(jira_comment("DATA-1612", 16120, "comment_created", json!("cats 1612"))),
            ],
        )
        .says("fish 1612")
        .says("cats 1612"),
        sibling(
            "same-ids",
            [summed("Fish 1613", done("DATA-1613", 6)), partner(summed("Cats 1613", done("DATA-1613", 6)))],
        )
        .messages(1, "Fish 1613")
        .messages(1, "Cats 1613"),
        sibling(
            "sprint",
            [
                sprint(1614, "sprint_started", 5, json!({ "sprint": { "name": "Fish 1614" } })),
                partner(sprint(1614, "sprint_started", 5, json!({ "sprint": { "name": "Cats 1614" } }))),
            ],
        )
        .messages(1, "Fish 1614")
        .messages(1, "Cats 1614"),
    ];
    let kinds = [&KINDS[..], &["ticket.commented", "sprint.started"]].concat();
    let mut told = play(&serve(&[web("0s", &on(&kinds))]).await, &siblings).await;
    let (ours, theirs) = (thread(&told, "two-sites/0"), thread(&told, "two-sites/2"));
    told.unless(ours != theirs && ours == thread(&told, "two-sites/4"), format!("{ours} and {theirs}"));
    let cats = told.with("Cats 1611").first().map(|mail| mail.html.clone()).unwrap_or_default();
    told.unless(cats.contains("https://partner.atlassian.net/browse/DATA-1611"), format!("the link: {cats}"));
    told.finish();
}

/// What GitHub delivers again with the same id is still one delivery.
#[tokio::test]
async fn an_occurrence_of_either_server_is_told_once() {
    let review_there = || review(1621, 1621, "approved", None).at("ghe.example.com", "acme/ingest-api");
    let here = || review(1621, 1621, "approved", None);
    let siblings = [sibling("both-twice", [here(), review_there(), here(), review_there()]).messages(2, "schema 1621")];
    play(&serve(&[web("0s", &on(&["pull_request.approved"]))]).await, &siblings).await.finish();
}
