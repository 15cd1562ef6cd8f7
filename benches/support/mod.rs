//! What both benchmarks need: the real program, signed webhooks, and the limit to compare with.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use warp::Filter as _;
use warp::http::StatusCode;

const SECRET: &str = "bench-secret";
/// Connections at a time.
pub const CONNECTIONS: u64 = 16;

/// The service in a folder of its own; it ends with this value.
pub struct Service {
    pub url: String,
    child: Child,
    _folder: TempDir,
}

impl Service {
    /// Starts the program with these team files; `more` is added to the configuration.
    pub fn start(teams: &[(String, String)], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        for (name, text) in teams {
            fs::write(folder.path().join("rules").join(name), text).unwrap();
        }
        let config = format!("[server]\nlisten = \"127.0.0.1:0\"\n[github]\nsecrets = [\"{SECRET}\"]\n{more}");
        fs::write(folder.path().join("microalign.toml"), config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_microalign"))
            .args(["serve", "--log", "json"])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let entry: Value = serde_json::from_str(&line.unwrap()).unwrap_or_default();
            (entry["message"] == "listening").then(|| entry["address"].as_str().unwrap().to_owned())
        });
        // The pipe must be read to its end, or the service waits for room in it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url: format!("http://{}/webhooks/github", address.unwrap()), child, _folder: folder }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A merged pull request of about 28 KB, the size that GitHub's are.
pub fn payload(number: u64) -> Vec<u8> {
    let words = "the second step moves every reader to the new field before the old one goes ";
    let body = json!({
        "action": "closed",
        "pull_request": {
            "number": number,
            "title": format!("Move readers to the new field #{number}"),
            "html_url": format!("https://github.com/acme/service-{}/pull/{number}", number % 50),
            "state": "closed", "merged": true, "draft": false,
            "user": { "login": "ana", "type": "User" },
            "body": words.repeat(350),
            "base": { "ref": "main" }, "head": { "ref": "new-field" },
            "labels": [{ "name": "contract" }],
            "additions": 12, "deletions": 3, "changed_files": 2,
        },
        "repository": { "full_name": format!("acme/service-{}", number % 50), "private": false },
        "sender": { "login": "ana", "type": "User" },
    });
    body.to_string().into_bytes()
}

fn mac(body: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body)
}

/// What a run showed.
pub struct Run {
    /// Requests that were answered 202, a second
    pub rate: f64,
    /// From sending a request to having its answer
    pub times: Vec<Duration>,
}

impl Run {
    /// The time that this share of the answers did not exceed.
    pub fn percentile(&self, share: f64) -> Duration {
        percentile(&self.times, share)
    }
}

/// The time that this share did not exceed.
pub fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[index]
}

/// Sends `count` webhooks over [`CONNECTIONS`], each the next one when its last was answered.
/// Returns when the first one was sent, too.
pub async fn load(url: &str, first: u64, count: u64) -> (Run, Instant) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let requests = (first..first + count).map(|number| {
        let body = payload(number);
        (number, format!("sha256={}", hex::encode(mac(&body).finalize().into_bytes())), body)
    });
    let (requests, next) = (Arc::new(requests.collect::<Vec<_>>()), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let senders = (0..CONNECTIONS).map(|_| {
        let (requests, next, client, url) = (Arc::clone(&requests), Arc::clone(&next), client.clone(), url.to_owned());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some((number, signature, body)) =
                requests.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap())
            {
                let sent = Instant::now();
                let request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header("x-github-event", "pull_request")
                    .header("x-github-delivery", format!("bench-{number}"))
                    .header("x-hub-signature-256", signature);
                let answer = request.body(body.clone()).send().await.expect("an answer");
                assert_eq!(answer.status(), StatusCode::ACCEPTED);
                answer.bytes().await.expect("the answer's body");
                times.push(sent.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        times.extend(sender.await.unwrap());
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate = times.len() as f64 / seconds;
    (Run { rate, times }, began)
}

type Waiting = (bytes::Bytes, oneshot::Sender<()>);

/// The least that a durable webhook receiver can do: check the signature, parse, append to a file, `fdatasync` all that
/// waits at once, answer. Returns its address.
pub async fn limit() -> String {
    let (writer, waiting) = mpsc::channel::<Waiting>(1024);
    std::thread::spawn(move || append(waiting));
    let route = warp::post().and(warp::header::<String>("x-hub-signature-256")).and(warp::body::bytes()).then(
        move |signature: String, body: bytes::Bytes| {
            let writer = writer.clone();
            async move {
                if signature != format!("sha256={}", hex::encode(mac(&body).finalize().into_bytes())) {
                    return StatusCode::UNAUTHORIZED;
                }
                let merged = serde_json::from_slice::<Limited>(&body).is_ok_and(|payload| payload.is_merged());
                let (done, synced) = oneshot::channel();
                writer.send((body, done)).await.unwrap();
                synced.await.unwrap();
                if merged { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }
            }
        },
    );
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    tokio::spawn(warp::serve(route).incoming(socket).run());
    url
}

/// The few fields that a rule would ask for.
#[derive(serde::Deserialize)]
struct Limited {
    action: String,
    pull_request: LimitedPullRequest,
}

#[derive(serde::Deserialize)]
struct LimitedPullRequest {
    title: String,
    html_url: String,
    merged: bool,
}

impl Limited {
    fn is_merged(&self) -> bool {
        std::hint::black_box((&self.pull_request.title, &self.pull_request.html_url));
        self.action == "closed" && self.pull_request.merged
    }
}

fn append(mut waiting: mpsc::Receiver<Waiting>) {
    let mut file = tempfile::tempfile().unwrap();
    let mut batch = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        batch.push(first);
        while let Ok(more) = waiting.try_recv() {
            batch.push(more);
        }
        for (body, _) in &batch {
            file.write_all(body).unwrap();
        }
        file.sync_data().unwrap();
        for (_, done) in batch.drain(..) {
            done.send(()).unwrap();
        }
    }
}
