//! Lists of patterns in conditions: one matching entry is enough, and an entry that starts with `!` excludes.

use std::sync::Arc;

use super::{Anchor, Pattern, SPECIAL, Syntax, Test};

/// A list of patterns. It holds if an entry without `!` matches a value and none with `!` does; a list that only
/// excludes holds for everything else.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Arc<[Pattern]>);

/// What is written in a list: two for which this is equal mean, and say, the same.
pub type Written = Vec<(String, Option<Box<str>>, Syntax)>;

/// Why a list doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// No entry matches; these are the entries that could have
    NoneOf(Vec<&'a str>),
    /// This entry, as written with its `!`, matches this value
    Excluded {
        /// The entry
        by: &'a str,
        /// The value
        value: &'a str,
    },
}

impl Patterns {
    /// A list of these entries, in their order.
    #[must_use]
    pub fn new(entries: Vec<Pattern>) -> Self {
        Self(entries.into())
    }

    /// What is written in it.
    #[must_use]
    pub fn written(&self) -> Written {
        self.0.iter().map(|pattern| (pattern.text.clone(), pattern.told.clone(), pattern.syntax)).collect()
    }

    /// Whether the list holds for something with these values, such as all labels of an issue.
    ///
    /// # Errors
    /// Why it doesn't.
    pub fn test<'a>(&'a self, values: &[&'a str]) -> Result<(), Refusal<'a>> {
        let mut include = self.0.iter().filter(|pattern| !pattern.excludes).peekable();
        let included = |pattern: &Pattern| values.iter().any(|value| pattern.fits(value));
        if include.peek().is_some() && !include.any(included) {
            let include = self.0.iter().filter(|pattern| !pattern.excludes);
            return Err(Refusal::NoneOf(include.map(Pattern::told).collect()));
        }
        self.excluded(values).map_or(Ok(()), Err)
    }

    /// The same for something that has these values, and others that it only lists: those count for entries with `*` or
    /// `?` and for exclusions, but not for an entry that names one of them.
    ///
    /// # Errors
    /// Why it doesn't.
    pub fn test_beside<'a>(&'a self, values: &[&'a str], beside: &[&'a str]) -> Result<(), Refusal<'a>> {
        let refused = match self.test(values) {
            Err(Refusal::NoneOf(_)) if self.fits_many(beside).is_some() => None,
            tested => tested.err(),
        };
        let excluded = || self.excluded(values).or_else(|| self.excluded(beside));
        refused.or_else(excluded).map_or(Ok(()), Err)
    }

    /// The first entry with `*` or `?` that matches one of these values, and that value.
    #[must_use]
    pub fn fits_many<'a>(&'a self, values: &[&'a str]) -> Option<(&'a str, &'a str)> {
        self.first_fit(values, |pattern| pattern.text.contains(['*', '?']))
    }

    /// The first entry without `!` that matches one of these values, and that value.
    #[must_use]
    pub fn fit<'a>(&'a self, values: &[&'a str]) -> Option<(&'a str, &'a str)> {
        self.first_fit(values, |_| true)
    }

    /// The first entry that matches an old name but not the new one, if the list holds for only one of them. Without
    /// `globs`, only an entry without wildcards counts.
    #[must_use]
    pub fn outdated(&self, old: &str, new: &str, globs: bool) -> Option<&str> {
        if self.test(&[old]).is_ok() == self.test(&[new]).is_ok() {
            return None;
        }
        let counts = |pattern: &&Pattern| globs || !pattern.text.contains(SPECIAL);
        let mut entries = self.0.iter().filter(counts);
        entries.find(|pattern| pattern.fits(old) && !pattern.fits(new)).map(Pattern::told)
    }

    /// The first entry that names issues of a repository, such as `acme/api#*`.
    #[must_use]
    pub fn issue_of(&self, repository: &str) -> Option<&str> {
        let issues = format!("{}#", repository.to_lowercase());
        let names = |entry: &&str| entry.trim_start_matches('!').to_lowercase().starts_with(&issues);
        self.0.iter().map(|pattern| pattern.text.as_str()).find(names)
    }

    fn first_fit<'a>(&'a self, values: &[&'a str], counts: fn(&Pattern) -> bool) -> Option<(&'a str, &'a str)> {
        self.0.iter().filter(|pattern| !pattern.excludes && counts(pattern)).find_map(|pattern| {
            let value = values.iter().find(|value| pattern.fits(value))?;
            Some((pattern.told(), *value))
        })
    }

    fn excluded<'a>(&'a self, values: &[&'a str]) -> Option<Refusal<'a>> {
        values.iter().find_map(|value| {
            let by = self.0.iter().find(|pattern| pattern.excludes && pattern.fits(value))?;
            Some(Refusal::Excluded { by: by.told(), value })
        })
    }

    /// Its entries as written, without those that exclude.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|pattern| !pattern.excludes).map(|pattern| pattern.text.as_str())
    }

    /// For a list of which every entry must match: why these values don't fulfil it. Either an entry without `!`
    /// matches none of them, or one with `!` matches some.
    #[must_use]
    pub fn unmet<'a>(&'a self, values: &[&'a str]) -> Option<Refusal<'a>> {
        let unmet = |pattern: &&Pattern| !pattern.excludes && !values.iter().any(|value| pattern.fits(value));
        let missing: Vec<_> = self.0.iter().filter(unmet).map(Pattern::told).collect();
        if missing.is_empty() { self.test(values).err() } else { Some(Refusal::NoneOf(missing)) }
    }

    /// How the values that it holds for begin, one for each entry without `!`; `None` if they can begin with anything.
    #[must_use]
    pub fn anchors(&self) -> Option<Vec<Anchor>> {
        let anchors = self.0.iter().filter(|pattern| !pattern.excludes).map(Pattern::anchor);
        anchors.collect::<Option<Vec<_>>>().filter(|anchors| !anchors.is_empty())
    }

    /// Whether an entry names `value`, without `!` or wildcard.
    #[must_use]
    pub fn names(&self, value: &str) -> bool {
        self.0.iter().any(|pattern| !pattern.excludes && matches!(pattern.test, Test::Equals(_)) && pattern.fits(value))
    }
}
