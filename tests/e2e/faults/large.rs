//! The largest bodies that there may be, signed: they take up bounded memory, and small ones aren't held up.

use microalign::event::Source;
use microalign::store::{Incoming, Store};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Service, TEAM, merged, states};

/// Bodies of 9 MB that take up as much memory as can be, each in its own way.
fn large() -> Vec<(&'static str, Vec<u8>)> {
    let list = |entry: &str| vec![entry; 9_000_000 / (entry.len() + 1)].join(",");
    let text = "x".repeat(4_000_000);
    vec![
        ("push", format!(r#"{{"ref":"refs/heads/main","commits":[{}]}}"#, list("{}")).into_bytes()),
        ("push", format!(r#"{{"ref":"refs/heads/main","commits":[{}]}}"#, list("0")).into_bytes()),
        ("pull_request", format!(r#"{{"action":"opened","number":[{}]}}"#, list("0")).into_bytes()),
        (
            "pull_request",
            format!(r#"{{"action":"opened","pull_request":{{"number":1,"id":[{}]}}}}"#, list("[]")).into(),
        ),
        ("issues", format!(r#"{{"action":"opened","issue":{{"number":1,"body":"{text}","title":"{text}"}}}}"#).into()),
        ("new", format!("[{}]", list("0")).into_bytes()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_take_up_bounded_memory() {
    let service = Service::started(TEAM, "").await;
    let send = |(number, (event, body)): (usize, (&'static str, Vec<u8>))| {
        let service = &service;
        async move { service.github_raw(event, &format!("l-{number}"), body).await.status }
    };
    let large = futures_util::future::join_all(large().into_iter().enumerate().map(send));
    let small = async {
        for number in 1..=50 {
            let answer = service.github("pull_request", &format!("s-{number}"), &merged(number)).await;
            assert_eq!(answer.status, 202, "{number}");
        }
    };
    let (large, ()) = tokio::join!(large, small);
    assert!(large.iter().all(|status| [202, 503].contains(status)) && large.contains(&202), "{large:?}");
    let peak = service.peak_memory() >> 20;
    println!("answered {large:?}; {peak} MB at most");
    assert!(peak < 300, "{peak} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_wait_at_the_start_take_up_bounded_memory() {
    let mut service = Service::new(TEAM, "");
    let (store, written) = Store::serve(service.store(), jiff::Timestamp::now()).await.unwrap();
    let bodies = large();
    for number in 0..10 {
        let (name, body) = bodies[number % 2].clone();
        let (source, key, name) = (Source::Github, format!("l-{number}"), name.to_owned());
        let received = jiff::Timestamp::now();
        store.accept(Incoming { source, key, name, body, received, ignored: None }).await.unwrap();
    }
    drop(store);
    written.await.unwrap();
    service.start().await;
    let small = service.github_settled("pull_request", "s-1", &merged(1)).await;
    assert_eq!(states(&small), ["sent"]);
    service.idle().await;
    let peak = service.peak_memory() >> 20;
    println!("{peak} MB at most");
    assert!(peak < 300, "{peak} MB");
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent() {
    let service = Service::started(TEAM, "").await;
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut socket = tokio::net::TcpStream::connect(&service.address).await.unwrap();
        let head = format!("POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 26000000\r\n{expect}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        socket.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 413", "{expect}");
    }
    assert_eq!(service.github("ping", "p-1", &json!({ "zen": "Avoid administrative distraction." })).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_teams_that_all_hear_of_it_take_up_bounded_memory() {
    let service = Service::new(TEAM, "");
    std::fs::remove_file(service.path("rules/team.toml")).unwrap();
    for number in 0..1000 {
        let team = TEAM.replace("\"web\"", &format!("\"team-{number}\""));
        let team = team.replace("web@example.com", &format!("team-{number}@example.com"));
        std::fs::write(service.path(&format!("rules/{number}.toml")), team).unwrap();
    }
    let mut service = service;
    service.start().await;
    let mut lines = Vec::new();
    for number in 1..=3 {
        lines.extend(service.github_settled("pull_request", &format!("t-{number}"), &merged(number)).await);
    }
    assert_eq!((lines.len(), states(&lines).iter().filter(|state| **state == "sent").count()), (3000, 3000));
    let peak = service.peak_memory() >> 20;
    println!("{peak} MB at most");
    assert!(peak < 200, "{peak} MB");
}
