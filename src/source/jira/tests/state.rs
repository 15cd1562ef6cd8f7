//! The state of a ticket that a payload brings.

use super::*;
use crate::event::{Renamed, Ticket};

fn about(body: &Value) -> Ticket {
    let About::Ticket(ticket) = events(body).remove(0).about else { panic!() };
    ticket
}

#[test]
fn a_security_level_restricts_a_ticket() {
    let level = || json!({"id": "10100", "name": "Restricted"});
    let mut full = fixture!("issue_updated");
    assert_eq!(about(&full).restricted, None, "what is left out says nothing");
    for (security, restricted) in
        [(level(), true), (json!({}), true), (json!("10100"), true), (json!(10100), true), (json!(null), false)]
    {
        full["issue"]["fields"]["security"] = security.clone();
        for name in ["jira:issue_updated", "jira:issue_created", "jira:issue_deleted"] {
            full["webhookEvent"] = json!(name);
            assert_eq!(about(&full).restricted, Some(restricted), "{name} {security}");
        }
    }
    let mut few = fixture!("comment_created_adf");
    assert_eq!(about(&few).restricted, None, "a comment brings few fields");
    few["issue"]["fields"]["updated"] = json!("2024-05-02T12:00:00.000+0200");
    assert_eq!(about(&few).restricted, None);
    few["issue"]["fields"]["security"] = level();
    assert_eq!(about(&few).restricted, Some(true));
    assert_eq!(about(&fixture!("issuelink_created")).restricted, None);

    let set = changed(&[[Some("security"), Some("security"), None, Some(""), Some("10100"), Some("Restricted")]]);
    assert_eq!(about(&set).restricted, Some(true), "by the change alone");
    let lifted = changed(&[[Some("security"), Some("security"), Some("10100"), Some("Restricted"), None, Some("")]]);
    assert_eq!(about(&lifted).restricted, Some(false));
    assert!(!format!("{:?}", events(&set)).contains("Restricted\""), "its name is nobody's business");
}

#[test]
fn what_became_of_a_ticket_is_its_resolution() {
    let status = [Some("status"), None, None, Some("To Do"), None, Some("Closed")];
    let resolution = |to| [Some("resolution"), None, None, None, Some("1"), to];
    let mut body = changed(&[resolution(Some("Won't Do")), status]);
    assert_eq!(about(&body).resolution.as_deref(), Some("Won't Do"), "by the changelog");
    body["issue"]["fields"]["resolution"] = json!({"name": "Duplicate"});
    assert_eq!(about(&body).resolution.as_deref(), Some("Duplicate"), "by the fields");
    body = changed(&[[Some("resolution"), None, Some("1"), Some("Done"), None, None], status]);
    body["issue"]["fields"]["resolution"] = json!(null);
    assert_eq!(about(&body).resolution, None);
}

#[test]
fn a_link_says_what_a_ticket_duplicates() {
    let kind = json!({"name": "Duplicate", "outward": "duplicates", "inward": "is duplicated by"});
    let local = json!({"name": "Duplicate", "outward": "dupliziert", "inward": "wird dupliziert von"});
    let blocks = json!({"name": "Blocks", "outward": "blocks", "inward": "is blocked by"});
    for (links, of) in [
        (
            json!([{"type": blocks, "outwardIssue": {"key": "DATA-1"}}, {"type": kind, "outwardIssue": {"key": "DATA-7"}}]),
            Some("DATA-7"),
        ),
        (json!([{"type": local, "outwardIssue": {"key": "DATA-7"}}]), Some("DATA-7")),
        (json!([{"type": kind, "inwardIssue": {"key": "DATA-7"}}]), None),
        (json!([{"type": kind, "outwardIssue": {"key": "<b>"}}]), None),
        (json!([]), None),
    ] {
        let mut body = fixture!("issue_updated");
        body["issue"]["fields"]["issuelinks"] = links.clone();
        assert_eq!(about(&body).duplicate_of.as_deref(), of, "{links}");
    }
    let link = [None, Some("Link"), None, None, Some("DATA-8"), Some("This issue duplicates DATA-8")];
    assert_eq!(about(&changed(&[link])).duplicate_of.as_deref(), Some("DATA-8"));
    let label = [None, Some("labels"), None, None, None, Some("duplicates DATA-8")];
    assert_eq!(about(&changed(&[label])).duplicate_of, None);
}

#[test]
fn a_flag_is_raised_and_lowered() {
    let flagged =
        |from, to| about(&changed(&[[Some("customfield_10021"), Some("Flagged"), None, from, None, to]])).flagged;
    assert_eq!(flagged(None, Some("Impediment")), Some(true));
    assert_eq!(flagged(Some("Impediment"), Some("")), Some(false));
    assert_eq!(about(&fixture!("issue_updated")).flagged, None);
}

#[test]
fn a_ticket_that_moves_is_renamed() {
    let key = ["Key", "Key", "", "OLD-1", "", "DATA-123"].map(Some);
    let labels = [None, Some("labels"), None, None, None, Some("a")];
    let [moved, updated] = events(&changed(&[labels, key])).try_into().unwrap();
    let renamed = Renamed { from: "OLD-1".into(), to: "DATA-123".into() };
    assert_eq!((moved.kind.as_str(), moved.undoing, moved.renamed), ("ticket.moved", None, Some(renamed)));
    assert_eq!((updated.subject.as_str(), updated.renamed), ("DATA-123", None));
    let odd = changed(&[["Key", "Key", "", "nonsense", "", "DATA-123"].map(Some)]);
    assert_eq!(events(&odd).remove(0).renamed, None);
}
