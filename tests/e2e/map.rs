//! The map: who hears of whom.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, pull_request};

const DATA: &str = "team = \"data\"\nto = [\"mailbox\"]\nmembers = [\"ana\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"work\"\non = [\"pull_request.*\"]\n";

/// A service with two teams, `data`, which `ana` is in, and `web`.
async fn service() -> Service {
    let mut service = Service::new(DATA, "");
    service.configure("server", "console = true\n");
    let web = DATA.replace("\"data\"", "\"web\"").replace("\"ana\"", "\"bo\"");
    service.write("rules/web.toml", &web);
    service.start().await;
    service
}

async fn map(service: &Service, query: &str) -> Value {
    service.get(&format!("/api/v1/map{query}")).await.json().await.unwrap()
}

fn by(login: &str, mut body: Value) -> Value {
    body["sender"]["login"] = json!(login);
    body["pull_request"]["merged_by"]["login"] = json!(login);
    body
}

#[tokio::test]
async fn what_one_team_does_and_another_hears_is_an_edge() {
    let service = service().await;
    service.github_settled("pull_request", "m-1", &pull_request("opened", 7, json!({ "draft": true }))).await;
    service.github_settled("pull_request", "m-2", &by("bo", merged(8))).await;
    service.github_settled("pull_request", "m-3", &by("zoe", merged(9))).await;
    let drawn = async || Some(map(&service, "").await).filter(|map| map["edges"].as_array().unwrap().len() == 4);
    let map_now = eventually("it is counted", drawn).await;
    let edges = map_now["edges"].as_array().unwrap();
    let has = |from: Value, to: &str| edges.contains(&json!({ "from": from, "to": to, "updates": 1 }));
    assert!(has(json!({ "kind": "team", "name": "data" }), "web"), "{map_now}");
    assert!(has(json!({ "kind": "team", "name": "web" }), "data"), "{map_now}");
    assert!(has(json!({ "kind": "owner", "name": "acme" }), "web"), "{map_now}");
    assert_eq!(map_now["first_words"]["told"], 1, "{map_now}");
    // ana and bo both worked on DATA-123, and each other's teams heard of it.
    assert_eq!(map_now["strangers"], json!([]));

    let page = service.get("/map").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    for part in ["<svg class=\"map\"", "web was told of data: 1 update", "<td>data</td>", "href=\"/map.csv?days=30\""] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("style="), "the policy allows no style in an element");
    let csv = service.get("/map.csv?days=7&team=data").await;
    assert_eq!(csv.headers()["content-disposition"], "attachment; filename=\"map-7-days.csv\"");
    let csv = csv.text().await.unwrap();
    let mut lines = csv.lines().collect::<Vec<_>>();
    lines.sort_unstable();
    assert_eq!(lines, ["acme,owner,data,1", "data,team,web,1", "from,kind,to,updates", "web,team,data,1"]);
    assert_eq!(service.get("/map?days=8").await.status(), 400);
    assert_eq!(service.get("/api/v1/map?what=1").await.status(), 400);
}

#[tokio::test]
async fn a_forgotten_person_leaves_the_map() {
    let service = service().await;
    service.github_settled("pull_request", "m-1", &merged(7)).await;
    let from = async |kind: &str| {
        let map = map(&service, "").await;
        let edges = map["edges"].as_array().unwrap();
        edges.iter().any(|edge| edge["from"]["kind"] == kind).then_some(())
    };
    eventually("ana's team told web", async || from("team").await).await;
    let (code, _, err) = service.run(&["store", "forget", "--person", "ana"]).await;
    assert_eq!(code, 0, "{err}");
    eventually("nobody's team told web", async || from("owner").await).await;
}

#[tokio::test]
async fn a_million_lines_keep_nobody_waiting() {
    if crate::support::is_only_for_files("a million lines are written into the file") {
        return;
    }
    let mut service = service().await;
    service.github_settled("pull_request", "m-1", &merged(7)).await;
    service.stop().await;
    let store = Connection::open(service.path("microalign.db")).unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    store
        .execute_batch(&format!(
            "PRAGMA synchronous = off; BEGIN;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
             INSERT INTO ledger (delivery_id, line, event_id, source, team, rule, kind, subject, thread, state, reason, at, told_at, actor)
             SELECT 1, i + 1000, 1, 'github', iif(i % 2, 'web', 'data'), 'work', 'pull_request.merged', 'acme/api#' || (i % 5000),
                    'DATA-' || (i % 5000), 'sent', '{{\"code\":\"sent\"}}', {now} - i * 7000, {now} - i * 7000, 'ana' FROM n; COMMIT;"
        ))
        .unwrap();
    drop(store);
    service.start().await;
    let mut slowest = Duration::ZERO;
    let counted = async || {
        let began = Instant::now();
        let page = service.get("/map?days=90").await.text().await.unwrap();
        slowest = slowest.max(began.elapsed());
        (!page.contains("still being counted") && page.contains("<svg")).then_some(())
    };
    let all = tokio::time::timeout(Duration::from_secs(240), async {
        let mut counted = counted;
        while counted().await.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    all.await.unwrap();
    assert!(
        slowest < Duration::from_millis(1000),
        "a debug build, while it counts, on a machine that is busy: {slowest:?}"
    );
}
