//! The weekly summary: what moved, what slipped, and who was never told.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::places::Place;
use crate::support::{Service, commented, eventually, merged, pull_request, read_mail, ticket};

const TEAM: &str = r##"
team = "web"
members = ["bo"]
to = ["mailbox", "slack:#web"]
settle = "0s"
summary = "weekly fri 15:00"
[[rule]]
name = "all"
on = ["pull_request.*", "ticket.*", "note.*"]
object_by = "3d"
"##;
const DAY: i64 = 24 * 60 * 60 * 1000;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// What a clock does in a week, for a service that doesn't run: a summary was due so long ago.
fn was_due(service: &Service, ago: i64) {
    let (due, since) = (now() - ago, now() - ago - 7 * DAY);
    assert_eq!(service.change(&format!("UPDATE summary SET due_at = {due}, since_at = {since}")), 1);
}

async fn slack() -> (Place, String) {
    let mut posts = 0;
    let slack = Place::new(move |_, _| {
        posts += 1;
        (200, json!({ "ok": true, "channel": "C1", "ts": format!("1503435956.00000{posts}") }))
    })
    .await;
    let config = format!("[slack]\ntoken = \"xoxb-1\"\napi_url = \"{}\"\n", slack.url);
    (slack, config)
}

/// The lines of summaries.
async fn summaries(service: &Service) -> Vec<Value> {
    let mut lines = service.ledger().await;
    lines.retain(|line| line["kind"] == "summary");
    lines
}

async fn a_week(service: &Service) {
    service.github_settled("pull_request", "w-1", &pull_request("opened", 7, json!({ "draft": true }))).await;
    service.github_settled("pull_request", "w-2", &pull_request("ready_for_review", 7, json!({}))).await;
    service.github_settled("issue_comment", "w-3", &commented("/assume ids are never reused")).await;
    let status = json!([{ "field": "status", "fromString": "To Do", "toString": "In Progress" }]);
    service.jira_settled("w-4", &ticket("In Progress", "indeterminate", status)).await;
    service.github_settled("pull_request", "w-5", &merged(7)).await;
}

/// By mail and in Slack, with a restart when it is due, and never a second time.
#[tokio::test]
async fn a_summary_that_was_due_while_the_service_was_down_comes_once() {
    let (slack, config) = slack().await;
    let mut service = Service::started(TEAM, &config).await;
    a_week(&service).await;
    let (posts, mails) = (slack.got().len(), service.mails().len());
    service.kill().await;
    was_due(&service, 60 * 60 * 1000);
    service.start().await;
    let sent = async || summaries(&service).await.into_iter().find(|line| line["state"] == "sent");
    let line = eventually("the summary is sent", sent).await;
    assert_eq!((&line["team"], &line["rule"]), (&json!("web"), &json!("@summary")), "{line}");
    assert_eq!(line["sends"].as_array().unwrap().len(), 2, "{line}");

    let mails_now = service.mails();
    let mail = read_mail(mails_now.last().unwrap());
    assert!(mail.subject().unwrap().starts_with("What moved for web, "), "{:?}", mail.subject());
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    assert!(text.contains("DATA-123 “Orders in the v2 schema”"), "{text}");
    assert!(text.contains("merged by ana on "), "{text}");
    assert!(text.contains("moved from To Do to In Progress by Ana Silva on "), "{text}");
    assert!(text.contains("“ids are never reused”, by ana: open, object by "), "{text}");
    assert!(html.contains("<a href=\"https://github.com/acme/ingest-api/pull/7#issuecomment-7001\""), "{html}");

    let (_, post) = slack.got().pop().unwrap();
    let blocks = post["blocks"].to_string();
    assert!(blocks.contains("*What moved*") || blocks.contains("What moved"), "{post}");
    assert!(blocks.contains("https://github.com/acme/ingest-api/pull/7#issuecomment-7001"), "{post}");
    assert!(post["thread_ts"].is_null(), "it is a conversation of its own: {post}");

    // Nobody gets a second one, whatever happens.
    service.kill().await;
    service.start().await;
    service.github_settled("pull_request", "w-6", &pull_request("labeled", 7, json!({}))).await;
    assert_eq!((summaries(&service).await.len(), slack.got().len()), (1, posts + 2));
    assert_eq!(service.mails().len(), mails + 2);
}

