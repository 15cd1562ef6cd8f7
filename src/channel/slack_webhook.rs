//! Slack by an incoming webhook: one channel, no threads.

use secrecy::ExposeSecret;

use super::http::{Answer, Call, Http};
use super::{Outcome, Post, line, slack};
use crate::settings::SlackWebhookSettings;

pub(super) async fn send(http: &Http, settings: &SlackWebhookSettings, post: &Post<'_>) -> Outcome {
    let body = slack::payload(post).to_string().into_bytes();
    let call = Call { peer: "Slack", url: settings.url.expose_secret(), headers: Vec::new(), body };
    match http.post(call).await {
        Answer::Answered { status: 200..=299, .. } => Outcome::Sent { reference: None },
        Answer::Answered { status, retry_after, body } => {
            // Slack's list: 400 invalid_payload, 403 action_prohibited, 404 channel_not_found, 410 channel_is_archived;
            // and a redirect leads away from Slack.
            let error = line(&format!("Slack answered {status} {body}"));
            match status {
                300..=399 | 400 | 403 | 404 | 410 => Outcome::Permanent { error },
                _ => Outcome::Transient { error, retry_after },
            }
        }
        Answer::NotSent(error) => Outcome::transient(error),
        Answer::Unanswered(error) => Outcome::ambiguous(error),
    }
}
