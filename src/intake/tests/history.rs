//! What is kept of the way on which a line came to its end.

use super::*;
use crate::plan::LineId;
use crate::store::{Attempt, AttemptOutcome, Happened, Recorded, Tried};

impl Clocked {
    /// What happened to a line, one thing a line.
    async fn history(&self, delivery: i64, line: usize) -> Vec<String> {
        let story = self.intake.store.story(delivery).await.unwrap().unwrap();
        let steps = story.lines[line - 1].1.iter().map(|step| match &step.what {
            Happened::Became { state, reason, by } => {
                let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                format!("{} {state}: {}{by}", step.at, reason.code())
            }
            Happened::Tried { destination, number, outcome, error, .. } => {
                format!("{} {destination} {number}: {outcome} {}", step.at, error.as_deref().unwrap_or("-"))
            }
        });
        steps.collect()
    }
}

#[tokio::test]
async fn each_state_and_each_attempt_is_kept_with_its_time() {
    let clocked = Clocked::new(&[format!("{TEAM}[[rule]]\nname = \"all\"\non = [\"pull_request.*\"]\n")]).await;
    clocked.pull_request("2026-11-19T20:00:00Z", "opened", json!({ "pull_request": { "draft": true } })).await;
    let merged = json!({ "pull_request": { "merged": true, "state": "closed" } });
    clocked.pull_request("2026-11-19T21:00:00Z", "closed", merged).await;
    clocked.until("2026-11-20T08:00:00Z").await;
    let store = &clocked.intake.store;
    let claim = async |now| store.claim(&Lanes::default(), moment(now)).await.unwrap().remove(0);
    let again = SendOutcome::Again { at: at("2026-11-20T08:00:10Z"), error: "451 later".to_owned(), doubtful: false };
    let tried = |now: &str, outcome, result, error: Option<&str>| Tried {
        outcome,
        attempt: Some(Attempt { began: at(now), ended: at(now), outcome: result, error: error.map(str::to_owned) }),
    };
    let first = claim("2026-11-20T08:00:01Z").await;
    let now = "2026-11-20T08:00:02Z";
    let later = tried(now, again, AttemptOutcome::Transient, Some("451 later"));
    assert_ne!(store.record_outcome(&first.sends()[0], &later, false, at(now)).await.unwrap(), Recorded::TakenOver);
    // Nobody hears how the second one ends.
    claim("2026-11-20T08:00:11Z").await;
    let third = claim("2026-11-20T08:20:00Z").await;
    let now = "2026-11-20T08:20:01Z";
    let sent = SendOutcome::Sent { reference: None, anew: false, doubt: None };
    let arrived = tried(now, sent, AttemptOutcome::Sent, None);
    assert_ne!(store.record_outcome(&third.sends()[0], &arrived, false, at(now)).await.unwrap(), Recorded::TakenOver);
    assert_eq!(
        clocked.history(1, 1).await,
        ["2026-11-19T20:00:00Z held: quiet_hours", "2026-11-19T21:00:00Z superseded: superseded by 2.1",]
    );
    assert_eq!(
        clocked.history(2, 1).await,
        [
            "2026-11-19T21:00:00Z held: quiet_hours",
            "2026-11-20T08:00:00Z held: sending",
            "2026-11-20T08:00:02Z mailbox 1: transient 451 later",
            "2026-11-20T08:20:00Z mailbox 2: ambiguous nobody knows how it ended",
            "2026-11-20T08:20:01Z mailbox 3: sent -",
            "2026-11-20T08:20:01Z sent: sent",
        ]
    );
}

#[tokio::test]
async fn an_attempt_stays_when_its_message_is_written_anew_and_what_was_said_of_it_goes() {
    let clocked = Clocked::new(&[format!("{TEAM}[[rule]]\nname = \"all\"\non = [\"pull_request.draft\"]\n")]).await;
    clocked.pull_request("2026-11-20T10:00:00Z", "opened", json!({ "pull_request": { "draft": true } })).await;
    clocked.until("2026-11-20T10:02:00Z").await;
    let store = &clocked.intake.store;
    let now = "2026-11-20T10:02:01Z";
    let lane = store.claim(&Lanes::default(), moment(now)).await.unwrap().remove(0);
    let tried = Tried {
        outcome: SendOutcome::Again { at: at("2026-11-20T10:03:00Z"), error: "`Add it`?".to_owned(), doubtful: false },
        attempt: Some(Attempt {
            began: at(now),
            ended: at(now),
            outcome: AttemptOutcome::Transient,
            error: Some("`Add it`?".to_owned()),
        }),
    };
    assert_ne!(store.record_outcome(&lane.sends()[0], &tried, false, at(now)).await.unwrap(), Recorded::TakenOver);
    let line = LineId { delivery: 1, line: 1 };
    store.write(move |tx| tx.recall(&[tx.line(line)?.unwrap()], at("2026-11-20T10:02:02Z"))).await.unwrap();
    assert_eq!(
        clocked.history(1, 1).await,
        [
            "2026-11-20T10:00:00Z held: settling",
            "2026-11-20T10:01:00Z held: sending",
            "2026-11-20T10:02:01Z mailbox 1: transient -",
            "2026-11-20T10:02:02Z held: written_anew",
        ]
    );
}
