//! What no webhook brings: progress, silences, and that nobody objected.

use super::*;

#[tokio::test]
async fn a_draft_is_on_track_when_its_ticket_moves_on() {
    let rule = "[[rule]]\nname = \"progress\"\non = [\"pull_request.on_track\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-16T10:00:00Z", "opened", draft()).await;
    clocked.ticket("2026-11-16T11:00:00Z", "Doing", "indeterminate").await;
    clocked.until("2026-11-16T12:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(matches!(&messages[..], [only] if only.contains("draft PR")), "{messages:?}");
    clocked.pull_request("2026-11-16T13:00:00Z", "ready_for_review", json!({})).await;
    clocked.ticket("2026-11-16T14:00:00Z", "In Review", "indeterminate").await;
    clocked.until("2026-11-16T15:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 1, "it is no draft any more");
}

#[tokio::test]
async fn a_pull_request_that_stalls_is_told_once_for_each_silence() {
    let rule = "[[rule]]\nname = \"stuck\"\non = [\"pull_request.stalled\"]\nafter = \"5d\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.pull_request("2026-11-02T10:00:00Z", "opened", json!({})).await;
    clocked.comment("2026-11-04T10:00:00Z", "li", "Soon.").await;
    clocked.comment("2026-11-06T10:00:00Z", "ci[bot]", "It works.").await;
    clocked.until("2026-11-09T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 0);
    clocked.until("2026-11-09T10:01:00Z").await;
    let messages = clocked.messages().await;
    assert!(
        matches!(&messages[..], [only] if only.contains("has been quiet since Mon 2 Nov 2026, 10:00 WET")),
        "{messages:?}"
    );
    clocked.until("2026-11-30T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 1);
    clocked.pull_request("2026-11-30T11:00:00Z", "closed", merged()).await;
    clocked.until("2026-12-31T10:00:00Z").await;
    assert_eq!(clocked.messages().await.len(), 1);
}

#[tokio::test]
async fn a_stall_that_ends_while_it_waits_is_not_told() {
    let rule = "[[rule]]\nname = \"stuck\"\non = [\"pull_request.stalled\"]\nafter = \"5d\"\nticket_type = [\"Bug\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.ticket("2026-11-13T09:00:00Z", "Doing", "indeterminate").await;
    clocked.pull_request("2026-11-15T20:00:00Z", "opened", json!({})).await;
    clocked.until("2026-11-20T20:00:00Z").await;
    assert!(clocked.lines().await.last().unwrap().contains("stalled held"), "{:?}", clocked.lines().await);
    clocked.pull_request("2026-11-21T12:00:00Z", "synchronize", json!({})).await;
    clocked.until("2026-11-24T20:00:00Z").await;
    assert_eq!(clocked.messages().await, [""; 0]);
}

#[tokio::test]
async fn a_team_whose_ticket_went_quiet_is_nudged_if_others_follow_it() {
    let own = "[[rule]]\nname = \"nudge\"\non = [\"ticket.quiet\"]\nafter = \"3d\"\n";
    let partner = "team = \"data\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"tickets\"\non = [\"ticket.started\"]\n";
    let alone = Clocked::new(&[format!("{TEAM}{own}")]).await;
    alone.ticket("2026-11-02T10:00:00Z", "Doing", "indeterminate").await;
    alone.until("2026-11-20T10:00:00Z").await;
    assert_eq!(alone.messages().await.len(), 0);
    assert!(alone.lines().await[1].contains("no partner team was told of it"), "{:?}", alone.lines().await);
    let followed = Clocked::new(&[format!("{TEAM}{own}"), partner.to_owned()]).await;
    followed.ticket("2026-11-02T10:00:00Z", "Doing", "indeterminate").await;
    followed.until("2026-11-20T10:00:00Z").await;
    let messages = followed.messages().await;
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[1].contains("is in progress, but there has been no news for a while"), "{messages:?}");
}

#[tokio::test]
async fn an_assumption_is_agreed_when_nobody_of_the_team_answers_in_time() {
    let rule = "[[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"2d\"\n";
    for (arrives, answer, expected) in [
        (false, None, "it is being sent"),
        (true, None, "the rule matched; agreed: nobody objected by 2026-11-18 10:01"),
        (true, Some("li"), "the rule matched; agreed: nobody objected by 2026-11-18 10:01"),
        (
            true,
            Some("bo"),
            "the rule matched; bo answered before 2026-11-18 10:01: https://github.com/acme/ingest/pull/7#issuecomment-1",
        ),
    ] {
        let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
        clocked.pull_request("2026-11-16T09:00:00Z", "opened", json!({})).await;
        clocked.comment("2026-11-16T10:00:00Z", "ana", "/assume ids are never reused").await;
        if let Some(who) = answer {
            clocked.comment("2026-11-17T10:00:00Z", who, "They are!").await;
        }
        clocked.until("2026-11-17T11:00:00Z").await;
        if arrives {
            clocked.send("2026-11-17T11:00:00Z").await;
        }
        clocked.until("2026-11-18T10:01:00Z").await;
        let message = clocked.messages().await.remove(0);
        let asks =
            message.contains("Disagree? Reply on the PR “") && message.contains(" by Wed 18 Nov 2026, 10:01 WET.");
        assert!(asks, "{message}");
        let lines = clocked.lines().await;
        assert!(lines.iter().any(|line| line.ends_with(expected)), "{answer:?}: {lines:#?}");
    }
}
