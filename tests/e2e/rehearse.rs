//! Rules that are tried before they are in force: on what came in, and on one payload at another time.

use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, pull_request, states};

const TEAM: &str = r#"
team = "web"
members = ["bo"]
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "drafts"
on = ["pull_request.draft"]
[[rule]]
name = "merged"
on = ["pull_request.merged"]
"#;

/// A service that took in a draft, its merge, another merge and one by a member; it told of three of them.
async fn told() -> Service {
    let mut service = Service::started(TEAM, "").await;
    let draft = pull_request("opened", 7, json!({ "draft": true }));
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &draft).await), ["sent"]);
    assert_eq!(states(&service.github_settled("pull_request", "d-2", &merged(7)).await), ["sent"]);
    assert_eq!(states(&service.github_settled("pull_request", "d-3", &merged(8)).await), ["sent"]);
    let mut own = merged(9);
    own["sender"] = json!({ "login": "bo", "type": "User" });
    assert_eq!(states(&service.github_settled("pull_request", "d-4", &own).await), ["suppressed"]);
    service.stop().await;
    service
}

/// The one line of `rehearse --json`.
async fn rehearsed(service: &Service, more: &[&str]) -> Value {
    let (code, out, err) = service.run(&[&["rehearse", "--since", "1h", "--json"], more].concat()).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap()
}

fn numbers(told: &Value) -> Value {
    json!([told["had"], told["would"], told["held"], told["superseded"], told["suppressed"]])
}

#[tokio::test]
async fn rules_are_tried_on_what_came_in() {
    let service = told().await;
    let (before, mails) = (service.ledger().await, service.mails().len());
    let same = rehearsed(&service, &[]).await;
    assert_eq!(numbers(&same), json!([3, 3, 0, 0, { "own": 1 }]), "the rules in force lead to what they led to");
    assert_eq!(same["team"], "web");
    let rules = same["rules"].as_array().unwrap();
    assert_eq!((&rules[0]["rule"], numbers(&rules[0])), (&json!("drafts"), json!([1, 1, 0, 0, {}])));
    assert_eq!((&rules[1]["rule"], numbers(&rules[1])), (&json!("merged"), json!([2, 2, 0, 0, { "own": 1 }])));

    std::fs::create_dir(service.path("edited")).unwrap();
    for (edit, expected) in [
        (TEAM.replace("settle = \"0s\"", "settle = \"0s\"\nown = true"), json!([3, 4, 0, 0, {}])),
        (TEAM.replace("pull_request.merged", "release.published"), json!([3, 1, 0, 0, {}])),
        // The draft is replaced by its merge, and the hour is not over.
        (TEAM.replace("\"0s\"", "\"2h\""), json!([3, 0, 2, 1, { "own": 1 }])),
        (TEAM.replace("settle", "budget = \"1/week\"\nsettle"), json!([3, 1, 2, 0, { "own": 1 }])),
    ] {
        service.write("edited/team.toml", &edit);
        assert_eq!(numbers(&rehearsed(&service, &["--rules", "edited"]).await), expected, "{edit}");
    }
    assert_eq!(service.ledger().await, before, "the real store is as it was");
    assert_eq!(service.mails().len(), mails, "nothing is sent");
}

