//! A repository's code at GitHub: the files and commits of pull requests, and files on a branch.

use serde::Deserialize;
use serde_json::Value;

use super::{Github, Login};
use crate::api::ApiError;
use crate::event::Actor;
use crate::source::Commit;

/// The most files of a pull request that GitHub lists
/// (<https://docs.github.com/rest/pulls/pulls#list-pull-requests-files>),
const MOST_FILES: usize = 3_000;
/// and the most commits.
const MOST_COMMITS: usize = 250;

/// A list, and whether it may have been cut.
pub struct Part<T> {
    /// What is listed
    pub listed: Vec<T>,
    /// Whether there may be more
    pub cut: bool,
}

impl Github {
    /// The files that a pull request changes, in order; a renamed one with both names.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn files(&self, repo: &str, number: u64) -> Result<Part<String>, ApiError> {
        #[derive(Deserialize)]
        struct File {
            filename: String,
            previous_filename: Option<String>,
        }
        let files: Vec<File> = self.list(Login::Owner(repo), &format!("/repos/{repo}/pulls/{number}/files")).await?;
        let cut = files.len() >= MOST_FILES;
        let mut names: Vec<String> =
            files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect();
        names.sort_unstable();
        names.dedup();
        Ok(Part { listed: names, cut })
    }

    /// A pull request's commits, oldest first.
    ///
    /// # Errors
    /// As above
    pub async fn commits(&self, repo: &str, number: u64) -> Result<Part<Commit>, ApiError> {
        let listed: Vec<Listed> =
            self.list(Login::Owner(repo), &format!("/repos/{repo}/pulls/{number}/commits")).await?;
        let cut = listed.len() >= MOST_COMMITS;
        Ok(Part { listed: listed.into_iter().map(Listed::read).collect(), cut })
    }

    /// A pull request as the API writes it.
    ///
    /// # Errors
    /// As above
    pub async fn pull_request(&self, repo: &str, number: u64) -> Result<Value, ApiError> {
        self.get(Login::Owner(repo), &format!("/repos/{repo}/pulls/{number}")).await
    }

    /// An issue as the API writes it.
    ///
    /// # Errors
    /// As above
    pub async fn issue(&self, repo: &str, number: u64) -> Result<Value, ApiError> {
        self.get(Login::Owner(repo), &format!("/repos/{repo}/issues/{number}")).await
    }

    /// The pull requests that a commit belongs to, as the API writes them; none for a commit that GitHub doesn't know
    /// (<https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit>).
    ///
    /// # Errors
    /// As above
    pub async fn pull_requests_with(&self, repo: &str, commit: &str) -> Result<Vec<Value>, ApiError> {
        let route = format!("/repos/{repo}/commits/{}/pulls", escaped(commit, false));
        match self.get(Login::Owner(repo), &route).await {
            // "No commit found for SHA"
            Err(ApiError::Refused { status: 404 | 422, .. }) => Ok(Vec::new()),
            answer => answer,
        }
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

    /// The paths of all files with this name on a branch. For a very large repository, GitHub lists only some.
    ///
    /// # Errors
    /// As above
    pub async fn files_named(&self, repo: &str, branch: &str, name: &str) -> Result<Part<String>, ApiError> {
        #[derive(Deserialize)]
        struct Tree {
            tree: Vec<Entry>,
            #[serde(default)]
            truncated: bool,
        }
        #[derive(Deserialize)]
        struct Entry {
            path: String,
        }
        let branch = escaped(branch, false);
        let tree: Tree =
            match self.get(Login::Owner(repo), &format!("/repos/{repo}/git/trees/{branch}?recursive=1")).await {
                // An empty repository.
                Err(ApiError::Refused { status: 404 | 409, .. }) => return Ok(Part { listed: Vec::new(), cut: false }),
                answer => answer?,
            };
        let paths = tree.tree.into_iter().map(|entry| entry.path);
        let listed = paths.filter(|path| path.rsplit('/').next() == Some(name)).collect();
        Ok(Part { listed, cut: tree.truncated })
    }
}

/// A commit in a list (<https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request>).
#[derive(Deserialize)]
struct Listed {
    html_url: Option<String>,
    commit: CommitMessage,
    /// `None` if GitHub doesn't know the address; it is sometimes `{}`
    author: Option<User>,
}

#[derive(Deserialize)]
struct CommitMessage {
    message: String,
    author: Option<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    name: Option<String>,
}

#[derive(Deserialize)]
struct User {
    login: Option<String>,
    #[serde(rename = "type")]
    account_type: Option<String>,
    html_url: Option<String>,
}

impl Listed {
    fn read(self) -> Commit {
        let name = self.commit.author.and_then(|author| author.name).filter(|name| !name.is_empty());
        let (bot, url) = self
            .author
            .as_ref()
            .map_or((false, None), |user| (user.account_type.as_deref() == Some("Bot"), user.html_url.clone()));
        let login = self.author.and_then(|user| user.login).or_else(|| name.clone());
        let author = login.map(|login| Actor {
            bot: bot || login.ends_with("[bot]"),
            name: name.unwrap_or_else(|| login.clone()),
            login,
            url,
        });
        Commit { message: self.commit.message, url: self.html_url, author }
    }
}

/// A path or a branch within an address; a path keeps its slashes.
pub(super) fn escaped(text: &str, slashes: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || slashes && byte == b'/';
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
