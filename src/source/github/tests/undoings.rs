//! What takes something back, and what only reports a state.

use super::*;
use crate::event::{Outcome, Undoes, Undoing, Undone};

fn undoing(name: &str, body: &Value) -> Undoing {
    let mut events = events(name, body);
    let event = events.remove(0);
    assert!(events.iter().all(|note| note.undoing.is_none() && note.note.is_some()), "only notes follow");
    event.undoing.unwrap_or_else(|| panic!("{name} {} is news", body["action"]))
}

fn occurrence(once: &str, undone: Undone) -> Undoes {
    Undoes::Occurrence(once.into(), undone)
}

#[test]
fn what_is_written_is_edited_and_deleted_by_its_name() {
    let comment = fixture!("issue_comment_on_pull_request");
    let review = fixture!("review_submitted");
    let mut line = review.clone();
    line["comment"] = line["review"].take();
    for (name, body, place, told, what) in [
        ("issue_comment", &comment, "comment:9007199254740993", "created", "the comment"),
        (
            "issue_comment",
            &without(comment.clone(), "/issue", "pull_request"),
            "comment:9007199254740993",
            "created",
            "the comment",
        ),
        ("pull_request_review_comment", &line, "review-comment:237895671", "created", "the comment"),
        ("pull_request_review", &review, "review:237895671", "submitted", "the review"),
    ] {
        let once = format!("github:{place}");
        let told = events(name, &with(body.clone(), "/action", json!(told))).remove(0);
        assert_eq!((told.once.as_deref(), told.undoing), (Some(once.as_str()), None), "{name}");

        let edited = with(body.clone(), "/action", json!("edited"));
        let edit = events(name, &edited).remove(0);
        let because = format!("{what} was edited");
        assert_eq!(edit.undoing, Some(Undoing { of: occurrence(&once, Undone::Edited), because }), "{name}");
        assert_eq!((edit.kind, edit.comment.is_some()), (told.kind, true), "{name}");
        assert_ne!(edit.once, told.once, "an edit is another occurrence");

        if name != "pull_request_review" {
            let deletion = events(name, &with(body.clone(), "/action", json!("deleted"))).remove(0);
            let because = format!("{what} was deleted");
            assert_eq!(deletion.undoing, Some(Undoing { of: occurrence(&once, Undone::Deleted), because }), "{name}");
            assert_eq!(deletion.comment, None, "{name}: its words go nowhere");
        }
    }
    let only_notes = with(with(comment.clone(), "/action", json!("edited")), "/comment/body", json!("/delay x"));
    assert_eq!(events("issue_comment", &only_notes)[0].comment, None);
    let nameless = without(with(comment, "/action", json!("deleted")), "/comment", "id");
    assert_eq!(undoing("issue_comment", &nameless).of, Undoes::Nothing);
}

#[test]
fn what_happens_to_a_pull_request_beside_news_is_its_state() {
    let mut body = fixture!("pull_request_opened");
    body["assignee"] = json!({"login": "bo"});
    body["requested_team"] = json!({"slug": "web"});
    for (action, kind, change) in [
        ("unassigned", "pull_request.assigned", Some(("assignee", "bo"))),
        ("review_request_removed", "pull_request.review_requested", Some(("reviewer", "web"))),
        ("locked", "pull_request.edited", None),
        ("milestoned", "pull_request.edited", None),
        ("auto_merge_enabled", "pull_request.edited", None),
        ("enqueued", "pull_request.edited", None),
        ("dequeued", "pull_request.edited", None),
        ("new one", "pull_request.edited", None),
    ] {
        let [event] = events("pull_request", &with(body.clone(), "/action", json!(action))).try_into().unwrap();
        let because = format!(
            "`pull_request.{action}` is not something rules can ask for; the known state of the pull request is updated"
        );
        assert_eq!(event.undoing, Some(Undoing { of: Undoes::Nothing, because }));
        let found = event.change.as_ref().map(|change| (change.field.as_str(), change.from.as_deref().unwrap()));
        assert_eq!((event.kind.as_str(), found), (kind, change), "{action}");
    }
}