#[tokio::test]
async fn a_team_that_is_renamed_stands_beside_itself() {
    let service = told().await;
    service.write("rules/team.toml", &TEAM.replace("\"web\"", "\"frontend\""));
    let (code, out, err) = service.run(&["rehearse", "--since", "1h"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let rows = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect::<Vec<_>>();
    assert_eq!(rows[0][..2], ["4", "deliveries"], "{out}");
    for row in
        [&["frontend", "0", "3", "0", "0", "0", "0", "1:", "own", "1"][..], &["web", "3", "0", "0", "0", "0", "0", "0"]]
    {
        assert!(rows.iter().any(|got| got == row), "{row:?} is missing in:\n{out}");
    }
    let (code, out, _) = service.run(&["rehearse", "--since", "1h", "--team", "frontend"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("\nmerged ") && out.contains("\ndrafts ") && !out.contains("web"), "{out}");
}

#[tokio::test]
async fn what_cannot_be_rehearsed() {
    let mut service = Service::new(TEAM, "");
    let (code, _, err) = service.run(&["rehearse", "--since", "1h"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("there is no store"), "{err}");
    service.start().await;
    let empty = rehearsed(&service, &[]).await;
    assert_eq!(numbers(&empty), json!([0, 0, 0, 0, {}]), "beside the running service, which took nothing in yet");

    std::fs::create_dir(service.path("edited")).unwrap();
    service.write("edited/team.toml", &TEAM.replace("settle", "setle"));
    for (args, code, said) in [
        (&["--since", "1h", "--rules", "edited"][..], 1, "edited/team.toml:5:1"),
        (&["--since", "1h", "--rules", "nowhere"], 1, "nowhere"),
        (&["--since", "1h", "--team", "nobody"], 1, "there is no team `nobody`"),
        (&["--since", "yesterday"], 2, "--since"),
        (&[], 2, "--since"),
    ] {
        let (got, _, err) = service.run(&[&["rehearse"], args].concat()).await;
        assert_eq!(got, code, "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn the_clock_of_a_rehearsal_is_that_of_the_deliveries() {
    let team = TEAM.replace("settle = \"0s\"", "settle = \"1s\"\nevery = \"2s\"");
    let service = Service::started(&team.replace("pull_request.merged", "pull_request.commented"), "").await;
    // One is told, and the newest of those that come within the two seconds.
    for id in 1..=3 {
        let mut comment = crate::support::commented(&format!("Comment {id}."));
        comment["comment"]["id"] = json!(7000 + id);
        service.github("issue_comment", &format!("d-{id}"), &comment).await;
        if id == 1 {
            service.settled("d-1").await;
        }
    }
    let ledger = service.idle().await;
    let had = ledger.iter().filter(|line| line["state"] == "sent").count();
    let all = eventually("the last message is a second old", async || {
        let told = rehearsed(&service, &[]).await;
        (told["held"] == 0).then_some(told)
    });
    let all = all.await;
    assert_eq!((&all["had"], &all["would"]), (&json!(had), &json!(had)), "{all}");
    assert_eq!(all["superseded"], ledger.len() - had, "{all}");
}

#[tokio::test]
async fn explain_says_when_a_message_would_go() {
    let keys = "settle = \"60s\"\ntimezone = \"Europe/Lisbon\"\nquiet = [\"22:00-08:00\"]";
    let service = Service::new(&TEAM.replace("settle = \"0s\"", keys), "");
    service.write("merged.json", &merged(7).to_string());
    let explain = ["explain", "--source", "github", "--event", "pull_request", "merged.json"];
    let at = async |at: &str| {
        let (code, out, err) = service.run(&[&explain[..], &["--at", at]].concat()).await;
        assert_eq!((code, err.as_str()), (0, ""));
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!words.contains("no web / drafts: would be sent"), "{out}");
        words
    };
    let gap = at("2026-03-29T01:30").await;
    assert!(
        gap.contains("yes web / merged: matches; would be sent Sun 2026-03-29 08:00 WEST (quiet hours end; "),
        "{gap}"
    );
    assert!(gap.contains("the clocks skip 01:30, so it means Sun 2026-03-29 02:30 WEST"), "{gap}");
    let noon = at("2026-03-28T12:00Z").await;
    assert!(noon.contains("would be sent Sat 2026-03-28 12:01 WET (it settles for 60s)"), "{noon}");

    let digest =
        TEAM.replace("on = [\"pull_request.merged\"]", "on = [\"pull_request.merged\"]\ndigest = \"weekly mon 09:00\"");
    service.write("rules/team.toml", &digest);
    let (_, out, _) = service.run(&[&explain[..], &["--at", "2026-03-28T12:00", "--json"]].concat()).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["rules"][0]["at"], Value::Null, "it does not match");
    let goes =
        json!({ "time": "2026-03-30T09:00:00Z", "because": "would be sent Mon 2026-03-30 09:00 UTC (in the digest)" });
    assert_eq!(told["rules"][1]["at"], goes);
    let (_, out, _) = service.run(&[&explain[..], &["--json"]].concat()).await;
    assert!(!out.contains("\"at\""), "only if it is asked: {out}");
    let (code, _, err) = service.run(&[&explain[..], &["--at", "tomorrow"]].concat()).await;
    assert_eq!(code, 2);
    assert!(err.contains("2026-03-29T01:30Z for UTC"), "{err}");
}
