//! The index leaves out nothing that a rule wants.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::event::{About, Source};
use crate::rule::{Asked, Known, check, judge};
use crate::settings::ChannelSettings;

fn rules(teams: &[String]) -> Rules {
    let known = Known { templates: &BTreeSet::new(), channels: &ChannelSettings::default() };
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
        source,
        kind: EventKind::Push,
        scope: scope.to_owned(),
        actor: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        url: None,
        subject: "subject".to_owned(),
        about: serde_json::from_value::<About>(about).unwrap(),
        tickets: tickets.iter().map(|key| key.parse().unwrap()).collect(),
        change: None,
        note: None,
        comment: None,
        once: None,
        retold: None,
        private: None,
        paths: None,
        owners: None,
        gap: None,
        host: None,
        more_paths: false,
        listed: Vec::new(),
        doers: Vec::new(),
        undoing: None,
        renamed: None,
        people: Vec::new(),
    }
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
        let wants = |(team, rule): &(&Team, &Rule)| {
            judge(rule, team, Asked { event: &event, kind, ticket: None }) == crate::rule::Verdict::Match
        };
        let found = names(rules.candidates(kind, &event).filter(wants));
        prop_assert_eq!(found, names(rules.all().filter(wants)));
    }
}
