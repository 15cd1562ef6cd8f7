//! The conditions that an event must fulfil besides its kind, after they were checked.

use regex::{Regex, RegexBuilder};
use strum::IntoStaticStr;

use super::author_team::AuthorTeam;
use super::owned::{Owns, Touches};
use super::pattern::{Anchor, Patterns};
use super::range::Range;
use super::repository::Reach;
use crate::toml_file::Wrong;

/// What must hold besides the kind. The variants have the names of the keys that teams write.
#[derive(Debug, Clone, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Condition {
    /// The repository's `owner/name`
    Repo(Patterns),
    /// Whether the repository is private
    Private(bool),
    /// The branch that a pull request goes into
    Base(Patterns),
    /// The branch that a pull request comes from
    Head(Patterns),
    /// Whether a pull request is a draft
    Draft(bool),
    /// The branch of a push, workflow, deployment or release, or a branch itself
    Branch(Patterns),
    /// How many lines a pull request adds and deletes
    Size(Box<Range>),
    /// Changed files: one that the list allows is enough
    Paths(Patterns),
    /// Changed files that the team owns: one, or as many as it wants
    TouchesOwned(Box<Touches>),
    /// Labels of a pull request, issue or ticket
    Labels(Patterns),
    /// The same, but each entry must match a label
    LabelsAll(Patterns),
    /// Who opened or reported the subject; else who acted
    Author(Patterns),
    /// Who did it
    Actor(Patterns),
    /// Teams that the author is a member of
    AuthorTeam(Box<AuthorTeam>),
    /// Whom a pull request, issue or ticket is assigned to
    Assignee(Patterns),
    /// Who was asked to review a pull request
    Reviewer(Patterns),
    /// Ticket keys
    Ticket(Patterns),
    /// The type of the ticket
    TicketType(Patterns),
    /// The status of the ticket
    TicketStatus(Patterns),
    /// The priority of the ticket
    TicketPriority(Patterns),
    /// Labels of the ticket
    TicketLabels(Patterns),
    /// Components of the ticket
    Component(Patterns),
    /// Fix versions of the ticket
    FixVersion(Patterns),
    /// Keys of the ticket's epic, and of the ticket that it is a sub-task of
    Parent(Patterns),
    /// Sprints of the ticket
    Sprint(Patterns),
    /// A field that the site added to its tickets
    Field(Box<FieldList>),
    /// What became of the ticket or issue
    Resolution(Patterns),
    /// Whether a release is a pre-release
    Prerelease(bool),
    /// The environment of a deployment
    Environment(Patterns),
    /// The name of a workflow
    Workflow(Patterns),
    /// The subject's title
    Title(Patterns),
    /// The description of a pull request or issue
    Body(Box<Regex>),
    /// Each of these groups holds
    All(Vec<Vec<Condition>>),
    /// One of these groups holds
    Any(Vec<Vec<Condition>>),
    /// These don't hold together
    Not(Vec<Condition>),
    /// It is of a repository that the team may hear of. No team writes this: it is part of each rule in a repository's file
    MayHear(Box<Reach>),
}

const _: () = assert!(size_of::<Condition>() <= 32, "two of them in a line of a core's cache");

