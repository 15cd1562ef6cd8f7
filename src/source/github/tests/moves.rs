//! Renames, transfers and moves.

use super::*;
use crate::event::{Renamed, ThingKind, Undoes, Undone};

fn renamed(event: &Event) -> Option<(String, String)> {
    event.renamed.clone().map(|Renamed { from, to }| (from.to_string(), to.to_string()))
}

fn pair(from: &str, to: &str) -> Option<(String, String)> {
    Some((from.to_owned(), to.to_owned()))
}

#[test]
fn a_transferred_issue_is_not_opened_again() {
    let mut here = fixture!("issues_opened");
    here["changes"] = json!({"old_issue": {"number": 7}, "old_repository": {"full_name": "acme/api"}});
    let [event] = events("issues", &here).try_into().unwrap();
    assert_eq!(renamed(&event), pair("acme/api#7", "acme/ingest#12"), "and its note is not told again");
    assert_eq!((event.kind, event.undoing), (EventKind::TicketMoved, None));

    let mut away = with(fixture!("issues_opened"), "/action", json!("transferred"));
    away["changes"] = json!({"new_issue": {"number": 12}, "new_repository": {"full_name": "acme/ingest"}});
    away["issue"]["number"] = json!(7);
    away["repository"]["full_name"] = json!("acme/api");
    let [told] = events("issues", &away).try_into().unwrap();
    assert_eq!(renamed(&told), pair("acme/api#7", "acme/ingest#12"));
    assert_eq!(
        (told.kind, told.change, told.once),
        (EventKind::TicketMoved, event.change, event.once),
        "both tell the same"
    );

    let linked = json!({"new_issue": {"number": 3, "html_url": "https://github.com/acme/web/issues/3"}});
    assert_eq!(
        renamed(&events("issues", &with(away.clone(), "/changes", linked))[0]),
        pair("acme/api#7", "acme/web#3")
    );
    let unknown = events("issues", &with(away, "/changes", json!({}))).remove(0);
    assert_eq!((renamed(&unknown), unknown.undoing.unwrap().of), (None, Undoes::Subject(Undone::Deleted)));
    let unknown = events("issues", &with(here, "/changes", json!({"old_issue": {}}))).remove(0);
    assert_eq!((renamed(&unknown), unknown.undoing.unwrap().of), (None, Undoes::Nothing), "it was not opened here");
}

#[test]
fn an_issue_that_becomes_a_discussion_and_a_discussion_that_moves() {
    let created = with(fixture!("discussion"), "/action", json!("created"));
    for (changes, from) in [
        (json!({"old_issue": {"number": 7}, "old_repository": {"full_name": "acme/ingest"}}), "acme/ingest#7"),
        (json!({"old_issue": {"number": 7, "html_url": "https://github.com/acme/x/issues/7"}}), "acme/x#7"),
        (json!({"old_discussion": {"number": 7}, "old_repository": {"full_name": "acme/x"}}), "acme/x#7"),
    ] {
        let mut body = created.clone();
        body["changes"] = changes;
        let event = events("discussion", &body).remove(0);
        assert_eq!(renamed(&event), pair(from, "acme/ingest#4"));
        assert!(event.undoing.is_some());
    }
    assert!(events("discussion", &created)[0].undoing.is_none());
    let mut away = with(created, "/action", json!("transferred"));
    away["changes"] = json!({"new_discussion": {"number": 5}, "new_repository": {"full_name": "acme/x"}});
    let event = events("discussion", &away).remove(0);
    assert_eq!(renamed(&event), pair("acme/ingest#4", "acme/x#5"));
    assert_eq!(event.undoing.unwrap().because, "the discussion was transferred to acme/x#5");
    let mut issue = with(fixture!("issues_opened"), "/action", json!("transferred"));
    issue["changes"] = json!({"new_discussion": {"number": 5}, "new_repository": {"full_name": "acme/x"}});
    assert_eq!(renamed(&events("issues", &issue)[0]), pair("acme/ingest#12", "acme/x#5"));
}

#[test]
fn what_becomes_of_a_repository() {
    let body = json!({
        "action": "", "sender": {"login": "ana"},
        "repository": {"full_name": "acme/api", "html_url": "https://github.com/acme/api", "private": true,
                       "default_branch": "main", "updated_at": "2024-05-02T10:00:00Z"},
        "changes": {"repository": {"name": {"from": "old"}}, "owner": {"from": {"organization": {"login": "other"}}},
                    "default_branch": {"from": "master"}},
    });
    for (action, subject, rename, private, because) in [
        ("renamed", "acme/api", pair("acme/old", "acme/api"), true, "acme/old is acme/api from now on"),
        ("transferred", "acme/api", pair("other/api", "acme/api"), true, "other/api is acme/api from now on"),
        ("privatized", "acme/api", None, true, "the repository is private from now on"),
        ("publicized", "acme/api", None, false, "the repository is public from now on"),
        ("deleted", "acme/api", None, true, "the repository was deleted"),
        (
            "edited",
            "acme/api:main",
            pair("acme/api:master", "acme/api:main"),
            true,
            "acme/api:master is acme/api:main from now on",
        ),
    ] {
        let [event] = events("repository", &with(body.clone(), "/action", json!(action))).try_into().unwrap();
        assert_eq!((event.subject.as_str(), event.scope.as_str()), (subject, "acme/api"), "{action}");
        assert_eq!((renamed(&event), event.private), (rename, Some(private)), "{action}");
        let undoing = event.undoing.unwrap();
        let gone = if action == "deleted" { Undoes::Subject(Undone::Deleted) } else { Undoes::Nothing };
        assert_eq!((undoing.of, undoing.because.as_str()), (gone, because));
        let About::Thing(thing) = event.about else { panic!() };
        assert_eq!(thing.kind == ThingKind::Branch, action == "edited");
    }
    for action in ["archived", "created", "edited"] {
        let body =
            with(with(body.clone(), "/action", json!(action)), "/changes", json!({"description": {"from": "x"}}));
        assert_eq!(ignored("repository", &body), format!("`repository.{action}` is not something rules can ask for"));
    }
    let unsaid = with(with(body, "/action", json!("renamed")), "/changes", json!(null));
    assert_eq!(ignored("repository", &unsaid), "the payload has no usable `changes.repository.name.from`");
}
