//! Slack, and the pages that comments go to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::Method;

use crate::replies::SIGNING;
use crate::support::{Service, eventually, merged, states};

/// Pages that take comments: GitHub and Jira, which name them in the same way.
#[derive(Clone, Default)]
pub struct Pages {
    pub comments: Arc<Mutex<BTreeMap<u64, (String, Value)>>>,
    pub requests: Arc<Mutex<Vec<(Method, String)>>>,
    /// What is answered next, instead of doing it
    pub refusals: Arc<Mutex<Vec<(u16, Value)>>>,
}

impl Pages {
    pub async fn serve(&self) -> String {
        let pages = self.clone();
        let route = warp::method().and(warp::path::full()).and(warp::body::bytes()).map(
            move |method: Method, path: warp::path::FullPath, body: bytes::Bytes| {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (status, answer) = pages.take(&method, path.as_str(), body);
                warp::http::Response::builder().status(status).body(answer.to_string())
            },
        );
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        url
    }

    pub fn take(&self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        self.requests.lock().unwrap().push((method.clone(), path.to_owned()));
        if let Some(refusal) = self.refusals.lock().unwrap().pop() {
            return refusal;
        }
        let mut comments = self.comments.lock().unwrap();
        let known = path.rsplit('/').next().and_then(|id| id.parse::<u64>().ok());
        let (id, page) = match (method.as_str(), known) {
            ("POST", _) => (comments.len() as u64 + 100, path.to_owned()),
            (_, Some(id)) if comments.contains_key(&id) => (id, comments[&id].0.clone()),
            _ => return (404, json!({ "message": "Not Found" })),
        };
        comments.insert(id, (page, body));
        let id = if path.contains("/rest/") { json!(id.to_string()) } else { json!(id) };
        (if method == Method::POST { 201 } else { 200 }, json!({ "id": id }))
    }

    pub fn refuse(&self, status: u16) {
        self.refusals.lock().unwrap().push((status, json!({ "message": "no" })));
    }

    /// The comments, each with its page.
    pub fn said(&self) -> Vec<(String, String)> {
        let comments = self.comments.lock().unwrap();
        comments.values().map(|(page, body)| (page.clone(), body["body"].as_str().unwrap().to_owned())).collect()
    }

    /// How many comments were written or changed, or would have been.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().iter().filter(|(method, _)| *method != Method::GET).count()
    }

    /// Waits until the comments are so, from what can be read in each.
    pub async fn say(&self, expected: &[&str]) {
        eventually(&format!("the comments say {expected:?}"), async || {
            let said = self.said();
            let fits =
                said.len() == expected.len() && said.iter().zip(expected).all(|((_, body), part)| body.contains(part));
            fits.then_some(())
        })
        .await;
    }
}

/// Slack: each message is another one, and its members are known.
pub async fn slack(posts: Arc<Mutex<Vec<Value>>>) -> String {
    let post = warp::path!("chat.postMessage").and(warp::body::json()).map(move |body: Value| {
        let mut posts = posts.lock().unwrap();
        posts.push(body.clone());
        let ts = format!("1700000001.{:06}", posts.len() * 100);
        let message = json!({ "thread_ts": body["thread_ts"] });
        json!({ "ok": true, "channel": "C1", "ts": ts, "message": message }).to_string()
    });
    let users = warp::path!("users.info").and(warp::query::raw()).then(async |query: String| {
        let named = |name: &str, more: Value| {
            let mut user = json!({ "id": "U", "team_id": "T1", "profile": { "display_name": name } });
            user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "ok": true, "user": user }).to_string()
        };
        match query.trim_start_matches("user=") {
            "U1" => named("Ana", json!({})),
            "U2" => named("Bo @here Li", json!({})),
            "U3" => std::future::pending().await,
            "U4" => named("Gus", json!({ "is_restricted": true })),
            "U5" => named("Stan", json!({ "team_id": "T2" })),
            "U6" => named("Sis", json!({ "team_id": "T3", "enterprise_user": { "enterprise_id": "E1" } })),
            "U7" => named("Robo", json!({ "is_bot": true })),
            "U8" => named("Visit", json!({ "is_stranger": true })),
            "U11" => named("Ana", json!({ "profile": { "display_name": "Ana Silva", "email": "ana@example.com" } })),
            "U10" => named("Nowhere", json!({ "team_id": null })),
            _ => json!({ "ok": false, "error": "user_not_found" }).to_string(),
        }
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let own =
        warp::path!("auth.test").map(|| json!({ "ok": true, "team_id": "T1", "enterprise_id": "E1" }).to_string());
    tokio::spawn(warp::serve(post.or(users).or(own)).incoming(socket).run());
    url
}

