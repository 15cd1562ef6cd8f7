//! A rendered message as a tree, which each channel writes in its own dialect.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TextMergeStream};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;
use url::Url;

use super::inert;
use crate::destination::Manner;

/// What stands before an account in Jira where somebody is named; no login has a colon.
pub const OF_JIRA: &str = "jira:";

/// A message before it is written in a channel's dialect. The store keeps it as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One line, without control characters
    pub subject: String,
    /// What it says
    pub body: Vec<Block>,
    /// One quiet line: why the reader gets it
    pub why: String,
    /// What readers call its conversation; empty in messages that were stored before this field existed
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub label: String,
    /// Whether the name of its conversation is restricted too
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub private: bool,
    /// Whether even the kind of event is restricted
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub restricted: bool,
    /// Whether it keeps its own subject in a conversation that began with another one, since that one is restricted now
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub own_subject: bool,
    /// The page of what it is about
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// How it appears in its conversation
    #[serde(skip_serializing_if = "is_default", default)]
    pub manner: Manner,
    /// Whom it mentions: by login on GitHub, or by account in Jira behind [`OF_JIRA`]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mention: Vec<String>,
    /// Who gets replies, likewise
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply_to: Option<String>,
    /// Whether what its readers answer becomes a comment on the page of what it is about
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub answers: bool,
    /// The organisation on GitHub that knows these people
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<String>,
}

fn is_default(manner: &Manner) -> bool {
    *manner == Manner::default()
}

impl Message {
    /// The body and the quiet line as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n\n{}\n", text(&self.body), self.why)
    }
}

/// A paragraph, or another block of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph
    Paragraph(Vec<Inline>),
    /// What somebody else said
    Quote(Vec<Block>),
    /// A list
    List {
        /// The number of the first item; absent for bullets
        #[serde(skip_serializing_if = "Option::is_none", default)]
        start: Option<u64>,
        /// Its items
        items: Vec<Vec<Block>>,
    },
    /// Code, in lines
    Code(String),
}

/// A piece of a paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// Text
    Text(String),
    /// A piece of code
    Code(String),
    /// What matters
    Strong(Vec<Inline>),
    /// What is stressed
    Emphasis(Vec<Inline>),
    /// A link, to http, https or mailto only
    Link {
        /// What is shown
        text: Vec<Inline>,
        /// Where it leads
        url: String,
    },
    /// A new line
    Break,
}

/// How deeply lists and quotes can nest: nobody reads deeper ones, and the writers recurse.
const MAX_DEPTH: usize = 16;

/// Why a message can't contain some Markdown, in the words of an error.
pub(super) fn unsupported(event: &Event<'_>) -> Option<&'static str> {
    match event {
        Event::Html(_) | Event::InlineHtml(_) => Some("HTML can't be sent: write Markdown"),
        Event::Start(Tag::Image { .. }) => Some("images can't be sent: link to the page instead"),
        Event::Rule => Some("a horizontal rule can't be sent: messages are short"),
        _ => None,
    }
}

/// The events of a Markdown text.
pub(super) fn events(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::empty())
}

/// Reads Markdown whose values are inert (`inert::encode`).
///
/// # Errors
/// If it is nested too deeply.
pub(super) fn parse(markdown: &str) -> Result<Vec<Block>, &'static str> {
    let mut tree = Tree { open: Vec::new(), top: Frame::new(Kind::Flow) };
    for event in TextMergeStream::new(events(markdown)) {
        match event {
            Event::Start(tag) => {
                if tree.open.len() == MAX_DEPTH {
                    return Err("lists, quotes and styles are nested too deep");
                }
                let outer = std::mem::replace(&mut tree.top, Frame::new(Kind::of(&tag)));
                tree.open.push(outer);
            }
            Event::End(_) => tree.close(),
            Event::Text(text) => tree.top.text(&text),
            Event::Code(code) => tree.top.inlines.push(Inline::Code(inert::decode(&code))),
            Event::SoftBreak => tree.top.text(&CowStr::Borrowed(" ")),
            Event::HardBreak => tree.top.inlines.push(Inline::Break),
            // `check` refuses templates with HTML and rules; the other events belong to extensions that are off.
            _ => {}
        }
    }
    Ok(tree.top.into_blocks())
}

