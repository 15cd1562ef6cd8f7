//! Webhooks to replicas: comments in conversations, each sent once the one before it was taken in.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{SECRET, commented, sign};

/// So long a sender waits, as GitHub does.
const PATIENCE: Duration = Duration::from_secs(10);
/// So soon it comes again if a webhook wasn't taken in.
const AGAIN: Duration = Duration::from_millis(100);

/// Where replicas listen.
pub type Addresses = Arc<Mutex<Vec<String>>>;

/// A step of a talk: a comment that says which it is, by somebody who comments there alone.
pub fn comment((talk, step): (u64, u64)) -> Value {
    let mut body = commented(&format!("talk{talk}step{step}end"));
    let page = format!("https://github.com/acme/ingest-api/pull/{talk}");
    body["issue"]["number"] = json!(talk);
    body["issue"]["html_url"] = json!(page);
    body["issue"]["pull_request"]["html_url"] = json!(page);
    let id = talk * 100_000 + step;
    body["comment"]["id"] = json!(id);
    body["comment"]["html_url"] = json!(format!("{page}#issuecomment-{id}"));
    for person in ["/comment/user/login", "/sender/login"] {
        *body.pointer_mut(person).unwrap() = json!(format!("ana{talk}"));
    }
    body
}

/// The id of the delivery that brings it.
pub fn key((talk, step): (u64, u64)) -> String {
    format!("{talk}-{step}")
}

/// Sends webhooks to replicas, of which any may be gone.
#[derive(Clone)]
pub struct Senders {
    client: reqwest::Client,
    addresses: Addresses,
}

/// A webhook that was sent, and what came of it.
#[derive(Debug, Clone)]
pub struct Answered {
    pub begun: Instant,
    pub took: Duration,
    pub step: (u64, u64),
    /// `None` if there was no answer
    pub status: Option<u16>,
}

impl Senders {
    pub fn new(addresses: Addresses) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { client, addresses }
    }

    pub fn set_address(&self, index: usize, address: &str) {
        address.clone_into(&mut self.addresses.lock().unwrap()[index]);
    }

    /// Sends a step to a replica once.
    pub async fn send(&self, replica: usize, step: (u64, u64)) -> Answered {
        let body = comment(step).to_string();
        let url = format!("http://{}/webhooks/github", self.addresses.lock().unwrap()[replica]);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("x-github-event", "issue_comment")
            .header("x-github-delivery", key(step))
            .header("x-hub-signature-256", sign(SECRET, body.as_bytes()));
        let begun = Instant::now();
        let status = request.body(body).send().await.ok().map(|answer| answer.status().as_u16());
        Answered { begun, took: begun.elapsed(), step, status }
    }

    /// The same where it has to be taken in.
    pub async fn accepted(&self, replica: usize, step: (u64, u64)) {
        let answered = self.send(replica, step).await;
        assert_eq!(answered.status, Some(202), "{answered:?}");
    }
}

/// Whom a talk's webhooks are sent to.
#[derive(Debug, Clone, Copy)]
pub enum To {
    Only(usize),
    Any,
}

/// Talks that go on.
pub struct Load {
    stop: watch::Sender<bool>,
    talks: JoinSet<()>,
    answers: Arc<Mutex<Vec<Answered>>>,
}

impl Load {
    /// Begins these talks, each of which makes a step in so long at most.
    pub fn begin(senders: &Senders, talks: impl IntoIterator<Item = u64>, to: To, pace: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut load = Self { stop, talks: JoinSet::new(), answers: Arc::default() };
        for talk in talks {
            let (senders, answers) = (senders.clone(), Arc::clone(&load.answers));
            let stopped = stopped.clone();
            load.talks.spawn(async move { senders.talk(talk, (to, pace), &answers, stopped).await });
        }
        load
    }

    pub fn answers(&self) -> Vec<Answered> {
        self.answers.lock().unwrap().clone()
    }

    /// The steps that were taken in.
    pub fn accepted(&self) -> HashSet<(u64, u64)> {
        let answers = self.answers.lock().unwrap();
        answers.iter().filter(|answer| answer.status == Some(202)).map(|answer| answer.step).collect()
    }

    /// Waits until so many more were taken in.
    pub async fn goes_on(&self, more: usize) {
        let wanted = self.accepted().len() + more;
        crate::support::eventually("more is taken in", async || (self.accepted().len() >= wanted).then_some(())).await;
    }

    /// Ends it, and waits for what is under way: the steps that were taken in.
    pub async fn end(mut self) -> HashSet<(u64, u64)> {
        self.stop.send_replace(true);
        while let Some(ended) = self.talks.join_next().await {
            ended.unwrap();
        }
        self.accepted()
    }
}

impl Senders {
    async fn talk(
        &self,
        talk: u64,
        (to, pace): (To, Duration),
        answers: &Mutex<Vec<Answered>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        // The seed is fixed so that a failure can be repeated.
        let mut random = fastrand::Rng::with_seed(talk);
        let mut step = 1;
        while !*stopped.borrow() {
            let replica = match to {
                To::Only(replica) => replica,
                To::Any => random.usize(0..self.addresses.lock().unwrap().len()),
            };
            let answered = self.send(replica, (talk, step)).await;
            let rest = if answered.status == Some(202) {
                step += 1;
                pace.saturating_sub(answered.took)
            } else {
                AGAIN
            };
            answers.lock().unwrap().push(answered);
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stopped.changed() => {}
            }
        }
    }
}
