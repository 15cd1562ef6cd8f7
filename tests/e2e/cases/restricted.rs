//! A ticket with a security level is its key and its link.

use serde_json::json;

use super::payload::*;
use super::story::{self, Told, on, play, sibling, tell, web};
use crate::jira_api::Api;
use crate::support::Service;

const OUTSIDE: &str = "team = \"outside\"\nto = [\"email:partner@example.org\"]\naudience = \"outside\"\nsettle = \"0s\"\n\
    [[rule]]\nname = \"all\"\non = [\"ticket.*\", \"pull_request.*\", \"note.*\"]\n";

fn secret(number: u64) -> String {
    format!("Customer hush-{number} leaks numbers")
}

/// What is on top of a ticket that nobody may hear of.
fn hushed(number: u64) -> serde_json::Value {
    let mut fields = level();
    let more = json!({
        "summary": secret(number), "description": format!("hush-{number} in full"),
        "assignee": person("77a", &format!("Bea hush-{number}")), "components": [{ "name": format!("hush-{number}") }],
    });
    put(&mut fields, more);
    json!({ "issue": { "fields": fields } })
}

fn open(number: u64) -> serde_json::Value {
    json!({ "issue": { "fields": { "summary": secret(number) } } })
}

#[tokio::test]
async fn a_level_that_was_set_before_hides_all_but_key_and_link() {
    let comment = |key, id: u64, words: &str| jira_comment(key, id, "comment_created", json!(words)).with(hushed(id));
    let named =
        |number, ticket: &str| json!({ "pull_request": { "title": format!("{ticket}: mask numbers of {number}") } });
    let priority = vec![item("priority", Some("Low"), Some("hush-704"))];
    let siblings = [
        sibling("started", [started("DATA-701", 5).with(hushed(701))])
            .never("hush-701")
            .messages(1, "DATA-701")
            .says("acme.atlassian.net/browse/DATA-701"),
        sibling(
            "pull-request-of-it",
            [started("DATA-702", 5).with(hushed(702)), settled(), pull(7020, "opened", 6, named(7020, "DATA-702"))],
        )
        .never("hush-702")
        .says("mask numbers of 7020"),
        sibling("comment", [comment("DATA-703", 703, "hush-703 pays")]).never("hush-703"),
        sibling("change", [changed("DATA-704", 5, priority, json!({})).with(hushed(704))]).never("hush-704"),
        sibling("note", [comment("DATA-705", 705, "/assume hush-705 pays")]).never("hush-705"),
        sibling("created", [ticket("DATA-706", "jira:issue_created", 5, hushed(706))]).never("hush-706"),
        sibling("deleted", [ticket("DATA-707", "jira:issue_deleted", 5, hushed(707))]).never("hush-707"),
        sibling(
            "a-later-webhook-that-has-no-fields",
            [
                started("DATA-708", 5).with(hushed(708)),
                settled(),
                jira_comment("DATA-708", 708, "comment_created", json!("hush-708 pays"))
                    .with(json!({ "issue": { "fields": null } })),
            ],
        )
        .never("hush-708"),
        sibling(
            "level-taken-off",
            [
                started("DATA-709", 5).with(hushed(709)),
                settled(),
                done("DATA-709", 6)
                    .with(json!({ "issue": { "fields": { "summary": "Open fish 709", "security": null } } })),
            ],
        )
        .never("hush-709")
        .says("Open fish 709"),
        sibling("without-a-level", [started("DATA-710", 5).with(open(710))]).says("hush-710"),
    ];
    let rules = on(&["ticket.*", "pull_request.opened", "note.*"]);
    let mut told = play(&story::serve(&[web("0s", &rules), OUTSIDE.to_owned()]).await, &siblings).await;
    for name in ["started", "comment", "change", "note", "created"] {
        let outside = told.states(&format!("{name}/0"), "outside");
        let heard = outside.contains(&"sent");
        told.unless(!heard, format!("{name}: readers outside hear of the ticket"));
    }
    told.finish();
}

