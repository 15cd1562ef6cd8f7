//! Which updates are held, superseded, suppressed and released, and why.

#![expect(clippy::unwrap_used, reason = "tests")]

mod undo;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::destination::Available;
use crate::event::{About, Actor, PullRequest, Source, Stage, Thing, ThingKind};
use crate::hold::WaitsFor;
use crate::rule::{Known as Refers, check};
use crate::track::{Known, track};

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
    teams_with(text, &[])
}

fn teams_with(text: &str, templates: &[&str]) -> Rules {
    let templates = templates.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let channels = Available::default();
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
        head_sha: None,
        reviewing_teams: Vec::new(),
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
        scope: "acme/x".to_owned(),
        actor: Some(ana),
        tickets: vec!["DATA-123".parse().unwrap()],
        ..Event::bare(Source::Github, kind, "acme/x#45".into(), About::PullRequest(pr))
    };
    track(None, event)
}

/// A Friday.
const NOON: Timestamp = Timestamp::constant(1_795_176_000, 0);

fn of_web(rule: &str) -> RuleId {
    RuleId { team: "web".to_owned(), name: rule.to_owned() }
}

/// What an update waits for, if it does.
fn waits_for(fate: &Fate) -> Option<Wait> {
    match fate {
        Fate::Held { wait, .. } => Some(*wait),
        Fate::Suppressed(_) | Fate::Ignored(_) => None,
    }
}

fn held(line: i64, rule: &str, kind: EventKind) -> Held {
    let id = LineId { delivery: 1, line };
    Held { id, rule: of_web(rule), kind, once: None, change: None, actor: None, since: NOON }
}

#[test]
fn each_rule_that_matches_holds_an_update() {
    let draft = tracked(EventKind::PullRequestDraft, Stage::Open, true);
    let plan = plan(&draft, &teams(TEAM), &History::default(), NOON);
    let rules =
        plan.updates.iter().map(|update| (update.rule.name.as_str(), waits_for(&update.fate))).collect::<Vec<_>>();
    let settle = Duration::from_secs(60);
    let minute = Some(Wait { until: NOON + settle, waits_for: WaitsFor::Settle(settle) });
    assert_eq!(rules, [("all", minute), ("elsewhere", minute)]);
}

#[test]
fn a_milestone_is_told_once_and_an_occurrence_each_time() {
    let told = |kind: EventKind| {
        let fired = HashSet::from([(of_web("all"), kind)]);
        History { fired, ..History::default() }
    };
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    let again = plan(&merged, &teams(TEAM), &told(EventKind::PullRequestMerged), NOON);
    let reason = Reason::ToldBefore { team: "web".to_owned(), kind: EventKind::PullRequestMerged };
    assert_eq!(again.updates[0].fate, Fate::Suppressed(reason));
    let pushed = tracked(EventKind::PullRequestPushed, Stage::Open, false);
    let again = plan(&pushed, &teams(TEAM), &told(EventKind::PullRequestPushed), NOON);
    assert!(matches!(again.updates[0].fate, Fate::Held { .. }));
}

#[test]
fn what_says_more_replaces_what_waits_at_the_same_places() {
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    let waiting = [
        held(1, "all", EventKind::PullRequestDraft),
        held(2, "elsewhere", EventKind::PullRequestDraft),
        held(3, "all", EventKind::PullRequestPushed),
        held(4, "all", EventKind::NoteAssumed),
        held(5, "all", EventKind::PullRequestCommented),
    ];
    let history = History { held: waiting.to_vec(), ..History::default() };
    let superseded = plan(&merged, &teams(TEAM), &history, NOON).superseded;
    let lines = superseded.iter().map(|(id, _)| id.line).collect::<Vec<_>>();
    assert_eq!(lines, [1, 3], "another place would hear nothing; what somebody said stays");
    assert_eq!(superseded[0].1, Reason::Superseded { kind: EventKind::PullRequestMerged });
}

#[test]
fn a_rule_that_wants_one_in_a_while_gets_the_newest() {
    let text = TEAM.replacen("on =", "every = \"3d\"\non =", 1);
    let commented = tracked(EventKind::PullRequestCommented, Stage::Open, false);
    let waiting = [
        held(1, "all", EventKind::PullRequestApproved),
        held(2, "all", EventKind::PullRequestReady),
        held(3, "all", EventKind::NoteDecided),
        held(4, "elsewhere", EventKind::PullRequestApproved),
    ];
    let told = of_web("all");
    let yesterday = NOON - Duration::from_secs(24 * 3600);
    let history = History {
        held: waiting.to_vec(),
        told: [(told, (yesterday, EventKind::PullRequestPushed))].into(),
        ..History::default()
    };
    let plan = plan(&commented, &teams(&text), &history, NOON);
    assert_eq!(plan.superseded.iter().map(|(id, _)| id.line).collect::<Vec<_>>(), [1], "a milestone and a note stay");
    let Fate::Held { wait, .. } = &plan.updates[0].fate else { panic!("{:?}", plan.updates) };
    assert_eq!(wait.until, yesterday + Duration::from_secs(3 * 24 * 3600));
}

