//! Whose doing something is: a comment of ours comes back as a webhook, and nobody answers to it; and what machines do.

use serde_json::json;

use crate::support::{Listener, Service, commented, merged, states};

const TEAM: &str = "team = \"web\"\nto = [\"github\"]\nsettle = \"0s\"\nown = true\nbots = true\n\
    [[rule]]\nname = \"comments\"\non = [\"*.commented\", \"note.*\"]\n";

#[tokio::test]
async fn a_rule_about_comments_does_not_answer_to_its_own() {
    let api = Listener::new(vec![(201, json!({ "id": 7 })); 3]).await;
    let mut service = Service::new(TEAM, "");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let access = format!("[github]\napi_url = \"{}\"\ntoken = \"hunter2\"\n", api.url);
    service.write("microalign.toml", &config.replace("[github]\n", &access));
    service.start().await;
    let lines =
        service.github_settled("issue_comment", "d-1", &commented("Shall we merge it?\n\n/delay to Monday")).await;
    assert!(states(&lines).iter().all(|state| *state == "sent"), "{lines:?}");
    let said = api.requests();
    let said = said.iter().map(|request| request.body["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(said.iter().any(|text| text.contains("Shall we merge it?")), "{said:?}");

    for (index, text) in said.iter().enumerate() {
        for action in ["created", "edited"] {
            let mut back = commented(text);
            back["action"] = json!(action);
            let delivery = format!("back-{index}-{action}");
            let answer = service.github("issue_comment", &delivery, &back).await;
            assert_eq!(answer.body["status"], "ignored", "{text}");
        }
    }
    service.idle().await;
    assert_eq!(api.requests().len(), said.len());
    let (_, out, _) = service.run(&["ledger", "--state", "ignored"]).await;
    assert!(out.contains("our own comment: nothing answers to it"), "{out}");
}

#[tokio::test]
async fn facts_are_told_whoever_pressed_the_key_and_chatter_is_not() {
    let rules = "team = \"web\"\nmembers = [\"bo\"]\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"*\"]\n\
                 after = \"5d\"\nown = false\n";
    let service = Service::started(rules, "").await;
    let bot = json!({ "login": "github-actions[bot]", "type": "Bot" });
    let released = json!({
        "action": "published", "repository": { "full_name": "acme/ingest-api", "private": false }, "sender": bot,
        "release": { "id": 7, "tag_name": "v2", "name": "v2", "draft": false, "prerelease": false, "author": bot },
    });
    assert_eq!(states(&service.github_settled("release", "d-1", &released).await), ["sent"]);
    let mut said = commented("All green.");
    said["comment"]["user"] = bot.clone();
    said["sender"] = bot.clone();
    let chatter = service.github_settled("issue_comment", "d-2", &said).await;
    assert_eq!(chatter[0]["reason"], "the actor github-actions[bot] is a bot");
    let raised = |author: &str, by: serde_json::Value, number: u64| {
        let mut body = merged(number);
        body["pull_request"]["user"] = json!({ "login": author, "type": if author == "bo" { "User" } else { "Bot" } });
        body["sender"] = by;
        body
    };
    let queue = json!({ "login": "github-merge-queue[bot]", "type": "Bot" });
    let cy = json!({ "login": "cy", "type": "User" });
    let table = [
        (raised("bo", queue.clone(), 11), "suppressed", "bo is a member of web: not news to them"),
        (raised("Copilot", cy.clone(), 12), "sent", ""),
        (
            raised("Copilot", json!({ "login": "bo", "type": "User" }), 13),
            "suppressed",
            "bo is a member of web: not news to them",
        ),
        (raised("dependabot[bot]", cy, 14), "suppressed", "the author dependabot[bot] is a bot"),
    ];
    for (index, (body, state, reason)) in table.into_iter().enumerate() {
        let lines = service.github_settled("pull_request", &format!("p-{index}"), &body).await;
        assert_eq!(states(&lines), [state], "{lines:?}");
        assert!(reason.is_empty() || lines[0]["reason"] == reason, "{lines:?}");
    }
}
