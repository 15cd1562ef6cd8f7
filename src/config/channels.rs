//! The channels' part of the configuration.

use std::collections::BTreeMap;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::file::{
    DiscordTable, EmailTable, GithubTable, HookTable, MatrixTable, MattermostTable, PersonTable, RocketChatTable,
    SlackTable, WebhookTable, ZulipTable,
};
use super::secret::Form;
use super::{Checker, Tables};
use crate::destination::Destination;
use crate::settings::{
    ApiSettings, DiscordSettings, EmailSettings, GithubApi, GithubLogin, HookSettings, MailServer, Person,
    WebhookSettings,
};
use crate::toml_file::{At, Field, Raw, SecretText, Wrong};

const SLACK: &str = "https://slack.com/api";
/// Where GitHub's API is, if nobody says otherwise.
pub const GITHUB: &str = "https://api.github.com";

impl<E: Fn(&str) -> Option<String>> Checker<'_, E> {
    pub(super) fn email(&mut self, field: Field<EmailTable>) -> Option<EmailSettings> {
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
        let smtp = self
            .secret(table.smtp, &smtp_at, Form::Smtp)
            .and_then(|url| self.parsed(mail_server(&url, MailServer::smtp), &smtp_at));
        let allow = self.mail_allowed(table.allow, &at.key("allow"));
        let dkim = self.dkim(table.dkim, &at.key("dkim"), from.as_ref());
        let replies = self.replies((table.reply_to, table.imap), &at);
        Some(EmailSettings { from: from?, smtp, allow, dkim, replies })
    }

    /// How Slack is reached, and what it signs its events with.
    pub(super) fn slack(&mut self, field: Field<SlackTable>) -> (Option<ApiSettings>, Option<SecretString>) {
        let at = At::root().key("slack");
        let Some(table) = self.document.take(field, &at) else { return (None, None) };
        self.require(&table.token, &at, "token");
        let url = self.web_address(table.api_url, &at.key("api_url"));
        let api = self.api(url.or_else(|| Some(SLACK.to_owned())), None, (table.token, &at.key("token")));
        (api, self.secret(table.signing_secret, &at.key("signing_secret"), Form::Token))
    }

    pub(super) fn mattermost(&mut self, field: Field<MattermostTable>) -> Option<ApiSettings> {
        let at = At::root().key("mattermost");
        let table = self.document.take(field, &at)?;
        self.require(&table.url, &at, "url");
        self.require(&table.token, &at, "token");
        let url = self.web_address(table.url, &at.key("url"));
        self.api(url, None, (table.token, &at.key("token")))
    }

    pub(super) fn rocket_chat(&mut self, field: Field<RocketChatTable>) -> Option<ApiSettings> {
        let at = At::root().key("rocket_chat");
        let table = self.document.take(field, &at)?;
        self.require(&table.url, &at, "url");
        self.require(&table.user_id, &at, "user_id");
        self.require(&table.token, &at, "token");
        let url = self.web_address(table.url, &at.key("url"));
        let user = self.word(table.user_id, &at.key("user_id"));
        self.api(url, user, (table.token, &at.key("token")))
    }

    pub(super) fn matrix(&mut self, field: Field<MatrixTable>) -> Option<ApiSettings> {
        let at = At::root().key("matrix");
        let table = self.document.take(field, &at)?;
        self.require(&table.homeserver, &at, "homeserver");
        self.require(&table.token, &at, "token");
        let url = self.web_address(table.homeserver, &at.key("homeserver"));
        self.api(url, None, (table.token, &at.key("token")))
    }

    pub(super) fn zulip(&mut self, field: Field<ZulipTable>) -> Option<ApiSettings> {
        let at = At::root().key("zulip");
        let table = self.document.take(field, &at)?;
        self.require(&table.url, &at, "url");
        self.require(&table.email, &at, "email");
        self.require(&table.api_key, &at, "api_key");
        let url = self.web_address(table.url, &at.key("url"));
        let user = self.word(table.email, &at.key("email"));
        self.api(url, user, (table.api_key, &at.key("api_key")))
    }

    /// How GitHub's API is asked, and what comments are written with.
    pub(super) fn github_api(&mut self, table: GithubTable) -> (String, Option<GithubApi>) {
        let at = At::root().key("github");
        let GithubTable { token, app_id, private_key, api_url, .. } = table;
        let url = self.web_address(api_url, &at.key("api_url")).unwrap_or_else(|| GITHUB.to_owned());
        let (id_at, key_at, token_at) = (at.key("app_id"), at.key("private_key"), at.key("token"));
        if !app_id.is_absent() && private_key.is_absent() {
            self.document.wrong(&id_at, "an App needs its `private_key` too", None);
        }
        if app_id.is_absent() && !private_key.is_absent() {
            self.document.wrong(&key_at, "an App needs its `app_id` too", None);
        }
        if !app_id.is_absent() && !token.is_absent() {
            let help = "leave one of the two out".to_owned();
            self.document.wrong(&token_at, "GitHub is asked either as an App or with a token", help);
        }
        let token = self.api(Some(url.clone()), None, (token, &token_at)).map(|api| api.token);
        let id = self.word(app_id, &id_at).and_then(|id| {
            let wrong = || (format!("`{id}` is no App"), Some("write the App ID, which is a number".to_owned()));
            self.parsed(id.parse::<u64>().map_err(|_| wrong()), &id_at)
        });
        let key = self.secret(private_key, &key_at, Form::Token);
        let login = match (token, id, key) {
            (Some(token), ..) => Some(GithubLogin::Token(token)),
            (None, Some(id), Some(key)) => Some(GithubLogin::App { id, key }),
            _ => None,
        };
        let settings = login.and_then(|login| Some(GithubApi { url: Url::parse(&url).ok()?, login }));
        (url, settings)
    }

    /// Whether the authors of assumptions are told there; `possible` is whether comments can be written.
    pub(super) fn comment(&mut self, field: Field<bool>, table: &At, possible: bool) -> bool {
        let at = table.key("comment");
        let wanted = self.document.take(field, &at).unwrap_or_default();
        if wanted && !possible {
            let help = "write the `token` of an account that may comment, or leave `comment` out".to_owned();
            self.document.wrong(&at, "without a token nobody can write comments", help);
        }
        wanted
    }

    /// A token with where it is good. Every part of it that is wrong was reported.
    fn api(
        &mut self,
        url: Option<String>,
        user: Option<String>,
        (token, at): (Field<SecretText>, &At),
    ) -> Option<ApiSettings> {
        let token = self.secret(token, at, Form::Token)?;
        // The address was checked, so only the token can be wrong.
        self.parsed(ApiSettings::new(&url?, user.as_deref(), token.expose_secret()).map_err(plain), at)
    }

    /// The tables of `[SECTION.NAME]` that have nothing but an address.
    pub(super) fn hooks(&mut self, field: Tables<HookTable>, section: &str) -> BTreeMap<String, HookSettings> {
        let mut settings = BTreeMap::new();
        for (at, name, table) in self.tables(field, section) {
            if let Some(hook) = self.hook(table.url, &at) {
                settings.insert(name, hook);
            }
        }
        settings
    }

    pub(super) fn google_chat(&mut self, field: Tables<HookTable>) -> BTreeMap<String, HookSettings> {
        let hooks = self.hooks(field, "google_chat");
        for (name, hook) in &hooks {
            for part in ["key", "token"].into_iter().filter(|part| !has_parameter(hook, part)) {
                let help = "copy the whole address from the space's webhooks: it ends in ?key=…&token=…";
                let at = At::root().key("google_chat").key(name).key("url");
                self.document.wrong(&at, format!("the webhook's address has no `{part}`"), help.to_owned());
            }
        }
        hooks
    }

    fn hook(&mut self, url: Field<SecretText>, table: &At) -> Option<HookSettings> {
        self.require(&url, table, "url");
        let at = table.key("url");
        let url = self.secret(url, &at, Form::WebAddress)?;
        self.parsed(HookSettings::new(url.expose_secret()).map_err(plain), &at)
    }

    pub(super) fn discord(&mut self, field: Tables<DiscordTable>) -> BTreeMap<String, DiscordSettings> {
        let mut settings = BTreeMap::new();
        for (at, name, table) in self.tables(field, "discord") {
            let forum = self.document.take(table.forum, &at.key("forum")).unwrap_or_default();
            let thread_at = at.key("thread");
            let thread = self.word(table.thread, &thread_at).filter(|id| {
                let fits = is_snowflake(id);
                if !fits {
                    let help = "write the thread's id, which is all digits".to_owned();
                    self.document.wrong(&thread_at, format!("`{id}` is no thread"), help);
                }
                fits
            });
            if forum && thread.is_some() {
                let help = "leave out `forum`, or `thread`".to_owned();
                self.document.wrong(&thread_at, "in a forum each conversation is a thread of its own", help);
            }
            if let Some(HookSettings { url }) = self.hook(table.url, &at) {
                settings.insert(name, DiscordSettings { url, forum, thread });
            }
        }
        settings
    }

    pub(super) fn people(&mut self, field: Tables<PersonTable>) -> BTreeMap<String, Person> {
        let section = At::root().key("people");
        let mut people = BTreeMap::new();
        for (login, field) in self.document.take(field, &section).unwrap_or_default() {
            let at = section.key(&login);
            let Some(table) = self.document.take(field, &at) else { continue };
            let digits = ("an id, all digits", is_snowflake as fn(&str) -> bool);
            let user = ("a user name, without `@`", is_user_name as fn(&str) -> bool);
            let mut id = |field, key: &str, (wanted, fits): (&str, fn(&str) -> bool)| {
                let at = at.key(key);
                let id = self.word(field, &at)?;
                let message = format!("`{id}` is not what `{key}` knows somebody by");
                let right = if fits(&id) { Ok(id) } else { Err((message, Some(format!("write {wanted}")))) };
                self.parsed(right, &at)
            };
            let address = ("an address such as \"ana@example.com\"", is_address as fn(&str) -> bool);
            let person = Person {
                email: id(table.email, "email", address).and_then(|email| email.parse().ok()),
                slack: id(table.slack, "slack", ("a member's id such as \"U0123ABCD\"", is_slack_id)),
                teams: id(table.teams, "teams", address),
                discord: id(table.discord, "discord", digits),
                google_chat: id(table.google_chat, "google_chat", digits),
                mattermost: id(table.mattermost, "mattermost", user),
                rocket_chat: id(table.rocket_chat, "rocket_chat", user),
                matrix: id(table.matrix, "matrix", ("a user's id such as \"@ana:example.com\"", is_matrix_id)),
                zulip: id(table.zulip, "zulip", digits),
                jira: id(table.jira, "jira", ("an account id, or a user name on Data Center", is_jira_id)),
                login: login.clone(),
            };
            if let Some(other) = people.insert(login.to_lowercase(), person) {
                self.same_person(&at, &section.key(&other.login));
            }
        }
        people
    }

    /// Reports a login that has two tables, at the later one.
    fn same_person(&mut self, at: &At, other: &At) {
        let (line, other_line) = (self.document.place(at).line, self.document.place(other).line);
        let (later, earlier) = if line > other_line { (at, other_line) } else { (other, line) };
        let message = format!("this is the same person as in line {earlier}: capitals make no other login");
        let help = "put all that somebody is called into one table".to_owned();
        self.document.wrong(later, message, help);
    }

    pub(super) fn webhooks(&mut self, field: Tables<WebhookTable>) -> BTreeMap<String, WebhookSettings> {
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
        let url = self.secret(table.url, &at.key("url"), Form::WebAddress);
        let secret = self.secret(table.secret, &at.key("secret"), Form::SigningKey);
        let url = url?;
        // The same rules for the address, so that a wrong one is shown where it is.
        self.parsed(HookSettings::new(url.expose_secret()).map_err(plain), &at.key("url"))?;
        let settings = WebhookSettings::new(url.expose_secret(), secret?.expose_secret());
        self.parsed(settings.map_err(plain), &at.key("secret"))
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
}

