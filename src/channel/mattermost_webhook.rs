//! Mattermost, through an incoming webhook: one channel, no threads.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::json;

use super::http::{Call, Http};
use super::table::{self, Hook, HookTable};
use super::{JOINER, Outcome, Post, mattermost};
use crate::destination::{ChannelSpec, Place};
use crate::toml_file::{self, Reader};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "mattermost-webhook",
    place: Place::Table,
    person: Some(&mattermost::PERSON),
    room: mattermost::SPEC.room,
    gap: mattermost::SPEC.gap,
};

pub(crate) type Tables = toml_file::Tables<HookTable>;
pub(crate) type Settings = Hook;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, Hook::read)
}

pub(super) async fn send(http: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
    let url = settings.url.expose_secret();
    let payload = json!({ "text": unslacked(&mattermost::message(post)) });
    let call = Call::json("Mattermost", url, &payload, (url.to_owned(), SPEC.gap));
    match http.call(call).await {
        Ok(reply) if reply.is_success() => reply.sent_if_ok(),
        Ok(reply) => mattermost::refused(&reply, "the channel"),
        Err(outcome) => outcome,
    }
}

/// Before it reads any Markdown, the server makes mentions of Slack's `<!channel>` and `<@ID>`, and a link of
/// `<ADDRESS|TEXT>`, in code too (`ProcessSlackText` and `CreateWebhookPost` in its `channels/app`). Only code has a `<`.
pub(super) fn unslacked(text: &str) -> String {
    let is_link = |rest: &str| rest.split_once('|').is_some_and(|(_, rest)| rest.contains('>'));
    let line = |line: &str| {
        let mut safe = String::with_capacity(line.len());
        for (at, c) in line.char_indices() {
            let rest = line.get(at..).unwrap_or_default();
            match c {
                '<' if is_link(rest) => safe.push('＜'),
                '<' if rest.starts_with("<!") || rest.starts_with("<@") => safe.extend(['<', JOINER]),
                c => safe.push(c),
            }
        }
        safe
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
