//! GitHub's API, through octocrab: as an App, whose tokens octocrab renews, or with a token.
//!
//! Responses are kept with their ETag for conditional requests, which don't count against the rate limit
//! (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).

mod checks;
mod closing;
mod code;
mod comments;
mod deliveries;
mod graphql;
mod hooks;
mod login;
mod people;
mod projects;
mod rule_files;
mod teams;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK, RETRY_AFTER};
use http::response::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::{ApiError, DEADLINE, LONGEST, LONGEST_REST, Mask, REST, Rest};

pub use self::checks::{Annotation, Begun, Check};
pub use self::deliveries::{APP_HOOK, Attempt, Delivered, hook_route};
pub use self::hooks::{App, Config as HookConfig, Hook, HookAt, NewApp, Registered, Wanted};
pub use self::login::{GithubApi, GithubLogin};
pub use self::people::{MailFrom, Profile};
pub use self::projects::OnBoards;
pub use self::rule_files::HasFile;

const PEER: &str = "GitHub";
const JSON: &str = "application/vnd.github+json";
/// No list is longer than 3,000 files, 100 a page.
const PAGES: usize = 30;
/// About how many responses are kept.
const KEPT: usize = 2_000;

/// A client for one GitHub.
pub struct Github {
    crab: Arc<Octocrab>,
    /// Without an App, it asks with a token
    app_id: Option<u64>,
    /// Whether its REST API is at `/api/v3`
    is_enterprise: bool,
    mask: Mask,
    /// By owner. A clone of a client would request its own token.
    installations: Mutex<HashMap<String, Arc<Octocrab>>>,
    kept: Mutex<HashMap<String, Kept>>,
    resting: Rest,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum Login<'a> {
    /// The App itself; without an App, the owner of the token
    Itself,
    /// The App's installation for `owner` or `owner/repo`; without an App, the owner of the token
    Owner(&'a str),
}

impl Login<'_> {
    fn owner(self) -> Option<String> {
        let Self::Owner(about) = self else { return None };
        Some(about.split('/').next().unwrap_or(about).to_lowercase())
    }
}

/// The body of octocrab's responses
type ResponseBody = http_body_util::combinators::BoxBody<Bytes, octocrab::Error>;

/// A response that may still be current.
#[derive(Debug, Clone)]
struct Kept {
    etag: HeaderValue,
    page: Page,
}

#[derive(Debug, Clone)]
struct Page {
    body: Bytes,
    /// The query of the next page
    next: Option<String>,
}

impl Github {
    /// A client with these settings. It sends no request yet.
    ///
    /// # Errors
    /// One sentence, without the key or the token.
    pub fn new(settings: &GithubApi, client: reqwest::Client) -> Result<Self, String> {
        let builder = Octocrab::builder()
            .base_uri(settings.url.as_str().trim_end_matches('/'))
            .map_err(|_| "the address of GitHub's API isn't valid".to_owned())?;
        let (builder, app_id) = match &settings.login {
            GithubLogin::Nobody => (builder, None),
            GithubLogin::Token(token) => (builder.personal_token(token.expose_secret().to_owned()), None),
            GithubLogin::App { id, key } => {
                let builder = builder.app_from_rsa_pem(AppId(*id), key.expose_secret());
                (builder.map_err(|_| "the App's key isn't an RSA key in PEM".to_owned())?, Some(*id))
            }
        };
        let crab = builder.build_with_reqwest(client).map_err(|_| "cannot create the client for GitHub".to_owned())?;
        let crab = Arc::new(crab);
        Ok(Self {
            crab,
            app_id,
            is_enterprise: settings.url.path().trim_end_matches('/').ends_with("/api/v3"),
            mask: settings.mask(),
            installations: Mutex::default(),
            kept: Mutex::default(),
            resting: Rest::default(),
        })
    }

