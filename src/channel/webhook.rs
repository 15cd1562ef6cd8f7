//! A JSON webhook, signed as Standard Webhooks says (<https://www.standardwebhooks.com>).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Method;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::http::{Body, Call, Http};
use super::table::{self, Hook, HookTable, plain};
use super::{Outcome, Post, html};
use crate::api::Mask;
use crate::destination::{ChannelSpec, Place};
use crate::template::text;
use crate::toml_file::{self, At, Field, Raw, Reader, SecretText};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec =
    ChannelSpec { name: "webhook", place: Place::Table, person: None, room: usize::MAX, gap: Duration::ZERO };

/// `[webhook.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "secret"]))]
pub struct Table {
    /// Where messages are posted, which is a secret.
    pub url: Field<SecretText>,
    /// The secret that signs them, as Standard Webhooks says: `whsec_` and base64.
    pub secret: Field<SecretText>,
}

impl Raw for Table {}

/// What `[webhook.NAME]` says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where messages are posted
    pub url: SecretString,
    /// What signs them
    pub key: SecretSlice<u8>,
}

pub(crate) type Tables = toml_file::Tables<Table>;

/// Stands for a secret that isn't looked up.
const STAND_IN: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, read_table)
}

fn read_table(table: Table, at: &At, reader: &mut Reader<'_>) -> Option<Settings> {
    let hook = Hook::read(HookTable { url: table.url }, at, reader);
    reader.require(&table.secret, at, "secret");
    let secret = reader.secret(table.secret, &at.key("secret"), STAND_IN)?;
    let key = reader.parsed(signing_key(secret.expose_secret()).map_err(plain), &at.key("secret"))?;
    Some(Settings { url: hook?.url, key })
}

/// The key in a secret that is written as Standard Webhooks says: `whsec_` and 24 to 64 bytes in base64.
pub(super) fn signing_key(secret: &str) -> Result<SecretSlice<u8>, String> {
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    match key {
        Some(key) if (24..=64).contains(&key.len()) => Ok(key.into()),
        _ => Err("the secret is `whsec_` and 24 to 64 random bytes in base64: \
                  echo whsec_$(head -c 32 /dev/urandom | base64)"
            .to_owned()),
    }
}

impl Settings {
    pub(super) fn mask(&self) -> Mask {
        Mask::of_address(&self.url)
    }
}

pub(super) async fn send(client: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
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
        lane: (url.to_owned(), SPEC.gap),
    };
    match client.call(call).await {
        Ok(reply) if reply.is_success() => Outcome::sent(None),
        Ok(reply) if matches!(reply.status, 404 | 410) => reply.failed(&format!(
            "the webhook answered {}: nothing accepts messages at its address: see `url` in `[webhook.NAME]`: {}",
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

    #[test]
    fn secrets_are_long_enough() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(signing_key(secret).map(|key| key.expose_secret().len()), Ok(24));
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_***"] {
            assert!(signing_key(bad).is_err(), "{bad}");
        }
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_published_signature() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_or_default();
        let text = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(sign(&key, text).as_deref(), Some("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }
}
