//! Each connection is an open file, and systems let a program have few unless it asks for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More connections than these take up too much memory, of which one that has begun to send has about 32 KB.
const CONNECTIONS: usize = 4096;

/// Takes as many open files as the system allows; says how many of them may be connections of clients. The rest is for
/// the store and what we connect to.
pub(super) fn connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let files = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "cannot have more open files");
            current
        }
    };
    files.map_or(CONNECTIONS, |files| usize::try_from(files / 2).unwrap_or(CONNECTIONS).min(CONNECTIONS))
}
