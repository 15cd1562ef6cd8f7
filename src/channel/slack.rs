//! Slack by a bot's token: `chat.postMessage`, with replies in the thread, and `chat.update`.
//!
//! The message goes as `rich_text`, whose pieces say themselves what they are, so Slack parses nothing: no mention, no
//! link and no style can come from a value.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fit::fit;
use super::http::{Call, Http};
use super::{Outcome, Post, Step, line};
use crate::settings::ApiSettings;
use crate::template::{Block, Inline, Message, flat, one_line, shorten, text};

/// Slack refuses blocks with about 13,200 characters in all (`msg_blocks_too_long`), and counts more than their text.
const MAX_BLOCKS: usize = 12_000;
/// For notifications and search; what is longer, `chat.update` refuses (`msg_too_long`).
const MAX_TEXT: usize = 4_000;
const MAX_WHY: usize = 1_000;

/// About how many letters fit before a message is shortened.
pub(super) const ROOM: usize = 8_000;

/// Slack takes about one message a second in each channel.
const GAP: Duration = Duration::from_secs(1);

pub(super) async fn send(http: &Http, settings: &ApiSettings, channel: &str, post: &Post<'_>) -> Outcome {
    let mut ask = Ask::of(post.step());
    loop {
        let (method, body) = ask.body(channel, post);
        let url = settings.at(method);
        let call = Call::json("Slack", &url, &body, (format!("slack {channel}"), GAP));
        let call = Call { repeatable: ask.is_repeatable(), ..call.bearer(settings.token.expose_secret()) };
        let reply = match http.call(call).await {
            Ok(reply) if reply.is_success() => reply,
            Ok(reply) => return reply.refused(),
            Err(outcome) => return outcome,
        };
        let code = match serde_json::from_str::<Said>(&reply.body) {
            Ok(Said { ok: true, ts, channel, message, .. }) => {
                let anew = match ask {
                    Ask::Post => post.step() != Step::Post,
                    Ask::Reply { ts, .. } => message.is_some_and(|message| message.thread_ts.as_deref() != Some(ts)),
                    Ask::Update { .. } => false,
                };
                return Outcome::sent(reference(channel, ts)).anew(anew);
            }
            Ok(Said { error, .. }) => error.unwrap_or_default(),
            Err(_) if ask.is_repeatable() => return Outcome::transient("Slack's answer cannot be read"),
            Err(_) => return Outcome::ambiguous("Slack's answer cannot be read"),
        };
        match ask.next(&code) {
            Some(next) => ask = next,
            None => return refused(&code, channel, ask, reply.retry_after),
        }
    }
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    channel: Option<String>,
    ts: Option<String>,
    message: Option<Placed>,
    error: Option<String>,
}

/// The message as it stands there. Slack takes a reply to what was deleted, and puts it into the channel: then it has no
/// `thread_ts` (<https://github.com/slack-go/slack/issues/1571>).
#[derive(Deserialize)]
struct Placed {
    thread_ts: Option<String>,
}

/// `chat.update` wants the channel's id, which only the answer to a post tells.
fn reference(channel: Option<String>, ts: Option<String>) -> Option<String> {
    match (channel, ts?) {
        (Some(channel), ts) => Some(format!("{channel}/{ts}")),
        (None, ts) => Some(ts),
    }
}

/// What is asked of Slack.
#[derive(Debug, Clone, Copy)]
enum Ask<'a> {
    Update { channel: &'a str, ts: &'a str },
    Reply { channel: Option<&'a str>, ts: &'a str, broadcast: bool },
    Post,
}

impl<'a> Ask<'a> {
    fn of(step: Step<'a>) -> Self {
        match step {
            Step::Post => Self::Post,
            Step::Reply { root, broadcast } => Self::reply(root, broadcast),
            Step::Edit(root) => match Self::reply(root, false) {
                Self::Reply { channel: Some(channel), ts, .. } => Self::Update { channel, ts },
                other => other,
            },
        }
    }

    /// A reference is `CHANNEL/TS`; before there were edits, it was the `ts` alone.
    fn reply(root: &'a str, broadcast: bool) -> Self {
        let (channel, ts) = root.split_once('/').map_or((None, root), |(channel, ts)| (Some(channel), ts));
        match !ts.is_empty() && ts.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            true => Self::Reply { channel, ts, broadcast },
            false => Self::Post,
        }
    }

    /// Whether it does no harm twice.
    fn is_repeatable(self) -> bool {
        matches!(self, Self::Update { .. })
    }

    /// The next best, where the first message cannot be changed, or answered, any more.
    fn next(self, code: &str) -> Option<Self> {
        match (self, code) {
            (
                Self::Update { channel, ts },
                "message_not_found"
                | "cant_update_message"
                | "edit_window_closed"
                | "is_inactive"
                | "channel_not_found"
                | "block_mismatch",
            ) => Some(Self::Reply { channel: Some(channel), ts, broadcast: false }),
            (
                Self::Reply { .. },
                "thread_not_found"
                | "message_not_found"
                | "cannot_reply_to_message"
                | "channel_not_found"
                | "is_archived"
                | "restricted_action_non_threadable_channel",
            ) => Some(Self::Post),
            _ => None,
        }
    }

    /// The method, and what goes with it.
    fn body(self, to: &str, post: &Post<'_>) -> (&'static str, Value) {
        match self {
            Self::Update { channel, ts } => {
                let mut body = content(post);
                body["channel"] = channel.into();
                body["ts"] = ts.into();
                ("/chat.update", body)
            }
            Self::Reply { channel, ts, broadcast } => {
                let mut body = payload(post);
                body["channel"] = channel.unwrap_or(to).into();
                body["thread_ts"] = ts.into();
                if broadcast {
                    body["reply_broadcast"] = true.into();
                }
                ("/chat.postMessage", body)
            }
            Self::Post => {
                let mut body = payload(post);
                body["channel"] = to.into();
                ("/chat.postMessage", body)
            }
        }
    }
}

