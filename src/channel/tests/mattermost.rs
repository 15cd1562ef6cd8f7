use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use serde_json::{Value, json};

use super::super::listener::{WebServer, http};
use super::super::{mattermost, mattermost_webhook};
use super::random::{self, OURS};
use super::*;
use crate::destination::Manner;

const CHANNEL: &str = r#"{"id":"ch1","name":"data"}"#;
const POSTED: &str = r#"{"id":"p1","channel_id":"ch1"}"#;
const UNTHREADED: &str = r#"{"id":"p1","channel_id":"ch1","root_id":""}"#;
const THREADED: &str = r#"{"id":"p1","channel_id":"ch1","root_id":"p1"}"#;
const FIND: &str = "GET /api/v4/teams/name/acme/channels/name/data?include_deleted=true";

async fn exchange(post: &Post<'_>, answers: &[(u16, &str)]) -> (Vec<(String, Value)>, String) {
    let (requests, outcome) = asked("mattermost:acme/data", post, answers).await;
    let line = |request: Request| {
        assert_eq!(request.headers["authorization"], "Bearer xoxb-hunter2");
        let mut body = serde_json::from_str::<Value>(&request.body).unwrap_or_default();
        body.as_object_mut().map(|fields| fields.remove("message"));
        (request.line.trim_end_matches(" HTTP/1.1").to_owned(), body)
    };
    (requests.into_iter().map(line).collect(), outcome)
}

#[tokio::test]
async fn a_message_on_mattermost() {
    let server = WebServer::answer(&[&http(200, "", CHANNEL), &http(201, "", POSTED), &http(200, "", "ok")]).await;
    let channels = web(&server.url);
    let message = message(EventKind::PullRequestEdited);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let post = Post { links: &links, ..post(&message) };
    assert_eq!(shown(&channels.send(&destination("mattermost:acme/data"), &post).await), "Sent ch1/p1");
    assert_eq!(shown(&channels.send(&destination("mattermost-webhook:ops"), &post).await), "Sent -");
    let [_, bot, hook] = &server.requests()[..] else { panic!("three requests") };
    insta::assert_json_snapshot!("mattermost", bot.json());
    insta::assert_snapshot!("mattermost_text", bot.json()["message"].as_str().unwrap());
    assert_eq!(hook.line, "POST /hooks/hunter2 HTTP/1.1");
    // Code keeps its `<`, but not as what Slack's webhooks take for a mention.
    let code = bot.json()["message"].as_str().unwrap().replace("<!channel>", "<\u{2060}!channel>");
    assert_eq!(hook.json(), json!({ "text": code }));
}

#[test]
fn a_merged_pull_request_on_mattermost() {
    let message = message(EventKind::PullRequestMerged);
    let post = Post { mentions: &["ana", "bo_b"], ..post(&message) };
    insta::assert_snapshot!("mattermost_merged", mattermost::message(&post));
}

