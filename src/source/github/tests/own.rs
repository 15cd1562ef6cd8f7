//! Our own comments, as they come back.

use super::*;

const OURS: &str = "<!-- microalign -->\nAna merged it.\n\n> /assume ids are stable\n";

#[test]
fn our_own_comment_is_ignored_whatever_happens_to_it() {
    let comment = with(fixture!("issue_comment_on_pull_request"), "/comment/body", json!(OURS));
    for action in ["created", "edited", "deleted"] {
        let body = with(comment.clone(), "/action", json!(action));
        assert_eq!(ignored("issue_comment", &body), "our own comment: nothing answers to it", "{action}");
    }
    let mut edited = with(comment, "/action", json!("edited"));
    edited["changes"] = json!({"body": {"from": "<!-- microalign -->\nAna opened it.\n"}});
    assert!(ignored("issue_comment", &edited).contains("our own comment"));
}

#[test]
fn a_comment_that_only_quotes_ours_is_told() {
    let quote = "> <!-- microalign -->\n> Ana merged it.\n\n/delay until Monday";
    let body = with(fixture!("issue_comment_on_pull_request"), "/comment/body", json!(quote));
    let told = events("issue_comment", &body);
    assert_eq!(told.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["note.delayed"]);
}

/// The notes in it were told: they go.
#[test]
fn an_edit_that_makes_a_comment_look_like_ours_is_told() {
    let body = with(fixture!("issue_comment_on_pull_request"), "/comment/body", json!(OURS));
    let mut edited = with(body, "/action", json!("edited"));
    edited["changes"] = json!({"body": {"from": "/assume ids are stable"}});
    let told = events("issue_comment", &edited);
    let [edit, note] = told.try_into().unwrap();
    assert!(edit.undoing.is_some() && edit.comment.is_none(), "our own words are not told: {edit:?}");
    assert!(note.note.unwrap().taken_back);
}
