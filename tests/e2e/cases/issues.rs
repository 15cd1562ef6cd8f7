//! Issues on GitHub as tickets: one conversation with the pull requests that close them.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{Told, on, play, serve, sibling, web};

/// A pull request that says this in its description.
fn pull_for(number: u64, action: &str, minute: u64, (text, more): (&str, Value)) -> Post {
    pull(number, action, minute, json!({ "pull_request": { "body": text } })).with(json!({ "pull_request": more }))
}

fn draft(number: u64, minute: u64, text: &str) -> Post {
    pull_for(number, "opened", minute, (text, json!({ "draft": true })))
}

fn merged(number: u64, minute: u64, text: &str) -> Post {
    closed(number, true, minute).with(json!({ "pull_request": { "body": text } }))
}

fn assigned(number: u64, minute: u64, login: &str) -> Post {
    let more = json!({ "assignee": user(login), "issue": { "assignees": users(&[login]) } });
    issue(number, "assigned", minute, more)
}

/// All messages with this word: their conversation and their subject, each once.
fn conversations(told: &Told, word: &str) -> (Vec<String>, Vec<String>) {
    let once = |mut all: Vec<String>| {
        all.sort();
        all.dedup();
        all
    };
    let mails = told.with(word);
    let subjects = mails.iter().map(|mail| mail.subject.trim_start_matches("Re: ").to_owned()).collect();
    (once(mails.iter().map(|mail| mail.root.clone()).collect()), once(subjects))
}

#[tokio::test]
async fn an_issue_and_what_closes_it_are_one_conversation() {
    let text = "Moves orders.\n\nCloses #1601";
    let there = "https://github.com/acme/ingest-api/issues/1602";
    let fixes = |issue: &str| json!({ "pull_request": { "body": format!("Fixes {issue}") } });
    let wait = settled;
    let siblings = [
        sibling(
            "here",
            [
                issue(1601, "opened", 1, json!({})),
                wait(),
                draft(1611, 2, text),
                wait(),
                pull_for(1611, "ready_for_review", 3, (text, json!({}))),
                wait(),
                merged(1611, 4, text),
                wait(),
                issue(1601, "closed", 4, json!({})),
            ],
        ),
        sibling(
            "elsewhere",
            [
                issue(1602, "opened", 1, json!({})),
                wait(),
                draft(1612, 2, "").of("acme/web").with(fixes(there)),
                wait(),
                merged(1612, 3, "").of("acme/web").with(fixes(there)),
            ],
        ),
    ];
    let kinds = ["issue.opened", "ticket.started", "ticket.done", "pull_request.*"];
    let mut told = play(&serve(&[web("0s", &on(&kinds))]).await, &siblings).await;
    for (key, count, title) in [
        ("acme/ingest-api#1601", 5, "Orders 1601 lose their currency"),
        ("acme/ingest-api#1602", 3, "Orders 1602 lose their currency"),
    ] {
        let (roots, subjects) = conversations(&told, key);
        told.unless(roots.len() == 1, format!("{key} is in several conversations: {roots:?} {subjects:?}"));
        told.unless(subjects == [format!("{key}: {title}")], format!("{key} is called {subjects:?}"));
        let found = told.with(key).len();
        told.unless(found == count, format!("{key}: {found} messages, not {count}"));
    }
    let text = told.mails.iter().map(|mail| mail.text.as_str()).collect::<Vec<_>>().join(" ");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in ["opened a draft PR for acme/ingest-api#1601", "is done: ana-0 closed it"] {
        told.unless(flat.contains(says), format!("nobody says {says:?}: {flat}"));
    }
    told.finish();
}

