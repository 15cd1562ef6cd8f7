//! Webhooks in the documented shapes, as short as they can be. Each builder takes what differs; `more` goes on top.

mod jira;

use serde_json::{Value, json};

pub use jira::*;

/// One webhook.
#[derive(Debug, Clone)]
pub struct Post {
    /// GitHub's name of the event; `jira` for one of Jira's
    pub to: &'static str,
    pub body: Value,
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Post {
    /// The same, with more in its body.
    pub fn with(mut self, more: Value) -> Self {
        put(&mut self.body, more);
        self
    }

    /// The same body in another event.
    fn to(mut self, event: &'static str) -> Self {
        self.to = event;
        self
    }

    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, done by somebody else.
    pub fn by(self, login: &str) -> Self {
        self.with(json!({ "sender": user(login) }))
    }

    /// The same, of another repository on another host.
    pub fn at(mut self, host: &str, repository: &str) -> Self {
        let text = self.body.to_string();
        let text = text.replace("https://github.com/acme/ingest-api", &format!("https://{host}/{repository}"));
        self.body = serde_json::from_str(&text.replace("acme/ingest-api", repository)).unwrap();
        self
    }

    /// The same, of another repository on github.com.
    pub fn of(self, repository: &str) -> Self {
        self.at("github.com", repository)
    }

    /// The same by other people of these names: who does much of a kind in a minute does it in bulk.
    pub fn actors(mut self, number: impl std::fmt::Display) -> Self {
        let text = self.body.to_string();
        let text = text.replace("\"login\":\"ana\"", &format!("\"login\":\"ana-{number}\""));
        let text = text.replace("\"accountId\":\"5aa\"", &format!("\"accountId\":\"5aa-{number}\""));
        self.body = serde_json::from_str(&text).unwrap();
        self
    }

    /// The same, of another of Jira's sites.
    pub fn site(mut self, host: &str) -> Self {
        let text = self.body.to_string().replace("acme.atlassian.net", host);
        self.body = serde_json::from_str(&text).unwrap();
        self
    }
}

/// Not a webhook: what was sent before has settled.
pub fn settled() -> Post {
    Post { to: "", body: Value::Null, headers: Vec::new() }
}

/// Puts `more` on top: objects are merged, all else is replaced.
pub fn put(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, more) in new {
                put(old.entry(key).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more,
    }
}

/// A time as GitHub writes it, on the morning on which everything happens.
pub fn time(minute: u64) -> String {
    format!("2026-01-05T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60)
}

pub fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({ "login": login, "type": kind, "html_url": format!("https://github.com/{login}") })
}

/// A list of users.
pub fn users(logins: &[&str]) -> Value {
    logins.iter().map(|login| user(login)).collect()
}

pub fn named(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "name": name })).collect()
}

fn github(to: &'static str, body: Value, more: Value) -> Post {
    let mut whole = json!({
        "repository": {
            "id": 7, "full_name": "acme/ingest-api", "name": "ingest-api", "private": false,
            "html_url": "https://github.com/acme/ingest-api", "default_branch": "main",
        },
        "sender": user("ana"),
    });
    put(&mut whole, body);
    put(&mut whole, more);
    Post { to, body: whole, headers: Vec::new() }
}

fn pull_request(number: u64, minute: u64) -> Value {
    json!({
        "id": 700_000 + number, "number": number, "title": format!("Add schema {number}"),
        "state": "open", "draft": false, "merged": false, "merged_at": null, "user": user("ana"),
        "html_url": format!("https://github.com/acme/ingest-api/pull/{number}"),
        "base": { "ref": "main", "sha": "ba5e".repeat(10) },
        "head": { "ref": format!("schema-{number}"), "sha": sha(number) },
        "labels": [], "assignees": [], "requested_reviewers": [], "requested_teams": [], "body": null,
        "created_at": time(0), "updated_at": time(minute),
    })
}

/// `pull_request`
pub fn pull(number: u64, action: &str, minute: u64, more: Value) -> Post {
    let body = json!({ "action": action, "number": number, "pull_request": pull_request(number, minute) });
    github("pull_request", body, more)
}

/// A merge, or an end without one.
pub fn closed(number: u64, merged: bool, minute: u64) -> Post {
    let at = merged.then(|| time(minute));
    let state = json!({ "state": "closed", "merged": merged, "merged_at": at, "closed_at": time(minute) });
    pull(number, "closed", minute, json!({ "pull_request": state }))
}

