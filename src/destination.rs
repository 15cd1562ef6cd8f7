//! Where a message goes, as teams write it in `to`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place a team can be reached at. Team files name destinations; URLs and secrets stay with the operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// `email:ADDRESS`
    Email(String),
    /// `slack:#channel`, `slack:C0123` or `slack:@user`
    Slack(String),
    /// `slack-webhook:NAME`
    SlackWebhook(String),
    /// `webhook:NAME`
    Webhook(String),
    /// `mailbox`: the local folder
    Mailbox,
}

impl Destination {
    /// The channel's name, for counting: never an address.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Slack(_) => "slack",
            Self::SlackWebhook(_) => "slack-webhook",
            Self::Webhook(_) => "webhook",
            Self::Mailbox => "mailbox",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Slack(channel) => write!(f, "slack:{channel}"),
            Self::SlackWebhook(name) => write!(f, "slack-webhook:{name}"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
            Self::Mailbox => f.write_str("mailbox"),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    /// # Errors
    /// One sentence that says what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "mailbox" {
            return Ok(Self::Mailbox);
        }
        let (channel, rest) = text.split_once(':').ok_or_else(|| unknown(text))?;
        let name = || {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !rest.is_empty() && rest.chars().all(plain) {
                Ok(rest.to_owned())
            } else {
                Err(format!("`{channel}:` takes the NAME of a `[{}.NAME]` table", channel.replace('-', "_")))
            }
        };
        match channel {
            "email" => match rest.parse::<lettre::Address>() {
                Ok(address) => Ok(Self::Email(address.to_string())),
                Err(_) => Err(format!("`{rest}` is no mail address")),
            },
            "slack" if rest.len() > 1 && !rest.contains(char::is_whitespace) => Ok(Self::Slack(rest.to_owned())),
            "slack" => Err("`slack:` takes #channel, a channel id, or @user".to_owned()),
            "slack-webhook" => name().map(Self::SlackWebhook),
            "webhook" => name().map(Self::Webhook),
            _ => Err(unknown(text)),
        }
    }
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is no destination: it is email:ADDRESS, slack:#channel, slack-webhook:NAME, webhook:NAME or mailbox"
    )
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_teams_write_survives_a_round_trip() {
        for text in ["email:a@example.com", "slack:#data", "slack:C0123", "slack-webhook:ops", "webhook:hub", "mailbox"]
        {
            assert_eq!(text.parse::<Destination>().map(|d| d.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in [
            "",
            "email",
            "email:",
            "email:a b@c",
            "email:a@b\r\nBcc: c@d",
            "slack:",
            "slack:#a b",
            "sms:1",
            "webhook:a/b",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
