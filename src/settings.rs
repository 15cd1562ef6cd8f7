//! What the operator configures for the channels, checked: where mail goes out, and the addresses and secrets that
//! team files only name.
//!
//! Every value is checked when it is made, so a channel never meets a broken one. Error texts never hold a secret.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use secrecy::{SecretSlice, SecretString};
use url::Url;

/// Everything the channels need.
#[derive(Debug, Clone, Default)]
pub struct ChannelSettings {
    /// `[email]`
    pub email: Option<EmailSettings>,
    /// `[slack]`
    pub slack: Option<SlackSettings>,
    /// `[slack_webhook.NAME]`
    pub slack_webhooks: BTreeMap<String, SlackWebhookSettings>,
    /// `[webhook.NAME]`
    pub webhooks: BTreeMap<String, WebhookSettings>,
    /// The folder of the local mailbox
    pub mailbox: PathBuf,
}

impl ChannelSettings {
    /// Whether neither mail nor chat is set up: then everything goes to the local mailbox, so that the program can be
    /// tried before anybody sets up a channel.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.email.is_none() && self.slack.is_none() && self.slack_webhooks.is_empty()
    }
}

/// `[email]`
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// Who the mail comes from
    pub from: Mailbox,
    /// The server that takes it; without one it goes to the local mailbox
    pub smtp: Option<SmtpSettings>,
}

/// A mail server that takes our mail.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name, which its certificate must show
    pub host: String,
    /// Its port
    pub port: u16,
    /// How the connection is protected
    pub tls: SmtpTls,
    /// User and password
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (`smtps://`)
    Implicit,
    /// STARTTLS, and no mail without it (`smtp://`)
    StartTls,
    /// None: a server on this machine, or a mail catcher (`?tls=none`)
    None,
}

const SMTP_FORM: &str = "it is smtps://USER:PASSWORD@HOST, or smtp://HOST for STARTTLS";

impl FromStr for SmtpSettings {
    type Err = String;

    /// Reads `smtps://user:password@host[:465]` and `smtp://host[:587]`. The user ends at the first `:`, the password
    /// at the last `@`, so a password may hold any character as it is; only `%` and two hexadecimal digits stand for a byte.
    ///
    /// # Errors
    /// One sentence that says what would be right, without the password.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("this is no mail server: {SMTP_FORM}"))?;
        let (credentials, server) = match rest.rsplit_once('@') {
            Some((user, server)) => (Some(credentials(user)?), server),
            None => (None, rest),
        };
        // The password is off: what is left may be shown.
        let url = Url::parse(&format!("smtp://{server}"))
            .map_err(|error| format!("`{server}` is no mail server ({error}): {SMTP_FORM}"))?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("the host is missing: {SMTP_FORM}"))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(format!("nothing may follow the host and port in `{server}`"));
        }
        let plain = match url.query() {
            None => false,
            Some("tls=none") => true,
            Some(other) => return Err(format!("`?{other}` is unknown: only `?tls=none` may follow the host and port")),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, port) = match (scheme, plain) {
            ("smtps", false) => (SmtpTls::Implicit, 465),
            ("smtps", true) => return Err("`?tls=none` contradicts `smtps://`: write `smtp://`".to_owned()),
            ("smtp", false) if !is_loopback(&host) => (SmtpTls::StartTls, 587),
            ("smtp", _) => (SmtpTls::None, 25),
            (other, _) => return Err(format!("`{other}://` is no mail server: {SMTP_FORM}")),
        };
        if tls == SmtpTls::None && credentials.is_some() && !is_loopback(&host) {
            return Err("without TLS the password would cross the network readable: leave out `?tls=none`".to_owned());
        }
        Ok(Self { host, port: url.port().unwrap_or(port), tls, credentials })
    }
}

fn credentials(text: &str) -> Result<(String, SecretString), String> {
    let (user, password) = text.split_once(':').ok_or("the password is missing: write USER:PASSWORD@HOST")?;
    let user = percent_decode(user).ok_or("the user is not UTF-8 once its %-escapes are read")?;
    let password = percent_decode(password).ok_or("the password is not UTF-8 once its %-escapes are read")?;
    if user.is_empty() || password.is_empty() {
        return Err("the user or the password is empty: write USER:PASSWORD@HOST, or HOST alone".to_owned());
    }
    Ok((user, password.into()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A `%` that no two hexadecimal digits follow stands for itself.
fn percent_decode(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).ok()?);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// `[slack]`
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// The bot's token, `xoxb-…`
    pub token: SecretString,
    /// Where Slack's Web API is; no slash at its end
    pub api_url: Url,
}

impl SlackSettings {
    /// Slack's own address.
    pub const API_URL: &'static str = "https://slack.com/api";

    /// # Errors
    /// One sentence, without the token.
    pub fn new(token: &str, api_url: &str) -> Result<Self, String> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("this is no Slack token: it is the bot's token, xoxb-…".to_owned());
        }
        let api_url = web_address(api_url.trim_end_matches('/')).map_err(|why| format!("`{api_url}` {why}"))?;
        Ok(Self { token: token.into(), api_url })
    }
}

