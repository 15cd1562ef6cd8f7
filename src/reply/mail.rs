//! Reads a mail that answers an assumption: which one, who wrote it, and what.

use std::panic::AssertUnwindSafe;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use sha2::{Digest as _, Sha256};

use super::written::{Words, written};
use crate::mute::Linker;
use crate::plan::LineId;
use crate::template::{clean, is_blank, shorten};

/// How many bytes of a mail are read, since a person's text comes first.
pub const LONGEST: usize = 256 * 1024;
/// How deeply mails can be nested; programs that forward do it once or twice.
const DEEPEST: usize = 16;
/// How much of the text is kept.
const LONGEST_TEXT: usize = 4000;
const LONGEST_NAME: usize = 80;
/// The longest `Message-ID` that is used; most are shorter.
const LONGEST_ID: usize = 200;

/// Headers with the address that a mail was sent to, including those that mail servers add from the envelope.
const TO: [&str; 6] = ["to", "cc", "delivered-to", "x-original-to", "envelope-to", "resent-to"];

/// What a mail means to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// It is for somebody else who reads the same mailbox
    Foreign,
    /// It is for us, but no person wrote it, or nothing in it, for this reason
    Automatic(&'static str),
    /// Somebody answered
    Answer(Answer),
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The line of the ledger that is answered
    pub line: LineId,
    /// Identifies the mail: its `Message-ID`, or its digest if it has none
    pub key: String,
    /// Who wrote it, according to the mail itself, which isn't verified
    pub name: String,
    /// From which address
    pub address: String,
    /// What they wrote
    pub words: Words,
}

/// Whether a mail is for us, by its header alone.
#[must_use]
pub fn is_ours(header: &[u8], links: &Linker) -> bool {
    let read = || MessageParser::new().parse_headers(header).and_then(|mail| line(&mail, links));
    std::panic::catch_unwind(AssertUnwindSafe(read)).ok().flatten().is_some()
}

/// Reads a mail whose end may be missing. Its contents can be anything; a mail that can't be read counts as somebody
/// else's.
#[must_use]
pub fn read(raw: &[u8], links: &Linker) -> Mail {
    // Nested mails are freed recursively, which could overflow the stack.
    let nested = |raw: &[u8]| raw.windows(8).filter(|part| part.eq_ignore_ascii_case(b"message/")).count() > DEEPEST;
    let whole = !nested(raw);
    let read = || {
        let parser = MessageParser::new();
        let mail = if whole { parser.parse(raw) } else { parser.parse_headers(raw) }?;
        let line = line(&mail, links)?;
        Some(match automatic(&mail) {
            Some(why) => Mail::Automatic(why),
            None => match answer(&mail, line, raw) {
                answer if is_blank(&answer.words.text) => Mail::Automatic("it has no text"),
                answer => Mail::Answer(answer),
            },
        })
    };
    std::panic::catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or(Mail::Foreign)
}

/// The line of the ledger that a mail answers.
fn line(mail: &Message<'_>, links: &Linker) -> Option<LineId> {
    let around = |c: char| c.is_whitespace() || "<>,;:\"()[]".contains(c);
    let values = mail.headers_raw().filter(|(name, _)| TO.iter().any(|to| name.eq_ignore_ascii_case(to)));
    values.flat_map(|(_, value)| value.split(around)).find_map(|word| links.answered(word)?.parse().ok())
}

/// Why a mail isn't from a person (RFC 3834, and what Exchange and older programs do).
fn automatic(mail: &Message<'_>) -> Option<&'static str> {
    let all = |name: &'static str| {
        mail.headers_raw().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let has = |name: &'static str| all(name).next().is_some();
    let says = |name: &'static str, words: &[&str]| {
        all(name).any(|value| {
            words
                .iter()
                .any(|word| value.split([';', ' ']).next().is_some_and(|first| first.eq_ignore_ascii_case(word)))
        })
    };
    let report = mail.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind.subtype().is_some_and(|sub| sub.eq_ignore_ascii_case("report"))
    });
    match () {
        () if has("x-microalign-reason") => Some("it is our own"),
        () if report => Some("it is a report of a mail server"),
        () if all("return-path").any(|value| value == "<>") => Some("it asks for no answer"),
        () if has("auto-submitted") && !says("auto-submitted", &["no"]) => Some("a program wrote it"),
        () if says("precedence", &["bulk", "junk", "auto_reply"]) => Some("it went to many people"),
        () if has("x-auto-response-suppress") || has("x-autoreply") || has("x-autorespond") => {
            Some("a program wrote it")
        }
        () => None,
    }
}

