//! What rules ask for beside the kind: people, files, the description.

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
    body["pull_request"]["body"] = json!(format!("> /assume x\n{}é", "x".repeat(16 * 1024)));
    let pr = pull_request("pull_request", &body);
    assert_eq!(pr.assignees.unwrap(), ["ana"]);
    assert_eq!(pr.reviewers.unwrap(), ["bo", "web-reviewers"]);
    let kept = pr.body.unwrap();
    assert!(kept.starts_with("> /assume x\n") && kept.len() == 16 * 1024, "as written, and bounded");
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
    assert_eq!(events("push", &body)[0].paths.as_ref().unwrap().len(), 3000);
    let silent = without(body, "", "commits");
    assert_eq!(events("push", &silent)[0].paths, None);
}
