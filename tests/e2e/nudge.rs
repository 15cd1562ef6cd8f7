//! The comment on a pull request that says who hears of it.

use serde_json::{Value, json};

use crate::support::{Hub, Service, eventually, pull_request};

/// Teams that hear of merges: one by files, one of everything; the author is in the latter.
fn teams(service: &Service) {
    let team = |name: &str, more: &str, rule: &str| {
        format!(
            "team = \"{name}\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n{more}\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n{rule}\n"
        )
    };
    service.write("rules/data.toml", &team("data", "", "paths = [\"schemas/**\"]"));
    service.write("rules/web.toml", &team("web", "members = [\"ana\"]\nown = true", ""));
    service.write("rules/docs.toml", &team("docs", "owns = [\"docs/**\"]", "touches_owned = true"));
    let listens = "team = \"all\"\nto = [\"mailbox\"]\nsettle = \"0s\"\nbots = true\n[[rule]]\nname = \"said\"\n\
                   on = [\"pull_request.commented\", \"note.*\"]\n";
    service.write("rules/all.toml", listens);
}

async fn service(hub: &Hub) -> Service {
    let mut service = Service::new("team = \"x\"\nto = [\"mailbox\"]\n", &format!("{}nudge = true\n", hub.token()));
    teams(&service);
    service.start().await;
    service
}

/// A pull request of Ana's, with fields replaced.
fn pull(number: u64, private: bool, more: &Value) -> Value {
    let repo = json!({ "full_name": "acme/ingest-api", "private": private, "default_branch": "main" });
    let mut pull = json!({
        "number": number, "title": "Change DATA-7", "state": "open", "draft": false, "merged": false,
        "html_url": format!("https://github.com/acme/ingest-api/pull/{number}"), "body": "For DATA-9.", "labels": [],
        "user": { "login": "ana", "type": "User" },
        "base": { "ref": "main", "sha": "0".repeat(40), "repo": repo },
        "head": { "ref": "x", "sha": "1".repeat(40), "repo": repo },
    });
    for (key, value) in more.as_object().unwrap() {
        pull[key] = value.clone();
    }
    pull
}

fn put(hub: &Hub, number: u64, (private, files): (bool, &[&str]), more: &Value) {
    let mut state = hub.state();
    let name = ("acme/ingest-api".to_owned(), number);
    state.pulls.insert(name.clone(), pull(number, private, more));
    state.changed.insert(name, files.iter().map(|file| (*file).to_owned()).collect());
}

/// A webhook about it, and then until it was looked at.
async fn look(hub: &Hub, service: &Service, number: u64, delivery: &str) {
    let pulls = |state: &crate::support::HubState| {
        let of = |(method, path, _): &&(String, String, Value)| {
            method == "GET" && path.ends_with(&format!("/pulls/{number}"))
        };
        state.asked.iter().filter(of).count()
    };
    let before = pulls(&hub.state());
    service
        .github_settled("pull_request", delivery, &pull_request("edited", number, json!({ "title": delivery })))
        .await;
    eventually("it is looked at", async || (pulls(&hub.state()) > before).then_some(())).await;
}

fn texts(hub: &Hub) -> Vec<String> {
    hub.state().comments.values().map(|(.., text)| text.clone()).collect()
}