enum Kind {
    /// Holds blocks: the whole message, a quote, a list's item
    Flow,
    Quote,
    Item,
    List(Option<u64>),
    Paragraph,
    Heading,
    Code,
    Strong,
    Emphasis,
    Link(String),
    /// It is replaced by its text
    Transparent,
}

impl Kind {
    fn of(tag: &Tag<'_>) -> Self {
        match tag {
            Tag::BlockQuote(_) => Self::Quote,
            Tag::Item => Self::Item,
            Tag::List(start) => Self::List(*start),
            Tag::Paragraph => Self::Paragraph,
            Tag::Heading { .. } => Self::Heading,
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => Self::Code,
            Tag::Strong => Self::Strong,
            Tag::Emphasis => Self::Emphasis,
            Tag::Link { dest_url, .. } => Self::Link(inert::decode(dest_url)),
            _ => Self::Transparent,
        }
    }
}

struct Tree {
    open: Vec<Frame>,
    top: Frame,
}

struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    /// In a frame that holds blocks: a paragraph without tags, as in tight lists
    inlines: Vec<Inline>,
    items: Vec<Vec<Block>>,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new(), inlines: Vec::new(), items: Vec::new() }
    }

    fn text(&mut self, text: &str) {
        self.inline(Inline::Text(inert::decode(text)));
    }

    /// Joins two pieces of text: side by side they could mean something that neither means alone.
    fn inline(&mut self, inline: Inline) {
        match (self.inlines.last_mut(), inline) {
            (Some(Inline::Text(last)), Inline::Text(text)) => last.push_str(&text),
            (_, inline) => self.inlines.push(inline),
        }
    }

    fn block(&mut self, block: Block) {
        self.end_paragraph();
        self.blocks.push(block);
    }

    fn end_paragraph(&mut self) {
        let inlines = trim(std::mem::take(&mut self.inlines));
        if !inlines.is_empty() {
            self.blocks.push(Block::Paragraph(inlines));
        }
    }

    fn into_blocks(mut self) -> Vec<Block> {
        self.end_paragraph();
        self.blocks
    }
}

impl Tree {
    fn close(&mut self) {
        let Some(outer) = self.open.pop() else { return };
        let mut frame = std::mem::replace(&mut self.top, outer);
        let top = &mut self.top;
        match std::mem::replace(&mut frame.kind, Kind::Transparent) {
            Kind::Flow | Kind::Transparent => frame.inlines.into_iter().for_each(|inline| top.inline(inline)),
            // Leaves out what is empty because a value is absent.
            Kind::Quote => match frame.into_blocks() {
                blocks if blocks.is_empty() => top.end_paragraph(),
                blocks => top.block(Block::Quote(blocks)),
            },
            Kind::Item => top.items.extend(Some(frame.into_blocks()).filter(|blocks| !blocks.is_empty())),
            Kind::List(_) if frame.items.is_empty() => top.end_paragraph(),
            Kind::List(start) => top.block(Block::List { start, items: frame.items }),
            Kind::Paragraph => {
                top.end_paragraph();
                top.inlines = frame.inlines;
                top.end_paragraph();
            }
            Kind::Heading => {
                let inlines = trim(frame.inlines);
                if !inlines.is_empty() {
                    top.block(Block::Paragraph(vec![Inline::Strong(inlines)]));
                }
            }
            Kind::Code => top.block(Block::Code(flat(&frame.inlines).trim_end().to_owned())),
            Kind::Strong => top.inlines.push(Inline::Strong(frame.inlines)),
            Kind::Emphasis => top.inlines.push(Inline::Emphasis(frame.inlines)),
            Kind::Link(url) => match web_address(&url) {
                Some(url) => {
                    let shown = if flat(&frame.inlines).trim().is_empty() {
                        vec![Inline::Text(url.clone())]
                    } else {
                        frame.inlines
                    };
                    top.inlines.push(Inline::Link { text: shown, url });
                }
                None => frame.inlines.into_iter().for_each(|inline| top.inline(inline)),
            },
        }
    }
}

