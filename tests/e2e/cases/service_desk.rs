//! A service desk: its internal words stay inside, and ours are none for its customers.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{Told, on, send, sibling, tell, web};
use crate::support::{Listener, Service, eventually};

fn property(internal: Value) -> Value {
    json!({ "comment": { "properties": [{ "key": "sd.public.comment", "value": { "internal": internal } }] } })
}

fn said(key: &str, id: u64, words: &str) -> Post {
    jira_comment(key, id, "comment_created", json!(words))
}

#[tokio::test]
async fn internal_words_stay_inside() {
    let mut within = said("SD-806", 806, "see contract 806").with(property(json!(true)));
    put(&mut within.body, json!({ "webhookEvent": "jira:issue_updated", "issue_event_type_name": "issue_commented" }));
    let cloud = |public: bool| json!({ "comment": { "jsdPublic": public } });
    let siblings = [
        sibling("internal", [said("SD-801", 801, "see contract 801").with(property(json!(true)))])
            .never("contract 801"),
        sibling("internal-as-text", [said("SD-802", 802, "see contract 802").with(property(json!("true")))])
            .never("contract 802"),
        sibling("internal-note", [said("SD-803", 803, "/assume 803 pays").with(property(json!(true)))])
            .never("803 pays")
            .because(0, ""),
        sibling("for-the-customer", [said("SD-804", 804, "We are on 804").with(property(json!(false)))])
            .says("We are on 804"),
        sibling("note-for-the-customer", [said("SD-805", 805, "/assume fish 805").with(property(json!(false)))])
            .says("fish 805"),
        sibling("internal-within-an-update", [within]).never("contract 806"),
        sibling("cloud", [said("SD-807", 807, "see contract 807").with(cloud(false))]).never("contract 807"),
        sibling("cloud-note", [said("SD-808", 808, "/block by 808").with(cloud(false))]).never("by 808"),
        sibling("cloud-for-the-customer", [said("SD-809", 809, "We are on 809").with(cloud(true))])
            .says("We are on 809"),
        sibling(
            "for-a-role",
            [said("SD-810", 810, "see contract 810")
                .with(json!({ "comment": { "visibility": { "type": "role", "value": "Agents" } } }))],
        )
        .never("contract 810"),
    ];
    tell(&[web("0s", &on(&["ticket.commented", "note.*"]))], &siblings).await;
}

/// A service that comments on tickets, and what takes the comments.
async fn commenting(team: &str, more: &str) -> (Listener, Service) {
    let jira = Listener::new(vec![(201, json!({ "id": "10020" }))]).await;
    let mut service = Service::new(team, "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2\"\n{more}", jira.url));
    service.start().await;
    (jira, service)
}

fn of_desk(post: Post) -> Post {
    post.with(json!({ "issue": { "fields": { "project": { "projectTypeKey": "service_desk" } } } }))
}

fn internal(body: &Value) -> bool {
    body["properties"] == json!([{ "key": "sd.public.comment", "value": { "internal": true } }])
}

const ON_TICKETS: &str = "team = \"web\"\nmembers = [\"bo\"]\nto = [\"jira\"]\nsettle = \"0s\"\n[[rule]]\nname = \"rule\"\non = [\"ticket.started\"]\n";

#[tokio::test]
async fn our_comment_on_a_service_desks_ticket_is_internal() {
    let (jira, service) = commenting(ON_TICKETS, "").await;
    send(&service, "desk/0", &of_desk(started("SD-821", 5))).await;
    send(&service, "plain/0", &started("DATA-822", 5)).await;
    let mut told = Told::by(&service).await;
    let requests = jira.requests();
    let to = |key: &str| requests.iter().filter(|got| got.path.contains(key)).collect::<Vec<_>>();
    let customers = to("SD-821").into_iter().find(|got| !internal(&got.body)).map(|got| got.text.clone());
    told.unless(customers.is_none(), format!("a customer sees it: {}", customers.unwrap_or_default()));
    let refused = to("SD-821").is_empty();
    let reasons = format!("{:?}", told.lines("desk/0"));
    told.unless(!refused || reasons.contains("customer"), format!("refused without a reason: {reasons}"));
    // Jira makes nothing of that property where there are no customers.
    let plain = to("DATA-822").len();
    told.unless(plain == 1, format!("an ordinary ticket's comment: {requests:?}"));
    told.finish();
}

/// A later webhook says nothing of the project's type.
#[tokio::test]
async fn a_desk_stays_one() {
    let (jira, service) = commenting(ON_TICKETS, "").await;
    send(&service, "known/0", &of_desk(moved_to("SD-831", 5, ("Open", "To Do"), "new"))).await;
    send(&service, "started/0", &started("SD-831", 6)).await;
    Told::by(&service).await;
    let requests = jira.requests();
    let customers = requests.iter().find(|got| got.path.contains("SD-831") && !internal(&got.body));
    assert!(customers.is_none(), "a customer sees {customers:?}");
}

#[tokio::test]
async fn what_authors_are_told_on_a_desks_ticket_is_internal_too() {
    let team = "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n\
        [[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"1s\"\n";
    let (jira, service) = commenting(team, "comment = true\n").await;
    let note = said("SD-841", 841, "/assume fish swim").with(property(json!(false)));
    send(&service, "note/0", &of_desk(note)).await;
    let agreed = async || {
        let lines = service.ledger().await;
        let answered =
            |line: &&Value| line["reason"].as_str().is_some_and(|reason| reason.contains("tells the author"));
        let line = lines.iter().find(answered)?;
        (line["state"] != "held").then(|| jira.requests())
    };
    let requests = eventually("the author is told, or that is refused", agreed).await;
    let customers = requests.iter().find(|got| !internal(&got.body));
    assert!(customers.is_none(), "a customer sees {customers:?}");
}
