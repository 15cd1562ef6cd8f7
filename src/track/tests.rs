//! Late, repeated and out-of-order payloads.

#![expect(clippy::unwrap_used, reason = "tests")]

mod issues;
mod undone;

use super::*;
use crate::event::{Actor, Issue, Source, Stage, Thing, ThingKind};

fn pull_request(kind: EventKind, (stage, draft): (Stage, bool), minute: i64) -> Event {
    let pr = PullRequest {
        number: 45,
        title: format!("as of minute {minute}"),
        url: "https://github.com/acme/x/pull/45".to_owned(),
        stage,
        author: Some(Actor { login: "ana".to_owned(), name: "ana".to_owned(), url: None, bot: false }),
        draft: Some(draft),
        base: Some("main".to_owned()),
        head: Some("data-123".to_owned()),
        head_sha: None,
        reviewing_teams: Vec::new(),
        labels: Some(vec!["contract".to_owned()]),
        assignees: Some(Vec::new()),
        reviewers: Some(Vec::new()),
        additions: Some(1),
        deletions: None,
        changed_files: None,
        body_summary: None,
        body: None,
        private: Some(false),
        updated_at: Some(Timestamp::from_second(minute * 60).unwrap()),
    };
    event(kind, About::PullRequest(pr), &["DATA-123"])
}

fn event(kind: EventKind, about: About, tickets: &[&str]) -> Event {
    Event {
        scope: "acme/x".to_owned(),
        tickets: tickets.iter().map(|key| key.parse().unwrap()).collect(),
        ..Event::bare(Source::Github, kind, "acme/x#45".into(), about)
    }
}

/// What a comment's payload says of a pull request: little.
/// A reason as a sentence; empty if there is none.
fn said(reason: Option<&Reason>) -> String {
    reason.map(ToString::to_string).unwrap_or_default()
}

fn comment() -> Event {
    let Event { about: About::PullRequest(pr), .. } =
        pull_request(EventKind::PullRequestCommented, (Stage::Open, false), 9)
    else {
        unreachable!()
    };
    let little = PullRequest { draft: None, base: None, head: None, labels: None, additions: None, ..pr };
    event(EventKind::PullRequestCommented, About::PullRequest(little), &[])
}

fn run(events: impl IntoIterator<Item = Event>) -> Vec<Tracked> {
    let mut known = None;
    events
        .into_iter()
        .map(|event| {
            let tracked = track(known.take(), event);
            known = Some(tracked.known.clone());
            tracked
        })
        .collect()
}

use EventKind::{PullRequestDraft, PullRequestLabeled, PullRequestMerged, PullRequestOpened, PullRequestReady};

#[test]
fn a_draft_that_arrives_after_the_merge_is_no_news() {
    let tracked = run([
        pull_request(PullRequestMerged, (Stage::Merged, false), 5),
        pull_request(PullRequestDraft, (Stage::Open, true), 1),
    ]);
    assert_eq!(said(tracked[1].stale.as_ref()), "it came late: acme/x#45 is merged since");
    assert_eq!(tracked[1].known.milestone, Some(PullRequestMerged));
    assert_eq!(tracked[1].known.about.title(), "as of minute 5", "the state does not roll back");
}

#[test]
fn a_milestone_that_still_holds_is_news_however_late() {
    let tracked = run([
        pull_request(PullRequestLabeled, (Stage::Open, false), 2),
        pull_request(PullRequestOpened, (Stage::Open, false), 1),
    ]);
    assert_eq!((&tracked[1].stale, tracked[1].known.milestone), (&None, Some(PullRequestOpened)));
    assert_eq!(tracked[1].event.about.title(), "as of minute 2");
}

#[test]
fn a_comment_is_completed_by_what_was_known() {
    let tracked = run([pull_request(PullRequestOpened, (Stage::Open, false), 1), comment()]);
    let About::PullRequest(pr) = &tracked[1].event.about else { panic!() };
    assert_eq!((pr.base.as_deref(), pr.labels.as_ref().unwrap().len()), (Some("main"), 1));
    assert_eq!(tracked[1].event.tickets[0].as_str(), "DATA-123", "it stays in its conversation");
}

#[test]
fn a_label_asks_about_the_standing_milestone_again() {
    let tracked = run([
        pull_request(PullRequestReady, (Stage::Open, false), 1),
        pull_request(PullRequestLabeled, (Stage::Open, false), 2),
        comment(),
    ]);
    assert_eq!(tracked[1].kinds().collect::<Vec<_>>(), [PullRequestLabeled, PullRequestReady]);
    assert_eq!(tracked[2].kinds().count(), 1);
}

