//! The index leaves out no rule that could match.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::destination::Available;
use crate::event::{About, Source};
use crate::rule::{Input, Known, check, evaluate};

fn rules(teams: &[String]) -> Rules {
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let teams = teams.iter().enumerate().map(|(n, rules)| {
        let text = format!("team = \"t{n}\"\nto = [\"mailbox\"]\n{rules}");
        Arc::new(check("team.toml", &text, known).unwrap_or_else(|problems| panic!("{problems:?}\n{text}")))
    });
    Rules::new(teams.collect())
}

fn event(source: Source, scope: &str, tickets: &[&str]) -> Event {
    let about = match source {
        Source::Github => serde_json::json!({"type": "thing", "kind": "push", "title": "x"}),
        Source::Jira => serde_json::json!({"type": "ticket", "key": "DATA-7"}),
    };
    Event {
        scope: scope.to_owned(),
        tickets: tickets.iter().map(|key| key.parse().unwrap()).collect(),
        ..Event::bare(source, EventKind::Push, "subject".into(), serde_json::from_value::<About>(about).unwrap())
    }
}

fn note(to: &[&str], author: &str) -> Event {
    let author = serde_json::json!({"login": author, "name": author});
    let note = serde_json::json!({"kind": "assumed", "text": "x", "to": to, "author": author});
    Event {
        kind: EventKind::NoteAssumed,
        note: Some(serde_json::from_value(note).unwrap()),
        ..event(Source::Github, "acme/api", &["DATA-7"])
    }
}

#[test]
fn a_note_is_for_the_teams_that_it_names() {
    let rule = |name: &str, rest: &str| format!("[[rule]]\nname = \"{name}\"\n{rest}\n");
    let text = |team: &str, head: &str, rules: &str| format!("team = \"{team}\"\n{head}\n{rules}");
    let known = Known { templates: &BTreeSet::from(["heads-up".to_owned()]), channels: &Available::default() };
    let defaults = "to = [\"mailbox\"]\nmembers = [\"bo\"]\nsettle = \"5m\"\ndigest = \"daily 09:00\"\nevery = \"3d\"\n\
                    template = \"heads-up\"";
    let merged = "on = [\"pull_request.merged\"]";
    let teams = [
        text("Web", defaults, &rule("merged", merged)),
        text(
            "data",
            "to = [\"mailbox\"]\ngithub_team = \"acme/data-eng\"",
            &[
                rule("notes", "on = [\"note.*\"]"),
                rule("of-ops", "on = [\"note.*\"]\nticket = [\"OPS-*\"]"),
                rule("decided", "on = [\"note.decided\"]"),
            ]
            .concat(),
        ),
        text("ops", "", &rule("merged", &format!("{merged}\nto = [\"email:ops@example.com\"]"))),
        text("nobody", "", ""),
    ];
    let rules =
        Rules::new(teams.iter().map(|text| Arc::new(check("team.toml", text, known).unwrap())).collect::<Vec<_>>());
    let asked = |to: &[&str]| {
        let event = note(to, "bo");
        let input = Input { event: &event, kind: event.kind, ticket: None };
        rules.addressed(input).map(|reached| names(reached.into_iter()))
    };
    let reached = |to: &[&str]| asked(to).map(|names| names.join(" "));
    let table: &[(&[&str], Option<&str>)] = &[
        (&[], None),
        (&["ana", "somebody"], None),
        (&["web"], Some("Web/@notes")),
        (&["ana", "WEB"], Some("Web/@notes")),
        (&["data"], Some("data/notes")),
        (&["acme/data-eng", "ops"], Some("data/notes ops/@notes")),
        // It has nowhere to send to, and still is the one that is meant.
        (&["nobody"], Some("")),
    ];
    for (to, expected) in table {
        assert_eq!(reached(to).as_deref(), *expected, "{to:?}");
    }
    let merge = event(Source::Github, "acme/api", &[]);
    assert!(rules.addressed(Input { event: &merge, kind: EventKind::Push, ticket: None }).is_none());

    let (team, implied) = rules.find("Web", crate::rule::ADDRESSED).unwrap();
    let event = note(&["web"], "bo");
    let input = Input { event: &event, kind: event.kind, ticket: None };
    assert_eq!(evaluate(implied, team, input), crate::rule::Verdict::Match, "a member of it said it");
    assert_eq!((implied.settle.as_secs(), implied.digest.is_some()), (300, true));
    assert_eq!((implied.every, &implied.template, implied.restricted), (None, &None, false));
    let (_, ops) = rules.find("ops", crate::rule::ADDRESSED).unwrap();
    assert_eq!(ops.to.iter().map(ToString::to_string).collect::<Vec<_>>(), ["email:ops@example.com"]);
    assert!(rules.find("nobody", crate::rule::ADDRESSED).is_none());
    assert!(rules.all().all(|(_, rule)| rule.name != crate::rule::ADDRESSED), "nobody asks for all notes by it");
}

