//! Slack by an incoming webhook: one channel, no threads.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::http::{Call, Http};
use super::{Outcome, Post, slack};
use crate::settings::HookSettings;

pub(super) async fn send(http: &Http, settings: &HookSettings, post: &Post<'_>) -> Outcome {
    let url = settings.url.expose_secret();
    let call = Call::json("Slack", url, &slack::payload(post), (url.to_owned(), Duration::from_secs(1)));
    match http.call(call).await {
        Ok(reply) if reply.is_success() => reply.sent_if_ok(),
        // 400 invalid_payload, 403 action_prohibited, 404 channel_not_found, 410 channel_is_archived
        // (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>), and a redirect leads elsewhere.
        Ok(reply) => reply.refused(),
        Err(outcome) => outcome,
    }
}
