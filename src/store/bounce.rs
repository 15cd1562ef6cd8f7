//! Addresses that refuse mail. What is known about each is written when its sends end (`send`).

use jiff::Timestamp;

use super::row::{Millis, Row, named_params, time};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;

const FORGET: &str = "DELETE FROM bounce WHERE destination = :destination";

/// How a mailbox has refused every mail since the last that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// How many
    pub count: i64,
    /// The first
    pub since: Timestamp,
    /// The last
    pub last: Timestamp,
    /// What its server said then
    pub error: String,
}

impl Store {
    /// Forgets how a destination refused mail. `false` if it never did.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn forgive(&self, destination: &Destination) -> Result<bool, StoreError> {
        let destination = destination.to_string();
        self.write(move |tx| Ok(tx.run(FORGET, named_params! { ":destination": destination })? > 0)).await
    }
}

impl Tx<'_> {
    /// Forgets how a destination refused mail.
    pub(super) fn note_reached(&self, destination: &str) -> Result<(), StoreError> {
        self.put(FORGET, named_params! { ":destination": destination })
    }

    /// Counts a mail that was refused, with what the server said.
    pub(super) fn note_refused(&self, destination: &str, error: Option<&str>, at: Timestamp) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO bounce (destination, refusals, first_at, last_at, error) VALUES (:destination, 1, :at, :at, :error)
             ON CONFLICT (destination) DO UPDATE
             SET refusals = bounce.refusals + 1, last_at = excluded.last_at, error = excluded.error",
            named_params! { ":destination": destination, ":at": Millis(at), ":error": error },
        )
    }
}

/// From a row that may have the columns of a `bounce`.
pub(super) fn refusals(row: &Row<'_>) -> Result<Option<Refusals>, StoreError> {
    let Some(count) = row.get("refusals")? else { return Ok(None) };
    let (since, last) = (time(row, "first_at")?, time(row, "last_at")?);
    Ok(Some(Refusals { count, since, last, error: row.get("refused")? }))
}
