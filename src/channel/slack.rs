//! Slack, with a bot's token: `chat.postMessage`, with replies in the thread, and `chat.update`.

mod blocks;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

pub(super) use self::blocks::payload;
pub use self::blocks::{AGREE, MUTE, OBJECT, spoken};

use self::blocks::content;
use super::http::{Call, Http};
use super::{Outcome, Post, Step, line, table};
use crate::api::{ApiSettings, Mask};
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::toml_file::{Field, Raw, Reader, SecretText, Wrong, did_you_mean};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "slack",
    place: Place::Called {
        wanted: "#channel, a channel id, or @user",
        fits: |place| place.len() > 1 && !place.contains(char::is_whitespace),
    },
    person: Some(&PERSON),
    room: 8_000,
    gap: GAP,
};

pub(super) const PERSON: PersonKey = PersonKey {
    key: "slack",
    about: "The member's id in Slack, such as `U0123ABCD`.",
    wanted: "a member's id such as \"U0123ABCD\"",
    fits: |id| id.starts_with(['U', 'W']) && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
};

/// Slack takes about one message a second in each channel.
const GAP: Duration = Duration::from_secs(1);

/// `[slack]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["token"]))]
pub struct Table {
    /// The bot's token, `xoxb-…`.
    pub token: Field<SecretText>,
    /// The address of Slack's Web API. `https://slack.com/api` by default.
    pub api_url: Field<String>,
    /// The app's signing secret, for what people do in Slack: they answer to an assumption in its thread, press a button, or
    /// write `/microalign`. Slack sends all of it to `/webhooks/slack`.
    pub signing_secret: Field<SecretText>,
    /// Who may subscribe a channel with `/microalign subscribe`: `off` (the default) for nobody, `members` for the members of
    /// the team that the channel belongs to, `anyone` for everybody in the workspace but guests. Whoever may not gets the lines
    /// for the team's file.
    #[schemars(extend("enum" = ["off", "members", "anyone"]))]
    pub subscribe: Field<String>,
}

impl Raw for Table {}

/// What `[slack]` says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where Slack's Web API is, and the bot's token
    pub api: ApiSettings,
    /// What Slack signs its events with, if it sends any
    pub signing_secret: Option<SecretString>,
    /// Who may subscribe a channel
    pub subscribe: Subscribing,
}

/// Who may subscribe a channel to something, beside what its team's file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Subscribing {
    /// Nobody: it is written into the file
    #[default]
    Off,
    /// The members of the team
    Members,
    /// Everybody in the workspace but guests
    Anyone,
}

impl Subscribing {
    const NAMES: [&str; 3] = ["off", "members", "anyone"];

    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "off" => Ok(Self::Off),
            "members" => Ok(Self::Members),
            "anyone" => Ok(Self::Anyone),
            _ => {
                let help = did_you_mean(text, Self::NAMES)
                    .unwrap_or_else(|| format!("write one of {}", Self::NAMES.join(", ")));
                Err((format!("`{text}` doesn't say who may subscribe"), Some(help)))
            }
        }
    }
}

/// Whether a text can be an id in Slack, such as a channel's: then it may stand in an address.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(crate) type Tables = Field<Table>;

/// Where Slack's Web API is, unless the operator says otherwise.
const API: &str = "https://slack.com/api";

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::one(&SPEC, tables, reader, |table, at, reader| {
        reader.require(&table.token, at, "token");
        let url = reader.web_address(table.api_url, &at.key("api_url")).unwrap_or_else(|| API.to_owned());
        let api = table::api(reader, (Some(url), None), (table.token, &at.key("token")));
        let signing_secret = reader.signing_secret(table.signing_secret, &at.key("signing_secret"));
        let subscribe = reader.word(table.subscribe, &at.key("subscribe"));
        let subscribe = subscribe.and_then(|word| reader.parsed(Subscribing::read(&word), &at.key("subscribe")));
        let subscribe = subscribe.unwrap_or_default();
        if subscribe != Subscribing::Off && signing_secret.is_none() {
            let help = "write `signing_secret`, or leave `subscribe` out".to_owned();
            let message = "nobody can subscribe without `signing_secret`, which proves that it was Slack who asked";
            reader.document.wrong(&at.key("subscribe"), message, help);
        }
        Some(Settings { api: api?, signing_secret, subscribe })
    })
}

impl Settings {
    pub(super) fn mask(&self) -> Mask {
        self.api.mask()
    }
}

pub(super) async fn send(http: &Http, settings: &Settings, channel: &str, post: &Post<'_>) -> Outcome {
    let settings = &settings.api;
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

/// The message as Slack has posted it. Slack accepts a reply to a message that was deleted, and posts it in the channel:
/// then it has no `thread_ts` (<https://github.com/slack-go/slack/issues/1571>).
#[derive(Deserialize)]
struct Placed {
    thread_ts: Option<String>,
}

/// `chat.update` needs the channel's id, which is only in the answer to a post.
fn reference(channel: Option<String>, ts: Option<String>) -> Option<String> {
    match (channel, ts?) {
        (Some(channel), ts) => Some(format!("{channel}/{ts}")),
        (None, ts) => Some(ts),
    }
}

/// A request to Slack.
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

    /// Whether making it twice does no harm.
    fn is_repeatable(self) -> bool {
        matches!(self, Self::Update { .. })
    }

    /// The next best, if the first message can't be changed or answered any more.
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

    /// The method and its body.
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
        // The messages wait until somebody changes the token.
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            return transient(&format!("Slack says {code}: the token in `[slack]` isn't valid, or has expired"));
        }
        "not_in_channel" => format!("invite the bot to {channel}"),
        "channel_not_found" if channel.starts_with('#') => format!(
            "the bot can't find {channel}. If it is private, invite the bot; if it was renamed, write its id (C…) in `to`: \
             an id survives a rename"
        ),
        "channel_not_found" => {
            format!("the bot can't find {channel}: it was deleted, or it is private and the bot isn't invited")
        }
        "is_archived" => format!("{channel} is archived: unarchive it, or write another channel in `to`"),
        "missing_scope" | "no_permission" => "give the bot the scope chat:write".to_owned(),
        "restricted_action" | "restricted_action_read_only_channel" | "restricted_action_thread_only_channel" => {
            format!("only some members may post in {channel}: allow the bot to")
        }
        "ekm_access_denied" | "access_denied" => "the workspace's owners don't let the bot post".to_owned(),
        "msg_too_long" | "msg_blocks_too_long" => "the message is too long for Slack: shorten its template".to_owned(),
        "invalid_blocks" | "invalid_blocks_format" => {
            "it rejects the message's format, which is a bug in microalign: please report it".to_owned()
        }
        _ => return Outcome::permanent(format!("Slack says {code}")),
    };
    Outcome::permanent(format!("Slack says {code}: {advice}"))
}
