//! Whether a condition holds, and by what value it doesn't.
//!
//! A condition fails for good, or because something is not known. The difference counts within `not`: what is not
//! known to be excluded might be, so it is kept back.

use super::Asked;
use super::words::{listed, none_of, one_of, quoted, refusal, subject};
use crate::event::{About, Actor, Event, PullRequest, Source, Thing, ThingKind, Ticket};
use crate::rule::condition::{AuthorTeam, Condition, Owns, Size};
use crate::rule::pattern::{Patterns, Refusal};

/// Why a condition doesn't hold.
#[derive(Debug)]
pub(super) struct Failure {
    /// In plain words
    pub because: String,
    /// What decides is not known
    unknown: bool,
}

fn fails<T>(because: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { because: because.into(), unknown: false })
}

fn unknown(because: impl Into<String>) -> Failure {
    Failure { because: because.into(), unknown: true }
}

fn hasnt(event: &Event, what: &str) -> Failure {
    Failure { because: format!("{} has no {what}", subject(event)), unknown: false }
}

/// Whether all of them hold; the first that doesn't gives the reason.
pub(super) fn hold(conditions: &[Condition], asked: Asked<'_>) -> Result<(), Failure> {
    every(conditions.iter().map(|condition| test(condition, asked)))
}

fn every(tests: impl Iterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut failures = tests.filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    // One that fails for good settles it, whatever is not known beside it.
    let unknown = first.unknown && failures.all(|failure| failure.unknown);
    Err(Failure { unknown, ..first })
}

fn test(condition: &Condition, asked: Asked<'_>) -> Result<(), Failure> {
    let Asked { event, .. } = asked;
    match condition {
        Condition::Repo(list) => match event.source {
            Source::Github => one("repo", list, &event.scope),
            Source::Jira => Err(hasnt(event, "repo")),
        },
        Condition::Private(wanted) => private(event, *wanted),
        Condition::Base(list) => one("base", list, pull_request(event, "base", |pr| pr.base.as_deref())?),
        Condition::Head(list) => one("head", list, pull_request(event, "head", |pr| pr.head.as_deref())?),
        Condition::Draft(wanted) => match pull_request(event, "draft state", |pr| pr.draft)? {
            draft if draft == *wanted => Ok(()),
            true => fails("the pull request is a draft"),
            false => fails("the pull request is no draft"),
        },
        Condition::Size(wanted) => size(event, wanted),
        Condition::Paths(list) => paths(event, list),
        Condition::TouchesOwned(owns) => touches_owned(event, owns),
        Condition::Labels(list) => several("label", list, &texts(labels(event)?)),
        Condition::LabelsAll(list) => all_labels(list, &texts(labels(event)?)),
        Condition::Author(list) => {
            several("author", list, &authors(event)?.into_iter().flat_map(names).collect::<Vec<_>>())
        }
        Condition::AuthorTeam(teams) => author_team(event, teams),
        Condition::Assignee(list) => several("assignee", list, &assignees(event)?),
        Condition::Reviewer(list) => {
            several("reviewer", list, &texts(pull_request(event, "reviewers", |pr| pr.reviewers.as_deref())?))
        }
        Condition::Environment(list) => match &event.about {
            About::Thing(thing) if thing.kind == ThingKind::Deployment => {
                one("environment", list, thing.environment.as_deref().ok_or_else(|| unknown_of("environment"))?)
            }
            _ => Err(hasnt(event, "environment")),
        },
        Condition::Workflow(list) => match &event.about {
            About::Thing(thing) if thing.kind == ThingKind::Workflow => one("workflow", list, &thing.title),
            _ => Err(hasnt(event, "workflow")),
        },
        Condition::Title(list) => one("title", list, event.about.title()),
        Condition::Body(wanted) => match wanted.is_match(body(event)?) {
            true => Ok(()),
            false => fails(format!("the description has nothing that fits {}", quoted(wanted.as_str()))),
        },
        Condition::All(groups) => every(groups.iter().map(|group| hold(group, asked))),
        Condition::Any(groups) => any(groups, asked),
        Condition::Not(conditions) => not(conditions, asked),
        Condition::Ticket(list) => {
            several("ticket", list, &event.tickets.iter().map(|key| key.as_str()).collect::<Vec<_>>())
        }
        Condition::TicketType(list) => of_ticket("type", list, asked, |ticket| ticket.type_name.as_deref()),
        Condition::TicketStatus(list) => of_ticket("status", list, asked, |ticket| ticket.status.as_deref()),
        Condition::TicketPriority(list) => of_ticket("priority", list, asked, |ticket| ticket.priority.as_deref()),
        Condition::TicketLabels(list) => several("ticket label", list, &texts(&ticket(asked)?.labels)),
        Condition::Component(list) => several("component", list, &texts(&ticket(asked)?.components)),
        Condition::FixVersion(list) => several("fix version", list, &texts(&ticket(asked)?.fix_versions)),
    }
}

