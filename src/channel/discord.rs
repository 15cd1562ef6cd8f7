//! Discord, through a webhook: one channel, one thread of it, or a forum where each conversation is a post.
//!
//! Discord reads Markdown in its own way, escapes don't work in the text of a link
//! (<https://github.com/discord/discord-api-docs/issues/6185>), and a message's mentions are listed in a separate field.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::fit::fit;
use super::http::{Call, Http, Reply, seconds};
use super::markdown::{Dialect, address, write};
use super::person::is_id_number;
use super::simplify::{Abilities, simple, takes_asterisks};
use super::table::{self, Hook, HookTable};
use super::{JOINER, Outcome, Post, Step, is_number, joined, ways_out};
use crate::api::Mask;
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, clean, shorten};
use crate::toml_file::{self, At, Field, Raw, Reader, SecretText};

/// Discord counts code points (<https://github.com/discord/discord-api-docs/issues/1315>).
const MAX_CONTENT: usize = 2_000;
const MAX_THREAD_NAME: usize = 100;
const MAX_WHY: usize = 300;
const MAX_MENTIONS: usize = 20;

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "discord",
    place: Place::Table,
    person: Some(&PersonKey {
        key: "discord",
        about: "The user's id in Discord, all digits.",
        wanted: "an id, all digits",
        fits: is_id_number,
    }),
    room: 1_300,
    gap: GAP,
};

/// A webhook takes 5 messages in 2 seconds.
const GAP: Duration = Duration::from_millis(500);

/// `SUPPRESS_EMBEDS` (<https://discord.com/developers/docs/resources/message#message-object-message-flags>).
const NO_PREVIEWS: u32 = 1 << 2;

/// Three backticks are the only fence.
const ABILITIES: Abilities = Abilities {
    marked: takes_asterisks,
    code: |code| code.split('`').collect::<Vec<_>>().join(&format!("`{JOINER}")),
    quotes: false,
};
const DIALECT: Dialect = Dialect { text: inert, code, link, strong: "**", emphasis: "*", line: "\n" };

/// `[discord.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct Table {
    /// The webhook's address, which is a secret.
    pub url: Field<SecretText>,
    /// Whether the webhook is a forum's: then each conversation is a post of its own. `false` by default.
    pub forum: Field<bool>,
    /// The id of the thread that everything goes into.
    pub thread: Field<String>,
}

impl Raw for Table {}

/// What `[discord.NAME]` says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The webhook's address. Whoever has it may post
    pub url: SecretString,
    /// Whether the webhook is a forum's, where each conversation is a post of its own
    pub forum: bool,
    /// The thread that everything goes into
    pub thread: Option<String>,
}

pub(crate) type Tables = toml_file::Tables<Table>;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    let forum = reader.document.take(table.forum, &at.key("forum")).unwrap_or_default();
    let thread_at = at.key("thread");
    let thread = reader.word(table.thread, &thread_at).and_then(|id| {
        let help = "write the thread's id, which is all digits".to_owned();
        let wrong = (format!("`{id}` isn't a thread"), Some(help));
        reader.parsed(if is_id_number(&id) { Ok(id) } else { Err(wrong) }, &thread_at)
    });
    if forum && thread.is_some() {
        let help = "leave out `forum`, or `thread`".to_owned();
        reader.document.wrong(&thread_at, "in a forum each conversation is a thread of its own", help);
    }
    let Hook { url } = Hook::read(HookTable { url: table.url }, at, reader)?;
    Some(Settings { url, forum, thread })
}

impl Settings {
    pub(super) fn mask(&self) -> Mask {
        Mask::of_address(&self.url)
    }
}

pub(super) async fn send(http: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
    let root = post.root.and_then(Root::read);
    let payload = payload(post);
    if let (Step::Edit(_), Some(root)) = (post.step(), root) {
        let edit = Request { method: Method::PATCH, message: Some(root.message), thread: thread(settings, Some(root)) };
        match edit.send(http, settings, &payload).await {
            // If the existing message can't be changed for any reason, a new one is sent.
            (Outcome::Permanent { .. }, code) if !matches!(code, UNKNOWN_WEBHOOK | BAD_TOKEN) => {}
            (outcome, _) => return outcome,
        }
    }
    let thread = thread(settings, root);
    if settings.forum && thread.is_none() {
        return begin(http, settings, post, payload).await;
    }
    let request = Request { method: Method::POST, message: None, thread };
    match request.send(http, settings, &payload).await {
        // A locked post says nothing about the forum.
        (_, UNKNOWN_CHANNEL | LOCKED_THREAD) if settings.forum && settings.thread.is_none() => {
            begin(http, settings, post, payload).await
        }
        (outcome, _) => outcome.anew(matches!(post.step(), Step::Edit(_))),
    }
}

