//! The names in the ledger, for a command that was given one that doesn't exist.

use super::row::named_params;
use super::{Store, StoreError};

impl Store {
    /// The teams of the ledger's lines.
    ///
    /// # Errors
    /// [`StoreError::Database`]; here and below
    pub async fn teams(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| tx.rows("SELECT DISTINCT team FROM ledger WHERE team IS NOT NULL", [], |row| row.get("team")))
            .await
    }

    /// The conversations of the ledger's lines.
    ///
    /// # Errors
    /// As above
    pub async fn threads(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| {
            tx.rows("SELECT DISTINCT thread FROM ledger WHERE thread IS NOT NULL", [], |row| row.get("thread"))
        })
        .await
    }

    /// The conversation that a subject last belonged to.
    ///
    /// # Errors
    /// As above
    pub async fn thread_of(&self, subject: &str) -> Result<Option<String>, StoreError> {
        let subject = subject.to_owned();
        self.read(move |tx| {
            tx.value(
                "SELECT thread FROM ledger WHERE subject = :subject AND thread IS NOT NULL ORDER BY id DESC LIMIT 1",
                named_params! { ":subject": subject },
            )
        })
        .await
    }

    /// The number of the newest delivery.
    ///
    /// # Errors
    /// As above
    pub async fn newest_delivery(&self) -> Result<Option<i64>, StoreError> {
        self.read(|tx| Ok(tx.value::<Option<i64>>("SELECT max(id) FROM delivery", [])?.flatten())).await
    }
}
