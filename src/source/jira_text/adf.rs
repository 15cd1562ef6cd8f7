//! The Atlassian Document Format as plain text.

use serde_json::Value;

use super::Written;
use crate::source::people;

/// Documents can nest lists in panels in tables, but nobody nests deeper than this by hand.
const DEPTH: u8 = 40;

/// Reads a document into plain lines.
pub fn read(document: &Value, written: &mut Written) {
    block(document, DEPTH, &mut Place { written, quoted: false, bullet: false });
}

/// The position in a document.
struct Place<'a> {
    written: &'a mut Written,
    quoted: bool,
    bullet: bool,
}

/// Writes a block of the document, each paragraph on lines of its own.
fn block(node: &Value, depth: u8, place: &mut Place<'_>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let kind = node["type"].as_str().unwrap_or_default();
    match kind {
        "paragraph" | "heading" | "codeBlock" | "taskItem" | "decisionItem" => {
            // The dash keeps an item from looking like a line that starts with a command.
            let mut line = String::from(if place.bullet { "- " } else { "" });
            children(node).for_each(|child| inline(child, depth, &mut line));
            let quoted = place.quoted || kind == "codeBlock";
            for line in line.lines() {
                place.written.line(line, line, quoted);
            }
            place.written.line("", "", false);
        }
        _ => {
            let quoted = place.quoted || kind == "blockquote";
            let bullet = place.bullet || kind == "listItem";
            for child in children(node) {
                block(child, depth, &mut Place { written: &mut *place.written, quoted, bullet });
            }
        }
    }
}

/// Writes an inline node.
fn inline(node: &Value, depth: u8, line: &mut String) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default();
    match node["type"].as_str().unwrap_or_default() {
        "text" => line.push_str(&people::in_markup(node["text"].as_str().unwrap_or_default())),
        "hardBreak" => line.push('\n'),
        "mention" => {
            let (id, words) = (attribute("id"), people::name_from(attribute("text")));
            line.push_str(&words.filter(|words| words != id).unwrap_or_else(|| people::account(id)));
        }
        "emoji" => {
            line.push_str(Some(attribute("text")).filter(|text| !text.is_empty()).unwrap_or(attribute("shortName")))
        }
        "status" => line.push_str(attribute("text")),
        "inlineCard" => line.push_str(attribute("url")),
        _ => children(node).for_each(|child| inline(child, depth, line)),
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["content"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn paragraph(text: &str) -> Value {
        json!({"type": "paragraph", "content": [{"type": "text", "text": text}]})
    }

    #[test]
    fn a_document_becomes_lines() {
        let document = json!({"type": "doc", "version": 1, "content": [
            {"type": "paragraph", "content": [
                {"type": "mention", "attrs": {"id": "5c5f", "text": "@Ana"}},
                {"type": "text", "text": " please "},
                {"type": "text", "text": "look", "marks": [{"type": "strong"}]},
                {"type": "hardBreak"},
                {"type": "inlineCard", "attrs": {"url": "https://example.com/x"}},
                {"type": "emoji", "attrs": {"shortName": ":+1:", "text": "👍"}},
            ]},
            {"type": "bulletList", "content": [{"type": "listItem", "content": [paragraph("/assume in a list")]}]},
            {"type": "blockquote", "content": [paragraph("/assume quoted")]},
            {"type": "codeBlock", "content": [{"type": "text", "text": "/assume code"}]},
            {"type": "panel", "content": [paragraph("/assume in a panel")]},
            {"type": "expand", "content": [paragraph("/assume folded"), {"type": "blockquote", "content": [
                {"type": "bulletList", "content": [{"type": "listItem", "content": [paragraph("/assume deep")]}]},
            ]}]},
        ]});
        let written = Written::read(&document).unwrap();
        let own: Vec<&str> = written.own.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            own,
            [
                "Ana please look",
                "https://example.com/x👍",
                "- /assume in a list",
                "/assume in a panel",
                "/assume folded"
            ]
        );
        assert!(written.all.contains("\n/assume quoted\n") && written.all.contains("\n/assume code\n"));
        assert_eq!(written.summary().as_deref(), Some("Ana please look https://example.com/x👍"));
    }

    #[test]
    fn a_mention_without_words_keeps_the_id_for_a_name() {
        let id = "5b10a2844c20165700ede21f";
        for (attrs, text) in [
            (json!({ "id": "5c5f", "text": "@Ana" }), "Ana"),
            (json!({ "id": "5c5f" }), "\u{2068}~accountid:5c5f\u{2069}"),
            (json!({ "id": "5c5f", "text": "" }), "\u{2068}~accountid:5c5f\u{2069}"),
            (json!({ "id": "5c5f", "text": "@5c5f" }), "\u{2068}~accountid:5c5f\u{2069}"),
            (json!({ "id": "", "text": format!("@{id}") }), "somebody"),
            (json!({}), "somebody"),
            (json!(null), "somebody"),
        ] {
            let mention = json!({"type": "doc", "content": [
                {"type": "paragraph", "content": [{"type": "mention", "attrs": attrs}]},
            ]});
            assert_eq!(Written::read(&mention).unwrap().own.trim(), text, "{attrs}");
        }
    }

    #[test]
    fn only_a_quote_is_still_a_summary() {
        let document = json!({"type": "doc", "content": [{"type": "blockquote", "content": [paragraph("quoted")]}]});
        assert_eq!(Written::read(&document).unwrap().summary().as_deref(), Some("quoted"));
    }

    #[test]
    fn depth_is_bounded_and_nonsense_is_no_text() {
        let deep = (0..100).fold(paragraph("deep"), |inner, _| json!({"type": "panel", "content": [inner]}));
        assert_eq!(Written::read(&deep).unwrap().all, "");
        assert_eq!(Written::read(&json!({"type": 1, "content": {"a": []}})).unwrap().all, "");
        assert_eq!(Written::read(&json!(["x"])), None);
        assert_eq!(Written::read(&json!(null)), None);
    }
}
