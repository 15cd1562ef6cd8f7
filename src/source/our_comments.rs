//! Our own comments, which come back as webhooks. A rule about comments would otherwise reply to each of them with
//! another one.
//!
//! Anybody can write the mark to hide a comment from the rules, but they could also not write the comment. The mark
//! counts only in its usual place, so that a quote of our comment, or a mention of the mark, isn't hidden.

use serde_json::Value;

use super::jira_text::Written;

/// The first line of our comments on GitHub, which is invisible.
pub const ON_GITHUB: &str = "<!-- microalign -->";
/// The last line of our comments in Jira. Nothing invisible survives there: Cloud turns the markup into a document, and
/// webhooks have neither `{anchor}` nor comment properties.
pub const IN_JIRA: &str = "— microalign";

/// Whether the text of a comment on GitHub is ours. Its editor turns the ends of lines into CRLF.
pub fn is_ours_on_github(body: &str) -> bool {
    body.lines().next() == Some(ON_GITHUB)
}

/// Whether the text of a comment in Jira, markup or a document, is ours.
pub fn is_ours_in_jira(body: &Value) -> bool {
    let Some(written) = Written::read(body) else { return false };
    // Both have the same lines, apart from quotes.
    let lines = written.all.lines().zip(written.own.lines());
    let last = lines.filter(|(all, _)| !all.trim().is_empty()).last();
    last.is_some_and(|(all, own)| all.trim() == IN_JIRA && own.trim() == IN_JIRA)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_mark_counts_at_its_place_only() {
        for (body, ours) in [
            ("<!-- microalign -->\nWe merged it.", true),
            ("<!-- microalign -->\r\nWe merged it.", true),
            ("\n<!-- microalign -->\nx", false),
            (" <!-- microalign -->\nx", false),
            ("> <!-- microalign -->\n> We merged it.\n\nThanks", false),
            ("<!-- microalign --> /assume x", false),
            ("Put <!-- microalign --> first", false),
        ] {
            assert_eq!(is_ours_on_github(body), ours, "{body}");
        }
        let document = |texts: &[&str]| {
            let paragraph = |text: &&str| json!({"type": "paragraph", "content": [{"type": "text", "text": text}]});
            json!({"type": "doc", "content": texts.iter().map(paragraph).collect::<Vec<_>>()})
        };
        for (body, ours) in [
            (json!("We merged it.\n\n— microalign"), true),
            (json!("We merged it.\r\n\r\n— microalign\r\n"), true),
            (document(&["We merged it.", "— microalign"]), true),
            (json!("— microalign\n\nThanks"), false),
            (json!("{quote}We merged it.\n\n— microalign{quote}\nThanks"), false),
            (json!("Thanks\n{quote}\n— microalign\n{quote}"), false),
            (json!("— microalign\n{quote}x{quote}"), false),
            (json!("/assume x — microalign"), false),
            (document(&["— microalign", "Thanks"]), false),
        ] {
            assert_eq!(is_ours_in_jira(&body), ours, "{body}");
        }
    }
}
