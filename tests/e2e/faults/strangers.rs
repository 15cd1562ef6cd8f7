//! People without a secret, who open many connections and send slowly: webhooks are taken in all the same.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{SECRET, Service, TEAM, merged, sign};

/// GitHub waits so long for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a stranger sends on one connection.
#[derive(Clone, Copy)]
enum Stranger {
    /// Half of a request's headers
    Headers,
    /// Headers as a webhook has them, then thousands of chunks of one byte, and from then on one now and then
    Bytes,
    /// The same, and most of the largest body that there may be
    Large,
}

impl Stranger {
    /// Comes again each time that it is cut off.
    async fn stay(self, address: String) {
        loop {
            // Cut off, or refused.
            drop(self.come(&address).await);
            tokio::task::yield_now().await;
        }
    }

    async fn come(self, address: &str) -> std::io::Result<()> {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\n").await?;
        match self {
            Self::Headers => {}
            Self::Bytes => {
                socket.write_all(b"Transfer-Encoding: chunked\r\n\r\n").await?;
                let mut chunks = 4000;
                while socket.write_all(b"1\r\nx\r\n".repeat(chunks).as_slice()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    chunks = 1;
                }
            }
            Self::Large => {
                socket.write_all(b"Content-Length: 25000000\r\n\r\n").await?;
                socket.write_all(&vec![b' '; 24_900_000]).await?;
            }
        }
        socket.read_to_end(&mut Vec::new()).await?;
        Ok(())
    }
}

/// Sends a webhook as GitHub does, on a connection of its own: the beginning of the answer.
async fn webhook(address: &str, number: u64) -> std::io::Result<String> {
    let body = merged(number).to_string();
    let headers = format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: pull_request\r\n\
         X-GitHub-Delivery: d-{number}\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
        sign(SECRET, body.as_bytes()),
        body.len()
    );
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all((headers + &body).as_bytes()).await?;
    let mut status = [0; 12];
    socket.read_exact(&mut status).await?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}

/// Sends webhooks while strangers do their worst; how long each took.
async fn webhooks_beside(strangers: &[(usize, Stranger)]) -> Vec<Duration> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let service = Service::started(TEAM, "").await;
    let mut crowd = JoinSet::new();
    for (count, stranger) in strangers {
        (0..*count).for_each(|_| drop(crowd.spawn(stranger.stay(service.address.clone()))));
    }
    let mut took = Vec::new();
    let begun = Instant::now();
    let mut number = 0;
    // Long enough for each stranger to have been cut off by its time limit, too.
    while begun.elapsed() < Duration::from_secs(8) {
        number += 1;
        let sent = Instant::now();
        let status = tokio::time::timeout(PATIENCE, webhook(&service.address, number)).await;
        assert_eq!(status.unwrap().unwrap(), "HTTP/1.1 202", "webhook {number}, {:?} after the start", begun.elapsed());
        took.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    took.sort();
    let at = |part: usize| took[took.len() * part / 100];
    println!("{} webhooks: median {:?}, p99 {:?}; {} MB", took.len(), at(50), at(99), service.peak_memory() >> 20);
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_hold_up_no_webhook() {
    assert!(webhooks_beside(&[(100, Stranger::Bytes)]).await.len() > 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_half_open_connections_hold_up_no_webhook() {
    assert!(webhooks_beside(&[(1150, Stranger::Headers)]).await.len() > 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_without_a_signature_hold_up_no_webhook() {
    assert!(webhooks_beside(&[(6, Stranger::Large), (20, Stranger::Bytes)]).await.len() > 20);
}
