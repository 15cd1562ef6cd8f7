//! A message as a mail: the same bytes for a mail server and for the local mailbox.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::dkim;
use super::{DkimSettings, EmailSettings};
use crate::channel::{Outcome, Post, html, ways_out};
use crate::destination::Destination;
use crate::template::clean;

/// Who mail comes from.
pub(in crate::channel) struct Sender {
    from: Mailbox,
    domain: String,
    dkim: Option<DkimSettings>,
    answers: Option<Address>,
}

impl Sender {
    pub(in crate::channel) fn new(settings: &EmailSettings) -> Self {
        let from = settings.from.clone();
        // Identifiers are ASCII even where the domain is not.
        let domain =
            url::Host::parse(from.email.domain()).map_or_else(|_| "localhost".to_owned(), |host| host.to_string());
        let answers = settings.replies.as_ref().map(|replies| replies.address.clone());
        Self { from, domain, dkim: settings.dkim.clone(), answers }
    }

    /// For the local mailbox, when no mail is configured.
    pub(in crate::channel) fn local() -> Self {
        let from = local_mailbox("microalign", "microalign");
        Self { from, domain: "localhost".to_owned(), dkim: None, answers: None }
    }

    /// The address for answers. A mail server may refuse one whose user has more than 64 characters.
    fn answers(&self, post: &Post<'_>) -> Option<Mailbox> {
        let (mailbox, tag) = (self.answers.as_ref()?, post.reply_tag?);
        let user = format!("{}+{tag}", mailbox.user());
        let address = Address::new(user, mailbox.domain()).ok().filter(|address| address.user().len() <= 64)?;
        Some(Mailbox::new(None, address))
    }
}

fn local_mailbox(name: &str, user: &str) -> Mailbox {
    Mailbox::new(Some(clean(name)), Address::new_dangerous(user, "localhost"))
}

/// A mail that is ready to go.
pub(in crate::channel) struct Mail {
    /// Its `Message-ID`, with the brackets
    pub id: String,
    pub from: Address,
    pub bytes: Vec<u8>,
}

impl Mail {
    /// The outcome of having sent it.
    pub(in crate::channel) fn sent(&self, result: Result<(), Outcome>) -> Outcome {
        result.map_or_else(|failed| failed, |()| Outcome::sent(Some(self.id.clone())))
    }
}

/// Writes a mail. The same post always yields the same bytes, so that a recipient can recognise a duplicate.
///
/// # Errors
/// If the mail can't be written. With checked addresses that doesn't happen.
pub(in crate::channel) fn compose(sender: &Sender, to: &Destination, post: &Post<'_>) -> Result<Mail, String> {
    let recipient = match to {
        Destination::Email(address) => {
            Mailbox::new(None, address.parse().map_err(|_| format!("{to} isn't an address"))?)
        }
        other => local_mailbox(&other.to_string(), "mailbox"),
    };
    let conversation = hex(&Sha256::new().chain_update(post.alias).chain_update([0]).chain_update(to.to_string()));
    let id = format!("<{}.{conversation}@{}>", post.id, sender.domain);
    let (text, page) = (text(post), html::page(post));
    // The boundary is a hash of the text, so the text can't contain it.
    let boundary = hex(&Sha256::new().chain_update(&id).chain_update(&text).chain_update(&page));

    let mut builder = Message::builder()
        .from(sender.from.clone())
        .to(recipient)
        .subject(clean(&post.message.subject))
        .date(SystemTime::from(post.at))
        .message_id(Some(id.clone()));
    if let Some(root) = post.root {
        builder = builder.in_reply_to(root.to_owned()).references(root.to_owned());
    }
    // If there are both, both get the answer: the author, and the mailbox where microalign reads answers.
    for address in post.reply_to.cloned().into_iter().chain(sender.answers(post)) {
        builder = builder.reply_to(address);
    }
    let parts = MultiPart::alternative().boundary(boundary);
    let mut mail = builder
        .multipart(parts.singlepart(SinglePart::plain(text)).singlepart(SinglePart::html(page)))
        .map_err(|error| format!("this mail cannot be written: {error}"))?;
    if let Some(subject) = literal_subject(&clean(&post.message.subject)) {
        mail.headers_mut().insert_raw(subject);
    }
    for (name, value) in list_headers(sender, to, post) {
        mail.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    if let Some(url) = post.links.unsubscribe.as_deref().filter(|url| is_one_click(url)) {
        for (name, value) in [
            ("List-Unsubscribe", format!("<{url}>")),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ] {
            // Not encoded, because a link must not be broken into lines.
            let name = HeaderName::new_from_ascii_str(name);
            mail.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value));
        }
    }
    let mut bytes = mail.formatted();
    if let Some(dkim) = &sender.dkim {
        bytes = dkim::sign(dkim, post.at, &bytes).map_err(|error| format!("this mail cannot be signed: {error}"))?;
    }
    Ok(Mail { id, from: sender.from.email.clone(), bytes })
}

/// A subject that looks like an encoded word (RFC 2047), in encoded form: otherwise the reader's mail program would
/// decode it, and show something that nobody wrote.
fn literal_subject(text: &str) -> Option<HeaderValue> {
    // An encoded word may have 75 characters, and with its brackets this many bytes stay below that.
    const WORD: usize = 36;
    if !text.contains("=?") {
        return None;
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect::<Vec<_>>();
    let name = HeaderName::new_from_ascii_str("Subject");
    Some(HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), words.join("\r\n ")))
}

/// The headers that say that this is a machine's mail to a list, and why: RFC 2919, RFC 3834, and what Exchange respects.
fn list_headers(sender: &Sender, to: &Destination, post: &Post<'_>) -> Vec<(&'static str, String)> {
    let label = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let team: String = post.team.chars().map(label).collect();
    let kind = if post.message.restricted { "restricted" } else { post.kind };
    let mut headers = vec![
        ("List-Id", format!("\"microalign for {team}\" <{team}.{}>", sender.domain)),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("Precedence", "list".to_owned()),
        ("X-Auto-Response-Suppress", "All".to_owned()),
        ("X-Microalign-Reason", clean(&format!("team={}; rule={}; kind={}", post.team, post.rule, kind))),
    ];
    if !matches!(to, Destination::Email(_)) {
        headers.push(("X-Microalign-Destination", clean(&to.to_string())));
    }
    headers
}

/// The body and the quiet line, with the ways out at its end.
fn text(post: &Post<'_>) -> String {
    let links = ways_out(post.links).map(|(words, url)| format!("{words}: {url}")).collect::<Vec<_>>().join(" · ");
    if links.is_empty() { post.message.text() } else { format!("{} {links}\n", post.message.text().trim_end()) }
}

/// Whether the link works for one-click unsubscription (RFC 8058): with HTTPS, or on this machine for trying it out. It is
/// written into a header without encoding.
fn is_one_click(url: &str) -> bool {
    let local = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.len() < 900 && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    plain && Url::parse(url).is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && local(&url))
}

/// The first 16 hexadecimal digits.
fn hex(digest: &Sha256) -> String {
    digest.clone().finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
