//! What a team owns, and how much of it has to change.

use super::pattern::Patterns;
use super::range::Range;
use crate::event::Event;

/// What a team owns.
#[derive(Debug, Clone)]
pub enum Owns {
    /// What CODEOWNERS or CODENOTIFY assigns to these names, such as `@acme/web` and `@ana`, in lower case
    CodeOwners(Vec<String>),
    /// These files
    Paths(Patterns),
}

impl Owns {
    /// Adds what CODEOWNERS assigns to these logins.
    pub(super) fn add(&mut self, logins: &[String]) {
        if let Self::CodeOwners(names) = self {
            names.extend(logins.iter().map(|login| format!("@{}", login.to_lowercase())));
        }
    }

    /// Whether an event changes a file that is owned; `None` if that isn't known.
    #[must_use]
    pub fn changes(&self, event: &Event) -> Option<bool> {
        let (owned, more) = match self {
            Self::Paths(list) => {
                (event.paths.as_ref()?.iter().any(|path| list.test(&[path]).is_ok()), event.more_paths)
            }
            Self::CodeOwners(names) => {
                let owners = event.owners.as_ref()?;
                (owners.iter().any(|owner| names.contains(&owner.name)), event.more_paths || event.more_owners)
            }
        };
        (owned || !more).then_some(owned)
    }
}

/// How much of what a team owns has to change: at least one file, and as much as the ranges say.
#[derive(Debug, Clone)]
pub struct Touches {
    /// What it owns
    pub owns: Owns,
    /// How many files of its own
    pub files: Option<Range>,
    /// How much of all the files that are changed
    pub share: Option<Range>,
    /// Whether files that are generated count
    pub generated: bool,
}

impl Touches {
    /// Whether any file is enough.
    #[must_use]
    pub fn any(&self) -> bool {
        self.files.is_none() && self.share.is_none() && self.generated
    }
}
