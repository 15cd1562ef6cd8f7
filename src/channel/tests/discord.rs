use proptest::prelude::*;
use serde_json::json;

use super::super::discord::payload;
use super::super::listener::{WebServer, http};
use super::random::{self, OURS};
use super::*;
use crate::destination::Manner;
use crate::template::{Block, Inline};

const POSTED: &str = r#"{"id":"1100","channel_id":"900","type":0}"#;

fn text_of(message: &Message) -> String {
    payload(&post(message))["content"].as_str().unwrap().to_owned()
}

/// The requests a message makes with such answers, and what becomes of it.
async fn exchange(to: &str, post: &Post<'_>, answers: &[(u16, &str)]) -> (Vec<String>, String) {
    let (requests, outcome) = asked(to, post, answers).await;
    let line = |request: Request| {
        let name = request.json().get("thread_name").map_or(String::new(), |name| format!(" {name}"));
        format!("{}{name}", request.line.trim_end_matches(" HTTP/1.1").replace("/api/webhooks/1/hunter2", "…"))
    };
    (requests.into_iter().map(line).collect(), outcome)
}

#[tokio::test]
async fn a_message_on_discord() {
    let server = WebServer::answer(&[&http(200, "", POSTED)]).await;
    let message = message(EventKind::PullRequestEdited);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let post = Post { links: &links, ..post(&message) };
    assert_eq!(shown(&web(&server.url).send(&destination("discord:web"), &post).await), "Sent 900/1100");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /api/webhooks/1/hunter2?wait=true HTTP/1.1");
    insta::assert_json_snapshot!("discord", request.json());
    insta::assert_snapshot!("discord_text", request.json()["content"].as_str().unwrap());
}

#[test]
fn a_merged_pull_request_on_discord() {
    let message = message(EventKind::PullRequestMerged);
    let request = payload(&Post { mentions: &["31", "32"], ..post(&message) });
    assert_eq!(request["allowed_mentions"], json!({ "parse": [], "users": ["31", "32"] }));
    insta::assert_snapshot!("discord_merged", request["content"].as_str().unwrap());
}