#[tokio::test]
async fn a_merge_and_the_issue_that_it_closes_are_one_message() {
    let text = "Closes #1621";
    let both = [merged(1631, 3, text), issue(1621, "closed", 3, json!({}))];
    let [merge, close] = both.clone().map(|post| {
        let text = post.body.to_string().replace("1621", "1622").replace("1631", "1632");
        Post { body: serde_json::from_str(&text).unwrap(), ..post }
    });
    let opened = |number| issue(number, "opened", 1, json!({}));
    let siblings = [
        sibling("merge-first", [opened(1621), settled(), both[0].clone(), both[1].clone()])
            .messages(1, "acme/ingest-api#1621"),
        sibling("closed-first", [opened(1622), settled(), close, merge]).messages(1, "acme/ingest-api#1622"),
    ];
    let rules = on(&["pull_request.merged", "ticket.done"]);
    let told = play(&serve(&[web("3s", &rules)]).await, &siblings).await;
    let said = told.one("acme/ingest-api#1621");
    assert!(said.text.contains("Add schema 1631") && said.text.contains("is done"), "{}", said.text);
    told.finish();
}

#[tokio::test]
async fn a_rule_on_issues_and_tickets_hears_of_each_once() {
    let siblings = [
        sibling("closed", [issue(1641, "closed", 5, json!({}))]).messages(1, "Orders 1641"),
        sibling("assigned", [assigned(1642, 5, "li")]).messages(1, "Orders 1642"),
        sibling(
            "labeled",
            [issue(1643, "labeled", 5, json!({ "label": { "name": "bug" }, "issue": { "labels": named(&["bug"]) } }))],
        )
        .messages(1, "Orders 1643"),
        sibling("comment", [comment(1644, 1, "created", "Still so.")]).messages(1, "Orders 1644"),
        sibling("deleted", [issue(1645, "deleted", 5, json!({}))]).messages(1, "Orders 1645"),
    ];
    play(&serve(&[web("0s", &on(&["issue.*", "ticket.*"]))]).await, &siblings).await.finish();
}

#[tokio::test]
async fn work_begins_once_by_whatever_comes_first() {
    let siblings = [
        sibling(
            "by-assignment",
            [issue(1651, "opened", 1, json!({})), assigned(1651, 2, "li"), draft(1661, 3, "Closes #1651")],
        )
        .messages(1, "acme/ingest-api#1651"),
        sibling(
            "by-pull-request",
            [issue(1652, "opened", 1, json!({})), draft(1662, 2, "Closes #1652"), assigned(1652, 3, "li")],
        )
        .messages(1, "acme/ingest-api#1652")
        .says("Add schema 1662"),
        sibling(
            "by-an-edit",
            [
                issue(1653, "opened", 1, json!({})),
                draft(1663, 2, ""),
                pull_for(1663, "edited", 3, ("Closes #1653", json!({})))
                    .with(json!({ "changes": { "body": { "from": "" } } })),
            ],
        )
        .messages(1, "acme/ingest-api#1653"),
        sibling("another-number", [draft(1664, 1, ""), draft(1665, 2, "Closes #1664")])
            .messages(0, "acme/ingest-api#1664"),
    ];
    play(&serve(&[web("0s", &on(&["ticket.started"]))]).await, &siblings).await.finish();
}

#[tokio::test]
async fn conditions_on_tickets_look_at_the_issue() {
    let fields = json!({ "issue": {
        "labels": named(&["contract"]), "type": { "name": "Bug" }, "assignees": users(&["li"]),
        "milestone": { "title": "v2", "due_on": "2026-03-01T08:00:00Z" },
    } });
    let known = |number: u64| issue(number, "opened", 1, fields.clone());
    let text = |number: u64| format!("Closes #{number}");
    let play_with = async |conditions: &str, (first, messages): (u64, [usize; 3])| {
        let rule = format!("{}{conditions}\n", on(&["pull_request.merged", "ticket.done"]));
        let [work, done, other] = messages;
        let siblings = [
            sibling("work", [known(first), merged(first + 100, 3, &text(first))])
                .messages(work, format!("Add schema {}", first + 100)),
            sibling("issue", [known(first + 1), issue(first + 1, "closed", 5, fields.clone())])
                .messages(done, format!("Orders {}", first + 1)),
            sibling("of-no-issue", [merged(first + 101, 3, "See #1")])
                .messages(other, format!("Add schema {}", first + 101)),
        ];
        play(&serve(&[web("0s", &rule)]).await, &siblings).await.finish();
    };
    for (number, (conditions, messages)) in (0..).zip([
        ("ticket = [\"acme/ingest-api#*\"]", [1, 1, 0]),
        ("ticket = [\"DATA-*\"]", [0, 0, 0]),
        ("ticket = [\"!acme/*\"]", [0, 0, 1]),
        ("ticket_labels = [\"contract\"]\nticket_type = [\"bug\"]\nfix_version = [\"v2\"]", [1, 1, 0]),
        ("ticket_labels = [\"!contract\"]", [0, 0, 0]),
        ("ticket_status = [\"open\"]", [1, 0, 0]),
        ("ticket_status = [\"closed\"]", [0, 1, 0]),
    ]) {
        play_with(conditions, (1700 + number * 1000, messages)).await;
    }
}

