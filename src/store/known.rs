//! Which names the ledger has, for who asks for one that it hasn't.

use super::{Store, StoreError};

impl Store {
    /// The teams of the ledger's lines.
    ///
    /// # Errors
    /// [`StoreError::Database`]; here and below
    pub async fn teams(&self) -> Result<Vec<String>, StoreError> {
        let teams = sqlx::query_scalar("SELECT DISTINCT team FROM ledger WHERE team IS NOT NULL");
        Ok(teams.fetch_all(&self.read).await?)
    }

    /// The conversations of the ledger's lines.
    ///
    /// # Errors
    /// As above
    pub async fn threads(&self) -> Result<Vec<String>, StoreError> {
        let threads = sqlx::query_scalar("SELECT DISTINCT thread FROM ledger WHERE thread IS NOT NULL");
        Ok(threads.fetch_all(&self.read).await?)
    }

    /// The conversation that a subject last belonged to.
    ///
    /// # Errors
    /// As above
    pub async fn thread_of(&self, subject: &str) -> Result<Option<String>, StoreError> {
        let thread = sqlx::query_scalar(
            "SELECT thread FROM ledger WHERE subject = $1 AND thread IS NOT NULL ORDER BY id DESC LIMIT 1",
        );
        Ok(thread.bind(subject).fetch_optional(&self.read).await?)
    }

    /// The number of the newest delivery.
    ///
    /// # Errors
    /// As above
    pub async fn newest_delivery(&self) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar("SELECT max(id) FROM delivery").fetch_one(&self.read).await?)
    }
}
