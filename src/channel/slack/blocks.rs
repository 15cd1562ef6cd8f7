//! A message as Slack's blocks. In `rich_text` each piece has a type, so Slack parses nothing, and a value can't become a
//! mention, a link or a style.

use serde_json::{Value, json};

use crate::channel::fit::fit;
use crate::channel::{Buttons, Post};
use crate::template::{Block, Inline, Message, flat, one_line, shorten, text};

/// Slack refuses blocks with about 13,200 characters in all (`msg_blocks_too_long`), and counts more than their text.
const MAX_BLOCKS: usize = 12_000;
/// The text is for notifications and search. `chat.update` refuses a longer one (`msg_too_long`).
const MAX_TEXT: usize = 4_000;
const MAX_WHY: usize = 1_000;

/// The names of our buttons.
pub const OBJECT: &str = "object";
/// As above
pub const AGREE: &str = "agree";
/// As above
pub const MUTE: &str = "mute";

/// The body of `chat.postMessage`, without the channel.
pub(in crate::channel) fn payload(post: &Post<'_>) -> Value {
    let mut payload = content(post);
    for name in ["mrkdwn", "unfurl_links", "unfurl_media"] {
        payload[name] = false.into();
    }
    payload
}

/// The part of it that an edit can change.
pub(super) fn content(post: &Post<'_>) -> Value {
    let blocks = fit(post.message, |body| blocks(body, post), |blocks| size(blocks) <= MAX_BLOCKS);
    json!({ "text": fallback(post.message), "parse": "none", "link_names": false, "blocks": blocks })
}

/// How many characters Slack counts: it escapes some of them first.
fn size(blocks: &Value) -> usize {
    blocks.to_string().chars().map(|c| if matches!(c, '&' | '<' | '>') { 5 } else { 1 }).sum()
}

fn blocks(body: &[Block], post: &Post<'_>) -> Value {
    let mut quiet = vec![json!({ "type": "plain_text", "text": shorten(&post.message.why, MAX_WHY), "emoji": false })];
    // This is the only text that Slack parses. Nothing in it comes from a value: the link's token is base64.
    let link =
        |url: &String| json!({ "type": "mrkdwn", "text": format!("<{url}|Mute this conversation>"), "verbatim": true });
    let has_button = post.buttons.mute.is_some();
    quiet.extend(post.links.mute.as_ref().filter(|_| !has_button).map(link));
    let mut elements = Vec::new();
    elements.extend(mentions(post.mentions));
    elements.extend(rich_text(body));
    let mut blocks = vec![json!({ "type": "rich_text", "elements": elements })];
    blocks.extend(actions(post.buttons));
    blocks.push(json!({ "type": "context", "elements": quiet }));
    blocks.into()
}

/// A line of buttons. What a button does stands in its value, which Slack gives back as it is.
fn actions(buttons: &Buttons) -> Option<Value> {
    let button = |action: &str, words: &str, value: &String| {
        let text = json!({ "type": "plain_text", "text": words, "emoji": false });
        json!({ "type": "button", "action_id": action, "text": text, "value": value })
    };
    let of_assumption = buttons.assumption.iter();
    let of_assumption =
        of_assumption.flat_map(|token| [button(OBJECT, "Object", token), button(AGREE, "Agree", token)]);
    let of_all = buttons.mute.iter().map(|token| button(MUTE, "Mute for a week", token));
    let elements = of_assumption.chain(of_all).collect::<Vec<_>>();
    (!elements.is_empty()).then(|| json!({ "type": "actions", "elements": elements }))
}

/// What the service itself says in Slack, as the fields of a message or a form that have its words.
#[must_use]
pub fn spoken(body: &[Block]) -> Value {
    let message = Message { body: body.to_vec(), ..Message::default() };
    let blocks = |body: &[Block]| json!([{ "type": "rich_text", "elements": rich_text(body) }]);
    json!({ "text": fallback(&message), "blocks": fit(&message, blocks, |blocks| size(blocks) <= MAX_BLOCKS) })
}

/// A line that mentions people.
fn mentions(people: &[&str]) -> Option<Value> {
    let user = |person: &&str| [json!({ "type": "user", "user_id": person }), json!({ "type": "text", "text": " " })];
    let mut pieces: Vec<_> = people.iter().flat_map(user).collect();
    *pieces.last_mut()? = json!({ "type": "text", "text": "\n" });
    Some(json!({ "type": "rich_text_section", "elements": pieces }))
}

/// The text for notifications. Slack requires these three characters to be escaped, and no others.
fn fallback(message: &Message) -> String {
    let plain = one_line(&message.body);
    let escaped = |length| shorten(&plain, length).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let whole = escaped(MAX_TEXT);
    // An escape has up to five characters.
    if whole.chars().count() <= MAX_TEXT { whole } else { escaped(MAX_TEXT / 5) }
}

/// The `style` of an element.
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    bold: bool,
    italic: bool,
    code: bool,
}

