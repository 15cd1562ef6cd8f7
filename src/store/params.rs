//! What statements are given.
//!
//! Values are of SQLite's kinds. PostgreSQL wants to know the kind of each before it sees any, also of one that is missing, so
//! each type says what its column is.

use std::fmt::Display;

use rusqlite::types::{ToSqlOutput, Value};
use serde::Serialize;

use super::row::{Json, Millis, Text};
use crate::event::{OccurrenceId, SubjectKey};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
    Blob,
    /// What the statement makes of it
    Any,
}

/// A value that a statement can be given.
pub(super) trait ToSql: rusqlite::ToSql {
    /// Of the column that it is for.
    fn kind(&self) -> Kind;
}

/// A type whose values are all of one kind.
pub(super) trait Stored: rusqlite::ToSql {
    const KIND: Kind;
}

impl<T: Stored + ?Sized> ToSql for T {
    fn kind(&self) -> Kind {
        T::KIND
    }
}

/// What a statement is given, by name: `[]`, `named_params! {}`, or a slice of names and values.
pub(super) trait Params {
    fn named(&self) -> impl ExactSizeIterator<Item = (&str, &dyn ToSql)>;
}

impl Params for [(&str, &dyn ToSql); 0] {
    fn named(&self) -> impl ExactSizeIterator<Item = (&str, &dyn ToSql)> {
        std::iter::empty()
    }
}

impl<T: ToSql> Params for &[(&str, T)] {
    fn named(&self) -> impl ExactSizeIterator<Item = (&str, &dyn ToSql)> {
        self.iter().map(|(name, value)| (*name, value as &dyn ToSql))
    }
}

/// The values of a statement, by the names that they have in it.
macro_rules! named_params {
    ($($name:literal : $value:expr),* $(,)?) => {
        &[$(($name, &$value as &dyn crate::store::params::ToSql)),*] as &[(&str, &dyn crate::store::params::ToSql)]
    };
}
pub(super) use named_params;

macro_rules! stored {
    ($($kind:ident: $($type:ty),*;)*) => {$($(
        impl Stored for $type {
            const KIND: Kind = Kind::$kind;
        }
    )*)*};
}

stored! {
    Integer: bool, i64, u32, Millis;
    Text: str, String, SubjectKey, OccurrenceId;
    Blob: [u8], [u8; 32], Vec<u8>;
}

impl<T: Display> Stored for Text<T> {
    const KIND: Kind = Kind::Text;
}

impl<T: Serialize> Stored for Json<T> {
    const KIND: Kind = Kind::Text;
}

impl<T: Stored> Stored for Option<T> {
    const KIND: Kind = T::KIND;
}

impl<T: Stored + ?Sized> Stored for &T {
    const KIND: Kind = T::KIND;
}

impl ToSql for Value {
    fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Any,
            Self::Integer(_) => Kind::Integer,
            Self::Real(_) => Kind::Real,
            Self::Text(_) => Kind::Text,
            Self::Blob(_) => Kind::Blob,
        }
    }
}

impl ToSql for &Value {
    fn kind(&self) -> Kind {
        (**self).kind()
    }
}

impl ToSql for &dyn ToSql {
    fn kind(&self) -> Kind {
        (**self).kind()
    }
}

impl<T: Display> rusqlite::ToSql for Text<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl<T: Serialize> rusqlite::ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        Ok(text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?.into())
    }
}

impl rusqlite::ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

/// Names that are stored as their text.
macro_rules! stored_name {
    ($($name:ident),*) => {$(
        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
    )*};
}

stored_name!(SubjectKey, OccurrenceId);
