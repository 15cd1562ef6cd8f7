//! A GitHub that tells what it delivered, by the API's list and one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use warp::Filter as _;

pub const TOKEN: &str = "hunter2-canary";
/// The hook of acme/ingest-api.
pub const HOOK: &str = "/repos/acme/ingest-api/hooks/7";

/// One try to deliver.
#[derive(Clone)]
pub struct Attempt {
    pub hook: &'static str,
    pub guid: String,
    pub at: Timestamp,
    pub status: u16,
    pub event: &'static str,
    pub payload: Value,
}

#[derive(Default)]
pub struct State {
    /// The number of each is its place here
    attempts: Vec<Attempt>,
    asked: Vec<String>,
    /// How many bodies it tells before it asks for a rest of a second
    pub until_rest: Option<usize>,
    /// What it answers to whoever wants a list of these hooks
    pub refused: BTreeMap<&'static str, u16>,
}

/// GitHub's API, as far as it tells what it delivered.
pub struct Github {
    pub url: String,
    pub state: Arc<Mutex<State>>,
    /// A body is told for each permit
    pub bodies: Arc<Semaphore>,
}

impl Github {
    pub async fn new() -> Self {
        let (state, bodies) = (Arc::<Mutex<State>>::default(), Arc::new(Semaphore::new(100_000)));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (kept, permits, base) = (Arc::clone(&state), Arc::clone(&bodies), url.clone());
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let route = warp::path::full().and(query).and(warp::header("authorization")).then(
            move |path: warp::path::FullPath, query: String, login: String| {
                let (state, permits, base) = (Arc::clone(&kept), Arc::clone(&permits), base.clone());
                async move {
                    let path = path.as_str();
                    let authorized = if path.starts_with("/app/") { "Bearer ey" } else { TOKEN };
                    if !login.contains(authorized) {
                        return reply(401, None, json!({ "message": "Bad credentials" }));
                    }
                    // It is asked for other things too, and knows nothing of them.
                    let Some((hook, id)) = path.split_once("/deliveries") else {
                        return reply(404, None, json!({ "message": "Not Found" }));
                    };
                    state.lock().unwrap().asked.push(path.to_owned());
                    match id.strip_prefix('/') {
                        None => list(&state.lock().unwrap(), &base, hook, &query),
                        Some(id) => {
                            permits.acquire().await.unwrap().forget();
                            body(&mut state.lock().unwrap(), id.parse().unwrap())
                        }
                    }
                }
            },
        );
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, state, bodies }
    }

    pub fn token(&self) -> String {
        format!("token = \"{TOKEN}\"\napi_url = \"{}\"\n", self.url)
    }

    pub fn add(&self, attempts: impl IntoIterator<Item = Attempt>) {
        self.state.lock().unwrap().attempts.extend(attempts);
    }

    /// From now on it tells no body until it gets permits.
    pub fn close(&self) {
        self.bodies.forget_permits(usize::MAX >> 4);
    }

    pub fn open(&self) {
        self.bodies.add_permits(100_000);
    }

    /// Whether it has told all the bodies that it may.
    pub fn has_told_all_it_may(&self) -> bool {
        self.bodies.available_permits() == 0
    }

    pub fn bodies_asked(&self) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|path| !path.ends_with("/deliveries")).count()
    }
}

type Reply = warp::http::Response<String>;

fn reply(status: u16, header: Option<(&str, String)>, body: Value) -> Reply {
    let reply = warp::http::Response::builder().status(status);
    header.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value)).body(body.to_string()).unwrap()
}

/// Newest first, a hundred a page, with a cursor.
fn list(state: &State, base: &str, hook: &str, query: &str) -> Reply {
    if let Some(status) = state.refused.get(hook) {
        return reply(*status, None, json!({ "message": "Not Found" }));
    }
    assert!(query.contains("per_page=100"), "{query}");
    let mut all = state.attempts.iter().enumerate().filter(|(_, attempt)| attempt.hook == hook).collect::<Vec<_>>();
    all.sort_by_key(|(id, attempt)| std::cmp::Reverse((attempt.at, *id)));
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=v1_"));
    let from = cursor.map_or(0, |id| all.iter().position(|(number, _)| number.to_string() == id).unwrap());
    let rest = &all[from..];
    let item = |(id, attempt): &(usize, &Attempt)| {
        json!({
            "id": id, "guid": attempt.guid, "delivered_at": attempt.at.to_string(), "redelivery": false,
            "duration": 0.3, "status": if attempt.status < 400 { "OK" } else { "failed to connect to host" },
            "status_code": attempt.status, "event": attempt.event, "action": attempt.payload["action"],
            "installation_id": null, "repository_id": 1, "throttled_at": null,
        })
    };
    let page = rest.iter().take(100).map(item).collect::<Value>();
    let next = rest.get(100).map(|(id, _)| {
        let here = format!("{base}{hook}/deliveries?per_page=100");
        ("link", format!("<{here}&cursor=v1_{id}>; rel=\"next\", <{here}>; rel=\"first\""))
    });
    reply(200, next, page)
}

fn body(state: &mut State, id: usize) -> Reply {
    match &mut state.until_rest {
        Some(0) => {
            state.until_rest = None;
            return reply(403, Some(("retry-after", "1".to_owned())), json!({ "message": "secondary rate limit" }));
        }
        Some(left) => *left -= 1,
        None => {}
    }
    let Attempt { guid, event, payload, .. } = &state.attempts[id];
    let headers = json!({ "X-GitHub-Event": event, "X-GitHub-Delivery": guid, "X-Hub-Signature-256": "sha256=old" });
    reply(200, None, json!({ "id": id, "guid": guid, "request": { "headers": headers, "payload": payload } }))
}
