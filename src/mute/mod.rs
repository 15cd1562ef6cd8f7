//! Mutes, the links in messages that make them, and the addresses for replies.
//!
//! Everything here is pure: mutes are kept in [`crate::store`], and the pages behind the links are in [`crate::http`].

mod cut;
mod link;
mod reply;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

pub use self::link::{LinkAction, Linker, Quiet, Refused};

use crate::destination::Destination;

/// For how long people can mute a conversation with one press: value, words, days.
pub const SPANS: [(&str, &str, i64); 3] = [("1d", "For a day", 1), ("1w", "For a week", 7), ("30d", "For a month", 30)];

/// What is muted: every update that matches all the parts that are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The team; `None` for every team
    pub team: Option<String>,
    /// The destination; `None` for every destination
    pub destination: Option<Destination>,
    /// The conversation
    pub thread: Option<String>,
    /// The rule
    pub rule: Option<String>,
}

/// The update that may be muted.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// Its team
    pub team: &'a str,
    /// Its rule
    pub rule: &'a str,
    /// Its conversation
    pub thread: &'a str,
}

impl Scope {
    /// Whether an update to a destination is muted.
    #[must_use]
    pub fn fits(&self, update: Update<'_>, to: &Destination) -> bool {
        let fits = |part: &Option<String>, value: &str| part.as_ref().is_none_or(|part| part == value);
        fits(&self.team, update.team)
            && fits(&self.rule, update.rule)
            && fits(&self.thread, update.thread)
            && self.destination.as_ref().is_none_or(|destination| destination == to)
    }
}

impl fmt::Display for Scope {
    /// For whom, and what: ` for web at email:a@example.com: DATA-123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(team) = &self.team {
            write!(f, " for {team}")?;
        }
        if let Some(destination) = &self.destination {
            write!(f, " at {destination}")?;
        }
        match (&self.thread, &self.rule) {
            (None, None) => f.write_str(": everything"),
            (Some(thread), None) => write!(f, ": {thread}"),
            (None, Some(rule)) => write!(f, ": rule {rule}"),
            (Some(thread), Some(rule)) => write!(f, ": {thread} by rule {rule}"),
        }
    }
}

/// How somebody muted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum By {
    /// `microalign mute`
    Command,
    /// A link in a message
    Link,
    /// The button of a mail program (RFC 8058)
    Mail,
    /// The console
    Console,
    /// A button or a command in Slack
    Slack,
}

impl By {
    fn words(self) -> &'static str {
        match self {
            Self::Command => "a command",
            Self::Link => "a link in a message",
            Self::Mail => "a mail program's unsubscribe button",
            Self::Console => "the console",
            Self::Slack => "Slack",
        }
    }
}

/// Something that is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// What
    #[serde(flatten)]
    pub scope: Scope,
    /// When it ends; `None` if it doesn't
    pub until: Option<Timestamp>,
    /// When it was muted
    pub at: Timestamp,
    /// How
    pub by: By,
    /// Who it was, where that is known: the console knows its visitors
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<String>,
}

impl fmt::Display for Mute {
    /// One line for the ledger: `muted for web: DATA-123 until 2026-12-01 14:05Z, by a link in a message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "muted{} {}, by {}", self.scope, end(self.until), self.by_whom())
    }
}

impl Mute {
    /// The same without the word "muted": `for web: DATA-123 until 2026-12-01 14:05Z, by a link in a message`.
    #[must_use]
    pub fn terms(&self) -> String {
        let terms = format!("{} {}, by {}", self.scope, end(self.until), self.by_whom());
        terms.trim_start_matches([':', ' ']).to_owned()
    }

    /// How it was muted, and by whom where that is known: `ana in the console`.
    #[must_use]
    pub fn by_whom(&self) -> String {
        match &self.who {
            Some(who) => format!("{who} in {}", self.by.words()),
            None => self.by.words().to_owned(),
        }
    }
}

