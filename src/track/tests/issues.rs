//! Issues as tickets: when work on them begins, is planned anew, and ends.

use super::*;
use crate::event::{Issue, Milestone};

fn of_issue(kind: EventKind, minute: i64, issue: Issue) -> Event {
    let at = Timestamp::from_second(minute * 60).unwrap();
    Event { at, ..event(kind, About::Issue(Issue { updated_at: Some(at), ..issue }), &[]) }
}

fn open() -> Issue {
    Issue::bare(45, "Ids collide", "https://github.com/acme/x/issues/45", Stage::Open)
}

fn assigned(logins: &[&str]) -> Issue {
    Issue { assignees: logins.iter().map(|login| (*login).to_owned()).collect(), ..open() }
}

fn closed() -> Issue {
    Issue { stage: Stage::Closed, state_reason: Some("completed".to_owned()), ..open() }
}

fn changed(event: Event, field: &str, from: Option<&str>, to: Option<&str>) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let change = crate::event::Change { field: field.to_owned(), name: None, from: owned(from), to: owned(to) };
    Event { change: Some(change), ..event }
}

fn assigns(minute: i64, login: &str, all: &[&str]) -> Event {
    changed(of_issue(EventKind::IssueAssigned, minute, assigned(all)), "assignee", None, Some(login))
}

/// The kinds that each of these events is to rules on tickets.
fn as_tickets(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let names = |tracked: &Tracked| {
        let also = tracked.as_ticket.iter().map(|kind| kind.as_str().trim_start_matches("ticket."));
        let own = tracked.event.kind.is_of_ticket().then(|| tracked.event.kind.as_str().trim_start_matches("ticket."));
        own.into_iter().chain(also).collect::<Vec<_>>().join(" ")
    };
    run(events).iter().map(names).collect()
}

#[test]
fn work_begins_with_the_first_assignment_and_only_once() {
    use EventKind::{IssueClosed, IssueCommented, IssueLabeled, IssueOpened, IssueReopened};
    let opened = || of_issue(IssueOpened, 1, open());
    for (what, events, kinds) in [
        (
            "assigned twice",
            vec![opened(), assigns(2, "ana", &["ana"]), assigns(3, "bo", &["ana", "bo"])],
            "created|started assigned|assigned",
        ),
        (
            "opened with an assignee",
            vec![of_issue(IssueOpened, 1, assigned(&["ana"])), assigns(1, "ana", &["ana"])],
            "created|started assigned",
        ),
        (
            "two at once",
            vec![opened(), assigns(2, "ana", &["ana", "bo"]), assigns(2, "bo", &["ana", "bo"])],
            "created|started assigned|assigned",
        ),
        ("first heard of with its first", vec![assigns(2, "ana", &["ana"])], "started assigned"),
        ("first heard of with its second", vec![assigns(2, "bo", &["ana", "bo"])], "assigned"),
        (
            "known to be assigned",
            vec![of_issue(IssueLabeled, 1, assigned(&["ana"])), assigns(2, "bo", &["ana", "bo"])],
            "updated|assigned",
        ),
        (
            "assigned when it is closed",
            vec![
                of_issue(IssueClosed, 1, closed()),
                changed(of_issue(EventKind::IssueAssigned, 2, closed()), "assignee", None, Some("ana")),
            ],
            "done|assigned",
        ),
        (
            "reopened",
            vec![
                opened(),
                assigns(2, "ana", &["ana"]),
                of_issue(IssueClosed, 3, closed()),
                of_issue(IssueReopened, 4, open()),
                assigns(5, "bo", &["bo"]),
            ],
            "created|started assigned|done|transitioned|assigned",
        ),
        (
            "closed again with another reason",
            vec![of_issue(IssueClosed, 1, closed()), of_issue(IssueClosed, 2, closed())],
            "done|transitioned",
        ),
        ("a comment", vec![of_issue(IssueCommented, 1, open())], "commented"),
    ] {
        assert_eq!(as_tickets(events).join("|"), kinds, "{what}");
    }
}

/// An issue that a webhook told of before this version knew when work begins.
#[test]
fn what_was_stored_before_counts() {
    let stored = serde_json::json!({ "about": {
        "type": "issue", "number": 45, "title": "Ids", "url": "https://x", "stage": "open", "assignees": ["ana"],
    } });
    let known: Known = serde_json::from_value(stored).unwrap();
    let tracked = track(Some(known), assigns(2, "bo", &["ana", "bo"]));
    assert_eq!(tracked.as_ticket, [EventKind::TicketAssigned]);
    assert_eq!(tracked.event.tickets.iter().map(TicketKey::as_str).collect::<Vec<_>>(), ["acme/x#45"]);
}

