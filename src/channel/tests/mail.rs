use std::path::Path;

use lettre::message::Mailbox;
use mail_parser::{HeaderName, MessageParser};
use proptest::prelude::*;

use super::super::listener::MailServer;
use super::*;
use crate::channel::email::DkimSettings;
use crate::destination::Allowed;
use crate::template::{Block, Inline};

/// The key of RFC 8463, appendix A.2.
const DKIM_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";

fn email_settings(smtp: Option<String>) -> EmailSettings {
    let from: Mailbox = "microalign <updates@example.com>".parse().unwrap();
    let smtp = smtp.map(|smtp| super::super::MailServer::smtp(&smtp).unwrap());
    EmailSettings { from, smtp, allow: None, dkim: None, replies: None }
}

fn sender() -> email::Sender {
    email::Sender::new(&email_settings(None))
}

pub(super) fn settings(smtp: Option<String>, mailbox: &Path) -> ChannelSettings {
    ChannelSettings { email: Some(email_settings(smtp)), mailbox: mailbox.to_owned(), ..ChannelSettings::default() }
}

pub(super) fn channels(server: &MailServer) -> Channels {
    let smtp = format!("smtp://127.0.0.1:{}", server.port);
    let deadlines = (Duration::from_millis(300), HTTP_DEADLINE);
    Channels::with_deadlines(settings(Some(smtp), Path::new("unused")), Names::open(), deadlines)
}

#[tokio::test]
async fn a_mail_as_the_server_gets_it() {
    let server = MailServer::start(&[]).await;
    let channels = channels(&server);
    let message = message(EventKind::PullRequestEdited);
    let to = destination("email:data@example.com");
    let sent = channels.send(&to, &post(&message)).await;
    let Outcome::Sent { reference: Some(root), anew: false } = sent else { panic!("{sent:?}") };
    let reply = Post { id: 43, root: Some(&root), ..post(&message) };
    assert_eq!(shown(&channels.send(&to, &reply).await), format!("Sent {}", root.replace("42", "43")));

    let lines: Vec<String> = server.lines().into_iter().filter(|line| !line.starts_with("EHLO")).collect();
    let one = ["MAIL FROM:<updates@example.com>", "RCPT TO:<data@example.com>", "DATA"];
    assert_eq!(lines, [&["CONNECT"], &one[..], &one[..]].concat(), "the second mail uses the first one's connection");
    let mails = server.mails();
    insta::assert_snapshot!("mail", String::from_utf8(mails[0].clone()).unwrap().replace("\r\n", "\n"));
    let reply = MessageParser::new().parse(&mails[1]).unwrap();
    let root = root.trim_matches(['<', '>']);
    assert_eq!(reply.in_reply_to().as_text(), Some(root));
    assert_eq!(reply.references().as_text(), Some(root));
}

/// The names and contents of a mailbox's files.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn without_a_server_mail_goes_to_the_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = folder.path().join("mailbox");
    let channels = Channels::new(settings(None, &mailbox), Names::open());
    let message = message(EventKind::PullRequestMerged);
    let to = destination("email:data@example.com");
    for _ in 0..2 {
        assert!(matches!(channels.send(&to, &post(&message)).await, Outcome::Sent { reference: Some(_), .. }));
    }
    let later = Post { id: 7, thread: "acme/ingest#45", at: "2026-11-03T00:00:00Z".parse().unwrap(), ..post(&message) };
    channels.send(&destination("mailbox"), &later).await;
    let files = files(&mailbox);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["20261102T140500Z-000042-data-123.eml", "20261103T000000Z-000007-acme-ingest-45.eml"]);
    let mail = MessageParser::new().parse(&files[1].1).unwrap();
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("mailbox@localhost"));
    assert_eq!(mail.header_raw("X-Microalign-Destination").map(str::trim), Some("mailbox"));
}

#[tokio::test]
async fn while_nothing_is_configured_everything_goes_to_the_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ChannelSettings { mailbox: folder.path().to_owned(), ..ChannelSettings::default() };
    let channels = Channels::new(settings, Names::open());
    let message = message(EventKind::PullRequestMerged);
    let all = ["email:data@example.com", "slack:#data", "slack-webhook:ops", "webhook:hub", "mailbox"];
    for (id, to) in (1..).zip(all) {
        let outcome = channels.send(&destination(to), &Post { id, ..post(&message) }).await;
        assert!(matches!(outcome, Outcome::Sent { .. }), "{to}: {}", shown(&outcome));
    }
    let shown: Vec<Option<String>> = files(folder.path())
        .iter()
        .map(|(_, bytes)| {
            let mail = MessageParser::new().parse(bytes).unwrap();
            mail.header_raw("X-Microalign-Destination").map(|value| value.trim().to_owned())
        })
        .collect();
    let expected = [None, Some("slack:#data"), Some("slack-webhook:ops"), Some("webhook:hub"), Some("mailbox")];
    assert_eq!(shown, expected.map(|to| to.map(str::to_owned)));
}

