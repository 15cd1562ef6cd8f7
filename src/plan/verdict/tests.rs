#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::destination::Available;
use crate::event::{Event, Undoes, Undoing, Undone};
use crate::rule::{Known, check};
use crate::track::track;

const TEAMS: [&str; 2] = [
    "team = \"web\"\nmembers = [\"bo\"]\nto = [\"mailbox\"]\n[[rule]]\nname = \"all\"\non = [\"*\"]\nafter = \"5d\"\n",
    "team = \"data\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\nbase = [\"main\"]\n",
];

fn rules() -> Rules {
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    Rules::new(TEAMS.map(|text| Arc::new(check("team.toml", text, known).unwrap())).into())
}

fn event(kind: &str, by: &str, about: Value) -> Event {
    let event = json!({
        "source": "github", "kind": kind, "scope": "acme/api", "subject": "acme/api#7", "at": "2026-03-01T10:00:00Z",
        "url": null, "actor": { "login": by, "name": by }, "about": about,
    });
    serde_json::from_value(event).unwrap()
}

fn merged(by: &str) -> Event {
    let about = json!({
        "type": "pull_request", "number": 7, "title": "x", "url": "https://example.com/7", "stage": "merged",
        "base": "main", "author": { "login": "ana", "name": "ana" },
    });
    event("pull_request.merged", by, about)
}

/// What each rule says, in short, and which would send.
fn said(events: Vec<Event>) -> (Vec<String>, Vec<String>) {
    let rules = rules();
    let tracked = events.into_iter().map(|event| track(None, event)).collect::<Vec<_>>();
    let name = |team: &Team, rule: &Rule| format!("{}/{}", team.name, rule.name);
    let evaluated = evaluate_all(&tracked, &rules).into_iter().map(|Evaluated { team, rule, verdict, by }| {
        let words = match verdict {
            Verdict::Match => format!("yes: {}", by.join("; ")),
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => format!("no: {because}"),
        };
        format!("{} {words}", name(team, rule))
    });
    let sends = tracked.iter().flat_map(|tracked| matching(tracked, &rules)).map(|(team, rule, _)| name(team, rule));
    (evaluated.collect(), sends.collect())
}

#[test]
fn a_match_says_by_what() {
    let (evaluated, sends) = said(vec![merged("cy")]);
    let kind = "the event is pull_request.merged";
    assert_eq!(evaluated, [format!("web/all yes: {kind}"), format!("data/merged yes: {kind}; base is `main`")]);
    assert_eq!(sends, ["web/all", "data/merged"]);
}

#[test]
fn what_would_be_suppressed_is_not_shown() {
    let (evaluated, sends) = said(vec![merged("bo")]);
    assert_eq!(evaluated[0], "web/all no: bo is a member of web: not news to them");
    assert_eq!(sends, ["data/merged"]);
    let (evaluated, sends) =
        said(vec![event("workflow.recovered", "cy", json!({"type": "thing", "kind": "workflow", "title": "CI"}))]);
    assert_eq!(evaluated[0], "web/all no: the workflow was not known to have failed");
    assert_eq!(sends, [""; 0]);
}

#[test]
fn what_takes_something_back_is_asked_of_nobody() {
    let of = Undoes::Occurrence("comment/1".into(), Undone::Deleted);
    let undoing = Some(Undoing { of, because: "the comment is deleted".to_owned() });
    let deleted = Event { undoing, ..merged("cy") };
    let (evaluated, sends) = said(vec![deleted.clone()]);
    assert_eq!(evaluated, ["web/all no: the comment is deleted", "data/merged no: the comment is deleted"]);
    assert_eq!(sends, [""; 0]);
    // What comes with it is news like any other.
    let (evaluated, sends) = said(vec![deleted, merged("cy")]);
    assert!(evaluated[0].starts_with("web/all yes"), "{evaluated:?}");
    assert_eq!(sends, ["web/all", "data/merged"]);
}

#[test]
fn a_note_to_a_team_is_for_that_team() {
    let to = |names: &[&str]| {
        let mut event = Event { kind: EventKind::NoteAssumed, ..merged("cy") };
        event.note = Some(serde_json::from_value(json!({"kind": "assumed", "text": "x", "to": names})).unwrap());
        event
    };
    let (evaluated, sends) = said(vec![to(&["data"])]);
    assert_eq!(evaluated[0], "web/all no: it is said to data, not to web");
    assert_eq!(evaluated[2], "data/@notes yes: the event is note.assumed");
    assert_eq!(sends, ["data/@notes"]);
    let (_, sends) = said(vec![to(&["cy"])]);
    assert_eq!(sends, ["web/all"], "it names no team");
}

#[test]
fn a_test_knows_nothing_of_what_was_before() {
    let recovered = event("workflow.recovered", "cy", json!({"type": "thing", "kind": "workflow", "title": "CI"}));
    let (rules, tracked) = (rules(), [track(None, recovered)]);
    let web = &rules.teams()[0];
    assert_eq!(differences(&tracked, &rules, web, &["all".to_owned()]), [""; 0]);
    assert_eq!(differences(&tracked, &rules, web, &[]), ["rule `all` matches too"]);
}
