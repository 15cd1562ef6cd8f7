//! Which repositories have a team file on their default branch. GraphQL says it of a hundred repositories at a time
//! (<https://docs.github.com/graphql/reference/objects#repository>); the text of one comes from the REST API.

use serde::Deserialize;
use serde_json::{Value, json};

use super::code::escaped;
use super::{Github, Login, PEER};
use crate::api::ApiError;
use crate::rule::REPOSITORY_FILE;

const FILES: &str = include_str!("rule_files.graphql");
const FILE: &str = include_str!("rule_file.graphql");
/// Ten thousand repositories of one owner.
const MOST_PAGES: usize = 100;

/// A repository that we may see, and its team file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasFile {
    /// `owner/repo`, as it is called now
    pub repo: String,
    /// Whether it is a fork of another one
    pub fork: bool,
    /// The last commit on its default branch; `None` while it is empty
    pub commit: Option<String>,
    /// What git calls the text, and how many bytes that has; `None` if there is no such file
    pub file: Option<(String, usize)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_info: PageInfo,
    nodes: Vec<Option<Repository>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    name_with_owner: String,
    is_fork: bool,
    default_branch_ref: Option<Branch>,
    object: Option<Blob>,
}

#[derive(Deserialize)]
struct Branch {
    target: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    oid: String,
}

/// A folder in the place of the file has neither.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    oid: Option<String>,
    byte_size: Option<usize>,
}

impl From<Repository> for HasFile {
    fn from(repository: Repository) -> Self {
        let commit = repository.default_branch_ref.and_then(|branch| branch.target).map(|commit| commit.oid);
        let file = repository.object.and_then(|blob| blob.oid.zip(blob.byte_size));
        Self { repo: repository.name_with_owner, fork: repository.is_fork, commit, file }
    }
}

impl Github {
    /// All the repositories of an owner that we may see; none for an owner that there isn't.
    ///
    /// # Errors
    /// [`ApiError`], also if not all were listed; here and below
    pub async fn rule_files(&self, owner: &str) -> Result<Vec<HasFile>, ApiError> {
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let variables = json!({ "owner": owner, "after": after, "file": expression() });
            let answer = self.whole(Login::Owner(owner), FILES, &variables).await?;
            let page = &answer["data"]["repositoryOwner"]["repositories"];
            if page.is_null() {
                return Ok(all);
            }
            let Page { page_info, nodes } = read(page)?;
            all.extend(nodes.into_iter().flatten().map(HasFile::from));
            if !page_info.has_next_page {
                return Ok(all);
            }
            after = page_info.end_cursor;
        }
        Err(ApiError::Unreadable { peer: PEER, why: format!("{owner} has more than 10,000 repositories") })
    }

    /// One repository; `None` if there is none of this name that we may see.
    ///
    /// # Errors
    /// As above
    pub async fn rule_file(&self, repo: &str) -> Result<Option<HasFile>, ApiError> {
        let (owner, name) = repo.split_once('/').unwrap_or((repo, ""));
        let variables = json!({ "owner": owner, "name": name, "file": expression() });
        let answer = self.graphql(Login::Owner(repo), FILE, &variables).await?;
        if answer.pointer("/errors/0/type").is_some_and(|kind| kind == "NOT_FOUND") {
            return Ok(None);
        }
        let found: Option<Repository> = read(&self.without_errors(answer)?["data"]["repository"])?;
        Ok(found.map(HasFile::from))
    }

    /// The text of a file in a commit; `None` if it isn't there. It isn't kept, since a commit doesn't change.
    ///
    /// # Errors
    /// As above
    pub async fn file_at(&self, repo: &str, path: &str, commit: &str) -> Result<Option<String>, ApiError> {
        let (path, commit) = (escaped(path, true), escaped(commit, false));
        let route = format!("/repos/{repo}/contents/{path}?ref={commit}");
        match self.fresh(Login::Owner(repo), &route, "application/vnd.github.raw+json").await {
            Ok(page) => Ok(Some(String::from_utf8_lossy(&page.body).into_owned())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The answer to a query, if nothing is missing in it.
    async fn whole(&self, login: Login<'_>, query: &str, variables: &Value) -> Result<Value, ApiError> {
        let answer = self.graphql(login, query, variables).await?;
        self.without_errors(answer)
    }

    fn without_errors(&self, answer: Value) -> Result<Value, ApiError> {
        let whole = answer["errors"].as_array().is_none_or(Vec::is_empty) && !answer["data"].is_null();
        if whole { Ok(answer) } else { Err(self.refusal(&answer)) }
    }
}

/// Where the file is, in git's words.
fn expression() -> String {
    format!("HEAD:{REPOSITORY_FILE}")
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, ApiError> {
    T::deserialize(value).map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() })
}
