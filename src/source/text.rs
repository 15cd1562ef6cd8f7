//! What people write, as plain text that fits into a line or a sentence.

use pulldown_cmark::{Event as Mark, Options, Parser, Tag, TagEnd};

use super::note;

/// Characters of a summary.
const SUMMARY: usize = 280;
/// Characters of a title; both sources allow 255, a commit's first line has no bound.
const TITLE: usize = 300;
/// Bytes of a description that conditions see. Every subject keeps it, and what decides stands at the beginning.
const BODY: usize = 16 * 1024;
/// A first paragraph is found in the beginning of a text, or it is no summary.
const LOOKED_AT: usize = 64 * 1024;

/// One line of at most 300 characters.
pub fn title(text: &str) -> String {
    cut(text, TITLE)
}

/// One line of at most 280 characters; `None` where nothing is left.
pub fn excerpt(text: &str) -> Option<String> {
    Some(cut(text, SUMMARY)).filter(|text| !text.is_empty())
}

/// Folds white space and control characters, and cuts between words what is longer than `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let space = usize::from(length > 0);
        length += space + word.chars().count();
        if length > most {
            if line.is_empty() {
                line.extend(word.chars().take(most - 1));
            }
            while line.chars().count() >= most {
                line.truncate(
                    line.rfind(' ').unwrap_or(line.len() - line.chars().next_back().map_or(0, char::len_utf8)),
                );
            }
            line.push('…');
            return line;
        }
        line.extend((space == 1).then_some(' '));
        line.push_str(word);
    }
    line
}

/// A description as it is kept for conditions: as written, and not without bound.
pub fn body(text: Option<&str>) -> String {
    beginning(text.unwrap_or_default(), BODY).to_owned()
}

/// The beginning of a text, at most `most` bytes.
fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The first paragraph of plain text, without the lines that are notes.
pub fn summary_of_plain(text: &str) -> Option<String> {
    let lines = beginning(text, LOOKED_AT).lines().filter(|line| note::command(line).is_none());
    let blank = |line: &&str| line.trim().is_empty();
    let paragraph: Vec<&str> = lines.skip_while(blank).take_while(|line| !blank(line)).collect();
    excerpt(&paragraph.join(" "))
}

/// The first paragraph of Markdown as plain text: no quotes, code blocks, images, HTML, headings (unless there is
/// nothing else), nor the lines that are notes.
pub fn summary_of_markdown(text: &str) -> Option<String> {
    let own = own_words(beginning(text, LOOKED_AT));
    let lines = own.lines().filter(|line| note::command(line).is_none());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut heading = None;
    let mut block = String::new();
    let mut hidden = 0_u32;
    for mark in
        Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
    {
        match mark {
            Mark::Start(tag) if hides(&tag) => hidden += 1,
            Mark::End(
                TagEnd::BlockQuote(_) | TagEnd::CodeBlock | TagEnd::Image | TagEnd::Table | TagEnd::HtmlBlock,
            ) => {
                hidden = hidden.saturating_sub(1);
            }
            Mark::Text(text) | Mark::Code(text) if hidden == 0 => block.push_str(&text),
            Mark::SoftBreak | Mark::HardBreak => block.push(' '),
            Mark::End(TagEnd::Heading(_)) => heading = heading.or_else(|| excerpt(&std::mem::take(&mut block))),
            // A tight list has no paragraphs: an item ends where it ends, or where a list within it starts.
            Mark::End(TagEnd::Paragraph | TagEnd::Item) | Mark::Start(Tag::List(_)) => {
                let paragraph = excerpt(&std::mem::take(&mut block));
                if paragraph.is_some() {
                    return paragraph;
                }
            }
            _ => {}
        }
    }
    heading
}

fn hides(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::Image { .. } | Tag::Table(_) | Tag::HtmlBlock)
}

