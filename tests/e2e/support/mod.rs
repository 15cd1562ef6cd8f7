//! The service as its users have it: the real program, real sockets, real files.

mod database;
mod hub;
mod listener;
mod payload;

pub use self::database::{Schema, is_only_for_files, migrations, older_store};
pub use self::hub::{Hub, State as HubState};
pub use self::listener::{Got, Listener};
pub use self::payload::{commented, merged, pull_request, ticket};

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use microalign::store::Store;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

pub const SECRET: &str = "It's a Secret to Everybody";
/// A team that gets each merge by mail, at once.
pub const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
"#;
/// For conditions that come true within milliseconds unless something is broken.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with a configuration, and perhaps a process that serves from it.
pub struct Service {
    _dir: TempDir,
    /// Where it runs
    pub home: PathBuf,
    child: Option<Child>,
    /// The store on a server, once it was looked into
    looked: OnceCell<Store>,
    /// Where that is; it goes after whatever is connected to it
    schema: Option<Arc<Schema>>,
    pub address: String,
    pub log: Arc<Mutex<String>>,
    /// What is logged, as in `RUST_LOG`
    pub level: &'static str,
    /// Parts of errors that a test brings about: any other error in the log fails it
    expected_errors: &'static [&'static str],
    client: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<String>,
}

impl Drop for Service {
    /// A service that logged an error, or of which a task panicked, has failed its test.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = self.log();
        let is_error = |line: &&str| line.contains("\"level\":\"ERROR\"") || line.contains("panicked at");
        let is_expected = |line: &&str| self.expected_errors.iter().any(|part| line.contains(part));
        let errors = log.lines().filter(is_error).filter(|line| !is_expected(line)).collect::<Vec<_>>();
        assert!(errors.is_empty(), "the service logged what no test expects:\n{}", errors.join("\n"));
    }
}

impl Service {
    /// A folder with one team file; `more` is added to the configuration, whose last table is `[github]`.
    pub fn new(team: &str, more: &str) -> Self {
        let schema = if more.contains("[store]\nurl") { None } else { Schema::new() };
        Self::sharing(schema.map(Arc::new), team, more)
    }

    /// The same beside others on a schema, if stores are on a server.
    pub fn sharing(schema: Option<Arc<Schema>>, team: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[jira]\nsecrets = [\"{SECRET}\"]\n[github]\nsecrets = [\"{SECRET}\"]\n{more}"
        );
        let config = schema.as_ref().map_or_else(|| config.clone(), |schema| schema.configured(&config));
        std::fs::write(dir.path().join("microalign.toml"), config).unwrap();
        std::fs::create_dir(dir.path().join("rules")).unwrap();
        std::fs::create_dir(dir.path().join("templates")).unwrap();
        std::fs::write(dir.path().join("rules/team.toml"), team).unwrap();
        // A second test in the same process finds it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let home = dir.path().to_owned();
        Self {
            _dir: dir,
            home,
            looked: OnceCell::new(),
            schema,
            child: None,
            address: String::new(),
            log: Arc::default(),
            level: "info",
            expected_errors: &[],
            client,
        }
    }

    pub async fn started(team: &str, more: &str) -> Self {
        let mut service = Self::new(team, more);
        service.start().await;
        service
    }

