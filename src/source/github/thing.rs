//! Branches, and the event about a thing such as a branch.

use jiff::Timestamp;

use crate::event::{About, Event, EventKind, Outcome, SubjectKey, Thing, ThingKind};
use crate::reason::Reason;
use crate::source::{Understood, text};

use super::queue::{self, TEMPORARY};
use super::{Delivery, missing, name, time};

pub(super) fn thing(kind: ThingKind, title: &str, url: Option<String>, updated_at: Option<Timestamp>) -> Thing {
    Thing { url, updated_at, ..Thing::bare(kind, &text::title(title)) }
}

/// `create` and `delete`, of a branch
pub fn branch(delivery: &Delivery<'_>) -> Understood {
    let branch = delivery.body.git_ref.text().ok_or_else(|| missing("ref"))?;
    if delivery.body.ref_type.as_deref() != Some("branch") {
        return Err(Reason::NotAskedFor { what: format!("`{}` of a tag", delivery.name) });
    }
    if queue::tried(branch, delivery.by()).is_some() {
        return Err(Reason::MergeQueue { detail: format!("it is {TEMPORARY}") });
    }
    let (kind, url) = if delivery.name == "create" {
        let path: Vec<&str> = std::iter::once("tree").chain(branch.split('/')).collect();
        (EventKind::BranchCreated, delivery.page(&path))
    } else {
        (EventKind::BranchDeleted, delivery.page(&["branches"]))
    };
    let about = thing(ThingKind::Branch, branch, url, time(&delivery.repository.pushed_at));
    let outcome = (kind == EventKind::BranchDeleted).then_some(Outcome::Deleted);
    let once = name::at(&["branch", delivery.scope, branch, delivery.name], about.updated_at);
    let about = About::Thing(Thing { branch: Some(branch.to_owned()), outcome, ..about });
    let tickets = delivery.keys(Some(branch), None, &[]).tickets;
    let event = delivery.event(kind, SubjectKey::branch(delivery.scope, branch), about);
    Ok(vec![Event { tickets, once, ..event }])
}
