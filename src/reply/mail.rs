//! A mail that answers to an assumption: which one, who wrote it, and what.

use std::panic::AssertUnwindSafe;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use sha2::{Digest as _, Sha256};

use super::written::written;
use crate::mute::Linker;
use crate::plan::LineId;
use crate::template::{clean, shorten};

/// So many bytes of a mail are read: what somebody wrote comes first in it.
pub const LONGEST: usize = 256 * 1024;
/// A mail in a mail in a mail …: programs that forward do it once or twice.
const DEEPEST: usize = 16;
/// So much of what somebody wrote is kept.
const LONGEST_TEXT: usize = 4000;
const LONGEST_NAME: usize = 80;
/// A `Message-ID` has no more (RFC 5322: a line has 998 letters), and most have less.
const LONGEST_ID: usize = 200;

/// Headers that hold the address that a mail was sent to: its own, and those that mail servers add for the envelope's.
const TO: [&str; 6] = ["to", "cc", "delivered-to", "x-original-to", "envelope-to", "resent-to"];

/// What a mail is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// It is for somebody else who reads the same mailbox
    Foreign,
    /// It is for us, and no person wrote it; why
    Automatic(&'static str),
    /// Somebody answered
    Answer(Answer),
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The line of the ledger that is answered
    pub line: LineId,
    /// Names the mail: its `Message-ID`, or its digest if it has none
    pub key: String,
    /// Who wrote it, as the mail says: nobody vouches for that
    pub name: String,
    /// From which address
    pub address: String,
    /// What they wrote
    pub text: String,
}

/// Whether a mail is for us, by its header alone.
#[must_use]
pub fn is_ours(header: &[u8], links: &Linker) -> bool {
    let read = || MessageParser::new().parse_headers(header).and_then(|mail| line(&mail, links));
    std::panic::catch_unwind(AssertUnwindSafe(read)).ok().flatten().is_some()
}

/// Reads a mail, of which the end may be missing. It may be anything: a mail that cannot be read is for somebody else.
#[must_use]
pub fn read(raw: &[u8], links: &Linker) -> Mail {
    // Mails in mails are freed by a function that calls itself for each.
    let nested = |raw: &[u8]| raw.windows(8).filter(|part| part.eq_ignore_ascii_case(b"message/")).count() > DEEPEST;
    let whole = !nested(raw);
    let read = || {
        let parser = MessageParser::new();
        let mail = if whole { parser.parse(raw) } else { parser.parse_headers(raw) }?;
        let line = line(&mail, links)?;
        Some(match automatic(&mail) {
            Some(why) => Mail::Automatic(why),
            None => Mail::Answer(answer(&mail, line, raw)),
        })
    };
    std::panic::catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or(Mail::Foreign)
}

/// The line that a mail is sent to.
fn line(mail: &Message<'_>, links: &Linker) -> Option<LineId> {
    let around = |c: char| c.is_whitespace() || "<>,;:\"()[]".contains(c);
    let values = mail.headers_raw().filter(|(name, _)| TO.iter().any(|to| name.eq_ignore_ascii_case(to)));
    values.flat_map(|(_, value)| value.split(around)).find_map(|word| links.answered(word)?.parse().ok())
}

/// Why a mail is no person's (RFC 3834, and what Exchange and older programs do).
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
    // The address itself need not be known to whoever reads what was answered.
    let user = || address.split('@').next().map(clean).filter(|user| !user.is_empty());
    let name = shorten(&name.or_else(user).unwrap_or_else(|| "somebody".to_owned()), LONGEST_NAME);
    let id = mail.message_id().map(clean).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let digest = || hex::encode(Sha256::digest(raw));
    Answer { line, key: id.unwrap_or_else(digest), name, address, text: shorten(&text(mail), LONGEST_TEXT) }
}

/// What was written: the text, or the page where there is no text.
fn text(mail: &Message<'_>) -> String {
    let parts = mail.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => {
            let kind = part.content_type();
            let flowed =
                kind.and_then(|kind| kind.attribute("format")).is_some_and(|f| f.eq_ignore_ascii_case("flowed"));
            Some(if flowed { unfolded(text) } else { text.to_string() })
        }
        PartType::Html(page) => Some(html_to_text(&without_quotes(page))),
        _ => None,
    });
    written(&parts.collect::<Vec<_>>().join("\n"))
}

/// Lines that a mail program broke, whole again (RFC 3676): a space at the end says so, but not of a signature's mark.
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

/// Where the other mail begins in a page, by program: Gmail, Yahoo, Outlook on the web, Outlook (twice), Thunderbird,
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

/// A page up to what it quotes, if something is written above that; with the ends of lines that reading it would lose.
fn without_quotes(page: &str) -> String {
    let small = page.to_ascii_lowercase();
    let end = QUOTED.iter().filter_map(|mark| small.find(mark)).min().unwrap_or(page.len());
    // Outlook's mark is inside of a tag.
    let end = page[..end].rfind('<').filter(|at| !page[*at..end].contains('>')).unwrap_or(end);
    let own = &page[..end];
    let own = if html_to_text(own).trim().is_empty() { page } else { own };
    ["</div>", "</li>", "</tr>", "</DIV>", "</LI>", "</TR>"]
        .iter()
        .fold(own.to_owned(), |page, tag| page.replace(tag, &format!("{tag}<br>")))
}

#[cfg(test)]
mod tests;
