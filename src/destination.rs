//! Where a message goes, as teams write it in `to`, and how it appears in the conversation there.
//!
//! How a message gets there is up to [`crate::channel`].

mod allowed;
mod spec;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::allowed::{Allowed, ascii_domain};
pub use self::spec::{Available, ChannelSpec, PersonKey, Place, find, is_name, read};

/// Where a message can be sent. Team files name destinations; URLs and secrets stay with the operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// `email:ADDRESS`, or `email:@LOGIN` for the address of a person on GitHub
    Email(String),
    /// `CHANNEL:PLACE`, such as `slack:#data` or `teams:web`: a place in a chat, or a webhook
    Chat {
        /// The name of the channel, as in its [`ChannelSpec`]
        channel: String,
        /// What the channel knows the place by
        place: String,
    },
    /// `github`: a comment on the pull request or issue itself
    Github,
    /// `jira`: a comment on the ticket itself
    Jira,
    /// `mailbox`: the local folder
    Mailbox,
}

impl Destination {
    /// The channel's name, for counting: never an address.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.parts().0
    }

    /// The login on GitHub of the person that it stands for: of `email:@LOGIN`, or of `slack:@LOGIN`.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        let (channel, within) = self.parts();
        within?.strip_prefix('@').filter(|login| matches!(channel, "email" | "slack") && is_login(login))
    }

    /// The channel's name, and who or what within it.
    fn parts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Email(address) => ("email", Some(address)),
            Self::Chat { channel, place } => (channel, Some(place)),
            Self::Github => ("github", None),
            Self::Jira => ("jira", None),
            Self::Mailbox => ("mailbox", None),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (channel, Some(within)) => write!(f, "{channel}:{within}"),
            (channel, None) => f.write_str(channel),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    /// Reads what [`Destination`] displays. Whether there is such a channel, and whether it takes such a place, is for
    /// [`Available::read`] to say, which reads what people write.
    ///
    /// # Errors
    /// One sentence that says what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "mailbox" => Ok(Self::Mailbox),
            None if text == "github" => Ok(Self::Github),
            None if text == "jira" => Ok(Self::Jira),
            Some(("email", login)) if login.strip_prefix('@').is_some_and(is_login) => {
                Ok(Self::Email(login.to_owned()))
            }
            Some(("email", address)) => match address.parse::<lettre::Address>() {
                Ok(address) => Ok(Self::Email(address.to_string())),
                Err(_) => Err(format!("`{address}` isn't a mail address")),
            },
            Some((channel, place)) if !place.is_empty() && !place.contains(char::is_control) => {
                Ok(Self::Chat { channel: channel.to_owned(), place: place.to_owned() })
            }
            _ => Err(format!("`{text}` isn't a destination")),
        }
    }
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

/// What a message does in its conversation at a place. A channel that can't do it does the next best: an edit becomes a
/// reply, a reply a message. The first message of a conversation is posted in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Manner {
    /// It takes the place of the conversation's first message
    Edit,
    /// It answers in the conversation's thread
    #[default]
    Reply,
    /// It answers in the thread, and is shown in the channel as well
    #[serde(rename = "reply+broadcast")]
    Broadcast,
    /// It is a message of its own in the channel
    Post,
}

impl FromStr for Manner {
    type Err = String;

    /// # Errors
    /// One sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "edit" => Ok(Self::Edit),
            "reply" => Ok(Self::Reply),
            "reply+broadcast" => Ok(Self::Broadcast),
            "post" => Ok(Self::Post),
            _ => Err(format!("`{text}` isn't something that a message can do")),
        }
    }
}

impl Manner {
    /// As it is written, all of them.
    pub const NAMES: [&str; 4] = ["post", "reply", "reply+broadcast", "edit"];
}

/// Whether a text can be a login on GitHub; those of managed users have a `_`.
fn is_login(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a text is a mail address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_read() {
        for text in [
            "email:a@example.com",
            "email:@ana",
            "slack:@ana",
            "slack:#data",
            "zulip:data platform",
            "a:b:c",
            "github",
            "jira",
            "mailbox",
        ] {
            assert_eq!(text.parse::<Destination>().map(|to| to.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "email",
            "email:",
            "email:@",
            "email:@a b",
            "email:a b@c",
            "email:a@b\r\nBcc: c@d",
            "slack:",
            "zulip:a\nb",
            "sms",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_louder_manner_is_the_greater() {
        let all = Manner::NAMES.map(|name| name.parse::<Manner>());
        assert_eq!(all.iter().flatten().max(), Some(&Manner::Post));
        assert_eq!(all.iter().flatten().min(), Some(&Manner::Edit));
    }
}