/// Commits that are pushed to a pull request: it ends with another one then.
pub fn pushed(number: u64, minute: u64) -> Post {
    let (before, after) = (sha(number), sha(number + minute * 100_000));
    let more = json!({ "before": before, "after": after, "pull_request": { "head": { "sha": after } } });
    pull(number, "synchronize", minute, more)
}

/// `pull_request_review`; the action of a dismissal is `dismissed`, and of all else `submitted`.
pub fn review(number: u64, id: u64, state: &str, body: Option<&str>) -> Post {
    let action = if state == "dismissed" { "dismissed" } else { "submitted" };
    let body = json!({
        "action": action,
        "review": {
            "id": id, "state": state, "body": body, "user": user("ana"), "commit_id": sha(number),
            "submitted_at": time(10),
            "html_url": format!("https://github.com/acme/ingest-api/pull/{number}#pullrequestreview-{id}"),
        },
        "pull_request": pull_request(number, 10),
    });
    github("pull_request_review", body, json!({ "pull_request": { "user": user("li") } }))
}

/// `pull_request_review_comment`
pub fn line_comment(number: u64, (id, review): (u64, u64), action: &str, body: &str) -> Post {
    let body = json!({
        "action": action,
        "comment": {
            "id": id, "pull_request_review_id": review, "body": body, "path": "schemas/orders.json",
            "user": user("ana"), "created_at": time(10), "updated_at": time(10),
            "html_url": format!("https://github.com/acme/ingest-api/pull/{number}#discussion_r{id}"),
        },
        "pull_request": pull_request(number, 10),
    });
    github("pull_request_review_comment", body, json!({ "pull_request": { "user": user("li") } }))
}

fn issue_fields(number: u64, minute: u64) -> Value {
    json!({
        "id": 900_000 + number, "number": number, "title": format!("Orders {number} lose their currency"),
        "state": "open", "state_reason": null, "user": user("ana"), "labels": [], "assignees": [], "body": null,
        "html_url": format!("https://github.com/acme/ingest-api/issues/{number}"),
        "created_at": time(0), "updated_at": time(minute), "closed_at": null,
    })
}

/// `issues`
pub fn issue(number: u64, action: &str, minute: u64, more: Value) -> Post {
    let mut body = json!({ "action": action, "issue": issue_fields(number, minute) });
    if action == "closed" {
        let closed = json!({ "state": "closed", "state_reason": "completed", "closed_at": time(minute) });
        put(&mut body, json!({ "issue": closed }));
    }
    github("issues", body, more)
}

/// `issue_comment`, on an issue
pub fn comment(number: u64, id: u64, action: &str, body: &str) -> Post {
    let body = json!({
        "action": action,
        "issue": issue_fields(number, 10),
        "comment": {
            "id": id, "body": body, "user": user("ana"), "created_at": time(10), "updated_at": time(10),
            "html_url": format!("https://github.com/acme/ingest-api/issues/{number}#issuecomment-{id}"),
        },
    });
    github("issue_comment", body, json!({}))
}

/// `issue_comment`, on a pull request
pub fn pull_comment(number: u64, id: u64, action: &str, body: &str) -> Post {
    let page = format!("https://github.com/acme/ingest-api/pull/{number}");
    let issue = json!({
        "title": format!("Add schema {number}"), "html_url": page, "pull_request": { "html_url": page },
    });
    comment(number, id, action, body)
        .with(json!({ "issue": issue, "comment": { "html_url": format!("{page}#issuecomment-{id}") } }))
}

/// A commit's name.
pub fn sha(number: u64) -> String {
    format!("{number:040x}")
}

/// A commit of a push, by this login, on these files.
pub fn commit(number: u64, author: &str, message: &str, files: &[&str]) -> Value {
    json!({
        "id": sha(number), "message": message, "timestamp": time(5),
        "url": format!("https://github.com/acme/ingest-api/commit/{}", sha(number)),
        "author": { "name": author, "username": author }, "added": [], "removed": [], "modified": files,
    })
}

/// `push`, to this branch; its last commit is the head.
pub fn push(branch: &str, number: u64, commits: Vec<Value>) -> Post {
    let head = commits.last().cloned();
    let body = json!({
        "ref": format!("refs/heads/{branch}"), "before": sha(number - 1), "after": sha(number),
        "created": false, "deleted": false, "forced": false,
        "compare": format!("https://github.com/acme/ingest-api/compare/{}...{}", number - 1, number),
        "commits": commits, "head_commit": head, "pusher": { "name": "ana" },
    });
    github("push", body, json!({}))
}

