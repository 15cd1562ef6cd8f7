//! The tree as Jira's wiki markup.
//!
//! Data Center reads it by one regular expression after another (atlassian-renderer), Cloud once by a parser of its own
//! (editor-wikimarkup-transformer), and neither may find markup in a value. A backslash before a mark works in both. Cloud,
//! however, removes the backslashes within `{*}bold{*}` and then parses the result, so text with a backslash isn't made bold.
//! Entities don't help, because Cloud shows them literally. Where a backslash doesn't help (`https:`, `h1.`, `&lt;`, `:D`), the
//! invisible U+2060 does.

use super::JOINER;
use super::markdown::address;
use crate::template::{Block, Inline, flat};

/// Writes blocks, with an empty line between two of them.
pub(super) fn write(blocks: &[Block]) -> String {
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => paragraph(text),
        // A quote within a quote would end it.
        Block::Quote(inner) => format!("{{quote}}\n{}\n{{quote}}", write(&plain(inner))),
        Block::Code(code) => {
            let code = code.replace("{noformat", &format!("{{{JOINER}noformat"));
            format!("{{noformat}}\n{code}\n{{noformat}}")
        }
        Block::List { start, items } => list("", *start, items).join("\n"),
    }
}

/// Blocks without quotes around them.
fn plain(blocks: &[Block]) -> Vec<Block> {
    let one = |block: &Block| match block {
        Block::Quote(inner) => plain(inner),
        other => vec![other.clone()],
    };
    blocks.iter().flat_map(one).collect()
}

/// The lines of a list. An item's other lines follow its first one, and a nested list has a longer mark.
fn list(outer: &str, start: Option<u64>, items: &[Vec<Block>]) -> Vec<String> {
    let mark = format!("{outer}{}", if start.is_some() { '#' } else { '*' });
    let mut lines = Vec::new();
    for (index, item) in (0..).zip(items) {
        // Jira always counts from one, so other numbers are written as text.
        let number = start.filter(|start| *start != 1).map(|start| format!("{}. ", start.saturating_add(index)));
        let mut text = Vec::new();
        let mut inner = Vec::new();
        for block in plain(item) {
            match block {
                Block::List { start, items } => inner.extend(list(&mark, start, &items)),
                Block::Code(code) => text.extend(code.lines().map(|code| line(&self::code(code)))),
                other => text.push(self::block(&other)),
            }
        }
        let text = text.join("\n");
        let text = text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n");
        let text = if text.is_empty() { JOINER.to_string() } else { text };
        lines.push(format!(
            "{} {}{text}",
            if number.is_some() { mark.replace('#', "*") } else { mark.clone() },
            number.unwrap_or_default()
        ));
        lines.extend(inner);
    }
    lines
}

fn paragraph(text: &[Inline]) -> String {
    let written = inlines(text);
    let lines = written.lines().map(line).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// A line that begins with `h1.` or `bq.` is a heading or a quote, even within a color.
pub(super) fn line(written: &str) -> String {
    let line = written.trim();
    let block = ["h1.", "h2.", "h3.", "h4.", "h5.", "h6.", "bq."].iter().any(|start| line.starts_with(start));
    if block { format!("{JOINER}{line}") } else { line.to_owned() }
}

fn inlines(text: &[Inline]) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => self::text(text),
        Inline::Code(code) => self::code(code),
        Inline::Strong(inner) => marked(inner, "{*}"),
        Inline::Emphasis(inner) => marked(inner, "{_}"),
        Inline::Link { text, url } => link(&flat(text), url),
        Inline::Break => "\n".to_owned(),
    };
    text.iter().map(one).collect()
}

/// Bold or italic, unless there is something in it that has to be escaped.
fn marked(inner: &[Inline], mark: &str) -> String {
    let written = inlines(inner);
    let trimmed = written.trim();
    let harmless = inner.iter().all(|inline| match inline {
        Inline::Text(text) => *text == self::text(text),
        Inline::Link { .. } => true,
        _ => false,
    });
    if harmless && !trimmed.is_empty() && line(trimmed) == trimmed {
        written.replace(trimmed, &format!("{mark}{trimmed}{mark}"))
    } else {
        written
    }
}

fn code(code: &str) -> String {
    let inert = text(code);
    // Data Center doesn't allow U+2060 in there.
    if inert.contains(JOINER) || inert.trim().is_empty() { inert } else { format!("{{{{{}}}}}", inert.trim()) }
}

/// Escapes a text, so that Jira finds no markup in it.
pub(super) fn text(value: &str) -> String {
    let letters = value.chars().collect::<Vec<_>>();
    let at = |index: Option<usize>| index.and_then(|index| letters.get(index)).copied();
    let mut inert = String::with_capacity(value.len() + 16);
    for (index, &letter) in letters.iter().enumerate() {
        let (before, after) = (at(index.checked_sub(1)), at(Some(index + 1)));
        let in_word = [before, after].iter().flatten().filter(|c| c.is_ascii_alphanumeric()).count() == 2;
        match letter {
            // Two backslashes end a line, and one before a mark escapes it.
            '\\' => inert.extend([letter, JOINER]),
            // `{*}` and `{{` are marks, and Data Center looks for them after the backslashes are gone.
            '{' | '[' => inert.extend(['\\', letter, JOINER]),
            // Addresses and emoticons, but not a time of day.
            ':' if after != Some(' ')
                && [before, after].iter().flatten().filter(|c| c.is_ascii_digit()).count() != 2 =>
            {
                inert.extend([letter, JOINER]);
            }
            '&' if after.is_none_or(|c| c == '#' || c.is_ascii_alphanumeric()) => inert.extend([letter, JOINER]),
            // Within a word these aren't marks, and a ticket's key must stay one.
            '-' | '_' if in_word => inert.push(letter),
            '-' | '#' | '*' | '_' | '+' | '?' | '^' | '~' | '|' | '%' | '}' | ']' | '(' | ')' | '!' | '@' => {
                inert.extend(['\\', letter]);
            }
            _ => inert.push(letter),
        }
    }
    inert
}

/// A link. In a link these characters always have a meaning, escaped or not, so they are replaced by look-alikes.
pub(super) fn link(words: &str, url: &str) -> String {
    let like = |letter: char| match letter {
        '[' => '(',
        ']' => ')',
        '|' => '¦',
        '!' => '！',
        '^' => 'ˆ',
        other => other,
    };
    let words = words.chars().map(like).collect::<String>();
    format!("[{}|{}]", text(words.trim()), address(url, "[]{}|^!*~$'"))
}
