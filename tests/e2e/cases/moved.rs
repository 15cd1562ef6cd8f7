//! What is transferred, renamed or moved stays what it is, with its conversation.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{Mail, Told, on, play, serve, sibling, web};
use crate::support::{Service, eventually};

const NOTE: &str = "It happens on export.\n\n/assume exports are UTC\n";

/// An issue is moved to another repository: `opened` there, and `transferred` here.
fn transfer(from: u64, to: u64) -> (Post, [Post; 2]) {
    let body = json!({ "issue": { "body": format!("{NOTE}fish-{from}"), "title": format!("Orders {from} are lost") } });
    let page = |repository: &str, number: u64| format!("https://github.com/{repository}/issues/{number}");
    let place =
        |repository: &str| json!({ "full_name": repository, "html_url": format!("https://github.com/{repository}") });
    let at = |repository: &str, number: u64| json!({ "id": 900_000 + number, "number": number, "title": format!("Orders {from} are lost"), "html_url": page(repository, number) });
    let opened = issue(from, "opened", 5, body.clone()).of("acme/api");
    let there = issue(to, "opened", 6, body.clone()).of("acme/web").by("li").with(json!({
        "changes": { "old_issue": at("acme/api", from), "old_repository": place("acme/api") },
    }));
    let here = issue(from, "transferred", 5, body).of("acme/api").by("li").with(json!({
        "changes": { "new_issue": at("acme/web", to), "new_repository": place("acme/web") },
    }));
    (opened, [there, here])
}

/// Whether all messages that have this word are in one conversation.
fn one_conversation(told: &mut Told, word: &str) {
    let mails = told.with(word).into_iter().map(|mail| (mail.root.clone(), mail.subject.clone())).collect::<Vec<_>>();
    let apart = mails.iter().any(|(root, _)| *root != mails[0].0);
    told.unless(!apart, format!("{word} is in several conversations: {mails:?}"));
}

#[tokio::test]
async fn a_transferred_issue_is_not_a_new_one() {
    let (opened, [there, here]) = transfer(1501, 1511);
    let (opened_too, [there_too, here_too]) = transfer(1502, 1512);
    let (alone, [there_alone, _]) = transfer(1503, 1513);
    let (unseen, [there_unseen, here_unseen]) = transfer(1504, 1514);
    drop(unseen);
    let end = |old: u64, new: u64| {
        let title = json!({ "issue": { "title": format!("Orders {old} are lost") } });
        issue(new, "closed", 60, title).of("acme/web").by("li")
    };
    let wait = settled;
    let siblings = [
        sibling("opened-first", [opened, wait(), there, here, wait(), end(1501, 1511)]),
        sibling("transferred-first", [opened_too, wait(), here_too, there_too, wait(), end(1502, 1512)]),
        sibling("opened-alone", [alone, wait(), there_alone, wait(), end(1503, 1513)]),
        sibling("not-known-before", [there_unseen, here_unseen, wait(), end(1504, 1514)]),
        sibling("an-issue-of-its-own", [issue(1505, "opened", 5, json!({})).of("acme/web")]).messages(1, "Orders 1505"),
    ];
    let mut told = play(&serve(&[web("0s", &on(&["issue.*", "note.*"]))]).await, &siblings).await;
    for (name, number, last) in [
        ("opened-first", 1501, 5),
        ("transferred-first", 1502, 5),
        ("opened-alone", 1503, 4),
        ("not-known-before", 1504, 3),
    ] {
        let word = format!("Orders {number}");
        one_conversation(&mut told, &word);
        let count = |kind: &str| {
            let lines = told.ledger.iter().filter(|line| {
                let of = line["delivery"].as_str().unwrap_or_default().starts_with(&format!("{name}/"));
                of && line["kind"] == kind && line["state"] == "sent"
            });
            lines.count()
        };
        let counts = (count("issue.opened"), count("note.assumed"), count("issue.closed"));
        // Nobody opened what came from elsewhere.
        let right = if name == "not-known-before" { (0, 0, 1) } else { (1, 1, 1) };
        told.unless(counts == right, format!("{name}: opened, note, closed are told {counts:?} times, not {right:?}"));
        let closed = told.states(&format!("{name}/{last}"), "web").contains(&"sent");
        let lines = told.lines(&format!("{name}/{last}"));
        told.unless(closed, format!("{name}: its end is not told: {lines:?}"));
    }
    told.finish();
}

