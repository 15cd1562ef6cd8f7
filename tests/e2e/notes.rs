//! Notes: told once, told again when they are edited, not told when they are taken back.

use serde_json::{Value, json};

use crate::support::{Service, commented, eventually, read_mail, ticket};

fn team(settle: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"{settle}\"\n\
         [[rule]]\nname = \"notes\"\non = [\"note.*\"]\n"
    )
}

/// A comment that was edited, or deleted.
fn changed(action: &str, before: &str, now: &str) -> Value {
    let mut body = commented(now);
    body["action"] = json!(action);
    if action == "edited" {
        body["changes"] = json!({ "body": { "from": before } });
    }
    body
}

fn texts(service: &Service) -> Vec<String> {
    service.mails().iter().map(|raw| read_mail(raw).body_text(0).unwrap().into_owned()).collect()
}

/// What the ledger says of the notes of a delivery, once there is something.
async fn notes(service: &Service, delivery: &str) -> Vec<(String, String)> {
    let found = async || {
        let lines = service.ledger().await;
        let lines = lines.iter().filter(|line| line["delivery"] == delivery && line["rule"] == "notes");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found: Vec<_> = lines.map(|line| (text(&line["state"]), text(&line["reason"]))).collect();
        (!found.is_empty()).then_some(found)
    };
    eventually(&format!("{delivery} is in the ledger"), found).await
}

fn line(state: &str, reason: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), reason.to_owned())]
}

#[tokio::test]
async fn while_a_note_waits_its_newest_words_replace_the_others() {
    let service = Service::started(&team("1h"), "").await;
    let settles = line("held", "the rule matched; it settles for 3600s");
    service.github("issue_comment", "d-1", &commented("/assume a\n/delay c")).await;
    assert_eq!(notes(&service, "d-1").await, [settles.clone(), settles.clone()].concat());
    service.github("issue_comment", "d-2", &changed("edited", "/assume a\n/delay c", "/assume b\n/delay c")).await;
    assert_eq!(notes(&service, "d-2").await, settles);
    let edited = line("superseded", "its author edited it");
    assert_eq!(notes(&service, "d-1").await, [edited, settles.clone()].concat(), "only what was edited");

    service.github("issue_comment", "d-3", &changed("edited", "/assume b\n/delay c", "/assume a\n/delay c")).await;
    assert_eq!(notes(&service, "d-3").await, settles, "the first words again are news again");

    service.github("issue_comment", "d-4", &changed("deleted", "", "/assume a\n/delay c")).await;
    let back = line("suppressed", "its author took it back");
    assert_eq!(notes(&service, "d-4").await, [back.clone(), back.clone()].concat());
    assert_eq!(notes(&service, "d-3").await, back);
    assert_eq!(notes(&service, "d-1").await[1], back[0]);
    assert!(service.ledger().await.iter().all(|line| line["state"] != "held"));
    assert!(service.mails().is_empty());
}

#[tokio::test]
async fn a_note_that_was_sent_is_sent_again_with_its_new_words_and_not_taken_back() {
    let service = Service::started(&team("0s"), "").await;
    service.github_settled("issue_comment", "d-1", &commented("/assume a")).await;
    service.github_settled("issue_comment", "d-2", &changed("edited", "/assume a", "Sorry.\n/assume b")).await;
    let sent = texts(&service);
    assert_eq!(sent.len(), 2);
    assert!(sent[0].contains("> a") && !sent[0].contains("(edited)"), "{sent:?}");
    assert!(sent[1].contains("is assuming (edited):") && sent[1].contains("> b"), "{sent:?}");

    let typo = changed("edited", "Sorry.\n/assume b", "Pardon.\n/assume b");
    assert_eq!(service.github("issue_comment", "d-3", &typo).await.body["status"], "accepted");
    service.github_settled("issue_comment", "d-4", &changed("deleted", "", "/assume b")).await;
    assert_eq!(notes(&service, "d-4").await, line("suppressed", "its author took it back"));
    assert_eq!(service.mails().len(), 2);
}

