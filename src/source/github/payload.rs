//! The fields of GitHub's webhook bodies that we read. One type serves every event: which parts are there depends on
//! the event, and each may be missing, since real payloads vary (deleted accounts and forks, old servers).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::event::Actor;
use crate::source::commit;
use crate::source::lenient::{Day, Id, Link, List, Maybe, Time, present};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Body {
    pub action: Maybe<String>,
    pub repository: Maybe<Repository>,
    /// `None`: no such field; `Some` of nothing: null, a deleted account
    #[serde(deserialize_with = "present")]
    pub sender: Option<Maybe<User>>,
    pub pull_request: Maybe<PullRequest>,
    pub issue: Maybe<Issue>,
    pub comment: Maybe<Comment>,
    pub review: Maybe<Comment>,
    pub changes: Maybe<Changes>,
    pub label: Maybe<Named>,
    pub assignee: Maybe<User>,
    pub requested_reviewer: Maybe<User>,
    pub requested_team: Maybe<Named>,
    pub before: Maybe<String>,
    pub after: Maybe<String>,
    #[serde(rename = "ref")]
    pub git_ref: Maybe<String>,
    pub ref_type: Maybe<String>,
    pub created: Maybe<bool>,
    pub deleted: Maybe<bool>,
    pub forced: Maybe<bool>,
    pub pusher: Maybe<Named>,
    pub compare: Maybe<Link>,
    pub commits: Maybe<List<Commit>>,
    pub head_commit: Maybe<Commit>,
    pub release: Maybe<Release>,
    pub deployment: Maybe<Deployment>,
    pub deployment_status: Maybe<DeploymentStatus>,
    pub workflow_run: Maybe<WorkflowRun>,
    pub workflow: Maybe<Workflow>,
    pub discussion: Maybe<Issue>,
    /// Of `issues`: the milestone that was set or removed
    pub milestone: Maybe<Milestone>,
    /// Of `issues`: the type that was set or removed
    #[serde(rename = "type")]
    pub issue_type: Maybe<Named>,
    pub sub_issue: Maybe<Issue>,
    pub sub_issue_repo: Maybe<Repository>,
    pub parent_issue: Maybe<Issue>,
    pub parent_issue_repo: Maybe<Repository>,
    pub answer: Maybe<Comment>,
    pub organization: Maybe<Organization>,
    pub projects_v2_item: Maybe<ProjectItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Repository {
    pub full_name: Maybe<String>,
    pub html_url: Maybe<Link>,
    /// Its address in the API; in a push, its page
    pub url: Maybe<Link>,
    pub private: Maybe<bool>,
    pub default_branch: Maybe<String>,
    pub updated_at: Maybe<Time>,
    /// An integer in a push, text elsewhere
    pub pushed_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub login: Maybe<String>,
    pub html_url: Maybe<Link>,
    #[serde(rename = "type")]
    pub account_type: Maybe<String>,
}

impl User {
    pub fn actor(&self) -> Option<Actor> {
        let login = self.login.text()?.to_owned();
        let bot = self.account_type.as_deref() == Some("Bot") || is_machine(&login);
        Some(Actor { name: login.clone(), login, url: self.html_url.as_ref().map(String::from), bot })
    }
}

/// Whether a login is known to be a machine's, whatever the type of its account. Commits say nothing else about it.
pub fn is_machine(login: &str) -> bool {
    const KNOWN: [&str; 3] = ["dependabot", "dependabot-preview", "github-merge-queue"];
    login.ends_with("[bot]") || KNOWN.iter().any(|known| login.eq_ignore_ascii_case(known))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PullRequest {
    /// Where the API has it
    pub url: Maybe<Link>,
    pub number: Maybe<Id>,
    pub title: Maybe<String>,
    pub html_url: Maybe<Link>,
    pub state: Maybe<String>,
    pub draft: Maybe<bool>,
    pub merged: Maybe<bool>,
    pub merged_by: Maybe<User>,
    pub user: Maybe<User>,
    pub base: Maybe<Branch>,
    pub head: Maybe<Branch>,
    pub labels: Maybe<List<Named>>,
    pub assignees: Maybe<List<User>>,
    pub requested_reviewers: Maybe<List<User>>,
    pub requested_teams: Maybe<List<Named>>,
    pub additions: Maybe<u64>,
    pub deletions: Maybe<u64>,
    pub changed_files: Maybe<u64>,
    pub body: Maybe<String>,
    pub created_at: Maybe<Time>,
    pub updated_at: Maybe<Time>,
    pub closed_at: Maybe<Time>,
    pub merged_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Branch {
    #[serde(rename = "ref")]
    pub git_ref: Maybe<String>,
    pub sha: Maybe<String>,
    /// With its owner, `acme:main`
    pub label: Maybe<String>,
}

/// An issue, a pull request as comments show it, or a discussion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// What the API calls it
    pub node_id: Maybe<Id>,
    pub number: Maybe<Id>,
    pub title: Maybe<String>,
    pub html_url: Maybe<Link>,
    pub state: Maybe<String>,
    pub state_reason: Maybe<String>,
    pub draft: Maybe<bool>,
    pub user: Maybe<User>,
    pub labels: Maybe<List<Named>>,
    pub assignees: Maybe<List<User>>,
    pub body: Maybe<String>,
    #[serde(rename = "type")]
    pub issue_type: Maybe<Named>,
    pub milestone: Maybe<Milestone>,
    /// Where the API has the issue that it is a sub-issue of
    pub parent_issue_url: Maybe<Link>,
    pub created_at: Maybe<Time>,
    pub updated_at: Maybe<Time>,
    pub closed_at: Maybe<Time>,
    /// Present only if the issue is a pull request
    pub pull_request: Maybe<PullRequest>,
    /// Present if the discussion has one
    pub answer_html_url: Maybe<Link>,
    pub answer_chosen_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Milestone {
    pub title: Maybe<String>,
    pub due_on: Maybe<Time>,
}

/// A comment, a review, or a discussion's answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Comment {
    pub id: Maybe<Id>,
    pub html_url: Maybe<Link>,
    pub user: Maybe<User>,
    pub body: Maybe<String>,
    pub created_at: Maybe<Time>,
    pub updated_at: Maybe<Time>,
    pub submitted_at: Maybe<Time>,
    pub state: Maybe<String>,
    /// What was reviewed
    pub commit_id: Maybe<String>,
}

/// The old values after an edit; for something that moves, its old or new place.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Changes {
    pub title: Maybe<Before>,
    pub body: Maybe<Before>,
    pub base: Maybe<BaseBefore>,
    pub tag_name: Maybe<Before>,
    pub default_branch: Maybe<Before>,
    pub old_issue: Maybe<Issue>,
    pub new_issue: Maybe<Issue>,
    pub old_discussion: Maybe<Issue>,
    pub new_discussion: Maybe<Issue>,
    pub old_repository: Maybe<Repository>,
    pub new_repository: Maybe<Repository>,
    pub repository: Maybe<RepositoryBefore>,
    pub owner: Maybe<OwnerBefore>,
    pub field_value: Maybe<FieldChange>,
}

/// Whose webhook it is
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Organization {
    pub login: Maybe<String>,
}

/// What a project has: an issue, a pull request, or a draft that is neither.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProjectItem {
    pub node_id: Maybe<Id>,
    /// What the API calls the issue
    pub content_node_id: Maybe<Id>,
    pub content_type: Maybe<String>,
    pub updated_at: Maybe<Time>,
}

