//! What takes back what waits, or was made ready to be sent.

use super::*;
use crate::event::{Ticket, Undoes, Undoing, Undone};

fn teams_of(kinds: &str) -> Rules {
    teams(&TEAM.replacen("pull_request.*", kinds, 1))
}

/// An event that is news, whatever came before.
fn news(kind: EventKind) -> Tracked {
    Tracked { stale: None, ..tracked(kind, Stage::Open, false) }
}

fn undoing(kind: EventKind, of: Undoes) -> Tracked {
    let mut tracked = tracked(kind, Stage::Open, false);
    tracked.event.undoing = Some(Undoing { of, because: "because".to_owned() });
    tracked
}

fn words() -> Option<Comment> {
    Some(Comment { summary: "Better".to_owned(), url: None })
}

/// Two comments that wait.
fn waiting() -> History {
    let of = |line, once: &str| Held { once: Some(once.into()), ..held(line, "all", EventKind::PullRequestCommented) };
    History { held: vec![of(1, "comment:1"), of(2, "comment:2")], ..History::default() }
}

fn lines(withdrawn: &[(LineId, Reason)]) -> Vec<i64> {
    withdrawn.iter().map(|(id, _)| id.line).collect()
}

#[test]
fn an_occurrence_that_is_undone_is_not_sent_and_one_that_is_edited_in_other_words() {
    let rules = teams(TEAM);
    let plan_of = |how, comment: Option<Comment>| {
        let mut tracked = undoing(EventKind::PullRequestCommented, Undoes::Occurrence("comment:1".into(), how));
        tracked.event.comment = comment;
        plan(&tracked, &rules, &waiting(), NOON)
    };
    let recall = |withdrawn: Option<Reason>| vec![Recall { made: Made::Occurrence("comment:1".into()), withdrawn }];
    let edited = plan_of(Undone::Edited, words());
    assert_eq!((lines(&edited.withdrawn), &edited.recalled), (vec![], &recall(None)));
    assert_eq!(edited.reworded, [("comment:1".into(), words())]);
    for (how, comment, reason) in [
        (Undone::Edited, None, Reason::WordsTakenBack),
        (Undone::Deleted, None, Reason::UndoneBefore { how: Undone::Deleted }),
        // What is not for everybody comes with its words.
        (Undone::Restricted, words(), Reason::UndoneBefore { how: Undone::Restricted }),
        (Undone::Dismissed, words(), Reason::UndoneBefore { how: Undone::Dismissed }),
    ] {
        let undone = plan_of(how, comment);
        assert_eq!(lines(&undone.withdrawn), [1], "{how:?}");
        assert_eq!(undone.withdrawn[0].1, reason);
        assert_eq!(undone.recalled, recall(Some(reason)));
        assert_eq!(undone.reworded, [("comment:1".into(), None)], "{how:?}");
        assert_eq!(undone.updates, [], "it isn't news by itself");
    }
}

#[test]
fn with_its_subject_all_that_waits_about_it_goes() {
    let deleted = undoing(EventKind::IssueOpened, Undoes::Subject(Undone::Deleted));
    let ticket = |stale: Option<Reason>| {
        let about = About::Ticket(Ticket::bare("DATA-1"));
        let event = Event::bare(Source::Jira, EventKind::TicketDeleted, "acme/x#45".into(), about);
        Tracked { stale, ..track(None, event) }
    };
    for tracked in [deleted, ticket(None)] {
        let plan = plan(&tracked, &teams(TEAM), &waiting(), NOON);
        let reason = Some(Reason::UndoneBefore { how: Undone::Deleted });
        assert_eq!(lines(&plan.withdrawn), [1, 2]);
        assert_eq!(plan.recalled, [Recall { made: Made::Subject("acme/x#45".into()), withdrawn: reason }]);
    }
    let told = Reason::ToldAlready { delivery: None, two_webhooks: false };
    for tracked in [undoing(EventKind::IssueOpened, Undoes::Nothing), ticket(Some(told))] {
        let plan = plan(&tracked, &teams(TEAM), &waiting(), NOON);
        assert_eq!((lines(&plan.withdrawn), plan.recalled), (vec![], vec![]));
    }
}

