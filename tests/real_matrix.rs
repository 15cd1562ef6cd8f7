//! Against a real homeserver that nobody here wrote: Synapse, with its own database in a folder of the test.
//!
//! `MICROALIGN_SYNAPSE` is the path of its executable `synapse_homeserver`; without it, it is looked for on `PATH`. Where
//! there is none, these tests say so and pass, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use support::{Service, did_not_run, eventually, merged, pull_request, states};

/// A homeserver that runs for as long as the test does, with a room of Ana's that the bot is invited to.
struct Homeserver {
    child: Child,
    address: SocketAddr,
    client: reqwest::Client,
    room: String,
    /// Ana's access token
    ana: String,
    /// The bot's access token
    bot: String,
    _folder: tempfile::TempDir,
}

impl Homeserver {
    async fn start() -> Option<Self> {
        let program = synapse()?;
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.path().join("homeserver.yaml");
        // JSON is YAML.
        std::fs::write(&config, configuration(folder.path(), address.port()).to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(config)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        microalign::channel::choose_tls_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (room, ana, bot) = (String::new(), String::new(), String::new());
        let mut server = Self { child, address, client, room, ana, bot, _folder: folder };
        let up = async || server.client.get(server.url("/versions")).send().await.ok().map(drop);
        eventually("the homeserver is up", up).await;
        server.ana = server.register("ana").await;
        server.bot = server.register("microalign").await;
        let room = json!({ "invite": ["@microalign:localhost"], "preset": "private_chat" });
        let room = server.ask(&server.ana, Method::POST, "/v3/createRoom", room).await;
        server.room = room["room_id"].as_str().unwrap().to_owned();
        Some(server)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/_matrix/client{path}", self.address)
    }

    async fn register(&self, name: &str) -> String {
        let account = json!({ "username": name, "password": "hunter2", "auth": { "type": "m.login.dummy" } });
        let answer = self.client.post(self.url("/v3/register")).json(&account).send().await.unwrap();
        let account = answer.json::<Value>().await.unwrap();
        account["access_token"].as_str().unwrap_or_else(|| panic!("{account}")).to_owned()
    }

    async fn ask(&self, token: &str, method: Method, path: &str, body: Value) -> Value {
        let request = self.client.request(method, self.url(path)).bearer_auth(token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// What Ana gets.
    async fn get(&self, path: &str) -> Value {
        self.ask(&self.ana, Method::GET, path, json!({})).await
    }

    /// The messages in the room, oldest first.
    async fn messages(&self) -> Vec<Value> {
        let page = self.get(&format!("/v3/rooms/{}/messages?dir=f&limit=100", self.room)).await;
        let mut events = page["chunk"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        events.retain(|event| event["type"] == "m.room.message");
        events
    }

    /// How often Ana was called, and how often anything made a noise for her.
    async fn noise(&self) -> (Value, Value) {
        let sync = self.get("/v3/sync").await;
        let counts = &sync["rooms"]["join"][&self.room]["unread_notifications"];
        (counts["highlight_count"].clone(), counts["notification_count"].clone())
    }

    /// The bot's part of the configuration, with what lies between it and the homeserver.
    fn table(&self, address: SocketAddr) -> String {
        let token = &self.bot;
        let people = "[people.ana]\nmatrix = \"@ana:localhost\"\n";
        format!("[matrix]\nhomeserver = \"http://{address}\"\ntoken = \"{token}\"\n{people}")
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        self.child.kill().expect("the homeserver runs to the end");
        self.child.wait().expect("it can be waited for");
    }
}

/// Nothing goes out of the machine, anybody may register, and no rate is too high.
fn configuration(folder: &Path, port: u16) -> Value {
    let rate = json!({ "per_second": 1000, "burst_count": 1000 });
    json!({
        "server_name": "localhost",
        "listeners": [{
            "port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{ "names": ["client"] }],
        }],
        "database": { "name": "sqlite3", "args": { "database": folder.join("homeserver.db") } },
        "media_store_path": folder.join("media"),
        "signing_key_path": folder.join("signing.key"),
        "pid_file": folder.join("pid"),
        "macaroon_secret_key": "hunter2",
        "form_secret": "hunter2",
        "trusted_key_servers": [],
        "report_stats": false,
        "enable_registration": true,
        "enable_registration_without_verification": true,
        // Else a second look in two minutes shows what the first one did.
        "caches": { "sync_response_cache_duration": "0s" },
        "rc_message": rate,
        "rc_registration": rate,
    })
}

fn synapse() -> Option<PathBuf> {
    let named = std::env::var_os("MICROALIGN_SYNAPSE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).map(|dir| dir.join("synapse_homeserver")).find(|file| file.is_file());
    let found = named.or_else(on_path);
    if found.is_none() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no synapse_homeserver: install matrix-synapse, or set MICROALIGN_SYNAPSE");
        did_not_run("there is no synapse_homeserver on PATH or in MICROALIGN_SYNAPSE");
    }
    found
}

/// Passes everything on to `to`, but for the answer to the first message, which the homeserver has then taken.
async fn losing_one_answer(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(to).await.unwrap();
        let (mut request, mut answer, mut says) = (vec![0; 64 * 1024], vec![0; 64 * 1024], false);
        loop {
            tokio::select! {
                length = client.read(&mut request) => {
                    let request = &request[..length.unwrap()];
                    says |= request.starts_with(b"PUT ");
                    server.write_all(request).await.unwrap();
                }
                length = server.read(&mut answer) => {
                    if says {
                        break;
                    }
                    client.write_all(&answer[..length.unwrap()]).await.unwrap();
                }
            }
        }
        drop((client, server));
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    address
}

fn team(room: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"matrix:{room}\"]\nsettle = \"0s\"\nupdated = \"edit\"\nmerged = \"reply\"\n\
         [[rule]]\nname = \"work\"\non = [\"pull_request.*\", \"!pull_request.merged\"]\n\
         [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\nmention = [\"ana\"]\n"
    )
}

#[tokio::test]
async fn a_ticket_is_one_thread_in_the_room() {
    let Some(server) = Homeserver::start().await else { return };
    let service = Service::started(&team(&server.room), &server.table(server.address)).await;
    let evil =
        "@room @ana:localhost #all:localhost <b>x</b> https://evil.example www.evil.example tel:1 [x](http://evil)";
    let pull_request = |action: &str, title: &str| pull_request(action, 7, json!({ "draft": true, "title": title }));
    let mut edited = pull_request("edited", "Add the v3 order schema");
    edited["changes"] = json!({ "title": { "from": evil } });
    for (delivery, body) in [("d-1", pull_request("opened", evil)), ("d-2", edited)] {
        let lines = service.github_settled("pull_request", delivery, &body).await;
        assert_eq!(states(&lines), ["sent"], "{lines:?}\n{}", service.log());
    }
    assert_eq!(server.noise().await, (json!(0), json!(0)), "what calls nobody makes no noise");
    let lines = service.github_settled("pull_request", "d-3", &merged(7)).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");

    let messages = server.messages().await;
    let [root, edit, reply] = &messages[..] else { panic!("{messages:#?}") };
    assert!(messages.iter().all(|message| message["sender"] == "@microalign:localhost"));
    let said = &root["content"];
    assert_eq!((&said["msgtype"], &said["m.mentions"]), (&json!("m.notice"), &json!({ "user_ids": [] })));
    for text in [&said["body"], &said["formatted_body"]].map(|text| text.as_str().unwrap()) {
        assert!(text.contains("opened a draft PR"), "{text}");
        for active in ["@room", "@ana:", ":localhost", "://evil", "www.evil", "evil.example", "tel:1"] {
            assert!(!text.contains(active), "{active} is in {text}");
        }
    }
    let html = said["formatted_body"].as_str().unwrap();
    assert!(
        html.contains("&lt;b&gt;x&lt;/b&gt;")
            && html.contains("<a href=\"https://github.com/acme/ingest-api/pull/7\">")
    );

    // As the homeserver understands it, not as we wrote it.
    let (room, id) = (&server.room, root["event_id"].as_str().unwrap());
    let seen = server.get(&format!("/v3/rooms/{room}/event/{id}")).await;
    let edits = &seen["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(edits["event_id"], edit["event_id"], "{seen:#}");
    assert!(edits["content"]["m.new_content"]["body"].as_str().unwrap().contains("Add the v3 order schema"));
    assert_eq!(seen["unsigned"]["m.relations"]["m.thread"]["count"], 1, "{seen:#}");
    let thread = server.get(&format!("/v1/rooms/{room}/relations/{id}/m.thread")).await;
    assert_eq!(thread["chunk"].as_array().unwrap().len(), 1, "{thread:#}");
    assert_eq!(thread["chunk"][0]["event_id"], reply["event_id"]);
    assert_eq!(reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], id);
    assert_eq!(server.noise().await, (json!(1), json!(1)), "who is called hears of it");

    let redaction = format!("/v3/rooms/{room}/redact/{id}/1");
    server.ask(&server.bot, Method::PUT, &redaction, json!({})).await;
    let lines = service.github_settled("pull_request", "d-4", &pull_request("edited", "Add the v4 order schema")).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
    let messages = server.messages().await;
    let last = &messages.last().unwrap()["content"];
    assert!(last["body"].as_str().unwrap().contains("v4") && last.get("m.relates_to").is_none(), "{messages:#?}");
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_message() {
    let Some(server) = Homeserver::start().await else { return };
    let joined = server.ask(&server.bot, Method::POST, &format!("/v3/join/{}", server.room), json!({})).await;
    assert_eq!(joined["room_id"], server.room);
    let between = losing_one_answer(server.address).await;
    let service = Service::started(&team(&server.room), &server.table(between)).await;
    service.github("pull_request", "d-1", &merged(7)).await;
    let tried = async || {
        let ledger = service.ledger().await;
        Some(ledger.first()?["sends"].get(0)?["error"].as_str()?.to_owned())
    };
    let error = eventually("it was tried", tried).await;
    assert!(error.contains("did not answer"), "{error}");
    assert_eq!(server.messages().await.len(), 1, "the homeserver has it");
    let lines = service.settled("d-1").await;
    assert_eq!((states(&lines), &lines[0]["sends"][0]["attempts"]), (vec!["sent"], &json!(2)), "{lines:?}");
    assert_eq!(server.messages().await.len(), 1, "the second attempt is the same message");
}

#[tokio::test]
async fn a_room_that_was_upgraded_gets_nothing_and_says_where_it_goes_on() {
    let Some(server) = Homeserver::start().await else { return };
    let service = Service::started(&team(&server.room), &server.table(server.address)).await;
    let service = service.expecting(&["cannot be sent"]);
    let pull_request = |action: &str| pull_request(action, 7, json!({ "draft": true }));
    assert_eq!(states(&service.github_settled("pull_request", "u-1", &pull_request("opened")).await), ["sent"]);
    // A reply to what was removed is taken, and begins the conversation anew.
    let first = server.messages().await[0]["event_id"].as_str().unwrap().to_owned();
    server.ask(&server.bot, Method::PUT, &format!("/v3/rooms/{}/redact/{first}/1", server.room), json!({})).await;
    assert_eq!(states(&service.github_settled("pull_request", "u-2", &merged(7)).await), ["sent"]);
    let messages = server.messages().await;
    assert_eq!(messages.last().unwrap()["content"].get("m.relates_to"), None, "{messages:#?}");

    let upgrade = format!("/v3/rooms/{}/upgrade", server.room);
    let upgraded = server.ask(&server.ana, Method::POST, &upgrade, json!({ "new_version": "10" })).await;
    let new = upgraded["replacement_room"].as_str().unwrap_or_else(|| panic!("{upgraded}")).to_owned();
    let lines = service.github_settled("pull_request", "u-3", &pull_request("edited")).await;
    let failed = lines.iter().find(|line| line["state"] == "failed");
    let reason = failed.unwrap_or_else(|| panic!("{lines:#?}"))["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("goes on as {new}")), "{reason}");
    assert_eq!(server.messages().await.len(), messages.len());
}
