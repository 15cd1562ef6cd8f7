//! What is held, superseded, suppressed and released, and why.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::event::{About, Actor, PullRequest, Source, Stage};
use crate::rule::{Known as Refers, check};
use crate::settings::ChannelSettings;
use crate::track::track;

const TEAM: &str = r#"
team = "web"
members = ["bo"]
to = ["email:web@example.com"]

[[rule]]
name = "all"
on = ["pull_request.*"]

[[rule]]
name = "elsewhere"
on = ["pull_request.draft"]
to = ["email:other@example.com"]
"#;

fn teams(text: &str) -> Rules {
    let (templates, channels) = (BTreeSet::new(), ChannelSettings::default());
    let team = check("rules/web.toml", text, Refers { templates: &templates, channels: &channels }).unwrap();
    Rules::new(vec![Arc::new(team)])
}

fn tracked(kind: EventKind, stage: Stage, draft: bool) -> Tracked {
    let ana = Actor { login: "ana".to_owned(), name: "ana".to_owned(), url: None, bot: false };
    let pr = PullRequest {
        number: 45,
        title: "Add it".to_owned(),
        url: "https://github.com/acme/x/pull/45".to_owned(),
        stage,
        author: Some(ana.clone()),
        draft: Some(draft),
        base: Some("main".to_owned()),
        head: Some("data-123".to_owned()),
        labels: Some(Vec::new()),
        assignees: Some(Vec::new()),
        reviewers: Some(Vec::new()),
        additions: None,
        deletions: None,
        changed_files: None,
        body_summary: None,
        body: None,
        private: None,
        updated_at: None,
    };
    let event = Event {
        source: Source::Github,
        kind,
        scope: "acme/x".to_owned(),
        actor: Some(ana),
        at: Timestamp::UNIX_EPOCH,
        url: None,
        subject: "acme/x#45".to_owned(),
        about: About::PullRequest(pr),
        tickets: vec!["DATA-123".parse().unwrap()],
        change: None,
        note: None,
        comment: None,
        once: None,
        private: None,
        paths: None,
    };
    track(None, event)
}

fn held(line: i64, rule: &str, kind: EventKind) -> Held {
    let id = LineId { delivery: 1, line };
    Held { id, team: "web".to_owned(), rule: rule.to_owned(), kind }
}

#[test]
fn each_rule_that_matches_holds_an_update() {
    let plan = plan(&tracked(EventKind::PullRequestDraft, Stage::Open, true), &teams(TEAM), &Fired::new(), &[]);
    let rules = plan.updates.iter().map(|update| (update.rule.as_str(), &update.fate)).collect::<Vec<_>>();
    let minute = Fate::Held(Duration::from_secs(60));
    assert_eq!(rules, [("all", &minute), ("elsewhere", &minute)]);
}

#[test]
fn a_milestone_is_told_once_and_an_occurrence_each_time() {
    let told = |kind: EventKind| Fired::from([("web".to_owned(), "all".to_owned(), kind)]);
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    let again = plan(&merged, &teams(TEAM), &told(EventKind::PullRequestMerged), &[]);
    let reason = "web was told of pull_request.merged before".to_owned();
    assert_eq!(again.updates[0].fate, Fate::Suppressed(reason));
    let pushed = tracked(EventKind::PullRequestPushed, Stage::Open, false);
    let again = plan(&pushed, &teams(TEAM), &told(EventKind::PullRequestPushed), &[]);
    assert!(matches!(again.updates[0].fate, Fate::Held(_)));
}

#[test]
fn what_says_more_replaces_what_waits_at_the_same_places() {
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    let waiting = [
        held(1, "all", EventKind::PullRequestDraft),
        held(2, "elsewhere", EventKind::PullRequestDraft),
        held(3, "all", EventKind::PullRequestPushed),
        held(4, "all", EventKind::NoteAssumed),
    ];
    let plan = plan(&merged, &teams(TEAM), &Fired::new(), &waiting);
    let reason = "pull_request.merged came before it was sent, and says more".to_owned();
    assert_eq!(
        plan.superseded,
        [(LineId { delivery: 1, line: 1 }, reason)],
        "another place would hear nothing; occurrences and notes stay"
    );
}

fn released(kind: EventKind, now: &Tracked, teams: &Rules) -> Result<(String, String), String> {
    let event = tracked(kind, Stage::Open, kind == EventKind::PullRequestDraft).event;
    let waited = Waited { event: &event, kind, team: "web", rule: "all", ticket: None };
    match release(waited, Some(&now.known), teams) {
        Release::Send { event, rule, .. } => Ok((event.about.title().to_owned(), rule.name.clone())),
        Release::Suppressed(reason) => Err(reason),
    }
}

#[test]
fn an_update_is_matched_again_when_its_time_comes() {
    let teams_now = teams(TEAM);
    let open = tracked(EventKind::PullRequestDraft, Stage::Open, true);
    assert_eq!(released(EventKind::PullRequestDraft, &open, &teams_now), Ok(("Add it".to_owned(), "all".to_owned())));
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    let stale = released(EventKind::PullRequestDraft, &merged, &teams_now);
    assert_eq!(stale, Err("it is merged by now".to_owned()));
    let gone = teams(&TEAM.replace("\"all\"", "\"renamed\""));
    let without = released(EventKind::PullRequestDraft, &open, &gone);
    assert_eq!(without, Err("web has no rule `all` any more".to_owned()));
    let narrowed = teams(&TEAM.replacen("on =", "base = [\"release/*\"]\non =", 1));
    let missed = released(EventKind::PullRequestDraft, &open, &narrowed).unwrap_err();
    assert!(missed.starts_with("no longer so: ") && missed.contains("main"), "{missed}");
}

#[test]
fn why_is_one_sentence() {
    let teams = teams(TEAM);
    let event = tracked(EventKind::PullRequestMerged, Stage::Merged, false).event;
    let why = why(&teams.teams()[0], &teams.teams()[0].rules[0], &event);
    assert_eq!(why, "web gets this because its rule “all” asks for pull_request.merged in acme/x for DATA-123.");
}
