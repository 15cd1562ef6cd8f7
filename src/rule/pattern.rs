//! Lists of patterns, as conditions have them: any entry may hold, and an entry that starts with `!` excludes.

use std::borrow::Cow;
use std::sync::Arc;

use globset::{ErrorKind, GlobBuilder, GlobMatcher};

/// A longer pattern is a mistake, and [`globset`] recurses once for each `{` in it.
const LONGEST: usize = 300;

/// The characters that don't stand for themselves.
const SPECIAL: [char; 5] = ['*', '?', '{', '}', '\\'];

/// How a list of patterns is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `*` and `?` stop at `/`; `**` doesn't
    pub separated: bool,
    /// Capital and small letters are the same
    pub caseless: bool,
}

/// One entry of a list. `*`, `?` and `{a,b}` are special and `\` takes that away; brackets stand for themselves,
/// since logins (`renovate[bot]`), labels and titles have them.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The entry as written
    text: String,
    excludes: bool,
    reading: Reading,
    test: Test,
}

/// Most entries have no wildcard or a few `*`, and comparing is quicker than any automaton, and a hundredth of its size.
#[derive(Debug, Clone)]
enum Test {
    Equals(Box<str>),
    /// With `*` alone, which stands for any text
    Stars(Box<str>),
    /// The same, where `*` stops at `/`
    StarsWithin(Box<str>),
    /// Whatever is below a folder, whose name ends in `/`
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

/// Whether a value fits a pattern with `*` alone: its beginning, its end, and between them each piece after the other.
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

/// How the values that a pattern fits begin, in small letters: what an index can look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// They are this
    Exactly(String),
    /// They begin with this, which is not empty
    From(String),
}

impl Pattern {
    /// Reads one entry of a list.
    ///
    /// # Errors
    /// One sentence.
    pub fn new(text: &str, reading: Reading) -> Result<Self, String> {
        let body = text.strip_prefix('!');
        let excludes = body.is_some();
        let body = body.unwrap_or(text);
        if body.trim().is_empty() {
            return Err("an empty pattern matches nothing".to_owned());
        }
        if body.len() > LONGEST {
            return Err(format!("a pattern has at most {LONGEST} characters"));
        }
        let folded = fold(body, reading.caseless);
        let test = Test::new(&folded, reading.separated)
            .map_err(|error| format!("`{body}` is no pattern: {}", describe(error.kind())))?;
        Ok(Self { text: text.to_owned(), excludes, reading, test })
    }

    /// Whether it fits `value`, for an entry with `!` the part after it.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        self.test.fits(&fold(value, self.reading.caseless))
    }

    /// How the values that it fits begin; `None` where they begin with anything.
    fn anchor(&self) -> Option<Anchor> {
        let body = self.text.strip_prefix('!').unwrap_or(&self.text).to_lowercase();
        match body.find(SPECIAL) {
            None => Some(Anchor::Exactly(body)),
            Some(0) => None,
            Some(special) => Some(Anchor::From(body[..special].to_owned())),
        }
    }
}

/// [`globset`]'s own texts advise brackets, which are nothing special here.
fn describe(error: &ErrorKind) -> String {
    match error {
        ErrorKind::UnclosedAlternates => "a `{` has no `}`; for the character itself, write `\\{`".to_owned(),
        ErrorKind::UnopenedAlternates => "a `}` has no `{`; for the character itself, write `\\}`".to_owned(),
        ErrorKind::DanglingEscape => "nothing follows the `\\`; for the character itself, write `\\\\`".to_owned(),
        other => other.to_string(),
    }
}

/// [`globset`] ignores the case of ASCII letters only.
fn fold(text: &str, caseless: bool) -> Cow<'_, str> {
    let small = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if caseless && !text.bytes().all(small) { text.to_lowercase().into() } else { text.into() }
}

/// A list of patterns. It holds when an entry without `!` fits a value and none with `!` does; a list that only
/// excludes holds for everything else.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Arc<[Pattern]>);

