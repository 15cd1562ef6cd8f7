//! The transaction that statements run on, and what they find.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, FromSqlResult};
use rusqlite::{CachedStatement, Connection, RowIndex};
use serde::de::DeserializeOwned;

use super::params::Params;
pub(super) use super::params::named_params;
use super::{StoreError, pg};
use crate::event::{OccurrenceId, SubjectKey};

pub(super) use rusqlite::types::{FromSql, Value, ValueRef};

/// A transaction.
pub struct Tx<'c>(On<'c>);

enum On<'c> {
    Sqlite(&'c Connection),
    Postgres(&'c pg::Connection),
}

/// A row that a statement found.
pub(super) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r pg::Row),
}

/// A column, by its name or place.
pub(super) trait Column: RowIndex + Copy {
    fn place(self, row: &pg::Row) -> Option<usize>;
}

impl Column for &str {
    fn place(self, row: &pg::Row) -> Option<usize> {
        row.columns().iter().position(|column| column.name() == self)
    }
}

impl Column for usize {
    fn place(self, row: &pg::Row) -> Option<usize> {
        (self < row.len()).then_some(self)
    }
}

impl Row<'_> {
    /// The value in a column.
    pub(super) fn get<C: Column, T: FromSql>(&self, column: C) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => {
                T::column_result(read(row, column)?).map_err(|error| StoreError::Corrupt(error.to_string()))
            }
        }
    }

    /// The same, as it is stored.
    pub(super) fn get_ref(&self, column: &str) -> Result<ValueRef<'_>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?),
            Self::Postgres(row) => read(row, column),
        }
    }

    /// How many columns it has.
    #[cfg(test)]
    pub(super) fn columns(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.len(),
        }
    }
}

fn read<C: Column>(row: &pg::Row, column: C) -> Result<ValueRef<'_>, StoreError> {
    let place =
        column.place(row).ok_or_else(|| StoreError::Database("our fault: there is no such column".to_owned()))?;
    pg::value(row, place)
}

impl<'c> Tx<'c> {
    pub(super) fn sqlite(conn: &'c Connection) -> Self {
        Self(On::Sqlite(conn))
    }

    pub(super) fn postgres(conn: &'c pg::Connection) -> Self {
        Self(On::Postgres(conn))
    }

