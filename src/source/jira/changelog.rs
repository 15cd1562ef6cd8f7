//! What a changelog's items mean.

use std::cmp::Ordering;

use jiff::civil::Date;

use crate::event::{Change, EventKind, StatusCategory};
use crate::source::lenient::{Day, Id, Maybe};
use crate::source::text;

use super::payload::{Fields, Item, Status, Version};

/// What happened to a ticket, and the change it is.
pub type Happening = (EventKind, Option<Change>);

/// What the items say, in their order.
pub fn happenings(items: &[&Item], fields: Option<&Fields>) -> Vec<Happening> {
    let mut happenings: Vec<Happening> = Vec::new();
    let (versions, others): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.field() == Field::FixVersion);
    happenings.extend(others.into_iter().map(|item| happening(item, fields)));
    if !versions.is_empty() {
        happenings.push(fix_version(&versions, fields));
    }
    happenings
}

/// The fields whose changes have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Key,
    Status,
    Due,
    FixVersion,
    Assignee,
    Priority,
    Flagged,
    Link,
    Description,
    Other,
}

impl Item {
    /// By `fieldId` where there is one, since names are in each site's language ("Статус"), else by the name, whose
    /// case varies. Flagged is a custom field, which only its name tells; the names of other custom fields are anybody's.
    pub fn field(&self) -> Field {
        let custom = self.field_type.as_deref() == Some("custom");
        let named = |text: &str| match text.to_ascii_lowercase().as_str() {
            "key" | "issuekey" if !custom => Field::Key,
            "status" if !custom => Field::Status,
            "duedate" | "due date" if !custom => Field::Due,
            "fixversions" | "fix version" | "fix version/s" if !custom => Field::FixVersion,
            "assignee" if !custom => Field::Assignee,
            "priority" if !custom => Field::Priority,
            "issuelinks" | "link" if !custom => Field::Link,
            "description" if !custom => Field::Description,
            "flagged" => Field::Flagged,
            _ => Field::Other,
        };
        match self.field_id.text().map_or(Field::Other, named) {
            Field::Other => self.field.text().map_or(Field::Other, named),
            field => field,
        }
    }

    /// The words for people where there are some, else the value.
    fn before(&self) -> Option<String> {
        self.from_string.text().or_else(|| self.from.text()).and_then(text::excerpt)
    }

    fn after(&self) -> Option<String> {
        self.to_string.text().or_else(|| self.to.text()).and_then(text::excerpt)
    }

    /// The name that rules and templates see for a field without a meaning of its own.
    fn name(&self) -> String {
        let custom = self.field_type.as_deref() == Some("custom");
        let id = self.field_id.text().filter(|_| !custom);
        text::title(id.or_else(|| self.field.text()).unwrap_or("unknown"))
    }

    fn change(&self, field: &str) -> Option<Change> {
        Some(Change { field: field.to_owned(), from: self.before(), to: self.after(), name: None })
    }
}

fn happening(item: &Item, fields: Option<&Fields>) -> Happening {
    match item.field() {
        Field::Key => (EventKind::TicketMoved, item.change("key")),
        Field::Status => {
            let status = fields.and_then(|fields| fields.status.as_ref());
            let kind = match status.and_then(Status::category) {
                Some(StatusCategory::InProgress) => EventKind::TicketStarted,
                Some(StatusCategory::Done) => EventKind::TicketDone,
                Some(StatusCategory::Todo) | None => EventKind::TicketTransitioned,
            };
            (kind, item.change("status"))
        }
        Field::Due => due(item),
        Field::Assignee => (EventKind::TicketAssigned, item.change("assignee")),
        Field::Priority => (EventKind::TicketPriorityChanged, item.change("priority")),
        Field::Flagged if item.after().is_some() => (EventKind::TicketFlagged, item.change("flagged")),
        Field::Flagged => (EventKind::TicketUpdated, item.change("flagged")),
        Field::Link if item.after().is_some() => (EventKind::TicketLinked, item.change("link")),
        Field::Link => (EventKind::TicketUpdated, item.change("link")),
        Field::FixVersion | Field::Description | Field::Other => (EventKind::TicketUpdated, item.change(&item.name())),
    }
}

/// Later, earlier, or neither: a date that is set or taken away has not moved.
fn moved(order: Option<Ordering>) -> EventKind {
    match order {
        Some(Ordering::Less) => EventKind::TicketSlipped,
        Some(Ordering::Greater) => EventKind::TicketPulledIn,
        Some(Ordering::Equal) | None => EventKind::TicketUpdated,
    }
}

fn due(item: &Item) -> Happening {
    let day = |value: &Maybe<String>| Some(Day::try_from(value.text()?.to_owned()).ok()?.0);
    let from = day(&item.from).or_else(|| day(&item.from_string));
    let to = day(&item.to).or_else(|| day(&item.to_string));
    let order = from.zip(to).map(|(from, to)| from.cmp(&to));
    let written = |day: Option<Date>| day.map(|day| day.to_string());
    let (from, to) = (written(from).or_else(|| item.before()), written(to).or_else(|| item.after()));
    (moved(order), Some(Change { field: "due".to_owned(), from, to, name: None }))
}

/// Jira writes a change of several versions as one item for each that goes and each that comes.
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
    let order = by_date.or_else(|| compare_names(from.as_deref()?, to.as_deref()?));
    (moved(order), Some(Change { field: "fix_version".to_owned(), from, to, name: None }))
}

fn is_version(version: &Version, id: Option<&str>, name: Option<&str>) -> bool {
    let same_id = version.id.as_ref().is_some_and(|known| Some(Id::as_str(known)) == id);
    same_id || version.name.text().is_some_and(|known| Some(known) == name)
}

/// Which of two versions is later by its numbers (`v1`, `v1.1`, `v2`; `2024-Q1`, `2024-Q2`), where all but the numbers
/// is alike. `None` where it is not: a release candidate or another product's version says nothing about time.
fn compare_names(from: &str, to: &str) -> Option<Ordering> {
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
            assert_eq!(compare_names(from, to), order, "{from} {to}");
        }
    }
}