#[test]
fn what_nobody_heard_of_does_not_end() {
    let reopened = tracked(EventKind::PullRequestReopened, Stage::Open, false);
    let waits = History { held: vec![held(1, "all", EventKind::PullRequestClosed)], ..History::default() };
    let fate = |history: &History| plan(&reopened, &teams(TEAM), history, NOON).updates.remove(0).fate;
    assert_eq!(
        fate(&waits),
        Fate::Suppressed(Reason::NotToldYet { team: "web".to_owned(), kind: EventKind::PullRequestClosed })
    );
    assert!(matches!(fate(&History::default()), Fate::Held { .. }));
}

#[test]
fn a_push_to_a_draft_is_on_track() {
    let text = TEAM.replace("[\"pull_request.draft\"]", "[\"pull_request.on_track\"]");
    let kinds = |draft: bool| {
        let pushed = tracked(EventKind::PullRequestPushed, Stage::Open, draft);
        let updates = plan(&pushed, &teams(&text), &History::default(), NOON).updates;
        updates.into_iter().map(|update| (update.rule.name, update.kind.to_string())).collect::<Vec<_>>()
    };
    let pushed = ("all".to_owned(), "pull_request.pushed".to_owned());
    assert_eq!(kinds(true), [pushed.clone(), ("elsewhere".to_owned(), "pull_request.on_track".to_owned())]);
    assert_eq!(kinds(false), [pushed]);
    let waits = History { held: vec![held(1, "elsewhere", EventKind::PullRequestDraft)], ..History::default() };
    let updates = plan(&tracked(EventKind::PullRequestPushed, Stage::Open, true), &teams(&text), &waits, NOON).updates;
    assert_eq!(updates.len(), 1, "the draft itself is still to be told");
}

fn silent(known: &Known) -> Since<'_> {
    Since { known, ticket: None, said: None, told: false }
}

#[test]
fn a_pull_request_stalls_when_nothing_happens_for_long() {
    let text = format!("{TEAM}[[rule]]\nname = \"stalled\"\non = [\"pull_request.stalled\"]\nafter = \"5d\"\n");
    let open = tracked(EventKind::PullRequestOpened, Stage::Open, false);
    let timers = plan(&open, &teams(&text), &History::default(), NOON).timers;
    let five_days = NOON + Duration::from_secs(5 * 24 * 3600);
    assert_eq!(
        timers.iter().map(|timer| (timer.rule.name.as_str(), timer.due)).collect::<Vec<_>>(),
        [("stalled", five_days)]
    );
    let told = elapsed(&timers[0], silent(&open.known), &teams(&text), five_days);
    let Elapsed::Told { event, .. } = told else { panic!("{told:?}") };
    assert_eq!(
        (event.kind, event.subject.as_str(), event.scope.as_str()),
        (EventKind::PullRequestStalled, "acme/x#45", "acme/x")
    );
    let merged = tracked(EventKind::PullRequestMerged, Stage::Merged, false);
    assert_eq!(elapsed(&timers[0], silent(&merged.known), &teams(&text), five_days), Elapsed::Over);
    assert_eq!(plan(&merged, &teams(&text), &History::default(), NOON).timers, []);
    assert_eq!(elapsed(&timers[0], silent(&open.known), &teams(TEAM), five_days), Elapsed::Over);
}

fn released(kind: EventKind, now: &Tracked, teams: &Rules) -> Result<(String, String), String> {
    let event = tracked(kind, Stage::Open, kind == EventKind::PullRequestDraft).event;
    match release(&due(event, kind, Some(now.known.clone())), teams) {
        Ok((event, _, rule)) => Ok((event.about.title().to_owned(), rule.name.clone())),
        Err(reason) => Err(reason.to_string()),
    }
}

