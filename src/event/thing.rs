//! What needs no type of its own: releases, deployments, branches, sprints, …

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outcome, PullRequest};

/// What a [`Thing`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThingKind {
    /// A release on GitHub
    Release,
    /// A deployment
    Deployment,
    /// A workflow on a branch
    Workflow,
    /// A discussion
    Discussion,
    /// A branch
    Branch,
    /// A push to a branch
    Push,
    /// A repository, of which no more is told than its name and who may see it
    Repository,
    /// A sprint in Jira
    Sprint,
    /// A version in Jira
    Version,
}

/// What needs no type of its own: it has a name, a page and perhaps a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thing {
    /// What it is
    pub kind: ThingKind,
    /// A title in one line: the name of the release or workflow, or the head commit's subject
    pub title: String,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The branch or tag it belongs to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch: Option<String>,
    /// The tag of a release
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<String>,
    /// Whether a release is a pre-release
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prerelease: Option<bool>,
    /// The environment that a deployment went to
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// What a deployment was for, where that is not just `deploy`: a service among several
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task: Option<String>,
    /// What triggered a workflow: `push`, `pull_request`, `schedule`, …
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trigger: Option<String>,
    /// The id of this one among others of its subject: of the deployment, or of the workflow's run
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Which attempt of a workflow's run it is, starting at 1
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<u64>,
    /// How it ended: `success`, `failure`; of a branch or release, `deleted`; of a release that is a draft again,
    /// `unpublished`; of a discussion, `answered`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub outcome: Option<Outcome>,
    /// The first paragraph of its text, at most 280 characters
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_summary: Option<String>,
    /// The commit that a workflow ran on, or that was deployed
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// The number of the pull request that brought that commit
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<u64>,
    /// What is known of that pull request, without its description; templates have it as `pr`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(skip)]
    pub brought_by: Option<Box<PullRequest>>,
    /// When the source last changed it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub updated_at: Option<Timestamp>,
}

impl Thing {
    /// Whether it has a life after the event that told of it, as a branch or a release has and a push has not.
    #[must_use]
    pub fn lives_on(&self) -> bool {
        matches!(self.kind, ThingKind::Release | ThingKind::Discussion)
    }

    /// A thing of which no more than its kind and title is known.
    #[must_use]
    pub fn bare(kind: ThingKind, title: &str) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            url: None,
            branch: None,
            tag: None,
            prerelease: None,
            environment: None,
            task: None,
            trigger: None,
            id: None,
            attempt: None,
            outcome: None,
            body_summary: None,
            commit: None,
            pull_request: None,
            brought_by: None,
            updated_at: None,
        }
    }
}
