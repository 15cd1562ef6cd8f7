//! How comments are understood.

use super::*;
use crate::event::{Undoes, Undone};

#[test]
fn an_edited_or_deleted_comment_says_whose_notes_it_tells_all_over() {
    let retold = |name: &str, body: &Value| {
        let mut body = body.clone();
        body["webhookEvent"] = json!(name);
        events(&body).into_iter().find_map(|event| event.retold)
    };
    let body = fixture!("comment_created_adf");
    let prefix = "note:jira:comment:10019:";
    let place = Some(prefix.to_owned());
    assert_eq!(retold("comment_created", &body), None);
    assert_eq!(retold("comment_updated", &body), place);
    assert_eq!(retold("comment_deleted", &body), place);
    let mut within = fixture!("issue_updated");
    within["comment"] = body["comment"].clone();
    assert_eq!(retold("jira:issue_updated", &within), None);
    within["issue_event_type_name"] = json!("issue_comment_edited");
    assert_eq!(retold("jira:issue_updated", &within), place);
    let [_, note] = events(&body).try_into().unwrap();
    assert!(note.once.unwrap().starts_with(prefix));
}

#[test]
fn a_comment_as_a_document_by_an_app() {
    let [event, note] = events(&fixture!("comment_created_adf")).try_into().unwrap();
    assert_eq!(
        (event.kind, event.subject.as_str(), event.scope.as_str()),
        (EventKind::TicketCommented, "DATA-123", "DATA")
    );
    assert_eq!(event.comment.as_ref().unwrap().summary, "Ana Doe the ids are in.");
    assert_eq!(event.url.as_deref(), Some("https://example.atlassian.net/browse/DATA-123?focusedCommentId=10019"));
    assert_eq!(event.once.as_deref(), Some("jira-comment:10019"));
    assert_eq!(event.at.to_string(), "2024-05-02T10:00:00Z");
    let actor = event.actor.unwrap();
    assert_eq!((actor.login.as_str(), actor.name.as_str(), actor.bot), ("557058:app", "Automation", true));
    assert_eq!(note.note.unwrap().text, "nobody reads the old column");
    assert_eq!(note.url, event.url);
}

#[test]
fn the_same_comment_within_an_update_is_told_once_with_its_notes() {
    let alone = fixture!("comment_created_adf");
    let mut within = fixture!("issue_updated");
    within["changelog"] = json!(null);
    within["comment"] = alone["comment"].clone();
    let once = |body: &Value| events(body).into_iter().map(|event| event.once).collect::<Vec<_>>();
    assert_eq!(once(&alone), once(&within));

    let undone = |body: &Value| events(body).remove(0).undoing.map(|undoing| undoing.of);
    let edited = Undoes::Occurrence("jira-comment:10019".into(), Undone::Edited);
    within["issue_event_type_name"] = json!("issue_comment_edited");
    assert_eq!((kinds(&within), undone(&within)), (vec!["ticket.commented", "note.assumed"], Some(edited.clone())));
    within["issue_event_type_name"] = json!(null);
    assert_eq!((kinds(&within)[0], undone(&within)), ("ticket.commented", None));
    within["comment"]["updated"] = json!("2024-05-02T13:00:00.000+0200");
    assert_eq!(undone(&within), Some(edited), "an old server's edit");
}

/// How a comment is restricted, on Cloud and Data Center.
fn restrictions() -> Vec<(&'static str, Value)> {
    let property = |value: Value| json!([{"key": "other", "value": 1}, {"key": "sd.public.comment", "value": value}]);
    vec![
        ("visibility", json!({"type": "role", "value": "Administrators"})),
        ("visibility", json!({"type": "group", "identifier": "7"})),
        ("visibility", json!("staff")),
        ("jsdPublic", json!(false)),
        ("jsdPublic", json!("false")),
        ("properties", property(json!({"internal": true}))),
        ("properties", property(json!({"internal": "true"}))),
        ("properties", property(json!("{\"internal\":true}"))),
        ("properties", property(json!([{"internal": true}]))),
        ("properties", json!([{"sd.public.comment": {"internal": true}}])),
        ("properties", json!({"sd.public.comment": {"internal": true}})),
    ]
}

#[test]
fn what_not_everybody_may_read_goes_no_further() {
    for (field, value) in restrictions() {
        let mut body = fixture!("comment_created_adf");
        body["comment"][field] = value.clone();
        let mut within = fixture!("issue_updated");
        within["changelog"] = json!(null);
        within["comment"] = body["comment"].clone();
        for body in [body, within] {
            let [event] = events(&body).try_into().unwrap();
            assert_eq!((event.kind, event.comment, event.undoing), (EventKind::TicketCommented, None, None), "{value}");
            assert_eq!(event.once.as_deref(), Some("jira-comment:10019"));
        }
    }
    for (field, value) in [
        ("visibility", json!(null)),
        ("jsdPublic", json!(true)),
        ("jsdPublic", json!(null)),
        ("properties", json!([{"key": "sd.public.comment", "value": {"internal": false}}])),
        ("properties", json!([{"key": "other", "value": {"internal": true}}])),
        ("properties", json!([{"key": "sd.public.comment", "value": "nonsense"}])),
        ("properties", json!([])),
        ("properties", json!("x")),
    ] {
        let mut body = fixture!("comment_created_adf");
        body["comment"][field] = value.clone();
        assert!(events(&body)[0].comment.is_some(), "{field} {value}");
    }
}

