//! A workspace in Slack: its Web API, its people, and what they do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use url::form_urlencoded::Serializer;
use warp::Filter as _;

use crate::support::{Service, commented, eventually, states};

pub const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// The people in Slack. Bo, Mia and Nia are members of the team, and Ana assumes things; Li is of the workspace. Mia is known by
/// her mail address, and Nia by what Slack has said. Sia is of another workspace of the same organization.
pub const BO: &str = "U2";
pub const LI: &str = "U4";
pub const ANA: &str = "U9";
pub const GUEST: &str = "U7";
pub const STRANGER: &str = "U5";
pub const BOT: &str = "U6";
pub const SIA: &str = "U8";
pub const MIA: &str = "U3MIAMOSS";
pub const NIA: &str = "U10NIABERG";

/// Whom Slack is slow to describe, never describes, asks us to wait for, and doesn't let us see.
pub const SLOW: &str = "U20";
pub const SILENT: &str = "U21";
pub const LIMITED: &str = "U22";
pub const UNSEEN: &str = "U23";

pub const TEAM: &str = r##"
team = "web"
members = ["bo", "mia", "nia-b"]
to = ["slack:#web"]
settle = "0s"
[[rule]]
name = "notes"
on = ["note.*"]
object_by = "3d"
[[rule]]
name = "tickets"
on = ["ticket.*"]
"##;

/// Slack's Web API, which keeps what it is asked and told.
pub struct Slack {
    pub url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Slack {
    pub async fn new() -> Self {
        let got = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let kept = Arc::clone(&got);
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let route = warp::path::full().and(query).and(warp::body::bytes()).then(
            move |path: warp::path::FullPath, query: String, body: bytes::Bytes| {
                let kept = Arc::clone(&kept);
                async move {
                    let id = query.trim_start_matches("user=");
                    let delay = [(SLOW, 2_500), (SILENT, 12_000)].into_iter().find(|(slow, _)| *slow == id);
                    tokio::time::sleep(Duration::from_millis(delay.map_or(0, |(_, delay)| delay))).await;
                    let body = serde_json::from_slice(&body).unwrap_or_default();
                    let mut got = kept.lock().unwrap();
                    let answer = match path.as_str() {
                        "/auth.test" => json!({ "ok": true, "team_id": "T1", "enterprise_id": "E1" }),
                        "/users.info" => user(id),
                        "/chat.postMessage" => {
                            json!({ "ok": true, "channel": "C1", "ts": format!("17000000{:02}.000100", got.len()) })
                        }
                        _ => json!({ "ok": true }),
                    };
                    got.push((path.as_str().to_owned(), body));
                    let status = if id == LIMITED { 429 } else { 200 };
                    http::Response::builder()
                        .status(status)
                        .header("retry-after", "30")
                        .body(answer.to_string())
                        .unwrap()
                }
            },
        );
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, got }
    }

    /// What was posted to a path.
    pub fn at(&self, path: &str) -> Vec<Value> {
        self.got.lock().unwrap().iter().filter(|(at, _)| at == path).map(|(_, body)| body.clone()).collect()
    }

    pub fn config(&self, more: &str) -> String {
        format!(
            "[slack]\ntoken = \"xoxb-1\"\napi_url = \"{}\"\nsigning_secret = \"{SIGNING}\"\n{more}\n\
             [people.Ana]\nslack = \"{ANA}\"\n[people.bo]\nslack = \"{BO}\"\n\
             [people.mia]\nemail = \"mia@example.com\"\n",
            self.url
        )
    }

    /// The value of a button of the newest message.
    pub fn button(&self, action: &str) -> String {
        let posts = self.at("/chat.postMessage");
        let blocks = posts.last().unwrap()["blocks"].as_array().unwrap().clone();
        let actions = blocks.iter().find(|block| block["type"] == "actions").unwrap();
        let button = actions["elements"].as_array().unwrap().iter().find(|button| button["action_id"] == action);
        button.unwrap()["value"].as_str().unwrap().to_owned()
    }
}

fn user(id: &str) -> Value {
    let known = |name: &str, team: &str| json!({ "id": id, "team_id": team, "profile": { "display_name": name } });
    let mut user = match id {
        BO => known("Bo", "T1"),
        LI => known("Li", "T1"),
        ANA => known("Ana", "T1"),
        GUEST => known("Gus", "T1"),
        STRANGER => known("Stan", "T2"),
        BOT => known("Bot", "T1"),
        SIA => known("Sia", "T2"),
        MIA => known("Mia Moss", "T1"),
        NIA => known("Nia Berg", "T1"),
        SLOW => known("Slo", "T1"),
        SILENT | LIMITED => known("Sid", "T1"),
        UNSEEN => return json!({ "ok": false, "error": "missing_scope" }),
        _ => return json!({ "ok": false, "error": "user_not_found" }),
    };
    user["is_restricted"] = json!(id == GUEST);
    user["is_bot"] = json!(id == BOT);
    if id == SIA {
        user["enterprise_user"] = json!({ "enterprise_id": "E1" });
    }
    if id == MIA {
        user["profile"]["email"] = json!("Mia@Example.com");
    }
    json!({ "ok": true, "user": user })
}

