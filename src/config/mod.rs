//! The configuration: reads `microalign.toml` and checks it, so that the rest of the program gets only valid values.
//!
//! The tables of channels and people are read by [`crate::channel`], and team files by [`crate::rule`]. Nothing here opens a
//! connection.

mod console;
mod file;
mod github;
mod jira;
mod store;
mod summary;
mod teams_allowed;
mod tell_authors;

use std::fs;
use std::mem::take;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

pub use self::console::{ConsoleSettings, Oidc, Proxy, Role, Roles, Token, Who};
pub use self::file::schema;
pub use self::github::{GITHUB, RulesRepo};
pub use self::summary::SummarySettings;
pub use self::tell_authors::TellAuthors;
pub use crate::toml_file::Secrets;

use self::console::Beside;
use self::file::{ConfigFile, ServerTable, TelemetryTable};
use crate::api::github::GithubApi;
use crate::channel::{self, ChannelSettings};
use crate::event::Boards;
use crate::rule::TeamsAllowed;
use crate::store::{Keep, Location};
use crate::toml_file::{At, Document, Field, Problem, Reader, expanded};

/// What the operator configured, checked. Paths are ready to be opened.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of team files
    pub rules: PathBuf,
    /// The folder of templates, which may be missing
    pub templates: PathBuf,
    /// Where to listen
    pub listen: SocketAddr,
    /// What the links in messages start with, without a slash at the end; without it, messages have no such links
    pub public_url: Option<String>,
    /// Whether the console is shown to whoever asks from this machine, without a login
    pub console: bool,
    /// Who else may see it; `None` for nobody
    pub access: Option<ConsoleSettings>,
    /// Where it keeps what it has to remember
    pub store: Location,
    /// How long what is in it is kept
    pub keep: Keep,
    /// Any of them verifies a webhook from GitHub; if there are none, nothing does
    pub github_secrets: Vec<SecretString>,
    /// Any of them verifies a webhook from Jira; if there are none, nothing does
    pub jira_secrets: Vec<SecretString>,
    /// What links to tickets start with, without a slash at the end
    pub jira_base_url: Option<String>,
    /// Where GitHub's API is, without a slash at the end
    pub github_url: String,
    /// What the fields of GitHub's projects mean
    pub boards: Boards,
    /// The projects whose tickets count; empty for all
    pub jira_projects: Vec<String>,
    /// How often Jira is asked what changed
    pub jira_poll: Option<Duration>,
    /// The names or ids of the fields that have a ticket's due date, before Jira's own
    pub jira_due: Vec<String>,
    /// The address of the collector that gets traces
    pub otlp: Option<String>,
    /// What the channels need
    pub channels: ChannelSettings,
    /// Where the authors of assumptions are told what came of them
    pub tell_authors: TellAuthors,
    /// The summary of what moved for everybody, if there is one
    pub summary: Option<SummarySettings>,
    /// Whether a comment on pull requests says who hears of them
    pub nudge: bool,
    /// The repository that the team files come from
    pub rules_repo: Option<RulesRepo>,
    /// Which repositories may have a team's file
    pub teams_allowed: Arc<TeamsAllowed>,
}

impl Config {
    /// Whether Jira can be asked; `None` if there is no Jira.
    #[must_use]
    pub fn asks_jira(&self) -> Option<bool> {
        let api = self.channels.jira.is_some();
        (api || !self.jira_secrets.is_empty() || self.jira_base_url.is_some()).then_some(api)
    }
}

