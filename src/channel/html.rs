//! The tree as a small HTML page for mail. It names no colour but a rule's grey, so that it is as readable on dark as on
//! light; what is quiet lets the background through, and mail programs that can't do that show it in full.

use super::{Post, ways_out};
use crate::template::{Block, Inline, Links, Message};

const STYLE: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;\
    line-height:1.5;margin:0;padding:16px;max-width:640px;overflow-wrap:anywhere";
const QUIET: &str = "opacity:.7;font-size:13px;margin:24px 0 0";
const QUOTE: &str = "border-left:3px solid #808080;margin:12px 0;padding:0 0 0 12px";

/// The whole message.
pub(super) fn page(post: &Post<'_>) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         </head>\n<body style=\"{STYLE}\">\n{}</body>\n</html>\n",
        body_and_links(post.message, post.links)
    )
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
        Block::Code(code) => format!("<pre style=\"overflow-x:auto\"><code>{}</code></pre>", escape(code)),
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
        Inline::Code(code) => format!("<code>{}</code>", escape(code)),
        Inline::Strong(inner) => format!("<strong>{}</strong>", inlines(inner)),
        Inline::Emphasis(inner) => format!("<em>{}</em>", inlines(inner)),
        Inline::Link { text, url } => format!("<a href=\"{}\">{}</a>", escape(url), inlines(text)),
        Inline::Break => "<br>".to_owned(),
    };
    text.iter().map(one).collect()
}

fn escape(text: &str) -> String {
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
