//! What happened has a name that is the same in Jira's history of the ticket.

use super::*;

fn names(body: &Value) -> Vec<String> {
    events(body).into_iter().filter(|event| event.note.is_none()).map(|event| event.once.unwrap_or_default()).collect()
}

#[test]
fn changes_have_names_by_their_place_in_the_history() {
    let body = fixture!("issue_updated");
    assert_eq!(names(&body), ["jira-change:10040:10100:0:status", "jira-change:10040:10100:0:due"]);
    let mut number = body.clone();
    number["changelog"]["id"] = json!(10100);
    assert_eq!(names(&number), names(&body), "a number or a text");
    let mut links = body.clone();
    let link = |to: &str| json!({ "field": "Link", "fieldtype": "jira", "toString": to });
    links["changelog"]["items"] = json!([link("blocks DATA-1"), link("blocks DATA-2")]);
    assert_eq!(names(&links), ["jira-change:10040:10100:0:link", "jira-change:10040:10100:1:link"]);
    let mut nameless = body.clone();
    nameless["changelog"].as_object_mut().unwrap().remove("id");
    assert_eq!(names(&nameless), ["", ""]);
    let mut created = body;
    created["webhookEvent"] = json!("jira:issue_created");
    assert_eq!(names(&created), ["jira-created:10040"]);
}
