#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::template::fixture;

#[test]
fn an_account_id_is_no_name() {
    for id in [
        "5b10a2844c20165700ede21f",
        "5b10a2844c20",
        "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
        "712020:1f9f2f1e-0000-4000-8000-000000000000",
        "qm:f58131cb-b67d-43c7:f58131cb-b67d-43c7-b30d-6b58d40bd077",
        "JIRAUSER10100",
    ] {
        assert!(is_account_id(id), "{id}");
    }
    for name in ["ana", "Ana Sá", "renovate[bot]", "5b10", "deadbeefcafe", "ana:web", "JIRAUSER", "Ana 12345678901234"]
    {
        assert!(!is_account_id(name), "{name}");
    }
}

#[test]
fn changes_are_called_what_people_call_them() {
    let change = |field: &str, from: Option<&str>, to: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let shown = shown_change(&Change { field: field.to_owned(), from: owned(from), to: owned(to), name: None });
        (shown.name.unwrap(), shown.from.unwrap_or_default(), shown.to.unwrap_or_default())
    };
    let id = "5b10a2844c20165700ede21f";
    for (field, from, to, expected) in [
        ("due", None, Some("2026-11-16"), ("due date", "", "2026-11-16")),
        ("fix_version", Some("1"), None, ("fix version", "1", "")),
        ("storyPoints", None, Some("3"), ("story points", "", "3")),
        ("Story Points", None, Some("3"), ("Story Points", "", "3")),
        ("assignee", Some(id), Some(id), ("assignee", "", "somebody else")),
        ("assignee", Some("Ana"), None, ("assignee", "Ana", "")),
        // Only where people stand: elsewhere it may be a commit.
        ("commits", Some("5b10a2844c20"), None, ("commits", "5b10a2844c20", "")),
        ("link", None, Some("This issue blocks DATA-7"), ("link", "", "blocks DATA-7")),
        ("link", Some("This issue blocks DATA-7"), None, ("link", "blocks DATA-7", "")),
    ] {
        let expected = (expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned());
        assert_eq!(change(field, from, to), expected, "{field}");
    }
}

fn machine(login: &str) -> Actor {
    Actor { bot: true, ..fixture::actor(login, login) }
}

#[test]
fn who_did_it() {
    let (ana, bo, queue) = (fixture::actor("ana", "Ana"), fixture::actor("bo", "Bo"), machine("queue[bot]"));
    let nameless = fixture::actor("5b10a2844c20165700ede21f", "5b10a2844c20165700ede21f");
    let all = ["Caro", "Dan", "Eve"].map(|name| fixture::actor(name, name));
    let by = |kind: EventKind, actor: Option<&Actor>, doers: &[Actor]| {
        let event = fixture::event(kind);
        actors(&Event { actor: actor.cloned(), doers: doers.to_vec(), ..event }).unwrap_or_default()
    };
    let many = [std::slice::from_ref(&bo), &all].concat();
    for (kind, actor, doers, expected) in [
        (EventKind::Push, Some(&ana), &[][..], "Ana"),
        (EventKind::Push, Some(&ana), std::slice::from_ref(&bo), "Ana and Bo"),
        (EventKind::Push, Some(&ana), std::slice::from_ref(&ana), "Ana"),
        (EventKind::Push, Some(&ana), &many[..2], "Ana, Bo and Caro"),
        (EventKind::Push, Some(&ana), &many, "Ana, Bo and 3 others"),
        (EventKind::Push, Some(&queue), std::slice::from_ref(&bo), "Bo"),
        (EventKind::Push, Some(&queue), &[], ""),
        // Who wrote it did not merge it.
        (EventKind::PullRequestMerged, Some(&queue), &[], ""),
        (EventKind::PullRequestOpened, None, &[], "Ana Sá"),
        // Who labels late is not who merged.
        (EventKind::PullRequestMerged, None, &[], ""),
        (EventKind::ReleasePublished, Some(&queue), &[], ""),
        (EventKind::TicketDone, Some(&queue), &[], ""),
        (EventKind::PullRequestCommented, Some(&queue), &[], "queue[bot]"),
        (EventKind::TicketCommented, Some(&nameless), &[], ""),
        (EventKind::IssueOpened, None, &[], ""),
    ] {
        assert_eq!(by(kind, actor, doers), expected, "{kind}");
    }
    let mut nightly = fixture::event(EventKind::WorkflowFailed);
    assert_eq!(actors(&nightly).as_deref(), Some("Bo Ek"));
    if let About::Thing(run) = &mut nightly.about {
        run.trigger = Some("schedule".to_owned());
    }
    assert_eq!(actors(&nightly), None);
}

