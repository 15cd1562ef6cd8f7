//! What is not said, and the reason that the ledger has for it.

use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, pull_request, read_mail, states, ticket};

fn team(more: &str) -> String {
    format!("team = \"web\"\nmembers = [\"bo\"]\nto = [\"email:web@example.com\"]\n{more}")
}

fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["reason"].as_str().unwrap()).collect()
}

fn texts(service: &Service) -> Vec<String> {
    service.mails().iter().map(|raw| read_mail(raw).body_text(0).unwrap().into_owned()).collect()
}

#[tokio::test]
async fn a_milestone_is_told_once() {
    let rule = "settle = \"0s\"\n[[rule]]\nname = \"opened\"\non = [\"pull_request.opened\"]\n";
    let service = Service::started(&team(rule), "").await;
    let opened = pull_request("opened", 7, json!({}));
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &opened).await), ["sent"]);
    let again = service.github_settled("pull_request", "d-2", &opened).await;
    assert_eq!(states(&again), ["suppressed"]);
    assert_eq!(reasons(&again), ["web was told of pull_request.opened before"]);
    assert_eq!(service.mails().len(), 1);
}

#[tokio::test]
async fn a_label_that_comes_late_is_not_too_late() {
    let rule =
        "settle = \"0s\"\n[[rule]]\nname = \"contract\"\non = [\"pull_request.opened\"]\nlabels = [\"contract\"]\n";
    let service = Service::started(&team(rule), "").await;
    let opened = pull_request("opened", 7, json!({ "labels": [] }));
    let before = service.github_settled("pull_request", "d-1", &opened).await;
    assert_eq!(reasons(&before), ["no rule matched"]);
    let labeled = pull_request("labeled", 7, json!({ "labels": [{ "name": "contract" }] }));
    let after = service.github_settled("pull_request", "d-2", &labeled).await;
    assert_eq!((states(&after), &after[0]["kind"]), (vec!["sent"], &json!("pull_request.opened")));
    assert!(texts(&service)[0].contains("ana opened a PR"), "{:?}", texts(&service));
    let again = service.github_settled("pull_request", "d-3", &labeled).await;
    assert_ne!(states(&again), ["sent"]);
    assert_eq!(service.mails().len(), 1);
}

const MILESTONES: &str = r#"
[[rule]]
name = "work"
on = ["pull_request.draft", "pull_request.ready", "pull_request.merged"]
"#;

#[tokio::test]
async fn of_a_burst_only_the_last_is_told() {
    let service = Service::started(&team(&format!("settle = \"2s\"\n{MILESTONES}")), "").await;
    service.github("pull_request", "d-1", &pull_request("opened", 7, json!({ "draft": true }))).await;
    service.github("pull_request", "d-2", &pull_request("ready_for_review", 7, json!({}))).await;
    service.github("pull_request", "d-3", &merged(7)).await;
    assert_eq!(states(&service.settled("d-3").await), ["sent"]);
    let (draft, ready) = (service.settled("d-1").await, service.settled("d-2").await);
    assert_eq!((states(&draft), states(&ready)), (vec!["superseded"], vec!["superseded"]));
    assert_eq!(reasons(&draft), ["pull_request.ready came before it was sent, and says more"]);
    assert_eq!(reasons(&ready), ["pull_request.merged came before it was sent, and says more"]);
    let texts = texts(&service);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("merged") && !texts[0].contains("draft"), "{texts:?}");
}

#[tokio::test]
async fn nobody_hears_of_a_draft_after_its_merge() {
    let service = Service::started(&team(&format!("settle = \"0s\"\n{MILESTONES}")), "").await;
    let late = json!({ "draft": true, "updated_at": "2026-01-05T10:00:00Z" });
    let merged = json!({ "state": "closed", "merged": true, "updated_at": "2026-01-05T10:05:00Z" });
    let merge = service.github_settled("pull_request", "d-2", &pull_request("closed", 7, merged)).await;
    assert_eq!(states(&merge), ["sent"]);
    let draft = service.github_settled("pull_request", "d-1", &pull_request("opened", 7, late)).await;
    assert_eq!(states(&draft), ["suppressed"]);
    assert_eq!(reasons(&draft), ["it came late: acme/ingest-api#7 is merged since"]);
    assert!(texts(&service).iter().all(|text| !text.contains("draft")), "{:?}", texts(&service));
}

