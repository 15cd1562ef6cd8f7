//! Zulip, with a bot's key: each conversation is a topic in the channel (<https://zulip.com/api/send-message>), so a reply
//! or a broadcast is another message in it.
//!
//! Zulip's Markdown has no backslash escapes. It passes HTML character references through, and looks for marks, mentions and
//! links without decoding them (`zerver/lib/markdown`). So character references make a text inert.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::fit::fit;
use super::http::{Body, Call, Http, Reply, seconds};
use super::markdown::{self, Dialect, address};
use super::person::is_id_number;
use super::simplify::{Abilities, quiet, simple};
use super::table::{self, ServerKeys};
use super::{Outcome, Post, Step, is_number, joined};
use crate::api::ApiSettings;
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, clean, shorten};
use crate::toml_file::{At, Field, Raw, Reader, SecretText};

/// Zulip cuts off longer messages. It counts code points.
const MAX_CONTENT: usize = 10_000;
/// The same for a topic.
const MAX_TOPIC: usize = 60;

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "zulip",
    place: Place::Called { wanted: "the name of a stream", fits: |place| place.trim() == place },
    person: Some(&PersonKey {
        key: "zulip",
        about: "The user's id in Zulip, all digits.",
        wanted: "an id, all digits",
        fits: is_id_number,
    }),
    room: 7_000,
    gap: GAP,
};

/// A user may make 200 requests a minute.
const GAP: Duration = Duration::from_millis(350);

const ABILITIES: Abilities = Abilities { marked: |_| true, code: str::to_owned, quotes: true };
const DIALECT: Dialect = Dialect { text, code: markdown::code_span, link, strong: "**", emphasis: "*", line: "\n" };

/// `[zulip]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "email", "api_key"]))]
pub struct Table {
    /// The organisation's address, such as `https://example.zulipchat.com`.
    pub url: Field<String>,
    /// The bot's address, which Zulip shows with the key.
    pub email: Field<String>,
    /// The bot's API key.
    pub api_key: Field<SecretText>,
}

impl Raw for Table {}

pub(crate) type Tables = Field<Table>;
pub(crate) type Settings = ApiSettings;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::one(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    let user = Some(("email", table.email));
    ServerKeys { url: ("url", table.url), user, token: ("api_key", table.api_key) }.read(at, reader)
}

pub(super) async fn send(http: &Http, settings: &ApiSettings, channel: &str, post: &Post<'_>) -> Outcome {
    let content = content(post);
    if let Step::Edit(root) = post.step()
        && is_number(root)
        && let Some(outcome) = edit(http, settings, (root, channel), &content).await
    {
        return outcome;
    }
    let fields = [
        // The newer name `channel` means the same.
        ("type", "stream"),
        // As JSON, so that a name of digits isn't taken for an id.
        ("to", &serde_json::Value::from(channel).to_string()),
        ("topic", &topic(post)),
        ("content", &content),
    ];
    let url = settings.at("/api/v1/messages");
    let reply = match http.call(call(settings, Method::POST, &url, &fields)).await {
        Ok(reply) => reply,
        Err(outcome) => return outcome,
    };
    let said = Said::of(&reply);
    match said.id {
        Some(id) if reply.is_success() => {
            Outcome::sent(Some(id.to_string())).anew(matches!(post.step(), Step::Edit(_)))
        }
        None if reply.is_success() => Outcome::ambiguous("Zulip's answer cannot be read"),
        _ => refused(&reply, &said, channel),
    }
}

/// Replaces a message's content. Returns `None` if Zulip refuses that: the message is gone, or it is too late
/// (<https://zulip.com/help/restrict-message-editing-and-deletion>).
async fn edit(http: &Http, settings: &ApiSettings, (root, channel): (&str, &str), content: &str) -> Option<Outcome> {
    let url = settings.at(&format!("/api/v1/messages/{root}"));
    let call = Call { repeatable: true, ..call(settings, Method::PATCH, &url, &[("content", content)]) };
    match http.call(call).await {
        Ok(reply) if reply.is_success() => Some(Outcome::sent(Some(root.to_owned()))),
        Ok(reply) => match refused(&reply, &Said::of(&reply), channel) {
            Outcome::Permanent { .. } => None,
            outcome => Some(outcome),
        },
        Err(outcome) => Some(outcome),
    }
}