#[test]
fn a_pull_request_that_closes_an_issue_begins_it() {
    let known = |issue: Issue| run([of_issue(EventKind::IssueLabeled, 1, issue)]).remove(0).known;
    let key: TicketKey = "acme/x#45".parse().unwrap();
    let work = |kind, (stage, draft)| {
        run([Event { tickets: vec![key.clone()], ..pull_request(kind, (stage, draft), 5) }]).remove(0)
    };
    let draft = work(PullRequestDraft, (Stage::Open, true));
    let begun = begun_by(&draft, &key, known(open())).unwrap();
    assert_eq!(
        (begun.kind, begun.subject.as_str(), begun.url.as_deref()),
        (EventKind::TicketStarted, "acme/x#45", Some("https://github.com/acme/x/pull/45"))
    );
    assert_eq!(begun.actor.as_ref().map(|actor| actor.login.as_str()), Some("ana"));
    let after = track(Some(known(open())), begun);
    assert_eq!((after.event.kind, after.stale, after.as_ticket.len()), (EventKind::TicketStarted, None, 0));
    assert_eq!(begun_by(&draft, &key, after.known), None, "once");

    assert_eq!(begun_by(&draft, &key, known(assigned(&["ana"]))), None, "somebody works on it");
    assert_eq!(begun_by(&draft, &key, known(closed())), None);
    assert_eq!(begun_by(&work(PullRequestMerged, (Stage::Merged, false)), &key, known(open())), None);
    let late = Tracked { stale: Some(Reason::LateFailed), ..draft.clone() };
    assert_eq!(begun_by(&late, &key, known(open())), None);
    let gone = Known { gone: Some(Undone::Deleted), ..known(open()) };
    assert_eq!(begun_by(&draft, &key, gone), None);
}

#[test]
fn a_public_issue_does_not_name_a_private_pull_request() {
    let key: TicketKey = "acme/x#45".parse().unwrap();
    let event = Event {
        tickets: vec![key.clone()],
        private: Some(true),
        ..pull_request(PullRequestDraft, (Stage::Open, true), 5)
    };
    let draft = run([event]).remove(0);
    for (private, named) in [(Some(false), false), (Some(true), true), (None, true)] {
        let issue = Issue { private, ..open() };
        let known = run([of_issue(EventKind::IssueLabeled, 1, issue)]).remove(0).known;
        let begun = begun_by(&draft, &key, known).unwrap();
        assert_eq!((begun.change.is_some(), begun.url.unwrap().contains("/pull/")), (named, named), "{private:?}");
    }
}

#[test]
fn a_milestone_that_takes_the_place_of_another_is_later_or_earlier() {
    let planned = |title: &str, due: Option<&str>| {
        let due = due.map(|due| due.parse().unwrap());
        Issue { milestone: Some(Milestone { title: title.to_owned(), due }), ..open() }
    };
    let set = |minute, issue: Issue| {
        let title = issue.milestone.as_ref().unwrap().title.clone();
        changed(of_issue(EventKind::TicketUpdated, minute, issue), "fix_version", None, Some(&title))
    };
    let unset = |minute, title: &str| {
        changed(of_issue(EventKind::TicketUpdated, minute, open()), "fix_version", Some(title), None)
    };
    let (june, may) = (Some("2026-06-01"), Some("2026-05-01"));
    for (what, events, kind, from) in [
        ("later by its date", vec![set(1, planned("a", may)), set(2, planned("b", june))], "slipped", Some("a")),
        ("earlier by its date", vec![set(1, planned("v1", june)), set(2, planned("v2", may))], "pulled_in", Some("v1")),
        ("later by its name", vec![set(1, planned("v1", None)), set(2, planned("v2", june))], "slipped", Some("v1")),
        ("neither", vec![set(1, planned("a", None)), set(2, planned("b", None))], "updated", Some("a")),
        (
            "removed, and set at once",
            vec![set(1, planned("v1", may)), unset(2, "v1"), set(2, planned("v2", june))],
            "slipped",
            Some("v1"),
        ),
        (
            "removed, and set later",
            vec![set(1, planned("v1", may)), unset(2, "v1"), set(9, planned("v2", june))],
            "updated",
            None,
        ),
        ("the first", vec![of_issue(EventKind::IssueOpened, 1, open()), set(2, planned("v2", june))], "updated", None),
        ("the same", vec![set(1, planned("v1", may)), set(2, planned("v1", june))], "updated", None),
    ] {
        let last = run(events).pop().unwrap();
        let change = last.event.change.unwrap();
        assert_eq!(
            (last.event.kind.as_str().trim_start_matches("ticket."), change.from.as_deref()),
            (kind, from),
            "{what}"
        );
    }
}