/// A change of a project's field. Until 2024, payloads named neither the field nor its values.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldChange {
    pub field_node_id: Maybe<Id>,
    pub field_type: Maybe<String>,
    pub field_name: Maybe<String>,
    pub project_number: Maybe<Id>,
    pub from: Maybe<FieldValue>,
    pub to: Maybe<FieldValue>,
}

/// A value of a project's field.
#[derive(Debug)]
pub enum FieldValue {
    Text(String),
    Number(f64),
    /// An option of a list, or an iteration
    Choice(Choice),
}

impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let text = || serde_json::from_str(json).map(Self::Text);
        let number = |_| serde_json::from_str(json).map(Self::Number);
        text().or_else(number).or_else(|_| serde_json::from_str(json).map(Self::Choice)).map_err(D::Error::custom)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Of an option
    pub name: Maybe<String>,
    /// Of an iteration
    pub title: Maybe<String>,
    pub start_date: Maybe<Day>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RepositoryBefore {
    pub name: Maybe<Before>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerBefore {
    pub from: Maybe<Owner>,
}

/// One of both.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Owner {
    pub user: Maybe<User>,
    pub organization: Maybe<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    pub from: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BaseBefore {
    #[serde(rename = "ref")]
    pub git_ref: Maybe<Before>,
}

/// A label, a team, or who pushed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: Maybe<String>,
    pub slug: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Commit {
    pub message: Maybe<String>,
    pub url: Maybe<Link>,
    pub author: Maybe<CommitAuthor>,
    pub added: Maybe<List<String>>,
    pub modified: Maybe<List<String>>,
    pub removed: Maybe<List<String>>,
}

impl Commit {
    /// What its notes are read from.
    pub fn read(&self) -> commit::Commit {
        commit::Commit {
            message: self.message.text().unwrap_or_default().to_owned(),
            url: self.url.as_ref().map(String::from),
            author: self.author.as_ref().and_then(CommitAuthor::actor),
        }
    }
}

/// `username` is there only if GitHub knows the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CommitAuthor {
    pub name: Maybe<String>,
    pub username: Maybe<String>,
}

