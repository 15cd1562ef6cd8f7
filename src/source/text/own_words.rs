//! Markdown without the parts that aren't the author's own words: quotes, code, and what a bot folds away.
//!
//! Each line is read once, so the cost doesn't depend on what the text contains. Quotes are those of CommonMark 0.31
//! and HTML, as far as a line and the ones before it show them.

use std::collections::HashMap;

use strum::{EnumCount, EnumString};

/// Markdown without quotes (of Markdown or HTML), fenced code, `<pre>`, `<code>`, `<details>` and HTML comments
/// (templates are full of them). Lines stay lines. Indented code remains, and is recognised by the beginning of its
/// lines.
pub fn own_words(text: &str) -> String {
    Reader::default().read(text)
}

/// The same for display: the text in `<code>` remains, since its sentence needs it.
pub fn own_words_with_code(text: &str) -> String {
    Reader { keeps_code: true, ..Reader::default() }.read(text)
}

/// An HTML element whose content isn't the author's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, EnumString)]
#[strum(ascii_case_insensitive)]
enum Element {
    Blockquote,
    Code,
    Details,
    Pre,
}

/// Elements that begin a block of HTML, up to an empty line, wherever they begin a line (CommonMark 0.31, 4.6).
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "iframe",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// A code fence: its character and how often that is repeated.
type Fence = (char, usize);

/// The element or comment that contains a position in a line.
#[derive(Debug, Default, Clone, Copy)]
enum Inside {
    #[default]
    Text,
    Comment,
    /// A tag, or the value of an attribute in it with its quotation mark
    Tag {
        closes: bool,
        element: Element,
        value: Option<char>,
    },
}

#[derive(Debug, Default)]
struct Reader {
    keeps_code: bool,
    own: String,
    fence: Option<Fence>,
    inside: Inside,
    /// The elements that are open, the outermost first
    open: Vec<Element>,
    /// How many of each are open, which saves a search for one that isn't
    count: [usize; Element::COUNT],
    /// A block of HTML, in which fences and backticks have no meaning
    html: bool,
    /// A quote whose last line belongs to a paragraph, which the next line may continue
    lazy: bool,
    /// Fenced code within a quote
    quoted_fence: Option<Fence>,
}

impl Reader {
    fn read(mut self, text: &str) -> String {
        self.own.reserve(text.len());
        for line in text.lines() {
            self.line(line);
            self.own.push('\n');
        }
        self.own
    }

    fn line(&mut self, line: &str) {
        if self.fence.is_some() {
            self.fence = next_fence(self.fence, line);
            return;
        }
        if line.trim().is_empty() {
            (self.html, self.lazy, self.quoted_fence) = (false, false, None);
            if matches!(self.inside, Inside::Tag { .. }) {
                self.inside = Inside::Text;
            }
            return;
        }
        if matches!(self.inside, Inside::Text) && !self.is_open(Element::Pre) {
            if let Some(quote) = quoted(line) {
                self.quote(quote);
                return;
            }
            if self.lazy && goes_on(line) {
                return;
            }
            (self.lazy, self.quoted_fence) = (false, None);
            self.html |= starts_html(line);
            if !self.html && fence_of(line).is_some() {
                self.fence = next_fence(None, line);
                return;
            }
        }
        self.scan(line);
    }

    /// A line of a quote, without its mark.
    fn quote(&mut self, line: &str) {
        let was_code = self.quoted_fence.is_some();
        self.quoted_fence = next_fence(self.quoted_fence, line);
        let code = was_code || self.quoted_fence.is_some();
        let words = without_items(line);
        self.lazy = !code && !words.trim().is_empty() && goes_on(words);
    }

