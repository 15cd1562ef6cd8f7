//! Messages that were written and not sent yet when a part of them is taken back.

use super::*;
use crate::plan::LineId;
use crate::store::Recorded;

const RULES: &str =
    "[[rule]]\nname = \"work\"\non = [\"pull_request.draft\", \"pull_request.labeled\", \"pull_request.commented\"]\n";
const NOW: &str = "2026-11-19T10:10:00Z";
const WHY: &str = "it was taken back before it was sent here";

/// Two updates in one message, to these places, that waits to be sent.
async fn written(to: &str) -> Clocked {
    let team = format!("team = \"web\"\nto = {to}\n{RULES}");
    let clocked = Clocked::new(&[team]).await;
    clocked.pull_request("2026-11-19T10:00:00Z", "opened", draft()).await;
    clocked.comment("2026-11-19T10:00:00Z", "ana", "The ids change.").await;
    clocked.until("2026-11-19T10:05:00Z").await;
    let entries = clocked.ledger().await;
    assert_eq!(entries.iter().filter(|line| line.message.is_some()).count(), 1, "{:?}", clocked.lines().await);
    assert!(entries.iter().all(|line| line.state == EntryState::Held), "{:?}", clocked.lines().await);
    clocked
}

impl Clocked {
    async fn recall(&self, delivery: i64) {
        let line = LineId { delivery, line: 1 };
        self.intake.store.write(move |tx| tx.recall(&[tx.line(line)?.unwrap()], at(NOW))).await.unwrap();
    }

    async fn claimed(&self) -> Vec<Claimed> {
        let lanes = self.intake.store.claim(&Lanes::default(), moment(NOW)).await.unwrap();
        lanes.iter().flat_map(Lane::sends).cloned().collect()
    }

    async fn ended(&self, send: &Claimed, outcome: SendOutcome) {
        let recorded = self.intake.store.record_outcome(send, &outcome.into(), false, at(NOW)).await.unwrap();
        assert_ne!(recorded, Recorded::TakenOver);
    }

