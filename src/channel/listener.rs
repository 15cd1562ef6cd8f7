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
    /// Say this and close the connection
    Last(&'static str),
    Silence,
    Close,
}

/// What a client says, by its first characters (`CONNECT` before anything, `EHLO again` the second time, `. 2` after its
/// second mail), and the reply.
pub(super) type Changed = &'static [(&'static str, Reply)];

/// A mail server that says yes, but for what a test changes.
pub(super) struct MailServer {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    mails: Vec<Vec<u8>>,
}

impl MailServer {
    /// Only the first connection is treated so.
    pub(super) async fn start(changed: Changed) -> Self {
        Self::start_each(vec![changed]).await
    }

    /// Its first connections are treated so, each in its way.
    pub(super) async fn start_each(changed: Vec<Changed>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = Arc::clone(&server.seen);
        tokio::spawn(async move {
            let usual: Changed = &[];
            for changed in changed.into_iter().chain(std::iter::repeat(usual)) {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, changed, Arc::clone(&seen)));
            }
        });
        server
    }

    /// What clients said, and `CONNECT` for each connection.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().lines.clone()
    }

    /// What came to its end, whatever the server said to it.
    pub(super) fn mails(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().mails.clone()
    }
}

async fn talk(stream: TcpStream, changed: Changed, seen: Arc<Mutex<Seen>>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let (mut said, mut greeted, mut mails) = ("CONNECT".to_owned(), false, 0);
    seen.lock().unwrap().lines.push(said.clone());
    loop {
        let usual = match said.split([' ', ':']).next().unwrap_or_default() {
            "CONNECT" => "220 mail.example.com",
            "EHLO" => "250-mail.example.com\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "AUTH" => "235 welcome",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        let changed = changed.iter().find(|(start, _)| said.starts_with(start));
        let reply = changed.map_or(Reply::Say(usual), |(_, reply)| *reply);
        match reply {
            Reply::Say(text) | Reply::Last(text) => {
                // The client may be gone.
                if stream.write_all(format!("{text}\r\n").as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Silence => std::future::pending().await,
            Reply::Close => return,
        }
        if matches!(reply, Reply::Last(_)) {
            return;
        }
        said = if reply == Reply::Say("354 go on") {
            let Some(mail) = read_mail(&mut stream).await else { return };
            seen.lock().unwrap().mails.push(mail);
            mails += 1;
            format!(". {mails}")
        } else {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                return;
            }
            seen.lock().unwrap().lines.push(line.trim_end().to_owned());
            let hello = line.starts_with("EHLO");
            let again = hello && greeted;
            greeted |= hello;
            if again { "EHLO again".to_owned() } else { line.trim_end().to_owned() }
        };
    }
}

/// Up to the dot; `None` if the connection ends before it.
async fn read_mail(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut mail = Vec::new();
    while mail != b".\r\n" && !mail.ends_with(b"\r\n.\r\n") {
        if stream.read_until(b'\n', &mut mail).await.unwrap_or_default() == 0 {
            return None;
        }
    }
    mail.truncate(mail.len().saturating_sub(3));
    Some(mail)
}
