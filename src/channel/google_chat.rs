//! Google Chat, through a space's webhook: a card, in the conversation's thread. There are no edits.
//!
//! A message's `text` is Markdown without escapes, and every address in it becomes a link. A card's `textParagraph` is a
//! subset of HTML (<https://developers.google.com/workspace/chat/format-messages#format-card-messages>), which has
//! escapes. So the message is a card, and `text` is only for mentions. It isn't documented whether addresses in cards become
//! links, so addresses in values are broken up.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::fit::fit;
use super::html::escape;
use super::http::{Call, Http, Reply};
use super::person::is_id_number;
use super::table::{self, Hook, HookTable};
use super::{JOINER, Outcome, Post, Step, ways_out};
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, Inline, flat, shorten};
use crate::toml_file::{self, At, Reader};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "google-chat",
    place: Place::Table,
    person: Some(&PersonKey {
        key: "google_chat",
        about: "The user's id in Google Chat, all digits.",
        wanted: "an id, all digits",
        fits: is_id_number,
    }),
    room: 8_000,
    gap: GAP,
};

pub(crate) type Tables = toml_file::Tables<HookTable>;
pub(crate) type Settings = Hook;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, read_table)
}

fn read_table(table: HookTable, at: &At, reader: &mut Reader<'_>) -> Option<Hook> {
    let hook = Hook::read(table, at, reader)?;
    for part in ["key", "token"].into_iter().filter(|part| !has_parameter(&hook, part)) {
        let help = "copy the whole address from the space's webhooks: it ends in ?key=…&token=…".to_owned();
        reader.document.wrong(&at.key("url"), format!("the webhook's address has no `{part}`"), help);
    }
    Some(hook)
}

/// Whether an address has a value for a name after its `?`.
fn has_parameter(hook: &Hook, name: &str) -> bool {
    let url = Url::parse(hook.url.expose_secret());
    url.is_ok_and(|url| url.query_pairs().any(|(key, value)| key == name && !value.is_empty()))
}

/// In bytes. The limit is 32,000 for text and cards
/// (<https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create>).
const MAX: usize = 28_000;
const MAX_WHY: usize = 1_000;

/// Sixty messages a minute in a space (<https://developers.google.com/workspace/chat/limits>).
const GAP: Duration = Duration::from_secs(1);

pub(super) async fn send(http: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
    let webhook = settings.url.expose_secret();
    let Some(url) = address(webhook, post) else { return Outcome::permanent("the webhook's address cannot be read") };
    let call = Call::json("Google Chat", &url, &payload(post), (webhook.to_owned(), GAP));
    // Google knows the message by its `requestId`.
    match http.call(Call { repeatable: true, ..call }).await {
        Ok(reply) if reply.is_success() => {
            let thread = serde_json::from_str::<Said>(&reply.body).ok().and_then(|said| said.thread);
            let begun = post.root.filter(|root| post.step() != Step::Post && root.contains(THREADS));
            let elsewhere = begun.zip(thread).is_some_and(|(begun, thread)| thread.name != begun);
            reply.sent(|Said { name, thread }| thread.map_or(name, |thread| thread.name)).anew(elsewhere)
        }
        Ok(reply) => refused(&reply),
        Err(outcome) => outcome,
    }
}

/// A conversation's thread is in the name of the thread, and begins anew without a word where that is gone.
#[derive(Deserialize)]
struct Said {
    name: String,
    thread: Option<Thread>,
}

#[derive(Deserialize)]
struct Thread {
    name: String,
}

/// As in `spaces/AAA/threads/BBB`.
const THREADS: &str = "/threads/";

#[derive(Deserialize)]
struct Refusal {
    error: Fault,
}

/// <https://cloud.google.com/apis/design/errors#http_mapping>
#[derive(Deserialize)]
struct Fault {
    status: String,
    #[serde(default)]
    message: String,
}

fn refused(reply: &Reply) -> Outcome {
    let Ok(Refusal { error: Fault { status, message } }) = serde_json::from_str(&reply.body) else {
        return reply.refused();
    };
    let advice = match status.as_str() {
        "RESOURCE_EXHAUSTED" => "we are to slow down",
        "NOT_FOUND" => "the space or its webhook is gone: add a webhook to the space, and put its address into `url`",
        "PERMISSION_DENIED" | "UNAUTHENTICATED" => {
            "copy the webhook's whole address again, or make another one; the space and the organisation have to allow webhooks"
        }
        "INVALID_ARGUMENT" => &message,
        _ => return reply.failed(&format!("Google Chat says {status}")),
    };
    reply.failed(&format!("Google Chat says {status}: {advice}"))
}

