//! Accounts are people's: a name, or somebody; never an id.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{on, play, serve, sibling, web};

const BEA: &str = "5b10a2844c20";
const NOBODY: &str = "712020:aaaa-bbbb";

fn document(mention: Value) -> Value {
    json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [
        { "type": "mention", "attrs": mention }, { "type": "text", "text": " can you check this?" },
    ] }] })
}

#[tokio::test]
async fn a_mention_or_a_change_names_a_person_or_somebody() {
    let by_bea = json!({ "comment": { "author": person(BEA, "Bea Costa"), "updateAuthor": person(BEA, "Bea Costa") } });
    let assigned = |key, minute, who: &str| {
        let id = json!({ "field": "assignee", "fieldtype": "jira", "fieldId": "assignee", "from": null,
            "fromString": null, "to": who, "toString": null });
        changed(key, minute, vec![id], json!({}))
    };
    let said = |key, id, body: Value| jira_comment(key, id, "comment_created", body);
    let siblings = [
        sibling("bea", [said("SD-1101", 1101, json!("I am here")).with(by_bea), settled()]),
        sibling("markup", [said("SD-1102", 1102, json!(format!("[~accountid:{BEA}] can you check?")))])
            .never(BEA)
            .says("Bea Costa can you check?"),
        sibling("document", [said("SD-1103", 1103, document(json!({ "id": BEA })))])
            .never(BEA)
            .says("Bea Costa can you check this?"),
        sibling("assigned", [assigned("SD-1104", 5, BEA)]).says("Bea Costa").messages(1, "SD-1104"),
        sibling("unknown-in-markup", [said("SD-1105", 1105, json!(format!("[~accountid:{NOBODY}] can you check?")))])
            .never(NOBODY)
            .says("omebody can you check?"),
        sibling("unknown-in-a-document", [said("SD-1106", 1106, document(json!({ "id": NOBODY })))])
            .never(NOBODY)
            .says("omebody can you check this?"),
        sibling("assigned-to-somebody", [assigned("SD-1107", 5, NOBODY)]).never(NOBODY).says("somebody"),
        sibling(
            "name-in-the-document",
            [said("SD-1108", 1108, document(json!({ "id": "712020:cc", "text": "@Cy Roe" })))],
        )
        .never("712020:cc")
        .says("Cy Roe"),
        sibling(
            "known-by-an-assignee",
            [
                started("SD-1109", 5)
                    .with(json!({ "issue": { "fields": { "assignee": person("712020:dd", "Dee Poe") } } })),
                settled(),
                said("SD-1110", 1110, json!("[~accountid:712020:dd] can you check 1110?")),
            ],
        )
        .never("712020:dd")
        .says("Dee Poe can you check 1110?"),
        sibling("in-a-note", [said("SD-1111", 1111, json!(format!("/assume [~accountid:{BEA}] checks 1111")))])
            .never(BEA)
            .says("Bea Costa checks 1111"),
        sibling(
            "data-centers-key",
            [changed(
                "SD-1112",
                5,
                vec![json!({
                    "field": "assignee", "fieldtype": "jira", "from": null, "fromString": null, "to": "JIRAUSER10100",
                    "toString": "Eve Moe",
                })],
                json!({}),
            )],
        )
        .never("JIRAUSER10100")
        .says("Eve Moe"),
    ];
    let team = web("0s", &on(&["ticket.commented", "ticket.assigned", "note.*"]));
    let mut told = play(&serve(&[team]).await, &siblings).await;
    let calls = told.mails.iter().filter(|mail| mail.text.contains("@ ") || mail.text.contains("@Bea")).count();
    told.unless(calls == 0, format!("{calls} messages have a bare @, or call somebody"));
    told.finish();
}

#[tokio::test]
async fn names_are_known_after_a_restart_and_follow_their_people() {
    let assigned = |key: &str, minute: u64| {
        let id = json!({ "field": "assignee", "fieldtype": "jira", "fieldId": "assignee", "from": null,
            "fromString": null, "to": BEA, "toString": null });
        changed(key, minute, vec![id], json!({}))
    };
    let by = |key: &str, id: u64, name: &str| {
        let who = json!({ "comment": { "author": person(BEA, name), "updateAuthor": person(BEA, name) } });
        jira_comment(key, id, "comment_created", json!("I am here")).with(who)
    };
    let mut service = serve(&[web("0s", &on(&["ticket.assigned"]))]).await;
    play(&service, &[sibling("before", [by("SD-1201", 1201, "Bea Costa")])]).await.finish();
    assert_eq!(service.stop().await, 0);
    service.start().await;
    let siblings = [
        sibling("after", [assigned("SD-1202", 5)]).never(BEA).says("Bea Costa").messages(1, "SD-1202"),
        sibling("another-name", [settled(), by("SD-1203", 1203, "Bea Lima"), settled(), assigned("SD-1204", 6)])
            .never(BEA)
            .says("Bea Lima"),
    ];
    play(&service, &siblings).await.finish();
}
