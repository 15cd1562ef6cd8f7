//! The tree as HTML: a small page for mail, or bare elements where no style is allowed.
//!
//! The page names no colour but one grey, so that it can be read on dark and on light backgrounds. Quiet text is translucent, and
//! mail programs that can't do that show it opaque. Styles are attributes, because some mail programs drop all other styles.
//! The only table is for Outlook on Windows, which supports neither `max-width` nor padding in a `div`.

use super::{Post, ways_out};
use crate::template::{Block, Inline, Links, Message, one_line, shorten};

const STYLE: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;\
    line-height:1.5;padding:16px;max-width:640px;overflow-wrap:anywhere";
const HIDDEN: &str = "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;\
    mso-hide:all";

/// What inboxes show of a mail before it is opened.
const PREVIEW: usize = 120;
/// Invisible filler, so that no inbox continues the preview with the page's text.
const BLANK: &str = "&#847;&zwnj;&nbsp;";

/// The opening tags of blocks, and both tags of the quiet line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    paragraph: &'static str,
    quote: &'static str,
    pre: &'static str,
    code: &'static str,
    quiet: (&'static str, &'static str),
}

const MAIL: Look = Look {
    paragraph: "<p style=\"margin:0 0 12px\">",
    quote: "<blockquote style=\"border-left:3px solid #808080;margin:12px 0;padding:0 0 0 12px\">",
    // Long lines are wrapped, because people don't scroll sideways on a phone.
    pre: "<pre style=\"background:rgba(128,128,128,.15);margin:12px 0;padding:8px 12px;white-space:pre-wrap;\
          font-size:13px\">",
    code: "<code style=\"font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px\">",
    quiet: ("<p style=\"opacity:.7;font-size:13px;margin:24px 0 0\">", "</p>"),
};

/// Without a style.
pub(super) const BARE: Look =
    Look { paragraph: "<p>", quote: "<blockquote>", pre: "<pre>", code: "<code>", quiet: ("<p><em>", "</em></p>") };

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
        body_and_links(&post.message.body, &post.message.why, post.links, MAIL)
    )
}

/// The body's first words, without what is already in the subject.
fn preview(message: &Message) -> String {
    let words = one_line(&message.body);
    let rest = words.strip_prefix(message.subject.as_str()).unwrap_or(&words);
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ".,:;–—-".contains(c));
    shorten(if rest.is_empty() { &message.why } else { rest }, PREVIEW)
}

/// The body and the quiet line, for a page that has a style of its own and allows no other.
#[must_use]
pub fn body(message: &Message) -> String {
    body_and_links(&message.body, &message.why, &Links::default(), BARE)
}

/// Blocks and the quiet line.
pub(super) fn body_and_links(body: &[Block], why: &str, links: &Links, look: Look) -> String {
    let link = |(words, url): (&str, &str)| format!("<a href=\"{}\">{words}</a>", escape(url));
    let links = ways_out(links).map(link).collect::<Vec<_>>().join(" · ");
    let gap = if links.is_empty() { "" } else { " " };
    let (open, close) = look.quiet;
    format!("{}{open}{}{gap}{links}{close}\n", blocks(body, look), escape(why))
}

fn blocks(blocks: &[Block], look: Look) -> String {
    blocks.iter().fold(String::new(), |html, one| html + &block(one, look) + "\n")
}

fn block(block: &Block, look: Look) -> String {
    match block {
        Block::Paragraph(text) => format!("{}{}</p>", look.paragraph, inlines(text, look)),
        Block::Quote(inner) => format!("{}\n{}</blockquote>", look.quote, blocks(inner, look)),
        Block::Code(code) => format!("{}{}{}</code></pre>", look.pre, look.code, escape(code)),
        Block::List { start, items } => {
            let (open, close) = match start {
                Some(start) => (format!("<ol start=\"{start}\">"), "</ol>"),
                None => ("<ul>".to_owned(), "</ul>"),
            };
            let items = items.iter().map(|item| format!("<li>{}</li>\n", list_item(item, look))).collect::<String>();
            format!("{open}\n{items}{close}")
        }
    }
}

/// An item that is a single paragraph is written without its margins.
fn list_item(item: &[Block], look: Look) -> String {
    match item {
        [Block::Paragraph(text), rest @ ..] => format!("{}{}", inlines(text, look), blocks(rest, look).trim_end()),
        item => blocks(item, look).trim_end().to_owned(),
    }
}

fn inlines(text: &[Inline], look: Look) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => escape(text),
        Inline::Code(code) => format!("{}{}</code>", look.code, escape(code)),
        Inline::Strong(inner) => format!("<strong>{}</strong>", inlines(inner, look)),
        Inline::Emphasis(inner) => format!("<em>{}</em>", inlines(inner, look)),
        Inline::Link { text, url } => format!("<a href=\"{}\">{}</a>", escape(url), inlines(text, look)),
        Inline::Break => "<br>".to_owned(),
    };
    text.iter().map(one).collect()
}

/// Escapes a text for HTML, in attributes as well.
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