/// Markdown without what its author does not say: fenced code and HTML comments (templates are full of them). Lines
/// stay lines. Quotes and indented code remain, and can be told by how their lines start.
pub fn own_words(text: &str) -> String {
    let mut own = String::with_capacity(text.len());
    let mut fence: Option<(char, usize)> = None;
    let mut in_comment = false;
    for line in text.lines() {
        match fence {
            Some((mark, length)) => {
                let closing = fence_of(line).is_some_and(|(m, l, info)| m == mark && l >= length && info.is_empty());
                fence = fence.filter(|_| !closing);
            }
            None if in_comment => push_outside_comments(line, &mut in_comment, &mut own),
            None => match fence_of(line) {
                Some((mark, length, _)) => fence = Some((mark, length)),
                None => push_outside_comments(line, &mut in_comment, &mut own),
            },
        }
        own.push('\n');
    }
    own
}

/// The mark, length and info string of a line that opens or closes fenced code (CommonMark 0.31, 4.5).
fn fence_of(line: &str) -> Option<(char, usize, &str)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = text.trim_start_matches(mark);
    let length = text.len() - info.len();
    let fence = line.len() - text.len() <= 3 && length >= 3 && !(mark == '`' && info.contains('`'));
    fence.then(|| (mark, length, info.trim()))
}

fn push_outside_comments(line: &str, in_comment: &mut bool, own: &mut String) {
    let mut rest = line;
    loop {
        let (mark, length) = if *in_comment { ("-->", 3) } else { ("<!--", 4) };
        let (before, after) = match rest.find(mark) {
            // What is in a code span is no comment.
            Some(at) if !rest[..at].ends_with('`') => (&rest[..at], Some(&rest[at + length..])),
            _ => (rest, None),
        };
        if !*in_comment {
            own.push_str(before);
        }
        let Some(after) = after else { return };
        *in_comment = !*in_comment;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_paragraph_in_plain_words() {
        for (markdown, summary) in [
            (
                "Adds `id` to **every** [row](https://example.com).\nSecond line.\n\nMore.",
                "Adds id to every row. Second line.",
            ),
            ("<!-- Tell us\n\nwhat -->\n\n## Summary\n\nAdds ids.", "Adds ids."),
            ("# Only a heading", "Only a heading"),
            ("> what they said\n\nMy answer.", "My answer."),
            ("```\ncode\n```\nThen words.", "Then words."),
            ("- first *item*\n- second", "first item"),
            ("1. outer\n   - inner", "outer"),
            ("- [ ] to do", "to do"),
            ("/assume ids are stable\nThe rest.", "The rest."),
            ("![badge](https://example.com/b.svg)\n\nWords.", "Words."),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter the table.", "After the table."),
            ("a\r\nb\tc\u{7}d\u{a0}e", "a b c d e"),
            ("<b>bold</b> words", "bold words"),
        ] {
            assert_eq!(summary_of_markdown(markdown).as_deref(), Some(summary), "{markdown}");
        }
        for nothing in ["", "  \n", "/assume x", "<!-- x -->", "![](a.png)", "> quote"] {
            assert_eq!(summary_of_markdown(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        let cut_at_ten = |text| cut(text, 10);
        assert_eq!(cut_at_ten("one two th"), "one two th");
        assert_eq!(cut_at_ten("one two three"), "one two…");
        assert_eq!(cut_at_ten("one two th x"), "one two…", "the mark needs room too");
        assert_eq!(cut_at_ten("onetwothreefour"), "onetwothr…");
        assert_eq!(cut_at_ten("ééééééééééééééé"), "ééééééééé…");
        let long = "word ".repeat(200);
        let summary = summary_of_markdown(&long).unwrap_or_default();
        assert!(summary.ends_with(" word…") && summary.chars().count() <= 280, "{summary}");
    }

    #[test]
    fn own_words_leave_out_fenced_code_and_comments() {
        for (markdown, own) in [
            ("a\n```rust\nb\n```\nc", "a\n\n\n\nc\n"),
            ("~~~\nb\n```\n~~~~\nc", "\n\n\n\nc\n"),
            ("```\nnever closed", "\n\n"),
            ("```inline``` c", "```inline``` c\n"),
            ("a <!-- b --> c <!-- d\ne\nf --> g", "a  c \n\n g\n"),
            ("<!--\n```\n-->\nc", "\n\n\nc\n"),
            ("a `<!--` b", "a `<!--` b\n"),
        ] {
            assert_eq!(own_words(markdown), own, "{markdown}");
        }
    }
}