#[tokio::test]
async fn a_summary_that_was_due_long_ago_is_left_out_and_the_ledger_says_so() {
    let (_slack, config) = slack().await;
    let mut service = Service::started(TEAM, &config).await;
    a_week(&service).await;
    service.stop().await;
    was_due(&service, DAY);
    service.start().await;
    let line = eventually("the ledger tells of it", async || summaries(&service).await.pop()).await;
    assert_eq!((&line["state"], &line["code"]), (&json!("suppressed"), &json!("summary_late")), "{line}");
    let (_, shown, _) = service.run(&["ledger", "--team", "web"]).await;
    assert!(shown.contains("and the service didn't run"), "{shown}");
}

/// What it would say, before anybody waits a week for it.
#[tokio::test]
async fn a_summary_can_be_looked_at() {
    let (_slack, config) = slack().await;
    let service = Service::started(TEAM, &config).await;
    let (code, shown, _) = service.run(&["summary", "--team", "web"]).await;
    assert_eq!((code, shown.trim()), (0, "Nothing happened that could be summed up, so there would be no summary."));
    a_week(&service).await;
    let (code, shown, errors) = service.run(&["summary", "--team", "web", "--since", "24h"]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(shown.contains("web → mailbox, slack:#web") && shown.contains("merged by ana on "), "{shown}");
    let (code, shown, _) = service.run(&["summary", "--json"]).await;
    let summary: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (code, &summary["reader"], &summary["summary"]["everybody"]),
        (0, &json!("@organisation"), &json!(true))
    );
    assert_eq!(summary["summary"]["assumptions"]["items"][0]["state"], "open", "{shown}");
    let (code, _, errors) = service.run(&["summary", "--team", "wob"]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("there is no team `wob`; did you mean `web`?"), "{errors}");
    assert_eq!(summaries(&service).await, [json!(null); 0], "nothing is sent");
}

/// The organisation's is set in the configuration.
#[tokio::test]
async fn everybodys_summary_comes_too() {
    let config = "[summary]\nat = \"weekly fri 15:00\"\nto = [\"mailbox\"]\ntimezone = \"Europe/Lisbon\"\n";
    let team = TEAM.replace("\"mailbox\", \"slack:#web\"", "\"mailbox\"").replace("summary =", "# ");
    let mut service = Service::started(&team, config).await;
    a_week(&service).await;
    service.stop().await;
    was_due(&service, 1000);
    service.start().await;
    let sent = async || summaries(&service).await.into_iter().find(|line| line["state"] == "sent");
    let line = eventually("the summary is sent", sent).await;
    assert_eq!(line["team"], "@organisation");
    let mails = service.mails();
    let mail = read_mail(mails.last().unwrap());
    let text = mail.body_text(0).unwrap();
    assert!(text.contains("Teams were sent ") && text.contains("merged by ana"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_with_a_summary_is_shown_before_it_is_due() {
    let service = Service::new(
        "team = \"web\"\nsummary = \"friday\"\n",
        "[summary]\nto = [\"github\", \"slack:#all\"]\ntimezone = \"Lisbon\"\n",
    );
    service.write("rules/nowhere.toml", "team = \"nowhere\"\nsummary = \"weekly fri 15:00\"\n");
    let (code, shown, errors) = service.run(&["check"]).await;
    let shown = shown + &errors;
    assert_eq!(code, 1);
    for part in [
        "`friday` isn't a time of the day or the week",
        "it doesn't say when it comes",
        "`Lisbon` isn't a time zone",
        "there is nowhere to send it to: `to` is missing",
        "github",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

/// By its name, as the ledger shows it.
#[tokio::test]
async fn a_summary_can_be_muted_by_a_command() {
    let team = TEAM.replace("\"mailbox\", \"slack:#web\"", "\"mailbox\"");
    let mut service = Service::started(&team, "").await;
    a_week(&service).await;
    let (code, _, errors) = service.run(&["mute", "web/@summary", "--for", "30d"]).await;
    assert_eq!(code, 0, "{errors}");
    service.stop().await;
    was_due(&service, 1000);
    service.start().await;
    let line = eventually("the ledger tells of it", async || summaries(&service).await.pop()).await;
    assert_eq!((&line["state"], &line["code"]), (&json!("suppressed"), &json!("muted")), "{line}");
}
