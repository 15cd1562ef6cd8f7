//! Mattermost, with a bot's token: posts, with replies in the thread and edits.
//!
//! Mattermost's server looks for mentions after it has removed the escapes, and each of its clients looks for mentions,
//! hashtags, emoji and addresses in its own way. So these are broken up by an invisible character.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fit::fit;
use super::http::{Body, Call, Http, Reply};
use super::markdown::{Dialect, address, code_span, write};
use super::person::is_user_name;
use super::simplify::{Abilities, simple, takes_asterisks};
use super::table::{self, ServerKeys};
use super::{JOINER, Outcome, Post, Step, joined, ways_out};
use crate::api::ApiSettings;
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, shorten};
use crate::toml_file::{At, Field, Raw, Reader, SecretText};

/// `PostMessageMaxRunesV2` of the server: 65,535 bytes at four a character.
const MAX_MESSAGE: usize = 16_383;
const MAX_WHY: usize = 1_000;
const MAX_MENTIONS: usize = 50;

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "mattermost",
    place: Place::Called {
        wanted: "TEAM/CHANNEL, as they stand in the channel's address",
        fits: |place| place.split_once('/').is_some_and(|(team, channel)| is_url_name(team) && is_url_name(channel)),
    },
    person: Some(&PERSON),
    room: 13_000,
    gap: GAP,
};

pub(super) const PERSON: PersonKey = PersonKey {
    key: "mattermost",
    about: "The user name in Mattermost.",
    wanted: "a user name, without `@`",
    fits: is_user_name,
};

/// The server's default for `RateLimitSettings.PerSec` is 10.
const GAP: Duration = Duration::from_millis(100);

const ABILITIES: Abilities = Abilities { marked: takes_asterisks, code: str::to_owned, quotes: false };
const DIALECT: Dialect = Dialect { text: inert, code, link, strong: "**", emphasis: "*", line: "\n" };

fn is_url_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `[mattermost]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "token"]))]
pub struct Table {
    /// The server's address, such as `https://mattermost.example.com`.
    pub url: Field<String>,
    /// The bot's access token.
    pub token: Field<SecretText>,
}

impl Raw for Table {}

pub(crate) type Tables = Field<Table>;
pub(crate) type Settings = ApiSettings;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::one(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    ServerKeys { url: ("url", table.url), user: None, token: ("token", table.token) }.read(at, reader)
}

pub(super) async fn send(http: &Http, settings: &Settings, target: &str, post: &Post<'_>) -> Outcome {
    let server = Server { http, settings, target };
    let message = message(post);
    let root = post.root.and_then(|root| root.split_once('/')).filter(|(channel, id)| is_id(channel) && is_id(id));
    if let Some((channel, id)) = root {
        if let Step::Edit(_) = post.step() {
            let path = format!("/api/v4/posts/{id}/patch");
            let edited = server.call(Method::PUT, &path, &json!({ "message": message })).await;
            if !matches!(edited, Outcome::Permanent { .. }) {
                return edited;
            }
        }
        if post.step() != Step::Post {
            let replied = server.reply((channel, id), &message).await;
            // For a deleted post, the server says that it can't be changed or answered.
            if !matches!(replied, Outcome::Permanent { .. }) {
                return replied;
            }
        }
    }
    match server.channel().await {
        Ok(channel) => {
            let body = json!({ "channel_id": channel, "message": message });
            server.call(Method::POST, POSTS, &body).await.anew(post.step() != Step::Post)
        }
        Err(outcome) => outcome,
    }
}

const POSTS: &str = "/api/v4/posts";

/// Whether a text is an id, and so can be part of an address.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

struct Server<'a> {
    http: &'a Http,
    settings: &'a Settings,
    /// `TEAM/CHANNEL`
    target: &'a str,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    /// Zero unless it is archived
    #[serde(default)]
    delete_at: i64,
}

#[derive(Deserialize)]
struct Posted {
    id: String,
    channel_id: String,
    /// The post that it answers; empty if it answers none
    root_id: Option<String>,
}

impl Server<'_> {
    /// Looks up the channel's id.
    async fn channel(&self) -> Result<String, Outcome> {
        let (team, channel) = self.target.split_once('/').unwrap_or_default();
        // Without `include_deleted`, an archived channel isn't found.
        let path = format!("/api/v4/teams/name/{team}/channels/name/{channel}?include_deleted=true");
        let reply = self.ask(Method::GET, &path, Body::Json(String::new())).await?;
        match serde_json::from_str::<Channel>(&reply.body) {
            Ok(Channel { delete_at: 1.., .. }) => {
                Err(Outcome::permanent(format!("Mattermost: {}", archived(self.target))))
            }
            Ok(Channel { id, .. }) if is_id(&id) => Ok(id),
            _ => Err(Outcome::transient("Mattermost's answer cannot be read")),
        }
    }

    /// Posts in a conversation's thread. The answer says whether the post really is there.
    async fn reply(&self, (channel, root): (&str, &str), message: &str) -> Outcome {
        let body = json!({ "channel_id": channel, "root_id": root, "message": message });
        match self.ask(Method::POST, POSTS, Body::Json(body.to_string())).await {
            Ok(reply) => {
                let posted = serde_json::from_str::<Posted>(&reply.body).ok().and_then(|posted| posted.root_id);
                reply.sent(reference).anew(posted.is_some_and(|posted| posted != root))
            }
            Err(outcome) => outcome,
        }
    }

    /// Posts or edits.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Outcome {
        match self.ask(method, path, Body::Json(body.to_string())).await {
            Ok(reply) => reply.sent(reference),
            Err(outcome) => outcome,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Body) -> Result<Reply, Outcome> {
        let url = &self.settings.at(path);
        let call = Call {
            peer: "Mattermost",
            url,
            headers: Vec::new(),
            body,
            // Asking or editing twice does no harm.
            repeatable: method != Method::POST,
            method,
            lane: ("mattermost".to_owned(), GAP),
        };
        let reply = self.http.call(call.bearer(self.settings.token.expose_secret())).await?;
        if reply.is_success() { Ok(reply) } else { Err(refused(&reply, self.target)) }
    }
}

