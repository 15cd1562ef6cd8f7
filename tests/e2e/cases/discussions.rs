//! What people say to teams in discussions, and issues that become discussions.

use serde_json::json;

use super::payload::*;
use super::story::{on, play, serve, sibling, web};

const KINDS: [&str; 5] = ["issue.opened", "issue.closed", "discussion.created", "discussion.answered", "note.*"];

fn edited(before: &str, minute: u64) -> serde_json::Value {
    json!({ "changes": { "body": { "from": before } }, "comment": { "updated_at": time(minute) } })
}

#[tokio::test]
async fn notes_in_discussions_are_heard_edited_and_taken_back() {
    let talk = |number: u64, action: &str, minute: u64, body: &str| {
        let title = format!("Talk {number}");
        discussion(number, action, minute, json!({ "discussion": { "body": body, "title": title } }))
    };
    let said = |number: u64, action: &str, body: &str| {
        discussion_comment(number, number, action, body)
            .with(json!({ "discussion": { "title": format!("Talk {number}") } }))
    };
    let (note, other) = ("/assume exports are UTC", "/assume exports are local");
    let siblings = [
        sibling("in-the-text", [talk(1801, "created", 5, &format!("Who knows?\n\n{note}"))])
            .says("started the discussion “Talk 1801”")
            .says("is assuming:")
            .messages(1, "Talk 1801"),
        sibling("in-a-comment", [said(1802, "created", &format!("I think so.\n{note} 1802"))])
            .says("> exports are UTC 1802")
            .says("https://github.com/acme/ingest-api/discussions/1802#discussioncomment-1802")
            .messages(1, "Talk 1802"),
        sibling(
            "no-note",
            [said(1803, "created", "I think so."), said(1803, "edited", "I don't.").with(edited("I think so.", 11))],
        )
        .messages(0, "Talk 1803")
        .because(0, "not something rules can ask for"),
        sibling(
            "edited-while-it-waits",
            [
                said(1804, "created", &format!("{note} 1804")),
                said(1804, "edited", &format!("{other} 1804")).with(edited(&format!("{note} 1804"), 11)),
            ],
        )
        .never("UTC 1804")
        .says("local 1804")
        .messages(1, "Talk 1804"),
        sibling(
            "edited-when-it-was-sent",
            [
                said(1805, "created", &format!("{note} 1805")),
                settled(),
                said(1805, "edited", &format!("{other} 1805")).with(edited(&format!("{note} 1805"), 11)),
            ],
        )
        .says("(edited)")
        .messages(2, "Talk 1805"),
        sibling(
            "edited-text",
            [
                talk(1806, "created", 5, &format!("{note} 1806")),
                talk(1806, "edited", 6, &format!("{other} 1806")).with(edited(&format!("{note} 1806"), 6)),
            ],
        )
        .never("UTC 1806")
        .says("local 1806"),
        sibling(
            "deleted",
            [said(1807, "created", &format!("{note} 1807")), said(1807, "deleted", &format!("{note} 1807"))],
        )
        .never("UTC 1807")
        .messages(0, "Talk 1807")
        .because(0, "took it back"),
        sibling(
            "twice",
            [said(1808, "created", &format!("{note} 1808")), said(1808, "created", &format!("{note} 1808"))],
        )
        .messages(1, "Talk 1808"),
        sibling(
            "late",
            [said(1809, "deleted", &format!("{note} 1809")), said(1809, "created", &format!("{note} 1809"))],
        )
        .messages(0, "Talk 1809")
        .because(1, "late"),
        sibling(
            "late-after-an-edit",
            [
                said(1810, "edited", &format!("{other} 1810")).with(edited(&format!("{note} 1810"), 11)),
                said(1810, "created", &format!("{note} 1810")),
            ],
        )
        .never("UTC 1810")
        .messages(1, "Talk 1810"),
        sibling("quoted", [said(1811, "created", &format!("> {note}\n\nReally?"))]).messages(0, "Talk 1811"),
        // The choice of an answer tells what it says, and its notes were told when it was written.
        sibling(
            "in-an-answer",
            [
                said(1812, "created", &format!("Like this.\n{note} 1812")),
                settled(),
                talk(1812, "answered", 20, "Who knows?")
                    .with(json!({ "answer": { "id": 1812, "body": format!("Like this.\n{note} 1812") } })),
            ],
        )
        .messages(2, "Talk 1812"),
        sibling(
            "deleted-with-it",
            [talk(1813, "created", 5, &format!("{note} 1813")), talk(1813, "deleted", 6, &format!("{note} 1813"))],
        )
        .messages(0, "Talk 1813"),
    ];
    play(&serve(&[web("4s", &on(&KINDS))]).await, &siblings).await.finish();
}