#[tokio::test]
async fn a_renamed_repository_keeps_its_conversations_and_milestones() {
    let rename = |old: &str, new: &str| {
        let (_, name) = old.split_once('/').unwrap();
        repository("renamed", json!({ "changes": { "repository": { "name": { "from": name } } } })).of(new)
    };
    let moved_owner = repository(
        "transferred",
        json!({ "changes": { "owner": { "from": {
        "organization": { "login": "acme", "html_url": "https://github.com/acme" },
    } } } }),
    );
    let opened = |number| pull(number, "opened", 5, json!({}));
    let siblings = [
        sibling(
            "renamed",
            [
                opened(1521).of("acme/old"),
                settled(),
                rename("acme/old", "acme/new"),
                opened(1521).of("acme/new"),
                closed(1521, true, 6).of("acme/new"),
            ],
        )
        .messages(2, "schema 1521"),
        sibling(
            "transferred",
            [
                opened(1522).of("acme/tool"),
                settled(),
                moved_owner.of("umbrella/tool"),
                closed(1522, true, 6).of("umbrella/tool"),
            ],
        )
        .messages(2, "schema 1522"),
        sibling("another-repository", [opened(1523).of("acme/one"), opened(1523).of("acme/two")])
            .messages(2, "schema 1523"),
    ];
    let kinds = ["pull_request.opened", "pull_request.merged"];
    let mut told = play(&serve(&[web("0s", &on(&kinds))]).await, &siblings).await;
    one_conversation(&mut told, "schema 1521");
    one_conversation(&mut told, "schema 1522");
    let roots = told.with("schema 1523").iter().map(|mail| mail.root.clone()).collect::<Vec<_>>();
    told.unless(roots.len() == 2 && roots[0] != roots[1], "two repositories share a conversation");
    told.finish();
}

#[tokio::test]
async fn what_waits_is_told_under_the_new_name() {
    let mut renamed = repository("renamed", json!({ "changes": { "repository": { "name": { "from": "old" } } } }));
    renamed = renamed.of("acme/new");
    let key = vec![item("Key", Some("DATA-1531"), Some("CORE-1539"))];
    let moved_ticket = changed("CORE-1539", 6, key, json!({})).with(json!({ "issue": { "id": "101531" } }));
    let siblings = [
        sibling("repository", [pull(1532, "opened", 5, json!({})).of("acme/old"), renamed]).messages(1, "schema 1532"),
        sibling("ticket", [started("DATA-1531", 5).with(json!({ "issue": { "id": "101531" } })), moved_ticket])
            .messages(1, "CORE-1539"),
    ];
    let mut told = play(&serve(&[web("10s", &on(&["pull_request.opened", "ticket.started"]))]).await, &siblings).await;
    let text = told.with("schema 1532").first().map(|mail| mail.text.clone()).unwrap_or_default();
    told.unless(text.contains("acme/new"), format!("it is told under the old name: {text}"));
    told.finish();
}

#[tokio::test]
async fn a_moved_ticket_keeps_its_conversation() {
    let id = |number: u64| json!({ "issue": { "id": format!("10{number}") } });
    let key = |from: &str, to: &str| vec![item("Key", Some(from), Some(to))];
    let titled =
        |key: &str| json!({ "pull_request": { "title": format!("{key}: fish 1543"), "head": { "ref": "x" } } });
    let old: Value = json!({ "issue": { "fields": { "summary": "Orders in schema 1541" } } });
    let siblings = [
        sibling(
            "ticket",
            [
                started("DATA-1541", 5).with(id(1541)),
                settled(),
                changed("CORE-9", 6, key("DATA-1541", "CORE-9"), json!({})).with(id(1541)).with(old.clone()),
                settled(),
                done("CORE-9", 7).with(id(1541)).with(old),
            ],
        )
        .messages(2, "schema 1541"),
        sibling(
            "its-pull-request",
            [
                pull(1543, "opened", 5, titled("DATA-1542")),
                settled(),
                started("DATA-1542", 5).with(id(1542)),
                changed("CORE-10", 6, key("DATA-1542", "CORE-10"), json!({})).with(id(1542)),
                settled(),
                closed(1543, true, 8).with(titled("CORE-10")),
            ],
        )
        .messages(3, "fish 1543"),
    ];
    let kinds = ["ticket.started", "ticket.done", "pull_request.opened", "pull_request.merged"];
    let mut told = play(&serve(&[web("0s", &on(&kinds))]).await, &siblings).await;
    one_conversation(&mut told, "schema 1541");
    one_conversation(&mut told, "fish 1543");
    told.finish();
}

