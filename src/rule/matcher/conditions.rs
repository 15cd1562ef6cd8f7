//! Whether a condition holds, and which value it fails for.
//!
//! A condition fails definitely, or because something isn't known. The difference matters within `not`: an event that
//! isn't known to be excluded might be, so it is kept back.

mod owned;
mod values;

pub(super) use self::owned::{owned_files, owns};
pub(super) use self::values::{List, Values, labels, list};

use self::owned::touches_owned;
use self::values::{authors, pull_request, texts};
use super::Input;
use super::phrasing::{listed, none_of, one_of, quoted, refusal, subject};
use crate::event::{About, Event, PullRequest, Source, Thing, ThingKind, TicketKey};
use crate::rule::author_team::AuthorTeam;
use crate::rule::condition::Condition;
use crate::rule::pattern::{Patterns, Refusal};
use crate::rule::range::{Holds, Range};
use crate::rule::repository::Reach;

/// Why a condition doesn't hold.
#[derive(Debug)]
pub(super) struct Failure {
    /// In plain words
    pub because: String,
    /// The deciding fact isn't known
    pub unknown: bool,
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

/// Whether all of them hold. The first that fails definitely gives the reason, or else the first that isn't known.
pub(super) fn hold(conditions: &[Condition], input: Input<'_>) -> Result<(), Failure> {
    every(conditions.iter().map(|condition| test(condition, input)))
}

/// A definite failure decides, whatever else isn't known.
fn every(tests: impl Iterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut undecided = None;
    for failure in tests.filter_map(Result::err) {
        if !failure.unknown {
            return Err(failure);
        }
        undecided = undecided.or(Some(failure));
    }
    undecided.map_or(Ok(()), Err)
}

pub(super) fn test(condition: &Condition, input: Input<'_>) -> Result<(), Failure> {
    if let Some(list) = list(condition, input) {
        let List { what, patterns, values } = list?;
        return patterns.test(&values).or_else(|refused| fails(refusal(what, refused, &values)));
    }
    let Input { event, .. } = input;
    match condition {
        Condition::Private(wanted) => private(event, *wanted),
        Condition::Draft(wanted) => match pull_request(event, "draft state", |pr| pr.draft)? {
            draft if draft == *wanted => Ok(()),
            true => fails("the pull request is a draft"),
            false => fails("the pull request isn't a draft"),
        },
        Condition::Prerelease(wanted) => prerelease(event, *wanted),
        Condition::Size(wanted) => size(event, wanted),
        Condition::Paths(list) => paths(event, list),
        Condition::TouchesOwned(touches) => touches_owned(event, touches),
        Condition::LabelsAll(list) => all_labels(list, &labels(event)?),
        Condition::AuthorTeam(teams) => author_team(event, teams),
        Condition::Body(wanted) => match wanted.is_match(body(event)?) {
            true => Ok(()),
            false => fails(format!("nothing in the description matches {}", quoted(wanted.as_str()))),
        },
        Condition::Ticket(list) => tickets(event, list),
        Condition::All(groups) => every(groups.iter().map(|group| hold(group, input))),
        Condition::Any(groups) => any(groups, input),
        Condition::Not(conditions) => not(conditions, input),
        Condition::MayHear(reach) => may_hear(event, reach),
        // The lists are above.
        _ => Err(unknown(format!("{} can't be asked", quoted(condition.key())))),
    }
}

fn unknown_of(what: &str) -> Failure {
    let are = if what.ends_with('s') && !what.ends_with("status") { "are" } else { "is" };
    unknown(format!("the {what} {are} not known"))
}

/// The pull request behind a workflow run or a deployment. If GitHub was asked and didn't answer, there may be one.
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

/// A file in a repository isn't told of others that aren't public, unless the operator says so.
fn may_hear(event: &Event, reach: &Reach) -> Result<(), Failure> {
    let known = [event.private, event.about.private()];
    match reach.includes(event) {
        true => Ok(()),
        false if known.contains(&Some(true)) => {
            fails("the repository is private, and the operator doesn't let this team's file hear of it")
        }
        false => Err(unknown("it is not known whether the repository is private")),
    }
}

fn size(event: &Event, wanted: &Range) -> Result<(), Failure> {
    let lines = pull_request(event, "size", |pr| pr.additions?.checked_add(pr.deletions?))?;
    match wanted.holds(lines, false) {
        Holds::Yes => Ok(()),
        Holds::No | Holds::Perhaps => fails(format!("size is {lines} lines, not {}", wanted.written())),
    }
}

fn prerelease(event: &Event, wanted: bool) -> Result<(), Failure> {
    match &event.about {
        About::Thing(thing) if thing.kind == ThingKind::Release => match thing.prerelease {
            Some(prerelease) if prerelease == wanted => Ok(()),
            Some(true) => fails("it is a pre-release"),
            Some(false) => fails("it is not a pre-release"),
            None => Err(unknown("it is not known whether it is a pre-release")),
        },
        _ => Err(hasnt(event, "pre-release state")),
    }
}

/// The files that are changed, as far as they are known.
pub(super) fn changed_files(event: &Event) -> Result<Values<'_>, Failure> {
    match (&event.paths, &event.about) {
        (Some(paths), _) => Ok(texts(paths)),
        (None, About::PullRequest(_)) => Err(not_told(event, "the changed files are not known")),
        (None, About::Thing(thing)) if thing.kind == ThingKind::Push => {
            Err(not_told(event, "the changed files are not known"))
        }
        (None, About::Thing(thing)) if brought_by(event, thing, "changed files").is_ok() => {
            Err(not_told(event, "the changed files are not known"))
        }
        (None, _) => Err(hasnt(event, "changed files")),
    }
}

