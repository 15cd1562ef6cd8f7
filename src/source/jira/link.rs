//! Links between tickets, from webhooks and changelogs.

use crate::event::{Change, Event, EventKind, OccurrenceId, TicketKey, Undoes, Undone};
use crate::reason::Reason;
use crate::source::lenient::{Id, Maybe};
use crate::source::{Understood, text};

use super::field::Field;
use super::payload::{Fields, Issue, IssueLink, Item, LinkedTo};
use super::{Delivery, missing, undoing};

/// How Jira begins the description of a link in a changelog.
const THIS: &str = "this issue ";

/// `issuelink_created`, which names both tickets by their numeric ids only
pub fn linked(delivery: &Delivery<'_>) -> Understood {
    let (link, id) = ends(delivery)?;
    let relation = link.issue_link_type.as_ref().and_then(|kind| kind.outward_name.text().or_else(|| kind.name.text()));
    let change = change(None, relation.and_then(text::excerpt));
    let once = link.id.as_ref().map(|link| name(link, id));
    let event = delivery.about_unnamed(id.as_str());
    Ok(vec![Event { kind: EventKind::TicketLinked, change: Some(change), once, ..event }])
}

/// `issuelink_deleted`: an update about the link may be waiting at both of its ends.
pub fn unlinked(delivery: &Delivery<'_>) -> Understood {
    let (link, source) = ends(delivery)?;
    let number = link.id.as_ref().ok_or_else(|| missing("issueLink.id"))?;
    let both = std::iter::once(source).chain(link.destination_issue_id.as_ref());
    let gone = both.map(|end| {
        let of = Undoes::Occurrence(name(number, end), Undone::Deleted);
        let once = Some(format!("jira-unlinked:{}:{}", number.as_str(), end.as_str()).into());
        let undoing = Some(undoing(of, "the link was removed"));
        Event { kind: EventKind::TicketLinked, undoing, once, ..delivery.about_unnamed(end.as_str()) }
    });
    Ok(gone.collect())
}

fn ends<'a>(delivery: &Delivery<'a>) -> Result<(&'a IssueLink, &'a Id), Reason> {
    let link = delivery.body.issue_link.as_ref().ok_or_else(|| missing("issueLink"))?;
    let id = link.source_issue_id.as_ref().ok_or_else(|| missing("issueLink.sourceIssueId"))?;
    Ok((link, id))
}

/// Names a link at one of its ends.
fn name(link: &Id, ticket: &Id) -> OccurrenceId {
    format!("jira-link:{}:{}", link.as_str(), ticket.as_str()).into()
}

/// The description of a link in a changelog: `blocks DATA-7`
pub fn words(text: &Maybe<String>, key: &Maybe<String>) -> Option<String> {
    let text = text.text().or_else(|| key.text())?;
    let begins = text.get(..THIS.len()).is_some_and(|start| start.eq_ignore_ascii_case(THIS));
    text::excerpt(if begins { &text[THIS.len()..] } else { text })
}

pub fn change(from: Option<String>, to: Option<String>) -> Change {
    Change { field: "link".to_owned(), name: Some("link".to_owned()), from, to }
}

/// The name that `issuelink_created` gives to a link in a changelog, if the ticket still has it.
pub fn once(item: &Item, issue: &Issue) -> Option<OccurrenceId> {
    let said = item.to_string.text().unwrap_or_default();
    let key = item.to.text().or_else(|| said.rsplit(' ').next())?;
    let links = issue.fields.as_ref()?.issuelinks.entries();
    let mut with = links.filter(|link| end(link).is_some_and(|(_, other)| other == key)).collect::<Vec<_>>();
    // Two tickets may have more than one link.
    with.sort_by_key(|link| end(link).is_none_or(|(relation, _)| relation.is_empty() || !said.contains(relation)));
    Some(name(with.first()?.id.as_ref()?, issue.id.as_ref()?))
}

/// The relation of a link, and the ticket at its other end.
fn end(link: &LinkedTo) -> Option<(&str, &str)> {
    let words = link.kind.as_ref();
    let key = |issue: &'_ Maybe<Issue>| issue.as_ref().is_some_and(|issue| issue.key.is_some());
    let (issue, relation) = if key(&link.outward_issue) {
        (link.outward_issue.as_ref(), words.map(|words| &words.outward))
    } else {
        (link.inward_issue.as_ref(), words.map(|words| &words.inward))
    };
    Some((relation.and_then(Maybe::text).unwrap_or_default(), issue?.key.as_ref()?.as_str()))
}

/// The ticket that this one duplicates, from its links or a link that was just added.
pub fn duplicate_of(fields: Option<&Fields>, items: &[&Item]) -> Option<String> {
    let links = fields.into_iter().flat_map(|fields| fields.issuelinks.entries());
    let mut ends = links.filter(|link| link.outward_issue.is_some()).filter_map(|link| {
        let kind = link.kind.as_ref().and_then(|kind| kind.name.text()).unwrap_or_default();
        end(link).filter(|(relation, _)| is_duplicate(relation) || kind.eq_ignore_ascii_case("duplicate"))
    });
    let added = || {
        let links = items.iter().filter(|item| item.field() == Field::Link);
        let mut said = links.filter_map(|item| words(&item.to_string, &item.to));
        said.find_map(|said| said.strip_prefix("duplicates ").map(str::to_owned))
    };
    let key = ends.next().map(|(_, key)| key.to_owned()).or_else(added)?;
    TicketKey::jira(&key).map(|key| key.as_str().to_owned())
}

fn is_duplicate(relation: &str) -> bool {
    relation.eq_ignore_ascii_case("duplicates")
}
