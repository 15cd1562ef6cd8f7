//! Check runs (<https://docs.github.com/rest/checks/runs>), which only Apps can write.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Github, Login, read};
use crate::api::ApiError;

/// The most annotations in a request. Those of later requests are added.
const MOST_ANNOTATIONS: usize = 50;

/// What comes of a check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether all is right
    pub success: bool,
    /// The heading
    pub title: String,
    /// What came of it, in Markdown
    pub summary: String,
    /// What is wrong, in which line
    pub annotations: Vec<Annotation>,
}

/// Something that is wrong in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// The file, from the top of the repository
    pub path: String,
    /// The line, from 1
    pub start_line: usize,
    /// The same
    pub end_line: usize,
    /// The first character
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_column: Option<usize>,
    /// The last one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<usize>,
    /// `failure`
    pub annotation_level: &'static str,
    /// What is wrong
    pub message: String,
}

/// A check run that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its number
    pub id: u64,
    /// Whether it is done
    pub completed: bool,
    /// How many annotations it has
    pub annotations: usize,
}

#[derive(Deserialize)]
struct Listed {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    external_id: Option<String>,
    status: Option<String>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    annotations_count: Option<usize>,
}

impl Github {
    /// The newest check run of a commit with this name and external id.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn begun_check(
        &self,
        repo: &str,
        name: &str,
        (sha, external_id): (&str, &str),
    ) -> Result<Option<Begun>, ApiError> {
        let route = format!("/repos/{repo}/commits/{sha}/check-runs?check_name={name}&per_page=100");
        let page = self.fresh(Login::Owner(repo), &route, super::JSON).await?;
        let Listed { check_runs } = read(&page.body)?;
        let own = check_runs.into_iter().filter(|run| run.external_id.as_deref() == Some(external_id));
        Ok(own.max_by_key(|run| run.id).map(|run| Begun {
            id: run.id,
            completed: run.status.as_deref() == Some("completed"),
            annotations: run.output.and_then(|output| output.annotations_count).unwrap_or_default(),
        }))
    }

    /// Begins a check run, and returns its number.
    ///
    /// # Errors
    /// As above
    pub async fn begin_check(&self, repo: &str, name: &str, (sha, external_id): (&str, &str)) -> Result<u64, ApiError> {
        let said = json!({ "name": name, "head_sha": sha, "external_id": external_id, "status": "in_progress" });
        let route = format!("/repos/{repo}/check-runs");
        let made: Run = read(&self.tell(Login::Owner(repo), (Method::POST, &route), Some(&said)).await?)?;
        Ok(made.id)
    }

    /// Ends a check run that has some of its annotations: the last request brings the rest of them and completes it.
    ///
    /// # Errors
    /// As above
    pub async fn end_check(&self, repo: &str, begun: &Begun, check: &Check) -> Result<(), ApiError> {
        let route = format!("/repos/{repo}/check-runs/{}", begun.id);
        let mut left = check.annotations.get(begun.annotations..).unwrap_or_default();
        loop {
            let (part, rest) = left.split_at(left.len().min(MOST_ANNOTATIONS));
            let output = json!({ "title": check.title, "summary": check.summary, "annotations": part });
            let mut said = json!({ "output": output });
            if rest.is_empty() {
                said["status"] = json!("completed");
                said["conclusion"] = json!(if check.success { "success" } else { "failure" });
            }
            self.tell(Login::Owner(repo), (Method::PATCH, &route), Some(&said)).await?;
            if rest.is_empty() {
                return Ok(());
            }
            left = rest;
        }
    }
}
