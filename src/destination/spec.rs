//! What people may write for a destination: the channels that there are, and what of them the operator set up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Allowed, Destination};
use crate::toml_file::{Wrong, did_you_mean};

/// What a channel's file says about the channel, for those who don't need to know how it sends.
#[derive(Debug)]
pub struct ChannelSpec {
    /// Its name in `to`
    pub name: &'static str,
    /// What follows the name in `to`
    pub place: Place,
    /// What the channel knows people by, if messages can mention them there
    pub person: Option<&'static PersonKey>,
    /// About how many characters a message can have before it has to be shortened. A message for several updates is
    /// divided by that
    pub room: usize,
    /// The minimum interval between two messages, as the service asks for; zero if it doesn't
    pub gap: Duration,
}

/// What follows a channel's name in `to`.
#[derive(Debug)]
pub enum Place {
    /// The NAME of one of the operator's tables, such as `[teams.NAME]`
    Table,
    /// What the service itself calls the place
    Called {
        /// How to write it, for the error message
        wanted: &'static str,
        /// Whether a text is one
        fits: fn(&str) -> bool,
    },
}

/// A key of `[people.LOGIN]`.
#[derive(Debug)]
pub struct PersonKey {
    /// The key
    pub key: &'static str,
    /// What editors and the reference say about it
    pub about: &'static str,
    /// What to write, for the error message
    pub wanted: &'static str,
    /// Whether a text is one
    pub fits: fn(&str) -> bool,
}

/// No service has longer names for its places.
const LONGEST: usize = 255;

impl ChannelSpec {
    /// The channel's key in `microalign.toml`.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The table in `microalign.toml` that a place needs: `slack`, `teams.web`.
    #[must_use]
    pub fn table(&self, place: &str) -> String {
        match self.place {
            Place::Table => format!("{}.{place}", self.key()),
            Place::Called { .. } => self.key(),
        }
    }

    fn check(&self, place: &str) -> Result<(), String> {
        let printable = !place.is_empty() && place.chars().count() <= LONGEST && !place.contains(char::is_control);
        let (right, wanted) = match self.place {
            Place::Table => (is_name(place), format!("the NAME of a `[{}.NAME]` table", self.key())),
            Place::Called { wanted, fits } => (printable && fits(place), wanted.to_owned()),
        };
        if right { Ok(()) } else { Err(format!("`{}:` takes {wanted}", self.name)) }
    }
}

/// Whether teams can name a table so in `to`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The destinations and people that team files may name. By default nothing is set up, and everything is sent to the
/// local mailbox.
#[derive(Debug, Clone, Default)]
pub struct Available {
    /// The channels that are written with a place
    pub channels: &'static [&'static ChannelSpec],
    /// The operator's tables for them, such as `slack` and `teams.web`; and `github` and `jira` if comments can be
    /// written there
    pub tables: BTreeSet<String>,
    /// Whether mail or a chat is set up. If not, everything is sent to the local mailbox, so that people can try the
    /// program first
    pub set_up: bool,
    /// Where mail may go; anywhere if the operator doesn't say
    pub mail: Option<Allowed>,
    /// The logins that have a table `[people.LOGIN]`, as written
    pub people: Vec<String>,
    /// Whether GitHub can be asked who other people are
    pub finds_people: bool,
}

