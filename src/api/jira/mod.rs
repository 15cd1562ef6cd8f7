//! Jira's API: version 3 on Cloud, with an account or a service account, and version 2 on Data Center, with a personal
//! access token.

mod access;
mod changes;
mod hooks;
mod login;
mod people;

use std::time::Duration;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::Value;

use super::exchange::{Response, exchange};
use super::{ApiError, DEADLINE, LONGEST, LONGEST_REST, Mask, REST, Rest};
use crate::event::{TicketKey, is_field_id};
use crate::source::{SharedFields, SiteField};

pub use access::{Access, Entry};
pub use changes::{Cursor, time};
pub use hooks::{Edition, Hook, Registered};
pub use login::{JiraApi, JiraLogin, ServiceAccount, is_cloud_address};

const PEER: &str = "Jira";
/// The fields of a ticket that the reader of webhooks knows.
const FIELDS: &str = "summary,status,duedate,assignee,reporter,priority,issuetype,project,labels,fixVersions,components,resolution,security,issuelinks,parent,updated";
/// The fields of a response.
const BOUNDS: (Duration, usize) = (DEADLINE, LONGEST);

/// A client for one Jira.
#[derive(Debug)]
pub struct Jira {
    client: Client,
    access: Access,
    cloud: bool,
    resting: Rest,
    /// The fields of the site's own that are wanted
    fields: SharedFields,
}

impl Jira {
    /// A client with these settings, for tickets with these fields. It sends no request yet.
    #[must_use]
    pub fn new(settings: JiraApi, client: Client, fields: SharedFields) -> Self {
        let cloud = settings.is_cloud();
        Self { client, access: Access::new(settings), cloud, resting: Rest::default(), fields }
    }

    /// A ticket as Jira's API writes it; `None` if it doesn't exist or can't be seen.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn ticket(&self, key: &TicketKey) -> Result<Option<Value>, ApiError> {
        match self.get(&format!("{}/issue/{key}?fields={}", self.rest(), self.wanted())).await {
            Ok(issue) => Ok(Some(issue)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The fields of a ticket that the reader of webhooks knows, and those that the site added and somebody asks for.
    fn wanted(&self) -> String {
        let fields = self.fields.now();
        std::iter::once(FIELDS).chain(fields.wanted()).collect::<Vec<_>>().join(",")
    }

    /// The fields that the site added to its tickets.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn fields(&self) -> Result<Vec<SiteField>, ApiError> {
        let answer = self.get(&format!("{}/field", self.rest())).await?;
        let field = |field: &Value| {
            let word = |value: &Value| value.as_str().map(str::to_owned);
            let (id, name) = (word(&field["id"])?, word(&field["name"])?);
            is_field_id(&id).then(|| SiteField { id, name, kind: word(&field["schema"]["custom"]) })
        };
        Ok(answer.as_array().into_iter().flatten().filter_map(field).collect())
    }

    /// The beginning of the API's paths. The versions differ only in documents instead of wiki markup, and in the
    /// search: <https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/>.
    fn rest(&self) -> &'static str {
        if self.cloud { "/rest/api/3" } else { "/rest/api/2" }
    }

    async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// One request. A token that has become invalid is renewed once.
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

impl Response {
    /// The JSON of a success; `null` if there is nothing to read. A refusal may repeat what was sent, so secrets are
    /// masked.
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

    /// The explanation of a refusal, but nothing from an HTML page.
    fn message(&self) -> String {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct ResponseBody {
            #[serde(rename = "errorMessages")]
            messages: Vec<String>,
            errors: Value,
            message: String,
            error_description: String,
        }
        let said = serde_json::from_slice::<ResponseBody>(&self.body).unwrap_or_default();
        let fields = said.errors.as_object().into_iter().flat_map(|errors| errors.values());
        let fields = fields.filter_map(Value::as_str).map(str::to_owned);
        let words = said.messages.into_iter().chain(fields).chain([said.message, said.error_description]);
        let words = words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        let status = http::StatusCode::from_u16(self.status).ok();
        let reason = match self.status {
            300..=399 => "it redirects to another address; is the one in `[jira]` right?",
            _ => status.and_then(|status| status.canonical_reason()).unwrap_or(""),
        };
        crate::template::shorten(&crate::template::clean(if words.is_empty() { reason } else { &words }), 200)
    }
}
