//! The tree as Markdown again, for the services that take nothing else: one writer, and for each service its dialect.
//!
//! The structure is what CommonMark and all of them share. How a text is made inert is the dialect's business.

use crate::template::{Block, Inline};

/// What differs from one service to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Makes one line of text inert: nothing in it is markup, a link or a mention
    pub text: fn(&str) -> String,
    /// Writes one line of code
    pub code: fn(&str) -> String,
    /// Writes a link of a text that is inert already
    pub link: fn(&str, &str) -> String,
    /// What stands before and after what matters
    pub strong: &'static str,
    /// What stands before and after what is stressed
    pub emphasis: &'static str,
    /// How a paragraph goes on in a new line
    pub line: &'static str,
}

/// Writes blocks, with an empty line between two of them.
pub(super) fn write(blocks: &[Block], dialect: &Dialect) -> String {
    blocks.iter().map(|one| block(one, dialect)).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block, dialect: &Dialect) -> String {
    match block {
        Block::Paragraph(text) => inlines(text, dialect),
        Block::Quote(inner) => hang("> ", "> ", &write(inner, dialect)),
        Block::Code(code) => fenced(code),
        Block::List { start, items } => {
            let item = |(index, blocks): (u64, &Vec<Block>)| {
                let mark = start.map_or("- ".to_owned(), |start| format!("{}. ", start.saturating_add(index)));
                let text = blocks.iter().map(|one| self::block(one, dialect)).collect::<Vec<_>>().join("\n");
                hang(&mark, &" ".repeat(mark.len()), &text)
            };
            (0..).zip(items).map(item).collect::<Vec<_>>().join("\n")
        }
    }
}

/// A piece of a paragraph.
pub(super) fn inlines(text: &[Inline], dialect: &Dialect) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => (dialect.text)(text),
        Inline::Code(code) => (dialect.code)(code),
        Inline::Strong(inner) => wrapped(&inlines(inner, dialect), dialect.strong),
        Inline::Emphasis(inner) => wrapped(&inlines(inner, dialect), dialect.emphasis),
        Inline::Link { text, url } => (dialect.link)(&inlines(text, dialect), url),
        Inline::Break => dialect.line.to_owned(),
    };
    text.iter().map(one).reduce(beside).unwrap_or_default()
}

/// Puts one piece after another. Marks that meet would be read as one longer mark: an unseen letter keeps them apart.
fn beside(written: String, piece: String) -> String {
    let meet =
        written.chars().last().filter(|c| "*_~`".contains(*c)).is_some() && piece.starts_with(['*', '_', '~', '`']);
    format!("{written}{}{piece}", if meet { "\u{2060}" } else { "" })
}

/// A mark with a space at its inner side marks nothing, so the space goes outside.
fn wrapped(text: &str, mark: &str) -> String {
    let inner = text.trim();
    if inner.is_empty() {
        return text.to_owned();
    }
    let start = text.len() - text.trim_start().len();
    let (before, after) = (&text[..start], &text[start + inner.len()..]);
    format!("{before}{mark}{inner}{mark}{after}")
}

/// A fence is longer than any row of its own kind within.
fn fenced(code: &str) -> String {
    let fence = "`".repeat(longest_row(code).max(2) + 1);
    format!("{fence}\n{code}\n{fence}")
}

/// How many backticks stand in a row, at most.
pub(super) fn longest_row(code: &str) -> usize {
    code.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Code in a line, as CommonMark has it: marks that are longer than any row within, and a space where code begins or ends
/// with one.
pub(super) fn code_span(code: &str) -> String {
    let mark = "`".repeat(longest_row(code) + 1);
    let space = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{mark}{space}{code}{space}{mark}")
}

/// Puts `first` before the first line and `rest` before the others.
fn hang(first: &str, rest: &str, text: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(index, line)| format!("{}{line}", if index == 0 { first } else { rest }));
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
