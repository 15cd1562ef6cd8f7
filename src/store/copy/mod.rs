//! A store is copied from SQLite to PostgreSQL.
//!
//! Every table is copied as it is found, in batches, each with the note of how far the copy has come: a copy that was killed goes
//! on where it ended. Then all of it is read on both sides and compared. Until that is done, nobody can serve from the copy.

mod row;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::Timestamp;

use self::source::Source;
use super::pg::{Server, Target};
use super::{Store, StoreError};

pub(super) use self::row::{Batch, Sum};
pub(super) use self::source::Table;

/// How large a batch is, in bytes.
const BATCH: usize = 4 * 1024 * 1024;

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Its rows are copied
    Copying,
    /// It gets its indexes
    Indexing,
    /// Its rows are compared
    Checking,
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// It goes on where an earlier one ended
    Resumed,
    /// It begins anew, because the store isn't any more what an earlier one began to copy
    Anew,
    /// So many rows of a table are done
    Table {
        /// What is done to it
        doing: Doing,
        /// Its name
        table: &'a str,
        /// Rows that are done
        done: u64,
        /// Rows that it has
        of: u64,
    },
}

/// What was copied, and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// In all tables
    pub rows: u64,
    /// What they have, as PostgreSQL is given them
    pub bytes: u64,
}

impl Store {
    /// Copies the store in a file to an empty database, and checks that it is the same there. `tell` hears how far it has come.
    /// What was being sent in it waits to be sent again at `now`, as after any stop.
    ///
    /// # Errors
    /// [`StoreError::InUse`] by a service, on either side; [`StoreError::Older`], [`StoreError::Newer`] for the file;
    /// [`StoreError::NotEmpty`] for the database; [`StoreError::Differs`] if it wasn't the same, and then it can't be used
    pub async fn copy(
        from: &Path,
        to: Server,
        now: Timestamp,
        tell: impl FnMut(Progress<'_>) + Send + 'static,
    ) -> Result<Copied, StoreError> {
        let from = from.to_owned();
        let copied = tokio::task::spawn_blocking(move || Copying::begin(&from, &to, (BATCH, tell))?.run(now));
        copied.await.map_err(StoreError::Stopped)?
    }
}

/// A copy that is being made.
struct Copying<T> {
    source: Source,
    target: Target,
    tables: Vec<Table>,
    /// In bytes
    batch: usize,
    tell: T,
}

impl<T: FnMut(Progress<'_>)> Copying<T> {
    fn begin(from: &Path, to: &Server, (batch, tell): (usize, T)) -> Result<Self, StoreError> {
        let source = Source::open(from)?;
        let tables = source.tables()?;
        Ok(Self { source, target: Target::connect(to)?, tables, batch, tell })
    }

    fn run(mut self, now: Timestamp) -> Result<Copied, StoreError> {
        let (begun, copied) = self.target.begin(&self.tables)?;
        if let Some(begun) = begun {
            (self.tell)(begun);
        }
        let checked = self.copy_and_check(&copied);
        if let Err(StoreError::Differs { .. }) = &checked {
            self.target.spoil()?;
        }
        let checked = checked?;
        self.target.finish(now)?;
        Ok(checked)
    }

    fn copy_and_check(&mut self, copied: &[u64]) -> Result<Copied, StoreError> {
        let Self { source, target, tables, batch, tell } = self;
        for (table, copied) in tables.iter().zip(copied) {
            tell(table.progress(Doing::Copying, *copied));
            copy_table((source, target), table, (*copied, *batch), tell)?;
        }
        for table in &*tables {
            tell(table.progress(Doing::Indexing, table.rows));
            target.complete(table)?;
        }
        let mut all = Copied { rows: 0, bytes: 0 };
        for table in &*tables {
            tell(table.progress(Doing::Checking, 0));
            let sum = source.sum(table)?;
            sum.compare(&target.sum(table)?, table)?;
            tell(table.progress(Doing::Checking, table.rows));
            all.rows += sum.rows;
            all.bytes += sum.bytes;
        }
        Ok(all)
    }
}

/// Copies the rows of a table that come after those that were copied before.
fn copy_table(
    (source, target): (&Source, &Target),
    table: &Table,
    (copied, size): (u64, usize),
    tell: &mut impl FnMut(Progress<'_>),
) -> Result<(), StoreError> {
    let (mut done, mut batch) = (copied, Batch::default());
    let mut put = |batch: &mut Batch| {
        target.put(table, batch)?;
        done += batch.rows;
        *batch = Batch::default();
        tell(table.progress(Doing::Copying, done));
        Ok::<_, StoreError>(())
    };
    source.read(table, copied, |row| {
        batch.add(row);
        if batch.bytes.len() >= size { put(&mut batch) } else { Ok(()) }
    })?;
    if batch.rows > 0 {
        put(&mut batch)?;
    }
    Ok(())
}