#[test]
fn so_does_all_else_that_conditions_ask_for() {
    use EventKind::{
        PullRequestApproved, PullRequestAssigned, PullRequestEdited, PullRequestPushed, PullRequestReviewRequested,
    };
    for kind in [PullRequestPushed, PullRequestEdited, PullRequestAssigned, PullRequestReviewRequested] {
        let of = |kind, minute| pull_request(kind, (Stage::Open, false), minute);
        let tracked = run([of(PullRequestReady, 1), of(kind, 2)]);
        assert_eq!(tracked[1].kinds().collect::<Vec<_>>(), [kind, PullRequestReady]);
    }
    let keyless = Event { tickets: Vec::new(), ..pull_request(PullRequestReady, (Stage::Open, false), 1) };
    let tracked = run([keyless, pull_request(PullRequestApproved, (Stage::Open, false), 2)]);
    assert_eq!(tracked[1].kinds().collect::<Vec<_>>(), [PullRequestApproved, PullRequestReady], "it has a key now");
}

#[test]
fn a_comment_doesnt_lose_people_and_description() {
    let mut opened = pull_request(PullRequestOpened, (Stage::Open, false), 1);
    let mut little = comment();
    if let (About::PullRequest(opened), About::PullRequest(little)) = (&mut opened.about, &mut little.about) {
        opened.reviewers = Some(vec!["bo".to_owned()]);
        opened.body = Some("All".to_owned());
        (little.assignees, little.reviewers, little.body) = (Some(vec!["ana".to_owned()]), None, None);
    }
    let About::PullRequest(pr) = run([opened, little]).remove(1).known.about else { panic!() };
    assert_eq!((pr.reviewers.unwrap().len(), pr.assignees.unwrap().len(), pr.body.unwrap().as_str()), (1, 1, "All"));
}

#[test]
fn a_milestone_that_was_not_seen_is_not_made_up() {
    let tracked = run([pull_request(PullRequestLabeled, (Stage::Open, false), 2)]);
    assert_eq!(tracked[0].kinds().collect::<Vec<_>>(), [PullRequestLabeled]);
}

fn outcome_of(text: &str) -> Outcome {
    serde_json::from_value(text.into()).unwrap()
}

fn thing(kind: ThingKind, outcome: Option<&str>) -> About {
    About::Thing(Thing { outcome: outcome.map(outcome_of), ..Thing::bare(kind, "CI") })
}

#[test]
fn each_push_to_a_branch_has_its_own_tickets() {
    let push = |tickets: &[&str]| event(EventKind::Push, thing(ThingKind::Push, None), tickets);
    let tracked = run([push(&["DATA-1"]), push(&["DATA-2", "DATA-3"]), push(&[])]);
    let tickets = tracked.iter().map(|tracked| tracked.event.tickets.len()).collect::<Vec<_>>();
    assert_eq!(tickets, [1, 2, 0]);
}

#[test]
fn a_workflow_recovers_only_after_it_failed() {
    let run_of = |kind, outcome: &str| event(kind, thing(ThingKind::Workflow, Some(outcome)), &[]);
    let (failed, recovered) = (EventKind::WorkflowFailed, EventKind::WorkflowRecovered);
    let tracked = run([
        run_of(recovered, "success"),
        run_of(failed, "failure"),
        run_of(recovered, "success"),
        run_of(recovered, "success"),
        run_of(failed, "timed_out"),
        run_of(recovered, "success"),
    ]);
    let news = tracked.iter().map(|tracked| tracked.stale.is_none()).collect::<Vec<_>>();
    assert_eq!(news, [false, true, true, false, true, true]);
}

#[test]
fn what_is_over_is_told_neither_late_nor_when_it_waited() {
    let at = |minute: i64, about| match about {
        About::Thing(thing) => {
            About::Thing(Thing { updated_at: Some(Timestamp::from_second(minute * 60).unwrap()), ..thing })
        }
        about => about,
    };
    let workflow = |outcome| thing(ThingKind::Workflow, Some(outcome));
    let tracked = run([
        event(EventKind::WorkflowFailed, at(1, workflow("failure")), &[]),
        event(EventKind::WorkflowRecovered, at(5, workflow("success")), &[]),
        event(EventKind::WorkflowFailed, at(3, workflow("timed_out")), &[]),
    ]);
    let stale = tracked.iter().map(|tracked| said(tracked.stale.as_ref())).collect::<Vec<_>>();
    assert_eq!(stale, ["", "", "it came late: acme/x#45 is successful since"]);
    for (kind, about, expected) in [
        (EventKind::WorkflowFailed, workflow("failure"), true),
        (EventKind::WorkflowFailed, workflow("success"), false),
        (EventKind::WorkflowRecovered, workflow("success"), true),
        (EventKind::WorkflowRecovered, workflow("failure"), false),
        (EventKind::BranchCreated, thing(ThingKind::Branch, None), true),
        (EventKind::BranchCreated, thing(ThingKind::Branch, Some("deleted")), false),
        (EventKind::BranchDeleted, thing(ThingKind::Branch, Some("deleted")), true),
        (EventKind::DeploymentFailed, thing(ThingKind::Deployment, Some("success")), true),
        (EventKind::IssueOpened, issue(Stage::Open), true),
        (EventKind::IssueOpened, issue(Stage::Closed), false),
        (EventKind::IssueClosed, issue(Stage::Open), false),
        (EventKind::IssueCommented, issue(Stage::Closed), true),
    ] {
        assert_eq!(holds(kind, &about), expected, "{kind} {}", standing(&about));
    }
}

