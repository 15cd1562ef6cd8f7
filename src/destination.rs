//! Where a message goes, as teams write it in `to`, and what it does in the conversation there.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
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
    /// `teams:NAME`: a Workflows webhook of Microsoft Teams
    Teams(String),
    /// `discord:NAME`
    Discord(String),
    /// `google-chat:NAME`
    GoogleChat(String),
    /// `mattermost:TEAM/CHANNEL`
    Mattermost(String),
    /// `mattermost-webhook:NAME`
    MattermostWebhook(String),
    /// `rocket-chat:#channel`, `rocket-chat:@user` or a room's id
    RocketChat(String),
    /// `matrix:!room:server`
    Matrix(String),
    /// `zulip:STREAM`
    Zulip(String),
    /// `webhook:NAME`
    Webhook(String),
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
    pub fn channel(&self) -> &'static str {
        self.parts().0
    }

    /// The channel's name, and who or what within it.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Email(address) => ("email", Some(address)),
            Self::Slack(channel) => ("slack", Some(channel)),
            Self::SlackWebhook(name) => ("slack-webhook", Some(name)),
            Self::Teams(name) => ("teams", Some(name)),
            Self::Discord(name) => ("discord", Some(name)),
            Self::GoogleChat(name) => ("google-chat", Some(name)),
            Self::Mattermost(channel) => ("mattermost", Some(channel)),
            Self::MattermostWebhook(name) => ("mattermost-webhook", Some(name)),
            Self::RocketChat(room) => ("rocket-chat", Some(room)),
            Self::Matrix(room) => ("matrix", Some(room)),
            Self::Zulip(stream) => ("zulip", Some(stream)),
            Self::Webhook(name) => ("webhook", Some(name)),
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

    /// # Errors
    /// One sentence that says what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((channel, rest)) = text.split_once(':') else {
            return match text {
                "mailbox" => Ok(Self::Mailbox),
                "github" => Ok(Self::Github),
                "jira" => Ok(Self::Jira),
                _ => Err(unknown(text)),
            };
        };
        let name = || {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !rest.is_empty() && rest.chars().all(plain) {
                Ok(rest.to_owned())
            } else {
                Err(format!("`{channel}:` takes the NAME of a `[{}.NAME]` table", channel.replace('-', "_")))
            }
        };
        let when = |fits: bool, wanted: &str| {
            let printable = !rest.is_empty() && rest.chars().count() <= LONGEST && !rest.contains(char::is_control);
            if fits && printable { Ok(rest.to_owned()) } else { Err(format!("`{channel}:` takes {wanted}")) }
        };
        let word = !rest.contains(char::is_whitespace);
        match channel {
            "email" => match rest.parse::<lettre::Address>() {
                Ok(address) => Ok(Self::Email(address.to_string())),
                Err(_) => Err(format!("`{rest}` is no mail address")),
            },
            "slack" => when(word && rest.len() > 1, "#channel, a channel id, or @user").map(Self::Slack),
            "slack-webhook" => name().map(Self::SlackWebhook),
            "teams" => name().map(Self::Teams),
            "discord" => name().map(Self::Discord),
            "google-chat" => name().map(Self::GoogleChat),
            "mattermost" => {
                let both =
                    rest.split_once('/').is_some_and(|(team, channel)| is_url_name(team) && is_url_name(channel));
                when(both, "TEAM/CHANNEL, as they stand in the channel's address").map(Self::Mattermost)
            }
            "mattermost-webhook" => name().map(Self::MattermostWebhook),
            "rocket-chat" => when(word && rest.len() > 1, "#channel, @user, or a room's id").map(Self::RocketChat),
            "matrix" => {
                let id = rest.len() > 1 && rest.starts_with('!');
                when(word && id, "a room's id, such as !abc:example.com: see the room's settings, Advanced")
                    .map(Self::Matrix)
            }
            "zulip" => when(rest.trim() == rest, "the name of a stream").map(Self::Zulip),
            "webhook" => name().map(Self::Webhook),
            _ => Err(unknown(text)),
        }
    }
}

/// No provider has longer names.
const LONGEST: usize = 255;

fn is_url_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is no destination: it is github, jira or mailbox, or begins with email:, slack:, slack-webhook:, teams:, \
         discord:, google-chat:, mattermost:, mattermost-webhook:, rocket-chat:, matrix:, zulip: or webhook:"
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
            _ => Err(format!("`{text}` is nothing that a message can do")),
        }
    }
}

impl Manner {
    /// As it is written, all of them.
    pub const NAMES: [&str; 4] = ["post", "reply", "reply+broadcast", "edit"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_teams_write_survives_a_round_trip() {
        for text in [
            "email:a@example.com",
            "slack:#data",
            "slack:C0123",
            "slack-webhook:ops",
            "teams:web",
            "discord:web",
            "google-chat:web",
            "mattermost:acme/town-square",
            "mattermost-webhook:ops",
            "rocket-chat:#general",
            "rocket-chat:@ana",
            "matrix:!abc:example.com",
            "zulip:data platform",
            "webhook:hub",
            "github",
            "jira",
            "mailbox",
        ] {
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
            "teams:",
            "teams:https://example.com",
            "mattermost:town-square",
            "mattermost:acme/../x",
            "rocket-chat:#",
            "matrix:#room:example.com",
            "zulip:",
            "zulip: data",
            "zulip:a\nb",
            "github:acme/x",
            "jira:DATA-1",
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
