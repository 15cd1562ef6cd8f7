#![expect(clippy::unwrap_used, reason = "tests")]

mod conditions;
mod known;
mod matched_by;
mod own_and_bots;

use std::collections::BTreeSet;

use super::*;
use crate::destination::Available;
use crate::event::{About, Actor, Issue, Owner, PullRequest, Source, Stage, Thing};
use crate::rule::{Known, check};

fn actor(login: &str) -> Actor {
    Actor { login: login.to_owned(), name: login.to_owned(), url: None, bot: login.ends_with("[bot]") }
}

fn event(about: About) -> Event {
    let jira = matches!(about, About::Ticket(_));
    Event {
        scope: if jira { "DATA" } else { "Acme/ingest-api" }.to_owned(),
        actor: Some(actor("cy")),
        at: "2026-03-01T10:00:00Z".parse().unwrap(),
        tickets: vec!["DATA-7".parse().unwrap(), "WEB-1".parse().unwrap()],
        ..Event::bare(
            if jira { Source::Jira } else { Source::Github },
            EventKind::PullRequestMerged,
            "subject".into(),
            about,
        )
    }
}

fn pr() -> PullRequest {
    PullRequest {
        number: 45,
        title: "Add the Migration\nof ids".to_owned(),
        url: "https://example.com/45".to_owned(),
        stage: Stage::Merged,
        author: Some(actor("dee")),
        draft: Some(false),
        base: Some("develop".to_owned()),
        head: None,
        head_sha: None,
        reviewing_teams: Vec::new(),
        labels: Some(vec!["Contract".to_owned(), "area: db".to_owned()]),
        assignees: Some(Vec::new()),
        reviewers: Some(Vec::new()),
        additions: None,
        deletions: None,
        changed_files: None,
        body_summary: None,
        body: None,
        private: None,
        updated_at: None,
    }
}

fn issue() -> Event {
    event(About::Issue(Issue::bare(46, "Slow", "https://example.com/46", Stage::Open)))
}

fn ticket() -> Event {
    let ana = Actor { login: "5b10a".to_owned(), name: "Ana Lima".to_owned(), url: None, bot: false };
    let json = serde_json::json!({"key": "DATA-7", "summary": "Ids", "labels": ["contract"]});
    let ticket = Ticket { reporter: Some(ana.clone()), ..serde_json::from_value(json).unwrap() };
    Event { actor: Some(ana), tickets: vec!["DATA-7".parse().unwrap()], ..event(About::Ticket(ticket)) }
}

fn release() -> Event {
    let json = serde_json::json!({"kind": "release", "title": "v1"});
    event(About::Thing(serde_json::from_value::<Thing>(json).unwrap()))
}

/// The verdict in short: nothing for a match.
fn verdict(rule: &str, event: &Event, kind: EventKind) -> String {
    verdict_of(rule, Input { event, kind, ticket: None })
}

fn verdict_of(rule: &str, input: Input<'_>) -> String {
    let text = format!(
        "team = \"data\"\nmembers = [\"Ana Lima\", \"bo\"]\nto = [\"mailbox\"]\n[[rule]]\nname = \"r\"\n{rule}\n"
    );
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let team = check("team.toml", &text, known).unwrap();
    match evaluate(&team.rules[0], &team, input) {
        Verdict::Match => String::new(),
        Verdict::Miss { because, unknown: false } => format!("miss: {because}"),
        Verdict::Miss { because, unknown: true } => format!("unknown: {because}"),
        Verdict::Suppressed { because } => format!("suppressed: {because}"),
    }
}

fn conditions(event: &Event, table: &[(&str, &str)]) {
    for (condition, expected) in table {
        let rule = format!("on = [\"*\"]\n{condition}");
        assert_eq!(verdict(&rule, event, EventKind::PullRequestMerged), *expected, "{condition}");
    }
}

