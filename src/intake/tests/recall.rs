//! Messages that were written and not sent yet when a part of them is taken back.

use super::*;
use crate::plan::LineId;

const RULES: &str =
    "[[rule]]\nname = \"work\"\non = [\"pull_request.draft\", \"pull_request.labeled\", \"pull_request.commented\"]\n";
const NOW: &str = "2026-11-19T10:10:00Z";
const WHY: &str = "what it tells was taken back before it could go there";

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
        self.intake.store.write(move |tx| tx.recall(&[tx.line(line)?.unwrap()], WHY, at(NOW))).await.unwrap();
    }

    async fn claimed(&self) -> Vec<Claimed> {
        let lanes = self.intake.store.claim(&Lanes::default(), moment(NOW)).await.unwrap();
        lanes.iter().flat_map(Lane::sends).cloned().collect()
    }

    async fn ended(&self, send: &Claimed, outcome: SendOutcome) {
        assert!(self.intake.store.record_outcome(send, &outcome, false, at(NOW)).await.unwrap());
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
        clocked.recall(1).await;
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
    for (action, text, messages) in
        [("edited", "/headsup fish swim", 1), ("edited", "Never mind.", 0), ("deleted", "/headsup birds fly", 0)]
    {
        let clocked = Clocked::new(&[format!("team = \"web\"\nto = [\"mailbox\"]\n{rule}")]).await;
        let mut body = comment("2026-11-19T10:00:00Z", "ana", "/headsup birds fly");
        clocked.take("2026-11-19T10:00:00Z", (Source::Github, "issue_comment"), &body).await;
        clocked.until("2026-11-19T10:05:00Z").await;
        assert_eq!(clocked.sends().await, ["mailbox queued"]);
        let edit = json!({ "action": action, "changes": { "body": { "from": "/headsup birds fly" } },
                           "comment": { "body": text, "updated_at": "2026-11-19T10:06:00Z" } });
        merge(&mut body, edit);
        clocked.take("2026-11-19T10:06:00Z", (Source::Github, "issue_comment"), &body).await;
        clocked.until("2026-11-19T10:30:00Z").await;
        let told = clocked.messages().await;
        assert_eq!(told.len(), messages, "{action} to {text}: {told:?}");
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
    clocked.take("2026-11-19T10:30:00Z", (Source::Jira, ""), &level).await;
    clocked.until("2026-11-19T10:40:00Z").await;
    let after = whole(clocked.ledger().await);
    assert!(after.contains("DATA-1") && after.contains("Add it") && !after.contains("Orders"), "{after}");
}
