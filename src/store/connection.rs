//! A connection to either database.

use super::delivery::Arriving;
use super::{StoreError, Tx, pg};

/// A connection, on the thread that uses it.
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<pg::Connection>),
}

impl Connection {
    /// Begins a transaction that writes.
    pub(super) fn begin(&self) -> Result<Tx<'_>, StoreError> {
        self.begin_as("BEGIN IMMEDIATE", "BEGIN")
    }

    /// Begins a transaction that only reads: all that it reads is of one moment.
    pub(super) fn begin_to_read(&self) -> Result<Tx<'_>, StoreError> {
        self.begin_as("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    }

    fn begin_as(&self, sqlite: &str, postgres: &'static str) -> Result<Tx<'_>, StoreError> {
        match self {
            Self::Sqlite(conn) => {
                conn.prepare_cached(sqlite)?.raw_execute()?;
                Ok(Tx::sqlite(conn))
            }
            Self::Postgres(conn) => {
                conn.begin(postgres);
                Ok(Tx::postgres(conn))
            }
        }
    }

    /// Whether its server has gone since it was used last.
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(conn) => conn.is_stale(),
        }
    }

    /// Whether it can be used after a transaction that failed to begin.
    pub(super) fn is_free(&self) -> bool {
        match self {
            Self::Sqlite(conn) => conn.is_autocommit(),
            Self::Postgres(conn) => !conn.is_closed(),
        }
    }

    /// Takes back a transaction that failed; whether it can be used after that. SQLite may still be inside of it.
    pub(super) fn takes_back(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(conn) => conn.begin_anew("ROLLBACK").is_ok(),
        }
    }

    /// Writes deliveries that came together in one statement, where statements are far away: that is one wait, instead of two and one
    /// for each. What isn't written here is written by itself.
    pub(super) fn insert_together<'a>(&self, arriving: impl Iterator<Item = &'a Arriving>) -> Result<(), StoreError> {
        let Self::Postgres(server) = self else { return Ok(()) };
        // What is ignored has a line in the ledger, too.
        let arriving = arriving.filter(|arriving| arriving.incoming.ignored.is_none()).collect::<Vec<_>>();
        if arriving.is_empty() { Ok(()) } else { server.insert_deliveries(&arriving) }
    }

    /// How many rows it has changed.
    pub(super) fn changes(&self) -> u64 {
        match self {
            Self::Sqlite(conn) => conn.total_changes(),
            Self::Postgres(conn) => conn.changes(),
        }
    }

    /// Closes it.
    pub(super) fn close(self) {
        if let Self::Sqlite(conn) = self
            && let Err((_, error)) = conn.close()
        {
            tracing::warn!(%error, "the store did not close cleanly; nothing is lost");
        }
    }
}
