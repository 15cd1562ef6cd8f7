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

    /// The first comment of our own that has a mark in it: its number and its text.
    ///
    /// # Errors
    /// As above
    pub async fn own_comment(&self, repo: &str, number: u64, mark: &str) -> Result<Option<(u64, String)>, ApiError> {
        #[derive(Deserialize)]
        struct Comment {
            id: u64,
            body: Option<String>,
            user: Option<User>,
            performed_via_github_app: Option<App>,
        }
        #[derive(Deserialize)]
        struct User {
            login: String,
        }
        #[derive(Deserialize)]
        struct App {
            id: u64,
        }
        let comments: Vec<Comment> =
            self.list(Login::Owner(repo), &format!("/repos/{repo}/issues/{number}/comments")).await?;
        let mut marked =
            comments.into_iter().filter(|comment| comment.body.as_ref().is_some_and(|body| body.contains(mark)));
        let own = match self.app_id {
            Some(own) => {
                marked.find(|comment| comment.performed_via_github_app.as_ref().is_some_and(|app| app.id == own))
            }
            // Anybody can copy the mark.
            None => match marked.next() {
                Some(first) => {
                    let User { login } = self.get(Login::Itself, "/user").await?;
                    let is_own = |comment: &Comment| comment.user.as_ref().is_some_and(|user| user.login == login);
                    std::iter::once(first).chain(marked).find(is_own)
                }
                None => None,
            },
        };
        Ok(own.and_then(|comment| Some((comment.id, comment.body?))))
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
