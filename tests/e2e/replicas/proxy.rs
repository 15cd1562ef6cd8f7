//! Stands between a replica and its database, as a network does.

use std::path::PathBuf;

use postgres::config::Host;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing comes through, and nobody is told
    Cut,
    /// Every connection ends, and none is made
    Closed,
}

pub struct Proxy {
    pub port: u16,
    way: watch::Sender<Way>,
}

#[derive(Clone)]
enum Upstream {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Proxy {
    /// Before the server at an address.
    pub async fn before(url: &str) -> Self {
        let config = url.parse::<postgres::Config>().unwrap();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let upstream = match &config.get_hosts()[0] {
            Host::Tcp(host) => Upstream::Tcp(host.clone(), port),
            Host::Unix(folder) => Upstream::Unix(folder.join(format!(".s.PGSQL.{port}"))),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, looked) = watch::channel(Way::Open);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(carry(socket, upstream.clone(), looked.clone()));
            }
        });
        Self { port, way }
    }

    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    pub fn close(&self) {
        self.way.send_replace(Way::Closed);
    }

    pub fn restore(&self) {
        self.way.send_replace(Way::Open);
    }
}

async fn carry(socket: TcpStream, upstream: Upstream, way: watch::Receiver<Way>) {
    let (mut looked, mut begun) = (way.clone(), way.clone());
    let carried = async {
        opened(&mut begun).await;
        let (read, write) = tokio::io::split(socket);
        match upstream {
            Upstream::Tcp(host, port) => {
                let (from, to) = TcpStream::connect((host, port)).await?.into_split();
                tokio::try_join!(pump(read, to, way.clone()), pump(from, write, way)).map(drop)
            }
            Upstream::Unix(path) => {
                let (from, to) = UnixStream::connect(path).await?.into_split();
                tokio::try_join!(pump(read, to, way.clone()), pump(from, write, way)).map(drop)
            }
        }
    };
    tokio::select! {
        // Either end may go at any moment.
        ended = carried => ended.unwrap_or_default(),
        _ = looked.wait_for(|way| *way == Way::Closed) => {}
    }
}

async fn opened(way: &mut watch::Receiver<Way>) {
    // Without the proxy nobody waits.
    drop(way.wait_for(|way| *way == Way::Open).await);
}

/// Carries bytes one way while it is open. Its end is that of the connection.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 65_536];
    loop {
        opened(&mut way).await;
        let length = from.read(&mut bytes).await?;
        // What was read as it was cut waits here.
        opened(&mut way).await;
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&bytes[..length]).await?;
    }
}
