//! How Jira's payloads are understood, with hand-written payloads in the documented shapes.

#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::{About, Event, EventKind, Source};
use crate::reason::Code;
use crate::source::{Parsed, Settings, parse};

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/jira/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

// Below the macro that it uses.
mod comment;
mod custom;
mod noise;
mod once;
mod other;
mod own;
mod people;
mod site;
mod state;

fn read(body: &Value, settings: &Settings) -> Parsed {
    parse(Source::Jira, "", body.to_string().as_bytes(), Timestamp::UNIX_EPOCH, settings)
}

fn events(body: &Value) -> Vec<Event> {
    match read(body, &Settings::default()) {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => panic!("ignored: {reason}"),
    }
}

fn kinds(body: &Value) -> Vec<&'static str> {
    events(body).iter().map(|event| event.kind.as_str()).collect()
}

/// An update with these changes instead, each `[fieldId, field, from, fromString, to, toString]`.
fn changed(items: &[[Option<&str>; 6]]) -> Value {
    let mut body = fixture!("issue_updated");
    let items = items.iter().map(|[id, field, from, from_string, to, to_string]| {
        json!({"fieldId": id, "field": field, "fieldtype": "jira", "from": from, "fromString": from_string, "to": to, "toString": to_string})
    });
    body["changelog"]["items"] = items.collect();
    body
}

#[test]
fn an_update_in_another_language_tells_each_thing_the_most_significant_first() {
    insta::assert_json_snapshot!(events(&fixture!("issue_updated")));
}

#[test]
fn each_change_has_its_kind() {
    let none = None;
    for (item, kind, change) in [
        (
            ["Key", "Key", "", "OLD-1", "", "DATA-123"].map(Some),
            "ticket.moved",
            ("key", Some("OLD-1"), Some("DATA-123")),
        ),
        (
            [none, Some("Status"), none, Some("To Do"), none, Some("Doing")],
            "ticket.started",
            ("status", Some("To Do"), Some("Doing")),
        ),
        (
            [none, Some("Due Date"), Some("2024-06-30"), none, Some("2024-06-14"), none],
            "ticket.pulled_in",
            ("due", Some("2024-06-30"), Some("2024-06-14")),
        ),
        (
            [Some("duedate"), none, none, none, Some("2024-06-14"), none],
            "ticket.updated",
            ("due", None, Some("2024-06-14")),
        ),
        (
            [Some("duedate"), none, Some("2024-06-14"), none, none, none],
            "ticket.updated",
            ("due", Some("2024-06-14"), None),
        ),
        (
            [none, Some("Fix Version"), Some("1"), Some("v1"), Some("2"), Some("v2")],
            "ticket.slipped",
            ("fix_version", Some("v1"), Some("v2")),
        ),
        (
            [none, Some("Fix Version"), Some("1"), Some("v3"), Some("2"), Some("v2")],
            "ticket.pulled_in",
            ("fix_version", Some("v3"), Some("v2")),
        ),
        (
            [none, Some("Fix Version"), none, none, Some("2"), Some("v2")],
            "ticket.updated",
            ("fix_version", None, Some("v2")),
        ),
        (
            [Some("fixVersions"), none, Some("1"), Some("next"), Some("2"), Some("later")],
            "ticket.updated",
            ("fix_version", Some("next"), Some("later")),
        ),
        (
            [Some("assignee"), none, Some("ana"), Some("Ana"), none, none],
            "ticket.assigned",
            ("assignee", Some("Ana"), None),
        ),
        (
            [none, Some("PRIORITY"), none, Some("Low"), none, Some("High")],
            "ticket.priority_changed",
            ("priority", Some("Low"), Some("High")),
        ),
        (
            [Some("customfield_10021"), Some("Flagged"), none, Some(""), none, Some("Impediment")],
            "ticket.flagged",
            ("flagged", None, Some("Impediment")),
        ),
        (
            [Some("customfield_10021"), Some("Flagged"), none, Some("Impediment"), none, Some("")],
            "ticket.updated",
            ("flagged", Some("Impediment"), None),
        ),
        (
            [none, Some("Link"), none, none, Some("DATA-9"), Some("This issue blocks DATA-9")],
            "ticket.linked",
            ("link", None, Some("blocks DATA-9")),
        ),
        (
            [none, Some("Link"), Some("DATA-9"), Some("This issue blocks DATA-9"), none, none],
            "ticket.updated",
            ("link", Some("blocks DATA-9"), None),
        ),
        (
            [none, Some("labels"), none, Some("a"), none, Some("a b")],
            "ticket.updated",
            ("labels", Some("a"), Some("a b")),
        ),
    ] {
        let found = events(&changed(&[item])).remove(0);
        let change_found = found.change.unwrap();
        assert_eq!(found.kind.as_str(), kind, "{item:?}");
        assert_eq!((change_found.field.as_str(), change_found.from.as_deref(), change_found.to.as_deref()), change);
    }
}

