//! Links, sprints and versions.

use super::*;
use crate::event::{SubjectKey, Undoes, Undone};

#[test]
fn links_sprints_and_versions() {
    let settings = Settings { jira_base_url: Some("https://jira.example.com/".to_owned()), ..Settings::default() };
    let configured = |body: Value| match read(&body, &settings) {
        Parsed::Events(mut events) => events.remove(0),
        Parsed::Ignored(reason) => panic!("{reason}"),
    };
    for (body, kind, subject, title, url) in [
        (
            fixture!("issuelink_created"),
            "ticket.linked",
            "10040",
            "10040",
            "https://jira.example.com/secure/ViewIssue.jspa?id=10040",
        ),
        (
            fixture!("sprint_started"),
            "sprint.started",
            "sprint/3",
            "Sprint 12",
            "https://example.atlassian.net/secure/RapidBoard.jspa?rapidView=2&sprint=3",
        ),
        (
            fixture!("version_released"),
            "version.released",
            "version/10001",
            "2.1",
            "https://example.atlassian.net/secure/ReleaseNote.jspa?projectId=10000&version=10001",
        ),
        (
            fixture!("issue_updated"),
            "ticket.started",
            "DATA-123",
            "Ids for rows",
            "https://example.atlassian.net/browse/DATA-123",
        ),
    ] {
        let event = configured(body);
        assert_eq!((event.kind.as_str(), event.subject.as_str(), event.about.title()), (kind, subject, title));
        assert_eq!(event.url.as_deref(), Some(url));
    }
    let link = configured(fixture!("issuelink_created"));
    assert_eq!((link.change.unwrap().to.as_deref(), link.actor), (Some("blocks"), None));
    let sprint = events(&fixture!("sprint_started")).remove(0);
    assert_eq!(sprint.about.url(), Some("https://example.atlassian.net/secure/RapidBoard.jspa?rapidView=2&sprint=3"));
    let mut closed = fixture!("sprint_started");
    closed["webhookEvent"] = json!("sprint_closed");
    assert_eq!(kinds(&closed), ["sprint.closed"]);
}

#[test]
fn what_is_told_of_them_has_a_name_that_is_the_same_in_each_delivery() {
    let mut closed = fixture!("sprint_started");
    closed["webhookEvent"] = json!("sprint_closed");
    let mut completed = closed.clone();
    completed["sprint"]["completeDate"] = json!("2024-05-16T09:00:00.000Z");
    for (body, once) in [
        (fixture!("issuelink_created"), "jira-link:10213:10040"),
        (fixture!("sprint_started"), "jira-sprint:3:started:1714644000000"),
        (closed, "jira-sprint:3:closed"),
        (completed, "jira-sprint:3:closed:1715850000000"),
        (fixture!("version_released"), "jira-version:10001:released:1714644000000"),
    ] {
        assert_eq!(events(&body).remove(0).once.as_deref(), Some(once));
    }
}

#[test]
fn what_takes_them_back() {
    let undone = |mut body: Value, name: &str| {
        body["webhookEvent"] = json!(name);
        let told = events(&body).into_iter();
        told.map(|event| (event.kind.as_str(), event.subject, event.undoing.unwrap().of, event.once.unwrap()))
            .collect::<Vec<_>>()
    };
    let subject = |kind, subject: &str, undone, once: &str| {
        vec![(kind, SubjectKey::from(subject), Undoes::Subject(undone), once.into())]
    };
    let link = |end: &str| -> (&str, SubjectKey, Undoes, crate::event::OccurrenceId) {
        let of = Undoes::Occurrence(format!("jira-link:10213:{end}").into(), Undone::Deleted);
        ("ticket.linked", SubjectKey::from(end), of, format!("jira-unlinked:10213:{end}").into())
    };
    assert_eq!(undone(fixture!("issuelink_created"), "issuelink_deleted"), [link("10040"), link("10041")]);
    let version = fixture!("version_released");
    for (name, how, once) in [
        ("jira:version_unreleased", Undone::Unpublished, "jira-version:10001:unpublished:1714644000000"),
        ("jira:version_deleted", Undone::Deleted, "jira-version:10001:deleted:1714644000000"),
    ] {
        assert_eq!(undone(version.clone(), name), subject("version.released", "version/10001", how, once));
    }
    let gone = subject("sprint.started", "sprint/3", Undone::Deleted, "jira-sprint:3:deleted");
    assert_eq!(undone(fixture!("sprint_started"), "sprint_deleted"), gone);
}

#[test]
fn a_link_is_named_alike_in_its_own_webhook_and_in_an_update() {
    let link = |id: &str, relation: &str, end: &str, key: &str| {
        let words = json!({"name": "Blocks", "outward": "blocks", "inward": "is blocked by"});
        let words = if relation == "clones" {
            json!({"name": "Cloners", "outward": "clones", "inward": "is cloned by"})
        } else {
            words
        };
        json!({"id": id, "type": words, end: {"id": "10041", "key": key}})
    };
    let named = |said: &str, key: Option<&str>| {
        let mut body = changed(&[[None, Some("Link"), None, None, key, Some(said)]]);
        body["issue"]["fields"]["issuelinks"] = json!([
            link("1", "clones", "outwardIssue", "DATA-9"),
            link("10213", "blocks", "outwardIssue", "DATA-9"),
            link("3", "blocks", "inwardIssue", "DATA-7"),
        ]);
        events(&body).remove(0).once.unwrap()
    };
    let own = events(&fixture!("issuelink_created")).remove(0).once;
    assert_eq!(Some(named("This issue blocks DATA-9", Some("DATA-9"))), own);
    assert_eq!(named("This issue clones DATA-9", None), "jira-link:1:10040");
    assert_eq!(named("This issue is blocked by DATA-7", Some("DATA-7")), "jira-link:3:10040");
    assert_eq!(named("This issue blocks DATA-8", Some("DATA-8")), "jira-change:10040:10100:0:link", "gone since");
}
