//! A change has the same name in a webhook and in Jira's history of the ticket.

use super::*;

fn names(body: &Value) -> Vec<String> {
    let once = |event: Event| event.once.map(|once| once.to_string()).unwrap_or_default();
    events(body).into_iter().filter(|event| event.note.is_none()).map(once).collect()
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
    let mut created = body;
    created["webhookEvent"] = json!("jira:issue_created");
    assert_eq!(names(&created), ["jira-created:10040"]);
    created["webhookEvent"] = json!("jira:issue_deleted");
    assert_eq!(names(&created), ["jira-deleted:10040"]);
}

#[test]
fn a_server_that_doesnt_say_the_place_has_names_by_the_time_and_the_change() {
    let mut body = fixture!("issue_updated");
    body["changelog"].as_object_mut().unwrap().remove("id");
    let told = names(&body);
    assert!(told[0].starts_with("jira-change:10040:1714644000000:0:status:"), "{told:?}");
    assert!(told[1].starts_with("jira-change:10040:1714644000000:0:due:") && !told.concat().contains('@'), "{told:?}");
    body["timestamp"] = json!(1714644009999_i64);
    assert_eq!(names(&body), told, "the second hook is later");
    let mut again = body.clone();
    again["issue"]["fields"]["updated"] = json!("2024-05-02T12:00:01.000+0200");
    assert!(names(&again).iter().all(|name| !told.contains(name)), "the same change at another time");
    body["changelog"]["items"][0]["toString"] = json!("@x");
    assert_ne!(names(&body)[0], told[0], "another change at that time");
    body["changelog"]["items"] = json!([]);
    assert_eq!(names(&body), ["jira-update:10040:1714644000000"]);
    body["issue_event_type_name"] = json!("issue_assigned");
    assert!(names(&body)[0].starts_with("jira-change:10040:1714644000000:0:assignee:"), "{:?}", names(&body));
}