#[tokio::test]
async fn a_destination_that_is_not_configured_says_so() {
    let channels = Channels::new(settings(None, Path::new("unused")), Names::open());
    let message = message(EventKind::PullRequestMerged);
    for (to, expected) in [
        ("slack:#data", "Permanent: slack:#data needs `[slack]`"),
        ("slack-webhook:ops", "Permanent: slack-webhook:ops needs `[slack_webhook.ops]`"),
        ("webhook:hub", "Permanent: webhook:hub needs `[webhook.hub]`"),
    ] {
        assert_eq!(shown(&channels.send(&destination(to), &post(&message)).await), expected);
    }
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_written_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let channels = Channels::new(settings(None, &file), Names::open());
    let message = message(EventKind::PullRequestMerged);
    let outcome = shown(&channels.send(&destination("mailbox"), &post(&message)).await);
    assert!(outcome.starts_with("Transient: the mailbox "), "{outcome}");
}

#[test]
fn previews() {
    let message = message(EventKind::PullRequestMerged);
    let channels = web("http://127.0.0.1:1");
    let chat = channels.preview(&destination("slack:#data"), &post(&message));
    assert_eq!((chat.subject.as_str(), chat.html), (message.subject.as_str(), None));
    assert!(chat.text.contains("<!channel> [x](http://evil) **hi** Bcc: a@b” (https://"), "{}", chat.text);
    let mail = channels.preview(&destination("email:data@example.com"), &post(&message));
    insta::assert_snapshot!("html", mail.html.unwrap());
}

/// Every header that a mail may have.
const HEADERS: [&str; 12] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-ID",
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
    "X-Microalign-Reason",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a message says, its page has our elements and our links and no others.
    #[test]
    fn no_message_breaks_out_of_its_page(message in random::message()) {
        let page = html::page(&post(&message));
        let page = page.replace("<!--[if mso]>", "").replace("<![endif]-->", "");
        for tag in random::regex(r"<([^>]*)>").captures_iter(&page) {
            let tag = tag[1].trim_start_matches('/');
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            prop_assert!(ELEMENTS.contains(&name), "<{tag}>");
            if let Some(address) = tag.strip_prefix("a href=\"") {
                prop_assert!(address.starts_with(random::OURS) && address.ends_with('"'), "<{tag}>");
                prop_assert_eq!(address.matches('"').count(), 1);
            }
        }
    }
}

/// What a page is made of.
const ELEMENTS: &[&str] = &[
    "!doctype",
    "html",
    "head",
    "meta",
    "body",
    "div",
    "table",
    "tr",
    "td",
    "p",
    "blockquote",
    "pre",
    "code",
    "ul",
    "ol",
    "li",
    "strong",
    "em",
    "a",
    "br",
];

proptest! {
    #[test]
    fn no_value_adds_a_header_or_a_part(value in prop_oneof![any::<String>(), "(\r?\n|Bcc: |a@b|--| |é|=\\?utf-8\\?b\\?|\\?=|aGk){1,30}"]) {
        let message = Message {
            subject: value.clone(),
            body: vec![Block::Paragraph(vec![Inline::Text(clean(&value))])],
            why: clean(&value),
            ..Message::default()
        };
        let (team, rule) = (value.as_str(), value.as_str());
        let post = Post { team, rule, thread: &value, ..post(&message) };
        let to = destination("email:data@example.com");
        let sender = sender();
        let mail = email::compose(&sender, &to, &post).unwrap();
        prop_assert_eq!(&mail.bytes, &email::compose(&sender, &to, &post).unwrap().bytes);
        prop_assert!(mail.bytes.is_ascii());
        prop_assert!(mail.bytes.split(|byte| *byte == b'\n').all(|line| line.len() < 998));

        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        let mut names: Vec<&str> = parsed.headers().iter().map(|header| header.name.as_str()).collect();
        let mut expected = HEADERS.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(names, expected);
        prop_assert_eq!(parsed.parts.len(), 3);
        prop_assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("data@example.com"));
        prop_assert!(parsed.header(HeaderName::Bcc).is_none());
        let subject = clean(&value);
        prop_assert_eq!(parsed.subject().unwrap_or_default(), subject.as_str());
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        prop_assert_eq!(text, message.text());
    }
}

#[test]
fn a_title_that_looks_encoded_is_read_as_it_is() {
    for title in [
        "=?utf-8?b?aGk=?=",
        "DATA-1: =?utf-8?q?hi?= =?utf-8?q?there?=",
        "=?iso-8859-1?Q?=E9?= é",
        "a =? b ?=",
        &"=?utf-8?b?aGk=?= ✓ ".repeat(12),
    ] {
        let message = Message { subject: title.to_owned(), ..message(EventKind::PullRequestMerged) };
        let mail = email::compose(&sender(), &destination("email:data@example.com"), &post(&message)).unwrap();
        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.subject(), Some(clean(title).as_str()));
        let lines = String::from_utf8(mail.bytes).unwrap();
        let header = lines.split_once("\r\n\r\n").unwrap().0;
        assert!(header.lines().all(|line| line.len() <= 76 || !line.contains("=?")), "{header}");
        assert!(!header.contains("aGk=?="), "{header}");
    }
}

