//! What undoes each kind of event (docs/concepts/undoing.md), and that each has one reason for it.

use super::*;
use crate::event::{Change, Review, Undoing};
use EventKind as Kind;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn changed(event: Event, field: &str, from: Option<&str>, to: Option<&str>) -> Event {
    let change =
        Change { field: field.to_owned(), name: None, from: from.map(str::to_owned), to: to.map(str::to_owned) };
    Event { change: Some(change), ..event }
}

fn list(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

fn on_pull_request(kind: EventKind, then: impl Fn(&mut PullRequest)) -> Event {
    let mut event = pull_request(kind, (Stage::Open, false), 1);
    if let About::PullRequest(pr) = &mut event.about {
        then(pr);
    }
    event
}

fn on_ticket(kind: EventKind, then: impl Fn(&mut Ticket)) -> Event {
    let mut event = ticket(kind, StatusCategory::InProgress, true);
    if let About::Ticket(ticket) = &mut event.about {
        then(ticket);
    }
    event
}

fn on_issue(kind: EventKind, then: impl Fn(&mut Issue)) -> Event {
    let mut about = issue(Stage::Open);
    if let About::Issue(issue) = &mut about {
        then(issue);
    }
    event(kind, about, &[])
}

fn on_thing(kind: EventKind, of: ThingKind, then: impl Fn(&mut Thing)) -> Event {
    let mut thing = Thing { id: Some("1".to_owned()), updated_at: Some(at(1)), ..Thing::bare(of, "x") };
    then(&mut thing);
    event(kind, About::Thing(thing), &[])
}

/// A review by somebody, of the commit `reviewed`.
fn review(kind: EventKind, by: &str, once: &str, reviewed: &str) -> Event {
    let actor = Actor { login: by.to_owned(), name: by.to_owned(), url: None, bot: false };
    Event {
        actor: Some(actor),
        once: Some(once.into()),
        review: Some(Review { id: once.to_owned(), commit: Some(reviewed.to_owned()) }),
        ..on_pull_request(kind, |pr| pr.head_sha = Some("abc".to_owned()))
    }
}

fn undoing(event: Event, of: Undoes) -> Event {
    Event { undoing: Some(Undoing { of, because: String::new() }), ..event }
}

/// What is said of the first event once all have come.
fn said(events: impl IntoIterator<Item = Event>) -> String {
    let events = events.into_iter().collect::<Vec<_>>();
    let (kind, first) = (events[0].kind, events[0].clone());
    let now = run(events).pop().unwrap().known;
    stands(kind, &first, &now).err().map_or_else(|| "told".to_owned(), |reason| reason.to_string())
}

#[test]
fn what_is_put_on_is_told_while_it_is_on() {
    type With = fn(EventKind, &[&str]) -> Event;
    let cases: [(EventKind, &str, With, &str); 5] = [
        (
            Kind::PullRequestLabeled,
            "label",
            |kind, on| on_pull_request(kind, |pr| pr.labels = Some(list(on))),
            "the label bug was taken back by now",
        ),
        (
            Kind::PullRequestAssigned,
            "assignee",
            |kind, on| on_pull_request(kind, |pr| pr.assignees = Some(list(on))),
            "the assignment to bug was taken back by now",
        ),
        (
            Kind::PullRequestReviewRequested,
            "reviewer",
            |kind, on| on_pull_request(kind, |pr| pr.reviewers = Some(list(on))),
            "the request for a review by bug was taken back by now",
        ),
        (
            Kind::IssueLabeled,
            "label",
            |kind, on| on_issue(kind, |issue| issue.labels = list(on)),
            "the label bug was taken back by now",
        ),
        (
            Kind::IssueAssigned,
            "assignee",
            |kind, on| on_issue(kind, |issue| issue.assignees = list(on)),
            "the assignment to bug was taken back by now",
        ),
    ];
    for (kind, field, with, undone) in cases {
        let on = || changed(with(kind, &["Bug", "other"]), field, None, Some("bug"));
        assert_eq!(said([on(), with(kind, &["bug"])]), "told", "{kind}");
        assert_eq!(said([on(), with(kind, &["other"])]), undone, "{kind}");
    }
    let off = |labels: &[&str]| on_pull_request(Kind::PullRequestUnlabeled, |pr| pr.labels = Some(list(labels)));
    let unlabeled = || changed(off(&[]), "label", Some("bug"), None);
    assert_eq!(said([unlabeled(), off(&["other"])]), "told");
    assert_eq!(said([unlabeled(), off(&["Bug"])]), "it has the label bug again by now");
}

#[test]
fn a_change_is_told_while_it_is_the_last_of_its_field() {
    let titled = |title: &str| on_pull_request(Kind::PullRequestEdited, |pr| pr.title = title.to_owned());
    let into = |base: &str| on_pull_request(Kind::PullRequestEdited, |pr| pr.base = Some(base.to_owned()));
    let due = |kind, day: Option<&str>| on_ticket(kind, |ticket| ticket.due = day.map(|day| day.parse().unwrap()));
    let fix = |version: &str| on_ticket(Kind::TicketSlipped, |ticket| ticket.fix_versions = list(&[version]));
    let priority =
        |name: &str| on_ticket(Kind::TicketPriorityChanged, |ticket| ticket.priority = Some(name.to_owned()));
    let given = |name: &str| {
        let who = Actor { login: format!("id-{name}"), name: name.to_owned(), url: None, bot: false };
        on_ticket(Kind::TicketAssigned, |ticket| ticket.assignee = Some(who.clone()))
    };
    let slipped = |day| changed(due(Kind::TicketSlipped, Some(day)), "due", Some("2026-01-01"), Some(day));
    let to = |event: Event, field: &str, value: &str| changed(event, field, Some("old"), Some(value));
    let (march, april) = ("2026-03-01", "2026-04-01");
    for (first, then, undone) in [
        (to(titled("New"), "title", "New"), titled("Newer"), "the title was changed again by now"),
        (to(into("v2"), "base", "v2"), into("v3"), "the base was changed again by now"),
        (slipped(march), due(Kind::TicketUpdated, Some(april)), "the due date was changed again by now"),
        (to(fix("2.0"), "fix_version", "2.0"), fix("2.1"), "the fix version 2.0 was taken back by now"),
        (to(priority("High"), "priority", "High"), priority("Low"), "the priority was changed again by now"),
        (to(given("Bo"), "assignee", "Bo"), given("Cy"), "it was given to somebody else by now"),
        (to(given("Bo"), "assignee", "id-Bo"), given("Cy"), "it was given to somebody else by now"),
    ] {
        assert_eq!(said([first.clone(), first.clone()]), "told", "{}", first.kind);
        assert_eq!(said([first.clone(), then]), undone, "{}", first.kind);
    }
}

#[test]
fn a_review_is_told_while_it_is_its_reviewers_last_word() {
    let (yes, no) = (Kind::PullRequestApproved, Kind::PullRequestChangesRequested);
    let dismissed =
        |once: &str| undoing(review(yes, "li", "x", "abc"), Undoes::Occurrence(once.into(), Undone::Dismissed));
    let ended = |stage| pull_request(Kind::PullRequestClosed, (stage, false), 2);
    let moved_on = || on_pull_request(Kind::PullRequestPushed, |pr| pr.head_sha = Some("def".to_owned()));
    for (kind, again) in [(yes, no), (no, yes)] {
        let first = || review(kind, "ana", "r1", "abc");
        assert_eq!(said([first(), review(again, "cy", "r2", "abc")]), "told", "somebody else's: {kind}");
        assert_eq!(said([first(), dismissed("r2")]), "told", "another one: {kind}");
        assert_eq!(said([first(), review(again, "ana", "r2", "abc")]), "ana has reviewed it again by now", "{kind}");
        assert_eq!(said([first(), review(kind, "ana", "r2", "abc")]), "ana has reviewed it again by now", "{kind}");
        assert_eq!(said([first(), dismissed("r1")]), "the review was dismissed by now", "{kind}");
        assert_eq!(said([first(), ended(Stage::Closed)]), "it is closed by now", "{kind}");
        assert_eq!(said([first(), ended(Stage::Merged)]), "it is merged by now", "{kind}");
    }
    let made = |mut event: Event, minute| {
        if let About::PullRequest(pr) = &mut event.about {
            pr.updated_at = Some(at(minute));
        }
        Event { at: at(minute), ..event }
    };
    let by_ana = |kind, once, minute| made(review(kind, "ana", once, "abc"), minute);
    let labeled = || made(on_pull_request(Kind::PullRequestLabeled, |_| {}), 3);
    // What the pull request went through meanwhile makes no review old.
    let late = [by_ana(yes, "r1", 1), labeled(), by_ana(no, "r2", 2)];
    assert_eq!(said(late), "ana has reviewed it again by now");
    let order = [by_ana(no, "r2", 2), labeled(), by_ana(yes, "r1", 1)];
    assert_eq!(said(order), "told");
    let approved = || review(yes, "ana", "r1", "abc");
    assert_eq!(said([approved(), moved_on()]), "it has other commits by now than those that were approved");
    assert_eq!(said([review(no, "ana", "r1", "abc"), moved_on()]), "told", "changes are still asked for");
}

#[test]
fn of_things_the_last_one_counts() {
    let release = |kind, pre: bool, id: &str, minute| {
        on_thing(kind, ThingKind::Release, |thing| {
            (thing.prerelease, thing.id, thing.updated_at) = (Some(pre), Some(id.to_owned()), Some(at(minute)));
        })
    };
    let deployed = |kind, id: &str, outcome: &str, minute| {
        on_thing(kind, ThingKind::Deployment, |thing| {
            (thing.outcome, thing.id, thing.updated_at) =
                (Some(outcome_of(outcome)), Some(id.to_owned()), Some(at(minute)));
        })
    };
    let (published, promoted) = (Kind::ReleasePublished, Kind::ReleasePromoted);
    let (well, badly) = (Kind::DeploymentSucceeded, Kind::DeploymentFailed);
    for (first, then, expected) in [
        (release(published, false, "1", 1), release(published, false, "1", 2), "told"),
        (release(published, false, "1", 1), release(published, false, "2", 2), "it was published once more by now"),
        (release(published, true, "1", 1), release(published, false, "1", 2), "it is a full release by now"),
        (release(promoted, false, "1", 1), release(published, true, "1", 2), "it is a pre-release again by now"),
        (deployed(well, "1", "success", 1), deployed(well, "2", "success", 2), "told"),
        (deployed(well, "1", "success", 1), deployed(badly, "1", "failure", 2), "it has failed by now"),
        (deployed(well, "1", "success", 1), deployed(badly, "1", "error", 2), "it has failed by now"),
        (deployed(badly, "1", "failure", 1), deployed(badly, "1", "failure", 1), "told"),
        (
            deployed(badly, "1", "failure", 1),
            deployed(well, "2", "success", 2),
            "there is a later deployment to the same environment",
        ),
    ] {
        assert_eq!(said([first.clone(), then]), expected, "{}", first.kind);
    }
    let flagged = |is| on_ticket(Kind::TicketFlagged, |ticket| ticket.flagged = Some(is));
    assert_eq!(said([flagged(true), flagged(true)]), "told");
    assert_eq!(said([flagged(true), flagged(false)]), "the flag was lowered by now");
}

#[test]
fn what_is_gone_is_not_told_whatever_it_was() {
    for (how, expected) in [
        (Undone::Deleted, "it was deleted by now"),
        (Undone::Restricted, "it was restricted by now"),
        (Undone::Unpublished, "it was withdrawn by now"),
    ] {
        for first in [
            on_issue(Kind::IssueCommented, |_| ()),
            on_thing(Kind::DiscussionCreated, ThingKind::Discussion, |_| ()),
            on_thing(Kind::ReleasePublished, ThingKind::Release, |_| ()),
        ] {
            let gone = undoing(first.clone(), Undoes::Subject(how));
            assert_eq!(said([first.clone(), gone.clone()]), expected, "{}", first.kind);
            let tracked = run([gone, first.clone()]);
            let late = tracked[1].stale.as_ref().is_some_and(|reason| reason.code().is_late());
            // A release that was only withdrawn can be published again.
            let again = how == Undone::Unpublished;
            assert_eq!(late, !again, "{}: {:?}", first.kind, tracked[1].stale);
        }
    }
    let deleted = || on_ticket(Kind::TicketDeleted, |_| ());
    assert_eq!(said([on_ticket(Kind::TicketCommented, |_| ()), deleted()]), "it was deleted by now");
    assert_eq!(said([deleted(), deleted()]), "told");
}

#[test]
fn what_comes_late_rolls_nothing_back() {
    let deployed = |kind, outcome: &str, minute| {
        on_thing(kind, ThingKind::Deployment, |thing| {
            (thing.outcome, thing.updated_at) = (Some(outcome_of(outcome)), Some(at(minute)));
        })
    };
    let tracked =
        run([deployed(Kind::DeploymentFailed, "failure", 5), deployed(Kind::DeploymentSucceeded, "success", 4)]);
    assert_eq!(tracked[1].stale, Some(Reason::LateFailed));
    // A comment's payload knows "closed" and no more.
    let little = pull_request(Kind::PullRequestCommented, (Stage::Closed, false), 9);
    let tracked = run([pull_request(PullRequestMerged, (Stage::Merged, false), 5), little]);
    assert_eq!(standing(&tracked[1].known.about), "merged");
    // A branch that is renamed keeps the ticket that its old name had.
    let mut renamed = on_pull_request(Kind::PullRequestEdited, |pr| pr.head = Some("tidy".to_owned()));
    renamed.tickets.clear();
    let tracked = run([pull_request(PullRequestOpened, (Stage::Open, false), 1), renamed]);
    assert_eq!((tracked[1].event.tickets[0].as_str(), tracked[1].rekeyed), ("DATA-123", false));
}

#[test]
fn a_branch_without_a_time_is_made_and_deleted_in_turns() {
    let branch = |kind, outcome: Option<&str>| {
        on_thing(kind, ThingKind::Branch, |thing| {
            (thing.id, thing.updated_at, thing.outcome) = (None, None, outcome.map(outcome_of));
        })
    };
    let made = || branch(Kind::BranchCreated, None);
    let deleted = || branch(Kind::BranchDeleted, Some("deleted"));
    let tracked = run([made(), made(), deleted(), deleted(), made()]);
    let news = tracked.iter().map(|tracked| tracked.stale.is_none()).collect::<Vec<_>>();
    assert_eq!(news, [true, false, true, false, true]);
}

#[test]
fn only_a_pre_release_is_promoted() {
    let release = |kind, pre: Option<bool>| on_thing(kind, ThingKind::Release, |thing| thing.prerelease = pre);
    let released = || release(Kind::ReleasePromoted, Some(false));
    for (before, expected) in [
        (None, Kind::ReleasePublished),
        (Some(release(Kind::ReleasePublished, Some(false))), Kind::ReleasePublished),
        (Some(release(Kind::ReleasePublished, Some(true))), Kind::ReleasePromoted),
    ] {
        let tracked = run(before.into_iter().chain([released()]));
        assert_eq!(tracked.last().unwrap().event.kind, expected);
    }
}

#[test]
fn a_workflow_works_again_in_the_conversation_of_its_failure() {
    let ran = |kind, outcome: &str, number: Option<u64>, tickets: &[&str]| {
        let run = on_thing(kind, ThingKind::Workflow, |thing| {
            (thing.outcome, thing.pull_request) = (Some(outcome_of(outcome)), number);
        });
        Event { tickets: tickets.iter().map(|key| key.parse().unwrap()).collect(), ..run }
    };
    let tracked = run([
        ran(Kind::WorkflowFailed, "failure", Some(45), &["DATA-1"]),
        ran(Kind::WorkflowRecovered, "success", Some(46), &["DATA-2"]),
    ]);
    assert_eq!(tracked[1].conversation(), "DATA-1");
    assert_eq!(tracked[1].event.work(), "acme/x#45");
}

#[test]
fn a_security_level_stays_until_it_is_taken_off() {
    let with = |level: Option<bool>, whole: bool| {
        on_ticket(Kind::TicketCommented, |ticket| {
            ticket.restricted = level;
            ticket.updated_at = whole.then_some(Timestamp::UNIX_EPOCH);
        })
    };
    for whole in [true, false] {
        let tracked =
            run([with(Some(false), true), with(Some(true), true), with(None, whole), with(Some(false), true)]);
        let now = tracked.iter().map(|tracked| is_restricted(&tracked.known.about)).collect::<Vec<_>>();
        assert_eq!(now, [false, true, true, false], "whole: {whole}");
        let restricts = tracked.iter().map(|tracked| tracked.restricts).collect::<Vec<_>>();
        assert_eq!(restricts, [false, true, false, false], "whole: {whole}");
    }
}

#[test]
fn what_a_pull_request_brought_is_part_of_its_work() {
    let known = Known::first(&pull_request(PullRequestOpened, (Stage::Open, false), 1));
    let mut failed = on_thing(Kind::WorkflowFailed, ThingKind::Workflow, |thing| thing.pull_request = Some(45));
    failed.tickets = vec!["DATA-9".parse().unwrap()];
    belong(&mut failed, &known);
    let tickets = failed.tickets.iter().map(TicketKey::as_str).collect::<Vec<_>>();
    assert_eq!(tickets, ["DATA-123", "DATA-9"]);
    assert_eq!(failed.brought_by().and_then(|pr| pr.author.as_ref()).map(|author| author.login.as_str()), Some("ana"));
}

#[test]
fn a_ticket_that_comes_back_from_done_does_not_move_forward() {
    let of = |category| ticket(Kind::TicketTransitioned, category, true);
    let from = |category| Known::first(&of(category));
    let forward = |before: Option<Known>| moves_forward(before.as_ref(), &of(StatusCategory::InProgress));
    assert!(
        forward(None) && forward(Some(from(StatusCategory::Todo))) && forward(Some(from(StatusCategory::InProgress)))
    );
    assert!(!forward(Some(from(StatusCategory::Done))));
}

#[test]
fn of_another_host_every_name_begins_with_it() {
    let mut event = undoing(
        Event {
            host: Some("ghe.example.com".to_owned()),
            once: Some("github:review:1".into()),
            renamed: Some(crate::event::Renamed { from: "acme/old".into(), to: "acme/x".into() }),
            ..on_pull_request(PullRequestOpened, |_| ())
        },
        Undoes::Occurrence("github:review:2".into(), Undone::Deleted),
    );
    let plain = event.clone();
    // The one that is configured is ours, also where another one was heard of first.
    let configured = || Homes {
        github: Some("ghe.example.com".to_owned()),
        first_github: Some("github.com".to_owned()),
        ..Homes::default()
    };
    let mut ours = event.clone();
    localize(&mut ours, &mut configured());
    assert_eq!(ours, Event { host: None, ..plain });
    localize(&mut event, &mut Homes { first_github: Some("github.com".to_owned()), ..Homes::default() });
    assert_eq!(event.subject, "ghe.example.com/acme/x#45");
    assert_eq!(event.once.as_deref(), Some("ghe.example.com/github:review:1"));
    let of = event.undoing.map(|undoing| undoing.of);
    assert_eq!(of, Some(Undoes::Occurrence("ghe.example.com/github:review:2".into(), Undone::Deleted)));
    let renamed = event.renamed.map(|renamed| (renamed.from, renamed.to));
    assert_eq!(renamed, Some(("ghe.example.com/acme/old".into(), "ghe.example.com/acme/x".into())));
}
