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
    pub body: String,
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
            "number": self.number, "title": self.title, "html_url": self.url(), "state": self.state(),
            "draft": self.draft, "merged": self.stage == Stage::Merged, "merged_at": self.merged_at(),
            "user": user(&self.author), "body": self.body, "labels": self.labels(),
            "base": { "ref": "main" }, "head": { "ref": self.head }, "assignees": [], "requested_reviewers": [],
            "requested_teams": [], "additions": 120, "deletions": 30, "changed_files": 4,
            "updated_at": self.updated.to_string(),
        })
    }

    /// `pull_request`, and what this action adds.
    pub fn changed(&self, action: &str, sender: &str, more: Value) -> Value {
        with(json!({ "action": action, "pull_request": self.value() }), self.sent(sender), more)
    }

    /// `pull_request_review`
    pub fn reviewed(&self, state: &str, sender: &str, id: u64) -> Value {
        let mut pr = self.value();
        // Reviews show less of it.
        for field in ["merged", "additions", "deletions", "changed_files"] {
            pr.as_object_mut().unwrap().remove(field);
        }
        let review = json!({ "id": id, "state": state, "user": user(sender), "body": null,
                             "html_url": format!("{}#pullrequestreview-{id}", self.url()),
                             "submitted_at": self.updated.to_string() });
        with(json!({ "action": "submitted", "pull_request": pr, "review": review }), self.sent(sender), json!({}))
    }

    /// `issue_comment`
    pub fn commented(&self, action: &str, sender: &str, (id, text): (u64, &str), more: Value) -> Value {
        let issue = json!({
            "number": self.number, "title": self.title, "html_url": self.url(), "state": self.state(),
            "draft": self.draft, "user": user(&self.author), "body": self.body, "labels": self.labels(),
            "assignees": [], "updated_at": self.updated.to_string(),
            "pull_request": { "html_url": self.url(), "merged_at": self.merged_at() },
        });
        let comment = json!({ "id": id, "user": user(sender), "body": text,
                              "html_url": format!("{}#issuecomment-{id}", self.url()),
                              "created_at": self.updated.to_string(), "updated_at": self.updated.to_string() });
        with(json!({ "action": action, "issue": issue, "comment": comment }), self.sent(sender), more)
    }

    /// `push` to the main branch, as a merge brings it.
    pub fn pushed(&self, sender: &str) -> Value {
        let commit = json!({ "message": format!("{} (#{})", self.title, self.number), "author": { "username": sender },
                             "added": [], "modified": ["src/lib.rs"], "removed": [] });
        let push = json!({ "ref": "refs/heads/main", "before": "1111111111", "after": "2222222222",
                           "compare": format!("https://github.com/{}/compare/1...2", self.repo),
                           "commits": [commit], "head_commit": commit });
        with(push, self.sent(sender), json!({}))
    }

    fn sent(&self, sender: &str) -> Value {
        json!({ "sender": user(sender),
                "repository": { "full_name": self.repo, "private": true,
                                "html_url": format!("https://github.com/{}", self.repo) } })
    }
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
                "summary": format!("Piece of work {}", self.number), "project": { "key": self.project },
                "status": { "name": self.status.name(), "statusCategory": { "key": self.status.category() } },
                "duedate": self.due(), "assignee": account(&self.assignee), "reporter": account(&self.reporter),
                "priority": { "name": "Medium" }, "issuetype": { "name": "Story" }, "labels": [],
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

    /// The comment of a webhook about it.
    pub fn comment(&self, id: u64, text: &str, author: &str) -> Value {
        json!({ "comment": { "id": id.to_string(), "body": text, "author": account(author),
                             "updateAuthor": account(author), "created": self.updated.to_string(),
                             "updated": self.updated.to_string() } })
    }
}

/// The changelog of one change.
pub fn change(field: &str, from: &str, to: &str) -> Value {
    json!({ "issue_event_type_name": "issue_generic",
            "changelog": { "items": [{ "field": field, "fieldId": field, "from": from, "fromString": from,
                                       "to": to, "toString": to }] } })
}

fn account(login: &str) -> Value {
    json!({ "accountId": login, "displayName": login, "accountType": "atlassian" })
}
