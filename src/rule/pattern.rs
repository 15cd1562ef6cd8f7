//! Patterns, the entries of a rule's lists.

mod list;

use std::borrow::Cow;

use globset::{ErrorKind, GlobBuilder, GlobMatcher};

pub use self::list::{Patterns, Refusal, Written};

/// A longer pattern is a mistake, and [`globset`] recurses once for each `{` in it.
const LONGEST: usize = 300;

/// The characters with a special meaning.
const SPECIAL: [char; 5] = ['*', '?', '{', '}', '\\'];

/// What a pattern's characters mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syntax {
    /// `*` and `?` stop at `/`; `**` doesn't
    pub separated: bool,
    /// Case doesn't matter
    pub caseless: bool,
}

/// One entry of a list. `*`, `?` and `{a,b}` are special, unless a `\` comes before them. Brackets stand for
/// themselves, since logins (`renovate[bot]`), labels and titles have them.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The entry as written
    text: String,
    /// The same with the list that it is in, as people are told
    told: Option<Box<str>>,
    excludes: bool,
    syntax: Syntax,
    test: Test,
}

/// Most entries have no wildcard or only `*`. Comparing strings is faster than an automaton for them, and takes a
/// hundredth of the memory.
#[derive(Debug, Clone)]
enum Test {
    Equals(Box<str>),
    /// With `*` alone, which stands for any text
    Stars(Box<str>),
    /// The same, where `*` stops at `/`
    StarsWithin(Box<str>),
    /// Everything in a folder, whose name ends in `/`
    Below(Box<str>),
    Matches(Box<GlobMatcher>),
}

impl Test {
    fn new(pattern: &str, separated: bool) -> Result<Self, globset::Error> {
        if !pattern.contains(SPECIAL) {
            return Ok(Self::Equals(pattern.into()));
        }
        if let Some(folder) = pattern.strip_suffix("**").filter(|folder| separated && folder.ends_with('/'))
            && !folder.contains(SPECIAL)
        {
            return Ok(Self::Below(folder.into()));
        }
        if !pattern.contains(['?', '{', '}', '\\']) && !pattern.contains("**") {
            return Ok(if separated { Self::StarsWithin(pattern.into()) } else { Self::Stars(pattern.into()) });
        }
        let glob = GlobBuilder::new(&pattern.replace("\\[", "[").replace('[', "[[]"))
            .literal_separator(separated)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()?;
        Ok(Self::Matches(Box::new(glob.compile_matcher())))
    }

    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => **text == *value,
            Self::Stars(pattern) => stars(pattern, value),
            Self::StarsWithin(pattern) => {
                let (mut parts, mut values) = (pattern.split('/'), value.split('/'));
                loop {
                    match (parts.next(), values.next()) {
                        (None, None) => return true,
                        (Some(part), Some(value)) if stars(part, value) => {}
                        _ => return false,
                    }
                }
            }
            Self::Below(folder) => value.starts_with(&**folder),
            Self::Matches(glob) => glob.is_match(value),
        }
    }
}

/// Whether a value matches a pattern whose only wildcard is `*`: the beginning, the end, and between them one piece
/// after the other.
fn stars(pattern: &str, value: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == value };
    let (pieces, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut between) = value.strip_prefix(start).and_then(|value| value.strip_suffix(end)) else { return false };
    pieces.split('*').all(|piece| match between.find(piece) {
        Some(at) => {
            between = &between[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// How the values that a pattern matches begin, in lower case, for the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// They are equal to this
    Exactly(String),
    /// They begin with this, which isn't empty
    From(String),
}

impl Pattern {
    /// Reads one entry of a list.
    ///
    /// # Errors
    /// One sentence.
    pub fn new(text: &str, syntax: Syntax) -> Result<Self, String> {
        let body = text.strip_prefix('!');
        let excludes = body.is_some();
        let body = body.unwrap_or(text);
        if body.trim().is_empty() {
            return Err("an empty pattern matches nothing".to_owned());
        }
        if body.len() > LONGEST {
            return Err(format!("a pattern can have at most {LONGEST} characters"));
        }
        let folded = fold(body, syntax.caseless);
        let test = Test::new(&folded, syntax.separated)
            .map_err(|error| format!("`{body}` isn't a valid pattern: {}", describe(error.kind())))?;
        Ok(Self { text: text.to_owned(), told: None, excludes, syntax, test })
    }

    /// The same entry, in a named list that a condition names.
    #[must_use]
    pub fn of_list(self, list: &str) -> Self {
        Self { told: Some(format!("{} (@{list})", self.text).into()), ..self }
    }

    /// The entry, as people are told.
    fn told(&self) -> &str {
        self.told.as_deref().unwrap_or(&self.text)
    }

    /// Whether it matches `value`; for an entry with `!`, whether the part after it does.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        self.test.fits(&fold(value, self.syntax.caseless))
    }

    /// How the values that it matches begin; `None` if they can begin with anything.
    fn anchor(&self) -> Option<Anchor> {
        let body = self.text.strip_prefix('!').unwrap_or(&self.text).to_lowercase();
        match body.find(SPECIAL) {
            None => Some(Anchor::Exactly(body)),
            Some(0) => None,
            Some(special) => Some(Anchor::From(body[..special].to_owned())),
        }
    }
}

/// [`globset`]'s own messages recommend brackets, which aren't special here.
fn describe(error: &ErrorKind) -> String {
    match error {
        ErrorKind::UnclosedAlternates => "a `{` has no `}`; for the character itself, write `\\{`".to_owned(),
        ErrorKind::UnopenedAlternates => "a `}` has no `{`; for the character itself, write `\\}`".to_owned(),
        ErrorKind::DanglingEscape => "nothing follows the `\\`; for the character itself, write `\\\\`".to_owned(),
        other => other.to_string(),
    }
}

/// Folds case here, because [`globset`] ignores the case of ASCII letters only.
fn fold(text: &str, caseless: bool) -> Cow<'_, str> {
    let small = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if caseless && !text.bytes().all(small) { text.to_lowercase().into() } else { text.into() }
}

#[cfg(test)]
mod tests;
