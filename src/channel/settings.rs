//! What the operator configured for the channels, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{CHANNELS, Channels, Chat, EmailSettings, People, SlackSettings};
use crate::api::github::GithubApi;
use crate::api::jira::JiraApi;
use crate::destination::{Allowed, Available};

/// Everything that the channels need. A channel never meets a broken value: each was checked when it was read.
#[derive(Debug, Clone, Default)]
pub struct ChannelSettings {
    /// `[email]`
    pub email: Option<EmailSettings>,
    /// The chats and webhooks, by their tables: `slack`, `teams.web`
    pub chats: BTreeMap<String, Chat>,
    /// `[github] token`, or `app_id` and `private_key`
    pub github: Option<GithubApi>,
    /// `[jira] token`, or a service account
    pub jira: Option<JiraApi>,
    /// `[people.LOGIN]`, by the login in small letters
    pub people: People,
    /// The folder of the local mailbox
    pub mailbox: PathBuf,
}

impl ChannelSettings {
    /// Whether mail or a chat is set up. Until then everything is sent to the local mailbox, so that people can try the
    /// program first. Nobody reads what is sent to a program's webhook.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.email.is_some() || self.chats.values().any(|chat| !matches!(chat, Chat::Webhook(_)))
    }

    /// What of it team files may name.
    #[must_use]
    pub fn available(&self) -> Available {
        let github = self.github.is_some().then(|| "github".to_owned());
        let jira = self.jira.is_some().then(|| "jira".to_owned());
        Available {
            channels: CHANNELS,
            tables: self.chats.keys().cloned().chain(github).chain(jira).collect(),
            set_up: self.is_set_up(),
            mail: self.mail_allowed().cloned(),
            finds_people: self.github.is_some(),
            people: self.people.values().map(|person| person.login.clone()).collect(),
        }
    }

    /// Where mail may go; `None` for anywhere.
    #[must_use]
    pub fn mail_allowed(&self) -> Option<&Allowed> {
        self.email.as_ref()?.allow.as_ref()
    }

    /// `[slack]`
    #[must_use]
    pub fn slack(&self) -> Option<&SlackSettings> {
        self.chats.values().find_map(|chat| match chat {
            Chat::Slack(slack) => Some(slack),
            _ => None,
        })
    }
}

impl Channels {
    /// What of the configuration team files may name.
    #[must_use]
    pub fn available(&self) -> Available {
        self.settings.available()
    }
}
