//! The deliveries that GitHub sent to a hook:
//! <https://docs.github.com/rest/repos/webhooks#list-deliveries-for-a-repository-webhook>, and the same for
//! organisations and Apps. A hook is named by its route, such as `/repos/acme/ingest/hooks/12`.
//!
//! GitHub keeps deliveries for 3 days, an Enterprise Server for 7
//! (<https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries>).

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Github, JSON, Login, PEER, read};
use crate::api::ApiError;

/// The route of a GitHub App's hook.
pub const APP_HOOK: &str = "/app/hook";
/// The longest list that is read, 100 a page.
const PAGES: usize = 2_000;

/// One attempt to deliver an event to a hook. Attempts at the same event have the same `guid`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// The attempt's number
    pub id: u64,
    /// `X-GitHub-Delivery`
    pub guid: String,
    /// When
    pub delivered_at: Timestamp,
    /// The result in GitHub's words: `OK`, `failed to connect`
    #[serde(default)]
    pub status: String,
    /// The status of the response; 0 or absent if there was none
    pub status_code: Option<u16>,
    /// The event's name
    #[serde(default)]
    pub event: String,
}

/// What was delivered.
#[derive(Debug)]
pub struct Delivered {
    /// `X-GitHub-Event`
    pub event: String,
    /// The body. GitHub writes it anew, so no signature matches it
    pub payload: Vec<u8>,
}

/// Where the API has a hook whose deliveries come with this `X-GitHub-Hook-Installation-Target-Type`
/// (<https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers>). `None` for an enterprise's, which
/// the API doesn't have.
#[must_use]
pub fn hook_route(kind: &str, id: i64, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        repository: Option<Repository>,
        organization: Option<Organization>,
    }
    #[derive(Deserialize)]
    struct Repository {
        full_name: String,
    }
    #[derive(Deserialize)]
    struct Organization {
        login: String,
    }
    if kind == "integration" {
        return Some(APP_HOOK.to_owned());
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let is_name = |name: &str| {
        let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        fits && !matches!(name, "" | "." | "..")
    };
    match kind {
        "organization" => {
            let login = body.organization?.login;
            is_name(&login).then(|| format!("/orgs/{login}/hooks/{id}"))
        }
        "repository" => {
            let name = body.repository?.full_name;
            let fits = name.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name));
            fits.then(|| format!("/repos/{name}/hooks/{id}"))
        }
        _ => None,
    }
}

/// The login for a hook: the App for its own, its installation for those of an owner.
fn login(hook: &str) -> Login<'_> {
    match hook.split('/').nth(2) {
        Some(owner) if hook != APP_HOOK => Login::Owner(owner),
        _ => Login::Itself,
    }
}

impl Github {
    /// Whether a GitHub App asks.
    #[must_use]
    pub fn is_app(&self) -> bool {
        self.app_id.is_some()
    }

    /// The attempts to deliver to a hook since then, newest first.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn attempts(&self, hook: &str, since: Timestamp) -> Result<Vec<Attempt>, ApiError> {
        let mut all = Vec::new();
        let mut query = "per_page=100".to_owned();
        for _ in 0..PAGES {
            let page = self.fresh(login(hook), &format!("{hook}/deliveries?{query}"), JSON).await?;
            let attempts: Vec<Attempt> = read(&page.body)?;
            let oldest = attempts.last().map(|attempt| attempt.delivered_at);
            all.extend(attempts.into_iter().filter(|attempt| attempt.delivered_at >= since));
            match page.next {
                Some(next) if oldest.is_some_and(|oldest| oldest >= since) => query = next,
                _ => return Ok(all),
            }
        }
        let why = format!("its list of deliveries is longer than {PAGES} pages");
        Err(ApiError::Unreadable { peer: PEER, why })
    }

    /// What an attempt delivered; `None` if GitHub no longer has the body.
    ///
    /// # Errors
    /// As above
    pub async fn delivered(&self, hook: &str, attempt: &Attempt) -> Result<Option<Delivered>, ApiError> {
        #[derive(Deserialize)]
        struct Detail {
            request: Request,
        }
        #[derive(Deserialize)]
        struct Request {
            headers: Option<HashMap<String, serde_json::Value>>,
            payload: Option<Box<RawValue>>,
        }
        let route = format!("{hook}/deliveries/{}", attempt.id);
        let page = match self.fresh(login(hook), &route, JSON).await {
            Err(error) if error.is_absent() => return Ok(None),
            page => page?,
        };
        let Detail { request: Request { headers, payload } } = read(&page.body)?;
        let named =
            headers.unwrap_or_default().into_iter().find(|(name, _)| name.eq_ignore_ascii_case("x-github-event"));
        let event = named.and_then(|(_, value)| value.as_str().map(str::to_owned));
        Ok(payload.map(|payload| Delivered {
            event: event.unwrap_or_else(|| attempt.event.clone()),
            payload: Box::<str>::from(payload).into_string().into_bytes(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_found_by_what_they_send() {
        let body = br#"{"repository": {"full_name": "acme/ingest.api"}, "organization": {"login": "acme"}}"#;
        let route = |kind| hook_route(kind, 7, body);
        assert_eq!(route("integration").as_deref(), Some("/app/hook"));
        assert_eq!(route("organization").as_deref(), Some("/orgs/acme/hooks/7"));
        assert_eq!(route("repository").as_deref(), Some("/repos/acme/ingest.api/hooks/7"));
        assert_eq!(route("business"), None);
        assert_eq!(hook_route("repository", 7, br#"{"zen": "Keep it simple"}"#), None);
        for name in ["../x", "acme/..", "acme/x?y", "acme", "acme/x/y", "/x"] {
            let body = format!(r#"{{"repository": {{"full_name": "{name}"}}}}"#);
            assert_eq!(hook_route("repository", 7, body.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn an_app_asks_for_itself_only() {
        assert!(matches!(login(APP_HOOK), Login::Itself));
        assert!(matches!(login("/orgs/acme/hooks/7"), Login::Owner("acme")));
        assert!(matches!(login("/repos/acme/ingest/hooks/7"), Login::Owner("acme")));
    }
}