fn call<'a>(settings: &ApiSettings, method: Method, url: &'a str, fields: &[(&str, &str)]) -> Call<'a> {
    let body = Body::Form(Serializer::new(String::new()).extend_pairs(fields).finish());
    let lane = ("zulip".to_owned(), GAP);
    let call = Call { peer: "Zulip", method, url, headers: Vec::new(), body, repeatable: false, lane };
    call.basic(settings.user.as_deref().unwrap_or_default(), settings.token.expose_secret())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    id: Option<u64>,
    code: String,
    msg: String,
    #[serde(rename = "retry-after")]
    retry_after: Option<f64>,
}

impl Said {
    fn of(reply: &Reply) -> Self {
        serde_json::from_str(&reply.body).unwrap_or_default()
    }
}

/// What Zulip's error codes mean (<https://zulip.com/api/rest-error-handling>).
fn refused(reply: &Reply, said: &Said, channel: &str) -> Outcome {
    let Said { code, msg, retry_after, .. } = said;
    let advice = match code.as_str() {
        "" => return reply.refused(),
        "RATE_LIMIT_HIT" => {
            let after = retry_after.and_then(seconds);
            let retry_after = reply.retry_after.or(after);
            return Outcome::Transient { error: "Zulip asks us to slow down".to_owned(), retry_after };
        }
        // The messages wait until somebody fixes the bot.
        "INVALID_API_KEY" | "UNAUTHORIZED" | "USER_DEACTIVATED" | "REALM_DEACTIVATED" => {
            return Outcome::transient(format!("Zulip says {code}: {msg}: see `email` and `api_key` in `[zulip]`"));
        }
        "STREAM_DOES_NOT_EXIST" => format!(
            ": the bot can't find #{channel}. If it is private, subscribe the bot; if it was renamed, write its new name in `to`"
        ),
        // Zulip says the same for an archived channel and for one that the bot may not post in.
        _ if msg.contains("authorized") => format!(
            ": {msg}. If #{channel} is archived, unarchive it or write another one in `to`; else subscribe the bot, or let \
             it post there"
        ),
        _ => format!(": {msg}"),
    };
    reply.failed(&format!("Zulip says {code}{advice}"))
}

/// The name of the conversation's topic. It must always be the same, because it is what holds the conversation together.
fn topic(post: &Post<'_>) -> String {
    let alias = post.short_alias();
    if post.message.private {
        return format!("a private repository, {alias}");
    }
    // Zulip refuses characters that can't be printed.
    let odd = |c: char| matches!(u32::from(c) & 0xFFFF, 0xFFFE | 0xFFFF) || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
    let topic = clean(&post.thread.replace(odd, " "));
    match topic.chars().count() {
        0 => alias.to_owned(),
        1..=MAX_TOPIC => topic,
        // Two long names may start in the same way.
        _ => format!("{} {alias}", shorten(&topic, MAX_TOPIC - alias.len() - 1)),
    }
}

/// The message in Zulip's Markdown.
pub(super) fn content(post: &Post<'_>) -> String {
    let called = post.mentions.iter().map(|id| format!("@**|{id}**")).collect::<Vec<_>>().join(" ");
    let write = |body: &[Block]| {
        let blocks = simple(&[body, &[quiet(post)]].concat(), &ABILITIES);
        joined([called.clone(), markdown::write(&blocks, &DIALECT)], "\n\n")
    };
    fit(post.message, write, |content| content.chars().count() <= MAX_CONTENT)
}

/// Every character that could start or end something becomes a character reference.
fn text(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    let start = text.trim_start();
    let start = text.len() - start.len()..;
    let number = text.trim_start().find(|c: char| !c.is_numeric()).filter(|length| *length > 0);
    for (at, c) in text.char_indices() {
        let next = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
        let first = at == start.start;
        let means = match c {
            '&' | '<' | '>' | '*' | '`' | '[' | ']' | '#' | '@' | '~' | '$' | '^' | '|' | '\\' => true,
            // Lists and rules, `/me` and `/poll`.
            '-' | '+' | '_' | '/' => first,
            // A numbered list, and names of hosts.
            '.' => number.is_some_and(|length| at == start.start + length) || next.is_some_and(char::is_alphabetic),
            // Emoji and addresses.
            ':' => next.is_some_and(|next| !next.is_whitespace()),
            // It would take the link after it for a picture.
            '!' => next.is_none(),
            _ => false,
        };
        match c {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            c if means => inert.push_str(&format!("&#{};", u32::from(c))),
            c => inert.push(c),
        }
    }
    inert
}

fn link(text: &str, url: &str) -> String {
    format!("[{text}]({})", address(url, "$'*;[]^{|}"))
}
