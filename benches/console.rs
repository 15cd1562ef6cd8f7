//! The time to the first byte of every page of the console, on a store of a million lines: `cargo bench --bench console`.
//! `-- LINES` makes another number of lines.

#![expect(clippy::unwrap_used, reason = "a measurement ends where something goes wrong")]

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use microalign::channel::choose_tls_provider;
use reqwest::Client;
use rusqlite::{Connection, Params, Transaction, params};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::{Child, Command};

const SECRET: &str = "a secret of the benchmark";
const TEAMS: u32 = 8;
const ROUNDS: usize = 9;

/// What is asked for. `{delivery}` and `{thread}` are in the middle of the store.
const PAGES: &[&str] = &[
    "/",
    "/?team=t3",
    "/?state=failed",
    "/?repository=acme/r7",
    "/?kind=release.published",
    "/?team=t3&state=held&kind=pull_request.*",
    "/?words=nowhere",
    "/?since=30d&until=2020-01-01",
    "/events/{delivery}",
    "/conversations/{thread}",
    "/deliveries",
    "/deliveries?state=waiting",
    "/teams",
    "/teams/t3",
    "/playground",
    "/assumptions",
    "/assumptions?state=agreed",
    "/map",
    "/api/v1/updates",
    "/api/v1/map",
    "/metrics",
];

#[tokio::main]
async fn main() {
    choose_tls_provider();
    let lines = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    furnish(folder.path(), port);
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
    let address = format!("http://127.0.0.1:{port}");
    let service = start(folder.path(), &client, &address).await;
    tell(&client, &address).await;
    stop(service).await;
    let began = Instant::now();
    let (delivery, thread) = fill(&folder.path().join("microalign.db"), lines);
    println!("{lines} lines were written in {:.0?}", began.elapsed());
    let began = Instant::now();
    let service = start(folder.path(), &client, &address).await;
    println!(
        "ready after {:.0?}\n\n{:<45} {:>8} {:>8} {:>8}",
        began.elapsed(),
        "ms to the first byte",
        "first",
        "median",
        "most"
    );
    for page in PAGES {
        let path = page
            .replace("{delivery}", &delivery.to_string())
            .replace("{thread}", &thread.replace('#', "%23").replace('/', "%2F"));
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let answer = client.get(format!("{address}{path}")).send().await.unwrap();
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            answer.bytes().await.unwrap();
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        println!("{page:<45} {first:>8.1} {:>8.1} {:>8.1}", times[ROUNDS / 2], times[ROUNDS - 1]);
    }
    stop(service).await;
}

fn furnish(folder: &Path, port: u16) {
    std::fs::create_dir(folder.join("rules")).unwrap();
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\nconsole = true\n[github]\nsecrets = [\"{SECRET}\"]\n[store]\nkeep = \"520w\"\n"
    );
    std::fs::write(folder.join("microalign.toml"), config).unwrap();
    for team in 0..TEAMS {
        let rules = format!(
            "team = \"t{team}\"\nmembers = [\"ana{team}\"]\nto = [\"email:t{team}@example.com\"]\nsettle = \"0s\"\n\
             [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\nrepo = [\"acme/*\"]\n\
             [[rule]]\nname = \"notes\"\non = [\"note.*\"]\nobject_by = \"3d\"\n"
        );
        std::fs::write(folder.join(format!("rules/t{team}.toml")), rules).unwrap();
    }
}

