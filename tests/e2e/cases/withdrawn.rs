//! What its author deletes, edits or restricts while its update waits.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{Sibling, on, play, serve, sibling, tell, web};

const WAITS: &str = "2s";

/// What people write.
const WORDS: &[&str] = &[
    "ticket.commented",
    "ticket.created",
    "ticket.updated",
    "pull_request.commented",
    "pull_request.approved",
    "pull_request.opened",
    "issue.opened",
    "issue.commented",
    "release.published",
    "discussion.*",
    "note.*",
];

fn visible(to: &str) -> Value {
    json!({ "comment": { "visibility": { "type": to, "value": "Administrators" } } })
}

/// A comment in Jira that is written, and what becomes of it.
fn in_jira(name: &'static str, key: &str, id: u64, then: (&str, Value)) -> Sibling {
    let words = json!(format!("the password is hunter-{id}"));
    let then = jira_comment(key, id, then.0, words.clone()).with(then.1);
    sibling(name, [jira_comment(key, id, "comment_created", words), then]).never(format!("hunter-{id}"))
}

#[tokio::test]
async fn a_comment_in_jira_goes_nowhere_once_it_is_deleted_or_restricted() {
    let internal = json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
    let mut within = jira_comment("DATA-8", 18, "jira:issue_updated", json!("the password is hunter-18"));
    put(&mut within.body, json!({ "issue_event_type_name": "issue_commented", "changelog": null }));
    let deleted = jira_comment("DATA-8", 18, "jira:issue_updated", json!("the password is hunter-18"))
        .with(json!({ "issue_event_type_name": "issue_comment_deleted" }));
    let note = |event| jira_comment("DATA-9", 19, event, json!("/assume the password is hunter-19"));
    let siblings = [
        in_jira("deleted", "DATA-1", 11, ("comment_deleted", json!({}))).because(0, "deleted").messages(0, "DATA-1"),
        in_jira("for-a-role", "DATA-2", 12, ("comment_updated", visible("role"))),
        in_jira("for-a-group", "DATA-3", 13, ("comment_updated", visible("group"))),
        in_jira("not-for-customers", "DATA-4", 14, ("comment_updated", json!({ "comment": { "jsdPublic": false } }))),
        in_jira("internal", "DATA-5", 15, ("comment_updated", json!({ "comment": { "properties": internal } }))),
        in_jira("edited", "DATA-6", 16, ("comment_updated", json!({ "comment": { "body": "it is in vault-16" } })))
            .says("vault-16")
            .messages(1, "DATA-6"),
        in_jira("for-a-role-within-an-update", "DATA-7", 17, ("jira:issue_updated", visible("role")))
            .because(0, "restricted"),
        sibling("deleted-within-an-update", [within, deleted]).never("hunter-18").messages(0, "DATA-8"),
        sibling("note-restricted", [note("comment_created"), note("comment_updated").with(visible("role"))])
            .never("hunter-19"),
        sibling("stays", [jira_comment("DATA-10", 20, "comment_created", json!("nobody minds fish-20"))])
            .says("fish-20")
            .messages(1, "DATA-10"),
    ];
    tell(&[web(WAITS, &on(WORDS))], &siblings).await;
}

fn edit(from: &str, to: &str) -> Value {
    json!({ "comment": { "body": to, "updated_at": time(11) }, "changes": { "body": { "from": from } } })
}

