//! A JSON webhook, signed as Standard Webhooks says (<https://www.standardwebhooks.com>).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use sha2::Sha256;

use super::http::{Body, Call, Http};
use super::{Outcome, Post, html};
use crate::settings::WebhookSettings;
use crate::template::text;

pub(super) async fn send(client: &Http, settings: &WebhookSettings, post: &Post<'_>) -> Outcome {
    let id = format!("msg_{}", post.id);
    let timestamp = Timestamp::now().as_second();
    let body = payload(post).to_string();
    let Some(signature) = sign(settings.key.expose_secret(), &format!("{id}.{timestamp}.{body}")) else {
        return Outcome::permanent("the webhook's secret cannot sign");
    };
    let url = settings.url.expose_secret();
    let call = Call {
        peer: "the webhook",
        method: Method::POST,
        url,
        headers: vec![
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", format!("v1,{signature}")),
        ],
        body: Body::Json(body),
        // The receiver knows the message by its id.
        repeatable: true,
        lane: (url.to_owned(), Duration::ZERO),
    };
    match client.call(call).await {
        Ok(reply) if reply.is_success() => Outcome::sent(None),
        Ok(reply) if matches!(reply.status, 404 | 410) => reply.failed(&format!(
            "the webhook answered {}: nobody takes messages at its address: see `url` in `[webhook.NAME]`: {}",
            reply.status, reply.body
        )),
        Ok(reply) => reply.refused(),
        Err(outcome) => outcome,
    }
}

fn payload(post: &Post<'_>) -> serde_json::Value {
    let message = post.message;
    let mut data = json!({
        "team": post.team,
        "rule": post.rule,
        "thread": if message.private { post.short_alias() } else { post.thread },
        "thread_label": if message.private { "a private repository" } else { post.thread_label },
        "subject": message.subject,
        "text": text(&message.body),
        "html": html::page(post),
        "why": message.why,
    });
    if let (Some(fields), Some(url)) = (data.as_object_mut(), &message.url) {
        fields.insert("url".to_owned(), url.as_str().into());
    }
    let kind = if message.restricted { "restricted" } else { post.kind };
    json!({ "type": kind, "timestamp": post.at.to_string(), "data": data })
}

fn sign(key: &[u8], text: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_published_signature() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_or_default();
        let text = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(sign(&key, text).as_deref(), Some("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }
}