/// Reads the configuration. `env` looks up environment variables.
///
/// # Errors
/// All the problems in it. None holds a secret.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let (config, problems) = read(path, env, Secrets::Needed)?;
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Reads the configuration for a command that makes no requests: secrets that come from the environment or
/// from files are not looked up, except for the store's address, and are assumed to be right.
///
/// # Errors
/// All other problems in it.
pub fn look(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let (config, problems) = read(path, env, Secrets::OfTheStore)?;
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// The configuration that says nothing, with these folders: nothing is set up, and there is no secret and no store.
///
/// # Errors
/// As [`load`]
pub fn bare(rules: PathBuf, templates: PathBuf) -> Result<Config, Vec<Problem>> {
    let (document, raw) = Document::read::<ConfigFile>("", "")?;
    let mut reader = Reader { document, folder: Path::new(""), env: &|_| None, secrets: Secrets::Assumed };
    Ok(Config { rules, templates, ..read_config(raw, &mut reader) })
}

/// Reads only where the store is.
///
/// # Errors
/// The problems of the file as such, and of `[store]`.
pub fn store(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Location, Vec<Problem>> {
    let (store, problems) = checked(path, env, Secrets::OfTheStore, |raw, reader| store::read(raw.store, reader).0)?;
    if problems.is_empty() { Ok(store) } else { Err(problems) }
}

/// Reads the address of a store that a command is given, written as `[store] url` is.
///
/// # Errors
/// What is wrong, without a part of the address
pub fn store_at(address: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Location, String> {
    let folder = Path::new("");
    let location = expanded(address, folder, env).and_then(|url| store::parse(&url, folder));
    location.map_err(|(wrong, help)| help.map_or(wrong.clone(), |help| format!("{wrong}: {help}")))
}

/// Reads as much of the configuration as is right, so that the files that it names can be checked too. Values with a problem are
/// left out; the problems are the second value.
///
/// # Errors
/// The problems of a file that cannot be read at all.
pub fn read(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    secrets: Secrets,
) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    checked(path, env, secrets, read_config)
}

/// What `read` makes of the file, and the problems it found.
fn checked<T>(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    secrets: Secrets,
    read: impl FnOnce(ConfigFile, &mut Reader<'_>) -> T,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let help = "name the configuration with `-c FILE`, or make one with `microalign init DIR`".to_owned();
        vec![Problem::of_file(&name, format!("this file can't be read: {error}"), Some(help))]
    })?;
    let (document, raw) = Document::read::<ConfigFile>(&name, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader { document, folder, env, secrets };
    let value = read(raw, &mut reader);
    Ok((value, reader.document.into_problems()))
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// The functions below report what is wrong and return a value that is as good as any: if there are problems, only they
/// are used.
fn read_config(mut raw: ConfigFile, reader: &mut Reader<'_>) -> Config {
    let root = At::root();
    let chats = raw.chats(reader);
    let (listen, public_url, console) = read_server(raw.server, reader);
    let beside = Beside { listen, public_url: public_url.as_deref(), local: console };
    let access = console::read(raw.console, &beside, reader);
    let (store, keep) = store::read(raw.store, reader);
    let before = reader.document.problem_count();
    let (github_at, jira_at) = (root.key("github"), root.key("jira"));
    let mut github = reader.document.take(raw.github, &github_at).unwrap_or_default();
    let mut jira = reader.document.take(raw.jira, &jira_at).unwrap_or_default();
    let github_secrets = reader.secret_list(take(&mut github.secrets), &github_at.key("secrets"));
    let jira_secrets = reader.secret_list(take(&mut jira.secrets), &jira_at.key("secrets"));
    let polled = !jira.poll.is_absent();
    if github_secrets.is_empty() && jira_secrets.is_empty() && !polled && reader.document.problem_count() == before {
        let help = "write `secrets = [\"${GITHUB_WEBHOOK_SECRET}\"]` below `[github]`, or the like below `[jira]`";
        reader.document.wrong(&root, "no webhook can be verified: there is no secret", help.to_owned());
    }
    let jira_base_url = reader.web_address(take(&mut jira.base_url), &jira_at.key("base_url"));
    let (jira_projects, jira_due, jira_poll) = (take(&mut jira.projects), take(&mut jira.due), take(&mut jira.poll));
    let boards = github::read_boards(take(&mut github.project), reader);
    let (github_comment, jira_comment) = (take(&mut github.comment), take(&mut jira.comment));
    let (rules_repo, rules_folder) = (take(&mut github.rules_repo), take(&mut github.rules_folder));
    let nudge = take(&mut github.nudge);
    let asked = reader.document.problem_count();
    let (github_url, github_api) = github::read_api(github, reader);
    let jira_api = jira::read_api(jira, jira_base_url.as_deref(), reader);
    let understood = reader.document.problem_count() == asked;
    let jira_poll = jira::read_poll(jira_poll, (&jira_at, jira_api.is_some() || !understood), reader);
    let is_app = github_api.as_ref().is_some_and(GithubApi::is_app) || !understood;
    let rules_repo = github::read_rules_repo((rules_repo, rules_folder), is_app, reader);
    let nudge = github::read_nudge(nudge, github_api.is_some() || !understood, reader);
    let teams_allowed = teams_allowed::read(raw.teams_allowed, github_api.is_some() || !understood, reader);
    let tell_authors = TellAuthors {
        github: github::read_comment(github_comment, (&github_at, github_api.is_some() || !understood), reader),
        jira: github::read_comment(jira_comment, (&jira_at, jira_api.is_some() || !understood), reader),
    };
    let channels = ChannelSettings {
        email: channel::read_email(raw.email, reader),
        chats,
        github: github_api,
        jira: jira_api,
        people: channel::read_people(raw.people, reader),
        mailbox: reader.path(raw.mailbox, &root.key("mailbox"), "mailbox"),
    };
    Config {
        summary: summary::read(raw.summary, &channels, reader),
        nudge,
        rules_repo,
        teams_allowed: Arc::new(teams_allowed),
        boards,
        github_url,
        tell_authors,
        rules: reader.path(raw.rules, &root.key("rules"), "rules"),
        templates: reader.path(raw.templates, &root.key("templates"), "templates"),
        listen,
        public_url,
        console,
        access,
        store,
        keep,
        github_secrets,
        jira_secrets,
        jira_base_url,
        jira_projects: jira::read_projects(jira_projects, &jira_at.key("projects"), reader),
        jira_poll,
        otlp: read_telemetry(raw.telemetry, reader),
        jira_due: jira::read_due(jira_due, &jira_at.key("due"), reader),
        channels,
    }
}

fn read_server(field: Field<ServerTable>, reader: &mut Reader<'_>) -> (SocketAddr, Option<String>, bool) {
    let at = At::root().key("server");
    let table = reader.document.take(field, &at).unwrap_or_default();
    let listen = read_listen(table.listen, &at.key("listen"), reader).unwrap_or(LISTEN);
    let console = reader.document.take(table.console, &at.key("console")).unwrap_or_default();
    (listen, reader.web_address(table.public_url, &at.key("public_url")), console)
}

/// Reads an address to listen on.
fn read_listen(field: Field<String>, at: &At, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let (written, text) = reader.text(field, at)?;
    let help = "write an address and a port, such as \"127.0.0.1:8080\"".to_owned();
    let message = format!("`{written}` isn't an address to listen on");
    reader.parsed(text.parse::<SocketAddr>().map_err(|_| (message, Some(help))), at)
}

fn read_telemetry(field: Field<TelemetryTable>, reader: &mut Reader<'_>) -> Option<String> {
    let at = At::root().key("telemetry");
    let table = reader.document.take(field, &at).unwrap_or_default();
    reader.web_address(table.otlp, &at.key("otlp"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::channel::Chat;

    const SECRET: &str = "s3cret-of-16-characters-or-more";

    fn loaded(text: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("microalign.toml"), text).unwrap();
        fs::write(folder.path().join("slack-token"), "xoxb-1\n").unwrap();
        let key = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
        fs::write(folder.path().join("dkim.pem"), key).unwrap();
        let env = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
        let config = load(&folder.path().join("microalign.toml"), &env).unwrap();
        (folder, config)
    }

    #[test]
    fn a_secret_is_all_that_must_be_set() {
        let (folder, config) = loaded("[github]\nsecrets = [\"${SECRET}\"]\n");
        assert_eq!(config.github_secrets[0].expose_secret(), SECRET);
        assert!(!config.channels.is_set_up());
        let paths = [config.rules, config.templates, config.channels.mailbox, config.store.file().unwrap().to_owned()];
        assert_eq!(paths, ["rules", "templates", "mailbox", "microalign.db"].map(|name| folder.path().join(name)));
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, None);
    }

    #[test]
    fn everything_can_be_set() {
        let (folder, config) = loaded(
            r#"
            rules = "teams"
            mailbox = "/var/mailbox"
            [server]
            listen = "[::1]:9000"
            public_url = "https://microalign.example.com/"
            [store]
            url = "sqlite://data/ledger.db"
            keep = "52w"
            keep_bodies = "0s"
            [github]
            secrets = ["an old and long secret", "${SECRET}"]
            [jira]
            secrets = ["$${SECRET} of 16 or more"]
            base_url = "https://example.atlassian.net/"
            projects = ["DATA"]
            [email]
            from = "microalign <updates@example.com>"
            smtp = "smtps://user:${SECRET}@mail.example.com"
            reply_to = "microalign@example.com"
            imap = "imaps://reader:${SECRET}@mail.example.com"
            allow = ["@example.com", "ana@partner.org"]
            [email.dkim]
            domain = "example.com"
            selector = "s1"
            key = "${file:dkim.pem}"
            [slack]
            signing_secret = "${SECRET}"
            token = "${file:slack-token}"
            subscribe = "members"
            api_url = "http://127.0.0.1:1/api/"
            [slack_webhook.ops]
            url = "https://hooks.example.com/${SECRET}"
            [webhook.hub]
            url = "https://hub.example.com/"
            secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            "#,
        );
        assert_eq!(config.rules, folder.path().join("teams"));
        assert_eq!(config.channels.mailbox, Path::new("/var/mailbox"));
        assert_eq!(config.store.file(), Some(&*folder.path().join("data/ledger.db")));
        assert_eq!((config.keep.ledger.as_secs(), config.keep.bodies.as_secs()), (364 * 86_400, 0));
        assert_eq!(
            (config.listen.port(), config.public_url.as_deref()),
            (9000, Some("https://microalign.example.com"))
        );
        assert_eq!(
            (config.github_secrets.len(), config.jira_secrets[0].expose_secret()),
            (2, "${SECRET} of 16 or more")
        );
        assert_eq!(config.jira_base_url.as_deref(), Some("https://example.atlassian.net"));
        assert_eq!(config.jira_projects, ["DATA"]);
        let slack = config.channels.slack().unwrap();
        assert_eq!(slack.signing_secret.as_ref().unwrap().expose_secret(), SECRET);
        assert_eq!(slack.api.token.expose_secret(), "xoxb-1");
        assert_eq!(slack.subscribe, channel::Subscribing::Members);
        let ChannelSettings { email, chats, .. } = config.channels;
        let email = email.unwrap();
        assert!(email.allow.unwrap().allows("ana@partner.org"));
        assert_eq!(email.dkim.unwrap().key.algorithm(), "ed25519-sha256");
        let replies = email.replies.unwrap();
        assert_eq!((replies.address.to_string().as_str(), replies.imap.port), ("microalign@example.com", 993));
        let (_, password) = email.smtp.unwrap().credentials.unwrap();
        assert_eq!(password.expose_secret(), SECRET);
        let Some(Chat::SlackWebhook(hook)) = chats.get("slack_webhook.ops") else { panic!("{chats:?}") };
        assert_eq!(hook.url.expose_secret(), format!("https://hooks.example.com/{SECRET}"));
        assert!(chats.contains_key("webhook.hub"));
    }

    #[test]
    fn a_missing_configuration_is_a_problem() {
        let problems = load(Path::new("no/such.toml"), &|_| None).unwrap_err();
        assert!(problems[0].to_string().starts_with("no/such.toml: this file can't be read"), "{}", problems[0]);
    }

    #[test]
    fn the_schema_is_for_editors() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/additionalProperties"), false);
        assert_eq!(at("/properties/github/properties/secrets/items/writeOnly"), true);
        assert_eq!(at("/properties/webhook/additionalProperties/required"), serde_json::json!(["url", "secret"]));
        assert_eq!(at("/properties/server/properties/listen/type"), "string");
        assert!(at("/properties/mailbox/description").as_str().unwrap().starts_with("The folder"));
    }
}
