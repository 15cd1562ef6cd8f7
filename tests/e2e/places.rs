//! Places that change while a conversation goes on there.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use warp::Filter as _;

use crate::support::{Service, merged, pull_request, states};

/// A provider's API: what it gets, as `METHOD PATH`, with the body and what the test answers.
pub struct Place {
    pub url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Place {
    pub async fn new(answer: impl FnMut(&str, &Value) -> (u16, Value) + Send + 'static) -> Self {
        let got = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let (kept, answer) = (Arc::clone(&got), Arc::new(Mutex::new(answer)));
        let query =
            warp::query::raw().map(|query: String| format!("?{query}")).or(warp::any().map(String::new)).unify();
        let route = warp::method().and(warp::path::full()).and(query).and(warp::body::bytes()).map(
            move |method: warp::http::Method, path: warp::path::FullPath, query: String, body: bytes::Bytes| {
                let line = format!("{method} {}{query}", path.as_str());
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (status, answer) = answer.lock().unwrap()(&line, &body);
                kept.lock().unwrap().push((line, body));
                warp::http::Response::builder().status(status).body(answer.to_string())
            },
        );
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, got }
    }

    pub fn got(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.got().into_iter().map(|(line, _)| line).collect()
    }
}

fn team(to: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"{to}\"]\nsettle = \"0s\"\n[[rule]]\nname = \"work\"\n\
         on = [\"pull_request.draft\", \"pull_request.ready\", \"pull_request.closed\", \"pull_request.merged\", \"pull_request.reopened\"]\n"
    )
}

/// A pull request's way from the draft to its end and back, each step once the one before it is told: how each ended.
async fn told(service: &Service) -> Vec<String> {
    let steps = [
        pull_request("opened", 7, json!({ "draft": true })),
        pull_request("ready_for_review", 7, json!({})),
        pull_request("closed", 7, json!({ "state": "closed" })),
        pull_request("reopened", 7, json!({})),
    ];
    let mut told = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let lines = service.github_settled("pull_request", &format!("p-{number}"), step).await;
        told.extend(states(&lines).into_iter().map(str::to_owned));
    }
    told
}

/// Slack takes the reply, and says nothing of it but where it stands.
#[tokio::test]
async fn a_reply_that_slack_puts_into_the_channel_begins_the_conversation_anew() {
    let mut count = 0;
    let slack = Place::new(move |_, body| {
        count += 1;
        // The first message was deleted after it was sent.
        let thread = body["thread_ts"].as_str().filter(|thread| *thread != "1.1");
        let message = thread.map_or(json!({ "text": "x" }), |thread| json!({ "text": "x", "thread_ts": thread }));
        (200, json!({ "ok": true, "channel": "C1", "ts": format!("{count}.1"), "message": message }))
    })
    .await;
    let config = format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{}\"\n", slack.url);
    let service = Service::started(&team("slack:#web"), &config).await;
    assert_eq!(told(&service).await, ["sent"; 4]);
    let threads = slack.got().iter().map(|(_, body)| body["thread_ts"].clone()).collect::<Vec<_>>();
    assert_eq!(threads, [Value::Null, json!("1.1"), json!("2.1"), json!("2.1")]);
}

#[tokio::test]
async fn a_post_of_a_forum_that_was_deleted_goes_on_as_one_other() {
    let mut posts = 0;
    let discord = Place::new(move |line, body| match line.split_once("thread_id=") {
        Some((_, "900")) => (404, json!({ "code": 10003, "message": "Unknown Channel" })),
        Some((_, thread)) => (200, json!({ "id": "1300", "channel_id": thread })),
        None => {
            assert!(body["thread_name"].is_string(), "{body}");
            posts += 1;
            (200, json!({ "id": "1100", "channel_id": format!("{}", 899 + posts) }))
        }
    })
    .await;
    let config = format!("[discord.web]\nurl = \"{}/api/webhooks/1/its-a-secret\"\nforum = true\n", discord.url);
    let service = Service::started(&team("discord:web"), &config).await;
    assert_eq!(told(&service).await, ["sent"; 4]);
    let (new, into) = ("?wait=true", |thread: &str| format!("?wait=true&thread_id={thread}"));
    let queries = discord.lines().iter().map(|line| line[line.find('?').unwrap()..].to_owned()).collect::<Vec<_>>();
    assert_eq!(queries, [new.to_owned(), into("900"), new.to_owned(), into("901"), into("901")]);
}

