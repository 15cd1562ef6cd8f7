//! Rocket.Chat, with a user's token: messages in a room, replies in the first one's thread
//! (<https://developer.rocket.chat/apidocs/chat-endpoints>).
//!
//! Its parser (`@rocket.chat/message-parser`) lets a backslash escape only some characters. Others are kept apart by
//! U+2060, or replaced by look-alikes where nothing else helps: a `[` makes everything up to the next link that link's text.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::fit::fit;
use super::http::{Body, Call, Http, Reply};
use super::markdown::{self, Dialect, address};
use super::person::is_user_name;
use super::simplify::{Abilities, quiet, simple};
use super::table::{self, ServerKeys};
use super::{JOINER, Outcome, Post, Step, joined};
use crate::api::ApiSettings;
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::Block;
use crate::toml_file::{At, Field, Raw, Reader, SecretText};

/// The default of `Message_MaxAllowedSize`, in UTF-16 units.
const MAX_TEXT: usize = 5_000;

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "rocket-chat",
    place: Place::Called {
        wanted: "#channel, @user, or a room's id",
        fits: |place| place.len() > 1 && !place.contains(char::is_whitespace),
    },
    person: Some(&PersonKey {
        key: "rocket_chat",
        about: "The user name in Rocket.Chat.",
        wanted: "a user name, without `@`",
        fits: is_user_name,
    }),
    room: 3_500,
    gap: GAP,
};

/// A user who isn't a bot may send five messages a second. The `X-RateLimit-` headers say what is left.
const GAP: Duration = Duration::from_millis(250);

const ABILITIES: Abilities = Abilities { marked: |value| text(value) == value, code, quotes: true };
const DIALECT: Dialect = Dialect { text, code: code_span, link, strong: "*", emphasis: "_", line: "\n" };

/// `[rocket_chat]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "user_id", "token"]))]
pub struct Table {
    /// The server's address, such as `https://chat.example.com`.
    pub url: Field<String>,
    /// The user's id, which Rocket.Chat shows with the token.
    pub user_id: Field<String>,
    /// The user's personal access token.
    pub token: Field<SecretText>,
}

impl Raw for Table {}

pub(crate) type Tables = Field<Table>;
pub(crate) type Settings = ApiSettings;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::one(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    let user = Some(("user_id", table.user_id));
    ServerKeys { url: ("url", table.url), user, token: ("token", table.token) }.read(at, reader)
}

pub(super) async fn send(http: &Http, settings: &ApiSettings, room: &str, post: &Post<'_>) -> Outcome {
    let bot = Bot { http, settings, room };
    let text = message_text(post);
    let sent = match (post.step(), post.root.and_then(First::of)) {
        (Step::Edit(_), Some(first)) => match bot.edit(&first, &text).await {
            None => bot.reply(&first, &text, false).await,
            sent => sent,
        },
        (Step::Reply { broadcast, .. }, Some(first)) => bot.reply(&first, &text, broadcast).await,
        _ => None,
    };
    match sent {
        Some(outcome) => outcome,
        None => bot.post(&text).await.anew(post.step() != Step::Post),
    }
}

/// The conversation's first message. Its reference is `ROOM/MESSAGE`.
struct First<'a> {
    room: &'a str,
    message: &'a str,
}

impl<'a> First<'a> {
    fn of(root: &'a str) -> Option<Self> {
        let (room, message) = root.split_once('/')?;
        (!room.is_empty() && !message.is_empty()).then_some(Self { room, message })
    }
}

struct Bot<'a> {
    http: &'a Http,
    settings: &'a ApiSettings,
    room: &'a str,
}