/// `[slack_webhook.NAME]`
#[derive(Debug, Clone)]
pub struct SlackWebhookSettings {
    /// The incoming webhook's address; whoever has it may post
    pub url: SecretString,
}

impl SlackWebhookSettings {
    /// # Errors
    /// One sentence, without the address.
    pub fn new(url: &str) -> Result<Self, String> {
        web_address(url).map_err(|why| format!("the address {why}"))?;
        Ok(Self { url: url.into() })
    }
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
        web_address(url).map_err(|why| format!("the address {why}"))?;
        let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        match key {
            Some(key) if (24..=64).contains(&key.len()) => Ok(Self { url: url.into(), key: key.into() }),
            _ => Err("the secret is `whsec_` and 24 to 64 random bytes in base64: \
                      echo whsec_$(head -c 32 /dev/urandom | base64)"
                .to_owned()),
        }
    }
}

/// The text says what is wrong and never shows the address: most of them are secrets.
fn web_address(text: &str) -> Result<Url, String> {
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

    fn smtp(text: &str) -> (String, u16, SmtpTls, Option<(String, String)>) {
        let smtp: SmtpSettings = text.parse().unwrap();
        let credentials = smtp.credentials.map(|(user, password)| (user, password.expose_secret().to_owned()));
        (smtp.host, smtp.port, smtp.tls, credentials)
    }

    #[test]
    fn mail_servers() {
        let user = |password: &str| Some(("ana@example.com".to_owned(), password.to_owned()));
        let host = |text: &str| text.to_owned();
        let table = [
            ("smtps://mail.example.com", (host("mail.example.com"), 465, SmtpTls::Implicit, None)),
            ("smtp://mail.example.com", (host("mail.example.com"), 587, SmtpTls::StartTls, None)),
            ("smtp://mail.example.com:2525/", (host("mail.example.com"), 2525, SmtpTls::StartTls, None)),
            ("smtp://localhost:1025", (host("localhost"), 1025, SmtpTls::None, None)),
            ("smtp://127.0.0.1", (host("127.0.0.1"), 25, SmtpTls::None, None)),
            ("smtp://[::1]:1025", (host("::1"), 1025, SmtpTls::None, None)),
            ("smtp://catcher:1025?tls=none", (host("catcher"), 1025, SmtpTls::None, None)),
            ("smtps://ana%40example.com:s@m:8465", (host("m"), 8465, SmtpTls::Implicit, user("s"))),
            ("smtps://ana@example.com:p@ss/w?r#d%@m", (host("m"), 465, SmtpTls::Implicit, user("p@ss/w?r#d%"))),
            ("smtps://ana@example.com:p%3Aw%25@m", (host("m"), 465, SmtpTls::Implicit, user("p:w%"))),
        ];
        for (text, expected) in table {
            assert_eq!(smtp(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let table = [
            ("mail.example.com", "this is no mail server"),
            ("http://mail.example.com", "`http://` is no mail server"),
            ("smtps://", "the host is missing"),
            ("smtps://u:hunter2@", "the host is missing"),
            ("smtps://u:hunter2@mail.example.com:99999", "is no mail server"),
            ("smtps://hunter2@mail.example.com", "the password is missing"),
            ("smtps://u:@mail.example.com", "the password is empty"),
            ("smtps://u:hunter2@mail.example.com/inbox", "nothing may follow"),
            ("smtps://mail.example.com?tls=none", "contradicts"),
            ("smtps://mail.example.com?tls=maybe", "`?tls=maybe` is unknown"),
            ("smtp://u:hunter2@catcher:1025?tls=none", "readable"),
        ];
        for (text, expected) in table {
            let error = text.parse::<SmtpSettings>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn addresses_and_secrets() {
        assert_eq!(SlackSettings::new("xoxb-1", "https://slack.example/api/").unwrap().api_url.path(), "/api");
        assert!(SlackSettings::new("", SlackSettings::API_URL).is_err());
        assert!(SlackSettings::new("xoxb-1\r\nHost: x", SlackSettings::API_URL).is_err());
        assert!(SlackWebhookSettings::new("https://hooks.example/T/B/x").is_ok());
        for bad in ["", "ftp://hooks.example/T0P", "T0P", "https://"] {
            let error = SlackWebhookSettings::new(bad).unwrap_err();
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
        let smtp: SmtpSettings = "smtps://u:hunter2@mail.example.com".parse().unwrap();
        let hook = SlackWebhookSettings::new("https://hooks.example/T/B/hunter2").unwrap();
        assert!(!format!("{smtp:?}{hook:?}").contains("hunter2"));
    }
}
