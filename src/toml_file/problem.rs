//! A problem in something a person wrote, and how it is shown to them.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::mask;

/// What is wrong with a value, and how to write it instead: a problem that has no place yet.
pub type Wrong = (String, Option<String>);

/// A problem in a file, for the person who wrote it.
///
/// [`fmt::Display`] gives one line for a log; [`Problem::render`] shows the line of the file, with carets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user named it
    pub file: String,
    /// Where in the file; `None` where the file itself is the problem
    pub place: Option<Place>,
    /// What is wrong
    pub message: String,
    /// What to write instead
    pub help: Option<String>,
}

/// Where in a file a problem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1
    pub line: usize,
    /// The character in the line, from 1
    pub column: usize,
    /// How many characters are wrong; 0 for a point between two
    pub width: usize,
    /// The line as it may be shown: literal secrets are masked
    pub shown: String,
    /// Whether the file is what it should be up to here: its syntax is right, and it has had no unknown key
    pub as_expected: bool,
}

impl Problem {
    /// A problem of the file as a whole: it can't be read, it is too large.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>, help: Option<String>) -> Self {
        Self { file: file.to_owned(), place: None, message: message.into(), help }
    }

    /// A problem at a line and a column (characters), both from 1, of a file whose text is `source`. For files that
    /// are not TOML, such as templates.
    #[must_use]
    pub fn at(
        file: &str,
        source: &str,
        (line, column): (usize, usize),
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        let shown = source.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
        let width = usize::from(column <= shown.chars().count());
        let place = Place { line, column, width, shown, as_expected: false };
        Self { file: file.to_owned(), place: Some(place), message: message.into(), help }
    }

    /// The problem as a block of lines: what is wrong, `FILE:LINE:COLUMN`, the line with carets, and the help.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        self.rendered(if colour { Renderer::styled() } else { Renderer::plain() }, true)
    }

    /// The same for a mail to the owner of the file. What is there now may be another file, put in its place by mistake or to
    /// read it in the mail. So a line is quoted only if the file is what it should be up to there, and nothing that looks like
    /// a secret is.
    #[must_use]
    pub fn render_for_mail(&self) -> String {
        let place = self.place.clone().map(|place| Place { shown: mask::veiled(&place.shown), ..place });
        let help = self.help.as_deref().map(mask::veiled);
        let veiled = Self { file: self.file.clone(), place, message: mask::veiled(&self.message), help };
        veiled.rendered(Renderer::plain(), self.place.as_ref().is_some_and(|place| place.as_expected))
    }

    fn rendered(&self, renderer: Renderer, quoting: bool) -> String {
        let mut group = match &self.place {
            Some(place) if !quoting => Level::ERROR
                .primary_title(&self.message)
                .element(Origin::path(&self.file).line(place.line).char_column(place.column)),
            Some(place) => Level::ERROR.primary_title(&self.message).element(
                Snippet::source(&place.shown)
                    .line_start(place.line)
                    .path(&self.file)
                    .annotation(AnnotationKind::Primary.span(place.bytes())),
            ),
            None => Level::ERROR.primary_title(&self.message).element(Origin::path(&self.file)),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        renderer.render(&[group])
    }
}

impl Place {
    /// The place of a byte range in `text`. A range over several lines is cut to its first one.
    #[must_use]
    pub fn of(text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let shown = text[line_start..].lines().next().unwrap_or_default().to_owned();
        let end = text.floor_char_boundary(span.end).min(line_start + shown.len()).max(start);
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count(),
            shown,
            as_expected: false,
        }
    }

    /// Where the problem is in `shown`.
    fn bytes(&self) -> Range<usize> {
        let byte_of =
            |character: usize| self.shown.char_indices().nth(character).map_or(self.shown.len(), |(byte, _)| byte);
        let first = self.column.saturating_sub(1);
        byte_of(first)..byte_of(first + self.width)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column, .. }) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", normalize_untrusted_str(&self.message))?;
        match &self.help {
            Some(help) => write!(f, " ({})", normalize_untrusted_str(help)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The candidate that `word` was probably meant to be, if one is close.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Computing the distance takes time in proportion to both lengths, and nobody misspells a name this long.
    if word.len() > 80 {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`, if a candidate is close to `word`.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_in_a_template_shows_its_line() {
        let problem =
            Problem::at("templates/a.hbs", "Hi\n{{pr.titel}}\n", (2, 6), "no `titel`", Some("`title`?".to_owned()));
        assert_eq!(problem.to_string(), "templates/a.hbs:2:6: no `titel` (`title`?)");
        insta::assert_snapshot!(problem.render(false), @r"
        error: no `titel`
         --> templates/a.hbs:2:6
          |
        2 | {{pr.titel}}
          |      ^
          |
          = help: `title`?
        ");
    }

    #[test]
    fn a_place_outside_the_text_is_shown_without_a_panic() {
        for at in [(0, 0), (1, 0), (1, 9), (7, 1)] {
            let shown = Problem::at("a.hbs", "Hi ✓", at, "wrong", None).render(false);
            assert!(shown.contains("a.hbs"), "{shown}");
        }
    }

    #[test]
    fn places_count_characters_and_stay_in_their_line() {
        let text = "é = \"\"\"x\ny\"\"\"\r\nb = 1";
        let place = |span| {
            let Place { line, column, width, shown, .. } = Place::of(text, &span);
            (line, column, width, shown)
        };
        assert_eq!(place(5..14), (1, 5, 4, "é = \"\"\"x".to_owned()));
        assert_eq!(place(16..17), (3, 1, 1, "b = 1".to_owned()));
        assert_eq!(place(text.len()..text.len()), (3, 6, 0, "b = 1".to_owned()));
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        let place = Place::of("a = \"\u{1b}[31m\"", &(4..10));
        let problem = Problem {
            file: "a.toml".to_owned(),
            place: Some(place),
            message: "\u{1b}[31m".to_owned(),
            help: Some("\u{1b}[0m".to_owned()),
        };
        assert!(!problem.render(false).contains('\u{1b}'));
        assert!(!problem.to_string().contains('\u{1b}'));
    }

    #[test]
    fn only_a_close_word_is_suggested() {
        let names = ["labels", "repo", "base"];
        assert_eq!(nearest("labls", names), Some("labels"));
        assert_eq!(nearest("Label", names), Some("labels"));
        assert_eq!(nearest("quiet", names), None);
    }
}
