//! Notes from what really came in, on a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "tests")]

mod taken_back;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::event::Source;
use crate::intake::tests::{Clocked, at, comment, draft, merge, merged};
use crate::store::{Entry, EntryState};

/// A team that hears of everything at once, and gets a note on Fridays at three.
const TEAM: &str = r#"
team = "web"
members = ["bo"]
to = ["mailbox"]
timezone = "Europe/Lisbon"
settle = "0s"
summary = "weekly fri 15:00"
"#;
const ALL: &str = "[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"ticket.*\", \"note.*\", \"issue.*\"]\n";
/// A Friday; Lisbon has Greenwich's time.
const FRIDAY: &str = "2026-11-20T15:00:00Z";

struct Week {
    clocked: Clocked,
    summariser: Summariser,
}

impl Week {
    /// A week that begins on a Saturday.
    async fn of(teams: &[String]) -> Self {
        Self::with(teams, None).await
    }

    async fn with(teams: &[String], everybody: Option<crate::config::SummarySettings>) -> Self {
        let clocked = Clocked::new(teams).await;
        let summariser = Summariser {
            gatherer: Gatherer { store: clocked.intake.store.clone(), pages: Pages::default() },
            rulebook: clocked.intake.rulebook.clone(),
            everybody,
            resumed: clocked.intake.resumed.clone(),
            metrics: Arc::default(),
            stored: Arc::default(),
        };
        let week = Self { clocked, summariser };
        week.schedule("2026-11-14T09:00:00Z").await;
        week
    }

    async fn schedule(&self, now: &str) {
        let rulebook = Arc::clone(&self.summariser.rulebook.borrow());
        self.summariser.schedule(&rulebook, at(now)).await.unwrap();
    }

    /// Everything that came arrives, and then the notes are written that are due.
    async fn step(&self, now: &str) -> bool {
        self.clocked.until(now).await;
        self.clocked.send(now).await;
        let rulebook = Arc::clone(&self.summariser.rulebook.borrow());
        self.summariser.step(&rulebook, at(now)).await.unwrap()
    }

    /// The lines of notes.
    async fn lines(&self) -> Vec<Entry> {
        let lines = self.clocked.ledger().await;
        lines.into_iter().filter(|line| line.kind.as_deref() == Some("summary")).collect()
    }

    /// What the ledger says of notes.
    async fn states(&self) -> Vec<String> {
        let said = |line: Entry| format!("{} {}: {}", line.team.unwrap(), line.state, line.reason);
        self.lines().await.into_iter().map(said).collect()
    }

    /// The note that waits on Friday at three.
    async fn friday(&self) -> String {
        assert!(self.step(FRIDAY).await);
        self.text().await
    }

    /// The last note, without the line that says why they get it.
    async fn text(&self) -> String {
        let message = self.lines().await.pop().and_then(|line| line.message).unwrap();
        format!("{}\n\n{}", message.subject, message.text())
    }

    async fn pull(&self, now: &str, (number, action): (u64, &str), more: Value) {
        let page = format!("https://github.com/acme/ingest/pull/{number}");
        let branch = format!("change-{number}");
        let mut body = json!({ "pull_request": {
            "number": number, "title": format!("Change {number}"), "html_url": page, "head": { "ref": branch },
        } });
        merge(&mut body, more);
        self.clocked.pull_request(now, action, body).await;
        self.clocked.send(now).await;
    }

    async fn note(&self, now: &str, words: &str, more: Value) {
        let mut body = comment(now, "ana", words);
        merge(&mut body, json!({ "comment": { "id": 7 } }));
        merge(&mut body, more);
        self.clocked.take(now, (Source::Github, "issue_comment"), &body).await;
        self.clocked.send(now).await;
    }

    /// A change of a ticket, by its fields and its changelog.
    async fn ticket(&self, now: &str, fields: Value, items: Value) {
        let mut body = json!({
            "webhookEvent": "jira:issue_updated",
            "timestamp": at(now).as_millisecond(),
            "user": { "accountId": "5b", "displayName": "Ana" },
            "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
                "summary": "Orders", "issuetype": { "name": "Bug" },
                "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } },
                "updated": now.replace('Z', ".000+0000"),
            } },
            "changelog": { "items": items },
        });
        merge(&mut body, json!({ "issue": { "fields": fields } }));
        self.clocked.take(now, (Source::Jira, ""), &body).await;
        self.clocked.send(now).await;
    }

    async fn moved(&self, now: &str, (from, to, category): (&str, &str, &str)) {
        let fields = json!({ "status": { "name": to, "statusCategory": { "key": category } } });
        let items = json!([{ "field": "status", "fieldId": "status", "fromString": from, "toString": to }]);
        self.ticket(now, fields, items).await;
    }

    async fn due(&self, now: &str, from: &str, to: &str) {
        let items = json!([{ "field": "duedate", "fieldId": "duedate", "from": from, "fromString": from, "to": to, "toString": to }]);
        self.ticket(now, json!({ "duedate": to }), items).await;
    }
}