    /// Keeps a text outside of elements and comments.
    fn scan(&mut self, line: &str) {
        let raw = self.html || self.is_open(Element::Pre);
        let mut spans = if raw { Vec::new() } else { code_spans(line) }.into_iter().peekable();
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            match self.inside {
                Inside::Comment => {
                    let Some(end) = rest.find("-->") else { return };
                    at += end + 3;
                    self.inside = Inside::Text;
                }
                Inside::Tag { closes, element, value } => at += self.tag(rest, (closes, element, value)),
                Inside::Text => {
                    let next = rest.find('<').map_or(line.len(), |found| at + found);
                    while spans.next_if(|(_, end)| *end <= next).is_some() {}
                    let span = spans.peek().filter(|(start, _)| *start < next).map(|(_, end)| *end);
                    let end = span.unwrap_or(next);
                    self.push(&line[at..end]);
                    at = end;
                    if span.is_none() {
                        at += self.begin(&line[at..], !raw && line[..at].ends_with('\\'));
                    }
                }
            }
        }
    }

    /// Reads what begins at a `<`; returns the length of its beginning.
    fn begin(&mut self, rest: &str, escaped: bool) -> usize {
        let tag = tag_at(rest).and_then(|(closes, name)| {
            Some((closes, name.parse::<Element>().ok()?, 1 + usize::from(closes) + name.len()))
        });
        match tag {
            _ if escaped || rest.is_empty() => {}
            _ if rest.starts_with("<!--") => {
                self.inside = Inside::Comment;
                return 4;
            }
            Some((closes, element, length)) if !(self.keeps_code && element == Element::Code) => {
                self.inside = Inside::Tag { closes, element, value: None };
                return length;
            }
            _ => {}
        }
        let length = rest.chars().next().map_or(0, char::len_utf8);
        self.push(&rest[..length]);
        length
    }

    /// Reads the rest of a tag in this line; returns its length.
    fn tag(&mut self, rest: &str, (closes, element, mut value): (bool, Element, Option<char>)) -> usize {
        for (at, c) in rest.char_indices() {
            match (c, value) {
                (c, Some(mark)) => value = Some(mark).filter(|mark| *mark != c),
                ('"' | '\'', None) => value = Some(c),
                ('>', None) => {
                    self.inside = Inside::Text;
                    if closes {
                        self.close(element)
                    } else {
                        self.open(element)
                    }
                    return at + 1;
                }
                _ => {}
            }
        }
        self.inside = Inside::Tag { closes, element, value };
        rest.len()
    }

    fn open(&mut self, element: Element) {
        self.open.push(element);
        self.count[element as usize] += 1;
    }

    /// The end of an element also ends the elements inside it.
    fn close(&mut self, element: Element) {
        while self.is_open(element)
            && let Some(last) = self.open.pop()
        {
            self.count[last as usize] -= 1;
            if last == element {
                return;
            }
        }
    }

    fn is_open(&self, element: Element) -> bool {
        self.count[element as usize] > 0
    }

    fn push(&mut self, text: &str) {
        if self.open.is_empty() {
            self.own.push_str(text);
        }
    }
}

/// The fence that is open after a line, if `open` was open before.
fn next_fence(open: Option<Fence>, line: &str) -> Option<Fence> {
    match (open, fence_of(line)) {
        (None, found) => found.map(|(mark, length, _)| (mark, length)),
        (Some((mark, least)), Some((found, length, ""))) if found == mark && length >= least => None,
        (open, _) => open,
    }
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

/// The quoted part of a line, at the top level or within items of a list. With more indentation it is code or belongs
/// to an item, which isn't the author's own words either.
fn quoted(line: &str) -> Option<&str> {
    let mut quote = without_items(line.trim_start()).strip_prefix('>')?;
    while let Some(inner) = quote.trim_start().strip_prefix('>') {
        quote = inner;
    }
    Some(quote.strip_prefix(' ').unwrap_or(quote))
}

fn without_items(mut text: &str) -> &str {
    while let Some(rest) = item(text) {
        text = rest;
    }
    text
}

/// The text after the mark of a list item.
fn item(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = match digits {
        0 => text.strip_prefix(['-', '+', '*'])?,
        1..=9 => text[digits..].strip_prefix(['.', ')'])?,
        _ => return None,
    };
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// Whether a line can continue a paragraph, and doesn't begin a new block.
fn goes_on(line: &str) -> bool {
    let text = line.trim();
    let heading = text.starts_with('#') && text.trim_start_matches('#').chars().next().is_none_or(char::is_whitespace);
    let marks = text.trim_matches([' ', '\t']);
    let rule = ['-', '*', '_']
        .into_iter()
        .any(|mark| marks.chars().all(|c| c == mark || c == ' ' || c == '\t') && marks.matches(mark).count() >= 3);
    !(heading || rule || item(text).is_some() || fence_of(line).is_some() || starts_html(line))
}

fn starts_html(line: &str) -> bool {
    let text = line.trim_start_matches(' ');
    line.len() - text.len() <= 3
        && tag_at(text).is_some_and(|(_, name)| BLOCKS.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether a text starts with a closing tag, and the tag's name.
fn tag_at(text: &str) -> Option<(bool, &str)> {
    let tag = text.strip_prefix('<')?;
    let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
    let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
    let (name, rest) = tag.split_at(end);
    let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '>' | '/'));
    (ends && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((closes, name))
}

/// Where code spans in a line begin and end: at runs of the same number of backticks.
pub fn code_spans(line: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in line.match_indices('`') {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    // From the end, finds the next run of the same length for each run.
    let mut next = HashMap::new();
    let mut ends = vec![None; runs.len()];
    for (index, (_, length)) in runs.iter().enumerate().rev() {
        ends[index] = next.insert(*length, index);
    }
    let mut spans = Vec::new();
    let mut index = 0;
    while index < runs.len() {
        match ends[index] {
            Some(end) => {
                spans.push((runs[index].0, runs[end].0 + runs[end].1));
                index = end + 1;
            }
            None => index += 1,
        }
    }
    spans
}

#[cfg(test)]
mod tests;
