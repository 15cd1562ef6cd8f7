//! Values in PostgreSQL's form. Columns are `bigint`, `text` and `bytea`; what statements compute can also be a boolean, a smaller
//! number or JSON.

use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::StoreError;
use crate::store::params::Kind;

/// The type that a parameter has.
pub(super) fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Integer => Type::INT8,
        Kind::Real => Type::FLOAT8,
        Kind::Text => Type::TEXT,
        Kind::Blob => Type::BYTEA,
        Kind::Any => Type::UNKNOWN,
    }
}

/// A value that a statement is given.
#[derive(Debug)]
pub(super) struct Given<'v>(pub ToSqlOutput<'v>);

impl PartialEq<Given<'_>> for Given<'_> {
    fn eq(&self, other: &Given<'_>) -> bool {
        self.value() == other.value()
    }
}

impl Given<'_> {
    /// The same, for longer than what it was taken from lasts.
    pub(super) fn into_owned(self) -> Result<Given<'static>, StoreError> {
        let value = match self.0 {
            ToSqlOutput::Owned(value) => value,
            _ => Value::try_from(self.value()).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        };
        Ok(Given(ToSqlOutput::Owned(value)))
    }

    fn value(&self) -> ValueRef<'_> {
        match &self.0 {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(Value::Integer(number)) => ValueRef::Integer(*number),
            ToSqlOutput::Owned(Value::Real(number)) => ValueRef::Real(*number),
            ToSqlOutput::Owned(Value::Text(text)) => ValueRef::Text(text.as_bytes()),
            ToSqlOutput::Owned(Value::Blob(bytes)) => ValueRef::Blob(bytes),
            _ => ValueRef::Null,
        }
    }
}

impl ToSql for Given<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.value() {
            ValueRef::Null => return Ok(IsNull::Yes),
            ValueRef::Integer(number) if *column == Type::INT4 => out.put_i32(number.try_into()?),
            ValueRef::Integer(number) => out.put_i64(number),
            ValueRef::Real(number) => out.put_f64(number),
            ValueRef::Text(text) => out.put_slice(&without_nul(text)),
            ValueRef::Blob(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value in a column of a row.
pub(super) struct Found<'v>(pub ValueRef<'v>);

impl<'v> FromSql<'v> for Found<'v> {
    fn from_sql(column: &Type, bytes: &'v [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *column {
            Type::BOOL => ValueRef::Integer(i64::from(bytes == [1])),
            Type::INT2 => ValueRef::Integer(i16::from_be_bytes(bytes.try_into()?).into()),
            Type::INT4 => ValueRef::Integer(i32::from_be_bytes(bytes.try_into()?).into()),
            Type::INT8 => ValueRef::Integer(i64::from_be_bytes(bytes.try_into()?)),
            Type::FLOAT8 => ValueRef::Real(f64::from_be_bytes(bytes.try_into()?)),
            Type::BYTEA => ValueRef::Blob(bytes),
            // The version of the form comes first.
            Type::JSONB => ValueRef::Text(bytes.get(1..).unwrap_or_default()),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => ValueRef::Text(bytes),
            _ => return Err(format!("our fault: a value of the type {column} is not read").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(ValueRef::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// PostgreSQL's texts hold no NUL, and its JSON no `\u0000`, either of which strangers can write: they become U+FFFD.
pub(in crate::store) fn without_nul(text: &[u8]) -> Cow<'_, [u8]> {
    const ESCAPED: &[u8] = b"\\u0000";
    if !text.contains(&0) && !text.windows(ESCAPED.len()).any(|part| part == ESCAPED) {
        return Cow::Borrowed(text);
    }
    let (mut clean, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, after @ ..] = rest {
        rest = match rest {
            [0, ..] => {
                clean.extend_from_slice("\u{fffd}".as_bytes());
                after
            }
            [b'\\', b'u', b'0', b'0', b'0', b'0', after @ ..] => {
                clean.extend_from_slice(b"\\ufffd");
                after
            }
            // What follows a backslash that is escaped is no escape.
            [b'\\', second, after @ ..] => {
                clean.extend_from_slice(&[b'\\', *second]);
                after
            }
            _ => {
                clean.push(*first);
                after
            }
        };
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_does_not_take_is_replaced() {
        for (text, expected) in [
            ("plain \\n", "plain \\n"),
            ("a\0b", "a\u{fffd}b"),
            (r#"{"a":"b\u0000c"}"#, r#"{"a":"b\ufffdc"}"#),
            (r#"{"a":"b\\u0000c"}"#, r#"{"a":"b\\u0000c"}"#),
            (r#"{"a":"b\\\u0000c"}"#, r#"{"a":"b\\\ufffdc"}"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_nul(text.as_bytes())), expected);
        }
    }
}
