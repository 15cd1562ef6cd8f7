//! The schema, and the migrations of older stores.
//!
//! The version is SQLite's `user_version`: the number of migrations that a store has had.

use std::cmp::Ordering;
use std::fmt::Display;
use std::path::Path;
use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite_migration::{M, MigrationDefinitionError, Migrations};

use super::StoreError;

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::new(ALL.map(M::up).to_vec()));

/// In order; one that was released is never changed.
pub(super) const ALL: [&str; 21] = [
    include_str!("migrations/sqlite/0001_first.sql"),
    include_str!("migrations/sqlite/0002_mute.sql"),
    include_str!("migrations/sqlite/0003_timing.sql"),
    include_str!("migrations/sqlite/0004_bounce.sql"),
    include_str!("migrations/sqlite/0005_editable.sql"),
    include_str!("migrations/sqlite/0006_recovery.sql"),
    include_str!("migrations/sqlite/0007_answer.sql"),
    include_str!("migrations/sqlite/0008_truth.sql"),
    include_str!("migrations/sqlite/0009_reason.sql"),
    include_str!("migrations/sqlite/0010_version.sql"),
    include_str!("migrations/sqlite/0011_keep.sql"),
    include_str!("migrations/sqlite/0012_taken_back.sql"),
    include_str!("migrations/sqlite/0013_contact.sql"),
    include_str!("migrations/sqlite/0014_history.sql"),
    include_str!("migrations/sqlite/0015_access.sql"),
    include_str!("migrations/sqlite/0016_console.sql"),
    include_str!("migrations/sqlite/0017_repository_rules.sql"),
    include_str!("migrations/sqlite/0018_slack.sql"),
    include_str!("migrations/sqlite/0019_carry.sql"),
    include_str!("migrations/sqlite/0020_summary.sql"),
    include_str!("migrations/sqlite/0021_subject.sql"),
];

/// Up to here a table counted the migrations.
const COUNTED: usize = 9;

/// Brings a store that may be new, or older, up to date.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Open`]
pub(super) fn bring_up_to_date(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error: &dyn Display| StoreError::open(path, error);
    let version = version(conn).map_err(|error| failed(&error))?;
    if version <= COUNTED {
        conn.pragma_update(None, "user_version", i64::try_from(version).unwrap_or_default())
            .map_err(|error| failed(&error))?;
    }
    MIGRATIONS.to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            StoreError::Newer(path.display().to_string())
        }
        error => failed(&error),
    })
}

/// Whether a store that is only read has the schema of this version.
///
/// # Errors
/// [`StoreError::Older`], [`StoreError::Newer`]; [`StoreError::Open`] for what isn't a store
pub(super) fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    match version(conn).map_err(|error| StoreError::open(path, &error))? {
        0 => Err(StoreError::open(path, &"this isn't a store of microalign")),
        version => match version.cmp(&ALL.len()) {
            Ordering::Less => Err(StoreError::Older(path.display().to_string())),
            Ordering::Greater => Err(StoreError::Newer(path.display().to_string())),
            Ordering::Equal => Ok(()),
        },
    }
}

/// How many of the migrations a store has had; 0 for one that is new.
pub(super) fn version(conn: &Connection) -> Result<usize, rusqlite::Error> {
    let version = conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    let counted = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')";
    let version = match conn.query_row(counted, [], |row| row.get(0))? {
        true => {
            let counted = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
            conn.query_row(counted, [], |row| row.get(0))?
        }
        false => version,
    };
    Ok(usize::try_from(version).unwrap_or_default())
}
