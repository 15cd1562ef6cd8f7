//! The name of each occurrence, and the GitHub that it is from.

use super::*;

const TIME: &str = "2024-05-02T10:00:00Z";

/// A payload that has everything that any event is read from.
fn everything() -> Value {
    let commit = json!({"id": "cc", "message": "x", "added": []});
    json!({
        "action": "",
        "repository": {"full_name": "acme/api", "html_url": "https://github.com/acme/api", "pushed_at": TIME,
                       "updated_at": TIME, "default_branch": "main"},
        "sender": {"login": "ana", "type": "User"},
        "pull_request": {"number": 1, "title": "t", "state": "open", "updated_at": TIME, "head": {"ref": "x"}},
        "issue": {"number": 2, "title": "t", "state": "open", "updated_at": TIME},
        "discussion": {"number": 3, "title": "t", "updated_at": TIME, "answer_chosen_at": TIME,
                       "answer_html_url": "https://github.com/acme/api/discussions/3#c-7"},
        "comment": {"id": 7, "body": "words", "updated_at": TIME,
                    "html_url": "https://github.com/acme/api/discussions/3#c-7"},
        "answer": {"id": 7, "body": "words", "html_url": "https://github.com/acme/api/discussions/3#c-7"},
        "review": {"id": 8, "body": "words", "state": "approved", "updated_at": TIME},
        "label": {"name": "a@b"}, "assignee": {"login": "bo"}, "requested_reviewer": {"login": "bo"},
        "before": "bb", "after": "cc", "ref": "refs/heads/main", "ref_type": "branch",
        "commits": [commit], "head_commit": commit,
        "release": {"id": 9, "tag_name": "v1", "published_at": TIME},
        "deployment": {"id": 10, "ref": "main", "sha": "cc", "environment": "production"},
        "deployment_status": {"id": 11, "state": "success"},
        "workflow_run": {"id": 12, "run_attempt": 2, "workflow_id": 13, "name": "CI", "event": "push",
                         "head_branch": "main", "conclusion": "failure"},
        "changes": {"repository": {"name": {"from": "old"}}, "owner": {"from": {"user": {"login": "old"}}},
                    "default_branch": {"from": "master"}, "title": {"from": "old"}},
    })
}

#[test]
fn every_occurrence_has_its_name() {
    for (event, action, once) in [
        ("pull_request", "opened", "github:acme/api#1:opened:1714644000000"),
        ("pull_request", "converted_to_draft", "github:acme/api#1:converted_to_draft:1714644000000"),
        ("pull_request", "ready_for_review", "github:acme/api#1:ready_for_review:1714644000000"),
        ("pull_request", "closed", "github:acme/api#1:closed:1714644000000"),
        ("pull_request", "reopened", "github:acme/api#1:reopened:1714644000000"),
        ("pull_request", "synchronize", "github:acme/api#1:synchronize:cc:1714644000000"),
        ("pull_request", "edited", "github:acme/api#1:edited:title:1714644000000"),
        ("pull_request", "labeled", "github:acme/api#1:labeled:a%40b:1714644000000"),
        ("pull_request", "unlabeled", "github:acme/api#1:unlabeled:a%40b:1714644000000"),
        ("pull_request", "assigned", "github:acme/api#1:assigned:bo:1714644000000"),
        ("pull_request", "unassigned", "github:acme/api#1:unassigned:bo:1714644000000"),
        ("pull_request", "review_requested", "github:acme/api#1:review_requested:bo:1714644000000"),
        ("pull_request", "review_request_removed", "github:acme/api#1:review_request_removed:bo:1714644000000"),
        ("pull_request", "dequeued", "github:acme/api#1:dequeued:1714644000000"),
        ("pull_request_review", "submitted", "github:review:8"),
        ("pull_request_review", "edited", "github:review:8:edited:1714644000000"),
        ("pull_request_review", "dismissed", "github:review:8:dismissed"),
        ("pull_request_review_comment", "created", "github:review-comment:7"),
        ("pull_request_review_comment", "edited", "github:review-comment:7:edited:1714644000000"),
        ("pull_request_review_comment", "deleted", "github:review-comment:7:deleted"),
        ("issues", "opened", "github:acme/api#2:opened:1714644000000"),
        ("issues", "closed", "github:acme/api#2:closed:1714644000000"),
        ("issues", "reopened", "github:acme/api#2:reopened:1714644000000"),
        ("issues", "labeled", "github:acme/api#2:labeled:a%40b:1714644000000"),
        ("issues", "unlabeled", "github:acme/api#2:unlabeled:a%40b:1714644000000"),
        ("issues", "assigned", "github:acme/api#2:assigned:bo:1714644000000"),
        ("issues", "deleted", "github:acme/api#2:deleted:1714644000000"),
        ("issue_comment", "created", "github:comment:7"),
        ("issue_comment", "edited", "github:comment:7:edited:1714644000000"),
        ("issue_comment", "deleted", "github:comment:7:deleted"),
        ("discussion", "created", "github:acme/api#3:created:1714644000000"),
        ("discussion", "answered", "github:discussion-comment:7:answer:1714644000000"),
        ("discussion", "unanswered", "github:acme/api#3:unanswered:1714644000000"),
        ("discussion_comment", "edited", "github:discussion-comment:7:edited:1714644000000"),
        ("discussion_comment", "deleted", "github:discussion-comment:7:deleted"),
        ("push", "", "github:push:acme/api:main:bb:cc"),
        ("create", "", "github:branch:acme/api:refs/heads/main:create:1714644000000"),
        ("delete", "", "github:branch:acme/api:refs/heads/main:delete:1714644000000"),
        ("release", "published", "github:release:9:published:1714644000000"),
        ("release", "released", "github:release:9:published:1714644000000"),
        ("release", "edited", "github:release:9:edited:1714644000000"),
        ("release", "deleted", "github:release:9:deleted:1714644000000"),
        ("deployment_status", "created", "github:deployment-status:acme/api:11"),
        ("workflow_run", "completed", "github:workflow-run:12:2"),
        ("repository", "renamed", "github:repository:acme/api:renamed:1714644000000"),
        ("repository", "privatized", "github:repository:acme/api:privatized:1714644000000"),
    ] {
        let event = events(event, &with(everything(), "/action", json!(action))).remove(0);
        assert_eq!(event.once.as_deref(), Some(once), "{action}");
        assert!(!once.contains('@'));
    }
    let old = without(everything(), "/deployment_status", "id");
    assert_eq!(events("deployment_status", &old)[0].once.as_deref(), Some("github:deployment:acme/api:10:success"));
    let first = without(everything(), "/workflow_run", "run_attempt");
    let first = with(first, "/action", json!("completed"));
    assert_eq!(events("workflow_run", &first)[0].once.as_deref(), Some("github:workflow-run:12:1"));
}