    /// The same, with errors in the log that have these parts.
    pub fn expecting(mut self, errors: &'static [&'static str]) -> Self {
        self.expected_errors = errors;
        self
    }

    /// Adds keys to a table of the configuration.
    pub fn configure(&self, table: &str, keys: &str) {
        let config = std::fs::read_to_string(self.path("microalign.toml")).unwrap();
        self.write("microalign.toml", &config.replace(&format!("[{table}]\n"), &format!("[{table}]\n{keys}")));
    }

    /// Starts the process and waits until it listens.
    pub async fn start(&mut self) {
        self.start_by(Command::new(env!("CARGO_BIN_EXE_microalign"))).await;
    }

    /// As [`Self::start`], by a command that runs the program with the arguments that it is given.
    pub async fn start_by(&mut self, command: Command) {
        assert!(self.try_start_by(command).await, "it did not start:\n{}", self.log());
    }

    /// As [`Self::start_by`], for what may not start: whether it did.
    pub async fn try_start_by(&mut self, mut command: Command) -> bool {
        let mut child = command
            .args(["serve", "--log", "json"])
            .env("RUST_LOG", self.level)
            // On PostgreSQL, others wait until a killed one is taken for dead.
            .env("MICROALIGN_TEST_CLAIM_LEASE_MS", "3000")
            .current_dir(&self.home)
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
        self.child = Some(child);
        let address = tokio::time::timeout(PATIENCE, told).await.unwrap();
        address.map(|address| self.address = address).is_ok()
    }

    /// SIGKILL: nothing gets a chance to tidy up.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// SIGTERM, and the exit code.
    pub async fn stop(&mut self) -> i32 {
        self.signal("TERM");
        self.stopped().await
    }

    /// The exit code of a service that was told to stop.
    pub async fn stopped(&mut self) -> i32 {
        let mut child = self.child.take().unwrap();
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it stops when told to").unwrap();
        status.code().unwrap_or(-1)
    }

    /// Whether it has ended.
    pub fn is_gone(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id().unwrap()
    }

    /// The most memory that it has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Waits until the files that are in force are those that the log says were loaded.
    pub async fn loaded(&self, wanted: impl Fn(&Value) -> bool) {
        let loaded = async || {
            let log = self.log();
            let mut entries = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            entries.find(|entry| entry["message"] == "loaded rules and templates").filter(&wanted).map(drop)
        };
        eventually("files are loaded again", loaded).await;
    }

    /// Writes a file as editors do: whole, under another name first.
    pub fn write(&self, name: &str, text: &str) {
        let configured =
            self.schema.as_ref().filter(|_| name == "microalign.toml").map(|schema| schema.configured(text));
        let text = configured.as_deref().unwrap_or(text);
        let draft = self.path(&format!("{name}~"));
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.path(name)).unwrap();
    }

    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
    }

    /// A `POST` as a page of the console makes it.
    pub async fn as_page(&self, path: &str) -> reqwest::RequestBuilder {
        let page = self.get("/").await.text().await.unwrap();
        let (_, token) = page.split_once("<meta name=\"form-token\" content=\"").unwrap();
        self.request(path).header("x-form-token", token.split_once('"').unwrap().0)
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
        self.github_with(event, delivery, &[], body).await
    }

    /// As [`Self::github_raw`] with further headers.
    pub async fn github_with(
        &self,
        event: &str,
        delivery: &str,
        headers: &[(&'static str, &'static str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self
            .request("/webhooks/github")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", sign(SECRET, &body));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
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
        run_in(&self.home, args).await
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

    /// The whole ledger, once no delivery waits to be worked on and no line is held.
    pub async fn idle(&self) -> Vec<Value> {
        let idle = async || {
            let waiting = answer(self.get("/readyz").await).await.body["waiting"].as_i64().unwrap();
            let ledger = self.ledger().await;
            (waiting == 0 && ledger.iter().all(|line| line["state"] != "held")).then_some(ledger)
        };
        eventually("everything settles", idle).await
    }

    /// A GitHub delivery that is taken in, and what became of it.
    pub async fn github_settled(&self, event: &str, delivery: &str, body: &Value) -> Vec<Value> {
        let answer = self.github(event, delivery, body).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("accepted")), "{}", answer.body);
        self.settled(delivery).await
    }

    /// A Jira delivery that is taken in, and what became of it.
    pub async fn jira_settled(&self, delivery: &str, body: &Value) -> Vec<Value> {
        let answer = self.jira(delivery, body).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("accepted")), "{}", answer.body);
        self.settled(delivery).await
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

/// The states of lines of the ledger.
pub fn states(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["state"].as_str().unwrap()).collect()
}

/// A mail as a mail program reads it.
pub fn read_mail(raw: &[u8]) -> mail_parser::Message<'_> {
    mail_parser::MessageParser::default().parse(raw).unwrap()
}

pub async fn run_in(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_microalign")).args(args).current_dir(dir).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

pub async fn answer(response: reqwest::Response) -> Answer {
    let retry_after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
    Answer { status: response.status().as_u16(), retry_after, body: response.json().await.unwrap_or_default() }
}

pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let hex = hex::encode(mac.finalize().into_bytes());
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

/// Says why a test could not run, past the harness's capture: else nobody would know.
pub fn did_not_run(why: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("DID NOT RUN: {why}\n").as_bytes()).unwrap();
}
