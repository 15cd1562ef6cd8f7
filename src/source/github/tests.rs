//! How GitHub's payloads are understood, with hand-written payloads in the documented shapes.

#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::{About, Event, EventKind, Source, Stage};
use crate::source::{Parsed, Settings, parse};

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/github/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

// Below the macro that they use.
mod conditions;
mod issues;
mod moves;
mod names;
mod notes;
mod own;
mod queues;
mod releases;
mod reviews;
mod things;
mod undoings;
mod whose;

fn read(name: &str, body: &Value) -> Parsed {
    parse(Source::Github, name, body.to_string().as_bytes(), Timestamp::UNIX_EPOCH, &Settings::default())
}

fn events(name: &str, body: &Value) -> Vec<Event> {
    match read(name, body) {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => panic!("ignored: {reason}"),
    }
}

fn ignored(name: &str, body: &Value) -> String {
    match read(name, body) {
        Parsed::Ignored(reason) => reason.to_string(),
        Parsed::Events(events) => panic!("events: {events:?}"),
    }
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

fn without(mut body: Value, parent: &str, field: &str) -> Value {
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    body
}

fn tickets(event: &Event) -> Vec<&str> {
    event.tickets.iter().map(|key| key.as_str()).collect()
}

#[test]
fn a_full_pull_request_is_read_and_its_note_follows() {
    let events = events("pull_request", &fixture!("pull_request_opened"));
    insta::assert_json_snapshot!(events);
}

#[test]
fn deleted_accounts_and_forks_an_old_server_and_no_sender() {
    let body = fixture!("pull_request_merged_ghost");
    let event = events("pull_request", &body).remove(0);
    let About::PullRequest(about) = &event.about else { panic!("{event:?}") };
    assert_eq!((event.kind, about.stage), (EventKind::PullRequestMerged, Stage::Merged));
    assert_eq!((about.author.as_ref(), about.draft, about.labels.as_ref()), (None, None, None));
    assert_eq!((about.head.as_deref(), about.base.as_deref()), (Some("drop-column"), Some("main")));
    assert_eq!(event.actor.unwrap().login, "bo", "without a sender, who merged it did it");
    assert_eq!(event.at.to_string(), "2024-05-03T09:30:00Z");

    let nobody = with(body.clone(), "/pull_request/merged_by", json!(null));
    assert_eq!(events("pull_request", &nobody)[0].actor, None);
    let mut deleted = body.clone();
    deleted["sender"] = json!(null);
    assert_eq!(events("pull_request", &deleted)[0].actor, None, "a null sender is a deleted account");
    let headless = with(body, "/pull_request/head", json!(null));
    let About::PullRequest(about) = events("pull_request", &headless).remove(0).about else { panic!() };
    assert_eq!(about.head, None);
}

#[test]
fn each_action_of_a_pull_request_has_its_kind() {
    let body = fixture!("pull_request_opened");
    let ready = with(body.clone(), "/pull_request/draft", json!(false));
    let old = without(body.clone(), "/pull_request", "draft");
    for (body, action, kind) in [
        (&body, "opened", "pull_request.draft"),
        (&ready, "opened", "pull_request.opened"),
        (&old, "opened", "pull_request.opened"),
        (&body, "converted_to_draft", "pull_request.draft"),
        (&ready, "ready_for_review", "pull_request.ready"),
        (&body, "closed", "pull_request.closed"),
        (&body, "reopened", "pull_request.reopened"),
        (&body, "synchronize", "pull_request.pushed"),
        (&body, "edited", "pull_request.edited"),
        (&body, "labeled", "pull_request.labeled"),
        (&body, "unlabeled", "pull_request.unlabeled"),
        (&body, "assigned", "pull_request.assigned"),
        (&body, "review_requested", "pull_request.review_requested"),
    ] {
        let body = with(body.clone(), "/action", json!(action));
        assert_eq!(events("pull_request", &body)[0].kind.as_str(), kind, "{action}");
    }
    for (action, reason) in
        [(json!(null), "the payload has no usable `action`"), (json!(7), "the payload has no usable `action`")]
    {
        assert_eq!(ignored("pull_request", &with(body.clone(), "/action", action)), reason);
    }
}

#[test]
fn changes_say_what_was_and_what_is() {
    for (action, more, change) in [
        (
            "edited",
            json!({"changes": {"title": {"from": "Ids"}}}),
            ("title", Some("Ids"), Some("OPS-7: add ids to rows")),
        ),
        ("edited", json!({"changes": {"base": {"ref": {"from": "dev"}}}}), ("base", Some("dev"), Some("main"))),
        (
            "edited",
            json!({"changes": {"body": {"from": "Old.\n\nMore."}}}),
            ("body", Some("Old."), Some("Every row gets an id, see the plan.")),
        ),
        ("labeled", json!({"label": {"name": "bug"}}), ("label", None, Some("bug"))),
        ("unlabeled", json!({"label": {"name": "bug"}}), ("label", Some("bug"), None)),
        ("assigned", json!({"assignee": {"login": "bo"}}), ("assignee", None, Some("bo"))),
        ("review_requested", json!({"requested_reviewer": {"login": "bo"}}), ("reviewer", None, Some("bo"))),
        (
            "review_requested",
            json!({"requested_team": {"slug": "data", "name": "Data"}}),
            ("reviewer", None, Some("data")),
        ),
        (
            "synchronize",
            json!({"before": "f95f852bd8fca8fcc58a9a2d", "after": "ec26c3e57ca3a959ca5aad62"}),
            ("commits", Some("f95f852"), Some("ec26c3e")),
        ),
    ] {
        let mut body = with(fixture!("pull_request_opened"), "/action", json!(action));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = events("pull_request", &body).remove(0).change.unwrap();
        assert_eq!((found.field.as_str(), found.from.as_deref(), found.to.as_deref()), change);
    }
}

#[test]
fn a_missing_core_is_named() {
    let body = fixture!("pull_request_opened");
    for (parent, field, reason) in [
        ("", "repository", "the payload has no usable `repository`"),
        ("/repository", "full_name", "the payload has no usable `repository.full_name`"),
        ("", "pull_request", "the payload has no usable `pull_request`"),
        ("/pull_request", "number", "the payload has no usable `pull_request.number`"),
    ] {
        assert_eq!(ignored("pull_request", &without(body.clone(), parent, field)), reason);
    }
    assert_eq!(
        ignored("pull_request", &json!(3)),
        "the body is not a webhook's JSON object: invalid type: integer `3`, expected struct Body at line 1 column 1"
    );
    assert_eq!(ignored("ping", &json!({})), "ping: GitHub is connected");
    assert_eq!(ignored("star", &json!({})), "`star` is not something rules can ask for");
}

#[test]
fn only_web_addresses_get_through() {
    let body = with(fixture!("pull_request_opened"), "/pull_request/html_url", json!("javascript:alert(1)"));
    let body = with(body, "/sender/html_url", json!("javascript:alert(1)"));
    let event = events("pull_request", &body).remove(0);
    assert_eq!(
        event.url.as_deref(),
        Some("https://github.com/acme/ingest/pull/45"),
        "the repository's page leads there"
    );
    assert_eq!(event.actor.unwrap().url, None);
}

#[test]
fn a_comment_on_a_pull_request_tells_only_what_it_knows() {
    let body = fixture!("issue_comment_on_pull_request");
    let [event, note] = events("issue_comment", &body).try_into().unwrap();
    let About::PullRequest(about) = &event.about else { panic!("{event:?}") };
    assert_eq!(event.kind, EventKind::PullRequestCommented);
    assert_eq!((about.stage, about.draft, about.head.as_deref()), (Stage::Merged, None, None));
    assert!(event.actor.as_ref().unwrap().bot);
    assert_eq!(event.comment.as_ref().unwrap().summary, "Yes, all consumers were updated.");
    assert_eq!(event.url.as_deref(), Some("https://github.com/acme/ingest/pull/45#issuecomment-9007199254740993"));
    assert_eq!((note.kind, &note.url), (EventKind::NoteHeadsUp, &event.url));
    assert!(note.once.unwrap().starts_with("note:github:comment:9007199254740993:heads_up:"));

    let edited = with(body.clone(), "/action", json!("edited"));
    let [edit, note] = events("issue_comment", &edited).try_into().unwrap();
    assert!(edit.undoing.is_some() && note.undoing.is_none(), "only its notes are news of an edit");
    assert_eq!((note.kind, note.review, note.renamed), (EventKind::NoteHeadsUp, None, None));
    let pinned = with(body.clone(), "/action", json!("pinned"));
    assert_eq!(ignored("issue_comment", &pinned), "`issue_comment.pinned` is not something rules can ask for");

    let unmerged = with(body.clone(), "/issue/pull_request/merged_at", json!(null));
    let About::PullRequest(about) = events("issue_comment", &unmerged).remove(0).about else { panic!() };
    assert_eq!(about.stage, Stage::Closed);
    let on_issue = without(body, "/issue", "pull_request");
    assert_eq!(events("issue_comment", &on_issue)[0].kind, EventKind::IssueCommented);
}

#[test]
fn a_note_is_the_same_when_it_is_read_again_and_news_when_it_is_edited() {
    let once = |body: &Value| events("pull_request", body)[1].once.clone().unwrap();
    let opened = fixture!("pull_request_opened");
    let edited = with(opened.clone(), "/action", json!("edited"));
    assert_eq!(once(&opened), once(&edited));
    let other = with(edited.clone(), "/pull_request/body", json!("/assume the id is never zero"));
    assert_ne!(once(&opened), once(&other));

    let editor = with(edited, "/sender", json!({"login": "bo"}));
    let author = |body: &Value| events("pull_request", body)[1].note.clone().unwrap().author.unwrap().login;
    assert_eq!((author(&opened), author(&editor)), ("ana".to_owned(), "bo".to_owned()));
}

#[test]
fn issues() {
    let body = fixture!("issues_opened");
    let [event, note] = events("issues", &body).try_into().unwrap();
    assert_eq!((event.kind, note.kind), (EventKind::IssueOpened, EventKind::NoteDelayed));
    assert_eq!((event.subject.as_str(), tickets(&event)), ("acme/ingest#12", vec!["DATA-4"]));
    assert_eq!(event.about.title(), "Rows without ids");
    for (action, kind) in [
        ("closed", "issue.closed"),
        ("reopened", "issue.reopened"),
        ("labeled", "issue.labeled"),
        ("assigned", "issue.assigned"),
    ] {
        let events = events("issues", &with(body.clone(), "/action", json!(action)));
        assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), [kind]);
    }
    let edited = events("issues", &with(body.clone(), "/action", json!("edited")));
    assert_eq!(edited.iter().map(|event| event.undoing.is_some()).collect::<Vec<_>>(), [true, false]);
    for (reason, kept) in [("not_planned", Some("not_planned")), ("DUPLICATE", Some("duplicate")), ("", None)] {
        let mut closed = with(with(body.clone(), "/action", json!("closed")), "/issue/state", json!("closed"));
        closed["issue"]["state_reason"] = json!(reason);
        let About::Issue(issue) = events("issues", &closed).remove(0).about else { panic!() };
        assert_eq!(issue.state_reason.as_deref(), kept);
        let open = with(closed, "/issue/state", json!("open"));
        let About::Issue(issue) = events("issues", &open).remove(0).about else { panic!() };
        assert_eq!(issue.state_reason, None);
    }
}

#[test]
fn a_webhook_tells_of_what_is_read() {
    for name in super::EVENTS {
        assert!(!ignored(name, &json!({})).contains("not something rules can ask for"), "{name}");
    }
}
