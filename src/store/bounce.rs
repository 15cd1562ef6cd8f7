//! Addresses that are refused: what is known of each is written as its sends are settled (`send`).

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, corrupt};
use crate::destination::Destination;

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
        self.write(move |conn| {
            Box::pin(async move {
                let deleted = sqlx::query("DELETE FROM bounce WHERE destination = $1").bind(destination);
                Ok(deleted.execute(conn).await?.rows_affected() > 0)
            })
        })
        .await
    }
}

/// From a row that may have the columns of a `bounce`.
pub(super) fn refusals(row: &SqliteRow) -> Result<Option<Refusals>, StoreError> {
    let Some(count) = row.try_get("refusals")? else { return Ok(None) };
    let time = |column: &str| Timestamp::from_millisecond(row.try_get(column)?).map_err(|e| corrupt("a time", &e));
    let (since, last) = (time("first_at")?, time("last_at")?);
    Ok(Some(Refusals { count, since, last, error: row.try_get("refused")? }))
}
