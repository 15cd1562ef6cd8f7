use std::collections::BTreeMap;

use proptest::prelude::*;
use url::form_urlencoded;

use super::random::{self, OURS, regex};
use super::*;
use crate::channel::zulip::content;
use crate::template::{Block, Inline};

const SENT: &str = r#"{"result":"success","msg":"","id":42}"#;

fn fields(body: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// Each request's line and fields, and what became of the post.
async fn sent(post: &Post<'_>, answers: &[(u16, &str)]) -> (Vec<(String, BTreeMap<String, String>)>, String) {
    let (requests, outcome) = asked("zulip:data platform", post, answers).await;
    for request in &requests {
        assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
        // bot@zulip.example:xoxb-hunter2
        assert_eq!(request.headers["authorization"], "Basic Ym90QHp1bGlwLmV4YW1wbGU6eG94Yi1odW50ZXIy");
    }
    (requests.iter().map(|request| (request.line.clone(), fields(&request.body))).collect(), outcome)
}

#[tokio::test]
async fn a_conversation_is_a_topic() {
    let mut message = message(EventKind::PullRequestEdited);
    let (requests, outcome) = sent(&post(&message), &[(200, SENT)]).await;
    assert_eq!(outcome, "Sent 42");
    assert_eq!(requests[0].0, "POST /api/v1/messages HTTP/1.1");
    insta::assert_json_snapshot!("zulip", requests[0].1);
    insta::assert_snapshot!("zulip_content", requests[0].1["content"]);
    for manner in [Manner::Reply, Manner::Broadcast, Manner::Post] {
        message.manner = manner;
        let (more, outcome) = sent(&Post { root: Some("41"), ..post(&message) }, &[(200, SENT)]).await;
        assert_eq!((more, outcome.as_str()), (requests.clone(), "Sent 42"), "{manner:?}");
    }
}

#[tokio::test]
async fn a_merged_pull_request() {
    let message = message(EventKind::PullRequestMerged);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let (requests, _) = sent(&Post { links: &links, mentions: &["12", "13"], ..post(&message) }, &[(200, SENT)]).await;
    insta::assert_snapshot!("zulip_merged", requests[0].1["content"]);
}

#[tokio::test]
async fn an_edit_takes_the_place_of_the_first_message_or_comes_after_it() {
    let message = Message { manner: Manner::Edit, ..message(EventKind::PullRequestMerged) };
    let edit = Post { root: Some("41"), ..post(&message) };
    let (requests, outcome) = sent(&edit, &[(200, r#"{"result":"success","msg":""}"#)]).await;
    assert_eq!((requests.len(), requests[0].0.as_str()), (1, "PATCH /api/v1/messages/41 HTTP/1.1"));
    assert_eq!(requests[0].1.keys().collect::<Vec<_>>(), ["content"]);
    assert_eq!(outcome, "Sent 41");

    let late = r#"{"result":"error","code":"BAD_REQUEST","msg":"The time limit for editing this message has passed"}"#;
    let (requests, outcome) = sent(&edit, &[(400, late), (200, SENT)]).await;
    assert_eq!(requests[1].0, "POST /api/v1/messages HTTP/1.1");
    assert_eq!(requests[1].1["content"], requests[0].1["content"]);
    assert_eq!(outcome, "Sent anew 42");

    // What may pass is waited for.
    let (requests, outcome) = sent(&edit, &[(502, "")]).await;
    assert_eq!((requests.len(), outcome.as_str()), (1, "Transient: Zulip answered 502"));
    // What another channel called a message.
    for root in ["C1/1503435956.000247", "", "41/../../x"] {
        let (requests, _) = sent(&Post { root: Some(root), ..edit }, &[(200, SENT)]).await;
        assert_eq!(requests[0].0, "POST /api/v1/messages HTTP/1.1", "{root}");
    }
}

#[tokio::test]
async fn a_topic_is_short_and_a_private_one_says_nothing() {
    let mut message = message(EventKind::PullRequestMerged);
    let long = |end: &str| format!("acme/{}{end}", "long-name-".repeat(9));
    let (one, two) = (long("#1"), long("#2"));
    let mut topics = Vec::new();
    for thread in [&one, &two, "a\u{FFFE}b\u{0}c", ""] {
        topics.push(
            sent(&Post { thread, ..post(&message) }, &[(200, SENT)]).await.0.remove(0).1.remove("topic").unwrap(),
        );
    }
    message.private = true;
    topics.push(sent(&post(&message), &[(200, SENT)]).await.0.remove(0).1.remove("topic").unwrap());
    insta::assert_snapshot!("zulip_topics", topics.join("\n"));
    assert!(topics.iter().all(|topic| topic.chars().count() <= 60));
}

#[tokio::test]
async fn what_zulip_says() {
    let error = |code: &str, msg: &str| format!(r#"{{"result":"error","code":"{code}","msg":"{msg}"}}"#);
    let slow = r#"{"result":"error","code":"RATE_LIMIT_HIT","msg":"slow","retry-after":28.7}"#;
    let page = outcomes(
        "zulip:data",
        &[
            (400, "", &error("STREAM_DOES_NOT_EXIST", "Channel 'data' does not exist")),
            (400, "", &error("BAD_REQUEST", "Not authorized to send to channel 'data'")),
            (400, "", &error("BAD_REQUEST", "Topics are required in this organization.")),
            (401, "", &error("INVALID_API_KEY", "Invalid API key")),
            (403, "", &error("USER_DEACTIVATED", "Account is deactivated")),
            (429, "", slow),
            (429, "retry-after: 30\r\n", slow),
            (429, "retry-after: 30\r\n", "<html>"),
            (500, "", "<html>"),
            (503, "", "later"),
            (502, "", "bad gateway"),
            (404, "", "no such page"),
            (200, "", "<html>"),
            (200, "", r#"{"result":"success"}"#),
            (302, "location: http://elsewhere.example/\r\n", ""),
        ],
    )
    .await;
    insta::assert_snapshot!("zulip_outcomes", page);
}

fn said(text: &str) -> String {
    let message = Message { body: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])], ..Message::default() };
    content(&post(&message)).trim_end().to_owned()
}

#[test]
fn what_is_harmless_stays_readable() {
    for text in ["Re DATA-123: we're on track (v1.2), 10:30 - ok!", "snake_case, e.g. 3.14 + 1 = 4/2; \"so\" 100%"] {
        assert_eq!(
            said(text).replace("e&#46;g", "e.g").replace("10&#58;30", "10:30").trim_end_matches("&#33;"),
            text.trim_end_matches('!')
        );
    }
    assert_eq!(said("/me @**all** <b> 1. x"), "&#47;me &#64;&#42;&#42;all&#42;&#42; &lt;b&gt; 1. x");
    assert_eq!(said("1. x"), "1&#46; x");
}

/// What is left of a content when what is code is taken out, as Zulip's parser finds code.
fn without_code(content: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for line in content.lines() {
        let row = line.trim_end_matches(|c: char| c != '`').len();
        match fence {
            Some(mark) => fence = Some(mark).filter(|mark| line.trim_end() != *mark),
            None if line.len() >= 3 && row == line.len() && line.bytes().all(|byte| byte == b'`') => fence = Some(line),
            None => lines.push(line),
        }
    }
    assert_eq!(fence, None, "{content}");
    let text = lines.join("\n");
    let (mut rest, mut left) = (text.as_str(), String::new());
    while let Some(at) = rest.find('`') {
        let length = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        left.push_str(&rest[..at]);
        assert!(!left.ends_with('\\'));
        let after = &rest[at + length..];
        let mut from = 0;
        let end = loop {
            let start = from + after[from..].find('`').unwrap_or_else(|| panic!("code without an end: {content}"));
            let row = after[start..].len() - after[start..].trim_start_matches('`').len();
            if row == length {
                break start;
            }
            from = start + row;
        };
        left.push_str("(code)");
        rest = &after[end + length..];
    }
    left + rest
}

/// Reads what is written as Zulip's patterns would.
fn check(content: &str, items: usize) {
    assert!(content.chars().count() <= 10_000);
    let text = without_code(content);
    let link = regex(r"\[([^\[\]]*)\]\(([^()\s]*)\)");
    for found in link.captures_iter(&text) {
        assert!(found[2].starts_with(OURS), "{}", &found[2]);
        assert!(found.get(0).unwrap().start() == 0 || !text[..found.get(0).unwrap().start()].ends_with('!'));
    }
    let text = link.replace_all(&text, "(link) $1");
    let active = [
        r"@_?\*",
        r"#\*\*",
        r":[\w+-]+:",
        r"\$\$",
        "<",
        r"[\[\]`~|#@\\^]",
        r"\w\.\pL",
        r"://",
        r"(?m)^(> )*\s*(/|#|[-_]{3})",
        r"!\(link\)",
    ];
    let bare = regex(r"&(amp|lt|gt|#\d+);").replace_all(&text, "?");
    for pattern in active {
        assert!(!regex(pattern).is_match(&bare), "{pattern} in {text}");
    }
    // What isn't a reference is an entity that says itself.
    for reference in regex(r"&[^;\s]*;?").find_iter(&text) {
        assert!(regex(r"^&(amp|lt|gt|#\d+);$").is_match(reference.as_str()), "{}", reference.as_str());
    }
    let quoted = regex(r"(?m)^(> ?| |- |\d+\. )*");
    assert!(!quoted.replace_all(&text, "").contains('>'), "{text}");
    let lists = regex(r"(?m)^[> ]*(?:(?:[-+]|\d+\.)[ ]+)+");
    let marks: usize =
        lists.find_iter(&text).map(|found| found.as_str().split_whitespace().filter(|word| *word != ">").count()).sum();
    assert!(marks <= items, "{marks} marks of {items} items in {text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_others_say_is_active(message in random::message()) {
        check(&content(&post(&message)), random::items(&message.body));
    }
}
