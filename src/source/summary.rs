//! The summary of a text in one line: its first paragraph or list, after any breaking change that it mentions.

use pulldown_cmark::{Event as Mark, Options, Parser, Tag, TagEnd};

use super::note;
use super::text::{SUMMARY, beginning, excerpt, own_words_with_code};

/// How much of a text is searched for its first paragraph.
const LOOKED_AT: usize = 64 * 1024;

/// The first paragraph of plain text, without the lines that are notes.
pub fn of_plain(text: &str) -> Option<String> {
    let lines = beginning(text, LOOKED_AT).lines().filter(|line| note::command(line).is_none());
    let blank = |line: &&str| line.trim().is_empty();
    let paragraph: Vec<&str> = lines.skip_while(blank).take_while(|line| !blank(line)).collect();
    excerpt(&paragraph.join(" "))
}

/// The first paragraph or list of Markdown as plain text, without quotes, code blocks, images, HTML, notes, and
/// headings (unless there is nothing else). What the text calls breaking comes first, wherever it is.
pub fn of_markdown(text: &str) -> Option<String> {
    let own = own_words_with_code(beginning(text, LOOKED_AT));
    let lines = own.lines().filter(|line| note::command(line).is_none());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let breaks = text.to_ascii_lowercase().contains(BREAKING);
    let mut parts = Parts { whole: breaks, ..Parts::default() };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for mark in Parser::new_ext(&text, options) {
        if !parts.read(mark) {
            break;
        }
    }
    let mut parts = parts.read;
    let breaking = if breaks { take_breaking(&mut parts) } else { Vec::new() };
    let (first, is_list) = first(&parts);
    let breaking = join(&breaking);
    match (breaking.is_empty(), first.is_empty()) {
        (true, _) => excerpt(&first),
        (false, true) => excerpt(&breaking),
        (false, false) if breaking.ends_with(['.', '!', '?', ':', ';']) => excerpt(&format!("{breaking} {first}")),
        (false, false) => excerpt(&format!("{breaking}{} {first}", if is_list { ";" } else { "." })),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Heading,
    Paragraph,
    Item,
    /// An unticked box, which means that something isn't so
    OpenTask,
}

impl Shape {
    fn is_item(self) -> bool {
        matches!(self, Self::Item | Self::OpenTask)
    }
}

/// A part of a text, its lines as they are.
#[derive(Debug)]
struct Part {
    shape: Shape,
    text: String,
}

/// The parts of a text as they are read.
#[derive(Debug, Default)]
struct Parts {
    /// Whether all parts are needed, or only the first ones
    whole: bool,
    read: Vec<Part>,
    text: String,
    hidden: u32,
    items: u32,
    open_task: bool,
}

impl Parts {
    /// Reads the next event; returns whether more are needed.
    fn read(&mut self, mark: Mark<'_>) -> bool {
        match mark {
            Mark::Start(tag) if hides(&tag) => self.hidden += 1,
            Mark::End(
                TagEnd::BlockQuote(_) | TagEnd::CodeBlock | TagEnd::Image | TagEnd::Table | TagEnd::HtmlBlock,
            ) => self.hidden = self.hidden.saturating_sub(1),
            Mark::Text(text) | Mark::Code(text) if self.hidden == 0 => self.text.push_str(&text),
            Mark::SoftBreak | Mark::HardBreak => self.text.push('\n'),
            Mark::TaskListMarker(done) => self.open_task = !done,
            Mark::Start(Tag::Item) => self.items += 1,
            // A tight list has no paragraphs, so an item ends at its end, or where a list inside it starts.
            Mark::Start(Tag::List(_)) | Mark::End(TagEnd::Paragraph) => return self.end(Shape::Paragraph),
            Mark::End(TagEnd::Item) => {
                let more = self.end(Shape::Paragraph);
                self.items = self.items.saturating_sub(1);
                return more;
            }
            Mark::End(TagEnd::Heading(_)) => return self.end(Shape::Heading),
            _ => {}
        }
        true
    }

    fn end(&mut self, shape: Shape) -> bool {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            let open = std::mem::take(&mut self.open_task);
            let shape = match (self.items, open) {
                (0, _) => shape,
                (_, true) => Shape::OpenTask,
                (_, false) => Shape::Item,
            };
            self.read.push(Part { shape, text });
        }
        self.whole || !is_enough(&self.read)
    }
}

