//! Rules: reads team files, checks them, and evaluates rules for an event.
//!
//! Everything but the reading is pure. [`evaluate`] says whether a rule matches, and why or why not; what follows from a
//! match is up to [`crate::plan`].

mod author_team;
mod check;
mod condition;
mod duration;
mod entry;
mod file;
mod folder;
mod index;
mod matcher;
mod mistaken_keys;
mod owned;
mod pattern;
mod range;
mod renamed;
mod repository;
mod timing;
mod warnings;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use smallvec::SmallVec;

pub use author_team::{AuthorTeam, is_member, is_member_called};
pub use check::{Defaults, Known, check, check_rule};
pub use condition::{Condition, FieldList};
pub use duration::{parse as parse_duration, parse_up_to as parse_duration_up_to, written as duration_written};
pub use entry::kinds;
pub use file::{defaults_schema, schema};
pub use folder::{Loaded, Repositories, check_beside, load_folder, name_taken, team_name};
pub use index::{Asks, Rules};
pub use matcher::{Input, Verdict, doers, evaluate, matched_by};
pub use owned::{Owns, Touches};
pub use pattern::{Anchor, Pattern, Patterns};
pub use renamed::{Nameable, Outdated, Renaming};
pub use repository::{
    LARGEST_FILE, REPOSITORY_FILE, Reach, RepositoryFile, Revision, TeamAllowed, TeamsAllowed, allowed_destination,
    allowed_repo, heard_repo, name_in, too_large, within_size,
};
pub use timing::{Budget, Digest, Period, Quiet, digest as parse_digest};

use crate::destination::{Destination, Manner};
use crate::event::{EventKind, KindStage, Kinds, Source};
use crate::toml_file::Place;

/// A partner team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its name, which no other team has
    pub name: String,
    /// The repository whose file it is; `None` for a file in the operator's folder
    pub home: Option<String>,
    /// The address that gets a mail when the file is broken
    pub owner: Option<String>,
    /// Logins, account ids or names, as written, and then the members of its team on GitHub, as far as they are known
    pub members: Vec<String>,
    /// What GitHub calls it, as `organisation/team`
    pub github_team: Option<String>,
    /// The time zone of all times in its file and its messages
    pub timezone: TimeZone,
    /// Who reads its messages
    pub audience: Audience,
    /// Whose answers to its messages are carried to the page of what a message is about
    pub answers: Answers,
    /// Its quiet hours
    pub quiet: Quiet,
    /// How many messages it gets at most
    pub budget: Option<Budget>,
    /// Its rules
    pub rules: Vec<Rule>,
    /// The rule for notes that name the team and that none of `rules` matches. It is named [`ADDRESSED`]. `None` if
    /// there is nowhere to send to.
    pub addressed: Option<Rule>,
    /// Webhooks to try the rules on
    pub tests: Vec<RuleTest>,
    /// When it gets a summary of what moved, and where
    pub summary: Option<Summary>,
    /// What it owns, if it says so
    pub owns: Option<Owns>,
    /// How its rules send unless they say otherwise, for rules that come from elsewhere
    sending: check::Sending,
}

/// A summary of what moved since the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// When it comes
    pub at: Digest,
    /// Where it goes
    pub to: Vec<Destination>,
}

/// The name of [`Team::addressed`], which no rule in a file can have.
pub const ADDRESSED: &str = "@notes";

/// What the ledger calls the rule that [`Team::summary`] is; no rule in a file can have this name.
pub const SUMMARY: &str = "@summary";