    async fn sends(&self) -> Vec<String> {
        let entries = self.ledger().await;
        let sends = entries.iter().flat_map(|line| &line.sends);
        let sends = sends.map(|send| format!("{} {}", send.destination, send.state.as_str()));
        // Each line of a message shows all of them.
        sends.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

fn sent() -> SendOutcome {
    SendOutcome::Sent { reference: None, anew: false, doubt: None }
}

fn again(error: &str, doubtful: bool) -> SendOutcome {
    SendOutcome::Again { at: at(NOW), error: error.to_owned(), doubtful }
}

#[tokio::test]
async fn what_no_place_has_yet_is_written_anew() {
    // By the one that stands for both, and by the other.
    for delivery in [1, 2] {
        let clocked = written("[\"mailbox\", \"email:a@example.com\"]").await;
        clocked.recall(delivery).await;
        assert_eq!(clocked.sends().await, [""; 0]);
        let entries = clocked.ledger().await;
        assert!(entries.iter().all(|line| line.message.is_none() && line.state == EntryState::Held), "{entries:?}");
        assert!(entries.iter().all(|line| line.reason.starts_with("its message is written anew")), "{entries:?}");
        assert_eq!(clocked.intake.store.next_due().await.unwrap(), Some(at(NOW)));
        clocked.until("2026-11-19T10:11:00Z").await;
        assert_eq!(clocked.messages().await.len(), 1);
        assert_eq!(clocked.sends().await.len(), 2);
        clocked.send("2026-11-19T10:11:00Z").await;
        assert!(clocked.ledger().await.iter().all(|line| line.state == EntryState::Sent));
    }
}

#[tokio::test]
async fn what_certainly_did_not_arrive_is_written_anew_and_what_may_have_is_stopped() {
    for (error, stopped) in [("the server is away", false), ("ambiguous: the server did not answer", true)] {
        let clocked = written("[\"mailbox\"]").await;
        let [send] = &clocked.claimed().await[..] else { panic!("one send") };
        // It is under way.
        clocked.recall(1).await;
        assert_eq!(clocked.sends().await, ["mailbox sending"]);
        clocked.ended(send, again(error, stopped)).await;
        let (sends, state) = match stopped {
            true => (vec!["mailbox failed"], EntryState::Failed),
            false => (vec![], EntryState::Held),
        };
        assert_eq!(clocked.sends().await, sends, "{error}");
        let entries = clocked.ledger().await;
        assert!(entries.iter().all(|line| line.state == state), "{error} {entries:?}");
        assert!(
            !stopped || entries.iter().all(|line| line.reason == format!("mailbox: {error}; then {WHY}")),
            "{entries:?}"
        );
    }
}

/// How a send that is under way may end; `None` if nobody says.
fn ends() -> [(&'static str, Option<SendOutcome>); 6] {
    [
        ("it failed", Some(again("the server is away", false))),
        ("it was not tried", Some(SendOutcome::Unclaimed)),
        ("nobody knows", Some(again("ambiguous: the server did not answer", true))),
        ("it arrived", Some(sent())),
        ("it was refused", Some(SendOutcome::Failed { error: "552 too large".to_owned(), doubtful: false })),
        ("its claim ran out", None),
    ]
}

impl Clocked {
    /// A webhook is taken while a send is under way, which then ends like this. Says what goes afterwards.
    async fn meanwhile(&self, (source, name): (Source, &str), body: &Value, end: Option<SendOutcome>) -> String {
        let claimed = self.claimed().await;
        let [send] = &claimed[..] else { panic!("{} sends", claimed.len()) };
        self.take("2026-11-19T10:10:01Z", (source, name), body).await;
        if let Some(end) = end {
            self.ended(send, end).await;
        }
        let mut told = String::new();
        for now in ["2026-11-19T10:40:00Z", "2026-11-19T11:30:00Z"] {
            self.until(now).await;
            loop {
                let sends = self.claim(now).await;
                if sends.is_empty() {
                    break;
                }
                told.extend(sends.iter().map(|send| send.message.text() + "\n"));
            }
        }
        told
    }
}

#[tokio::test]
async fn what_is_taken_back_while_it_is_under_way_is_not_tried_again() {
    let words = "The ids change.";
    let edited = json!({ "action": "edited", "changes": { "body": { "from": words } },
                         "comment": { "body": "The ids stay.", "updated_at": "2026-11-19T10:10:01Z" } });
    for (what, change) in [("deleted", json!({ "action": "deleted" })), ("edited", edited)] {
        for (how, end) in ends() {
            let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{RULES}")]).await;
            clocked.pull_request("2026-11-19T10:00:00Z", "opened", draft()).await;
            let mut body = comment("2026-11-19T10:00:00Z", "ana", words);
            clocked.take("2026-11-19T10:00:00Z", (Source::Github, "issue_comment"), &body).await;
            clocked.until("2026-11-19T10:05:00Z").await;
            merge(&mut body, change.clone());
            let told = clocked.meanwhile((Source::Github, "issue_comment"), &body, end).await;
            let has = ["The ids change", "The ids stay", "opened a draft"].map(|words| told.contains(words));
            let anew = matches!(how, "it failed" | "it was not tried");
            assert_eq!(has, [false, anew && what == "edited", anew], "{what}, {how}: {told}");
            let lines = clocked.lines().await;
            let state = match how {
                "it arrived" => "sent",
                _ if !anew => "failed",
                _ if what == "deleted" => "suppressed: it was deleted before it was sent",
                _ => "sent",
            };
            let of = lines.iter().find(|line| line.starts_with("pull_request.commented")).unwrap();
            assert!(of.starts_with(&format!("pull_request.commented {state}")), "{what}, {how}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_for_everybody_any_more_while_it_is_under_way_is_not_tried_again() {
    let privatized = json!({
        "action": "privatized", "sender": { "login": "ana" },
        "repository": { "full_name": "acme/ingest", "private": true, "visibility": "private",
                        "updated_at": "2026-11-19T10:10:01Z" },
    });
    let public = json!({ "repository": { "private": false }, "pull_request": { "draft": true } });
    for (how, end) in ends() {
        let clocked =
            Clocked::new(&[format!("team = \"web\"\naudience = \"outside\"\nto = [\"mailbox\"]\n{RULES}")]).await;
        clocked.pull_request("2026-11-19T10:00:00Z", "opened", public.clone()).await;
        clocked.until("2026-11-19T10:05:00Z").await;
        let before = clocked.messages().await.concat();
        assert!(before.contains("Add it"), "{before}");
        let told = clocked.meanwhile((Source::Github, "repository"), &privatized, end).await;
        let anew = matches!(how, "it failed" | "it was not tried");
        assert_eq!((told.is_empty(), told.contains("Add it")), (!anew, false), "{how}: {told}");
    }
}

#[tokio::test]
async fn after_a_crash_what_was_taken_back_is_not_tried_again() {
    // One may have been tried, and the one behind it was not.
    let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{RULES}")]).await;
    let mut comments = Vec::new();
    for number in [7, 8] {
        let mut body = comment("2026-11-19T10:00:00Z", "ana", &format!("Words of {number}."));
        merge(&mut body, json!({ "issue": { "number": number } }));
        clocked.take("2026-11-19T10:00:00Z", (Source::Github, "issue_comment"), &body).await;
        comments.push(body);
    }
    clocked.until("2026-11-19T10:05:00Z").await;
    assert_eq!(clocked.claimed().await.len(), 2);
    for mut body in comments {
        merge(&mut body, json!({ "action": "deleted" }));
        clocked.take("2026-11-19T10:10:01Z", (Source::Github, "issue_comment"), &body).await;
    }
    let Clocked { intake, folder, ended } = clocked;
    drop(intake);
    ended.await.unwrap();
    let (store, _) = Store::serve(folder.store(), at(NOW)).await.unwrap();
    let lines = store.ledger(&Filter::default()).await.unwrap();
    let of = |number: &str| {
        let of = lines.iter().find(|line| {
            line.kind.as_deref() == Some("pull_request.commented") && line.subject.as_deref() == Some(number)
        });
        of.map(|line| (line.state, line.reason.as_str())).unwrap()
    };
    let doubt =
        "mailbox: ambiguous: the service stopped during attempt 1; then it was taken back before it was sent here";
    assert_eq!(of("acme/ingest#7"), (EntryState::Failed, doubt));
    assert_eq!(of("acme/ingest#8"), (EntryState::Suppressed, "it was deleted before it was sent"));
    assert!(store.claim(&Lanes::default(), moment("2026-11-19T10:40:00Z")).await.unwrap().is_empty());
}

#[tokio::test]
async fn where_some_place_has_it_the_others_do_not_get_it() {
    let clocked = written("[\"email:a@example.com\", \"mailbox\"]").await;
    let claimed = clocked.claimed().await;
    let [mail, file] = &claimed[..] else { panic!("two sends") };
    clocked.ended(mail, sent()).await;
    clocked.ended(file, again("the disk is full", false)).await;
    clocked.recall(2).await;
    assert_eq!(clocked.sends().await, ["email:a@example.com sent", "mailbox failed"]);
    let entries = clocked.ledger().await;
    assert!(entries.iter().all(|line| line.state == EntryState::Failed && line.reason == format!("mailbox: {WHY}")));
    // What has arrived everywhere is beyond recall.
    let clocked = written("[\"mailbox\"]").await;
    clocked.send(NOW).await;
    let before = clocked.lines().await;
    clocked.recall(1).await;
    assert_eq!((clocked.sends().await, clocked.lines().await), (vec!["mailbox sent".to_owned()], before));
}

#[tokio::test]
async fn a_note_that_was_written_and_not_sent_is_not_sent_in_its_old_words() {
    let rule = "[[rule]]\nname = \"notes\"\non = [\"note.*\"]\n";
    let table =
        [("edited", "/headsup fish swim", 1), ("edited", "Never mind.", 0), ("deleted", "/headsup birds fly", 0)];
    for ((action, text, messages), under_way) in table.into_iter().flat_map(|row| [(row, false), (row, true)]) {
        let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{rule}")]).await;
        let mut body = comment("2026-11-19T10:00:00Z", "ana", "/headsup birds fly");
        clocked.take("2026-11-19T10:00:00Z", (Source::Github, "issue_comment"), &body).await;
        clocked.until("2026-11-19T10:05:00Z").await;
        assert_eq!(clocked.sends().await, ["mailbox queued"]);
        let edit = json!({ "action": action, "changes": { "body": { "from": "/headsup birds fly" } },
                           "comment": { "body": text, "updated_at": "2026-11-19T10:06:00Z" } });
        merge(&mut body, edit);
        let claimed = if under_way { clocked.claimed().await } else { Vec::new() };
        clocked.take("2026-11-19T10:06:00Z", (Source::Github, "issue_comment"), &body).await;
        for send in &claimed {
            clocked.ended(send, again("the server is away", false)).await;
        }
        clocked.until("2026-11-19T10:30:00Z").await;
        let told = clocked.messages().await;
        assert_eq!(told.len(), messages, "{action} to {text}, under way: {under_way}: {told:?}");
        assert!(told.iter().all(|message| message.contains("fish") && !message.contains("birds")), "{told:?}");
    }
}

#[tokio::test]
async fn a_digest_has_no_words_that_were_taken_back() {
    let rule = "[[rule]]\nname = \"talk\"\non = [\"pull_request.commented\"]\ndigest = \"daily 09:00\"\n";
    let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{rule}")]).await;
    for (minute, words, more) in [
        ("00", "Birds fly.", json!({ "action": "deleted" })),
        ("10", "Fish swim.", json!({ "action": "edited", "comment": { "body": "Cats purr." } })),
        ("20", "Dogs bark.", json!({ "action": "unheard-of" })),
    ] {
        let made = format!("2026-11-19T10:{minute}:00Z");
        let mut body = comment(&made, "ana", words);
        clocked.take(&made, (Source::Github, "issue_comment"), &body).await;
        let now = made.replace("T10", "T11");
        merge(&mut body, json!({ "comment": { "updated_at": &now } }));
        merge(&mut body, more);
        clocked.take(&now, (Source::Github, "issue_comment"), &body).await;
    }
    clocked.until("2026-11-20T09:00:00Z").await;
    let told = clocked.messages().await.concat();
    let has = ["Birds fly", "Fish swim", "Cats purr", "Dogs bark"].map(|words| told.contains(words));
    assert_eq!(has, [false, false, true, true], "{told}");
}

#[tokio::test]
async fn a_message_that_waits_to_be_sent_is_written_anew_when_its_ticket_is_restricted() {
    for under_way in [false, true] {
        restricted(under_way).await;
    }
}

/// A ticket is restricted while a message about it waits, or is under way and then fails.
async fn restricted(under_way: bool) {
    let rule = "[[rule]]\nname = \"work\"\non = [\"ticket.started\", \"pull_request.draft\"]\n";
    let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{rule}")]).await;
    clocked.ticket("2026-11-19T10:00:00Z", "Doing", "indeterminate").await;
    clocked.pull_request("2026-11-19T10:10:00Z", "opened", draft()).await;
    clocked.until("2026-11-19T10:20:00Z").await;
    let whole = |messages: Vec<Entry>| {
        format!("{:?}", messages.into_iter().filter_map(|line| line.message).collect::<Vec<_>>())
    };
    let before = whole(clocked.ledger().await);
    assert!(before.contains("Orders"), "{before}");
    let level = json!({
        "webhookEvent": "jira:issue_updated", "timestamp": at("2026-11-19T10:30:00Z").as_millisecond(),
        "user": { "accountId": "5b", "displayName": "Ana" },
        "issue": { "id": "10001", "key": "DATA-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10001", "fields": {
            "summary": "Orders", "status": { "name": "Doing", "statusCategory": { "key": "indeterminate" } },
            "security": { "name": "Restricted" }, "updated": "2026-11-19T10:30:00.000+0000",
        } },
        "changelog": { "items": [{ "field": "security", "fieldId": "security", "fromString": null, "toString": "Restricted" }] },
    });
    let lanes = if under_way {
        clocked.intake.store.claim(&Lanes::default(), moment("2026-11-19T10:29:00Z")).await.unwrap()
    } else {
        Vec::new()
    };
    clocked.take("2026-11-19T10:30:00Z", (Source::Jira, ""), &level).await;
    for send in lanes.iter().flat_map(Lane::sends) {
        clocked.ended(send, again("the server is away", false)).await;
    }
    clocked.until("2026-11-19T10:40:00Z").await;
    let after = whole(clocked.ledger().await);
    assert!(after.contains("DATA-1") && after.contains("Add it") && !after.contains("Orders"), "{after}");
}
