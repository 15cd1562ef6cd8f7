//! Changes of a repository, which aren't news, but affect updates about it.

use crate::event::{About, Event, EventKind, Outcome, Renamed, SubjectKey, Thing, ThingKind, Undoes, Undone};
use crate::source::Understood;

use super::payload::Changes;
use super::thing::thing;
use super::{Delivery, first, missing, name, time, undoing};

/// `repository`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let none = Changes::default();
    let changes = delivery.body.changes.as_ref().unwrap_or(&none);
    let mut event = about_repository(delivery);
    match delivery.action() {
        "renamed" => {
            let name = changes.repository.as_ref().and_then(|before| before.name.as_ref()?.from.text());
            let name = name.ok_or_else(|| missing("changes.repository.name.from"))?;
            let (owner, _) = delivery.scope.split_once('/').ok_or_else(|| missing("repository.full_name"))?;
            let now = event.subject.clone();
            rename(&mut event, SubjectKey::repository(&format!("{owner}/{name}")), now);
        }
        "transferred" => {
            let before = changes.owner.as_ref().and_then(|owner| owner.from.as_ref());
            let owner = before.and_then(|owner| owner.user.as_ref().or(owner.organization.as_ref())?.login.text());
            let owner = owner.ok_or_else(|| missing("changes.owner.from"))?;
            let (_, name) = delivery.scope.split_once('/').ok_or_else(|| missing("repository.full_name"))?;
            let now = event.subject.clone();
            rename(&mut event, SubjectKey::repository(&format!("{owner}/{name}")), now);
        }
        "privatized" => {
            event.private = Some(true);
            event.undoing = undoing(Undoes::Nothing, "the repository is private from now on");
        }
        "publicized" => {
            event.private = Some(false);
            event.undoing = undoing(Undoes::Nothing, "the repository is public from now on");
        }
        "deleted" => {
            if let About::Thing(thing) = &mut event.about {
                thing.outcome = Some(Outcome::Deleted);
            }
            event.undoing = undoing(Undoes::Subject(Undone::Deleted), "the repository was deleted");
        }
        "edited" => {
            let before = changes.default_branch.as_ref().and_then(|before| before.from.text());
            let branch = delivery.repository.default_branch.text();
            let (before, branch) = before.zip(branch).ok_or_else(|| delivery.nothing_to_ask_for())?;
            let [from, to] = [before, branch].map(|branch| SubjectKey::branch(delivery.scope, branch));
            let about = thing(ThingKind::Branch, branch, event.url.clone(), event.about.updated_at());
            event.about = About::Thing(Thing { branch: Some(branch.to_owned()), ..about });
            event.subject.clone_from(&to);
            rename(&mut event, from, to);
        }
        _ => return Err(delivery.nothing_to_ask_for()),
    }
    Ok(vec![event])
}

/// An event whose kind is never reported, since repositories have no kind of their own.
fn about_repository(delivery: &Delivery<'_>) -> Event {
    let at = time(&delivery.repository.updated_at);
    let url = first(&[&delivery.repository.html_url]).or_else(|| delivery.page(&[]));
    let about = thing(ThingKind::Repository, delivery.scope, url, at);
    let once = name::at(&["repository", delivery.scope, delivery.action()], at);
    let event = delivery.event(EventKind::Push, SubjectKey::repository(delivery.scope), About::Thing(about));
    Event { once, ..event }
}

fn rename(event: &mut Event, from: SubjectKey, to: SubjectKey) {
    event.undoing = undoing(Undoes::Nothing, format!("{from} is {to} from now on"));
    event.renamed = Some(Renamed { from, to });
}
