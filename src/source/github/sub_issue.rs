//! Sub-issues. GitHub tells of each change in two webhooks: in the repository of the sub-issue, and in its parent's.

use crate::event::{About, Change, Event, EventKind, Issue, TicketKey};
use crate::source::lenient::Maybe;
use crate::source::{Understood, missing};

use super::payload::Repository;
use super::{Delivery, issue, numbered};

/// `sub_issues`: an event about the sub-issue, whichever webhook it is
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let body = delivery.body;
    let (of_sub, of_parent) = match delivery.action() {
        "parent_issue_added" | "parent_issue_removed" => (&body.repository, &body.parent_issue_repo),
        "sub_issue_added" | "sub_issue_removed" => (&body.sub_issue_repo, &body.repository),
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let payload = body.sub_issue.as_ref().ok_or_else(|| missing("sub_issue"))?;
    let parent = body.parent_issue.as_ref().ok_or_else(|| missing("parent_issue"))?;
    let subject = numbered(payload, of_sub).ok_or_else(|| missing("sub_issue.number"))?;
    let parent = numbered(parent, of_parent).ok_or_else(|| missing("parent_issue.number"))?;
    let number = subject.parts().number().ok_or_else(|| missing("sub_issue.number"))?;
    let relation = Some(format!("is a sub-issue of {parent}"));
    let change = |from, to| Change { field: "link".to_owned(), name: Some("link".to_owned()), from, to };
    let (kind, change, parent) = match delivery.action().ends_with("_added") {
        true => (EventKind::TicketLinked, change(None, relation), TicketKey::issue(&parent)),
        false => (EventKind::TicketUpdated, change(relation, None), None),
    };
    let private = private(of_sub);
    let about = match issue::about(delivery, payload, number) {
        About::Issue(about) => About::Issue(Issue { parent, private, ..about }),
        about => about,
    };
    let scope = subject.scope().to_owned();
    let event = Event { scope, private, change: Some(change), ..delivery.event(kind, subject, about) };
    let keys = delivery.keys(None, Some(event.about.title()), &[&super::own_words(&payload.body)]);
    Ok(vec![Event { tickets: keys.tickets, listed: keys.listed, ..event }])
}

fn private(repository: &Maybe<Repository>) -> Option<bool> {
    repository.as_ref().and_then(|repository| *repository.private)
}