impl Bot<'_> {
    async fn post(&self, text: &str) -> Outcome {
        let place = if self.room.starts_with(['#', '@']) { "channel" } else { "roomId" };
        // With a list of attachments, even an empty one, Rocket.Chat shows no previews of links. Some versions refuse `parseUrls`.
        let payload = json!({ place: self.room, "text": text, "attachments": [] });
        match self.ask("chat.postMessage", &payload).await {
            Ok(reply) => self.outcome(&reply),
            Err(outcome) => outcome,
        }
    }

    /// Returns `None` if the message doesn't exist any more: Rocket.Chat would accept the reply, but nobody would see it.
    async fn reply(&self, first: &First<'_>, text: &str, broadcast: bool) -> Option<Outcome> {
        let query = Serializer::new(String::new()).append_pair("msgId", first.message).finish();
        let url = self.settings.at(&format!("/api/v1/chat.getMessage?{query}"));
        let call = Call { method: Method::GET, body: Body::Form(String::new()), ..self.call(&url, &Value::Null) };
        match self.http.call(Call { repeatable: true, ..call }).await {
            Ok(reply) if reply.is_success() && Said::of(&reply).message?.t.as_deref() != Some("rm") => {}
            Ok(reply) => match self.outcome(&reply) {
                Outcome::Sent { .. } | Outcome::Permanent { .. } => return None,
                outcome => return Some(outcome),
            },
            Err(outcome) => return Some(outcome),
        }
        let message = json!({
            "rid": first.room,
            "tmid": first.message,
            "tshow": broadcast,
            "msg": text,
            "parseUrls": false,
        });
        Some(match self.ask("chat.sendMessage", &json!({ "message": message })).await {
            Ok(reply) => {
                let placed = Said::of(&reply).message.is_some_and(|sent| sent.tmid.as_deref() == Some(first.message));
                self.outcome(&reply).anew(!placed)
            }
            Err(outcome) => outcome,
        })
    }

    /// Returns `None` if Rocket.Chat refuses the edit: the message is gone, or it is too late.
    async fn edit(&self, first: &First<'_>, text: &str) -> Option<Outcome> {
        let payload = json!({ "roomId": first.room, "msgId": first.message, "text": text });
        match self.ask("chat.update", &payload).await {
            Ok(reply) => Some(self.outcome(&reply)).filter(|outcome| !matches!(outcome, Outcome::Permanent { .. })),
            Err(outcome) => Some(outcome),
        }
    }

    async fn ask(&self, method: &str, payload: &Value) -> Result<Reply, Outcome> {
        let url = self.settings.at(&format!("/api/v1/{method}"));
        // Making an edit twice does no harm.
        let repeatable = method == "chat.update";
        self.http.call(Call { repeatable, ..self.call(&url, payload) }).await
    }

    fn call<'a>(&self, url: &'a str, payload: &Value) -> Call<'a> {
        let mut call = Call::json("Rocket.Chat", url, payload, ("rocket-chat".to_owned(), GAP));
        call.headers.push(("x-auth-token", self.settings.token.expose_secret().to_owned()));
        call.headers.push(("x-user-id", self.settings.user.clone().unwrap_or_default()));
        call
    }

    fn outcome(&self, reply: &Reply) -> Outcome {
        let said = Said::of(reply);
        match said {
            Said { success: true, message: Some(message), .. } if reply.is_success() => {
                Outcome::sent(Some(format!("{}/{}", message.rid, message.id)))
            }
            Said { success: false, .. } if !said.error.is_empty() || !reply.is_success() => self.refused(reply, &said),
            _ if reply.is_success() => Outcome::ambiguous("Rocket.Chat's answer cannot be read"),
            _ => reply.refused(),
        }
    }

    /// What Rocket.Chat's errors mean. Some have their code in a separate field, some are only a code.
    fn refused(&self, reply: &Reply, said: &Said) -> Outcome {
        let room = self.room;
        let Said { error, kind, .. } = said;
        let code = if kind.is_empty() { error } else { kind };
        let advice = match code.as_str() {
            _ if reply.status == 401 => {
                return reply.failed("Rocket.Chat says unauthorized: see `user_id` and `token` in `[rocket_chat]`");
            }
            _ if reply.status == 429 => return reply.failed("Rocket.Chat asks us to slow down"),
            "" => return reply.refused(),
            "error-too-many-requests" => {
                let error = "Rocket.Chat asks us to slow down".to_owned();
                return Outcome::Transient { error, retry_after: reply.retry_after };
            }
            "invalid-channel" | "error-room-not-found" | "error-invalid-room" => {
                format!(
                    "the bot can't find {room}. If it is private, invite the bot; if it was renamed, write the room's id in \
                     `to`: an id survives a rename"
                )
            }
            "error-not-allowed" | "error-unauthorized" | "unauthorized" => {
                format!("invite the bot to {room}, or let it post there")
            }
            "room_is_archived" | "error-room-archived" => {
                format!("{room} is archived: unarchive it, or write another room in `to`")
            }
            "error-message-size-exceeded" => format!("set Message_MaxAllowedSize to {MAX_TEXT} or more"),
            _ => error.clone(),
        };
        let error = if advice == *code { advice } else { format!("{code}: {advice}") };
        reply.failed(&format!("Rocket.Chat says {error}"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    success: bool,
    message: Option<Sent>,
    error: String,
    #[serde(rename = "errorType")]
    kind: String,
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "_id")]
    id: String,
    rid: String,
    /// The kind of message, if it isn't an ordinary one: `rm` stands for a message that was removed
    t: Option<String>,
    /// What it answers to
    tmid: Option<String>,
}

