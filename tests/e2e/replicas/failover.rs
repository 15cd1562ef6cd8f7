//! The database's server dies or hangs, and its standby takes its place.

use std::time::{Duration, Instant};

use super::db::Db;
use super::fleet::Replicas;
use super::load::{Load, To};
use super::receiver::Receiver;
use super::server::Cluster;
use super::{NO_DATABASE, books, team};
use crate::support::{Service, eventually};

/// After the promotion, webhooks are taken in this soon.
const GOES_ON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_has_all_that_was_accepted() {
    fails_over(Cluster::kill_primary).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_left_for_its_standby() {
    fails_over(Cluster::hang_primary).await;
}

async fn fails_over(primary_fails: fn(&Cluster)) {
    let Some(cluster) = Cluster::new() else { return };
    let receiver = Receiver::new().await;
    let config = format!("{}[store]\nurl = \"{}\"\n", receiver.hooks(&["web"]), cluster.url());
    let services = (0..2).map(|_| Service::sharing(None, &team("web", "0s"), &config)).collect();
    let mut replicas = Replicas::of(services, cluster.url()).expecting(NO_DATABASE);
    replicas.start_all().await;
    let load = Load::begin(&replicas.senders, 1..=8, To::Any, Duration::from_millis(50));
    load.goes_on(100).await;
    primary_fails(&cluster);
    let failed = Instant::now();
    let before = load.accepted();
    for index in 0..2 {
        eventually("it isn't ready", async || (replicas.ready(index).await.0 == 503).then_some(())).await;
    }
    println!("not ready after {:?}", failed.elapsed());
    replicas.db = Db::new(cluster.promote());
    let promoted = Instant::now();
    load.goes_on(1).await;
    println!("a webhook is taken in after {:?}", promoted.elapsed());
    assert!(promoted.elapsed() < GOES_ON, "{:?}", promoted.elapsed());
    load.goes_on(50).await;
    for index in 0..2 {
        eventually("it is ready", async || (replicas.ready(index).await.0 == 200).then_some(())).await;
    }
    assert!(promoted.elapsed() < GOES_ON, "{:?}", promoted.elapsed());
    let accepted = load.end().await;
    assert!(accepted.is_superset(&before) && accepted.len() >= before.len() + 50);
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
    for service in &mut replicas.all {
        assert_eq!(service.stop().await, 0);
    }
}
