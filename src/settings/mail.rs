//! What mail alone needs: where it may go, and what signs it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use lettre::Address;
use rustls::SignatureScheme::{ED25519, RSA_PKCS1_SHA256};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use sha2::{Digest, Sha256};
use url::Host;

/// `[email] allow`: where mail may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// Adds `@DOMAIN`, or one address.
    ///
    /// # Errors
    /// One sentence that says what would be right.
    pub fn add(&mut self, entry: &str) -> Result<(), String> {
        let address = if entry.starts_with('@') { format!("anybody{entry}") } else { entry.to_owned() };
        let wrong = |_| format!("`{entry}` is neither a domain nor an address");
        let address = address.parse::<Address>().map_err(wrong)?;
        let user = if entry.starts_with('@') { String::new() } else { address.user().to_lowercase() };
        self.0.insert(format!("{user}@{}", ascii_domain(address.domain())));
        Ok(())
    }

    /// Whether mail may go to an address. A domain is itself alone, without those below it.
    #[must_use]
    pub fn allows(&self, address: &str) -> bool {
        let Some((user, domain)) = address.rsplit_once('@') else { return false };
        let (user, domain) = (user.to_lowercase(), ascii_domain(domain));
        self.0.contains(&format!("@{domain}")) || self.0.contains(&format!("{user}@{domain}"))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}

/// A domain as DNS has it: capitals don't count, and letters beyond ASCII are `xn--…`.
fn ascii_domain(domain: &str) -> String {
    Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string())
}

/// `[email] dkim`: what signs mail. The key's other half stands in DNS at `SELECTOR._domainkey.DOMAIN`.
#[derive(Debug, Clone)]
pub struct DkimSettings {
    /// The domain that answers for the mail
    pub domain: DnsName,
    /// Which of its keys this is
    pub selector: DnsName,
    /// The private key
    pub key: DkimKey,
}

impl DkimSettings {
    /// Whether DMARC takes the signature for one of the sender's own domain, or of one above or below it (RFC 7489,
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
        Err(format!("`{text}` is no name in DNS"))
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
            .map_err(|_| "this is no private key: it is in PEM, -----BEGIN PRIVATE KEY----- and so on".to_owned())?;
        let key = any_supported_type(&der).ok().filter(|key| key.choose_scheme(&[RSA_PKCS1_SHA256, ED25519]).is_some());
        key.map(Self).ok_or_else(|| "this key cannot sign mail: RSA with 2048 to 4096 bits can, and Ed25519".to_owned())
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
        let signer = self.0.choose_scheme(&[RSA_PKCS1_SHA256, ED25519]).ok_or("the key cannot sign")?;
        // Ed25519 signs the hash as if it were the text (RFC 8463, section 3).
        let signature = if self.is_rsa() { signer.sign(text) } else { signer.sign(&Sha256::digest(text)) };
        signature.map_err(|error| format!("the key cannot sign: {error}"))
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
    fn where_mail_may_go() {
        let mut allowed = Allowed::default();
        for entry in ["@Example.com", "ana@partner.org", "@bücher.example"] {
            allowed.add(entry).unwrap();
        }
        for (address, expected) in [
            ("data@example.com", true),
            ("data@EXAMPLE.COM", true),
            ("data@mail.example.com", false),
            ("data@example.com.evil.example", false),
            ("data@notexample.com", false),
            ("ana@partner.org", true),
            ("ana@Partner.org", true),
            ("bo@partner.org", false),
            ("bo@xn--bcher-kva.example", true),
            ("ana", false),
        ] {
            assert_eq!(allowed.allows(address), expected, "{address}");
        }
        for entry in ["", "@", "example.com", "@a b", "ana@"] {
            assert!(allowed.add(entry).is_err(), "{entry}");
        }
    }

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
