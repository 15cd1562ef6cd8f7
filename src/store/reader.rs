//! Connections that only read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{BUSY, STATEMENTS, StoreError, Tx, beside, schema};

/// So many connections are kept; more are opened when all are in use.
const KEPT: usize = 4;

/// The connections that nobody uses now.
#[derive(Clone)]
pub(super) struct Readers {
    path: Arc<Path>,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// The file is read as it is, without the files beside it
    immutable: bool,
}

impl Readers {
    pub(super) fn new(path: Arc<Path>) -> Self {
        Self { path, idle: Arc::default(), immutable: false }
    }

    /// Of a store that may be in use by another process, or be nobody's to write, if it has the schema of this version.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Older`], [`StoreError::Newer`]
    pub(super) fn probe(path: &Arc<Path>) -> Result<Self, StoreError> {
        let readers = Self::new(Arc::clone(path));
        let failed = |error: rusqlite::Error| StoreError::open(path, &error);
        let conn = readers.open().and_then(|conn| {
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(conn)
        });
        let (readers, conn) = match conn {
            Ok(conn) => (readers, conn),
            // To read beside a writer, SQLite shares files with it that stand beside the store. Where it can't make them,
            // because the folder can't be written, and there are none, nobody has the store open: then the file can be
            // read as it is.
            Err(error) if is_unopened(&error) && !beside(path, "-wal").exists() => {
                let readers = Self { immutable: true, ..readers };
                let conn = readers.open().map_err(failed)?;
                (readers, conn)
            }
            Err(error) => return Err(failed(error)),
        };
        schema::check(&conn, path)?;
        readers.put_back(conn);
        Ok(readers)
    }

    /// Runs `work` on a connection.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.open()?,
        };
        // All that it reads is of one moment.
        conn.execute_batch("BEGIN")?;
        let value = work(&Tx::new(&conn));
        conn.execute_batch("COMMIT")?;
        self.put_back(conn);
        value
    }

    fn put_back(&self, conn: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(conn);
        }
    }

    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = if self.immutable {
            flags |= OpenFlags::SQLITE_OPEN_URI;
            let path = self.path.canonicalize().unwrap_or_else(|_| self.path.to_path_buf());
            let mut url = url::Url::from_file_path(&path).map_err(|()| rusqlite::Error::InvalidPath(path))?;
            url.set_query(Some("immutable=1"));
            Connection::open_with_flags(url.as_str(), flags)?
        } else {
            Connection::open_with_flags(&self.path, flags)?
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
