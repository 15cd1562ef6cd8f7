//! The issues that a pull request closes, those among them that somebody linked by hand. Only GraphQL knows these
//! (<https://docs.github.com/graphql/reference/objects#pullrequest>).

use serde::Deserialize;
use serde_json::json;

use super::graphql::Nodes;
use super::{Github, Login};
use crate::api::ApiError;
use crate::event::{SubjectKey, TicketKey};

const CLOSING: &str = include_str!("closing.graphql");

#[derive(Deserialize)]
struct Data {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(rename = "pullRequest")]
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
struct PullRequest {
    #[serde(rename = "closingIssuesReferences")]
    issues: Nodes<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    repository: Named,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "nameWithOwner")]
    name: String,
}

impl Github {
    /// The issues that a pull request closes, as far as we may see them.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn closes(&self, repo: &str, number: u64) -> Result<Vec<TicketKey>, ApiError> {
        let (owner, name) = repo.split_once('/').unwrap_or((repo, ""));
        let variables = json!({ "owner": owner, "name": name, "number": number });
        let data: Data = self.query(Login::Owner(repo), CLOSING, &variables).await?;
        let pull_request = data.repository.and_then(|repository| repository.pull_request);
        let issues = pull_request.into_iter().flat_map(|pull_request| pull_request.issues.nodes).flatten();
        let key = |issue: Issue| TicketKey::issue(&SubjectKey::numbered(&issue.repository.name, issue.number));
        Ok(issues.filter_map(key).collect())
    }
}