#[tokio::test]
async fn where_a_message_goes() {
    let mut message = message(EventKind::PullRequestMerged);
    let ok = (200, POSTED);
    let gone = (404, r#"{"code":10003,"message":"Unknown Channel"}"#);
    let locked = (400, r#"{"code":160005,"message":"This thread is locked"}"#);
    let lost = (404, r#"{"code":10008,"message":"Unknown Message"}"#);
    let (post_it, in_thread) = ("POST …?wait=true", "POST …?wait=true&thread_id=900");
    let begin = "POST …?wait=true \"DATA-123\"";
    let root = Some("900/1100");
    let edit = "PATCH …/messages/1100";
    type Case<'a> = (&'a str, Manner, Option<&'a str>, &'a [(u16, &'a str)], &'a [&'a str], bool);
    let table: &[Case<'_>] = &[
        ("web", Manner::Reply, root, &[ok], &[post_it], false),
        ("web", Manner::Edit, root, &[ok], &[edit], false),
        ("web", Manner::Edit, root, &[lost, ok], &[edit, post_it], true),
        ("web", Manner::Edit, Some("an old value"), &[ok], &[post_it], true),
        ("web", Manner::Edit, Some("900/../1"), &[ok], &[post_it], true),
        ("thread", Manner::Post, None, &[ok], &["POST …?wait=true&thread_id=77"], false),
        ("thread", Manner::Edit, root, &[ok], &["PATCH …/messages/1100?thread_id=77"], false),
        ("forum", Manner::Post, None, &[ok], &[begin], false),
        ("forum", Manner::Post, root, &[ok], &[in_thread], false),
        ("forum", Manner::Broadcast, root, &[ok], &[in_thread], false),
        ("forum", Manner::Reply, root, &[gone, ok], &[in_thread, begin], true),
        ("forum", Manner::Reply, root, &[locked, ok], &[in_thread, begin], true),
        (
            "forum",
            Manner::Edit,
            root,
            &[gone, gone, ok],
            &["PATCH …/messages/1100?thread_id=900", in_thread, begin],
            true,
        ),
    ];
    for (to, manner, root, answers, expected, anew) in table {
        message.manner = *manner;
        let post = Post { root: *root, ..post(&message) };
        let (requests, outcome) = exchange(&format!("discord:{to}"), &post, answers).await;
        assert_eq!(requests, *expected, "{to} {manner:?} {root:?}");
        let sent = if *anew { "Sent anew 900/1100" } else { "Sent 900/1100" };
        assert_eq!(outcome, sent, "{to} {manner:?} {root:?}");
    }
    message.private = true;
    let (requests, _) = exchange("discord:forum", &post(&message), &[ok]).await;
    assert_eq!(requests, ["POST …?wait=true \"A private repository\""]);
}

#[tokio::test]
async fn what_discord_says() {
    let page = outcomes(
        "discord:web",
        &[
            (200, "", "unreadable"),
            (404, "", r#"{"message":"Unknown Webhook","code":10015}"#),
            (404, "", r#"{"message":"Unknown Channel","code":10003}"#),
            (401, "", r#"{"message":"Invalid Webhook Token","code":50027}"#),
            (403, "", r#"{"message":"Missing Access","code":50001}"#),
            (400, "", r#"{"message":"Invalid Form Body","code":50035,"errors":{}}"#),
            (400, "", r#"{"message":"…","code":220001}"#),
            (400, "", r#"{"message":"…","code":220003}"#),
            (429, "retry-after: 3\r\n", r#"{"message":"…","retry_after":2.5,"global":false}"#),
            (429, "", r#"{"message":"…","retry_after":12.0,"global":true}"#),
            (429, "", r#"{"message":"…","retry_after":-1}"#),
            (500, "", "<html>"),
            (503, "", "later"),
        ],
    )
    .await;
    insta::assert_snapshot!("discord_outcomes", page);
}

#[tokio::test]
async fn discord_is_silent() {
    let mut message = message(EventKind::PullRequestMerged);
    for (manner, expected) in [(Manner::Post, "Ambiguous"), (Manner::Edit, "Transient")] {
        message.manner = manner;
        let server = WebServer::answer(&[""]).await;
        let post = Post { root: Some("900/1100"), ..post(&message) };
        let outcome = shown(&web(&server.url).send(&destination("discord:web"), &post).await);
        assert!(outcome.starts_with(expected) && !outcome.contains("hunter2"), "{outcome}");
    }
}

#[test]
fn links_that_discord_would_not_make() {
    let line = |text: &str| {
        let url = format!("{OURS}a_(b)");
        let link = Inline::Link { text: vec![Inline::Text(text.to_owned())], url };
        text_of(&Message { body: vec![Block::Paragraph(vec![link])], ..Message::default() })
    };
    assert_eq!(line("Fix: a snake_case (x)"), format!("[Fix: a snake_case (x)]({OURS}a_%28b%29)"));
    assert_eq!(line("[x] *y*"), format!("\\[x\\] \\*y\\* (<{OURS}a_%28b%29>)"));
    assert_eq!(line("Ship it 🚀"), format!("Ship it 🚀 (<{OURS}a_%28b%29>)"));
    assert_eq!(line(&format!("{OURS}a_(b)")), format!("<{OURS}a_%28b%29>"));
}

/// Reads it as Discord's programs do, one piece after the other, and says what is active that must not be.
fn active(content: &str) -> Option<String> {
    let mut rest = content;
    let (mut strong, mut emphasis) = (false, false);
    let ours =
        |url: &str| url.starts_with(OURS) && !url.contains(['(', ')', '<', '>', '[', ']', '|', '*', '~', '`', ' ']);
    while let Some(c) = rest.chars().next() {
        let here: String = rest.chars().take(60).collect();
        let end = match c {
            '\\' => 1 + rest.chars().nth(1).filter(|c| !c.is_ascii_alphanumeric() && !c.is_whitespace())?.len_utf8(),
            '`' if strong || emphasis => return Some(format!("code in open marks: {here}")),
            '`' if rest.starts_with("```") => 3 + rest[3..].find("```").unwrap_or(usize::MAX - 9) + 3,
            '`' => 1 + rest[1..].find('`').unwrap_or(usize::MAX - 9) + 1,
            '<' => match rest[1..].split_once('>') {
                Some((url, _)) if ours(url) => url.len() + 2,
                _ => return Some(here),
            },
            '[' => match rest[1..].split_once("](").and_then(|(text, rest)| Some((text, rest.split_once(')')?.0))) {
                Some((text, url)) if ours(url) && !text.contains(['\\', '[', ']', '<', '`', '@', '\u{2060}']) => {
                    text.len() + url.len() + 4
                }
                _ => return Some(here),
            },
            '*' if rest.starts_with("**") => {
                strong = !strong;
                2
            }
            '*' => {
                emphasis = !emphasis;
                1
            }
            '_' | '~' | '|' | ']' => return Some(here),
            ':' if !rest[1..].starts_with(char::is_whitespace) => return Some(here),
            '@' if rest.starts_with("@everyone") || rest.starts_with("@here") => return Some(here),
            '/' if rest.starts_with("//") => return Some(here),
            c => c.len_utf8(),
        };
        let Some(after) = rest.get(end..) else { return Some(format!("open code: {here}")) };
        rest = after;
    }
    (strong || emphasis).then(|| "open marks".to_owned())
}

#[test]
fn the_reader_sees_what_is_active() {
    for text in
        ["@everyone", "<@123>", "[a](https://evil.example)", "https://evil.example", "`open", ":+1:", "||s||", "**"]
    {
        assert!(active(text).is_some(), "{text}");
    }
    assert_eq!(active("\\<@123> [a](https://ours.example/) `@everyone` **b**"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn no_value_is_active_on_discord(message in random::message()) {
        let request = payload(&post(&message));
        let content = request["content"].as_str().unwrap();
        prop_assert!(content.chars().count() <= 2_000);
        prop_assert_eq!(active(content), None);
        prop_assert_eq!(&request["allowed_mentions"], &json!({ "parse": [], "users": [] }));
    }
}