#[test]
fn without_an_identity_there_is_no_name() {
    for (event, action, parent, field) in [
        ("pull_request", "labeled", "/pull_request", "updated_at"),
        ("issues", "closed", "/issue", "updated_at"),
        ("pull_request_review", "submitted", "/review", "id"),
        ("issue_comment", "created", "/comment", "id"),
        ("issue_comment", "deleted", "/comment", "id"),
        ("push", "", "", "before"),
        ("create", "", "/repository", "pushed_at"),
        ("release", "published", "/release", "id"),
        ("release", "published", "/release", "published_at"),
        ("workflow_run", "completed", "/workflow_run", "id"),
        ("discussion", "created", "/discussion", "updated_at"),
    ] {
        let body = without(with(everything(), "/action", json!(action)), parent, field);
        assert_eq!(events(event, &body)[0].once, None, "{event} {action} without {field}");
    }
}

#[test]
fn the_host_is_the_one_that_the_payload_names() {
    for (page, api, host) in [
        (json!("https://github.com/acme/api"), json!(null), Some("github.com")),
        (json!("https://GHE.example.com/acme/api"), json!("https://api.github.com/x"), Some("ghe.example.com")),
        (json!("http://ghe.example.com:8443/acme/api"), json!(null), Some("ghe.example.com:8443")),
        (json!("https://ghe.example.com:443/acme/api"), json!(null), Some("ghe.example.com")),
        (json!(null), json!("https://api.github.com/repos/acme/api"), Some("github.com")),
        (json!(null), json!("https://ghe.example.com/api/v3/repos/acme/api"), Some("ghe.example.com")),
        (json!(null), json!("https://api.acme.ghe.com/repos/acme/api"), Some("acme.ghe.com")),
        (json!(null), json!("https://api.example.com/api/v3/repos/acme/api"), Some("api.example.com")),
        (json!("javascript:x"), json!(7), None),
    ] {
        let mut body = everything();
        body["repository"]["html_url"] = page;
        body["repository"]["url"] = api;
        assert_eq!(events("push", &without_links(body.clone()))[0].host.as_deref(), host, "{body}");
    }
    for (event, action, pointer) in [
        ("pull_request", "opened", "/pull_request"),
        ("issues", "opened", "/issue"),
        ("discussion", "created", "/discussion"),
        ("issue_comment", "created", "/comment"),
        ("pull_request_review", "submitted", "/review"),
        ("release", "published", "/release"),
        ("workflow_run", "completed", "/workflow_run"),
        ("create", "", "/sender"),
    ] {
        let mut body = without_links(with(everything(), "/action", json!(action)));
        body["repository"]["html_url"] = json!(null);
        assert_eq!(events(event, &body)[0].host, None, "{event}");
        body.pointer_mut(pointer).unwrap()["html_url"] = json!("https://ghe.example.com/x");
        assert!(events(event, &body).iter().all(|event| event.host.as_deref() == Some("ghe.example.com")), "{event}");
    }
}

fn without_links(mut body: Value) -> Value {
    for part in ["discussion", "comment", "answer"] {
        body[part].as_object_mut().unwrap().remove("html_url");
    }
    body
}