/// A form, signed as Slack does it.
pub async fn form(service: &Service, fields: &[(&str, &str)], secret: &str) -> (u16, String) {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let time = Timestamp::now().as_second().to_string();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(format!("v0:{time}:{body}"));
    let request = service.request("/webhooks/slack").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("x-slack-signature", format!("v0={}", hex::encode(mac.finalize().into_bytes())));
    let answer = request.header("x-slack-request-timestamp", time).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What Slack sends when somebody writes `/microalign …` in a channel.
pub fn asked<'a>(
    (id, name): (&'a str, &'a str),
    user: &'a str,
    text: &'a str,
    url: &'a str,
) -> [(&'a str, &'a str); 8] {
    [
        ("team_id", if user == SIA { "T2" } else { "T1" }),
        ("channel_id", id),
        ("channel_name", name),
        ("user_id", user),
        ("user_name", "somebody"),
        ("command", "/microalign"),
        ("text", text),
        ("response_url", url),
    ]
}

/// What they read then.
pub async fn command_in(service: &Service, channel: (&str, &str), user: &str, text: &str) -> String {
    let fields = asked(channel, user, text, "https://hooks.slack.com/commands/T1/1/x");
    let (status, body) = form(service, &fields, SIGNING).await;
    let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{text}: {status} {body}"));
    assert_eq!((status, &answer["response_type"]), (200, &json!("ephemeral")), "{text}: {body}");
    assert!(!answer["blocks"].to_string().contains("mrkdwn"), "Slack parses nothing of it: {body}");
    let text = answer["text"].as_str().unwrap();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

pub async fn command(service: &Service, user: &str, text: &str) -> String {
    command_in(service, ("C1", "web"), user, text).await
}

pub async fn interact(service: &Service, payload: &Value) -> (u16, String) {
    form(service, &[("payload", &payload.to_string())], SIGNING).await
}

/// What comes of a press: what the person is told, or the form that is opened for them.
pub async fn press(service: &Service, slack: &Slack, user: &str, (action, token): (&str, &str)) -> Value {
    let all = || [slack.at("/answer"), slack.at("/views.open")].concat().len();
    let before = (slack.at("/answer").len(), slack.at("/views.open").len());
    let count = all();
    let payload = json!({
        "type": "block_actions", "user": { "id": user, "team_id": "T1" }, "team": { "id": "T1" }, "trigger_id": "1.2.x",
        "container": { "type": "message", "channel_id": "C1", "message_ts": "1700000001.000100" },
        "channel": { "id": "C1", "name": "web" }, "response_url": format!("{}/answer", slack.url),
        "actions": [{ "type": "button", "action_id": action, "block_id": "b", "value": token, "action_ts": "1.3" }],
    });
    assert_eq!(interact(service, &payload).await, (200, String::new()));
    eventually("somebody is answered", async || (all() > count).then_some(())).await;
    let (answers, views) = (slack.at("/answer"), slack.at("/views.open"));
    if views.len() > before.1 { views.last().unwrap()["view"].clone() } else { answers.last().unwrap()["text"].clone() }
}

/// What the form shows once it was handed in.
pub async fn hand_in(service: &Service, user: &str, (token, text): (&str, &str)) -> String {
    hand_in_chosen(service, user, (token, text), None).await
}

/// As above, with the assumption that was chosen.
pub async fn hand_in_chosen(service: &Service, user: &str, (token, text): (&str, &str), line: Option<&str>) -> String {
    let chosen = line.map(|line| json!({ "line": { "type": "radio_buttons", "selected_option": { "value": line } } }));
    let payload = json!({
        "type": "view_submission", "user": { "id": user, "team_id": "T1" }, "team": { "id": "T1" }, "trigger_id": "1.2.x",
        "view": {
            "id": "V1", "callback_id": "object", "private_metadata": token,
            "state": { "values": { "line": chosen, "text": { "text": { "type": "plain_text_input", "value": text } } } },
        },
    });
    let (status, body) = interact(service, &payload).await;
    assert_eq!(status, 200, "{body}");
    body
}

pub async fn assumed(service: &Service, delivery: &str, text: &str) {
    let mut comment = commented(&format!("/assume {text}"));
    comment["comment"]["id"] = json!(delivery.bytes().map(u64::from).sum::<u64>());
    let lines = service.github_settled("issue_comment", delivery, &comment).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
}
