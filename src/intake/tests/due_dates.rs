//! Tickets that are due soon, or overdue.

use super::*;

const RULE: &str = "[[rule]]\nname = \"dates\"\non = [\"ticket.due_soon\", \"ticket.overdue\"]\nbefore = \"2d\"\n";

/// An update of DATA-1 that changes its labels, with these fields.
fn update(now: &str, fields: Value) -> Value {
    let mut body = json!({
        "webhookEvent": "jira:issue_updated",
        "timestamp": at(now).as_millisecond(),
        "user": { "accountId": "5b", "displayName": "Ana" },
        "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
            "summary": "Orders", "status": { "name": "Doing", "statusCategory": { "key": "indeterminate" } },
            "assignee": { "accountId": "li", "displayName": "Li" }, "updated": now.replace('Z', ".000+0000"),
        } },
        "changelog": { "items": [{ "field": "labels", "fieldId": "labels", "fromString": "", "toString": now }] },
    });
    merge(&mut body, json!({ "issue": { "fields": fields } }));
    body
}

impl Clocked {
    /// DATA-1 with its due date.
    async fn due(&self, now: &str, date: &str) {
        self.updated(now, json!({ "duedate": date })).await;
    }

    async fn updated(&self, now: &str, fields: Value) {
        self.take(now, (Source::Jira, ""), &update(now, fields)).await;
    }
}

async fn clocked() -> Clocked {
    Clocked::new(&[format!("{TEAM}{RULE}")]).await
}