impl Condition {
    /// The key that teams write for it.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.into()
    }

    /// Whether it, or a condition within it, passes the test. Conditions within `not` only count if `excluded` is true.
    pub(super) fn any(&self, excluded: bool, test: &impl Fn(&Self) -> bool) -> bool {
        let below = |conditions: &Vec<Self>| conditions.iter().any(|condition| condition.any(excluded, test));
        test(self)
            || match self {
                Self::All(groups) | Self::Any(groups) => groups.iter().any(below),
                Self::Not(conditions) => excluded && below(conditions),
                _ => false,
            }
    }

    /// Whether it is about the ticket itself and not only its key.
    #[must_use]
    pub fn asks_of_ticket(&self) -> bool {
        self.any(true, &|condition| {
            matches!(
                condition,
                Self::TicketType(_)
                    | Self::TicketStatus(_)
                    | Self::TicketPriority(_)
                    | Self::TicketLabels(_)
                    | Self::Component(_)
                    | Self::FixVersion(_)
                    | Self::Parent(_)
                    | Self::Sprint(_)
                    | Self::Field(_)
            )
        })
    }

    /// The fields of the site's own that it, or a condition within it, asks for, as written.
    pub(super) fn fields(&self) -> Vec<&str> {
        match self {
            Self::Field(field) => vec![&field.name],
            Self::All(groups) | Self::Any(groups) => groups.iter().flatten().flat_map(Self::fields).collect(),
            Self::Not(conditions) => conditions.iter().flat_map(Self::fields).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it asks where the ticket stands in the plan, in fields that each site calls by other ids.
    pub(super) fn asks_of_plan(&self) -> bool {
        self.any(true, &|condition| matches!(condition, Self::Parent(_) | Self::Sprint(_)))
    }

    /// Whether it is about the files that are changed.
    pub(super) fn asks_of_files(&self) -> bool {
        self.any(true, &|condition| matches!(condition, Self::Paths(_) | Self::TouchesOwned(_)))
    }

    /// Whether it is about a pull request, or the ticket that something belongs to.
    pub(super) fn asks_of_work(&self) -> bool {
        let of_pull_request = |condition: &Self| {
            matches!(
                condition,
                Self::Ticket(_)
                    | Self::Base(_)
                    | Self::Head(_)
                    | Self::Draft(_)
                    | Self::Size(_)
                    | Self::Labels(_)
                    | Self::LabelsAll(_)
                    | Self::Assignee(_)
                    | Self::Reviewer(_)
            )
        };
        self.asks_of_files() || self.asks_of_ticket() || self.any(true, &of_pull_request)
    }

    /// Whether it is about who owns those files, as the repository says.
    pub(super) fn asks_of_owners(&self) -> bool {
        let by_repository = |condition: &Self| match condition {
            Self::TouchesOwned(touches) => matches!(touches.owns, Owns::CodeOwners(_)),
            _ => false,
        };
        self.any(true, &by_repository)
    }

    /// Whether it makes a difference between files that are generated and others.
    pub(super) fn asks_of_generated(&self) -> bool {
        self.any(true, &|condition| matches!(condition, Self::TouchesOwned(touches) if !touches.generated))
    }

    /// Whether it names this login in full as an author or actor, so that a bot is heard.
    pub(super) fn names(&self, login: &str) -> bool {
        self.any(false, &|condition| matches!(condition, Self::Author(list) | Self::Actor(list) if list.names(login)))
    }

    /// Changes it, and those within it.
    pub(super) fn change(&mut self, change: &impl Fn(&mut Self)) {
        change(self);
        match self {
            Self::All(groups) | Self::Any(groups) => {
                groups.iter_mut().flatten().for_each(|condition| condition.change(change));
            }
            Self::Not(conditions) => conditions.iter_mut().for_each(|condition| condition.change(change)),
            _ => {}
        }
    }

    /// Looks up who is in the teams that it names.
    pub(super) fn resolve(&mut self, members: &impl Fn(&str) -> Option<Vec<String>>) {
        self.change(&|condition| {
            if let Self::AuthorTeam(teams) = condition {
                teams.resolve(members);
            }
        });
    }

    /// Adds these logins to the team that the condition belongs to.
    pub(super) fn own(&mut self, logins: &[String]) {
        self.change(&|condition| {
            if let Self::TouchesOwned(touches) = condition {
                touches.owns.add(logins);
            }
        });
    }

    /// How the repositories that it holds for begin, if they have a common beginning.
    pub(super) fn repositories(&self) -> Option<Vec<Anchor>> {
        if let Self::Repo(list) = self { list.anchors() } else { None }
    }

    /// How the ticket keys that it holds for begin, if they have a common beginning.
    pub(super) fn keys(&self) -> Option<Vec<Anchor>> {
        if let Self::Ticket(list) = self { list.anchors() } else { None }
    }
}

/// The values that a field of the site's own must have.
#[derive(Debug, Clone)]
pub struct FieldList {
    /// The field's name or id, as written
    pub name: String,
    /// Its values
    pub list: Patterns,
}

/// Reads a regular expression. The engine takes linear time for every expression; here its size is limited.
///
/// # Errors
/// What is wrong with it.
pub fn regex(text: &str) -> Result<Regex, Wrong> {
    const LONGEST: usize = 1000;
    const MEMORY: usize = 1 << 20;
    if text.is_empty() {
        return Err(("an empty expression matches everything".to_owned(), Some("leave the key out".to_owned())));
    }
    if text.len() > LONGEST {
        return Err((format!("an expression can have at most {LONGEST} characters"), None));
    }
    RegexBuilder::new(text).size_limit(MEMORY).dfa_size_limit(MEMORY).nest_limit(50).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => ("the expression is too large: it repeats too much".to_owned(), None),
            // The last line of the parser's message says what is wrong; the lines before it show the expression.
            error => {
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let help = "a `\\` makes a special character plain; in \"…\" it is written twice, in '…' once";
                (format!("this isn't a valid regular expression: {last}"), Some(help.to_owned()))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_expression_stays_small() {
        assert!(regex(r"(?im)^breaking( change)?:").unwrap().is_match("x\nBREAKING: no ids"));
        for bad in ["", "(", "a{1000}{1000}{1000}", &"a".repeat(1001), &"(".repeat(400), r"(a)\1"] {
            assert!(regex(bad).is_err(), "{bad}");
        }
    }
}
