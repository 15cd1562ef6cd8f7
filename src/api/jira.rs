//! Jira's API, version 2, which Cloud has (by address and API token) and Data Center (by a personal access token).

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{ApiError, DEADLINE, LONGEST};
use crate::event::TicketKey;
use crate::settings::ApiSettings;

const PEER: &str = "Jira";
/// What is asked of a ticket: what our reader of webhooks knows to read.
const FIELDS: &str =
    "summary,status,duedate,assignee,reporter,priority,issuetype,project,labels,fixVersions,components,updated";

/// A client for one Jira.
#[derive(Debug)]
pub struct Jira {
    client: reqwest::Client,
    settings: ApiSettings,
}

impl Jira {
    /// A client by these settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: ApiSettings, client: reqwest::Client) -> Self {
        Self { client, settings }
    }

    /// A ticket as Jira's API writes it; `None` if there is none, or none for us.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn ticket(&self, key: &TicketKey) -> Result<Option<Value>, ApiError> {
        match self.ask(&format!("/rest/api/2/issue/{key}?fields={FIELDS}")).await {
            Ok(issue) => Ok(Some(issue)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for what is at a path.
    async fn ask(&self, path: &str) -> Result<Value, ApiError> {
        let (request, token) = (self.client.get(self.settings.at(path)), self.settings.token.expose_secret());
        let request = match &self.settings.user {
            Some(user) => request.basic_auth(user, Some(token)),
            None => request.bearer_auth(token),
        };
        let request = request.header("accept", "application/json");
        let asked = async {
            let mut response = request.send().await.map_err(|error| silent(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| silent(&error))? {
                body.extend_from_slice(&chunk);
                if body.len() > LONGEST {
                    return Err(ApiError::Unreadable { peer: PEER, why: "it is too long".to_owned() });
                }
            }
            Ok((status.as_u16(), headers, body))
        };
        let late = || ApiError::Silent(format!("{PEER} did not answer within {} s", DEADLINE.as_secs()));
        let (status, headers, body) = timeout(DEADLINE, asked).await.map_err(|_| late())??;
        match status {
            200..=299 => serde_json::from_slice(&body)
                .map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() }),
            429 | 503 if headers.contains_key("retry-after") => {
                let seconds = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                Err(ApiError::Limited { peer: PEER, wait: std::time::Duration::from_secs(seconds.unwrap_or(60)) })
            }
            status => Err(ApiError::Refused { peer: PEER, status, message: message(status, &body) }),
        }
    }
}

fn silent(error: &reqwest::Error) -> ApiError {
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    ApiError::Silent(format!("{PEER} {what}"))
}

/// What Jira says of a refusal, and nothing of a page in HTML.
fn message(status: u16, body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Said {
        error_messages: Vec<String>,
        errors: serde_json::Map<String, Value>,
        message: String,
    }
    let said = serde_json::from_slice::<Said>(body).unwrap_or_default();
    let fields = said.errors.values().filter_map(Value::as_str).map(str::to_owned);
    let words = said.error_messages.into_iter().chain(fields).chain(Some(said.message)).filter(|text| !text.is_empty());
    let words = words.collect::<Vec<_>>().join("; ");
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    crate::template::shorten(&crate::template::clean(if words.is_empty() { reason } else { &words }), 200)
}
