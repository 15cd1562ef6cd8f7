//! What `[email]` says beyond sender and server.

use lettre::Address;
use lettre::message::Mailbox;
use secrecy::ExposeSecret;

use super::Checker;
use super::channels::{mail_server, plain};
use super::file::DkimTable;
use super::secret::Form;
use crate::settings::{Allowed, DkimKey, DkimSettings, DnsName, MailServer, ReplySettings};
use crate::toml_file::{At, Field, SecretText};

/// What is before the `@` has 64 letters at most (RFC 5321, section 4.5.3.1.1); ours take up to 40.
const LONGEST_USER: usize = 24;

impl<E: Fn(&str) -> Option<String>> Checker<'_, E> {
    pub(super) fn mail_allowed(&mut self, field: Field<Vec<Field<String>>>, at: &At) -> Option<Allowed> {
        if field.is_absent() {
            return None;
        }
        let entries = self.document.texts(field, at)?;
        if entries.is_empty() {
            let help = "write `[\"@example.com\"]`, or leave it out for anywhere".to_owned();
            self.document.wrong(at, "the list is empty: no mail could go anywhere", help);
        }
        let mut allowed = Allowed::default();
        for (at, entry) in entries {
            let help = "write \"@example.com\" for a domain, or an address such as \"ana@example.com\"";
            if let Some(text) = self.expanded(&entry, &at) {
                self.parsed(allowed.add(&text).map_err(|message| (message, Some(help.to_owned()))), &at);
            }
        }
        Some(allowed)
    }

    pub(super) fn dkim(&mut self, field: Field<DkimTable>, at: &At, from: Option<&Mailbox>) -> Option<DkimSettings> {
        let table = self.document.take(field, at)?;
        self.require(&table.domain, at, "domain");
        self.require(&table.selector, at, "selector");
        self.require(&table.key, at, "key");
        let domain_at = at.key("domain");
        let domain = self.dns_name(table.domain, &domain_at);
        let selector = self.dns_name(table.selector, &at.key("selector"));
        if self.is_assumed(&table.key) {
            // Without its key nothing is signed, and who assumes secrets sends nothing.
            return None;
        }
        let key = self.secret(table.key, &at.key("key"), Form::Token).and_then(|pem| {
            let help = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem`, \
                        and write \"${file:dkim.pem}\"";
            let key = pem.expose_secret().parse::<DkimKey>();
            self.parsed(key.map_err(|message| (message, Some(help.to_owned()))), &at.key("key"))
        });
        let dkim = DkimSettings { domain: domain?, selector: selector?, key: key? };
        if let Some(from) = from
            && !dkim.answers_for(&from.email)
        {
            let message = format!("{} cannot answer for mail from {}", dkim.domain, from.email.domain());
            let help = format!("write \"{}\": DMARC wants both to be of one domain", from.email.domain());
            self.document.wrong(&domain_at, message, help);
        }
        Some(dkim)
    }

    /// The mailbox that answers go to: its address, and where it is read.
    pub(super) fn replies(
        &mut self,
        (address, imap): (Field<String>, Field<SecretText>),
        at: &At,
    ) -> Option<ReplySettings> {
        let (address_at, imap_at) = (at.key("reply_to"), at.key("imap"));
        if imap.is_absent() && !address.is_absent() {
            self.document.wrong(&address_at, "nobody would read what is sent there: `imap` is missing", None);
        }
        if address.is_absent() && !imap.is_absent() {
            self.document.wrong(
                &imap_at,
                "nobody would write there: `reply_to`, the mailbox's address, is missing",
                None,
            );
        }
        let address = self.text(address, &address_at).and_then(|(written, text)| {
            let help = "write the mailbox's address alone, such as \"microalign@example.com\"";
            let address = text.parse::<Address>().map_err(|_| format!("`{written}` is no mail address"));
            let address = address.and_then(|address| match address.user().len() {
                ..=LONGEST_USER => Ok(address),
                _ => Err(format!(
                    "there is no room for `+…` in `{written}`: at most {LONGEST_USER} letters go before the @"
                )),
            });
            self.parsed(address.map_err(|message| (message, Some(help.to_owned()))), &address_at)
        });
        let imap = self.secret(imap, &imap_at, Form::Imap);
        let imap = imap.and_then(|url| self.parsed(mail_server(&url, MailServer::imap), &imap_at));
        Some(ReplySettings { address: address?, imap: imap? })
    }

    fn dns_name(&mut self, field: Field<String>, at: &At) -> Option<DnsName> {
        let (_, name) = self.text(field, at)?;
        self.parsed(name.parse::<DnsName>().map_err(plain), at)
    }
}
