//! Slack, through an incoming webhook: one channel, no threads.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::http::{Call, Http, Reply};
use super::table::{self, Hook, HookTable};
use super::{Outcome, Post, slack};
use crate::destination::{ChannelSpec, Place};
use crate::toml_file::{self, Reader};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "slack-webhook",
    place: Place::Table,
    person: Some(&slack::PERSON),
    room: slack::SPEC.room,
    gap: slack::SPEC.gap,
};

pub(crate) type Tables = toml_file::Tables<HookTable>;
pub(crate) type Settings = Hook;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, Hook::read)
}

pub(super) async fn send(http: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
    let url = settings.url.expose_secret();
    let call = Call::json("Slack", url, &slack::payload(post), (url.to_owned(), SPEC.gap));
    match http.call(call).await {
        Ok(reply) if reply.is_success() => reply.sent_if_ok(),
        Ok(reply) => refused(&reply),
        Err(outcome) => outcome,
    }
}

/// What Slack's codes mean: the answer is nothing but a code
/// (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
fn refused(reply: &Reply) -> Outcome {
    let code = reply.body.trim();
    let advice = match code {
        "channel_is_archived" => {
            "the webhook's channel is archived: unarchive it, or make a webhook in another channel"
        }
        "channel_not_found" => "the webhook's channel is gone: make a webhook in another channel",
        "no_service" | "no_service_id" | "no_active_hooks" | "invalid_token" => {
            "the webhook was removed: make another one, and put its address into `[slack_webhook.NAME]`"
        }
        "no_team" | "team_disabled" => "the webhook's workspace is gone",
        "user_not_found" => {
            "the person who made the webhook has left: make another one, and put its address into `[slack_webhook.NAME]`"
        }
        "action_prohibited" | "posting_to_general_channel_denied" => {
            "an administrator doesn't let the webhook post there: ask for permission, or make a webhook in another channel"
        }
        _ => return reply.refused(),
    };
    reply.failed(&format!("Slack says {code}: {advice}"))
}