fn team(more: &str) -> String {
    format!("{TEAM}{more}{ALL}")
}

/// A team like it, of another name, without a note.
fn other(name: &str, more: &str) -> String {
    TEAM.replace("\"web\"", &format!("\"{name}\"")).replace("[\"bo\"]", "[\"caro\"]").replace("summary =", "# ") + more
}

#[tokio::test]
async fn a_week_is_one_screen() {
    let week = Week::of(&[team("")]).await;
    week.moved("2026-11-16T09:00:00Z", ("To Do", "In Progress", "indeterminate")).await;
    week.pull(
        "2026-11-16T10:00:00Z",
        (7, "opened"),
        json!({ "pull_request": { "draft": true, "head": { "ref": "DATA-1-orders" } } }),
    )
    .await;
    week.pull("2026-11-17T10:00:00Z", (8, "opened"), json!({})).await;
    week.pull("2026-11-17T11:00:00Z", (8, "closed"), merged()).await;
    week.pull("2026-11-18T11:00:00Z", (9, "opened"), draft()).await;
    week.note("2026-11-19T09:00:00Z", "/assume ids are never reused", json!({})).await;
    week.due("2026-11-19T10:00:00Z", "2026-11-27", "2026-12-04").await;
    insta::assert_snapshot!(week.friday().await);
    // It is sent, and comes once.
    week.clocked.send("2026-11-20T15:00:01Z").await;
    assert!(!week.step("2026-11-20T16:00:00Z").await);
    let line = week.lines().await.pop().unwrap();
    assert_eq!((line.state, line.rule.as_deref(), line.sends.len()), (EntryState::Sent, Some("@summary"), 1));
}

#[tokio::test]
async fn nothing_is_no_note_and_the_ledger_says_so() {
    let week = Week::of(&[team("")]).await;
    assert!(week.step(FRIDAY).await);
    assert_eq!(week.states().await, [""; 0], "there is no delivery yet");
    week.pull("2026-11-20T15:30:00Z", (7, "labeled"), json!({ "sender": { "login": "bo" } })).await;
    assert!(week.step("2026-11-27T15:00:00Z").await);
    assert_eq!(week.states().await, ["web suppressed: nothing happened that could be summed up"]);
    assert!(!week.step("2026-11-27T15:01:00Z").await);
}

#[tokio::test]
async fn a_note_comes_late_once_or_not_at_all() {
    for (now, told) in [("2026-11-20T19:00:00Z", true), ("2026-11-21T02:59:59Z", true), ("2026-11-21T03:00:01Z", false)]
    {
        let week = Week::of(&[team("")]).await;
        week.pull("2026-11-17T10:00:00Z", (7, "closed"), merged()).await;
        assert!(week.step(now).await);
        let states = week.states().await;
        let late = "web suppressed: it was due at Fri 2026-11-20 15:00, and the service didn't run: the next one tells of that time too";
        assert_eq!(states, [if told { "web held: it is being sent" } else { late }], "{now}");
        assert!(!week.step(now).await);
        // What was left out is in the next one.
        week.clocked.send("2026-11-21T04:00:00Z").await;
        assert!(week.step("2026-11-27T15:00:00Z").await);
        let states = week.states().await;
        let next = if told {
            "web suppressed: nothing happened that could be summed up"
        } else {
            "web held: it is being sent"
        };
        assert_eq!((states.len(), states[1].as_str()), (2, next), "{now}");
        assert!(told || week.text().await.contains("Change 7"));
    }
}

#[tokio::test]
async fn a_note_respects_quiet_hours_and_the_budget() {
    let quiet = "quiet = [\"14:00-18:00\"]\n";
    let week = Week::of(&[team(quiet)]).await;
    week.pull("2026-11-17T10:00:00Z", (7, "closed"), merged()).await;
    assert!(!week.step(FRIDAY).await);
    assert!(week.step("2026-11-20T18:00:00Z").await);
    assert_eq!(week.states().await, ["web held: it is being sent"]);
    let week = Week::of(&[team("budget = \"1/day\"\n")]).await;
    week.pull("2026-11-20T10:00:00Z", (7, "closed"), merged()).await;
    week.step(FRIDAY).await;
    assert_eq!(week.states().await, [""; 0]);
    assert!(week.step("2026-11-21T00:00:00Z").await);
    assert_eq!(week.states().await, ["web held: it is being sent"]);
}