#[tokio::test]
async fn an_issue_that_becomes_a_discussion_is_not_a_new_one() {
    const NOTE: &str = "It happens on export.\n\n/assume exports are UTC\n";
    let titled = |number: u64| json!({ "title": format!("Orders {number}"), "body": format!("{NOTE}fish-{number}") });
    let asked = |number: u64| issue(number, "opened", 5, json!({ "issue": titled(number) }));
    let ended = |number: u64, action: &str| issue(number, action, 20, json!({ "issue": titled(number) })).by("li");
    // The discussion is whose the issue was; whoever converts it sends it.
    let talk = |number: u64, of: u64| discussion(number, "created", 20, json!({ "discussion": titled(of) })).by("li");
    let place = json!({ "full_name": "acme/ingest-api", "html_url": "https://github.com/acme/ingest-api" });
    let old = json!({ "changes": { "old_repository": place.clone(), "old_issue": { "number": 1824,
        "html_url": "https://github.com/acme/ingest-api/issues/1824" } } });
    let new = json!({ "changes": { "new_repository": place, "new_discussion": { "number": 1834,
        "html_url": "https://github.com/acme/ingest-api/discussions/1834" } } });
    let chosen =
        |number: u64, of: u64| discussion(number, "answered", 30, json!({ "discussion": titled(of) })).by("li");
    let siblings = [
        // Opened, its note, closed; not a discussion, and not the note again.
        sibling("closed", [asked(1821), settled(), ended(1821, "closed"), talk(1831, 1821)])
            .messages(3, "Orders 1821")
            .because(3, "converted from an issue")
            .unsent(3),
        sibling("discussion-first", [asked(1822), settled(), talk(1832, 1822), ended(1822, "closed")])
            .messages(3, "Orders 1822")
            .unsent(2),
        sibling(
            "deleted",
            [asked(1823), settled(), ended(1823, "deleted"), talk(1833, 1823), settled(), chosen(1833, 1823)],
        )
        .messages(3, "Orders 1823")
        .unsent(3),
        sibling(
            "named",
            [
                asked(1824),
                settled(),
                ended(1824, "transferred").with(new),
                talk(1834, 1824).with(old),
                settled(),
                chosen(1834, 1824),
            ],
        )
        .messages(3, "Orders 1824")
        .unsent(3),
        sibling("a-discussion-of-its-own", [talk(1836, 1826).by("ana")]).messages(2, "Orders 1826"),
    ];
    let mut told = play(&serve(&[web("0s", &on(&KINDS))]).await, &siblings).await;
    let roots = told.with("Orders 1824").iter().map(|mail| mail.root.clone()).collect::<Vec<_>>();
    told.unless(roots.iter().all(|root| *root == roots[0]), format!("named: several conversations: {roots:?}"));
    told.finish();
    let waits = [sibling("converted-while-it-waits", [asked(1825), ended(1825, "closed"), talk(1835, 1825)])
        .messages(1, "Orders 1825")
        .unsent(2)];
    play(&serve(&[web("10s", &on(&KINDS))]).await, &waits).await.finish();
}