fn one(what: &str, list: &Patterns, value: &str) -> Result<(), Failure> {
    several(what, list, &[value])
}

fn several(what: &str, list: &Patterns, values: &[&str]) -> Result<(), Failure> {
    list.test(values).or_else(|refused| fails(refusal(what, refused, values)))
}

fn texts(entries: &[String]) -> Vec<&str> {
    entries.iter().map(String::as_str).collect()
}

fn unknown_of(what: &str) -> Failure {
    let are = if what.ends_with('s') && !what.ends_with("status") { "are" } else { "is" };
    unknown(format!("the {what} {are} not known"))
}

fn pull_request<'e, T>(event: &'e Event, what: &str, get: impl Fn(&'e PullRequest) -> Option<T>) -> Result<T, Failure> {
    match &event.about {
        About::PullRequest(pr) => get(pr).ok_or_else(|| unknown_of(&format!("pull request's {what}"))),
        About::Thing(thing) => {
            get(brought_by(event, thing, what)?).ok_or_else(|| unknown_of(&format!("pull request's {what}")))
        }
        _ => Err(hasnt(event, what)),
    }
}

/// The pull request that brought a workflow's run or a deployment about. Where GitHub was asked and gave no answer, there
/// may be one.
fn brought_by<'e>(event: &Event, thing: &'e Thing, what: &str) -> Result<&'e PullRequest, Failure> {
    match &thing.brought_by {
        Some(pr) => Ok(pr),
        None if thing.pull_request.is_some() || thing.commit.is_some() && event.gap.is_some() => {
            Err(not_told(event, "the pull request behind it is not known"))
        }
        None => Err(hasnt(event, what)),
    }
}

fn private(event: &Event, wanted: bool) -> Result<(), Failure> {
    let of_pull_request = if let About::PullRequest(pr) = &event.about { pr.private } else { None };
    match event.private.or(of_pull_request) {
        _ if event.source == Source::Jira => Err(hasnt(event, "repository")),
        None => Err(unknown("it is not known whether the repository is private")),
        Some(private) if private == wanted => Ok(()),
        Some(true) => fails("the repository is private"),
        Some(false) => fails("the repository is public"),
    }
}

fn size(event: &Event, wanted: &Size) -> Result<(), Failure> {
    let lines = pull_request(event, "size", |pr| pr.additions?.checked_add(pr.deletions?))?;
    if wanted.fits(lines) { Ok(()) } else { fails(format!("size is {lines} lines, not {}", wanted.written())) }
}

/// One file is enough, and it must fit by itself: another one that is excluded doesn't take it back.
fn paths(event: &Event, list: &Patterns) -> Result<(), Failure> {
    let paths = match (&event.paths, &event.about) {
        (Some(paths), _) => texts(paths),
        (None, About::PullRequest(_)) => return Err(not_told(event, "the changed files are not known")),
        (None, About::Thing(thing)) if thing.kind == ThingKind::Push => {
            return Err(unknown("the changed files are not known"));
        }
        (None, About::Thing(thing)) if brought_by(event, thing, "changed files").is_ok() => {
            return Err(not_told(event, "the changed files are not known"));
        }
        (None, _) => return Err(hasnt(event, "changed files")),
    };
    if paths.iter().any(|path| list.test(&[path]).is_ok()) {
        return Ok(());
    }
    match paths.as_slice() {
        [] => fails("it changes no file"),
        [path] => one("changed file", list, path),
        paths => {
            let shown: Vec<_> = paths.iter().map(|path| quoted(path)).collect();
            fails(format!("none of the {} changed files fits: {}", paths.len(), listed(&shown)))
        }
    }
}

fn touches_owned(event: &Event, owns: &Owns) -> Result<(), Failure> {
    let names = match owns {
        Owns::Paths(list) => return paths(event, list),
        Owns::CodeOwners(names) => names,
    };
    let owners = match (&event.owners, &event.about) {
        (Some(owners), _) => owners,
        (None, About::Issue(_) | About::Ticket(_)) => return Err(hasnt(event, "changed files")),
        (None, _) => return Err(not_told(event, "it is not known who owns the changed files")),
    };
    if owners.iter().any(|owner| names.contains(owner)) {
        return Ok(());
    }
    match owners.as_slice() {
        [] => fails("nobody owns the files that it changes"),
        owners => fails(format!("the files that it changes are owned by {}", listed(owners))),
    }
}

/// What is not known, and why, if somebody was asked.
fn not_told(event: &Event, what: &str) -> Failure {
    unknown(event.gap.as_ref().map_or_else(|| what.to_owned(), |gap| format!("{what}: {gap}")))
}

fn labels(event: &Event) -> Result<&[String], Failure> {
    match &event.about {
        About::PullRequest(_) | About::Thing(_) => pull_request(event, "labels", |pr| pr.labels.as_deref()),
        About::Issue(issue) => Ok(&issue.labels),
        About::Ticket(ticket) => Ok(&ticket.labels),
    }
}

