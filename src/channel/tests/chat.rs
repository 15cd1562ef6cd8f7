use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::super::slack;
use super::*;
use crate::template::{Block, Inline};

#[tokio::test]
async fn slack_gets_structured_text_in_the_thread() {
    let answer = http(200, "", r#"{"ok":true,"channel":"C1","ts":"1503435956.000247"}"#);
    let server = WebServer::answer(&[&answer]).await;
    let message = message(EventKind::PullRequestEdited);
    let first = web(&server.url).send(&destination("slack:#data"), &post(&message)).await;
    assert_eq!(shown(&first), "Sent C1/1503435956.000247");

    let [first] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(first.line, "POST /api/chat.postMessage HTTP/1.1");
    assert_eq!(first.headers["authorization"], "Bearer xoxb-hunter2");
    assert_eq!(first.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(first.headers["user-agent"], concat!("microalign/", env!("CARGO_PKG_VERSION")));
    insta::assert_json_snapshot!("slack", first.json());
}

#[tokio::test]
async fn what_slack_says() {
    let page = outcomes(
        "slack:#data",
        &[
            (200, "", r#"{"ok":false,"error":"not_in_channel"}"#),
            (200, "", r#"{"ok":false,"error":"channel_not_found"}"#),
            (200, "", r#"{"ok":false,"error":"invalid_auth"}"#),
            (200, "", r#"{"ok":false,"error":"token_revoked"}"#),
            (200, "", r#"{"ok":false,"error":"restricted_action"}"#),
            (200, "", r#"{"ok":false,"error":"msg_blocks_too_long"}"#),
            (200, "", r#"{"ok":false,"error":"invalid_blocks"}"#),
            (200, "", r#"{"ok":false,"error":"message_not_found"}"#),
            (200, "", r#"{"ok":false,"error":"never_heard_of"}"#),
            (200, "retry-after: 7\r\n", r#"{"ok":false,"error":"ratelimited"}"#),
            (200, "", r#"{"ok":false,"error":"service_unavailable"}"#),
            (200, "", r#"{"ok":false,"error":"internal_error"}"#),
            (200, "", "<html>"),
            (429, "retry-after: 30\r\n", ""),
            (503, "", "later"),
            (502, "", "bad gateway"),
            (404, "", "no such page"),
            (302, "location: http://elsewhere.example/\r\n", ""),
        ],
    )
    .await;
    insta::assert_snapshot!("slack_outcomes", page);
}

#[tokio::test]
async fn a_slack_webhook_gets_the_same_without_a_channel() {
    let server = WebServer::answer(&[&http(200, "", "ok")]).await;
    let message = message(EventKind::PullRequestMerged);
    let reply = Post { root: Some("1"), ..post(&message) };
    let outcome = web(&server.url).send(&destination("slack-webhook:ops"), &reply).await;
    assert_eq!(shown(&outcome), "Sent -");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /services/hunter2 HTTP/1.1");
    assert!(!request.headers.contains_key("authorization"));
    insta::assert_json_snapshot!("slack_webhook", request.json());
}

#[tokio::test]
async fn what_a_slack_webhook_says() {
    let page = outcomes(
        "slack-webhook:ops",
        &[
            (400, "", "invalid_payload"),
            (403, "", "action_prohibited"),
            (404, "", "channel_not_found"),
            (410, "", "channel_is_archived"),
            (429, "retry-after: 30\r\n", ""),
            (500, "", "rollup_error"),
        ],
    )
    .await;
    insta::assert_snapshot!("slack_webhook_outcomes", page);
}

#[tokio::test]
async fn a_webhook_is_signed() {
    let server = WebServer::answer(&[&http(204, "", ""), &http(200, "", "")]).await;
    let channels = web(&server.url);
    let message = message(EventKind::PullRequestMerged);
    for _ in 0..2 {
        assert_eq!(shown(&channels.send(&destination("webhook:hub"), &post(&message)).await), "Sent -");
    }
    let [request, again] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(request.line, "POST /in?key=hunter2 HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!((request.headers["webhook-id"].as_str(), again.headers["webhook-id"].as_str()), ("msg_42", "msg_42"));
    let timestamp = &request.headers["webhook-timestamp"];
    assert!(timestamp.parse::<i64>().unwrap().abs_diff(Timestamp::now().as_second()) < 60);
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("msg_42.{timestamp}.{}", request.body).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(request.headers["webhook-signature"], format!("v1,{signature}"));
    insta::assert_json_snapshot!("webhook", request.json());
}

#[tokio::test]
async fn what_a_webhook_says() {
    let page = outcomes(
        "webhook:hub",
        &[
            (400, "", "bad\r\nrequest"),
            (410, "", "gone"),
            (301, "location: http://elsewhere.example/\r\n", ""),
            (408, "", ""),
            (409, "", ""),
            (425, "", ""),
            (429, "retry-after: 30\r\n", ""),
            (500, "", &"long ".repeat(1000)),
        ],
    )
    .await;
    insta::assert_snapshot!("webhook_outcomes", page);
}

#[tokio::test]
async fn silence_and_absence() {
    let message = message(EventKind::PullRequestMerged);
    for (to, silent) in [("slack:#data", "Ambiguous"), ("slack-webhook:ops", "Ambiguous"), ("webhook:hub", "Transient")]
    {
        let server = WebServer::answer(&[""]).await;
        let outcome = shown(&web(&server.url).send(&destination(to), &post(&message)).await);
        assert!(outcome.starts_with(silent), "{to}: {outcome}");
        assert!(!outcome.contains("hunter2") && !outcome.contains("127.0.0.1"), "{outcome}");
        // Nothing listens on port 1.
        let outcome = shown(&web("http://127.0.0.1:1").send(&destination(to), &post(&message)).await);
        assert!(outcome.starts_with("Transient"), "{to}: {outcome}");
        assert!(!outcome.contains("hunter2"), "{outcome}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let body = "x".repeat(1 << 20);
    let page = outcomes("webhook:hub", &[(200, "", &body), (400, "", &body)]).await;
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines[0], "Sent -");
    assert!(lines[1].len() < 400, "{}", lines[1]);
}

#[test]
fn long_messages_fit_into_slack() {
    let mut message = message(EventKind::PullRequestMerged);
    let long = "word ".repeat(20_000);
    message.body = vec![
        Block::Paragraph(vec![Inline::Text(long.clone())]),
        Block::Quote(vec![Block::Paragraph(vec![Inline::Strong(vec![Inline::Text(long.clone())])])]),
        Block::List { start: None, items: vec![vec![Block::Code(long.clone())], vec![Block::Code(long)]] },
    ];
    let payload = slack::payload(&post(&message));
    assert!(payload["text"].as_str().unwrap().chars().count() <= 4_000);
    let blocks = payload["blocks"].to_string();
    assert!(blocks.chars().count() <= 12_000, "{}", blocks.len());
    assert!(blocks.contains(r#""text":"… more at ""#), "{blocks}");
    assert!(blocks.contains(message.url.as_deref().unwrap()), "{blocks}");
}

#[test]
fn slack_has_the_way_out_too() {
    let message = message(EventKind::PullRequestMerged);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let payload = slack::payload(&Post { links: &links, ..post(&message) });
    let quiet = payload["blocks"][1]["elements"].as_array().unwrap();
    assert_eq!((quiet.len(), quiet[0]["text"].as_str().unwrap()), (2, message.why.as_str()));
    assert_eq!(quiet[1]["text"], "<https://m.example/mute/y|Mute this conversation>");
}
