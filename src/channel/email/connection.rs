//! A connection to a mail server, from the greeting to where the server waits for a mail.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::compose::Mail;
use super::dial::tls_settings;
use super::{MailServer, MailTls};

/// Why there is no connection.
pub(super) type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The settings of TLS, made once, because that reads every certificate that the system trusts.
#[derive(Default)]
pub(super) struct Tls {
    implicit: OnceCell<TlsConnector>,
    /// lettre does STARTTLS, and with its own settings
    starttls: OnceCell<TlsParameters>,
}

/// A connection that mail can be sent over.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// The server takes several commands at once (RFC 2920)
    pipelining: bool,
}

/// Why a server refused a mail, or its envelope.
pub(super) enum Failed {
    /// It answered so, or the connection ended
    Answer(Error),
    /// It refused the recipient, or the connection ended then
    Recipient(Error),
    /// It doesn't support such an address
    Address,
}

impl Failed {
    /// The connection ended, or is about to: the server said that it closes it (421), or nothing that can
    /// be read.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Answer(error) | Self::Recipient(error) => {
                error.status().is_none_or(|status| u16::from(status) == 421)
            }
            Self::Address => false,
        }
    }
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(server: &MailServer, tls: &Tls) -> Result<Self, Trouble> {
        let hello = ClientId::default();
        let stream = server.dial().await?;
        let stream: Box<dyn AsyncTokioStream> = match server.tls {
            MailTls::Implicit => {
                let settings = tls.implicit.get_or_try_init(tls_settings).await?;
                Box::new(Encrypted(server.encrypt(stream, settings).await?))
            }
            MailTls::StartTls | MailTls::None => Box::new(stream),
        };
        let mut smtp = AsyncSmtpConnection::connect_with_transport(stream, &hello).await?;
        if server.tls == MailTls::StartTls {
            let settings = async || TlsParameters::new(server.host.clone());
            smtp.starttls(tls.starttls.get_or_try_init(settings).await?.clone(), &hello).await?;
        }
        // lettre keeps only the extensions that it uses itself. To ask once more is allowed (RFC 5321, section 4.1.4),
        // and a server that doesn't like it hasn't offered anything.
        let pipelining = match smtp.command(Ehlo::new(hello)).await {
            Ok(answer) => offers_pipelining(&answer),
            Err(error) if error.status().is_some() => false,
            Err(error) => return Err(error.into()),
        };
        if let Some((user, password)) = &server.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            smtp.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(Self { smtp, pipelining })
    }

    /// Says who a mail is from and for, until the server waits for it. Up to then, nothing can have been delivered.
    pub(super) async fn announce(&mut self, mail: &Mail, to: &Address) -> Result<(), Failed> {
        let mut parameters = Vec::new();
        if !to.to_string().is_ascii() || !mail.from.to_string().is_ascii() {
            if !self.smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failed::Address);
            }
            parameters.extend([MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)]);
        }
        let from = MailFrom::new(Some(mail.from.clone()), parameters);
        let to = Rcpt::new(to.clone(), Vec::new());
        if self.pipelining {
            return self.announce_at_once(&from, &to).await;
        }
        self.smtp.command(from).await.map_err(Failed::Answer)?;
        self.smtp.command(to).await.map_err(Failed::Recipient)?;
        self.smtp.command(Data).await.map_err(Failed::Answer)?;
        Ok(())
    }

    /// In one write, which is answered three times. What is wrong is said by the first refusal; those after it only
    /// follow from it.
    async fn announce_at_once(&mut self, from: &MailFrom, to: &Rcpt) -> Result<(), Failed> {
        let from = self.smtp.command(format!("{from}{to}{Data}")).await.map_err(Failed::Answer);
        if from.as_ref().is_err_and(Failed::is_cut) {
            return from.map(drop);
        }
        let to = self.smtp.read_response().await.map_err(Failed::Recipient);
        if to.as_ref().is_err_and(Failed::is_cut) {
            return from.and(to).map(drop);
        }
        let data = self.smtp.read_response().await.map_err(Failed::Answer);
        // A server may ask for the mail although nobody is to get it. It expects an empty one then, and refuses it
        // (RFC 2920, section 3.1).
        if to.is_err()
            && data.is_ok()
            && let Ok(answer) = self.smtp.command(".\r\n").await
        {
            tracing::debug!(code = %answer.code(), "a mail server took an empty mail for nobody");
        }
        from.and(to).and(data).map(drop)
    }

    /// Sends the mail that was announced.
    pub(super) async fn send(&mut self, mail: &Mail) -> Result<(), Error> {
        self.smtp.message(&mail.bytes).await.map(drop)
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        self.smtp.abort().await;
    }
}

/// Whether the answer to EHLO has the line; the first line is a greeting.
fn offers_pipelining(answer: &Response) -> bool {
    answer.message().skip(1).any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"))
}

/// A stream with TLS from its first byte, as lettre takes it. lettre can make one, but only on a connection that it opened
/// itself.
#[derive(Debug)]
struct Encrypted(TlsStream<TcpStream>);

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
