//! The configuration's secrets.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Checker, expand};
use crate::toml_file::{At, Field, SecretText};

/// Whether the secrets in the configuration are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They are used, so each of them must be there
    Needed,
    /// Nobody uses them. Those from the environment or from files are not looked up, and taken to be right
    Assumed,
}

/// What a secret looks like. In place of one that is [`Secrets::Assumed`] stands something of the same form, so that what
/// depends on it (the channels, and the destinations that team files may name) is checked all the same.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Token,
    WebAddress,
    SigningKey,
    Smtp,
    Imap,
}

impl Form {
    /// Hosts below `.invalid` don't exist (RFC 2606).
    fn stand_in(self) -> &'static str {
        match self {
            Self::Token => "unset",
            Self::WebAddress => "https://unset.invalid/?key=unset&token=unset",
            Self::SigningKey => "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Self::Smtp => "smtp://unset.invalid",
            Self::Imap => "imap://unset:unset@unset.invalid",
        }
    }
}

const EMPTY_SECRET: &str = "the secret is empty: anybody could sign";

impl<E: Fn(&str) -> Option<String>> Checker<'_, E> {
    pub(super) fn secrets(&mut self, field: Field<Vec<Field<SecretText>>>, at: &At) -> Vec<SecretString> {
        let Some(entries) = self.document.take(field, at) else { return Vec::new() };
        if entries.is_empty() {
            self.document.wrong(at, "the list is empty", "write `[\"${NAME}\"]`".to_owned());
        }
        let entries = self.document.entries(entries, at);
        entries.into_iter().filter_map(|(at, secret)| self.filled(&secret, &at, Form::Token, EMPTY_SECRET)).collect()
    }

    pub(super) fn secret(&mut self, field: Field<SecretText>, at: &At, form: Form) -> Option<SecretString> {
        let secret = self.document.take(field, at)?;
        self.filled(&secret, at, form, "this is empty")
    }

    /// Whether the secret is one that is not looked up.
    pub(super) fn is_assumed(&self, field: &Field<SecretText>) -> bool {
        matches!(field, Field::Is(secret) if self.stands_elsewhere(secret))
    }

    fn stands_elsewhere(&self, secret: &SecretText) -> bool {
        self.secrets == Secrets::Assumed && expand::has_reference(secret.0.expose_secret())
    }

    fn filled(&mut self, secret: &SecretText, at: &At, form: Form, message: &str) -> Option<SecretString> {
        if self.stands_elsewhere(secret) {
            return Some(form.stand_in().into());
        }
        let secret = self.expanded(secret.0.expose_secret(), at)?;
        if secret.trim().is_empty() {
            return self.parsed(Err((message.to_owned(), None)), at);
        }
        Some(secret.into())
    }
}
