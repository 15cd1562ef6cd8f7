//! What a line of a summary is called, and what of it a reader may know.

use std::collections::HashMap;

use crate::event::{About, SubjectKey, Ticket};
use crate::template::{NamedView, clean, shorten, without_key};
use crate::track::{Known, is_restricted};

/// Longer titles make more than a line.
const LONGEST: usize = 80;

/// Something as a reader may know it.
pub(super) struct Seen<'a> {
    pub(super) key: &'a SubjectKey,
    pub(super) known: &'a Known,
    /// Only its key and its page
    pub(super) restricted: bool,
    /// Only its page, and what kind of thing happened
    pub(super) private: bool,
}

/// Who looks.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Whether there are readers outside of the company
    pub(super) outside: bool,
    /// Whether repositories are private, as far as it is known
    pub(super) private: &'a HashMap<String, bool>,
}

impl<'a> Sight<'a> {
    /// What a reader may know of something; `None` if nothing, or if it is no more.
    pub(super) fn of(self, (key, known): (&'a SubjectKey, &'a Known)) -> Option<Seen<'a>> {
        let restricted = is_restricted(&known.about);
        if known.gone.is_some() || (restricted && self.outside) {
            return None;
        }
        Some(Seen { key, known, restricted, private: self.outside && self.is_private(key, known) })
    }

    /// What is not known to be public is private.
    fn is_private(self, key: &SubjectKey, known: &Known) -> bool {
        if matches!(known.about, About::Ticket(_)) {
            return false;
        }
        let known = [self.private.get(key.scope_on_host()).copied(), known.about.private()];
        known.contains(&Some(true)) || !known.contains(&Some(false))
    }
}

impl Seen<'_> {
    /// As a line calls it.
    pub(super) fn named(&self) -> NamedView {
        let about = &self.known.about;
        let page = about.url().map(str::to_owned);
        let title = match about {
            _ if self.restricted || self.private => None,
            About::PullRequest(pr) => Some(pr.title.as_str()),
            About::Issue(issue) => Some(issue.title.as_str()),
            About::Ticket(ticket) => ticket.summary.as_deref(),
            About::Thing(_) => None,
        };
        let key = match about {
            About::Thing(thing) if !self.private => format!("{} {}", self.key.scope(), thing.title),
            About::PullRequest(_) | About::Issue(_) if self.private => self.key.to_string(),
            _ if self.private => self.key.scope().to_owned(),
            _ => self.key.to_string(),
        };
        named(&key, title, page)
    }

    /// The ticket that it is, if it is one.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.known.ticket(self.key)
    }
}

/// A name with a title.
pub(super) fn named(key: &str, title: Option<&str>, url: Option<String>) -> NamedView {
    let title = title.map(clean).and_then(|title| without_key(&title, key)).filter(|title| !title.is_empty());
    let name = title.map_or_else(|| key.to_owned(), |title| format!("{key} “{}”", shorten(&title, LONGEST)));
    NamedView { name, url }
}

/// A line, with the names by which what it tells can be taken back.
pub(super) struct Line<T> {
    pub(super) names: Vec<String>,
    pub(super) view: T,
}

impl<T> Line<T> {
    /// A line about parts of a conversation.
    pub(super) fn of(thread: &str, parts: &[Seen<'_>], view: T) -> Self {
        let parts = parts.iter().map(|seen| seen.key.to_string());
        Self { names: std::iter::once(thread.to_owned()).chain(parts).collect(), view }
    }
}
