//! SIGKILL at random moments: what any replica answered with 202 is planned once, and sent once unless that is in doubt.

use std::time::Duration;

use super::fleet::Replicas;
use super::load::{Load, To};
use super::receiver::Receiver;
use super::{books, schema, team};

/// How often a replica is killed, or all are.
const ROUNDS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_among_three_replicas_lose_and_repeat_nothing() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 3, &team("web", "0s"), &receiver.hooks(&["web", "docs", "later"]));
    for service in &replicas.all {
        service.write("rules/docs.toml", &team("docs", "0s"));
        service.write("rules/later.toml", &team("later", "1s"));
    }
    replicas.start_all().await;
    let load = Load::begin(&replicas.senders, 1..=10, To::Any, Duration::from_millis(700));
    // The seed is fixed so that a failure can be repeated; the moments still differ with the machine's mood.
    let mut random = fastrand::Rng::with_seed(2026);
    for round in 1..=ROUNDS {
        load.goes_on(random.usize(4..14)).await;
        let victims = if round % 10 == 0 { vec![0, 1, 2] } else { vec![random.usize(0..3)] };
        for victim in &victims {
            replicas.all[*victim].kill().await;
        }
        if victims.len() == 1 {
            load.goes_on(random.usize(0..4)).await;
        }
        for victim in &victims {
            replicas.start(*victim).await;
        }
    }
    let accepted = load.end().await;
    assert!(accepted.len() > 200, "the load was too light to prove anything: {}", accepted.len());
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web", "docs"], &["later"]).await;
    assert_eq!(receiver.crowded(), Vec::<String>::new(), "two sent to one destination at once");
}
