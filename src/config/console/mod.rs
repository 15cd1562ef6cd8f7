//! What `[console]` says: where the console is, who may see it, and who may do what there.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use secrecy::SecretString;

pub(super) use self::read::{Beside, read};
use crate::toml_file::Wrong;

/// Who may see the console, and how they come in.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// Its own address, if it has one
    pub listen: Option<SocketAddr>,
    /// Where browsers find it, without a slash at the end
    pub public_url: Option<String>,
    /// The OpenID Connect provider that people log in with
    pub oidc: Option<Oidc>,
    /// The proxy that says who somebody is
    pub proxy: Option<Proxy>,
    /// The tokens of scripts
    pub tokens: Vec<Token>,
    /// Who may do what
    pub roles: Roles,
}

impl ConsoleSettings {
    /// The teams that somebody has a role for.
    #[must_use]
    pub fn teams(&self) -> BTreeSet<&str> {
        let tokens = self.tokens.iter().flat_map(|token| &token.teams);
        self.roles.team.keys().chain(tokens).map(String::as_str).collect()
    }
}

/// An OpenID Connect provider.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// Where it is, as it calls itself
    pub issuer: String,
    /// What it calls us
    pub client_id: String,
    /// What we prove that with
    pub client_secret: SecretString,
    /// The claim that somebody's groups are in
    pub groups: String,
}

/// A proxy in front of the console that says in a header who somebody is.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The header with the mail address, in small letters
    pub header: String,
    /// The header with the groups, in small letters
    pub groups: Option<String>,
    /// Where the proxy is: from anywhere else, the headers say nothing
    pub from: Vec<IpNet>,
}

impl Proxy {
    /// Whether a request comes from the proxy.
    #[must_use]
    pub fn is_at(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.from.iter().any(|net| net.contains(&peer))
    }
}

/// A token for a script.
#[derive(Debug, Clone)]
pub struct Token {
    /// What the operator calls it
    pub name: String,
    /// The token
    pub secret: SecretString,
    /// What it may do
    pub role: Role,
    /// The teams that it may do something for, with [`Role::Team`]
    pub teams: BTreeSet<String>,
}

/// What somebody may do in the console. Each may do what those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::Display, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// See everything
    View,
    /// Change what concerns a team of theirs
    Team,
    /// Change everything
    Operate,
}

/// Who has which role.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// Who has [`Role::View`]
    pub view: Vec<Who>,
    /// Who has [`Role::Team`], by the name of the team; the owner of a team file has it too
    pub team: BTreeMap<String, Vec<Who>>,
    /// Who has [`Role::Operate`]
    pub operate: Vec<Who>,
}

/// Somebody who logs in, as the operator writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A mail address, in small letters
    Address(String),
    /// Everybody whose mail address ends with this domain, in small letters
    Domain(String),
    /// Everybody in a group
    Group(String),
}

impl Who {
    /// Reads `ana@example.com`, `@example.com` or `group:NAME`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        let forms = "write \"ana@example.com\", \"@example.com\" or \"group:NAME\"".to_owned();
        if let Some(group) = text.strip_prefix("group:").map(str::trim) {
            let wrong = || (format!("`{text}` doesn't name a group"), Some(forms.clone()));
            return if group.is_empty() { Err(wrong()) } else { Ok(Self::Group(group.to_owned())) };
        }
        let domain = text.strip_prefix('@').filter(|domain| format!("a@{domain}").parse::<lettre::Address>().is_ok());
        match domain {
            Some(domain) => Ok(Self::Domain(domain.to_lowercase())),
            None if text.parse::<lettre::Address>().is_ok() => Ok(Self::Address(text.to_lowercase())),
            None => {
                let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_/".contains(c));
                let help = if plain { format!("write \"group:{text}\" for a group, or a mail address") } else { forms };
                Err((format!("`{text}` isn't anybody"), Some(help)))
            }
        }
    }

    /// Whether somebody with this mail address, in these groups, is meant.
    #[must_use]
    pub fn is(&self, mail: Option<&str>, groups: &[String]) -> bool {
        let mail = mail.map(str::to_lowercase);
        match self {
            Self::Address(address) => mail.as_ref() == Some(address),
            Self::Domain(domain) => mail.is_some_and(|mail| mail.rsplit_once('@').is_some_and(|(_, of)| of == domain)),
            Self::Group(group) => groups.contains(group),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn who_is_meant() {
        let table = [
            ("ana@example.com", Some("ana@example.com"), true),
            ("Ana@Example.com", Some("ana@example.COM"), true),
            ("ana@example.com", Some("ana@example.com.evil.org"), false),
            ("ana@example.com", None, false),
            ("@example.com", Some("bo@EXAMPLE.com"), true),
            ("@example.com", Some("bo@sub.example.com"), false),
            ("@example.com", Some("bo@notexample.com"), false),
            ("@example.com", Some("example.com"), false),
            ("@example.com", Some("\"a@example.com\"@evil.org"), false),
            ("@example.com", None, false),
            ("group:web", None, true),
            ("group:web", Some("web"), true),
            ("group:Web", Some("web"), false),
            ("group:ops", Some("ops@example.com"), false),
        ];
        for (who, mail, expected) in table {
            assert_eq!(Who::read(who).unwrap().is(mail, &["web".to_owned()]), expected, "{who}: {mail:?}");
        }
        for wrong in ["", "@", "ana", "group:", "group: ", "ana@", "@example", "a b@example.com", "*", "@@example.com"]
        {
            let read = Who::read(wrong);
            assert!(read.is_err() || wrong == "@example", "{wrong}: {read:?}");
        }
    }

    #[test]
    fn the_proxy_is_where_it_is() {
        let from = ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        let proxy = Proxy { header: "x-forwarded-email".to_owned(), groups: None, from };
        for (peer, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd12::1", true),
            ("::1", false),
        ] {
            assert_eq!(proxy.is_at(peer.parse().unwrap()), expected, "{peer}");
        }
    }
}