#[test]
fn what_became_of_a_ticket() {
    let of = |resolution: Option<&str>, status: &str, category| {
        outcome(&Ticket {
            resolution: resolution.map(str::to_owned),
            status: Some(status.to_owned()),
            status_category: category,
            ..Ticket::bare("DATA-1")
        })
    };
    let done = Some(StatusCategory::Done);
    for (resolution, expected) in [
        ("Done", "done"),
        ("Fixed", "done"),
        ("Completed", "done"),
        ("Won't Do", "wont_do"),
        ("Won’t Fix", "wont_do"),
        ("WONTFIX", "wont_do"),
        ("Declined", "wont_do"),
        ("Rejected", "wont_do"),
        ("Obsolete", "wont_do"),
        ("Canceled", "wont_do"),
        ("Duplicate", "duplicate"),
        ("Cannot Reproduce", "not_reproduced"),
        ("Incomplete", "incomplete"),
        ("Parked", "other"),
        ("Erledigt", "other"),
        ("", "other"),
    ] {
        assert_eq!(of(Some(resolution), "Closed", done), Some(expected), "{resolution}");
    }
    assert_eq!(of(None, "Done", done), Some("done"));
    assert_eq!(of(None, "Rejected", done), Some("wont_do"));
    assert_eq!(of(None, "Closed", done), Some("other"));
    assert_eq!(of(Some("Unresolved"), "Done", done), Some("done"));
    // A resolution that stays when a ticket is opened again says nothing.
    assert_eq!(of(Some("Won't Do"), "In Progress", Some(StatusCategory::InProgress)), None);
}

#[test]
fn on_track_is_said_only_where_nothing_speaks_against_it() {
    let today: Date = "2026-11-02".parse().unwrap();
    let known = Ticket { summary: Some("Ids".to_owned()), ..Ticket::bare("DATA-1") };
    let due = |day: &str| Ticket { due: Some(day.parse().unwrap()), ..known.clone() };
    for (ticket, expected) in [
        (known.clone(), true),
        (due("2026-11-02"), true),
        (due("2026-11-01"), false),
        (Ticket { flagged: Some(true), ..known.clone() }, false),
        (Ticket { flagged: Some(false), slipped: Some(false), ..known.clone() }, true),
        (Ticket { slipped: Some(true), ..due("2026-11-16") }, false),
        (Ticket { status_category: Some(StatusCategory::Done), ..known.clone() }, false),
        // Nothing is known of it, so nothing is said.
        (Ticket::bare("DATA-1"), false),
    ] {
        assert_eq!(is_on_track(&ticket, today), expected, "{ticket:?}");
    }
}

#[test]
fn a_ticket_that_comes_back_is_reopened() {
    let of = |from: Option<&str>, to: &str, category| {
        is_reopened(&Ticket {
            previous_status: from.map(str::to_owned),
            status: Some(to.to_owned()),
            status_category: Some(category),
            ..Ticket::bare("DATA-1")
        })
    };
    assert!(of(Some("Done"), "In Progress", StatusCategory::InProgress));
    assert!(of(Some("closed"), "To Do", StatusCategory::Todo));
    assert!(of(None, "Reopened", StatusCategory::Todo));
    assert!(!of(Some("To Do"), "In Progress", StatusCategory::InProgress));
    assert!(!of(Some("Resolved"), "Closed", StatusCategory::Done));
}

#[test]
fn what_things_are_called() {
    let sha = "f95f852c0ffee000000000000000000000000000";
    let thing = |kind, title: &str, branch: Option<&str>, commit: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Thing { branch: owned(branch), commit: owned(commit), ..Thing::bare(kind, title) }
    };
    let deployment = |branch, commit| thing(ThingKind::Deployment, "deployment", branch, commit);
    let named = |thing: &Thing| thing_name("acme/ingest-api", thing).unwrap_or_default();
    for (thing, expected) in [
        (deployment(Some("main"), Some(sha)), "ingest-api main@f95f852"),
        (deployment(Some("refs/heads/main"), Some(sha)), "ingest-api main@f95f852"),
        (deployment(Some(sha), Some(sha)), "ingest-api@f95f852"),
        (deployment(Some(sha), None), "ingest-api@f95f852"),
        (deployment(Some("v1.4.0"), None), "ingest-api v1.4.0"),
        (deployment(None, None), "ingest-api"),
        (Thing { task: Some("deploy".to_owned()), ..deployment(Some("main"), None) }, "ingest-api main"),
        (Thing { task: Some("worker".to_owned()), ..deployment(Some("main"), None) }, "ingest-api main (worker)"),
        (thing(ThingKind::Release, "v1.4.0", Some("v1.4.0"), None), "v1.4.0"),
        (thing(ThingKind::Release, "Ids that sort", Some("v1.4.0"), None), "v1.4.0 “Ids that sort”"),
        (thing(ThingKind::Release, "Ingest v1.4.0", Some("v1.4.0"), None), "“Ingest v1.4.0”"),
        (thing(ThingKind::Release, "v1.4.0", None, None), "v1.4.0"),
        (thing(ThingKind::Push, "Drop ids", Some("main"), None), "Drop ids"),
        (thing(ThingKind::Push, "pushed to main", Some("main"), None), ""),
    ] {
        assert_eq!(named(&thing), expected);
    }
}

