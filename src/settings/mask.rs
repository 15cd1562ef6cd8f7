//! Keeps secrets out of what others say: a proxy's error page likes to repeat the address or the headers it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ApiSettings, GithubApi, GithubLogin, HookSettings, JiraApi, JiraLogin, MailServer};

/// Shorter parts of an address are words that stand elsewhere too.
const SHORTEST: usize = 6;

/// What must not be shown of what an other end says.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// A token, alone and with its user as Basic authentication has them.
    #[must_use]
    pub fn of_api(settings: &ApiSettings) -> Self {
        let token = settings.token.expose_secret();
        settings.user.as_ref().map_or_else(|| Self(vec![token.to_owned()]), |user| Self::of_account(user, token))
    }

    fn of_account(user: &str, token: &str) -> Self {
        Self(vec![token.to_owned(), STANDARD.encode(format!("{user}:{token}"))])
    }

    /// What lets in to Jira.
    #[must_use]
    pub fn of_jira(settings: &JiraApi) -> Self {
        match &settings.login {
            JiraLogin::Token(token) => Self(vec![token.expose_secret().to_owned()]),
            JiraLogin::Account { user, token } => Self::of_account(user, token.expose_secret()),
            JiraLogin::Service(account) => Self(vec![account.client_secret.expose_secret().to_owned()]),
        }
    }

    /// What lets in to GitHub. What an App is let in by is made anew each hour.
    #[must_use]
    pub fn of_github(settings: &GithubApi) -> Self {
        match &settings.login {
            GithubLogin::Token(token) => Self::of_token(token),
            GithubLogin::App { .. } | GithubLogin::Nobody => Self::default(),
        }
    }

    /// What a header `Authorization` shows, after its scheme.
    #[must_use]
    pub fn of_authorization(header: &SecretString) -> Self {
        Self(header.expose_secret().split_whitespace().skip(1).map(str::to_owned).collect())
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// One token.
    #[must_use]
    pub fn of_token(token: &SecretString) -> Self {
        Self(vec![token.expose_secret().to_owned()])
    }

    /// What stands in a webhook's address.
    #[must_use]
    pub fn of_hook(settings: &HookSettings) -> Self {
        Self::of_address(settings.url.expose_secret())
    }

    /// Each part of the path and each value of the query by itself, as it is written and as it is meant.
    #[must_use]
    pub fn of_address(address: &str) -> Self {
        let Ok(url) = Url::parse(address) else { return Self::default() };
        let path = url.path_segments().into_iter().flatten().map(str::to_owned);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let written = url.query().into_iter().flat_map(|query| query.split(['&', '=']).map(str::to_owned));
        let password = url.password().map(str::to_owned);
        let all = path.chain(values).chain(written).chain(password);
        Self(all.filter(|part| part.len() >= SHORTEST).collect())
    }

    /// A mail server's password.
    #[must_use]
    pub fn of_smtp(settings: &MailServer) -> Self {
        let password = settings.credentials.as_ref().map(|(_, password)| password.expose_secret().to_owned());
        Self(password.into_iter().collect())
    }

    /// A text without them; one that is cut off at the end is taken off too.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut masked = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        if let Some(shown) = masked.strip_suffix('…') {
            let cut = |secret: &String| {
                let ends = (SHORTEST..secret.len()).rev().filter_map(|end| secret.get(..end));
                ends.into_iter().find(|start| shown.ends_with(start)).map(str::len)
            };
            if let Some(length) = self.0.iter().filter_map(cut).max() {
                masked = format!("{}***…", &shown[..shown.len() - length]);
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_repeated_is_masked() {
        let hook =
            HookSettings::new("https://u:hunter2pass@h.example/services/T0/hunter2path?sig=hunter2%2Bsig&v=1").unwrap();
        let secrets = Secrets::of_hook(&hook);
        let text = "404 Cannot POST /services/T0/hunter2path?sig=hunter2%2Bsig&amp;v=1 (hunter2+sig, hunter2pass)";
        assert_eq!(secrets.mask(text), "404 Cannot POST /***/T0/***?sig=***&amp;v=1 (***, ***)");
        assert_eq!(secrets.mask("Cannot POST /x/hunter2pa…"), "Cannot POST /x/***…");
        let api = Secrets::of_api(&ApiSettings::new("https://h.example", Some("u"), "hunter2token").unwrap());
        let basic = STANDARD.encode("u:hunter2token");
        assert_eq!(
            api.mask(&format!("Authorization: Basic {basic}, Bearer hunter2token")),
            "Authorization: Basic ***, Bearer ***"
        );
        assert_eq!(Secrets::default().mask("as it was…"), "as it was…");
    }
}
