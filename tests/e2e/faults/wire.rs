//! Requests that aren't what they seem: each is refused, none is taken for two, and the service goes on.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{SECRET, Service, TEAM, merged, sign};

/// The statuses of the answers to bytes on one connection.
async fn answers(service: &Service, bytes: &[u8]) -> Vec<u16> {
    let mut socket = TcpStream::connect(&service.address).await.unwrap();
    // It may be closed before all is written.
    drop(socket.write_all(bytes).await);
    let mut read = Vec::new();
    drop(tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut read)).await.unwrap());
    let text = String::from_utf8_lossy(&read).into_owned();
    let statuses = text.split("HTTP/1.1 ").skip(1);
    statuses.map(|answer| answer.get(..3).unwrap_or_default().parse().unwrap()).collect()
}

#[tokio::test]
async fn no_request_is_taken_for_another() {
    let service = Service::started(TEAM, "").await;
    let post = |headers: &str, body: &str| {
        format!("POST /webhooks/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}")
    };
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let many = (0..200).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "y".repeat(1_000_000));
    let table: [(&str, String, &[u16]); 15] = [
        ("no request", "hello\r\n\r\n".to_owned(), &[400]),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(), &[400]),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("many headers", post(&many, ""), &[431]),
        ("a long header", post(&long, ""), &[431]),
        ("a long path", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1_000_000)), &[431]),
        ("a NUL", post("X: a\0b\r\n", ""), &[400]),
        ("a header that is continued", post("X: a\r\n b\r\nContent-Length: 0\r\n", ""), &[400]),
        ("a space before the colon", post("Content-Length : 5\r\n", "hello"), &[400]),
        ("a length below zero", post("Content-Length: -1\r\n", ""), &[400]),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 38\r\n", hidden), &[400]),
        ("both ways", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), &[401]),
        ("an unknown encoding", post("Transfer-Encoding: gzip, identity\r\n", hidden), &[400]),
        ("a chunk with no end", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nx"), &[400]),
        ("half a chunk", post("Transfer-Encoding: chunked\r\n", "ff\r\nx"), &[408]),
    ];
    let mut wrong = Vec::new();
    for (what, bytes, expected) in table {
        let answers = answers(&service, bytes.as_bytes()).await;
        // One that is closed while it still sends may miss the answer.
        if !answers.is_empty() && answers != expected {
            wrong.push(format!("{what}: {answers:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(service.get("/readyz").await.status(), 200);
    assert!(service.ledger().await.is_empty());
}

#[tokio::test]
async fn what_follows_a_signed_body_is_no_part_of_it() {
    let service = Service::started(TEAM, "").await;
    let body = merged(1).to_string();
    let head = |length: usize| {
        format!(
            "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: pull_request\r\n\
             X-GitHub-Delivery: d-1\r\nX-Hub-Signature-256: {}\r\nContent-Length: {length}\r\n\r\n",
            sign(SECRET, body.as_bytes())
        )
    };
    let longer = answers(&service, format!("{}{body}more", head(body.len() + 4)).as_bytes()).await;
    assert_eq!(longer, [401], "the signature is of another body");
    let two = answers(
        &service,
        format!("{}{body}GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", head(body.len())).as_bytes(),
    )
    .await;
    assert_eq!(two, [202, 200], "two requests on one connection are two");
    assert_eq!(service.settled("d-1").await[0]["state"], "sent");
}
