//! A status board that was taken down: whatever it is sent, it answers that it is gone.

use std::net::SocketAddr;

use secrecy::SecretSlice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::channel::webhook;

/// What it answers. Its sender doesn't try again.
const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nConnection: close\r\n\r\n\
                    this board was taken down\n";

/// Starts it on a port of its own, until the program ends.
pub(super) async fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    // A message fits: what is left unread would take the answer with it.
    let mut request = vec![0; 256 * 1024];
    let mut read = 0;
    while !is_whole(&request[..read]) && read < request.len() {
        match stream.read(&mut request[read..]).await? {
            0 => break,
            more => read += more,
        }
    }
    stream.write_all(GONE.as_bytes()).await?;
    stream.shutdown().await
}

/// Whether the head is there, and as much after it as it says.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

/// What `microalign.toml` would say of it.
pub(super) fn settings(address: SocketAddr) -> webhook::Settings {
    let key = SecretSlice::from(fastrand::u128(..).to_be_bytes().repeat(2));
    webhook::Settings { url: format!("http://{address}/{:032x}", fastrand::u128(..)).into(), key }
}
