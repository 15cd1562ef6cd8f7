//! The channels' part of the configuration.

use std::collections::BTreeMap;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};

use super::file::{EmailTable, SlackTable, SlackWebhookTable, WebhookTable};
use super::{Checker, Tables};
use crate::destination::Destination;
use crate::settings::{EmailSettings, SlackSettings, SlackWebhookSettings, SmtpSettings, WebhookSettings};
use crate::toml_file::{At, Field, Raw, Wrong};

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
        let smtp = self.secret(table.smtp, &smtp_at).and_then(|url| self.parsed(mail_server(&url), &smtp_at));
        Some(EmailSettings { from: from?, smtp })
    }

    pub(super) fn slack(&mut self, field: Field<SlackTable>) -> Option<SlackSettings> {
        let at = At::root().key("slack");
        let table = self.document.take(field, &at)?;
        self.require(&table.token, &at, "token");
        let api_url = self.web_address(table.api_url, &at.key("api_url"));
        let token = self.secret(table.token, &at.key("token"))?;
        // The address was checked, so only the token can be wrong.
        let api_url = api_url.as_deref().unwrap_or(SlackSettings::API_URL);
        self.parsed(SlackSettings::new(token.expose_secret(), api_url).map_err(plain), &at.key("token"))
    }

    pub(super) fn slack_webhooks(
        &mut self,
        field: Tables<SlackWebhookTable>,
    ) -> BTreeMap<String, SlackWebhookSettings> {
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
        let (url, secret) = (self.secret(table.url, &at.key("url")), self.secret(table.secret, &at.key("secret")));
        let url = url?;
        // The same rules for the address, so that a wrong one is shown where it is.
        self.parsed(SlackWebhookSettings::new(url.expose_secret()).map_err(plain), &at.key("url"))?;
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
