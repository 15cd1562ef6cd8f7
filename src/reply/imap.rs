//! A mailbox on a server, read over IMAP (RFC 9051) with limits on the time of every command and the size of every
//! response.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_imap::types::{Fetch, UnsolicitedResponse};
use async_imap::{Client, Session};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::mail;
use crate::channel::{MailServer, MailTls};
use crate::template::{clean, shorten};

/// The time limit for a command.
const WITHIN: Duration = Duration::from_secs(30);
/// How often a server without IDLE is asked for new mail.
const POLL: Duration = Duration::from_secs(60);
/// How often a server with IDLE (RFC 2177) is asked, since routers drop silent connections.
const IDLE: Duration = Duration::from_secs(4 * 60);
/// The most bytes of a header that are read; what matters comes first in it.
const HEADER: usize = 32 * 1024;
/// The longest response without a mail: a search that finds a hundred thousand mails fits.
const ANSWER: usize = 1024 * 1024;

/// Why a mailbox can't be read, without a password or the contents of a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Trouble(pub String);

/// An open mailbox.
pub(super) struct Mailbox {
    session: Session<Wire>,
    /// Whether the server has IDLE
    idles: bool,
    /// Uids are valid as long as this stays the same
    pub validity: u32,
    /// The uid that the next mail gets
    pub next: u32,
}

impl Mailbox {
    /// Connects, logs in and opens the inbox.
    pub(super) async fn open(server: &MailServer, tls: &TlsConnector) -> Result<Self, Trouble> {
        let host = &server.host;
        let (user, password) =
            server.credentials.as_ref().ok_or_else(|| Trouble(format!("{host}: there is no user")))?;
        let client = within(connect(server, tls)).await?;
        let password = password.expose_secret();
        let login = async { client.login(user, password).await.map_err(|(error, _)| refused(error)) };
        let mut session = within(login).await.map_err(|trouble| {
            // The password must not appear in an error, neither as it is nor as it was sent.
            let sent = password.replace('\\', "\\\\").replace('"', "\\\"");
            Trouble(trouble.0.replace(&sent, "***").replace(password, "***"))
        })?;
        let capabilities = within(async { session.capabilities().await.map_err(refused) }).await?;
        let inbox = within(async { session.select("INBOX").await.map_err(refused) }).await?;
        let (validity, next) = (inbox.uid_validity.unwrap_or(0), inbox.uid_next.unwrap_or(1));
        Ok(Self { session, idles: capabilities.has_str("IDLE"), validity, next })
    }