/// Begins a forum post with a conversation's first message.
async fn begin(http: &Http, settings: &Settings, post: &Post<'_>, mut payload: Value) -> Outcome {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("thread_name".to_owned(), thread_name(post).into());
    }
    let request = Request { method: Method::POST, message: None, thread: None };
    request.send(http, settings, &payload).await.0.anew(post.root.is_some())
}

fn thread_name(post: &Post<'_>) -> String {
    let name = if post.message.private { "A private repository" } else { post.thread_label };
    let names = [name, post.message.subject.as_str(), post.thread].map(clean);
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    shorten(&name, MAX_THREAD_NAME)
}

/// The conversation's first message, as [`Outcome::Sent`] gave it: where it is and what it is called there.
#[derive(Debug, Clone, Copy)]
struct Root<'a> {
    channel: &'a str,
    message: &'a str,
}

impl<'a> Root<'a> {
    fn read(root: &'a str) -> Option<Self> {
        let (channel, message) = root.split_once('/')?;
        (is_number(channel) && is_number(message)).then_some(Self { channel, message })
    }
}

fn thread<'a>(settings: &'a Settings, root: Option<Root<'a>>) -> Option<&'a str> {
    let of_root = root.filter(|_| settings.forum).map(|root| root.channel);
    settings.thread.as_deref().or(of_root)
}

struct Request<'a> {
    method: Method,
    /// The message to change, if any
    message: Option<&'a str>,
    thread: Option<&'a str>,
}

impl Request<'_> {
    /// The outcome, and Discord's code for what is wrong.
    async fn send(self, http: &Http, settings: &Settings, payload: &Value) -> (Outcome, u64) {
        let Ok(mut url) = Url::parse(settings.url.expose_secret()) else {
            return (Outcome::permanent("the webhook's address cannot be read"), 0);
        };
        if let (Some(message), Ok(mut path)) = (self.message, url.path_segments_mut()) {
            path.pop_if_empty().extend(["messages", message]);
        }
        // Without `wait`, Discord answers before it looks at the message.
        let wait = (self.method == Method::POST).then_some(("wait", "true"));
        let thread = self.thread.map(|thread| ("thread_id", thread));
        for (name, value) in wait.into_iter().chain(thread) {
            url.query_pairs_mut().append_pair(name, value);
        }
        let call = Call::json("Discord", url.as_str(), payload, (settings.url.expose_secret().to_owned(), GAP));
        // Making the same edit twice does no harm.
        let repeatable = self.method == Method::PATCH;
        match http.call(Call { method: self.method, repeatable, ..call }).await {
            Ok(reply) if reply.is_success() => (reply.sent(|Sent { id, channel_id }| format!("{channel_id}/{id}")), 0),
            Ok(reply) => refused(reply),
            Err(outcome) => (outcome, 0),
        }
    }
}

#[derive(Deserialize)]
struct Sent {
    id: String,
    channel_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    code: u64,
    message: String,
    /// In seconds, with a 429
    retry_after: Option<f64>,
}

const UNKNOWN_CHANNEL: u64 = 10_003;
const UNKNOWN_WEBHOOK: u64 = 10_015;
const LOCKED_THREAD: u64 = 160_005;
const BAD_TOKEN: u64 = 50_027;

/// What Discord's error codes mean
/// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes>).
fn refused(mut reply: Reply) -> (Outcome, u64) {
    let Ok(Refused { code, message, retry_after }) = serde_json::from_str(&reply.body) else {
        return (reply.refused(), 0);
    };
    let after = retry_after.and_then(seconds);
    reply.retry_after = reply.retry_after.or(after);
    if reply.status == 429 {
        return (reply.failed("Discord asks us to slow down"), code);
    }
    let advice = match code {
        UNKNOWN_CHANNEL => {
            "the channel or the thread is gone: put another `thread`, or another channel's webhook, into `[discord.NAME]`"
        }
        UNKNOWN_WEBHOOK => "the webhook was deleted: make another one, and put its address into `[discord.NAME]`",
        BAD_TOKEN => "the webhook's address in `[discord.NAME]` isn't valid, or not any more",
        LOCKED_THREAD => "the thread is locked: unlock it, or put another `thread` into `[discord.NAME]`",
        50_001 | 50_013 => {
            "the webhook may not post there any more: make another one, and put its address into `[discord.NAME]`"
        }
        220_001 => "the webhook is a forum's: set `forum = true` in `[discord.NAME]`",
        220_003 => "the webhook isn't a forum's: take `forum = true` out of `[discord.NAME]`",
        40_067 => "the forum wants a tag on each post, and a webhook has none: make tags optional there",
        200_000 | 200_001 => "the server's AutoMod blocks the message",
        _ => return (reply.failed(&format!("Discord says {code} {message}")), code),
    };
    (reply.failed(&format!("Discord says {code}: {advice}")), code)
}

