#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::destination::Available;
use crate::rule::{Known, check};

const WEB: &str = r#"
team = "web"
to = ["mailbox"]
timezone = "Europe/Lisbon"
quiet = ["19:00-08:00", "sat"]
budget = "20/day"

[[rule]]
name = "merged"
on = ["pull_request.merged"]
repo = ["acme/ingest-*", "!acme/ingest-sandbox"]
base = ["main"]
labels = ["contract"]

[[rule]]
name = "tickets"
on = ["ticket.*"]
ticket = ["DATA-*", "OPS-7"]
every = "3d"

[[rule]]
name = "nested"
on = ["release.published", "pull_request.merged"]
digest = "weekly mon 09:00"
any = [{ repo = ["acme/api"], paths = ["schemas/**"] }, { repo = ["acme/spec"] }, { all = [{ repo = ["acme/all"] }] }]
not = { repo = ["acme/api"], labels = ["wip"] }

[[rule]]
name = "never-here"
on = ["push"]
not = { repo = ["acme/*"] }

[[rule]]
name = "sprints"
on = ["sprint.*", "version.released"]
"#;

const OPS: &str = r#"
team = "ops"
to = ["mailbox"]
[[rule]]
name = "quiet"
on = ["pull_request.stalled"]
after = "5d"
settle = "0s"
repo = ["*/ingest-api"]
"#;

fn asked(place: &str, team: &str, kind: &str) -> String {
    let templates = BTreeSet::new();
    let channels = Available::default();
    let read = |text| check("t.toml", text, Known { templates: &templates, channels: &channels }).unwrap();
    let rules = Rules::new(vec![Arc::new(read(WEB)), Arc::new(read(OPS))]);
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let question = Question::read(some(place), some(team), some(kind));
    let lines = who(&rules, &question.unwrap()).into_iter().map(|hears| {
        let Hears { team, rule, kinds, repositories, tickets, needs, .. } = hears;
        let place = repositories.into_iter().chain(tickets).collect::<Vec<_>>().join(" ");
        format!("{team}/{rule} [{}] {place} | {}", kinds.len(), needs.join("; ")).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn who_hears_of_a_repository() {
    insta::assert_snapshot!(asked("acme/ingest-api", "", ""), @"
    web/merged [1] acme/ingest-* !acme/ingest-sandbox | base: main; labels: contract
    web/tickets [15] DATA-* OPS-7 |
    web/@notes [5]  | the note names the team: `@web`
    ops/quiet [1] */ingest-api |
    ops/@notes [5]  | the note names the team: `@ops`
    ");
    insta::assert_snapshot!(asked("acme/ingest-sandbox", "", "pull_request.*"), @"");
    insta::assert_snapshot!(asked("acme/api", "", "release.published"), @"web/nested [1]  | paths: schemas/**; not (labels: wip)");
    insta::assert_snapshot!(asked("acme/spec", "", "release.published"), @"web/nested [1]  |");
    insta::assert_snapshot!(asked("acme/all", "", "release.*"), @"web/nested [2]  |");
    insta::assert_snapshot!(asked("other/thing", "", "push"), @"web/never-here [1]  |");
    assert_eq!(asked("acme/thing", "", "push"), "", "`not` excludes it");
}

#[test]
fn who_hears_of_a_project() {
    insta::assert_snapshot!(asked("DATA", "", "ticket.done"), @"web/tickets [1] DATA-* OPS-7 |");
    insta::assert_snapshot!(asked("ops", "", "ticket.done"), @"web/tickets [1] DATA-* OPS-7 |");
    insta::assert_snapshot!(asked("WEB", "", ""), @"
    web/sprints [3]  |
    web/@notes [5]  | the note names the team: `@web`
    ops/@notes [5]  | the note names the team: `@ops`
    ");
}

#[test]
fn what_a_team_hears() {
    insta::assert_snapshot!(asked("", "ops", ""), @"
    ops/quiet [1] */ingest-api |
    ops/@notes [5]  | the note names the team: `@ops`
    ");
    insta::assert_snapshot!(asked("", "web", "issue.closed"), @"web/tickets [1] DATA-* OPS-7 |");
    assert_eq!(asked("", "nobody", ""), "");
}

#[test]
fn when_messages_are_sent() {
    let templates = BTreeSet::new();
    let channels = Available::default();
    let read = |text| check("t.toml", text, Known { templates: &templates, channels: &channels }).unwrap();
    let teams = [read(WEB), read(OPS)];
    let lines = teams.iter().flat_map(|team| team.rules.iter().map(|rule| timing(team, rule).join("; ")));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    after 1m; outside of quiet hours (19:00-08:00, sat); at most 20/day for the team
    after 1m; at most every 3d about one thing; outside of quiet hours (19:00-08:00, sat); at most 20/day for the team
    in a digest, weekly mon 09:00; outside of quiet hours (19:00-08:00, sat); at most 20/day for the team
    after 1m; outside of quiet hours (19:00-08:00, sat); at most 20/day for the team
    after 1m; outside of quiet hours (19:00-08:00, sat); at most 20/day for the team
    when nothing happened for 5d; at once
    ");
}

#[test]
fn what_cannot_be_asked() {
    for (place, kind) in [("a/b/c", "*"), ("", "*"), ("acme/", "*"), ("1DATA", "*"), ("acme/a", "pull_request.mergd")] {
        assert!(Question::read(Some(place), None, Some(kind)).is_err(), "{place} {kind}");
    }
}