#[test]
fn kinds() {
    use EventKind::{PullRequestMerged as Merged, TicketDone as Done, TicketTransitioned as Transitioned};
    let table = [
        (r#"["pull_request.merged"]"#, Merged, ""),
        (r#"["pull_request.*"]"#, Merged, ""),
        (r#"["pull_request.opened"]"#, Merged, "miss: the event is pull_request.merged, not pull_request.opened"),
        (r#"["push", "note.*"]"#, Merged, "miss: the event is pull_request.merged, not one of push, note.*"),
        (r#"["!pull_request.merged"]"#, Merged, "miss: the event is pull_request.merged, not !pull_request.merged"),
        (r#"["ticket.transitioned"]"#, Done, ""),
        (r#"["ticket.done"]"#, Transitioned, "miss: the event is ticket.transitioned, not ticket.done"),
        (r#"["ticket.transitioned", "!ticket.done"]"#, Transitioned, ""),
    ];
    for (on, kind, expected) in table {
        assert_eq!(verdict(&format!("on = {on}"), &event(About::PullRequest(pr())), kind), expected, "{on}");
    }
}

#[test]
fn a_pull_request() {
    conditions(
        &event(About::PullRequest(pr())),
        &[
            (r#"repo = ["acme/ingest-*"]"#, ""),
            (r#"repo = ["!acme/ingest-*"]"#, "miss: repo `Acme/ingest-api` is excluded by !acme/ingest-*"),
            (r#"repo = ["acme/web"]"#, "miss: repo is `Acme/ingest-api`, not acme/web"),
            (r#"base = ["main", "release/*"]"#, "miss: base is `develop`, not one of main, release/*"),
            (r#"base = ["!main"]"#, ""),
            ("draft = false", ""),
            ("draft = true", "miss: the pull request isn't a draft"),
            (r#"labels = ["contract"]"#, ""),
            (r#"labels = ["*", "!area*"]"#, "miss: label `area: db` is excluded by !area*"),
            (r#"labels = ["bug"]"#, "miss: label is `Contract`, `area: db`, none of them bug"),
            (r#"author = ["Dee"]"#, ""),
            (r#"author = ["cy"]"#, "miss: author is `dee`, not cy"),
            (r#"ticket = ["WEB-*"]"#, ""),
            (r#"ticket = ["OPS-*"]"#, "miss: ticket is `DATA-7`, `WEB-1`, none of them OPS-*"),
            (r#"title = ["*migration*"]"#, ""),
            (r#"title = ["fix*"]"#, "miss: title is `Add the Migration of ids`, not fix*"),
            // The order is fixed: the base is tried before the title.
            ("title = [\"fix*\"]\nbase = [\"main\"]", "miss: base is `develop`, not main"),
        ],
    );
}

#[test]
fn what_is_not_known() {
    let unknown = PullRequest { author: None, draft: None, base: None, labels: None, ..pr() };
    conditions(
        &event(About::PullRequest(unknown)),
        &[
            (r#"base = ["!main"]"#, "unknown: the pull request's base is not known"),
            ("draft = false", "unknown: the pull request's draft state is not known"),
            (r#"labels = ["!x"]"#, "unknown: the pull request's labels are not known"),
            (r#"author = ["!dee"]"#, "unknown: the author is not known"),
        ],
    );
    conditions(
        &issue(),
        &[
            (r#"base = ["main"]"#, "miss: an issue has no base"),
            (r#"labels = ["bug", "ops"]"#, "miss: it has no label, and the rule wants one of bug, ops"),
            (r#"labels = ["!bug"]"#, ""),
        ],
    );
    conditions(
        &release(),
        &[
            (r#"labels = ["!bug"]"#, "miss: a release has no labels"),
            ("draft = true", "miss: a release has no draft state"),
            (r#"author = ["cy"]"#, ""),
            (r#"title = ["v*"]"#, ""),
        ],
    );
}

#[test]
fn a_ticket() {
    conditions(
        &ticket(),
        &[
            (r#"repo = ["acme/*"]"#, "miss: a ticket has no repo"),
            ("author = [\"ana lima\"]\nown = true", ""),
            ("author = [\"5b10a\"]\nown = true", ""),
            ("labels = [\"contract\"]\nown = true", ""),
            ("ticket = [\"data-*\"]\nown = true", ""),
            ("", "suppressed: Ana Lima is a member of data: not news to them"),
        ],
    );
}

#[test]
fn whose_news() {
    let event = |who: &str, author: &str| Event {
        actor: Some(actor(who)),
        ..event(About::PullRequest(PullRequest { author: Some(actor(author)), ..pr() }))
    };
    let table = [
        ("", "Bo", "dee", "suppressed: Bo is a member of data: not news to them"),
        ("own = true", "bo", "dee", ""),
        ("", "cy", "bo", ""),
        ("", "merge-queue[bot]", "dee", ""),
        ("", "merge-queue[bot]", "bo", "suppressed: bo is a member of data: not news to them"),
        ("", "cy", "renovate[bot]", "suppressed: the author renovate[bot] is a bot"),
        ("bots = true", "ci[bot]", "renovate[bot]", ""),
        ("author = [\"renovate[bot]\"]", "ci[bot]", "renovate[bot]", ""),
        ("author = [\"*[bot]\"]", "cy", "renovate[bot]", "suppressed: the author renovate[bot] is a bot"),
        ("author = [\"dee\"]", "cy", "renovate[bot]", "miss: author is `renovate[bot]`, not dee"),
    ];
    for (rule, who, author, expected) in table {
        let rule = format!("on = [\"*\"]\n{rule}");
        assert_eq!(verdict(&rule, &event(who, author), EventKind::PullRequestMerged), expected, "{rule} {who}");
    }
    let approved = Event { kind: EventKind::PullRequestApproved, ..event("ci[bot]", "dee") };
    let by_bot = "suppressed: the actor ci[bot] is a bot";
    assert_eq!(verdict("on = [\"*\"]", &approved, EventKind::PullRequestApproved), by_bot);
    let labelled = Event { kind: EventKind::PullRequestLabeled, ..event("bo", "dee") };
    assert_eq!(verdict("on = [\"*\"]", &labelled, EventKind::PullRequestOpened), "", "Bo only labelled it");
    let nobody = Event { actor: None, ..event("x", "dee") };
    assert_eq!(verdict("on = [\"*\"]", &nobody, EventKind::PullRequestMerged), "");
}

#[test]
fn a_reason_stays_on_one_short_line() {
    let long = PullRequest { title: "x\n".repeat(500), ..pr() };
    let names: Vec<_> = (0..50).map(|n| format!("\"t{n}\"")).collect();
    let rule = format!("on = [\"*\"]\ntitle = [{}]", names.join(", "));
    let because = verdict(&rule, &event(About::PullRequest(long)), EventKind::PullRequestMerged);
    assert!(because.len() < 200 && !because.contains('\n'), "{because}");
}
