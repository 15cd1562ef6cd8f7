//! Puts reasons into plain words, each on one short line.

use crate::event::{About, Event, ThingKind};
use crate::rule::pattern::Refusal;

/// Says why a list of patterns doesn't hold.
pub(super) fn refusal(what: &str, refusal: Refusal<'_>, values: &[&str]) -> String {
    match refusal {
        Refusal::Excluded { by, value } => format!("{what} {} is excluded by {by}", quoted(value)),
        Refusal::NoneOf(wanted) => match values {
            [] => format!("it has no {what}, and the rule wants {}", one_of(&wanted)),
            [value] => format!("{what} is {}, not {}", quoted(value), one_of(&wanted)),
            values => {
                let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
                format!("{what} is {}, none of them {}", listed(&values), one_of(&wanted))
            }
        },
    }
}

pub(super) fn one_of(wanted: &[&str]) -> String {
    match wanted {
        [only] => (*only).to_owned(),
        several => format!("one of {}", listed(several)),
    }
}

/// The first few, since a reason is one line in the ledger.
pub(super) fn listed<T: AsRef<str>>(entries: &[T]) -> String {
    const MOST: usize = 8;
    let first: Vec<_> = entries.iter().take(MOST).map(AsRef::as_ref).collect();
    let more = if entries.len() > MOST { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

/// Why none of several groups of conditions holds.
pub(super) fn none_of(reasons: &[String]) -> String {
    const MOST: usize = 4;
    let numbered: Vec<_> =
        (1..).zip(reasons).take(MOST).map(|(number, reason): (usize, _)| format!("({number}) {reason}")).collect();
    let more = if reasons.len() > MOST { "; …" } else { "" };
    match reasons {
        [only] => only.clone(),
        _ => format!("none of its {} alternatives holds: {}{more}", reasons.len(), numbered.join("; ")),
    }
}

pub(super) fn quoted(value: &str) -> String {
    format!("`{}`", short(value))
}

/// A value from a payload, on one line and not too long.
pub(super) fn short(value: &str) -> String {
    const LONGEST: usize = 80;
    let line = value.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c });
    let more = if value.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("{}{more}", line.collect::<String>())
}

/// What an event is about, with its article.
pub(super) fn subject(event: &Event) -> &'static str {
    match &event.about {
        About::PullRequest(_) => "a pull request",
        About::Issue(_) => "an issue",
        About::Ticket(_) => "a ticket",
        About::Thing(thing) => match thing.kind {
            ThingKind::Release => "a release",
            ThingKind::Deployment => "a deployment",
            ThingKind::Workflow => "a workflow",
            ThingKind::Discussion => "a discussion",
            ThingKind::Branch => "a branch",
            ThingKind::Push => "a push",
            ThingKind::Repository => "a repository",
            ThingKind::Sprint => "a sprint",
            ThingKind::Version => "a version",
        },
    }
}
