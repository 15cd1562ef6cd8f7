//! The tree as Markdown again, for the services that take nothing else: one writer, and for each service its dialect.
//!
//! The structure is what CommonMark and all of them share. How a text is made inert is the dialect's business.

use super::JOINER;
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
    if meet { format!("{written}{JOINER}{piece}") } else { written + &piece }
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

/// An address as it can stand in a link: what would end it there is percent-encoded, and so are the service's own `marks`.
pub(super) fn address(url: &str, marks: &str) -> String {
    let mut address = String::with_capacity(url.len());
    let mut slashes = 0;
    for c in url.chars() {
        // An IPv6 address has brackets, which are at their place before the path only.
        slashes += usize::from(c == '/');
        let is_host = slashes == 2;
        let ends = |c| "()<>\"\\`".contains(c) || ("[]".contains(c) && !is_host) || marks.contains(c);
        if c.is_ascii_graphic() && !ends(c) {
            address.push(c);
        } else {
            address.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    address
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

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_ends_nothing() {
        let table = [
            ("https://x.example/a_b(c)*`|é?d=1&e#f", "https://x.example/a_b%28c%29%2A%60|%C3%A9?d=1&e#f"),
            ("https://[::1]/[a]\\<b>\"", "https://[::1]/%5Ba%5D%5C%3Cb%3E%22"),
            ("mailto:[a]@x.example", "mailto:%5Ba%5D@x.example"),
        ];
        for (url, expected) in table {
            assert_eq!(address(url, "*"), expected);
        }
        assert_eq!(address("https://[::1]/", "[]"), "https://%5B::1%5D/");
    }
}
