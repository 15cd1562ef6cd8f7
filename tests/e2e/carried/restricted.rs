//! What is answered about tickets, and about those with a security level.

use serde_json::{Value, json};

use super::world::*;
use crate::replies::reply;
use crate::support::{eventually, merged, ticket};

fn restricted() -> Value {
    let mut body = ticket(
        "In Progress",
        "indeterminate",
        json!([{ "field": "security", "fieldId": "security", "toString": "Restricted" }]),
    );
    body["issue"]["fields"]["security"] = json!({ "id": "10100", "name": "Restricted" });
    body["timestamp"] = json!(1_767_000_900_000_i64);
    body["issue"]["fields"]["updated"] = json!("2025-12-29T09:35:00.000+0000");
    body
}

fn started() -> Value {
    let change = json!([{ "field": "status", "fieldId": "status", "from": "1", "fromString": "To Do", "to": "3", "toString": "In Progress" }]);
    ticket("In Progress", "indeterminate", change)
}

#[tokio::test]
async fn an_answer_about_a_ticket_goes_into_jira_and_stays_inside() {
    let world = World::new(&team("answers = true")).await;
    world.service.jira_settled("j-1", &started()).await;
    assert_eq!(world.slack(&reply("U2", ONE, "[~admin] {color:red}x{color}")).await, "accepted");
    world.pages.say(&["answered in Slack"]).await;
    let (page, said) = world.pages.said().remove(0);
    assert_eq!(page, "/rest/api/2/issue/DATA-123/comment");
    assert!(said.ends_with("— microalign") && !said.contains("[~admin]") && !said.contains("{color:red}x"), "{said}");
    let internal = json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
    assert_eq!(world.pages.comments.lock().unwrap()[&100].1["properties"], internal);
    // Restricted or not, whoever reads the ticket reads what is written on it.
    world.service.jira_settled("j-2", &restricted()).await;
    world.slack(&edited("U2", ONE, "Plain words", "1700000040.000000")).await;
    world.pages.say(&["Plain words"]).await;
    world.slack(&deleted("U2", ONE)).await;
    world.pages.say(&["was deleted"]).await;
}

#[tokio::test]
async fn what_is_said_of_a_restricted_ticket_goes_to_no_pull_request() {
    let world = World::new(&team("answers = true")).await;
    world.service.jira_settled("j-0", &ticket("To Do", "new", json!([]))).await;
    let lines = world.service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(lines[0]["thread"], "DATA-123", "{lines:?}");
    // It is on its way when the ticket gets a security level.
    world.pages.refuse(503);
    assert_eq!(world.slack(&reply("U2", &now(0), "Secret words")).await, "accepted");
    eventually("it was tried", async || (world.pages.count() == 1).then_some(())).await;
    world.service.jira_settled("j-1", &restricted()).await;
    let withheld = async |count: usize| {
        let lines = world.service.ledger().await;
        let of = lines
            .iter()
            .filter(|line| line["reason"].as_str().unwrap().starts_with("the ticket has a security level: what"));
        (of.count() == count).then_some(())
    };
    eventually("it is held back", async || withheld(1).await).await;
    assert_eq!(world.slack(&reply("U2", &now(1), "More secret words")).await, "accepted");
    eventually("so is the next", async || withheld(2).await).await;
    world.service.idle().await;
    assert_eq!(world.pages.count(), 1, "{:?}", world.pages.said());
}
