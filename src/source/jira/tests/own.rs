//! Our own comments, as they come back.

use super::*;

const OURS: &str = "We merged it.\n/assume ids are stable\n\n— microalign";

fn ignored(body: &Value) -> String {
    match read(body, &Settings::default()) {
        Parsed::Ignored(reason) => reason.to_string(),
        Parsed::Events(events) => panic!("events: {events:?}"),
    }
}

#[test]
fn our_own_comment_is_ignored_whatever_happens_to_it() {
    let mut comments = [fixture!("comment_created_data_center"), fixture!("comment_created_adf")];
    let text = |line: &str| json!({"type": "paragraph", "content": [{"type": "text", "text": line}]});
    comments[0]["comment"]["body"] = json!(OURS);
    comments[1]["comment"]["body"] = json!({"type": "doc", "content": [text("We merged it."), text("— microalign")]});
    for mut body in comments {
        for name in ["comment_created", "comment_updated", "comment_deleted", "jira:comment_updated"] {
            body["webhookEvent"] = json!(name);
            assert_eq!(ignored(&body), "our own comment: nothing answers to it", "{name}");
        }
        body["comment"]["visibility"] = json!({"type": "role", "value": "Administrators"});
        assert!(ignored(&body).contains("our own comment"), "whoever may read it");
    }
}

#[test]
fn an_update_that_brings_our_comment_tells_only_the_rest() {
    let mut body = fixture!("issue_updated");
    body["comment"] = fixture!("comment_created_data_center")["comment"].take();
    body["comment"]["body"] = json!(OURS);
    for name in ["issue_commented", "issue_comment_edited", "issue_comment_deleted"] {
        body["issue_event_type_name"] = json!(name);
        assert_eq!(kinds(&body), kinds(&fixture!("issue_updated")), "{name}");
    }
    body["changelog"] = json!({"items": []});
    assert!(ignored(&body).contains("our own comment"));
    body.as_object_mut().unwrap().remove("changelog");
    assert!(ignored(&body).contains("our own comment"));
}

#[test]
fn a_comment_that_only_quotes_ours_is_told() {
    let mut body = fixture!("comment_created_data_center");
    body["comment"]["body"] = json!("{quote}\nWe merged it.\n/assume x\n\n— microalign\n{quote}\n/delay until Monday");
    assert_eq!(kinds(&body), ["ticket.commented", "note.delayed"]);
}