#[tokio::test]
async fn where_a_post_goes() {
    let mut message = message(EventKind::PullRequestMerged);
    let (found, ok) = ((200, CHANNEL), (201, POSTED));
    let denied = (403, r#"{"id":"api.context.permissions.app_error","message":"…"}"#);
    let no_root = (400, r#"{"id":"api.post.create_post.root_id.app_error","message":"…"}"#);
    let (find, edit) = ((FIND, Value::Null), ("PUT /api/v4/posts/p1/patch", json!({})));
    let posted = ("POST /api/v4/posts", json!({ "channel_id": "ch1" }));
    let reply = ("POST /api/v4/posts", json!({ "channel_id": "ch1", "root_id": "p1" }));
    let root = Some("ch1/p1");
    let table = [
        (Manner::Reply, None, vec![found, ok], vec![&find, &posted], false),
        (Manner::Post, root, vec![found, ok], vec![&find, &posted], false),
        (Manner::Reply, root, vec![ok], vec![&reply], false),
        (Manner::Broadcast, root, vec![ok], vec![&reply], false),
        (Manner::Reply, root, vec![(201, THREADED)], vec![&reply], false),
        (Manner::Reply, root, vec![(201, UNTHREADED)], vec![&reply], true),
        (Manner::Edit, root, vec![ok], vec![&edit], false),
        (Manner::Edit, root, vec![denied, ok], vec![&edit, &reply], false),
        (Manner::Edit, root, vec![denied, no_root, found, ok], vec![&edit, &reply, &find, &posted], true),
        (Manner::Reply, Some("an old value"), vec![found, ok], vec![&find, &posted], true),
        (Manner::Edit, Some("../p1"), vec![found, ok], vec![&find, &posted], true),
    ];
    for (manner, root, answers, expected, anew) in table {
        message.manner = manner;
        let (requests, outcome) = exchange(&Post { root, ..post(&message) }, &answers).await;
        let expected: Vec<_> = expected.into_iter().map(|(line, body)| ((*line).to_owned(), body.clone())).collect();
        assert_eq!(requests, expected, "{manner:?} {root:?}");
        let sent = if anew { "Sent anew ch1/p1" } else { "Sent ch1/p1" };
        assert_eq!(outcome, sent, "{manner:?} {root:?}");
    }
}

#[tokio::test]
async fn what_mattermost_says() {
    let mut page = outcomes(
        "mattermost:acme/data",
        &[
            (404, "", r#"{"id":"app.channel.get_by_name.missing.app_error","message":"Channel does not exist."}"#),
            (404, "", r#"{"id":"app.team.get_by_name.missing.app_error","message":"…"}"#),
            (403, "", r#"{"id":"api.context.permissions.app_error","message":"…"}"#),
            (401, "", r#"{"id":"api.context.session_expired.app_error","message":"…"}"#),
            (200, "", r#"{"id":"../../users"}"#),
            (429, "retry-after: 1\r\n", "limit exceeded\n"),
            (500, "", "{}"),
            (502, "", "<html>"),
        ],
    )
    .await;
    let message = message(EventKind::PullRequestMerged);
    for answer in [
        (400, r#"{"id":"api.post.create_post.can_not_post_to_deleted.error","message":"…"}"#),
        (400, r#"{"id":"model.post.is_valid.message_length.app_error","message":"Post Message property is longer."}"#),
        (500, r#"{"id":"app.post.save.app_error","message":"Unable to save the Post."}"#),
        (201, "unreadable"),
    ] {
        let (_, outcome) = exchange(&post(&message), &[(200, CHANNEL), answer]).await;
        page += &format!("{outcome}\n");
    }
    insta::assert_snapshot!("mattermost_outcomes", page);
}

#[tokio::test]
async fn what_a_mattermost_webhook_says() {
    let page = outcomes(
        "mattermost-webhook:ops",
        &[
            (400, "", r#"{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook."}"#),
            (404, "", r#"{"id":"web.incoming_webhook.channel.app_error","message":"…"}"#),
            (403, "", r#"{"id":"web.incoming_webhook.permissions.app_error","message":"…"}"#),
            (501, "", r#"{"id":"web.incoming_webhook.disabled.app_error","message":"…"}"#),
            (429, "", "limit exceeded"),
            (500, "", "<html>"),
        ],
    )
    .await;
    insta::assert_snapshot!("mattermost_webhook_outcomes", page);
}

/// What another parser finds in it that works and must not, and what is left of the text for the programs to look at.
fn read(text: &str) -> (Vec<String>, String) {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH | Options::ENABLE_TASKLISTS;
    let (mut found, mut left, mut in_code) = (Vec::new(), String::new(), false);
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if dest_url.starts_with(OURS) => {}
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Start(
                Tag::Paragraph | Tag::BlockQuote(_) | Tag::List(_) | Tag::Item | Tag::Emphasis | Tag::Strong,
            )
            | Event::Code(_) => left.push('\n'),
            Event::End(_) | Event::SoftBreak => left.push('\n'),
            Event::Text(text) if !in_code => left.push_str(&text),
            Event::Text(_) => {}
            other => found.push(format!("{other:?}")),
        }
    }
    (found, left)
}

/// What Mattermost's programs and its server look for in text, and a link as Slack's webhooks have it.
fn active(text: &str) -> Vec<String> {
    let (mut found, left) = read(text);
    let in_text = [
        r"@[A-Za-z0-9._-]",
        r"#[^\W\d_]",
        r"~[A-Za-z0-9._-]",
        r":[\w+-]+:",
        r"[A-Za-z][A-Za-z0-9.+-]*:(/|\w|%)",
        r"(?i)www\d{0,3}\.",
        r"[\w.-]\.\w{2,4}/",
    ];
    for pattern in in_text {
        let pattern = Regex::new(pattern).unwrap();
        found.extend(pattern.find(&left).map(|found| found.as_str().to_owned()));
    }
    found
}

#[test]
fn the_reader_sees_what_is_active() {
    for text in
        ["@all", "~town-square", "#tag", ":+1:", "https://evil.example", "www.evil.example", "evil.com/x", "x:y"]
    {
        assert!(!active(text).is_empty(), "{text}");
    }
    for text in ["[a](https://evil.example)", "![a](https://ours.example/)", "<b>", "# h", "$x$", "---", "~~s~~"] {
        assert!(!read(text).0.is_empty(), "{text}");
    }
    assert_eq!(active("a [b](https://ours.example/) `@all` **c**"), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn no_value_is_active_on_mattermost(message in random::message()) {
        let text = mattermost::message(&post(&message));
        prop_assert!(text.chars().count() <= 16_383);
        prop_assert_eq!(active(&text), Vec::<String>::new());
        let slack = Regex::new(r"<[^\n<|>]+\|[^\n>]+>|<!(channel|here|all)>|<@[A-Za-z0-9]+>").unwrap();
        let hook = mattermost_webhook::unslacked(&text);
        prop_assert_eq!(slack.find(&hook).map(|found| found.as_str()), None);
    }
}
