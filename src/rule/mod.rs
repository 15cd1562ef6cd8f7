//! When a team wants to hear: team files, their checks, and the match against an event.

mod check;
mod condition;
mod duration;
mod entry;
mod file;
mod folder;
mod index;
mod matcher;
mod mistaken_keys;
mod pattern;
mod renamed;
mod timing;
mod warnings;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use smallvec::SmallVec;

pub use check::{Known, check};
pub use condition::{AuthorTeam, Condition, Owns, Size, is_member};
pub use duration::{parse as parse_duration, parse_up_to as parse_duration_up_to};
pub use file::schema;
pub use folder::{Loaded, load_folder};
pub use index::{Asks, Rules};
pub use matcher::{Input, Verdict, doers, evaluate, matched_by};
pub use pattern::{Anchor, Patterns};
pub use renamed::{Nameable, Outdated, Renaming};
pub use timing::{Budget, Digest, Period, Quiet};

use crate::destination::{Destination, Manner};
use crate::event::{EventKind, KindStage, Kinds, Source};
use crate::toml_file::Place;

/// A partner team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its name, which no other team has
    pub name: String,
    /// The address of whoever is told when the file is broken
    pub owner: Option<String>,
    /// Logins, account ids or names, as written, and then those who are in its team on GitHub, as far as they are known
    pub members: Vec<String>,
    /// What GitHub calls it, as `organisation/team`
    pub github_team: Option<String>,
    /// The zone of all times that it writes and is shown
    pub timezone: TimeZone,
    /// Who reads what it gets
    pub audience: Audience,
    /// When nothing is sent to it
    pub quiet: Quiet,
    /// How many messages it takes
    pub budget: Option<Budget>,
    /// When it wants to hear
    pub rules: Vec<Rule>,
    /// The rule for notes that name the team, where none of `rules` is for them: it is named [`ADDRESSED`]. `None` where
    /// there is nowhere to send to.
    pub addressed: Option<Rule>,
    /// Webhooks to try the rules on
    pub tests: Vec<RuleTest>,
}

/// The name of [`Team::addressed`], which no rule in a file can have.
pub const ADDRESSED: &str = "@notes";

impl Team {
    /// Whether a name, as people write it after an `@`, is the team's: its own, or the one that GitHub has for it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim_start_matches('@');
        name.eq_ignore_ascii_case(&self.name)
            || self.github_team.as_ref().is_some_and(|team| name.eq_ignore_ascii_case(team))
    }

    /// The team with these logins among its members.
    #[must_use]
    pub fn with_members(&self, logins: &[String]) -> Self {
        let mut team = self.clone();
        let known = self.members.iter().map(|member| member.to_lowercase()).collect::<Vec<_>>();
        let further = logins.iter().filter(|login| !known.contains(&login.to_lowercase())).cloned().collect::<Vec<_>>();
        team.rules.iter_mut().flat_map(|rule| &mut rule.conditions).for_each(|condition| condition.own(&further));
        team.members.extend(further);
        team
    }
}

/// A webhook, and which rules of the team match it.
#[derive(Debug, Clone)]
pub struct RuleTest {
    /// Its name
    pub name: String,
    /// The file with the body, from the folder of the team file
    pub payload: PathBuf,
    /// Who would have sent it
    pub source: Source,
    /// GitHub's name for the event; empty for Jira
    pub event: String,
    /// The names of the rules
    pub expect: Vec<String>,
    /// Where the team file names the payload
    pub payload_at: Place,
    /// Where it names the rules
    pub expect_at: Place,
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
    /// What else must hold, in the order in which it is tried. Most rules have few, and those lie in the rule itself:
    /// among many rules, each step to another place in memory is a wait.
    pub conditions: SmallVec<[Condition; 2]>,
    /// Where updates go; at least one
    pub to: Vec<Destination>,
    /// How long an update waits for the dust to settle
    pub settle: Duration,
    /// How long it waits at most, however often it is replaced
    pub settle_max: Duration,
    /// One update about the same subject in so long
    pub every: Option<Duration>,
    /// When its updates go as one message
    pub digest: Option<Digest>,
    /// How long nothing has to happen, for the kinds that tell of that
    pub after: Option<Duration>,
    /// How long there is to object to an assumption
    pub object_by: Option<Duration>,
    /// Whether members' own actions are news too
    pub own: bool,
    /// Whether what bots do is news too
    pub bots: bool,
    /// Whether tickets with a security level are told in full
    pub restricted: bool,
    /// The template; `None` for the one that fits the event
    pub template: Option<String>,
    /// What its messages do in a conversation
    pub manners: Manners,
    /// Whom its messages call, by login
    pub mention: Vec<String>,
    /// Who answers to its mails go to
    pub reply_to: ReplyTo,
}

/// What a rule's messages do in a conversation, by how far the work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// When it begins
    pub opened: Manner,
    /// While it goes on
    pub updated: Manner,
    /// When it is done
    pub merged: Manner,
}

impl Manners {
    /// What a message of this kind of event does. What a person chose to say is never said in the place of something
    /// else, since the next update would take it away.
    #[must_use]
    pub fn of(&self, kind: EventKind) -> Manner {
        let manner = match kind.stage() {
            KindStage::Opened => self.opened,
            KindStage::Updated => self.updated,
            KindStage::Merged => self.merged,
        };
        if kind.is_note() { manner.max(Manner::Reply) } else { manner }
    }
}

/// Who answers to a mail go to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplyTo {
    /// Where the mail goes itself
    #[default]
    List,
    /// Whoever's work it is about
    Author,
}

/// The events that a rule is about.
#[derive(Debug, Clone)]
pub struct On {
    /// The kinds that the patterns fit, with those that are a case of one
    pub kinds: Kinds,
    /// The patterns as written
    pub written: Vec<String>,
}
