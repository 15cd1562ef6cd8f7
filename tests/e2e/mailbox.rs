//! What people answer by mail: who is heard, and what of their words is.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{Listener, Service, commented, eventually, merged, read_mail};

/// A mailbox on a server that says at once what is new in it (RFC 2177).
#[derive(Clone, Default)]
struct Mailbox {
    mails: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<usize>>,
    news: Arc<Notify>,
}

impl Mailbox {
    async fn serve(&self) -> u16 {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let mailbox = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let mailbox = mailbox.clone();
                // The service may hang up.
                tokio::spawn(async move { mailbox.talk(stream).await.ok() });
            }
        });
        port
    }

    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK hello\r\n").await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let (tag, command) = line.trim().split_once(' ').unwrap_or_default();
            if command == "IDLE" {
                stream.write_all(b"+ idling\r\n").await?;
                self.news.notified().await;
                let exists = format!("* {} EXISTS\r\n", self.mails.lock().unwrap().len());
                stream.write_all(exists.as_bytes()).await?;
                stream.read_line(&mut String::new()).await?;
            }
            let said = format!("{}{tag} OK done\r\n", self.answer(command));
            stream.write_all(said.as_bytes()).await?;
            line.clear();
        }
        Ok(())
    }

    fn answer(&self, command: &str) -> String {
        let mails = self.mails.lock().unwrap().clone();
        let words = command.split(' ').collect::<Vec<_>>();
        let fetched = |part: &str, of: fn(&str) -> &str| {
            let wanted = words[2].split(',').filter_map(|uid| uid.parse::<usize>().ok());
            let fetch = |uid: usize| {
                let text = of(&mails[uid - 1]);
                format!("* {uid} FETCH (UID {uid} BODY[{part}]<0> {{{}}}\r\n{text})\r\n", text.len())
            };
            wanted.map(fetch).collect::<String>()
        };
        match words[..] {
            ["CAPABILITY"] => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
            ["SELECT", _] => {
                format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT {}] ok\r\n",
                    mails.len(),
                    mails.len() + 1
                )
            }
            ["UID", "SEARCH", ..] => {
                let uids = (1..=mails.len()).map(|uid| format!(" {uid}")).collect::<String>();
                format!("* SEARCH{uids}\r\n")
            }
            ["UID", "FETCH", .., what] if what.contains("HEADER") => {
                fetched("HEADER", |mail| &mail[..mail.find("\r\n\r\n").unwrap() + 4])
            }
            ["UID", "FETCH", ..] => fetched("", |mail| mail),
            ["UID", "STORE", ..] => {
                *self.seen.lock().unwrap() += 1;
                String::new()
            }
            _ => String::new(),
        }
    }

    /// A mail arrives, and is dealt with.
    async fn get(&self, (from, to): (&str, &str), text: &str) {
        let number = self.mails.lock().unwrap().len();
        let mail = format!(
            "From: {from}\nTo: {to}\nMessage-ID: <{number}@example.net>\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        );
        self.mails.lock().unwrap().push(mail.replace('\n', "\r\n"));
        self.news.notify_one();
        eventually("the mail is dealt with", async || (*self.seen.lock().unwrap() == number + 1).then_some(())).await;
    }
}

const TO: &str = "to = [\"email:web@example.com\", \"email:li@gmail.com\"]";

/// A service that mails to a company's address and to one that anybody could have, and GitHub.
async fn world(keys: &str) -> (Mailbox, Service, Listener) {
    let (mailbox, github) = (Mailbox::default(), Listener::new(vec![(201, json!({ "id": 1 }))]).await);
    let config = format!(
        "token = \"token\"\napi_url = \"{}\"\ncomment = true\n[people.bo]\nemail = \"bo@home.example\"\n\
         [email]\nfrom = \"updates@example.com\"\nreply_to = \"microalign@example.com\"\n\
         imap = \"imap://ana:hunter2@127.0.0.1:{}\"\n",
        github.url,
        mailbox.serve().await
    );
    let team = format!(
        "team = \"web\"\n{TO}\n{keys}\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"note.*\", \"pull_request.merged\"]\n\
         object_by = \"3d\"\n"
    );
    let mut service = Service::new(&team, &config);
    service.configure("server", "public_url = \"http://127.0.0.1:0\"\nconsole = true\n");
    service.start().await;
    (mailbox, service, github)
}

