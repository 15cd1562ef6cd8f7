//! The configuration as it is written. The comments here are what editors show: they become the JSON Schema.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::toml_file::{self, Field, Raw, SecretText};

/// The operator's settings. In any string, `${NAME}` is an environment variable and `${file:PATH}` the content of a
/// file; `$${` is `${` itself. Relative paths start at this file's folder.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(title = "microalign configuration", deny_unknown_fields)]
pub struct ConfigFile {
    /// The folder of team files. `rules` if left out.
    pub rules: Field<String>,
    /// The folder of templates; one with the name of a built-in template replaces it. `templates` if left out.
    pub templates: Field<String>,
    /// The folder of the local mailbox, which takes mail as long as no server does. `mailbox` if left out.
    pub mailbox: Field<String>,
    /// Where the service listens, and how it is reached.
    pub server: Field<ServerTable>,
    /// Where the ledger is kept.
    pub store: Field<StoreTable>,
    /// Webhooks from GitHub.
    pub github: Field<GithubTable>,
    /// Webhooks from Jira.
    pub jira: Field<JiraTable>,
    /// Mail.
    pub email: Field<EmailTable>,
    /// Slack, with a bot's token.
    pub slack: Field<SlackTable>,
    /// Slack's incoming webhooks: `slack-webhook:NAME` is `[slack_webhook.NAME]`.
    pub slack_webhook: Field<BTreeMap<String, Field<SlackWebhookTable>>>,
    /// Signed webhooks to any service: `webhook:NAME` is `[webhook.NAME]`.
    pub webhook: Field<BTreeMap<String, Field<WebhookTable>>>,
}

/// `[server]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ServerTable {
    /// The address and port to listen on. `127.0.0.1:8080` if left out.
    pub listen: Field<String>,
    /// The address that links in messages start with, such as `https://microalign.example.com`. If left out, messages
    /// have no links to mute a conversation or to unsubscribe.
    pub public_url: Field<String>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct StoreTable {
    /// `sqlite://FILE`. `sqlite://microalign.db` if left out.
    pub url: Field<String>,
}

/// `[github]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct GithubTable {
    /// The webhook's secret. Any one of several verifies, so that a secret can be changed with no gap.
    pub secrets: Field<Vec<Field<SecretText>>>,
}

/// `[jira]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct JiraTable {
    /// The webhook's secret. Any one of several verifies, so that a secret can be changed with no gap.
    pub secrets: Field<Vec<Field<SecretText>>>,
    /// Jira's address, for links to tickets, such as `https://example.atlassian.net`.
    pub base_url: Field<String>,
    /// The keys of the projects whose tickets count, such as `DATA`. All if left out.
    pub projects: Field<Vec<Field<String>>>,
}

/// `[email]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["from"]))]
pub struct EmailTable {
    /// Who mail comes from, such as `microalign <updates@example.com>`.
    pub from: Field<String>,
    /// The mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://HOST` for STARTTLS. Without it, mail goes to the
    /// local mailbox.
    pub smtp: Field<SecretText>,
}

/// `[slack]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["token"]))]
pub struct SlackTable {
    /// The bot's token, `xoxb-…`.
    pub token: Field<SecretText>,
    /// The address of Slack's Web API. `https://slack.com/api` if left out.
    pub api_url: Field<String>,
}

/// `[slack_webhook.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct SlackWebhookTable {
    /// The incoming webhook's address, which is a secret.
    pub url: Field<SecretText>,
}

/// `[webhook.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "secret"]))]
pub struct WebhookTable {
    /// Where messages are posted, which is a secret.
    pub url: Field<SecretText>,
    /// What signs them, as Standard Webhooks says: `whsec_` and base64.
    pub secret: Field<SecretText>,
}

impl Raw for ServerTable {}
impl Raw for StoreTable {}
impl Raw for GithubTable {}
impl Raw for JiraTable {}
impl Raw for EmailTable {}
impl Raw for SlackTable {}
impl Raw for SlackWebhookTable {}
impl Raw for WebhookTable {}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> Schema {
    toml_file::schema::<ConfigFile>()
}
