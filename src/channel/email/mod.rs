//! Mail: the table `[email]`, read and checked. [`compose`] writes mail, [`dkim`] signs it and [`smtp`] sends it.

mod compose;
mod connection;
mod dial;
mod dkim;
mod key;
mod server;
mod smtp;

use lettre::Address;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

pub(super) use self::compose::{Mail, Sender, compose};
pub(crate) use self::dial::tls_settings;
pub use self::key::{DkimSettings, DkimTable};
pub use self::server::{MailServer, MailTls};
pub(super) use self::smtp::Smtp;

use super::table::plain;
use crate::destination::is_address;
use crate::destination::{Allowed, PersonKey};
use crate::toml_file::{At, Field, Raw, Reader, SecretText, Wrong};

pub(super) const PERSON: PersonKey = PersonKey {
    key: "email",
    about: "Where mail reaches them, for `reply_to`.",
    wanted: "an address such as \"ana@example.com\"",
    fits: is_address,
};

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

impl Raw for EmailTable {}

/// `[email]`
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// Who mail comes from
    pub from: Mailbox,
    /// The server that takes it; without one, mail is written to the local mailbox
    pub smtp: Option<MailServer>,
    /// Where it may go; anywhere if the operator doesn't say
    pub allow: Option<Allowed>,
    /// What signs it
    pub dkim: Option<DkimSettings>,
    /// Where answers to assumptions are sent, if they are read
    pub replies: Option<ReplySettings>,
}

/// The mailbox that answers to assumptions are sent to.
#[derive(Debug, Clone)]
pub struct ReplySettings {
    /// Its address. With `+` and more after the user it is the same mailbox
    pub address: Address,
    /// Where it is read, with user and password
    pub imap: MailServer,
}

/// The part before the `@` has at most 64 characters (RFC 5321, section 4.5.3.1.1), and our `+…` takes up to 40.
const LONGEST_USER: usize = 24;

/// Reads the table.
pub(crate) fn read(field: Field<EmailTable>, reader: &mut Reader<'_>) -> Option<EmailSettings> {
    let at = At::root().key("email");
    let table = reader.document.take(field, &at)?;
    reader.require(&table.from, &at, "from");
    let from_at = at.key("from");
    let from = reader.text(table.from, &from_at).and_then(|(written, text)| {
        let help = Some("write \"microalign <updates@example.com>\"".to_owned());
        let from = text.parse::<Mailbox>().map_err(|_| (format!("`{written}` isn't a mail address"), help));
        reader.parsed(from, &from_at)
    });
    let smtp_at = at.key("smtp");
    let smtp = reader.secret(table.smtp, &smtp_at, "smtp://unset.invalid");
    let smtp = smtp.and_then(|url| reader.parsed(mail_server(&url, MailServer::smtp), &smtp_at));
    let allow = read_allow(table.allow, &at.key("allow"), reader);
    let dkim = key::read(table.dkim, &at.key("dkim"), (from.as_ref(), reader));
    let replies = read_replies((table.reply_to, table.imap), &at, reader);
    Some(EmailSettings { from: from?, smtp, allow, dkim, replies })
}

fn read_allow(field: Field<Vec<Field<String>>>, at: &At, reader: &mut Reader<'_>) -> Option<Allowed> {
    if field.is_absent() {
        return None;
    }
    let entries = reader.document.texts(field, at)?;
    if entries.is_empty() {
        let help = "write `[\"@example.com\"]`, or leave it out for anywhere".to_owned();
        reader.document.wrong(at, "the list is empty: no mail could go anywhere", help);
    }
    let mut allowed = Allowed::default();
    for (at, entry) in entries {
        let help = "write \"@example.com\" for a domain, or an address such as \"ana@example.com\"";
        if let Some(text) = reader.expanded(&entry, &at) {
            reader.parsed(allowed.add(&text).map_err(|message| (message, Some(help.to_owned()))), &at);
        }
    }
    Some(allowed)
}

/// The mailbox that answers are sent to: its address, and where it is read.
fn read_replies(
    (address, imap): (Field<String>, Field<SecretText>),
    at: &At,
    reader: &mut Reader<'_>,
) -> Option<ReplySettings> {
    let (address_at, imap_at) = (at.key("reply_to"), at.key("imap"));
    if imap.is_absent() && !address.is_absent() {
        reader.document.wrong(&address_at, "nobody would read what is sent there: `imap` is missing", None);
    }
    if address.is_absent() && !imap.is_absent() {
        let message = "nobody would write there: `reply_to`, the mailbox's address, is missing";
        reader.document.wrong(&imap_at, message, None);
    }
    let address = reader.text(address, &address_at).and_then(|(written, text)| {
        let help = "write the mailbox's address alone, such as \"microalign@example.com\"";
        let address = text.parse::<Address>().map_err(|_| format!("`{written}` isn't a mail address"));
        let address = address.and_then(|address| match address.user().len() {
            ..=LONGEST_USER => Ok(address),
            _ => Err(format!(
                "there is no room for `+…` in `{written}`: at most {LONGEST_USER} characters may be before the @"
            )),
        });
        reader.parsed(address.map_err(|message| (message, Some(help.to_owned()))), &address_at)
    });
    let imap = reader.secret(imap, &imap_at, "imap://unset:unset@unset.invalid");
    let imap = imap.and_then(|url| reader.parsed(mail_server(&url, MailServer::imap), &imap_at));
    Some(ReplySettings { address: address?, imap: imap? })
}

/// A mail server's address. One without an `@` may be user and password with the host forgotten, so it isn't quoted.
fn mail_server(url: &SecretString, read: impl Fn(&str) -> Result<MailServer, String>) -> Result<MailServer, Wrong> {
    let url = url.expose_secret();
    read(url).map_err(|message| match url.contains('@') {
        true => plain(message),
        false => {
            // The error for an empty text says what would be right.
            let form = read("").err().unwrap_or_default();
            let help = form.split_once(": it is ").map(|(_, form)| format!("write {form}"));
            ("this isn't a mail server".to_owned(), help)
        }
    })
}
