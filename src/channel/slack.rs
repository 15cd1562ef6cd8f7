//! Slack by a bot's token: `chat.postMessage`, with replies in the thread.
//!
//! The message goes as `rich_text`, whose pieces say themselves what they are, so Slack parses nothing: no mention, no
//! link and no style can come from a value.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Call, Http};
use super::{Outcome, Post, line};
use crate::settings::ApiSettings;
use crate::template::{Block, Inline, Message, flat, shorten, text};

/// Slack refuses blocks with about 13,200 characters in all (`msg_blocks_too_long`).
const MAX_BLOCKS: usize = 12_000;
/// For notifications and search; Slack cuts longer ones, at 40,000 at last.
const MAX_TEXT: usize = 4_000;
const MAX_WHY: usize = 1_000;

/// About how many letters fit before a message is shortened.
pub(super) const ROOM: usize = 10_000;

/// Slack takes about one message a second in each channel.
const GAP: Duration = Duration::from_secs(1);

pub(super) async fn send(client: &Http, settings: &ApiSettings, channel: &str, post: &Post<'_>) -> Outcome {
    let mut payload = payload(post);
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("channel".to_owned(), channel.into());
        if let Some(root) = post.root {
            fields.insert("thread_ts".to_owned(), root.into());
        }
    }
    let url = settings.at("/chat.postMessage");
    let call = Call::json("Slack", &url, &payload, (format!("slack {channel}"), GAP));
    let reply = match client.call(call.bearer(settings.token.expose_secret())).await {
        Ok(reply) => reply,
        Err(outcome) => return outcome,
    };
    if !reply.is_success() {
        return reply.refused();
    }
    match serde_json::from_str::<Said>(&reply.body) {
        Ok(Said { ok: true, ts, .. }) => Outcome::Sent { reference: ts },
        Ok(Said { error, .. }) => refused(&error.unwrap_or_default(), channel, reply.retry_after),
        Err(_) => Outcome::ambiguous("Slack's answer cannot be read"),
    }
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    ts: Option<String>,
    error: Option<String>,
}

/// What Slack's error codes mean for us.
fn refused(code: &str, channel: &str, retry_after: Option<Duration>) -> Outcome {
    let advice = match code {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            return Outcome::Transient { error: "Slack asks us to slow down".to_owned(), retry_after };
        }
        "service_unavailable" | "request_timeout" | "team_added_to_org" | "org_login_required" => {
            return Outcome::Transient { error: line(&format!("Slack says {code}")), retry_after };
        }
        // Slack documents that these may have posted the message.
        "internal_error" | "fatal_error" => {
            return Outcome::Ambiguous { error: line(&format!("Slack says {code}")), retry_after };
        }
        "not_in_channel" => format!("invite the bot to {channel}"),
        "channel_not_found" => format!("there is no {channel}, or it is private: then invite the bot to it"),
        "is_archived" => format!("{channel} is archived"),
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "the token in `[slack]` is not good, or not any more".to_owned()
        }
        "missing_scope" | "no_permission" => "give the bot the scope chat:write".to_owned(),
        _ => return Outcome::permanent(format!("Slack says {code}")),
    };
    Outcome::permanent(format!("Slack says {code}: {advice}"))
}

/// The message as Slack takes it, but for the channel.
pub(super) fn payload(post: &Post<'_>) -> Value {
    let message = post.message;
    let mut quiet = vec![json!({ "type": "plain_text", "text": shorten(&message.why, MAX_WHY), "emoji": false })];
    // The only text that Slack parses, and nothing in it comes from a value: a token is base64.
    let link =
        |url: &String| json!({ "type": "mrkdwn", "text": format!("<{url}|Mute this conversation>"), "verbatim": true });
    quiet.extend(post.links.mute.as_ref().map(link));
    let mut room = MAX_BLOCKS;
    let elements = rich_text(&message.body, &mut room);
    json!({
        "text": fallback(message),
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [
            { "type": "rich_text", "elements": elements },
            { "type": "context", "elements": quiet },
        ],
    })
}

