//! Reads the body of a request, with limits on size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Kilobytes of bodies in memory at a time.
pub const MEMORY_KB: usize = 128 * 1024;

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

/// A body, with its share of the memory while it is kept.
pub(super) struct Body {
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Reads a whole body of limited size within a limited time. `Content-Length` isn't needed, and isn't trusted.
pub(super) async fn read<S, B, E>(
    stream: S,
    (limit, within): (usize, Duration),
    memory: &Arc<Semaphore>,
) -> Result<Body, Unread>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    tokio::time::timeout(within, read_all(stream, limit, memory)).await.unwrap_or(Err(Unread::TooSlow))
}

async fn read_all<S, B, E>(stream: S, limit: usize, memory: &Arc<Semaphore>) -> Result<Body, Unread>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    let mut stream = std::pin::pin!(stream);
    let (mut bytes, mut share) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
    let mut size = 0;
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|_| Unread::Broken)?;
        size += chunk.remaining();
        if size > limit {
            // Reads and drops a little more, since a client that is still writing would miss the answer.
            bytes = BytesMut::new();
            share = None;
            if size > 2 * limit {
                return Err(Unread::TooLarge);
            }
            continue;
        }
        let kilobytes = chunk.remaining().div_ceil(1024);
        let more = u32::try_from(kilobytes).ok().and_then(|kb| Arc::clone(memory).try_acquire_many_owned(kb).ok());
        match (&mut share, more.ok_or(Unread::Busy)?) {
            (Some(share), more) => share.merge(more),
            (none, more) => *none = Some(more),
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            bytes.extend_from_slice(part);
            let length = part.len();
            chunk.advance(length);
        }
    }
    if size > limit { Err(Unread::TooLarge) } else { Ok(Body { bytes: bytes.freeze(), _share: share }) }
}