#[tokio::test]
async fn what_slipped_is_told_as_what_it_comes_to() {
    type Changes = &'static [(&'static str, &'static str)];
    let table: &[(Changes, Option<&str>)] = &[
        (&[("2026-11-27", "2026-12-04")], Some("due date Fri 27 Nov 2026 → Fri 4 Dec 2026")),
        (
            &[("2026-11-27", "2026-12-04"), ("2026-12-04", "2026-12-11")],
            Some("due date Fri 27 Nov 2026 → Fri 11 Dec 2026"),
        ),
        (&[("2026-11-27", "2026-12-04"), ("2026-12-04", "2026-11-27")], None),
        (
            &[("2026-11-27", "2026-12-11"), ("2026-12-11", "2026-12-04")],
            Some("due date Fri 27 Nov 2026 → Fri 4 Dec 2026"),
        ),
        (&[("2026-11-27", "2026-11-25")], None),
    ];
    for (changes, expected) in table {
        let week = Week::of(&[team("")]).await;
        week.moved("2026-11-16T09:00:00Z", ("To Do", "In Progress", "indeterminate")).await;
        for (hour, (from, to)) in changes.iter().enumerate() {
            week.due(&format!("2026-11-17T1{hour}:00:00Z"), from, to).await;
        }
        let text = week.friday().await;
        let slipped = text.lines().find(|line| line.contains("due date"));
        assert_eq!(slipped.map(|line| line.split_once(": ").unwrap().1), *expected, "{text}");
    }
}

#[tokio::test]
async fn what_went_quiet_is_told_once() {
    let week = Week::of(&[team("")]).await;
    week.moved("2026-11-10T09:00:00Z", ("To Do", "In Progress", "indeterminate")).await;
    week.pull("2026-11-11T09:00:00Z", (8, "opened"), json!({})).await;
    week.pull("2026-11-11T10:00:00Z", (9, "closed"), merged()).await;
    week.pull("2026-11-19T10:00:00Z", (10, "opened"), json!({})).await;
    let text = week.friday().await;
    let quiet = text.split_once("What went quiet").unwrap().1;
    assert!(quiet.contains("DATA-1): nothing since Tue 10 Nov 2026, 09:00 WET"), "{text}");
    assert!(quiet.contains("acme/ingest#8") && !quiet.contains("#9") && !quiet.contains("#10"), "{text}");
    week.clocked.send("2026-11-20T15:00:01Z").await;
    assert!(week.step("2026-11-27T15:00:00Z").await);
    let text = week.text().await;
    assert!(text.contains("acme/ingest#10") && !text.contains("#8") && !text.contains("DATA-1"), "{text}");
}

#[tokio::test]
async fn a_note_tells_who_was_never_told() {
    let owns = "owns = [\"schemas/**\"]\n";
    let rule =
        "[[rule]]\nname = \"mine\"\non = [\"pull_request.merged\"]\nrepo = [\"acme/other\"]\ntouches_owned = true\n";
    let told = "[[rule]]\nname = \"told\"\non = [\"pull_request.opened\"]\ntitle = [\"Told*\"]\n";
    let week = Week::of(&[format!("{TEAM}{owns}{rule}{told}"), other("mobile", ALL)]).await;
    week.pull(
        "2026-11-17T10:00:00Z",
        (7, "opened"),
        json!({ "sender": { "login": "bo" }, "pull_request": { "user": { "login": "bo" }, "head": { "ref": "DATA-1-a" } } }),
    )
    .await;
    week.pull(
        "2026-11-18T10:00:00Z",
        (8, "closed"),
        json!({ "pull_request": { "head": { "ref": "DATA-1-b" }, "state": "closed", "merged": true } }),
    )
    .await;
    // To comment on something isn't to work on it.
    let other_ticket = json!({ "pull_request": { "head": { "ref": "DATA-2-b" }, "state": "closed", "merged": true } });
    week.pull("2026-11-18T10:20:00Z", (5, "closed"), other_ticket).await;
    let by_bo = json!({ "sender": { "login": "bo" }, "issue": { "number": 5 } });
    week.note("2026-11-18T10:30:00Z", "/assume ids are never reused", by_bo).await;
    week.pull("2026-11-18T10:40:00Z", (4, "opened"), json!({ "pull_request": { "title": "Told" } })).await;
    // Their own doing, and what nobody knows the owners of.
    week.pull("2026-11-18T11:00:00Z", (9, "closed"), json!({ "sender": { "login": "bo" }, "pull_request": { "user": { "login": "bo" }, "state": "closed", "merged": true } })).await;
    insta::assert_snapshot!(week.friday().await);
}