#[tokio::test]
async fn bots_and_own_actions_are_no_news_unless_a_team_says_so() {
    let rules = format!("settle = \"0s\"\n{MILESTONES}");
    let mut service = Service::new(&team(&rules), "");
    service.write("rules/curious.toml", &team(&rules).replacen("\"web\"", "\"curious\"\nown = true\nbots = true", 1));
    service.start().await;
    for (number, sender, reason) in [
        (1, json!({ "login": "Bo", "type": "User" }), "Bo is a member of web: not news to them"),
        (2, json!({ "login": "renovate[bot]", "type": "Bot" }), "the actor renovate[bot] is a bot"),
    ] {
        let mut body = merged(number);
        body["sender"] = sender.clone();
        body["pull_request"]["user"] = sender;
        let lines = service.github_settled("pull_request", &format!("d-{number}"), &body).await;
        let of = |team: &str| lines.iter().find(|line| line["team"] == team).unwrap().clone();
        assert_eq!((&of("web")["state"], &of("web")["reason"]), (&json!("suppressed"), &json!(reason)));
        assert_eq!(of("curious")["state"], "sent");
    }
    assert_eq!(service.mails().len(), 2);
}

#[tokio::test]
async fn a_jira_comment_that_comes_twice_is_told_once() {
    let rule = "settle = \"0s\"\n[[rule]]\nname = \"comments\"\non = [\"ticket.commented\"]\n";
    let service = Service::started(&team(rule), "").await;
    let comment = json!({
        "id": "10019",
        "self": "https://acme.atlassian.net/rest/api/2/issue/10042/comment/10019",
        "author": { "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" },
        "body": "The ids are in.",
        "created": "2025-12-29T09:20:00.000+0000",
        "updated": "2025-12-29T09:20:00.000+0000",
    });
    let mut created = ticket("In Progress", "indeterminate", json!([]));
    created["comment"] = comment;
    let mut updated = created.clone();
    created["webhookEvent"] = json!("comment_created");
    updated["issue_event_type_name"] = json!("issue_commented");
    assert_eq!(states(&service.jira_settled("j-1", &created).await), ["sent"]);
    let again = service.jira_settled("j-2", &updated).await;
    assert_eq!(states(&again), ["suppressed"]);
    assert_eq!(reasons(&again), ["delivery j-1 reported it already"]);
    let texts = texts(&service);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("The ids are in."), "{texts:?}");
}

#[tokio::test]
async fn what_two_rules_say_of_a_state_at_different_times_is_said_once_at_a_place() {
    let rules = r#"
[[rule]]
name = "heads-up"
on = ["pull_request.merged"]
settle = "0s"

[[rule]]
name = "work"
on = ["pull_request.merged"]
to = ["email:web@example.com", "email:board@example.com"]
settle = "1s"

[[rule]]
name = "slow"
on = ["pull_request.*"]
settle = "2s"
"#;
    let service = Service::started(&team(rules), "").await;
    let lines = service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(states(&lines), ["sent", "sent", "suppressed"]);
    assert_eq!(reasons(&lines)[2], "web was told of it before, by its rule `heads-up`");
    let to = |mail: &Vec<u8>| read_mail(mail).to().unwrap().first().unwrap().address().unwrap().to_owned();
    let mut told = service.mails().iter().map(to).collect::<Vec<_>>();
    told.sort();
    assert_eq!(told, ["board@example.com", "web@example.com"]);
}

#[tokio::test]
async fn a_rule_that_wants_one_in_a_while_gets_one_message_of_two_that_came_within_a_moment() {
    let rule = "settle = \"2s\"\nevery = \"3d\"\n[[rule]]\nname = \"work\"\non = [\"pull_request.opened\", \
                \"pull_request.pushed\"]\n";
    let service = Service::started(&team(rule), "").await;
    service.github("pull_request", "d-1", &pull_request("opened", 7, json!({}))).await;
    service.github("pull_request", "d-2", &pull_request("synchronize", 7, json!({}))).await;
    assert_eq!(states(&service.settled("d-1").await), ["sent"]);
    eventually("the push is told or waits for its window", async || {
        let ledger = service.ledger().await;
        let line = ledger.into_iter().find(|line| line["delivery"] == "d-2")?;
        (line["state"] == "sent" || line["reason"].to_string().contains("`every`")).then_some(line)
    })
    .await;
    assert_eq!(service.mails().len(), 1);
}
