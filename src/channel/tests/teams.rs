use proptest::prelude::*;
use pulldown_cmark::{Event as Markdown, LinkType, Parser, Tag};
use serde_json::{Value, json};

use super::super::listener::{WebServer, http};
use super::super::teams::payload;
use super::random::{self, OURS};
use super::*;
use crate::template::{Block, Inline, text};

#[tokio::test]
async fn teams_gets_a_card() {
    let server = WebServer::answer(&[&http(202, "", "")]).await;
    let message = message(EventKind::PullRequestEdited);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    // A webhook knows no replies.
    let post = Post { root: Some("1"), links: &links, ..post(&message) };
    assert_eq!(shown(&web(&server.url).send(&destination("teams:web"), &post).await), "Sent -");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /workflows/1?sig=hunter2 HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    insta::assert_json_snapshot!("teams", request.json());
}

#[test]
fn a_usual_card_is_short() {
    let message = message(EventKind::PullRequestMerged);
    insta::assert_json_snapshot!("teams_merged", payload(&post(&message)));
}

#[tokio::test]
async fn what_teams_says() {
    let page = outcomes(
        "teams:web",
        &[
            (400, "", r#"{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body ..."}}"#),
            (400, "", r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"Could not execute ..."}}"#),
            (401, "", r#"{"error":{"code":"DirectApiAuthorizationRequired","message":"The request ..."}}"#),
            (404, "", r#"{"error":{"code":"WorkflowNotFound","message":"The workflow ..."}}"#),
            (400, "", r#"{"error":{"code":"NeverHeardOf"}}"#),
            (413, "", "Request Entity Too Large"),
            (429, "retry-after: 7\r\n", r#"{"error":{"code":"TooManyRequests"}}"#),
            (503, "", "later"),
            (502, "", "bad gateway"),
        ],
    )
    .await;
    insta::assert_snapshot!("teams_outcomes", page);
}

#[test]
fn people_are_called_in_a_line_of_their_own() {
    let message = message(EventKind::PullRequestMerged);
    let people = ["ana_b*c@example.com", "ana-b-c@other.example", "__@example.com"];
    let sent = payload(&Post { mentions: &people, ..post(&message) });
    let card = &sent["attachments"][0]["content"];
    let line = "<at>ana b c</at> <at>ana b c 2</at> <at>3</at>";
    assert_eq!(card["body"][0], json!({ "type": "TextBlock", "text": line, "wrap": true }));
    let entities = card["msteams"]["entities"].as_array().unwrap();
    for (entity, person) in entities.iter().zip(people) {
        assert!(line.contains(entity["text"].as_str().unwrap()));
        assert_eq!(entity["mentioned"]["id"], person);
    }
    assert_eq!(entities.len(), 3);
}

/// The runs of a card's text elements, with their links, in order.
fn runs(elements: &Value) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    for element in elements.as_array().unwrap() {
        match element["type"].as_str().unwrap() {
            "Container" => found.extend(runs(&element["items"])),
            "RichTextBlock" => {
                for run in element["inlines"].as_array().unwrap() {
                    let text = run.as_str().or_else(|| run["text"].as_str()).unwrap();
                    found.push((text, run["selectAction"]["url"].as_str()));
                }
            }
            other => panic!("{other} is parsed, or unknown"),
        }
    }
    found
}

/// Whether the Markdown of Teams on iOS would make something of a run. It knows links, emphasis and lists, but no quotes.
fn is_active(run: &str) -> bool {
    Parser::new(&run.replace('>', "x")).any(|event| match event {
        Markdown::Start(Tag::Link { link_type, .. }) => link_type == LinkType::Inline,
        Markdown::Start(tag) => matches!(tag, Tag::Emphasis | Tag::Strong | Tag::List(_) | Tag::Image { .. }),
        _ => false,
    })
}

/// Letters and digits alone: the marks of lists and quotes, and what breaks up a text, are none.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_it_says_teams_takes_it_and_finds_nothing_in_it(message in random::message()) {
        let sent = payload(&post(&message));
        // As a JSON text within another, in ASCII.
        let length = |c: char| match c {
            '"' | '\\' => 2,
            c if c.is_ascii() => 1,
            c => 6 * c.len_utf16(),
        };
        prop_assert!(sent.to_string().chars().map(length).sum::<usize>() < 28_672);
        let card = &sent["attachments"][0]["content"];
        prop_assert_eq!(&card["msteams"]["entities"], &json!([]));
        let runs = runs(&card["body"]);
        for (text, link) in &runs {
            prop_assert!(!is_active(text), "{}", text);
            prop_assert!(!text.is_empty() && !text.contains("{{DATE(") && !text.contains("<at>"), "{}", text);
            prop_assert!(link.is_none_or(|url| url.starts_with(OURS)));
        }
        // Nothing is lost of what is not shortened.
        let all = letters(&runs.iter().map(|(text, _)| *text).collect::<String>());
        let links = serde_json::to_string(&message.body).unwrap().contains("{\"link\":");
        if let ([Block::Paragraph(_)], false, 0..1_000) = (&message.body[..], links, text(&message.body).len()) {
            prop_assert!(all.starts_with(&letters(&text(&message.body))), "{:?}", message.body);
        }
    }
}

#[test]
fn what_teams_would_parse_is_broken_up() {
    let table = [
        ("*a* _b_", "~*a|~* |_b|_"),
        ("snake_case_name", "snake_case_name"),
        ("**a** b", "~**a|~** b"),
        ("[a](https://e)", "[a]~(https://e)"),
        ("- a", "~- a"),
        ("1. a", "~1. a"),
        ("x) - y)- z", "x) - y)~- z"),
        ("{{DATE(2017-02-14T06:08:00Z)}}", "{~{DATE(2017-02-14T06:08:00Z)}}"),
        ("<at>Ana</at>", "<~at>Ana</at>"),
        ("{{ name }}", "{{ name }}"),
    ];
    for (value, expected) in table {
        let body = vec![Block::Paragraph(vec![Inline::Text(value.to_owned())])];
        let message = Message { body, why: "why".to_owned(), ..Message::default() };
        let sent = payload(&post(&message));
        let runs = runs(&sent["attachments"][0]["content"]["body"]);
        let runs: Vec<&str> = runs.iter().map(|(text, _)| *text).take_while(|text| *text != "why").collect();
        assert_eq!(runs.join("|").replace('\u{2060}', "~"), expected);
    }
}
