//! Where Jira's API is, and what microalign logs in with: on Cloud an account with an API token, or a service account; on Data
//! Center a personal access token.

use secrecy::SecretString;
use url::Url;

use crate::api::{Mask, token, web_address};

/// `[jira] token` and the keys beside it
#[derive(Debug, Clone)]
pub struct JiraApi {
    /// Where the API is, or for a service account Atlassian's gateway, without a slash at the end
    pub url: Url,
    /// Who asks
    pub login: JiraLogin,
}

/// Who asks Jira.
#[derive(Debug, Clone)]
pub enum JiraLogin {
    /// The account that the token belongs to
    Token(SecretString),
    /// An account on Cloud, by its mail address and an API token
    Account {
        /// The address
        user: String,
        /// The token
        token: SecretString,
    },
    /// A service account on Cloud, by OAuth 2.0 client credentials
    Service(ServiceAccount),
}

/// What a service account requests its tokens with.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// `client_id`
    pub client_id: String,
    /// `client_secret`
    pub client_secret: SecretString,
    /// Where tokens are requested, without a slash at the end
    pub auth_url: Url,
    /// Jira's own address, which the gateway's id of it is looked up by, without a slash at the end
    pub site: Url,
}

impl JiraApi {
    /// With a token, and on Cloud the account that it belongs to.
    ///
    /// # Errors
    /// One sentence, without the token.
    pub fn by_token(url: &str, user: Option<&str>, text: &str) -> Result<Self, String> {
        let token = token(text)?;
        let login = match user {
            Some(user) => JiraLogin::Account { user: user.to_owned(), token },
            None => JiraLogin::Token(token),
        };
        Ok(Self { url: address(url)?, login })
    }

    /// As a service account, behind Atlassian's gateway at `url`. `auth_url` and `site` as in [`ServiceAccount`].
    ///
    /// # Errors
    /// One sentence, without the secret.
    pub fn by_service(url: &str, (id, secret): (&str, &str), (auth_url, site): (&str, &str)) -> Result<Self, String> {
        let client_secret = token(secret)?;
        let (auth_url, site) = (address(auth_url)?, address(site)?);
        let login = JiraLogin::Service(ServiceAccount { client_id: id.to_owned(), client_secret, auth_url, site });
        Ok(Self { url: address(url)?, login })
    }

    /// Hides what microalign logs in with.
    #[must_use]
    pub fn mask(&self) -> Mask {
        match &self.login {
            JiraLogin::Token(token) => Mask::of_token(token),
            JiraLogin::Account { user, token } => Mask::of_account(user, token),
            JiraLogin::Service(account) => Mask::of_token(&account.client_secret),
        }
    }

    /// Whether it is Cloud, whose API differs from Data Center's in some places.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        match &self.login {
            JiraLogin::Token(_) => is_cloud_address(self.url.as_str()),
            JiraLogin::Account { .. } | JiraLogin::Service(_) => true,
        }
    }
}

/// Whether an address is on Cloud: a site's own, or that of the gateway to all of them.
#[must_use]
pub fn is_cloud_address(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_lowercase)).unwrap_or_default();
    host.ends_with(".atlassian.net") || host == "api.atlassian.com"
}

fn address(url: &str) -> Result<Url, String> {
    web_address(url.trim_end_matches('/')).map_err(|why| format!("`{url}` {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn which_jira_it_is() {
        for (url, user, cloud) in [
            ("https://acme.atlassian.net", Some("bot@acme.example"), true),
            ("https://jira.acme.example", Some("bot@acme.example"), true),
            ("https://api.atlassian.com/ex/jira/11223344", None, true),
            ("https://jira.acme.example/context", None, false),
            ("https://atlassian.net.acme.example", None, false),
        ] {
            assert_eq!(JiraApi::by_token(url, user, "hunter2").unwrap().is_cloud(), cloud, "{url}");
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let (gateway, site) = ("https://gateway.example", "https://site.example");
        let service = JiraApi::by_service(gateway, ("id", "hunter2"), (gateway, site)).unwrap();
        let account = JiraApi::by_token(site, Some("bot@acme.example"), "hunter2").unwrap();
        assert!(!format!("{service:?}{account:?}").contains("hunter2"));
        assert!(JiraApi::by_service(gateway, ("id", "hun ter2"), (gateway, site)).is_err());
    }
}
