//! The configuration as it is written. The comments here, and those in the channels' files, are what editors show: they
//! become the JSON Schema.

use std::collections::BTreeMap;
use std::mem::take;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::channel::{self, Chat, EmailTable, PersonTable};
use crate::toml_file::{self, DurationText, Field, Raw, Reader, SecretText, Tables};

macro_rules! define {
    ($($(#[$about:meta])* $chat:ident: $Chat:ident,)*) => {
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
            /// Who may see the console from other machines, and where it is. Without it, `[server] console` decides.
            pub console: Field<ConsoleTable>,
            /// Where the ledger is kept.
            pub store: Field<StoreTable>,
            /// A summary of what moved, for everybody.
            pub summary: Field<SummaryTable>,
            /// What is told to monitoring.
            pub telemetry: Field<TelemetryTable>,
            /// Webhooks from GitHub.
            pub github: Field<GithubTable>,
            /// Webhooks from Jira.
            pub jira: Field<JiraTable>,
            /// Mail.
            pub email: Field<EmailTable>,
            /// Which repositories may have a team's file in `.github/microalign.toml`, and what it may do: `[teams_allowed.TEAM]`.
            pub teams_allowed: Tables<TeamAllowedTable>,
            /// Who a person on GitHub is elsewhere, for `mention` and `reply_to`: `[people.LOGIN]`.
            pub people: Tables<PersonTable>,
            $($(#[$about])* pub $chat: channel::$chat::Tables,)*
        }

        impl ConfigFile {
            /// Takes out the chats and webhooks, and reads them: by their tables.
            pub(super) fn chats(&mut self, reader: &mut Reader<'_>) -> BTreeMap<String, Chat> {
                let mut chats = BTreeMap::new();
                $(
                    let read = channel::$chat::read(take(&mut self.$chat), reader);
                    chats.extend(read.into_iter().map(|(table, settings)| (table, Chat::$Chat(settings))));
                )*
                chats
            }
        }
    };
}
channel::chats!(define);

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
    /// Whether `GET /` shows the console, with the messages of every team, to whoever asks from this machine. That includes the
    /// visitors of a reverse proxy on it which passes on `/` and says nothing of them. `false` by default.
    pub console: Field<bool>,
}

/// `[console]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ConsoleTable {
    /// The console's own address and port, such as `127.0.0.1:8081`: then `[server] listen` has webhooks and the links in
    /// messages, and no console. By default it is at `[server] listen`.
    pub listen: Field<String>,
    /// The console's address in a browser, with `https`. That of `[server]` by default.
    pub public_url: Field<String>,
    /// Who may see everything: mail addresses, domains such as `@example.com`, and groups such as `group:engineering`.
    pub view: Field<Vec<Field<String>>>,
    /// Who may also mute, retry and try out rules for a team: a list for each team, such as `team.web = ["group:web"]`. The
    /// `owner` of a team file may too.
    pub team: Field<BTreeMap<String, Field<Vec<Field<String>>>>>,
    /// Who may do everything.
    pub operate: Field<Vec<Field<String>>>,
    /// The OpenID Connect provider that people log in with. It sends them back to `/login/done`.
    pub oidc: Field<OidcTable>,
    /// A proxy in front that people log in with.
    pub proxy: Field<ProxyTable>,
    /// Tokens for scripts, which send `Authorization: Bearer SECRET`.
    pub tokens: Tables<TokenTable>,
}

/// `[console.oidc]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["issuer", "client_id", "client_secret"]))]
pub struct OidcTable {
    /// The provider's address, exactly as it calls itself, such as `https://login.example.com`.
    pub issuer: Field<String>,
    /// The name that microalign has there.
    pub client_id: Field<String>,
    /// The secret that goes with it.
    pub client_secret: Field<SecretText>,
    /// The claim that somebody's groups are in. `groups` by default.
    pub groups: Field<String>,
}

/// `[console.proxy]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["header", "from"]))]
pub struct ProxyTable {
    /// The header with the mail address of who has logged in, such as `X-Forwarded-Email`. The proxy must remove it from what
    /// visitors send.
    pub header: Field<String>,
    /// The header with their groups, separated by commas. Without it, groups aren't known.
    pub groups: Field<String>,
    /// The addresses and networks that the proxy asks from, such as `["127.0.0.1"]`. From anywhere else, the headers count for
    /// nothing.
    pub from: Field<Vec<Field<String>>>,
}

/// `[console.tokens.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["secret", "role"]))]
pub struct TokenTable {
    /// The token, of at least 32 characters: `openssl rand -hex 32` makes one.
    pub secret: Field<SecretText>,
    /// What it may do: `view`, `team` or `operate`.
    pub role: Field<String>,
    /// The teams that it may do something for, with the role `team`.
    pub teams: Field<Vec<Field<String>>>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct StoreTable {
    /// `sqlite://FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE` for a PostgreSQL database. `sqlite://microalign.db` by
    /// default.
    pub url: Field<SecretText>,
    /// How long the ledger is kept, with its deliveries, events and sends: at least 30 days. `90d` by default. What is
    /// still needed is kept longer.
    pub keep: Field<DurationText>,
    /// How long the bodies of webhooks are kept, at most as long as the ledger. `14d` by default; with `0s`, a body is
    /// deleted soon after it was read.
    pub keep_bodies: Field<DurationText>,
}

/// `[summary]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["at", "to"]))]
pub struct SummaryTable {
    /// When the summary about all teams comes, such as `weekly fri 15:00`. A team's own is `summary` in its file.
    pub at: Field<String>,
    /// Where it goes: destinations as in team files, but for `github` and `jira`. Its readers should be people who may see every
    /// repository.
    pub to: Field<Vec<Field<String>>>,
    /// The time zone of `at`, and of the times in the summary, such as `Europe/Lisbon`. UTC by default.
    pub timezone: Field<String>,
}

/// `[telemetry]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct TelemetryTable {
    /// The address of an OpenTelemetry collector that gets traces by OTLP over HTTP, such as `http://collector:4318`. Without it,
    /// there are no traces.
    pub otlp: Field<String>,
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
    /// Projects whose fields have other names than in GitHub's templates: `[github.project."OWNER/NUMBER"]`. If there are
    /// any, others don't count.
    pub project: Tables<ProjectTable>,
    /// The address of GitHub's API. `https://api.github.com` if left out; `https://HOST/api/v3` on an Enterprise Server.
    pub api_url: Field<String>,
    /// Whether the author of an assumption is told in a comment, where it was made, that somebody objects or that nobody
    /// did by `object_by`. `false` by default.
    pub comment: Field<bool>,
    /// The repository that the folder of team files comes from, such as `acme/microalign-rules`: a check run says on its pull
    /// requests what is wrong with them. Only an App can write check runs.
    pub rules_repo: Field<String>,
    /// The folder in that repository. `rules` by default.
    pub rules_folder: Field<String>,
    /// Whether a comment on each pull request says which teams hear of it when it is merged. `false` by default.
    pub nudge: Field<bool>,
}

/// `[github.project."OWNER/NUMBER"]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ProjectTable {
    /// The field with the status. `Status` by default.
    pub status: Field<String>,
    /// The field with the date on which work starts. `Start date` by default.
    pub start: Field<String>,
    /// The field with the date on which it is due. `Target date` by default.
    pub due: Field<String>,
    /// The statuses of what has not begun. `["Todo", "To triage", "Backlog", "Ready"]` by default.
    pub todo: Field<Vec<Field<String>>>,
    /// The statuses of what is done. `["Done"]` by default. Work is in progress in all others.
    pub done: Field<Vec<Field<String>>>,
}

