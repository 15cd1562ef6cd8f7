//! A real Prometheus, with our configuration, reads a real service.
//!
//! It is Debian's `prometheus`, on `PATH`. Where there is none, this test says so and passes, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use self::support::{Service, TEAM, did_not_run, eventually, merged};

const CONFIG: &str = include_str!("../deploy/prometheus/prometheus.yml");
const ALERTS: &str = include_str!("../deploy/prometheus/alerts.yml");

#[tokio::test]
async fn prometheus_reads_every_metric_and_no_alert_fires() {
    if Command::new("prometheus").arg("--version").output().await.is_err() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no prometheus on PATH: install it");
        return did_not_run("there is no prometheus on PATH");
    }
    let service = Service::started(TEAM, "").await;
    service.github_settled("pull_request", "p-1", &merged(7)).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = CONFIG.replace("127.0.0.1:8080", &service.address).replace("15s", "1s");
    assert_ne!(config, CONFIG);
    service.write("prometheus.yml", &config);
    service.write("alerts.yml", ALERTS);
    let _prometheus = Command::new("prometheus")
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &format!("--web.listen-address={free}")])
        .current_dir(&service.home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| {
        let answer = client.get(format!("http://{free}/api/v1/{path}")).send().await.ok()?;
        answer.json::<Value>().await.ok()
    };
    let up = async || ask("query?query=up").await.filter(|answer| answer["data"]["result"][0]["value"][1] == "1");
    eventually("Prometheus reads the service", up).await;
    let names = ask("label/__name__/values").await.unwrap();
    let names = names["data"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let text = service.get("/metrics").await.text().await.unwrap();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        assert!(names.contains(&name), "Prometheus did not read {name}: {names:?}");
    }
    let alerts = ask("alerts").await.unwrap();
    assert_eq!(alerts["data"]["alerts"], serde_json::json!([]));
    let rules = ask("rules").await.unwrap();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 5 && rules.iter().all(|rule| rule["type"] == "alerting"), "{rules:?}");
}