#[test]
fn what_becomes_of_a_comment_takes_back_what_waits() {
    let undone = |body: &Value| {
        let mut events = events(body);
        let event = events.remove(0);
        let undoing = event.undoing.unwrap();
        assert!(events.iter().all(|note| note.undoing.is_none() && note.note.is_some()), "notes are news: {events:?}");
        let words = event.comment.map(|comment| comment.summary);
        (event.kind.as_str(), undoing.of, words, event.once.unwrap(), events.len())
    };
    let of = |undone| Undoes::Occurrence("jira-comment:10019".into(), undone);
    let words = Some("Ana Doe the ids are in.".to_owned());
    let told = "ticket.commented";
    for (name, kind) in
        [("comment_updated", ""), ("jira:comment_updated", ""), ("jira:issue_updated", "issue_comment_edited")]
    {
        let mut body = fixture!("comment_created_adf");
        (body["webhookEvent"], body["issue_event_type_name"]) = (json!(name), json!(kind));
        body["comment"]["updateAuthor"] = json!({"name": "bo", "displayName": "Bo"});
        let edited = (told, of(Undone::Edited), words.clone(), "jira-comment-edited:10019:1714644000000".into(), 1);
        assert_eq!(undone(&body), edited, "{name}");
        let [event, note] = events(&body).try_into().unwrap();
        assert_eq!((event.actor.unwrap().login, note.actor.unwrap().login), ("bo".to_owned(), "bo".to_owned()));

        body["comment"]["body"] = json!("/assume x");
        assert_eq!((undone(&body).2, undone(&body).4), (None, 1), "nothing but a note is left");
        for (field, value) in restrictions() {
            let mut body = body.clone();
            body["comment"][field] = value;
            let once = "jira-comment-restricted:10019:1714644000000".into();
            assert_eq!(undone(&body), (told, of(Undone::Restricted), None, once, 0), "{name}");
        }
    }
    for (name, kind) in [("comment_deleted", ""), ("jira:issue_updated", "issue_comment_deleted")] {
        let mut body = fixture!("comment_created_adf");
        (body["webhookEvent"], body["issue_event_type_name"]) = (json!(name), json!(kind));
        let gone = (told, of(Undone::Deleted), None, "jira-comment-deleted:10019".into(), 0);
        assert_eq!(undone(&body), gone, "{name}");
        assert_eq!(events(&body)[0].url.as_deref(), Some("https://example.atlassian.net/browse/DATA-123"));
    }
}

#[test]
fn a_changelog_that_has_the_words_of_a_deleted_comment_tells_none_of_them() {
    for kind in ["issue_comment_deleted", "issue_generic"] {
        let mut body = changed(&[[None, Some("Comment"), Some("10019"), Some("it is hunter2"), None, None]]);
        body["issue_event_type_name"] = json!(kind);
        let [event] = events(&body).try_into().unwrap();
        let of = Undoes::Occurrence("jira-comment:10019".into(), Undone::Deleted);
        assert_eq!(event.undoing.as_ref().unwrap().of, of);
        assert_eq!(event.retold.as_deref(), Some("note:jira:comment:10019:"));
        assert!(!format!("{event:?}").contains("hunter2"));
    }
    let mut unnamed = changed(&[]);
    unnamed["issue_event_type_name"] = json!("issue_comment_edited");
    let [event] = events(&unnamed).try_into().unwrap();
    assert_eq!((event.undoing.unwrap().of, event.once, event.retold), (Undoes::Nothing, None, None));
}

#[test]
fn an_edit_beside_a_change_is_told_by_its_own_event() {
    let mut body = fixture!("issue_updated");
    body["comment"] = fixture!("comment_created_adf")["comment"].take();
    body["issue_event_type_name"] = json!("issue_comment_edited");
    let told = events(&body);
    let said = told.iter().map(|event| (event.kind.as_str(), event.undoing.is_some(), event.retold.is_some()));
    let said = said.collect::<Vec<_>>();
    assert_eq!(
        said,
        [
            ("ticket.started", false, false),
            ("ticket.slipped", false, false),
            ("ticket.commented", true, true),
            ("note.assumed", false, false),
        ]
    );
}

#[test]
fn a_comment_that_names_no_ticket_has_its_number() {
    let [event, note] = events(&fixture!("comment_created_data_center")).try_into().unwrap();
    let About::Ticket(about) = &event.about else { panic!("{event:?}") };
    assert_eq!((event.subject.as_str(), event.scope.as_str(), event.tickets.len()), ("10013", "", 0));
    assert_eq!((about.key.as_str(), about.id.as_deref()), ("10013", Some("10013")));
    assert_eq!(event.url.as_deref(), Some("https://jira.example.com/context/secure/ViewIssue.jspa?id=10013"));
    assert_eq!(event.once.as_deref(), Some("jira-comment:10082"));
    assert_eq!(event.comment.unwrap().summary, "Done, see the page.");
    assert_eq!(note.note.unwrap().text, "until Monday");
    assert_eq!(event.actor.unwrap().login, "ana");
}
