//! Comments on pull requests that say who hears of them, and which pull requests to look at.

use jiff::Timestamp;

use super::row::{Millis, named_params};
use super::{Store, StoreError};
use crate::event::SubjectKey;

/// Such a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nudge {
    /// Its number at GitHub; `None` if somebody else deleted it
    pub comment: Option<u64>,
    /// What it says
    pub text: String,
}

impl Store {
    /// The comment on a pull request.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn nudge(&self, subject: SubjectKey) -> Result<Option<Nudge>, StoreError> {
        self.read(move |tx| {
            tx.row(
                "SELECT comment, text FROM nudge WHERE subject = :subject",
                named_params! { ":subject": subject },
                |row| {
                    let comment = row.get::<_, Option<i64>>("comment")?.and_then(|id| u64::try_from(id).ok());
                    Ok(Nudge { comment, text: row.get("text")? })
                },
            )
        })
        .await
    }

    /// The pull requests that something was planned about since a time, the last ones first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn recent_pull_requests(&self, since: Timestamp, most: i64) -> Result<Vec<SubjectKey>, StoreError> {
        self.read(move |tx| {
            tx.rows(
                "SELECT subject, max(at) FROM ledger WHERE at >= :since AND kind LIKE 'pull_request.%' AND subject IS NOT NULL
                 GROUP BY subject ORDER BY max(at) DESC LIMIT :most",
                named_params! { ":since": Millis(since), ":most": most },
                |row| row.get("subject"),
            )
        })
        .await
    }

    /// Notes the comment on a pull request, or that there is none.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn note_nudge(&self, subject: SubjectKey, nudge: Option<Nudge>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let Some(Nudge { comment, text }) = nudge else {
                tx.put("DELETE FROM nudge WHERE subject = :subject", named_params! { ":subject": subject })?;
                return Ok(());
            };
            tx.put(
                "INSERT INTO nudge (subject, comment, text) VALUES (:subject, :comment, :text)
                 ON CONFLICT (subject) DO UPDATE SET comment = excluded.comment, text = excluded.text",
                named_params! {
                    ":subject": subject, ":comment": comment.and_then(|id| i64::try_from(id).ok()), ":text": text,
                },
            )
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::tests::scratch;
    use super::*;
    use crate::event::Renamed;

    #[tokio::test]
    async fn a_comment_keeps_its_pull_request_when_the_repository_is_renamed() {
        let (_place, store) = scratch().await;
        let nudge = Nudge { comment: Some(12), text: "Hi".to_owned() };
        store.note_nudge(SubjectKey::numbered("acme/old", 7), Some(nudge.clone())).await.unwrap();
        let renamed = Renamed { from: SubjectKey::repository("acme/old"), to: SubjectKey::repository("acme/new") };
        store.write(move |tx| tx.rename(&renamed)).await.unwrap();
        assert_eq!(store.nudge(SubjectKey::numbered("acme/new", 7)).await.unwrap(), Some(nudge));
    }
}
