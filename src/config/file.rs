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
    /// The folder of team files. `rules` by default.
    pub rules: Field<String>,
    /// The folder of templates; one with the name of a built-in template replaces it. `templates` by default.
    pub templates: Field<String>,
    /// The folder of the local mailbox, which gets the mail while no server is configured. `mailbox` by default.
    pub mailbox: Field<String>,
    /// Where the service listens, and the address that others reach it at.
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
    pub slack_webhook: Field<BTreeMap<String, Field<HookTable>>>,
    /// Microsoft Teams, by a Workflows webhook: `teams:NAME` is `[teams.NAME]`.
    pub teams: Field<BTreeMap<String, Field<HookTable>>>,
    /// Discord, by a webhook: `discord:NAME` is `[discord.NAME]`.
    pub discord: Field<BTreeMap<String, Field<DiscordTable>>>,
    /// Google Chat, by a webhook: `google-chat:NAME` is `[google_chat.NAME]`.
    pub google_chat: Field<BTreeMap<String, Field<HookTable>>>,
    /// Mattermost, with a bot's token.
    pub mattermost: Field<MattermostTable>,
    /// Mattermost's incoming webhooks: `mattermost-webhook:NAME` is `[mattermost_webhook.NAME]`.
    pub mattermost_webhook: Field<BTreeMap<String, Field<HookTable>>>,
    /// Rocket.Chat, with a user's token.
    pub rocket_chat: Field<RocketChatTable>,
    /// Matrix, with a user's token.
    pub matrix: Field<MatrixTable>,
    /// Zulip, with a bot's key.
    pub zulip: Field<ZulipTable>,
    /// Signed webhooks to any service: `webhook:NAME` is `[webhook.NAME]`.
    pub webhook: Field<BTreeMap<String, Field<WebhookTable>>>,
    /// Who a person on GitHub is elsewhere, for `mention` and `reply_to`: `[people.LOGIN]`.
    pub people: Field<BTreeMap<String, Field<PersonTable>>>,
}

/// `[server]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ServerTable {
    /// The address and port to listen on. `127.0.0.1:8080` by default.
    pub listen: Field<String>,
    /// The address that links in messages start with, such as `https://microalign.example.com`. Without it, messages have
    /// no links to mute, unsubscribe or object.
    pub public_url: Field<String>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct StoreTable {
    /// `sqlite://FILE`. `sqlite://microalign.db` by default.
    pub url: Field<String>,
}

/// `[github]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct GithubTable {
    /// The webhook's secrets. A request is accepted if any one of them verifies it, so that a secret can be changed without
    /// a gap.
    pub secrets: Field<Vec<Field<SecretText>>>,
    /// A token to query the API and, for the destination `github`, to write comments.
    pub token: Field<SecretText>,
    /// The number of a GitHub App that queries the API and writes comments, instead of a `token`.
    pub app_id: Field<String>,
    /// The App's private key, in PEM.
    pub private_key: Field<SecretText>,
    /// The address of GitHub's API. `https://api.github.com` if left out; `https://HOST/api/v3` on an Enterprise Server.
    pub api_url: Field<String>,
    /// Whether the author of an assumption is told in a comment, where it was made, that somebody objects or that nobody
    /// did by `object_by`. `false` by default.
    pub comment: Field<bool>,
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
    /// The keys of the projects whose tickets count, such as `DATA`. All by default.
    pub projects: Field<Vec<Field<String>>>,
    /// The address of the account that `token` belongs to, on Jira Cloud. Left out on Data Center.
    pub user: Field<String>,
    /// An API token, or on Data Center a personal access token, to ask the API with, and to write comments with for the
    /// destination `jira`.
    pub token: Field<SecretText>,
    /// A service account's OAuth 2.0 credential on Jira Cloud, instead of `user` and `token`.
    pub client_id: Field<String>,
    /// The secret of that credential.
    pub client_secret: Field<SecretText>,
    /// The address of Jira's API, if that is not `base_url`. With `client_id` that of Atlassian's gateway,
    /// `https://api.atlassian.com` by default.
    pub api_url: Field<String>,
    /// The address that service accounts get their tokens at. `https://auth.atlassian.com` by default.
    pub auth_url: Field<String>,
    /// Whether the author of an assumption is told in a comment, where it was made, that somebody objects or that nobody
    /// did by `object_by`. `false` by default.
    pub comment: Field<bool>,
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
    /// Where mail may go: `@DOMAIN`, which is that domain and none below it, or one address. Anywhere by default.
    pub allow: Field<Vec<Field<String>>>,
    /// What signs mail (DKIM).
    pub dkim: Field<DkimTable>,
    /// The address that answers to an assumption go to: that of the mailbox in `imap`, which must also take mail to
    /// `USER+…@DOMAIN`.
    pub reply_to: Field<String>,
    /// Where answers to assumptions are read: `imaps://USER:PASSWORD@HOST`, or `imap://USER:PASSWORD@HOST` for STARTTLS.
    pub imap: Field<SecretText>,
}