#[test]
fn a_sub_issue_has_its_parent_among_its_tickets_until_it_is_taken_out() {
    let parent: TicketKey = "acme/x#7".parse().unwrap();
    let linked = || {
        let issue = Issue { parent: Some(parent.clone()), ..open() };
        changed(of_issue(EventKind::TicketLinked, 2, issue), "link", None, Some("is a sub-issue of acme/x#7"))
    };
    let removed =
        || changed(of_issue(EventKind::TicketUpdated, 4, open()), "link", Some("is a sub-issue of acme/x#7"), None);
    let comment = || of_issue(EventKind::IssueCommented, 3, open());
    let tracked = run([
        of_issue(EventKind::IssueOpened, 1, open()),
        linked(),
        linked(),
        comment(),
        removed(),
        removed(),
        comment(),
    ]);
    let told = tracked.iter().map(|tracked| {
        let keys = tracked.event.tickets.iter().map(TicketKey::as_str).collect::<Vec<_>>().join(" ");
        format!("{keys}{}", if tracked.stale.is_some() { " (told already)" } else { "" })
    });
    let (own, both) = ("acme/x#45", "acme/x#45 acme/x#7");
    assert_eq!(
        told.collect::<Vec<_>>(),
        [own, both, "acme/x#45 acme/x#7 (told already)", both, own, "acme/x#45 (told already)", own]
    );
    assert!(tracked.iter().all(|tracked| tracked.conversation() == own), "its conversation stays its own");
}

#[test]
fn a_ticket_in_jira_comes_before_the_issue() {
    let named = |minute, keys: &[&str]| {
        let keys = keys.iter().map(|key| key.parse().unwrap()).collect();
        Event { tickets: keys, ..of_issue(EventKind::IssueLabeled, minute, open()) }
    };
    let tracked = run([named(1, &["DATA-1"]), named(2, &[]), named(3, &["DATA-2"])]);
    for tracked in tracked {
        assert_eq!(tracked.event.tickets.iter().map(TicketKey::as_str).collect::<Vec<_>>(), ["DATA-1", "acme/x#45"]);
        let of_ticket = tracked.ticket_as(EventKind::TicketUpdated).map(|ticket| ticket.key.clone());
        assert_eq!((of_ticket.as_deref(), tracked.ticket_as(EventKind::IssueLabeled)), (Some("acme/x#45"), None));
    }
}

#[test]
fn an_issue_that_was_linked_by_hand_stays_until_an_edit() {
    let work = |kind, keys: &[&str]| Event {
        tickets: keys.iter().map(|key| key.parse().unwrap()).collect(),
        ..pull_request(kind, (Stage::Open, true), 5)
    };
    let told = [
        (work(PullRequestDraft, &["acme/x#45"]), "acme/x#45"),
        (work(EventKind::PullRequestPushed, &[]), "acme/x#45"),
        (work(EventKind::PullRequestEdited, &[]), ""),
        (work(EventKind::PullRequestEdited, &["acme/x#7"]), "acme/x#7"),
        (work(PullRequestLabeled, &["DATA-1"]), "DATA-1"),
        (work(PullRequestLabeled, &[]), ""),
    ];
    let tracked = run(told.iter().map(|(event, _)| event.clone()));
    for (tracked, (_, keys)) in tracked.iter().zip(&told) {
        let found = tracked.event.tickets.iter().map(TicketKey::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(found, *keys, "{}", tracked.event.kind);
    }
}

#[test]
fn nothing_is_said_of_an_issue_that_is_gone() {
    let tracked = run([
        of_issue(EventKind::IssueOpened, 1, open()),
        of_issue(EventKind::TicketDeleted, 2, open()),
        of_issue(EventKind::IssueLabeled, 3, open()),
    ]);
    assert_eq!((tracked[1].stale.as_ref(), tracked[2].stale.is_some()), (None, true));
    let ticket = tracked[2].known.ticket("acme/x#45").unwrap();
    assert_eq!((ticket.key.as_str(), ticket.summary, ticket.status), ("acme/x#45", None, None));
}
