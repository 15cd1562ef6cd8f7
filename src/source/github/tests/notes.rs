//! Notes in texts that are edited or deleted, and in commits.

use super::*;

/// What an edit of a text tells: each note's kind, words, whether it is an edit, and whether it replaces something.
fn told(name: &str, body: &Value) -> Vec<String> {
    let notes = events(name, body).into_iter().filter_map(|event| event.note);
    let says = |note: crate::event::Note| {
        let what = match (note.edited, note.taken_back) {
            (true, _) => "edited",
            (_, true) => "taken back",
            _ => "new",
        };
        format!("{what} {}: {}{}", note.kind, note.text, if note.replaces.is_some() { ", replaces" } else { "" })
    };
    notes.map(says).collect()
}

#[test]
fn an_edit_tells_what_it_changes_in_the_notes() {
    let before = "Why.\n/assume a\n/assume b\n/delay c\n> /assume quoted";
    let edited = |now: &str| {
        let comment = fixture!("issue_comment_on_pull_request");
        let mut body = with(with(comment, "/action", json!("edited")), "/comment/body", json!(now));
        body["changes"] = json!({"body": {"from": before}});
        body
    };
    for (now, expected) in [
        ("Other words.\n/assume a\n/assume b\n/delay c\n/block d", &["new blocked: d"][..]),
        ("/assume a\n/assume B\n/delay c", &["edited assumed: B, replaces"]),
        ("/assume A\n/delay c", &["edited assumed: A, replaces", "taken back assumed: b, replaces"]),
        ("/decide a\n/assume b\n/delay c", &["new decided: a", "taken back assumed: a, replaces"]),
        ("/delay c\n/assume b\n/assume a\n/assume quoted", &["new assumed: quoted"]),
    ] {
        assert_eq!(told("issue_comment", &edited(now)), expected, "{now}");
    }
    assert_eq!(told("issue_comment", &edited(&before.replace("Why", "Because"))), [""; 0], "no note is another one");

    let replaces = |body: &Value| events("issue_comment", body)[1].note.clone().unwrap().replaces.unwrap();
    let first = with(fixture!("issue_comment_on_pull_request"), "/comment/body", json!("/assume b"));
    let name = events("issue_comment", &first)[0].once.clone().unwrap();
    assert_eq!(replaces(&edited("/assume a\n/assume B\n/delay c")), name, "it names what was told first");
    let back = with(edited("/assume a\n/assume b\n/delay c\n/assume x"), "/changes/body/from", json!("/assume x"));
    let once = events("issue_comment", &back)[1].once.clone().unwrap();
    assert!(once.starts_with("note:") && once.contains('@'), "words that come back are told again: {once}");
}

#[test]
fn what_is_deleted_takes_its_notes_back_wherever_it_stood() {
    let deleted = with(fixture!("issue_comment_on_pull_request"), "/action", json!("deleted"));
    assert_eq!(told("issue_comment", &deleted), ["taken back heads_up: rows get a new first column, replaces"]);
    let mut line = fixture!("review_submitted");
    line["comment"] = line["review"].take();
    line["action"] = json!("deleted");
    let expected = ["taken back blocked: on the schema of OPS-8, replaces"];
    assert_eq!(told("pull_request_review_comment", &line), expected);
    line["action"] = json!("edited");
    line["changes"] = json!({"body": {"from": "/block on OPS-8"}});
    let expected = ["edited blocked: on the schema of OPS-8, replaces"];
    assert_eq!(told("pull_request_review_comment", &line), expected);
    line["review"] = line["comment"].take();
    assert_eq!(told("pull_request_review", &line), expected);

    for (name, fixture, body) in [
        ("pull_request", fixture!("pull_request_opened"), "/pull_request/body"),
        ("issues", fixture!("issues_opened"), "/issue/body"),
    ] {
        let mut edited = with(with(fixture, "/action", json!("edited")), body, json!("Nothing."));
        edited["changes"] = json!({"body": {"from": "<!-- /assume no -->\n```\n/assume no\n```\n/decide yes"}});
        assert_eq!(told(name, &edited), ["taken back decided: yes, replaces"], "{name}");
    }
}

#[test]
fn a_push_tells_the_trailers_of_its_commits() {
    let mut body = fixture!("push");
    let message = |words: &str| format!("Write ids\n\nFor DATA-5.\n\nMicroalign-Assumed: {words}\nSigned-off-by: Ana");
    body["commits"] = json!([
        {"id": "aa", "message": message("ids are stable"), "url": "https://github.com/acme/ingest/commit/aa",
         "author": {"name": "Ana Sá", "email": "ana@example.com", "username": "ana"}},
        {"id": "bb", "message": message("ids  are stable")},
        {"id": "cc", "message": "OPS-3 rename\n\nmicroalign-headsup: names change"},
    ]);
    body["head_commit"] = body["commits"][2].clone();
    let [push, assumed, heads_up] = events("push", &body).try_into().unwrap();
    assert_eq!((push.kind, tickets(&push)), (EventKind::Push, vec!["OPS-3", "DATA-5"]));
    assert_eq!((assumed.kind, tickets(&assumed)), (EventKind::NoteAssumed, vec!["DATA-5"]), "of its own commit");
    assert_eq!((heads_up.kind, tickets(&heads_up)), (EventKind::NoteHeadsUp, vec!["OPS-3"]));
    assert_eq!((&assumed.subject, assumed.actor.as_ref().unwrap().login.as_str()), (&push.subject, "ana"));
    assert_eq!(assumed.url.as_deref(), Some("https://github.com/acme/ingest/commit/aa"));
    assert_eq!(heads_up.url, push.url);
    assert_eq!(assumed.note.clone().unwrap().author.unwrap().name, "Ana Sá");

    let queued = with(body.clone(), "/sender", json!({"login": "github-merge-queue[bot]", "type": "Bot"}));
    assert_eq!(events("push", &queued)[1].actor, assumed.actor, "a merge queue only carries it");
    let elsewhere = with(body.clone(), "/ref", json!("refs/heads/main"));
    assert_eq!(events("push", &elsewhere)[1].once, assumed.once, "a merge doesn't tell it again");
}

#[test]
fn a_note_of_a_commit_is_its_authors_and_nobody_elses() {
    let mut body = fixture!("push");
    body["commits"] = json!([
        {"id": "aa", "message": "x\n\nMicroalign-Assumed: @web ids", "author": {"name": "Ana", "username": "ana"}},
        {"id": "bb", "message": "x\n\nMicroalign-Decided: ids"},
    ]);
    body["head_commit"] = body["commits"][1].clone();
    let queued = with(body, "/sender", json!({"login": "github-merge-queue[bot]", "type": "Bot"}));
    let [push, decided, assumed] = events("push", &queued).try_into().unwrap();
    assert_eq!((push.kind, push.actor.unwrap().login.as_str()), (EventKind::Push, "ana"));
    let [assumed, decided] = [decided, assumed];
    let note = assumed.note.unwrap();
    assert_eq!(
        (note.to, note.text.as_str(), assumed.actor.unwrap().login.as_str()),
        (vec!["web".to_owned()], "ids", "ana")
    );
    assert_eq!((assumed.doers.len(), decided.actor.unwrap().login.as_str()), (0, "github-merge-queue[bot]"));
}