#[tokio::test]
async fn a_mute_goes_with_what_it_is_for() {
    let rename = repository("renamed", json!({ "changes": { "repository": { "name": { "from": "old" } } } }));
    let key = vec![item("Key", Some("DATA-1552"), Some("CORE-1559"))];
    let id = json!({ "issue": { "id": "101552" } });
    let service = serve(&[web("0s", &on(&["pull_request.merged", "ticket.done"]))]).await;
    let known = [
        sibling("known", [pull(1551, "opened", 5, json!({})).of("acme/old")]),
        sibling("known-ticket", [started("DATA-1552", 5).with(id.clone())]),
    ];
    play(&service, &known).await.finish();
    for thread in ["acme/old#1551", "DATA-1552"] {
        let (code, out, err) = service.run(&["mute", thread, "--for", "1w"]).await;
        assert_eq!(code, 0, "{out}{err}");
    }
    let siblings = [
        sibling("renamed", [rename.of("acme/new"), closed(1551, true, 6).of("acme/new")])
            .messages(0, "schema 1551")
            .because(1, "mute"),
        sibling("moved", [changed("CORE-1559", 6, key, json!({})).with(id.clone()), done("CORE-1559", 7).with(id)])
            .messages(0, "CORE-1559")
            .because(1, "mute"),
        sibling("another", [closed(1553, true, 6).of("acme/new")]).messages(1, "schema 1553"),
    ];
    play(&service, &siblings).await.finish();
}

/// Webhooks under the old name go on to come for a while, and some things know only a number.
#[tokio::test]
async fn what_comes_late_under_an_old_name_is_about_the_new_one() {
    let rename = |old: &str, new: &str| {
        repository("renamed", json!({ "changes": { "repository": { "name": { "from": old } } } })).of(new)
    };
    let opened = |number| pull(number, "opened", 5, json!({}));
    let noted = |action, minute, title: &str| {
        let body = json!({ "title": title, "body": "For everybody.\n\n/assume fish 1563 swim" });
        pull(1563, action, minute, json!({ "pull_request": body }))
    };
    let key = vec![item("Key", Some("DATA-1564"), Some("CORE-1569"))];
    let id = json!({ "issue": { "id": "101564" } });
    let numbered = jira_comment("DATA-1564", 1564, "comment_created", json!("Cats 1564 purr."))
        .with(id.clone())
        .with(json!({ "issue": { "key": null, "fields": null } }));
    let siblings = [
        sibling(
            "late",
            [
                opened(1561).of("acme/once"),
                settled(),
                rename("once", "acme/now"),
                settled(),
                closed(1561, true, 6).of("acme/once"),
            ],
        )
        .messages(2, "schema 1561"),
        sibling(
            "renamed-twice",
            [
                opened(1562).of("acme/first"),
                settled(),
                rename("first", "acme/second"),
                rename("second", "acme/third"),
                settled(),
                closed(1562, true, 6).of("acme/first"),
            ],
        )
        .messages(2, "schema 1562"),
        sibling(
            "a-note-in-a-description",
            [
                noted("opened", 5, "Tidy up").of("acme/draft"),
                settled(),
                rename("draft", "acme/book"),
                noted("reopened", 6, "Tidy up more").of("acme/book"),
            ],
        )
        .messages(1, "fish 1563 swim"),
        sibling(
            "by-number",
            [
                started("DATA-1564", 5).with(id.clone()),
                settled(),
                changed("CORE-1569", 6, key, json!({})).with(id),
                settled(),
                numbered,
            ],
        )
        .says("Cats 1564 purr."),
    ];
    let kinds = ["pull_request.opened", "pull_request.merged", "note.*", "ticket.started", "ticket.commented"];
    let mut told = play(&serve(&[web("0s", &on(&kinds))]).await, &siblings).await;
    for word in ["schema 1561", "schema 1562"] {
        one_conversation(&mut told, word);
    }
    for (delivery, subject) in
        [("late/4", "acme/now#1561"), ("renamed-twice/5", "acme/third#1562"), ("by-number/4", "CORE-1569")]
    {
        let of = told.lines(delivery).first().map(|line| line["subject"].clone()).unwrap_or_default();
        told.unless(of == subject, format!("{delivery} is about {of}, not {subject}"));
    }
    told.finish();
}

#[tokio::test]
async fn a_branch_that_is_renamed_goes_on_under_its_new_name() {
    let pushed_to = |branch: &str, number| push(branch, number, vec![commit(number, "ana", "Mend 1571", &["x"])]);
    let rename = repository("edited", json!({ "changes": { "default_branch": { "from": "master" } } }));
    let failed = |branch: &str, id| run("ci-1572", (id, 1), "failure", branch);
    let siblings = [
        sibling(
            "pushes",
            [
                pushed_to("master", 15711).of("acme/trunk"),
                settled(),
                rename.clone().of("acme/trunk"),
                pushed_to("main", 15712).of("acme/trunk"),
            ],
        )
        .messages(2, "Mend 1571"),
        sibling(
            "workflow",
            [
                failed("master", 15720).of("acme/built"),
                settled(),
                rename.of("acme/built"),
                run("ci-1572", (15721, 1), "success", "main").of("acme/built"),
            ],
        )
        .messages(2, "ci-1572"),
    ];
    let mut told = play(&serve(&[web("0s", &on(&["push", "workflow.*"]))]).await, &siblings).await;
    for word in ["Mend 1571", "ci-1572"] {
        one_conversation(&mut told, word);
    }
    told.finish();
}

