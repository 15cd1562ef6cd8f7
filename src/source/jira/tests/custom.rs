//! The fields that a site adds to its tickets.

use super::*;
use crate::event::Ticket;
use crate::source::{SharedFields, SiteField};

/// The settings for these due dates and fields, on a site that has a few.
fn settings(due: &[&str], asked: &[&str], named: bool) -> Settings {
    let fields = SharedFields::new(due.iter().map(|name| (*name).to_owned()).collect());
    fields.ask(asked.iter().map(|name| (*name).to_owned()).collect());
    let field = |id: &str, name: &str, kind: Option<&str>| SiteField {
        id: format!("customfield_{id}"),
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
    };
    let site = [
        field("1", "Severity", None),
        field("2", "Target end", None),
        field("3", "Epic Link", Some("com.pyxis.greenhopper.jira:gh-epic-link")),
        field("4", "Sprint", Some("com.pyxis.greenhopper.jira:gh-sprint")),
        field("5", "Team", None),
        field("6", "Team", None),
    ];
    fields.learn(if named { site.to_vec() } else { Vec::new() });
    Settings { fields, ..Settings::default() }
}

fn about(body: &Value, settings: &Settings) -> Ticket {
    let Parsed::Events(mut events) = read(body, settings) else { panic!("{body}") };
    let About::Ticket(ticket) = events.remove(0).about else { panic!("{body}") };
    ticket
}

/// An update with these fields, and without the account ids of Cloud.
fn with(fields: Value) -> Value {
    let mut body = fixture!("issue_updated");
    body["issue"]["fields"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn values_are_what_people_see_and_null_is_empty() {
    let settings = settings(&[], &["Severity"], true);
    for (value, expected) in [
        (json!("High  and\nmore"), vec!["High and more"]),
        (json!(3), vec!["3"]),
        (json!(5.0), vec!["5"]),
        (json!(true), vec!["true"]),
        (json!({"self": "https://x", "id": "1", "value": "High"}), vec!["High"]),
        (json!({"value": "EU", "child": {"value": "Lisbon"}}), vec!["EU", "Lisbon"]),
        (json!({"accountId": "5b", "displayName": "Ana", "active": true}), vec!["Ana", "5b"]),
        (json!({"name": "ana", "key": "JIRAUSER1", "displayName": "Ana"}), vec!["Ana", "ana", "JIRAUSER1"]),
        (json!([{"value": "a"}, {"name": "b"}, null, "c"]), vec!["a", "b", "c"]),
        (
            json!({"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Why"}]}]}),
            vec!["Why"],
        ),
        (json!(null), vec![]),
        (json!([]), vec![]),
    ] {
        let ticket = about(&with(json!({ "customfield_1": value })), &settings);
        assert_eq!(ticket.fields["severity"], expected, "{value}");
    }
    let many = about(&with(json!({ "customfield_1": vec!["x"; 5000] })), &settings);
    assert_eq!(many.fields["severity"].len(), 100);
}

#[test]
fn a_field_that_nobody_named_is_not_known() {
    let body =
        with(json!({ "customfield_1": {"value": "High"}, "customfield_6": {"name": "Core"}, "customfield_7": "x" }));
    let named = about(&body, &settings(&[], &["severity", "Team", "customfield_7", "customfield_8", "Nonsense"], true));
    let expected =
        [("customfield_7", vec!["x"]), ("customfield_8", vec![]), ("severity", vec!["High"]), ("team", vec!["Core"])];
    let found = named.fields.iter().map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()));
    assert_eq!(found.collect::<Vec<(_, Vec<_>)>>(), expected, "two fields have one name");
    let nameless = about(&body, &settings(&[], &["Severity", "customfield_1"], false));
    assert_eq!(nameless.fields.keys().collect::<Vec<_>>(), ["customfield_1"]);
    let comment = fixture!("comment_created_adf");
    assert!(about(&comment, &settings(&[], &["Severity"], true)).fields.is_empty(), "a comment lists no fields");
}

