//! What holds for all teams, and named lists: `rules/_defaults.toml`.

use serde_json::{Value, json};

use crate::support::{Service, merged, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
[[rule]]
name = "payments"
on = ["pull_request.merged"]
repo = ["@payments", "!acme/payments-sandbox"]
"#;

const DEFAULTS: &str = r#"
settle = "0s"
template = "ours"
[lists.payments]
repo = ["acme/payments-*"]
"#;

fn of(repository: &str, number: u64) -> Value {
    let mut body = merged(number);
    body["repository"]["full_name"] = json!(repository);
    body["repository"]["id"] = json!(number);
    body["repository"]["name"] = json!(repository.split('/').next_back());
    body
}

async fn settled(service: &Service, repository: &str, number: u64) -> Vec<Value> {
    service.github_settled("pull_request", &format!("d-{number}"), &of(repository, number)).await
}

async fn service(defaults: &str, errors: &'static [&'static str]) -> Service {
    let mut service = Service::new(TEAM, "").expecting(errors);
    service.write("templates/ours.hbs", "Our own words for {{pr.title}}.\n");
    service.write("rules/_defaults.toml", defaults);
    service.start().await;
    service
}

#[tokio::test]
async fn defaults_and_lists_are_in_force_and_a_change_reloads_all_teams() {
    let service = service(DEFAULTS, &[]).await;
    let lines = settled(&service, "acme/payments-api", 1).await;
    assert_eq!(states(&lines), ["sent"]);
    let text = read_mail(&service.mails()[0]).body_text(0).unwrap().into_owned();
    assert!(text.starts_with("Our own words"), "{text}");
    for (number, other) in [(2, "acme/payments-sandbox"), (3, "acme/billing")] {
        assert_eq!(states(&settled(&service, other, number).await), ["suppressed"], "{other}");
    }
    service.write("rules/_defaults.toml", &DEFAULTS.replace("payments-*", "billing"));
    service.loaded(|loaded| loaded["problems"] == 0).await;
    let mut number = 3;
    crate::support::eventually("the new list is in force", async || {
        number += 1;
        (states(&settled(&service, "acme/billing", number).await) == ["sent"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn broken_defaults_leave_the_last_good_ones_in_force() {
    let mut service = service(DEFAULTS, &["a file is broken"]).await;
    service.write("rules/_defaults.toml", &DEFAULTS.replace("\"0s\"", "\"soon\"").replace("payments-*", "billing"));
    service.loaded(|loaded| loaded["problems"] == 1).await;
    assert!(service.log().contains("rules/_defaults.toml:2:10: "), "{}", service.log());
    let metrics = service.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("microalign_broken_files 1"), "{metrics}");
    assert_eq!(states(&settled(&service, "acme/payments-api", 1).await), ["sent"]);
    assert_eq!(states(&settled(&service, "acme/billing", 2).await), ["suppressed"]);
    let (code, _, err) = service.run(&["check"]).await;
    assert!(code == 1 && err.contains("rules/_defaults.toml:2:10"), "{err}");
    service.stop().await;
}

#[tokio::test]
async fn explain_names_the_entry_and_its_list() {
    let service = Service::new(TEAM, "");
    service.write("templates/ours.hbs", "Our own words.\n");
    service.write("rules/_defaults.toml", DEFAULTS);
    let explain = async |repository: &str| {
        service.write("body.json", &of(repository, 1).to_string());
        let args = ["explain", "--source", "github", "--event", "pull_request", "body.json", "--json"];
        let (code, out, err) = service.run(&args).await;
        assert_eq!((code, err.as_str()), (0, ""));
        serde_json::from_str::<Value>(&out).unwrap()["rules"][0]["because"].as_str().unwrap().to_owned()
    };
    let because = explain("acme/payments-api").await;
    assert!(because.ends_with("repo `acme/payments-api` matches acme/payments-* (@payments)"), "{because}");
    assert_eq!(explain("acme/billing").await, "repo is `acme/billing`, not acme/payments-* (@payments)");
    assert_eq!(
        explain("acme/payments-sandbox").await,
        "repo `acme/payments-sandbox` is excluded by !acme/payments-sandbox"
    );
}
