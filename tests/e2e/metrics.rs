//! What Prometheus reads, and what the dashboard and the alerts ask of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use microalign::metrics::Metrics;
use regex::Regex;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Listener, Service, eventually, merged, pull_request};

const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/microalign.json");
const GUIDE: &str = include_str!("../../docs/guides/monitoring.md");
const TEAM: &str = "team = \"web\"\nto = [\"email:web@example.com\", \"webhook:hub\"]\nmembers = [\"bo\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n\
    [[rule]]\nname = \"opened\"\non = [\"pull_request.opened\"]\nto = [\"email:web@example.com\"]\nsettle = \"1h\"\n";

/// The samples of a text by their names with labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name, value.parse().unwrap())).collect()
}

async fn read(service: &Service) -> String {
    let answer = service.get("/metrics").await;
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn an_operator_sees_what_waits_what_ended_and_why() {
    let hub = Listener::new(vec![(500, json!({}))]).await;
    let webhook =
        format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let service = Service::started(TEAM, &webhook).await;
    let opened = pull_request("opened", 8, json!({}));
    let mut own = merged(9);
    own["sender"]["login"] = json!("bo");
    own["pull_request"]["user"]["login"] = json!("bo");
    own["pull_request"]["merged_by"]["login"] = json!("bo");
    for (delivery, event, body) in [
        ("m-1", "pull_request", &merged(7)),
        ("m-2", "pull_request", &opened),
        ("m-3", "pull_request", &own),
        ("m-4", "worklog", &json!({})),
        ("m-1", "pull_request", &merged(7)),
    ] {
        service.github(event, delivery, body).await;
    }
    service.settled("m-3").await;
    let told = ["outcome=\"transient\"", "outcome=\"sent\"", "microalign_sends_waiting{channel=\"webhook\"} 1"];
    let tried = async || Some(read(&service).await).filter(|text| told.iter().all(|sample| text.contains(sample)));
    let text = eventually("the hub was tried, the mail was sent, and the store was looked at since", tried).await;
    let found = samples(&text);
    let expected = [
        ("microalign_deliveries_total{source=\"github\",answer=\"accepted\"}", 3.0),
        ("microalign_deliveries_total{source=\"github\",answer=\"ignored\"}", 1.0),
        ("microalign_deliveries_total{source=\"github\",answer=\"duplicate\"}", 1.0),
        ("microalign_updates_total{state=\"held\"}", 2.0),
        ("microalign_updates_total{state=\"suppressed\"}", 1.0),
        ("microalign_updates_total{state=\"ignored\"}", 1.0),
        ("microalign_suppressed_total{reason=\"own_doing\"}", 1.0),
        ("microalign_sends_total{channel=\"email\",outcome=\"sent\"}", 1.0),
        ("microalign_sends_waiting{channel=\"webhook\"}", 1.0),
        ("microalign_updates_held", 1.0),
        ("microalign_updates_overdue_seconds", 0.0),
        ("microalign_backlog", 0.0),
        ("microalign_teams", 1.0),
        ("microalign_rules", 2.0),
        ("microalign_broken_files", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(found.get(name), Some(&value), "{name} in {text}");
    }
    let now = jiff::Timestamp::now().as_second();
    let last = found["microalign_last_event_timestamp_seconds{source=\"github\"}"] as i64;
    assert!((now - 60..=now).contains(&last), "{last}");
    assert!(found["microalign_store_size_bytes"] > 4096.0);
    let build = text.lines().find(|line| line.starts_with("microalign_build_info{")).unwrap();
    assert!(build.contains(concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")), "{build}");
    // Every label has few values: none is an address or a name that somebody chose.
    for word in ["web@example.com", "webhook:hub", "acme", "ana"] {
        assert!(!text.contains(word), "{word} is a label");
    }
    // What is sent in the end is counted in the end.
    assert!(!text.contains("state=\"sent\""));
}

#[tokio::test]
async fn what_ends_is_counted_as_it_ends() {
    let mut service = Service::started(&TEAM.replace(", \"webhook:hub\"", ""), "").await;
    service.github_settled("pull_request", "m-1", &merged(7)).await;
    let sent = async || {
        let text = read(&service).await;
        samples(&text).get("microalign_updates_total{state=\"sent\"}").filter(|count| **count == 1.0).map(|_| ())
    };
    eventually("it is counted", sent).await;
    // When somebody was last heard is known after a restart.
    service.stop().await;
    service.start().await;
    let text = read(&service).await;
    assert!(text.contains("microalign_last_event_timestamp_seconds{source=\"github\"} 1"), "{text}");
}

#[tokio::test]
async fn a_million_messages_that_wait_hold_up_no_reader() {
    if crate::support::is_only_for_files("a million lines are written into the file") {
        return;
    }
    let mut service = Service::started(TEAM, "").await;
    service.stop().await;
    let store = Connection::open(service.path("microalign.db")).unwrap();
    let due = jiff::Timestamp::now().as_millisecond() + 86_400_000;
    store
        .execute_batch(&format!(
            "PRAGMA synchronous = off; BEGIN;
             INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd', 'push', 0, 0, x'');
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
             INSERT INTO ledger (id, delivery_id, line, source, team, rule, kind, subject, state, reason, at, due_at)
             SELECT i, 1, i, 'github', 'web', 'merged', 'push', 's' || i, 'held', '{{\"code\":\"settling\",\"seconds\":1}}', 0, {due} FROM n;
             INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             SELECT id, 'email:' || (id % 500) || '@example.com', 't', 'queued', {due}, 0 FROM ledger;
             INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             SELECT id, 'mailbox', 't', 'queued', {due}, 1000 FROM ledger; COMMIT;"
        ))
        .unwrap();
    drop(store);
    service.start().await;
    let counted = async || Some(read(&service).await).filter(|text| text.contains("microalign_updates_held 500000"));
    let text = eventually("it is counted", counted).await;
    let found = samples(&text);
    assert_eq!(found["microalign_sends_waiting{channel=\"email\"}"], 500_000.0);
    assert_eq!(found["microalign_sends_waiting{channel=\"mailbox\"}"], 500_000.0);
    assert!(found["microalign_sends_waiting_oldest_seconds{channel=\"email\"}"] > 1e9);
    let mut times = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        read(&service).await;
        times.push(began.elapsed());
    }
    times.sort();
    assert!(times[4] < Duration::from_millis(60), "a debug build, on a machine that is busy: {times:?}");
}

/// What the program exports: each sample's name, with its labels.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let text = Metrics::sampled().text().unwrap();
    let mut names = BTreeMap::<String, BTreeSet<String>>::new();
    for sample in samples(&text).keys() {
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|label| label.split_once('='));
        names.entry(name.to_owned()).or_default().extend(labels.map(|(label, _)| label.to_owned()));
    }
    names
}

/// The expressions of the dashboard's panels.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match (name.as_str(), value) {
            ("expr", Value::String(text)) => found.push(text.clone()),
            _ => expressions(value, found),
        }),
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_what_there_is() {
    let mut asked = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut asked);
    assert!(asked.len() > 10, "{asked:?}");
    let alerts = Regex::new(r"(?m)^ +expr: (.+)$").unwrap();
    asked.extend(alerts.captures_iter(ALERTS).map(|found| found[1].to_owned()));
    let (exported, mut used) = (exported(), BTreeSet::new());
    let metric = Regex::new(r"\b(microalign_\w+)(?:\{([^}]*)\})?").unwrap();
    let label = Regex::new(r"(\w+)\s*(?:=~|!=|!~|=)").unwrap();
    let grouped = Regex::new(r"\b(?:by|on) \(([^)]*)\)").unwrap();
    for expression in &asked {
        let (mut known, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        for found in metric.captures_iter(expression) {
            let labels =
                exported.get(&found[1]).unwrap_or_else(|| panic!("there is no {} for {expression}", &found[1]));
            known.extend(labels.iter().cloned());
            used.insert(found[1].to_owned());
            let selected = found.get(2).map_or("", |labels| labels.as_str());
            wanted.extend(label.captures_iter(selected).map(|label| label[1].to_owned()));
        }
        let groups = grouped.captures_iter(expression).map(|found| found[1].to_owned()).collect::<Vec<_>>();
        wanted.extend(groups.iter().flat_map(|group| group.split(',')).map(|label| label.trim().to_owned()));
        // Prometheus adds these.
        wanted.retain(|label| !["job", "instance", ""].contains(&label.as_str()));
        assert!(wanted.is_subset(&known), "{expression} asks for {wanted:?}, and there is {known:?}");
    }
    let left =
        exported.keys().filter(|name| !used.contains(*name) && !name.ends_with("_sum") && !name.ends_with("_count"));
    let left = left.map(String::as_str).collect::<Vec<_>>();
    assert_eq!(left, Vec::<&str>::new(), "nobody looks at these");
}

#[test]
fn every_alert_has_a_runbook() {
    let names = Regex::new(r"(?m)^ +- alert: (\w+)$").unwrap();
    let names = names.captures_iter(ALERTS).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    assert!(names.len() > 5);
    for name in names {
        let runbook = format!("docs/guides/monitoring.md#{}", name.to_lowercase());
        assert!(ALERTS.contains(&runbook), "{name} has no runbook");
        assert!(GUIDE.contains(&format!("### {name}\n")), "the guide has nothing on {name}");
    }
}
