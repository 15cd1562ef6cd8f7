//! What the operator configures for the channels, checked: where mail goes out, and the addresses and secrets that
//! team files only name.
//!
//! Every value is checked when it is made, so a channel never meets a broken one. Error texts never hold a secret.

mod chat;
mod jira;
mod mail;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;
use secrecy::SecretString;
use url::Url;

use crate::destination::Destination;

pub use self::chat::{ApiSettings, DiscordSettings, GithubApi, GithubLogin, HookSettings, WebhookSettings};
pub use self::jira::{JiraApi, JiraLogin, ServiceAccount, is_cloud_address};
pub use self::mail::{Allowed, DkimKey, DkimSettings, DnsName};

/// Everything the channels need.
#[derive(Debug, Clone, Default)]
pub struct ChannelSettings {
    /// `[email]`
    pub email: Option<EmailSettings>,
    /// `[slack]`
    pub slack: Option<ApiSettings>,
    /// `[slack_webhook.NAME]`
    pub slack_webhooks: BTreeMap<String, HookSettings>,
    /// `[teams.NAME]`
    pub teams: BTreeMap<String, HookSettings>,
    /// `[discord.NAME]`
    pub discord: BTreeMap<String, DiscordSettings>,
    /// `[google_chat.NAME]`
    pub google_chat: BTreeMap<String, HookSettings>,
    /// `[mattermost]`
    pub mattermost: Option<ApiSettings>,
    /// `[mattermost_webhook.NAME]`
    pub mattermost_webhooks: BTreeMap<String, HookSettings>,
    /// `[rocket_chat]`
    pub rocket_chat: Option<ApiSettings>,
    /// `[matrix]`
    pub matrix: Option<ApiSettings>,
    /// `[zulip]`
    pub zulip: Option<ApiSettings>,
    /// `[webhook.NAME]`
    pub webhooks: BTreeMap<String, WebhookSettings>,
    /// `[github] token`, or `app_id` and `private_key`
    pub github: Option<GithubApi>,
    /// `[jira] token`, or a service account
    pub jira: Option<JiraApi>,
    /// `[people.LOGIN]`, by the login in small letters
    pub people: BTreeMap<String, Person>,
    /// The folder of the local mailbox
    pub mailbox: PathBuf,
}

impl ChannelSettings {
    /// Whether neither mail nor chat is set up: then everything goes to the local mailbox, so that the program can be
    /// tried before anybody sets up a channel.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let one = [
            self.email.is_some(),
            self.slack.is_some(),
            self.mattermost.is_some(),
            self.rocket_chat.is_some(),
            self.matrix.is_some(),
            self.zulip.is_some(),
        ];
        let named = [&self.slack_webhooks, &self.teams, &self.google_chat, &self.mattermost_webhooks];
        !one.contains(&true) && named.iter().all(|tables| tables.is_empty()) && self.discord.is_empty()
    }

    /// Where mail may go; `None`: anywhere.
    #[must_use]
    pub fn mail_allowed(&self) -> Option<&Allowed> {
        self.email.as_ref()?.allow.as_ref()
    }

    /// What of the configuration a destination lacks, such as `[slack]`; `None` if nothing.
    #[must_use]
    pub fn missing(&self, to: &Destination) -> Option<String> {
        let table = |there: bool, name: &str| (!there).then(|| format!("`[{name}]`"));
        let named = |there: bool, section: &str, name: &str| (!there).then(|| format!("`[{section}.{name}]`"));
        match to {
            Destination::Email(_) | Destination::Mailbox => None,
            Destination::Slack(_) => table(self.slack.is_some(), "slack"),
            Destination::Mattermost(_) => table(self.mattermost.is_some(), "mattermost"),
            Destination::RocketChat(_) => table(self.rocket_chat.is_some(), "rocket_chat"),
            Destination::Matrix(_) => table(self.matrix.is_some(), "matrix"),
            Destination::Zulip(_) => table(self.zulip.is_some(), "zulip"),
            Destination::SlackWebhook(name) => named(self.slack_webhooks.contains_key(name), "slack_webhook", name),
            Destination::Teams(name) => named(self.teams.contains_key(name), "teams", name),
            Destination::Discord(name) => named(self.discord.contains_key(name), "discord", name),
            Destination::GoogleChat(name) => named(self.google_chat.contains_key(name), "google_chat", name),
            Destination::MattermostWebhook(name) => {
                named(self.mattermost_webhooks.contains_key(name), "mattermost_webhook", name)
            }
            Destination::Webhook(name) => named(self.webhooks.contains_key(name), "webhook", name),
            Destination::Github => {
                (self.github.is_none()).then(|| "`token`, or `app_id` and `private_key`, in `[github]`".to_owned())
            }
            Destination::Jira => (self.jira.is_none()).then(|| "`token` or `client_id` in `[jira]`".to_owned()),
        }
    }

    /// The names of the tables that a destination's could be among, for one that takes a name.
    #[must_use]
    pub fn names_for(&self, to: &Destination) -> Vec<&str> {
        fn keys<T>(tables: &BTreeMap<String, T>) -> Vec<&str> {
            tables.keys().map(String::as_str).collect()
        }
        match to {
            Destination::SlackWebhook(_) => keys(&self.slack_webhooks),
            Destination::Teams(_) => keys(&self.teams),
            Destination::Discord(_) => keys(&self.discord),
            Destination::GoogleChat(_) => keys(&self.google_chat),
            Destination::MattermostWebhook(_) => keys(&self.mattermost_webhooks),
            Destination::Webhook(_) => keys(&self.webhooks),
            _ => Vec::new(),
        }
    }

    /// What somebody is called on a channel, if the operator says so.
    #[must_use]
    pub fn person(&self, login: &str) -> Option<&Person> {
        self.people.get(&login.to_lowercase())
    }
}