#[tokio::test]
async fn one_comment_says_who_hears_and_changes_with_the_pull_request() {
    let hub = Hub::new().await;
    let mut service = service(&hub).await;
    put(&hub, 7, (true, &["schemas/a.sql", "src/x.rs"]), &json!({}));
    look(&hub, &service, 7, "d-1").await;
    let text = eventually("there is a comment", async || texts(&hub).first().cloned()).await;
    insta::assert_snapshot!(text);
    // It comes back as webhooks, and isn't news to anybody, nor a note.
    let mut comment = crate::support::commented(&text);
    comment["comment"]["user"] = json!({ "login": "microalign[bot]", "type": "Bot" });
    for (delivery, action) in [("c-1", "created"), ("c-2", "edited"), ("c-3", "deleted")] {
        comment["action"] = json!(action);
        let lines = service.github("issue_comment", delivery, &comment).await;
        assert_eq!(lines.body["status"], "ignored", "{action}");
    }
    // It is edited, also after a restart.
    service.kill().await;
    service.start().await;
    put(&hub, 7, (true, &["schemas/a.sql", "docs/x.md"]), &json!({}));
    look(&hub, &service, 7, "d-2").await;
    eventually("both are named", async || texts(&hub)[0].contains("`data` and `docs` are told").then_some(())).await;
    look(&hub, &service, 7, "d-3").await;
    // Nobody hears of it any more.
    put(&hub, 7, (true, &["src/x.rs"]), &json!({}));
    look(&hub, &service, 7, "d-4").await;
    eventually("it goes", async || texts(&hub).is_empty().then_some(())).await;
    put(&hub, 7, (true, &["docs/x.md"]), &json!({}));
    look(&hub, &service, 7, "d-5").await;
    eventually("it comes again", async || (texts(&hub).len() == 1).then_some(())).await;
    // Somebody deletes it: it stays away.
    hub.state().comments.clear();
    put(&hub, 7, (true, &["schemas/a.sql"]), &json!({}));
    look(&hub, &service, 7, "d-6").await;
    let edits = || hub.state().asked.iter().filter(|(method, ..)| method == "PATCH").count();
    eventually("an edit was tried", async || (edits() == 2).then_some(())).await;
    put(&hub, 7, (true, &["docs/x.md"]), &json!({}));
    look(&hub, &service, 7, "d-7").await;
    put(&hub, 8, (true, &[]), &json!({}));
    look(&hub, &service, 8, "d-8").await;
    hub.asked("the next one", |(_, path, _)| path.contains("pulls/8/files")).await;
    let methods = hub
        .state()
        .asked
        .iter()
        .filter(|(_, path, _)| path.contains("comments"))
        .map(|(m, ..)| m.clone())
        .collect::<Vec<_>>();
    assert_eq!(methods, ["GET", "POST", "PATCH", "DELETE", "GET", "POST", "PATCH"]);
}

/// Every kind of pull request, and whether it gets a comment.
#[tokio::test]
async fn who_gets_one_and_what_it_says() {
    let hub = Hub::new().await;
    let service = service(&hub).await;
    let data: &[&str] = &["schemas/a.sql"];
    let bot = json!({ "user": { "login": "renovate[bot]", "type": "Bot" } });
    let dependabot = json!({ "user": { "login": "dependabot", "type": "Bot" } });
    let (both, none): (&[&str], &[&str]) = (&["schemas/a.sql", "docs/x"], &["src/x.rs"]);
    let table = [
        (20, true, data, json!({}), Some("`data` is told about")),
        (21, false, data, json!({}), Some("one other team is told about")),
        (22, false, both, json!({}), Some("2 other teams are told about")),
        (23, true, none, json!({}), None),
        (24, true, data, json!({ "draft": true }), None),
        (25, true, data, bot, None),
        (26, true, data, dependabot, None),
        (27, true, data, json!({ "state": "closed" }), None),
        (28, true, data, json!({ "title": "Revert \"Change it\"" }), Some("`data` is told about")),
        (29, true, data, json!({ "user": null }), None),
    ];
    for (number, private, files, more, expected) in table {
        put(&hub, number, (private, files), &more);
        look(&hub, &service, number, &format!("d-{number}")).await;
        let of = |hub: &Hub| {
            let state = hub.state();
            state.comments.values().find(|comment| comment.1 == number).map(|comment| comment.3.clone())
        };
        match expected {
            Some(expected) => {
                let text = eventually("there is a comment", async || of(&hub)).await;
                assert!(text.contains(expected), "{number}: {text}");
                assert_eq!(text.contains("`data`"), private, "a public repository's readers learn no team's name");
                for word in ["DATA-", "schemas", "merged`", "web"] {
                    assert!(!text.contains(word), "{text}");
                }
            }
            None => {
                // What comes later is done later.
                put(&hub, 99, (true, data), &json!({}));
                look(&hub, &service, 99, &format!("after-{number}")).await;
                hub.asked("the next one's files", |(_, path, _)| path.contains("pulls/99/files")).await;
                assert_eq!(of(&hub), None, "{number}");
            }
        }
    }
}