#[tokio::test]
async fn what_waited_for_a_digest_is_in_the_summary_after_it_was_sent() {
    let week = Week::of(&[team("digest = \"weekly mon 09:00\"\n")]).await;
    week.pull("2026-11-18T10:00:00Z", (8, "closed"), merged()).await;
    assert!(week.step(FRIDAY).await);
    assert_eq!(week.states().await, ["web suppressed: nothing happened that could be summed up"]);
    week.step("2026-11-23T09:00:01Z").await;
    assert!(week.step("2026-11-27T15:00:00Z").await);
    let text = week.text().await;
    assert!(text.contains("web was sent 1 update in 1 conversation."), "{text}");
    assert!(text.contains("“Change 8”") && text.contains("merged by ana on 18 Nov"), "{text}");
    assert!(week.step("2026-12-04T15:00:00Z").await);
    assert!(week.states().await[2].contains("nothing happened"), "{:?}", week.states().await);
}

/// Who owns files is asked of GitHub, which these tests have none of: so it is written into the events.
async fn with_paths(week: &Week, path: &str) {
    let sql = format!("UPDATE event SET body = json_set(body, '$.paths', json(CAST('[\"{path}\"]' AS text)))");
    week.clocked.intake.store.write(move |tx| tx.execute_in_test(&sql)).await.unwrap();
}

#[tokio::test]
async fn what_a_team_owns_decides_of_what_it_should_have_heard() {
    let owns = "owns = [\"schemas/**\", \"!schemas/test/**\"]\n";
    let rule =
        "[[rule]]\nname = \"mine\"\non = [\"pull_request.merged\"]\nrepo = [\"acme/ingest\"]\nlabels = [\"x\"]\n";
    let table = [("schemas/a.sql", true), ("schemas/test/a.sql", false), ("src/a.rs", false)];
    for (path, expected) in table {
        let week = Week::of(&[format!("{TEAM}{owns}{rule}"), other("mobile", ALL)]).await;
        week.pull("2026-11-18T10:00:00Z", (8, "closed"), merged()).await;
        with_paths(&week, path).await;
        week.step(FRIDAY).await;
        match expected {
            true => assert!(
                week.text().await.contains("web owns what it changes (no rule matched)"),
                "{}",
                week.text().await
            ),
            false => {
                assert_eq!(week.states().await, ["web suppressed: nothing happened that could be summed up"], "{path}")
            }
        }
    }
}

#[tokio::test]
async fn everybodys_note_tells_which_team_was_never_told_of_what() {
    let owns = "owns = [\"schemas/**\"]\n";
    let rule = "[[rule]]\nname = \"mine\"\non = [\"pull_request.merged\"]\nlabels = [\"x\"]\n";
    let everybody = crate::config::SummarySettings {
        at: crate::rule::parse_digest("weekly fri 15:00").unwrap(),
        to: vec![crate::destination::Destination::Mailbox],
        zone: jiff::tz::TimeZone::UTC,
    };
    let web = format!("{TEAM}{owns}{rule}").replace("summary =", "# ");
    let week = Week::with(&[web, other("mobile", ALL)], Some(everybody)).await;
    week.pull("2026-11-18T10:00:00Z", (8, "closed"), merged()).await;
    week.note("2026-11-19T09:00:00Z", "/assume ids are never reused", json!({})).await;
    with_paths(&week, "schemas/a.sql").await;
    insta::assert_snapshot!(week.friday().await);
}

#[tokio::test]
async fn assumptions_are_told_as_they_stand() {
    let week =
        Week::of(&[format!("{TEAM}[[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"2d\"\n")]).await;
    week.note("2026-11-16T10:00:00Z", "/assume one", json!({ "comment": { "id": 1 } })).await;
    week.note("2026-11-17T10:00:00Z", "/assume two", json!({ "comment": { "id": 2 } })).await;
    week.note("2026-11-19T10:00:00Z", "/assume three", json!({ "comment": { "id": 3 } })).await;
    let line = week.clocked.ledger().await.into_iter().nth(1).unwrap().id.parse().unwrap();
    let (key, by, text) = ("k".to_owned(), "Bo".to_owned(), "No.".to_owned());
    let objection = crate::store::Objection {
        line,
        key,
        by,
        through: crate::store::Through::Mail,
        text,
        at: at("2026-11-17T11:00:00Z"),
    };
    week.clocked.intake.store.object(objection).await.unwrap();
    let text = week.friday().await;
    let lines =
        text.lines().filter(|line| line.contains('“')).map(|line| line.split_once(": ").unwrap().1).collect::<Vec<_>>();
    assert_eq!(
        lines,
        [
            "“two”, by ana: objected by Bo",
            "“three”, by ana: open, object by Sat 21 Nov 2026, 10:00 WET",
            "“one”, by ana: agreed: nobody objected",
        ],
        "{text}"
    );
}

