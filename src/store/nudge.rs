//! Comments on pull requests that say who hears of them.

use rusqlite::named_params;

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

    /// Notes the comment on a pull request, or that there is none.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn note_nudge(&self, subject: SubjectKey, nudge: Option<Nudge>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let Some(Nudge { comment, text }) = nudge else {
                tx.run("DELETE FROM nudge WHERE subject = :subject", named_params! { ":subject": subject })?;
                return Ok(());
            };
            tx.run(
                "INSERT INTO nudge (subject, comment, text) VALUES (:subject, :comment, :text)
                 ON CONFLICT DO UPDATE SET comment = excluded.comment, text = excluded.text",
                named_params! {
                    ":subject": subject, ":comment": comment.and_then(|id| i64::try_from(id).ok()), ":text": text,
                },
            )?;
            Ok(())
        })
        .await
    }
}
