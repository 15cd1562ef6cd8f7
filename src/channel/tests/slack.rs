use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::in_slack;
use super::super::slack::payload;
use super::random::{self, OURS};
use super::*;
use crate::template::{Block, Inline};

const FIRST: &str = "1503435956.000247";

/// What is asked of Slack for a message of this manner, when it answers like this.
async fn told(manner: Manner, root: &str, answers: &[&str]) -> (String, Vec<Request>) {
    let answers: Vec<_> = answers.iter().map(|body| (200, *body)).collect();
    let message = Message { manner, ..message(EventKind::PullRequestMerged) };
    let (requests, outcome) = asked("slack:#data", &Post { root: Some(root), ..post(&message) }, &answers).await;
    (outcome, requests)
}

fn refusal(code: &str) -> String {
    json!({ "ok": false, "error": code }).to_string()
}

const SENT: &str = r#"{"ok":true,"channel":"C1","ts":"1503435999.000100"}"#;

#[tokio::test]
async fn a_reply_goes_where_the_first_message_is() {
    let places = [("C1/1503435956.000247", "C1"), (FIRST, "#data")];
    for ((root, channel), (manner, broadcast)) in
        places.into_iter().flat_map(|place| [(place, (Manner::Reply, false)), (place, (Manner::Broadcast, true))])
    {
        let (outcome, requests) = told(manner, root, &[SENT]).await;
        assert_eq!(outcome, "Sent C1/1503435999.000100");
        let [request] = &requests[..] else { panic!("one request") };
        assert_eq!(request.line, "POST /api/chat.postMessage HTTP/1.1");
        let body = request.json();
        assert_eq!((&body["channel"], &body["thread_ts"]), (&json!(channel), &json!(FIRST)), "{root}");
        assert_eq!(body.get("reply_broadcast"), broadcast.then_some(&Value::Bool(true)), "{root}");
    }
}

