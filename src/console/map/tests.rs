#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::super::access::Role;
use super::draw::picture;
use super::*;
use crate::destination::Available;
use crate::rule::{Known, Team, check};
use crate::store::{Doer, Tally, Telling, ThreadDay};

const TEAMS: [(&str, &str); 4] = [
    ("web", "members = [\"bo\", \"both\"]"),
    ("data", "members = [\"Ana\", \"both\"]"),
    ("ops", "members = [\"li\"]"),
    ("partner", "audience = \"outside\""),
];

fn teams() -> Vec<Arc<Team>> {
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let team = |(name, keys): (&str, &str)| {
        let text = format!("team = \"{name}\"\nto = [\"mailbox\"]\n{keys}\n[[rule]]\nname = \"all\"\non = [\"*\"]\n");
        Arc::new(check("team.toml", &text, known).unwrap())
    };
    TEAMS.map(team).into()
}

fn moment(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn doer(login: &str) -> Doer {
    // Jira's people have an account id, and rules have their names.
    Doer { login: format!("id-{login}").into(), name: login.into() }
}

/// Who was told of whose doing, in which organisation, how often.
fn told(lines: &[(&str, Option<&str>, Option<&str>, u64)]) -> Tally {
    let mut tally = Tally::default();
    for (team, by, owner, count) in lines {
        let telling = Telling { team: (*team).into(), doer: by.map(doer), owner: owner.map(Into::into) };
        tally.told.insert(telling, *count);
    }
    tally
}

/// A conversation: its name, the last time, the draft, the first word, who took part, and whether it is open.
type Thread<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, &'a [&'a str], bool);