const TOMBSTONE: &str = "/state/m.room.tombstone";

fn matrix_config(url: &str) -> String {
    format!("[matrix]\nhomeserver = \"{url}\"\ntoken = \"its-a-token\"\n")
}

#[tokio::test]
async fn a_message_that_was_removed_is_not_replied_to() {
    let mut count = 0;
    let matrix = Place::new(move |line, _| match line {
        line if line.ends_with(TOMBSTONE) => (404, json!({ "errcode": "M_NOT_FOUND" })),
        line if line.contains("/event/%24e1") => (200, json!({ "type": "m.room.message", "content": {} })),
        line if line.contains("/event/") => (200, json!({ "content": { "msgtype": "m.notice" } })),
        _ => {
            count += 1;
            (200, json!({ "event_id": format!("$e{count}") }))
        }
    })
    .await;
    let service = Service::started(&team("matrix:!room:example.com"), &matrix_config(&matrix.url)).await;
    assert_eq!(told(&service).await, ["sent"; 4]);
    let got = matrix.got();
    let said = got.iter().filter(|(line, _)| line.starts_with("PUT"));
    let roots = said.map(|(_, body)| body["m.relates_to"]["event_id"].clone()).collect::<Vec<_>>();
    assert_eq!(roots, [Value::Null, Value::Null, json!("$e2"), json!("$e2")]);
    // Whether the room was upgraded is not asked each time.
    assert_eq!(got.iter().filter(|(line, _)| line.ends_with(TOMBSTONE)).count(), 1);
}

#[tokio::test]
async fn a_place_that_is_no_more_fails_at_once_and_says_what_to_do() {
    type Case = (&'static str, fn(&str) -> String, fn(&str) -> (u16, Value), &'static str);
    let cases: [Case; 4] = [
        (
            "matrix:!old:example.com",
            matrix_config,
            |_| (200, json!({ "body": "moved", "replacement_room": "!new:example.com" })),
            "matrix:!old:example.com: Matrix: the room !old:example.com was upgraded and goes on as !new:example.com: \
             invite the account there, and write `matrix:!new:example.com` in `to`",
        ),
        (
            "slack:#web",
            |url| format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{url}\"\n"),
            |_| (200, json!({ "ok": false, "error": "channel_not_found" })),
            "slack:#web: Slack says channel_not_found: the bot can't find #web. If it is private, invite the bot; if it was \
             renamed, write its id (C…) in `to`: an id survives a rename",
        ),
        (
            "mattermost:acme/web",
            |url| format!("[mattermost]\nurl = \"{url}\"\ntoken = \"its-a-token\"\n"),
            |_| (200, json!({ "id": "ch1", "delete_at": 1_764_000_000_000_u64 })),
            "mattermost:acme/web: Mattermost: acme/web is archived: unarchive it, or choose another channel",
        ),
        (
            "slack-webhook:ops",
            |url| format!("[slack_webhook.ops]\nurl = \"{url}/services/its-a-secret\"\n"),
            |_| (404, json!("no_service")),
            "slack-webhook:ops: Slack answered 404",
        ),
    ];
    for (to, config, answer, expected) in cases {
        let place = Place::new(move |line, _| answer(line)).await;
        let service = Service::started(&team(to), &config(&place.url)).await;
        let service = service.expecting(&["cannot be sent"]);
        let lines = service.github_settled("pull_request", "f-1", &merged(7)).await;
        assert_eq!(states(&lines), ["failed"], "{lines:?}");
        let reason = lines[0]["reason"].as_str().unwrap();
        assert!(reason.starts_with(expected), "{reason}");
        assert_eq!(place.lines().len(), 1, "it is tried once: {:?}", place.lines());
    }
}