/// Shown in notifications. Slack asks for these three characters to be escaped, and for no others.
fn fallback(message: &Message) -> String {
    shorten(&text(&message.body), MAX_TEXT).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What the elements of a block have for `style`.
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
fn rich_text(blocks: &[Block], room: &mut usize) -> Vec<Value> {
    let mut elements = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if *room == 0 {
            break;
        }
        let last = index + 1 == blocks.len();
        match block {
            Block::Paragraph(inlines) => {
                let mut pieces = Vec::new();
                pieces_of(inlines, Style::default(), room, &mut pieces);
                let gap = if matches!(blocks.get(index + 1), Some(Block::Paragraph(_))) { "\n\n" } else { "\n" };
                if !last {
                    pieces.push(json!({ "type": "text", "text": gap }));
                }
                elements.push(json!({ "type": "rich_text_section", "elements": pieces }));
            }
            Block::Quote(inner) => {
                let pieces = inline_blocks(inner, room);
                if !pieces.is_empty() {
                    elements.push(json!({ "type": "rich_text_quote", "elements": pieces }));
                }
            }
            Block::Code(code) => {
                let text = take(code, room);
                if !text.is_empty() {
                    let piece = json!({ "type": "text", "text": text });
                    elements.push(json!({ "type": "rich_text_preformatted", "elements": [piece] }));
                }
            }
            Block::List { start, items } => elements.extend(list(*start, items, 0, room)),
        }
    }
    elements
}

/// A list within a list is another list with a deeper indent, and the outer one goes on after it.
fn list(start: Option<u64>, items: &[Vec<Block>], indent: usize, room: &mut usize) -> Vec<Value> {
    let mut elements = Vec::new();
    let mut sections = Vec::new();
    let mut number = start;
    for item in items {
        if *room == 0 {
            break;
        }
        let own: Vec<Block> = item.iter().filter(|block| !matches!(block, Block::List { .. })).cloned().collect();
        let mut pieces = inline_blocks(&own, room);
        if pieces.is_empty() {
            pieces.push(json!({ "type": "text", "text": " " }));
        }
        sections.push(json!({ "type": "rich_text_section", "elements": pieces }));
        for block in item {
            if let Block::List { start, items } = block {
                elements.extend(list_element(&mut sections, &mut number, indent));
                elements.extend(list(*start, items, indent + 1, room));
            }
        }
    }
    elements.extend(list_element(&mut sections, &mut number, indent));
    elements
}

/// The sections so far as one list, whose first item has this number. The next list goes on counting.
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

/// Blocks where only pieces of text can be: one line each.
fn inline_blocks(blocks: &[Block], room: &mut usize) -> Vec<Value> {
    let mut pieces = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if *room == 0 {
            break;
        }
        if index > 0 {
            pieces.push(json!({ "type": "text", "text": "\n" }));
        }
        match block {
            Block::Paragraph(inlines) => pieces_of(inlines, Style::default(), room, &mut pieces),
            Block::Quote(inner) => pieces.extend(inline_blocks(inner, room)),
            Block::Code(code) => pieces_of(&[Inline::Code(code.clone())], Style::default(), room, &mut pieces),
            list @ Block::List { .. } => {
                let lines = Inline::Text(text(std::slice::from_ref(list)));
                pieces_of(&[lines], Style::default(), room, &mut pieces);
            }
        }
    }
    pieces
}

fn pieces_of(inlines: &[Inline], style: Style, room: &mut usize, pieces: &mut Vec<Value>) {
    for inline in inlines {
        match inline {
            Inline::Strong(inner) => pieces_of(inner, Style { bold: true, ..style }, room, pieces),
            Inline::Emphasis(inner) => pieces_of(inner, Style { italic: true, ..style }, room, pieces),
            Inline::Text(text) => pieces.extend(piece(text, style, room)),
            Inline::Code(code) => pieces.extend(piece(code, Style { code: true, ..style }, room)),
            Inline::Break => pieces.extend(piece("\n", style, room)),
            Inline::Link { text, url } => {
                let text = take(&flat(text), room);
                if !text.is_empty() {
                    pieces.push(style.element(json!({ "type": "link", "url": url, "text": text })));
                }
            }
        }
    }
}

/// Slack refuses empty pieces.
fn piece(text: &str, style: Style, room: &mut usize) -> Option<Value> {
    let text = take(text, room);
    (!text.is_empty()).then(|| style.element(json!({ "type": "text", "text": text })))
}

/// As much of a text as there is room for. What is cut ends with `…`, and after it there is room for no more.
fn take(text: &str, room: &mut usize) -> String {
    let length = text.chars().count();
    if *room == 0 {
        return String::new();
    }
    let taken = shorten(text, *room);
    *room = room.saturating_sub(length);
    taken
}