#[tokio::test]
async fn a_reply_that_slack_puts_elsewhere_begins_the_conversation_anew() {
    let sent = |message: &str| format!(r#"{{"ok":true,"channel":"C1","ts":"1503435999.000100","message":{message}}}"#);
    let table = [
        (r#"{"text":"x","thread_ts":"1503435956.000247"}"#, "Sent C1/1503435999.000100"),
        (r#"{"text":"x"}"#, "Sent anew C1/1503435999.000100"),
        (r#"{"text":"x","thread_ts":null}"#, "Sent anew C1/1503435999.000100"),
        (r#"{"text":"x","thread_ts":"1503430000.000001"}"#, "Sent anew C1/1503435999.000100"),
    ];
    for (message, expected) in table {
        for manner in [Manner::Reply, Manner::Broadcast] {
            let (outcome, requests) = told(manner, "C1/1503435956.000247", &[&sent(message)]).await;
            assert_eq!((outcome.as_str(), requests.len()), (expected, 1), "{message}");
        }
    }
    // What is a message of its own, and what is changed, has no thread.
    for manner in [Manner::Post, Manner::Edit] {
        let (outcome, _) = told(manner, "C1/1503435956.000247", &[&sent(r#"{"text":"x"}"#)]).await;
        assert_eq!(outcome, "Sent C1/1503435999.000100", "{manner:?}");
    }
}

#[tokio::test]
async fn an_edit_takes_the_first_messages_place() {
    let (outcome, requests) = told(Manner::Edit, "C1/1503435956.000247", &[SENT]).await;
    assert_eq!(outcome, "Sent C1/1503435999.000100");
    let [request] = &requests[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /api/chat.update HTTP/1.1");
    insta::assert_json_snapshot!("slack_edit", request.json());
}

#[tokio::test]
async fn what_cannot_be_edited_or_answered_is_said_the_next_best_way() {
    let kinds = |requests: &[Request]| -> Vec<(String, bool)> {
        let kind = |request: &Request| {
            let method = request.line.split(' ').nth(1).unwrap().to_owned();
            (method, request.json().get("thread_ts").is_some())
        };
        requests.iter().map(kind).collect()
    };
    let (update, post) = ("/api/chat.update".to_owned(), "/api/chat.postMessage".to_owned());
    let root = "C1/1503435956.000247";
    let (closed, gone) = (refusal("edit_window_closed"), refusal("thread_not_found"));

    let (outcome, requests) = told(Manner::Edit, root, &[&closed, &gone, SENT]).await;
    assert_eq!(outcome, "Sent anew C1/1503435999.000100");
    assert_eq!(kinds(&requests), [(update.clone(), false), (post.clone(), true), (post.clone(), false)]);
    assert_eq!(requests[2].json()["channel"], "#data");
    // An old reference does not say the channel's id.
    let (_, requests) = told(Manner::Edit, FIRST, &[SENT]).await;
    assert_eq!(kinds(&requests), [(post.clone(), true)]);
    let (_, requests) = told(Manner::Reply, "no reference of ours", &[SENT]).await;
    assert_eq!(kinds(&requests), [(post, false)]);
    // An edit can be made twice.
    let (outcome, requests) = told(Manner::Edit, root, &[&refusal("fatal_error")]).await;
    assert_eq!((outcome.as_str(), kinds(&requests)), ("Transient: Slack says fatal_error", vec![(update, false)]));
    let (outcome, _) = told(Manner::Edit, root, &[""]).await;
    assert!(outcome.starts_with("Transient"), "{outcome}");
}

#[test]
fn people_are_called_by_id() {
    let message = message(EventKind::PullRequestMerged);
    let sent = payload(&Post { mentions: &["U1", "W2"], ..post(&message) });
    let expected = json!([
        { "type": "user", "user_id": "U1" },
        { "type": "text", "text": " " },
        { "type": "user", "user_id": "W2" },
        { "type": "text", "text": "\n" },
    ]);
    assert_eq!(sent["blocks"][0]["elements"][0]["elements"], expected);
}

#[test]
fn a_message_has_buttons_where_somebody_hears_of_them() {
    let message = message(EventKind::NoteAssumed);
    let links = Links { mute: Some("https://ours.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let both = Buttons { assumption: Some("A.B".to_owned()), mute: Some("C.D".to_owned()) };
    let mute = Buttons { assumption: None, ..both.clone() };
    let names = |buttons: &Buttons| {
        let sent = payload(&Post { links: &links, buttons, ..post(&message) });
        let actions = sent["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "actions").cloned();
        let elements = actions.map(|block| block["elements"].as_array().unwrap().clone()).unwrap_or_default();
        let shown =
            |button: &Value| format!("{} {}", button["action_id"].as_str().unwrap(), button["value"].as_str().unwrap());
        (elements.iter().map(shown).collect::<Vec<_>>(), sent.to_string().contains("|Mute this conversation>"))
    };
    assert_eq!(names(&both), (["object A.B", "agree A.B", "mute C.D"].map(str::to_owned).into(), false));
    assert_eq!(names(&mute), (vec!["mute C.D".to_owned()], false));
    assert_eq!(names(&NO_BUTTONS), (vec![], true));
}

#[test]
fn what_the_service_says_itself_fits_too() {
    let paragraph = |text: &str| Block::Paragraph(vec![Inline::Text(text.to_owned())]);
    let items = (0..50).map(|number| vec![paragraph(&format!("{number} {}", "a rule <x> ".repeat(36)))]).collect();
    let said = in_slack(&[paragraph("What is heard:"), Block::List { start: None, items }, paragraph("And so on.")]);
    let blocks = said["blocks"].to_string();
    assert!(blocks.chars().count() <= 12_000, "{} characters", blocks.chars().count());
    assert!(blocks.contains("What is heard:") && blocks.contains("9 a rule") && blocks.contains('…'), "{blocks}");
}

/// Every object in a JSON value.
fn objects(value: &Value) -> Vec<&serde_json::Map<String, Value>> {
    match value {
        Value::Array(list) => list.iter().flat_map(objects).collect(),
        Value::Object(fields) => std::iter::once(fields).chain(fields.values().flat_map(objects)).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_it_says_slack_takes_it_and_finds_nothing_in_it(message in random::message()) {
        let sent = payload(&Post { mentions: &["U1"], ..post(&message) });
        let blocks = &sent["blocks"];
        prop_assert!(blocks.to_string().chars().count() <= 12_000);
        prop_assert!(sent["text"].as_str().unwrap().chars().count() <= 4_000);
        prop_assert!(!sent["text"].as_str().unwrap().contains(['<', '>']));
        prop_assert!(blocks.as_array().unwrap().len() <= 50);
        for object in objects(blocks) {
            match object.get("type").and_then(Value::as_str).unwrap_or("style") {
                "link" => prop_assert!(object["url"].as_str().unwrap().starts_with(OURS)),
                "user" => prop_assert_eq!(&object["user_id"], "U1"),
                "text" | "plain_text" => prop_assert!(!object["text"].as_str().unwrap().is_empty()),
                "rich_text" | "context" | "rich_text_section" | "rich_text_quote" | "rich_text_preformatted" => {
                    prop_assert!(!object["elements"].as_array().unwrap().is_empty());
                }
                "rich_text_list" => prop_assert!(object["indent"].as_u64().unwrap() <= 8),
                "style" => prop_assert!(object.values().all(|value| *value == Value::Bool(true))),
                other => prop_assert!(false, "{} is parsed, or unknown", other),
            }
        }
    }
}
