//! What people answer to assumptions, and what their authors are told of it.

use super::*;
use crate::destination::Destination;
use crate::store::{Objected, Objection, Through};
use crate::template::Message;

const ASSUMED: &str = "/assume ids are never reused";
const RULE: &str = "[[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"2d\"\n";

fn team(name: &str) -> String {
    format!("{}{RULE}", TEAM.replace("\"web\"", &format!("\"{name}\"")))
}

/// An assumption that two teams were told of, at 10:01.
async fn assumed(tell_authors: TellAuthors) -> Clocked {
    let mut clocked = Clocked::new(&[team("web"), team("data")]).await;
    clocked.intake.tell_authors = tell_authors;
    clocked.pull_request("2026-11-16T09:00:00Z", "opened", json!({})).await;
    clocked.note("2026-11-16T10:00:00Z", ASSUMED, json!({})).await;
    clocked.until("2026-11-16T10:01:00Z").await;
    clocked.send("2026-11-16T10:01:00Z").await;
    clocked
}

fn github() -> TellAuthors {
    TellAuthors { github: true, jira: false }
}

impl Clocked {
    async fn note(&self, now: &str, words: &str, more: Value) {
        let mut body = comment(now, "ana", words);
        merge(&mut body, json!({ "comment": { "id": 7 } }));
        merge(&mut body, more);
        self.take(now, (Source::Github, "issue_comment"), &body).await;
    }

    async fn object(&self, now: &str, team: &str, text: &str) -> Objected {
        let line = self.ledger().await.into_iter().find(|line| line.team.as_deref() == Some(team)).unwrap().id;
        let line = line.parse().unwrap();
        let (key, by, text) = (text.to_owned(), "Bo".to_owned(), text.to_owned());
        let objection = Objection { line, key, by, through: Through::Mail, text, at: at(now) };
        let objected = self.intake.store.object(objection).await.unwrap();
        self.until(now).await;
        objected
    }

    /// What waits to be said to authors: the place, the page and the words.
    async fn answers(&self) -> Vec<(String, String, String)> {
        let mut sends = Vec::new();
        loop {
            let next = self.claim("2026-12-24T10:00:00Z").await;
            if next.is_empty() {
                break;
            }
            sends.extend(next);
        }
        let text = |message: &Message| message.text().rsplit_once("\n\n").unwrap().0.to_owned();
        let told = |to: &Destination| matches!(to, Destination::Github | Destination::Jira);
        let sends = sends.into_iter().filter(|send| told(&send.destination));
        sends.map(|send| (send.destination.to_string(), send.thread, text(&send.message))).collect()
    }

    /// What the ledger says of each line of the note's delivery.
    async fn told(&self) -> Vec<String> {
        let lines = self.ledger().await.into_iter().filter(|line| line.kind.as_deref() == Some("note.assumed"));
        lines.map(|line| format!("{} {}: {}", line.team.unwrap(), line.state.as_str(), line.reason)).collect()
    }
}

#[tokio::test]
async fn an_objection_is_told_once_and_the_other_team_agrees_for_itself() {
    let clocked = assumed(github()).await;
    assert_eq!(clocked.object("2026-11-17T10:00:00Z", "web", "They are.\n\nSince May.").await, Objected::New);
    assert_eq!(clocked.object("2026-11-17T10:00:01Z", "web", "They are.\n\nSince May.").await, Objected::Known);
    let place = "the PR “Add it” (https://github.com/acme/ingest/pull/7#issuecomment-1) for DATA-1";
    let told = format!(
        "Bo (web) objected to your assumption on {place}:\n\n> ids are never reused\n\nBo wrote by mail (sender not verified):\n\n> They are.\n>\n> Since \
         May.\n\nIf you edit your assumption, web gets the new wording."
    );
    let expected = ("github".to_owned(), "acme/ingest#7".to_owned(), told);
    assert_eq!(clocked.answers().await, [expected]);
    clocked.until("2026-11-30T10:00:00Z").await;
    let told = format!(
        "No objections from data by Wed 18 Nov 2026, 10:01 WET, so your assumption counts as agreed:\n\n\
         > ids are never reused\n\nFrom {place}."
    );
    assert_eq!(clocked.answers().await, [("github".to_owned(), "acme/ingest#7".to_owned(), told)]);
    assert_eq!(
        clocked.told().await,
        [
            "web sent: the rule matched; Bo objected by mail at 2026-11-17 10:00",
            "data sent: the rule matched; agreed: nobody objected by 2026-11-18 10:01",
            "web sent: tells the author that Bo objected",
            "data sent: tells the author that nobody in data objected",
        ]
    );
}