async fn start(folder: &Path, client: &Client, address: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
    command.args(["serve", "-c"]).arg(folder.join("microalign.toml"));
    let service = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.get(format!("{address}/readyz")).send().await.is_err() {
        assert!(Instant::now() < deadline, "the service did not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    service
}

async fn stop(mut service: Child) {
    let id = service.id().unwrap().to_string();
    Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    service.wait().await.unwrap();
}

/// A merge and an assumption, which the rest is made from.
async fn tell(client: &Client, address: &str) {
    let person = json!({ "login": "ana1", "type": "User", "html_url": "https://github.com/ana1" });
    let repository = json!({ "full_name": "acme/api", "private": false, "html_url": "https://github.com/acme/api" });
    let page = "https://github.com/acme/api/pull/1";
    let merge = json!({
        "action": "closed", "repository": repository, "sender": person,
        "pull_request": {
            "number": 1, "title": "Add the v2 order schema", "html_url": page, "state": "closed", "merged": true,
            "draft": false, "user": person, "body": "", "base": { "ref": "main" }, "head": { "ref": "v2" }, "labels": [],
        },
    });
    let note = json!({
        "action": "created", "repository": repository, "sender": person,
        "issue": { "number": 1, "title": "Add the v2 order schema", "html_url": page, "state": "open", "user": person,
                   "labels": [], "pull_request": { "html_url": page } },
        "comment": { "id": 1, "html_url": format!("{page}#issuecomment-1"), "user": person, "body": "/assume ids are never reused" },
    });
    for (event, key, body) in [("pull_request", "k-merge", merge), ("issue_comment", "k-note", note)] {
        send(client, address, (event, key), &body).await;
    }
    let told = async || {
        let waiting: Value = client.get(format!("{address}/readyz")).send().await.unwrap().json().await.unwrap();
        waiting["waiting"] == 0
    };
    while !told().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn send(client: &Client, address: &str, (event, key): (&str, &str), body: &Value) {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let request = client
        .post(format!("{address}/webhooks/github"))
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", key)
        .header("x-hub-signature-256", format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
}

/// Writes so many lines, two a delivery, over 80 days: half are suppressed, most others were sent, some failed, few wait.
/// Gives a delivery and a conversation from the middle.
fn fill(store: &Path, lines: i64) -> (i64, String) {
    let mut conn = Connection::open(store).unwrap();
    conn.pragma_update(None, "synchronous", "off").unwrap();
    let made_from = |kind: &str| {
        let sql = "SELECT e.body, l.message FROM ledger l JOIN event e ON e.id = l.event_id
                   WHERE l.kind = ? AND l.message IS NOT NULL";
        conn.query_row(sql, [kind], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap()
    };
    let (merged, noted) = (made_from("pull_request.merged"), made_from("note.assumed"));
    let (deliveries, now) = (lines / 2, jiff::Timestamp::now().as_millisecond());
    let tx = conn.transaction().unwrap();
    for nth in 0..deliveries {
        let (id, at) = (nth + 1000, now - (deliveries - nth) * (80 * 86_400_000 / deliveries));
        let (repo, subject) = (format!("acme/r{}", nth % 60), format!("acme/r{}#{}", nth % 60, nth / 600));
        let is_note = nth % 100 == 7;
        let (event, message) = if is_note { &noted } else { &merged };
        let here = |text: &str| text.replace("acme/api#1", &subject).replace("acme/api", &repo);
        put(
            &tx,
            "INSERT INTO delivery VALUES (?, 'github', ?, 'pull_request', ?, 0, x'')",
            params![id, format!("b{id}"), at],
        );
        put(&tx, "INSERT INTO event (id, delivery_id, body) VALUES (?, ?, ?)", params![id, id, here(event)]);
        for line in 1..=2 {
            let row = id * 2 + line;
            let (state, reason) = match (line, nth % 50) {
                (2, _) => ("suppressed", r#"{"code":"bot_doing","who":"renovate[bot]","author":false}"#),
                (_, 0) if nth % 1000 == 0 => ("held", r#"{"code":"sending"}"#),
                (_, 3) => ("failed", r#"{"code":"undelivered","failed":[]}"#),
                _ => ("sent", r#"{"code":"sent","with":null}"#),
            };
            let told = (line == 1).then_some(at);
            put(
                &tx,
                "INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason,
                                     at, told_at, message, actor, object_at)
                 VALUES (?1, ?2, ?3, ?2, 'github', ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                params![
                    row, id, line,
                    if is_note { "note.assumed" } else { "pull_request.merged" },
                    subject, format!("t{}", (nth + line) % i64::from(TEAMS)), if is_note { "notes" } else { "merged" },
                    state, reason, at, told, told.map(|_| here(message)), format!("ana{}", nth % i64::from(TEAMS)),
                    (is_note && line == 1).then_some(at + 3 * 86_400_000),
                ],
            );
            if line == 1 {
                let send = if state == "held" { "queued" } else { state };
                put(
                    &tx,
                    "INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at, sent_at)
                     VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
                    params![
                        row,
                        format!("email:t{}@example.com", (nth + line) % i64::from(TEAMS)),
                        subject,
                        send,
                        if send == "queued" { now + 3_600_000 } else { at },
                        at,
                        (send == "sent").then_some(at),
                    ],
                );
            }
        }
    }
    tx.commit().unwrap();
    let middle = deliveries / 2;
    (middle + 1000, format!("acme/r{}#{}", middle % 60, middle / 600))
}

fn put(tx: &Transaction<'_>, sql: &str, params: impl Params) {
    tx.prepare_cached(sql).unwrap().execute(params).unwrap();
}
