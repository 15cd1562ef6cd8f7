//! What GitHub knows of a repository's code: a pull request's files and commits, and files on a branch.

use serde::Deserialize;

use super::{Github, Login};
use crate::api::ApiError;

impl Github {
    /// The files that a pull request changes, in order; one that is renamed under both names.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn files(&self, repo: &str, number: u64) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct File {
            filename: String,
            previous_filename: Option<String>,
        }
        let files: Vec<File> = self.list(Login::Owner(repo), &format!("/repos/{repo}/pulls/{number}/files")).await?;
        let mut names: Vec<String> =
            files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The messages of a pull request's commits, oldest first.
    ///
    /// # Errors
    /// As above
    pub async fn commits(&self, repo: &str, number: u64) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct Outer {
            commit: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            message: String,
        }
        let commits: Vec<Outer> =
            self.list(Login::Owner(repo), &format!("/repos/{repo}/pulls/{number}/commits")).await?;
        Ok(commits.into_iter().map(|commit| commit.commit.message).collect())
    }

    /// A file's text on a branch; `None` if it is not there.
    ///
    /// # Errors
    /// As above
    pub async fn file(&self, repo: &str, path: &str, branch: &str) -> Result<Option<String>, ApiError> {
        let (path, branch) = (escaped(path, true), escaped(branch, false));
        let route = format!("/repos/{repo}/contents/{path}?ref={branch}");
        match self.page(Login::Owner(repo), &route, "application/vnd.github.raw+json").await {
            Ok(page) => Ok(Some(String::from_utf8_lossy(&page.body).into_owned())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The paths of all files of this name on a branch. Of a very large repository GitHub tells only a part.
    ///
    /// # Errors
    /// As above
    pub async fn files_named(&self, repo: &str, branch: &str, name: &str) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct Tree {
            tree: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            path: String,
        }
        let branch = escaped(branch, false);
        let tree: Tree =
            match self.get(Login::Owner(repo), &format!("/repos/{repo}/git/trees/{branch}?recursive=1")).await {
                // An empty repository.
                Err(ApiError::Refused { status: 404 | 409, .. }) => return Ok(Vec::new()),
                answer => answer?,
            };
        let paths = tree.tree.into_iter().map(|entry| entry.path);
        Ok(paths.filter(|path| path.rsplit('/').next() == Some(name)).collect())
    }
}

/// A path or a branch within an address; a path keeps its slashes.
pub(super) fn escaped(text: &str, slashes: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || slashes && byte == b'/';
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
