//! The file that is copied.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::row::{add, begin};
use super::{Doing, Progress, Sum};
use crate::store::file::{self, ServedFile};
use crate::store::params::Kind;
use crate::store::sqlite::BUSY;
use crate::store::{StoreError, schema};

/// A table, as it is found there.
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    /// Without those that are computed
    columns: Vec<(String, Kind)>,
    /// Columns whose order is that of its rows
    order: String,
    pub(in crate::store) rows: u64,
}

impl Table {
    /// The names of its columns, for a statement.
    pub(in crate::store) fn columns(&self) -> String {
        listed(self.columns.iter().map(|(name, _)| name.as_str()))
    }

    pub(super) fn progress(&self, doing: Doing, done: u64) -> Progress<'_> {
        Progress::Table { doing, table: &self.name, done, of: self.rows }
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// A store that nobody serves from meanwhile. All that is read is of one moment.
pub(super) struct Source {
    conn: Connection,
    /// Dropped after the connection
    _file: ServedFile,
}

impl Source {
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Older`], [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Open`]
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // Whoever locks a store that isn't there makes it.
        if !path.exists() {
            return Err(StoreError::open(path, &"there is no such file"));
        }
        let file = ServedFile::lock(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(|error| file::unopened(path, &error))?;
        conn.busy_timeout(BUSY)?;
        schema::check(&conn, path)?;
        conn.execute_batch("BEGIN")?;
        Ok(Self { conn, _file: file })
    }

    /// All tables but those that SQLite has for itself.
    pub(super) fn tables(&self) -> Result<Vec<Table>, StoreError> {
        let sql = "SELECT name, wr FROM pragma_table_list
                   WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name";
        let mut statement = self.conn.prepare(sql)?;
        let names = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
        names.map(|found| self.table(found?)).collect()
    }

    fn table(&self, (name, without_rowid): (String, bool)) -> Result<Table, StoreError> {
        let mut statement = self.conn.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid")?;
        let (mut columns, mut key) = (Vec::new(), Vec::new());
        let mut rows = statement.query([&name])?;
        while let Some(row) = rows.next()? {
            let (column, holds, place): (String, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let kind = match holds.as_str() {
                "INTEGER" => Kind::Integer,
                "TEXT" => Kind::Text,
                "BLOB" => Kind::Blob,
                _ => return Err(StoreError::Corrupt(format!("`{name}.{column}` is of the kind {holds}"))),
            };
            if place > 0 {
                key.push((place, column.clone()));
            }
            columns.push((column, kind));
        }
        key.sort();
        let order = match without_rowid {
            true => listed(key.iter().map(|(_, column)| column.as_str())),
            false => "rowid".to_owned(),
        };
        let count = format!("SELECT count(*) FROM \"{name}\"");
        let rows = self.conn.query_row(&count, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
        Ok(Table { name, columns, order, rows })
    }

    /// Reads the rows of a table in its order, after so many of them.
    pub(super) fn read(
        &self,
        table: &Table,
        skipped: u64,
        mut read: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Table { name, columns, order, .. } = table;
        let sql = format!("SELECT {} FROM \"{name}\" ORDER BY {order} LIMIT -1 OFFSET {skipped}", table.columns());
        let mut statement = self.conn.prepare(&sql)?;
        let (mut rows, mut encoded) = (statement.query([])?, Vec::new());
        while let Some(row) = rows.next()? {
            begin(&mut encoded, columns.len());
            for (place, (column, kind)) in columns.iter().enumerate() {
                let value = row.get_ref(place)?;
                if !add(&mut encoded, *kind, value) {
                    let what = format!("`{name}.{column}` has a value of the kind {}", value.data_type());
                    return Err(StoreError::Corrupt(what));
                }
            }
            read(&encoded)?;
        }
        Ok(())
    }

    /// What its rows are.
    pub(super) fn sum(&self, table: &Table) -> Result<Sum, StoreError> {
        let mut sum = Sum::default();
        self.read(table, 0, |row| {
            sum.add(row);
            Ok(())
        })?;
        Ok(sum)
    }
}