#[tokio::test]
async fn a_private_issue_is_told_to_nobody_outside() {
    let secret = json!({ "repository": { "private": true }, "issue": { "title": "Customer X leaks 1811" } });
    let known = issue(1811, "opened", 1, secret).of("acme/secret");
    let text = "Closes acme/secret#1811";
    let team = format!("{}audience = \"outside\"\n", web("0s", "")) + &on(&["pull_request.*", "ticket.started"]);
    // Between the two, as the merge takes the place of a draft that isn't sent yet.
    let posts = [known, draft(1821, 2, text), settled(), merged(1821, 3, text)];
    let siblings = [sibling("leak", posts).messages(2, "Add schema 1821")];
    let told = play(&serve(&[team]).await, &siblings).await;
    let leaks =
        told.mails.iter().filter(|mail| format!("{}{}{}", mail.subject, mail.text, mail.html).contains("Customer X"));
    assert_eq!(leaks.count(), 0, "{:?}", told.mails);
    told.finish();

    let own = serve(&[web("0s", &on(&["pull_request.merged"]))]).await;
    let known = issue(
        1812,
        "opened",
        1,
        json!({ "repository": { "private": true }, "issue": { "title": "Customer Y leaks" } }),
    );
    let inside =
        [sibling("inside", [known.of("acme/secret"), merged(1822, 3, "Closes acme/secret#1812")]).says("Customer Y")];
    play(&own, &inside).await.finish();
}

#[tokio::test]
async fn what_closes_an_issue_that_was_renamed_or_transferred_stays_with_it() {
    let at = |repository: &str, number: u64| json!({ "number": number, "title": "Orders 1901 lose their currency", "html_url": format!("https://github.com/{repository}/issues/{number}") });
    let place = |repository: &str| json!({ "full_name": repository });
    let text = "Closes #1901";
    let moved = issue(
        1901,
        "transferred",
        3,
        json!({ "changes": { "new_issue": at("acme/web", 1911), "new_repository": place("acme/web") } }),
    );
    let also = issue(1911, "opened", 3, json!({})).of("acme/web").with(json!({
        "changes": { "old_issue": at("acme/ingest-api", 1901), "old_repository": place("acme/ingest-api") },
    }));
    let wait = settled;
    let siblings = [sibling(
        "moved",
        [
            issue(1901, "opened", 1, json!({})),
            wait(),
            draft(1921, 2, text),
            wait(),
            moved,
            also,
            wait(),
            merged(1921, 4, text),
            wait(),
            issue(1911, "closed", 5, json!({})).of("acme/web"),
        ],
    )];
    let service = serve(&[web("0s", &on(&["ticket.*", "pull_request.*"]))]).await;
    let mut told = play(&service, &siblings).await;
    let roots = |told: &Told| {
        let mut roots = told.mails.iter().map(|mail| mail.root.clone()).collect::<Vec<_>>();
        roots.dedup();
        roots
    };
    let all = roots(&told);
    told.unless(all.len() == 1, format!("several conversations: {:?}", told.mails));
    let moves = told.mails.iter().filter(|mail| mail.text.contains("It's now")).count();
    told.unless(moves == 1, format!("{moves} messages tell of the move"));
    told.finish();
}
