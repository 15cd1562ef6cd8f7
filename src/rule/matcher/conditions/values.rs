//! The values that lists of patterns are compared with.

use smallvec::{SmallVec, smallvec};

use super::super::own_and_bots::doers;
use super::super::phrasing::{quoted, subject};
use super::{Failure, Input, brought_by, fails, hasnt, unknown, unknown_of};
use crate::event::{About, Actor, Event, PullRequest, Source, Stage, StatusCategory, Thing, ThingKind, Ticket};
use crate::rule::condition::Condition;
use crate::rule::pattern::Patterns;

/// The values of an event that a list is about; mostly there is one.
pub(in crate::rule::matcher) type Values<'a> = SmallVec<[&'a str; 4]>;

type Found<'a> = Result<Values<'a>, Failure>;

/// A condition that is a list of patterns.
pub(in crate::rule::matcher) struct List<'a> {
    /// What its values are called
    pub what: &'a str,
    pub patterns: &'a Patterns,
    /// The values
    pub values: Values<'a>,
}

/// The values that a list of patterns is compared with; `None` for other conditions.
pub(in crate::rule::matcher) fn list<'a>(
    condition: &'a Condition,
    input: Input<'a>,
) -> Option<Result<List<'a>, Failure>> {
    let event = input.event;
    let (what, patterns, values) = match condition {
        Condition::Repo(list) => ("repo", list, repo(event)),
        Condition::Base(list) => ("base", list, pull_request(event, "base", |pr| pr.base.as_deref()).map(one)),
        Condition::Head(list) => ("head", list, pull_request(event, "head", |pr| pr.head.as_deref()).map(one)),
        Condition::Branch(list) => ("branch", list, branch(event)),
        Condition::Labels(list) => ("label", list, labels(event)),
        Condition::Author(list) => {
            ("author", list, authors(event).map(|all| all.into_iter().flat_map(names).collect()))
        }
        Condition::Actor(list) => ("actor", list, actors(input)),
        Condition::Assignee(list) => ("assignee", list, assignees(event)),
        Condition::Reviewer(list) => {
            ("reviewer", list, pull_request(event, "reviewers", |pr| pr.reviewers.as_deref()).map(texts))
        }
        Condition::Resolution(list) => ("resolution", list, resolution(event)),
        Condition::Environment(list) => ("environment", list, environment(event)),
        Condition::Workflow(list) => match thing(event, ThingKind::Workflow) {
            Some(thing) => ("workflow", list, Ok(one(&thing.title))),
            None => ("workflow", list, Err(hasnt(event, "workflow"))),
        },
        Condition::Title(list) => ("title", list, Ok(one(event.about.title()))),
        Condition::TicketType(list) => ("ticket's type", list, of_ticket("type", input, |t| t.type_name.as_deref())),
        Condition::TicketStatus(list) => ("ticket's status", list, of_ticket("status", input, |t| t.status.as_deref())),
        Condition::TicketPriority(list) => {
            ("ticket's priority", list, of_ticket("priority", input, |t| t.priority.as_deref()))
        }
        Condition::TicketLabels(list) => ("ticket label", list, ticket(input).map(|ticket| texts(&ticket.labels))),
        Condition::Component(list) => ("component", list, ticket(input).map(|ticket| texts(&ticket.components))),
        Condition::FixVersion(list) => ("fix version", list, ticket(input).map(|ticket| texts(&ticket.fix_versions))),
        Condition::Parent(list) => ("parent", list, of_plan("parent", input, |ticket| ticket.parents.as_deref())),
        Condition::Sprint(list) => ("sprint", list, of_plan("sprint", input, |ticket| ticket.sprints.as_deref())),
        Condition::Field(field) => (field.name.as_str(), &field.list, own_field(&field.name, input)),
        Condition::Private(_)
        | Condition::Draft(_)
        | Condition::Size(_)
        | Condition::Paths(_)
        | Condition::TouchesOwned(_)
        | Condition::LabelsAll(_)
        | Condition::AuthorTeam(_)
        | Condition::Ticket(_)
        | Condition::Prerelease(_)
        | Condition::Body(_)
        | Condition::All(_)
        | Condition::Any(_)
        | Condition::Not(_)
        | Condition::MayHear(_) => return None,
    };
    Some(values.map(|values| List { what, patterns, values }))
}

fn one(value: &str) -> Values<'_> {
    smallvec![value]
}

pub(super) fn texts(entries: &[String]) -> Values<'_> {
    entries.iter().map(String::as_str).collect()
}

fn repo(event: &Event) -> Found<'_> {
    match event.source {
        Source::Github => Ok(one(&event.scope)),
        Source::Jira => Err(hasnt(event, "repo")),
    }
}

pub(super) fn pull_request<'e, T>(
    event: &'e Event,
    what: &str,
    get: impl Fn(&'e PullRequest) -> Option<T>,
) -> Result<T, Failure> {
    match &event.about {
        About::PullRequest(pr) => get(pr).ok_or_else(|| unknown_of(&format!("pull request's {what}"))),
        About::Thing(thing) => {
            get(brought_by(event, thing, what)?).ok_or_else(|| unknown_of(&format!("pull request's {what}")))
        }
        _ => Err(hasnt(event, what)),
    }
}

fn thing(event: &Event, kind: ThingKind) -> Option<&Thing> {
    match &event.about {
        About::Thing(thing) if thing.kind == kind => Some(thing),
        _ => None,
    }
}