/// `[teams_allowed.TEAM]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["repos", "to"]))]
pub struct TeamAllowedTable {
    /// The repositories that may have the team's file, such as `["acme/web-*"]`. The owner is written out.
    pub repos: Field<Vec<Field<String>>>,
    /// Where the file may send to, and whom it may name as its `owner`: `["slack:#web", "email:*@example.com"]`. `*` stands for
    /// any text.
    pub to: Field<Vec<Field<String>>>,
    /// The private repositories that the file may hear of besides its own, such as `["acme/ingest-*"]`. None by default: then it
    /// hears of public ones and of its own.
    pub hears: Field<Vec<Field<String>>>,
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
    /// How often Jira is asked what changed, such as `1m`, for when it can't send webhooks; at least `10s`. This needs access to its
    /// API.
    pub poll: Field<DurationText>,
    /// The fields that have a ticket's due date, by name or by id (`customfield_10012`): the first that is set counts, and after
    /// them Jira's own. Names need access to Jira's API.
    pub due: Field<Vec<Field<String>>>,
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

impl Raw for ServerTable {}
impl Raw for ConsoleTable {}
impl Raw for OidcTable {}
impl Raw for ProxyTable {}
impl Raw for TokenTable {}
impl Raw for StoreTable {}
impl Raw for SummaryTable {}
impl Raw for TelemetryTable {}
impl Raw for GithubTable {}
impl Raw for TeamAllowedTable {}
impl Raw for JiraTable {}
impl Raw for ProjectTable {}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> Schema {
    toml_file::schema::<ConfigFile>()
}