/// The address for replies to the last mail, and what that mail says.
fn told(service: &Service) -> (String, String) {
    let mails = service.mails();
    let mail = read_mail(mails.last().unwrap());
    let to = mail.reply_to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap();
    (to.to_owned(), mail.body_text(0).unwrap().into_owned())
}

fn said(github: &Listener) -> Vec<String> {
    github.requests().iter().map(|got| got.body["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn who_may_object_by_mail() {
    for (keys, everybody) in [("", false), ("answers = true", false), ("answers = true\nanswers_outside = true", true)]
    {
        let (mailbox, service, github) = world(keys).await;
        service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
        let (to, _) = told(&service);
        let mut heard = Vec::new();
        for (at, (from, belongs)) in [
            ("Bo <bo@example.com>", true),
            ("Bo <bo@home.example>", true),
            ("Li <li@gmail.com>", true),
            ("Eve <eve@gmail.com>", false),
            ("Eve <eve@elsewhere.example>", false),
        ]
        .into_iter()
        .enumerate()
        {
            mailbox.get((from, &to), &format!("w{at}x")).await;
            if belongs || everybody {
                heard.push(format!("w{at}x"));
            }
        }
        eventually("the comments are there", async || (github.requests().len() >= heard.len()).then_some(())).await;
        service.idle().await;
        let said = said(&github);
        assert_eq!(said.len(), heard.len(), "{keys}: {said:?}");
        for (said, words) in said.iter().zip(&heard) {
            assert!(said.contains(words) && said.contains("by mail (sender not verified"), "{keys}: {words} {said}");
        }
        let page = service.get("/conversations/acme%2Fingest-api%237").await.text().await.unwrap();
        for at in 0..5 {
            let words = format!("w{at}x");
            assert_eq!(page.contains(&words), heard.contains(&words), "{keys}: {words} {page}");
        }
    }
}

#[tokio::test]
async fn what_a_mail_quotes_is_not_published() {
    let (mailbox, service, github) = world("answers = true").await;
    service.github_settled("pull_request", "d-1", &merged(7)).await;
    let quoted = |service: &Service| {
        let (to, text) = told(service);
        assert!(text.contains("/mute/") && text.contains("/unsubscribe/"), "{text}");
        let quote = text.lines().map(|line| format!("> {line}\n")).collect::<String>();
        (to.clone(), format!("-- \nBo\n\nOn Tue, 24 Nov 2026 at 14:05, {to} wrote:\n{quote}"), text)
    };
    let (to, empty, text) = quoted(&service);
    mailbox.get(("Bo <bo@example.com>", &to), &empty).await;
    service.idle().await;
    assert_eq!(said(&github), [""; 0]);
    // Quoted in a way that no program has.
    mailbox.get(("Bo <bo@example.com>", &to), &format!("We read it.\n{text}")).await;
    eventually("it is carried", async || (github.requests().len() == 1).then_some(())).await;

    // An objection without words of its own is one all the same.
    service.github_settled("issue_comment", "d-2", &commented("/assume ids are unique")).await;
    let (to, empty, _) = quoted(&service);
    mailbox.get(("Bo <bo@example.com>", &to), &empty).await;
    eventually("the author is told", async || (github.requests().len() == 2).then_some(())).await;
    let said = said(&github);
    assert!(said[0].contains("We read it.") && said[1].contains("objected to your assumption"), "{said:?}");
    for open in ["/mute/", "/unsubscribe/", "/object/", "+o-"] {
        assert!(!said.concat().contains(open), "{open}: {said:?}");
    }
}