fn names<'a>(rules: impl Iterator<Item = (&'a Team, &'a Rule)>) -> Vec<String> {
    rules.map(|(team, rule)| format!("{}/{}", team.name, rule.name)).collect()
}

#[test]
fn only_what_can_match_is_asked() {
    let table = [
        ("exact", r#"on = ["push"]"#, r#"repo = ["Acme/web"]"#),
        ("other", r#"on = ["push"]"#, r#"repo = ["acme/api"]"#),
        ("glob", r#"on = ["push"]"#, r#"repo = ["acme/w*", "acme/we*", "!acme/wiki"]"#),
        ("kind", r#"on = ["release.published"]"#, r#"repo = ["acme/web"]"#),
        ("ticket", r#"on = ["push"]"#, r#"ticket = ["data-*"]"#),
        ("anywhere", r#"on = ["push"]"#, r#"repo = ["*/web"]"#),
        ("anything", r#"on = ["push"]"#, ""),
        ("nested", r#"on = ["push"]"#, r#"any = [{ repo = ["acme/api"] }]"#),
    ];
    let text = table.map(|(name, on, condition)| format!("[[rule]]\nname = \"{name}\"\n{on}\n{condition}\n"));
    let rules = rules(&[text.concat()]);
    let asked =
        |scope, tickets: &[&str]| names(rules.candidates(EventKind::Push, &event(Source::Github, scope, tickets)));
    assert_eq!(
        asked("acme/Web", &["DATA-1"]),
        ["t0/exact", "t0/glob", "t0/ticket", "t0/anywhere", "t0/anything", "t0/nested"]
    );
    assert_eq!(asked("acme/api", &[]), ["t0/other", "t0/anywhere", "t0/anything", "t0/nested"]);
    assert_eq!(rules.find("t0", "glob").unwrap().1.name, "glob");
    assert!(rules.find("t0", "x").is_none() && rules.find("t1", "glob").is_none());
}

#[test]
fn it_knows_whether_tickets_are_asked_about() {
    let of = |conditions: &str| rules(&[format!("[[rule]]\nname = \"a\"\non = [\"push\"]\n{conditions}\n")]);
    assert!(!of(r#"ticket = ["DATA-*"]"#).ask_of_tickets());
    assert!(of(r#"any = [{ not = { component = ["api"] } }]"#).ask_of_tickets());
}

fn condition() -> impl Strategy<Value = String> {
    let repo = prop::sample::select(vec![
        "a/b", "A/bc", "a/*", "a/b*", "*/b", "a/{b,bc}", "**", "!a/{b,x}", "!a/bc*", "é/*", "a/b?", "É/x",
    ]);
    let ticket = prop::sample::select(vec!["DATA-*", "data-7", "*", "WEB-?", "!DATA-7", "D*"]);
    let quoted = |list: Vec<&str>| list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    prop_oneof![
        Just(String::new()),
        prop::collection::btree_set(repo, 1..4)
            .prop_map(move |list| format!("repo = [{}]", quoted(list.into_iter().collect()))),
        prop::collection::btree_set(ticket, 1..3)
            .prop_map(move |list| format!("ticket = [{}]", quoted(list.into_iter().collect()))),
        Just("repo = [\"a/*\"]\nticket = [\"DATA-*\"]".to_owned()),
        Just("any = [{ repo = [\"a/b\"] }, { ticket = [\"WEB-1\"] }]".to_owned()),
        Just("not = { repo = [\"a/b\"] }".to_owned()),
    ]
}

proptest! {
    #[test]
    fn it_finds_what_a_scan_finds(
        teams in prop::collection::vec(prop::collection::vec((condition(), prop::sample::select(vec!["push", "*", "issue.*"])), 0..6), 0..5),
        scope in prop::sample::select(vec!["a/b", "A/B", "a/bc", "x/b", "é/x", "É/X", "DATA", "a", ""]),
        tickets in prop::sample::subsequence(vec!["DATA-7", "WEB-1", "WEB-10"], 0..3),
        listed in prop::sample::subsequence(vec!["DATA-7", "DATA-8", "WEB-1", "OPS-1"], 0..4),
        kind in prop::sample::select(vec![EventKind::Push, EventKind::IssueOpened, EventKind::TicketDone]),
        jira: bool,
    ) {
        let texts: Vec<_> = teams.iter().map(|team| {
            let rules = team.iter().enumerate().map(|(n, (condition, on))| {
                format!("[[rule]]\nname = \"r{n}\"\non = [\"push\", \"{on}\"]\n{condition}\n")
            });
            rules.collect::<String>()
        }).collect();
        let rules = rules(&texts);
        let event = event(if jira { Source::Jira } else { Source::Github }, scope, &tickets);
        let event = Event { listed: listed.iter().map(|key| key.parse().unwrap()).collect(), ..event };
        let wants = |(team, rule): &(&Team, &Rule)| {
            evaluate(rule, team, Input { event: &event, kind, ticket: None }) == crate::rule::Verdict::Match
        };
        let found = names(rules.candidates(kind, &event).filter(wants));
        prop_assert_eq!(found, names(rules.all().filter(wants)));
    }
}
