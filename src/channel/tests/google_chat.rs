use proptest::prelude::*;

use super::super::google_chat::payload;
use super::super::listener::{WebServer, http};
use super::random::{self, OURS};
use super::*;

const SENT: &str = r#"{"name":"spaces/AAA/messages/m.m","thread":{"name":"spaces/AAA/threads/t"}}"#;

#[tokio::test]
async fn google_chat_gets_a_card_in_the_conversations_thread() {
    let server = WebServer::answer(&[&http(200, "", SENT)]).await;
    let message = message(EventKind::PullRequestEdited);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let post = Post { links: &links, mentions: &["17"], ..post(&message) };
    let channels = web(&server.url);
    assert_eq!(shown(&channels.send(&destination("google-chat:web"), &post).await), "Sent spaces/AAA/threads/t");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    insta::assert_json_snapshot!("google_chat", request.json());

    let (path, query) = request.line.split_once('?').unwrap();
    assert_eq!(path, "POST /v1/spaces/AAA/messages");
    let query: Vec<&str> = query.trim_end_matches(" HTTP/1.1").split('&').collect();
    assert_eq!(query[..3], ["key=k", "token=hunter2", "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"]);
    assert!(query[3].starts_with("requestId=") && query.len() == 4, "{query:?}");
}

#[tokio::test]
async fn the_same_message_has_the_same_name_and_no_other_has() {
    let sent = http(200, "", SENT);
    let server = WebServer::answer(&[&sent, &sent, &sent]).await;
    let message = message(EventKind::PullRequestMerged);
    let first = post(&message);
    let reply = Message { manner: Manner::Broadcast, ..message.clone() };
    let alone = Message { manner: Manner::Post, ..message.clone() };
    // A send of the same number from another database, a little later.
    let reply =
        Post { root: Some("spaces/AAA/messages/m"), at: "2026-11-02T14:06:00Z".parse().unwrap(), ..post(&reply) };
    let alone = Post { id: 43, root: Some("spaces/AAA/messages/m"), ..post(&alone) };
    for post in [&first, &reply, &alone] {
        web(&server.url).send(&destination("google-chat:web"), post).await;
    }
    let requests = server.requests();
    let ids: Vec<&str> = requests.iter().map(|request| request.line.split("requestId=").nth(1).unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2], "{ids:?}");
    let threads: Vec<_> = requests.iter().map(|request| request.json()["thread"].clone()).collect();
    assert!(threads[0] == threads[1] && threads[0]["threadKey"].is_string() && threads[2].is_null(), "{threads:?}");
}

#[tokio::test]
async fn a_thread_that_is_gone_goes_on_as_another() {
    let said = |thread: &str| {
        format!(r#"{{"name":"spaces/AAA/messages/m","thread":{{"name":"spaces/AAA/threads/{thread}"}}}}"#)
    };
    let (first, other) = (said("1"), said("2"));
    let root = Some("spaces/AAA/threads/1");
    let table = [
        (Manner::Reply, None, &first, "Sent spaces/AAA/threads/1"),
        (Manner::Reply, root, &first, "Sent spaces/AAA/threads/1"),
        (Manner::Reply, root, &other, "Sent anew spaces/AAA/threads/2"),
        (Manner::Post, root, &other, "Sent spaces/AAA/threads/2"),
        // Before, the message itself was what began it.
        (Manner::Reply, Some("spaces/AAA/messages/m"), &other, "Sent spaces/AAA/threads/2"),
    ];
    for (manner, root, answer, expected) in table {
        let message = Message { manner, ..message(EventKind::PullRequestMerged) };
        let (_, outcome) = asked("google-chat:web", &Post { root, ..post(&message) }, &[(200, answer)]).await;
        assert_eq!(outcome, expected, "{manner:?} {root:?}");
    }
}

#[tokio::test]
async fn what_google_chat_says() {
    let said =
        |status: &str| format!(r#"{{"error":{{"code":1,"message":"Something is wrong.","status":"{status}"}}}}"#);
    let page = outcomes(
        "google-chat:web",
        &[
            (400, "", &said("INVALID_ARGUMENT")),
            (401, "", &said("UNAUTHENTICATED")),
            (403, "", &said("PERMISSION_DENIED")),
            (404, "", &said("NOT_FOUND")),
            (409, "", &said("ALREADY_EXISTS")),
            (429, "", &said("RESOURCE_EXHAUSTED")),
            (500, "", &said("INTERNAL")),
            (503, "retry-after: 7\r\n", &said("UNAVAILABLE")),
            (502, "", "<html>"),
            (200, "", "<html>"),
        ],
    )
    .await;
    insta::assert_snapshot!("google_chat_outcomes", page);
}

/// Reads a card's text as HTML: what is shown, and where links lead. A tag that no card may have is a panic.
fn read(html: &str) -> (String, Vec<String>) {
    let (mut shown, mut links, mut rest) = (String::new(), Vec::new(), html);
    while let Some((before, tag)) = rest.split_once('<') {
        shown += before;
        let (tag, after) = tag.split_once('>').unwrap();
        rest = after;
        match tag {
            "br" => shown.push('\n'),
            "b" | "/b" | "i" | "/i" | "/a" | "/font" | "font color=\"#808080\"" => {}
            tag => {
                let url = tag.strip_prefix("a href=\"").and_then(|url| url.strip_suffix('"')).unwrap();
                assert!(!url.contains(['"', '<']), "{url}");
                links.push(unescaped(url));
            }
        }
    }
    (unescaped(&(shown + rest)), links)
}

fn unescaped(html: &str) -> String {
    let text = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_it_says_google_takes_it_and_finds_nothing_in_it(message in random::message()) {
        let sent = payload(&post(&message));
        prop_assert!(sent.to_string().len() <= 32_000);
        prop_assert!(sent.get("text").is_none());
        let widgets = sent["cardsV2"][0]["card"]["sections"][0]["widgets"].as_array().unwrap();
        prop_assert_eq!(widgets.len(), 2);
        for widget in widgets {
            let (shown, links) = read(widget["textParagraph"]["text"].as_str().unwrap());
            prop_assert!(links.iter().all(|url| url.starts_with(OURS)), "{:?}", links);
            for word in shown.split_whitespace().filter(|word| !word.starts_with(OURS)) {
                prop_assert!(!["://", "evil.example", "a@"].iter().any(|address| word.contains(address)), "{}", word);
            }
        }
    }
}
