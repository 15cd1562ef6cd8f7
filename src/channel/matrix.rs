//! Matrix, with an account's access token: `m.room.message`, with replies in the thread and edits.
//!
//! Bots send `m.notice`, which other bots never answer and which notifies nobody
//! (<https://spec.matrix.org/v1.18/client-server-api/#mnotice>). That push rule comes before the one for mentions, so a message
//! that mentions somebody has to be `m.text`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

use super::fit::fit;
use super::http::{Body, Call, Http, Reply, seconds};
use super::table::{self, ServerKeys};
use super::{JOINER, Outcome, Post, Step, html, line, ways_out};
use crate::api::{ApiSettings, Mask};
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, Inline, shorten, text};
use crate::toml_file::{At, Field, Raw, Reader, SecretText};

/// An event has at most 65,536 bytes, with what the server adds to it
/// (<https://spec.matrix.org/v1.18/client-server-api/#size-limits>).
const MAX_CONTENT: usize = 60_000;
const MAX_WHY: usize = 1_000;

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "matrix",
    place: Place::Called {
        wanted: "a room's id, such as !abc:example.com: see the room's settings, Advanced",
        fits: |place| place.len() > 1 && place.starts_with('!') && !place.contains(char::is_whitespace),
    },
    person: Some(&PersonKey {
        key: "matrix",
        about: "The user's id in Matrix, such as `@ana:example.com`.",
        wanted: "a user's id such as \"@ana:example.com\"",
        fits: is_user_id,
    }),
    room: 10_000,
    gap: GAP,
};

/// Every homeserver has its own rate limit; above it, it answers `M_LIMIT_EXCEEDED`.
const GAP: Duration = Duration::from_secs(1);

/// How often a room is checked. One that was upgraded may still accept messages, but nobody reads them there.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// When each room was last known not to be upgraded.
#[derive(Debug, Default)]
pub struct Rooms(Mutex<HashMap<String, Instant>>);

impl Rooms {
    fn is_due(&self, room: &str) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(room).copied();
        seen.is_none_or(|seen| seen.elapsed() >= LOOK)
    }

    fn saw(&self, room: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned(), Instant::now());
    }
}

/// `[matrix]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["homeserver", "token"]))]
pub struct Table {
    /// The homeserver's address, such as `https://matrix.example.com`.
    pub homeserver: Field<String>,
    /// The user's access token.
    pub token: Field<SecretText>,
}

impl Raw for Table {}

/// What `[matrix]` says, and what was seen of the homeserver's rooms.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the homeserver is, and the account's token
    pub api: ApiSettings,
    /// What was seen of its rooms
    pub rooms: Arc<Rooms>,
}

impl Settings {
    pub(super) fn mask(&self) -> Mask {
        self.api.mask()
    }
}

fn is_user_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"'&()[]".contains(c);
    text.len() <= 255 && text.starts_with('@') && text.contains(':') && text.chars().all(plain)
}

pub(crate) type Tables = Field<Table>;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::one(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    let keys = ServerKeys { url: ("homeserver", table.homeserver), user: None, token: ("token", table.token) };
    Some(Settings { api: keys.read(at, reader)?, rooms: Arc::default() })
}

pub(super) async fn send(client: &Http, settings: &Settings, room: &str, post: &Post<'_>) -> Outcome {
    match (Room { client, settings, room }).say(post).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

/// A room of the homeserver.
struct Room<'a> {
    client: &'a Http,
    settings: &'a Settings,
    room: &'a str,
}

