//! What the operator configures for the channels, checked: where mail goes out, and the addresses and secrets that
//! team files only name.
//!
//! Every value is checked when it is made, so a channel never meets a broken one. Error texts never hold a secret.

mod chat;
mod jira;
mod mail;
mod mail_server;
mod mask;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;

use crate::destination::Destination;

pub use self::chat::{ApiSettings, DiscordSettings, GithubApi, GithubLogin, HookSettings, WebhookSettings};
pub use self::jira::{JiraApi, JiraLogin, ServiceAccount, is_cloud_address};
pub use self::mail::{Allowed, DkimKey, DkimSettings, DnsName};
pub use self::mail_server::{MailServer, MailTls};
pub use self::mask::Secrets;

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
    pub smtp: Option<MailServer>,
    /// Where it may go; anywhere if the operator doesn't say
    pub allow: Option<Allowed>,
    /// What signs it
    pub dkim: Option<DkimSettings>,
    /// Where answers to assumptions go, if they are read
    pub replies: Option<ReplySettings>,
}

/// The mailbox that answers to assumptions go to.
#[derive(Debug, Clone)]
pub struct ReplySettings {
    /// Its address; with `+` and more behind the user it is the same mailbox
    pub address: Address,
    /// Where it is read, with user and password
    pub imap: MailServer,
}
