//! What a team owns, and how much of it has to change.

use super::pattern::Patterns;
use super::range::Range;

/// What a team owns.
#[derive(Debug, Clone)]
pub enum Owns {
    /// What CODEOWNERS or CODENOTIFY assigns to these names, such as `@acme/web` and `@ana`, in lower case
    CodeOwners(Vec<String>),
    /// These files
    Paths(Patterns),
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