impl Room<'_> {
    async fn say(&self, post: &Post<'_>) -> Result<Outcome, Outcome> {
        if self.settings.rooms.is_due(self.room) {
            self.look().await?;
        }
        let step = self.step(post).await?;
        let content = content(post, step).to_string();
        // This is the same for every attempt, so that the homeserver accepts only one. Ids start again with a new store, but times
        // don't.
        let path = format!("send/m.room.message/microalign-{}-{}", post.id, post.at.as_millisecond());
        let mut reply = self.ask(Method::PUT, &path, content.clone()).await?;
        // An invitation has to be accepted, and there is nobody else to do it.
        if reply.status == 403 && reply.body.contains("M_FORBIDDEN") {
            let joined = self.ask(Method::POST, "join", "{}".to_owned()).await?;
            match joined.status {
                200 => reply = self.ask(Method::PUT, &path, content).await?,
                429 | 500.. => reply = joined,
                404 => {
                    let error = format!("Matrix can't find the room {}: write another one in `to`", self.room);
                    return Ok(Outcome::permanent(error));
                }
                _ => {}
            }
            if reply.status == 403 {
                self.look().await?;
            }
        }
        if !reply.is_success() {
            return Ok(refused(reply));
        }
        match serde_json::from_str::<Said>(&reply.body) {
            Ok(Said { event_id }) => Ok(Outcome::sent(Some(event_id)).anew(step == Step::Post && post.step() != step)),
            Err(_) => Ok(Outcome::transient("Matrix's answer cannot be read")),
        }
    }

    /// Checks whether the room was upgraded (<https://spec.matrix.org/v1.18/client-server-api/#room-upgrades>). An account that
    /// isn't in the room can't see that. A tombstone that was removed names no other room.
    async fn look(&self) -> Result<(), Outcome> {
        let reply = self.ask(Method::GET, "state/m.room.tombstone", String::new()).await?;
        let tombstone = serde_json::from_str::<Tombstone>(&reply.body).ok().filter(|_| reply.is_success());
        if let Some(new) = tombstone.and_then(|said| said.replacement_room).filter(|new| new.starts_with('!')) {
            return Err(Outcome::permanent(format!(
                "Matrix: the room {} was upgraded and goes on as {new}: invite the account there, and write `matrix:{new}` \
                 in `to`",
                self.room
            )));
        }
        if reply.is_success() || reply.status == 404 {
            self.settings.rooms.saw(self.room);
        }
        Ok(())
    }

    /// What the message does there. A homeserver accepts replies to a message that was removed, and edits of it, but nobody sees
    /// them.
    async fn step<'p>(&self, post: &Post<'p>) -> Result<Step<'p>, Outcome> {
        let step = post.step();
        let (Step::Edit(root) | Step::Reply { root, .. }) = step else { return Ok(step) };
        if !root.starts_with('$') {
            return Ok(Step::Post);
        }
        let reply = self.ask(Method::GET, &format!("event/{}", segment(root)), String::new()).await?;
        let event = serde_json::from_str::<Value>(&reply.body);
        // A removed message has no content.
        let removed = reply.is_success() && event.is_ok_and(|event| event["content"]["msgtype"].is_null());
        Ok(if removed || reply.status == 404 { Step::Post } else { step })
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Reply, Outcome> {
        let url = self.settings.api.at(&format!("/_matrix/client/v3/rooms/{}/{path}", segment(self.room)));
        let lane = format!("matrix {}", self.settings.api.url);
        // Homeservers limit sending, and hardly limit reading.
        let gap = if method == Method::GET { Duration::ZERO } else { GAP };
        let (peer, headers, body) = ("Matrix", Vec::new(), Body::Json(body));
        let call = Call { peer, method, url: &url, headers, body, repeatable: true, lane: (lane, gap) };
        self.client.call(call.bearer(self.settings.api.token.expose_secret())).await
    }
}

