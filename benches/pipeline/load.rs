//! Signed webhooks, as fast as they are answered or at a fixed pace.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use sha2::Sha256;
use warp::http::StatusCode;

use crate::inputs::payload;
use crate::service::{SECRET, client};

/// The header that signs a body.
pub fn signature(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Webhooks that are ready to be sent.
pub struct Load {
    client: Client,
    first: u64,
    requests: Vec<(Vec<u8>, String)>,
}

/// What came of it.
pub struct Run {
    /// When the first request was sent
    pub began: Instant,
    /// Requests that were answered 202, a second
    pub rate: f64,
    /// From sending a request to having its answer
    pub times: Vec<Duration>,
}

impl Load {
    /// Merges of the pull requests with these numbers.
    pub fn new(numbers: Range<u64>) -> Self {
        let client = client();
        let first = numbers.start;
        let bodies = numbers.map(payload);
        Self { client, first, requests: bodies.map(|body| (signature(&body), body)).map(|(s, b)| (b, s)).collect() }
    }

    /// Sends them over so many connections, on each the next one when the last was answered.
    pub async fn run(self, url: &str, connections: usize) -> Run {
        let (load, next) = (Arc::new(self), Arc::new(AtomicU64::new(0)));
        let began = Instant::now();
        let senders = (0..connections).map(|_| {
            let (load, next, url) = (Arc::clone(&load), Arc::clone(&next), url.to_owned());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while let Some(time) = load.send(&url, next.fetch_add(1, Ordering::Relaxed)).await {
                    times.push(time);
                }
                times
            })
        });
        let mut times = Vec::new();
        for sender in senders.collect::<Vec<_>>() {
            times.extend(sender.await.unwrap());
        }
        Run { began, rate: times.len() as f64 / began.elapsed().as_secs_f64(), times }
    }

    /// Sends them at a pace, whether or not earlier ones were answered. Returns when each was due.
    pub async fn pace(self, url: &str, gap: Duration) -> Vec<Instant> {
        let load = Arc::new(self);
        let count = load.requests.len() as u64;
        let due = paced(count, gap, |index| {
            let (load, url) = (Arc::clone(&load), url.to_owned());
            async move { assert!(load.send(&url, index).await.is_some()) }
        });
        due.await
    }

    /// Sends one of them, if there are so many.
    async fn send(&self, url: &str, index: u64) -> Option<Duration> {
        let (body, signature) = self.requests.get(usize::try_from(index).unwrap())?;
        let sent = Instant::now();
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("x-github-event", "pull_request")
            .header("x-github-delivery", format!("bench-{}", self.first + index))
            .header("x-hub-signature-256", signature);
        let answer = request.body(body.clone()).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.bytes().await.expect("the answer's body");
        Some(sent.elapsed())
    }
}

/// Does something so often with a gap between, however long each takes. Returns when each was due.
pub async fn paced<F>(count: u64, gap: Duration, start: impl Fn(u64) -> F) -> Vec<Instant>
where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let (mut due, mut tasks) = (Vec::new(), Vec::new());
    for index in 0..count {
        let at = began + gap * u32::try_from(index).unwrap();
        tokio::time::sleep_until(at.into()).await;
        due.push(at);
        tasks.push(tokio::spawn(start(index)));
    }
    for task in tasks {
        task.await.unwrap();
    }
    due
}