#[tokio::test]
async fn a_merge_leaves_it_and_a_close_takes_it_away() {
    for (more, left) in [(json!({ "state": "closed", "merged": true }), 1), (json!({ "state": "closed" }), 0)] {
        let hub = Hub::new().await;
        let service = service(&hub).await;
        put(&hub, 7, (true, &["schemas/a.sql"]), &json!({}));
        look(&hub, &service, 7, "d-1").await;
        eventually("there is a comment", async || (texts(&hub).len() == 1).then_some(())).await;
        put(&hub, 7, (true, &["schemas/a.sql"]), &more);
        look(&hub, &service, 7, "d-2").await;
        put(&hub, 8, (true, &["schemas/a.sql"]), &json!({}));
        look(&hub, &service, 8, "d-3").await;
        eventually("the next one", async || hub.state().comments.values().any(|c| c.1 == 8).then_some(())).await;
        assert_eq!(hub.state().comments.values().filter(|comment| comment.1 == 7).count(), left, "{more}");
    }
}

#[tokio::test]
async fn without_the_key_nothing_is_said() {
    let hub = Hub::new().await;
    let mut service = Service::new("team = \"x\"\nto = [\"mailbox\"]\n", &hub.token());
    teams(&service);
    service.start().await;
    put(&hub, 7, (true, &["schemas/a.sql"]), &json!({}));
    service.github_settled("pull_request", "d-1", &pull_request("opened", 7, json!({}))).await;
    assert!(!hub.state().asked.iter().any(|(_, path, _)| path.ends_with("pulls/7")));
}

fn writes(hub: &Hub) -> usize {
    let is_write = |(method, path, _): &&(String, String, Value)| method != "GET" && path.contains("comments");
    hub.state().asked.iter().filter(is_write).count()
}

