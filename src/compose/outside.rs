//! What readers outside the company may know about a private repository: the kind of event, and a link.
//!
//! The addresses and conversation names of some events contain a branch or a tag, and a ticket's key may come from a branch
//! or a title, so none of these are shown.

use url::Url;

use crate::event::{About, Event, Note, ThingKind};
use crate::rule::{Rule, Team};
use crate::template::ThreadView;

/// What the conversation is called.
pub(super) fn thread(event: &Event) -> ThreadView {
    let own = event.tickets.iter().all(|key| event.subject == key.as_str());
    let name = if own && is_numbered(event) { event.subject.as_str() } else { &event.scope };
    ThreadView { key: name.to_owned(), label: name.to_owned(), title: None, url: None }
}

/// The text of a note that is addressed to this team, since its author chose to tell them. Its author and place aren't
/// shown.
pub(super) fn note(team: &Team, event: &Event) -> Option<Note> {
    let note = event.note.as_ref()?;
    let is_team = |name: &String| name.trim_start_matches('@').eq_ignore_ascii_case(&team.name);
    note.to.iter().any(is_team).then(|| Note {
        author: None,
        url: None,
        to: Vec::new(),
        replaces: None,
        ..note.clone()
    })
}

/// The link: the page of what has a number, or else the repository's.
pub(super) fn page(event: &Event) -> Option<String> {
    let own = event.url.as_deref().or_else(|| event.about.url())?;
    if is_numbered(event) {
        return Some(own.to_owned());
    }
    let mut page = Url::parse(own).ok()?;
    let rest = page.path().strip_prefix('/')?.strip_prefix(event.scope.as_str())?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    page.set_path(&event.scope);
    page.set_query(None);
    page.set_fragment(None);
    Some(page.into())
}

/// Why they get it.
pub(super) fn why(team: &Team, rule: &Rule, event: &Event) -> String {
    format!("{} gets this because its rule “{}” asks for {}.", team.name, rule.name, event.kind)
}

fn is_numbered(event: &Event) -> bool {
    match &event.about {
        About::PullRequest(_) | About::Issue(_) => true,
        About::Thing(thing) => thing.kind == ThingKind::Discussion,
        About::Ticket(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use crate::template::fixture;

    #[test]
    fn no_address_and_no_name_holds_a_branch() {
        let shown = |kind: EventKind, url: &str| {
            let mut event = fixture::event(kind);
            event.url = Some(url.to_owned());
            (page(&event).unwrap_or_default(), thread(&event).label)
        };
        let repository = ("https://github.example/acme/ingest".to_owned(), "acme/ingest".to_owned());
        for (kind, url) in [
            (EventKind::BranchCreated, "https://github.example/acme/ingest/tree/secret"),
            (EventKind::Push, "https://github.example/acme/ingest/compare/secret?x=secret#secret"),
            (EventKind::ReleasePublished, "https://github.example/acme/ingest"),
        ] {
            assert_eq!(shown(kind, url), repository, "{kind}");
        }
        let elsewhere = shown(EventKind::DeploymentFailed, "https://secret.example/acme/ingest-secret/1");
        assert_eq!(elsewhere, (String::new(), "acme/ingest".to_owned()));
        let pull = "https://github.example/acme/ingest/pull/45";
        // Its ticket was found in the branch.
        assert_eq!(shown(EventKind::PullRequestMerged, pull), (pull.to_owned(), "acme/ingest".to_owned()));
    }
}
