//! The vocabulary: what happened, to what, by whom.
//!
//! Everything after [`crate::source`] uses these types and never sees a provider's payload. They serialise to JSON because
//! the ledger keeps them.

mod about;
mod board;
mod forget;
mod issue;
mod kind;
mod name;
mod occurrence;
mod outcome;
mod owner;
mod person;
mod subject;
mod thing;
mod ticket_key;
mod undoing;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use about::{About, PullRequest, Stage, StatusCategory, Ticket, is_field_id};
pub use board::{Board, Boards};
pub use forget::{FORGOTTEN, SOMEBODY};
pub use issue::{Issue, Left, Milestone, Progress};
pub use kind::{EventKind, KindStage, Kinds};
pub use occurrence::{CHANGED, OccurrenceId, SAID, notes_in};
pub use outcome::Outcome;
pub use owner::Owner;
pub use person::Person;
pub use subject::{SubjectKey, SubjectParts};
pub use thing::{Thing, ThingKind};
pub use ticket_key::TicketKey;
pub use undoing::{Renamed, Undoes, Undoing, Undone};

/// Who sends us webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// GitHub, GitHub Enterprise Server
    Github,
    /// Jira Cloud, Jira Data Center
    Jira,
}

impl Source {
    /// The name used in routes, the database and `--json` output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Jira => "jira",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "github" => Ok(Self::Github),
            "jira" => Ok(Self::Jira),
            other => Err(format!("`{other}` isn't a source: write `github` or `jira`")),
        }
    }
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// GitHub login, Jira account id, or user name on Jira Data Center
    pub login: String,
    /// The name to show; the login where there is no other
    pub name: String,
    /// Their page
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Whether it is a bot: GitHub type `Bot`, a login that ends in `[bot]` or is known as a bot's, Jira account type `app`
    #[serde(default)]
    pub bot: bool,
}

/// Names a rule of a team.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId {
    /// The team's name
    pub team: String,
    /// The rule's name, which is its own within the team
    pub name: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Who told us
    pub source: Source,
    /// What happened
    pub kind: EventKind,
    /// `owner/repo`, or a Jira project key; empty where Jira names no project
    pub scope: String,
    /// Who did it; `None` where the payload has nobody (deleted accounts, some Jira events)
    pub actor: Option<Actor>,
    /// When it happened, as the source says; else when it arrived
    pub at: Timestamp,
    /// Where to read more: the comment, the review, or the subject itself
    pub url: Option<String>,
    /// Names the subject: `owner/repo#45`, `DATA-123`
    pub subject: SubjectKey,
    /// What the payload says of the subject
    pub about: About,
    /// The tickets that it belongs to, the primary one first: a ticket or issue is one of its own
    #[serde(default)]
    pub tickets: Vec<TicketKey>,
    /// What changed, for kinds that are a change of one thing
    #[serde(default)]
    pub change: Option<Change>,
    /// The note, for `note.*`
    #[serde(default)]
    pub note: Option<Note>,
    /// What was written, for comments and reviews
    #[serde(default)]
    pub comment: Option<Comment>,
    /// Whether its repository is private, as the payload says
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private: Option<bool>,
    /// Names this occurrence where the same one can reach us in two different deliveries (a Jira comment, a note
    /// in a description): the second is not news
    #[serde(default)]
    pub once: Option<OccurrenceId>,
    /// What the names of all notes in a text begin with, where the text was edited and its delivery doesn't say what it
    /// was before: its notes follow this event, and what they change is for whoever knows the earlier ones to say
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retold: Option<String>,
    /// The files that it changes, sorted; `None` where they are not known
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paths: Option<Vec<String>>,
    /// Who owns those files, sorted by name; `None` where it is not known
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owners: Option<Vec<Owner>>,
    /// Which of `paths` are generated, as `.gitattributes` says, by their places; `None` where it is not known
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generated: Option<Vec<u32>>,
    /// Why something that a rule asks for is not known, as a sentence
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<String>,
    /// The host of the repository or of Jira's site, as the payload names it; once it is tracked, only if that is another one
    /// than ours: then `subject` begins with it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Whether it changes more files than `paths` lists: GitHub cuts lists, and leaves some out
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more_paths: bool,
    /// Whether those files may have owners that `owners` doesn't list
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more_owners: bool,
    /// Whether it may belong to tickets that `tickets` doesn't list: their keys would stand in commits that GitHub doesn't list
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more_tickets: bool,
    /// Ticket keys that stand in a list of many, such as a release's: it is about none of them in particular. All of
    /// them, and never in `tickets` too.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub listed: Vec<TicketKey>,
    /// Who else did it: the authors of what a merge queue pushes, where `actor` is the first of them
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub doers: Vec<Actor>,
    /// It isn't news: it takes something back, or brings its subject's state up to date
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undoing: Option<Undoing>,
    /// What it renames
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renamed: Option<Renamed>,
    /// The review that it is about, for what happens to one
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub review: Option<Review>,
    /// What its delivery calls people by their ids in Jira. It is not kept with the event.
    #[serde(skip)]
    pub people: Vec<(String, String)>,
}