#[tokio::test]
async fn a_due_date_is_told_on_two_mornings_and_each_once() {
    let clocked = clocked().await;
    clocked.due("2026-11-02T10:00:00Z", "2026-11-13").await;
    clocked.until("2026-11-11T09:00:59Z").await;
    assert_eq!(clocked.messages().await, [""; 0]);
    clocked.until("2026-11-11T09:01:00Z").await;
    let soon = "DATA-1 “Orders” (https://acme.atlassian.net/browse/DATA-1) is due Fri 13 Nov 2026. \
                Its status is Doing, and it's assigned to Li.";
    assert_eq!(clocked.messages().await, [soon]);
    for day in ["11T10", "12T08", "13T12"] {
        clocked.due(&format!("2026-11-{day}:00:00Z"), "2026-11-13").await;
    }
    // On Saturday nobody is disturbed.
    clocked.until("2026-11-16T07:59:59Z").await;
    assert_eq!(clocked.messages().await.len(), 1);
    clocked.until("2026-11-16T08:00:00Z").await;
    assert_eq!(clocked.messages().await[1], soon.replace("is due", "was due"));
    clocked.due("2026-11-16T10:00:00Z", "2026-11-13").await;
    clocked.until("2026-12-31T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 2, "{:?}", clocked.lines().await);
}

#[tokio::test]
async fn a_due_date_that_moves_is_another() {
    let clocked = clocked().await;
    clocked.due("2026-11-02T10:00:00Z", "2026-11-12").await;
    clocked.until("2026-11-10T10:00:00Z").await;
    clocked.due("2026-11-11T10:00:00Z", "2026-11-19").await;
    clocked.until("2026-11-16T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 1);
    clocked.until("2026-11-17T10:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(messages.len() == 2 && messages[1].contains("is due Thu 19 Nov 2026"), "{messages:?}");
    // It moves while it waits for the morning.
    clocked.until("2026-11-20T08:59:00Z").await;
    clocked.due("2026-11-20T09:00:30Z", "2026-11-30").await;
    clocked.updated("2026-11-21T10:00:00Z", json!({ "duedate": null })).await;
    clocked.until("2026-12-31T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 2, "{:?}", clocked.lines().await);
}

#[tokio::test]
async fn what_is_done_gone_or_restricted_is_due_no_more() {
    let done = json!({ "status": { "name": "Done", "statusCategory": { "key": "done" } }, "duedate": "2026-11-13" });
    let restricted = json!({ "security": { "name": "Restricted" }, "duedate": "2026-11-13" });
    for fields in [done, restricted, json!({ "duedate": null })] {
        // Before the day, and while it waits for the end of the weekend.
        for now in ["2026-11-10T10:00:00Z", "2026-11-15T10:00:00Z"] {
            let clocked = clocked().await;
            clocked.due("2026-11-02T10:00:00Z", "2026-11-13").await;
            clocked.updated(now, fields.clone()).await;
            clocked.until("2026-12-31T10:00:00Z").await;
            let told = clocked.messages().await;
            assert!(!told.iter().any(|message| message.contains("was due")), "{now} {fields}: {told:?}");
            // What waits to be sent is taken back from those who may not know it.
            let soon = now.contains("15T") && fields["security"].is_null();
            assert_eq!(told.len(), usize::from(soon), "{now} {fields}: {told:?}");
        }
    }
    let clocked = clocked().await;
    clocked.due("2026-11-02T10:00:00Z", "2026-11-13").await;
    let mut deleted = update("2026-11-03T10:00:00Z", json!({}));
    deleted["webhookEvent"] = json!("jira:issue_deleted");
    clocked.take("2026-11-03T10:00:00Z", (Source::Jira, ""), &deleted).await;
    clocked.until("2026-12-31T10:00:00Z").await;
    assert_eq!(clocked.messages().await, [""; 0]);
}

#[tokio::test]
async fn a_rule_that_wants_restricted_tickets_hears_of_their_due_dates() {
    let clocked = Clocked::new(&[format!("{TEAM}{RULE}restricted = true\n")]).await;
    clocked.updated("2026-11-02T10:00:00Z", json!({ "security": { "name": "X" }, "duedate": "2026-11-13" })).await;
    clocked.until("2026-11-11T10:00:00Z").await;
    assert!(clocked.messages().await[0].contains("is due Fri 13 Nov 2026"));
}

#[tokio::test]
async fn what_is_seen_late_is_told_only_while_it_is_news() {
    for (date, told) in [
        ("2026-11-09", None),
        ("2026-11-10", Some("was due Tue 10 Nov 2026")),
        ("2026-11-11", Some("is due today, Wed 11 Nov 2026")),
        ("2026-11-12", Some("is due tomorrow, Thu 12 Nov 2026")),
    ] {
        let clocked = clocked().await;
        clocked.due("2026-11-11T12:00:00Z", date).await;
        clocked.until("2026-11-11T12:01:00Z").await;
        let messages = clocked.messages().await;
        assert_eq!(messages.len(), usize::from(told.is_some()), "{date}: {messages:?}");
        assert!(messages.iter().all(|message| message.contains(told.unwrap())), "{date}: {messages:?}");
    }
}

#[tokio::test]
async fn what_fell_due_during_a_downtime_is_told_late_and_once() {
    let Clocked { folder, .. } = {
        let clocked = clocked().await;
        clocked.due("2026-11-02T10:00:00Z", "2026-11-13").await;
        clocked
    };
    let clocked = Clocked::in_folder(folder, &[format!("{TEAM}{RULE}")]).await;
    while clocked.intake.step(at("2026-11-18T10:00:00Z")).await.unwrap() {}
    clocked.due("2026-11-18T10:30:00Z", "2026-11-13").await;
    clocked.until("2026-12-31T10:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(matches!(&messages[..], [only] if only.contains("was due Fri 13 Nov 2026")), "{messages:?}");
}

#[tokio::test]
async fn each_rule_has_its_conditions_and_its_zone() {
    let rule = |name: &str, before: &str, more: &str| {
        format!("[[rule]]\nname = \"{name}\"\non = [\"ticket.due_soon\"]\nbefore = \"{before}\"\n{more}\n")
    };
    let here = format!("{TEAM}{}{}", rule("week", "1w", ""), rule("other", "2d", "assignee = [\"bo\"]"));
    let there = format!("team = \"far\"\nto = [\"mailbox\"]\ntimezone = \"Asia/Tokyo\"\n{}", rule("far", "2d", ""));
    let clocked = Clocked::new(&[here, there]).await;
    clocked.due("2026-11-02T10:00:00Z", "2026-11-13").await;
    clocked.until("2026-12-31T10:00:00Z").await;
    let told = clocked.ledger().await.into_iter().filter(|line| line.kind.as_deref() == Some("ticket.due_soon"));
    let told = told.map(|line| format!("{} {}", line.rule.unwrap(), line.at)).collect::<Vec<_>>();
    assert_eq!(told, ["week 2026-11-06T09:00:00Z", "far 2026-11-11T00:00:00Z"]);
}

#[tokio::test]
async fn an_issue_is_due_with_its_milestone_until_it_is_closed() {
    let issue = |now: &str, state: &str| {
        json!({
            "action": if state == "open" { "edited" } else { "closed" },
            "repository": { "full_name": "acme/ingest", "html_url": "https://github.com/acme/ingest", "private": false },
            "sender": { "login": "ana" },
            "issue": {
                "number": 12, "title": "Ids collide", "state": state, "updated_at": now,
                "html_url": "https://github.com/acme/ingest/issues/12", "assignees": [{ "login": "li" }],
                "milestone": { "title": "v2", "due_on": "2026-11-13T08:00:00Z" },
            },
        })
    };
    for (closed, told) in [(None, &["is due Fri 13 Nov 2026", "was due Fri 13 Nov 2026"][..]), (Some(12), &["is due"])]
    {
        let clocked = clocked().await;
        let now = "2026-11-02T10:00:00Z";
        clocked.take(now, (Source::Github, "issues"), &issue(now, "open")).await;
        if let Some(day) = closed {
            let now = format!("2026-11-{day}T10:00:00Z");
            clocked.until(&now).await;
            clocked.take(&now, (Source::Github, "issues"), &issue(&now, "closed")).await;
        }
        clocked.until("2026-12-31T10:00:00Z").await;
        let messages = clocked.messages().await;
        assert_eq!(messages.len(), told.len(), "{messages:?}");
        for (message, says) in messages.iter().zip(told) {
            assert!(message.starts_with("acme/ingest#12 “Ids collide”") && message.contains(says), "{message}");
        }
    }
}