#[test]
fn what_happens_to_an_issue() {
    let mut body = fixture!("issues_opened");
    body["label"] = json!({"name": "bug"});
    body["assignee"] = json!({"login": "bo"});
    for (action, kind, of) in [
        ("edited", "ticket.updated", Undoes::Nothing),
        ("pinned", "ticket.updated", Undoes::Nothing),
        ("unpinned", "ticket.updated", Undoes::Nothing),
        ("locked", "ticket.updated", Undoes::Nothing),
        ("milestoned", "ticket.updated", Undoes::Nothing),
        ("typed", "ticket.updated", Undoes::Nothing),
        ("transferred", "ticket.updated", Undoes::Subject(Undone::Deleted)),
    ] {
        let body = with(body.clone(), "/action", json!(action));
        assert_eq!(undoing("issues", &body).of, of, "{action}");
        assert_eq!(events("issues", &body)[0].kind.as_str(), kind, "{action}");
    }
    assert_eq!(ignored("issues", &with(body, "/action", json!(null))), "the payload has no usable `action`");
}

#[test]
fn a_dismissed_review_counts_no_more() {
    let mut body = fixture!("review_submitted");
    body["review"]["commit_id"] = json!("ec26c3e");
    body["action"] = json!("dismissed");
    body["review"]["state"] = json!("dismissed");
    let [event] = events("pull_request_review", &body).try_into().unwrap();
    let because = "the review was dismissed".to_owned();
    assert_eq!(event.undoing, Some(Undoing { of: occurrence("github:review:237895671", Undone::Dismissed), because }));
    let review = event.review.unwrap();
    assert_eq!((review.id.as_str(), review.commit.as_deref(), event.comment), ("237895671", Some("ec26c3e"), None));
}

#[test]
fn what_happens_to_a_discussion_and_its_answer() {
    let body = fixture!("discussion");
    let outcome = |event: &Event| match &event.about {
        About::Thing(thing) => thing.outcome.clone(),
        other => panic!("{other:?}"),
    };
    let answered = events("discussion", &body).remove(0);
    let once = answered.once.clone().unwrap();
    assert_eq!((outcome(&answered), answered.undoing), (Some(Outcome::Answered), None));

    let mut unanswered = with(body.clone(), "/action", json!("unanswered"));
    unanswered["discussion"]["answer_chosen_at"] = json!(null);
    let event = events("discussion", &unanswered).remove(0);
    assert_eq!(
        (event.kind, outcome(&event)),
        (EventKind::DiscussionAnswered, Some(Outcome::Unanswered)),
        "the state says that there is none"
    );
    assert_eq!(undoing("discussion", &unanswered).of, Undoes::Nothing);
    let again = with(body.clone(), "/discussion/answer_chosen_at", json!("2024-05-02T11:00:00Z"));
    assert_ne!(events("discussion", &again)[0].once.as_deref(), Some(once.as_str()), "chosen again, it is news again");

    for (action, of) in [("edited", Undoes::Nothing), ("deleted", Undoes::Subject(Undone::Deleted))] {
        assert_eq!(undoing("discussion", &with(body.clone(), "/action", json!(action))).of, of, "{action}");
    }

    let mut comment = body;
    comment["comment"] = comment["answer"].take();
    comment["comment"]["body"] = json!("They are not.");
    comment["discussion"]["answer_html_url"] = comment["comment"]["html_url"].clone();
    let edited = with(comment.clone(), "/action", json!("edited"));
    assert_eq!(undoing("discussion_comment", &edited).of, occurrence(&once, Undone::Edited));
    assert_eq!(events("discussion_comment", &edited)[0].comment.as_ref().unwrap().summary, "They are not.");
    let deleted = with(comment.clone(), "/action", json!("deleted"));
    assert_eq!(undoing("discussion_comment", &deleted).of, occurrence(&once, Undone::Deleted));
    let event = events("discussion_comment", &deleted).remove(0);
    assert_eq!((event.comment.as_ref(), outcome(&event)), (None, Some(Outcome::Unanswered)));

    let mut gone = without(deleted, "/discussion", "answer_chosen_at");
    gone["discussion"]["answer_html_url"] = json!(null);
    assert_eq!(undoing("discussion_comment", &gone).of, Undoes::Nothing, "it may have been the answer");
    let other = with(comment, "/comment/html_url", json!("https://github.com/acme/ingest/discussions/4#other"));
    for action in ["edited", "deleted"] {
        let other = with(other.clone(), "/action", json!(action));
        assert_eq!(ignored("discussion_comment", &other), "the comment is not the discussion's answer");
    }
    let created = with(other, "/action", json!("created"));
    let reason = "`discussion_comment.created` is not something rules can ask for";
    assert_eq!(ignored("discussion_comment", &created), reason);
}
