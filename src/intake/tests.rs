//! The pipeline from stored deliveries to messages, on a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "tests")]

mod assumption;
mod bulk;
mod carry;
mod damaged;
mod digest;
mod due_dates;
mod history;
mod plans;
mod recall;
mod retry;
mod silence;

use serde_json::{Value, json};

use super::*;
use crate::config;
use crate::store::tests::Place;
use crate::store::{Claimed, Entry, EntryState, Filter, Incoming, Lane, Lanes, Now, SendOutcome, Written};

/// A team of the working week, in a place whose clock is that of Greenwich in winter.
const TEAM: &str = r#"
team = "web"
members = ["bo"]
to = ["mailbox"]
timezone = "Europe/Lisbon"
quiet = ["19:00-08:00", "sat", "sun"]
"#;

pub(crate) struct Clocked {
    pub(crate) intake: Intake,
    folder: Place,
    /// Resolves once the store has ended
    ended: Written,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn pull_request(now: &str, action: &str, more: Value) -> Value {
    let mut body = json!({
        "action": action,
        "repository": { "full_name": "acme/ingest" },
        "sender": { "login": "ana" },
        "pull_request": {
            "number": 7, "title": "Add it", "state": "open", "draft": false, "user": { "login": "ana" },
            "html_url": "https://github.com/acme/ingest/pull/7", "updated_at": now,
            "base": { "ref": "main" }, "head": { "ref": "DATA-1-add" }, "labels": [],
        },
    });
    merge(&mut body, more);
    body
}

pub(crate) fn moment(text: &str) -> Now {
    Now { time: at(text), ..Now::read() }
}

impl Clocked {
    pub(crate) async fn new(teams: &[String]) -> Self {
        Self::in_folder(Place::new(), teams).await
    }

    /// From the store in a place, if there is one.
    async fn in_folder(folder: Place, teams: &[String]) -> Self {
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir_all(folder.path().join("rules")).unwrap();
        file(
            "microalign.toml",
            "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n[jira]\nsecrets = [\"sixteen-letters-or-more\"]\n",
        );
        for (number, team) in teams.iter().enumerate() {
            file(&format!("rules/{number}.toml"), team);
        }
        let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
        let rulebook = Rulebook::load(&config, None);
        assert_eq!(rulebook.problems(), []);
        let (store, ended) = Store::serve(folder.store(), Timestamp::now()).await.unwrap();
        let intake = Intake {
            store,
            settings: Settings::default(),
            enricher: None,
            tell_authors: TellAuthors::default(),
            rulebook: watch::channel(Arc::new(rulebook)).1,
            resumed: watch::channel(None).1,
            metrics: Arc::default(),
            tracer: None,
            stored: Arc::default(),
            fresh: Arc::default(),
            sending: None,
            renamings: mpsc::unbounded_channel().0,
            touched: Vec::new(),
        };
        Self { intake, folder, ended }
    }

    /// Lets time pass, with a step whenever something is due.
    pub(crate) async fn until(&self, end: &str) {
        let end = at(end);
        while let Some(due) = self.intake.store.next_due().await.unwrap().filter(|due| *due <= end) {
            while self.intake.step(due).await.unwrap() {}
        }
        while self.intake.step(end).await.unwrap() {}
    }

    pub(crate) async fn take(&self, now: &str, (source, name): (Source, &str), body: &Value) {
        self.until(now).await;
        let key = format!("{now} {}", fastrand::u64(..));
        let (body, name, received) = (body.to_string().into_bytes(), name.to_owned(), at(now));
        self.intake.store.accept(Incoming { source, key, name, body, received, ignored: None }).await.unwrap();
        self.until(now).await;
    }

    pub(crate) async fn pull_request(&self, now: &str, action: &str, more: Value) {
        self.take(now, (Source::Github, "pull_request"), &pull_request(now, action, more)).await;
    }

    pub(crate) async fn comment(&self, now: &str, who: &str, words: &str) {
        let body = comment(now, who, words);
        self.take(now, (Source::Github, "issue_comment"), &body).await;
    }