impl Event {
    /// An event of which no more is known than what happened to what; its time is the epoch.
    #[must_use]
    pub fn bare(source: Source, kind: EventKind, subject: SubjectKey, about: About) -> Self {
        Self {
            source,
            kind,
            scope: String::new(),
            actor: None,
            at: Timestamp::UNIX_EPOCH,
            url: None,
            subject,
            about,
            tickets: Vec::new(),
            change: None,
            note: None,
            comment: None,
            private: None,
            once: None,
            retold: None,
            paths: None,
            owners: None,
            generated: None,
            gap: None,
            host: None,
            more_paths: false,
            more_owners: false,
            more_tickets: false,
            listed: Vec::new(),
            doers: Vec::new(),
            undoing: None,
            renamed: None,
            review: None,
            people: Vec::new(),
        }
    }

    /// Whether it comes from a repository that not everybody may see. One that is not known to be public is private.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let known = [self.private, self.about.private()];
        let in_repository =
            self.source == Source::Github || matches!(self.about, About::PullRequest(_) | About::Issue(_));
        in_repository && (known.contains(&Some(true)) || !known.contains(&Some(false)))
    }

    /// Names the piece of work that it is part of: its subject, or the pull request that brought it about.
    #[must_use]
    pub fn work(&self) -> SubjectKey {
        match &self.about {
            About::Thing(Thing { pull_request: Some(number), .. }) => {
                SubjectKey::numbered(&self.scope, *number).on_host(self.host.as_deref())
            }
            _ => self.subject.clone(),
        }
    }

    /// The issue that it is about, as a ticket.
    #[must_use]
    pub fn issue_as_ticket(&self) -> Option<Ticket> {
        match &self.about {
            About::Issue(issue) => Some(issue.ticket(&self.subject)),
            _ => None,
        }
    }

    /// Whether it names no ticket in Jira. Commits may, and then the issues that it closes come after that.
    #[must_use]
    pub fn is_without_key(&self) -> bool {
        self.tickets.iter().all(TicketKey::is_issue) && self.listed.iter().all(TicketKey::is_issue)
    }

    /// Whether the ticket that rules and messages speak of is the one that it is about, when it is taken as this kind: what
    /// happens to an issue happens to that ticket, and the issue may belong to another one.
    #[must_use]
    pub fn is_ticket_as(&self, kind: EventKind) -> bool {
        kind.is_of_ticket() || self.tickets.first().is_none_or(|key| self.subject == key.as_str())
    }

    /// The ticket that rules and messages speak of, when it is taken as this kind: an issue that [is it
    /// itself](Self::is_ticket_as), or else what is known of the primary ticket.
    #[must_use]
    pub fn ticket_as<'a>(&self, kind: EventKind, primary: Option<&'a Ticket>) -> Option<Cow<'a, Ticket>> {
        let itself = if self.is_ticket_as(kind) { self.issue_as_ticket() } else { None };
        itself.map(Cow::Owned).or(primary.map(Cow::Borrowed))
    }

    /// Names its repository.
    #[must_use]
    pub fn repository(&self) -> SubjectKey {
        SubjectKey::repository(&self.scope).on_host(self.host.as_deref())
    }

    /// The pull request that brought it about, for what is none itself, as far as it is known.
    #[must_use]
    pub fn brought_by(&self) -> Option<&PullRequest> {
        match &self.about {
            About::Thing(thing) => thing.brought_by.as_deref(),
            _ => None,
        }
    }

    /// Whose work it is about: who opened or reported the subject, and where there is no such person, who acted.
    #[must_use]
    pub fn author(&self) -> Option<&Actor> {
        match &self.about {
            About::PullRequest(pr) => pr.author.as_ref(),
            About::Issue(issue) => issue.author.as_ref(),
            About::Ticket(ticket) => ticket.reporter.as_ref(),
            About::Thing(_) => self.actor.as_ref(),
        }
    }

    /// Who counts for it among others of a kind: who brought it about, and where nobody does (a silence, a due date), whose work it is
    /// about. By login.
    #[must_use]
    pub fn doer(&self) -> Option<&str> {
        let silent = || self.author().filter(|_| self.kind.is_timed());
        Some(self.actor.as_ref().or_else(silent)?.login.as_str())
    }

    /// Without the description, which is kept once with the subject and not again with each of its events.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        match &mut self.about {
            About::PullRequest(pr) => pr.body = None,
            About::Issue(issue) => issue.body = None,
            About::Ticket(_) | About::Thing(_) => {}
        }
        self
    }
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Names it among all reviews of its host
    pub id: String,
    /// The commit that was reviewed: the pull request may have got others since
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
}

/// A change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What changed: `status`, `due`, `label`, `title`, `base`, `assignee`, `reviewer`, `commits`, …
    pub field: String,
    /// Its name for readers: `due date`, `fix version`; for a custom field, the name that it has on the site
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The old value; absent if there was none
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The new value; absent if there is none
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
}

/// What somebody said with a slash command, such as `/assume the id is never reused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// `assumed`, `decided`, `heads_up`, `delayed` or `blocked`
    pub kind: String,
    /// The line without its command, and without the names in `to`
    pub text: String,
    /// The names that the note began with, as written and without their `@`. Those that are teams are the teams that it is
    /// for
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub to: Vec<String>,
    /// Where it was said
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Who said it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Actor>,
    /// Whether it was sent in other words before
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub edited: bool,
    /// Whether its author took it back; the text is the old one
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub taken_back: bool,
    /// The id of the note that it replaces, or that is taken back
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub replaces: Option<OccurrenceId>,
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// Its first paragraph as plain text, at most 280 characters
    pub summary: String,
    /// Where it is
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse::<EventKind>().as_ref(), Ok(kind));
        }
    }
}