pub fn team(keys: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"slack:#web\"]\nsettle = \"0s\"\n{keys}\n\
         [[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"note.*\", \"ticket.*\"]\n"
    )
}

pub struct World {
    pub pages: Pages,
    pub service: Service,
    pub posts: Arc<Mutex<Vec<Value>>>,
}

impl World {
    pub async fn new(team: &str) -> Self {
        Self::with(team, "", "").await
    }

    /// With more keys below `[github]`, and defaults for all teams.
    pub async fn with(team: &str, github: &str, defaults: &str) -> Self {
        let (pages, posts) = (Pages::default(), Arc::<Mutex<Vec<Value>>>::default());
        let (url, slack) = (pages.serve().await, slack(Arc::clone(&posts)).await);
        let config = format!(
            "token = \"hunter2\"\napi_url = \"{url}\"\n{github}\n\
             [slack]\ntoken = \"xoxb-1\"\napi_url = \"{slack}\"\nsigning_secret = \"{SIGNING}\"\n[people.bo-li]\nslack = \"U2\"\n\
             [people.ana]\nemail = \"ana@example.com\"\n"
        );
        let mut service = Service::new(team, &config).expecting(&["cannot take in an answer", "cannot be sent"]);
        service.write("rules/_defaults.toml", defaults);
        service.configure("server", "console = true\n");
        service.configure("jira", &format!("base_url = \"{url}\"\ntoken = \"hunter2\"\n"));
        service.start().await;
        Self { pages, service, posts }
    }

    pub async fn merged(team: &str) -> Self {
        let world = Self::new(team).await;
        let lines = world.service.github_settled("pull_request", "d-1", &merged(7)).await;
        assert_eq!(states(&lines), ["sent"], "{lines:?}");
        world
    }

    pub async fn slack(&self, event: &Value) -> String {
        let answer = crate::replies::event(&self.service, event, SIGNING).await;
        answer.body["status"].as_str().or(answer.body["error"].as_str()).unwrap_or_default().to_owned()
    }

    /// How many answers weren't carried since they came from outside.
    pub async fn withheld(&self) -> usize {
        reasons(&self.service.ledger().await).iter().filter(|reason| reason.contains("from outside")).count()
    }

    /// Restarts after a crash.
    pub async fn crash(&mut self) {
        self.service.kill().await;
        self.service.start().await;
    }
}

pub const ROOT: &str = "1700000001.000100";

pub fn edited(user: &str, ts: &str, text: &str, at: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{at}"),
        "event": {
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1", "ts": at,
            "message": {
                "type": "message", "user": user, "text": text, "ts": ts, "thread_ts": ROOT,
                "edited": { "user": user, "ts": at },
            },
            "previous_message": { "type": "message", "user": user, "text": "before", "ts": ts, "thread_ts": ROOT },
        },
    })
}

pub fn deleted(user: &str, ts: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{ts}gone"),
        "event": {
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C1", "ts": "1700000099.000000",
            "deleted_ts": ts,
            "previous_message": { "type": "message", "user": user, "text": "before", "ts": ts, "thread_ts": ROOT },
        },
    })
}

pub const ONE: &str = "1700000002.000200";
/// The time in a moment, as Slack writes it, with a number.
pub fn now(number: usize) -> String {
    format!("{}.{number:06}", jiff::Timestamp::now().as_second() + 1)
}

pub const TWO: &str = "1700000003.000300";

pub fn reasons(lines: &[Value]) -> Vec<String> {
    let of_rule = lines.iter().filter(|line| line["rule"] == "all");
    of_rule.map(|line| line["reason"].as_str().unwrap().to_owned()).collect()
}