#[test]
fn an_epic_is_the_parent_on_cloud_and_a_field_on_data_center() {
    let cloud = |fields: Value| {
        let mut body = with(fields);
        body["user"] = json!({"accountId": "5b", "displayName": "Ana"});
        body
    };
    let mut data_center = with(json!({ "customfield_3": "DATA-1" }));
    for person in ["user", "issue/fields/assignee", "issue/fields/reporter"] {
        let person = data_center.pointer_mut(&format!("/{person}"));
        person.into_iter().for_each(|person| *person = json!({"name": "ana", "displayName": "Ana"}));
    }
    let mut none = data_center.clone();
    none["issue"]["fields"]["customfield_3"] = json!(null);
    let mut sub_task = none.clone();
    sub_task["issue"]["fields"]["parent"] = json!({"id": "1", "key": "DATA-2"});
    let mut renamed = none.clone();
    renamed["issue"]["fields"].as_object_mut().unwrap().remove("customfield_3");
    renamed["changelog"]["items"] = json!([{"field": "Epic Link", "fieldtype": "custom", "from": "1", "fromString": "DATA-8", "to": "2", "toString": "DATA-9"}]);
    let some = |key: &str| Some(vec![key.to_owned()]);
    for (body, named, unnamed) in [
        (cloud(json!({ "parent": {"id": "1", "key": "DATA-1"} })), some("DATA-1"), some("DATA-1")),
        (cloud(json!({})), Some(vec![]), Some(vec![])),
        (data_center, some("DATA-1"), None),
        (none, Some(vec![]), None),
        (sub_task, some("DATA-2"), some("DATA-2")),
        (renamed, some("DATA-9"), some("DATA-9")),
    ] {
        assert_eq!(about(&body, &settings(&[], &[], true)).parents, named, "{body}");
        assert_eq!(about(&body, &settings(&[], &[], false)).parents, unnamed, "{body}");
    }
}

#[test]
fn a_sprint_is_told_by_its_form() {
    let on_cloud = |name: &str, state: &str| json!({"id": 1, "name": name, "state": state, "boardId": 2});
    let on_server = |name: &str, state: &str| {
        json!(format!(
            "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,rapidViewId=2,state={state},name={name},startDate=<null>,goal=name=x]"
        ))
    };
    for (value, sprints) in [
        (
            json!([on_cloud("S 11", "closed"), on_cloud("S 12", "active"), on_cloud("S 13", "future")]),
            vec!["S 12", "S 13"],
        ),
        (json!([on_cloud("S 10", "closed"), on_cloud("S 11", "closed")]), vec!["S 11"]),
        (json!([on_server("S 11", "CLOSED"), on_server("S 12, the last", "ACTIVE")]), vec!["S 12, the last"]),
        (json!(null), vec![]),
        (json!([{"value": "S 12"}]), vec![]),
    ] {
        let ticket = about(&with(json!({ "customfield_9": value })), &Settings::default());
        assert_eq!(ticket.sprints.unwrap(), sprints, "{value}");
    }
    assert_eq!(about(&fixture!("comment_created_adf"), &Settings::default()).sprints, None);
}

#[test]
fn the_due_date_is_the_first_of_its_fields_that_is_set() {
    let item = |id: &str, name: &str, from: Option<&str>, to: Option<&str>| {
        let kind = if id == "duedate" { "jira" } else { "custom" };
        json!({"field": name, "fieldId": id, "fieldtype": kind, "from": from, "to": to})
    };
    let own = |from, to| item("customfield_2", "Target end", from, to);
    let jiras = |from, to| item("duedate", "duedate", from, to);
    let (early, mid, late) = (Some("2026-03-01"), Some("2026-03-10"), Some("2026-03-20"));
    // The field, Jira's own, the changes, what is told, and the due date.
    for (target, duedate, items, told, due) in [
        (late, mid, vec![own(early, late)], "ticket.slipped due 2026-03-01 2026-03-20", late),
        (early, mid, vec![own(late, early)], "ticket.pulled_in due 2026-03-20 2026-03-01", early),
        (early, late, vec![jiras(mid, late)], "ticket.updated duedate 2026-03-10 2026-03-20", early),
        (None, late, vec![jiras(mid, late)], "ticket.slipped due 2026-03-10 2026-03-20", late),
        (late, mid, vec![own(None, late)], "ticket.slipped due 2026-03-10 2026-03-20", late),
        (None, mid, vec![own(late, None)], "ticket.pulled_in due 2026-03-20 2026-03-10", mid),
        (late, None, vec![own(None, late)], "ticket.updated due - 2026-03-20", late),
        (late, late, vec![own(early, late), jiras(mid, late)], "ticket.slipped due 2026-03-01 2026-03-20", late),
        (None, None, vec![own(early, None)], "ticket.updated due 2026-03-01 -", None),
    ] {
        for due_field in ["target end", "customfield_2"] {
            let mut body = with(json!({ "customfield_2": target, "duedate": duedate }));
            body["changelog"]["items"] = json!(items);
            let Parsed::Events(events) = read(&body, &settings(&[due_field], &[], true)) else { panic!() };
            let event = &events[0];
            let change = event.change.as_ref().unwrap();
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let found = format!("{} {} {} {}", event.kind, change.field, word(&change.from), word(&change.to));
            assert_eq!(found, told, "{body}");
            assert_eq!(event.about.due().map(|due| due.to_string()).as_deref(), due, "{body}");
        }
    }
    let unnamed = with(json!({ "customfield_2": late, "duedate": mid }));
    assert_eq!(about(&unnamed, &settings(&["Target end"], &[], false)).due.map(|due| due.to_string()).as_deref(), mid);
}