/// `[email] dkim`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["domain", "selector", "key"]))]
pub struct DkimTable {
    /// The domain that answers for the mail, which is that of `from` or one above or below it.
    pub domain: Field<String>,
    /// The key's name: its public half stands in DNS at `SELECTOR._domainkey.DOMAIN`.
    pub selector: Field<String>,
    /// The private key in PEM, RSA or Ed25519, such as `${file:secrets/dkim.pem}`.
    pub key: Field<SecretText>,
}

/// `[slack]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["token"]))]
pub struct SlackTable {
    /// The bot's token, `xoxb-…`.
    pub token: Field<SecretText>,
    /// The address of Slack's Web API. `https://slack.com/api` by default.
    pub api_url: Field<String>,
    /// The app's signing secret, for what people answer to an assumption in its thread: Slack sends it to
    /// `/webhooks/slack`.
    pub signing_secret: Field<SecretText>,
}

/// `[slack_webhook.NAME]`, `[teams.NAME]`, `[google_chat.NAME]`, `[mattermost_webhook.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct HookTable {
    /// The webhook's address, which is a secret.
    pub url: Field<SecretText>,
}

/// `[discord.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct DiscordTable {
    /// The webhook's address, which is a secret.
    pub url: Field<SecretText>,
    /// Whether the webhook is a forum's: then each conversation is a post of its own. `false` by default.
    pub forum: Field<bool>,
    /// The id of the thread that everything goes into.
    pub thread: Field<String>,
}

/// `[mattermost]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "token"]))]
pub struct MattermostTable {
    /// The server's address, such as `https://mattermost.example.com`.
    pub url: Field<String>,
    /// The bot's access token.
    pub token: Field<SecretText>,
}

/// `[rocket_chat]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "user_id", "token"]))]
pub struct RocketChatTable {
    /// The server's address, such as `https://chat.example.com`.
    pub url: Field<String>,
    /// The user's id, which Rocket.Chat shows with the token.
    pub user_id: Field<String>,
    /// The user's personal access token.
    pub token: Field<SecretText>,
}

/// `[matrix]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["homeserver", "token"]))]
pub struct MatrixTable {
    /// The homeserver's address, such as `https://matrix.example.com`.
    pub homeserver: Field<String>,
    /// The user's access token.
    pub token: Field<SecretText>,
}

/// `[zulip]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "email", "api_key"]))]
pub struct ZulipTable {
    /// The organisation's address, such as `https://example.zulipchat.com`.
    pub url: Field<String>,
    /// The bot's address, which Zulip shows with the key.
    pub email: Field<String>,
    /// The bot's API key.
    pub api_key: Field<SecretText>,
}

/// `[people.LOGIN]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct PersonTable {
    /// Where mail reaches them, for `reply_to`.
    pub email: Field<String>,
    /// The member's id in Slack, such as `U0123ABCD`.
    pub slack: Field<String>,
    /// The address that they sign in with to Teams.
    pub teams: Field<String>,
    /// The user's id in Discord, all digits.
    pub discord: Field<String>,
    /// The user's id in Google Chat, all digits.
    pub google_chat: Field<String>,
    /// The user name in Mattermost.
    pub mattermost: Field<String>,
    /// The user name in Rocket.Chat.
    pub rocket_chat: Field<String>,
    /// The user's id in Matrix, such as `@ana:example.com`.
    pub matrix: Field<String>,
    /// The user's id in Zulip, all digits.
    pub zulip: Field<String>,
    /// The account id in Jira Cloud, or the user name on Data Center.
    pub jira: Field<String>,
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
impl Raw for DkimTable {}
impl Raw for SlackTable {}
impl Raw for HookTable {}
impl Raw for DiscordTable {}
impl Raw for MattermostTable {}
impl Raw for RocketChatTable {}
impl Raw for MatrixTable {}
impl Raw for ZulipTable {}
impl Raw for PersonTable {}
impl Raw for WebhookTable {}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> Schema {
    toml_file::schema::<ConfigFile>()
}
