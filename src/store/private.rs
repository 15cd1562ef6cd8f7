//! Files that only their owner may read, whatever the umask: the store holds what people wrote, and the key that signs links.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Creates the database's file if there is none. SQLite would give it the umask's mode; to its own files beside it, it gives the
/// mode of this one. If that fails, SQLite fails too, and says why.
///
/// A file that exists isn't opened: closing it again would end SQLite's locks.
pub(super) fn create(path: &Path) {
    drop(OpenOptions::new().create_new(true).write(true).mode(0o600).open(path));
}

/// Opens a file to lock it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}
