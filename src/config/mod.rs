//! The configuration: raw TOML to checked values.

mod channels;
mod email;
mod expand;
mod file;
mod jira;
mod secret;

use std::collections::BTreeMap;
use std::fs;
use std::mem::take;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

pub use self::channels::GITHUB;
pub use file::schema;
pub use secret::Secrets;

use crate::event::TicketKey;
use crate::settings::{ChannelSettings, TellAuthors};
use crate::toml_file::{At, Document, Field, Problem, Wrong};
use file::{ConfigFile, ServerTable, StoreTable};

/// What the operator configured, checked. Paths are ready to be opened.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of team files
    pub rules: PathBuf,
    /// The folder of templates; it need not be there
    pub templates: PathBuf,
    /// Where to listen
    pub listen: SocketAddr,
    /// What links to us in messages start with, without a slash at its end; without it there are no such links
    pub public_url: Option<String>,
    /// The SQLite file
    pub store: PathBuf,
    /// Any one verifies a webhook of GitHub; none if there are none
    pub github_secrets: Vec<SecretString>,
    /// Any one verifies a webhook of Jira; none if there are none
    pub jira_secrets: Vec<SecretString>,
    /// What Slack signs its events with
    pub slack_secret: Option<SecretString>,
    /// What links to tickets start with; no slash at its end
    pub jira_base_url: Option<String>,
    /// Where GitHub's API is; no slash at its end
    pub github_url: String,
    /// The projects whose tickets count; empty for all
    pub jira_projects: Vec<String>,
    /// What the channels need
    pub channels: ChannelSettings,
    /// Where the authors of assumptions are told what came of them
    pub tell_authors: TellAuthors,
}

