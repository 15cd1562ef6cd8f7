//! Account ids are never shown.

use super::*;
use crate::source::name_people;

const ID: &str = "5b10a2844c20";

/// What an event says, with and without a name that an earlier delivery told.
fn told(body: &Value, say: fn(&Event) -> Option<String>) -> [String; 2] {
    [Some("Bea Costa".to_owned()), None].map(|name| {
        let mut event = events(body).remove(0);
        name_people(&mut event, &|id| name.clone().filter(|_| id == ID));
        let text = say(&event).unwrap();
        let whole = format!("{event:?}").replace(&format!("login: {ID:?}"), "");
        assert!(!whole.contains("accountid") && !whole.contains("@ "), "{whole}");
        text
    })
}

fn comment(body: Value) -> Value {
    let mut commented = fixture!("comment_created_adf");
    commented["comment"]["body"] = body;
    commented
}

#[test]
fn a_mention_is_a_name_or_somebody() {
    let words = |event: &Event| event.comment.as_ref().map(|comment| comment.summary.clone());
    for attrs in [json!({"id": ID}), json!({"id": ID, "text": ""}), json!({"id": ID, "text": "@"})] {
        let mention = json!({"type": "mention", "attrs": attrs});
        let line = json!([mention, {"type": "text", "text": " can you check this?"}]);
        let document = comment(json!({"type": "doc", "content": [{"type": "paragraph", "content": line}]}));
        assert_eq!(told(&document, words), ["Bea Costa can you check this?", "somebody can you check this?"]);
    }
    let markup = comment(json!(format!("*[~accountid:{ID}]* can you check?")));
    assert_eq!(told(&markup, words), ["Bea Costa can you check?", "somebody can you check?"]);
    let note = comment(json!(format!("/assume [~accountid:{ID}] agrees")));
    let noted = |event: &Event| event.note.as_ref().map(|note| note.text.clone());
    assert_eq!(told(&note, noted), ["Bea Costa agrees", "somebody agrees"]);
    let user = comment(json!("[~ana] and [~JIRAUSER10100]"));
    assert_eq!(told(&user, words), ["ana and somebody"; 2]);
}

#[test]
fn who_is_known_in_the_same_delivery_is_named() {
    let me = json!({"accountId": ID, "displayName": "Bea Costa"});
    for place in [
        "/user",
        "/comment/author",
        "/comment/updateAuthor",
        "/issue/fields/assignee",
        "/issue/fields/reporter",
        "/issue/fields/creator",
    ] {
        let mut body = comment(json!(format!("[~accountid:{ID}] knows")));
        (body["user"], body["issue"]["fields"]["assignee"]) = (json!(null), json!(null));
        (body["issue"]["fields"]["reporter"], body["issue"]["fields"]["creator"]) = (json!(null), json!(null));
        *body.pointer_mut(place).unwrap() = me.clone();
        let mut event = events(&body).remove(0);
        assert!(event.people.contains(&(ID.to_owned(), "Bea Costa".to_owned())), "{place}");
        name_people(&mut event, &|_| None);
        assert_eq!(event.comment.unwrap().summary, "Bea Costa knows", "{place}");
    }
    let mut body = changed(&[[Some("assignee"), None, Some(ID), Some("Bea Costa"), None, None]]);
    body["comment"] = comment(json!(format!("[~accountid:{ID}] had it")))["comment"].take();
    assert!(events(&body)[0].people.contains(&(ID.to_owned(), "Bea Costa".to_owned())), "by the changelog");
    let mention = json!({"type": "mention", "attrs": {"id": ID, "text": "@Nonsense"}});
    let said = comment(json!({"type": "doc", "content": [{"type": "paragraph", "content": [mention]}]}));
    assert!(!events(&said)[0].people.iter().any(|(id, _)| id == ID), "anybody can write that");
}

#[test]
fn a_change_of_people_has_names() {
    let change = |event: &Event| event.change.as_ref().and_then(|change| change.to.clone());
    let long = "5b10a2844c20165700ede21f";
    for (field, words, said) in [
        ("assignee", None, ["Bea Costa", "somebody"]),
        ("assignee", Some(ID), ["Bea Costa", "somebody"]),
        ("assignee", Some("Bea Costa"), ["Bea Costa", "Bea Costa"]),
        ("reporter", None, ["Bea Costa", "somebody"]),
    ] {
        let body = changed(&[[Some(field), Some(field), None, None, Some(ID), words]]);
        assert_eq!(told(&body, change), said, "{field} {words:?}");
    }
    for (to, said) in [
        (long.to_owned(), "somebody"),
        (format!("[{long}, 557058:f58131cb-b67d-43c7-b30d-6b58d40bd077]"), "somebody, somebody"),
        ("JIRAUSER10100".to_owned(), "somebody"),
        ("10021".to_owned(), "10021"),
    ] {
        let body = changed(&[[Some("customfield_10080"), Some("Reviewers"), None, None, Some(&to), None]]);
        assert_eq!(told(&body, change), [said; 2], "{to}");
    }
    let mut server = changed(&[[Some("assignee"), None, None, None, Some("bo"), None]]);
    (server["user"], server["issue"]["fields"]["assignee"]) = (json!({"name": "ana"}), json!(null));
    assert_eq!(told(&server, change), ["bo", "bo"], "a name of Data Center");
}

#[test]
fn who_did_it_has_a_name_or_none_that_is_an_id() {
    let name = |event: &Event| event.actor.as_ref().map(|actor| actor.name.clone());
    for (user, said) in [
        (json!({"accountId": ID}), ["Bea Costa", "somebody"]),
        (json!({"accountId": ID, "displayName": ID}), ["Bea Costa", "somebody"]),
        (json!({"accountId": ID, "displayName": "Bea"}), ["Bea", "Bea"]),
        (json!({"accountId": "bea", "displayName": "bea"}), ["bea", "bea"]),
        (json!({"name": "bea"}), ["bea", "bea"]),
        (json!({"key": "JIRAUSER10100"}), ["somebody", "somebody"]),
    ] {
        let mut body = changed(&[[None, Some("labels"), None, None, None, Some("a")]]);
        body["user"] = user.clone();
        assert_eq!(told(&body, name), said, "{user}");
    }
}

#[test]
fn events_keep_no_list_of_people() {
    let event = events(&fixture!("issue_updated")).remove(0);
    assert_eq!(event.people, [("5c5f880629be9642ba529340".to_owned(), "Ana Doe".to_owned())]);
    assert!(serde_json::to_value(event).unwrap().get("people").is_none());
}
