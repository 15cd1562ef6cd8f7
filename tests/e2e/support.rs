//! The service as its users have it: the real program, real sockets, real files.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use warp::Filter as _;

pub const SECRET: &str = "It's a Secret to Everybody";
/// For conditions that come true within milliseconds unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration, and perhaps a process that serves from it.
pub struct Service {
    pub dir: TempDir,
    child: Option<Child>,
    pub address: String,
    pub log: Arc<Mutex<String>>,
    client: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Service {
    /// A folder with one team file; `more` is added to the configuration.
    pub fn new(team: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[github]\nsecrets = [\"{SECRET}\"]\n[jira]\nsecrets = [\"{SECRET}\"]\n{more}"
        );
        std::fs::write(dir.path().join("microalign.toml"), config).unwrap();
        std::fs::create_dir(dir.path().join("rules")).unwrap();
        std::fs::create_dir(dir.path().join("templates")).unwrap();
        std::fs::write(dir.path().join("rules/team.toml"), team).unwrap();
        // A second test in the same process finds it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { dir, child: None, address: String::new(), log: Arc::default(), client }
    }

    pub async fn started(team: &str, more: &str) -> Self {
        let mut service = Self::new(team, more);
        service.start().await;
        service
    }

    /// Starts the process and waits until it listens.
    pub async fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_microalign"))
            .args(["serve", "--log", "json"])
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::clone(&self.log);
        let (tell, told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut tell = Some(tell);
            while let Ok(Some(line)) = lines.next_line().await {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if let (Some("listening"), Some(tell)) =
                    (entry["message"].as_str(), tell.take_if(|_| entry["message"] == "listening"))
                {
                    tell.send(entry["address"].as_str().unwrap().to_owned()).unwrap();
                }
                let mut log = log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = tokio::time::timeout(PATIENCE, told).await.unwrap();
        self.address = address.unwrap_or_else(|_| panic!("it did not start:\n{}", self.log()));
        self.child = Some(child);
    }

    /// SIGKILL: nothing gets a chance to tidy up.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// SIGTERM, and the exit code.
    pub async fn stop(&mut self) -> i32 {
        let mut child = self.child.take().unwrap();
        self.signal_to(&child, "TERM");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it stops when told to").unwrap();
        status.code().unwrap_or(-1)
    }

    pub fn signal(&self, name: &str) {
        self.signal_to(self.child.as_ref().unwrap(), name);
    }

    fn signal_to(&self, child: &Child, name: &str) {
        let pid = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id().unwrap()
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("http://{}{path}", self.address)).send().await.unwrap()
    }

    /// As [`Self::github_raw`] for a service that may die any moment: the status, if there was an answer.
    pub async fn try_github(&self, event: &str, delivery: &str, body: Vec<u8>) -> Option<u16> {
        let request = self
            .request("/webhooks/github")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", sign(SECRET, &body));
        request.body(body).send().await.ok().map(|answer| answer.status().as_u16())
    }

    pub async fn github(&self, event: &str, delivery: &str, body: &Value) -> Answer {
        self.github_raw(event, delivery, body.to_string().into_bytes()).await
    }

    pub async fn github_raw(&self, event: &str, delivery: &str, body: Vec<u8>) -> Answer {
        let request = self
            .request("/webhooks/github")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", sign(SECRET, &body));
        answer(request.body(body).send().await.unwrap()).await
    }

    pub async fn jira(&self, delivery: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let request = self
            .request("/webhooks/jira")
            .header("content-type", "application/json")
            .header("x-atlassian-webhook-identifier", delivery)
            .header("x-hub-signature", sign(SECRET, body.as_bytes()));
        answer(request.body(body).send().await.unwrap()).await
    }

    /// Runs a command of the program in the folder: exit code, standard output, standard error.
    pub async fn run(&self, args: &[&str]) -> (i32, String, String) {
        run_in(self.dir.path(), args).await
    }

    /// The ledger, as `ledger --json` prints it.
    pub async fn ledger(&self) -> Vec<Value> {
        let (code, out, err) = self.run(&["ledger", "--json"]).await;
        assert_eq!(code, 0, "{err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The ledger's lines of one delivery, once none of them is held any more.
    pub async fn settled(&self, delivery: &str) -> Vec<Value> {
        let done = async || {
            let mut lines = self.ledger().await;
            lines.retain(|line| line["delivery"] == delivery);
            (!lines.is_empty() && lines.iter().all(|line| line["state"] != "held")).then_some(lines)
        };
        eventually(&format!("delivery {delivery} settles"), done).await
    }

    /// The mails in the local mailbox, oldest first.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.path("mailbox")) else { return Vec::new() };
        let mut paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }
}

pub async fn run_in(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_microalign")).args(args).current_dir(dir).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

pub async fn answer(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.json().await.unwrap_or_default() }
}

pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let hex = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={hex}")
}

/// Looks until a condition holds.
pub async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let looked = async {
        loop {
            match condition().await {
                Some(value) => return value,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A request that a listener of ours got.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: warp::http::HeaderMap,
    pub body: Value,
}

/// A listener that keeps what it gets and answers with the first of `answers`, which is then used up but for the last.
pub struct Listener {
    pub url: String,
    pub got: Arc<Mutex<Vec<Got>>>,
}

impl Listener {
    pub async fn new(answers: Vec<(u16, Value)>) -> Self {
        let got = Arc::<Mutex<Vec<Got>>>::default();
        let (kept, answers) = (Arc::clone(&got), Arc::new(Mutex::new(answers)));
        let route =
            warp::post().and(warp::path::full()).and(warp::header::headers_cloned()).and(warp::body::bytes()).map(
                move |path: warp::path::FullPath, headers, body: bytes::Bytes| {
                    let body = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
                    kept.lock().unwrap().push(Got { path: path.as_str().to_owned(), headers, body });
                    let mut answers = answers.lock().unwrap();
                    let (status, answer) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
                    warp::http::Response::builder()
                        .status(status)
                        .header("content-type", "application/json")
                        .body(answer.to_string())
                },
            );
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, got }
    }

    pub fn requests(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A pull request's payload in GitHub's documented shape; `more` replaces fields of the pull request.
pub fn pull_request(action: &str, number: u64, more: Value) -> Value {
    let mut payload = json!({
        "action": action,
        "number": number,
        "pull_request": {
            "number": number,
            "title": "Add the v2 order schema",
            "html_url": format!("https://github.com/acme/ingest-api/pull/{number}"),
            "state": "open",
            "draft": false,
            "merged": false,
            "user": { "login": "ana", "type": "User", "html_url": "https://github.com/ana" },
            "body": "For DATA-123.",
            "base": { "ref": "main" },
            "head": { "ref": "order-v2" },
            "labels": [{ "name": "contract" }],
            "additions": 12, "deletions": 3, "changed_files": 2,
        },
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "sender": { "login": "ana", "type": "User", "html_url": "https://github.com/ana" },
    });
    for (key, value) in more.as_object().unwrap() {
        payload["pull_request"][key] = value.clone();
    }
    payload
}

pub fn merged(number: u64) -> Value {
    pull_request("closed", number, json!({ "state": "closed", "merged": true }))
}