/// Where the authors of assumptions are told what came of them, by a comment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TellAuthors {
    /// `[github] comment`
    pub github: bool,
    /// `[jira] comment`
    pub jira: bool,
}

impl TellAuthors {
    /// Whether it is done at a destination.
    #[must_use]
    pub fn at(self, to: &Destination) -> bool {
        match to {
            Destination::Github => self.github,
            Destination::Jira => self.jira,
            _ => false,
        }
    }
}

/// `[people.LOGIN]`: what somebody on GitHub is called elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The login on GitHub, as written
    pub login: String,
    /// Where mail reaches them
    pub email: Option<Address>,
    /// A member's id, `U0123`
    pub slack: Option<String>,
    /// The address that they sign in with
    pub teams: Option<String>,
    /// A user's id, all digits
    pub discord: Option<String>,
    /// A user's id, all digits
    pub google_chat: Option<String>,
    /// The user name
    pub mattermost: Option<String>,
    /// The user name
    pub rocket_chat: Option<String>,
    /// `@user:server`
    pub matrix: Option<String>,
    /// A user's id, all digits
    pub zulip: Option<String>,
    /// An account id, or the user name on Data Center
    pub jira: Option<String>,
}

/// `[email]`
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// Who the mail comes from
    pub from: Mailbox,
    /// The server that takes it; without one it goes to the local mailbox
    pub smtp: Option<SmtpSettings>,
    /// Where it may go; anywhere if the operator doesn't say
    pub allow: Option<Allowed>,
    /// What signs it
    pub dkim: Option<DkimSettings>,
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
    /// STARTTLS, and no mail without it (`smtp://`, on this machine `?tls=starttls`)
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
        let asked = match url.query() {
            None => None,
            Some("tls=none") => Some(SmtpTls::None),
            Some("tls=starttls") => Some(SmtpTls::StartTls),
            Some(other) => {
                return Err(format!(
                    "`?{other}` is unknown: `?tls=none` or `?tls=starttls` may follow the host and port"
                ));
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, port) = match (scheme, asked) {
            ("smtps", None) => (SmtpTls::Implicit, 465),
            ("smtps", Some(_)) => return Err("`?tls=` contradicts `smtps://`: write `smtp://`".to_owned()),
            ("smtp", None) if is_loopback(&host) => (SmtpTls::None, 25),
            ("smtp", Some(SmtpTls::None)) => (SmtpTls::None, 25),
            ("smtp", _) => (SmtpTls::StartTls, 587),
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
            ("smtp://localhost?tls=starttls", (host("localhost"), 587, SmtpTls::StartTls, None)),
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
            ("smtps://mail.example.com?tls=starttls", "contradicts"),
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
    fn debug_output_holds_no_secret() {
        let smtp: SmtpSettings = "smtps://u:hunter2@mail.example.com".parse().unwrap();
        assert!(!format!("{smtp:?}").contains("hunter2"));
    }
}