fn reference(Posted { id, channel_id, .. }: Posted) -> String {
    format!("{channel_id}/{id}")
}

fn archived(target: &str) -> String {
    format!("{target} is archived: unarchive it, or choose another channel")
}

#[derive(Deserialize)]
struct Refused {
    id: String,
    #[serde(default)]
    message: String,
}

/// What Mattermost's error ids mean. They are listed in its `server/i18n/en.json`.
pub(super) fn refused(reply: &Reply, target: &str) -> Outcome {
    if reply.status == 429 {
        return reply.failed("Mattermost asks us to slow down");
    }
    let Ok(Refused { id, message }) = serde_json::from_str(&reply.body) else { return reply.refused() };
    let advice = match id.as_str() {
        "api.context.permissions.app_error" => format!("add the bot to the team and to {target}"),
        "app.channel.get_by_name.missing.app_error" | "store.sql_channel.get_by_name.missing.app_error" => {
            format!(
                "the bot finds no {target}. If it is private, add the bot to it; if it was renamed, write the name that \
                 stands in its address now"
            )
        }
        "app.team.get_by_name.missing.app_error" | "store.sql_team.get_by_name.missing.app_error" => {
            format!("there is no team as in {target}: write the name that is in its address now")
        }
        "api.post.create_post.can_not_post_to_deleted.error" => archived(target),
        "api.context.session_expired.app_error" | "api.context.invalid_token.error" => {
            "the token in `[mattermost]` isn't valid, or has expired".to_owned()
        }
        "web.incoming_webhook.invalid.app_error" => {
            "the webhook was deleted: make another one, and put its address into `[mattermost_webhook.NAME]`".to_owned()
        }
        "web.incoming_webhook.disabled.app_error" => "incoming webhooks are switched off on the server".to_owned(),
        "web.incoming_webhook.channel.app_error" | "app.channel.get.existing.app_error" => {
            "the webhook's channel is gone: make a webhook in another channel, and put its address into \
             `[mattermost_webhook.NAME]`"
                .to_owned()
        }
        "web.incoming_webhook.permissions.app_error" => {
            "the person who made the webhook can't post there any more: add them to the channel, or have somebody there make one"
                .to_owned()
        }
        _ => message,
    };
    reply.failed(&format!("Mattermost says {id}: {advice}"))
}

/// The message's text.
pub(super) fn message(post: &Post<'_>) -> String {
    fit(post.message, |body| content(post, body), |text| text.chars().count() <= MAX_MESSAGE)
}

fn content(post: &Post<'_>, body: &[Block]) -> String {
    let mentions = post.mentions.iter().take(MAX_MENTIONS).map(|name| format!("@{name}")).collect::<Vec<_>>().join(" ");
    let why = inert(&shorten(&post.message.why, MAX_WHY));
    let why = if why.is_empty() { why } else { format!("_{why}_") };
    let links = ways_out(post.links).map(|(words, url)| link(words, url)).collect::<Vec<_>>().join(" · ");
    joined([write(&simple(body, &ABILITIES), &DIALECT), mentions, joined([why, links], " ")], "\n\n")
}

/// Escapes a text: with backslashes where the web client's parser supports them (github.com/mattermost/marked), with entities
/// where it doesn't, and with a joiner in whatever is looked for after parsing.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    let (mut before, mut number) = (None, true);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        match c {
            '*' | '`' | '[' | ']' | '|' | '>' => inert.extend(['\\', c]),
            '_' => inert.extend(['\\', '_', JOINER]),
            '@' | '#' | '~' | '\\' => inert.extend([c, JOINER]),
            ':' if after.is_none_or(|c| !c.is_whitespace()) => inert.extend([c, JOINER]),
            '<' => inert.push_str(&format!("&lt;{JOINER}")),
            '$' => inert.push_str(&format!("&#36;{JOINER}")),
            '&' if after.is_none_or(|c| c == '#' || c.is_alphanumeric()) => inert.push_str("&amp;"),
            '.' if number || after.is_none_or(|c| !c.is_whitespace()) => inert.extend([JOINER, c]),
            // Lists, rules and the lines under headings are at the start of a line. A link after `!` would be a picture.
            '-' | '+' if before.is_none() => inert.extend(['\\', c]),
            '=' if before.is_none() => inert.extend([JOINER, c]),
            ')' if number => inert.extend(['\\', c]),
            '!' if after.is_none() => inert.extend(['\\', c]),
            c => inert.push(c),
        }
        number = number && (c.is_ascii_digit() || (before.is_none() && c.is_whitespace()));
        before = Some(c).filter(|c| before.is_some() || !c.is_whitespace());
    }
    inert
}

/// Code with backticks must not touch the text around it: adjacent backticks are read as one mark.
fn code(code: &str) -> String {
    match code {
        "" => String::new(),
        code if code.contains('`') => format!("{JOINER}{}{JOINER}", code_span(code)),
        code => code_span(code),
    }
}

fn link(text: &str, url: &str) -> String {
    let address = address(url, "_*~|$");
    if text.trim().is_empty() { format!("[{}]({address})", inert(url)) } else { format!("[{text}]({address})") }
}