#[tokio::test]
async fn a_comment_or_review_on_github_goes_nowhere_in_its_old_words() {
    let said = |id: u64| format!("the password is hunter-{id}");
    let by = |number, id: u64, action| pull_comment(number, id, action, &said(id));
    let on_issue = |id: u64, action| comment(35, id, action, &said(id));
    let reviewed = |number, id: u64| review(number, id, "approved", Some(&said(id)));
    let review_edited = reviewed(33, 33).with(json!({
        "action": "edited", "review": { "body": "see vault-33" }, "changes": { "body": { "from": said(33) } },
    }));
    let wordless = |number, id| review(number, id, "commented", None);
    let line = |number, id: u64, action| line_comment(number, (id, number), action, &said(id));
    let siblings = [
        sibling("edited", [by(31, 31, "created"), by(31, 31, "edited").with(edit(&said(31), "see vault-31"))])
            .never("hunter-31")
            .says("vault-31")
            .messages(1, "schema 31"),
        sibling(
            "edited-then-deleted",
            [
                by(32, 32, "created"),
                by(32, 32, "edited").with(edit(&said(32), "see vault-32")),
                by(32, 32, "deleted").with(json!({ "comment": { "body": "see vault-32" } })),
            ],
        )
        .never("hunter-32")
        .never("vault-32")
        .messages(0, "schema 32")
        .because(0, "deleted"),
        sibling("review-edited", [reviewed(33, 33), review_edited]).never("hunter-33").says("vault-33"),
        sibling("line-deleted", [wordless(34, 34), line(34, 340, "created"), line(34, 340, "deleted")])
            .never("hunter-340")
            .messages(0, "schema 34"),
        sibling("on-an-issue", [on_issue(35, "created"), on_issue(35, "deleted")])
            .never("hunter-35")
            .messages(0, "Orders 35")
            .because(0, "deleted"),
        sibling(
            "line-edited",
            [
                wordless(36, 36),
                line(36, 360, "created"),
                line(36, 360, "edited").with(edit(&said(360), "see vault-360")),
            ],
        )
        .never("hunter-360")
        .says("vault-360"),
        sibling("deleted-before-it-came", [by(37, 37, "deleted"), by(37, 37, "created")])
            .never("hunter-37")
            .messages(0, "schema 37"),
        sibling("stays", [by(38, 38, "created")]).says("hunter-38").messages(1, "schema 38"),
    ];
    tell(&[web(WAITS, &on(WORDS))], &siblings).await;
}