#[tokio::test]
async fn teams_that_say_nothing_are_told_of_in_one_comment() {
    let clocked = assumed(github()).await;
    clocked.until("2026-11-18T10:00:59Z").await;
    assert!(clocked.answers().await.is_empty());
    clocked.until("2026-11-18T10:01:00Z").await;
    let answers = clocked.answers().await;
    let [(.., told)] = &answers[..] else { panic!("{answers:?}") };
    assert!(told.starts_with("No objections from data or web by Wed 18 Nov 2026, 10:01 WET"), "{told}");
    let ledger = clocked.told().await;
    assert_eq!(
        ledger[2..],
        ["web", "data"].map(|team| format!("{team} sent: tells the author that nobody in data, web objected"))
    );
    // Late, it is told all the same.
    assert_eq!(clocked.object("2026-11-19T10:00:00Z", "web", "").await, Objected::New);
    let answers = clocked.answers().await;
    assert!(matches!(&answers[..], [(.., told)] if !told.contains("wrote:")), "{answers:?}");
    let expected = "web sent: the rule matched; agreed: nobody objected by 2026-11-18 10:01; Bo objected by mail at 2026-11-19 10:00";
    assert_eq!(clocked.told().await[0], expected);
}

#[tokio::test]
async fn nobody_is_told_what_they_saw_or_did_not_ask_for() {
    // Nobody asked for comments.
    let clocked = assumed(TellAuthors::default()).await;
    clocked.object("2026-11-17T10:00:00Z", "web", "They are.").await;
    clocked.until("2026-11-20T10:00:00Z").await;
    assert_eq!(clocked.told().await.len(), 2);
    assert!(clocked.told().await[0].ends_with("Bo objected by mail at 2026-11-17 10:00"), "{:?}", clocked.told().await);
    assert!(clocked.answers().await.is_empty());
    // Bo, of both teams, answered where the author reads it; and the author changed it.
    for (who, words) in [("bo", "They are!"), ("ana", "/assume ids are reused")] {
        let clocked = assumed(github()).await;
        if who == "ana" {
            let edit = json!({ "action": "edited", "changes": { "body": { "from": ASSUMED } } });
            clocked.note("2026-11-17T10:00:00Z", words, edit).await;
        } else {
            clocked.comment("2026-11-17T10:00:00Z", who, words).await;
        }
        clocked.until("2026-11-18T10:01:00Z").await;
        assert!(clocked.answers().await.is_empty(), "{:?}", clocked.told().await);
    }
}

#[tokio::test]
async fn an_objection_before_all_has_arrived_stays_in_the_ledger() {
    let clocked = Clocked::new(&[team("web")]).await;
    clocked.pull_request("2026-11-16T09:00:00Z", "opened", json!({})).await;
    clocked.comment("2026-11-16T10:00:00Z", "ana", "/assume ids are never reused").await;
    clocked.until("2026-11-16T10:01:00Z").await;
    clocked.object("2026-11-16T10:02:00Z", "web", "They are.").await;
    clocked.send("2026-11-16T10:03:00Z").await;
    assert_eq!(clocked.told().await, ["web sent: the rule matched; Bo objected by mail at 2026-11-16 10:02"]);
}

#[tokio::test]
async fn whoever_objects_again_and_again_is_heard_a_few_times() {
    let clocked = assumed(github()).await;
    let mut heard = Vec::new();
    for number in 0..7 {
        heard.push(clocked.object("2026-11-17T10:00:00Z", "web", &format!("No {number}!")).await);
    }
    assert_eq!(heard[..5], [Objected::New; 5]);
    assert_eq!(heard[5..], [Objected::TooMany; 2]);
    assert_eq!(clocked.answers().await.len(), 5);
    let line = "1.1".parse().unwrap();
    let objection = Objection {
        line,
        key: "k".to_owned(),
        by: String::new(),
        through: Through::Link,
        text: String::new(),
        at: at("2026-11-17T10:00:00Z"),
    };
    assert_eq!(
        clocked.intake.store.object(objection).await.unwrap(),
        Objected::NoSuchLine,
        "it tells of a pull request"
    );
}

