//! The transaction that statements run on, and how values are stored in columns.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::event::{OccurrenceId, SubjectKey};

/// A transaction that writes, or a connection that only reads.
pub struct Tx<'c>(&'c Connection);

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        Self(conn)
    }

    /// Runs a statement; says how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.0.prepare_cached(sql)?.execute(params)?)
    }

    /// All rows of a query.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// Reads rows of a query until `read` breaks with a value.
    pub(super) fn until<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if let ControlFlow::Break(value) = read(row)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The first row of a query, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// The one value of a query's first row, if there is one.
    pub(super) fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>, StoreError> {
        Ok(self.0.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?)
    }

    /// Whether a query that asks for one truth says so.
    pub(super) fn holds(&self, sql: &str, params: impl Params) -> Result<bool, StoreError> {
        Ok(self.value(sql, params)?.unwrap_or(false))
    }

    /// The id of the row that was inserted last.
    pub(super) fn inserted(&self) -> i64 {
        self.0.last_insert_rowid()
    }

    /// Runs `work`; if it fails, what it wrote is taken back.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn attempt<T>(&self, work: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.run("SAVEPOINT attempt", [])?;
        match work(self) {
            Ok(value) => {
                self.run("RELEASE attempt", [])?;
                Ok(value)
            }
            Err(error) => {
                // After some failures, such as a full disk, SQLite has taken back the whole transaction.
                if !self.0.is_autocommit() {
                    self.run("ROLLBACK TO attempt", [])?;
                    self.run("RELEASE attempt", [])?;
                }
                Err(error)
            }
        }
    }
}

/// A closed set by the names of its members: `Display` and `FromStr` are the column's text.
pub(super) struct Text<T>(pub T);

impl<T: Display> ToSql for Text<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl<T: FromStr<Err: Display>> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|error: T::Err| FromSqlError::Other(error.to_string().into()))
    }
}

/// A value as JSON.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        Ok(text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?.into())
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// A time, in milliseconds since the epoch.
pub(super) struct Millis(pub Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

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
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str().map(Self::from)
            }
        }
    )*};
}

stored_name!(SubjectKey, OccurrenceId);