impl CommitAuthor {
    pub fn actor(&self) -> Option<Actor> {
        let login = self.username.text().or_else(|| self.name.text())?.to_owned();
        let name = self.name.text().unwrap_or(&login).to_owned();
        Some(Actor { bot: is_machine(&login), login, name, url: None })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Release {
    pub id: Maybe<Id>,
    pub draft: Maybe<bool>,
    pub prerelease: Maybe<bool>,
    /// A branch, or a commit
    pub target_commitish: Maybe<String>,
    pub tag_name: Maybe<String>,
    pub name: Maybe<String>,
    pub html_url: Maybe<Link>,
    pub body: Maybe<String>,
    pub author: Maybe<User>,
    pub created_at: Maybe<Time>,
    pub published_at: Maybe<Time>,
    pub updated_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deployment {
    pub id: Maybe<Id>,
    #[serde(rename = "ref")]
    pub git_ref: Maybe<String>,
    pub sha: Maybe<String>,
    pub task: Maybe<String>,
    pub environment: Maybe<String>,
    pub creator: Maybe<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeploymentStatus {
    pub id: Maybe<Id>,
    pub state: Maybe<String>,
    pub environment: Maybe<String>,
    pub log_url: Maybe<Link>,
    pub target_url: Maybe<Link>,
    pub environment_url: Maybe<Link>,
    pub description: Maybe<String>,
    pub created_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowRun {
    pub id: Maybe<Id>,
    pub run_attempt: Maybe<u64>,
    pub workflow_id: Maybe<Id>,
    /// The workflow's file, sometimes with `@` and the ref that it is from
    pub path: Maybe<String>,
    pub name: Maybe<String>,
    pub conclusion: Maybe<String>,
    /// What started it
    pub event: Maybe<String>,
    pub head_branch: Maybe<String>,
    pub head_sha: Maybe<String>,
    pub head_repository: Maybe<Repository>,
    /// Open ones from that branch, including those into other repositories; none from a fork
    pub pull_requests: Maybe<List<PullRequest>>,
    pub html_url: Maybe<Link>,
    pub actor: Maybe<User>,
    pub created_at: Maybe<Time>,
    pub updated_at: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Workflow {
    pub id: Maybe<Id>,
    pub name: Maybe<String>,
    pub path: Maybe<String>,
}
