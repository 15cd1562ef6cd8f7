//! Addresses and secrets of chat services and other APIs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{SecretSlice, SecretString};
use url::Url;

/// A service that is asked with a token: `[slack]`, `[mattermost]`, `[matrix]`, `[rocket_chat]`, `[zulip]`, and the
/// API of GitHub.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where its API is; no slash at its end
    pub url: Url,
    /// Who asks, where the token alone doesn't say
    pub user: Option<String>,
    /// What lets us in
    pub token: SecretString,
}

impl ApiSettings {
    /// # Errors
    /// One sentence, without the token.
    pub fn new(url: &str, user: Option<&str>, token: &str) -> Result<Self, String> {
        let token = self::token(token)?;
        let url = web_address(url.trim_end_matches('/')).map_err(|why| format!("`{url}` {why}"))?;
        Ok(Self { url, user: user.map(str::to_owned), token })
    }

    /// The address of what the API has at this path, which begins with a slash.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
    }
}

/// `[github] api_url` with `token`, or with `app_id` and `private_key`
#[derive(Debug, Clone)]
pub struct GithubApi {
    /// Where the API is; no slash at its end
    pub url: Url,
    /// Who asks
    pub login: GithubLogin,
}

/// Who asks GitHub.
#[derive(Debug, Clone)]
pub enum GithubLogin {
    /// Nobody in particular: for the little that needs no login
    Nobody,
    /// Whoever has this token
    Token(SecretString),
    /// A GitHub App
    App {
        /// Its number
        id: u64,
        /// Its private key, in PEM
        key: SecretString,
    },
}

/// A service that is given to us as one address: `[teams.NAME]` and the like.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// The webhook's address; whoever has it may post
    pub url: SecretString,
}

impl HookSettings {
    /// # Errors
    /// One sentence, without the address.
    pub fn new(url: &str) -> Result<Self, String> {
        web_address(url).map_err(|why| format!("the address {why}"))?;
        Ok(Self { url: url.into() })
    }
}

/// `[discord.NAME]`
#[derive(Debug, Clone)]
pub struct DiscordSettings {
    /// The webhook's address; whoever has it may post
    pub url: SecretString,
    /// The webhook is a forum's: each conversation is a post of its own
    pub forum: bool,
    /// The thread that everything goes into
    pub thread: Option<String>,
}

/// `[webhook.NAME]`
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where it goes
    pub url: SecretString,
    /// What signs it
    pub key: SecretSlice<u8>,
}

impl WebhookSettings {
    /// `secret` is written as Standard Webhooks says: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// One sentence, without the address or the secret.
    pub fn new(url: &str, secret: &str) -> Result<Self, String> {
        let HookSettings { url } = HookSettings::new(url)?;
        let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        match key {
            Some(key) if (24..=64).contains(&key.len()) => Ok(Self { url, key: key.into() }),
            _ => Err("the secret is `whsec_` and 24 to 64 random bytes in base64: \
                      echo whsec_$(head -c 32 /dev/urandom | base64)"
                .to_owned()),
        }
    }
}

/// A token goes into a header, so it must fit there.
pub(super) fn token(text: &str) -> Result<SecretString, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("this is no token: a token has no spaces and no special letters".to_owned());
    }
    Ok(text.into())
}

/// The text says what is wrong and never shows the address: most of them are secrets.
pub(super) fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no web address: {error}"))?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        _ => Err("is no web address: it starts with https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn addresses_and_secrets() {
        let api = ApiSettings::new("https://slack.example/api/", None, "xoxb-1").unwrap();
        assert_eq!(api.at("/chat.postMessage"), "https://slack.example/api/chat.postMessage");
        assert!(ApiSettings::new("https://slack.example", None, "").is_err());
        assert!(ApiSettings::new("https://slack.example", None, "xoxb-1\r\nHost: x").is_err());
        assert!(HookSettings::new("https://hooks.example/T/B/x").is_ok());
        for bad in ["", "ftp://hooks.example/T0P", "T0P", "https://"] {
            let error = HookSettings::new(bad).unwrap_err();
            assert!(!error.contains("T0P"), "{error}");
        }
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(WebhookSettings::new("https://x.example", secret).unwrap().key.expose_secret().len(), 24);
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_***"] {
            assert!(WebhookSettings::new("https://x.example", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let hook = HookSettings::new("https://hooks.example/T/B/hunter2").unwrap();
        let api = ApiSettings::new("https://chat.example", Some("u"), "hunter2").unwrap();
        assert!(!format!("{hook:?}{api:?}").contains("hunter2"));
    }
}
