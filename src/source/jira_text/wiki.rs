//! Jira's wiki markup as plain text.
//!
//! It is deliberately simple: markup that would be noise in a sentence is removed, and what isn't recognised stays as
//! it was written. See Jira's "Text Formatting Notation Help".

use super::Written;
use crate::source::people;

/// Blocks whose content isn't the author's own text.
const QUOTING: [&str; 3] = ["quote", "code", "noformat"];
/// Macros whose content is the author's own text.
const DECORATING: [&str; 3] = ["color", "panel", "anchor"];

/// The most bytes between the beginning and the end of markup. Longer links and emphasis stay as they were written, so
/// that a line of open brackets costs no more than any other.
const SPAN: usize = 1_000;

/// Wiki markup as plain text, line by line.
pub fn plain(markup: &str) -> Written {
    let mut written = Written::default();
    let mut quoting: Option<&str> = None;
    // This includes escaped text, code and emphasis, since nobody can read an id.
    for line in people::in_markup(markup).lines() {
        let mut own = String::new();
        let mut all = String::new();
        let mut rest = line;
        while let Some((before, name, after)) = next_macro(rest) {
            push(before, quoting.is_none(), &mut own, &mut all);
            match quoting {
                Some(open) if open == name => quoting = None,
                // Within code, other macros are part of the code.
                Some(_) => {}
                None => quoting = QUOTING.into_iter().find(|block| *block == name),
            }
            rest = after;
        }
        push(rest, quoting.is_none(), &mut own, &mut all);
        written.line(&tidy(&own), &tidy(&all), is_quote(&own));
    }
    written
}

fn push(text: &str, is_own: bool, own: &mut String, all: &mut String) {
    if is_own {
        own.push_str(text);
    }
    all.push_str(text);
}

/// The text before the first known `{macro}` or `{macro:parameters}`, its name, and the text after it.
fn next_macro(text: &str) -> Option<(&str, &'static str, &str)> {
    text.match_indices('{').find_map(|(open, _)| {
        let close = open + text[open..text.floor_char_boundary(open + SPAN)].find('}')?;
        let inside = &text[open + 1..close];
        let name = inside.split(':').next().unwrap_or_default();
        let known = QUOTING.into_iter().chain(DECORATING).find(|known| *known == name)?;
        Some((&text[..open], known, &text[close + 1..]))
    })
}

/// One line without headings, links, images and emphasis.
fn tidy(line: &str) -> String {
    let line = heading_or_quote(line);
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['[', '!', '\\', '*', '_', '+', '{', '}']) {
        let (before, mark) = rest.split_at(at);
        plain.push_str(before);
        let starts_word = !plain.ends_with(char::is_alphanumeric);
        let (text, after) = span(mark, starts_word);
        plain.push_str(&text);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn heading_or_quote(line: &str) -> &str {
    match line.trim_start().split_once(". ") {
        Some(("h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "bq", text)) => text,
        _ => line,
    }
}

fn is_quote(line: &str) -> bool {
    line.trim_start().strip_prefix("bq.").is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

/// The plain text of the markup at the beginning of `text`, and the rest.
fn span(text: &str, starts_word: bool) -> (String, &str) {
    let literal = || {
        let next = text.chars().next().map_or(0, char::len_utf8);
        (text[..next].to_owned(), &text[next..])
    };
    match text.as_bytes() {
        // A forced line break, and an escaped character
        [b'\\', b'\\', ..] => (" ".to_owned(), &text[2..]),
        [b'\\', next, ..] if next.is_ascii_punctuation() => (text[1..2].to_owned(), &text[2..]),
        [b'[', ..] => between(text, "[", "]").map_or_else(literal, |(inside, after)| (link(inside), after)),
        [b'!', ..] if starts_word => match between(text, "!", "!") {
            Some((inside, after)) if inside.contains('.') && !inside.contains(' ') => (String::new(), after),
            _ => literal(),
        },
        [b'{', b'{', ..] => between(text, "{{", "}}").map_or_else(literal, |(code, after)| (code.to_owned(), after)),
        [mark @ (b'*' | b'_' | b'+'), ..] if starts_word => {
            let mark = char::from(*mark).to_string();
            match between(text, &mark, &mark) {
                Some((inside, after)) if is_emphasis(inside, after) => (inside.to_owned(), after),
                _ => literal(),
            }
        }
        _ => literal(),
    }
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let text = text.strip_prefix(open)?;
    let at = text[..text.floor_char_boundary(SPAN)].find(close).filter(|at| *at > 0)?;
    Some((&text[..at], &text[at + close.len()..]))
}

/// `*bold*`, but not `* item one * two` nor `a_b_c`.
fn is_emphasis(inside: &str, after: &str) -> bool {
    !inside.starts_with(' ') && !inside.ends_with(' ') && !after.starts_with(char::is_alphanumeric)
}

/// `[text|url]`, `[url]`, `[^attachment]`; anything else keeps its brackets.
fn link(inside: &str) -> String {
    if let Some((text, _)) = inside.split_once('|') {
        return text.to_owned();
    }
    let bare = ["http://", "https://", "mailto:", "^", "#"].iter().any(|start| inside.starts_with(start));
    if bare { inside.trim_start_matches(['^', '#']).to_owned() } else { format!("[{inside}]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_plain_text() {
        for (markup, text) in [
            (
                "Done by [~alexdoe], see [the page|https://example.com/a_b_c|smart-link].",
                "Done by \u{2068}~alexdoe\u{2069}, see the page.",
            ),
            (
                "[~accountid:5c5f88:06] [https://example.com] [^log.txt] [TODO]",
                "\u{2068}~accountid:5c5f88:06\u{2069} https://example.com log.txt [TODO]",
            ),
            ("*[~accountid:5c]* {{[~ana]}}", "\u{2068}~accountid:5c\u{2069} \u{2068}~ana\u{2069}"),
            ("h2. Why\nIt is *very* _much_ +needed+, {{snake_case}}.", "Why\nIt is very much needed, snake_case."),
            ("* item * one\na*b*c and snake_case_name", "* item * one\na*b*c and snake_case_name"),
            ("{color:#ff0000}red{color} !image.png|thumbnail! wow! yes!", "red  wow! yes!"),
            ("\\[DATA-1\\] a\\\\b", "[DATA-1] a b"),
            ("unclosed [link and {brace and *star", "unclosed [link and {brace and *star"),
        ] {
            let written = plain(markup);
            assert_eq!(written.own.trim_end(), text, "{markup}");
            assert_eq!(written.all.trim_end(), text, "{markup}");
        }
    }

    #[test]
    fn quotes_and_code_are_not_the_authors_own_words() {
        for (markup, own, all) in [
            ("{quote}\n/assume x\n{quote}\nI agree", "I agree", "/assume x\n\nI agree"),
            ("{code:java}a {quote} b{code}c", "c", "a  bc"),
            ("{noformat}\n/block x\n{noformat}", "", "/block x"),
            ("bq. /assume x\nNo.", "No.", "/assume x\nNo."),
            (" bq. /assume x\nNo.", "No.", "/assume x\nNo."),
            ("{quote:title=x}\n/assume x\n{quote}", "", "/assume x"),
            ("{color:red}bq. x{color}", "", "x"),
            ("{quote}never closed\n/assume x", "", "never closed\n/assume x"),
        ] {
            let written = plain(markup);
            assert_eq!((written.own.trim(), written.all.trim()), (own, all), "{markup}");
        }
    }
}