fn branch(event: &Event) -> Found<'_> {
    match &event.about {
        About::Thing(thing) => match thing.kind {
            ThingKind::Push | ThingKind::Branch | ThingKind::Workflow | ThingKind::Deployment | ThingKind::Release => {
                thing
                    .branch
                    .as_deref()
                    .map(one)
                    .ok_or_else(|| unknown(format!("the branch of {} is not known", subject(event))))
            }
            ThingKind::Discussion | ThingKind::Sprint | ThingKind::Version | ThingKind::Repository => {
                Err(hasnt(event, "branch"))
            }
        },
        // It has two.
        About::PullRequest(_) => fails("a pull request has a base and a head"),
        About::Issue(_) | About::Ticket(_) => Err(hasnt(event, "branch")),
    }
}

fn environment(event: &Event) -> Found<'_> {
    let deployment = thing(event, ThingKind::Deployment).ok_or_else(|| hasnt(event, "environment"))?;
    deployment.environment.as_deref().map(one).ok_or_else(|| unknown_of("environment"))
}

pub(in crate::rule::matcher) fn labels(event: &Event) -> Found<'_> {
    match &event.about {
        About::PullRequest(_) | About::Thing(_) => pull_request(event, "labels", |pr| pr.labels.as_deref()).map(texts),
        About::Issue(issue) => Ok(texts(&issue.labels)),
        About::Ticket(ticket) => Ok(texts(&ticket.labels)),
    }
}

fn assignees(event: &Event) -> Found<'_> {
    match &event.about {
        About::PullRequest(_) | About::Thing(_) => {
            pull_request(event, "assignees", |pr| pr.assignees.as_deref()).map(texts)
        }
        About::Issue(issue) => Ok(texts(&issue.assignees)),
        About::Ticket(ticket) => Ok(ticket.assignee.as_ref().map(names).unwrap_or_default()),
    }
}

/// Who did it, if it has no author of its own, and also who opened the pull request behind it, since deployments are
/// often made by a machine.
pub(super) fn authors(event: &Event) -> Result<Vec<&Actor>, Failure> {
    let behind = event.brought_by().and_then(|pr| pr.author.as_ref());
    // A push by several people is by each of them.
    let further = event.doers.iter().filter(|_| matches!(event.about, About::Thing(_)));
    let mut authors: Vec<&Actor> = Vec::new();
    for author in behind.into_iter().chain(event.author()).chain(further) {
        if !authors.iter().any(|other| other.login == author.login) {
            authors.push(author);
        }
    }
    if authors.is_empty() { Err(unknown_of("author")) } else { Ok(authors) }
}

/// Whose action it is, and the machine that did it for them.
fn actors(input: Input<'_>) -> Found<'_> {
    let Input { event, kind, .. } = input;
    let mut actors = doers(event, kind);
    if !kind.is_milestone() || kind == event.kind {
        actors.extend(event.actor.iter().chain(&event.doers));
    }
    let mut found = Values::new();
    for name in actors.into_iter().flat_map(names) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if found.is_empty() { Err(unknown("it is not known who did it")) } else { Ok(found) }
}

/// Jira's account ids are unreadable, so people are also known by their names.
fn names(actor: &Actor) -> Values<'_> {
    if actor.login == actor.name { one(&actor.login) } else { smallvec![actor.login.as_str(), actor.name.as_str()] }
}

/// An open one is known to have none; if a closed one has none, the server left it out.
fn resolution(event: &Event) -> Found<'_> {
    let (value, open) = match &event.about {
        About::Ticket(ticket) => {
            (&ticket.resolution, ticket.status_category.is_some_and(|c| c != StatusCategory::Done))
        }
        About::Issue(issue) => (&issue.state_reason, issue.stage == Stage::Open),
        About::PullRequest(_) | About::Thing(_) => return Err(hasnt(event, "resolution")),
    };
    match value.as_deref() {
        _ if open => Ok(Values::new()),
        Some(value) => Ok(one(value)),
        None => Err(unknown_of("resolution")),
    }
}

/// The ticket that the event is about, or that its pull request belongs to.
fn ticket(input: Input<'_>) -> Result<&Ticket, Failure> {
    if let About::Ticket(ticket) = &input.event.about {
        return Ok(ticket);
    }
    match (input.ticket, input.event.tickets.first()) {
        (Some(ticket), _) => Ok(ticket),
        (None, Some(key)) => Err(unknown(format!("nothing is known of {key} yet"))),
        (None, None) => fails("it belongs to no ticket"),
    }
}

fn of_ticket<'a>(what: &str, input: Input<'a>, get: fn(&'a Ticket) -> Option<&'a str>) -> Found<'a> {
    get(ticket(input)?).map(one).ok_or_else(|| unknown_of(&format!("ticket's {what}")))
}

fn of_plan<'a>(what: &str, input: Input<'a>, get: fn(&'a Ticket) -> Option<&'a [String]>) -> Found<'a> {
    get(ticket(input)?).map(texts).ok_or_else(|| unknown_of(&format!("ticket's {what}")))
}

fn own_field<'a>(name: &str, input: Input<'a>) -> Found<'a> {
    let values = ticket(input)?.fields.get(&name.to_lowercase());
    values.map(|values| texts(values)).ok_or_else(|| unknown_of(&format!("ticket's field {}", quoted(name))))
}
