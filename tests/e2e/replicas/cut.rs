//! A replica that can't reach its database says so at once, costs nothing, and comes back by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fleet::Replicas;
use super::load::{Answered, Load, To};
use super::proxy::Proxy;
use super::receiver::Receiver;
use super::{NO_DATABASE, TAKE_OVER, books, schema, team};
use crate::support::{Schema, Service, eventually};

/// So soon it is noticed.
const NOTICED: Duration = Duration::from_secs(1);
/// So long it is looked at what it costs.
const LOOKED_AT: Duration = Duration::from_secs(5);
const MUCH_MEMORY: u64 = 8 * 1024 * 1024;

/// What a process has used so far: time, and memory that it has now.
fn used(service: &Service) -> (Duration, u64) {
    let process = Path::new("/proc").join(service.pid().to_string());
    let stat = std::fs::read_to_string(process.join("stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().collect::<Vec<_>>();
    // In hundredths of a second, in user and in system mode.
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let memory = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024;
    (Duration::from_millis(ticks * 10), memory)
}

/// Two replicas: the first one's way to the database can be cut, and it plans.
async fn two(schema: &Arc<Schema>, receiver: &Receiver) -> (Replicas, Proxy) {
    let proxy = Proxy::before(&schema.url()).await;
    let config = |url: String| format!("{}[store]\nurl = \"{url}\"\n", receiver.hooks(&["web"]));
    let service = |url: String| Service::sharing(Some(Arc::clone(schema)), &team("web", "0s"), &config(url));
    let services = vec![service(schema.url_through(proxy.port)), service(schema.url())];
    let mut replicas = Replicas::of(services, schema.url()).expecting(NO_DATABASE);
    let ids = replicas.start_all_known().await;
    replicas.plans(ids[0]).await;
    (replicas, proxy)
}

/// Of the webhooks that were sent since, none was taken in, and each was told so soon.
fn refused_since(answers: &[Answered], since: Instant) -> usize {
    let mut refused = 0;
    for answered in answers.iter().filter(|answered| answered.begun >= since) {
        assert_eq!(answered.status, Some(503), "{answered:?}");
        assert!(answered.took < NOTICED, "{answered:?}");
        refused += 1;
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_cut_off_says_so_and_comes_back() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let (replicas, proxy) = two(&schema, &receiver).await;
    let pace = Duration::from_millis(100);
    let cut_off = Load::begin(&replicas.senders, 1..=5, To::Only(0), pace);
    let other = Load::begin(&replicas.senders, 6..=8, To::Only(1), pace);
    cut_off.goes_on(20).await;
    let before = replicas.planner().await;
    proxy.cut();
    let cut = Instant::now();
    let refused = async || cut_off.answers().iter().any(|answered| answered.status == Some(503)).then_some(());
    eventually("a webhook is refused", refused).await;
    let noticed = cut.elapsed();
    eventually("it isn't ready", async || (replicas.ready(0).await.0 == 503).then_some(())).await;
    println!("refused after {noticed:?}, not ready after {:?}", cut.elapsed());
    assert!(cut.elapsed() < NOTICED + Duration::from_millis(500), "{noticed:?}, {:?}", cut.elapsed());
    let (time, memory) = used(&replicas.all[0]);
    let calm = Instant::now();
    replicas.followed(before).await;
    assert!(cut.elapsed() < TAKE_OVER + NOTICED, "{:?}", cut.elapsed());
    other.goes_on(20).await;
    // This is how long it is looked at, and no condition.
    tokio::time::sleep(LOOKED_AT.saturating_sub(calm.elapsed())).await;
    let (time_after, memory_after) = used(&replicas.all[0]);
    let count = refused_since(&cut_off.answers(), calm);
    let (spent, grown) = (time_after - time, memory_after.saturating_sub(memory));
    println!("{count} refused, with {spent:?} of work and {grown} bytes more memory");
    assert!(count > 50 && spent < Duration::from_millis(500) && grown < MUCH_MEMORY, "{count} {spent:?} {grown}");
    proxy.restore();
    let restored = Instant::now();
    cut_off.goes_on(20).await;
    println!("it goes on after {:?}", restored.elapsed());
    eventually("it is ready", async || (replicas.ready(0).await.0 == 200).then_some(())).await;
    let mut accepted = cut_off.end().await;
    accepted.extend(other.end().await);
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_connections_are_closed_says_so_and_comes_back() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let (replicas, proxy) = two(&schema, &receiver).await;
    let load = Load::begin(&replicas.senders, 1..=5, To::Only(0), Duration::from_millis(100));
    load.goes_on(20).await;
    proxy.close();
    let closed = Instant::now();
    eventually("it isn't ready", async || (replicas.ready(0).await.0 == 503).then_some(())).await;
    assert!(closed.elapsed() < NOTICED, "{:?}", closed.elapsed());
    proxy.restore();
    let restored = Instant::now();
    load.goes_on(20).await;
    println!("it goes on after {:?}", restored.elapsed());
    let accepted = load.end().await;
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
}
