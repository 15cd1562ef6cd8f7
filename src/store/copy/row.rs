//! Rows in PostgreSQL's binary form (`COPY … (FORMAT binary)`), in which they are copied, and compared.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::Table;
use crate::store::StoreError;
use crate::store::params::Kind;
use crate::store::pg::without_nul;
use crate::store::row::ValueRef;

/// What all begins with: a signature, no flags, and nothing more.
const HEAD: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In place of a number of columns, this ends all.
const END: i16 = -1;
/// In place of a length, this is no value.
const NULL: i32 = -1;

/// Rows that are copied together.
pub(in crate::store) struct Batch {
    pub(in crate::store) bytes: Vec<u8>,
    pub(in crate::store) rows: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: HEAD.to_vec(), rows: 0 }
    }
}

impl Batch {
    pub(super) fn add(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.rows += 1;
    }

    /// What PostgreSQL is given after the rows.
    pub(in crate::store) const END: [u8; 2] = END.to_be_bytes();
}

/// Begins a row of so many columns.
pub(super) fn begin(row: &mut Vec<u8>, columns: usize) {
    row.clear();
    row.extend_from_slice(&i16::try_from(columns).unwrap_or(i16::MAX).to_be_bytes());
}

/// Adds a value to a row; whether its column can hold it.
pub(super) fn add(row: &mut Vec<u8>, kind: Kind, value: ValueRef<'_>) -> bool {
    let mut put = |value: &[u8]| {
        let Ok(length) = i32::try_from(value.len()) else { return false };
        row.extend_from_slice(&length.to_be_bytes());
        row.extend_from_slice(value);
        true
    };
    match (kind, value) {
        (_, ValueRef::Null) => {
            row.extend_from_slice(&NULL.to_be_bytes());
            true
        }
        (Kind::Integer, ValueRef::Integer(number)) => put(&number.to_be_bytes()),
        (Kind::Text, ValueRef::Text(text)) => put(&without_nul(text)),
        (Kind::Blob, ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => put(bytes),
        _ => false,
    }
}

/// What rows are, in whatever order they come: the sum of their hashes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Sum {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    hash: [u64; 4],
}

impl Sum {
    pub(super) fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        self.bytes += row.len() as u64;
        let digest = Sha256::digest(row);
        for (sum, part) in self.hash.iter_mut().zip(digest.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*part));
        }
    }

    /// That of all rows that PostgreSQL gives.
    pub(in crate::store) fn of(mut given: impl Read) -> io::Result<Self> {
        let (mut sum, mut row) = (Self::default(), Vec::new());
        given.read_exact(&mut [0; HEAD.len()])?;
        loop {
            let columns = i16::from_be_bytes(next(&mut given)?);
            if columns == END {
                return Ok(sum);
            }
            begin(&mut row, columns.unsigned_abs().into());
            for _ in 0..columns {
                let length = next(&mut given)?;
                row.extend_from_slice(&length);
                let begin = row.len();
                row.resize(begin + usize::try_from(i32::from_be_bytes(length)).unwrap_or(0), 0);
                given.read_exact(&mut row[begin..])?;
            }
            sum.add(&row);
        }
    }

    /// # Errors
    /// [`StoreError::Differs`]
    pub(super) fn compare(&self, copy: &Self, table: &Table) -> Result<(), StoreError> {
        let what = match () {
            () if self == copy => return Ok(()),
            () if self.rows != copy.rows => format!("the copy has {} rows of {}", copy.rows, self.rows),
            () => format!("some of its {} rows differ", self.rows),
        };
        Err(StoreError::Differs { table: table.name.clone(), what })
    }
}

fn next<const N: usize>(given: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    given.read_exact(&mut bytes)?;
    Ok(bytes)
}