/// A team whose rules name this and that, and whose owner answers for them.
fn naming(team: &str, more: &str, rules: &[(&str, &str)]) -> String {
    let rules = rules.iter().map(|(name, condition)| {
        format!("\n[[rule]]\nname = \"{name}\"\non = [\"pull_request.merged\"]\n{condition}\n")
    });
    format!("team = \"{team}\"\nto = [\"mailbox\"]\n{more}\n{}", rules.collect::<String>())
}

/// The mails to owners of team files, once there are so many.
async fn to_owners(service: &Service, count: usize) -> Vec<Mail> {
    eventually("the owners are told", async || {
        let mails = service.mails().iter().map(|raw| Mail::read(raw)).collect::<Vec<_>>();
        let mails = mails.into_iter().filter(|mail| mail.to.starts_with("owner-")).collect::<Vec<_>>();
        (mails.len() >= count).then_some(mails)
    })
    .await
}

#[tokio::test]
async fn owners_are_told_of_rules_that_use_an_old_name() {
    let owner = |name: &str| format!("owner = \"owner-{name}@example.com\"");
    let rules = [
        ("in-full", "repo = [\"acme/old\"]"),
        ("begins-so", "repo = [\"acme/web\", \"acme/ol*\"]"),
        ("all-but", "repo = [\"acme/*\", \"!acme/old\"]"),
        ("within", "any = [{ repo = [\"acme/old\"] }, { labels = [\"x\"] }]"),
        ("all", "repo = [\"acme/*\"]"),
        ("both", "repo = [\"acme/old\", \"acme/new\"]"),
        ("other", "repo = [\"acme/older\"]"),
        ("base", "repo = [\"acme/api\"]\nbase = [\"master\"]"),
        ("base-elsewhere", "repo = [\"acme/web\"]\nbase = [\"master\"]"),
        ("project", "ticket = [\"DATA-*\"]"),
        ("ticket", "ticket = [\"DATA-1562\"]"),
    ];
    let service = serve(&[
        naming("web", &owner("web"), &rules),
        naming("docs", &owner("docs"), &[("all", "repo = [\"acme/*\"]"), ("mine", "repo = [\"acme/docs\"]")]),
        naming("nobody", "", &[("in-full", "repo = [\"acme/old\"]")]),
        naming("partner", &format!("{}\naudience = \"outside\"", owner("partner")), &[("x", "repo = [\"acme/se*\"]")]),
    ])
    .await;
    let rename = |old: &str, new: &str| {
        repository("renamed", json!({ "changes": { "repository": { "name": { "from": old } } } }))
            .with(json!({ "repository": { "updated_at": time(5) } }))
            .of(new)
    };
    let branch = json!({
        "changes": { "default_branch": { "from": "master" } }, "repository": { "updated_at": time(6) },
    });
    let private = json!({ "repository": { "private": true, "visibility": "private" } });
    let moves = |number: u64| {
        let (from, to) = (format!("DATA-{number}"), format!("CORE-{number}"));
        let id = json!({ "issue": { "id": format!("10{number}") } });
        changed(&to, 6, vec![item("Key", Some(&from), Some(&to))], json!({})).with(id)
    };
    let told = [
        // Two webhooks deliver it, and one of them comes later.
        sibling("repository", [rename("old", "acme/new"), rename("old", "acme/new"), settled()]),
        sibling("repository-again", [rename("old", "acme/new"), settled()]),
        sibling("branch", [repository("edited", branch).of("acme/api"), settled()]),
        sibling("tickets", [moves(1561), settled(), moves(1562), settled(), moves(1563), settled()]),
        sibling("private", [rename("secret", "acme/hidden").with(private), settled()]),
        // What nobody's rules name.
        sibling("last", [rename("tool", "acme/tools")]),
    ];
    play(&service, &told).await.finish();
    let mails = to_owners(&service, 5).await;
    let shown = mails.iter().map(|mail| format!("{} | {}\n{}", mail.to, mail.subject, mail.text));
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("----\n"));
    // The last rename was followed: no further mail is to come.
    eventually("the team without an owner is in the log", async || {
        service.log().lines().any(|line| line.contains("\"nobody\"") && line.contains("acme/old")).then_some(())
    })
    .await;
    assert_eq!(to_owners(&service, 5).await.len(), 5);
}
