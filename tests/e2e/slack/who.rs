//! Who may do what.

use serde_json::json;

use super::workspace::*;
use crate::support::{Service, states};

const NO: &str = "Only members of this workspace can do that";
const NOT_MEMBER: &str = "Only members of the team can";

/// Writes into a store that is in use.
fn store(service: &Service, sql: &str) {
    service.change(sql);
}

#[tokio::test]
async fn strangers_read_and_change_nothing() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("subscribe = \"anyone\"")).await;
    assert!(command(&service, BO, "subscribe acme/kept merged").await.contains("from now on"));
    assert!(command(&service, BO, "mute tickets").await.contains("is muted"));
    for id in [GUEST, STRANGER, BOT] {
        for text in [
            "list",
            "why",
            "why DATA-123",
            "mute notes",
            "unmute tickets",
            "subscribe acme/x merged",
            "unsubscribe kept-merged",
        ] {
            let said = command(&service, id, text).await;
            assert!(said.contains(NO) && !said.contains("notes"), "{id}: {text}: {said}");
        }
    }
    let (_, mutes, _) = service.run(&["mute"]).await;
    let (_, subscriptions, _) = service.run(&["subscriptions"]).await;
    assert!(mutes.lines().count() == 1 && mutes.contains("rule tickets"), "{mutes}");
    assert!(subscriptions.lines().count() == 1 && subscriptions.contains("@kept-merged"), "{subscriptions}");
}

#[tokio::test]
async fn members_are_known_by_id_by_address_and_by_what_slack_has_said() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("subscribe = \"members\"")).await;
    let said = command(&service, NIA, "subscribe acme/nia merged").await;
    assert!(said.contains(NOT_MEMBER), "nobody has said yet who she is: {said}");
    store(
        &service,
        &format!(
            "INSERT INTO contact (login, name, slack, slack_at) VALUES ('nia-b', 'Nia B.', '{NIA}', unixepoch() * 1000)"
        ),
    );
    for (id, repo) in [(BO, "bo"), (MIA, "mia"), (NIA, "nia")] {
        let said = command(&service, id, &format!("subscribe acme/{repo} merged")).await;
        assert!(said.contains("from now on"), "{repo}: {said}");
    }
    assert!(command(&service, LI, "unsubscribe bo-merged").await.contains(NOT_MEMBER));
    assert!(command(&service, MIA, "unsubscribe bo-merged").await.contains("The subscription @bo-merged is ended"));
}

#[tokio::test]
async fn where_nobody_may_subscribe_members_end_what_there_is() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    for name in ["@a", "@b"] {
        store(
            &service,
            &format!(
                "INSERT INTO subscription (team, name, destination, repo, kinds, made_by, made_at)
                 VALUES ('web', '{name}', 'slack:#web', 'acme/x', '[\"push\"]', 'Li', 1)"
            ),
        );
    }
    assert!(command(&service, LI, "unsubscribe a").await.contains(NOT_MEMBER));
    let (_, out, _) = service.run(&["subscriptions"]).await;
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(command(&service, BO, "unsubscribe a").await.contains("The subscription @a is ended"));
    let (_, out, _) = service.run(&["subscriptions"]).await;
    assert!(out.lines().count() == 1 && out.contains("@b"), "{out}");
}

/// Another workspace of the same organization may have a channel of the same name.
#[tokio::test]
async fn a_sister_workspace_has_channels_of_its_own() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    assumed(&service, "d-1", "ids are unique").await;
    let theirs = command_in(&service, ("C9", "web"), SIA, "list").await;
    assert!(theirs.contains("No team's messages go to this channel"), "{theirs}");
    let shared = command_in(&service, ("C1", "web"), SIA, "list").await;
    assert!(shared.contains("notes: note.*"), "the channel is ours, by its id: {shared}");
    assert!(press(&service, &slack, SIA, ("mute", &slack.button("mute"))).await.to_string().contains("is muted"));
}

#[tokio::test]
async fn what_is_changed_is_written_down_with_the_id() {
    let slack = Slack::new().await;
    let mut service = Service::new(TEAM, &slack.config("subscribe = \"anyone\""));
    service.configure("server", "console = true\n");
    service.start().await;
    assumed(&service, "d-1", "ids are unique").await;
    command(&service, LI, "subscribe acme/x merged").await;
    command(&service, LI, "mute notes").await;
    press(&service, &slack, LI, ("agree", &slack.button("agree"))).await;
    let object = slack.button("object");
    hand_in(&service, LI, (&object, "They are not.")).await;
    let page = service.get("/audit").await.text().await.unwrap();
    assert_eq!(page.matches("Li (U4)").count(), 4, "{page}");
    for args in ["subscriptions", "mute"] {
        let (_, out, _) = service.run(&[args]).await;
        assert!(out.contains("by Li (U4)"), "{out}");
    }
}

#[tokio::test]
async fn one_of_several_assumptions_is_chosen() {
    let slack = Slack::new().await;
    let service = Service::started(&TEAM.replace("0s", "1s"), &slack.config("")).await;
    let both = crate::support::commented("/assume ids are unique\n/assume times are in UTC");
    assert_eq!(states(&service.github_settled("issue_comment", "d-1", &both).await), ["sent", "sent"]);
    assert_eq!(slack.at("/chat.postMessage").len(), 1, "one message tells of both");
    let view = press(&service, &slack, LI, ("object", &slack.button("object"))).await;
    let choice = view["blocks"].as_array().unwrap().iter().find(|block| block["block_id"] == "line").unwrap();
    let options = choice["element"]["options"].as_array().unwrap();
    let text = |at: usize| options[at]["text"]["text"].as_str().unwrap();
    assert_eq!((options.len(), text(0), text(1)), (2, "ids are unique", "times are in UTC"));
    let token = view["private_metadata"].as_str().unwrap();
    let chosen = options[1]["value"].as_str().unwrap();
    let said = hand_in_chosen(&service, LI, (token, "They are local."), Some(chosen)).await;
    assert!(said.contains("You objected"), "{said}");
    let said = hand_in_chosen(&service, LI, (token, "They are local."), Some("99.1")).await;
    assert!(!said.contains("You objected"), "{said}");
    let objected = async || {
        let lines = service.ledger().await;
        let of = lines.iter().filter(|line| line["reason"].as_str().unwrap().contains("objected in Slack"));
        let ids = of.map(|line| line["id"].clone()).collect::<Vec<_>>();
        (!ids.is_empty()).then_some(ids)
    };
    assert_eq!(crate::support::eventually("the ledger tells of it", objected).await, [json!(chosen)]);
}

#[tokio::test]
async fn many_objections_are_one_too_many() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    assumed(&service, "d-1", "ids are unique").await;
    let object = slack.button("object");
    for number in 0..5 {
        assert!(hand_in(&service, LI, (&object, &format!("No, {number}"))).await.contains("You objected"));
    }
    let said = hand_in(&service, LI, (&object, "No, again")).await;
    assert!(said.contains("isn't kept") && !said.contains("thread"), "the thread has the same limit: {said}");
}