#[tokio::test]
async fn a_level_that_is_set_while_an_update_waits_counts_at_once() {
    let siblings = [
        sibling(
            "started",
            [started("DATA-711", 5).with(open(711)), levelled("DATA-711", 6, json!({ "summary": secret(711) }))],
        )
        .never("hush-711"),
        sibling(
            "comment",
            [
                jira_comment("DATA-712", 712, "comment_created", json!("hush-712 pays")),
                levelled("DATA-712", 12, json!({ "summary": secret(712) })),
            ],
        )
        .never("hush-712"),
        sibling(
            "note",
            [
                jira_comment("DATA-713", 713, "comment_created", json!("/assume hush-713 pays")),
                levelled("DATA-713", 12, json!({ "summary": secret(713) })),
            ],
        )
        .never("hush-713"),
        sibling(
            "pull-request-of-it",
            [
                started("DATA-714", 5).with(open(714)),
                pull(7140, "opened", 6, json!({ "pull_request": { "title": "DATA-714: mask numbers" } })),
                levelled("DATA-714", 7, json!({ "summary": secret(714) })),
            ],
        )
        .never("hush-714")
        .says("mask numbers"),
        sibling(
            "created",
            [
                ticket("DATA-715", "jira:issue_created", 5, open(715)),
                levelled("DATA-715", 6, json!({ "summary": secret(715) })),
            ],
        )
        .never("hush-715"),
        sibling(
            "level-comes-first",
            [levelled("DATA-716", 6, json!({ "summary": secret(716) })), started("DATA-716", 5).with(open(716))],
        )
        .never("hush-716"),
    ];
    let rules = on(&["ticket.*", "pull_request.opened", "note.*"]);
    let outside = OUTSIDE.replace("\"0s\"", "\"2s\"");
    tell(&[web("10s", &rules), outside], &siblings).await;
}

#[tokio::test]
async fn a_digest_hides_it_too() {
    let mut several = (0..25).map(|n| started(&format!("DATA-{}", 7300 + n), 5)).collect::<Vec<_>>();
    several.push(started("DATA-7330", 5).with(hushed(7330)));
    several.push(started("DATA-7331", 5).with(open(7331)));
    several.push(levelled("DATA-7331", 6, hushed(7331)["issue"]["fields"].clone()));
    let siblings = [sibling("several", several).never("hush-7330").never("hush-7331").messages(1, "DATA-7300")];
    let team = web("10s", &on(&["ticket.started"]));
    tell(&[team], &siblings).await;
}

#[tokio::test]
async fn a_rule_may_ask_for_more_and_check_says_so() {
    let opened = web("0s", &format!("{}restricted = true\n", on(&["ticket.*"])));
    let service = story::serve(&[format!("owner = \"ana@example.com\"\n{opened}")]).await;
    let siblings = [sibling("started", [started_of(721)]).says("hush-721").messages(1, "DATA-721")];
    let mut told = play(&service, &siblings).await;
    let (_, out, err) = service.run(&["check"]).await;
    told.unless((out.clone() + &err).contains("restricted"), format!("`check` does not say it: {out}{err}"));
    told.finish();
}

fn started_of(number: u64) -> Post {
    started(&format!("DATA-{number}"), 5).with(hushed(number))
}

/// What Jira's API brings of a ticket that no webhook told of.
#[tokio::test]
async fn what_jiras_api_brings_is_hidden_too() {
    let api = Api::new(|asked| match asked.line.split(['?', ' ']).nth(1) {
        Some(path) if path.contains("/issue/DATA-731") => {
            let body = json!({ "id": "10731", "key": "DATA-731", "fields": {
                "summary": secret(731), "issuetype": { "name": "Story" }, "security": { "id": "1", "name": "Restricted" },
                "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } },
            } });
            (200, body)
        }
        _ => (404, json!({ "errorMessages": ["Issue does not exist"] })),
    })
    .await;
    let rule = format!("{}ticket_type = [\"Story\"]\n", on(&["pull_request.opened"]));
    let mut service = Service::new(&web("0s", &rule), "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2-canary\"\n", api.url));
    service.start().await;
    let named = json!({ "pull_request": { "title": "DATA-731: mask numbers" } });
    let siblings = [sibling("named", [pull(731, "opened", 5, named)]).never("hush-731").messages(1, "mask numbers")];
    let mut told: Told = play(&service, &siblings).await;
    let asked = api.asked().iter().map(|asked| asked.line.clone()).collect::<Vec<_>>();
    let of_ticket = asked.iter().find(|line| line.contains("DATA-731")).cloned().unwrap_or_default();
    told.unless(!of_ticket.contains("fields=") || of_ticket.contains("security"), format!("not asked for: {asked:?}"));
    told.finish();
}