    /// A ticket that moves to a status, and the category of that.
    pub(crate) async fn ticket(&self, now: &str, status: &str, category: &str) {
        let body = json!({
            "webhookEvent": "jira:issue_updated",
            "timestamp": at(now).as_millisecond(),
            "user": { "accountId": "5b", "displayName": "Ana" },
            "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
                "summary": "Orders", "issuetype": { "name": "Bug" }, "status": { "name": status, "statusCategory": { "key": category } },
                "assignee": { "accountId": "bo", "displayName": "bo" }, "updated": now.replace('Z', ".000+0000"),
            } },
            "changelog": { "items": [{ "field": "status", "fieldId": "status", "fromString": "Open", "toString": status }] },
        });
        self.take(now, (Source::Jira, ""), &body).await;
    }

    /// Everything that is queued arrives.
    pub(crate) async fn send(&self, now: &str) {
        while !self.claim(now).await.is_empty() {}
    }

    /// What is queued arrives: of each conversation at each place the next.
    async fn claim(&self, now: &str) -> Vec<Claimed> {
        let lanes = self.intake.store.claim(&Lanes::default(), moment(now)).await.unwrap();
        let sends = lanes.iter().flat_map(Lane::sends).cloned().collect::<Vec<_>>();
        for send in &sends {
            self.intake
                .store
                .record_outcome(
                    send,
                    &SendOutcome::Sent { reference: None, anew: false, doubt: None }.into(),
                    false,
                    at(now),
                )
                .await
                .unwrap();
        }
        sends
    }

    pub(crate) async fn ledger(&self) -> Vec<Entry> {
        self.intake.store.ledger(&Filter::default()).await.unwrap()
    }

    /// The messages that go, as text without the quiet line.
    pub(crate) async fn messages(&self) -> Vec<String> {
        let texts = self.ledger().await.into_iter().filter_map(|line| line.message);
        texts.map(|message| message.text().rsplit_once("\n\n").unwrap().0.to_owned()).collect()
    }

    /// State and reason of each line.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let kind = |line: &Entry| line.kind.clone().unwrap_or_default();
        self.ledger()
            .await
            .iter()
            .map(|line| format!("{} {}: {}", kind(line), line.state.as_str(), line.reason))
            .collect()
    }
}

pub(crate) fn comment(now: &str, who: &str, words: &str) -> Value {
    json!({
        "action": "created",
        "repository": { "full_name": "acme/ingest" },
        "sender": { "login": who },
        "issue": {
            "number": 7, "title": "Add it", "state": "open", "user": { "login": "ana" },
            "html_url": "https://github.com/acme/ingest/pull/7", "pull_request": {},
        },
        "comment": {
            "id": fastrand::u32(..), "body": words, "user": { "login": who }, "created_at": now,
            "html_url": "https://github.com/acme/ingest/pull/7#issuecomment-1",
        },
    })
}

pub(crate) fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

pub(crate) fn draft() -> Value {
    json!({ "pull_request": { "draft": true } })
}

pub(crate) fn merged() -> Value {
    json!({ "pull_request": { "state": "closed", "merged": true } })
}

#[tokio::test]
async fn of_a_night_only_the_merge_is_told_in_the_morning() {
    let rule =
        "[[rule]]\nname = \"work\"\non = [\"pull_request.draft\", \"pull_request.ready\", \"pull_request.merged\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-19T20:00:00Z", "opened", draft()).await;
    clocked.pull_request("2026-11-19T21:00:00Z", "ready_for_review", json!({})).await;
    clocked.pull_request("2026-11-19T22:00:00Z", "closed", merged()).await;
    clocked.until("2026-11-20T07:59:59Z").await;
    assert_eq!(clocked.messages().await, [""; 0]);
    assert!(clocked.lines().await[2].ends_with("quiet hours: it waits until Fri 2026-11-20 08:00"));
    clocked.until("2026-11-20T08:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(matches!(&messages[..], [only] if only.contains("ana merged “Add it”")), "{messages:?}");
    let states = clocked.ledger().await.iter().map(|line| line.state).collect::<Vec<_>>();
    assert_eq!(states, [EntryState::Superseded, EntryState::Superseded, EntryState::Held]);
}

#[tokio::test]
async fn what_waited_about_one_ticket_is_one_message_with_a_line_each() {
    let rule = "[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"ticket.*\", \"note.*\"]\nobject_by = \"3d\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.ticket("2026-11-19T20:00:00Z", "Doing", "indeterminate").await;
    clocked.pull_request("2026-11-19T21:00:00Z", "opened", draft()).await;
    clocked.comment("2026-11-19T22:00:00Z", "ana", "/assume ids are never reused").await;
    clocked.until("2026-11-20T08:00:00Z").await;
    let messages = clocked.messages().await;
    insta::assert_snapshot!(messages.join("\n====\n"));
    let ledger = clocked.ledger().await;
    let told = ledger.iter().filter(|line| line.reason.starts_with("it is told with 1.1")).count();
    assert_eq!((messages.len(), told), (1, ledger.len() - 1), "{ledger:#?}");
    assert!(ledger.iter().all(|line| line.sends.len() == 1), "each shows how it went");
}