fn due(event: Event, kind: EventKind, known: Option<Known>) -> Due {
    Due {
        id: 1,
        name: "1.1".to_owned(),
        subject: event.subject.clone(),
        thread: event.subject.to_string(),
        event,
        event_id: 1,
        kind,
        rule: of_web("all"),
        digest: false,
        at_once: false,
        known,
        ticket: None,
        told: None,
        said: Vec::new(),
        deployed: None,
        private: None,
        at: NOON,
        since: None,
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
fn a_failed_deployment_is_no_news_once_there_is_a_later_one() {
    let teams = teams(&TEAM.replace("\"pull_request.*\"", "\"pull_request.*\", \"deployment.*\""));
    let of = |kind, deployed: Option<i64>| {
        let thing = Thing {
            environment: Some("production".to_owned()),
            updated_at: Some(Timestamp::from_second(60).unwrap()),
            ..Thing::bare(ThingKind::Deployment, "deployment")
        };
        let Tracked { event, known, .. } = tracked(kind, Stage::Open, false);
        let event = Event { about: About::Thing(thing), ..event };
        let known = Known { about: event.about.clone(), ..known };
        let deployed = deployed.map(|second| Timestamp::from_second(second).unwrap());
        release(&Due { deployed, ..due(event, kind, Some(known)) }, &teams).is_ok()
    };
    assert!(of(EventKind::DeploymentFailed, Some(60)), "it is the last one");
    assert!(of(EventKind::DeploymentFailed, None));
    assert!(!of(EventKind::DeploymentFailed, Some(61)));
    assert!(of(EventKind::DeploymentSucceeded, Some(61)), "each stands for itself");
}

#[test]
fn why_is_one_sentence() {
    let teams = teams(TEAM);
    let event = tracked(EventKind::PullRequestMerged, Stage::Merged, false).event;
    let why = why(&teams.teams()[0], &teams.teams()[0].rules[0], &event);
    assert_eq!(why, "web gets this because its rule “all” asks for pull_request.merged in acme/x for DATA-123.");
}

fn noted(words: &str, replaces: Option<&str>, taken_back: bool) -> Tracked {
    let mut tracked = tracked(EventKind::NoteAssumed, Stage::Open, false);
    tracked.event.note = Some(crate::event::Note {
        kind: "assumed".to_owned(),
        text: words.to_owned(),
        to: Vec::new(),
        url: None,
        author: None,
        edited: replaces.is_some() && !taken_back,
        taken_back,
        replaces: replaces.map(Into::into),
    });
    tracked
}

#[test]
fn a_note_that_is_edited_or_taken_back_is_not_sent_in_its_old_words() {
    let notes = teams(&TEAM.replace("pull_request.*", "note.*"));
    let waits = |line, once: &str| Held { once: Some(once.into()), ..held(line, "all", EventKind::NoteAssumed) };
    let waiting = [waits(1, "note:a:assumed:1"), waits(2, "note:a:assumed:2@99"), waits(3, "note:a:assumed:22@99")];
    let line = |line| LineId { delivery: 1, line };

    let history = History { held: waiting.to_vec(), ..History::default() };
    let edited = plan(&noted("new", Some("note:a:assumed:2"), false), &notes, &history, NOON);
    assert_eq!(edited.superseded, [(line(2), Reason::EditedByAuthor)]);
    assert!(matches!(&edited.updates[..], [Update { fate: Fate::Held { .. }, .. }]), "{edited:?}");

    let taken_back = plan(&noted("old", Some("note:a:assumed:1"), true), &notes, &history, NOON);
    assert_eq!(taken_back.withdrawn, [(line(1), Reason::TakenBack)]);
    assert_eq!(taken_back.updates[0].fate, Fate::Suppressed(Reason::TakenBack));

    let further = plan(&noted("another", None, false), &notes, &history, NOON);
    assert_eq!((further.superseded, further.withdrawn), (Vec::new(), Vec::new()), "each note stands for itself");
}

#[test]
fn what_another_rule_said_of_a_state_at_a_place_is_not_said_again_there() {
    let text = TEAM.replace(
        "on = [\"pull_request.draft\"]\nto = [\"email:other@example.com\"]",
        "on = [\"pull_request.draft\"]\nto = [\"email:other@example.com\", \"email:web@example.com\"]",
    );
    let said = |rule: &str, to: &str| Said { rule: rule.to_owned(), to: to.parse().unwrap() };
    let all = || said("all", "email:web@example.com");
    let before = "web was told of it before, by its rule `all`";
    let table = [
        (text.clone(), vec![], Ok("email:other@example.com email:web@example.com")),
        (text.clone(), vec![all()], Ok("email:other@example.com")),
        (text.clone(), vec![all(), said("all", "email:other@example.com")], Err(before)),
        (
            text.replacen("on =", "template = \"brief\"\non =", 1),
            vec![all()],
            Ok("email:other@example.com email:web@example.com"),
        ),
        (text.replace("\"all\"", "\"renamed\""), vec![all()], Ok("email:other@example.com")),
    ];
    for (text, said, expected) in table {
        let teams = teams_with(&text, &["brief"]);
        let (team, rule) = teams.find("web", "elsewhere").unwrap();
        let places = places(&teams, team, rule, &said)
            .map(|places| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(places.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{said:?}");
    }
}
