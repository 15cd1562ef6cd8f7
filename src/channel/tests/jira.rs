//! Comments in Jira, and that nothing in them comes from a value.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use super::super::jira;
use super::super::listener::{WebServer, http};
use super::random::{self, OURS};
use super::*;
use crate::template::{Block, Inline};

const MADE: &str = r#"{"self":"https://jira.example/rest/api/2/issue/10010/comment/10000","id":"10000","body":"x"}"#;

#[tokio::test]
async fn jira_gets_a_comment_and_its_edits() {
    let gone = r#"{"errorMessages":["Can not find a comment for the id: 10000."],"errors":{}}"#;
    let (made, gone) = (http(201, "", MADE), http(404, "", gone));
    let server = WebServer::answer(&[&made, &http(200, "", MADE), &made, &gone, &made]).await;
    let mut message = message(EventKind::PullRequestEdited);
    for (manner, root, expected) in [
        (Manner::Reply, None, "Sent 10000"),
        (Manner::Edit, Some("10000"), "Sent 10000"),
        (Manner::Broadcast, Some("10000"), "Sent 10000"),
        (Manner::Edit, Some("10000"), "Sent anew 10000"),
    ] {
        message.manner = manner;
        let outcome = web(&server.url).send(&Destination::Jira, &Post { root, ..post(&message) }).await;
        assert_eq!(shown(&outcome), expected);
    }
    let requests = server.requests();
    let lines = requests.iter().map(|request| request.line.trim_end_matches(" HTTP/1.1")).collect::<Vec<_>>();
    let (new, edit) = ("POST /rest/api/2/issue/DATA-123/comment", "PUT /rest/api/2/issue/DATA-123/comment/10000");
    assert_eq!(lines, [new, edit, new, edit, new], "the last one edits what is gone");
    let basic = "Basic Ym90QGppcmEuZXhhbXBsZTp4b3hiLWh1bnRlcjI=";
    assert_eq!(requests[0].headers["authorization"], basic, "bot@jira.example:xoxb-hunter2");
    insta::assert_snapshot!("jira_comment", requests[0].json()["body"].as_str().unwrap());
    assert_eq!(requests[0].json()["body"], requests[1].json()["body"]);
    let internal = serde_json::json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
    assert!(requests.iter().all(|request| request.json()["properties"] == internal), "no customer reads them");
}

#[tokio::test]
async fn data_center_takes_a_token_alone() {
    let server = WebServer::answer(&[&http(201, "", MADE)]).await;
    let jira = Some(JiraApi::by_token(&server.url, None, "hunter2").unwrap());
    let channels = Channels::new(ChannelSettings { jira, ..ChannelSettings::default() }, Names::open());
    channels.send(&Destination::Jira, &post(&message(EventKind::PullRequestMerged))).await;
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer hunter2");
}

#[test]
fn jira_calls_people_and_shows_the_ways_out() {
    let message = message(EventKind::PullRequestMerged);
    let links = Links { mute: Some("https://m.example/mute/a-b_c".to_owned()), ..NO_LINKS.clone() };
    let mentions = [
        "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
        "5b10a2844c20165700ede21g",
        "5b10a2844c20165700ede21f",
        "ana.doe",
        "a]b",
    ];
    let post = Post { links: &links, mentions: &mentions, ..post(&message) };
    insta::assert_snapshot!("jira_merged", jira::comment(&post, &message.body));
}

