//! Secrets are nowhere: each is a word of its own, everything goes wrong, and then every place is searched.

use std::fmt::Write as _;

use serde_json::json;
use warp::Filter as _;

use crate::support::{SECRET, Service, merged, run_in, ticket};

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\", \"github\", \"slack:#web\", \"slack-webhook:ops\", \"webhook:hub\"]\n\
    settle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"ticket.*\"]\nticket = [\"DATA-*\", \"NO-*\"]\n\
    paths = [\"schemas/**\"]\n[[rule]]\nname = \"any\"\non = [\"*\"]\n[[rule]]\nname = \"jira\"\non = [\"ticket.*\"]\nto = [\"jira\"]\n";

/// The secrets of the configuration. What they are of is a part of each, for the reader of a failure.
const SECRETS: [&str; 8] = [
    "canary-github-webhook",
    "canary-jira-webhook",
    "canary-github-token",
    "canary-jira-token",
    "canary-slack-token",
    "canary-slack-signing",
    "canary-hook-address",
    "Y2FuYXJ5LXdlYmhvb2stc2lnbmluZy1zZWNyZXQ=",
];

/// An other end that repeats all it was sent: the address, each header, the body, in the field that errors have.
async fn parrot() -> String {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let all = warp::path::full().and(query).and(warp::header::headers_cloned()).and(warp::body::bytes());
    let route = all.map(|path: warp::path::FullPath, query, headers: warp::http::HeaderMap, _: bytes::Bytes| {
        let said = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let said = format!("refused {said} at {}?{query}", path.as_str());
        let body = json!({ "ok": false, "error": said, "message": said, "errorMessages": [said], "errors": [] });
        warp::http::Response::builder().status(403).body(body.to_string())
    });
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(warp::serve(route).incoming(socket).run());
    url
}

#[tokio::test]
async fn secrets_are_nowhere() {
    let url = parrot().await;
    let more = format!(
        "token = \"{}\"\napi_url = \"{url}\"\n[slack]\ntoken = \"{}\"\nsigning_secret = \"{}\"\napi_url = \"{url}\"\n\
         [slack_webhook.ops]\nurl = \"{url}/services/{}\"\n[webhook.hub]\nurl = \"{url}/hub\"\nsecret = \"whsec_{}\"\n",
        SECRETS[2], SECRETS[4], SECRETS[5], SECRETS[6], SECRETS[7]
    );
    let mut service = Service::new(TEAM, &more).expecting(&["cannot be sent"]);
    let access = format!("user = \"ana@example.com\"\ntoken = \"{}\"\nbase_url = \"{url}\"\n", SECRETS[3]);
    service.configure("jira", &access);
    service.configure("server", "console = true\n");
    let mut config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    for (table, secret) in [("github", SECRETS[0]), ("jira", SECRETS[1])] {
        config =
            config.replace(&format!("[{table}]\n"), &format!("[{table}]\nsecrets = [\"{secret}\", \"{SECRET}\"]\n"));
    }
    let doubled = format!("secrets = [\"{SECRET}\"]\n");
    service.write("microalign.toml", &config.replace(&doubled, ""));
    service.level = "trace";
    service.start().await;
    service.github_settled("pull_request", "c-1", &merged(7)).await;
    let change = json!([{ "field": "status", "fieldId": "status", "fromString": "To Do", "toString": "In Progress" }]);
    service.jira_settled("c-2", &ticket("In Progress", "indeterminate", change)).await;
    let mut shown = String::new();
    for page in ["/", "/metrics", "/readyz", "/webhooks/slack"] {
        write!(shown, "{}", service.get(page).await.text().await.unwrap()).unwrap();
    }
    assert!(shown.contains("Newest first"), "the console is there: {shown}");
    let lines = service.ledger().await;
    assert!(lines.iter().any(|line| line["reason"].to_string().contains("refused Bearer ***")), "{lines:#?}");
    for args in [
        &["check"][..],
        &["ledger"],
        &["ledger", "show", "1"],
        &["recover", "--since", "6h"],
        &["send-test", "slack:#web"],
        &["send-test", "github", "--on", "acme/ingest-api#7"],
        &["send-test", "jira", "--on", "DATA-123"],
        &["github", "setup", "--repo", "acme/ingest-api"],
        &["jira", "setup"],
    ] {
        let (_, out, err) = service.run(args).await;
        write!(shown, "{args:?}\n{out}{err}").unwrap();
    }
    service.stop().await;
    // A configuration that is wrong beside its secrets: each list is there twice.
    service.write("microalign.toml", &config);
    let (code, out, err) = run_in(&service.home, &["check"]).await;
    assert_eq!(code, 1);
    write!(shown, "{out}{err}{}", service.log()).unwrap();
    for file in std::fs::read_dir(&service.home).unwrap().map(|file| file.unwrap().path()) {
        let ours = file.is_file() && file.file_name().is_some_and(|name| name != "microalign.toml");
        shown.push_str(&if ours {
            String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()
        } else {
            String::new()
        });
    }
    for secret in SECRETS {
        let found = shown.match_indices(secret).map(|(at, _)| context(&shown, at)).collect::<Vec<_>>();
        assert!(found.is_empty(), "{secret}: {found:#?}");
    }
}

fn context(text: &str, at: usize) -> String {
    let (start, end) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 100));
    text[start..end].to_owned()
}
