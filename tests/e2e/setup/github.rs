//! A GitHub of ours that really delivers what it is asked to.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use warp::Filter as _;
use warp::http::{HeaderMap, Method};

use super::{APP_SECRET, CODE, TOKEN};
use crate::support::sign;

/// What GitHub has and does.
#[derive(Default)]
pub struct State {
    /// The App's manifest, once somebody sent it
    pub manifest: Option<Value>,
    pub hooks: Vec<Value>,
    pub deliveries: Vec<Value>,
    pub asked: Vec<String>,
    /// What it answers to everything, instead
    pub trouble: Option<(u16, Value)>,
    /// Whether it delivers anything
    pub idle: bool,
    pub pem: String,
}

#[derive(Clone)]
pub struct Github {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

type Call = (Method, String, HeaderMap, String);

impl Github {
    pub async fn new() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let github = Self { url: format!("http://{}", socket.local_addr().unwrap()), state: Arc::default() };
        let all =
            warp::method().and(warp::path::full()).and(warp::query::raw().or(warp::any().map(String::new)).unify());
        let all = all.and(warp::header::headers_cloned()).and(warp::body::bytes());
        let this = github.clone();
        let route = all.then(move |method, path: warp::path::FullPath, query: String, headers, body: bytes::Bytes| {
            let (this, body) = (this.clone(), String::from_utf8(body.to_vec()).unwrap());
            let path = path.as_str().to_owned();
            async move {
                let (status, headers, body) = this.answer((method, path, headers, body), &query).await;
                let mut response = warp::http::Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(body.to_string())
            }
        });
        tokio::spawn(warp::serve(route).incoming(socket).run());
        github
    }

    async fn answer(&self, call: Call, query: &str) -> (u16, Vec<(&'static str, String)>, Value) {
        let (method, path, headers, body) = &call;
        self.state.lock().unwrap().asked.push(format!("{method} {path}"));
        if let Some((status, body)) = self.state.lock().unwrap().trouble.clone() {
            return (status, Vec::new(), body);
        }
        let parts = path.trim_start_matches('/').split('/').collect::<Vec<_>>();
        let by = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        match (method.as_str(), &parts[..]) {
            // What the browser sends, and gets.
            ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
                let field = url::form_urlencoded::parse(body.as_bytes()).find(|(key, _)| key == "manifest").unwrap().1;
                let manifest: Value = serde_json::from_str(&field).unwrap();
                let back = format!("{}?code={CODE}&{query}", manifest["redirect_url"].as_str().unwrap());
                self.state.lock().unwrap().manifest = Some(manifest);
                (302, vec![("location", back)], json!(""))
            }
            ("POST", ["app-manifests", CODE, "conversions"]) => {
                let app = self.made();
                self.deliver(0, "the-first-ping").await;
                (201, Vec::new(), app)
            }
            (_, ["app", rest @ ..]) if by.starts_with("Bearer ey") => self.app(&call, rest).await,
            (_, ["repos" | "orgs", ..]) if by == format!("Bearer {TOKEN}") => self.hooks(&call, &parts).await,
            _ => (401, Vec::new(), json!({ "message": "Bad credentials" })),
        }
    }

    fn made(&self) -> Value {
        let mut state = self.state.lock().unwrap();
        let url = state.manifest.as_ref().unwrap()["hook_attributes"]["url"].clone();
        state.hooks.push(json!({ "id": 0, "config": { "url": url, "secret": APP_SECRET } }));
        let page = format!("{}/apps/microalign", self.url);
        json!({ "id": 17, "html_url": page, "pem": state.pem, "webhook_secret": APP_SECRET })
    }

