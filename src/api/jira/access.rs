//! The address of Jira's API, and the login for it. A service account's tokens are kept only in memory.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::login::{JiraApi, JiraLogin, ServiceAccount};
use super::{BOUNDS, PEER};
use crate::api::exchange::exchange;
use crate::api::{ApiError, Mask};

/// The issuer of tokens for service accounts
const GIVER: &str = "Atlassian";
/// A token is not used in its last minute.
const SPARE: Duration = Duration::from_secs(60);

/// The login for Jira's API.
#[derive(Debug)]
pub struct Access {
    settings: JiraApi,
    /// The address of the site at the gateway
    site: OnceCell<String>,
    granted: Mutex<Option<Grant>>,
}

/// A service account's token.
#[derive(Debug)]
struct Grant {
    authorization: SecretString,
    until: Instant,
}

/// The address and the authorization for one request.
#[derive(Debug, Clone)]
pub struct Entry {
    base: String,
    /// The header `Authorization`
    pub authorization: SecretString,
}

impl Entry {
    /// The address for a path of the API, which begins with a slash.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Every token was checked to be valid in a header.
    pub(super) fn header(&self) -> HeaderValue {
        let value = HeaderValue::from_str(self.authorization.expose_secret());
        let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl Access {
    /// The login with these settings. It sends no request yet.
    #[must_use]
    pub fn new(settings: JiraApi) -> Self {
        Self { settings, site: OnceCell::new(), granted: Mutex::default() }
    }

    /// Returns what a request needs, with a new token if one is due.
    ///
    /// # Errors
    /// [`ApiError`], if no token can be had.
    pub async fn entry(&self, client: &Client) -> Result<Entry, ApiError> {
        let url = self.settings.url.as_str().trim_end_matches('/');
        let (base, authorization) = match &self.settings.login {
            JiraLogin::Token(token) => (url.to_owned(), bearer(token.expose_secret())),
            JiraLogin::Account { user, token } => {
                let pair = STANDARD.encode(format!("{user}:{}", token.expose_secret()));
                (url.to_owned(), format!("Basic {pair}").into())
            }
            JiraLogin::Service(account) => {
                let site = self.site.get_or_try_init(|| cloud_id(client, account)).await?;
                (format!("{url}/ex/jira/{site}"), self.granted(client, account).await?)
            }
        };
        Ok(Entry { base, authorization })
    }

    /// The secrets that a response must not show.
    pub(super) fn mask(&self, entry: &Entry) -> Mask {
        self.settings.mask().and(Mask::of_authorization(&entry.authorization))
    }

    /// Forgets a token that was refused. Returns whether a new one may help.
    pub async fn renew(&self, refused: &Entry) -> bool {
        if !matches!(self.settings.login, JiraLogin::Service(_)) {
            return false;
        }
        let mut granted = self.granted.lock().await;
        let spent = |grant: &mut Grant| grant.authorization.expose_secret() == refused.authorization.expose_secret();
        drop(granted.take_if(spent));
        true
    }

    /// Requests at the same time wait for the same token.
    async fn granted(&self, client: &Client, account: &ServiceAccount) -> Result<SecretString, ApiError> {
        let mut granted = self.granted.lock().await;
        match &*granted {
            Some(grant) if grant.until > Instant::now() => Ok(grant.authorization.clone()),
            _ => Ok(granted.insert(grant(client, account).await?).authorization.clone()),
        }
    }
}

fn bearer(token: &str) -> SecretString {
    format!("Bearer {token}").into()
}

/// A new token, which is valid for an hour:
/// <https://support.atlassian.com/user-management/docs/create-oauth-2-0-credential-for-service-accounts/>.
async fn grant(client: &Client, account: &ServiceAccount) -> Result<Grant, ApiError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        #[serde(default)]
        expires_in: u32,
    }
    let body = json!({ "grant_type": "client_credentials", "client_id": account.client_id,
                       "client_secret": account.client_secret.expose_secret() });
    let url = format!("{}/oauth/token", account.auth_url.as_str().trim_end_matches('/'));
    let asked = Instant::now();
    let answer =
        exchange(GIVER, client.post(url).json(&body), BOUNDS).await?.read(&Mask::of_token(&account.client_secret))?;
    // The parser's error could quote the token.
    let granted = serde_json::from_value::<Granted>(answer).ok();
    let granted = granted.filter(|granted| granted.access_token.bytes().all(|byte| byte.is_ascii_graphic()));
    let why = || "it has no usable `access_token`".to_owned();
    let granted = granted.ok_or_else(|| ApiError::Unreadable { peer: GIVER, why: why() })?;
    let good = Duration::from_secs(u64::from(granted.expires_in)).saturating_sub(SPARE);
    Ok(Grant { authorization: bearer(&granted.access_token), until: asked + good })
}

/// The name of a site at the gateway: <https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id/>.
async fn cloud_id(client: &Client, account: &ServiceAccount) -> Result<String, ApiError> {
    let url = format!("{}/_edge/tenant_info", account.site.as_str().trim_end_matches('/'));
    let answer = exchange(PEER, client.get(url), BOUNDS).await?.read(&Mask::default())?;
    let id = answer["cloudId"].as_str().filter(|id| !id.is_empty() && id.bytes().all(is_plain));
    let why = "`/_edge/tenant_info` names no `cloudId`; is `[jira] base_url` a site on Cloud?".to_owned();
    id.map(str::to_owned).ok_or(ApiError::Unreadable { peer: PEER, why })
}

/// The name becomes a part of an address.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