/// A part of a path. It never has a space in it, which this would write as `+`.
fn segment(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[derive(Deserialize)]
struct Said {
    event_id: String,
}

#[derive(Deserialize)]
struct Tombstone {
    replacement_room: Option<String>,
}

#[derive(Default, Deserialize)]
struct Refusal {
    errcode: String,
    #[serde(default)]
    error: String,
    retry_after_ms: Option<f64>,
}

/// What Matrix's error codes mean (<https://spec.matrix.org/v1.18/client-server-api/#standard-error-response>).
fn refused(mut reply: Reply) -> Outcome {
    let Ok(Refusal { errcode, error, retry_after_ms }) = serde_json::from_str(&reply.body) else {
        return reply.refused();
    };
    // Homeservers before 1.10 of the specification have no `Retry-After`.
    let wait = retry_after_ms.and_then(|wait| seconds(wait / 1000.0));
    reply.retry_after = reply.retry_after.or(wait);
    let advice = match &*errcode {
        "M_LIMIT_EXCEEDED" => "it asks us to slow down",
        "M_FORBIDDEN" if error.contains("banned") => {
            "the account was banned from the room: lift the ban, or write another room in `to`"
        }
        "M_FORBIDDEN" => "invite the account to the room, and let it write there",
        "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" => "put a valid `token` into `[matrix]`",
        "M_NOT_FOUND" | "M_UNRECOGNIZED" => "is `homeserver` in `[matrix]` the address that clients use?",
        // The messages wait until somebody fixes the account or the homeserver.
        "M_USER_DEACTIVATED" | "M_USER_SUSPENDED" | "M_CONSENT_NOT_GIVEN" | "M_RESOURCE_LIMIT_EXCEEDED" => {
            let error = line(&format!("Matrix says {errcode}: the account can't write until that is fixed"));
            return Outcome::Transient { error, retry_after: reply.retry_after };
        }
        _ => &error,
    };
    reply.failed(&format!("Matrix says {errcode}: {advice}"))
}

/// The event's content, shortened until it fits.
pub(super) fn content(post: &Post<'_>, step: Step<'_>) -> Value {
    fit(post.message, |body| related(said(post, body), step), |content| content.to_string().len() <= MAX_CONTENT)
}

/// What it says. `m.mentions` lists who is mentioned, and tells clients not to look for names in the text.
fn said(post: &Post<'_>, body: &[Block]) -> Value {
    let body = body.iter().map(inert_block).collect::<Vec<_>>();
    let why = inert(&shorten(&post.message.why, MAX_WHY));
    let ways = ways_out(post.links).map(|(words, url)| format!("\n{words}: {url}")).collect::<String>();
    let (mut plain, mut html) =
        (format!("{}\n\n{why}{ways}", text(&body)), html::body_and_links(&body, &why, post.links, html::BARE));
    if !post.mentions.is_empty() {
        let pill = |id: &&str| format!("<a href=\"https://matrix.to/#/{}\">{}</a>", segment(id), html::escape(id));
        let pills = post.mentions.iter().map(pill).collect::<Vec<_>>().join(" ");
        (plain, html) = (format!("{}\n\n{plain}", post.mentions.join(" ")), format!("<p>{pills}</p>\n{html}"));
    }
    json!({
        "msgtype": if post.mentions.is_empty() { "m.notice" } else { "m.text" },
        "body": plain,
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": { "user_ids": post.mentions },
    })
}

/// With its place in the conversation.
fn related(mut content: Value, step: Step<'_>) -> Value {
    match step {
        Step::Post => content,
        // Clients without threads show it as a reply.
        Step::Reply { root, .. } => {
            content["m.relates_to"] = json!({
                "rel_type": "m.thread",
                "event_id": root,
                "is_falling_back": true,
                "m.in_reply_to": { "event_id": root },
            });
            content
        }
        // Clients without edits show `body`. Nobody is mentioned again.
        Step::Edit(root) => {
            let body = format!("* {}", content["body"].as_str().unwrap_or_default());
            json!({
                "msgtype": content["msgtype"],
                "body": body,
                "m.mentions": { "user_ids": [] },
                "m.new_content": content,
                "m.relates_to": { "rel_type": "m.replace", "event_id": root },
            })
        }
    }
}

fn inert_block(block: &Block) -> Block {
    let all = |blocks: &[Block]| blocks.iter().map(inert_block).collect::<Vec<_>>();
    match block {
        Block::Paragraph(inlines) => Block::Paragraph(inert_inlines(inlines)),
        Block::Quote(inner) => Block::Quote(all(inner)),
        Block::List { start, items } => {
            Block::List { start: *start, items: items.iter().map(|item| all(item)).collect() }
        }
        Block::Code(code) => Block::Code(inert(code)),
    }
}

fn inert_inlines(inlines: &[Inline]) -> Vec<Inline> {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => Inline::Text(inert(text)),
        Inline::Code(code) => Inline::Code(inert(code)),
        Inline::Strong(inner) => Inline::Strong(inert_inlines(inner)),
        Inline::Emphasis(inner) => Inline::Emphasis(inert_inlines(inner)),
        Inline::Break => Inline::Break,
        // A link that shows its own address stays one in plain text.
        Inline::Link { text, url } if *text == [Inline::Text(url.clone())] => inline.clone(),
        Inline::Link { text, url } => Inline::Link { text: inert_inlines(text), url: url.clone() },
    };
    inlines.iter().map(one).collect()
}

/// Clients turn addresses, domains, and names of users and rooms into links, some even in code, and show `@room` as a
/// mention. An invisible word joiner breaks them up. One is needed after the colon of a user's name, too: linkifyjs, which
/// Element and Cinny use, accepts one within the name.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len() + text.len() / 4);
    let mut letters = text.char_indices().peekable();
    while let Some((at, c)) = letters.next() {
        // At the end of this text, another one with a different style may follow.
        let next = letters.peek().map(|(_, next)| *next);
        let goes_on = || next.is_none_or(|next| !next.is_whitespace());
        let breaks = match c {
            ':' | '@' => goes_on(),
            '.' | '。' | '．' | '｡' => {
                goes_on() && next.is_none_or(|next| next.is_alphanumeric() || !next.is_ascii())
            }
            'l' | 'L' => text.get(at..at + 9).is_some_and(|word| word.eq_ignore_ascii_case("localhost")),
            _ => false,
        };
        inert.push(c);
        inert.extend(breaks.then_some(JOINER));
    }
    inert
}