/// The webhook with what belongs to this message.
fn address(webhook: &str, post: &Post<'_>) -> Option<String> {
    let mut url = Url::parse(webhook).ok()?;
    let own = ["messageReplyOption", "requestId", "threadKey"];
    let given: Vec<_> = url.query_pairs().filter(|(name, _)| !own.contains(&&**name)).collect();
    let given: Vec<_> = given.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let more = [
        ("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD".to_owned()),
        // Google gives the old message for an old id, and another database counts from 1 again.
        ("requestId", request_id(post)),
    ];
    url.query_pairs_mut().clear().extend_pairs(given).extend_pairs(more);
    Some(url.into())
}

/// The same for every attempt, and for no other message.
fn request_id(post: &Post<'_>) -> String {
    let parts = [&post.id.to_string(), &post.at.to_string(), post.alias, &post.message.subject];
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part).chain_update([0]));
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn payload(post: &Post<'_>) -> Value {
    fit(post.message, |body| message(body, post), |message| message.to_string().len() <= MAX)
}

fn message(body: &[Block], post: &Post<'_>) -> Value {
    let paragraph = |text: String| json!({ "textParagraph": { "text": text.replace('\n', "<br>") } });
    let widgets = [paragraph(blocks(body, "\n\n")), paragraph(quiet(post))];
    let mut message = json!({
        "fallbackText": post.message.subject,
        "cardsV2": [{ "cardId": "update", "card": { "sections": [{ "widgets": widgets }] } }],
    });
    if !post.mentions.is_empty() {
        let people = post.mentions.iter().map(|person| format!("<users/{person}>")).collect::<Vec<_>>();
        message["text"] = people.join(" ").into();
    }
    // What is to stand alone although its conversation has begun gets a thread of its own.
    if post.root.is_none() || post.step() != Step::Post {
        message["thread"] = json!({ "threadKey": post.alias });
    }
    message
}

fn quiet(post: &Post<'_>) -> String {
    let why = text(&shorten(&post.message.why, MAX_WHY));
    let links = ways_out(post.links).map(|(words, url)| format!(" <a href=\"{}\">{words}</a>", escape(url)));
    format!("<font color=\"#808080\">{why}</font>{}", links.collect::<String>())
}

/// In lines, which become `<br>` at last.
fn blocks(list: &[Block], gap: &str) -> String {
    list.iter().map(block).collect::<Vec<_>>().join(gap)
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => inlines(text),
        Block::Quote(inner) => hang("│ ", "│ ", &blocks(inner, "\n\n")),
        Block::Code(code) => code.lines().map(code_line).collect::<Vec<_>>().join("\n"),
        Block::List { start, items } => {
            let item = |(index, item): (u64, &Vec<Block>)| {
                let mark = start.map_or("• ".to_owned(), |start| format!("{}. ", start.saturating_add(index)));
                hang(&mark, &"\u{A0}".repeat(mark.chars().count() + 1), &blocks(item, "\n"))
            };
            (0..).zip(items).map(item).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Spaces at a line's start are lost in HTML.
fn code_line(line: &str) -> String {
    let code = line.trim_start_matches(' ');
    "\u{A0}".repeat(line.len() - code.len()) + &text(code)
}

/// Puts `first` before the first line and `rest` before the others.
fn hang(first: &str, rest: &str, text: &str) -> String {
    let line = |(index, line): (usize, &str)| format!("{}{line}", if index == 0 { first } else { rest });
    text.split('\n').enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn inlines(list: &[Inline]) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(value) => text(value),
        // No tag for code is documented, and a tag that a card does not know is shown as it is.
        Inline::Code(code) => format!("`{}`", text(code)),
        Inline::Strong(inner) => format!("<b>{}</b>", inlines(inner)),
        Inline::Emphasis(inner) => format!("<i>{}</i>", inlines(inner)),
        Inline::Link { text, url } => {
            let shown = if flat(text) == *url { escape(url) } else { inlines(text) };
            format!("<a href=\"{}\">{shown}</a>", escape(url))
        }
        Inline::Break => "\n".to_owned(),
    };
    list.iter().map(one).collect()
}

/// A text without an address in it: it is broken up before `//`, before `@`, and before a dot within a name.
fn text(value: &str) -> String {
    let mut broken = String::with_capacity(value.len());
    // Another text may stand before this one.
    let mut before = ':';
    let mut letters = value.chars().peekable();
    while let Some(c) = letters.next() {
        let domain = c == '.' && !before.is_whitespace() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        if domain || c == '@' || (before, c) == (':', '/') {
            broken.push(JOINER);
        }
        broken.push(c);
        before = c;
    }
    escape(&broken)
}