/// A comment of Jira's, which is never said to have been something else before.
fn jira_comment(event: &str, words: &str, minute: u32) -> Value {
    let mut body = ticket("In Progress", "indeterminate", json!([]));
    body["webhookEvent"] = json!(event);
    body["comment"] = json!({
        "id": "10019",
        "self": "https://acme.atlassian.net/rest/api/2/issue/10042/comment/10019",
        "author": { "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" },
        "body": words,
        "created": "2025-12-29T09:20:00.000+0000",
        "updated": format!("2025-12-29T09:{minute}:00.000+0000"),
    });
    body
}

#[tokio::test]
async fn an_edit_in_jira_is_told_by_what_is_known_of_the_comment() {
    let service = Service::started(&team("0s"), "").await;
    service.jira_settled("j-1", &jira_comment("comment_created", "/assume a\n/delay c", 20)).await;
    service.jira_settled("j-2", &jira_comment("comment_updated", "/assume b\n/delay c", 21)).await;
    let mut again = jira_comment("jira:issue_updated", "/assume b\n/delay c", 21);
    again["issue_event_type_name"] = json!("issue_comment_edited");
    service.jira_settled("j-3", &again).await;
    service.jira_settled("j-4", &jira_comment("comment_updated", "/assume a", 22)).await;
    service.jira_settled("j-5", &jira_comment("comment_deleted", "/assume a", 22)).await;
    let sent = texts(&service);
    let quoted = |text: &String| text.lines().find(|line| line.starts_with("> ")).map(str::to_owned);
    let edited: Vec<_> = sent.iter().map(|text| (quoted(text).unwrap(), text.contains("(edited)"))).collect();
    let note = |text: &str, edited| (format!("> {text}"), edited);
    assert_eq!(edited, [note("a", false), note("c", false), note("b", true), note("a", true)]);
    let back = line("suppressed", "its author took it back");
    assert_eq!(notes(&service, "j-4").await[1..], back, "the line that is gone");
    assert_eq!(notes(&service, "j-5").await, back);
}

#[tokio::test]
async fn a_commit_says_its_trailer_once_wherever_it_goes() {
    let service = Service::started(&team("0s"), "").await;
    let push = |branch: &str, id: &str| {
        json!({
            "ref": format!("refs/heads/{branch}"),
            "after": id,
            "commits": [{
                "id": id,
                "message": "Write ids\n\nFor DATA-123.\n\nMicroalign-Assumed: ids are\n  never reused\n",
                "url": format!("https://github.com/acme/ingest-api/commit/{id}"),
                "author": { "name": "Ana Silva", "username": "ana" },
            }],
            "repository": { "full_name": "acme/ingest-api", "html_url": "https://github.com/acme/ingest-api" },
            "sender": { "login": "ana", "type": "User" },
        })
    };
    service.github_settled("push", "d-1", &push("order-ids", "aa")).await;
    service.github_settled("push", "d-2", &push("main", "bb")).await;
    assert_eq!(notes(&service, "d-2").await, line("suppressed", "delivery d-1 reported it already"));
    let sent = texts(&service);
    assert_eq!(sent.len(), 1);
    for part in ["Ana Silva", "> ids are never reused", "/commit/aa", "DATA-123"] {
        assert!(sent[0].contains(part), "{part} is missing in {}", sent[0]);
    }
}

#[tokio::test]
async fn a_note_that_comes_after_its_own_edit_is_not_told_in_its_old_words() {
    let service = Service::started(&team("0s"), "").await;
    service.github_settled("issue_comment", "d-2", &changed("edited", "/assume a", "/assume b")).await;
    service.github("issue_comment", "d-1", &commented("/assume a")).await;
    let late = line("suppressed", "it came late: its author has edited it since");
    assert_eq!(notes(&service, "d-1").await, late);
    assert_eq!(service.mails().len(), 1);
    service.github_settled("issue_comment", "d-3", &changed("edited", "/assume b", "/assume b\n/assume a")).await;
    assert_eq!(service.mails().len(), 2, "they are said again");
}