/// One file is enough, and it must match by itself: another file that is excluded doesn't change that.
fn paths(event: &Event, list: &Patterns) -> Result<(), Failure> {
    let paths = changed_files(event)?;
    if paths.iter().any(|path| list.test(&[path]).is_ok()) {
        return Ok(());
    }
    if event.more_paths {
        return Err(not_told(event, "none of the known files matches, and not all files are known"));
    }
    match paths.as_slice() {
        [] => fails("it changes no file"),
        [path] => list.test(&[path]).or_else(|refused| fails(refusal("changed file", refused, &[path]))),
        paths => {
            let shown: Vec<_> = paths.iter().map(|path| quoted(path)).collect();
            fails(format!("none of the {} changed files matches: {}", paths.len(), listed(&shown)))
        }
    }
}

/// What isn't known, with the reason if an API was asked.
fn not_told(event: &Event, what: &str) -> Failure {
    unknown(event.gap.as_ref().map_or_else(|| what.to_owned(), |gap| format!("{what}: {gap}")))
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

fn author_team(event: &Event, teams: &AuthorTeam) -> Result<(), Failure> {
    let (authors, mut of) = (authors(event)?, Vec::new());
    for author in &authors {
        let teams = teams.teams_of(author);
        of.extend(teams.map_err(|team| unknown(format!("the team {} is not in force", quoted(team))))?);
    }
    let who = listed(&authors.iter().map(|author| quoted(&author.name)).collect::<Vec<_>>());
    teams.list().test(&of).or_else(|refused| match refused {
        Refusal::Excluded { by, .. } => fails(format!("author {who} is excluded by {by}")),
        Refusal::NoneOf(wanted) => fails(format!("author {who} isn't a member of {}", one_of(&wanted))),
    })
}

fn body(event: &Event) -> Result<&str, Failure> {
    let body = match &event.about {
        About::PullRequest(pr) => &pr.body,
        About::Issue(issue) => &issue.body,
        About::Ticket(_) | About::Thing(_) => return Err(hasnt(event, "description that rules see")),
    };
    body.as_deref().ok_or_else(|| unknown_of("description"))
}

/// A key in a long list counts only for patterns: an event that lists a ticket isn't about it.
fn tickets(event: &Event, list: &Patterns) -> Result<(), Failure> {
    let (own, beside) = keys(event);
    list.test_beside(&own, &beside).or_else(|refused| match refused {
        Refusal::NoneOf(_) if event.more_tickets => {
            Err(not_told(event, "none of the known commits names such a ticket, and not all commits are known"))
        }
        Refusal::NoneOf(wanted) if own.is_empty() && !beside.is_empty() => {
            let (count, wanted) = (beside.len(), one_of(&wanted));
            fails(format!("it lists {count} tickets and is about none of them, and the rule wants {wanted}"))
        }
        refused => fails(refusal("ticket", refused, &own)),
    })
}

/// The keys of an event's own tickets, and those that it only lists.
pub(super) fn keys<'a>(event: &'a Event) -> (Values<'a>, Values<'a>) {
    let texts = |keys: &'a [TicketKey]| keys.iter().map(TicketKey::as_str).collect();
    (texts(&event.tickets), texts(&event.listed))
}

fn any(groups: &[Vec<Condition>], input: Input<'_>) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for group in groups {
        match hold(group, input) {
            Ok(()) => return Ok(()),
            Err(failure) => failures.push(failure),
        }
    }
    let unknown = failures.iter().any(|failure| failure.unknown);
    let reasons: Vec<_> = failures.into_iter().map(|failure| failure.because).collect();
    Err(Failure { because: none_of(&reasons), unknown })
}

fn not(conditions: &[Condition], input: Input<'_>) -> Result<(), Failure> {
    match hold(conditions, input) {
        Err(failure) if failure.unknown => Err(failure),
        Err(_) => Ok(()),
        Ok(()) => {
            let keys: Vec<_> = conditions.iter().map(|condition| quoted(condition.key())).collect();
            let hold = if keys.len() == 1 { "holds" } else { "all hold" };
            fails(format!("`not` excludes it: {} {hold}", listed(&keys)))
        }
    }
}
