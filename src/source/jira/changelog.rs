//! The meaning of a changelog's items.

use std::cmp::Ordering;

use crate::event::{Change, EventKind, OccurrenceId, Undoing};
use crate::source::jira_text::Written;
use crate::source::lenient::{Id, Maybe};
use crate::source::text;

use super::Delivery;
use super::field::Field;
use super::link;
use super::payload::{Fields, Issue, Item, Status, Version};

/// What happened to a ticket.
#[derive(Debug, Clone)]
pub struct Happening {
    /// The kind of event
    pub kind: EventKind,
    /// The change
    pub change: Option<Change>,
    /// Its name, if that isn't made of its place in the history
    pub once: Option<OccurrenceId>,
    /// What it takes back, in which case it isn't news
    pub undoing: Option<Undoing>,
}

impl Happening {
    /// Makes a happening that is news.
    pub fn new(kind: EventKind, change: Option<Change>) -> Self {
        Self { kind, change, once: None, undoing: None }
    }
}

/// What else is known about a changelog.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub delivery: &'a Delivery<'a>,
    /// Whether its people have account ids
    pub cloud: bool,
}

impl<'a> Around<'a> {
    fn issue(self) -> Option<&'a Issue> {
        self.delivery.body.issue.as_ref()
    }

    fn fields(self) -> Option<&'a Fields> {
        self.issue()?.fields.as_ref()
    }
}

/// The meaning of the items, in their order, without those that aren't news by themselves.
pub fn happenings(items: &[&Item], around: Around<'_>) -> Vec<Happening> {
    let (versions, others): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.field() == Field::FixVersion);
    let (dues, others): (Vec<&Item>, Vec<&Item>) =
        others.into_iter().partition(|item| around.delivery.is_of_due_date(item));
    let news = others.into_iter().filter(|item| is_news(item, items));
    let mut happenings: Vec<Happening> = news.map(|item| happening(item, around)).collect();
    happenings.extend(around.delivery.due_date(&dues));
    if !versions.is_empty() {
        happenings.push(fix_version(&versions, around.fields()));
    }
    happenings
}

/// Whether an item says something that isn't elsewhere in the delivery.
fn is_news(item: &Item, items: &[&Item]) -> bool {
    let beside = |field: Field| items.iter().any(|item| item.field() == field);
    match item.field() {
        Field::Noise | Field::Security | Field::Comment => false,
        Field::Resolution => !beside(Field::Status),
        // A moved ticket always changes its project.
        Field::Other => !(item.id().eq_ignore_ascii_case("project") && beside(Field::Key)),
        _ => true,
    }
}

/// Why an update isn't news, if only such fields changed.
pub fn why_no_news(items: &[&Item]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = match item.field() {
            Field::Security => "its security level".to_owned(),
            Field::Comment => "a comment".to_owned(),
            _ => format!("`{}`", text::title(item.field.text().or_else(|| item.field_id.text())?)),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| format!("only {} changed, which isn't news by itself", names.join(", ")))
}

fn happening(item: &Item, around: Around<'_>) -> Happening {
    let people = || {
        let [from, to] = item.people(around.cloud);
        Change { from, to, ..change(item, "") }
    };
    let told = |kind, field: &str| Happening::new(kind, Some(change(item, field)));
    let flag = |kind| Happening::new(kind, Some(Change { name: Some("flag".to_owned()), ..change(item, "flagged") }));
    match item.field() {
        Field::Key => told(EventKind::TicketMoved, "key"),
        Field::Status => {
            let status = around.fields().and_then(|fields| fields.status.as_ref());
            told(EventKind::of_status(status.and_then(Status::category)), "status")
        }
        Field::Assignee => {
            let change = Change { field: "assignee".to_owned(), ..people() };
            Happening::new(EventKind::TicketAssigned, Some(change))
        }
        Field::Reporter => {
            let change = Change { field: "reporter".to_owned(), ..people() };
            Happening::new(EventKind::TicketUpdated, Some(change))
        }
        Field::Priority => told(EventKind::TicketPriorityChanged, "priority"),
        Field::Flagged if item.after().is_some() => flag(EventKind::TicketFlagged),
        Field::Flagged => flag(EventKind::TicketUpdated),
        Field::Link => linked(item, around.issue()),
        Field::Description => Happening::new(EventKind::TicketUpdated, Some(described(item))),
        _ => told(EventKind::TicketUpdated, &item.id()),
    }
}