/// Whether an address says something for a name after its `?`.
fn has_parameter(hook: &HookSettings, name: &str) -> bool {
    let url = Url::parse(hook.url.expose_secret());
    url.is_ok_and(|url| url.query_pairs().any(|(key, value)| key == name && !value.is_empty()))
}

pub(super) fn plain(message: String) -> Wrong {
    (message, None)
}

fn is_snowflake(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_user_name(text: &str) -> bool {
    // These call everybody.
    let everybody = ["all", "channel", "here", "everyone"];
    text.len() <= 64
        && !everybody.contains(&text.to_lowercase().as_str())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

fn is_slack_id(text: &str) -> bool {
    text.starts_with(['U', 'W']) && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_matrix_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"'&()[]".contains(c);
    text.len() <= 255 && text.starts_with('@') && text.contains(':') && text.chars().all(plain)
}

/// A Cloud account's id has a colon in it.
fn is_jira_id(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte))
}

fn is_destination_name(name: &str) -> bool {
    format!("webhook:{name}").parse::<Destination>().is_ok()
}

/// A mail server's address. Without an `@` it may be user and password with the host forgotten, and is not quoted.
pub(super) fn mail_server(
    url: &SecretString,
    read: impl Fn(&str) -> Result<MailServer, String>,
) -> Result<MailServer, Wrong> {
    let url = url.expose_secret();
    read(url).map_err(|message| match url.contains('@') {
        true => plain(message),
        false => {
            // What it says of nothing at all is what would be right.
            let form = read("").err().unwrap_or_default();
            let help = form.split_once(": it is ").map(|(_, form)| format!("write {form}"));
            ("this is no mail server".to_owned(), help)
        }
    })
}
