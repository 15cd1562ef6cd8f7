//! Real listeners that record what they are sent and answer what a test says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub line: String,
    /// By small name
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers requests in turn with these, and then never again: an empty one is silence.
pub(super) struct WebServer {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl WebServer {
    pub(super) async fn answer(answers: &[impl AsRef<str>]) -> Self {
        Self::answer_with(|_| answers.iter().map(|text| text.as_ref().to_owned()).collect()).await
    }

    /// With answers that name the server's own address.
    pub(super) async fn answer_with(answers: impl FnOnce(&str) -> Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&requests), answers(&url));
        tokio::spawn(async move {
            let mut open = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.is_empty() {
                    open.push(stream);
                }
            }
            std::future::pending::<()>().await;
        });
        Self { url, requests }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer with a body and one more header.
pub(super) fn http(status: u16, header: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{header}\r\n{body}")
}

async fn read_request(stream: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).await.unwrap();
    Request { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).unwrap() }
}

/// What a mail server does when it is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Say(&'static str),
    Silence,
    Close,
}

/// A mail server that says yes, but for what a test changes.
pub(super) struct MailServer {
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl MailServer {
    /// `changed` has the first word of what the client says (`.` after a mail, `CONNECT` before anything), and the
    /// reply. Only the first connection is treated so.
    pub(super) async fn start(changed: &'static [(&'static str, Reply)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, lines: Arc::default(), mails: Arc::default() };
        let (lines, mails) = (Arc::clone(&server.lines), Arc::clone(&server.mails));
        tokio::spawn(async move {
            let mut changed = changed;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, changed, Arc::clone(&lines), Arc::clone(&mails)));
                changed = &[];
            }
        });
        server
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(super) fn mails(&self) -> Vec<Vec<u8>> {
        self.mails.lock().unwrap().clone()
    }
}

async fn talk(
    stream: TcpStream,
    changed: &[(&str, Reply)],
    lines: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut said = "CONNECT".to_owned();
    loop {
        let verb = said.split([' ', ':']).next().unwrap_or_default();
        let usual = match verb {
            "CONNECT" => "220 mail.example.com",
            "EHLO" => "250-mail.example.com\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "AUTH" => "235 welcome",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        let reply = changed.iter().find(|(word, _)| *word == verb).map_or(Reply::Say(usual), |(_, reply)| *reply);
        match reply {
            Reply::Say(text) => stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap(),
            Reply::Silence => std::future::pending().await,
            Reply::Close => return,
        }
        said = if reply == Reply::Say("354 go on") {
            let mail = read_mail(&mut stream).await;
            mails.lock().unwrap().push(mail);
            ".".to_owned()
        } else {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                return;
            }
            lines.lock().unwrap().push(line.trim_end().to_owned());
            line.trim_end().to_owned()
        };
    }
}

async fn read_mail(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut mail = Vec::new();
    while !mail.ends_with(b"\r\n.\r\n") {
        if stream.read_until(b'\n', &mut mail).await.unwrap() == 0 {
            break;
        }
    }
    mail.truncate(mail.len().saturating_sub(3));
    mail
}