    async fn app(&self, (method, _, _, body): &Call, rest: &[&str]) -> (u16, Vec<(&'static str, String)>, Value) {
        match (method.as_str(), rest) {
            ("GET", []) => {
                let events = self.state.lock().unwrap().manifest.as_ref().unwrap()["default_events"].clone();
                (200, Vec::new(), json!({ "id": 17, "html_url": "https://github.example/apps/m", "events": events }))
            }
            ("PATCH", ["hook", "config"]) => {
                let config: Value = serde_json::from_str(body).unwrap();
                self.state.lock().unwrap().hooks[0]["config"] = config.clone();
                (200, Vec::new(), config)
            }
            (_, ["hook", rest @ ..]) => self.deliveries(0, rest).await,
            _ => (404, Vec::new(), json!({ "message": "Not Found" })),
        }
    }

    async fn hooks(&self, (method, _, _, body): &Call, parts: &[&str]) -> (u16, Vec<(&'static str, String)>, Value) {
        let at = parts.iter().position(|part| *part == "hooks").unwrap();
        match (method.as_str(), &parts[at + 1..]) {
            ("GET", []) => (200, Vec::new(), json!(self.state.lock().unwrap().hooks)),
            ("POST", []) => {
                let mut hook: Value = serde_json::from_str(body).unwrap();
                hook["id"] = json!(8);
                self.state.lock().unwrap().hooks.push(hook.clone());
                (201, Vec::new(), hook)
            }
            ("PATCH", [id]) => {
                let more: Value = serde_json::from_str(body).unwrap();
                let mut state = self.state.lock().unwrap();
                let hook = state.hooks.iter_mut().find(|hook| hook["id"] == json!(number(id))).unwrap();
                hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                (200, Vec::new(), hook.clone())
            }
            ("POST", [id, "pings"]) => {
                let count = self.state.lock().unwrap().deliveries.len();
                self.deliver(number(id), &format!("ping-{count}")).await;
                (204, Vec::new(), json!(""))
            }
            (_, [id, rest @ ..]) => self.deliveries(number(id), rest).await,
            _ => (404, Vec::new(), json!({ "message": "Not Found" })),
        }
    }

    async fn deliveries(&self, hook: u64, rest: &[&str]) -> (u16, Vec<(&'static str, String)>, Value) {
        let all = self.state.lock().unwrap().deliveries.clone();
        let one = |id: &str| all.iter().find(|delivery| delivery["id"] == json!(number(id))).unwrap().clone();
        match rest {
            ["deliveries"] => (200, Vec::new(), all.into_iter().rev().collect()),
            ["deliveries", id] => (200, Vec::new(), one(id)),
            ["deliveries", id, "attempts"] => {
                self.deliver(hook, one(id)["guid"].as_str().unwrap()).await;
                (202, Vec::new(), json!({}))
            }
            _ => (404, Vec::new(), json!({ "message": "Not Found" })),
        }
    }

    /// Sends a hook's ping for real, and keeps what was answered.
    async fn deliver(&self, hook: u64, guid: &str) {
        if self.state.lock().unwrap().idle {
            return;
        }
        let hooks = self.state.lock().unwrap().hooks.clone();
        let config = &hooks.iter().find(|one| one["id"] == hook).unwrap()["config"];
        let body = json!({ "zen": "Speak like a human.", "hook_id": hook }).to_string();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = client
            .post(config["url"].as_str().unwrap())
            .header("content-type", "application/json")
            .header("x-github-event", "ping")
            .header("x-github-delivery", guid)
            .header("x-hub-signature-256", sign(config["secret"].as_str().unwrap(), body.as_bytes()))
            .body(body)
            .send()
            .await;
        let (code, status, answer) = match sent {
            Ok(answer) if answer.status().is_success() => (answer.status().as_u16(), "OK", answer.text().await.ok()),
            Ok(answer) => (answer.status().as_u16(), "Invalid HTTP Response", answer.text().await.ok()),
            Err(_) => (0, "failed to connect to host", None),
        };
        let mut state = self.state.lock().unwrap();
        let id = 1000 + state.deliveries.len();
        state.deliveries.push(
            json!({ "id": id, "guid": guid, "delivered_at": "2026-11-26T10:00:00Z", "event": "ping", "status": status,
                                      "status_code": code, "response": { "headers": {}, "payload": answer } }),
        );
    }

    pub fn hook(&self, at: usize) -> Value {
        self.state.lock().unwrap().hooks[at].clone()
    }

    pub fn asked(&self, what: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| *asked == what).count()
    }
}

fn number(id: &str) -> u64 {
    id.parse().unwrap()
}
