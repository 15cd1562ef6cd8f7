//! Reads values of a document and checks them, in the forms that they have everywhere in `microalign.toml`: addresses,
//! paths, words and secrets, with `${NAME}` and `${file:PATH}` in any of them.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{At, Document, Field, SecretText, Wrong, expand};

/// Whether the secrets in the configuration are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They are used, so each of them must be there
    Needed,
    /// Only the store's address is used. Others that come from the environment or from files are not looked up, and are assumed to
    /// be right
    OfTheStore,
    /// Nobody uses any of them: nor is the store's address looked up
    Assumed,
}

/// Stands for a token that isn't looked up, as [`Secrets::Assumed`] says. A stand-in has the form of the secret, so that
/// what depends on it (the channels, and the destinations that team files may name) is checked all the same.
pub const TOKEN: &str = "unset";
/// Stands for a secret web address that isn't looked up. Hosts below `.invalid` don't exist (RFC 2606).
pub const WEB_ADDRESS: &str = "https://unset.invalid/?key=unset&token=unset";

/// Guesses at a secret can be tried on one signed request, without asking anybody. Slack's secrets have 32 characters.
const SHORTEST: usize = 16;

/// A document, and where its references lead. Its methods report what is wrong in the document.
pub struct Reader<'a> {
    /// The document
    pub document: Document<'a>,
    /// Where relative paths start
    pub folder: &'a Path,
    /// Looks up an environment variable
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether secrets are looked up
    pub secrets: Secrets,
}

impl Reader<'_> {
    /// Reports a key that a table must have and hasn't.
    pub fn require<T>(&mut self, field: &Field<T>, table: &At, key: &str) {
        if field.is_absent() {
            self.document.wrong(table, format!("`{key}` is missing"), None);
        }
    }

    /// Reports an error at its place.
    pub fn parsed<T>(&mut self, outcome: Result<T, Wrong>, at: &At) -> Option<T> {
        outcome.map_err(|(message, help)| self.document.wrong(at, message, help)).ok()
    }

    /// A string as written, which may be shown, and its value.
    pub fn text(&mut self, field: Field<String>, at: &At) -> Option<(String, String)> {
        let written = self.document.take(field, at)?;
        let value = self.expanded(&written, at)?;
        Some((written, value))
    }

    /// The value of a string as written.
    pub fn expanded(&mut self, text: &str, at: &At) -> Option<String> {
        let expanded = expand::expanded(text, self.folder, self.env);
        self.parsed(expanded, at)
    }

    /// A string without white space in it; a line break at its end, as files have it, doesn't count.
    pub fn word(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let (_, text) = self.text(field, at)?;
        let text = text.trim();
        let filled = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        let word = if filled { Ok(text.to_owned()) } else { Err(("write one word".to_owned(), None)) };
        self.parsed(word, at)
    }

    /// A path, from the folder of the configuration.
    pub fn path(&mut self, field: Field<String>, at: &At, default: &str) -> PathBuf {
        let path = self.text(field, at).and_then(|(_, path)| {
            let filled = if path.is_empty() { Err(("the path is empty".to_owned(), None)) } else { Ok(path) };
            self.parsed(filled, at)
        });
        self.folder.join(path.as_deref().unwrap_or(default))
    }

    /// A web address without the slash at its end.
    pub fn web_address(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let (_, text) = self.text(field, at)?;
        self.parsed(web_address(&text), at)
    }

    /// A secret, or `stand_in` for one that isn't looked up.
    pub fn secret(&mut self, field: Field<SecretText>, at: &At, stand_in: &str) -> Option<SecretString> {
        let secret = self.document.take(field, at)?;
        if self.is_assumed(&secret) {
            return Some(stand_in.into());
        }
        self.filled(&secret, at, "this is empty")
    }

    /// A secret that somebody else signs requests with.
    pub fn signing_secret(&mut self, field: Field<SecretText>, at: &At) -> Option<SecretString> {
        let secret = self.document.take(field, at)?;
        if self.is_assumed(&secret) {
            Some(TOKEN.into())
        } else {
            self.long_enough(&secret, at, "copy it from where the requests come from")
        }
    }

    /// The secrets of a list, any of which may sign.
    pub fn secret_list(&mut self, field: Field<Vec<Field<SecretText>>>, at: &At) -> Vec<SecretString> {
        let Some(entries) = self.document.take(field, at) else { return Vec::new() };
        if entries.is_empty() {
            self.document.wrong(at, "the list is empty", "write `[\"${NAME}\"]`".to_owned());
        }
        let mut secrets = Vec::new();
        for (at, secret) in self.document.entries(entries, at) {
            if self.is_assumed(&secret) {
                secrets.push(TOKEN.into());
            } else {
                secrets.extend(self.long_enough(&secret, &at, "`openssl rand -hex 32` makes one"));
            }
        }
        secrets
    }

    /// Whether a secret isn't looked up.
    #[must_use]
    pub fn is_assumed(&self, secret: &SecretText) -> bool {
        self.secrets != Secrets::Needed && expand::has_reference(secret.0.expose_secret())
    }

    /// Whether the store's address isn't looked up.
    #[must_use]
    pub fn is_store_assumed(&self, address: &SecretText) -> bool {
        self.secrets == Secrets::Assumed && expand::has_reference(address.0.expose_secret())
    }

    fn long_enough(&mut self, secret: &SecretText, at: &At, help: &str) -> Option<SecretString> {
        let secret = self.filled(secret, at, "the secret is empty: anybody could sign")?;
        if secret.expose_secret().trim().chars().count() >= SHORTEST {
            return Some(secret);
        }
        let message = format!("the secret has less than {SHORTEST} characters: who guesses it can sign");
        self.parsed(Err((message, Some(help.to_owned()))), at)
    }

    fn filled(&mut self, secret: &SecretText, at: &At, message: &str) -> Option<SecretString> {
        let secret = self.expanded(secret.0.expose_secret(), at)?;
        let filled = if secret.trim().is_empty() { Err((message.to_owned(), None)) } else { Ok(secret.into()) };
        self.parsed(filled, at)
    }
}

/// A web address without the slash at its end. It isn't quoted in an error, because it may hold a password.
fn web_address(text: &str) -> Result<String, Wrong> {
    let wrong = |message: &str| Err((message.to_owned(), Some("write \"https://HOST\"".to_owned())));
    let Some((scheme, rest)) = text.split_once("://") else { return wrong("this isn't a web address") };
    // The parser would leave out line breaks, and others would not.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(c)) {
        return wrong("this has a space, a line break or another character that no web address has");
    }
    if rest.split('/').next().is_some_and(|host| host.contains('@')) {
        return wrong("this address has a user or a password: leave it out");
    }
    if text.contains(['?', '#']) {
        return wrong("this address has something after `?` or `#`: leave it out");
    }
    if !matches!(scheme, "http" | "https") || !Url::parse(text).is_ok_and(|url| url.has_host()) {
        return wrong("this isn't a web address");
    }
    Ok(text.trim_end_matches('/').to_owned())
}
