//! When a team wants to hear: team files, their checks, and the match against an event.

mod check;
mod duration;
mod file;
mod folder;
mod matcher;
mod pattern;
mod reading;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use check::{Known, check};
pub use duration::{parse as parse_duration, parse_up_to as parse_duration_up_to};
pub use file::schema;
pub use folder::{Loaded, load_folder};
pub use matcher::{Verdict, judge};
pub use pattern::Patterns;

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
    /// Who reads what it gets
    pub audience: Audience,
    /// When it wants to hear
    pub rules: Vec<Rule>,
}

/// Who reads what a team gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// People who may see every repository
    #[default]
    Inside,
    /// Others: of a private repository they are told no more than the kind and the link
    Outside,
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

/// What must hold besides the kind.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The repository's `owner/name`
    Repo(Patterns),
    /// The branch that a pull request goes into
    Base(Patterns),
    /// Whether a pull request is a draft
    Draft(bool),
    /// Labels of a pull request, issue or ticket
    Labels(Patterns),
    /// Who opened or reported the subject; else who acted
    Author(Patterns),
    /// Ticket keys
    Ticket(Patterns),
    /// The subject's title
    Title(Patterns),
}
