//! The configuration: raw TOML to checked values.

mod expand;
mod file;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use file::schema;

use crate::destination::Destination;
use crate::event::TicketKey;
use crate::settings::{
    ChannelSettings, EmailSettings, SlackSettings, SlackWebhookSettings, SmtpSettings, WebhookSettings,
};
use crate::toml_file::{At, Document, Field, Problem, Raw, SecretText};
use file::{ConfigFile, EmailTable, ServerTable, SlackTable, SlackWebhookTable, StoreTable, WebhookTable};

/// What the operator configured, checked. Paths are ready to be opened.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of team files
    pub rules: PathBuf,
    /// The folder of templates; it need not be there
    pub templates: PathBuf,
    /// Where to listen
    pub listen: SocketAddr,
    /// What links in messages start with; no slash at its end
    pub public_url: String,
    /// The SQLite file
    pub store: PathBuf,
    /// Any one verifies a webhook of GitHub; none if there are none
    pub github_secrets: Vec<SecretString>,
    /// Any one verifies a webhook of Jira; none if there are none
    pub jira_secrets: Vec<SecretString>,
    /// What links to tickets start with; no slash at its end
    pub jira_base_url: Option<String>,
    /// The projects whose tickets count; empty for all
    pub jira_projects: Vec<String>,
    /// What the channels need
    pub channels: ChannelSettings,
}

/// Reads the configuration. `env` looks up environment variables.
///
/// # Errors
/// All the problems in it. None holds a secret.
pub fn load(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let help = "name the configuration with `-c FILE`".to_owned();
        vec![Problem::of_file(&name, format!("this file can't be read: {error}"), Some(help))]
    })?;
    let (document, raw) = Document::read::<ConfigFile>(&name, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut checker = Checker { document, folder, env };
    let config = checker.config(raw);
    checker.document.finish(config)
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Tables that the operator names.
type Tables<T> = Field<BTreeMap<String, Field<T>>>;

/// What is wrong with a value, and what would be right.
type Wrong = (String, Option<String>);

struct Checker<'a, E> {
    document: Document<'a>,
    folder: &'a Path,
    env: &'a E,
}

