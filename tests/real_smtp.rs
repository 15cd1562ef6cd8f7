//! Against a real mail server that nobody here wrote: `aiosmtpd`, which keeps what it gets as a Maildir.
//!
//! `MICROALIGN_AIOSMTPD` is the path of its executable; without it, it is looked for on `PATH`. Where there is none,
//! these tests say so and pass, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mail_parser::Message;
use serde_json::{Value, json};

use support::{Service, commented, eventually, merged, pull_request, read_mail, states};

/// A mail server that runs for as long as the test does.
struct MailServer(Child);

impl MailServer {
    async fn start(program: &Path, address: SocketAddr, maildir: &Path) -> Self {
        let child = Command::new(program)
            .args(["-n", "-l", &address.to_string(), "-c", "aiosmtpd.handlers.Mailbox"])
            .arg(maildir)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let up = async || tokio::net::TcpStream::connect(address).await.ok().map(drop);
        eventually("the mail server is up", up).await;
        Self(child)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.0.kill().expect("the mail server runs to the end");
        self.0.wait().expect("it can be waited for");
    }
}

fn aiosmtpd() -> Option<PathBuf> {
    let named = std::env::var_os("MICROALIGN_AIOSMTPD").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        named.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("aiosmtpd")).find(|file| file.is_file()));
    if found.is_none() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no aiosmtpd: install it, or set MICROALIGN_AIOSMTPD");
        // `eprintln!` would be captured, and nobody would know.
        std::io::stderr().write_all(b"DID NOT RUN: there is no aiosmtpd on PATH or in MICROALIGN_AIOSMTPD\n").unwrap();
    }
    found
}

/// A port that is free now.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn team(to: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"email:{to}\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"note.*\"]\n"
    )
}

fn email(from: &str, server: SocketAddr) -> String {
    format!("[email]\nfrom = \"{from}\"\nsmtp = \"smtp://{server}\"\n")
}

/// What is in a Maildir, in no order.
fn maildir(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder.join("new")) else { return Vec::new() };
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// The mail with this in its text.
fn with<'a>(mails: &'a [Message<'a>], text: &str) -> &'a Message<'a> {
    mails.iter().find(|mail| mail.body_text(0).unwrap().contains(text)).unwrap_or_else(|| panic!("no mail has {text}"))
}

#[tokio::test]
async fn mail_goes_through_a_real_server() {
    let Some(program) = aiosmtpd() else { return };
    let (folder, address) = (tempfile::tempdir().unwrap(), free_port());
    let inbox = folder.path().join("inbox");
    let _server = MailServer::start(&program, address, &inbox).await;
    let service =
        Service::started(&team("web@example.com"), &email("Málaga Grüße <updates@example.com>", address)).await;
    let title = format!("Añade el esquema «v2» der Größe 数据 {}", "and a long tail ".repeat(12));
    let open = |more: Value| {
        let mut body = pull_request("opened", 7, json!({ "draft": true, "title": title }));
        body["pull_request"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (event, delivery, body) in [
        ("pull_request", "d-1", open(json!({}))),
        ("issue_comment", "d-2", commented("/assume ids are never reused\n.\n..\nFrom here on: 数据")),
        ("pull_request", "d-3", merged(7)),
    ] {
        let lines = service.github_settled(event, delivery, &body).await;
        assert!(states(&lines).iter().all(|state| *state == "sent"), "{lines:?}");
    }
    let raw = maildir(&inbox);
    let mails = raw.iter().map(|raw| read_mail(raw)).collect::<Vec<_>>();
    assert_eq!(mails.len(), 4, "draft, comment, note, merge");
    let draft = with(&mails, "opened a draft PR");
    let subject = draft.subject().unwrap();
    assert!(subject.starts_with("DATA-123: Añade el esquema «v2» der Größe 数据 and a long tail"), "{subject}");
    let from = draft.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Málaga Grüße"), Some("updates@example.com")));
    assert!(draft.body_text(0).unwrap().contains("数据") && draft.body_html(0).unwrap().contains("数据"));
    for mail in &mails {
        assert_eq!(mail.header_raw("X-RcptTo").unwrap().trim(), "web@example.com");
        assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
        assert!(mail.header_raw("List-Id").unwrap().contains("<web.example.com>"));
        assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));
        if mail.message_id() != draft.message_id() {
            assert_eq!(mail.in_reply_to().as_text(), draft.message_id());
            assert_eq!(mail.references().as_text(), draft.message_id());
        }
    }
    for raw in &raw {
        let head = String::from_utf8_lossy(raw).split("\n\n").next().unwrap().to_owned();
        assert!(head.is_ascii() && head.lines().all(|line| line.len() <= 998), "{head}");
    }
}

#[tokio::test]
async fn mail_waits_for_a_server_that_is_down() {
    let Some(program) = aiosmtpd() else { return };
    let (folder, address) = (tempfile::tempdir().unwrap(), free_port());
    let inbox = folder.path().join("inbox");
    let service = Service::started(&team("web@example.com"), &email("updates@example.com", address)).await;
    for number in 1..=3 {
        service.github("pull_request", &format!("d-{number}"), &merged(number)).await;
    }
    let tried = async || {
        let ledger = service.ledger().await;
        let error = ledger.first()?["sends"].get(0)?["error"].as_str()?.to_owned();
        Some((states(&ledger).iter().all(|state| *state == "held"), error))
    };
    let (held, error) = eventually("one was tried", tried).await;
    assert!(held && error.contains("127.0.0.1"), "{error}");
    let _server = MailServer::start(&program, address, &inbox).await;
    for number in 1..=3 {
        let lines = service.settled(&format!("d-{number}")).await;
        assert_eq!(states(&lines), ["sent"]);
    }
    let raw = maildir(&inbox);
    let mails = raw.iter().map(|raw| read_mail(raw)).collect::<Vec<_>>();
    assert_eq!(mails.len(), 3, "each arrives once");
    let first = with(&mails, "ingest-api/pull/1)");
    let replies = mails.iter().filter(|mail| mail.in_reply_to().as_text() == first.message_id()).count();
    assert_eq!((first.in_reply_to().as_text(), replies), (None, 2), "they are one thread");
}
