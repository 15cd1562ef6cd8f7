//! The keys of Jira's tickets.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Jira ticket's key, such as `DATA-123`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TicketKey(String);

impl TicketKey {
    /// The key as Jira writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project's part: `DATA` of `DATA-123`.
    #[must_use]
    pub fn project(&self) -> &str {
        self.0.rsplit_once('-').map_or(self.0.as_str(), |(project, _)| project)
    }
}

impl fmt::Display for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TicketKey {
    type Err = String;

    /// Accepts a project key of capital letters, digits and underscores that starts with a letter (Jira's default
    /// pattern), a hyphen, and a number without a leading zero.
    fn from_str(text: &str) -> Result<Self, String> {
        let valid = text.rsplit_once('-').is_some_and(|(project, number)| {
            project.len() >= 2
                && project.starts_with(|c: char| c.is_ascii_uppercase())
                && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && !number.is_empty()
                && number.len() <= 9
                && !number.starts_with('0')
                && number.bytes().all(|b| b.is_ascii_digit())
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(format!("`{text}` isn't a ticket key such as DATA-123")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_keys() {
        for good in ["DATA-123", "A2-1", "MY_PROJ-99"] {
            assert!(good.parse::<TicketKey>().is_ok(), "{good}");
        }
        for bad in ["", "DATA", "data-1", "D-1", "1A-1", "DATA-", "DATA-0", "DATA-012", "DATA-1x", "DATA-12345678901"] {
            assert!(bad.parse::<TicketKey>().is_err(), "{bad}");
        }
    }
}