impl Said {
    fn of(reply: &Reply) -> Self {
        serde_json::from_str(&reply.body).unwrap_or_default()
    }
}

/// The message in Rocket.Chat's Markdown.
pub(super) fn message_text(post: &Post<'_>) -> String {
    let called = post.mentions.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(" ");
    let write = |body: &[Block]| {
        let blocks = simple(&[body, &[quiet(post)]].concat(), &ABILITIES);
        joined([called.clone(), markdown::write(&blocks, &DIALECT)], "\n\n")
    };
    fit(post.message, write, |text| text.encode_utf16().count() <= MAX_TEXT)
}

/// Whether a character must be kept apart from the next one. At the end of a text, any character may follow.
fn apart(c: char, next: Option<char>) -> bool {
    match c {
        '@' | '#' | '<' | '|' | '\\' => true,
        // Emoji such as `:x:`, `=)` and `;)`; a colour; what follows a scheme.
        ':' | ';' | '=' => next.is_none_or(|next| !next.is_whitespace()),
        // A telephone number.
        '+' => next.is_some_and(|next| next == '(' || next.is_numeric()),
        // It would take the link after it for a picture.
        '!' => next.is_none(),
        // More emoji: `8)`, `B-)`, `(y)` and `D:`.
        '8' | 'B' | 'X' | '%' | '-' => next == Some(')'),
        '(' => next == Some('y'),
        'D' => next == Some(':'),
        _ => false,
    }
}

fn text(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    // Quotes and lists start with these.
    if text.trim_start().starts_with(['>', '-']) {
        inert.push(JOINER);
    }
    let mut numbered = true;
    for (at, c) in text.char_indices() {
        let next = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
        match c {
            '*' | '_' | '~' | '`' => inert.push('\\'),
            // Between two letters it makes a host name; after a number it makes a list.
            '.' if numbered && at > 0 || next.is_some_and(|next| !next.is_whitespace()) => inert.push('\\'),
            _ => {}
        }
        inert.push(match c {
            '[' => '［',
            ']' => '］',
            '$' => '＄',
            c => c,
        });
        numbered &= c.is_numeric() || c.is_whitespace();
        if apart(c, next) {
            inert.push(JOINER);
        }
    }
    inert.replace("localhost", &format!("local{JOINER}host"))
}

/// Code has no escapes. A mention in code counts as one, because the server looks for mentions in the unparsed text.
fn code(code: &str) -> String {
    let mut inert = String::with_capacity(code.len());
    let mut before = '\n';
    for c in code.chars() {
        inert.push(if c == '`' { 'ˋ' } else { c });
        if c == '@' && (before.is_whitespace() || before == '>') {
            inert.push(JOINER);
        }
        before = c;
    }
    inert
}

/// A word and a backtick can start a mail address, which would continue in the code.
fn code_span(text: &str) -> String {
    format!("{JOINER}`{}`", code(text))
}

/// A link's text has no escapes, and marks count in it, so they are replaced by look-alikes. The text comes escaped, as if
/// it weren't in a link.
fn link(escaped: &str, url: &str) -> String {
    let mut label = String::with_capacity(escaped.len());
    let mut letters = escaped.chars().peekable();
    while let Some(c) = letters.next() {
        let escape = c == '\\' && letters.peek().is_some_and(|next| "*_~`.".contains(*next));
        let c = if escape { letters.next().unwrap_or(c) } else { c };
        label.push(match c {
            '*' => '∗',
            '_' => '＿',
            '~' => '∼',
            '`' => 'ˋ',
            c => c,
        });
    }
    format!("[{label}]({})", address(url, "$'*;[]^{|}"))
}
