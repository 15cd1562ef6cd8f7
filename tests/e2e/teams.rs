//! The pages about teams, and what came of their rules.

use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, states};
use crate::who::{WEB, service};

async fn page(service: &Service, path: &str) -> (u16, String) {
    let answer = service.get(path).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn api(service: &Service, path: &str) -> Value {
    serde_json::from_str(&page(service, &format!("/api/v1{path}")).await.1).unwrap()
}

#[tokio::test]
async fn the_pages_show_the_same() {
    let mut service = service();
    service.start().await;
    let (status, all) = page(&service, "/teams").await;
    assert_eq!(status, 200);
    for shown in
        ["acme/ingest-*, !acme/ingest-sandbox", "labels: contract", "href=\"/teams/ops\"", "DATA-*", "Deployments"]
    {
        assert!(all.contains(shown), "{shown} is missing in {all}");
    }
    let (_, asked) = page(&service, "/teams?repo=acme%2Fapi&team=&kind=deployment.*").await;
    assert!(asked.contains("ops / deployments") && !asked.contains("web / merged"), "{asked}");
    let found = api(&service, "/who?repo=acme%2Fapi&kind=deployment.*").await;
    assert_eq!(found["rules"].as_array().unwrap().len(), 1);
    assert_eq!(found["rules"][0]["rule"], "deployments");
    // What was asked wrongly is said, on the page that asks.
    let (status, wrong) = page(&service, "/teams?kind=pul.*").await;
    assert!(status == 200 && wrong.contains("isn&#39;t an event") || wrong.contains("isn't an event"), "{wrong}");
    assert_eq!(page(&service, "/teams/nobody").await.0, 404);
    let hostile = "/teams?repo=%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    assert!(!page(&service, hostile).await.1.contains("<script>alert"), "what is asked is shown as text");
}

#[tokio::test]
async fn a_broken_file_is_shown_with_its_problem_in_place() {
    let mut service = service().expecting(&["a file is broken"]);
    service.start().await;
    service.write("rules/team.toml", &WEB.replace("quiet = ", "qiet = "));
    service.loaded(|entry| entry["problems"] != json!(0)).await;
    let shown = eventually("the problem is shown", async || {
        let (_, shown) = page(&service, "/teams/web").await;
        shown.contains("unknown key").then_some(shown)
    });
    let shown = shown.await;
    assert!(shown.contains("The last good version stays in force"), "{shown}");
    let line = shown.split("id=\"L6\"").nth(1).unwrap().split("</li>").next().unwrap();
    assert!(line.contains("qiet") && line.contains("did you mean `quiet`?"), "{line}");
    assert!(shown.contains("bo, li") && shown.contains("<dd>sat</dd>"), "what is in force is as it was: {shown}");
    let team = api(&service, "/teams/web").await;
    assert_eq!((&team["problems"][0]["line"], &team["file"]), (&json!(6), &json!("rules/team.toml")));
    service.write("rules/new.toml", "team = 3\n");
    let listed = async || Some(page(&service, "/teams").await.1).filter(|listed| listed.contains("rules/new.toml"));
    let listed = eventually("a file of which nothing is in force is listed", listed).await;
    assert!(listed.contains("Files that are not in force") && listed.contains("1 problem"), "{listed}");
}

#[tokio::test]
async fn what_came_of_each_rule() {
    let mut service = service();
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(7)).await), ["sent"]);
    let mut own = merged(8);
    own["sender"] = json!({ "login": "bo", "type": "User" });
    own["pull_request"]["user"] = json!({ "login": "bo", "type": "User" });
    assert_eq!(states(&service.github_settled("pull_request", "d-2", &own).await), ["suppressed"]);
    let counted = async || {
        let team = api(&service, "/teams/web").await;
        let numbers = &team["rules"][0]["last_30_days"];
        (numbers["told"] == json!(1) && numbers["suppressed"]["own_doing"] == json!(1)).then_some(team)
    };
    let team = eventually("both are counted", counted).await;
    assert_eq!(team["rules"][2]["last_30_days"]["told"], 0);
    let (_, shown) = page(&service, "/teams/web").await;
    let row = |id: &str| {
        shown.split(&format!("<tr id=\"rule-{id}\"")).nth(1).unwrap().split("</tr>").next().unwrap().to_owned()
    };
    assert!(row("merged").contains("own doing 1") && !row("merged").contains("never fired"), "{shown}");
    assert!(row("releases").contains("never fired"), "{shown}");
}
