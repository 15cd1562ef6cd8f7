//! Where messages go: a listener for webhooks that takes its time, holds a request, or asks to be left alone.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use regex::Regex;
use tokio::sync::watch;
use warp::Filter as _;

const SIGNED_WITH: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// So long an answer takes, so that two requests at a time are seen to be two.
const TAKES: Duration = Duration::from_millis(8);

/// A request, and its place among all of them.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Instant,
    /// The name of the webhook
    pub hook: String,
    /// The message's id, the same whenever it is sent
    pub id: i64,
    /// The steps of talks that it tells
    pub steps: Vec<(u64, u64)>,
    /// How it was answered, once it was
    pub status: Option<u16>,
}

#[derive(Default)]
struct State {
    arrivals: Mutex<Vec<Arrival>>,
    /// Requests under way, by webhook
    open: Mutex<HashMap<String, usize>>,
    /// Webhooks that had two at a time
    crowded: Mutex<Vec<String>>,
    /// How many requests are still answered with 429, and after how many seconds they ask to be asked again
    limited: Mutex<(usize, u64)>,
    /// The steps whose messages get no answer for now
    held: watch::Sender<Vec<(u64, u64)>>,
}

pub struct Receiver {
    url: String,
    state: Arc<State>,
}

impl Receiver {
    pub async fn new() -> Self {
        let state = Arc::<State>::default();
        let kept = Arc::clone(&state);
        let route = warp::post()
            .and(warp::path::param::<String>())
            .and(warp::header::<String>("webhook-id"))
            .and(warp::body::bytes())
            .then(move |hook: String, id: String, body: bytes::Bytes| answer(Arc::clone(&kept), hook, id, body));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, state }
    }

    /// The configuration of webhooks of these names.
    pub fn hooks(&self, names: &[&str]) -> String {
        let hook =
            |name: &&str| format!("[webhook.{name}]\nurl = \"{}/{name}\"\nsecret = \"{SIGNED_WITH}\"\n", self.url);
        names.iter().map(hook).collect()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals.lock().unwrap().clone()
    }

    /// How often a step arrived.
    pub fn count(&self, step: (u64, u64)) -> usize {
        self.state.arrivals.lock().unwrap().iter().filter(|arrival| arrival.steps.contains(&step)).count()
    }

    /// The webhooks to which two messages were under way at once.
    pub fn crowded(&self) -> Vec<String> {
        self.state.crowded.lock().unwrap().clone()
    }

    /// Answers nothing to messages that tell of a step.
    pub fn hold(&self, step: (u64, u64)) {
        self.state.held.send_modify(|held| held.push(step));
    }

    /// Answers them.
    pub fn release(&self, step: (u64, u64)) {
        self.state.held.send_modify(|held| held.retain(|other| *other != step));
    }

    /// Asks to be left alone for so many seconds, in the answers to so many requests.
    pub fn limit(&self, requests: usize, seconds: u64) {
        *self.state.limited.lock().unwrap() = (requests, seconds);
    }
}

/// A request that is under way, until it is answered or its sender has gone.
struct Open(Arc<State>, String);

impl Open {
    fn begin(state: &Arc<State>, hook: &str) -> Self {
        let mut open = state.open.lock().unwrap();
        let count = open.entry(hook.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            state.crowded.lock().unwrap().push(hook.to_owned());
        }
        Self(Arc::clone(state), hook.to_owned())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.open.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

async fn answer(state: Arc<State>, hook: String, id: String, body: bytes::Bytes) -> warp::http::Response<String> {
    let _open = Open::begin(&state, &hook);
    let steps = steps(&String::from_utf8_lossy(&body));
    let id = id.strip_prefix("msg_").unwrap().parse().unwrap();
    let arrival = Arrival { at: Instant::now(), hook, id, steps: steps.clone(), status: None };
    let number = {
        let mut arrivals = state.arrivals.lock().unwrap();
        arrivals.push(arrival);
        arrivals.len() - 1
    };
    let (status, after) = {
        let (left, seconds) = &mut *state.limited.lock().unwrap();
        let is_limited = *left > 0;
        *left = left.saturating_sub(1);
        if is_limited { (429, Some(*seconds)) } else { (200, None) }
    };
    tokio::time::sleep(TAKES).await;
    let held = state.held.subscribe().wait_for(|held| steps.iter().all(|step| !held.contains(step))).await.map(drop);
    held.unwrap();
    state.arrivals.lock().unwrap()[number].status = Some(status);
    let mut response = warp::http::Response::builder().status(status);
    if let Some(after) = after {
        response = response.header("retry-after", after.to_string());
    }
    response.body("{}".to_owned()).unwrap()
}

/// The steps of talks that a message tells, as [`super::load::comment`] writes them.
fn steps(text: &str) -> Vec<(u64, u64)> {
    static STEP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"talk(\d+)step(\d+)end").unwrap());
    let mut steps = Vec::new();
    for found in STEP.captures_iter(text) {
        let step = (found[1].parse().unwrap(), found[2].parse().unwrap());
        // It is there as text and as HTML.
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps
}
