//! Team files in repositories, as they were read last.

use super::row::{Json, Row, json, json_or_none, named_params};
use super::{Store, StoreError};
use crate::rule::RepositoryFile;

impl Store {
    /// All of them, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn repository_files(&self) -> Result<Vec<RepositoryFile>, StoreError> {
        self.read(|tx| tx.rows("SELECT repo, latest, good FROM repository_file ORDER BY id", [], file)).await
    }

    /// Keeps these, in this order, and no others.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn keep_repository_files(&self, files: Vec<RepositoryFile>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let repos = files.iter().map(|file| &file.repo).collect::<Vec<_>>();
            tx.put(
                "DELETE FROM repository_file WHERE repo NOT IN (SELECT value FROM json_each(:repos))",
                named_params! { ":repos": Json(repos) },
            )?;
            for RepositoryFile { repo, latest, good } in &files {
                tx.put(
                    "INSERT INTO repository_file (repo, latest, good) VALUES (:repo, :latest, :good)
                     ON CONFLICT (repo) DO UPDATE SET latest = excluded.latest, good = excluded.good",
                    named_params! { ":repo": repo, ":latest": Json(latest), ":good": good.as_ref().map(Json) },
                )?;
            }
            Ok(())
        })
        .await
    }
}

fn file(row: &Row<'_>) -> Result<RepositoryFile, StoreError> {
    Ok(RepositoryFile { repo: row.get("repo")?, latest: json(row, "latest")?, good: json_or_none(row, "good")? })
}
