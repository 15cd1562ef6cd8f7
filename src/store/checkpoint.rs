//! Copies the log into the file, beside the writer: while it does so itself, senders would wait for tens of milliseconds.

use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;
use super::sqlite::Options;

/// The log is looked at so often at most.
const LOOK: Duration = Duration::from_millis(200);
/// With so many pages in the log (16 MB) it is copied. A page that many commits change is copied once for all of them.
const PAGES: i64 = 4000;

/// The thread that copies the log.
pub(super) struct Checkpointer {
    written: SyncSender<()>,
    /// Dropped when there is nothing more to look at
    running: Sender<()>,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the store can't be opened once more, or the system starts no thread.
    pub(super) fn start(options: &Options) -> Result<Self, StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::open(&options.path, error);
        let conn = options.open().map_err(|error| failed(&error))?;
        let (written, look) = mpsc::sync_channel(1);
        let (running, rest) = mpsc::channel();
        let thread = std::thread::Builder::new().name("checkpoint".to_owned());
        let started = thread.spawn(move || {
            while look.recv().is_ok() {
                if let Err(error) = copy(&conn) {
                    // The writer does it itself once the log is four times as long.
                    tracing::warn!(%error, "the store's log could not be copied into its file, will retry");
                }
                if rest.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        });
        Ok(Self { written, running, thread: started.map_err(|error| failed(&error))? })
    }

    /// Tells it that something was written.
    pub(super) fn look(&self) {
        // It looks anyway if it was told before.
        self.written.try_send(()).unwrap_or_default();
    }

    /// Waits for its end.
    pub(super) fn stop(self) {
        drop((self.written, self.running));
        if self.thread.join().is_err() {
            tracing::error!("our fault: the thread that copies the store's log failed");
        }
    }
}

/// Copies what is in the log, if it is much. The second time takes what was written during the first, so that the writer
/// finds all of it copied and begins the log anew.
fn copy(conn: &Connection) -> Result<(), rusqlite::Error> {
    let pages = |mode: &str| {
        conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok(row.get::<_, i64>("log")? - row.get::<_, i64>("checkpointed")?)
        })
    };
    if pages("NOOP")? > PAGES {
        pages("PASSIVE")?;
        pages("PASSIVE")?;
    }
    Ok(())
}