impl Available {
    /// Reads a destination, and checks that messages can be sent to it.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn read(&self, text: &str) -> Result<Destination, Wrong> {
        let to = read(text, self.channels).map_err(|message| {
            let help = text.parse::<lettre::Address>().is_ok().then(|| format!("write \"email:{text}\""));
            (message, help)
        })?;
        self.check(&to)?;
        Ok(to)
    }

    /// Mail goes to the local mailbox where there is no mail server, and so does everything if nothing is set up.
    fn check(&self, to: &Destination) -> Result<(), Wrong> {
        let missing = match to {
            _ if !self.set_up => return Ok(()),
            Destination::Email(_) if to.login().is_some() => return self.check_login(to.login().unwrap_or_default()),
            Destination::Email(address) => return self.check_mail(address),
            to => self.missing(to),
        };
        let Some(missing) = missing else { return Ok(()) };
        let help = self.similar(to).unwrap_or_else(|| format!("the operator adds {missing}"));
        Err((format!("the configuration has no {missing}"), Some(help)))
    }

    /// Checks that somebody on GitHub is known, or can be found.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check_login(&self, login: &str) -> Result<(), Wrong> {
        let known = self.people.iter().any(|known| known.eq_ignore_ascii_case(login));
        // With nothing set up, nobody is mentioned, and everything goes to the local mailbox.
        if known || self.finds_people || !self.set_up {
            return Ok(());
        }
        let similar = did_you_mean(login, self.people.iter().map(String::as_str));
        let help = similar.unwrap_or_else(|| format!("the operator adds `[people.{login}]`"));
        Err((format!("the configuration doesn't know `{login}`"), Some(help)))
    }

    /// Checks that mail may be sent to an address.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check_mail(&self, address: &str) -> Result<(), Wrong> {
        match &self.mail {
            Some(allowed) if !allowed.allows(address) => {
                let help = format!("`[email] allow` in the configuration says where it may go: {allowed}");
                Err((format!("mail may not go to {address}"), Some(help)))
            }
            _ => Ok(()),
        }
    }

    /// What a destination needs that isn't in the configuration, such as `[slack]`.
    #[must_use]
    pub fn missing(&self, to: &Destination) -> Option<String> {
        let (table, needs) = match to {
            Destination::Email(_) | Destination::Mailbox => return None,
            Destination::Github => {
                ("github".to_owned(), "`token`, or `app_id` and `private_key`, in `[github]`".to_owned())
            }
            Destination::Jira => ("jira".to_owned(), "`token` or `client_id` in `[jira]`".to_owned()),
            Destination::Chat { channel, place } => {
                let table = find(self.channels, channel)?.table(place);
                let needs = format!("`[{table}]`");
                (table, needs)
            }
        };
        (!self.tables.contains(&table)).then_some(needs)
    }

    /// The names that there are in place of the one that was written, for a channel that takes the NAME of a table.
    fn similar(&self, to: &Destination) -> Option<String> {
        let Destination::Chat { channel, place } = to else { return None };
        let prefix = find(self.channels, channel).filter(|spec| matches!(spec.place, Place::Table))?.table("");
        let names = self.tables.iter().filter_map(|table| table.strip_prefix(&prefix)).collect::<Vec<_>>();
        let list = || (!names.is_empty()).then(|| format!("there are {}", names.join(", ")));
        did_you_mean(place, names.iter().copied()).or_else(list)
    }
}

/// The channel of this name.
#[must_use]
pub fn find(channels: &[&'static ChannelSpec], name: &str) -> Option<&'static ChannelSpec> {
    channels.iter().find(|spec| spec.name == name).copied()
}

/// Reads a destination, whether or not it is set up.
///
/// # Errors
/// One sentence that says what would be right.
pub fn read(text: &str, channels: &[&'static ChannelSpec]) -> Result<Destination, String> {
    match text.split_once(':') {
        None => text.parse().map_err(|_| unknown(text, channels)),
        Some(("email", _)) => text.parse(),
        Some((channel, place)) => {
            find(channels, channel).ok_or_else(|| unknown(text, channels))?.check(place)?;
            Ok(Destination::Chat { channel: channel.to_owned(), place: place.to_owned() })
        }
    }
}

fn unknown(text: &str, channels: &[&'static ChannelSpec]) -> String {
    let names = channels.iter().map(|spec| format!("{}:", spec.name)).collect::<Vec<_>>();
    let last = names.last().map(|last| format!(" or {last}")).unwrap_or_default();
    let others = names.iter().take(names.len().saturating_sub(1)).map(|name| format!(", {name}")).collect::<String>();
    format!("`{text}` isn't a destination: write github, jira or mailbox, or begin with email:{others}{last}")
}
