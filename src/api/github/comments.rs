//! A comment on a pull request that isn't a message (<https://docs.github.com/rest/issues/comments>): messages are sent by
//! [`crate::channel`].

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Github, Login, read};
use crate::api::ApiError;

impl Github {
    /// Writes a comment, and returns its number.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn comment(&self, repo: &str, number: u64, text: &str) -> Result<u64, ApiError> {
        #[derive(Deserialize)]
        struct Made {
            id: u64,
        }
        let (route, said) = (format!("/repos/{repo}/issues/{number}/comments"), json!({ "body": text }));
        let made: Made = read(&self.tell(Login::Owner(repo), (Method::POST, &route), Some(&said)).await?)?;
        Ok(made.id)
    }

    /// Puts another text into a comment.
    ///
    /// # Errors
    /// As above
    pub async fn edit_comment(&self, repo: &str, id: u64, text: &str) -> Result<(), ApiError> {
        let (route, said) = (format!("/repos/{repo}/issues/comments/{id}"), json!({ "body": text }));
        self.tell(Login::Owner(repo), (Method::PATCH, &route), Some(&said)).await.map(drop)
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// As above
    pub async fn delete_comment(&self, repo: &str, id: u64) -> Result<(), ApiError> {
        let route = format!("/repos/{repo}/issues/comments/{id}");
        self.tell(Login::Owner(repo), (Method::DELETE, &route), None).await.map(drop)
    }
}
