//! A store is brought up to date by itself, without a service.

use std::path::Path;

use super::file::ServedFile;
use super::pg::{self, Purpose, Server};
use super::sqlite::Options;
use super::{Location, Store, StoreError, Use, file, schema};

/// How a store was brought up to date: the versions of its schema. They are the same where nothing was to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that it had; 0 if there was no store
    pub from: usize,
    /// The version that it has
    pub to: usize,
}

impl Store {
    /// Brings a store up to date, or makes one where there is none, as a start of the service does.
    ///
    /// # Errors
    /// [`StoreError::InUse`] for a file; [`StoreError::Newer`], [`StoreError::Unfinished`], [`StoreError::Damaged`],
    /// [`StoreError::Open`]
    pub async fn migrate(location: Location) -> Result<Migrated, StoreError> {
        let migrated = tokio::task::spawn_blocking(move || match location {
            Location::File(path) => migrate_file(&path),
            Location::Server(server) => migrate_server(&server),
        });
        migrated.await.map_err(StoreError::Stopped)?
    }
}

fn migrate_file(path: &Path) -> Result<Migrated, StoreError> {
    let is_new = !path.exists();
    let file = ServedFile::lock(path)?;
    let options = Options { path: path.into(), usage: Use::Serve };
    let mut conn = options.open().map_err(|error| file::unopened(path, &error))?;
    file.check_pages(&conn)?;
    let from = if is_new { 0 } else { schema::version(&conn)? };
    schema::bring_up_to_date(&mut conn, path)?;
    let to = schema::version(&conn)?;
    conn.close().map_err(|(_, error)| StoreError::open(path, &error))?;
    Ok(Migrated { from, to })
}

fn migrate_server(server: &Server) -> Result<Migrated, StoreError> {
    let conn = server.connect(Purpose::Writing)?;
    // Nobody waits for it, and a large table takes as long as it takes.
    conn.wait_without_end()?;
    let from = pg::schema::version(&conn)?;
    pg::schema::bring_up_to_date(&conn, &server.to_string(), true)?;
    Ok(Migrated { from, to: pg::schema::version(&conn)? })
}
