use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;

use super::super::listener::{WebServer, http};
use super::super::matrix::content;
use super::random::OURS;
use super::*;
use crate::template::{Block, Inline};

const SENT: &str = r#"{"event_id":"$new"}"#;
const THERE: &str = r#"{"type":"m.room.message","content":{"msgtype":"m.notice","body":"x"}}"#;

fn room() -> Destination {
    destination("matrix:!abc:example.com")
}

/// What a message with this manner does in a conversation that began with `root`: the outcome, and each request's line
/// and body.
async fn told(manner: Manner, root: &str, answers: &[(u16, &str)]) -> (String, Vec<(String, Value)>) {
    let message = Message { manner, ..message(EventKind::PullRequestMerged) };
    let post = Post { root: Some(root), ..post(&message) };
    let answers = [&[NO_TOMBSTONE], answers].concat();
    let (requests, outcome) = asked("matrix:!abc:example.com", &post, &answers).await;
    assert_eq!(requests[0].line, LOOK);
    let requests = requests
        .into_iter()
        .skip(1)
        .map(|request| (request.line, serde_json::from_str(&request.body).unwrap_or_default()));
    (outcome, requests.collect())
}

const LOOK: &str = "GET /_matrix/client/v3/rooms/%21abc%3Aexample.com/state/m.room.tombstone HTTP/1.1";

#[tokio::test]
async fn matrix_gets_plain_text_and_html() {
    let answer = http(200, "", SENT);
    let server = WebServer::answer(&[&http(NO_TOMBSTONE.0, "", NO_TOMBSTONE.1), &answer, &answer]).await;
    let channels = web(&server.url);
    for kind in [EventKind::PullRequestEdited, EventKind::PullRequestMerged] {
        let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
        let message = message(kind);
        let outcome = channels.send(&room(), &Post { links: &links, ..post(&message) }).await;
        assert_eq!(shown(&outcome), "Sent $new");
    }
    // Whether the room was upgraded is asked once an hour.
    let [look, first, second] = &server.requests()[..] else { panic!("three requests") };
    assert_eq!(look.line, LOOK);
    // The same for every attempt: the time is the message's.
    let line =
        "PUT /_matrix/client/v3/rooms/%21abc%3Aexample.com/send/m.room.message/microalign-42-1793628300000 HTTP/1.1";
    assert_eq!((&*first.line, &*second.line), (line, line));
    assert_eq!(first.headers["authorization"], "Bearer xoxb-hunter2");
    insta::assert_json_snapshot!("matrix_every_construct", first.json());
    insta::assert_json_snapshot!("matrix", second.json());
}

#[tokio::test]
async fn a_reply_is_in_the_thread() {
    for manner in [Manner::Reply, Manner::Broadcast] {
        let (outcome, requests) = told(manner, "$root", &[(200, THERE), (200, SENT)]).await;
        assert_eq!((outcome.as_str(), requests.len()), ("Sent $new", 2));
        insta::assert_json_snapshot!("matrix_reply", requests[1].1["m.relates_to"]);
    }
    let (_, requests) = told(Manner::Post, "$root", &[(200, SENT)]).await;
    assert_eq!(requests[0].1.get("m.relates_to"), None);
    let (_, requests) = told(Manner::Edit, "1503435956.000247", &[(200, SENT)]).await;
    assert_eq!(requests[0].1.get("m.relates_to"), None, "it is no event of Matrix");
}