/// Looks at another pull request, so that what came before is done.
async fn after(hub: &Hub, service: &Service, delivery: &str) {
    put(hub, 99, (true, &["schemas/a.sql"]), &json!({}));
    let files = |hub: &Hub| hub.state().asked.iter().filter(|(_, path, _)| path.contains("pulls/99/files")).count();
    let before = files(hub);
    look(hub, service, 99, delivery).await;
    eventually("the next one's files", async || (files(hub) > before).then_some(())).await;
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_taken_over() {
    let hub = Hub::new().await;
    let service = service(&hub).await;
    put(&hub, 7, (true, &["schemas/a.sql"]), &json!({}));
    // Somebody else's that looks like ours.
    let copy = "<!-- microalign:nudge -->".to_owned();
    hub.state().comments.insert(1, ("acme/ingest-api".to_owned(), 7, "eve".to_owned(), copy));
    hub.state().loses_answers = true;
    look(&hub, &service, 7, "d-1").await;
    eventually("it is written", async || (texts(&hub).len() == 2).then_some(())).await;
    hub.state().loses_answers = false;
    put(&hub, 7, (true, &["schemas/a.sql", "docs/x.md"]), &json!({}));
    look(&hub, &service, 7, "d-2").await;
    eventually("it is edited", async || texts(&hub)[1].contains("`data` and `docs`").then_some(())).await;
    assert_eq!(texts(&hub).len(), 2);
}

#[tokio::test]
async fn one_that_somebody_deleted_stays_away_when_the_draft_is_ready_again() {
    let hub = Hub::new().await;
    let service = service(&hub).await;
    for (delivery, more) in [("d-1", json!({})), ("d-2", json!({ "draft": true })), ("d-3", json!({}))] {
        put(&hub, 7, (true, &["schemas/a.sql"]), &more);
        look(&hub, &service, 7, delivery).await;
        match delivery {
            "d-1" => eventually("there is a comment", async || (!texts(&hub).is_empty()).then_some(())).await,
            "d-2" => hub.asked("it is gone", |(method, ..)| method == "DELETE").await,
            _ => after(&hub, &service, "d-4").await,
        }
        hub.state().comments.retain(|_, comment| comment.1 != 7);
    }
    let posted = |(method, path, _): &&(String, String, Value)| method == "POST" && path.contains("issues/7/");
    assert_eq!(hub.state().asked.iter().filter(posted).count(), 1);
}

#[tokio::test]
async fn nobody_has_us_write_all_the_time() {
    let hub = Hub::new().await;
    let service = service(&hub).await;
    for round in 0..8 {
        put(&hub, 7, (true, &["schemas/a.sql"]), &json!({ "draft": round % 2 == 1 }));
        look(&hub, &service, 7, &format!("d-{round}")).await;
        eventually("it was written, or that waits", async || (writes(&hub) >= 5.min(round + 1)).then_some(())).await;
    }
    after(&hub, &service, "d-9").await;
    eventually("that of another one", async || {
        hub.state().comments.values().any(|comment| comment.1 == 99).then_some(())
    })
    .await;
    assert_eq!(writes(&hub), 6, "five, and one for the other pull request");
}

#[tokio::test]
async fn a_pause_for_comments_is_none_for_messages() {
    let hub = Hub::new().await;
    let service = service(&hub).await;
    hub.state().limits_writers = true;
    put(&hub, 7, (true, &["schemas/a.sql"]), &json!({}));
    look(&hub, &service, 7, "d-1").await;
    hub.asked("it was tried", |(_, path, _)| path.contains("/comments")).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    put(&hub, 8, (true, &["schemas/a.sql"]), &json!({}));
    let mut merge = crate::support::merged(8);
    merge["repository"] = json!({ "full_name": "acme/ingest-api", "private": true });
    let lines = service.github_settled("pull_request", "d-2", &merge).await;
    assert!(lines.iter().any(|line| line["team"] == "data" && line["state"] == "sent"), "{lines:?}");
}

/// A repository with more `.gitattributes` than are read: what is generated never becomes known.
#[tokio::test]
async fn what_is_never_known_keeps_nobody_from_being_named() {
    let hub = Hub::new().await;
    for folder in 0..101 {
        hub.put("acme/ingest-api", &format!("p{folder}/.gitattributes"), "*.x linguist-generated\n");
    }
    let mut service = Service::new("team = \"x\"\nto = [\"mailbox\"]\n", &format!("{}nudge = true\n", hub.token()));
    teams(&service);
    service.write(
        "rules/docs.toml",
        "team = \"docs\"\nto = [\"mailbox\"]\nowns = [\"docs/**\"]\n[[rule]]\nname = \"merged\"\n\
         on = [\"pull_request.merged\"]\ntouches_owned = { generated = false }\n",
    );
    service.start().await;
    for (number, files) in [(7, &["schemas/a.sql"][..]), (8, &["schemas/a.sql", "docs/x.md"])] {
        put(&hub, number, (true, files), &json!({}));
        look(&hub, &service, number, &format!("d-{number}")).await;
        let text = eventually("there is a comment", async || {
            hub.state().comments.values().find(|comment| comment.1 == number).map(|comment| comment.3.clone())
        });
        let text = text.await;
        assert!(text.contains("`data` is told"), "{text}");
    }
    put(&hub, 9, (true, &["docs/x.md"]), &json!({}));
    look(&hub, &service, 9, "d-9").await;
    after(&hub, &service, "d-10").await;
    assert!(!hub.state().comments.values().any(|comment| comment.1 == 9), "nobody is sure to hear of it");
    assert!(!service.log().contains("could not look at a pull request"), "{}", service.log());
}
