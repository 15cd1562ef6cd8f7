//! A comment of ours comes back as a webhook, and nobody answers to it.

use serde_json::json;

use crate::support::{Listener, Service, commented, states};

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
