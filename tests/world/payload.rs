//! Webhooks as GitHub and Jira write them, as far as the service reads them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A pull request, as it stands.
#[derive(Clone)]
pub struct Pr {
    pub repo: String,
    pub number: u64,
    pub title: String,
    pub head: String,
    pub author: String,
    pub draft: bool,
    pub stage: Stage,
    pub labels: Vec<&'static str>,
    /// Who is asked for a review
    pub requested: Vec<String>,
    /// Whose approval of these commits stands
    pub approved: Vec<String>,
    /// Names its last commit
    pub commit: u64,
    pub body: String,
    /// Whether its repository is private
    pub private: bool,
    pub updated: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Open,
    Closed,
    Merged,
}

impl Pr {
    pub fn subject(&self) -> String {
        format!("{}#{}", self.repo, self.number)
    }

    fn url(&self) -> String {
        format!("https://github.com/{}/pull/{}", self.repo, self.number)
    }

    fn merged_at(&self) -> Option<String> {
        (self.stage == Stage::Merged).then(|| self.updated.to_string())
    }

    fn state(&self) -> &'static str {
        if self.stage == Stage::Open { "open" } else { "closed" }
    }

    fn labels(&self) -> Value {
        self.labels.iter().map(|name| json!({ "name": name })).collect()
    }

    fn value(&self) -> Value {
        json!({
            "id": 700_000 + self.number, "number": self.number, "title": self.title, "html_url": self.url(),
            "state": self.state(), "draft": self.draft, "merged": self.stage == Stage::Merged,
            "merged_at": self.merged_at(), "user": user(&self.author), "body": self.body, "labels": self.labels(),
            "base": { "ref": "main" }, "head": { "ref": self.head, "sha": sha(self.commit) }, "assignees": [],
            "requested_reviewers": self.requested.iter().map(|login| user(login)).collect::<Value>(),
            "requested_teams": [], "additions": 120, "deletions": 30, "changed_files": 4,
            "updated_at": self.updated.to_string(),
        })
    }

    /// `pull_request`, and what this action adds.
    pub fn changed(&self, action: &str, sender: &str, more: Value) -> Value {
        with(json!({ "action": action, "pull_request": self.value() }), self.sent(sender), more)
    }

    /// `pull_request_review`: a review of the commits that were there, submitted or dismissed
    pub fn reviewed(&self, (state, sender): (&str, &str), review: &Review<'_>) -> Value {
        let Review { id, by, commit, at } = *review;
        let action = if state == "dismissed" { state } else { "submitted" };
        let mut pr = self.value();
        // Reviews show less of it.
        for field in ["merged", "additions", "deletions", "changed_files"] {
            pr.as_object_mut().unwrap().remove(field);
        }
        let review = json!({ "id": id, "state": state, "user": user(by), "body": null, "commit_id": sha(commit),
                             "html_url": format!("{}#pullrequestreview-{id}", self.url()),
                             "submitted_at": at.to_string() });
        with(json!({ "action": action, "pull_request": pr, "review": review }), self.sent(sender), json!({}))
    }

    /// `issue_comment`, made at this time
    pub fn commented(&self, action: &str, (sender, made): (&str, Timestamp), (id, text): (u64, &str)) -> Value {
        let issue = json!({
            "number": self.number, "title": self.title, "html_url": self.url(), "state": self.state(),
            "draft": self.draft, "user": user(&self.author), "body": self.body, "labels": self.labels(),
            "assignees": [], "updated_at": self.updated.to_string(),
            "pull_request": { "html_url": self.url(), "merged_at": self.merged_at() },
        });
        let comment = json!({ "id": id, "user": user(sender), "body": text,
                              "html_url": format!("{}#issuecomment-{id}", self.url()),
                              "created_at": made.to_string(), "updated_at": self.updated.to_string() });
        with(json!({ "action": action, "issue": issue, "comment": comment }), self.sent(sender), json!({}))
    }

    /// `push` of its commits to a branch, as a merge brings it to the main one.
    pub fn pushed(&self, (branch, number): (&str, u64), sender: &str) -> Value {
        let author = json!({ "name": self.author, "username": self.author });
        let commit = json!({ "id": sha(number), "message": format!("{} (#{})", self.title, self.number),
                             "author": author, "added": [], "modified": ["src/lib.rs"], "removed": [] });
        let push = json!({ "ref": format!("refs/heads/{branch}"), "before": sha(number - 1), "after": sha(number),
                           "created": branch != "main",
                           "compare": format!("https://github.com/{}/compare/{}...{number}", self.repo, number - 1),
                           "commits": [commit], "head_commit": commit, "pusher": { "name": sender } });
        with(push, self.sent(sender), json!({}))
    }

    /// `create` or `delete` of a branch
    pub fn branch(&self, name: &str, sender: &str) -> Value {
        let mut sent = self.sent(sender);
        sent["repository"]["pushed_at"] = self.updated.to_string().into();
        with(json!({ "ref": name, "ref_type": "branch" }), sent, json!({}))
    }

    /// `workflow_run` of CI on a branch of the merge queue
    pub fn tried(&self, id: u64, (branch, conclusion): (&str, &str), sender: &str) -> Value {
        let path = ".github/workflows/ci.yml";
        let run = json!({
            "id": id, "name": "CI", "workflow_id": 5, "path": path, "run_number": id, "run_attempt": 1,
            "event": "merge_group", "status": "completed", "conclusion": conclusion, "head_branch": branch,
            "head_sha": sha(id), "pull_requests": [], "head_repository": { "full_name": self.repo },
            "html_url": format!("https://github.com/{}/actions/runs/{id}", self.repo), "actor": user(sender),
            "created_at": self.updated.to_string(), "updated_at": self.updated.to_string(),
        });
        let workflow = json!({ "id": 5, "name": "CI", "path": path });
        let body = json!({ "action": "completed", "workflow_run": run, "workflow": workflow });
        with(body, self.sent(sender), json!({}))
    }

    fn sent(&self, sender: &str) -> Value {
        sent(&self.repo, self.private, sender)
    }
}

