//! Opening a store to read it and nothing else, beside a service that may be running.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::sync::mpsc;

use super::{MIGRATIONS, Store, StoreError, names};

impl Store {
    /// Opens the store to read it: the file stays as it is, and so does its schema. Whatever would write is refused
    /// with [`StoreError::NotWritten`].
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Older`], [`StoreError::Newer`]
    pub async fn look(path: &Path) -> Result<Self, StoreError> {
        let (read, version) = opened(path).await?;
        let name = || path.display().to_string();
        match version.cmp(&MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()) {
            std::cmp::Ordering::Less => return Err(StoreError::Older(name())),
            std::cmp::Ordering::Greater => return Err(StoreError::Newer(name())),
            std::cmp::Ordering::Equal => {}
        }
        let people = names::people(&mut *read.acquire().await?).await?;
        // Nobody takes the writes out of this queue, and it is closed.
        let (writer, _) = mpsc::channel(1);
        let people = Arc::new(RwLock::new(people));
        Ok(Self { path: path.into(), read, writer, failing: Arc::default(), people, _lock: None })
    }
}

/// Connections that only read, and the schema's version.
async fn opened(path: &Path) -> Result<(SqlitePool, i64), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(true)
        .busy_timeout(Duration::from_secs(10));
    let error = match probed(options.clone()).await {
        Ok(opened) => return Ok(opened),
        Err(error) => error,
    };
    // To read beside a writer, SQLite shares files with it that stand beside the store. Where it can't make them, because
    // the folder can't be written, and there are none, nobody has the store open: then the file can be read as it is.
    if is_unopened(&error) && !beside(path, "-wal").exists() {
        return probed(options.immutable(true)).await.map_err(|error| failed(path, &error));
    }
    Err(failed(path, &error))
}

async fn probed(options: SqliteConnectOptions) -> Result<(SqlitePool, i64), sqlx::Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(2)
        .min_connections(0)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    let version =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&pool).await?;
    Ok((pool, version))
}

/// `SQLITE_CANTOPEN`, or `SQLITE_READONLY` of the files beside the store.
fn is_unopened(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 8 | 14))
}

fn beside(path: &Path, end: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn failed(path: &Path, error: &sqlx::Error) -> StoreError {
    let no_table = error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"));
    let reason = if no_table { "this isn't a store of microalign".to_owned() } else { error.to_string() };
    StoreError::Open { path: path.display().to_string(), reason }
}