/// Why a list doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// No entry fits; these are the entries that could have
    NoneOf(Vec<&'a str>),
    /// This entry, as written with its `!`, fits this value
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

    /// Its entries as written, and how each is read: where these are the same, so is what the lists mean.
    #[must_use]
    pub fn written(&self) -> Vec<(String, Reading)> {
        self.0.iter().map(|pattern| (pattern.text.clone(), pattern.reading)).collect()
    }

    /// Whether the list holds for something with these values, such as all labels of an issue.
    ///
    /// # Errors
    /// Why not.
    pub fn test<'a>(&'a self, values: &[&'a str]) -> Result<(), Refusal<'a>> {
        let mut include = self.0.iter().filter(|pattern| !pattern.excludes).peekable();
        let included = |pattern: &Pattern| values.iter().any(|value| pattern.fits(value));
        if include.peek().is_some() && !include.any(included) {
            let include = self.0.iter().filter(|pattern| !pattern.excludes);
            return Err(Refusal::NoneOf(include.map(|pattern| pattern.text.as_str()).collect()));
        }
        self.excluded(values).map_or(Ok(()), Err)
    }

    /// The same for something that has these values, and others beside them in a list of many: those count for entries
    /// with `*` or `?` and for exclusions, not for an entry that names one of them.
    ///
    /// # Errors
    /// Why not.
    pub fn test_beside<'a>(&'a self, values: &[&'a str], beside: &[&'a str]) -> Result<(), Refusal<'a>> {
        let refused = match self.test(values) {
            Err(Refusal::NoneOf(_)) if self.fits_many(beside).is_some() => None,
            tested => tested.err(),
        };
        let excluded = || self.excluded(values).or_else(|| self.excluded(beside));
        refused.or_else(excluded).map_or(Ok(()), Err)
    }

    /// The first entry with `*` or `?` that fits one of these values, and that value.
    #[must_use]
    pub fn fits_many<'a>(&'a self, values: &[&'a str]) -> Option<(&'a str, &'a str)> {
        self.first_fit(values, |pattern| pattern.text.contains(['*', '?']))
    }

    /// The first entry without `!` that fits one of these values, and that value.
    #[must_use]
    pub fn fit<'a>(&'a self, values: &[&'a str]) -> Option<(&'a str, &'a str)> {
        self.first_fit(values, |_| true)
    }

    /// The first entry that fits an old name and not the new one, if the list holds for one of them only. Without
    /// `globs`, only an entry without wildcards counts.
    #[must_use]
    pub fn outdated(&self, old: &str, new: &str, globs: bool) -> Option<&str> {
        if self.test(&[old]).is_ok() == self.test(&[new]).is_ok() {
            return None;
        }
        let counts = |pattern: &&Pattern| globs || !pattern.text.contains(SPECIAL);
        let mut entries = self.0.iter().filter(counts);
        entries.find(|pattern| pattern.fits(old) && !pattern.fits(new)).map(|pattern| pattern.text.as_str())
    }

    fn first_fit<'a>(&'a self, values: &[&'a str], counts: fn(&Pattern) -> bool) -> Option<(&'a str, &'a str)> {
        self.0.iter().filter(|pattern| !pattern.excludes && counts(pattern)).find_map(|pattern| {
            let value = values.iter().find(|value| pattern.fits(value))?;
            Some((pattern.text.as_str(), *value))
        })
    }

    fn excluded<'a>(&'a self, values: &[&'a str]) -> Option<Refusal<'a>> {
        values.iter().find_map(|value| {
            let by = self.0.iter().find(|pattern| pattern.excludes && pattern.fits(value))?;
            Some(Refusal::Excluded { by: &by.text, value })
        })
    }

    /// Its entries as written, without those that exclude.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|pattern| !pattern.excludes).map(|pattern| pattern.text.as_str())
    }

    /// What a list that each entry must fit misses in these values: an entry without `!` that fits none of them, or one
    /// with `!` that fits some.
    #[must_use]
    pub fn unmet<'a>(&'a self, values: &[&'a str]) -> Option<Refusal<'a>> {
        let unmet = |pattern: &&Pattern| !pattern.excludes && !values.iter().any(|value| pattern.fits(value));
        let missing: Vec<_> = self.0.iter().filter(unmet).map(|pattern| pattern.text.as_str()).collect();
        if missing.is_empty() { self.test(values).err() } else { Some(Refusal::NoneOf(missing)) }
    }

    /// How the values that it holds for begin, one for each entry without `!`; `None` where that may be anything.
    #[must_use]
    pub fn anchors(&self) -> Option<Vec<Anchor>> {
        let anchors = self.0.iter().filter(|pattern| !pattern.excludes).map(Pattern::anchor);
        anchors.collect::<Option<Vec<_>>>().filter(|anchors| !anchors.is_empty())
    }

    /// Whether an entry without `!` or wildcard is `value`.
    #[must_use]
    pub fn names(&self, value: &str) -> bool {
        self.0.iter().any(|pattern| !pattern.excludes && matches!(pattern.test, Test::Equals(_)) && pattern.fits(value))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const PATH: Reading = Reading { separated: true, caseless: true };
    const TEXT: Reading = Reading { separated: false, caseless: true };

    #[test]
    fn one_pattern() {
        let exact = Reading { separated: true, caseless: false };
        let table = [
            ("acme/ingest-*", PATH, "Acme/Ingest-api", true),
            ("acme/ingest-*", PATH, "acme/ingest-a/b", false),
            ("*/web", PATH, "acme/web", true),
            ("**", PATH, "acme/web", true),
            ("release/*", exact, "release/1", true),
            ("release/*", exact, "release/1/2", false),
            ("release/**", exact, "release/1/2", true),
            ("main", exact, "Main", false),
            ("*migration*", TEXT, "Add the MIGRATION/of x", true),
            ("grösse *", TEXT, "GRÖSSE ändern", true),
            ("renovate[bot]", TEXT, "Renovate[bot]", true),
            ("*[bot]", TEXT, "renovate[bot]", true),
            ("*[bot]", TEXT, "robot", false),
            ("{ci,docs}: *", TEXT, "ci: faster", true),
            ("v1.?", TEXT, "v1.2", true),
            ("v1.?", TEXT, "v1x2", false),
            ("*\\[bot\\]", TEXT, "renovate[bot]", true),
            ("\\*", TEXT, "*", true),
            ("\\*", TEXT, "x", false),
        ];
        for (pattern, reading, value, fits) in table {
            assert_eq!(Pattern::new(pattern, reading).unwrap().fits(value), fits, "{pattern} {value}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for bad in ["", "!", "! ", "{a,b", "a}", "a\\", &"x".repeat(301), &"{".repeat(300)] {
            assert!(Pattern::new(bad, TEXT).is_err(), "{bad}");
        }
        assert!(Pattern::new(&format!("{}{}", "{".repeat(150), "}".repeat(150)), TEXT).is_ok());
    }

    #[test]
    fn only_an_exact_entry_names() {
        let list = |entries: &[&str]| Patterns::new(entries.iter().map(|e| Pattern::new(e, TEXT).unwrap()).collect());
        assert!(list(&["ana", "renovate[bot]"]).names("Renovate[bot]"));
        assert!(!list(&["*[bot]", "!renovate[bot]"]).names("renovate[bot]"));
    }

    #[test]
    fn what_is_written_alike_is_not_always_read_alike() {
        let list = |reading| Patterns::new(vec![Pattern::new("main", reading).unwrap()]).written();
        assert_eq!(list(TEXT), list(TEXT));
        assert_ne!(list(TEXT), list(PATH));
        assert_ne!(list(PATH), list(Reading { separated: true, caseless: false }));
    }

    #[test]
    fn how_a_list_begins() {
        let anchors = |entries: &[&str]| {
            Patterns::new(entries.iter().map(|entry| Pattern::new(entry, PATH).unwrap()).collect()).anchors()
        };
        let exactly = |text: &str| Anchor::Exactly(text.to_owned());
        let from = |text: &str| Anchor::From(text.to_owned());
        let both = anchors(&["Acme/web", "acme/ingest-*", "!acme/*"]);
        assert_eq!(both, Some(vec![exactly("acme/web"), from("acme/ingest-")]));
        assert_eq!(anchors(&["a/{b,c}"]), Some(vec![from("a/")]));
        for unbounded in [&["*/web"][..], &["acme/web", "**"], &["{a,b}/c"], &["!acme/*"]] {
            assert_eq!(anchors(unbounded), None, "{unbounded:?}");
        }
    }

    proptest! {
        /// The short ways mean what the automaton does.
        #[test]
        fn stars_are_a_glob(
            pattern in "[ab/*\\[]{1,6}(/\\*\\*)?",
            value in "[ab/\\[]{0,8}",
            separated: bool,
        ) {
            let reading = Reading { separated, caseless: false };
            let automaton = GlobBuilder::new(&pattern.replace('[', "[[]")).literal_separator(separated).build();
            let expected = automaton.unwrap().compile_matcher().is_match(&value);
            prop_assert_eq!(Pattern::new(&pattern, reading).unwrap().fits(&value), expected);
        }

        /// The naive reading: some value is let in (or nothing has to be), and no value is kept out.
        #[test]
        fn a_list_means_what_it_says(
            entries in prop::collection::vec("!?[ab*]{1,2}", 1..5),
            values in prop::collection::vec("[ab]{1,2}", 0..4),
        ) {
            let glob = |pattern: &str, value: &str| match pattern.as_bytes() {
                [b'*'] | [b'*', b'*'] => true,
                [b'*', end] => value.ends_with(char::from(*end)),
                [start, b'*'] => value.starts_with(char::from(*start)),
                _ => pattern == value,
            };
            let list = Patterns::new(entries.iter().map(|entry| Pattern::new(entry, TEXT).unwrap()).collect());
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let (mut wanted, mut included, mut excluded) = (false, false, false);
            for entry in &entries {
                match entry.strip_prefix('!') {
                    Some(pattern) => excluded |= values.iter().any(|value| glob(pattern, value)),
                    None => {
                        wanted = true;
                        included |= values.iter().any(|value| glob(entry, value));
                    }
                }
            }
            prop_assert_eq!(list.test(&values).is_ok(), (included || !wanted) && !excluded);
        }
    }
}