/// The methods report what is wrong and return a value that is as good as any: the problems are what counts then.
impl<E: Fn(&str) -> Option<String>> Checker<'_, E> {
    fn config(&mut self, raw: ConfigFile) -> Config {
        let root = At::root();
        let (listen, public_url) = self.server(raw.server);
        let before = self.document.problem_count();
        let github = self.document.take(raw.github, &root.key("github")).unwrap_or_default();
        let jira = self.document.take(raw.jira, &root.key("jira")).unwrap_or_default();
        let jira_at = root.key("jira");
        let github_secrets = self.secrets(github.secrets, &root.key("github").key("secrets"));
        let jira_secrets = self.secrets(jira.secrets, &jira_at.key("secrets"));
        if github_secrets.is_empty() && jira_secrets.is_empty() && self.document.problem_count() == before {
            let help = "write `secrets = [\"${GITHUB_WEBHOOK_SECRET}\"]` below `[github]`, or the like below `[jira]`";
            self.document.wrong(&root, "no webhook can be verified: there is no secret", help.to_owned());
        }
        Config {
            rules: self.path(raw.rules, &root.key("rules"), "rules"),
            templates: self.path(raw.templates, &root.key("templates"), "templates"),
            listen,
            public_url,
            store: self.store(raw.store),
            github_secrets,
            jira_secrets,
            jira_base_url: self.web_address(jira.base_url, &jira_at.key("base_url")),
            jira_projects: self.projects(jira.projects, &jira_at.key("projects")),
            channels: ChannelSettings {
                email: self.email(raw.email),
                slack: self.slack(raw.slack),
                slack_webhooks: self.slack_webhooks(raw.slack_webhook),
                webhooks: self.webhooks(raw.webhook),
                mailbox: self.path(raw.mailbox, &root.key("mailbox"), "mailbox"),
            },
        }
    }

    fn server(&mut self, field: Field<ServerTable>) -> (SocketAddr, String) {
        let at = At::root().key("server");
        let table = self.document.take(field, &at).unwrap_or_default();
        let listen_at = at.key("listen");
        let listen = self.text(table.listen, &listen_at).and_then(|(written, text)| {
            let help = "write an address and a port, such as \"127.0.0.1:8080\"".to_owned();
            let message = format!("`{written}` is nothing to listen on");
            self.parsed(text.parse::<SocketAddr>().map_err(|_| (message, Some(help))), &listen_at)
        });
        let listen = listen.unwrap_or(LISTEN);
        let public_url = self.web_address(table.public_url, &at.key("public_url"));
        (listen, public_url.unwrap_or_else(|| format!("http://{listen}")))
    }

    fn store(&mut self, field: Field<StoreTable>) -> PathBuf {
        let at = At::root().key("store");
        let table = self.document.take(field, &at).unwrap_or_default();
        let at = at.key("url");
        let file = self.secret(table.url, &at).and_then(|url| self.parsed(sqlite_file(url.expose_secret()), &at));
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

    fn email(&mut self, field: Field<EmailTable>) -> Option<EmailSettings> {
        let at = At::root().key("email");
        let table = self.document.take(field, &at)?;
        self.require(&table.from, &at, "from");
        let from_at = at.key("from");
        let from = self.text(table.from, &from_at).and_then(|(written, text)| {
            let help = Some("write \"microalign <updates@example.com>\"".to_owned());
            self.parsed(
                text.parse::<Mailbox>().map_err(|_| (format!("`{written}` is no mail address"), help)),
                &from_at,
            )
        });
        let smtp_at = at.key("smtp");
        let smtp = self.secret(table.smtp, &smtp_at).and_then(|url| self.parsed(mail_server(&url), &smtp_at));
        Some(EmailSettings { from: from?, smtp })
    }

    fn slack(&mut self, field: Field<SlackTable>) -> Option<SlackSettings> {
        let at = At::root().key("slack");
        let table = self.document.take(field, &at)?;
        self.require(&table.token, &at, "token");
        let api_url = self.web_address(table.api_url, &at.key("api_url"));
        let token = self.secret(table.token, &at.key("token"))?;
        // The address was checked, so only the token can be wrong.
        let api_url = api_url.as_deref().unwrap_or(SlackSettings::API_URL);
        self.parsed(SlackSettings::new(token.expose_secret(), api_url).map_err(plain), &at.key("token"))
    }

    fn slack_webhooks(&mut self, field: Tables<SlackWebhookTable>) -> BTreeMap<String, SlackWebhookSettings> {
        let mut settings = BTreeMap::new();
        for (at, name, table) in self.tables(field, "slack_webhook") {
            self.require(&table.url, &at, "url");
            if let Some(webhook) = self.secret(table.url, &at.key("url")).and_then(|url| {
                self.parsed(SlackWebhookSettings::new(url.expose_secret()).map_err(plain), &at.key("url"))
            }) {
                settings.insert(name, webhook);
            }
        }
        settings
    }

    fn webhooks(&mut self, field: Tables<WebhookTable>) -> BTreeMap<String, WebhookSettings> {
        let mut settings = BTreeMap::new();
        for (at, name, table) in self.tables(field, "webhook") {
            if let Some(webhook) = self.webhook(table, &at) {
                settings.insert(name, webhook);
            }
        }
        settings
    }

    fn webhook(&mut self, table: WebhookTable, at: &At) -> Option<WebhookSettings> {
        self.require(&table.url, at, "url");
        self.require(&table.secret, at, "secret");
        let (url, secret) = (self.secret(table.url, &at.key("url")), self.secret(table.secret, &at.key("secret")));
        let url = url?;
        // The same rules for the address, so that a wrong one is shown where it is.
        self.parsed(SlackWebhookSettings::new(url.expose_secret()).map_err(plain), &at.key("url"))?;
        let settings = WebhookSettings::new(url.expose_secret(), secret?.expose_secret());
        self.parsed(settings.map_err(plain), &at.key("secret"))
    }

    fn secrets(&mut self, field: Field<Vec<Field<SecretText>>>, at: &At) -> Vec<SecretString> {
        let Some(entries) = self.document.take(field, at) else { return Vec::new() };
        if entries.is_empty() {
            self.document.wrong(at, "the list is empty", "write `[\"${NAME}\"]`".to_owned());
        }
        let entries = self.document.entries(entries, at);
        entries.into_iter().filter_map(|(at, secret)| self.filled(&secret, &at, ": anybody could sign")).collect()
    }

    fn secret(&mut self, field: Field<SecretText>, at: &At) -> Option<SecretString> {
        let secret = self.document.take(field, at)?;
        self.filled(&secret, at, "")
    }

    fn filled(&mut self, secret: &SecretText, at: &At, consequence: &str) -> Option<SecretString> {
        let secret = self.expanded(secret.0.expose_secret(), at)?;
        if secret.trim().is_empty() {
            return self.parsed(Err((format!("the secret is empty{consequence}"), None)), at);
        }
        Some(secret.into())
    }

    /// The tables of `[SECTION.NAME]`, each with its place and name.
    fn tables<T: Raw>(&mut self, field: Tables<T>, section: &str) -> Vec<(At, String, T)> {
        let section = At::root().key(section);
        let mut tables = Vec::new();
        for (name, field) in self.document.take(field, &section).unwrap_or_default() {
            let at = section.key(&name);
            if !is_destination_name(&name) {
                let help = "teams write the name in `to`: use letters, digits, `-` and `_`".to_owned();
                self.document.wrong(&at, format!("`{name}` is no name"), help);
            }
            if let Some(table) = self.document.take(field, &at) {
                tables.push((at, name, table));
            }
        }
        tables
    }

    fn require<T>(&mut self, field: &Field<T>, table: &At, key: &str) {
        if field.is_absent() {
            self.document.wrong(table, format!("`{key}` is missing"), None);
        }
    }

    fn path(&mut self, field: Field<String>, at: &At, default: &str) -> PathBuf {
        let path = self.text(field, at).and_then(|(_, path)| {
            let filled = if path.is_empty() { Err(plain("the path is empty".to_owned())) } else { Ok(path) };
            self.parsed(filled, at)
        });
        self.folder.join(path.as_deref().unwrap_or(default))
    }

    /// A web address without the slash at its end.
    fn web_address(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let (written, text) = self.text(field, at)?;
        let plain = |url: Url| url.has_host() && url.query().is_none() && url.fragment().is_none();
        if (text.starts_with("http://") || text.starts_with("https://")) && Url::parse(&text).is_ok_and(plain) {
            return Some(text.trim_end_matches('/').to_owned());
        }
        let message = format!("`{written}` is no web address");
        self.parsed(Err((message, Some("write \"https://HOST\"".to_owned()))), at)
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

    /// Reports an error where it is.
    fn parsed<T>(&mut self, outcome: Result<T, Wrong>, at: &At) -> Option<T> {
        outcome.map_err(|(message, help)| self.document.wrong(at, message, help)).ok()
    }
}

fn plain(message: String) -> Wrong {
    (message, None)
}

fn is_destination_name(name: &str) -> bool {
    format!("webhook:{name}").parse::<Destination>().is_ok()
}

/// A mail server's address. Without an `@` it may be user and password with the host forgotten, and is not quoted.
fn mail_server(url: &SecretString) -> Result<SmtpSettings, Wrong> {
    let url = url.expose_secret();
    url.parse::<SmtpSettings>().map_err(|message| match url.contains('@') {
        true => plain(message),
        false => {
            let help = "write smtps://USER:PASSWORD@HOST, or smtp://HOST for STARTTLS".to_owned();
            ("this is no mail server".to_owned(), Some(help))
        }
    })
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