pub fn change(item: &Item, field: &str) -> Change {
    Change { field: field.to_owned(), name: item.name(), from: item.before(), to: item.after() }
}

/// A description is shown by its first paragraph.
fn described(item: &Item) -> Change {
    let said = |markup: &Maybe<String>| Written::of_markup(markup.text()?).summary();
    let (from, to) = (said(&item.from_string), said(&item.to_string));
    Change { from, to, ..change(item, &item.id()) }
}

fn linked(item: &Item, issue: Option<&Issue>) -> Happening {
    let (from, to) = (link::words(&item.from_string, &item.from), link::words(&item.to_string, &item.to));
    let kind = if to.is_some() { EventKind::TicketLinked } else { EventKind::TicketUpdated };
    let once = issue.filter(|_| to.is_some()).and_then(|issue| link::once(item, issue));
    Happening { once, ..Happening::new(kind, Some(link::change(from, to))) }
}

/// Jira writes a change of several versions as one item for each removed and each added version.
fn fix_version(items: &[&Item], fields: Option<&Fields>) -> Happening {
    let gone = items.iter().rev().find(|item| item.before().is_some());
    let come = items.iter().rev().find(|item| item.after().is_some());
    let from = gone.and_then(|item| item.before());
    let to = come.and_then(|item| item.after());
    let date = |id: Option<&str>, name: Option<&str>| {
        let versions = fields.into_iter().flat_map(|fields| fields.fix_versions.entries());
        let mut dated = versions.filter_map(|version| Some((version, version.release_date.as_ref()?.0)));
        dated.find(|(version, _)| is_version(version, id, name)).map(|(_, date)| date)
    };
    let from_date = gone.and_then(|item| date(item.from.text(), from.as_deref()));
    let to_date = come.and_then(|item| date(item.to.text(), to.as_deref()));
    let by_date = from_date.zip(to_date).map(|(from, to)| from.cmp(&to));
    let order = by_date.or_else(|| compare_versions(from.as_deref()?, to.as_deref()?));
    let name = Some("fix version".to_owned());
    Happening::new(EventKind::of_plan(order), Some(Change { field: "fix_version".to_owned(), name, from, to }))
}

fn is_version(version: &Version, id: Option<&str>, name: Option<&str>) -> bool {
    let same_id = version.id.as_ref().is_some_and(|known| Some(Id::as_str(known)) == id);
    same_id || version.name.text().is_some_and(|known| Some(known) == name)
}

/// Which of two versions is later by its numbers (`v1`, `v1.1`, `v2`; `2024-Q1`, `2024-Q2`), if everything but the
/// numbers is the same. Otherwise `None`: a release candidate or another product's version says nothing about time.
pub fn compare_versions(from: &str, to: &str) -> Option<Ordering> {
    let rest = |name: &str| -> String {
        name.chars().filter(|c| !c.is_ascii_digit() && *c != '.').flat_map(char::to_lowercase).collect()
    };
    let numbers = |name: &str| -> Option<Vec<u64>> {
        let runs = name.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
        runs.map(|run| run.parse().ok()).collect()
    };
    let (mut from_numbers, mut to_numbers) = (numbers(from)?, numbers(to)?);
    if rest(from) != rest(to) || from_numbers.is_empty() || to_numbers.is_empty() {
        return None;
    }
    let length = from_numbers.len().max(to_numbers.len());
    from_numbers.resize(length, 0);
    to_numbers.resize(length, 0);
    Some(from_numbers.cmp(&to_numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers_where_the_rest_is_alike() {
        for (from, to, order) in [
            ("v1", "v2", Some(Ordering::Less)),
            ("v1", "v1.1", Some(Ordering::Less)),
            ("1.10", "1.9", Some(Ordering::Greater)),
            ("Release 2", "release 2.0", Some(Ordering::Equal)),
            ("2024-Q1", "2024-Q2", Some(Ordering::Less)),
            ("1.0-rc1", "1.0", None),
            ("app 1", "web 2", None),
            ("next", "next", None),
            ("99999999999999999999", "1", None),
        ] {
            assert_eq!(compare_versions(from, to), order, "{from} {to}");
        }
    }
}