/// `create` and `delete`, of a branch
pub fn branch(event: &'static str, name: &str) -> Post {
    branch_at(event, name, 5)
}

/// As [`branch`], at another time: that of the last push is all that its payload has.
pub fn branch_at(event: &'static str, name: &str, minute: u64) -> Post {
    let body = json!({
        "ref": name, "ref_type": "branch", "pusher_type": "user", "repository": { "pushed_at": time(minute) },
    });
    github(event, body, json!({}))
}

/// `release`
pub fn release(id: u64, tag: &str, action: &str, more: Value) -> Post {
    let body = json!({
        "action": action,
        "release": {
            "id": id, "tag_name": tag, "name": tag, "draft": false, "prerelease": false, "body": null,
            "html_url": format!("https://github.com/acme/ingest-api/releases/tag/{tag}"), "author": user("ana"),
            "created_at": time(5), "published_at": time(5),
        },
    });
    github("release", body, more)
}

/// `deployment_status`: how the deployment of a commit went
pub fn deployment(id: u64, status: u64, state: &str, environment: &str) -> Post {
    let body = json!({
        "action": "created",
        "deployment_status": {
            "id": status, "state": state, "environment": environment, "description": "", "creator": user("ana"),
            "created_at": time(status % 60), "updated_at": time(status % 60),
        },
        "deployment": {
            "id": id, "ref": "main", "sha": sha(id), "task": "deploy", "environment": environment,
            "creator": user("ana"), "created_at": time(0),
        },
    });
    github("deployment_status", body, json!({}))
}

/// `workflow_run`: try `attempt` of run `id` of `NAME.yml`, for a push
pub fn run(name: &str, (id, attempt): (u64, u64), conclusion: &str, branch: &str) -> Post {
    let workflow = name.bytes().map(u64::from).sum::<u64>();
    let path = format!(".github/workflows/{name}.yml");
    let minute = (id * 2 + attempt) % 600;
    let body = json!({
        "action": "completed",
        "workflow_run": {
            "id": id, "name": name, "workflow_id": workflow, "path": path, "run_number": id, "run_attempt": attempt,
            "event": "push", "status": "completed", "conclusion": conclusion, "head_branch": branch,
            "head_sha": sha(id), "pull_requests": [], "head_repository": { "full_name": "acme/ingest-api" },
            "html_url": format!("https://github.com/acme/ingest-api/actions/runs/{id}"), "actor": user("ana"),
            "created_at": time(minute), "updated_at": time(minute),
        },
        "workflow": { "id": workflow, "name": name, "path": path },
    });
    github("workflow_run", body, json!({}))
}

/// `discussion`
pub fn discussion(number: u64, action: &str, minute: u64, more: Value) -> Post {
    let page = format!("https://github.com/acme/ingest-api/discussions/{number}");
    let body = json!({
        "action": action,
        "discussion": {
            "id": 300_000 + number, "number": number, "title": format!("How to export {number}?"), "state": "open",
            "html_url": page, "user": user("ana"), "body": "Who knows?", "created_at": time(0),
            "updated_at": time(minute),
        },
    });
    let answer = json!({
        "id": 400_000 + number, "body": "Like this.", "user": user("li"), "created_at": time(5),
        "html_url": format!("{page}#discussioncomment-{number}"),
    });
    let answer = match action {
        "answered" => {
            let chosen = json!({ "answer_chosen_at": time(5), "answer_html_url": answer["html_url"] });
            json!({ "answer": answer, "discussion": chosen })
        }
        "unanswered" => json!({ "old_answer": answer }),
        _ => json!({}),
    };
    github("discussion", body, answer).with(more)
}

/// `repository`: `privatized`, `renamed`, `transferred`, …
pub fn repository(action: &str, more: Value) -> Post {
    github("repository", json!({ "action": action }), more)
}

pub fn privatized() -> Post {
    repository("privatized", json!({ "repository": { "private": true, "visibility": "private" } }))
}

/// `discussion_comment`
pub fn discussion_comment(number: u64, id: u64, action: &str, body: &str) -> Post {
    let page = format!("https://github.com/acme/ingest-api/discussions/{number}");
    discussion(
        number,
        action,
        10,
        json!({
            "comment": {
                "id": id, "body": body, "user": user("ana"), "created_at": time(10), "updated_at": time(10),
                "html_url": format!("{page}#discussioncomment-{id}"),
            },
        }),
    )
    .to("discussion_comment")
}