impl Team {
    /// Whether people mean this team by a name after an `@`: it is its own name, or the one on GitHub.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim_start_matches('@');
        name.eq_ignore_ascii_case(&self.name)
            || self.github_team.as_ref().is_some_and(|team| name.eq_ignore_ascii_case(team))
    }

    /// The team with further rules.
    #[must_use]
    pub fn with_rules(&self, rules: &[Rule]) -> Self {
        let mut team = self.clone();
        team.rules.extend(rules.iter().cloned());
        team
    }

    /// Whether its messages go to exactly one destination unless a rule says otherwise.
    #[must_use]
    pub fn sends_only_to(&self, to: &Destination) -> bool {
        self.sending.to.as_ref().is_some_and(|own| own.iter().eq([to]))
    }

    /// Whether its readers may see whatever people inside may. The operator hasn't read a file in a repository.
    #[must_use]
    pub fn is_trusted_inside(&self) -> bool {
        self.audience == Audience::Inside && self.home.is_none()
    }

    /// The team with these logins among its members.
    #[must_use]
    pub fn with_members(&self, logins: &[String]) -> Self {
        let mut team = self.clone();
        let known = self.members.iter().map(|member| member.to_lowercase()).collect::<Vec<_>>();
        let further = logins.iter().filter(|login| !known.contains(&login.to_lowercase())).cloned().collect::<Vec<_>>();
        team.rules.iter_mut().flat_map(|rule| &mut rule.conditions).for_each(|condition| condition.own(&further));
        team.owns.iter_mut().for_each(|owns| owns.add(&further));
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

/// Who reads a team's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// People who may see every repository
    #[default]
    Inside,
    /// Others, who learn only the kind of event and the link if a repository is private
    Outside,
}

/// Whose answers to a team's messages become comments on the page of what a message is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answers {
    /// Nobody's
    #[default]
    Nobody,
    /// Those of the company's own people
    Inside,
    /// Those of others, too
    Everybody,
}

impl Team {
    /// Whether readers of its messages can answer at all so that it is carried.
    #[must_use]
    pub fn carries_answers(&self) -> bool {
        match self.audience {
            Audience::Inside => self.answers > Answers::Nobody,
            Audience::Outside => self.answers == Answers::Everybody,
        }
    }
}

/// A rule, with the team's defaults filled in.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, which no other rule of the team has
    pub name: String,
    /// The events
    pub on: On,
    /// The conditions, in the order in which they are tried. Most rules have few, which are stored in the rule itself:
    /// with many rules, each access to other memory costs time.
    pub conditions: SmallVec<[Condition; 2]>,
    /// Where updates go; at least one
    pub to: Vec<Destination>,
    /// How long an update waits for further changes
    pub settle: Duration,
    /// How long it waits at most, however often it is replaced
    pub settle_max: Duration,
    /// The least time between two updates about the same subject
    pub every: Option<Duration>,
    /// When its updates are sent together as one message
    pub digest: Option<Digest>,
    /// How long nothing must have happened, for the kinds that report silence
    pub after: Option<Duration>,
    /// How many days before a due date, for the kind that reports it
    pub before: Option<i64>,
    /// How long there is to object to an assumption
    pub object_by: Option<Duration>,
    /// Whether members' own actions are news too
    pub own: bool,
    /// Whether what bots do is news too
    pub bots: bool,
    /// Whether messages about tickets with a security level say everything
    pub restricted: bool,
    /// The template; `None` for the one that fits the event
    pub template: Option<String>,
    /// What its messages do in a conversation
    pub manners: Manners,
    /// Whom its messages mention
    pub mention: Vec<Mention>,
    /// Who gets the replies to its mails
    pub reply_to: ReplyTo,
}

/// Whom a rule's messages mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// Somebody, by their login on GitHub
    Login(String),
    /// Whoever's work it is
    Author,
    /// Whom it is assigned to
    Assignee,
    /// Who was asked to review it
    Reviewers,
}

/// How a rule's messages appear in a conversation, by the stage of the work.
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
    /// How a message about this kind of event appears. A note never replaces an earlier message, since the next update
    /// would replace the note.
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

/// Who gets the replies to a mail.
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
    /// The kinds that the patterns match, with their special cases
    pub kinds: Kinds,
    /// The patterns as written
    pub written: Vec<String>,
}
