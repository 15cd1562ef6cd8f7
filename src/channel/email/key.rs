//! The key that signs mail: reads and checks the table `[email] dkim`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use lettre::Address;
use lettre::message::Mailbox;
use rustls::SignatureScheme::{ED25519, RSA_PKCS1_SHA256};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::channel::table::plain;
use crate::destination::ascii_domain;
use crate::toml_file::{At, Field, Raw, Reader, SecretText, TOKEN};

/// `[email] dkim`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["domain", "selector", "key"]))]
pub struct DkimTable {
    /// The domain that answers for the mail, which is that of `from` or one above or below it.
    pub domain: Field<String>,
    /// The key's name: its public half is in DNS at `SELECTOR._domainkey.DOMAIN`.
    pub selector: Field<String>,
    /// The private key in PEM, RSA or Ed25519, such as `${file:secrets/dkim.pem}`.
    pub key: Field<SecretText>,
}

impl Raw for DkimTable {}

/// Reads the table, for mail from this sender.
pub(super) fn read(
    field: Field<DkimTable>,
    at: &At,
    (from, reader): (Option<&Mailbox>, &mut Reader<'_>),
) -> Option<DkimSettings> {
    let table = reader.document.take(field, at)?;
    reader.require(&table.domain, at, "domain");
    reader.require(&table.selector, at, "selector");
    reader.require(&table.key, at, "key");
    let domain_at = at.key("domain");
    let domain = dns_name(table.domain, &domain_at, reader);
    let selector = dns_name(table.selector, &at.key("selector"), reader);
    // Nothing is sent by whoever assumes secrets, so a key that isn't looked up needs no stand-in.
    if matches!(&table.key, Field::Is(key) if reader.is_assumed(key)) {
        return None;
    }
    let key = reader.secret(table.key, &at.key("key"), TOKEN).and_then(|pem| {
        let help = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem`, and \
                    write \"${file:dkim.pem}\"";
        let key = pem.expose_secret().parse::<DkimKey>();
        reader.parsed(key.map_err(|message| (message, Some(help.to_owned()))), &at.key("key"))
    });
    let dkim = DkimSettings { domain: domain?, selector: selector?, key: key? };
    if let Some(from) = from
        && !dkim.answers_for(&from.email)
    {
        let message = format!("{} can't sign mail from {}", dkim.domain, from.email.domain());
        let help = format!("write \"{}\": DMARC wants both to be of one domain", from.email.domain());
        reader.document.wrong(&domain_at, message, help);
    }
    Some(dkim)
}

fn dns_name(field: Field<String>, at: &At, reader: &mut Reader<'_>) -> Option<DnsName> {
    let (_, name) = reader.text(field, at)?;
    reader.parsed(name.parse::<DnsName>().map_err(plain), at)
}

/// `[email] dkim`: what signs mail. The public key is in DNS at `SELECTOR._domainkey.DOMAIN`.
#[derive(Debug, Clone)]
pub struct DkimSettings {
    /// The domain that is responsible for the mail
    pub domain: DnsName,
    /// Which of its keys this is
    pub selector: DnsName,
    /// The private key
    pub key: DkimKey,
}

impl DkimSettings {
    /// Whether DMARC accepts the signature for a sender: its domain must be the sender's, or one above or below it (RFC 7489,
    /// section 3.1.1).
    #[must_use]
    pub fn answers_for(&self, sender: &Address) -> bool {
        let (own, other) = (&self.domain.0, ascii_domain(sender.domain()));
        let below = |name: &str, of: &str| name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
        *own == other || below(own, &other) || below(&other, own)
    }
}

/// A name in DNS, in ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsName(String);

impl FromStr for DnsName {
    type Err = String;

    /// # Errors
    /// One sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        let ascii = ascii_domain(text);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let label = |label: &str| (1..64).contains(&label.len()) && label.bytes().all(letter);
        if ascii.len() < 254 && ascii.split('.').all(label) {
            return Ok(Self(ascii));
        }
        Err(format!("`{text}` isn't a name in DNS"))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A private key that signs mail: RSA or Ed25519 (RFC 8463).
#[derive(Debug, Clone)]
pub struct DkimKey(Arc<dyn SigningKey>);

impl FromStr for DkimKey {
    type Err = String;

    /// Reads what `openssl` writes: PKCS#8, and PKCS#1 for RSA, in PEM.
    ///
    /// # Errors
    /// One sentence, without the key.
    fn from_str(pem: &str) -> Result<Self, String> {
        // The errors of both would show bytes of the key.
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "this isn't a private key in PEM, which starts like -----BEGIN PRIVATE KEY-----".to_owned())?;
        let key = any_supported_type(&der).ok().filter(|key| key.choose_scheme(&[RSA_PKCS1_SHA256, ED25519]).is_some());
        key.map(Self)
            .ok_or_else(|| "this key can't sign mail: it must be RSA with 2048 to 4096 bits, or Ed25519".to_owned())
    }
}

impl DkimKey {
    /// The algorithm's name in DKIM.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        if self.is_rsa() { "rsa-sha256" } else { "ed25519-sha256" }
    }

    /// Signs with SHA-256.
    ///
    /// # Errors
    /// One sentence, without the key.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let signer = self.0.choose_scheme(&[RSA_PKCS1_SHA256, ED25519]).ok_or("the key can't sign")?;
        // Ed25519 signs the hash as if it were the text (RFC 8463, section 3).
        let signature = if self.is_rsa() { signer.sign(text) } else { signer.sign(&Sha256::digest(text)) };
        signature.map_err(|error| format!("the key can't sign: {error}"))
    }

    fn is_rsa(&self) -> bool {
        self.0.choose_scheme(&[RSA_PKCS1_SHA256]).is_some()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn whose_mail_a_domain_answers_for() {
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let (domain, selector) = ("Example.com".parse().unwrap(), "s1".parse().unwrap());
        let dkim = DkimSettings { domain, selector, key: key.parse().unwrap() };
        for (sender, expected) in [
            ("a@example.com", true),
            ("a@EXAMPLE.com", true),
            ("a@updates.example.com", true),
            ("a@com", true),
            ("a@notexample.com", false),
            ("a@example.org", false),
        ] {
            assert_eq!(dkim.answers_for(&sender.parse().unwrap()), expected, "{sender}");
        }
    }
}