fn issue(stage: Stage) -> About {
    About::Issue(Issue::bare(45, "An issue", "https://github.com/acme/x/issues/45", stage))
}

fn ticket(kind: EventKind, category: StatusCategory, full: bool) -> Event {
    let ticket = Ticket {
        id: Some("10042".to_owned()),
        url: Some("https://jira.example.com/browse/DATA-123".to_owned()),
        summary: Some("Orders".to_owned()),
        status: Some("x".to_owned()),
        status_category: Some(category),
        previous_status: Some("To Do".to_owned()),
        due: full.then(|| "2026-12-04".parse().unwrap()),
        labels: if full { vec!["contract".to_owned()] } else { Vec::new() },
        updated_at: full.then_some(Timestamp::UNIX_EPOCH),
        ..Ticket::bare("DATA-123")
    };
    event(kind, About::Ticket(ticket), &["DATA-123"])
}

#[test]
fn a_ticket_is_started_once_until_it_stops() {
    use EventKind::{TicketStarted, TicketTransitioned};
    let started = || ticket(TicketStarted, StatusCategory::InProgress, true);
    let tracked = run([started(), started(), ticket(TicketTransitioned, StatusCategory::Todo, true), started()]);
    let kinds = tracked.iter().map(|tracked| tracked.event.kind).collect::<Vec<_>>();
    assert_eq!(kinds, [TicketStarted, TicketTransitioned, TicketTransitioned, TicketStarted]);
}

#[test]
fn a_trimmed_ticket_takes_nothing_away_and_a_full_one_does() {
    let full = ticket(EventKind::TicketStarted, StatusCategory::InProgress, true);
    let trimmed = ticket(EventKind::TicketCommented, StatusCategory::InProgress, false);
    let mut emptied = full.clone();
    if let About::Ticket(ticket) = &mut emptied.about {
        (ticket.due, ticket.labels) = (None, Vec::new());
    }
    let due = |tracked: &Tracked| match &tracked.known.about {
        About::Ticket(ticket) => (ticket.due.is_some(), ticket.labels.len()),
        _ => panic!(),
    };
    let tracked = run([full, trimmed, emptied]);
    assert_eq!(tracked.iter().map(due).collect::<Vec<_>>(), [(true, 1), (true, 1), (false, 0)]);
}

#[test]
fn the_last_change_of_a_flag_counts_also_where_it_comes_late() {
    let change = |second: i64, flagged: Option<bool>| {
        let mut event = ticket(EventKind::TicketUpdated, StatusCategory::InProgress, true);
        let at = Some(jiff::Timestamp::from_second(second).unwrap());
        if let About::Ticket(ticket) = &mut event.about {
            (ticket.updated_at, ticket.flagged, ticket.flagged_at) = (at, flagged, at.filter(|_| flagged.is_some()));
        }
        event
    };
    let flagged = |events: Vec<Event>| match &run(events).pop().unwrap().known.about {
        About::Ticket(ticket) => ticket.flagged,
        _ => panic!(),
    };
    let (raised, lowered, moved) = (change(10, Some(true)), change(20, Some(false)), change(30, None));
    assert_eq!(flagged(vec![raised.clone(), moved.clone(), lowered.clone()]), Some(false));
    assert_eq!(flagged(vec![lowered.clone(), moved.clone(), raised.clone()]), Some(false));
    assert_eq!(flagged(vec![moved, raised, lowered]), Some(false));
    assert_eq!(flagged(vec![change(40, Some(true)), change(20, Some(false))]), Some(true));
}

#[test]
fn a_numbered_ticket_gets_its_key() {
    let mut numbered = ticket(EventKind::TicketCommented, StatusCategory::Todo, false);
    numbered.tickets.clear();
    numbered.url = Some("https://jira.example.com/secure/ViewIssue.jspa?id=10042".to_owned());
    if let About::Ticket(ticket) = &mut numbered.about {
        ticket.url.clone_from(&numbered.url);
    }
    let resolved = resolve(numbered, "DATA-123".parse().unwrap());
    assert_eq!((resolved.subject.as_str(), resolved.scope.as_str()), ("DATA-123", "DATA"));
    assert_eq!(resolved.url.as_deref(), Some("https://jira.example.com/browse/DATA-123"));
    assert_eq!(resolved.about.url(), resolved.url.as_deref());
}

#[test]
fn a_start_or_an_end_is_told_while_it_holds() {
    let about = |category| ticket(EventKind::TicketTransitioned, category, true).about;
    let holds = |kind| {
        [StatusCategory::Todo, StatusCategory::InProgress, StatusCategory::Done].map(|now| holds(kind, &about(now)))
    };
    assert_eq!(holds(EventKind::TicketStarted), [false, true, false]);
    assert_eq!(holds(EventKind::TicketDone), [false, false, true]);
    assert_eq!(holds(EventKind::TicketSlipped), [true; 3]);
    assert_eq!(standing(&about(StatusCategory::Done)), "done");
}
