//! The token that comments on GitHub are written with: the one in the configuration, or one of the App's installation.

use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::Outcome;
use super::http::Http;
use crate::api::github::{Github, GithubApi, GithubLogin};
use crate::api::{ApiError, ApiSettings};

/// Gets tokens for the App.
#[derive(Debug, Default)]
pub(super) struct Tokens(OnceCell<Github>);

/// A token, and whose it is.
pub(super) struct Access {
    pub(super) api: ApiSettings,
    pub(super) is_app: bool,
}

impl Tokens {
    /// The token for a repository, `owner/repo`.
    pub(super) async fn access(&self, http: &Http, settings: &GithubApi, repo: &str) -> Result<Access, Outcome> {
        let (token, is_app) = match &settings.login {
            GithubLogin::Token(token) => (token.clone(), false),
            GithubLogin::Nobody => return Err(Outcome::permanent("comments need a login")),
            GithubLogin::App { .. } => (self.of_app(http, settings, repo).await?, true),
        };
        Ok(Access { api: ApiSettings { url: settings.url.clone(), user: None, token }, is_app })
    }

    async fn of_app(&self, http: &Http, settings: &GithubApi, repo: &str) -> Result<SecretString, Outcome> {
        let make = || async { Github::new(settings, http.client().await?.clone()).map_err(Outcome::transient) };
        let github = self.0.get_or_try_init(make).await?;
        github.installation_token(repo).await.map_err(outcome)
    }
}

/// What becomes of a message that there is no token for. It waits if somebody can fix that in the configuration.
fn outcome(error: ApiError) -> Outcome {
    match error {
        ApiError::Limited { wait, .. } => Outcome::Transient { error: error.to_string(), retry_after: Some(wait) },
        ApiError::Refused { status: 401, .. } => {
            Outcome::transient(format!("{error}: `app_id` or `private_key` in `[github]` isn't valid"))
        }
        ApiError::Refused { status: 403, .. } => {
            Outcome::permanent(format!("{error}: whoever installed the App may have suspended it"))
        }
        ApiError::NotInstalled { .. } => Outcome::permanent(error.to_string()),
        ApiError::Refused { status: 400..=499, .. } => Outcome::permanent(error.to_string()),
        error => Outcome::transient(error.to_string()),
    }
}
