use proptest::prelude::*;

use super::random::{self, OURS, regex};
use super::*;
use crate::channel::rocket_chat::message_text;
use crate::template::{Block, Inline};

const SENT: &str =
    r#"{"success":true,"ts":1,"channel":"data","message":{"_id":"m2","rid":"r1","msg":"x","tmid":"m1"}}"#;
const FIRST: &str = r#"{"success":true,"message":{"_id":"m1","rid":"r1","msg":"x"}}"#;
const GONE: &str = r#"{"success":false}"#;

async fn sent(to: &str, post: &Post<'_>, answers: &[(u16, &str)]) -> (Vec<Request>, String) {
    let (requests, outcome) = asked(to, post, answers).await;
    for request in &requests {
        assert_eq!(request.headers["x-auth-token"], "xoxb-hunter2");
        assert_eq!(request.headers["x-user-id"], "u1");
    }
    (requests, outcome)
}

fn lines(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.line.trim_end_matches(" HTTP/1.1")).collect()
}

#[tokio::test]
async fn a_room_gets_a_message() {
    let message = message(EventKind::PullRequestEdited);
    let (requests, outcome) = sent("rocket-chat:#data", &post(&message), &[(200, SENT)]).await;
    assert_eq!(outcome, "Sent r1/m2");
    assert_eq!(lines(&requests), ["POST /api/v1/chat.postMessage"]);
    insta::assert_json_snapshot!("rocket_chat", requests[0].json());
    insta::assert_snapshot!("rocket_chat_text", requests[0].json()["text"].as_str().unwrap());
    for (to, place) in [("@ana", "channel"), ("GENERAL", "roomId")] {
        let (requests, _) = sent(&format!("rocket-chat:{to}"), &post(&message), &[(200, SENT)]).await;
        assert_eq!(requests[0].json()[place], to);
    }
}

#[tokio::test]
async fn a_merged_pull_request() {
    let message = message(EventKind::PullRequestMerged);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let post = Post { links: &links, mentions: &["ana", "bo.ek"], ..post(&message) };
    let (requests, _) = sent("rocket-chat:#data", &post, &[(200, SENT)]).await;
    insta::assert_snapshot!("rocket_chat_merged", requests[0].json()["text"].as_str().unwrap());
}

#[tokio::test]
async fn a_reply_is_in_the_thread_if_there_is_one() {
    let mut message = message(EventKind::PullRequestMerged);
    for (manner, shown_too) in [(Manner::Reply, false), (Manner::Broadcast, true)] {
        message.manner = manner;
        let reply = Post { root: Some("r1/m1"), ..post(&message) };
        let (requests, outcome) = sent("rocket-chat:#data", &reply, &[(200, FIRST), (200, SENT)]).await;
        assert_eq!(lines(&requests), ["GET /api/v1/chat.getMessage?msgId=m1", "POST /api/v1/chat.sendMessage"]);
        let body = requests[1].json();
        let text = message_text(&reply);
        let expected =
            serde_json::json!({ "rid": "r1", "tmid": "m1", "tshow": shown_too, "msg": text, "parseUrls": false });
        assert_eq!((&body["message"], outcome.as_str()), (&expected, "Sent r1/m2"));
    }
    let reply = Post { root: Some("r1/m1"), ..post(&message) };
    let removed = r#"{"success":true,"message":{"_id":"m1","rid":"r1","t":"rm"}}"#;
    for (status, gone) in [(400, GONE), (200, removed)] {
        let (requests, outcome) = sent("rocket-chat:#data", &reply, &[(status, gone), (200, SENT)]).await;
        assert_eq!(lines(&requests)[1..], ["POST /api/v1/chat.postMessage"], "{gone}");
        assert_eq!(outcome, "Sent anew r1/m2");
    }
    // It went between the question and the reply.
    let unthreaded = r#"{"success":true,"message":{"_id":"m2","rid":"r1","msg":"x"}}"#;
    let (requests, outcome) = sent("rocket-chat:#data", &reply, &[(200, FIRST), (200, unthreaded)]).await;
    assert_eq!((requests.len(), outcome.as_str()), (2, "Sent anew r1/m2"));
    // Whether it is there is not known yet.
    let (requests, outcome) = sent("rocket-chat:#data", &reply, &[(503, "")]).await;
    assert_eq!((requests.len(), outcome.as_str()), (1, "Transient: Rocket.Chat answered 503"));
    for root in ["1503435956.000247", "", "/", "r1/"] {
        let (requests, _) = sent("rocket-chat:#data", &Post { root: Some(root), ..reply }, &[(200, SENT)]).await;
        assert_eq!(lines(&requests), ["POST /api/v1/chat.postMessage"], "{root}");
    }
}

