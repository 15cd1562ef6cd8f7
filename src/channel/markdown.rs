//! The tree as Markdown again, for the services that take nothing else: one writer, and for each service its dialect.
//!
//! The structure is what CommonMark and all of them share. How a text is made inert is the dialect's business.

use crate::template::{Block, Inline, flat};

/// U+2060 WORD JOINER, which nobody sees and no value has: it breaks up what a service would take for more than text.
pub(super) const JOINER: char = '\u{2060}';

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

/// The same without what chat services' parsers get wrong, so that no mark is left open and no code comes out of its own:
/// code in bold or italics is text, a block of code in a list or a quote is lines of code, and a quote there is what it
/// quotes.
pub(super) fn simple(blocks: &[Block]) -> Vec<Block> {
    let one = |block: &Block| match block {
        Block::Paragraph(text) => Block::Paragraph(simple_inlines(text, Within::default())),
        Block::Quote(inner) => Block::Quote(simple_within(inner)),
        Block::Code(code) => Block::Code(code.clone()),
        Block::List { start, items } => simple_list(*start, items),
    };
    blocks.iter().map(one).collect()
}

fn simple_within(blocks: &[Block]) -> Vec<Block> {
    let one = |block: &Block| match block {
        Block::Paragraph(text) => vec![Block::Paragraph(simple_inlines(text, Within::default()))],
        Block::Quote(inner) => simple_within(inner),
        Block::Code(code) => {
            let lines = code.lines().filter(|line| !line.trim().is_empty()).enumerate();
            let line = |(index, line): (usize, &str)| {
                let gap = (index > 0).then_some(Inline::Break);
                gap.into_iter().chain([Inline::Code(line.to_owned())])
            };
            vec![Block::Paragraph(lines.flat_map(line).collect())]
        }
        Block::List { start, items } => vec![simple_list(*start, items)],
    };
    blocks.iter().flat_map(one).collect()
}

fn simple_list(start: Option<u64>, items: &[Vec<Block>]) -> Block {
    Block::List { start, items: items.iter().map(|item| simple_within(item)).collect() }
}

/// What a piece of text is part of.
#[derive(Debug, Clone, Copy, Default)]
struct Within {
    strong: bool,
    emphasis: bool,
    link: bool,
}

fn simple_inlines(text: &[Inline], within: Within) -> Vec<Inline> {
    let Within { strong, emphasis, link } = within;
    let one = |inline: &Inline| match inline {
        Inline::Code(code) if strong || emphasis || link => vec![Inline::Text(code.clone())],
        Inline::Strong(inner) if strong => simple_inlines(inner, within),
        Inline::Strong(inner) => apart(Inline::Strong(simple_inlines(inner, Within { strong: true, ..within }))),
        // An asterisk would end it, with a backslash or without, and it doesn't begin with a quotation mark.
        Inline::Emphasis(inner) if emphasis || flat(inner).contains('*') || flat(inner).trim().starts_with('"') => {
            simple_inlines(inner, within)
        }
        Inline::Emphasis(inner) => apart(Inline::Emphasis(simple_inlines(inner, Within { emphasis: true, ..within }))),
        Inline::Link { text, url } => {
            vec![Inline::Link { text: simple_inlines(text, Within { link: true, ..within }), url: url.clone() }]
        }
        // A line with nothing in it would end the paragraph, and leave its marks open.
        Inline::Break => apart(Inline::Break),
        other => vec![other.clone()],
    };
    text.iter().flat_map(one).collect()
}

/// Puts something unseen before and after: marks that touch each other are read as one longer mark.
fn apart(inline: Inline) -> Vec<Inline> {
    vec![Inline::Text(JOINER.to_string()), inline, Inline::Text(JOINER.to_string())]
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

/// An address as it can stand in a link: what would end it there is percent-encoded, and so are the service's own `marks`.
pub(super) fn address(url: &str, marks: &str) -> String {
    let mut address = String::with_capacity(url.len());
    let mut slashes = 0;
    for c in url.chars() {
        // An IPv6 address has brackets, which are at their place before the path only.
        slashes += usize::from(c == '/');
        let is_host = slashes < 3;
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
