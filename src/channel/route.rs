//! Which channel takes a destination, with what the operator set up for it.

use secrecy::ExposeSecret as _;

use super::smtp::Smtp;
use crate::api::jira::Access;
use crate::settings::{ApiSettings, DiscordSettings, GithubApi, HookSettings, JiraApi, Secrets, WebhookSettings};

/// The channel that takes a destination.
pub(super) enum Route<'a> {
    Smtp(&'a Smtp, &'a str),
    Slack(&'a ApiSettings, &'a str),
    SlackWebhook(&'a HookSettings),
    Teams(&'a HookSettings),
    Discord(&'a DiscordSettings),
    GoogleChat(&'a HookSettings),
    Mattermost(&'a ApiSettings, &'a str),
    MattermostWebhook(&'a HookSettings),
    RocketChat(&'a ApiSettings, &'a str),
    Matrix(&'a ApiSettings, &'a str),
    Zulip(&'a ApiSettings, &'a str),
    Webhook(&'a WebhookSettings),
    Github(&'a GithubApi),
    Jira(&'a Access, &'a JiraApi),
    Mailbox,
}

impl Route<'_> {
    /// What its other end knows and nobody else may.
    pub(super) fn secrets(&self) -> Secrets {
        match self {
            Self::Smtp(smtp, _) => smtp.secrets(),
            Self::Slack(api, _)
            | Self::Mattermost(api, _)
            | Self::RocketChat(api, _)
            | Self::Matrix(api, _)
            | Self::Zulip(api, _) => Secrets::of_api(api),
            Self::Github(api) => Secrets::of_github(api),
            Self::Jira(_, settings) => Secrets::of_jira(settings),
            Self::SlackWebhook(hook) | Self::Teams(hook) | Self::GoogleChat(hook) | Self::MattermostWebhook(hook) => {
                Secrets::of_hook(hook)
            }
            Self::Discord(discord) => Secrets::of_address(discord.url.expose_secret()),
            Self::Webhook(hook) => Secrets::of_address(hook.url.expose_secret()),
            Self::Mailbox => Secrets::default(),
        }
    }
}
