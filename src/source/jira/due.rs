//! A ticket's due date: the first that is set of the fields in `[jira] due`, and then Jira's own.

use jiff::civil::Date;

use crate::event::{Change, EventKind};
use crate::source::lenient::{Day, Maybe};

use super::Delivery;
use super::changelog::{Happening, change};
use super::field::Field;
use super::payload::Item;

/// A field that may have the due date.
struct Source<'a> {
    /// Its name or id, and the ids that the name stands for; `None` for Jira's own field
    own: Option<(&'a str, Vec<&'a str>)>,
    /// The day in it
    day: Option<Date>,
}

impl Source<'_> {
    fn is_changed_by(&self, item: &Item) -> bool {
        match &self.own {
            None => item.field() == Field::Due,
            Some((name, ids)) => item.is_called(name) || ids.iter().any(|id| item.is_called(id)),
        }
    }
}

impl Delivery<'_> {
    /// The due date of the payload's ticket.
    pub fn due(&self) -> Option<Date> {
        self.sources().into_iter().find_map(|source| source.day)
    }

    /// Whether an item changes a field that may have the due date.
    pub fn is_of_due_date(&self, item: &Item) -> bool {
        self.sources().iter().any(|source| source.is_changed_by(item))
    }

    /// What happened to the due date, by the items that are about it. A field that isn't the one that counts is only updated.
    pub fn due_date(&self, items: &[&Item]) -> Vec<Happening> {
        let Some(lead) = items.first() else { return Vec::new() };
        let (mut from, mut to) = (None, None);
        for source in self.sources() {
            let item = items.iter().find(|item| source.is_changed_by(item));
            let then = |day: fn(&Item) -> Option<Date>| item.map_or(source.day, |item| day(item));
            from = from.or_else(|| then(|item| day(&item.from).or_else(|| day(&item.from_string))));
            to = to.or_else(|| then(|item| day(&item.to).or_else(|| day(&item.to_string))));
        }
        if from.is_some() && from == to {
            let update = |item: &&Item| Happening::new(EventKind::TicketUpdated, Some(change(item, &item.id())));
            return items.iter().map(update).collect();
        }
        let order = from.zip(to).map(|(from, to)| from.cmp(&to));
        let written = |day: Option<Date>| day.map(|day| day.to_string());
        let unread = from.is_none() && to.is_none();
        let from = written(from).or_else(|| lead.before().filter(|_| unread));
        let to = written(to).or_else(|| lead.after().filter(|_| unread));
        let change = Change { field: "due".to_owned(), name: Some("due date".to_owned()), from, to };
        vec![Happening::new(EventKind::of_plan(order), Some(change))]
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let own = self.site.due.iter().map(|name| {
            let ids = self.site.ids(name);
            let day = ids.iter().find_map(|id| self.custom.day(id));
            Source { own: Some((name, ids)), day }
        });
        let day = self.fields().and_then(|fields| fields.duedate.as_ref()).map(|day| day.0);
        own.chain([Source { own: None, day }]).collect()
    }
}

fn day(value: &Maybe<String>) -> Option<Date> {
    Some(Day::try_from(value.text()?.to_owned()).ok()?.0)
}
