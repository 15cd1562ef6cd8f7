//! What is quoted from elsewhere, in Markdown or in HTML, holds neither our tickets nor notes.

use serde_json::json;

use super::payload::*;
use super::story::{Sibling, on, play, serve, sibling, web};

fn bumped(name: &'static str, number: u64, body: &str) -> Sibling {
    let by = user("dependabot[bot]");
    let more = json!({ "pull_request": { "user": by, "body": body, "head": { "ref": format!("bump/{number}") } } });
    sibling(name, [pull(number, "opened", 5, more).by("dependabot[bot]")]).messages(1, format!("schema {number}"))
}

#[tokio::test]
async fn a_quote_holds_neither_tickets_nor_notes() {
    let line = "/assume upstream's default stays";
    let siblings = [
        bumped(
            "details-and-blockquote",
            1001,
            &format!(
                "Bumps foo.\n<details>\n<summary>Changelog</summary>\n<blockquote>\n<h2>2.0.0</h2>\n<ul>\n\
             <li>DATA-877: fix it</li>\n</ul>\n{line}\n</blockquote>\n</details>\n"
            ),
        ),
        bumped("markdown", 1002, &format!("Bumps bar.\n\n> - DATA-878: fix it\n> {line}\n")),
        bumped(
            "details",
            1003,
            &format!(
                "### Release notes\n\n<details>\n<summary>baz</summary>\n\n- DATA-883: fix it\n\n{line}\n\n</details>\n"
            ),
        ),
        bumped("blockquote-alone", 1004, &format!("Bumps x.\n\n<blockquote>\n\nDATA-884\n\n{line}\n\n</blockquote>\n")),
        bumped("pre", 1005, &format!("Bumps x.\n\n<pre>\nDATA-885\n{line}\n</pre>\n")),
        bumped("code", 1006, "Bumps x to <code>DATA-886</code>.\n"),
        bumped(
            "capitals-and-attributes",
            1007,
            &format!("<DETAILS open>\n<Summary class=\"x\">C</Summary>\nDATA-887\n\n{line}\n</DETAILS>\n"),
        ),
        bumped(
            "one-in-another",
            1008,
            &format!("<details>\n<details>\n<summary>inner</summary>\n</details>\n\nDATA-888\n\n{line}\n</details>\n"),
        ),
        bumped("never-closed", 1009, &format!("Bumps x.\n<details>\n<summary>C</summary>\n\nDATA-889\n\n{line}\n")),
        bumped("lazy-quote", 1010, "Bumps x.\n\n> Upstream says\nDATA-890 is fixed\n"),
        bumped("fenced", 1011, &format!("Bumps x.\n\n```\nDATA-891\n{line}\n```\n")),
        bumped("own-words-after-it", 1012, &format!("<details>\n\nDATA-892\n\n{line}\n</details>\n\nFor DATA-1012.\n")),
    ];
    let team = web("0s", &format!("bots = true\n{}", on(&["pull_request.opened", "note.*"])));
    let mut told = play(&serve(&[team]).await, &siblings).await;
    for sibling in &siblings {
        let name = sibling.name();
        let delivery = format!("{name}/0");
        let lines = told.lines(&delivery);
        let notes = lines.iter().filter(|line| line["kind"] == "note.assumed").count();
        let thread = lines.first().map(|line| line["thread"].to_string()).unwrap_or_default();
        let right = if name == "own-words-after-it" { thread.contains("DATA-1012") } else { !thread.contains("DATA-") };
        told.unless(notes == 0, format!("{name}: a note is told"));
        told.unless(right, format!("{name}: it is in the conversation {thread}"));
    }
    told.finish();
}

#[tokio::test]
async fn a_persons_quote_is_a_quote_too_and_own_words_are_their_own() {
    let said = |number, body: &str| pull_comment(number, number, "created", body);
    let siblings = [
        sibling("html", [said(1021, "<blockquote>\n\n/assume quoted fish\n\n</blockquote>\n\nNo.")]).never("quoted fish"),
        sibling("html-within-a-line", [said(1022, "He said <blockquote>/assume quoted cats</blockquote>")]),
        sibling("own", [said(1023, "<details>\n\nlog\n\n</details>\n\n/assume own fish 1023")]).says("own fish 1023"),
        sibling("in-jira", [jira_comment("DATA-1024", 1024, "comment_created", json!("{quote}\n/assume quoted dogs\n{quote}\nNo."))])
            .never("quoted dogs"),
        sibling("in-jiras-document", [jira_comment("DATA-1025", 1025, "comment_created", json!({
            "type": "doc", "version": 1, "content": [
                { "type": "blockquote", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": "/assume quoted cows" }] }] },
                { "type": "paragraph", "content": [{ "type": "text", "text": "No." }] },
            ],
        }))])
        .never("quoted cows"),
    ];
    play(&serve(&[web("0s", &on(&["note.*"]))]).await, &siblings).await.finish();
}
