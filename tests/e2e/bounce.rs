//! Mail to an address that its server refuses for good.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Service, merged, states};

/// A mail server that says whether there is a mailbox, counts who asks, and keeps what it takes.
#[derive(Clone, Default)]
pub struct MailServer {
    pub mailbox: Arc<AtomicBool>,
    pub busy: Arc<AtomicBool>,
    pub asked: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
    pub mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub async fn start(&self) -> u16 {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.talk(stream).await });
            }
        });
        port
    }

    async fn talk(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mail.example.com\r\n").await.ok()?;
        let (mut in_mail, mut mail) = (false, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if in_mail && line != ".\r\n" {
                mail.push_str(&line);
                continue;
            }
            if in_mail {
                self.mails.lock().ok()?.push(std::mem::take(&mut mail));
            }
            in_mail = line.starts_with("DATA");
            let answer = match line.split([' ', '\r']).next()? {
                "RCPT" => {
                    self.asked.fetch_add(1, Ordering::SeqCst);
                    *self.last.lock().ok()? = line.trim_end().to_owned();
                    match (self.busy.load(Ordering::SeqCst), self.mailbox.load(Ordering::SeqCst)) {
                        (true, _) => "451 4.3.0 later",
                        (false, true) => "250 fine",
                        (false, false) => "550 5.1.1 no such user",
                    }
                }
                "DATA" => "354 go on",
                _ => "250 fine",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }
}

async fn started() -> (MailServer, Service) {
    let server = MailServer::default();
    let port = server.start().await;
    let team = "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\n\
                on = [\"pull_request.merged\"]\n";
    let email = format!("[email]\nfrom = \"updates@example.com\"\nsmtp = \"smtp://127.0.0.1:{port}\"\n");
    let service = Service::started(team, &email).await;
    (server, service)
}

#[tokio::test]
async fn an_address_that_does_not_exist_is_given_a_rest() {
    let (server, service) = started().await;
    let service = service.expecting(&["cannot be sent"]);
    let reason = async |number: u64| {
        let lines = service.github_settled("pull_request", &format!("d-{number}"), &merged(number)).await;
        assert_eq!(states(&lines), ["failed"]);
        lines[0]["reason"].as_str().unwrap().to_owned()
    };
    let refused = "email:web@example.com: 127.0.0.1: permanent error (550): 5.1.1 no such user";
    for number in 1..=4 {
        assert_eq!(reason(number).await, refused, "they all came within a day");
    }
    // A day passes.
    service.change("UPDATE bounce SET first_at = first_at - 86400000");
    let suppressed = reason(5).await;
    let expected = "email:web@example.com: suppressed: it refused 4 mails since ";
    assert!(suppressed.starts_with(expected) && suppressed.contains("5.1.1"), "{suppressed}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 4, "the fifth is not tried");

    let (code, _, err) = service.run(&["send-test", "email:web@example.com"]).await;
    assert!(code == 1 && err.contains("5.1.1"), "{err}");
    assert!(reason(6).await.contains("suppressed"));
    server.mailbox.store(true, Ordering::SeqCst);
    let (code, out, err) = service.run(&["send-test", "email:web@example.com"]).await;
    assert!(code == 0 && out.contains("sends to it again"), "{out}{err}");
    let lines = service.github_settled("pull_request", "d-7", &merged(7)).await;
    assert_eq!(states(&lines), ["sent"]);
    let (code, out, err) = service.run(&["ledger", "retry", "5.1"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(states(&service.settled("d-5").await), ["sent"]);
    assert_eq!(*server.last.lock().unwrap(), "RCPT TO:<web@example.com>");
}

#[tokio::test]
async fn a_mail_that_arrives_ends_the_count() {
    let (server, service) = started().await;
    let service = service.expecting(&["cannot be sent"]);
    for (number, mailbox, refusals) in [(1, false, 1), (2, false, 2), (3, true, 0), (4, false, 1)] {
        server.mailbox.store(mailbox, Ordering::SeqCst);
        service.github_settled("pull_request", &format!("d-{number}"), &merged(number)).await;
        let known = service.number("SELECT coalesce(max(refusals), 0) FROM bounce");
        assert_eq!(known, refusals, "after {number}");
    }
}