#[tokio::test]
async fn the_numbers_are_those_of_the_ledger() {
    let week = Week::of(&[team("")]).await;
    for number in 1..=9 {
        week.pull(&format!("2026-11-1{}T10:00:00Z", 6 + number % 3), (number, "opened"), json!({})).await;
        week.pull(&format!("2026-11-1{}T11:00:00Z", 6 + number % 3), (number, "closed"), merged()).await;
    }
    let text = week.friday().await;
    assert!(text.contains("web was sent 18 updates in 9 conversations."), "{text}");
    assert_eq!(text.matches("merged by ana on ").count(), 6, "{text}");
    assert!(text.contains("and 3 more"), "{text}");
    week.clocked.send("2026-11-20T15:00:01Z").await;
    let tally = week.clocked.intake.store.tally(at("2026-11-13T15:00:00Z"), at("2026-11-20T15:00:02Z")).await.unwrap();
    assert_eq!((tally.told.values().sum::<u64>(), tally.threads.len()), (18, 9));
}

/// `mute web/@summary`, and the unsubscribe link of a mail.
#[tokio::test]
async fn a_summary_can_be_muted() {
    use crate::mute::{By, Mute, Scope};
    let team = team("").replace("[\"mailbox\"]", "[\"mailbox\", \"email:bo@example.com\"]");
    let rule = Scope { team: Some("web".to_owned()), rule: Some("@summary".to_owned()), ..Scope::default() };
    let mail =
        Scope { team: Some("web".to_owned()), destination: "email:bo@example.com".parse().ok(), ..Scope::default() };
    for (scope, expected) in [(rule, ""), (mail, "mailbox")] {
        let week = Week::of(std::slice::from_ref(&team)).await;
        week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
        let mute = Mute { scope, until: None, at: at("2026-11-18T09:00:00Z"), by: By::Mail, who: None };
        week.clocked.intake.store.mute(mute).await.unwrap();
        week.step(FRIDAY).await;
        let line = week.lines().await.pop().unwrap();
        let queued = line.sends.iter().filter(|send| send.state == crate::store::SendState::Queued);
        assert_eq!(queued.map(|send| send.destination.as_str()).collect::<String>(), expected, "{line:?}");
        assert_eq!(line.code == crate::reason::Code::Muted, expected.is_empty(), "{line:?}");
    }
}

/// Whoever was forgotten is in no summary that is written later, and not in those that were sent.
/// Whatever happens in between: the line, its sends and the next time are one commit.
#[tokio::test]
async fn two_that_write_the_same_summary_write_one() {
    let week = Week::of(&[team("")]).await;
    week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
    week.clocked.send(FRIDAY).await;
    let rulebook = Arc::clone(&week.summariser.rulebook.borrow());
    let both = tokio::join!(week.summariser.step(&rulebook, at(FRIDAY)), week.summariser.step(&rulebook, at(FRIDAY)));
    assert!(both.0.is_ok() && both.1.is_ok());
    let lines = week.lines().await;
    assert_eq!((lines.len(), lines[0].sends.len()), (1, 1));
    // And the time that is changed meanwhile counts from the last one on.
    week.schedule("2026-11-20T15:10:00Z").await;
    assert_eq!(week.clocked.intake.store.next_summary().await.unwrap(), Some(at("2026-11-27T15:00:00Z")));
}

/// Deliveries that came before it was due, and were not planned yet, belong into it.
#[tokio::test]
async fn a_summary_waits_for_what_came_before_it() {
    let week = Week::of(&[team("")]).await;
    week.pull("2026-11-17T10:00:00Z", (8, "closed"), merged()).await;
    week.clocked.send(FRIDAY).await;
    let store = &week.clocked.intake.store;
    let sql = "UPDATE delivery SET waits = 1, received_at = 0";
    store.write(move |tx| tx.execute_in_test(sql)).await.unwrap();
    let rulebook = Arc::clone(&week.summariser.rulebook.borrow());
    assert!(!week.summariser.step(&rulebook, at(FRIDAY)).await.unwrap());
    store.write(move |tx| tx.execute_in_test("UPDATE delivery SET waits = 0")).await.unwrap();
    assert!(week.summariser.step(&rulebook, at(FRIDAY)).await.unwrap());
}
