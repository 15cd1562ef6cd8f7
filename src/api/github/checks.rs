//! Check runs (<https://docs.github.com/rest/checks/runs>), which only Apps can write.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Github, Login, read};
use crate::api::ApiError;

/// The most annotations in a request. Those of later requests are added.
const MOST_ANNOTATIONS: usize = 50;

/// A check run that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The commit that it is about
    pub head_sha: String,
    /// What we know it by
    pub external_id: String,
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

#[derive(Deserialize)]
struct Made {
    id: u64,
}

impl Github {
    /// Creates a check run, and returns its number.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub async fn create_check(&self, repo: &str, name: &str, check: &Check) -> Result<u64, ApiError> {
        let mut parts = check.annotations.chunks(MOST_ANNOTATIONS);
        let said = json!({
            "name": name,
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            "status": "completed",
            "conclusion": if check.success { "success" } else { "failure" },
            "output": {
                "title": check.title, "summary": check.summary, "annotations": parts.next().unwrap_or_default(),
            },
        });
        let route = format!("/repos/{repo}/check-runs");
        let made: Made = read(&self.tell(Login::Owner(repo), (Method::POST, &route), Some(&said)).await?)?;
        for annotations in parts {
            let output = json!({ "title": check.title, "summary": check.summary, "annotations": annotations });
            self.change_check(repo, made.id, &json!({ "output": output })).await?;
        }
        Ok(made.id)
    }

    /// Puts another summary into a check run.
    ///
    /// # Errors
    /// As above
    pub async fn resummarize(&self, repo: &str, id: u64, check: &Check) -> Result<(), ApiError> {
        let output = json!({ "title": check.title, "summary": check.summary });
        self.change_check(repo, id, &json!({ "output": output })).await
    }

    async fn change_check(&self, repo: &str, id: u64, said: &serde_json::Value) -> Result<(), ApiError> {
        let route = format!("/repos/{repo}/check-runs/{id}");
        self.tell(Login::Owner(repo), (Method::PATCH, &route), Some(said)).await.map(drop)
    }

    /// Whether a commit has a check run of this name and external id.
    ///
    /// # Errors
    /// As above
    pub async fn has_check(&self, repo: &str, name: &str, check: (&str, &str)) -> Result<bool, ApiError> {
        #[derive(Deserialize)]
        struct Listed {
            check_runs: Vec<Run>,
        }
        #[derive(Deserialize)]
        struct Run {
            external_id: Option<String>,
        }
        let (sha, id) = check;
        let route = format!("/repos/{repo}/commits/{sha}/check-runs?check_name={name}&per_page=100");
        let page = self.fresh(Login::Owner(repo), &route, super::JSON).await?;
        let Listed { check_runs } = read(&page.body)?;
        Ok(check_runs.iter().any(|run| run.external_id.as_deref() == Some(id)))
    }
}
