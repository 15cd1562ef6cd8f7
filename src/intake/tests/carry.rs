//! What becomes of answers on their way to a page, when they are edited, deleted, or about something restricted meanwhile.

use super::*;
use crate::destination::Destination;
use crate::plan::LineId;
use crate::store::{Answer, Answered, Objection, Through, Tried};

const RULE: &str =
    "answers = true\n[[rule]]\nname = \"all\"\non = [\"pull_request.merged\", \"note.assumed\"]\nobject_by = \"2d\"\n";

/// A team that was told of a merge for a ticket.
async fn told() -> Clocked {
    let clocked = Clocked::new(&[format!("{}{RULE}", TEAM.replace("mailbox", "slack:#web"))]).await;
    clocked.ticket("2026-11-19T09:00:00Z", "Doing", "indeterminate").await;
    clocked.pull_request("2026-11-19T09:30:00Z", "closed", merged()).await;
    clocked.until("2026-11-19T09:40:00Z").await;
    clocked.send("2026-11-19T09:40:00Z").await;
    clocked
}

fn answer(text: &str, version: i64) -> Answer {
    Answer {
        line: 0,
        key: "C1/1".to_owned(),
        by: "Bo".to_owned(),
        login: None,
        through: Through::Slack,
        outside: false,
        text: text.to_owned(),
        at: at("2026-11-19T10:00:00Z"),
        version,
        gone: text.is_empty(),
    }
}

impl Clocked {
    /// The line of the ledger that tells of a kind of event.
    async fn line_of(&self, kind: &str) -> LineId {
        let lines = self.ledger().await;
        lines.iter().find(|line| line.kind.as_deref() == Some(kind)).unwrap().id.parse().unwrap()
    }

    /// Somebody answers, or takes it back if there are no words; and objects if there is an assumption.
    async fn say(&self, now: &str, (kind, text, version): (&str, &str, i64)) -> Option<Answered> {
        let name = self.line_of(kind).await;
        let line = self.intake.store.write(move |tx| tx.line(name)).await.unwrap().unwrap();
        let answer = Answer { line, ..answer(text, version) };
        let (key, by, text, at) = (answer.key.clone(), answer.by.clone(), answer.text.clone(), at(now));
        let objection = Objection { line: name, key, by, through: Through::Slack, text, at };
        let objections = if kind == "note.assumed" && !answer.gone { vec![objection] } else { Vec::new() };
        let (answered, _) = self.intake.store.answer(Some(answer), objections).await.unwrap();
        self.until(now).await;
        answered
    }

    async fn under_way(&self, now: &str) -> Vec<Claimed> {
        let lanes = self.intake.store.claim(&Lanes::default(), moment(now)).await.unwrap();
        let sends = lanes.iter().flat_map(Lane::sends).cloned();
        sends.filter(|send| send.destination == Destination::Github).collect()
    }

    async fn ends(&self, now: &str, send: &Claimed, outcome: SendOutcome) {
        self.intake.store.record_outcome(send, &Tried::from(outcome), false, at(now)).await.unwrap();
    }

    /// What is due goes to GitHub, and ends like this. Says what it was.
    async fn go(&self, now: &str, outcome: fn() -> SendOutcome) -> Vec<String> {
        let mut gone = Vec::new();
        for send in self.under_way(now).await {
            self.ends(now, &send, outcome()).await;
            gone.push(send.message.text());
        }
        gone
    }

    async fn restrict(&self, now: &str) {
        let body = json!({
            "webhookEvent": "jira:issue_updated", "timestamp": at(now).as_millisecond(),
            "user": { "accountId": "5b", "displayName": "Ana" },
            "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
                "summary": "Orders", "status": { "name": "Doing", "statusCategory": { "key": "indeterminate" } },
                "security": { "name": "Restricted" }, "updated": now.replace('Z', ".000+0000"),
            } },
            "changelog": { "items": [{ "field": "security", "fieldId": "security", "toString": "Restricted" }] },
        });
        self.take(now, (Source::Jira, ""), &body).await;
    }

    /// Somebody tries everything again that failed.
    async fn retry_all(&self) {
        for line in self.ledger().await.into_iter().filter(|line| line.state == EntryState::Failed) {
            // There may be nothing to try.
            self.intake.store.retry(line.id.parse().unwrap()).await.ok();
        }
    }
}

fn arrives() -> SendOutcome {
    SendOutcome::Sent { reference: Some("100".to_owned()), anew: false, doubt: None }
}

fn is_down() -> SendOutcome {
    SendOutcome::Again { at: at("2026-11-19T10:20:00Z"), error: "503".to_owned(), doubtful: false }
}

fn is_doubtful() -> SendOutcome {
    SendOutcome::Again { at: at("2026-11-19T10:20:00Z"), error: "ambiguous: it is late".to_owned(), doubtful: true }
}