#[tokio::test]
async fn what_several_rules_say_of_an_event_is_said_once_at_a_place() {
    let rules = r#"settle = "0s"
[[rule]]
name = "one"
on = ["pull_request.merged"]
[[rule]]
name = "two"
on = ["pull_request.*"]
to = ["mailbox", "email:two@example.com"]
[[rule]]
name = "three"
on = ["pull_request.merged"]
template = "heads-up"
"#;
    let clocked = Clocked::new(&[format!("{}{rules}", TEAM.replace("quiet =", "# quiet ="))]).await;
    clocked.pull_request("2026-11-20T12:00:00Z", "closed", merged()).await;
    let sends = clocked.ledger().await.into_iter().map(|line| {
        let to = line.sends.into_iter().map(|send| send.destination).collect::<Vec<_>>();
        (line.rule.unwrap(), to.join(" "))
    });
    let expected = [("one", "mailbox"), ("two", "email:two@example.com"), ("three", "mailbox")];
    assert_eq!(sends.collect::<Vec<_>>(), expected.map(|(rule, to)| (rule.to_owned(), to.to_owned())));
}

#[tokio::test]
async fn what_comes_together_goes_together() {
    let rule = "settle = \"5s\"\n[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"note.*\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-20T12:00:00Z", "opened", json!({})).await;
    clocked.comment("2026-11-20T12:00:00.9Z", "ana", "/headsup the format changes").await;
    clocked.comment("2026-11-20T12:00:02.5Z", "ana", "See above.").await;
    clocked.until("2026-11-20T13:00:00Z").await;
    let lines = clocked.messages().await.iter().map(|message| message.matches("- ").count()).collect::<Vec<_>>();
    assert_eq!(lines, [2, 0], "{:?}", clocked.messages().await);
}

#[tokio::test]
async fn a_digest_collects_the_day() {
    let rule = "[[rule]]\nname = \"day\"\non = [\"pull_request.commented\", \"pull_request.merged\", \"note.*\"]\ndigest = \"daily 09:00\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.comment("2026-11-19T10:00:00Z", "ana", "How about a view?").await;
    clocked.comment("2026-11-19T11:00:00Z", "ana", "/decide we keep v1\n\nuntil June").await;
    clocked.pull_request("2026-11-19T12:00:00Z", "closed", merged()).await;
    let other = json!({ "pull_request": { "number": 8, "title": "Other", "head": { "ref": "x" } } });
    let mut other_merged = merged();
    merge(&mut other_merged, other);
    clocked.pull_request("2026-11-19T13:00:00Z", "closed", other_merged).await;
    clocked.until("2026-11-20T08:59:59Z").await;
    assert_eq!(clocked.messages().await, [""; 0]);
    clocked.until("2026-11-20T09:00:00Z").await;
    let ledger = clocked.ledger().await;
    let message = ledger.iter().find_map(|line| line.message.clone()).unwrap();
    insta::assert_snapshot!(format!("{}\n\n{}", message.subject, message.text()));
    assert_eq!(clocked.messages().await.len(), 1);
}

#[tokio::test]
async fn a_burst_of_comments_is_one_message_and_the_digest_counts_what_it_shows() {
    let rules = [("talk", ""), ("day", "digest = \"daily 09:00\"\n")].map(|(name, more)| {
        format!("[[rule]]\nname = \"{name}\"\non = [\"pull_request.commented\", \"note.*\"]\nsettle = \"60s\"\n{more}")
    });
    for (rule, subject) in [(&rules[0], "DATA-1: Add it"), (&rules[1], "3 updates for web")] {
        let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
        clocked.pull_request("2026-11-19T20:00:00Z", "opened", json!({})).await;
        for minute in 10..17 {
            clocked.comment(&format!("2026-11-19T20:{minute}:00Z"), "ana", &format!("Line {minute} is long.")).await;
        }
        clocked.comment("2026-11-19T20:18:00Z", "caro", "It is.").await;
        clocked.comment("2026-11-19T20:19:00Z", "ana", "/decide it stays").await;
        clocked.until("2026-11-20T09:00:00Z").await;
        let messages = clocked.messages().await;
        let [message] = &messages[..] else { panic!("{messages:#?}") };
        assert_eq!(message.matches("ana left 7 comments on the PR “Add it”").count(), 1, "{message}");
        assert_eq!(message.matches("> Line ").count(), 5, "{message}");
        assert!(
            message.contains("…and 2 more comments.") && message.contains("> It is.") && message.contains("> it stays"),
            "{message}"
        );
        let said = clocked.ledger().await.into_iter().find_map(|line| line.message).unwrap();
        assert_eq!(said.subject, subject);
        assert!(message.matches("Re DATA-1").count() <= 1, "{message}");
        // None is lost: each has its line.
        assert!(clocked.ledger().await.iter().all(|line| line.team.is_none() || line.sends.len() == 1));
    }
}