/// `until 2026-12-01 14:05Z`, or `for good`.
#[must_use]
pub fn end(until: Option<Timestamp>) -> String {
    until.map_or_else(|| "for good".to_owned(), |until| until.strftime("until %Y-%m-%d %H:%MZ").to_string())
}

/// The destinations that get an update, and those that don't, each with its mute.
#[must_use]
pub fn sift<'m>(
    update: Update<'_>,
    to: Vec<Destination>,
    mutes: &'m [Mute],
) -> (Vec<Destination>, Vec<(Destination, &'m Mute)>) {
    let (mut heard, mut muted) = (Vec::new(), Vec::new());
    for to in to {
        match mutes.iter().find(|mute| mute.scope.fits(update, &to)) {
            Some(mute) => muted.push((to, mute)),
            None => heard.push(to),
        }
    }
    (heard, muted)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn mute(parts: [Option<&str>; 4]) -> Mute {
        let [team, destination, thread, rule] = parts;
        Mute {
            scope: Scope {
                team: team.map(str::to_owned),
                destination: destination.map(|text| text.parse().unwrap()),
                thread: thread.map(str::to_owned),
                rule: rule.map(str::to_owned),
            },
            until: Some("2026-12-01T14:05:00Z".parse().unwrap()),
            at: "2026-11-24T14:05:00Z".parse().unwrap(),
            by: By::Link,
            who: None,
        }
    }

    #[test]
    fn every_part_that_is_set_must_fit() {
        let update = Update { team: "web", rule: "merged", thread: "DATA-123" };
        let to: Destination = "email:a@example.com".parse().unwrap();
        let table = [
            ([None, None, Some("DATA-123"), None], true),
            ([Some("web"), None, Some("DATA-123"), None], true),
            ([Some("ops"), None, Some("DATA-123"), None], false),
            ([None, None, Some("DATA-12"), None], false),
            ([Some("web"), None, None, Some("merged")], true),
            ([Some("web"), None, None, Some("opened")], false),
            ([Some("web"), Some("email:a@example.com"), None, None], true),
            ([Some("web"), Some("email:b@example.com"), None, None], false),
            ([Some("web"), Some("mailbox"), Some("DATA-123"), Some("merged")], false),
        ];
        for (parts, expected) in table {
            assert_eq!(mute(parts).scope.fits(update, &to), expected, "{parts:?}");
        }
    }

    #[test]
    fn who_hears_and_who_does_not() {
        let update = Update { team: "web", rule: "merged", thread: "DATA-123" };
        let to: Vec<Destination> = ["email:a@example.com", "mailbox"].map(|text| text.parse().unwrap()).into();
        let mutes = [mute([Some("web"), Some("mailbox"), None, None])];
        let (heard, muted) = sift(update, to, &mutes);
        assert_eq!(heard, ["email:a@example.com".parse().unwrap()]);
        assert_eq!(muted, [(Destination::Mailbox, &mutes[0])]);
        let terms = "for web at mailbox: everything until 2026-12-01 14:05Z, by a link in a message";
        assert_eq!([mutes[0].terms(), mutes[0].to_string()], [terms.to_owned(), format!("muted {terms}")]);
    }

    #[test]
    fn reasons_in_words() {
        let good = Mute { until: None, by: By::Mail, ..mute([None, None, Some("DATA-123"), None]) };
        assert_eq!(good.to_string(), "muted: DATA-123 for good, by a mail program's unsubscribe button");
        assert_eq!(good.terms(), "DATA-123 for good, by a mail program's unsubscribe button");
        let rule = Mute { by: By::Command, ..mute([Some("web"), None, None, Some("merged")]) };
        assert_eq!(rule.to_string(), "muted for web: rule merged until 2026-12-01 14:05Z, by a command");
        let known = Mute { by: By::Console, who: Some("ana".to_owned()), ..rule };
        assert_eq!(known.to_string(), "muted for web: rule merged until 2026-12-01 14:05Z, by ana in the console");
    }
}
