//! Whoever plans ends, and another goes on. What is due once is told once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::fleet::Replicas;
use super::load::{Load, To};
use super::receiver::Receiver;
use super::{TAKE_OVER, books, schema, team};
use crate::support::eventually;

/// A replica that is told to stop leaves nobody waiting.
const HAND_OVER: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planner_that_is_killed_is_followed_within_seconds() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 3, &team("web", "0s"), &receiver.hooks(&["web"]));
    let ids = replicas.start_all_known().await;
    replicas.plans(ids[0]).await;
    let mut gone = HashSet::new();
    for step in 1..=2 {
        let before = replicas.planner().await;
        let victim = ids.iter().position(|id| before.replica == Some(*id)).unwrap();
        replicas.all[victim].kill().await;
        let killed = Instant::now();
        gone.insert(victim);
        let other = (0..3).find(|index| !gone.contains(index)).unwrap();
        replicas.senders.accepted(other, (1, step)).await;
        replicas.followed(before).await;
        let followed = killed.elapsed();
        eventually("it arrives", async || (receiver.count((1, step)) > 0).then_some(())).await;
        println!("followed after {followed:?}, told after {:?}", killed.elapsed());
        assert!(killed.elapsed() < TAKE_OVER, "followed after {followed:?}, told after {:?}", killed.elapsed());
    }
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &HashSet::from([(1, 1), (1, 2)]), &["web"], &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planner_that_is_told_to_stop_hands_over_at_once() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 2, &team("web", "0s"), &receiver.hooks(&["web"]));
    let ids = replicas.start_all_known().await;
    let before = replicas.plans(ids[0]).await;
    let load = Load::begin(&replicas.senders, 1..=6, To::Any, Duration::from_millis(100));
    load.goes_on(30).await;
    replicas.all[0].signal("TERM");
    let told = Instant::now();
    assert_eq!(replicas.followed(before).await, ids[1]);
    println!("followed after {:?}", told.elapsed());
    assert!(told.elapsed() < HAND_OVER, "{:?}", told.elapsed());
    assert_eq!(replicas.all[0].stopped().await, 0);
    assert_eq!(replicas.ids().await, [ids[1]], "it leaves no row");
    load.goes_on(30).await;
    let accepted = load.end().await;
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
    assert_eq!(books::ambiguous(&replicas.db).await, 0);
}

/// Updates that wait for a time of the day, for further changes, and the weekly summary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_told_once_by_three() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let digest = team("digest", "0s") + "digest = \"daily 09:00\"\n";
    let mut replicas = Replicas::new(&schema, 3, &digest, &receiver.hooks(&["digest", "later", "summary"]));
    for service in &replicas.all {
        service.write("rules/later.toml", &team("later", "2s"));
        let summary = team("summary", "0s").replace("settle", "summary = \"weekly fri 15:00\"\nsettle");
        service.write("rules/summary.toml", &summary);
    }
    replicas.start_all().await;
    for talk in 1..=4 {
        replicas.senders.accepted(usize::try_from(talk % 3).unwrap(), (talk, 1)).await;
    }
    let planned = "SELECT count(*) FROM ledger WHERE state = 'held' AND team = 'digest'";
    eventually("all wait", async || (replicas.db.number(planned).await == 4).then_some(())).await;
    // What a clock does in a week, for replicas that don't run.
    for service in &mut replicas.all {
        assert_eq!(service.stop().await, 0);
    }
    let (now, week) = ("(extract(epoch FROM clock_timestamp()) * 1000)::bigint", 7 * 24 * 60 * 60 * 1000_i64);
    replicas.db.run(&format!("UPDATE ledger SET due_at = {now} WHERE due_at IS NOT NULL")).await;
    replicas.db.run(&format!("UPDATE summary SET due_at = {now}, since_at = {now} - {week}")).await;
    let (first, others) = replicas.all.split_at_mut(1);
    let (second, third) = others.split_at_mut(1);
    tokio::join!(first[0].start(), second[0].start(), third[0].start());
    let summary = "SELECT count(*) FROM ledger WHERE kind = 'summary' AND state = 'sent'";
    eventually("it is summed up", async || (replicas.db.number(summary).await == 1).then_some(())).await;
    books::settled(&replicas.db).await;
    let arrivals = receiver.arrivals();
    let told = |hook: &str| arrivals.iter().filter(|arrival| arrival.hook == hook).collect::<Vec<_>>();
    assert_eq!(told("digest").len(), 1, "{:?}", told("digest"));
    assert_eq!(told("later").len(), 4, "{:?}", told("later"));
    // Each comment at once, and the summary.
    assert_eq!(told("summary").len(), 5, "{:?}", told("summary"));
    assert_eq!(replicas.db.number(summary).await, 1);
    assert_eq!(books::ambiguous(&replicas.db).await, 0);
}
