//! Slack waits three seconds, and doesn't always say who somebody is.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::workspace::*;
use crate::support::{Service, eventually};

/// What somebody reads after a command, at once or later.
async fn told(service: &Service, slack: &Slack, user: &str, text: &str) -> String {
    let (url, before) = (format!("{}/answer", slack.url), slack.at("/answer").len());
    let began = Instant::now();
    let (status, body) = form(service, &asked(("C1", "web"), user, text, &url), SIGNING).await;
    assert!(status == 200 && began.elapsed() < Duration::from_secs(3), "{status} after {:?}", began.elapsed());
    let answer = match serde_json::from_str::<Value>(&body) {
        Ok(answer) => answer,
        Err(_) => eventually("the answer comes later", async || slack.at("/answer").get(before).cloned()).await,
    };
    assert_eq!(answer["response_type"], json!("ephemeral"));
    answer["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_takes_longer_is_said_afterwards() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    assumed(&service, "d-1", "ids are unique").await;
    assert!(told(&service, &slack, SLOW, "list").await.contains("notes: note.*"));
    assert_eq!(slack.at("/answer").len(), 1, "it came later");
    assert!(told(&service, &slack, SLOW, "mute tickets").await.contains("is muted"));
    let pressed = press(&service, &slack, SLOW, ("agree", &slack.button("agree"))).await;
    assert!(pressed.to_string().contains("You agreed"), "{pressed}");
}

#[tokio::test]
async fn without_knowing_who_asks_nothing_is_done() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("subscribe = \"anyone\"")).await;
    assumed(&service, "d-1", "ids are unique").await;
    let [object, agree, mute] = ["object", "agree", "mute"].map(|action| slack.button(action));
    for (id, expected, not) in [
        (SILENT, "didn't say in time", "users:read"),
        (LIMITED, "asks us to wait", "users:read"),
        (UNSEEN, "users:read", "Try again"),
        ("U99", "user_not_found", "users:read"),
    ] {
        let mut said = vec![told(&service, &slack, id, "mute notes").await];
        let began = Instant::now();
        said.push(hand_in(&service, id, (&object, "No")).await);
        assert!(began.elapsed() < Duration::from_secs(3), "a form can't be answered later: {:?}", began.elapsed());
        let buttons = [("agree", &agree), ("object", &object), ("mute", &mute)];
        // That takes as long as is waited.
        for (action, token) in buttons.into_iter().take(if id == SILENT { 1 } else { 3 }) {
            said.push(press(&service, &slack, id, (action, token)).await.to_string());
        }
        for said in said {
            assert!(
                said.contains("nothing was done") && said.contains(expected) && !said.contains(not),
                "{id}: {said}"
            );
        }
    }
    for args in ["mute", "subscriptions"] {
        let (_, out, _) = service.run(&[args]).await;
        assert!(!out.contains("web"), "{out}");
    }
    let lines = service.ledger().await;
    assert!(lines.iter().all(|line| !line["reason"].as_str().unwrap().contains("objected")), "{lines:?}");
}
