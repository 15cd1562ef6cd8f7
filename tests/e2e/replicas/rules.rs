//! Replicas whose files differ.

use serde_json::Value;

use super::fleet::Replicas;
use super::receiver::Receiver;
use super::{schema, team};
use crate::support::eventually;

/// Whether `/readyz` of a replica tells of one whose rules aren't those of the one that plans; `None` before both are there.
async fn tells(replicas: &Replicas, index: usize) -> Option<bool> {
    let (status, body) = replicas.ready(index).await;
    assert_eq!((status, &body["status"]), (200, &Value::from("ready")), "{body}");
    let replicas = body["replicas"].as_array().filter(|replicas| replicas.len() == 2)?;
    assert_eq!(replicas.iter().filter(|replica| replica["plans"] == true).count(), 1, "{body}");
    Some(replicas.iter().any(|replica| replica["other_rules"] == true))
}

#[tokio::test]
async fn replicas_say_that_their_rules_differ() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 2, &team("web", "0s"), &receiver.hooks(&["web", "docs"]));
    replicas.all[1].write("rules/docs.toml", &team("docs", "0s"));
    replicas.start_all_known().await;
    for differ in [true, false] {
        for index in 0..2 {
            let what = format!("{index} says that they differ: {differ}");
            eventually(&what, async || (tells(&replicas, index).await == Some(differ)).then_some(())).await;
        }
        replicas.all[0].write("rules/docs.toml", &team("docs", "0s"));
    }
}
