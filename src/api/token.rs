//! Services that are asked with a token.

use secrecy::SecretString;
use url::Url;

use super::Mask;

/// Where a service's API is, and the token for it: `[slack]`, `[mattermost]`, `[matrix]`, `[rocket_chat]`, `[zulip]`.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where the API is, without a slash at the end
    pub url: Url,
    /// Who asks, if the token doesn't say so
    pub user: Option<String>,
    /// The token
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
    /// Hides the token, and the header `Authorization` that is made from it.
    #[must_use]
    pub fn mask(&self) -> Mask {
        match &self.user {
            Some(user) => Mask::of_account(user, &self.token),
            None => Mask::of_token(&self.token),
        }
    }
}

/// Checks that a token fits into a header.
///
/// # Errors
/// One sentence, without the token.
pub fn token(text: &str) -> Result<SecretString, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("this isn't a token: a token has no spaces and no special letters".to_owned());
    }
    Ok(text.into())
}

/// Reads a web address.
///
/// # Errors
/// What is wrong, without the address: most of them are secrets.
pub fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("isn't a web address: {error}"))?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        _ => Err("isn't a web address: it starts with https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn addresses_and_tokens() {
        let api = ApiSettings::new("https://slack.example/api/", None, "xoxb-1").unwrap();
        assert_eq!(api.at("/chat.postMessage"), "https://slack.example/api/chat.postMessage");
        assert!(ApiSettings::new("https://slack.example", None, "").is_err());
        assert!(ApiSettings::new("https://slack.example", None, "xoxb-1\r\nHost: x").is_err());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let api = ApiSettings::new("https://chat.example", Some("u"), "hunter2").unwrap();
        assert!(!format!("{api:?}").contains("hunter2"));
    }
}
