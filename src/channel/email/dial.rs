//! Connections to mail servers, up to where the protocol begins.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::MailServer;
use crate::channel::choose_tls_provider;

impl MailServer {
    /// Connects to the first of its addresses that answers.
    ///
    /// # Errors
    /// Why the last of them didn't, or why it has none.
    pub(crate) async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // A mail is written in pieces. The kernel would keep the last one back until the server has acknowledged those
        // before it, and servers delay that by 40 ms.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Begins TLS on a connection to it.
    ///
    /// # Errors
    /// Its name isn't valid, or it shows no certificate for it that is trusted.
    pub(crate) async fn encrypt(&self, stream: TcpStream, tls: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    }
}

/// The settings of TLS, to be made once, since they load every certificate that the system trusts.
///
/// # Errors
/// There are no such certificates.
pub(crate) async fn tls_settings() -> io::Result<TlsConnector> {
    let config = tokio::task::spawn_blocking(|| {
        choose_tls_provider();
        ClientConfig::with_platform_verifier()
    });
    let config = config.await?.map_err(io::Error::other)?;
    Ok(TlsConnector::from(Arc::new(config)))
}
