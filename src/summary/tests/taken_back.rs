//! What is taken back, restricted or forgotten is in no summary, whenever that happens.

use super::*;

/// Each kind of line × what may have become of it: whether the words “secret plans” are in the note.
#[tokio::test]
async fn what_is_taken_back_or_not_for_everybody_is_in_no_note() {
    let outside = "audience = \"outside\"\n";
    let restricted = json!({ "security": { "name": "Board" } });
    for (condition, more) in [("undone", ""), ("deleted", ""), ("restricted", ""), ("private", outside), ("muted", "")]
    {
        let week = Week::of(&[team(more)]).await;
        let title = json!({ "pull_request": { "title": "secret plans" } });
        let mut body = title.clone();
        merge(&mut body, json!({ "repository": { "private": condition == "private" } }));
        week.pull("2026-11-17T10:00:00Z", (8, "opened"), body.clone()).await;
        week.due("2026-11-17T10:30:00Z", "2026-11-27", "2026-12-04").await;
        week.ticket(
            "2026-11-17T11:00:00Z",
            json!({ "summary": "secret plans", "duedate": "2026-12-04" }),
            json!([{ "field": "status", "fieldId": "status", "fromString": "To Do", "toString": "In Progress" }]),
        )
        .await;
        week.note(
            "2026-11-17T13:00:00Z",
            "/assume secret plans",
            json!({ "repository": { "private": condition == "private" } }),
        )
        .await;
        match condition {
            "undone" => {
                merge(&mut body, json!({ "pull_request": { "title": "Another title" } }));
                week.pull("2026-11-18T10:00:00Z", (8, "edited"), body).await;
                week.ticket("2026-11-18T11:00:00Z", json!({ "summary": "Another title", "duedate": "2026-11-27" }), json!([
                    { "field": "duedate", "fieldId": "duedate", "from": "2026-12-04", "fromString": "2026-12-04", "to": "2026-11-27", "toString": "2026-11-27" },
                    { "field": "summary", "fieldId": "summary", "fromString": "secret plans", "toString": "Another title" },
                ])).await;
                week.note(
                    "2026-11-18T12:00:00Z",
                    "/assume nothing",
                    json!({ "action": "edited", "changes": { "body": { "from": "/assume secret plans" } } }),
                )
                .await;
            }
            "deleted" => {
                week.clocked.take("2026-11-18T11:00:00Z", (Source::Jira, ""), &json!({
                    "webhookEvent": "jira:issue_deleted", "timestamp": at("2026-11-18T11:00:00Z").as_millisecond(),
                    "user": { "accountId": "5b", "displayName": "Ana" },
                    "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": { "summary": "secret plans" } },
                })).await;
                week.note("2026-11-18T12:00:00Z", "/assume secret plans", json!({ "action": "deleted" })).await;
                merge(&mut body, json!({ "pull_request": { "title": "Another title" } }));
                week.pull("2026-11-18T10:00:00Z", (8, "edited"), body).await;
            }
            "restricted" => {
                week.ticket(
                    "2026-11-18T11:00:00Z",
                    restricted.clone(),
                    json!([{ "field": "Level", "fieldId": "security", "toString": "Board" }]),
                )
                .await;
                week.note("2026-11-18T12:00:00Z", "/assume secret plans", json!({ "action": "deleted" })).await;
                merge(&mut body, json!({ "pull_request": { "title": "Another title" } }));
                week.pull("2026-11-18T10:00:00Z", (8, "edited"), body).await;
            }
            "muted" => {
                for thread in ["DATA-1", "acme/ingest#7", "acme/ingest#8"] {
                    let scope = crate::mute::Scope { thread: Some(thread.to_owned()), ..crate::mute::Scope::default() };
                    let (until, by, who) = (None, crate::mute::By::Command, None);
                    let mute = crate::mute::Mute { scope, until, at: at("2026-11-18T09:00:00Z"), by, who };
                    week.clocked.intake.store.mute(mute).await.unwrap();
                }
            }
            _ => {}
        }
        week.step(FRIDAY).await;
        let line = week.lines().await.pop().unwrap();
        let text = line.message.map(|message| format!("{}\n{}", message.subject, message.text())).unwrap_or_default();
        let words = text.lines().filter(|line| line.contains("secret plans")).collect::<Vec<_>>();
        // Jira's tickets are not in a repository, so readers outside may know them.
        let expected = if condition == "private" { 2 } else { 0 };
        assert_eq!(words.len(), expected, "{condition}: {text}");
        assert_eq!(text.is_empty(), condition == "muted", "{condition}: {text}");
        if condition == "restricted" {
            assert!(text.contains("- DATA-1 (https"), "its key: {text}");
            assert!(!text.contains("In Progress") && !text.contains("due date"), "{text}");
        }
        if condition == "private" {
            assert!(!text.contains("Change") && !text.contains("ana"), "{text}");
            assert!(
                text.contains("- acme/ingest#8 (https://github.com/acme/ingest/pull/8): open for review\n"),
                "{text}"
            );
        }
    }
}