/// What Slack's error codes mean for us.
fn refused(code: &str, channel: &str, ask: Ask<'_>, retry_after: Option<Duration>) -> Outcome {
    let transient = |error: &str| Outcome::Transient { error: line(error), retry_after };
    let advice = match code {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => return transient("Slack asks us to slow down"),
        "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "org_login_required"
        | "update_failed"
        | "external_channel_migrating" => return transient(&format!("Slack says {code}")),
        // Slack documents that these may have posted the message.
        "internal_error" | "fatal_error" if !ask.is_repeatable() => {
            return Outcome::Ambiguous { error: line(&format!("Slack says {code}")), retry_after };
        }
        "internal_error" | "fatal_error" => return transient(&format!("Slack says {code}")),
        // Somebody has to change the token: the messages wait for it.
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            return transient(&format!("Slack says {code}: the token in `[slack]` is not good, or not any more"));
        }
        "not_in_channel" => format!("invite the bot to {channel}"),
        "channel_not_found" if channel.starts_with('#') => format!(
            "the bot finds no {channel}. If it is private, invite the bot; if it was renamed, write its id (C…) in `to`: \
             that survives a rename"
        ),
        "channel_not_found" => {
            format!("the bot finds no {channel}: it was deleted, or is private and the bot not invited")
        }
        "is_archived" => format!("{channel} is archived: unarchive it, or write another channel in `to`"),
        "missing_scope" | "no_permission" => "give the bot the scope chat:write".to_owned(),
        "restricted_action" | "restricted_action_read_only_channel" | "restricted_action_thread_only_channel" => {
            format!("only some may post in {channel}: let the bot be one of them")
        }
        "ekm_access_denied" | "access_denied" => "the workspace's owners do not let the bot post".to_owned(),
        "msg_too_long" | "msg_blocks_too_long" => "the message is too long for Slack: shorten its template".to_owned(),
        "invalid_blocks" | "invalid_blocks_format" => {
            "it does not take the message's form, which is a fault of microalign: please report it".to_owned()
        }
        _ => return Outcome::permanent(format!("Slack says {code}")),
    };
    Outcome::permanent(format!("Slack says {code}: {advice}"))
}

/// The message as Slack takes it, but for the channel.
pub(super) fn payload(post: &Post<'_>) -> Value {
    let mut payload = content(post);
    for name in ["mrkdwn", "unfurl_links", "unfurl_media"] {
        payload[name] = false.into();
    }
    payload
}

/// What can change later.
fn content(post: &Post<'_>) -> Value {
    let blocks = fit(post.message, |body| blocks(body, post), |blocks| size(blocks) <= MAX_BLOCKS);
    json!({ "text": fallback(post.message), "parse": "none", "link_names": false, "blocks": blocks })
}

/// Characters, with those that Slack escapes by itself.
fn size(blocks: &Value) -> usize {
    blocks.to_string().chars().map(|c| if matches!(c, '&' | '<' | '>') { 5 } else { 1 }).sum()
}

fn blocks(body: &[Block], post: &Post<'_>) -> Value {
    let mut quiet = vec![json!({ "type": "plain_text", "text": shorten(&post.message.why, MAX_WHY), "emoji": false })];
    // The only text that Slack parses, and nothing in it comes from a value: a token is base64.
    let link =
        |url: &String| json!({ "type": "mrkdwn", "text": format!("<{url}|Mute this conversation>"), "verbatim": true });
    quiet.extend(post.links.mute.as_ref().map(link));
    let mut elements = Vec::new();
    elements.extend(mentions(post.mentions));
    elements.extend(rich_text(body));
    json!([{ "type": "rich_text", "elements": elements }, { "type": "context", "elements": quiet }])
}

/// A line that calls people.
fn mentions(people: &[&str]) -> Option<Value> {
    let user = |person: &&str| [json!({ "type": "user", "user_id": person }), json!({ "type": "text", "text": " " })];
    let mut pieces: Vec<_> = people.iter().flat_map(user).collect();
    *pieces.last_mut()? = json!({ "type": "text", "text": "\n" });
    Some(json!({ "type": "rich_text_section", "elements": pieces }))
}

/// Shown in notifications. Slack asks for these three characters to be escaped, and for no others.
fn fallback(message: &Message) -> String {
    let plain = one_line(&message.body);
    let escaped = |length| shorten(&plain, length).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let whole = escaped(MAX_TEXT);
    // An escape has up to five characters.
    if whole.chars().count() <= MAX_TEXT { whole } else { escaped(MAX_TEXT / 5) }
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

/// Slack knows no deeper one.
const MAX_INDENT: usize = 8;

/// A list within a list is another list with a deeper indent, and the outer one goes on after it.
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