    /// The uids of new mails, in ascending order: all from a uid on or, if there is none yet, the unread ones since
    /// that time.
    pub(super) async fn news(&mut self, from: Option<u32>, since: Timestamp) -> Result<Vec<u32>, Trouble> {
        // The search also finds what the server reported by itself.
        while self.session.unsolicited_responses.try_recv().is_ok() {}
        let query = match from {
            Some(from) => format!("UID {from}:*"),
            None => format!("UNSEEN SINCE {}", since.strftime("%d-%b-%Y")),
        };
        self.allow(ANSWER);
        let found = within(async { self.session.uid_search(query).await.map_err(refused) }).await?;
        // Every range that ends with `*` contains the last mail.
        let mut found: Vec<_> = found.into_iter().filter(|uid| from.is_none_or(|from| *uid >= from)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// The headers of mails, without those that are gone.
    pub(super) async fn headers(&mut self, uids: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Trouble> {
        let list = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let what = format!("(UID BODY.PEEK[HEADER]<0.{HEADER}>)");
        let fetched = self.fetch(&list, &what, uids.len() * 2 * HEADER).await?;
        Ok(fetched.iter().filter_map(|fetch| Some((fetch.uid?, fetch.header()?.to_vec()))).collect())
    }

    /// The first part of a mail; `None` if it is gone.
    pub(super) async fn mail(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let what = format!("(UID BODY.PEEK[]<0.{}>)", mail::LONGEST);
        let fetched = self.fetch(&uid.to_string(), &what, 2 * mail::LONGEST).await?;
        Ok(fetched.iter().filter(|fetch| fetch.uid == Some(uid)).find_map(|fetch| Some(fetch.body()?.to_vec())))
    }

    async fn fetch(&mut self, uids: &str, what: &str, limit: usize) -> Result<Vec<Fetch>, Trouble> {
        self.allow(ANSWER + limit);
        within(async {
            self.session.uid_fetch(uids, what).await.map_err(refused)?.try_collect().await.map_err(refused)
        })
        .await
    }

    /// Marks a mail as read.
    pub(super) async fn seen(&mut self, uid: u32) -> Result<(), Trouble> {
        self.allow(ANSWER);
        within(async {
            let answer = self.session.uid_store(uid.to_string(), "+FLAGS.SILENT (\\Seen)").await.map_err(refused)?;
            answer.try_collect::<Vec<_>>().await.map_err(refused)
        })
        .await
        .map(drop)
    }

    /// Waits until there may be new mails.
    pub(super) async fn wait(mut self) -> Result<Self, Trouble> {
        self.allow(ANSWER);
        if !self.idles {
            sleep(POLL).await;
            within(async { self.session.noop().await.map_err(refused) }).await?;
            return Ok(self);
        }
        let unsolicited = self.session.unsolicited_responses.clone();
        let mut idle = self.session.idle();
        within(async { idle.init().await.map_err(refused) }).await?;
        // Mails from before IDLE began may have been reported already.
        if !std::iter::from_fn(|| unsolicited.try_recv().ok())
            .any(|told| matches!(told, UnsolicitedResponse::Exists(_)))
        {
            let (told, _interrupt) = idle.wait_with_timeout(IDLE);
            // A living server responds, so this ends only by our own timeout.
            if let Ok(told) = timeout(IDLE, told).await {
                told.map_err(refused)?;
            }
        }
        self.session = within(async { idle.done().await.map_err(refused) }).await?;
        Ok(self)
    }

    fn allow(&mut self, bytes: usize) {
        self.session.get_mut().left = bytes;
    }
}

/// Connects up to the server's greeting, with the configured encryption.
async fn connect(server: &MailServer, tls: &TlsConnector) -> Result<Client<Wire>, Trouble> {
    let cut = |error: io::Error| Trouble(format!("it cannot be reached: {error}"));
    let stream = server.dial().await.map_err(cut)?;
    let secured = async |stream: TcpStream| {
        let stream = server.encrypt(stream, tls).await.map_err(|error| Trouble(format!("TLS: {error}")))?;
        Ok(Wire::new(stream))
    };
    match server.tls {
        MailTls::Implicit => greeted(secured(stream).await?).await,
        MailTls::None => greeted(Wire::new(stream)).await,
        MailTls::StartTls => {
            let mut client = greeted(stream).await?;
            client.run_command_and_check_ok("STARTTLS", None).await.map_err(refused)?;
            // There is no second greeting (RFC 9051, section 6.2.1).
            Ok(Client::new(secured(client.into_inner()).await?))
        }
    }
}

async fn greeted<S: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug>(stream: S) -> Result<Client<S>, Trouble> {
    let mut client = Client::new(stream);
    match client.read_response().await {
        Ok(Some(_)) => Ok(client),
        Ok(None) => Err(Trouble("it hung up".to_owned())),
        Err(error) => Err(refused(error.into())),
    }
}

/// A server's response, with a time limit.
async fn within<T>(asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = || Trouble(format!("it did not answer within {} s", WITHIN.as_secs()));
    timeout(WITHIN, asked).await.map_err(|_| late())?
}

/// A response that can't be read may contain a mail, so it isn't shown.
fn refused(error: async_imap::error::Error) -> Trouble {
    use async_imap::error::Error;
    // The crate formats the server's message as `code: None, info: Some("Sorry.")`.
    let said = |text: &str| {
        let info = text.split_once("info: Some(\"").and_then(|(_, info)| info.strip_suffix("\")"));
        shorten(&clean(&info.map_or_else(|| text.to_owned(), |info| info.replace("\\\"", "\""))), 200)
    };
    Trouble(match error {
        Error::Io(error) if error.kind() != io::ErrorKind::Other => format!("the connection broke: {error}"),
        Error::No(text) | Error::Bad(text) => format!("it refuses: {}", said(&text)),
        Error::ConnectionLost => "it hung up".to_owned(),
        Error::Validate(_) => "user or password hold a line break".to_owned(),
        _ => "its answer cannot be read".to_owned(),
    })
}

/// A stream that allows only a limited number of bytes to be read.
struct Wire {
    stream: Box<dyn Stream>,
    left: usize,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Wire {
    fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), left: ANSWER }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("left", &self.left).finish_non_exhaustive()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        match self.left.checked_sub(buf.filled().len() - before) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"))),
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
