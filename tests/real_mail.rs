//! Against mail servers and programs that nobody here wrote: Postfix takes the mail and delivers it to a Maildir, Dovecot
//! gives it out over IMAP, notmuch threads it, and dkimpy verifies its signature.
//!
//! They need root and Debian's `postfix`, `dovecot-imapd` (2.3), `notmuch` and `openssl`; dkimpy is looked for in the Python
//! that `MICROALIGN_PYTHON` names. What is missing is said, and the test passes, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "real_mail/servers.rs"]
mod servers;
#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::path::Path;

use lettre::transport::smtp::client::Tls;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde_json::json;
use tokio::process::Command;

use servers::{Mail, output, verified};
use support::{Listener, Service, commented, eventually, merged, pull_request, read_mail, states, ticket};

const TEAM: &str = "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\n\
                    on = [\"pull_request.*\", \"ticket.*\"]\n";

fn program(ca: Option<&Path>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
    match ca {
        Some(ca) => command.env("SSL_CERT_FILE", ca),
        None => command.env_remove("SSL_CERT_FILE"),
    };
    command
}

/// A service that isn't started, whose mail goes to this server.
fn service(smtp: &str) -> Service {
    let service =
        Service::new(TEAM, &format!("[email]\nfrom = \"microalign <updates@example.com>\"\nsmtp = \"{smtp}\"\n"));
    configure(&service, "[server]", "public_url = \"https://microalign.example.com\"");
    service
}