#[test]
fn the_ways_out_of_a_conversation() {
    let message = message(EventKind::PullRequestMerged);
    let to = destination("email:data@example.com");
    let sender = sender();
    for (base, pressable) in [
        ("https://microalign.example.com", true),
        ("http://127.0.0.1:8080", true),
        ("http://[::1]:8080", true),
        ("http://localhost:8080", true),
        ("http://microalign.example.com", false),
    ] {
        let token = "x".repeat(600);
        let unsubscribe = format!("{base}/unsubscribe/{token}");
        let links =
            Links { mute: Some(format!("{base}/mute/y")), unsubscribe: Some(unsubscribe.clone()), ..Links::default() };
        let post = Post { links: &links, ..post(&message) };
        let bytes = email::compose(&sender, &to, &post).unwrap().bytes;
        assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() < 998));
        let header =
            format!("\r\nList-Unsubscribe: <{unsubscribe}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        let raw = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!((raw.contains(&header), raw.contains("List-Unsubscribe")), (pressable, pressable), "{raw}");
        let mail = MessageParser::new().parse(&bytes).unwrap();
        let text = mail.body_text(0).unwrap();
        let quiet = text.trim_end().lines().last().unwrap().to_owned();
        let ways = format!("Mute this conversation: {base}/mute/y · Unsubscribe: {unsubscribe}");
        assert_eq!(quiet, format!("{} {ways}", message.why));
        let html = mail.body_html(0).unwrap();
        let ways = format!(
            "<a href=\"{base}/mute/y\">Mute this conversation</a> · <a href=\"{unsubscribe}\">Unsubscribe</a></p>"
        );
        assert!(html.contains(&ways), "{html}");
    }
}

#[tokio::test]
async fn mail_goes_only_where_it_may() {
    let server = MailServer::start(&[]).await;
    let mut settings = settings(Some(format!("smtp://127.0.0.1:{}", server.port)), Path::new("unused"));
    let mut allowed = Allowed::default();
    allowed.add("@Example.com").unwrap();
    settings.email.as_mut().unwrap().allow = Some(allowed);
    let channels = Channels::new(settings, Names::open());
    let message = message(EventKind::PullRequestMerged);
    let outcome = channels.send(&destination("email:ana@partner.org"), &post(&message)).await;
    assert_eq!(shown(&outcome), "Permanent: `[email] allow` doesn't allow mail to this address");
    assert_eq!(server.lines(), Vec::<String>::new());
    let outcome = channels.send(&destination("email:ana@EXAMPLE.com"), &post(&message)).await;
    assert!(matches!(outcome, Outcome::Sent { .. }), "{}", shown(&outcome));
}

#[test]
fn a_signed_mail_that_is_answered_to_its_author() {
    let message = message(EventKind::PullRequestMerged);
    let (domain, selector) = ("example.com".parse().unwrap(), "s1".parse().unwrap());
    let dkim = DkimSettings { domain, selector, key: DKIM_KEY.parse().unwrap() };
    let sender = email::Sender::new(&EmailSettings { dkim: Some(dkim), ..email_settings(None) });
    let author: Mailbox = "Ana Grüße <ana@example.com>".parse().unwrap();
    let links =
        Links { unsubscribe: Some("https://microalign.example.com/unsubscribe/x".to_owned()), ..Links::default() };
    let post = Post { root: Some("<1.2@example.com>"), links: &links, reply_to: Some(&author), ..post(&message) };
    let mail = email::compose(&sender, &destination("email:data@example.com"), &post).unwrap();
    assert_eq!(mail.bytes, email::compose(&sender, &destination("email:data@example.com"), &post).unwrap().bytes);
    let text = String::from_utf8(mail.bytes).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a relay would mend it, and break the signature");
    insta::assert_snapshot!("signed", text.split("\r\n\r\n").next().unwrap().replace("\r\n", "\n"));
}

#[test]
fn what_inboxes_show_of_a_mail() {
    let say = |subject: &str, body: &str| Message {
        subject: subject.to_owned(),
        body: vec![
            Block::Paragraph(vec![Inline::Text(body.to_owned())]),
            Block::Quote(vec![Block::Paragraph(vec![Inline::Text("Nice".into())])]),
            Block::Code("a < b".into()),
        ],
        why: "You asked for it.".to_owned(),
        ..Message::default()
    };
    let long = format!("{} end", "word ".repeat(40));
    for (subject, body, expected) in [
        ("Merged", "We merged\nit.", "We merged it. “Nice”. a &lt; b"),
        ("We merged it", "We merged it. Tell us.", "Tell us. “Nice”. a &lt; b"),
        ("We merged it. “Nice”. a < b", "We merged it.", "You asked for it."),
        ("Long", &long, &format!("{}…", "word ".repeat(23).trim_end())),
    ] {
        let message = say(subject, body);
        let page = html::page(&post(&message));
        let hidden = page.split_once("mso-hide:all\">").unwrap().1.split_once("&#847;").unwrap().0;
        assert_eq!(hidden, expected);
    }
}
