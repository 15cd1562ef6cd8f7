//! What a condition says of a place when no event is known.

use super::Place;
use crate::rule::{Condition, Owns, Patterns, Reach, Touches};

/// Whether a condition holds for what happens at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    /// For all of it
    Yes,
    /// For none of it
    No,
    /// For some of it: for what fulfils this
    Needs(String),
}

/// Whether all of these hold.
pub(super) fn all<'a>(conditions: impl IntoIterator<Item = &'a Condition>, place: Option<&Place>) -> Holds {
    let mut needs = Vec::new();
    for condition in conditions {
        match holds(condition, place) {
            Holds::Yes => {}
            Holds::No => return Holds::No,
            Holds::Needs(needed) => needs.push(needed),
        }
    }
    if needs.is_empty() { Holds::Yes } else { Holds::Needs(needs.join(" and ")) }
}

fn holds(condition: &Condition, place: Option<&Place>) -> Holds {
    match (condition, place) {
        (Condition::Repo(list), Some(Place::Repository(name))) => match list.test(&[name]) {
            Ok(()) => Holds::Yes,
            Err(_) => Holds::No,
        },
        (Condition::Ticket(list), Some(Place::Project(key))) => of_project(list, key),
        (Condition::MayHear(reach), Some(Place::Repository(name))) if reach.includes_repo(name) => Holds::Yes,
        (Condition::MayHear(_), Some(Place::Project(_))) => Holds::Yes,
        (Condition::MayHear(reach), _) => Holds::Needs(may_hear(reach)),
        (condition, Some(Place::Project(_))) if is_of_code(condition) => Holds::No,
        (Condition::All(groups), _) => all(groups.iter().flatten(), place),
        (Condition::Any(groups), _) => any(groups, place),
        (Condition::Not(conditions), _) => match all(conditions, place) {
            Holds::Yes => Holds::No,
            Holds::No => Holds::Yes,
            Holds::Needs(needed) => Holds::Needs(format!("not ({needed})")),
        },
        (condition, _) => Holds::Needs(written(condition)),
    }
}

fn any(groups: &[Vec<Condition>], place: Option<&Place>) -> Holds {
    let mut needs = Vec::new();
    for group in groups {
        match all(group, place) {
            Holds::Yes => return Holds::Yes,
            Holds::No => {}
            Holds::Needs(needed) => needs.push(needed),
        }
    }
    match needs.as_mut_slice() {
        [] => Holds::No,
        [needed] => Holds::Needs(std::mem::take(needed)),
        needs => Holds::Needs(format!("({})", needs.join(") or ("))),
    }
}

/// Whether a list of keys holds for the tickets of a project: for all, for none or for some of them.
fn of_project(list: &Patterns, project: &str) -> Holds {
    let tickets = format!("{project}-");
    let entries = listed(list).collect::<Vec<_>>();
    let names_some = entries.iter().any(|entry| {
        let entry = entry.trim_start_matches('!').to_uppercase();
        entry.strip_prefix(&tickets).is_some_and(|rest| rest != "*")
    });
    let sample = |number: &str| list.test(&[&format!("{tickets}{number}")]).is_ok();
    match (sample("1"), sample("987654")) {
        (true, true) if !names_some => Holds::Yes,
        (false, false) if !names_some => Holds::No,
        _ => Holds::Needs(format!("ticket: {}", entries.join(", "))),
    }
}

/// What nothing in Jira has.
fn is_of_code(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Repo(_)
            | Condition::Private(_)
            | Condition::Base(_)
            | Condition::Head(_)
            | Condition::Draft(_)
            | Condition::Branch(_)
            | Condition::Size(_)
            | Condition::Paths(_)
            | Condition::TouchesOwned(_)
            | Condition::Reviewer(_)
            | Condition::Prerelease(_)
            | Condition::Environment(_)
            | Condition::Workflow(_)
            | Condition::Body(_)
    )
}

/// The entries of a list, as written.
pub(super) fn listed(list: &Patterns) -> impl Iterator<Item = String> {
    list.written().into_iter().map(|(text, ..)| text)
}

fn joined(list: &Patterns) -> String {
    listed(list).collect::<Vec<_>>().join(", ")
}

/// A condition, much as it stands in the file.
fn written(condition: &Condition) -> String {
    let value = match condition {
        Condition::Private(wanted) | Condition::Draft(wanted) | Condition::Prerelease(wanted) => wanted.to_string(),
        Condition::Size(range) => range.written().to_owned(),
        Condition::TouchesOwned(touches) => owned(touches),
        Condition::AuthorTeam(teams) => joined(teams.list()),
        Condition::Field(field) => format!("{}: {}", field.name, joined(&field.list)),
        Condition::Body(expression) => expression.as_str().to_owned(),
        Condition::Repo(list)
        | Condition::Base(list)
        | Condition::Head(list)
        | Condition::Branch(list)
        | Condition::Paths(list)
        | Condition::Labels(list)
        | Condition::LabelsAll(list)
        | Condition::Author(list)
        | Condition::Actor(list)
        | Condition::Assignee(list)
        | Condition::Reviewer(list)
        | Condition::Ticket(list)
        | Condition::TicketType(list)
        | Condition::TicketStatus(list)
        | Condition::TicketPriority(list)
        | Condition::TicketLabels(list)
        | Condition::Component(list)
        | Condition::FixVersion(list)
        | Condition::Parent(list)
        | Condition::Sprint(list)
        | Condition::Resolution(list)
        | Condition::Environment(list)
        | Condition::Workflow(list)
        | Condition::Title(list) => joined(list),
        // Their own conditions are written one by one.
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) | Condition::MayHear(_) => String::new(),
    };
    format!("{}: {value}", condition.key())
}

fn may_hear(reach: &Reach) -> String {
    let besides = std::iter::once(reach.home.clone()).chain(listed(&reach.hears)).collect::<Vec<_>>();
    format!("a public repository, or {}", besides.join(", "))
}

fn owned(touches: &Touches) -> String {
    let owns = match &touches.owns {
        Owns::CodeOwners(_) => "what CODEOWNERS says".to_owned(),
        Owns::Paths(list) => joined(list),
    };
    let files = touches.files.as_ref().map(|files| format!("{} files", files.written()));
    let share = touches.share.as_ref().map(|share| format!("{} of the change", share.written()));
    let much = files.into_iter().chain(share).collect::<Vec<_>>();
    if much.is_empty() { owns } else { format!("{} of {owns}", much.join(" and ")) }
}