fn all_labels(list: &Patterns, labels: &[&str]) -> Result<(), Failure> {
    let Some(refused) = list.unmet(labels) else { return Ok(()) };
    match refused {
        Refusal::NoneOf(missing) => match labels {
            [] => fails(format!("it has no label, and the rule wants {}", listed(&missing))),
            labels => {
                let labels: Vec<_> = labels.iter().map(|label| quoted(label)).collect();
                fails(format!("label is {}, and {} is missing", listed(&labels), listed(&missing)))
            }
        },
        excluded @ Refusal::Excluded { .. } => fails(refusal("label", excluded, labels)),
    }
}

/// Who did it, for what has no author of its own, and then whoever opened the pull request behind it too: a deployment
/// is often a machine's doing.
fn authors(event: &Event) -> Result<Vec<&Actor>, Failure> {
    let behind = event.brought_by().and_then(|pr| pr.author.as_ref());
    let mut authors = behind.into_iter().chain(event.author()).collect::<Vec<_>>();
    authors.dedup_by(|one, other| one.login == other.login);
    if authors.is_empty() { Err(unknown_of("author")) } else { Ok(authors) }
}

/// Jira's account ids are unreadable, so people are also known by their names.
fn names(actor: &Actor) -> Vec<&str> {
    if actor.login == actor.name { vec![&actor.login] } else { vec![&actor.login, &actor.name] }
}

fn author_team(event: &Event, teams: &AuthorTeam) -> Result<(), Failure> {
    let (authors, mut of) = (authors(event)?, Vec::new());
    for author in &authors {
        let teams = teams.teams_of(author);
        of.extend(teams.map_err(|team| unknown(format!("the team {} is not in force", quoted(team))))?);
    }
    let who = listed(&authors.iter().map(|author| quoted(&author.name)).collect::<Vec<_>>());
    teams.list().test(&of).or_else(|refused| match refused {
        Refusal::Excluded { by, .. } => fails(format!("author {who} is excluded by {by}")),
        Refusal::NoneOf(wanted) => fails(format!("author {who} is no member of {}", one_of(&wanted))),
    })
}

fn assignees(event: &Event) -> Result<Vec<&str>, Failure> {
    match &event.about {
        About::PullRequest(_) | About::Thing(_) => {
            Ok(texts(pull_request(event, "assignees", |pr| pr.assignees.as_deref())?))
        }
        About::Issue(issue) => Ok(texts(&issue.assignees)),
        About::Ticket(ticket) => Ok(ticket.assignee.as_ref().map(names).unwrap_or_default()),
    }
}

fn body(event: &Event) -> Result<&str, Failure> {
    let body = match &event.about {
        About::PullRequest(pr) => &pr.body,
        About::Issue(issue) => &issue.body,
        About::Ticket(_) | About::Thing(_) => return Err(hasnt(event, "description that rules see")),
    };
    body.as_deref().ok_or_else(|| unknown_of("description"))
}

/// The ticket that the event is about, or that its pull request belongs to.
fn ticket(asked: Asked<'_>) -> Result<&Ticket, Failure> {
    if let About::Ticket(ticket) = &asked.event.about {
        return Ok(ticket);
    }
    match (asked.ticket, asked.event.tickets.first()) {
        (Some(ticket), _) => Ok(ticket),
        (None, Some(key)) => Err(unknown(format!("nothing is known of {key} yet"))),
        (None, None) => fails("it belongs to no ticket"),
    }
}

fn of_ticket<'a>(
    what: &str,
    list: &Patterns,
    asked: Asked<'a>,
    get: fn(&'a Ticket) -> Option<&'a str>,
) -> Result<(), Failure> {
    let what = format!("ticket's {what}");
    let value = get(ticket(asked)?).ok_or_else(|| unknown_of(&what))?;
    one(&what, list, value)
}

fn any(groups: &[Vec<Condition>], asked: Asked<'_>) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for group in groups {
        match hold(group, asked) {
            Ok(()) => return Ok(()),
            Err(failure) => failures.push(failure),
        }
    }
    let unknown = failures.iter().any(|failure| failure.unknown);
    let reasons: Vec<_> = failures.into_iter().map(|failure| failure.because).collect();
    Err(Failure { because: none_of(&reasons), unknown })
}

fn not(conditions: &[Condition], asked: Asked<'_>) -> Result<(), Failure> {
    match hold(conditions, asked) {
        Err(failure) if failure.unknown => Err(failure),
        Err(_) => Ok(()),
        Ok(()) => {
            let keys: Vec<_> = conditions.iter().map(|condition| quoted(condition.key())).collect();
            let hold = if keys.len() == 1 { "holds" } else { "all hold" };
            fails(format!("`not` excludes it: {} {hold}", listed(&keys)))
        }
    }
}
