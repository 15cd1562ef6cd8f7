//! How SQLite's file is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{STATEMENTS, Use};

/// How long a statement waits for another process that writes.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// How long it does so while senders wait for an answer, which they give up after 10 seconds.
pub(super) const SENDERS_WAIT: Duration = Duration::from_secs(1);

/// The file that is called like the store, with another end.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// How the connection that writes is opened, at the start and after a failure.
pub(super) struct Options {
    pub(super) path: Arc<Path>,
    pub(super) usage: Use,
}

impl Options {
    pub(super) fn open(&self) -> Result<Connection, rusqlite::Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if self.usage == Use::Scratch {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let conn = Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Only a store that has no tables yet takes this: its file can shrink.
        conn.pragma_update(None, "auto_vacuum", "incremental")?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", if self.usage == Use::Scratch { "off" } else { "full" })?;
        // A service has its log copied beside the writer, which helps itself only if that doesn't keep up.
        conn.pragma_update(None, "wal_autocheckpoint", if self.usage == Use::Serve { 16_000 } else { 4_000 })?;
        conn.pragma_update(None, "foreign_keys", true)?;
        // What a person has removed from the store is overwritten.
        conn.pragma_update(None, "secure_delete", self.usage == Use::Visit)?;
        // What a round of planning changes fits: pages that don't are written to the log before their time, and once more
        // each time that they change again. In KiB, below zero.
        conn.pragma_update(None, "cache_size", -16_384)?;
        conn.pragma_update(None, "temp_store", "memory")?;
        Ok(conn)
    }
}