    /// Its connection, if that is to a server.
    pub(super) fn server(&self) -> Option<&'c pg::Connection> {
        match self.0 {
            On::Sqlite(_) => None,
            On::Postgres(conn) => Some(conn),
        }
    }

    /// Whether it is on SQLite, for what only that has.
    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.0, On::Sqlite(_))
    }

    /// Ends it, when it has only read.
    pub(super) fn end_reading(self) -> Result<(), StoreError> {
        match self.0 {
            On::Sqlite(_) => self.end(false),
            On::Postgres(conn) => conn.end_reading(),
        }
    }

    /// Commits it, or takes it back.
    pub(super) fn end(self, commit: bool) -> Result<(), StoreError> {
        match self.0 {
            On::Sqlite(conn) => {
                conn.prepare_cached(if commit { "COMMIT" } else { "ROLLBACK" })?.raw_execute()?;
                Ok(())
            }
            On::Postgres(conn) if commit => conn.commit(),
            On::Postgres(conn) => conn.begin_anew("ROLLBACK"),
        }
    }

    /// Whether the database has taken it back by itself, as SQLite does after some failures, such as a full disk.
    pub(super) fn is_over(&self) -> bool {
        match &self.0 {
            On::Sqlite(conn) => conn.is_autocommit(),
            On::Postgres(_) => false,
        }
    }

    /// Runs a statement; says how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        match &self.0 {
            On::Sqlite(conn) => Ok(prepare(conn, sql, &params)?.raw_execute()?),
            On::Postgres(conn) => conn.run(sql, &params),
        }
    }

    /// Runs a statement when something is asked next, at the latest with the commit; if it fails, that does. Where the database is
    /// far away, this spares a round trip.
    pub(super) fn put(&self, sql: &str, params: impl Params) -> Result<(), StoreError> {
        match &self.0 {
            On::Sqlite(_) => self.run(sql, params).map(drop),
            On::Postgres(conn) => conn.put(sql, &params),
        }
    }

    /// Says what will be asked before something is written: where the database is far away, all of that is asked in one round trip.
    /// In `look` nothing is found and nothing written, so what it comes to is of no use.
    pub fn ahead(&self, look: impl FnOnce()) {
        if let On::Postgres(conn) = &self.0 {
            conn.ahead(look);
        }
    }

    /// All rows of a query.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match &self.0 {
            On::Sqlite(conn) => {
                let mut statement = prepare(conn, sql, &params)?;
                let mut rows = statement.raw_query();
                let mut all = Vec::new();
                while let Some(row) = rows.next()? {
                    all.push(read(&Row::Sqlite(row))?);
                }
                Ok(all)
            }
            On::Postgres(conn) => {
                let rows = conn.rows(sql, &params)?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Reads rows of a query until `read` breaks with a value.
    pub(super) fn until<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match &self.0 {
            On::Sqlite(conn) => {
                let mut statement = prepare(conn, sql, &params)?;
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next()? {
                    if let ControlFlow::Break(value) = read(&Row::Sqlite(row))? {
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            On::Postgres(conn) => conn.until(sql, &params, |row| read(&Row::Postgres(row))),
        }
    }

    /// The first row of a query, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match &self.0 {
            On::Sqlite(conn) => {
                let mut statement = prepare(conn, sql, &params)?;
                let mut rows = statement.raw_query();
                rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
            }
            On::Postgres(conn) => conn.rows(sql, &params)?.first().map(|row| read(&Row::Postgres(row))).transpose(),
        }
    }

    /// The one value of a query's first row, if there is one; also the new id where a row is inserted `RETURNING id`.
    pub(super) fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>, StoreError> {
        self.row(sql, params, |row| row.get(0))
    }

    /// Whether a query that asks for one truth says so.
    pub(super) fn holds(&self, sql: &str, params: impl Params) -> Result<bool, StoreError> {
        Ok(self.value(sql, params)?.unwrap_or(false))
    }

    /// Runs `work`; if it fails, what it wrote is taken back.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn attempt<T>(&self, work: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.bare("SAVEPOINT attempt")?;
        // What was put fails here at the latest.
        let worked = work(self).and_then(|value| self.bare("RELEASE attempt").map(|()| value));
        if worked.is_err() && !self.is_over() {
            self.bare("ROLLBACK TO attempt")?;
            self.bare("RELEASE attempt")?;
        }
        worked
    }

    /// A statement about the transaction, which PostgreSQL doesn't prepare: one that failed takes no others.
    fn bare(&self, sql: &str) -> Result<(), StoreError> {
        match &self.0 {
            On::Sqlite(_) => self.run(sql, []).map(drop),
            On::Postgres(conn) if sql.starts_with("ROLLBACK") => conn.begin_anew(sql),
            On::Postgres(conn) => conn.batch(sql),
        }
    }
}

/// A statement of SQLite's with its values, which is parsed once.
fn prepare<'c>(conn: &'c Connection, sql: &str, params: &impl Params) -> Result<CachedStatement<'c>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    for (name, value) in params.named() {
        statement.raw_bind_parameter(name, value)?;
    }
    Ok(statement)
}

/// A closed set by the names of its members: `Display` and `FromStr` are the column's text.
pub(super) struct Text<T>(pub T);

impl<T: FromStr<Err: Display>> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|error: T::Err| FromSqlError::Other(error.to_string().into()))
    }
}

/// A value as JSON.
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// A time, in milliseconds since the epoch.
pub(super) struct Millis(pub Timestamp);

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_millisecond(value.as_i64()?).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// A column that holds the name of a member of a closed set.
pub(super) fn text<T: FromStr<Err: Display>>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    Ok(row.get::<_, Text<T>>(column)?.0)
}

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    Ok(row.get::<_, Json<T>>(column)?.0)
}

/// A column that holds JSON, or nothing: no value, or JSON's `null`.
pub(super) fn json_or_none<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError> {
    Ok(row.get::<_, Option<Json<Option<T>>>>(column)?.and_then(|json| json.0))
}

/// A column that holds a time.
pub(super) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, StoreError> {
    Ok(row.get::<_, Millis>(column)?.0)
}

/// A column that holds a time, or nothing.
pub(super) fn time_or_none(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<_, Option<Millis>>(column)?.map(|time| time.0))
}

/// Names that are stored as their text.
macro_rules! stored_name {
    ($($name:ident),*) => {$(
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str().map(Self::from)
            }
        }
    )*};
}

stored_name!(SubjectKey, OccurrenceId);
