//! Webhooks at GitHub: creates, changes and pings them, and reads the results of their deliveries.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Attempt, Github, Login, read};
use crate::api::ApiError;

/// What a webhook belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAt {
    /// An organisation's, by its login
    Org(String),
    /// A repository's, `owner/repo`
    Repo(String),
}

/// An existing webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// The App's own
    App,
    /// Another one
    At(HookAt, u64),
}

/// How a webhook should be.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Where deliveries go
    pub url: &'a str,
    /// What signs them
    pub secret: &'a SecretString,
    /// Its events, by GitHub's names
    pub events: &'a [&'a str],
}

/// A webhook as GitHub lists it.
#[derive(Debug, Deserialize)]
pub struct Registered {
    /// Its number
    pub id: u64,
    /// Where it goes
    pub config: Config,
}

/// The part of a webhook's settings that is read.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Where deliveries go
    #[serde(default)]
    pub url: String,
}

/// An App, as the API describes it.
#[derive(Debug, Deserialize)]
pub struct App {
    /// Its page
    pub html_url: String,
    /// Its events
    #[serde(default)]
    pub events: Vec<String>,
}

/// A new App. GitHub shows its key and secret only this once.
#[derive(Debug, Deserialize)]
pub struct NewApp {
    /// Its number
    pub id: u64,
    /// Its page
    pub html_url: String,
    /// Its private key
    pub pem: SecretString,
    /// What signs its deliveries
    pub webhook_secret: Option<SecretString>,
}

impl HookAt {
    fn route(&self) -> String {
        match self {
            Self::Org(org) => format!("/orgs/{org}/hooks"),
            Self::Repo(repo) => format!("/repos/{repo}/hooks"),
        }
    }

    fn login(&self) -> Login<'_> {
        match self {
            Self::Org(owner) | Self::Repo(owner) => Login::Owner(owner),
        }
    }
}

impl Hook {
    fn route(&self, more: &str) -> String {
        match self {
            Self::App => format!("/app/hook/{more}"),
            Self::At(at, id) => format!("{}/{id}/{more}", at.route()),
        }
    }

    fn login(&self) -> Login<'_> {
        match self {
            Self::App => Login::Itself,
            Self::At(at, _) => at.login(),
        }
    }
}

impl Wanted<'_> {
    fn config(&self) -> serde_json::Value {
        json!({ "url": self.url, "content_type": "json", "secret": self.secret.expose_secret() })
    }
}

/// <https://docs.github.com/rest/repos/webhooks>, <https://docs.github.com/rest/orgs/webhooks>,
/// <https://docs.github.com/rest/apps/webhooks>
impl Github {
    /// The webhooks of a repository or an organisation.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn hooks(&self, at: &HookAt) -> Result<Vec<Registered>, ApiError> {
        self.list(at.login(), &at.route()).await
    }

    /// Creates a webhook, and returns its number.
    ///
    /// # Errors
    /// As above
    pub async fn make_hook(&self, at: &HookAt, wanted: &Wanted<'_>) -> Result<u64, ApiError> {
        let said = json!({ "name": "web", "active": true, "events": wanted.events, "config": wanted.config() });
        let made: Registered = read(&self.tell(at.login(), (Method::POST, &at.route()), Some(&said)).await?)?;
        Ok(made.id)
    }

    /// Changes a webhook to exactly what is wanted.
    ///
    /// # Errors
    /// As above
    pub async fn change_hook(&self, at: &HookAt, id: u64, wanted: &Wanted<'_>) -> Result<(), ApiError> {
        let said = json!({ "active": true, "events": wanted.events, "config": wanted.config() });
        let route = format!("{}/{id}", at.route());
        self.tell(at.login(), (Method::PATCH, &route), Some(&said)).await.map(drop)
    }

    /// Asks for a ping. The webhook of an App doesn't support this.
    ///
    /// # Errors
    /// As above
    pub async fn ping_hook(&self, at: &HookAt, id: u64) -> Result<(), ApiError> {
        let route = format!("{}/{id}/pings", at.route());
        self.tell(at.login(), (Method::POST, &route), None).await.map(drop)
    }

    /// The latest deliveries, newest first.
    ///
    /// # Errors
    /// As above
    pub async fn latest_deliveries(&self, hook: &Hook) -> Result<Vec<Attempt>, ApiError> {
        self.get(hook.login(), &hook.route("deliveries?per_page=100")).await
    }

    /// The response to a delivery; `None` if it can't be shown.
    ///
    /// # Errors
    /// As above
    pub async fn answer_to(&self, hook: &Hook, delivery: u64) -> Result<Option<String>, ApiError> {
        #[derive(Deserialize)]
        struct Told {
            response: Response,
        }
        #[derive(Deserialize)]
        struct Response {
            payload: Option<String>,
        }
        let told: Told = self.get(hook.login(), &hook.route(&format!("deliveries/{delivery}"))).await?;
        Ok(told.response.payload)
    }

    /// Asks for a delivery to be sent again.
    ///
    /// # Errors
    /// As above
    pub async fn deliver_again(&self, hook: &Hook, delivery: u64) -> Result<(), ApiError> {
        let route = hook.route(&format!("deliveries/{delivery}/attempts"));
        self.tell(hook.login(), (Method::POST, &route), None).await.map(drop)
    }

    /// The App itself.
    ///
    /// # Errors
    /// As above
    pub async fn app(&self) -> Result<App, ApiError> {
        self.get(Login::Itself, "/app").await
    }

    /// Changes the App's webhook to what is wanted. Its events can only be changed by hand.
    ///
    /// # Errors
    /// As above
    pub async fn change_app_hook(&self, wanted: &Wanted<'_>) -> Result<(), ApiError> {
        self.tell(Login::Itself, (Method::PATCH, "/app/hook/config"), Some(&wanted.config())).await.map(drop)
    }

    /// Creates the App whose manifest somebody accepted, for which GitHub gave this code
    /// (<https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest>).
    ///
    /// # Errors
    /// As above
    pub async fn app_from_manifest(&self, code: &str) -> Result<NewApp, ApiError> {
        let code = super::code::escaped(code, false);
        let route = format!("/app-manifests/{code}/conversions");
        read(&self.tell(Login::Itself, (Method::POST, &route), None).await?)
    }
}