/// Reads the configuration. `env` looks up environment variables.
///
/// # Errors
/// All the problems in it. None holds a secret.
pub fn load(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let (config, problems) = read(path, env, Secrets::Needed)?;
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Reads the configuration for a command that sends nothing and asks nobody: secrets that come from the environment or
/// from files are not looked up, and taken to be right.
///
/// # Errors
/// All the other problems in it.
pub fn look(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let (config, problems) = read(path, env, Secrets::Assumed)?;
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Reads only where the store is.
///
/// # Errors
/// The problems of the file as such, and of `[store]`.
pub fn store(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<PathBuf, Vec<Problem>> {
    let (store, problems) = checked(path, env, Secrets::Assumed, |checker, raw| checker.store(raw.store))?;
    if problems.is_empty() { Ok(store) } else { Err(problems) }
}

/// Reads the configuration as far as it goes, for a look at the files that it names. What has a problem is as if it
/// were left out; the problems are the second value.
///
/// # Errors
/// The problems of a file that cannot be read at all.
pub fn read(
    path: &Path,
    env: &impl Fn(&str) -> Option<String>,
    secrets: Secrets,
) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    checked(path, env, secrets, |checker, raw| checker.config(raw))
}

/// What `check` makes of the file, and the problems it found.
fn checked<T, E: Fn(&str) -> Option<String>>(
    path: &Path,
    env: &E,
    secrets: Secrets,
    check: impl FnOnce(&mut Checker<'_, E>, ConfigFile) -> T,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let help = "name the configuration with `-c FILE`, or make one with `microalign init DIR`".to_owned();
        vec![Problem::of_file(&name, format!("this file can't be read: {error}"), Some(help))]
    })?;
    let (document, raw) = Document::read::<ConfigFile>(&name, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut checker = Checker { document, folder, env, secrets };
    let value = check(&mut checker, raw);
    Ok((value, checker.document.into_problems()))
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Tables that the operator names.
type Tables<T> = Field<BTreeMap<String, Field<T>>>;

struct Checker<'a, E> {
    document: Document<'a>,
    folder: &'a Path,
    env: &'a E,
    secrets: Secrets,
}

/// The methods report what is wrong and return a value that is as good as any: the problems are what counts then.
impl<E: Fn(&str) -> Option<String>> Checker<'_, E> {
    fn config(&mut self, raw: ConfigFile) -> Config {
        let root = At::root();
        let (listen, public_url) = self.server(raw.server);
        let before = self.document.problem_count();
        let (github_at, jira_at) = (root.key("github"), root.key("jira"));
        let mut github = self.document.take(raw.github, &github_at).unwrap_or_default();
        let mut jira = self.document.take(raw.jira, &jira_at).unwrap_or_default();
        let github_secrets = self.secrets(take(&mut github.secrets), &github_at.key("secrets"));
        let jira_secrets = self.secrets(take(&mut jira.secrets), &jira_at.key("secrets"));
        if github_secrets.is_empty() && jira_secrets.is_empty() && self.document.problem_count() == before {
            let help = "write `secrets = [\"${GITHUB_WEBHOOK_SECRET}\"]` below `[github]`, or the like below `[jira]`";
            self.document.wrong(&root, "no webhook can be verified: there is no secret", help.to_owned());
        }
        let jira_base_url = self.web_address(take(&mut jira.base_url), &jira_at.key("base_url"));
        let jira_projects = take(&mut jira.projects);
        let (github_comment, jira_comment) = (take(&mut github.comment), take(&mut jira.comment));
        let asked = self.document.problem_count();
        let (github_url, github_api) = self.github_api(github);
        let jira_api = self.jira_api(jira, jira_base_url.as_deref());
        let understood = self.document.problem_count() == asked;
        let tell_authors = TellAuthors {
            github: self.comment(github_comment, &github_at, github_api.is_some() || !understood),
            jira: self.comment(jira_comment, &jira_at, jira_api.is_some() || !understood),
        };
        let (slack, slack_secret) = self.slack(raw.slack);
        Config {
            github_url,
            tell_authors,
            slack_secret,
            rules: self.path(raw.rules, &root.key("rules"), "rules"),
            templates: self.path(raw.templates, &root.key("templates"), "templates"),
            listen,
            public_url,
            store: self.store(raw.store),
            github_secrets,
            jira_secrets,
            jira_base_url,
            jira_projects: self.projects(jira_projects, &jira_at.key("projects")),
            channels: ChannelSettings {
                email: self.email(raw.email),
                slack,
                slack_webhooks: self.hooks(raw.slack_webhook, "slack_webhook"),
                teams: self.hooks(raw.teams, "teams"),
                discord: self.discord(raw.discord),
                google_chat: self.google_chat(raw.google_chat),
                mattermost: self.mattermost(raw.mattermost),
                mattermost_webhooks: self.hooks(raw.mattermost_webhook, "mattermost_webhook"),
                rocket_chat: self.rocket_chat(raw.rocket_chat),
                matrix: self.matrix(raw.matrix),
                zulip: self.zulip(raw.zulip),
                webhooks: self.webhooks(raw.webhook),
                github: github_api,
                jira: jira_api,
                people: self.people(raw.people),
                mailbox: self.path(raw.mailbox, &root.key("mailbox"), "mailbox"),
            },
        }
    }

    fn server(&mut self, field: Field<ServerTable>) -> (SocketAddr, Option<String>) {
        let at = At::root().key("server");
        let table = self.document.take(field, &at).unwrap_or_default();
        let listen_at = at.key("listen");
        let listen = self.text(table.listen, &listen_at).and_then(|(written, text)| {
            let help = "write an address and a port, such as \"127.0.0.1:8080\"".to_owned();
            let message = format!("`{written}` is nothing to listen on");
            self.parsed(text.parse::<SocketAddr>().map_err(|_| (message, Some(help))), &listen_at)
        });
        let listen = listen.unwrap_or(LISTEN);
        (listen, self.web_address(table.public_url, &at.key("public_url")))
    }

    fn store(&mut self, field: Field<StoreTable>) -> PathBuf {
        let at = At::root().key("store");
        let table = self.document.take(field, &at).unwrap_or_default();
        let at = at.key("url");
        let file = self.text(table.url, &at).and_then(|(_, url)| self.parsed(sqlite_file(&url), &at));
        self.folder.join(file.unwrap_or_else(|| "microalign.db".to_owned()))
    }

    fn projects(&mut self, field: Field<Vec<Field<String>>>, at: &At) -> Vec<String> {
        let entries = self.document.texts(field, at).unwrap_or_default();
        entries.into_iter().filter_map(|(at, text)| self.project(&text, &at)).collect()
    }

    fn project(&mut self, text: &str, at: &At) -> Option<String> {
        let project = self.expanded(text, at)?;
        let is_key = |text: &str| format!("{text}-1").parse::<TicketKey>().is_ok_and(|key| key.project() == text);
        if is_key(&project) {
            return Some(project);
        }
        let capitals = text.to_uppercase();
        let help = if is_key(&capitals) { &capitals } else { "DATA" };
        let help = Some(format!("write the letters before the number in a ticket's key, such as \"{help}\""));
        self.parsed(Err((format!("`{text}` is no project key"), help)), at)
    }

    fn require<T>(&mut self, field: &Field<T>, table: &At, key: &str) {
        if field.is_absent() {
            self.document.wrong(table, format!("`{key}` is missing"), None);
        }
    }

    fn path(&mut self, field: Field<String>, at: &At, default: &str) -> PathBuf {
        let path = self.text(field, at).and_then(|(_, path)| {
            let filled = if path.is_empty() { Err(("the path is empty".to_owned(), None)) } else { Ok(path) };
            self.parsed(filled, at)
        });
        self.folder.join(path.as_deref().unwrap_or(default))
    }

    /// A web address without the slash at its end.
    fn web_address(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let (_, text) = self.text(field, at)?;
        let plain = |url: Url| url.has_host() && url.query().is_none() && url.fragment().is_none();
        if (text.starts_with("http://") || text.starts_with("https://")) && Url::parse(&text).is_ok_and(plain) {
            return Some(text.trim_end_matches('/').to_owned());
        }
        // The text isn't quoted: user and password may stand in it.
        let help = "write \"https://HOST\"".to_owned();
        self.parsed(Err(("this is no web address".to_owned(), Some(help))), at)
    }

    /// A string as written, which may be shown, and its value.
    fn text(&mut self, field: Field<String>, at: &At) -> Option<(String, String)> {
        let written = self.document.take(field, at)?;
        let value = self.expanded(&written, at)?;
        Some((written, value))
    }

    fn expanded(&mut self, text: &str, at: &At) -> Option<String> {
        let expanded = expand::expand(text, self.folder, self.env);
        self.parsed(expanded.map_err(|(message, help)| (message, Some(help))), at)
    }

    /// A string without white space, trimmed of what a file has at its end.
    fn word(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let (_, text) = self.text(field, at)?;
        let text = text.trim();
        let filled = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        let word = if filled { Ok(text.to_owned()) } else { Err(("write one word".to_owned(), None)) };
        self.parsed(word, at)
    }

    /// Reports an error where it is.
    fn parsed<T>(&mut self, outcome: Result<T, Wrong>, at: &At) -> Option<T> {
        outcome.map_err(|(message, help)| self.document.wrong(at, message, help)).ok()
    }
}

/// The path in `sqlite://FILE`. The address isn't shown: one of another database would hold a password.
fn sqlite_file(url: &str) -> Result<String, Wrong> {
    let help = || Some("write \"sqlite://microalign.db\"".to_owned());
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err(("PostgreSQL is not supported by this version, only SQLite".to_owned(), help()));
    }
    match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
        Some(":memory:") => Err(("the ledger has to outlive the service: name a file".to_owned(), help())),
        Some(file) if !file.is_empty() && !file.contains('?') => Ok(file.to_owned()),
        Some(_) => Err(("this names no file".to_owned(), help())),
        None => Err(("this is no address of a store".to_owned(), help())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret as _;

    use super::*;

    fn loaded(text: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("microalign.toml"), text).unwrap();
        fs::write(folder.path().join("slack-token"), "xoxb-1\n").unwrap();
        let key = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
        fs::write(folder.path().join("dkim.pem"), key).unwrap();
        let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
        let config = load(&folder.path().join("microalign.toml"), &env).unwrap();
        (folder, config)
    }

    #[test]
    fn a_secret_is_all_that_must_be_set() {
        let (folder, config) = loaded("[github]\nsecrets = [\"${SECRET}\"]\n");
        assert_eq!(config.github_secrets[0].expose_secret(), "s3cret");
        let paths = [config.rules, config.templates, config.channels.mailbox, config.store];
        assert_eq!(paths, ["rules", "templates", "mailbox", "microalign.db"].map(|name| folder.path().join(name)));
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, None);
        assert!(config.channels.email.is_none() && config.channels.slack.is_none());
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
            [github]
            secrets = ["old", "${SECRET}"]
            [jira]
            secrets = ["$${SECRET}"]
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
        assert_eq!(config.store, folder.path().join("data/ledger.db"));
        assert_eq!(
            (config.listen.port(), config.public_url.as_deref()),
            (9000, Some("https://microalign.example.com"))
        );
        assert_eq!((config.github_secrets.len(), config.jira_secrets[0].expose_secret()), (2, "${SECRET}"));
        assert_eq!(config.jira_base_url.as_deref(), Some("https://example.atlassian.net"));
        assert_eq!(config.jira_projects, ["DATA"]);
        let ChannelSettings { email, slack, slack_webhooks, webhooks, .. } = config.channels;
        let email = email.unwrap();
        assert!(email.allow.unwrap().allows("ana@partner.org"));
        assert_eq!(email.dkim.unwrap().key.algorithm(), "ed25519-sha256");
        let replies = email.replies.unwrap();
        assert_eq!((replies.address.to_string().as_str(), replies.imap.port), ("microalign@example.com", 993));
        assert_eq!(config.slack_secret.unwrap().expose_secret(), "s3cret");
        let (_, password) = email.smtp.unwrap().credentials.unwrap();
        assert_eq!(password.expose_secret(), "s3cret");
        assert_eq!(slack.unwrap().token.expose_secret(), "xoxb-1");
        assert_eq!(slack_webhooks["ops"].url.expose_secret(), "https://hooks.example.com/s3cret");
        assert!(webhooks.contains_key("hub"));
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
