//! Comments on GitHub, and that nothing in them comes from a value.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::super::github;
use super::super::listener::{WebServer, http};
use super::random::{self, OURS};
use super::*;
use crate::template::{Block, Inline};

const MADE: &str =
    r#"{"id":1234567890,"node_id":"IC_x","html_url":"https://github.com/acme/x/pull/45#issuecomment-1"}"#;

fn on_github(message: &Message) -> Post<'_> {
    Post { thread: "acme/ingest-api#45", ..post(message) }
}

fn written(message: &Message) -> String {
    github::comment(&on_github(message), &message.body)
}

#[tokio::test]
async fn github_gets_a_comment_and_its_edits() {
    let (made, gone) = (http(201, "", MADE), http(404, "", r#"{"message":"Not Found","status":"404"}"#));
    let server = WebServer::answer(&[&made, &http(200, "", MADE), &made, &gone, &made]).await;
    let mut message = message(EventKind::PullRequestEdited);
    message.mention = vec!["ana".to_owned(), "bo-2".to_owned(), "dependabot[bot]".to_owned()];
    let root = Some("1234567890");
    for (manner, root, expected) in [
        (Manner::Reply, None, "Sent 1234567890"),
        (Manner::Edit, root, "Sent 1234567890"),
        (Manner::Broadcast, root, "Sent 1234567890"),
        (Manner::Edit, root, "Sent anew 1234567890"),
    ] {
        message.manner = manner;
        // One a second is for those who use one client.
        let outcome = web(&server.url).send(&Destination::Github, &Post { root, ..on_github(&message) }).await;
        assert_eq!(shown(&outcome), expected);
    }
    let requests = server.requests();
    let lines = requests.iter().map(|request| request.line.trim_end_matches(" HTTP/1.1")).collect::<Vec<_>>();
    let (new, edit) =
        ("POST /repos/acme/ingest-api/issues/45/comments", "PATCH /repos/acme/ingest-api/issues/comments/1234567890");
    assert_eq!(lines, [new, edit, new, edit, new], "the last one edits what is gone");
    let first = &requests[0];
    assert_eq!(first.headers["authorization"], "Bearer xoxb-hunter2");
    assert_eq!(first.headers["accept"], "application/vnd.github+json");
    assert_eq!(first.headers["x-github-api-version"], "2022-11-28");
    insta::assert_json_snapshot!("github_comment", first.json());
    assert_eq!(first.json()["body"], requests[1].json()["body"]);
}

#[tokio::test]
async fn github_gets_the_ways_out() {
    let message = message(EventKind::PullRequestMerged);
    let links = Links { mute: Some("https://m.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    insta::assert_snapshot!(
        "github_merged",
        github::comment(&Post { links: &links, ..on_github(&message) }, &message.body)
    );
}

#[tokio::test]
async fn what_github_says() {
    let page = outcomes(
        "github",
        &[
            (401, "", r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#),
            (403, "", r#"{"message":"Resource not accessible by personal access token"}"#),
            (403, "", r#"{"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}"#),
            (403, "", r#"{"message":"Unable to create comment because issue is locked."}"#),
            (403, "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 9\r\n", r#"{"message":"API rate limit exceeded for user ID 1."}"#),
            (403, "retry-after: 7\r\n", r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#),
            (403, "", r#"{"message":"You have exceeded a secondary rate limit and have been temporarily blocked from content creation."}"#),
            (429, "", r#"{"message":"You have exceeded a secondary rate limit."}"#),
            (404, "", r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}"#),
            (410, "", r#"{"message":"This issue was deleted","status":"410"}"#),
            (422, "", r#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}]}"#),
            (422, "", r#"{"message":"Validation Failed","errors":["one thing", {"code":"custom"}]}"#),
            (301, "location: http://elsewhere.example/\r\n", r#"{"message":"Moved Permanently","url":"http://elsewhere.example/"}"#),
            (502, "", "<html>"),
            (503, "", r#"{"message":"Service unavailable"}"#),
            (201, "", "<html>"),
        ],
    )
    .await;
    insta::assert_snapshot!("github_outcomes", page);
}

/// A repository that was renamed, and an issue that was transferred.
#[tokio::test]
async fn a_page_that_moved_gets_its_comment_there() {
    let message = message(EventKind::PullRequestMerged);
    let moved = |base: &str| {
        let body = format!(r#"{{"message":"Moved Permanently","url":"{base}/repositories/7/issues/45/comments"}}"#);
        vec![http(301, "", &body), http(201, "", MADE)]
    };
    let server = WebServer::answer_with(moved).await;
    assert_eq!(shown(&web(&server.url).send(&Destination::Github, &on_github(&message)).await), "Sent 1234567890");
    let [asked, followed] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(followed.line, "POST /repositories/7/issues/45/comments HTTP/1.1");
    assert_eq!((&followed.body, &followed.headers["authorization"]), (&asked.body, &asked.headers["authorization"]));
    // The token goes nowhere else, and nobody is sent round in circles.
    let again = |url: &str| [moved(url), moved(url)].concat().into_iter().step_by(2).collect();
    let elsewhere = |url: &str| moved(&format!("{url}.example"));
    let round = WebServer::answer_with(again).await;
    let strange = WebServer::answer_with(elsewhere).await;
    for (server, count) in [(round, 2), (strange, 1)] {
        let outcome = shown(&web(&server.url).send(&Destination::Github, &on_github(&message)).await);
        assert!(outcome.starts_with("Permanent: GitHub says Moved Permanently"), "{outcome}");
        assert_eq!(server.requests().len(), count);
    }
}

#[tokio::test]
async fn only_a_page_can_be_commented_on() {
    let message = message(EventKind::PullRequestMerged);
    for thread in
        ["DATA-123", "acme/x", "acme/x#", "acme#1", "acme/x/y#1", "acme/..#1", "acme/x#1/../../y", "acme/x#1?"]
    {
        let outcome = web("http://127.0.0.1:1").send(&Destination::Github, &Post { thread, ..post(&message) }).await;
        assert_eq!(
            shown(&outcome),
            "Permanent: only a message about a pull request or an issue can be sent to GitHub",
            "{thread}"
        );
    }
}

#[test]
fn an_edit_by_a_reference_of_another_kind_is_a_comment() {
    let message = Message { manner: Manner::Edit, ..message(EventKind::PullRequestMerged) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = WebServer::answer(&[&http(201, "", MADE)]).await;
        let odd = Post { root: Some("../1"), ..on_github(&message) };
        assert_eq!(shown(&web(&server.url).send(&Destination::Github, &odd).await), "Sent anew 1234567890");
        assert!(server.requests()[0].line.starts_with("POST "));
    });
}

/// What a reader of GitHub's Markdown finds that a value must not bring, and the text outside of code.
fn read(markdown: &str) -> (Vec<String>, String) {
    let options = Options::ENABLE_GFM | Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_MATH;
    let options = options | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let (mut found, mut text, mut code) = (Vec::new(), String::new(), false);
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with(OURS) => {
                found.push(format!("to {dest_url}"))
            }
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Text(piece) if !code => text.push_str(&piece),
            Event::Html(html) | Event::InlineHtml(html) => match html.trim() {
                // A dollar alone in an element is none to GitHub.
                "<!-- microalign -->" | "<sub>" | "</sub>" | "<span>" | "</span>" | "" => text.push('\n'),
                html => found.push(html.to_owned()),
            },
            Event::Start(
                Tag::Paragraph
                | Tag::BlockQuote(None)
                | Tag::List(_)
                | Tag::Item
                | Tag::Link { .. }
                | Tag::Strong
                | Tag::Emphasis
                | Tag::HtmlBlock,
            )
            | Event::Text(_) => {}
            Event::End(_) | Event::SoftBreak | Event::HardBreak | Event::Code(_) => text.push('\n'),
            other => found.push(format!("{other:?}")),
        }
    }
    (found, text)
}

/// What GitHub would make more of in a text.
fn active(text: &str) -> Vec<&str> {
    let mut active = Vec::new();
    let after = |at: usize| text[at..].chars().next();
    let name = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    for (at, mark) in text.match_indices(['@', '#', ':', '[']) {
        let next = after(at + 1);
        let works = match mark {
            ":" => name(next) || matches!(next, Some('+' | '-' | '_' | '/')),
            "[" => matches!(next, Some('!' | '^' | ' ' | 'x')),
            _ => name(next),
        };
        active.extend(works.then(|| &text[at..text.ceil_char_boundary(at + 20)]));
    }
    let lower = text.to_ascii_lowercase();
    active.extend(["://", "www.", "gh-1", "cve-2", "ghsa-x"].into_iter().filter(|word| lower.contains(word)));
    active.extend(text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= 7));
    active.extend(text.lines().filter(|line| line.matches('$').count() > 1));
    active
}

#[test]
fn nothing_in_a_value_works_on_github() {
    let hostile = "@ana @acme/web #1 acme/x#1 GH-1 cve-2026-1 GHSA-x 0123456789abcdef0123456789abcdef01234567 https://e.example \
        www.e.example ana@e.example :smile: :100: $x$ $`x`$ <b>b</b> <!-- c --> [x] [^1] [!NOTE] **b** _i_ ~~s~~ `c` &amp; \\*";
    let message = Message {
        body: vec![Block::Quote(vec![Block::Paragraph(vec![Inline::Text(hostile.to_owned())])])],
        why: hostile.to_owned(),
        ..Message::default()
    };
    let markdown = written(&message);
    insta::assert_snapshot!("github_hostile", markdown);
    let (found, text) = read(&markdown);
    assert_eq!((found, active(&text)), (Vec::new(), Vec::new()), "{markdown}");
    assert_eq!(active("@ana GH-1 1234567 :a: $x$").len(), 5, "the reader sees what works");
    let seen = text.replace(['\u{2060}', '\n'], "");
    assert_eq!(seen.matches(&hostile.replace("  ", " ")).count(), 2, "it reads as it was written: {seen}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_message_breaks_out_on_github(message in random::message()) {
        let markdown = fit::fit(&message, |body| github::comment(&on_github(&message), body), |text| text.len() <= 65_536);
        prop_assert!(markdown.len() <= 65_536 && markdown.starts_with("<!-- microalign -->\n"));
        let (found, text) = read(&markdown);
        prop_assert!(found.is_empty() && active(&text).is_empty(), "{found:?} {:?}\n{markdown}", active(&text));
    }
}
