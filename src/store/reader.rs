//! Connections that only read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::connection::Connection;
use super::pg::Purpose;
use super::sqlite::{BUSY, beside};
use super::{Location, STATEMENTS, StoreError, Tx, pg, schema};

/// So many connections are kept; more are opened when all are in use.
const KEPT: usize = 4;
/// So many a server has to bear at most.
const MOST: usize = 16;

/// The connections that nobody uses now.
#[derive(Clone)]
pub(super) struct Readers {
    location: Location,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// The file is read as it is, without the files beside it
    immutable: bool,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(location: Location) -> Self {
        Self { location, idle: Arc::default(), immutable: false, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Of a store that may be in use by another process, or be nobody's to write, if it has the schema of this version.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Older`], [`StoreError::Newer`]
    pub(super) async fn probe(location: Location) -> Result<Self, StoreError> {
        let readers = Self::new(location);
        let probed = tokio::task::spawn_blocking(move || match readers.location.clone() {
            Location::File(path) => readers.probe_file(&path),
            Location::Server(server) => {
                let conn = server.connect(Purpose::Reading)?;
                pg::schema::check(&conn, &server.to_string())?;
                readers.put_back(Connection::Postgres(Box::new(conn)));
                Ok(readers)
            }
        });
        probed.await.map_err(StoreError::Stopped)?
    }

    fn probe_file(self, path: &Path) -> Result<Self, StoreError> {
        let failed = |error: rusqlite::Error| StoreError::open(path, &error);
        let conn = self.open_file(path).and_then(|conn| {
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(conn)
        });
        let (readers, conn) = match conn {
            Ok(conn) => (self, conn),
            // To read beside a writer, SQLite shares files with it that stand beside the store. Where it can't make them,
            // because the folder can't be written, and there are none, nobody has the store open: then the file can be
            // read as it is.
            Err(error) if is_unopened(&error) && !beside(path, "-wal").exists() => {
                let readers = Self { immutable: true, ..self };
                let conn = readers.open_file(path).map_err(failed)?;
                (readers, conn)
            }
            Err(error) => return Err(failed(error)),
        };
        schema::check(&conn, path)?;
        readers.put_back(Connection::Sqlite(conn));
        Ok(readers)
    }

    /// Waits for a place at the server.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        match self.location {
            Location::File(_) => None,
            Location::Server(_) => self.places.acquire().await.ok(),
        }
    }

    /// Runs `work` on a connection.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let conn = self.usable()?;
        let tx = conn.begin_to_read()?;
        let value = work(&tx);
        tx.end_reading()?;
        self.put_back(conn);
        value
    }

    /// A connection that the server still knows.
    fn usable(&self) -> Result<Connection, StoreError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(conn) = idle else { return self.open() };
            if !conn.is_stale() {
                return Ok(conn);
            }
        }
    }

    fn put_back(&self, conn: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(conn);
        }
    }

    fn open(&self) -> Result<Connection, StoreError> {
        match &self.location {
            Location::File(path) => Ok(Connection::Sqlite(self.open_file(path)?)),
            Location::Server(server) => Ok(Connection::Postgres(Box::new(server.connect(Purpose::Reading)?))),
        }
    }

    fn open_file(&self, path: &Path) -> Result<rusqlite::Connection, rusqlite::Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = if self.immutable {
            flags |= OpenFlags::SQLITE_OPEN_URI;
            let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
            let mut url = url::Url::from_file_path(&path).map_err(|()| rusqlite::Error::InvalidPath(path))?;
            url.set_query(Some("immutable=1"));
            rusqlite::Connection::open_with_flags(url.as_str(), flags)?
        } else {
            rusqlite::Connection::open_with_flags(path, flags)?
        };
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(conn)
    }
}

/// The file, or one of those beside it, cannot be opened.
fn is_unopened(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}
