//! Reads the body of a request, with limits on size, time and memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use tokio::time::{Instant, timeout_at};
use warp::{Filter, Rejection};

use super::admission::{Full, Place};

/// How long a sender may take to get going.
const START: Duration = Duration::from_secs(5);
/// From then on it sends so many bytes each second at least.
const SLOWEST: usize = 16 * 1024;
/// A refused body is read on for so long: a client that is still writing would miss the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Why a body wasn't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than it may be
    TooLarge,
    /// It did not arrive in time
    TooSlow,
    /// The client hung up
    Broken,
    /// Too many large bodies at once
    Busy,
}

/// A request whose body is still on its way.
pub(super) struct Upload {
    headers: HeaderMap,
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>,
    place: Arc<Place>,
}

/// A request with its body, which has its share of the memory.
pub(super) struct Body {
    pub headers: HeaderMap,
    pub bytes: Bytes,
    place: Arc<Place>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.place.release();
    }
}

/// Takes a request whose body is to be read.
pub(super) fn upload() -> impl Filter<Extract = (Upload,), Error = Rejection> + Copy {
    warp::header::headers_cloned().and(warp::body::stream()).and(warp::ext::get::<Arc<Place>>()).map(Upload::new)
}

impl Upload {
    fn new<S, B>(headers: HeaderMap, chunks: S, place: Arc<Place>) -> Self
    where
        S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
        B: Buf,
    {
        let chunks = Box::pin(chunks.map_ok(|mut chunk| chunk.copy_to_bytes(chunk.remaining())));
        Self { headers, chunks, place }
    }

    /// The request's headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Reads the body, which is of limited size, within a limited time. `Content-Length` isn't needed. A body that is announced
    /// as too large is refused before it is sent.
    pub(super) async fn read(mut self, limit: usize, within: Duration) -> Result<Body, Unread> {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let read = match length {
            Some(length) if length > limit => Err(Unread::TooLarge),
            _ => self.read_all(limit, within).await,
        };
        self.place.received();
        match read {
            Ok(bytes) => Ok(Body { headers: self.headers, bytes, place: self.place }),
            Err(unread) => {
                self.place.release();
                // Whoever waits for a `100 Continue` has nothing on its way.
                if unread != Unread::Broken && !self.headers.contains_key(EXPECT) {
                    tokio::spawn(tokio::time::timeout(LINGER, async move {
                        while let Some(Ok(_)) = self.chunks.next().await {}
                    }));
                }
                Err(unread)
            }
        }
    }

    async fn read_all(&mut self, limit: usize, within: Duration) -> Result<Bytes, Unread> {
        let (begun, mut bytes) = (Instant::now(), BytesMut::new());
        loop {
            let time = START + Duration::from_secs((bytes.len() / SLOWEST) as u64);
            let next = timeout_at(begun + time.min(within), self.chunks.next()).await.map_err(|_| Unread::TooSlow)?;
            let Some(chunk) = next else { return Ok(bytes.freeze()) };
            let chunk = chunk.map_err(|_| Unread::Broken)?;
            if bytes.len() + chunk.len() > limit {
                return Err(Unread::TooLarge);
            }
            self.place.keep(chunk.len()).map_err(|Full| Unread::Busy)?;
            bytes.extend_from_slice(&chunk);
        }
    }
}
