//! What deliveries tell of GitHub besides news: that the files of teams, or pull requests that are looked at, may have changed.

use crate::event::{About, Event, EventKind, Source, ThingKind};
use crate::rule::REPOSITORY_FILE;

/// Something on our GitHub that a delivery tells of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// A repository's team file may be another one now
    RuleFile(String),
    /// A repository is gone, or has another name, owner or default branch
    Repository(String),
    /// A pull request, by its repository and number
    PullRequest(String, u64),
    /// Somebody wants another check run on a pull request
    CheckAgain(String, u64),
}

impl Touched {
    /// What an event tells of.
    pub(super) fn by(event: &Event) -> Vec<Self> {
        if event.source != Source::Github || event.host.is_some() {
            return Vec::new();
        }
        let repo = || event.scope.clone();
        match &event.about {
            About::PullRequest(_) if event.comment.is_some() || event.note.is_some() || event.review.is_some() => {
                Vec::new()
            }
            About::PullRequest(pr) => vec![Self::PullRequest(repo(), pr.number)],
            About::Thing(thing) if thing.kind == ThingKind::Repository => {
                let before = event.renamed.as_ref().map(|renamed| renamed.from.parts().scope.to_owned());
                std::iter::once(repo()).chain(before).map(Self::Repository).collect()
            }
            About::Thing(_) if event.renamed.is_some() => vec![Self::Repository(repo())],
            About::Thing(thing) if thing.kind == ThingKind::Push && event.kind == EventKind::Push => {
                let known = event.paths.as_ref().filter(|_| !event.more_paths);
                let touches = known.is_none_or(|paths| paths.iter().any(|path| path == REPOSITORY_FILE));
                if touches { vec![Self::RuleFile(repo())] } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }
}
