//! Why a rule matches: the file, label, key or branch that each of its conditions matched, in plain words.

use super::conditions::{List, changed_files, hold, keys, labels, list, owned_files, owns, test};
use super::phrasing::{listed, quoted};
use super::{Input, Rule};
use crate::rule::condition::Condition;
use crate::rule::pattern::Patterns;

/// Why a rule that matches does so: the kind of event, and then a few words for each condition.
#[must_use]
pub fn matched_by(rule: &Rule, input: Input<'_>) -> Vec<String> {
    let kind = format!("the event is {}", input.kind);
    std::iter::once(kind).chain(rule.conditions.iter().map(|condition| reason(condition, input))).collect()
}

/// Why a condition holds.
fn reason(condition: &Condition, input: Input<'_>) -> String {
    let event = input.event;
    if let Some(Ok(List { what, patterns, values })) = list(condition, input) {
        return fit(what, patterns, &values);
    }
    match condition {
        Condition::Private(true) => "the repository is private".to_owned(),
        Condition::Private(false) => "the repository is public".to_owned(),
        Condition::Draft(true) => "it is a draft".to_owned(),
        Condition::Draft(false) => "it is not a draft".to_owned(),
        Condition::Prerelease(true) => "it is a pre-release".to_owned(),
        Condition::Prerelease(false) => "it is not a pre-release".to_owned(),
        Condition::Size(size) => format!("size is {}", size.written()),
        Condition::Paths(patterns) => file(patterns, input),
        // Events of earlier versions don't say which files somebody owns.
        Condition::TouchesOwned(touches) => match owned_files(event, touches) {
            Ok(files) => owns(&files, touches),
            Err(_) => "the team owns a file that it changes".to_owned(),
        },
        Condition::LabelsAll(_) => {
            let labels = labels(event).unwrap_or_default();
            format!("labels are {}", listed(&labels.iter().map(|label| quoted(label)).collect::<Vec<_>>()))
        }
        Condition::AuthorTeam(teams) => match teams.list().wanted().collect::<Vec<_>>().as_slice() {
            [] => "none of the author's teams is excluded".to_owned(),
            wanted => format!("the author is a member of {}", super::one_of(wanted)),
        },
        Condition::Ticket(patterns) => {
            let (own, beside) = keys(event);
            match patterns.fits_many(&beside) {
                Some((entry, key)) if patterns.fit(&own).is_none() => {
                    format!("ticket {} in its list matches {entry}", quoted(key))
                }
                _ => fit("ticket", patterns, &own),
            }
        }
        Condition::Body(wanted) => format!("the description matches {}", quoted(wanted.as_str())),
        Condition::All(groups) => both(&groups.concat(), input),
        Condition::Any(groups) => {
            let holds = groups.iter().position(|group| hold(group, input).is_ok()).unwrap_or_default();
            let reasons = groups.get(holds).map(|group| both(group, input)).unwrap_or_default();
            format!("alternative {} of {} holds ({reasons})", holds + 1, groups.len())
        }
        Condition::Not(conditions) => {
            let fails = conditions.iter().find_map(|condition| test(condition, input).err());
            format!("`not` doesn't exclude it ({})", fails.map(|failure| failure.because).unwrap_or_default())
        }
        Condition::MayHear(_) => "the team may hear of the repository".to_owned(),
        _ => format!("`{}` holds", condition.key()),
    }
}

fn both(conditions: &[Condition], input: Input<'_>) -> String {
    conditions.iter().map(|condition| reason(condition, input)).collect::<Vec<_>>().join(", ")
}

/// Which value matches which entry of a list.
fn fit(what: &str, patterns: &Patterns, values: &[&str]) -> String {
    match patterns.fit(values) {
        Some((entry, value)) if entry.eq_ignore_ascii_case(value) => format!("{what} is {}", quoted(value)),
        Some((entry, value)) => format!("{what} {} matches {entry}", quoted(value)),
        None => match values {
            [] => format!("it has no {what}"),
            [value] => format!("{what} {} is not excluded", quoted(value)),
            _ => format!("no {what} is excluded"),
        },
    }
}

/// Which file matches by itself.
fn file(patterns: &Patterns, input: Input<'_>) -> String {
    let files = changed_files(input.event).unwrap_or_default();
    let one = files.iter().find(|file| patterns.test(&[file]).is_ok());
    fit("file", patterns, &one.copied().into_iter().collect::<Vec<_>>())
}
