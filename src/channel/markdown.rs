//! The tree as Markdown again, for services that accept nothing else: one writer, with a dialect for each service.
//!
//! All of them share CommonMark's structure. The dialect says how a text is escaped.

use super::JOINER;
use crate::template::{Block, Inline};

/// What differs between services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Escapes one line of text, so that nothing in it is markup, a link or a mention
    pub text: fn(&str) -> String,
    /// Writes one line of code
    pub code: fn(&str) -> String,
    /// Writes a link with a text that is already escaped
    pub link: fn(&str, &str) -> String,
    /// The mark around strong text
    pub strong: &'static str,
    /// The mark around emphasis
    pub emphasis: &'static str,
    /// A line break within a paragraph
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

/// Writes the pieces of a paragraph.
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

/// Puts one piece after another. Adjacent marks would be read as one longer mark, so an invisible character separates them.
fn beside(written: String, piece: String) -> String {
    let meet =
        written.chars().last().filter(|c| "*_~`".contains(*c)).is_some() && piece.starts_with(['*', '_', '~', '`']);
    if meet { format!("{written}{JOINER}{piece}") } else { written + &piece }
}

/// A mark with a space on its inner side has no effect, so the space is moved outside.
fn wrapped(text: &str, mark: &str) -> String {
    let inner = text.trim();
    if inner.is_empty() {
        return text.to_owned();
    }
    let start = text.len() - text.trim_start().len();
    let (before, after) = (&text[..start], &text[start + inner.len()..]);
    format!("{before}{mark}{inner}{mark}{after}")
}

/// A block of code, with a fence that is longer than any run of backticks in it.
fn fenced(code: &str) -> String {
    let fence = "`".repeat(longest_row(code).max(2) + 1);
    format!("{fence}\n{code}\n{fence}")
}

/// An address for a link: characters that would end it are percent-encoded, and so are the service's own `marks`.
pub(super) fn address(url: &str, marks: &str) -> String {
    let mut address = String::with_capacity(url.len());
    let mut slashes = 0;
    for c in url.chars() {
        // Only the host may have brackets, around an IPv6 address.
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

/// The length of the longest run of backticks.
pub(super) fn longest_row(code: &str) -> usize {
    code.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Inline code as in CommonMark: between backticks that are more than any run of them in the code, and with a space if the
/// code starts or ends with one.
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
