//! The files of a store as the system has them: one service at a time, whole, and still there.
//!
//! SQLite notices none of this. It keeps on writing to a file that was deleted, takes an empty one for a new store, and
//! drops from a log that was cut what it can't read.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use tempfile::NamedTempFile;

use super::sqlite::{Options, beside};
use super::{StoreError, Use, schema};

/// What there should be room for on the disk.
const ROOM: usize = 1024 * 1024;

/// The file that a service serves from, locked.
pub(super) struct ServedFile {
    path: PathBuf,
    /// Closing it also ends SQLite's own locks on it, so it is kept until SQLite has closed it.
    lock: File,
    /// The log beside it, once SQLite has made it
    log: Option<(u64, u64)>,
}

impl ServedFile {
    /// Locks a store, which is made if there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`], also by another name of the file; [`StoreError::Damaged`], [`StoreError::Open`]
    pub(super) fn lock(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: io::Error| StoreError::open(path, &error);
        if !path.try_exists().map_err(failed)? {
            make(path)?;
        }
        let lock = lock(path)?;
        let path = path.canonicalize().map_err(failed)?;
        if lock.metadata().map_err(failed)?.len() == 0 {
            return Err(damaged(&path, "it is empty, where even a new store has pages".to_owned()));
        }
        check_log(&path)?;
        Ok(Self { path, lock, log: None })
    }

    /// Whether what SQLite has open is still what stands there. Otherwise nobody would ever find what is written.
    ///
    /// # Errors
    /// [`StoreError::Replaced`]
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let replaced = || StoreError::Replaced(self.path.display().to_string());
        let there = |path: &Path| std::fs::metadata(path).map(|metadata| identity(&metadata)).ok();
        let own = self.lock.metadata().map(|metadata| identity(&metadata)).ok();
        if own.is_none() || there(&self.path) != own {
            return Err(replaced());
        }
        let log = there(&beside(&self.path, "-wal"));
        if self.log.is_some() && log != self.log {
            return Err(replaced());
        }
        self.log = log;
        Ok(())
    }

    /// Checks that a store which was just opened has all of its pages, and our tables.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Database`]
    pub(super) fn check_pages(&self, conn: &Connection) -> Result<(), StoreError> {
        let number = |pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0)).map(u64::from);
        // What is in the log belongs to it, too. While another process reads, it may stay there.
        let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        let (pages, size) = (number("page_count")?, number("page_size")?);
        let has = self.lock.metadata().map_err(|error| StoreError::open(&self.path, &error))?.len() / size;
        if !busy && has < pages {
            return Err(damaged(&self.path, format!("it has {has} of {pages} pages")));
        }
        if schema::version(conn)? == 0 {
            return Err(damaged(&self.path, "it has no tables of ours".to_owned()));
        }
        Ok(())
    }
}

/// Locks a store's file; this is how a process that serves from it is found.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::Open`]
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let file = locked(path, File::options().read(true).write(true));
    file.map_err(|error| StoreError::open(path, &error))?.ok_or_else(|| StoreError::InUse(path.display().to_string()))
}

/// Opens and locks a file; `None` if another process has locked it.
pub(super) fn locked(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether there is room on the disk for a large delivery: a small one may still fit where SQLite has room already.
///
/// # Errors
/// [`StoreError::NotWritten`]
pub(super) fn has_room(path: &Path) -> Result<(), StoreError> {
    let written = tempfile::tempfile_in(folder(path)).and_then(|mut file| {
        file.write_all(&[0; ROOM])?;
        file.sync_all()
    });
    written.map_err(|error| {
        tracing::error!(%error, "there is no room on the disk");
        StoreError::NotWritten
    })
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a store under another name, and renames it once it has tables: so none is ever found empty.
fn make(path: &Path) -> Result<(), StoreError> {
    let failed = |error: &dyn std::fmt::Display| StoreError::open(path, error);
    let folder = folder(path);
    let new = NamedTempFile::with_prefix_in(".microalign", folder).map_err(|error| failed(&error))?;
    let options = Options { path: new.path().into(), usage: Use::Visit };
    let mut conn = options.open().map_err(|error| failed(&error))?;
    schema::bring_up_to_date(&mut conn, path)?;
    // This also moves what is in the log into the file.
    conn.close().map_err(|(_, error)| failed(&error))?;
    match new.persist_noclobber(path) {
        Ok(_) => tracing::info!(store = %path.display(), "made a new store"),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(&error)),
    }
    let folder = File::open(folder).and_then(|folder| folder.sync_all());
    folder.map_err(|error| failed(&error))
}

/// Checks that the log has the pages that its index says were committed to it. After a crash of the machine the index may
/// be older than the log, but never newer: what it names was on disk before.
///
/// Both are described in SQLite's documentation, "The WAL-Index File Format".
fn check_log(path: &Path) -> Result<(), StoreError> {
    /// Of the log, and of each page in it
    const HEADERS: (u64, u64) = (32, 24);
    let mut index = [0; 24];
    let read = File::open(beside(path, "-shm")).and_then(|mut file| file.read_exact(&mut index));
    // Without an index there is nothing to compare with.
    let (Ok(()), Ok(log)) = (read, std::fs::metadata(beside(path, "-wal")).map(Some).or_else(absent)) else {
        return Ok(());
    };
    let (initialised, half) = (index[12] == 1, |at: usize| u16::from_ne_bytes([index[at], index[at + 1]]));
    let (page, pages) = (u64::from(half(14)), u32::from_ne_bytes([index[16], index[17], index[18], index[19]]));
    let page = if page == 1 { 65_536 } else { page };
    let wanted = if pages == 0 { 0 } else { HEADERS.0 + u64::from(pages) * (HEADERS.1 + page) };
    let length = log.map_or(0, |log| log.len());
    if initialised && length < wanted {
        let log = beside(path, "-wal");
        let what =
            format!("its log `{}` has {length} of {wanted} bytes, so the last commits are missing", log.display());
        return Err(damaged(path, what));
    }
    Ok(())
}

fn absent(error: io::Error) -> io::Result<Option<Metadata>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) }
}

/// A file, whatever it is called.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Why SQLite doesn't open a store.
pub(super) fn unopened(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, error.to_string()),
        _ => StoreError::open(path, error),
    }
}

fn damaged(path: &Path, what: String) -> StoreError {
    StoreError::Damaged { path: path.display().to_string(), what }
}