#[tokio::test]
async fn an_edit_takes_the_place_of_the_first_message_or_comes_after_it() {
    let message = Message { manner: Manner::Edit, ..message(EventKind::PullRequestMerged) };
    let edit = Post { root: Some("r1/m1"), ..post(&message) };
    let (requests, outcome) = sent("rocket-chat:#data", &edit, &[(200, FIRST)]).await;
    assert_eq!(lines(&requests), ["POST /api/v1/chat.update"]);
    let expected = serde_json::json!({ "roomId": "r1", "msgId": "m1", "text": message_text(&edit) });
    assert_eq!((requests[0].json(), outcome.as_str()), (expected, "Sent r1/m1"));

    let late = r#"{"success":false,"error":"Message editing is blocked [error-message-editing-blocked]","errorType":"error-message-editing-blocked"}"#;
    let (requests, outcome) = sent("rocket-chat:#data", &edit, &[(400, late), (200, FIRST), (200, SENT)]).await;
    assert_eq!(lines(&requests)[2..], ["POST /api/v1/chat.sendMessage"]);
    assert_eq!(outcome, "Sent r1/m2");
    let missing = r#"{"success":false,"error":"No message found with the id of \"m1\"."}"#;
    let (requests, _) = sent("rocket-chat:#data", &edit, &[(400, missing), (400, GONE), (200, SENT)]).await;
    assert_eq!(lines(&requests)[2..], ["POST /api/v1/chat.postMessage"]);
    let (requests, _) = sent("rocket-chat:#data", &edit, &[(502, "")]).await;
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn what_rocket_chat_says() {
    let error = |kind: &str| format!(r#"{{"success":false,"error":"In words [{kind}]","errorType":"{kind}"}}"#);
    let slow = r#"{"success":false,"error":"Error, too many requests. Please slow down. You must wait 38 seconds before trying this endpoint again. [error-too-many-requests]"}"#;
    let page = outcomes(
        "rocket-chat:#data",
        &[
            (400, "", &error("invalid-channel")),
            (400, "", &error("error-not-allowed")),
            (400, "", r#"{"success":false,"error":"room_is_archived"}"#),
            (400, "", r#"{"success":false,"error":"error-message-size-exceeded"}"#),
            (400, "", &error("error-never-heard-of")),
            (400, "", r#"{"success":false,"error":"You_have_been_muted"}"#),
            (200, "", r#"{"success":false,"error":"You_have_been_muted"}"#),
            (400, "", &error("error-too-many-requests")),
            (401, "", r#"{"status":"error","message":"You must be logged in to do this."}"#),
            (403, "", r#"{"success":false,"error":"unauthorized"}"#),
            (429, "", slow),
            (429, "retry-after: 30\r\n", slow),
            (500, "", r#"{"success":false,"error":"Internal server error"}"#),
            (503, "", "later"),
            (502, "", "bad gateway"),
            (404, "", "no such page"),
            (200, "", "<html>"),
            (200, "", r#"{"success":true}"#),
        ],
    )
    .await;
    insta::assert_snapshot!("rocket_chat_outcomes", page);
}

fn said(text: &str) -> String {
    let message = Message { body: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])], ..Message::default() };
    message_text(&post(&message)).trim_end().to_owned()
}

#[test]
fn what_is_harmless_stays_as_it_is() {
    for text in ["Re DATA-123: we're on track, a (draft) is up, 100% - ok?", "x/y \"so\" 'that' & more. Yes."] {
        assert_eq!(said(text), text);
    }
    assert_eq!(said("- @all *b* v1.2"), "\u{2060}- @\u{2060}all \\*b\\* v1\\.2");
}

/// Reads what is written as Rocket.Chat's grammar would.
fn check(text: &str, items: usize) {
    assert!(text.encode_utf16().count() <= 5_000);
    // The server looks for people in the whole text, code or not.
    assert!(!regex(r"(?m)(^|\s|>)@[\w.-]").is_match(text), "{text}");
    let rest = regex(r"(?m)^```\n(?:[^`\n]*\n)*```$").replace_all(text, "(code)");
    // From left to right, as a parser goes: a link, an escape, or code.
    let pieces = regex(r"\[([^\[\]]*)\]\(([^()\s]*)\)|\\[*_~`.]|`[^`\n]+`");
    for found in pieces.captures_iter(&rest) {
        let (Some(label), Some(url)) = (found.get(1), found.get(2)) else { continue };
        assert!(url.as_str().starts_with(OURS), "{}", url.as_str());
        assert!(!regex(r"[*~`_]").is_match(label.as_str()), "{}", label.as_str());
        assert!(!rest[..label.start() - 1].ends_with('!'), "{rest}");
    }
    let rest = pieces.replace_all(&rest, " ");
    let rest = regex(r"\*[^*\n]+\*|_[^_\n]+_").replace_all(&rest, "(marked)");
    let active = [
        r"[*_~`\[\]$]",
        r"@[\w.-]",
        r"#[\w.\s-]",
        r":[\w+.-]+:",
        r"<[^\x{2060}]",
        r"\|\|",
        r"://",
        r"\+[(\d]",
        "localhost",
        r"\w\.\w",
        r"\\[^\x{2060}]",
        r"[=;][)(DPLX]",
        r"(?m)^\s*#[^\x{2060}]",
    ];
    for pattern in active {
        assert!(!regex(pattern).is_match(&rest), "{pattern} in {rest}");
    }
    let lists = regex(r"(?m)^[> ]*(?:(?:-|\d+\.)[ ]+)+");
    let marks: usize =
        lists.find_iter(&rest).map(|found| found.as_str().split_whitespace().filter(|word| *word != ">").count()).sum();
    assert!(marks <= items, "{marks} marks of {items} items in {rest}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_others_say_is_active(message in random::message()) {
        check(&message_text(&post(&message)), random::items(&message.body));
    }
}
