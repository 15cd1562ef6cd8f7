//! The tree as a small HTML page for mail. It names no colour but one grey, so that it is as readable on dark as on
//! light; what is quiet lets the background through, and mail programs that can't do that show it in full.
//!
//! Styles stand in the elements, since some mail programs drop all others. The only table is for Outlook on Windows, which
//! knows neither `max-width` nor the space within a `div`.

use super::{Post, ways_out};
use crate::template::{Block, Inline, Links, Message, flat, shorten};

const STYLE: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;\
    line-height:1.5;padding:16px;max-width:640px;overflow-wrap:anywhere";
const QUIET: &str = "opacity:.7;font-size:13px;margin:24px 0 0";
const QUOTE: &str = "border-left:3px solid #808080;margin:12px 0;padding:0 0 0 12px";
const CODE: &str = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px";
/// Long lines of code are broken, since a phone would have to be pushed about.
const PRE: &str = "background:rgba(128,128,128,.15);margin:12px 0;padding:8px 12px;white-space:pre-wrap;font-size:13px";
const HIDDEN: &str = "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;\
    mso-hide:all";

/// What inboxes show of a mail before it is opened.
const PREVIEW: usize = 120;
/// A place that takes room and shows nothing, so that no inbox goes on with the page.
const BLANK: &str = "&#847;&zwnj;&nbsp;";

/// The whole message.
pub(super) fn page(post: &Post<'_>) -> String {
    let preview = preview(post.message);
    let blanks = BLANK.repeat((PREVIEW + 30).saturating_sub(preview.chars().count()));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n</head>\n<body style=\"margin:0\">\n\
         <div style=\"{HIDDEN}\">{}{blanks}</div>\n\
         <!--[if mso]><table role=\"presentation\" width=\"640\" cellpadding=\"16\"><tr><td><![endif]-->\n\
         <div style=\"{STYLE}\">\n{}</div>\n<!--[if mso]></td></tr></table><![endif]-->\n</body>\n</html>\n",
        escape(&preview),
        body_and_links(post.message, post.links)
    )
}

/// The body's first words, without what the subject says already.
fn preview(message: &Message) -> String {
    let words = words(&message.body);
    let rest = words.strip_prefix(message.subject.as_str()).unwrap_or(&words);
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ".,:;–—-".contains(c));
    shorten(if rest.is_empty() { &message.why } else { rest }, PREVIEW)
}

/// All text on one line.
fn words(blocks: &[Block]) -> String {
    let text = |block: &Block| match block {
        Block::Paragraph(text) => flat(text),
        Block::Quote(inner) => words(inner),
        Block::Code(code) => code.clone(),
        Block::List { items, .. } => items.iter().map(|item| words(item)).collect::<Vec<_>>().join(" "),
    };
    let text = blocks.iter().map(text).collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The body and the quiet line, to be put into a page.
#[must_use]
pub fn body(message: &Message) -> String {
    body_and_links(message, &Links::default())
}

fn body_and_links(message: &Message, links: &Links) -> String {
    let link = |(words, url): (&str, &str)| format!("<a href=\"{}\">{words}</a>", escape(url));
    let links = ways_out(links).map(link).collect::<Vec<_>>().join(" · ");
    let gap = if links.is_empty() { "" } else { " " };
    format!("{}<p style=\"{QUIET}\">{}{gap}{links}</p>\n", blocks(&message.body), escape(&message.why))
}

fn blocks(blocks: &[Block]) -> String {
    blocks.iter().fold(String::new(), |html, one| html + &block(one) + "\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("<p style=\"margin:0 0 12px\">{}</p>", inlines(text)),
        Block::Quote(inner) => format!("<blockquote style=\"{QUOTE}\">\n{}</blockquote>", blocks(inner)),
        Block::Code(code) => format!("<pre style=\"{PRE}\"><code style=\"{CODE}\">{}</code></pre>", escape(code)),
        Block::List { start, items } => {
            let (open, close) = match start {
                Some(start) => (format!("<ol start=\"{start}\">"), "</ol>"),
                None => ("<ul>".to_owned(), "</ul>"),
            };
            let items = items.iter().map(|item| format!("<li>{}</li>\n", list_item(item))).collect::<String>();
            format!("{open}\n{items}{close}")
        }
    }
}

/// An item that is one paragraph needs none of a paragraph's space.
fn list_item(item: &[Block]) -> String {
    match item {
        [Block::Paragraph(text), rest @ ..] => format!("{}{}", inlines(text), blocks(rest).trim_end()),
        item => blocks(item).trim_end().to_owned(),
    }
}

fn inlines(text: &[Inline]) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => escape(text),
        Inline::Code(code) => format!("<code style=\"{CODE}\">{}</code>", escape(code)),
        Inline::Strong(inner) => format!("<strong>{}</strong>", inlines(inner)),
        Inline::Emphasis(inner) => format!("<em>{}</em>", inlines(inner)),
        Inline::Link { text, url } => format!("<a href=\"{}\">{}</a>", escape(url), inlines(text)),
        Inline::Break => "<br>".to_owned(),
    };
    text.iter().map(one).collect()
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
