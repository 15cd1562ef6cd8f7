//! Sends that are tried again, whatever the clock says and whoever claimed them before.

use super::*;
use crate::store::Recorded;

#[tokio::test]
async fn a_clock_that_was_set_back_silences_nobody() {
    let clocked = Clocked::new(&[team_of_merges()]).await;
    let merged = json!({ "pull_request": { "merged": true, "state": "closed" } });
    clocked.pull_request("2026-11-20T09:00:00Z", "closed", merged).await;
    let store = &clocked.intake.store;
    // The clock is a day ahead.
    let lanes = store.claim(&Lanes::default(), moment("2026-11-21T09:00:00Z")).await.unwrap();
    let again = SendOutcome::Again { at: at("2026-11-21T09:00:05Z"), error: "451 later".to_owned(), doubtful: false };
    let recorded =
        store.record_outcome(&lanes[0].sends()[0], &again.into(), false, at("2026-11-21T09:00:00Z")).await.unwrap();
    assert_eq!(recorded, Recorded::GoesOn);
    assert!(clocked.claim("2026-11-20T09:01:00Z").await.is_empty());
    store.clock_set_back(std::time::Duration::from_secs(86_400), at("2026-11-20T09:00:00Z")).await.unwrap();
    assert!(clocked.claim("2026-11-20T09:00:04Z").await.is_empty());
    assert_eq!(clocked.claim("2026-11-20T09:00:06Z").await.len(), 1);
}

#[tokio::test]
async fn a_send_whose_claim_ran_out_may_be_a_second_one_and_says_so() {
    let clocked = Clocked::new(&[team_of_merges()]).await;
    let merged = json!({ "pull_request": { "merged": true, "state": "closed" } });
    clocked.pull_request("2026-11-20T09:00:00Z", "closed", merged).await;
    let store = &clocked.intake.store;
    let first = store.claim(&Lanes::default(), moment("2026-11-20T09:00:01Z")).await.unwrap();
    assert!(!first[0].sends()[0].doubtful);
    let again = clocked.claim("2026-11-20T09:20:00Z").await;
    assert_eq!((again[0].doubtful, again[0].attempt), (true, 2));
    assert_eq!(again[0].error.as_deref(), Some("ambiguous: nobody knows how attempt 1 ended"));
    let late = SendOutcome::Sent { reference: None, anew: false, doubt: None };
    let recorded =
        store.record_outcome(&first[0].sends()[0], &late.into(), false, at("2026-11-20T09:20:00Z")).await.unwrap();
    assert_eq!(recorded, Recorded::TakenOver, "its fence is old");
}

fn team_of_merges() -> String {
    let rule = "[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";
    format!("team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\nown = true\n{rule}")
}