#[test]
fn a_subject_says_what_people_call_it_and_says_it_once() {
    let subject = |key: &str, event: &Event, ticket: Option<&Ticket>| match topic(key, event, ticket) {
        Some(topic) => format!("{}: {topic}", label(key, event)),
        None => label(key, event),
    };
    let titled = |title: &str| {
        let mut event = fixture::event(EventKind::PullRequestOpened);
        if let About::PullRequest(pr) = &mut event.about {
            pr.title = title.to_owned();
        }
        subject("DATA-123", &event, None)
    };
    for (title, expected) in [
        ("Switch ids", "DATA-123: Switch ids"),
        ("DATA-123: Switch ids", "DATA-123: Switch ids"),
        ("[DATA-123] Switch ids", "DATA-123: Switch ids"),
        ("data-123 switch ids", "DATA-123: switch ids"),
        ("Data 123 switch ids", "DATA-123: switch ids"),
        ("DATA-123", "DATA-123"),
        ("DATA-123-uuid", "DATA-123"),
        ("data-123_uuid/v7", "DATA-123"),
        ("DATA-1234: another", "DATA-123: DATA-1234: another"),
        ("(DATA-123) `ids`", "DATA-123: `ids`"),
    ] {
        assert_eq!(titled(title), expected, "{title}");
    }
    let thing = |kind: EventKind, id: &str| {
        let event = Event { subject: id.into(), ..fixture::event(kind) };
        subject(id, &event, None)
    };
    for (kind, id, expected) in [
        (EventKind::WorkflowFailed, "acme/ingest:workflow/123/push@main", "acme/ingest: nightly workflow on main"),
        (EventKind::DeploymentFailed, "acme/ingest:deployment/7", "acme/ingest: deployment of main to production"),
        (EventKind::ReleasePublished, "acme/ingest@v1.4.0", "acme/ingest v1.4.0"),
        (EventKind::Push, "acme/ingest:main", "acme/ingest: pushes to main"),
        (EventKind::BranchCreated, "acme/ingest:DATA-123-uuid", "acme/ingest: branch DATA-123-uuid"),
        (EventKind::DiscussionCreated, "acme/ingest#9", "acme/ingest#9: Which ids?"),
        (EventKind::SprintStarted, "sprint/12", "Sprint 7"),
        (EventKind::VersionReleased, "version/12", "Version 1.4"),
    ] {
        assert_eq!(thing(kind, id), expected);
    }
    let mut failed = fixture::event(EventKind::WorkflowFailed);
    if let About::Thing(run) = &mut failed.about {
        run.branch = Some("gh-readonly-queue/main/pr-45-f95f852".to_owned());
    }
    failed.subject = "acme/ingest:workflow/123@x".into();
    assert_eq!(subject(&failed.subject, &failed, None), "acme/ingest: nightly workflow in the merge queue");
    if let About::Thing(run) = &mut failed.about {
        (run.pull_request, run.brought_by) = (Some(45), Some(Box::new(fixture::pull_request())));
    }
    failed.subject = "acme/ingest#45".into();
    assert_eq!(subject("acme/ingest#45", &failed, None), "acme/ingest#45: Switch ids to UUIDv7");
    // A branch's name isn't a title of its ticket.
    let branch = fixture::event(EventKind::BranchCreated);
    assert_eq!(subject("DATA-123", &branch, None), "DATA-123");
    assert_eq!(subject("DATA-123", &branch, Some(&fixture::ticket())), "DATA-123: Ids that sort by time");
    let restricted = Ticket { restricted: Some(true), ..fixture::ticket() }.key_and_link();
    assert_eq!(subject("DATA-123", &branch, Some(&restricted)), "DATA-123");
    // Only Jira's own number is known.
    let ticket = Ticket { summary: None, ..Ticket::bare("10042") };
    let event = Event {
        subject: "10042".into(),
        about: About::Ticket(ticket.clone()),
        ..fixture::event(EventKind::TicketLinked)
    };
    assert_eq!(
        (subject("10042", &event, None), ticket_name(&ticket)),
        ("A Jira ticket".to_owned(), "a Jira ticket".to_owned())
    );
}
