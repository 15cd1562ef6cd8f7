//! Issues as tickets: which ones a pull request closes, and what happens to them.

use super::*;
use crate::event::{Issue, TicketKey};

fn keys(keys: &[TicketKey]) -> Vec<&str> {
    keys.iter().map(TicketKey::as_str).collect()
}

fn about(body: &Value) -> Issue {
    let About::Issue(issue) = events("issues", body).remove(0).about else { panic!("no issue") };
    issue
}

#[test]
fn a_pull_request_belongs_to_the_issues_that_it_closes_after_its_tickets() {
    for (title, text, tickets) in [
        ("Add ids", "Closes #12, fixes acme/web#7", &["acme/api#12", "acme/web#7"][..]),
        ("Fix #12: add ids", "", &["acme/api#12"]),
        ("DATA-1: add ids", "Closes #12. See DATA-2.", &["DATA-1", "DATA-2", "acme/api#12"]),
        ("Add ids", "See #12\n\n> Closes #13\n\n<!-- Closes #14 -->\n\n```\nCloses #15\n```", &[]),
    ] {
        let body = json!({
            "action": "opened", "repository": { "full_name": "acme/api", "html_url": "https://github.com/acme/api" },
            "pull_request": { "number": 45, "title": title, "body": text, "head": { "ref": "12-add-ids" } },
        });
        assert_eq!(keys(&events("pull_request", &body)[0].tickets), tickets, "{title}: {text}");
        let comment = json!({
            "action": "created", "repository": body["repository"], "comment": { "id": 1, "body": "Closes #99" },
            "issue": { "number": 45, "title": title, "body": text, "pull_request": {} },
        });
        assert_eq!(keys(&events("issue_comment", &comment)[0].tickets), tickets, "as its comments show it");
    }
}

#[test]
fn commits_close_issues_and_many_are_a_list() {
    let push = |messages: &[&str]| {
        let commits = messages.iter().map(|message| json!({ "message": message })).collect::<Vec<_>>();
        let body = json!({
            "ref": "refs/heads/main", "before": "1", "after": "2", "commits": commits,
            "repository": { "full_name": "acme/api" },
        });
        events("push", &body).remove(0)
    };
    let few = push(&["Fixes #1", "Fixes #2\n\nDATA-1"]);
    assert_eq!((keys(&few.tickets), few.listed.len()), (vec!["DATA-1", "acme/api#1", "acme/api#2"], 0));
    let many = push(&["Fixes #1", "Fixes #2", "Fixes #3", "Fixes #4"]);
    assert_eq!((many.tickets.len(), many.listed.len()), (0, 4));
}

#[test]
fn an_issue_says_what_it_is_as_a_ticket() {
    let body = json!({
        "action": "labeled", "label": { "name": "bug" },
        "repository": { "full_name": "acme/api", "private": true, "html_url": "https://github.com/acme/api" },
        "issue": {
            "number": 12, "title": "Ids collide", "state": "closed", "state_reason": "not_planned",
            "type": { "name": "Bug" }, "milestone": { "title": "v2", "due_on": "2026-11-16T08:00:00Z" },
            "labels": [{ "name": "bug" }], "assignees": [{ "login": "ana" }], "user": { "login": "bo" },
            "parent_issue_url": "https://api.github.com/repos/acme/web/issues/7", "body": "Closes #3",
        },
    });
    let ticket = about(&body).ticket("acme/api#12");
    let person = |actor: Option<crate::event::Actor>| actor.map(|actor| actor.login);
    assert_eq!(
        (ticket.summary.as_deref(), ticket.status.as_deref(), ticket.resolution.as_deref(), ticket.private),
        (Some("Ids collide"), Some("closed"), Some("not planned"), true)
    );
    assert_eq!(
        (ticket.type_name.as_deref(), ticket.fix_versions, ticket.labels),
        (Some("Bug"), vec!["v2".to_owned()], vec!["bug".to_owned()])
    );
    assert_eq!(
        (ticket.due.map(|due| due.to_string()).as_deref(), person(ticket.assignee), person(ticket.reporter)),
        (Some("2026-11-16"), Some("ana".to_owned()), Some("bo".to_owned()))
    );
    assert_eq!(about(&body).parent.map(|parent| parent.to_string()).as_deref(), Some("acme/web#7"));
    assert!(events("issues", &body)[0].tickets.is_empty(), "an issue closes none");
}