#[test]
fn what_is_written_of_a_ticket_that_becomes_restricted_is_written_anew() {
    let restricts = Tracked { restricts: true, ..tracked(EventKind::PullRequestLabeled, Stage::Open, false) };
    let plan = plan(&restricts, &teams(TEAM), &waiting(), NOON);
    assert_eq!(plan.recalled, [Recall { made: Made::Thread("DATA-123".to_owned()), withdrawn: None }]);
    assert_eq!(lines(&plan.withdrawn), Vec::<i64>::new());
}

fn change(field: &str, from: Option<&str>, to: Option<&str>) -> Option<Change> {
    Some(Change { field: field.to_owned(), name: None, from: from.map(str::to_owned), to: to.map(str::to_owned) })
}

#[test]
fn what_goes_on_and_off_while_it_waits_is_not_told_and_neither_is_that_it_went_off() {
    use EventKind as Kind;
    let label = |from, to| change("label", from, to);
    let (bug, other) = (Some("bug"), Some("other"));
    for (waits, waiting, then, comes, undone) in [
        (Kind::PullRequestLabeled, label(None, bug), Kind::PullRequestUnlabeled, label(bug, None), true),
        (Kind::PullRequestLabeled, label(None, other), Kind::PullRequestUnlabeled, label(bug, None), false),
        (Kind::PullRequestUnlabeled, label(bug, None), Kind::PullRequestLabeled, label(None, bug), true),
        (Kind::PullRequestUnlabeled, label(other, None), Kind::PullRequestLabeled, label(None, bug), false),
        (Kind::TicketLinked, change("link", None, bug), Kind::TicketUpdated, change("link", bug, None), true),
        (Kind::TicketLinked, change("link", None, other), Kind::TicketUpdated, change("link", bug, None), false),
        (Kind::TicketLinked, change("link", None, bug), Kind::TicketUpdated, change("labels", bug, None), false),
        (Kind::TicketSlipped, change("due", None, bug), Kind::TicketUpdated, change("due", bug, None), true),
        (Kind::TicketPulledIn, change("due", None, bug), Kind::TicketUpdated, change("due", bug, None), true),
        (Kind::TicketSlipped, change("due", None, bug), Kind::TicketUpdated, change("due", bug, other), false),
        (Kind::IssueClosed, None, Kind::IssueReopened, None, true),
        (Kind::IssueReopened, None, Kind::IssueClosed, None, true),
        (Kind::PullRequestClosed, None, Kind::PullRequestReopened, None, true),
        (Kind::BranchCreated, None, Kind::BranchDeleted, None, true),
        (Kind::BranchDeleted, None, Kind::BranchCreated, None, true),
        (Kind::WorkflowFailed, None, Kind::WorkflowRecovered, None, true),
        (Kind::IssueClosed, None, Kind::IssueCommented, None, false),
    ] {
        let mut tracked = news(then);
        tracked.event.change = comes;
        let history = History { held: vec![Held { change: waiting, ..held(1, "all", waits) }], ..History::default() };
        let plan_of = |tracked: &Tracked| plan(tracked, &teams_of("*"), &history, NOON);
        let now = plan_of(&tracked);
        assert_eq!(lines(&now.withdrawn) == [1], undone, "{waits} and {then}: {:?}", now.withdrawn);
        if undone {
            assert_eq!(now.withdrawn[0].1, Reason::UndoneByEvent { kind: then });
            let reason = Reason::NotToldYet { team: "web".to_owned(), kind: waits };
            assert_eq!(now.updates[0].fate, Fate::Suppressed(reason));
        } else {
            assert!(matches!(now.updates[0].fate, Fate::Held { .. }), "{waits} and {then}");
        }
        tracked.stale = Some(Reason::ToldAlready { delivery: None, two_webhooks: false });
        assert_eq!(lines(&plan_of(&tracked).withdrawn), Vec::<i64>::new(), "once more: {waits} and {then}");
    }
}

#[test]
fn a_workflow_works_again_for_whoever_heard_that_it_failed() {
    let rules = teams_of("workflow.*");
    let recovered = news(EventKind::WorkflowRecovered);
    let fate = |last: Option<EventKind>| {
        let told = last.map(|kind| (of_web("all"), (NOON, kind))).into_iter().collect();
        plan(&recovered, &rules, &History { told, ..History::default() }, NOON).updates.remove(0).fate
    };
    assert!(matches!(fate(Some(EventKind::WorkflowFailed)), Fate::Held { .. }));
    for last in [None, Some(EventKind::WorkflowRecovered)] {
        assert_eq!(fate(last), Fate::Suppressed(Reason::FailureNotTold { team: "web".to_owned() }));
    }
}
