//! Where GitHub's API is, and what microalign logs in with.

use secrecy::SecretString;
use url::Url;

use crate::api::Mask;

/// `[github] api_url` with `token`, or with `app_id` and `private_key`
#[derive(Debug, Clone)]
pub struct GithubApi {
    /// Where the API is, without a slash at the end
    pub url: Url,
    /// Who asks
    pub login: GithubLogin,
}

/// Who asks GitHub.
#[derive(Debug, Clone)]
pub enum GithubLogin {
    /// Nobody: for the little that needs no login
    Nobody,
    /// The account that the token belongs to
    Token(SecretString),
    /// A GitHub App
    App {
        /// The App's number
        id: u64,
        /// The App's private key, in PEM
        key: SecretString,
    },
}

impl GithubApi {
    /// Whether a GitHub App asks.
    #[must_use]
    pub fn is_app(&self) -> bool {
        matches!(self.login, GithubLogin::App { .. })
    }

    /// Hides what microalign logs in with. An App's token isn't known yet: it is renewed each hour.
    #[must_use]
    pub fn mask(&self) -> Mask {
        match &self.login {
            GithubLogin::Token(token) => Mask::of_token(token),
            GithubLogin::App { .. } | GithubLogin::Nobody => Mask::default(),
        }
    }
}
