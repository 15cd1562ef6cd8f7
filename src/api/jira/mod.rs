//! Jira's API: version 3 on Cloud, which is asked by an account or a service account, version 2 on Data Center, by a
//! personal access token.

mod access;
mod changes;
mod hooks;
mod login;

use std::time::Duration;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::Value;

use super::exchange::{Answer, exchange};
use super::{ApiError, DEADLINE, LONGEST, LONGEST_REST, Mask, REST, Rest};
use crate::event::TicketKey;

pub use access::{Access, Entry};
pub use changes::{Cursor, time};
pub use hooks::{Edition, Hook, Registered};
pub use login::{JiraApi, JiraLogin, ServiceAccount, is_cloud_address};

const PEER: &str = "Jira";
/// What is asked of a ticket: what our reader of webhooks knows to read.
const FIELDS: &str = "summary,status,duedate,assignee,reporter,priority,issuetype,project,labels,fixVersions,components,resolution,security,issuelinks,updated";
/// What an answer has.
const BOUNDS: (Duration, usize) = (DEADLINE, LONGEST);

/// A client for one Jira.
#[derive(Debug)]
pub struct Jira {
    client: Client,
    access: Access,
    cloud: bool,
    resting: Rest,
}

impl Jira {
    /// A client by these settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: JiraApi, client: Client) -> Self {
        let cloud = settings.is_cloud();
        Self { client, access: Access::new(settings), cloud, resting: Rest::default() }
    }

    /// A ticket as Jira's API writes it; `None` if there is none, or none for us.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn ticket(&self, key: &TicketKey) -> Result<Option<Value>, ApiError> {
        match self.get(&format!("{}/issue/{key}?fields={FIELDS}", self.rest())).await {
            Ok(issue) => Ok(Some(issue)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the paths of the API begin with. The versions are alike but for documents in place of wiki markup, and for the
    /// search: <https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/>.
    fn rest(&self) -> &'static str {
        if self.cloud { "/rest/api/3" } else { "/rest/api/2" }
    }

    async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// One question. A token that is not good any more is renewed once.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        if let Some(wait) = self.resting.left() {
            return Err(ApiError::Limited { peer: PEER, wait });
        }
        let request = |entry: &Entry| {
            let request = self.client.request(method.clone(), entry.at(path)).header(AUTHORIZATION, entry.header());
            match body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        let mut entry = self.access.entry(&self.client).await?;
        let mut answer = exchange(PEER, request(&entry), BOUNDS).await?;
        if answer.status == 401 && self.access.renew(&entry).await {
            entry = self.access.entry(&self.client).await?;
            answer = exchange(PEER, request(&entry), BOUNDS).await?;
        }
        let answer = answer.read(&self.access.mask(&entry));
        if let Err(ApiError::Limited { wait, .. }) = &answer {
            self.resting.begin(*wait);
        }
        answer
    }
}

impl Answer {
    /// Its JSON, if it is a success; `null` where there is nothing to read. Who refuses may repeat what we sent.
    fn read(&self, mask: &Mask) -> Result<Value, ApiError> {
        let peer = self.peer;
        match self.status {
            200..=299 if self.body.is_empty() => Ok(Value::Null),
            200..=299 => serde_json::from_slice(&self.body)
                .map_err(|error| ApiError::Unreadable { peer, why: error.to_string() }),
            429 => Err(ApiError::Limited { peer, wait: self.rest().unwrap_or(REST) }),
            503 if self.headers.contains_key(RETRY_AFTER) => {
                Err(ApiError::Limited { peer, wait: self.rest().unwrap_or(REST) })
            }
            status => Err(ApiError::Refused { peer, status, message: mask.apply(&self.message()) }),
        }
    }

    fn rest(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST_REST))
    }

    /// What is said of a refusal, and nothing of a page in HTML.
    fn message(&self) -> String {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said {
            #[serde(rename = "errorMessages")]
            messages: Vec<String>,
            errors: Value,
            message: String,
            error_description: String,
        }
        let said = serde_json::from_slice::<Said>(&self.body).unwrap_or_default();
        let fields = said.errors.as_object().into_iter().flat_map(|errors| errors.values());
        let fields = fields.filter_map(Value::as_str).map(str::to_owned);
        let words = said.messages.into_iter().chain(fields).chain([said.message, said.error_description]);
        let words = words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        let status = http::StatusCode::from_u16(self.status).ok();
        let reason = match self.status {
            300..=399 => "it sends us elsewhere; is the address in `[jira]` the right one?",
            _ => status.and_then(|status| status.canonical_reason()).unwrap_or(""),
        };
        crate::template::shorten(&crate::template::clean(if words.is_empty() { reason } else { &words }), 200)
    }
}