fn fails() -> SendOutcome {
    SendOutcome::Failed { error: "422".to_owned(), doubtful: false }
}

#[tokio::test]
async fn no_new_words_go_to_a_pull_request_once_the_ticket_is_restricted() {
    type End = fn() -> SendOutcome;
    // Whether the page has an earlier version, how the last attempt ended before the ticket was restricted, and whether the
    // page may have anything.
    let table: [(&str, bool, Option<End>, bool); 8] = [
        ("it waits", false, None, false),
        ("it was tried", false, Some(is_down), false),
        ("it failed", false, Some(fails), false),
        ("it may have arrived", false, Some(is_doubtful), true),
        ("an edit waits", true, None, true),
        ("an edit was tried", true, Some(is_down), true),
        ("an edit failed", true, Some(fails), true),
        ("an edit may have arrived", true, Some(is_doubtful), true),
    ];
    for (how, is_edit, end, out) in table {
        let clocked = told().await;
        let version = if is_edit {
            clocked.say("2026-11-19T10:00:00Z", ("pull_request.merged", "Plain words", 1)).await;
            assert_eq!(clocked.go("2026-11-19T10:00:01Z", arrives).await.len(), 1, "{how}");
            2
        } else {
            1
        };
        clocked.say("2026-11-19T10:01:00Z", ("pull_request.merged", "Secret", version)).await;
        if let Some(end) = end {
            assert!(clocked.go("2026-11-19T10:01:01Z", end).await.concat().contains("Secret"), "{how}");
        }
        clocked.restrict("2026-11-19T10:10:00Z").await;
        clocked.until("2026-11-19T10:10:01Z").await;
        clocked.retry_all().await;
        clocked.until("2026-11-19T10:30:00Z").await;
        assert_eq!(clocked.go("2026-11-19T10:30:00Z", arrives).await, [""; 0], "{how}");
        let lines = clocked.ledger().await;
        let kept = lines.iter().filter_map(|line| line.message.as_ref()).map(|message| message.text());
        assert!(!kept.collect::<String>().contains("Secret"), "{how}: {lines:?}");
        let why = lines.iter().filter(|line| line.reason.starts_with("the ticket has a security level"));
        assert_eq!(why.map(|line| line.forgotten).collect::<Vec<_>>(), [false], "{how}: {lines:?}");
        // What is there, or may be, is still taken back.
        clocked.say("2026-11-19T11:00:00Z", ("pull_request.merged", "", 9)).await;
        let said = clocked.go("2026-11-19T11:00:01Z", arrives).await;
        assert_eq!(
            said.iter().map(|said| said.contains("was deleted")).collect::<Vec<_>>(),
            vec![true; out.into()],
            "{how}"
        );
    }
}

#[tokio::test]
async fn what_is_claimed_with_others_is_asked_about_before_it_is_sent() {
    for change in ["restricted", "edited", "deleted"] {
        let clocked = told().await;
        clocked.say("2026-11-19T10:00:00Z", ("pull_request.merged", "Secret", 1)).await;
        let claimed = clocked.under_way("2026-11-19T10:00:01Z").await;
        let [send] = &claimed[..] else { panic!("{change}: {} sends", claimed.len()) };
        assert!(!clocked.intake.store.is_off(send).await.unwrap(), "{change}");
        match change {
            "restricted" => clocked.restrict("2026-11-19T10:00:02Z").await,
            "edited" => drop(clocked.say("2026-11-19T10:00:02Z", ("pull_request.merged", "Public", 2)).await),
            _ => drop(clocked.say("2026-11-19T10:00:02Z", ("pull_request.merged", "", 2)).await),
        }
        assert!(clocked.intake.store.is_off(send).await.unwrap(), "{change}");
        clocked.ends("2026-11-19T10:00:03Z", send, SendOutcome::Unclaimed).await;
        assert!(clocked.under_way("2026-11-19T10:00:03Z").await.is_empty(), "{change}: nothing is decided yet");
        clocked.until("2026-11-19T10:00:04Z").await;
        let said = clocked.go("2026-11-19T10:00:05Z", arrives).await.concat();
        assert_eq!((said.contains("Public"), said.contains("Secret")), (change == "edited", false), "{change}: {said}");
    }
}

#[tokio::test]
async fn a_claim_that_ran_out_is_decided_anew() {
    let clocked = told().await;
    clocked.say("2026-11-19T10:00:00Z", ("pull_request.merged", "Secret", 1)).await;
    assert_eq!(clocked.under_way("2026-11-19T10:00:01Z").await.len(), 1);
    clocked.say("2026-11-19T10:00:02Z", ("pull_request.merged", "Public", 2)).await;
    assert_eq!(clocked.go("2026-11-19T10:30:00Z", arrives).await, [""; 0]);
    clocked.until("2026-11-19T10:30:01Z").await;
    let said = clocked.go("2026-11-19T10:30:02Z", arrives).await.concat();
    assert!(said.contains("Public") && !said.contains("Secret"), "{said}");
}