#[tokio::test]
async fn what_jira_says() {
    let page = outcomes(
        "jira",
        &[
            (401, "", r#"{"errorMessages":["You are not authenticated. Authentication required to perform this operation."],"errors":{}}"#),
            (401, "", "<html>Unauthorized (401)</html>"),
            (403, "", r#"{"errorMessages":["You do not have the permission to comment on this issue."],"errors":{}}"#),
            (404, "", r#"{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}"#),
            (400, "", r#"{"errorMessages":[],"errors":{"comment":"The entered text is too long. It exceeds the allowed limit of 32,767 characters."}}"#),
            (400, "", "<html>"),
            (429, "retry-after: 30\r\n", ""),
            (302, "location: http://elsewhere.example/\r\n", ""),
            (500, "", r#"{"errorMessages":["Internal server error"],"errors":{}}"#),
            (503, "", "starting"),
            (201, "", "<html>"),
        ],
    )
    .await;
    insta::assert_snapshot!("jira_outcomes", page);
    let outcome = web("http://127.0.0.1:1")
        .send(&Destination::Jira, &Post { thread: "acme/x#1", ..post(&message(EventKind::PullRequestMerged)) })
        .await;
    assert_eq!(shown(&outcome), "Permanent: only a message about a ticket can be sent to Jira");
}

/// Reads markup as the notation's help page has it: what it finds that a value must not bring, and what is seen.
fn read(markup: &str) -> (Vec<String>, String) {
    let (mut found, mut seen) = (Vec::new(), String::new());
    let mut rest = markup;
    let mut line_starts = true;
    while let Some(letter) = rest.chars().next() {
        let tail = &rest[letter.len_utf8()..];
        // Marks of the writer's own
        let ours = ["{quote}", "{*}", "{_}", "{{", "}}", "{color:#707070}", "{color}"].iter();
        if let Some(mark) = ours.into_iter().find(|mark| rest.starts_with(**mark)) {
            // A line that begins with one begins with nothing else.
            seen.push_str(if *mark == "{{" { "·" } else { "" });
            rest = &rest[mark.len()..];
            continue;
        }
        if let Some(code) = rest.strip_prefix("{noformat}") {
            rest = code.split_once("{noformat}").map_or("", |(_, after)| after);
            continue;
        }
        if line_starts && matches!(letter, '*' | '#') {
            rest = rest.trim_start_matches(['*', '#']);
            if !rest.starts_with(' ') {
                found.push(format!("{letter} isn't a list"));
            }
            continue;
        }
        line_starts = letter == '\n';
        match letter {
            '\\' => {
                let escaped = tail.chars().next().filter(|c| "-#*_+?^~|%{}[]()!@".contains(*c));
                seen.push(escaped.unwrap_or(letter));
                rest = &tail[escaped.map_or(0, char::len_utf8)..];
                continue;
            }
            '[' => {
                let inside = tail.split_once(']').map(|(inside, _)| inside).unwrap_or_default();
                let (words, url) = inside.rsplit_once('|').unwrap_or((inside, ""));
                let works = url.starts_with(OURS) && !url.contains(|c: char| "[]|{}^!*~\\ ".contains(c));
                if !works || words.contains(['[', '|']) || inside.contains('\n') {
                    found.push(format!("[{inside}]"));
                }
                rest = &tail[inside.len()..];
                rest = rest.strip_prefix(']').unwrap_or(rest);
                // What a link says is read as well.
                found.extend(read(words).0);
                seen.push('·');
                continue;
            }
            '-' | '_'
                if seen.ends_with(|c: char| c.is_ascii_alphanumeric())
                    && tail.starts_with(|c: char| c.is_ascii_alphanumeric()) => {}
            '-' | '#' | '*' | '_' | '+' | '?' | '^' | '~' | '|' | '%' | '{' | '}' | ']' | '(' | ')' | '!' | '@' => {
                found.push(format!("a bare {letter} in {:?}", rest.chars().take(20).collect::<String>()));
            }
            _ => {}
        }
        seen.push(letter);
        rest = tail;
    }
    (found, seen)
}

/// What Jira makes more of where no backslash helps.
static ACTIVE: LazyLock<Regex> = LazyLock::new(|| {
    let words = [
        "[A-Za-z]:(?://|[A-Za-z0-9@])",
        ":[)(PpD]",
        "&[#A-Za-z0-9][A-Za-z0-9]{1,7};",
        "(?m:^[ \t]*(?:h[1-6]|bq)\\.)",
        r"\{\{|\{(?:code|quote|noformat|color|panel)",
        r"\[~|\\\\",
    ];
    Regex::new(&words.join("|")).unwrap()
});

fn active(seen: &str) -> Vec<&str> {
    ACTIVE.find_iter(seen).map(|hit| hit.as_str()).collect()
}

#[test]
fn nothing_in_a_value_works_in_jira() {
    let hostile = "[~ana] [~accountid:1] [a|https://e.example] [https://e.example] https://e.example mailto:a@e.example !i.png! {code} {{m}} {quote} \
        {anchor:x} *b* _i_ -s- +u+ ^p^ ~s~ ??c?? {*}b{*} || h | c (/) (y) :) :D ;) \\\\ \\[~ana\\] &lt;b&gt; <b> ---- at 10:30 for DATA-123";
    let text = || vec![Inline::Text(hostile.to_owned())];
    let line = |start: &str| Block::Paragraph(vec![Inline::Text(start.to_owned())]);
    let body = vec![
        Block::Paragraph(text()),
        Block::Paragraph(vec![Inline::Strong(text()), Inline::Break, Inline::Code(hostile.to_owned())]),
        Block::Quote(vec![Block::Quote(vec![Block::Paragraph(text())])]),
        Block::List { start: Some(1), items: vec![vec![Block::Paragraph(text())], vec![line("h1. x")]] },
        Block::List { start: Some(3), items: vec![vec![line("bq. x"), Block::Code(hostile.to_owned())]] },
        Block::Code(format!("{hostile}\n{{noformat}} h1. x\n[~ana]")),
        Block::Paragraph(vec![Inline::Link { text: text(), url: format!("{OURS}a|b]c[d!e*f^g") }]),
        Block::Paragraph(vec![Inline::Strong(vec![Inline::Text("plain words".to_owned())])]),
        line("h2. x"),
        line("- x"),
    ];
    let message = Message { body, why: hostile.to_owned(), ..Message::default() };
    let markup = jira::comment(&post(&message), &message.body);
    insta::assert_snapshot!("jira_hostile", markup);
    let (found, seen) = read(&markup);
    assert_eq!((found, active(&seen)), (Vec::new(), Vec::new()));
    assert!(seen.replace('\u{2060}', "").starts_with(hostile), "it reads as it was written");
    let works = "[~ana] *b* x -s- http://e.example mailto:a :D &lt; {code}";
    assert!(read(works).0.len() >= 4 && active(works).len() == 6, "the reader sees what works: {:?}", active(works));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_message_breaks_out_in_jira(message in random::message()) {
        let markup = fit::fit(&message, |body| jira::comment(&post(&message), body), |text| text.encode_utf16().count() <= 16_000);
        prop_assert!(markup.encode_utf16().count() <= 16_000 && markup.ends_with("\n\n— microalign"));
        let (found, seen) = read(&markup);
        prop_assert!(found.is_empty() && active(&seen).is_empty(), "{found:?} {:?}\n{markup}", active(&seen));
    }
}
