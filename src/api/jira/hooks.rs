//! Webhooks that an administrator registers. Jira has them in two places:
//! <https://developer.atlassian.com/cloud/jira/platform/webhooks/> on Cloud, and since version 10 of Data Center
//! <https://developer.atlassian.com/server/jira/platform/webhooks/>.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ApiError, Jira, PEER};

const ON_CLOUD: &str = "/rest/webhooks/1.0/webhook";
const ON_DATA_CENTER: &str = "/rest/jira-webhook/1.0/webhooks";
/// The first version of Data Center that signs webhooks.
const SIGNS: u32 = 10;

/// The edition of a Jira.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Whether it is Cloud
    pub cloud: bool,
    /// Its version as people write it
    pub version: String,
    major: u32,
}

impl Edition {
    /// Whether it signs webhooks, since unsigned ones are refused.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.cloud || self.major >= SIGNS
    }
}

/// A webhook to register in Jira.
#[derive(Debug, Clone, Copy)]
pub struct Hook<'a> {
    /// The name that administrators see
    pub name: &'a str,
    /// Where Jira posts to
    pub url: &'a str,
    /// The events, by their names in payloads
    pub events: &'a [&'a str],
    /// The tickets of a new webhook, in JQL; empty for all. An existing webhook keeps what an administrator chose
    pub jql: &'a str,
    /// What signs
    pub secret: &'a SecretString,
}

/// What happened to a [`Hook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It was new
    New,
    /// It existed
    Updated,
}

impl Jira {
    /// The edition of a Jira.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn edition(&self) -> Result<Edition, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            #[serde(default)]
            version: String,
            #[serde(default)]
            version_numbers: Vec<u32>,
            #[serde(default)]
            deployment_type: String,
        }
        let info: Info = read(self.get("/rest/api/2/serverInfo").await?)?;
        let major = info.version_numbers.first().copied().unwrap_or_default();
        Ok(Edition { cloud: info.deployment_type == "Cloud", version: info.version, major })
    }

    /// Creates the webhook, or updates the one with its address.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn register(&self, edition: &Edition, hook: &Hook<'_>) -> Result<Registered, ApiError> {
        let place = if edition.cloud { ON_CLOUD } else { ON_DATA_CENTER };
        let known: Vec<Known> = read(self.get(place).await?)?;
        let known = known.into_iter().find(|known| known.url.trim_end_matches('/') == hook.url);
        let id = known.as_ref().map(|known| known.id().ok_or(unreadable("a webhook has no id"))).transpose()?;
        let new = Known { filters: json!({ "issue-related-events-section": hook.jql }), ..Known::default() };
        let known = known.unwrap_or(new);
        let body = if edition.cloud { on_cloud(hook, known) } else { on_data_center(hook, known) };
        match &id {
            Some(id) => self.ask(Method::PUT, &format!("{place}/{id}"), Some(&body)).await?,
            None => self.ask(Method::POST, place, Some(&body)).await?,
        };
        Ok(if id.is_some() { Registered::Updated } else { Registered::New })
    }
}

/// A webhook that Jira has. On Cloud its id is only at the end of its address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Known {
    id: Value,
    #[serde(rename = "self")]
    api: String,
    url: String,
    filters: Value,
    configuration: Map<String, Value>,
}

impl Known {
    fn id(&self) -> Option<String> {
        let own = self.id.as_u64().map(|id| id.to_string());
        let last = || self.api.rsplit('/').next().map(str::to_owned);
        own.or_else(last).filter(|id| !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()))
    }
}

/// A secret that is left out stays the same.
fn on_cloud(hook: &Hook<'_>, known: Known) -> Value {
    json!({ "name": hook.name, "url": hook.url, "events": hook.events, "filters": known.filters, "excludeBody": false,
            "enabled": true, "secret": hook.secret.expose_secret() })
}

fn on_data_center(hook: &Hook<'_>, known: Known) -> Value {
    let mut configuration = known.configuration;
    configuration.insert("SECRET".to_owned(), json!(hook.secret.expose_secret()));
    configuration.insert("EXCLUDE_BODY".to_owned(), json!("false"));
    json!({ "id": known.id, "name": hook.name, "url": hook.url, "events": hook.events, "filters": known.filters,
            "active": true, "scopeType": "global", "configuration": configuration })
}

fn read<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, ApiError> {
    serde_json::from_value(answer).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> ApiError {
    ApiError::Unreadable { peer: PEER, why: why.to_owned() }
}
