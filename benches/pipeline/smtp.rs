//! A mail server that takes everything at once, and the least that a client can do to send it mails.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

/// A mail that was taken.
pub struct Mail {
    /// The number of the pull request that it is about
    pub number: Option<u64>,
    /// When it was taken
    pub at: Instant,
    /// As it came, with its last dot
    pub text: String,
}

/// A mail server.
pub struct Server {
    pub address: SocketAddr,
    mails: mpsc::UnboundedReceiver<Mail>,
}

impl Server {
    pub async fn start() -> Self {
        let (taken, mails) = mpsc::unbounded_channel();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(converse(stream, taken.clone()));
            }
        });
        Self { address, mails }
    }

    /// The next mails.
    pub async fn take(&mut self, count: usize) -> Vec<Mail> {
        let mut mails = Vec::new();
        while mails.len() < count {
            mails.push(tokio::time::timeout(PATIENCE, self.mails.recv()).await.expect("a mail in time").unwrap());
        }
        mails
    }
}

/// Until the client hangs up, in whatever way.
async fn converse(stream: TcpStream, taken: mpsc::UnboundedSender<Mail>) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    say(&mut stream, "220 bench\r\n").await?;
    while let Some(line) = line(&mut stream).await? {
        let answer = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-bench\r\n250 8BITMIME\r\n",
            "DATA" => {
                say(&mut stream, "354 go on\r\n").await?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    let Some(line) = self::line(&mut stream).await? else { return Ok(()) };
                    text += &line;
                }
                let pull = text.split_once("/pull/").map(|(_, rest)| rest);
                let number = pull.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
                // Nobody listens any more once everything was measured.
                drop(taken.send(Mail { number, at: Instant::now(), text }));
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        say(&mut stream, answer).await?;
    }
    Ok(())
}

async fn line(stream: &mut BufStream<TcpStream>) -> std::io::Result<Option<String>> {
    // A client that writes a mail in pieces waits for our system's word on each, which it puts off for 40 ms.
    socket2::SockRef::from(stream.get_ref()).set_tcp_quickack(true)?;
    let mut line = String::new();
    let length = stream.read_line(&mut line).await?;
    Ok((length > 0).then_some(line))
}

async fn say(stream: &mut BufStream<TcpStream>, said: &str) -> std::io::Result<()> {
    stream.write_all(said.as_bytes()).await?;
    stream.flush().await
}

/// A client that says no more than it must.
pub struct Client(BufStream<TcpStream>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self(BufStream::new(stream));
        client.answer().await;
        client.ask("EHLO bench\r\n").await;
        client
    }

    pub async fn send(&mut self, mail: &str) {
        for said in ["MAIL FROM:<m@example.test>\r\n", "RCPT TO:<t@example.test>\r\n", "DATA\r\n", mail] {
            self.ask(said).await;
        }
    }

    async fn ask(&mut self, said: &str) {
        say(&mut self.0, said).await.unwrap();
        self.answer().await;
    }

    /// Reads an answer to its last line.
    async fn answer(&mut self) {
        while line(&mut self.0).await.unwrap().expect("an answer").as_bytes()[3] == b'-' {}
    }
}
