//! A replica that sleeps longer than its leases last, and wakes up as if nothing had happened.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::db::Db;
use super::fleet::Replicas;
use super::load::{Load, To};
use super::receiver::Receiver;
use super::{TAKE_OVER, books, schema, team};
use crate::support::eventually;

/// What is logged of a plan that came too late.
const REFUSED: &str = "another replica plans now";
/// What the sleeper logs as an error: its server ended the transaction that it slept in, whatever that was for.
const ENDED: &[&str] = &["nothing was written", "failed to", "cannot work on deliveries", "cannot see whether"];

async fn arrived(receiver: &Receiver, step: (u64, u64)) {
    eventually("it arrives", async || (receiver.count(step) > 0).then_some(())).await;
}

async fn count(db: &Db, sql: &str, wanted: i64) {
    eventually(sql, async || (db.number(sql).await == wanted).then_some(())).await;
}

/// Has the only replica that runs claim talks 2 to 6 together: the message of talk 2 is on the wire, the others behind it.
async fn claim_behind_one(replicas: &Replicas, receiver: &Receiver) {
    receiver.hold((1, 1));
    replicas.senders.accepted(0, (1, 1)).await;
    arrived(receiver, (1, 1)).await;
    for talk in 2..=6 {
        replicas.senders.accepted(0, (talk, 1)).await;
    }
    count(&replicas.db, "SELECT count(*) FROM send WHERE state = 'queued'", 5).await;
    receiver.hold((2, 1));
    receiver.release((1, 1));
    arrived(receiver, (2, 1)).await;
    count(&replicas.db, "SELECT count(*) FROM send WHERE state = 'sending'", 5).await;
}

/// Stops the first replica while its transaction plans a delivery.
async fn stop_while_it_plans(replicas: &Replicas, schema_url: String, step: (u64, u64)) {
    let lock = Db::new(schema_url);
    lock.run("BEGIN; LOCK TABLE event IN SHARE MODE").await;
    replicas.senders.accepted(0, step).await;
    count(&replicas.db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass", 1).await;
    replicas.all[0].signal("STOP");
    lock.run("ROLLBACK").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planner_that_sleeps_within_its_plan_is_refused_and_sends_nothing_of_another() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 2, &team("web", "0s"), &receiver.hooks(&["web"])).expecting(ENDED);
    let sleeper = replicas.start_known(0).await;
    let before = replicas.plans(sleeper).await;
    claim_behind_one(&replicas, &receiver).await;
    let other = replicas.start_known(1).await;
    stop_while_it_plans(&replicas, schema.url(), (7, 1)).await;
    let stopped = Instant::now();
    assert_eq!(replicas.followed(before).await, other);
    println!("followed after {:?}", stopped.elapsed());
    assert!(stopped.elapsed() < TAKE_OVER, "{:?}", stopped.elapsed());
    replicas.senders.accepted(1, (8, 1)).await;
    // The first request of talk 2 is answered, which its sender doesn't see yet.
    receiver.release((2, 1));
    books::settled(&replicas.db).await;
    replicas.all[0].signal("CONT");
    eventually("its plan is refused", async || replicas.all[0].log().contains(REFUSED).then_some(())).await;
    // It is one of them again.
    replicas.senders.accepted(0, (9, 1)).await;
    count(&replicas.db, "SELECT count(*) FROM replica", 2).await;
    books::settled(&replicas.db).await;
    let all = (1..=9).map(|talk| (talk, 1)).collect::<HashSet<_>>();
    books::check(&replicas.db, &receiver, &all, &["web"], &[]).await;
    for talk in 1..=9 {
        assert_eq!(receiver.count((talk, 1)), if talk == 2 { 2 } else { 1 }, "talk {talk}");
    }
    assert_eq!(books::ambiguous(&replicas.db).await, 1);
    assert_eq!(replicas.planner().await.replica, Some(other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planner_that_sleeps_under_load_repeats_nothing() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 2, &team("web", "0s"), &receiver.hooks(&["web"])).expecting(ENDED);
    let ids = replicas.start_all_known().await;
    let load = Load::begin(&replicas.senders, 1..=6, To::Only(1), Duration::from_millis(100));
    load.goes_on(20).await;
    let before = replicas.plans(ids[0]).await;
    replicas.all[0].signal("STOP");
    let stopped = Instant::now();
    assert_eq!(replicas.followed(before).await, ids[1]);
    assert!(stopped.elapsed() < TAKE_OVER, "{:?}", stopped.elapsed());
    load.goes_on(50).await;
    replicas.all[0].signal("CONT");
    load.goes_on(50).await;
    let accepted = load.end().await;
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
}