/// What was assumed in a message that somebody answers in a thread; `None` if they answer nothing of ours.
async fn answered(clocked: &Clocked, root: &str, at: Timestamp) -> Option<Vec<(String, bool)>> {
    let above = clocked.intake.store.answered_in("slack", root, at).await.unwrap()?;
    let text = |event: &crate::event::Event| event.note.as_ref().unwrap().text.clone();
    Some(above.told.iter().map(|(told, changed)| (text(told.event.as_ref().unwrap()), *changed)).collect())
}

#[tokio::test]
async fn an_answer_in_a_thread_is_to_the_newest_message_above_it() {
    let clocked =
        Clocked::new(&[team("web").replace("mailbox", "slack:#web").replace("on = [", "on = [\"note.decided\", ")])
            .await;
    let store = &clocked.intake.store;
    clocked.pull_request("2026-11-16T09:00:00Z", "opened", json!({})).await;
    for (hour, words) in [(10, "/assume one"), (11, "/assume two"), (12, "/decide three"), (13, "/assume four")] {
        clocked.note(&format!("2026-11-16T{hour}:00:00Z"), words, json!({ "comment": { "id": hour } })).await;
        clocked.until(&format!("2026-11-16T{hour}:01:00Z")).await;
        // The last is not there yet.
        let now = format!("2026-11-16T{hour}:01:00Z");
        let lanes = store.claim(&Lanes::default(), moment(&now)).await.unwrap();
        for send in lanes.iter().flat_map(Lane::sends).filter(|_| hour < 13) {
            let sent = SendOutcome::Sent { reference: Some(format!("C1/{hour}")), anew: false, doubt: None };
            store.record_outcome(send, &sent.into(), false, at(&now)).await.unwrap();
        }
    }
    let told = |text: &str, changed: bool| Some(vec![(text.to_owned(), changed)]);
    for (now, expected) in [
        ("2026-11-16T09:00:00Z", told("one", false)),
        ("2026-11-16T10:30:00Z", told("one", false)),
        ("2026-11-16T11:30:00Z", told("two", false)),
        ("2026-11-16T12:30:00Z", Some(Vec::new())),
        ("2026-11-16T13:30:00Z", Some(Vec::new())),
    ] {
        assert_eq!(answered(&clocked, "C1/10", at(now)).await, expected, "{now}");
    }
    for (channel, root) in [("email", "C1/10"), ("slack", "C1/11"), ("slack", "%")] {
        assert!(
            store.answered_in(channel, root, at("2026-11-16T11:30:00Z")).await.unwrap().is_none(),
            "{channel} {root}"
        );
    }
    let gone = json!({ "action": "deleted", "comment": { "id": 11 } });
    clocked.note("2026-11-16T14:00:00Z", "/assume two", gone).await;
    assert_eq!(answered(&clocked, "C1/10", at("2026-11-16T11:30:00Z")).await, told("two", true));
}

#[tokio::test]
async fn a_digest_tells_no_assumption_that_an_answer_could_be_to() {
    let clocked = Clocked::new(&[format!(
        "{}digest = \"daily 09:00\"\n",
        team("web").replace("mailbox", "slack:#web").replace("object_by = \"2d\"\n", "")
    )])
    .await;
    clocked.note("2026-11-16T10:00:00Z", "/assume one", json!({})).await;
    clocked.until("2026-11-17T09:00:00Z").await;
    let lanes = clocked.intake.store.claim(&Lanes::default(), moment("2026-11-17T09:00:00Z")).await.unwrap();
    let sends = lanes.iter().flat_map(Lane::sends).collect::<Vec<_>>();
    assert_eq!((sends.len(), sends[0].digest), (1, true));
    let sent = SendOutcome::Sent { reference: Some("C1/1".to_owned()), anew: false, doubt: None };
    clocked.intake.store.record_outcome(sends[0], &sent.into(), false, at("2026-11-17T09:00:00Z")).await.unwrap();
    assert_eq!(answered(&clocked, "C1/1", at("2026-11-17T10:00:00Z")).await, Some(Vec::new()));
}