#[test]
fn a_custom_field_with_a_known_name_is_only_an_update() {
    let mut body = changed(&[[None, Some("Status"), None, Some("green"), None, Some("red")]]);
    body["changelog"]["items"][0]["fieldtype"] = json!("custom");
    assert_eq!(kinds(&body), ["ticket.updated"]);
}

#[test]
fn a_status_is_told_by_its_category() {
    for (category, kind) in [
        (json!("new"), EventKind::TicketTransitioned),
        (json!("indeterminate"), EventKind::TicketStarted),
        (json!("done"), EventKind::TicketDone),
        (json!("undefined"), EventKind::TicketTransitioned),
        (json!(null), EventKind::TicketTransitioned),
    ] {
        let mut body = fixture!("issue_updated");
        body["issue"]["fields"]["status"]["statusCategory"]["key"] = category;
        assert!(events(&body).iter().any(|event| event.kind == kind));
    }
}

#[test]
fn components_are_names() {
    let mut body = fixture!("issue_updated");
    body["issue"]["fields"]["components"] = json!([{"name": "Ingest "}, {"id": "1"}, null]);
    let About::Ticket(ticket) = events(&body).remove(0).about else { panic!() };
    assert_eq!(ticket.components, ["Ingest"]);
}

#[test]
fn versions_that_are_swapped_in_two_items_are_one_change_by_their_dates() {
    let mut body = changed(&[
        [Some("fixVersions"), None, Some("1"), Some("spring"), None, None],
        [Some("fixVersions"), None, None, None, Some("2"), Some("autumn")],
    ]);
    assert_eq!(kinds(&body), ["ticket.updated"], "names alone say nothing here");
    body["issue"]["fields"]["fixVersions"] = json!([{"id": "1", "name": "spring", "releaseDate": "2024-04-01"}, {"id": "2", "name": "autumn", "releaseDate": "2024-10-01"}]);
    assert_eq!(kinds(&body), ["ticket.slipped"]);
}

#[test]
fn a_new_description_tells_its_notes() {
    let body = changed(&[[Some("description"), None, None, Some("old"), None, Some("new")]]);
    let [event, note] = events(&body).try_into().unwrap();
    assert_eq!((event.kind, note.kind), (EventKind::TicketUpdated, EventKind::NoteDecided));
    assert_eq!(note.note.unwrap().text, "ids are integers");
    assert!(note.once.unwrap().starts_with("note:jira:DATA-123:description:decided:"));

    let mut created = body;
    created["webhookEvent"] = json!("jira:issue_created");
    assert_eq!(kinds(&created), ["ticket.created", "note.decided"]);
    created["webhookEvent"] = json!("jira:issue_deleted");
    created["changelog"] = json!(null);
    assert_eq!(kinds(&created), ["ticket.deleted"]);
}

#[test]
fn an_edited_description_tells_what_changes_in_its_notes() {
    let edited = |from: &str, to: &str| {
        let mut body = changed(&[[Some("description"), None, None, Some(from), None, Some(to)]]);
        body["issue"]["fields"]["description"] = json!(to);
        let notes = events(&body).into_iter().filter_map(|event| event.note);
        notes.map(|note| (note.text, note.edited, note.taken_back)).collect::<Vec<_>>()
    };
    let note = |text: &str, edited, taken_back| vec![(text.to_owned(), edited, taken_back)];
    assert_eq!(edited("/assume a", "/assume a\n\nMore."), []);
    assert_eq!(edited("/assume a", "/assume b\nbq. /assume c"), note("b", true, false));
    assert_eq!(edited("/assume *a*", "{quote}/assume a{quote}"), note("a", false, true));

    let mut document = changed(&[[Some("description"), None, None, Some("/assume *a*"), None, Some("/assume *a*\nb")]]);
    document["issue"]["fields"]["description"] = json!({"type": "doc", "content": []});
    assert_eq!(kinds(&document), ["ticket.updated"], "a document is compared as markup");
}

#[test]
fn what_is_not_understood_says_why() {
    for (body, reason) in [
        (json!({"webhookEvent": "worklog_created"}), "`worklog_created` is not something rules can ask for"),
        (json!({"webhookEvent": "jira:version_created"}), "`jira:version_created` is not something rules can ask for"),
        (json!({}), "the payload has no usable `webhookEvent`"),
        (json!({"webhookEvent": "jira:issue_updated"}), "the payload has no usable `issue`"),
        (json!({"webhookEvent": "comment_created", "issue": {"key": "<b>"}}), "the payload has no usable `issue`"),
        (json!({"webhookEvent": "sprint_started", "sprint": {}}), "the payload has no usable `sprint.id`"),
    ] {
        let Parsed::Ignored(ignored) = read(&body, &Settings::default()) else { panic!("{body}") };
        assert_eq!(ignored.to_string(), reason);
    }
    for name in super::EVENTS {
        let Parsed::Ignored(reason) = read(&json!({"webhookEvent": name}), &Settings::default()) else { panic!() };
        assert_eq!(reason.code(), Code::FieldMissing, "{name} is registered for: {reason}");
    }
}
