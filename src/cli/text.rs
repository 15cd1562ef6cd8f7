//! Text for a terminal.

use std::borrow::Cow;
use std::sync::LazyLock;

use console::{Style, Term, measure_text_width};
use textwrap::{Options, WordSeparator, WordSplitter};

/// The columns for a pipe or a file, about as many as in mail programs.
const WIDTH: usize = 90;
/// The most columns that are used, since longer lines are hard to read.
const WIDEST: usize = 120;
/// The fewest columns: nothing fits into less.
const NARROWEST: usize = 40;

/// The properties of standard output.
struct Screen {
    columns: usize,
    colour: bool,
}

static SCREEN: LazyLock<Screen> = LazyLock::new(|| {
    let term = Term::stdout();
    let columns = term.size_checked().filter(|_| term.is_term());
    let columns = columns.map_or(WIDTH, |(_, columns)| usize::from(columns).clamp(NARROWEST, WIDEST));
    Screen { columns, colour: has_colour(&std::io::stdout()) }
});

/// Whether a stream gets colours: it is a terminal, and `NO_COLOR` isn't set (<https://no-color.org>).
pub(super) fn has_colour(stream: &impl std::io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// A text in colour, if standard output has colours.
pub(super) fn painted(text: &str, style: Style) -> String {
    style.force_styling(SCREEN.colour).apply_to(text).to_string()
}

/// A message in a frame, with a head above it.
pub(super) fn framed(head: &str, subject: &str, text: &str) -> String {
    framed_in(SCREEN.columns, head, subject, text)
}

/// A wrapped line after a mark, with the further lines indented like the first.
pub(super) fn hanging(mark: &str, line: &str) -> String {
    hanging_in(SCREEN.columns, mark, line)
}

/// The same in a table of this width, whatever the terminal's is.
pub(super) fn hanging_within(width: usize, mark: &str, line: &str) -> String {
    hanging_in(width.min(SCREEN.columns), mark, line)
}

/// Texts beside each other, each wrapped in a column of its own; a word that doesn't fit is broken, at its hyphens if it can be.
pub(super) fn beside<const N: usize>(texts: [&str; N], widths: [usize; N]) -> String {
    let options = |width| Options::new(width).word_separator(WordSeparator::AsciiSpace);
    let columns: [Vec<_>; N] = std::array::from_fn(|column| textwrap::wrap(texts[column], options(widths[column])));
    let height = columns.iter().map(Vec::len).max().unwrap_or_default();
    let line = |row: usize| {
        let cells = columns.iter().zip(widths).map(|(column, width)| {
            let text = column.get(row).map_or("", |text| text);
            format!("{text}{}", " ".repeat(width.saturating_sub(measure_text_width(text))))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn framed_in(columns: usize, head: &str, subject: &str, text: &str) -> String {
    let lines = [subject, ""].into_iter().chain(text.trim_end().lines());
    let lines = lines.flat_map(|line| wrapped(line, columns - 2)).map(|line| format!("│ {line}").trim_end().to_owned());
    format!("{}\n{}\n└", hanging_in(columns, "┌ ", head), lines.collect::<Vec<_>>().join("\n"))
}

fn hanging_in(columns: usize, mark: &str, line: &str) -> String {
    let indent = measure_text_width(mark);
    let further = format!("\n{}", " ".repeat(indent));
    format!("{mark}{}", wrapped(line, columns.saturating_sub(indent)).join(&further))
}

/// Wraps a line at spaces; its beginning (`> `, spaces) is repeated on the further lines. A longer word stays whole,
/// since it is mostly an address.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let words = line.trim_start_matches(['>', ' ']);
    let begin = &line[..line.len() - words.len()];
    let options = Options::new(width)
        .initial_indent(begin)
        .subsequent_indent(begin)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(words, options).into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        let table: &[(&str, &[&str])] = &[
            ("", &[""]),
            ("one two", &["one two"]),
            ("one two three", &["one two", "three"]),
            ("> one two three", &["> one two", "> three"]),
            ("see https://example.com/a/b now", &["see", "https://example.com/a/b", "now"]),
            ("éé éé éé éé", &["éé éé éé", "éé"]),
            ("日本 日本 日本", &["日本 日本", "日本"]),
        ];
        for (line, expected) in table {
            assert_eq!(wrapped(line, 9), *expected, "{line}");
        }
    }

    #[test]
    fn a_message_is_framed() {
        insta::assert_snapshot!(framed_in(90, "web → mailbox", "A subject", "Text.\n\n> A quote.\n\nWhy.\n"), @"
        ┌ web → mailbox
        │ A subject
        │
        │ Text.
        │
        │ > A quote.
        │
        │ Why.
        └
        ");
    }

    #[test]
    fn further_lines_hang() {
        let line = "word ".repeat(40);
        for columns in [NARROWEST, WIDTH] {
            let text = hanging_in(columns, "\u{1b}[32myes\u{1b}[0m  ", line.trim_end());
            assert!(text.lines().all(|line| measure_text_width(line) <= columns), "{text}");
            assert!(text.lines().skip(1).all(|line| line.starts_with("     word")), "{text}");
        }
    }
}