#[test]
fn each_action_on_an_issue_is_of_its_kind() {
    let named = json!({ "title": "v2", "name": "Bug", "login": "ana", "due_on": null });
    let changes = json!({ "title": { "from": "Old" } });
    let none = None::<(&str, Option<&str>, Option<&str>)>;
    for (action, kind, change) in [
        ("opened", "issue.opened", none),
        ("closed", "issue.closed", none),
        ("reopened", "issue.reopened", none),
        ("deleted", "ticket.deleted", none),
        ("labeled", "issue.labeled", Some(("label", None, Some("Bug")))),
        ("unlabeled", "ticket.updated", Some(("label", Some("Bug"), None))),
        ("assigned", "issue.assigned", Some(("assignee", None, Some("ana")))),
        ("unassigned", "ticket.assigned", Some(("assignee", Some("ana"), None))),
        ("milestoned", "ticket.updated", Some(("fix_version", None, Some("v2")))),
        ("demilestoned", "ticket.updated", Some(("fix_version", Some("v2"), None))),
        ("typed", "ticket.updated", Some(("type", None, Some("Bug")))),
        ("untyped", "ticket.updated", Some(("type", Some("Bug"), None))),
        ("edited", "ticket.updated", Some(("summary", Some("Old"), Some("New")))),
    ] {
        let body = json!({
            "action": action, "repository": { "full_name": "acme/api" }, "issue": { "number": 12, "title": "New" },
            "label": named, "assignee": named, "milestone": named, "type": named, "changes": changes,
        });
        let event = events("issues", &body).remove(0);
        let told =
            event.change.as_ref().map(|change| (change.field.as_str(), change.from.as_deref(), change.to.as_deref()));
        assert_eq!((event.kind.as_str(), told, event.undoing), (kind, change, None), "{action}");
    }
    let text = json!({ "body": { "from": "- [ ] a" } });
    for (action, changes) in [("edited", &text), ("locked", &changes), ("pinned", &changes), ("unheard-of", &changes)] {
        let body = json!({
            "action": action, "repository": { "full_name": "acme/api" }, "issue": { "number": 12 }, "changes": changes,
        });
        let event = events("issues", &body).remove(0);
        assert!(event.undoing.is_some() && event.change.is_none(), "{action} isn't news");
    }
}

#[test]
fn both_webhooks_of_a_sub_issue_tell_of_the_sub_issue() {
    let issue = |number: u64| json!({ "number": number, "title": format!("Issue {number}") });
    let repository = |name: &str, private: bool| json!({ "full_name": name, "private": private });
    let (sub, parent) = (repository("acme/web", true), repository("acme/api", false));
    for (action, own, other) in [
        ("parent_issue_added", (&sub, "parent_issue_repo"), &parent),
        ("sub_issue_added", (&parent, "sub_issue_repo"), &sub),
        ("parent_issue_removed", (&sub, "parent_issue_repo"), &parent),
        ("sub_issue_removed", (&parent, "sub_issue_repo"), &sub),
    ] {
        let mut body = json!({
            "action": action, "repository": own.0, "sub_issue": issue(9), "parent_issue": issue(7), "sender": { "login": "ana" },
        });
        body[own.1] = other.clone();
        let event = events("sub_issues", &body).remove(0);
        let change = event.change.clone().unwrap();
        let (from, to) = (change.from.as_deref(), change.to.as_deref());
        let words = Some("is a sub-issue of acme/api#7");
        let (kind, expected) = if action.ends_with("added") {
            ("ticket.linked", (None, words))
        } else {
            ("ticket.updated", (words, None))
        };
        assert_eq!(
            (event.subject.as_str(), event.scope.as_str(), event.private),
            ("acme/web#9", "acme/web", Some(true)),
            "{action}"
        );
        assert_eq!((event.kind.as_str(), (from, to)), (kind, expected), "{action}");
    }
    let none = json!({ "action": "sub_issue_added", "repository": parent, "sub_issue": issue(9) });
    assert_eq!(ignored("sub_issues", &none), "the payload has no usable `parent_issue`");
    let other = json!({ "action": "reprioritized", "repository": parent });
    assert_eq!(ignored("sub_issues", &other), "`sub_issues.reprioritized` is not something rules can ask for");
}
