//! The tables of `microalign.toml` that set up a channel, read and checked: what the channels' files share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::api::{ApiSettings, Mask, web_address};
use crate::destination::{ChannelSpec, is_name};
use crate::toml_file::{At, Field, Raw, Reader, SecretText, TOKEN, Tables, WEB_ADDRESS, Wrong};

/// Reads the one table that a channel has, such as `[slack]`.
pub(super) fn one<T: Raw, S>(
    spec: &ChannelSpec,
    field: Field<T>,
    reader: &mut Reader<'_>,
    read: impl FnOnce(T, &At, &mut Reader<'_>) -> Option<S>,
) -> BTreeMap<String, S> {
    let at = At::root().key(&spec.key());
    let table = reader.document.take(field, &at);
    let settings = table.and_then(|table| read(table, &at, reader));
    settings.into_iter().map(|settings| (spec.key(), settings)).collect()
}

/// Reads the tables of a channel that the operator named, such as `[teams.NAME]`.
pub(super) fn named<T: Raw, S>(
    spec: &ChannelSpec,
    field: Tables<T>,
    reader: &mut Reader<'_>,
    read: impl Fn(T, &At, &mut Reader<'_>) -> Option<S>,
) -> BTreeMap<String, S> {
    let mut all = BTreeMap::new();
    for (name, at, table) in reader.document.tables(field, &At::root().key(&spec.key())) {
        if !is_name(&name) {
            let help = "teams write the name in `to`: use letters, digits, `-` and `_`".to_owned();
            reader.document.wrong(&at, format!("`{name}` isn't a name"), help);
        }
        if let Some(settings) = read(table, &at, reader) {
            all.insert(spec.table(&name), settings);
        }
    }
    all
}

/// The keys of a table that says how a server is asked, each with its name. All of them are required.
pub(super) struct ServerKeys {
    pub(super) url: (&'static str, Field<String>),
    pub(super) user: Option<(&'static str, Field<String>)>,
    pub(super) token: (&'static str, Field<SecretText>),
}

impl ServerKeys {
    /// Reads the table at this place.
    pub(super) fn read(self, at: &At, reader: &mut Reader<'_>) -> Option<ApiSettings> {
        let Self { url: (url_key, url), user, token: (token_key, token) } = self;
        reader.require(&url, at, url_key);
        if let Some((key, user)) = &user {
            reader.require(user, at, key);
        }
        reader.require(&token, at, token_key);
        let url = reader.web_address(url, &at.key(url_key));
        let user = user.and_then(|(key, user)| reader.word(user, &at.key(key)));
        api(reader, (url, user.as_deref()), (token, &at.key(token_key)))
    }
}

/// Reads a service's token, for its address and its user. Whatever is wrong with one of them was reported.
pub(super) fn api(
    reader: &mut Reader<'_>,
    (url, user): (Option<String>, Option<&str>),
    (token, at): (Field<SecretText>, &At),
) -> Option<ApiSettings> {
    let token = reader.secret(token, at, TOKEN)?;
    // The address was checked, so only the token can be wrong.
    reader.parsed(ApiSettings::new(&url?, user, token.expose_secret()).map_err(plain), at)
}

/// The table of a channel that needs nothing but a webhook's address.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct HookTable {
    /// The webhook's address, which is a secret.
    pub url: Field<SecretText>,
}

impl Raw for HookTable {}

/// A webhook that is used by its address alone, as in `[teams.NAME]`.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The address. Whoever has it may post
    pub url: SecretString,
}

impl Hook {
    /// # Errors
    /// One sentence, without the address.
    pub fn new(url: &str) -> Result<Self, String> {
        web_address(url).map_err(|why| format!("this {why}"))?;
        Ok(Self { url: url.into() })
    }

    /// Reads a table.
    pub(super) fn read(table: HookTable, at: &At, reader: &mut Reader<'_>) -> Option<Self> {
        reader.require(&table.url, at, "url");
        let at = at.key("url");
        let url = reader.secret(table.url, &at, WEB_ADDRESS)?;
        reader.parsed(Self::new(url.expose_secret()).map_err(plain), &at)
    }

    pub(super) fn mask(&self) -> Mask {
        Mask::of_address(&self.url)
    }
}

/// An error that already says what would be right.
pub(super) fn plain(message: String) -> Wrong {
    (message, None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn errors_hold_no_address() {
        let hook = Hook::new("https://hooks.example/T/B/hunter2").unwrap();
        assert!(!format!("{hook:?}").contains("hunter2"));
        for bad in ["", "ftp://hooks.example/T0P", "T0P", "https://"] {
            let error = Hook::new(bad).unwrap_err();
            assert!(!error.contains("T0P"), "{error}");
        }
    }
}
