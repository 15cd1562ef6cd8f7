//! The keys of tickets: Jira's, and those of GitHub's issues.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SubjectKey, SubjectParts};

/// A ticket's key: `DATA-123` for a ticket in Jira, `acme/api#12` for an issue on GitHub. It is the name of the ticket as a
/// subject; only a Jira ticket on another site than ours goes by its bare key here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TicketKey(String);

impl TicketKey {
    /// Reads a key of Jira's: a project key of capital letters, digits and underscores that starts with a letter (Jira's
    /// default pattern), a hyphen, and a number without a leading zero.
    #[must_use]
    pub fn jira(text: &str) -> Option<Self> {
        let (project, number) = text.rsplit_once('-')?;
        let valid = project.len() >= 2
            && project.starts_with(|c: char| c.is_ascii_uppercase())
            && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && !number.is_empty()
            && number.len() <= 9
            && !number.starts_with('0')
            && number.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| Self(text.to_owned()))
    }

    /// An issue's key: its name as a subject. `None` if the name isn't that of an issue.
    #[must_use]
    pub fn issue(subject: &SubjectKey) -> Option<Self> {
        let SubjectParts { scope, .. } = subject.parts();
        let named = scope
            .split_once('/')
            .is_some_and(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
        (named && subject.parts().number().is_some()).then(|| Self(subject.to_string()))
    }

    /// Whether it names an issue on GitHub.
    #[must_use]
    pub fn is_issue(&self) -> bool {
        self.0.contains('#')
    }

    /// The key of an issue on a host that isn't ours. A key of Jira's stays as it is.
    #[must_use]
    pub fn on_host(&self, host: &str) -> Self {
        if self.is_issue() { Self(format!("{host}/{}", self.0)) } else { self.clone() }
    }

    /// The same issue in another repository.
    #[must_use]
    pub fn in_scope(&self, scope: &str) -> Self {
        Self(self.subject().in_scope(scope).to_string())
    }

    /// The key as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it names.
    #[must_use]
    pub fn subject(&self) -> SubjectKey {
        SubjectKey::ticket(&self.0)
    }

    /// The project's part: `DATA` of `DATA-123`, `acme/api` of `acme/api#12`.
    #[must_use]
    pub fn project(&self) -> &str {
        SubjectParts::of(&self.0).scope
    }
}

impl fmt::Display for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TicketKey {
    type Err = String;

    /// Reads a key of either kind.
    fn from_str(text: &str) -> Result<Self, String> {
        let key = Self::jira(text).or_else(|| Self::issue(&SubjectKey::from(text)));
        key.ok_or_else(|| format!("`{text}` isn't a ticket's key such as DATA-123 or acme/api#12"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_jira() {
        for (good, project) in [("DATA-123", "DATA"), ("A2-1", "A2"), ("MY_PROJ-99", "MY_PROJ")] {
            let key = TicketKey::jira(good);
            assert_eq!(key.as_ref().map(|key| (key.project(), key.is_issue())), Some((project, false)), "{good}");
            assert_eq!(good.parse().ok(), key);
        }
        for bad in ["", "DATA", "data-1", "D-1", "1A-1", "DATA-", "DATA-0", "DATA-012", "DATA-1x", "DATA-12345678901"] {
            assert!(bad.parse::<TicketKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_issues() {
        for (good, project) in [("acme/api#12", "acme/api"), ("ghe.example.com/acme/api#12", "acme/api")] {
            let key = good.parse::<TicketKey>();
            assert_eq!(key.as_ref().map(|key| (key.project(), key.is_issue())), Ok((project, true)), "{good}");
            assert_eq!(key.map(|key| key.subject().to_string()).as_deref(), Ok(good));
            assert_eq!(TicketKey::jira(good), None);
        }
        for bad in ["#12", "api#12", "acme/#12", "/api#12", "acme/api#", "acme/api#x", "acme/api:12", "acme/api@v1#2"] {
            assert!(bad.parse::<TicketKey>().is_err(), "{bad}");
        }
    }
}