#[tokio::test]
async fn over_the_budget_there_is_one_digest_in_the_next_period() {
    let rule = "budget = \"2/day\"\n[[rule]]\nname = \"talk\"\non = [\"pull_request.commented\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    for hour in 10..15 {
        clocked.comment(&format!("2026-11-20T{hour}:00:00Z"), "ana", &format!("Comment {hour}")).await;
    }
    clocked.until("2026-11-22T23:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 2);
    let held = clocked.lines().await.into_iter().filter(|line| line.contains("the budget of 2/day is spent"));
    assert!(held.clone().all(|line| line.ends_with("until Mon 2026-11-23 08:00")), "{:?}", held.collect::<Vec<_>>());
    assert_eq!(held.count(), 3);
    clocked.until("2026-11-23T08:00:00Z").await;
    let messages = clocked.messages().await;
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[2].matches("> Comment 1").count(), 3, "{}", messages[2]);
}

#[tokio::test]
async fn every_limits_a_rule_to_one_in_its_window_and_the_newest_waits() {
    let rule =
        "[[rule]]\nname = \"progress\"\non = [\"pull_request.draft\", \"pull_request.on_track\"]\nevery = \"2d\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-16T10:00:00Z", "opened", draft()).await;
    for day in ["16T11", "16T12", "17T12", "18T09"] {
        clocked.pull_request(&format!("2026-11-{day}:00:00Z"), "synchronize", draft()).await;
    }
    clocked.until("2026-11-18T10:00:59Z").await;
    assert_eq!(clocked.messages().await.len(), 1);
    clocked.until("2026-11-18T10:01:00Z").await;
    let messages = clocked.messages().await;
    assert_eq!(messages.len(), 2);
    assert!(messages[1].contains("ana pushed to the draft PR “Add it”"), "{messages:?}");
    let lines = clocked.lines().await;
    assert_eq!(lines.iter().filter(|line| line.contains("superseded")).count(), 3, "{lines:#?}");
}

#[tokio::test]
async fn who_labels_late_is_not_who_merged() {
    let rule = "[[rule]]\nname = \"contract\"\non = [\"pull_request.merged\"]\nlabels = [\"contract\"]\ntemplate = \"heads-up\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-19T10:00:00Z", "closed", merged()).await;
    let mut labelled = json!({ "sender": { "login": "bo" }, "pull_request": { "labels": [{ "name": "contract" }] } });
    merge(&mut labelled, merged());
    clocked.pull_request("2026-11-19T11:00:00Z", "labeled", labelled).await;
    clocked.until("2026-11-19T12:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(matches!(&messages[..], [only] if !only.contains("bo")), "{messages:?}: {:?}", clocked.lines().await);
}

#[tokio::test]
async fn each_push_stands_for_itself() {
    let rule = "[[rule]]\nname = \"pushes\"\non = [\"push\"]\ndigest = \"daily 09:00\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    for (hour, title) in [(10, "First"), (11, "Second")] {
        let commit = json!({ "id": "c0ffee", "message": title, "url": "https://github.com/acme/ingest/commit/c0ffee" });
        let body = json!({
            "ref": "refs/heads/main", "repository": { "full_name": "acme/ingest" }, "sender": { "login": "ana" },
            "compare": "https://github.com/acme/ingest/compare/a...b", "commits": [commit], "head_commit": commit,
        });
        clocked.take(&format!("2026-11-19T{hour}:00:00Z"), (Source::Github, "push"), &body).await;
    }
    clocked.until("2026-11-20T09:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(messages[0].contains("First") && messages[0].contains("Second"), "{messages:?}");
}