impl Style {
    fn element(self, mut element: Value) -> Value {
        let set = [("bold", self.bold), ("italic", self.italic), ("code", self.code)];
        let set: serde_json::Map<_, _> =
            set.iter().filter(|(_, on)| *on).map(|(name, _)| ((*name).to_owned(), true.into())).collect();
        if let (Some(fields), false) = (element.as_object_mut(), set.is_empty()) {
            fields.insert("style".to_owned(), set.into());
        }
        element
    }
}

/// Sections follow each other without a gap, so the gap is part of the text.
fn rich_text(blocks: &[Block]) -> Vec<Value> {
    let mut elements = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Paragraph(inlines) => {
                let mut pieces = Vec::new();
                pieces_of(inlines, Style::default(), &mut pieces);
                let gap = match blocks.get(index + 1) {
                    Some(Block::Paragraph(_)) => "\n\n",
                    Some(_) => "\n",
                    None => "",
                };
                pieces.extend(piece(gap, Style::default()));
                elements.extend(element("rich_text_section", pieces));
            }
            Block::Quote(inner) => elements.extend(element("rich_text_quote", inline_blocks(inner))),
            Block::Code(code) => {
                elements.extend(element("rich_text_preformatted", piece(code, Style::default()).into_iter().collect()));
            }
            Block::List { start, items } => elements.extend(list(*start, items, 0)),
        }
    }
    elements
}

/// Slack refuses empty elements.
fn element(kind: &str, pieces: Vec<Value>) -> Option<Value> {
    (!pieces.is_empty()).then(|| json!({ "type": kind, "elements": pieces }))
}

/// Slack allows no deeper indent.
const MAX_INDENT: usize = 8;

/// Slack has no nested lists: an inner list is a list of its own with a deeper indent, and the outer one continues after it.
fn list(start: Option<u64>, items: &[Vec<Block>], indent: usize) -> Vec<Value> {
    let mut elements = Vec::new();
    let mut sections = Vec::new();
    let mut number = start;
    for item in items {
        let own: Vec<Block> = item.iter().filter(|block| !matches!(block, Block::List { .. })).cloned().collect();
        let mut pieces = inline_blocks(&own);
        if pieces.is_empty() {
            pieces.push(json!({ "type": "text", "text": " " }));
        }
        sections.push(json!({ "type": "rich_text_section", "elements": pieces }));
        for block in item {
            if let Block::List { start, items } = block {
                elements.extend(list_element(&mut sections, &mut number, indent));
                elements.extend(list(*start, items, MAX_INDENT.min(indent + 1)));
            }
        }
    }
    elements.extend(list_element(&mut sections, &mut number, indent));
    elements
}

/// The sections so far, as one list whose first item has this number. The next list continues the numbers.
fn list_element(sections: &mut Vec<Value>, number: &mut Option<u64>, indent: usize) -> Option<Value> {
    let count = sections.len() as u64;
    if count == 0 {
        return None;
    }
    let style = if number.is_some() { "ordered" } else { "bullet" };
    let sections = std::mem::take(sections);
    let mut element = json!({ "type": "rich_text_list", "style": style, "indent": indent, "elements": sections });
    let offset = number.map_or(0, |number| number.saturating_sub(1));
    if let (Some(fields), 1..) = (element.as_object_mut(), offset) {
        fields.insert("offset".to_owned(), offset.into());
    }
    *number = number.map(|number| number.saturating_add(count));
    Some(element)
}

/// Blocks, one line each, for a place that allows only pieces of text.
fn inline_blocks(blocks: &[Block]) -> Vec<Value> {
    let mut pieces = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            pieces.extend(piece("\n", Style::default()));
        }
        match block {
            Block::Paragraph(inlines) => pieces_of(inlines, Style::default(), &mut pieces),
            Block::Quote(inner) => pieces.extend(inline_blocks(inner)),
            Block::Code(code) => pieces.extend(piece(code, Style { code: true, ..Style::default() })),
            list @ Block::List { .. } => pieces.extend(piece(&text(std::slice::from_ref(list)), Style::default())),
        }
    }
    pieces
}

fn pieces_of(inlines: &[Inline], style: Style, pieces: &mut Vec<Value>) {
    for inline in inlines {
        match inline {
            Inline::Strong(inner) => pieces_of(inner, Style { bold: true, ..style }, pieces),
            Inline::Emphasis(inner) => pieces_of(inner, Style { italic: true, ..style }, pieces),
            Inline::Text(text) => pieces.extend(piece(text, style)),
            Inline::Code(code) => pieces.extend(piece(code, Style { code: true, ..style })),
            Inline::Break => pieces.extend(piece("\n", style)),
            Inline::Link { text, url } => {
                let link = json!({ "type": "link", "url": url, "text": flat(text) });
                pieces.push(style.element(link));
            }
        }
    }
}

/// Slack refuses empty pieces.
fn piece(text: &str, style: Style) -> Option<Value> {
    (!text.is_empty()).then(|| style.element(json!({ "type": "text", "text": text })))
}
