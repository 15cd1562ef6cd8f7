//! Reviews, and the comments on lines that they consist of.

use super::*;

#[test]
fn reviews_are_told_once_by_their_verdict() {
    let body = fixture!("review_submitted");
    for (state, kind) in [
        ("approved", EventKind::PullRequestApproved),
        ("CHANGES_REQUESTED", EventKind::PullRequestChangesRequested),
        ("commented", EventKind::PullRequestCommented),
    ] {
        let mut body = with(body.clone(), "/review/state", json!(state));
        body["review"]["commit_id"] = json!("ec26c3e");
        let [event, note] = events("pull_request_review", &body).try_into().unwrap();
        assert_eq!((event.kind, note.kind), (kind, EventKind::NoteBlocked));
        assert_eq!(event.comment.unwrap().summary, "Two things.");
        assert_eq!(event.once.as_deref(), Some("github:review:237895671"));
        let review = event.review.unwrap();
        assert_eq!((review.id.as_str(), review.commit.as_deref()), ("237895671", Some("ec26c3e")));
        assert_eq!((tickets(&note), &note.review), (vec!["DATA-123"], &None));

        for wordless in [json!(null), json!(" \n"), json!("> quoted")] {
            let wordless = with(body.clone(), "/review/body", wordless);
            if kind == EventKind::PullRequestCommented {
                let reason = "the review has no text of its own: its comments on lines are reported";
                assert_eq!(ignored("pull_request_review", &wordless), reason);
            } else {
                let [event] = events("pull_request_review", &wordless).try_into().unwrap();
                assert_eq!((event.kind, event.comment), (kind, None), "a verdict needs no words");
            }
        }
    }
    let pending = with(body.clone(), "/review/state", json!("pending"));
    assert_eq!(ignored("pull_request_review", &pending), "the payload has no usable `review.state`");
    let notes = with(with(body, "/review/state", json!("commented")), "/review/body", json!("/delay x"));
    assert_eq!(events("pull_request_review", &notes)[0].kind, EventKind::NoteDelayed);
}

#[test]
fn comments_on_lines_have_words() {
    let mut line = fixture!("review_submitted");
    line["comment"] = line["review"].take();
    line["action"] = json!("created");
    let [event, note] = events("pull_request_review_comment", &line).try_into().unwrap();
    assert_eq!((event.kind, note.kind), (EventKind::PullRequestCommented, EventKind::NoteBlocked));
    assert_eq!(event.comment.unwrap().summary, "Two things.");
    assert_eq!((event.actor.unwrap().login.as_str(), event.review), ("bo", None));
    assert!(event.url.unwrap().ends_with("/pull/45#pullrequestreview-237895671"));
    let notes = with(line.clone(), "/comment/body", json!("/block on DATA-1"));
    let [note] = events("pull_request_review_comment", &notes).try_into().unwrap();
    assert_eq!(note.kind, EventKind::NoteBlocked);
    let code = with(line.clone(), "/comment/body", json!("```suggestion\nx\n```"));
    let reason = "the comment has no text of its own: it is code, a quote or a picture";
    assert_eq!(ignored("pull_request_review_comment", &code), reason);
    let other = with(line, "/action", json!("resolved"));
    let reason = "`pull_request_review_comment.resolved` is not something rules can ask for";
    assert_eq!(ignored("pull_request_review_comment", &other), reason);
}
