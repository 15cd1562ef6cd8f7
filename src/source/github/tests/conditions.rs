//! What rules ask for besides the kind: people, files, the description.

use super::*;

fn pull_request(name: &str, body: &Value) -> crate::event::PullRequest {
    match events(name, body).remove(0).about {
        About::PullRequest(pr) => pr,
        other => panic!("{other:?}"),
    }
}

#[test]
fn people_and_the_description_of_a_pull_request() {
    let mut body = fixture!("pull_request_opened");
    body["pull_request"]["assignees"] = json!([{"login": "ana"}, null, {"login": 3}]);
    body["pull_request"]["requested_reviewers"] = json!([{"login": "bo"}]);
    body["pull_request"]["requested_teams"] = json!([{"name": "Web reviewers", "slug": "web-reviewers"}]);
    let written = format!("> /assume x\n{}", "é".repeat(65_000));
    body["pull_request"]["body"] = json!(written);
    let pr = pull_request("pull_request", &body);
    assert_eq!(pr.assignees.unwrap(), ["ana"]);
    assert_eq!(pr.reviewers.unwrap(), ["bo", "web-reviewers"]);
    assert_eq!(pr.body.unwrap(), written, "as written, and whole");
    assert_eq!(pr.head_sha.as_deref(), Some("ec26c3e57ca3a959ca5aad62de7213c562f8c821"));
    let empty = with(body, "/pull_request/body", json!(null));
    assert_eq!(pull_request("pull_request", &empty).body.unwrap(), "");
}

#[test]
fn a_comment_doesnt_know_the_reviewers() {
    let mut body = fixture!("issue_comment_on_pull_request");
    body["issue"]["assignees"] = json!([{"login": "ana"}]);
    body["issue"]["body"] = json!("All of it");
    let pr = pull_request("issue_comment", &body);
    assert_eq!(
        (pr.assignees, pr.reviewers, pr.body.as_deref()),
        (Some(vec!["ana".to_owned()]), None, Some("All of it"))
    );
    let issue = without(body, "/issue", "pull_request");
    let About::Issue(issue) = events("issue_comment", &issue).remove(0).about else { panic!() };
    assert_eq!((issue.assignees, issue.body.as_deref()), (vec!["ana".to_owned()], Some("All of it")));
}

#[test]
fn the_files_of_a_push() {
    let mut body = fixture!("push");
    body["repository"]["private"] = json!(true);
    body["commits"] = json!([
        {"added": ["b", "a"], "modified": ["c"], "removed": []},
        {"added": ["a", null], "removed": ["d"], "modified": "?"},
        null,
    ]);
    let event = events("push", &body).remove(0);
    assert_eq!(event.paths.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(event.private, Some(true));
    let many: Vec<_> = (0..5000).map(|n| n.to_string()).collect();
    body["commits"] = json!([{"added": many}]);
    assert_eq!(events("push", &body)[0].paths.as_ref().unwrap().len(), 5000, "no match is lost");
}

#[test]
fn what_github_leaves_out_of_a_push_is_not_known() {
    let none = json!([]);
    let bare = json!({"message": "x"});
    let of = |path: &str| json!({"added": [], "removed": [], "modified": [path]});
    let empty = json!({"added": [], "removed": [], "modified": []});
    let many = |length: usize| json!(vec![of("a"); length]);
    for (commits, head, paths, more) in [
        (json!([of("a"), of("b")]), of("b"), Some("a b"), false),
        (json!([empty]), empty.clone(), Some(""), false),
        (none.clone(), of("a"), Some("a"), true),
        (none.clone(), empty, Some(""), true),
        (none.clone(), bare.clone(), None, false),
        (none.clone(), json!(null), None, false),
        (json!(null), of("a"), Some("a"), true),
        (json!([bare, bare]), bare.clone(), None, false),
        (json!([bare, bare]), of("a"), Some("a"), true),
        (json!([of("a"), bare]), bare.clone(), Some("a"), true),
        (json!([of("a"), null]), json!(null), Some("a"), true),
        (json!([{"added": ["a"]}]), json!(null), Some("a"), false),
        (many(2_047), of("a"), Some("a"), false),
        (many(2_048), of("a"), Some("a"), true),
    ] {
        let mut body = fixture!("push");
        body["commits"] = commits;
        body["head_commit"] = head;
        let event = events("push", &body).remove(0);
        assert_eq!(event.paths.map(|paths| paths.join(" ")).as_deref(), paths, "{body}");
        assert_eq!(event.more_paths, more, "{body}");
    }
}