#[tokio::test]
async fn what_is_deleted_or_renamed_as_a_whole_goes_nowhere_either() {
    let body = |id: u64| format!("the password is hunter-{id}");
    let opened = |number: u64| json!({ "issue": { "body": body(number) } });
    let talk = |number: u64, title: &str| json!({ "discussion": { "title": title, "body": body(number) } });
    let notes = |id: u64, text: &str| json!({ "release": { "body": text, "name": format!("Orders {id}") } });
    let new = |key: &str, id: u64| {
        let fields = json!({ "summary": format!("hunter-{id}"), "description": body(id) });
        ticket(key, "jira:issue_created", 5, json!({ "issue": { "fields": fields } }))
    };
    let renamed = changed("DATA-53", 6, vec![item("summary", Some("hunter-53"), Some("vault-53"))], json!({}))
        .with(json!({ "issue": { "fields": { "summary": "vault-53", "description": "" } } }));
    let siblings = [
        sibling("issue", [issue(41, "opened", 5, opened(41)), issue(41, "deleted", 6, opened(41))])
            .never("hunter-41")
            .messages(0, "Orders 41")
            .because(0, "deleted"),
        sibling(
            "issue-edited",
            [
                issue(42, "opened", 5, opened(42)),
                issue(42, "edited", 6, json!({ "issue": { "body": "see vault-42" } }))
                    .with(json!({ "changes": { "body": { "from": body(42) } } })),
            ],
        )
        .never("hunter-42")
        .messages(1, "Orders 42"),
        sibling(
            "release",
            [
                release(43, "v43", "published", notes(43, &body(43))),
                release(43, "v43", "deleted", notes(43, &body(43))),
            ],
        )
        .never("hunter-43")
        .messages(0, "v43")
        .because(0, "deleted"),
        sibling(
            "release-edited",
            [
                release(44, "v44", "published", notes(44, &body(44))),
                release(44, "v44", "edited", notes(44, "see vault-44"))
                    .with(json!({ "changes": { "body": { "from": body(44) } } })),
            ],
        )
        .never("hunter-44")
        .says("vault-44"),
        sibling(
            "release-unpublished",
            [
                release(45, "v45", "published", notes(45, &body(45))),
                release(45, "v45", "unpublished", json!({ "release": { "draft": true } })),
            ],
        )
        .never("hunter-45")
        .messages(0, "v45"),
        sibling(
            "discussion",
            [discussion(46, "created", 5, talk(46, "hunter-46")), discussion(46, "deleted", 6, talk(46, "hunter-46"))],
        )
        .never("hunter-46")
        .because(0, "deleted"),
        sibling(
            "discussion-edited",
            [
                discussion(47, "created", 5, talk(47, "hunter-47")),
                discussion(47, "edited", 6, json!({ "discussion": { "title": "vault-47", "body": "Who knows?" } }))
                    .with(json!({ "changes": { "title": { "from": "hunter-47" }, "body": { "from": body(47) } } })),
            ],
        )
        .never("hunter-47")
        .says("vault-47"),
        sibling(
            "ticket",
            [new("DATA-52", 52), new("DATA-52", 52).with(json!({ "webhookEvent": "jira:issue_deleted" }))],
        )
        .never("hunter-52")
        .because(0, "deleted"),
        sibling("ticket-renamed", [new("DATA-53", 53), renamed]).never("the password is hunter-53").says("vault-53"),
        sibling(
            "pull-request-edited",
            [
                pull(54, "opened", 5, json!({ "pull_request": { "title": "hunter-54", "body": body(54) } })),
                pull(54, "edited", 6, json!({ "pull_request": { "title": "vault-54" } }))
                    .with(json!({ "changes": { "title": { "from": "hunter-54" }, "body": { "from": body(54) } } })),
            ],
        )
        .never("hunter-54")
        .says("vault-54"),
    ];
    // The edits themselves are not asked for, and what is renamed says what it was.
    let kinds = WORDS.iter().copied().filter(|kind| *kind != "ticket.updated").collect::<Vec<_>>();
    tell(&[web(WAITS, &on(&kinds))], &siblings).await;
}

const OUTSIDE: &str = "team = \"partner\"\nto = [\"email:partner@example.org\"]\naudience = \"outside\"\nsettle = \"6s\"\n\
    [[rule]]\nname = \"all\"\non = [\"*\"]\n";

#[tokio::test]
async fn a_repository_that_becomes_private_is_private_from_then_on() {
    let titled = |number, title| pull(number, "opened", 5, json!({ "pull_request": { "title": title } }));
    let edited = |body: Value| Post { to: "repository", body, headers: Vec::new() };
    let visibility = json!({ "action": "edited", "repository": { "full_name": "acme/b", "private": true,
        "html_url": "https://github.com/acme/b" }, "sender": user("ana") });
    let siblings = [
        sibling("privatized", [titled(61, "hunter-61").of("acme/a"), privatized().of("acme/a")])
            .never("hunter-61")
            .says("acme/a/pull/61"),
        sibling("comment", [pull_comment(62, 62, "created", "hunter-62").of("acme/b"), privatized().of("acme/b")])
            .never("hunter-62"),
        sibling("by-another-event", [titled(63, "hunter-63").of("acme/c"), edited(visibility).of("acme/c")]),
        sibling(
            "known-as-private",
            [
                privatized().of("acme/d"),
                titled(64, "hunter-64").of("acme/d").with(json!({ "repository": { "private": true } })),
            ],
        )
        .never("hunter-64")
        .says("acme/d/pull/64"),
        sibling("stays-public", [titled(65, "fish-65").of("acme/e")]).says("fish-65"),
    ];
    let told = play(&serve(&[OUTSIDE.to_owned()]).await, &siblings).await;
    told.finish();
}