    /// Every page of a list.
    async fn list<T: DeserializeOwned>(&self, login: Login<'_>, route: &str) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let mut query = Some("per_page=100".to_owned());
        for _ in 0..PAGES {
            let Some(asked) = query else { break };
            let page = self.page(login, &format!("{route}?{asked}"), JSON).await?;
            all.extend(read::<Vec<T>>(&page.body)?);
            query = page.next;
        }
        Ok(all)
    }

    /// One object.
    async fn get<T: DeserializeOwned>(&self, login: Login<'_>, route: &str) -> Result<T, ApiError> {
        let page = self.page(login, route, JSON).await?;
        read(&page.body)
    }

    /// Gets something without keeping the response.
    async fn fresh(&self, login: Login<'_>, route: &str, accept: &'static str) -> Result<Page, ApiError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let (parts, body) = self.ask(login, async |crab| crab._get_with_headers(route, Some(headers)).await).await?;
        match parts.status.as_u16() {
            200..=299 => Ok(Page { body, next: parts.headers.get(LINK).and_then(next) }),
            status => Err(self.refused(status, &parts.headers, &body)),
        }
    }

    /// Gets something, and keeps the response for a conditional request.
    async fn page(&self, login: Login<'_>, route: &str, accept: &'static str) -> Result<Page, ApiError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(route).cloned();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(kept) = &kept {
            headers.insert(IF_NONE_MATCH, kept.etag.clone());
        }
        let (parts, body) = self.ask(login, async |crab| crab._get_with_headers(route, Some(headers)).await).await?;
        match (parts.status.as_u16(), kept) {
            (304, Some(kept)) => Ok(kept.page),
            (200..=299, _) => {
                let page = Page { body, next: parts.headers.get(LINK).and_then(next) };
                if let Some(etag) = parts.headers.get(ETAG) {
                    self.keep(route, Kept { etag: etag.clone(), page: page.clone() });
                }
                Ok(page)
            }
            (status, _) => Err(self.refused(status, &parts.headers, &body)),
        }
    }

    /// Creates or changes something, and returns the body of the response.
    async fn tell(
        &self,
        login: Login<'_>,
        (method, route): (Method, &str),
        said: Option<&Value>,
    ) -> Result<Bytes, ApiError> {
        let request = async |crab: &Octocrab| {
            let request = http::Request::builder().method(method).uri(route).header(ACCEPT, JSON);
            crab.execute(crab.build_request(request, said)?).await
        };
        let (parts, body) = self.ask(login, request).await?;
        match parts.status.as_u16() {
            200..=299 => Ok(body),
            status => Err(self.refused(status, &parts.headers, &body)),
        }
    }

    /// One request and its response with any status, with limits on time and size. While GitHub's rate limit lasts, no
    /// request is sent.
    async fn ask<E>(&self, login: Login<'_>, request: E) -> Result<(Parts, Bytes), ApiError>
    where
        E: AsyncFnOnce(&Octocrab) -> Result<Response<ResponseBody>, octocrab::Error>,
    {
        if let Some(wait) = self.resting.left() {
            return Err(ApiError::Limited { peer: PEER, wait });
        }
        let asked = async {
            let crab = self.crab_for(login).await?;
            // If a token can't be had or has become invalid, its installation is gone.
            let answer = request(&crab).await.inspect_err(|_| self.forget(login)).map_err(|error| asked(&error))?;
            let (parts, body) = answer.into_parts();
            if parts.status == StatusCode::UNAUTHORIZED {
                self.forget(login);
            }
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() })?.to_bytes();
            Ok((parts, body))
        };
        let late = || ApiError::Silent(format!("{PEER} did not answer within {} s", DEADLINE.as_secs()));
        timeout(DEADLINE, asked).await.map_err(|_| late())?
    }

    /// The client for this login.
    async fn crab_for(&self, login: Login<'_>) -> Result<Arc<Octocrab>, ApiError> {
        let Some(owner) = login.owner().filter(|_| self.is_app()) else { return Ok(Arc::clone(&self.crab)) };
        let known = self.installations.lock().unwrap_or_else(PoisonError::into_inner).get(&owner).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let route = format!("/users/{owner}/installation");
        let found = self.crab.get(route, None::<&()>).await.map_err(|error| asked(&error));
        let found: Installation = found.map_err(|error| match error {
            error if error.is_absent() => ApiError::NotInstalled { owner: owner.clone() },
            error => error,
        })?;
        let crab = self.crab.installation(InstallationId(found.id)).map_err(|error| silent(&error))?;
        let crab = Arc::new(crab);
        self.installations.lock().unwrap_or_else(PoisonError::into_inner).insert(owner, Arc::clone(&crab));
        Ok(crab)
    }

    fn forget(&self, login: Login<'_>) {
        if let Some(owner) = login.owner() {
            self.installations.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner);
        }
    }

    fn keep(&self, route: &str, kept: Kept) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A dropped response is only requested again.
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(route.to_owned(), kept);
    }

    /// 403 and 429 mean a rate limit if the headers or the message say so
    /// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
    fn refused(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ApiError {
        let message = self.mask.apply(&message(status, body));
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
        let after = number(RETRY_AFTER.as_str()).map(|seconds| Duration::from_secs(seconds.max(0).unsigned_abs()));
        let used_up = number("x-ratelimit-remaining") == Some(0);
        let reset = number("x-ratelimit-reset").filter(|_| used_up);
        let reset = reset.map(|at| Duration::from_secs((at - Timestamp::now().as_second()).max(1).unsigned_abs()));
        let secondary = message.contains("rate limit").then_some(REST);
        match after.or(reset).or(secondary) {
            Some(wait) if matches!(status, 403 | 429) => {
                let wait = wait.min(LONGEST_REST);
                self.resting.begin(wait);
                ApiError::Limited { peer: PEER, wait }
            }
            _ => ApiError::Refused { peer: PEER, status, message },
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() })
}