#[tokio::test]
async fn of_edits_that_come_in_the_wrong_order_the_newest_holds() {
    let clocked = told().await;
    for (text, version, expected) in
        [("A", 1, Answered::New), ("A", 3, Answered::Known), ("B", 2, Answered::Known), ("A", 3, Answered::Known)]
    {
        let answered = clocked.say("2026-11-19T10:00:00Z", ("pull_request.merged", text, version)).await;
        assert_eq!(answered, Some(expected), "{text} {version}");
    }
    let said = clocked.go("2026-11-19T10:00:01Z", arrives).await;
    assert!(matches!(&said[..], [only] if only.contains("> A")), "{said:?}");
    let changed = clocked.say("2026-11-19T10:00:02Z", ("pull_request.merged", "C", 4)).await;
    assert_eq!(changed, Some(Answered::Changed));
    assert!(clocked.go("2026-11-19T10:00:03Z", arrives).await.concat().contains("> C"));
}

/// The same team, which is told of an assumption too.
async fn assumed(answers: &str) -> Clocked {
    let rule = RULE.replace("answers = true", answers);
    let mut clocked = Clocked::new(&[format!("{}{rule}", TEAM.replace("mailbox", "slack:#web"))]).await;
    clocked.intake.tell_authors = TellAuthors { github: true, jira: false };
    clocked.ticket("2026-11-19T09:00:00Z", "Doing", "indeterminate").await;
    clocked.pull_request("2026-11-19T09:30:00Z", "opened", json!({})).await;
    clocked.comment("2026-11-19T09:31:00Z", "ana", "/assume ids are never reused").await;
    clocked.until("2026-11-19T09:40:00Z").await;
    clocked.send("2026-11-19T09:40:00Z").await;
    clocked
}

#[tokio::test]
async fn an_author_is_told_once_whether_the_answer_is_carried_or_not() {
    for answers in ["answers = true", "answers = false"] {
        let clocked = assumed(answers).await;
        clocked.say("2026-11-19T10:00:00Z", ("note.assumed", "They are.", 1)).await;
        let said = clocked.go("2026-11-19T10:00:01Z", arrives).await;
        let objects =
            |said: &String| said.contains("Bo (web) objected") && said.contains("wrote in Slack:\n\n> They are.");
        assert!(matches!(&said[..], [only] if objects(only)), "{answers}: {said:?}");
    }
}

#[tokio::test]
async fn what_was_deleted_before_it_was_heard_objects_to_nothing() {
    let clocked = assumed("answers = true").await;
    clocked.say("2026-11-19T10:00:00Z", ("note.assumed", "", 2)).await;
    clocked.say("2026-11-19T10:00:01Z", ("note.assumed", "They are.", 1)).await;
    assert_eq!(clocked.go("2026-11-19T10:00:02Z", arrives).await, [""; 0]);
    let lines = clocked.lines().await;
    assert!(!lines.concat().contains("objected"), "{lines:?}");
}

#[tokio::test]
async fn an_objection_in_a_restricted_conversation_is_on_no_pull_request() {
    for (how, end) in [
        ("before it is made", None),
        ("while it waits", None),
        ("while it is tried again", Some(is_down as fn() -> SendOutcome)),
        ("after it failed", Some(fails as fn() -> SendOutcome)),
        ("while it may be there", Some(is_doubtful as fn() -> SendOutcome)),
    ] {
        let clocked = assumed("answers = false").await;
        if how == "before it is made" {
            clocked.restrict("2026-11-19T09:50:00Z").await;
        }
        let line = clocked.line_of("note.assumed").await;
        let (key, by, text) = ("k".to_owned(), "Bo".to_owned(), "Secret".to_owned());
        let made = at("2026-11-19T10:00:00Z");
        let objection = Objection { line, key, by, through: Through::Link, text, at: made };
        clocked.intake.store.object(objection).await.unwrap();
        clocked.until("2026-11-19T10:00:00Z").await;
        if let Some(end) = end {
            assert!(clocked.go("2026-11-19T10:00:01Z", end).await.concat().contains("Secret"), "{how}");
        }
        if how != "before it is made" {
            clocked.restrict("2026-11-19T10:10:00Z").await;
        }
        clocked.retry_all().await;
        clocked.until("2026-11-19T10:30:00Z").await;
        assert_eq!(clocked.go("2026-11-19T10:30:00Z", arrives).await, [""; 0], "{how}");
        let lines = clocked.lines().await;
        assert!(lines.concat().contains("Bo objected through the link"), "{how}: {lines:?}");
    }
}
