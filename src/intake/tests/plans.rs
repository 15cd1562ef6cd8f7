//! How PostgreSQL runs the statements of planning and sending. SQLite's are looked at beside each statement.

use super::*;
use crate::store::tests::reads_a_whole_table;

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let Some((folder, _)) = Place::on_server() else { return };
    let digest =
        "team = \"data\"\nto = [\"mailbox\"]\ndigest = \"daily 09:00\"\n[[rule]]\nname = \"d\"\non = [\"*\"]\n";
    let teams = [
        format!("{TEAM}[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"ticket.*\", \"note.*\"]\n"),
        digest.to_owned(),
    ];
    let clocked = Clocked::in_folder(folder, &teams).await;
    clocked.pull_request("2026-11-19T10:00:00Z", "opened", json!({})).await;
    clocked.comment("2026-11-19T10:01:00Z", "ana", "Assumption: nobody reads the old field.").await;
    clocked.send("2026-11-19T10:20:00Z").await;
    clocked.ticket("2026-11-19T10:30:00Z", "Done", "done").await;
    let merged = json!({ "pull_request": { "merged": true, "state": "closed" } });
    clocked.pull_request("2026-11-19T11:00:00Z", "closed", merged).await;
    clocked.until("2026-11-23T10:00:00Z").await;
    let store = &clocked.intake.store;
    let lanes = Lanes::of(store);
    let claimed = store.claim(&lanes, moment("2026-11-23T10:00:01Z")).await.unwrap();
    let ended = claimed.iter().map(|lane| lane.to().clone()).collect::<Vec<_>>();
    drop(claimed);
    store.claim_after(ended, &lanes, moment("2026-11-23T10:00:02Z")).await.unwrap();
    let plans = store.plans().await.unwrap();
    assert!(plans.len() > 40, "{}", plans.len());
    let whole = plans.iter().filter(|plan| reads_a_whole_table(plan)).cloned().collect::<Vec<_>>();
    assert_eq!(whole.join("\n\n"), "");
}
