//! When a team wants to hear: team files, their checks, and the match against an event.

mod check;
mod condition;
mod duration;
mod file;
mod folder;
mod index;
mod matcher;
mod pattern;
mod reading;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use check::{Known, check};
pub use condition::{AuthorTeam, Condition, Size, is_member};
pub use duration::parse as parse_duration;
pub use file::schema;
pub use folder::{Loaded, load_folder};
pub use index::Rules;
pub use matcher::{Asked, Verdict, judge};
pub use pattern::{Anchor, Patterns};

use crate::destination::Destination;
use crate::event::EventKind;

/// A partner team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its name, which no other team has
    pub name: String,
    /// The address of whoever is told when the file is broken
    pub owner: Option<String>,
    /// Logins, account ids or names, as written
    pub members: Vec<String>,
    /// The zone that times are shown in
    pub timezone: TimeZone,
    /// When it wants to hear
    pub rules: Vec<Rule>,
}

/// When a team wants to hear, with the team's defaults filled in.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, which no other rule of the team has
    pub name: String,
    /// The events
    pub on: On,
    /// What else must hold, in the order in which it is tried
    pub conditions: Vec<Condition>,
    /// Where updates go; at least one
    pub to: Vec<Destination>,
    /// How long an update waits for the dust to settle
    pub settle: Duration,
    /// Whether members' own actions are news too
    pub own: bool,
    /// Whether what bots do is news too
    pub bots: bool,
    /// The template; `None` for the one that fits the event
    pub template: Option<String>,
}

/// The events that a rule is about.
#[derive(Debug, Clone)]
pub struct On {
    /// The kinds that the patterns fit, with those that are a case of one
    pub kinds: BTreeSet<EventKind>,
    /// The patterns as written
    pub written: Vec<String>,
}