#[tokio::test]
async fn an_edit_takes_the_first_messages_place_while_that_is_there() {
    let (outcome, requests) = told(Manner::Edit, "$a/b", &[(200, THERE), (200, SENT)]).await;
    assert_eq!(outcome, "Sent $new");
    assert_eq!(requests[0].0, "GET /_matrix/client/v3/rooms/%21abc%3Aexample.com/event/%24a%2Fb HTTP/1.1");
    insta::assert_json_snapshot!("matrix_edit", requests[1].1);
    let removed = r#"{"type":"m.room.message","content":{},"unsigned":{"redacted_because":{}}}"#;
    for gone in [(200, removed), (404, r#"{"errcode":"M_NOT_FOUND","error":"Event not found."}"#)] {
        for manner in [Manner::Edit, Manner::Reply, Manner::Broadcast] {
            let (outcome, requests) = told(manner, "$root", &[gone, (200, SENT)]).await;
            assert_eq!((outcome.as_str(), requests[1].1.get("m.relates_to")), ("Sent anew $new", None), "{manner:?}");
        }
    }
}

#[tokio::test]
async fn who_is_called_hears_of_it() {
    let server = WebServer::answer(&[&http(NO_TOMBSTONE.0, "", NO_TOMBSTONE.1), &http(200, "", SENT)]).await;
    let people = [("ana", "@ana:example.com"), ("bo", "@bo.b/x:example.com")]
        .map(|(login, id)| (login.to_owned(), Person::new(login, [("matrix", id.to_owned())].into())));
    let mut channels = web(&server.url);
    channels.settings.people = people.into();
    let mention = ["ana", "bo", "eve"].map(str::to_owned).to_vec();
    let message = Message { mention, ..message(EventKind::PullRequestMerged) };
    channels.send(&room(), &post(&message)).await;
    let said = server.requests()[1].json();
    assert_eq!(said["m.mentions"]["user_ids"], serde_json::json!(["@ana:example.com", "@bo.b/x:example.com"]));
    // Notices call nobody: the rule that silences them comes first.
    assert_eq!(said["msgtype"], "m.text");
    let pills = "<p><a href=\"https://matrix.to/#/%40ana%3Aexample.com\">@ana:example.com</a> \
                 <a href=\"https://matrix.to/#/%40bo.b%2Fx%3Aexample.com\">@bo.b/x:example.com</a></p>\n";
    assert!(said["formatted_body"].as_str().unwrap().starts_with(pills), "{said}");
    assert!(said["body"].as_str().unwrap().starts_with("@ana:example.com @bo.b/x:example.com\n\n"));
}

#[tokio::test]
async fn what_matrix_says() {
    let page = outcomes(
        "matrix:!abc:example.com",
        &[
            (401, "", r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed."}"#),
            (401, "", r#"{"errcode":"M_MISSING_TOKEN","error":"Missing access token"}"#),
            (403, "", r#"{"errcode":"M_USER_DEACTIVATED","error":"This account has been deactivated"}"#),
            (403, "", r#"{"errcode":"M_CONSENT_NOT_GIVEN","error":"see https://x.example/?u=1"}"#),
            (404, "", r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#),
            (413, "", r#"{"errcode":"M_TOO_LARGE","error":"event too large"}"#),
            (429, "", r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":4100}"#),
            (429, "retry-after: 30\r\n", r#"{"errcode":"M_LIMIT_EXCEEDED","error":"x","retry_after_ms":-1}"#),
            (400, "", r#"{"errcode":"M_BAD_JSON","error":"no"}"#),
            (200, "", "<html>"),
            (502, "", "bad gateway"),
            (404, "", "no such page"),
            (302, "location: http://elsewhere.example/\r\n", ""),
            (200, "", SENT),
        ],
    )
    .await;
    insta::assert_snapshot!("matrix_outcomes", page);
}

#[tokio::test]
async fn an_invitation_is_accepted() {
    let (outside, joined) = (r#"{"errcode":"M_FORBIDDEN","error":"not in room"}"#, r#"{"room_id":"!abc"}"#);
    let (outcome, requests) = told(Manner::Post, "$root", &[(403, outside), (200, joined), (200, SENT)]).await;
    assert_eq!(outcome, "Sent $new");
    assert_eq!(requests[1].0, "POST /_matrix/client/v3/rooms/%21abc%3Aexample.com/join HTTP/1.1");
    assert_eq!(requests[0], requests[2]);
    let (outcome, _) = told(Manner::Post, "$root", &[(403, outside), (403, outside), (403, outside)]).await;
    let busy = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"x","retry_after_ms":2000}"#;
    let (later, _) = told(Manner::Post, "$root", &[(403, outside), (429, busy)]).await;
    assert_eq!(later, "Transient (2 s): Matrix says M_LIMIT_EXCEEDED: it asks us to slow down");
    let advice = "Permanent: Matrix says M_FORBIDDEN: invite the account to the room, and let it write there";
    assert_eq!(outcome, advice);
}

#[tokio::test]
async fn a_room_that_was_upgraded_says_where_it_goes_on() {
    let tombstone = r#"{"body":"This room has been replaced","replacement_room":"!new:example.com"}"#;
    let denied = (403, r#"{"errcode":"M_FORBIDDEN","error":"You don't have permission to post that to the room"}"#);
    let advice = "Permanent: Matrix: the room !abc:example.com was upgraded and goes on as !new:example.com: invite the \
                  account there, and write `matrix:!new:example.com` in `to`";
    // Since it was looked at last: who was in the room may not write there any more.
    let (outcome, requests) =
        told(Manner::Post, "$root", &[denied, (200, r#"{"room_id":"!abc"}"#), denied, (200, tombstone)]).await;
    assert_eq!((outcome.as_str(), requests.len()), (advice, 4));
    let message = message(EventKind::PullRequestMerged);
    let (requests, outcome) = asked("matrix:!abc:example.com", &post(&message), &[(200, tombstone)]).await;
    assert_eq!((outcome.as_str(), requests.len()), (advice, 1), "nothing is said there");
    // One that was removed, and one that leads nowhere.
    for removed in ["{}", r#"{"body":"x","replacement_room":"x"}"#] {
        let (_, outcome) = asked("matrix:!abc:example.com", &post(&message), &[(200, removed), (200, SENT)]).await;
        assert_eq!(outcome, "Sent $new");
    }
    // What is wrong with the question alone keeps nothing back.
    let (_, outcome) = asked("matrix:!abc:example.com", &post(&message), &[(500, ""), (200, SENT)]).await;
    assert_eq!(outcome, "Sent $new");
}

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    let tag = r#"<(/?)(p|blockquote|pre|code|ol|ul|li|strong|em|a|br)( start="[0-9]+"| href="([^"<>]*)")?>"#;
    Regex::new(tag).unwrap()
});

/// Reads HTML as strictly as can be: no tag and no attribute but these, each closed in its place. The texts that stand in
/// no link, and where the links lead.
fn read(html: &str) -> (Vec<String>, Vec<String>) {
    let (mut open, mut texts, mut links, mut at) = (Vec::<String>::new(), Vec::new(), Vec::new(), 0);
    let mut text = |text: &str, open: &[String]| {
        assert!(!text.contains(['<', '>', '"']), "a mark of its own in {text:?}");
        if !open.iter().any(|name| name == "a") {
            texts.push(unescape(text));
        }
    };
    for found in TAG.captures_iter(html) {
        let whole = found.get(0).unwrap();
        text(&html[at..whole.start()], &open);
        at = whole.end();
        let name = &found[2];
        match (&found[1], found.get(3).map(|attribute| attribute.as_str())) {
            ("/", None) => assert_eq!(open.pop().as_deref(), Some(name)),
            ("", attribute) => {
                assert!(attribute.is_none() || name == "a" || name == "ol", "{}", whole.as_str());
                links.extend(found.get(4).map(|url| unescape(url.as_str())));
                open.extend((name != "br").then(|| name.to_owned()));
            }
            _ => panic!("{}", whole.as_str()),
        }
    }
    text(&html[at..], &open);
    assert_eq!(open, Vec::<String>::new());
    (texts, links)
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}

/// What some client makes a link or a call of: a superset of linkifyjs with Element's plugins, of Android's patterns,
/// and of `@room`.
static ACTIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[:@][^\s\x{2060}]|[\pL\pN]\.[\pL\pN]|(?i)localhost").unwrap());

fn active(text: &str) -> Option<&str> {
    ACTIVE.find(text).map(|found| found.as_str())
}

/// The addresses of the links that a message has, the longest first.
fn addresses(message: &Message) -> Vec<String> {
    fn of(blocks: &[Block], urls: &mut Vec<String>) {
        for block in blocks {
            match block {
                Block::Paragraph(inlines) => of_inlines(inlines, urls),
                Block::Quote(inner) => of(inner, urls),
                Block::List { items, .. } => items.iter().for_each(|item| of(item, urls)),
                Block::Code(_) => {}
            }
        }
    }
    fn of_inlines(inlines: &[Inline], urls: &mut Vec<String>) {
        for inline in inlines {
            match inline {
                Inline::Strong(inner) | Inline::Emphasis(inner) => of_inlines(inner, urls),
                Inline::Link { url, .. } => urls.push(url.clone()),
                _ => {}
            }
        }
    }
    let mut urls = message.url.iter().cloned().collect();
    of(&message.body, &mut urls);
    urls.sort_by_key(|url| std::cmp::Reverse(url.len()));
    urls
}

fn check(message: &Message, said: &Value) {
    let (texts, links) = read(said["formatted_body"].as_str().unwrap());
    assert!(links.iter().all(|url| url.starts_with(OURS)), "{links:?}");
    for text in texts {
        assert_eq!(active(&text), None, "{text:?}");
    }
    let mut body = said["body"].as_str().unwrap().to_owned();
    for url in addresses(message) {
        body = body.replace(&url, " ");
    }
    assert_eq!(active(&body), None, "{body:?}");
    assert_eq!(said["m.mentions"], serde_json::json!({ "user_ids": [] }));
    assert_eq!(said["msgtype"], "m.notice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_from_outside_is_active(message in random::message(), edit: bool) {
        let post = post(&message);
        let step = if edit { Step::Edit("$root") } else { Step::Reply { root: "$root", broadcast: false } };
        let content = content(&post, step);
        prop_assert!(content.to_string().len() <= 60_000);
        check(&message, if edit { &content["m.new_content"] } else { &content });
        if edit {
            let new = content["m.new_content"]["body"].as_str().unwrap();
            prop_assert_eq!(content["body"].as_str().unwrap(), format!("* {new}"));
        }
    }
}
