//! A destination that asks to be left alone is left alone by every replica.

use std::collections::HashSet;
use std::time::Duration;

use super::fleet::Replicas;
use super::receiver::Receiver;
use super::{books, schema, team};
use crate::support::eventually;

/// How long it asks for, in seconds.
const ASKED: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_asks_for_a_rest_gets_it_from_all() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 3, &team("web", "0s"), &receiver.hooks(&["web", "docs"]));
    for service in &replicas.all {
        service.write("rules/docs.toml", &team("docs", "0s"));
    }
    replicas.start_all_known().await;
    for round in 0..2 {
        let (before, first) = (receiver.arrivals().len(), 1 + round * 10);
        // Whichever asks first; the other one of the two is told at once.
        receiver.limit(1, ASKED);
        replicas.senders.accepted(0, (first, 1)).await;
        let limited = async || receiver.arrivals().into_iter().skip(before).find(|arrival| arrival.status == Some(429));
        let limited = eventually("it asks for a rest", limited).await;
        for talk in first + 1..first + 10 {
            replicas.senders.accepted(usize::try_from(talk % 3).unwrap(), (talk, 1)).await;
        }
        books::settled(&replicas.db).await;
        let next = receiver.arrivals().into_iter().find(|next| next.hook == limited.hook && next.at > limited.at);
        let rest = next.unwrap().at - limited.at;
        println!("{} was left alone for {rest:?}", limited.hook);
        assert!(rest >= Duration::from_secs(ASKED), "{rest:?}");
        assert!(rest < Duration::from_secs(ASKED + 2), "{rest:?}");
        let other = if limited.hook == "web" { "docs" } else { "web" };
        let told = receiver.arrivals().into_iter().skip(before).filter(|arrival| arrival.hook == other);
        let meanwhile = told.filter(|arrival| arrival.at < limited.at + Duration::from_secs(ASKED)).count();
        assert_eq!(meanwhile, 10, "{other} has no rest");
    }
    let all = (1..=20).map(|talk| (talk, 1)).collect::<HashSet<_>>();
    books::check(&replicas.db, &receiver, &all, &["web", "docs"], &[]).await;
    assert_eq!(receiver.crowded(), Vec::<String>::new());
}