/// A review of a pull request at a commit.
#[derive(Clone, Copy)]
pub struct Review<'a> {
    pub id: u64,
    pub by: &'a str,
    pub commit: u64,
    pub at: Timestamp,
}

/// A release of a repository, as it stands.
#[derive(Clone)]
pub struct Release {
    pub repo: String,
    pub tag: String,
    pub id: u64,
    pub published: Timestamp,
    pub updated: Timestamp,
    pub private: bool,
    pub live: bool,
}

impl Release {
    pub fn subject(&self) -> String {
        format!("{}@{}", self.repo, self.tag)
    }

    /// `release`
    pub fn happened(&self, action: &str, sender: &str) -> Value {
        let release = json!({
            "id": self.id, "tag_name": self.tag, "name": self.tag, "draft": false, "prerelease": false, "body": null,
            "html_url": format!("https://github.com/{}/releases/tag/{}", self.repo, self.tag), "author": user(sender),
            "created_at": self.published.to_string(), "published_at": self.published.to_string(),
            "updated_at": self.updated.to_string(),
        });
        with(json!({ "action": action, "release": release }), sent(&self.repo, self.private, sender), json!({}))
    }
}

/// `repository`: it becomes private.
pub fn privatized(repo: &str, sender: &str) -> Value {
    with(json!({ "action": "privatized" }), sent(repo, true, sender), json!({}))
}

fn sent(repo: &str, private: bool, sender: &str) -> Value {
    json!({ "sender": user(sender),
            "repository": { "full_name": repo, "private": private, "default_branch": "main",
                            "html_url": format!("https://github.com/{repo}") } })
}

fn sha(number: u64) -> String {
    format!("{number:040x}")
}

fn user(login: &str) -> Value {
    json!({ "login": login, "type": if login.ends_with("[bot]") { "Bot" } else { "User" } })
}

/// One object of all their fields.
fn with(first: Value, second: Value, third: Value) -> Value {
    let fields = [first, second, third].into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

/// A ticket, as it stands.
#[derive(Clone)]
pub struct Ticket {
    pub project: String,
    pub number: u64,
    pub status: Status,
    pub due: i8,
    pub assignee: String,
    pub reporter: String,
    pub title: String,
    pub flagged: bool,
    /// Whether it has a security level
    pub restricted: bool,
    pub deleted: bool,
    pub updated: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    ToDo,
    InProgress,
    InReview,
    Done,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::ToDo => "To Do",
            Self::InProgress => "In Progress",
            Self::InReview => "In Review",
            Self::Done => "Done",
        }
    }

    pub fn category(self) -> &'static str {
        match self {
            Self::ToDo => "new",
            Self::InProgress | Self::InReview => "indeterminate",
            Self::Done => "done",
        }
    }
}

impl Ticket {
    pub fn key(&self) -> String {
        format!("{}-{}", self.project, self.number)
    }

    /// A webhook about it; `more` has the changelog or the comment.
    pub fn happened(&self, event: &str, actor: &str, more: Value) -> Value {
        let id = (1_000_000 + self.number).to_string() + &self.project[1..3];
        let issue = json!({
            "id": id, "key": self.key(), "self": format!("https://acme.atlassian.net/rest/api/2/issue/{id}"),
            "fields": {
                "summary": self.title, "project": { "key": self.project },
                "status": { "name": self.status.name(), "statusCategory": { "key": self.status.category() } },
                "duedate": self.due(), "assignee": account(&self.assignee), "reporter": account(&self.reporter),
                "priority": { "name": "Medium" }, "issuetype": { "name": "Story" }, "labels": [],
                "security": self.restricted.then(|| json!({ "id": "10100", "name": "Restricted" })),
                "updated": self.updated.to_string(),
            },
        });
        let told = json!({ "webhookEvent": event, "timestamp": self.updated.as_millisecond(),
                           "user": account(actor), "issue": issue });
        with(told, more, json!({}))
    }

    pub fn due(&self) -> String {
        format!("2026-12-{:02}", self.due)
    }

    /// The comment of a webhook about it, made at this time; some may be read by a role only.
    pub fn comment(&self, id: u64, text: &str, (author, made): (&str, Timestamp), role: Option<&str>) -> Value {
        let visibility = role.map(|role| json!({ "type": "role", "value": role }));
        let mut comment = json!({ "id": id.to_string(), "body": text, "author": account(author),
                                  "updateAuthor": account(author), "created": made.to_string(),
                                  "updated": self.updated.to_string() });
        if let Some(visibility) = visibility {
            comment["visibility"] = visibility;
        }
        json!({ "comment": comment })
    }
}

/// The changelog of one change, by its number in the ticket's history.
pub fn change(id: u64, field: &str, from: &str, to: &str) -> Value {
    json!({ "issue_event_type_name": "issue_generic",
            "changelog": { "id": id.to_string(),
                           "items": [{ "field": field, "fieldId": field, "from": from, "fromString": from,
                                       "to": to, "toString": to }] } })
}

fn account(login: &str) -> Value {
    json!({ "accountId": login, "displayName": login, "accountType": "atlassian" })
}