/// Adds a line to a table of its configuration.
fn configure(service: &Service, table: &str, line: &str) {
    let file = service.path("microalign.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, config.replacen(table, &format!("{table}\n{line}"), 1)).unwrap();
}

/// `send-test`: whether it works, and what it says.
async fn send_test(service: &Service, ca: Option<&Path>, to: &str) -> (bool, String) {
    let output = program(ca).args(["send-test", to]).current_dir(&service.home).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Lets it sign with a new key, and returns the record in DNS.
fn sign(service: &Service, algorithm: &str) -> String {
    let openssl = |line: &str| {
        let mut command = std::process::Command::new("openssl");
        output(command.args(line.split(' ')).current_dir(&service.home))
    };
    openssl(&format!("genpkey -algorithm {algorithm} -out dkim.pem"));
    let public = openssl("pkey -in dkim.pem -pubout");
    let public = public.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let key = "dkim = { domain = \"example.com\", selector = \"s1\", key = \"${file:dkim.pem}\" }";
    configure(service, "[email]", key);
    // RFC 8463, section 4: without the frame of 12 bytes, which is 16 letters.
    let public = if algorithm == "ed25519" { &public[16..] } else { &public };
    format!("v=DKIM1; k={algorithm}; p={public}")
}

#[tokio::test]
async fn a_ticket_is_one_thread() {
    let Some(mail) = Mail::start().await else { return };
    let mut service = service(&format!("smtp://localhost:{}?tls=starttls", mail.starttls));
    let record = sign(&service, "rsa");
    service.start_by(program(Some(&mail.ca()))).await;
    let other = json!({ "body": "For DATA-200.", "title": "Añade el esquema «v2» der Größe 数据" });
    for (event, delivery, body) in [
        ("pull_request", "d-1", pull_request("opened", 7, json!({ "draft": true }))),
        ("pull_request", "d-2", pull_request("opened", 9, other)),
        ("pull_request", "d-3", pull_request("ready_for_review", 7, json!({}))),
        ("pull_request", "d-4", merged(7)),
        ("pull_request", "d-5", merged(8)),
    ] {
        let lines = service.github_settled(event, delivery, &body).await;
        assert_eq!(states(&lines), ["sent"], "{lines:?}");
    }
    let done = json!([{ "field": "status", "fromString": "In Progress", "toString": "Done" }]);
    let lines = service.jira_settled("j-1", &ticket("Done", "done", done)).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");

    let inbox = mail.inbox(6).await;
    assert_eq!(inbox.threads, [1, 5], "as Dovecot threads them");
    assert_eq!(mail.notmuch(&["count", "--output=threads", "*"]).trim(), "2", "as notmuch threads them");
    assert_eq!(mail.notmuch(&["count", "thread:{body:DATA-200}"]).trim(), "1");
    let subjects = inbox.mails.iter().map(|mail| read_mail(mail).subject().unwrap().to_owned());
    let subjects = subjects.collect::<std::collections::BTreeSet<_>>();
    assert_eq!(subjects.len(), 2, "a conversation keeps its subject: {subjects:?}");
    let unsigned = inbox.mails.iter().filter(|mail| read_mail(mail).header_raw("DKIM-Signature").is_none());
    assert_eq!(unsigned.count(), 0);
    let mut received = inbox.mails.iter().map(|mail| read_mail(mail).header_raw("Received").unwrap().to_owned());
    assert!(received.all(|received| received.contains("with ESMTPS")), "STARTTLS was used");
    if let Some(verdicts) = verified(&record, &inbox.mails) {
        assert_eq!(verdicts, [true; 6]);
        let text = String::from_utf8(inbox.mails[0].clone()).unwrap();
        let spoilt = [
            text.replacen("Subject: ", "Subject: Re: ", 1),
            text.replacen("From: ", "From: Eve <eve@example.com>\r\nFrom: ", 1),
            text.replacen("List-Unsubscribe: <https://", "List-Unsubscribe: <https://evil.", 1),
            text.replace("order schema", "order scheme"),
        ];
        assert!(spoilt.iter().all(|spoilt| *spoilt != text));
        assert_eq!(verified(&record, &spoilt.map(String::into_bytes)), Some(vec![false; 4]));
    }

    // The same mail once more, as after a crash between sending and writing it down.
    let again =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(mail.plain).tls(Tls::None).build();
    let to: Address = "web@example.com".parse().unwrap();
    let envelope = lettre::address::Envelope::new(Some("updates@example.com".parse().unwrap()), vec![to]).unwrap();
    again.send_raw(&envelope, &inbox.mails[2]).await.unwrap();
    assert_eq!(mail.inbox(7).await.mails.len(), 7);
    assert_eq!(mail.notmuch(&["count", "--output=files", "*"]).trim(), "7");
    assert_eq!(mail.notmuch(&["count", "*"]).trim(), "6", "it is the same to whoever gets it twice");
}

#[tokio::test]
async fn a_server_has_to_show_a_certificate_that_is_trusted() {
    let Some(mail) = Mail::start().await else { return };
    let web = "email:web@example.com";
    for smtp in [format!("smtp://localhost:{}?tls=starttls", mail.starttls), format!("smtps://localhost:{}", mail.tls)]
    {
        let service = service(&smtp);
        let (sent, said) = send_test(&service, None, web).await;
        assert!(!sent && said.contains("UnknownIssuer"), "{smtp}: {said}");
    }
    let named = service(&format!("smtps://127.0.0.1:{}", mail.tls));
    let (sent, said) = send_test(&named, Some(&mail.ca()), web).await;
    assert!(!sent && said.contains("certificate"), "it is trusted, but for another name: {said}");
    let bare = service(&format!("smtp://localhost:{}?tls=starttls", mail.plain));
    let (sent, said) = send_test(&bare, Some(&mail.ca()), web).await;
    assert!(!sent && said.contains("can't connect to"), "there is no STARTTLS: {said}");
    assert_eq!((mail.count(), mail.log().contains("from=<updates@example.com>")), (0, false), "{}", mail.log());

    let good = service(&format!("smtps://localhost:{}", mail.tls));
    let record = sign(&good, "ed25519");
    let (sent, said) = send_test(&good, Some(&mail.ca()), web).await;
    assert!(sent, "{said}");
    let inbox = mail.inbox(1).await;
    if let Some(verdicts) = verified(&record, &inbox.mails) {
        assert_eq!(verdicts, [true]);
    }
}

#[tokio::test]
async fn what_postfix_says_of_addresses() {
    let Some(mail) = Mail::start().await else { return };
    let mut service = service(&format!("smtp://localhost:{}", mail.plain)).expecting(&["cannot be sent"]);
    let team = TEAM.replace("\"email:web@example.com\"", "\"email:nobody@example.com\", \"email:ana@example.org\"");
    service.write("rules/team.toml", &team);
    service.start().await;
    let lines = service.github_settled("pull_request", "d-1", &merged(1)).await;
    let reason = lines[0]["reason"].as_str().unwrap();
    assert_eq!(states(&lines), ["failed"]);
    assert!(reason.contains("5.1.1 <nobody@example.com>: Recipient address rejected"), "{reason}");
    assert!(reason.contains("5.7.1 <ana@example.org>: Relay access denied"), "{reason}");
    let store = rusqlite::Connection::open(service.path("microalign.db")).unwrap();
    let counted: String =
        store.query_row("SELECT group_concat(destination) FROM bounce", [], |row| row.get(0)).unwrap();
    assert_eq!(counted, "email:nobody@example.com", "that a relay is not for us says nothing of the mailbox");
}

/// A mail that somebody else's program sends.
async fn post(mail: &Mail, to: &str, headers: &str, text: &str) {
    post_from(mail, ("Bo Li <bo@example.net>", to), headers, text).await;
}

async fn post_from(mail: &Mail, (from, to): (&str, &str), headers: &str, text: &str) {
    let smtp =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(mail.plain).tls(Tls::None).build();
    let envelope = lettre::address::Envelope::new(Some("bo@example.net".parse().unwrap()), vec![to.parse().unwrap()]);
    let raw = format!("From: {from}\nTo: {to}\n{headers}\n\n{text}\n").replace('\n', "\r\n");
    smtp.send_raw(&envelope.unwrap(), raw.as_bytes()).await.unwrap();
}

/// An assumption is mailed; somebody answers to the mail; its author reads that on GitHub.
#[tokio::test]
async fn who_answers_by_mail_is_heard() {
    let Some(mail) = Mail::start().await else { return };
    let github = Listener::new(vec![(201, json!({ "id": 1 }))]).await;
    let access = format!("token = \"token\"\napi_url = \"{}\"\ncomment = true\n", github.url);
    let email = format!(
        "{access}[people.bo-li]\nemail = \"bo@example.net\"\n[email]\nfrom = \"microalign <updates@example.com>\"\nsmtp = \"smtp://localhost:{}\"\n\
         reply_to = \"microalign@example.com\"\nimap = \"imaps://microalign:secret@localhost:{}\"\n",
        mail.plain, mail.imaps
    );
    let team = "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"note.*\"]\n\
                object_by = \"3d\"\n";
    let mut service = Service::new(team, &email);
    service.start_by(program(Some(&mail.ca()))).await;
    let lines = service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
    let inbox = mail.inbox(1).await;
    let told = read_mail(&inbox.mails[0]);
    let address = told.reply_to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap().to_owned();
    assert!(address.starts_with("microalign+o-1-"), "{address}");

    post(&mail, "microalign@example.com", "Subject: for a colleague", "Hello.").await;
    post(&mail, &address, "Subject: I am away\nAuto-Submitted: auto-replied", "Until Monday.").await;
    let quoted =
        "They are not.\n\nOn Tue, 24 Nov 2026 at 14:05, microalign <updates@example.com> wrote:\n> Ana assumed\n";
    let answer = "Subject: Re: DATA-123\nMessage-ID: <answer-1@example.net>";
    post(&mail, &address.to_uppercase(), answer, quoted).await;
    let comments = async || github.requests().first().map(|request| request.body["body"].as_str().unwrap().to_owned());
    let comment = eventually("the author is told", comments).await;
    assert!(comment.contains("Bo Li") && comment.contains("> They are not."), "{comment}");
    assert!(!comment.contains("Ana assumed") && !comment.contains("example.net"), "{comment}");
    assert_eq!(github.requests()[0].path, "/repos/acme/ingest-api/issues/7/comments");
    let reason = service.idle().await.iter().find(|line| line["rule"] == "all").unwrap()["reason"].clone();
    assert!(reason.as_str().unwrap().contains("Bo Li objected by mail"), "{reason}");

    // While nobody reads it, it waits; what is sent twice counts once.
    assert_eq!(service.stop().await, 0);
    post(&mail, &address, answer, quoted).await;
    let second = "Subject: Re: DATA-123 again\nMessage-ID: <answer-2@example.net>\nContent-Type: text/html";
    post(&mail, &address, second, "<div>Nor were they.</div><blockquote>Ana assumed</blockquote>").await;
    service.start_by(program(Some(&mail.ca()))).await;
    eventually("the second is told", async || (github.requests().len() > 1).then_some(())).await;
    let read = async || {
        let (unread, read) = mail.answers().await;
        (read.len() == 4).then_some(unread)
    };
    assert_eq!(eventually("what is for us is read", read).await, ["for a colleague"]);
    service.idle().await;
    let comments = github.requests();
    assert_eq!(comments.len(), 2);
    assert!(comments[1].body["body"].as_str().unwrap().contains("> Nor were they."), "{:?}", comments[1]);
    assert!(!service.log().contains("secret"), "{}", service.log());
}

/// Somebody answers to a mail about a merge: that is a comment on the pull request, once.
#[tokio::test]
async fn what_is_answered_by_mail_is_a_comment() {
    let Some(mail) = Mail::start().await else { return };
    let github = Listener::new(vec![(201, json!({ "id": 1 }))]).await;
    let config = format!(
        "token = \"token\"\napi_url = \"{}\"\n[people.bo-li]\nemail = \"bo@example.net\"\n\
         [email]\nfrom = \"microalign <updates@example.com>\"\nsmtp = \"smtp://localhost:{}\"\n\
         reply_to = \"microalign@example.com\"\nimap = \"imaps://microalign:secret@localhost:{}\"\n",
        github.url, mail.plain, mail.imaps
    );
    let mut service = Service::new(&TEAM.replace("settle", "answers = true\nsettle"), &config);
    service.start_by(program(Some(&mail.ca()))).await;
    service.github_settled("pull_request", "d-1", &merged(7)).await;
    let inbox = mail.inbox(1).await;
    let told = read_mail(&inbox.mails[0]);
    assert!(told.body_text(0).unwrap().contains("What you answer becomes a comment there"), "readers are told");
    let address = told.reply_to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap().to_owned();

    // What programs write, or people from elsewhere, isn't carried, and neither is what we wrote ourselves.
    post(&mail, &address, "Subject: I am away\nAuto-Submitted: auto-replied", "Until Monday.").await;
    post(&mail, &address, "Subject: News\nPrecedence: bulk", "Buy this.").await;
    post(&mail, &address, "Subject: x\nX-Microalign-Reason: team=web; rule=all; kind=x", "Another of us.").await;
    post_from(&mail, ("Eve <eve@elsewhere.example>", &address), "Subject: Re: x\nMessage-ID: <e@x>", "Let me in.")
        .await;
    let words = "We read it.\n\nOn Tue, 24 Nov 2026 at 14:05, microalign <updates@example.com> wrote:\n> ana merged\n";
    for _ in 0..2 {
        post(&mail, &address, "Subject: Re: merged\nMessage-ID: <answer-1@example.net>", words).await;
    }
    post_from(&mail, ("Li <li@example.com>", &address), "Subject: Re: x\nMessage-ID: <l@x>", "@ana closes #1").await;
    eventually("both are there", async || (github.requests().len() == 2).then_some(())).await;
    let read = async || (mail.answers().await.1.len() == 7).then_some(());
    eventually("all mails are read", read).await;
    service.idle().await;
    let said = github.requests().iter().map(|got| got.body["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(github.requests()[0].path, "/repos/acme/ingest-api/issues/7/comments");
    assert!(
        said[0].contains("**Bo Li** answered by mail (sender not verified):\u{2060}\n\n> We read it."),
        "not a login, which nobody checks: {said:?}"
    );
    assert!(!said[0].contains("ana merged") && said[1].contains("> @\u{2060}ana closes \\#\u{2060}1"), "{said:?}");
    assert_eq!(said.len(), 2);
    let lines = service.ledger().await;
    let outside = lines.iter().filter(|line| line["reason"].as_str().unwrap().starts_with("Eve answered from outside"));
    assert_eq!(outside.count(), 1, "{lines:?}");
}