/// The address as a browser would read it; `None` for every other scheme, and for what isn't an address.
fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.to_string())
}

/// Trims white space from both ends of a paragraph.
fn trim(mut inlines: Vec<Inline>) -> Vec<Inline> {
    if let Some(Inline::Text(first)) = inlines.first_mut() {
        *first = first.trim_start().to_owned();
    }
    if let Some(Inline::Text(last)) = inlines.last_mut() {
        last.truncate(last.trim_end().len());
    }
    inlines.retain(|inline| !matches!(inline, Inline::Text(text) if text.is_empty()));
    inlines
}

/// The text of inlines, without styles and destinations.
#[must_use]
pub fn flat(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) | Inline::Code(text) => text.clone(),
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Link { text: inner, .. } => flat(inner),
            Inline::Break => "\n".to_owned(),
        })
        .collect()
}

/// Blocks as plain text: links as `text (url)`, quotes with `> `, one empty line between blocks.
#[must_use]
pub fn text(blocks: &[Block]) -> String {
    blocks.iter().map(block_text).collect::<Vec<_>>().join("\n\n")
}

/// All text on one line, without addresses. Quotes get quotation marks, so that they don't run into the next sentence.
#[must_use]
pub fn one_line(blocks: &[Block]) -> String {
    let text = |block: &Block| match block {
        Block::Paragraph(text) => flat(text),
        Block::Quote(inner) => format!("“{}”", one_line(inner)),
        Block::Code(code) => code.clone(),
        Block::List { items, .. } => items.iter().map(|item| one_line(item)).collect::<Vec<_>>().join(" "),
    };
    // A quote that doesn't end with punctuation gets a full stop if something follows.
    let open = |text: &str| text.ends_with('”') && !text.trim_end_matches('”').ends_with(['.', '!', '?', '…']);
    let last = blocks.len().saturating_sub(1);
    let text = blocks.iter().enumerate().map(|(index, block)| match (block, text(block)) {
        (Block::Quote(_), text) if index < last && open(&text) => format!("{text}."),
        (_, text) => text,
    });
    let text = text.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Paragraph(inlines) => inline_text(inlines),
        Block::Quote(blocks) => hang("> ", "> ", &text(blocks)),
        Block::Code(code) => hang("    ", "    ", code),
        Block::List { start, items } => {
            let item = |(index, blocks): (u64, &Vec<Block>)| {
                let mark = start.map_or("- ".to_owned(), |start| format!("{}. ", start.saturating_add(index)));
                hang(&mark, &" ".repeat(mark.len()), &text(blocks))
            };
            (0..).zip(items).map(item).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Puts `first` before the first line and `rest` before the others.
fn hang(first: &str, rest: &str, text: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(index, line)| format!("{}{line}", if index == 0 { first } else { rest }));
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn inline_text(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) => text.clone(),
            Inline::Code(code) => format!("`{code}`"),
            Inline::Strong(inner) | Inline::Emphasis(inner) => inline_text(inner),
            Inline::Link { text, url } => match flat(text) {
                text if text == *url => text,
                _ => format!("{} ({url})", inline_text(text)),
            },
            Inline::Break => "\n".to_owned(),
        })
        .collect()
}

/// Text of at most `limit` characters, cut between words, with `…` if something is missing.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else { return text.to_owned() };
    let room = text.char_indices().nth(limit.saturating_sub(1)).map_or(end, |(at, _)| at);
    let head = text.get(..room).unwrap_or_default();
    // A word that is too long by itself is cut at the limit, but not within what readers see as one letter.
    let letter = text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= room).last().unwrap_or(0);
    let word = head.rfind(char::is_whitespace).filter(|&at| at > room / 2).unwrap_or(letter);
    format!("{}…", head.get(..word).unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests;