/// GitHub's explanation of a refusal: its `message` with those of its `errors`, but nothing from an HTML page
/// (<https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>).
fn message(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorBody {
        /// Answers to queries have only errors
        message: Option<String>,
        /// Each is an object or a text
        #[serde(default)]
        errors: Value,
    }
    let said = serde_json::from_slice::<ErrorBody>(body).ok().and_then(|said| {
        let errors = said.errors.as_array().into_iter().flatten();
        let errors = errors.filter_map(|error| error["message"].as_str().or(error.as_str()));
        let said = said.message.as_deref().into_iter().chain(errors).collect::<Vec<_>>();
        (!said.is_empty()).then(|| said.join(": "))
    });
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    crate::template::shorten(&crate::template::clean(&said.unwrap_or_else(|| reason.unwrap_or("").to_owned())), 200)
}

/// The query of the page that a `Link` header (RFC 8288) calls the next.
fn next(link: &HeaderValue) -> Option<String> {
    let link = link.to_str().ok()?;
    let next = link.split(',').find(|link| link.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    let (url, _) = rest.split_once('>')?;
    url.split_once('?').map(|(_, query)| query.to_owned())
}

fn asked(error: &octocrab::Error) -> ApiError {
    match error {
        octocrab::Error::GitHub { source, .. } => {
            let message = crate::template::shorten(&crate::template::clean(&source.message), 200);
            ApiError::Refused { peer: PEER, status: source.status_code.as_u16(), message }
        }
        error => silent(error),
    }
}

/// octocrab's own message contains a backtrace and the address.
fn silent(error: &octocrab::Error) -> ApiError {
    tracing::debug!(error = %error, "GitHub's API");
    let what = match error {
        octocrab::Error::Service { .. } => "cannot be reached",
        octocrab::Error::Hyper { .. } => "broke off",
        _ => "cannot be asked",
    };
    ApiError::Silent(format!("{PEER} {what}"))
}