fn hides(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::Image { .. } | Tag::Table(_) | Tag::HtmlBlock)
}

/// Whether the rest of the text can't change the summary.
fn is_enough(parts: &[Part]) -> bool {
    let Some((last, before)) = parts.split_last() else { return false };
    let has = before.iter().any(|part| part.shape != Shape::Heading);
    match last.shape {
        Shape::Paragraph => has || !announces(&last.text),
        Shape::Heading => has,
        // That is more than a summary can show.
        Shape::Item | Shape::OpenTask => parts.iter().map(|part| part.text.len()).sum::<usize>() > 4 * SUMMARY,
    }
}

/// Whether a paragraph announces a list.
fn announces(paragraph: &str) -> bool {
    paragraph.trim_end().ends_with(':')
}

/// The first paragraph or list, both if the paragraph announces a list, or the heading if there is nothing else; and
/// whether it begins with an item of a list.
fn first(parts: &[Part]) -> (String, bool) {
    let Some(begin) = parts.iter().position(|part| part.shape != Shape::Heading) else {
        return (parts.first().map(|part| line(&part.text)).unwrap_or_default(), false);
    };
    let items = |from: usize| {
        let items = parts[from..].iter().take_while(|part| part.shape.is_item()).map(|part| line(&part.text));
        join(&items.collect::<Vec<_>>())
    };
    let text = &parts[begin].text;
    match parts[begin].shape {
        shape if shape.is_item() => (items(begin), true),
        _ if announces(text) => (format!("{} {}", line(text), items(begin + 1)).trim_end().to_owned(), false),
        _ => (line(text), false),
    }
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Joins several parts into one line. Each may have been a sentence.
fn join(items: &[String]) -> String {
    let Some((last, others)) = items.split_last() else { return String::new() };
    let others = others.iter().map(|item| item.trim_end_matches(['.', ';', ',']));
    others.chain([last.as_str()]).collect::<Vec<_>>().join("; ")
}

const BREAKING: &str = "breaking";

/// Removes breaking changes from the parts and returns them: items, paragraphs from the line that says so, and
/// everything under such a heading.
fn take_breaking(parts: &mut Vec<Part>) -> Vec<String> {
    let mut breaking = Vec::new();
    let mut rest = Vec::new();
    let mut under: Option<Part> = None;
    let mut in_list = false;
    for part in parts.drain(..) {
        match part.shape {
            Shape::Heading => {
                rest.extend(under.take());
                in_list = false;
                if says_breaking(&part.text).is_some() { under = Some(part) } else { rest.push(part) }
            }
            _ if under.is_some() || in_list && part.shape.is_item() => match under.take() {
                _ if is_nothing(&part.text) || part.shape == Shape::OpenTask => {}
                Some(heading) => {
                    in_list = part.shape.is_item();
                    breaking.push(format!("{}: {}", line(&heading.text).trim_end_matches(':'), line(&part.text)));
                }
                None => breaking.push(line(&part.text)),
            },
            Shape::OpenTask => rest.push(part),
            Shape::Item if says_breaking(&part.text).is_some() => breaking.push(line(&part.text)),
            Shape::Item => rest.push(part),
            Shape::Paragraph => match says_breaking(&part.text) {
                Some(at) => {
                    let from = part.text[..at].rfind('\n').map_or(0, |end| end + 1);
                    breaking.push(line(&part.text[from..]));
                    if from > 0 {
                        rest.push(Part { text: part.text[..from].to_owned(), ..part });
                    }
                }
                None => rest.push(part),
            },
        }
    }
    rest.extend(under);
    *parts = rest;
    breaking
}

/// The position at which a text says that something breaks: `BREAKING`, `breaking change` or `breaking:`, unless it
/// says that nothing does.
fn says_breaking(text: &str) -> Option<usize> {
    let small = text.to_ascii_lowercase();
    let says = |at: &usize| {
        let (before, after) = (&small[..*at], &small[at + BREAKING.len()..]);
        let loud = text[*at..].starts_with("BREAKING") && !after.starts_with(char::is_alphanumeric);
        let change = after.trim_start_matches([' ', '-']).starts_with("change");
        let words = before.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
        let mut words = words.rev().skip_while(|word| matches!(*word, "a" | "any" | "known"));
        let denied = words
            .next()
            .is_some_and(|word| matches!(word, "no" | "non" | "not" | "without" | "zero") || word.ends_with("n't"));
        let contained = before.ends_with(char::is_alphanumeric);
        (loud || change || after.starts_with(':')) && !denied && !contained
    };
    small.match_indices(BREAKING).map(|(at, _)| at).find(says)
}

/// Whether a text only says that there is nothing under its heading.
fn is_nothing(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['.', '!']).to_ascii_lowercase();
    matches!(text.as_str(), "none" | "no" | "nothing" | "n/a" | "na" | "-" | "no breaking changes")
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
            ("- first *item*.\n- second;\n* third", "first item; second; third"),
            ("- first\n\n  more\n\n- second\n\nAfter.", "first; more; second"),
            ("What's changed:\n\n- a\n- b\n\nAfter.", "What's changed: a; b"),
            ("It changes:\n\nAfter.", "It changes:"),
            ("Words.\n- a", "Words."),
            ("## New\n- a\n## Fixes\n- b", "a"),
            ("Adds <code>id</code>. <blockquote>theirs</blockquote>", "Adds id."),
            ("1. outer\n   - inner", "outer; inner"),
            ("- [ ] to do", "to do"),
            ("/assume ids are stable\nThe rest.", "The rest."),
            ("![badge](https://example.com/b.svg)\n\nWords.", "Words."),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter the table.", "After the table."),
            ("a\r\nb\tc\u{7}d\u{a0}e", "a b c d e"),
            ("<b>bold</b> words", "bold words"),
        ] {
            assert_eq!(of_markdown(markdown).as_deref(), Some(summary), "{markdown}");
        }
        for nothing in ["", "  \n", "/assume x", "<!-- x -->", "![](a.png)", "> quote"] {
            assert_eq!(of_markdown(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_breaks_comes_first_wherever_it_stands() {
        for (markdown, summary) in [
            ("- add a\n- BREAKING: ids are text\n- fix b", "BREAKING: ids are text; add a; fix b"),
            ("Add a.\n\nMore.\n\nBREAKING CHANGE: ids\nare text", "BREAKING CHANGE: ids are text. Add a."),
            ("Add a\nbreaking: ids are text.", "breaking: ids are text. Add a"),
            ("## New\n- a\n## Breaking changes\n- b\n- c.\n\n## Fixes\n- d", "Breaking changes: b; c. a"),
            ("## ⚠ BREAKING CHANGES\n\nIds are text\n\nMore", "⚠ BREAKING CHANGES: Ids are text. More"),
            ("**Breaking change!** Ids are text.\n\nMore.", "Breaking change! Ids are text. More."),
            ("Intro:\n- a\n- breaking-change: b", "breaking-change: b. Intro: a"),
            ("# BREAKING", "BREAKING"),
            ("## Breaking changes\n\nNone.\n\n## New\n- a", "a"),
            ("There are no breaking changes.\n\nx", "There are no breaking changes."),
            ("Fix.\n\nThis isn't a breaking change, nor a non-breaking change.", "Fix."),
            ("Fix.\n\n- [ ] Breaking change\n- [x] Bug fix", "Fix."),
            ("Fix.\n\n- [x] Breaking change: b", "Breaking change: b. Fix."),
            ("Fix the line breaking and a groundbreaking change", "Fix the line breaking and a groundbreaking change"),
            ("Fix.\n\n> BREAKING: theirs\n\n```\nBREAKING\n```", "Fix."),
        ] {
            assert_eq!(of_markdown(markdown).as_deref(), Some(summary), "{markdown}");
        }
        let late = format!("{}\n\nBREAKING: ids are text", "word ".repeat(200));
        let summary = of_markdown(&late).unwrap_or_default();
        assert!(
            summary.starts_with("BREAKING: ids are text. word word") && summary.chars().count() <= 280,
            "{summary}"
        );
    }

    #[test]
    fn whatever_the_text_it_does_not_take_long() {
        let begin = std::time::Instant::now();
        for odd in ["- a\n", "breaking ", "# breaking\n", "no breaking: ", "- [ ] breaking:\n", "  - "] {
            of_markdown(&odd.repeat(300_000));
        }
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }
}