fn threads(lines: &[Thread<'_>]) -> Tally {
    let mut tally = Tally::default();
    for (thread, last, draft, word, doers, open) in lines {
        let happened = ThreadDay {
            last: moment(last),
            draft: draft.map(moment),
            word: word.map(moment),
            doers: doers.iter().map(|login| doer(login)).collect(),
            open: *open,
        };
        tally.threads.insert((*thread).into(), happened);
    }
    tally
}

fn gathered(days: Vec<(&str, Tally)>) -> Gathered {
    let days = days.into_iter().map(|(day, tally)| (moment(&format!("{day}T00:00")), Arc::new(tally)));
    gather(&days.collect::<Vec<_>>(), moment("24T00:00"), &teams(), moment("30T12:00"))
}

fn edge(from: Party, to: &str, updates: u64) -> Edge {
    Edge { from, to: to.to_owned(), updates }
}

fn team(name: &str) -> Party {
    Party::Team(name.to_owned())
}

#[test]
fn updates_lead_from_the_team_that_acted_to_the_team_that_was_told() {
    let gathered = gathered(vec![
        ("01", told(&[("web", Some("ana"), Some("acme"), 100)])),
        ("24", told(&[("web", Some("ana"), Some("acme"), 3), ("data", Some("bo"), None, 1)])),
        ("30", told(&[("web", Some("ANA"), None, 2), ("ops", Some("zoe"), Some("acme"), 4), ("ops", None, None, 1)])),
        ("29", told(&[("web", Some("both"), None, 1), ("data", Some("both"), None, 1), ("web", Some("bo"), None, 7)])),
    ]);
    let expected = [
        edge(team("web"), "web", 7),
        edge(team("data"), "web", 6),
        edge(Party::Owner("acme".to_owned()), "ops", 4),
        edge(team("web"), "data", 2),
        edge(Party::Others, "ops", 1),
    ];
    assert_eq!(gathered.edges, expected);
}

#[test]
fn what_is_silent_is_open_and_its_last_day_counts() {
    let gathered = gathered(vec![
        (
            "02",
            threads(&[("DATA-1", "02T09:00", None, None, &[], true), ("DATA-2", "02T08:00", None, None, &[], true)]),
        ),
        (
            "10",
            threads(&[("DATA-2", "10T08:00", None, None, &[], false), ("DATA-3", "10T07:00", None, None, &[], true)]),
        ),
        ("30", threads(&[("DATA-4", "30T11:00", None, None, &[], true)])),
    ]);
    let silent = gathered.silent.iter().map(|silent| silent.conversation.as_str()).collect::<Vec<_>>();
    assert_eq!(silent, ["DATA-1", "DATA-3"], "DATA-2 was done on the 10th, and DATA-4 is at work");
}

#[test]
fn first_words_are_measured_from_the_first_draft() {
    let gathered = gathered(vec![
        ("20", threads(&[("OLD-1", "20T09:00", Some("20T09:00"), None, &[], true)])),
        (
            "25",
            threads(&[
                ("DATA-1", "25T09:00", Some("25T09:00"), None, &[], true),
                ("DATA-2", "25T09:00", Some("25T09:00"), Some("25T09:05"), &[], true),
                ("DATA-3", "25T09:00", Some("25T09:00"), Some("25T08:00"), &[], true),
                ("DATA-4", "25T09:00", Some("25T09:00"), None, &[], true),
            ]),
        ),
        ("26", threads(&[("DATA-1", "26T09:00", Some("26T08:00"), Some("26T09:00"), &[], true)])),
    ]);
    let FirstWords { told, untold, median_seconds, p90_seconds, slowest } = gathered.first_words;
    assert_eq!((told, untold, median_seconds, p90_seconds), (3, 1, Some(300), Some(86_400)));
    let slowest = slowest.iter().map(|took| (took.conversation.as_str(), took.seconds)).collect::<Vec<_>>();
    assert_eq!(slowest, [("DATA-1", 86_400), ("DATA-2", 300), ("DATA-3", 0)]);
}

#[test]
fn strangers_share_tickets_and_neither_hears_of_the_other() {
    let mut day = threads(&[
        ("DATA-1", "25T09:00", None, None, &["ana", "bo"], true),
        ("DATA-2", "25T09:00", None, None, &["li"], true),
        ("DATA-3", "25T09:00", None, None, &["ana", "li"], true),
    ]);
    day.told = told(&[("web", Some("ana"), None, 1)]).told;
    let later = threads(&[
        ("DATA-2", "26T09:00", None, None, &["bo"], true),
        ("DATA-4", "26T09:00", None, None, &["zoe", "li"], true),
    ]);
    let gathered = gathered(vec![("25", day), ("26", later)]);
    let strangers = |one: &str, other: &str, thread: &str| Strangers {
        teams: [one.to_owned(), other.to_owned()],
        shared: 1,
        conversations: vec![thread.to_owned()],
    };
    assert_eq!(gathered.strangers, [strangers("data", "ops", "DATA-3"), strangers("ops", "web", "DATA-2")]);
}

#[test]
fn a_cell_is_no_formula() {
    for (text, expected) in [
        ("web", "web"),
        ("=1+1", "\"'=1+1\""),
        ("+1", "\"'+1\""),
        ("-1", "\"'-1\""),
        ("@SUM(A1)", "\"'@SUM(A1)\""),
        ("\t=1", "\"'\t=1\""),
        ("a,b", "\"a,b\""),
        ("a\"b\r\nc", "\"a\"\"b\r\nc\""),
    ] {
        assert_eq!(cell(text), expected);
    }
}

#[test]
fn readers_outside_see_their_own_edges_and_no_conversation() {
    let mut all =
        Gathered { edges: vec![edge(team("web"), "partner", 2), edge(team("web"), "data", 3)], ..Gathered::default() };
    all.silent.push(Silent { conversation: "DATA-1".to_owned(), since: moment("01T00:00") });
    let own = seen(&all, &Visitor::in_test(Role::Team, &["partner"], false));
    assert_eq!((own.edges, own.silent.len()), (vec![all.edges[0].clone()], 0));
    assert_eq!(seen(&all, &Visitor::in_test(Role::Team, &["partner", "web"], true)), all);
    assert_eq!(seen(&all, &Visitor::local()), all);
}

#[test]
fn the_picture() {
    let edges = [
        edge(team("data"), "web", 120),
        edge(team("web"), "data", 30),
        edge(Party::Owner("acme".to_owned()), "web", 4),
        edge(team("a-team-with-a-very-long-name"), "data", 1),
        edge(team("web"), "web", 9),
        edge(Party::Owner("<script>".to_owned()), "data", 1),
    ];
    let markup = picture(&volumes(&edges), &edges, Period::Month).into_string();
    assert!(!markup.contains("style="), "the page's policy allows no style in an element");
    insta::assert_snapshot!(markup.replace("><", ">\n<"));
}

#[test]
fn a_long_name_takes_two_lines() {
    for (name, expected) in [
        ("web", ("web", "")),
        ("search-and-discovery-team", ("search-and-discovery-", "team")),
        ("averylongnamewithoutasign", ("averylongnamewithoutas", "ign")),
        ("a-team-whose-name-is-longer-than-anybody-can-say", ("a-team-whose-name-is-l", "onger-than-anybody-ca…")),
    ] {
        let (first, second) = draw::lines(name);
        assert_eq!((first.as_str(), second.as_str()), expected);
    }
}

#[test]
fn a_picture_of_many_has_those_with_most() {
    let edges = (1..40).map(|n| edge(team(&format!("t{n}")), "web", n)).collect::<Vec<_>>();
    let markup = picture(&volumes(&edges), &edges, Period::Week).into_string();
    assert_eq!(markup.matches("<circle").count(), draw::PARTIES);
    assert!(markup.contains(">t39<") && !markup.contains(">t1<"));
}