fn answer(mail: &Message<'_>, line: LineId, raw: &[u8]) -> Answer {
    let from = mail.from().and_then(|from| from.first());
    let address = from.and_then(|from| from.address()).unwrap_or_default().to_owned();
    let name = from.and_then(|from| from.name()).map(clean).filter(|name| !name.is_empty());
    // Readers of the answer don't need to know the address itself.
    let user = || address.split('@').next().map(clean).filter(|user| !user.is_empty());
    let name = shorten(&name.or_else(user).unwrap_or_else(|| "somebody".to_owned()), LONGEST_NAME);
    let id = mail.message_id().map(clean).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let digest = || hex::encode(Sha256::digest(raw));
    let Words { text, own } = words(mail);
    let words = Words { text: shorten(&text, LONGEST_TEXT), own };
    Answer { line, key: id.unwrap_or_else(digest), name, address, words }
}

/// What a mail says, in its text, or in its HTML if there is no text.
fn words(mail: &Message<'_>) -> Words {
    let (mut own, mut whole) = (Vec::new(), Vec::new());
    for part in mail.text_bodies() {
        match &part.body {
            PartType::Text(text) => {
                let kind = part.content_type();
                let flowed =
                    kind.and_then(|kind| kind.attribute("format")).is_some_and(|f| f.eq_ignore_ascii_case("flowed"));
                let text = if flowed { unfolded(text) } else { text.to_string() };
                own.push(text.clone());
                whole.push(text);
            }
            PartType::Html(page) => {
                own.extend(without_quotes(page));
                whole.push(page_text(page));
            }
            _ => {}
        }
    }
    let words = written(&own.join("\n"));
    if words.own { words } else { Words { own: false, ..written(&whole.join("\n")) } }
}

/// Joins lines that a mail program broke (RFC 3676), which end with a space; the mark of a signature does too.
fn unfolded(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        whole.push_str(line);
        if !line.ends_with(' ') || line == "-- " || line.starts_with('>') {
            whole.push('\n');
        }
    }
    whole
}

/// Where the quoted mail begins in HTML, by program: Gmail, Yahoo, Outlook on the web, Outlook (twice), Thunderbird,
/// Apple Mail and others.
const QUOTED: [&str; 8] = [
    "<div class=\"gmail_quote",
    "<div class=\"gmail_attr",
    "<div class=\"yahoo_quoted",
    "<div id=\"appendonsend",
    "<div id=\"divrplyfwdmsg",
    "border-top:solid #e1e1e1",
    "<div class=\"moz-cite-prefix",
    "<blockquote",
];

/// The text before the quoted mail, or behind it if there is none before.
fn without_quotes(page: &str) -> Option<String> {
    let small = page.to_ascii_lowercase();
    let end = QUOTED.iter().filter_map(|mark| small.find(mark)).min().unwrap_or(page.len());
    // Outlook's mark is inside of a tag.
    let end = page[..end].rfind('<').filter(|at| !page[*at..end].contains('>')).unwrap_or(end);
    const QUOTE_ENDS: &str = "</blockquote>";
    let behind = small.rfind(QUOTE_ENDS).map_or("", |at| &page[at + QUOTE_ENDS.len()..]);
    [&page[..end], behind].into_iter().map(page_text).find(|text| !is_blank(text))
}

/// The text of HTML, with line breaks that the conversion would lose.
fn page_text(page: &str) -> String {
    let page = ["</div>", "</li>", "</tr>", "</DIV>", "</LI>", "</TR>"]
        .iter()
        .fold(page.to_owned(), |page, tag| page.replace(tag, &format!("{tag}<br>")));
    html_to_text(&page)
}

#[cfg(test)]
mod tests;