pub(super) fn payload(post: &Post<'_>) -> Value {
    let mentions = post.mentions.get(..MAX_MENTIONS).unwrap_or(post.mentions);
    let content = fit(post.message, |body| content(post, body, mentions), |text| text.chars().count() <= MAX_CONTENT);
    json!({
        "content": content,
        "allowed_mentions": { "parse": [], "users": mentions },
        "flags": NO_PREVIEWS,
    })
}

fn content(post: &Post<'_>, body: &[Block], mentions: &[&str]) -> String {
    let mentions = mentions.iter().map(|id| format!("<@{id}>")).collect::<Vec<_>>().join(" ");
    let why = inert(&shorten(&post.message.why, MAX_WHY));
    let links = ways_out(post.links).map(|(words, url)| link(words, url)).collect::<Vec<_>>().join(" · ");
    let quiet = joined([why, links], " ");
    let quiet = if quiet.is_empty() { quiet } else { format!("-# {quiet}") };
    joined([body_of(body), mentions, quiet], "\n\n")
}

fn body_of(body: &[Block]) -> String {
    // A line without the space ends the quote.
    let line = |line: &str| if line == ">" { "> ".to_owned() } else { line.to_owned() };
    write(&simple(body, &ABILITIES), &DIALECT).split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A backslash before any character that isn't a letter, a digit or a space removes its meaning. Backslashes count towards
/// the limit, so characters without a meaning have none.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    let (mut before, mut number, mut in_address) = (None, true, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let special = match c {
            '\\' | '*' | '_' | '~' | '|' | '`' | '<' | '[' | ']' => true,
            // Emoji, and addresses with a scheme or without, such as invitations
            ':' => after.is_none_or(|c| !c.is_whitespace()),
            '/' => in_address || after == Some('/') || matches!(before, None | Some('/' | ':')),
            // Headings, lists, quotes and small print are only at the start of a line.
            '#' | '-' | '+' | '>' => before.is_none(),
            '.' => number,
            _ => false,
        };
        inert.extend(special.then_some('\\'));
        inert.push(c);
        inert.extend((c == '@').then_some(JOINER));
        let is_space = c.is_whitespace();
        in_address = !is_space && (in_address || matches!(c, '.' | ':'));
        number = number && (c.is_ascii_digit() || (before.is_none() && is_space));
        before = Some(c).filter(|_| before.is_some() || !is_space);
    }
    inert
}

/// Some of Discord's clients can't show code with backticks in it.
fn code(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!("`{}`", code.replace('`', "ˋ")) }
}

/// A text with escapes, emoji or an address in it is written before the link's address: as the text of a link it would show
/// its backslashes, or the link would break (<https://github.com/discord/discord-api-docs/issues/7721>).
fn link(text: &str, url: &str) -> String {
    let address = address(url, "*|~");
    let is_letter = |c: char| c.is_alphanumeric() && !matches!(c, '\u{2000}'..='\u{2FFF}' | '\u{1F000}'..);
    let bare = with_bare_underscores(text);
    if text.trim().is_empty() || text == inert(url) {
        format!("<{address}>")
    } else if bare.chars().all(|c| is_letter(c) || (c.is_ascii() && c != '\\')) {
        format!("[{bare}]({address})")
    } else {
        format!("{text} (<{address}>)")
    }
}

/// An underscore within a word ends no emphasis, and within a link it starts none that continues after the link.
fn with_bare_underscores(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let mut parts = text.split("\\_").peekable();
    let mut bare = String::with_capacity(text.len());
    while let Some(part) = parts.next() {
        bare.push_str(part);
        let Some(next) = parts.peek() else { break };
        let in_word = is_word(part.chars().last()) && is_word(next.chars().next());
        bare.push_str(if in_word { "_" } else { "\\_" });
    }
    bare
}