/// What is taken back while the mail server is away is not in the mail.
#[tokio::test]
async fn a_note_that_waits_is_written_anew() {
    let week = Week::of(&[team("")]).await;
    week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
    week.ticket(
        "2026-11-17T11:00:00Z",
        json!({ "summary": "secret plans" }),
        json!([{ "field": "status", "fieldId": "status", "fromString": "To Do", "toString": "In Progress" }]),
    )
    .await;
    week.note("2026-11-17T13:00:00Z", "/assume secret words", json!({})).await;
    let text = week.friday().await;
    assert!(text.contains("secret plans") && text.contains("secret words"), "{text}");
    let level = json!([{ "field": "Level", "fieldId": "security", "toString": "Board" }]);
    let body = |words: &str| {
        let mut body = comment("2026-11-20T15:10:00Z", "ana", words);
        merge(&mut body, json!({ "action": "deleted", "comment": { "id": 7 } }));
        body
    };
    let restricted = json!({ "summary": "secret plans", "security": { "name": "Board" } });
    let mut ticket = json!({
        "webhookEvent": "jira:issue_updated", "timestamp": at("2026-11-20T15:05:00Z").as_millisecond(),
        "user": { "accountId": "5b", "displayName": "Ana" },
        "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
            "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } },
            "updated": "2026-11-20T15:05:00.000+0000",
        } },
        "changelog": { "items": level },
    });
    merge(&mut ticket, json!({ "issue": { "fields": restricted } }));
    // Nothing of it is sent meanwhile.
    week.clocked.take("2026-11-20T15:05:00Z", (Source::Jira, ""), &ticket).await;
    assert_eq!(week.lines().await.pop().unwrap().message, None);
    let rulebook = Arc::clone(&week.summariser.rulebook.borrow());
    assert!(week.summariser.step(&rulebook, at("2026-11-20T15:06:00Z")).await.unwrap());
    let text = week.text().await;
    assert!(!text.contains("secret plans") && text.contains("secret words"), "{text}");
    week.clocked.take("2026-11-20T15:10:00Z", (Source::Github, "issue_comment"), &body("/assume secret words")).await;
    assert!(week.summariser.step(&rulebook, at("2026-11-20T15:11:00Z")).await.unwrap());
    let text = week.text().await;
    assert!(!text.contains("secret words") && text.contains("Change 8"), "{text}");
    week.clocked.send("2026-11-20T15:12:00Z").await;
    let states = week.states().await;
    assert_eq!(states, ["web sent: the rule matched"]);
}

#[tokio::test]
async fn who_was_forgotten_is_in_no_summary() {
    let week = Week::of(&[team("")]).await;
    week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
    week.note("2026-11-19T09:00:00Z", "/assume ids are never reused", json!({})).await;
    let text = week.friday().await;
    assert!(text.contains("by ana"), "{text}");
    week.clocked.send("2026-11-20T15:00:01Z").await;
    week.clocked.intake.store.forget("ana", &[]).await.unwrap();
    assert_eq!(week.lines().await.pop().unwrap().message, None);
    let reader = Reader::team(week.summariser.rulebook.borrow().rules().teams()[0].as_ref());
    let rulebook = Arc::clone(&week.summariser.rulebook.borrow());
    let span = at("2026-11-13T15:00:00Z")..at(FRIDAY);
    let content = week.summariser.gatherer.content((&reader, &rulebook), span, at(FRIDAY)).await.unwrap();
    assert!(!format!("{content:?}").contains("ana\""), "{content:?}");
}

/// What is restricted between the reading and the writing is not in it either.
#[tokio::test]
async fn what_happens_while_a_summary_is_made_has_it_made_once_more() {
    use crate::store::{NewSummary, SummaryFate, SummaryMessage};
    let week = Week::of(&[team("")]).await;
    week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
    week.clocked.send(FRIDAY).await;
    let store = &week.clocked.intake.store;
    let seen = store.last_event().await.unwrap();
    let schedule = store.summary_schedules().await.unwrap().remove(0);
    week.pull("2026-11-18T10:00:00Z", (8, "edited"), json!({ "pull_request": { "state": "closed", "merged": true } }))
        .await;
    let new = |names: &[&str]| NewSummary {
        next: crate::store::Schedule { due: None, ..schedule.clone() },
        due: schedule.due.unwrap(),
        at: at(FRIDAY),
        since: schedule.since,
        fate: SummaryFate::Sent(Box::new(SummaryMessage {
            message: crate::template::Message::default(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            to: Vec::new(),
            left_out: Vec::new(),
            thread: "web summary".to_owned(),
        })),
        seen,
    };
    assert!(!store.write_summary(new(&["acme/ingest#8"])).await.unwrap(), "it is overtaken");
    // What takes no words back may go on happening: the busiest work would never be summed up.
    week.pull("2026-11-18T11:00:00Z", (10, "labeled"), json!({})).await;
    assert!(store.write_summary(new(&["acme/ingest#10"])).await.unwrap());
}
