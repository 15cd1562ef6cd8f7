//! What did not arrive is asked for: a fake GitHub with the API's list of deliveries, and a service that was down.

pub mod github;
mod outage;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::github::{Attempt, Github, HOOK, TOKEN};
use self::outage::{Outage, change, five_hundred, of_repository, workflow};
use crate::support::{SECRET, Service, eventually, read_mail, sign, states};

const TEAM: &str = r#"
team = "web"
to = ["mailbox"]
settle = "0s"
[[rule]]
name = "work"
on = ["pull_request.draft", "pull_request.ready", "pull_request.merged", "issue.opened", "issue.closed"]
[[rule]]
name = "trouble"
on = ["workflow.failed", "deployment.failed"]
[[rule]]
name = "more"
on = ["pull_request.commented", "branch.created"]
"#;

/// A webhook as GitHub sends it, with the headers that name its hook.
async fn deliver(service: &Service, kind: &str, attempt: &Attempt) {
    let body = attempt.payload.to_string().into_bytes();
    let request = service
        .request("/webhooks/github")
        .header("content-type", "application/json")
        .header("x-github-event", attempt.event)
        .header("x-github-delivery", &attempt.guid)
        .header("x-github-hook-id", "7")
        .header("x-github-hook-installation-target-type", kind)
        .header("x-hub-signature-256", sign(SECRET, &body));
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
}

/// One that arrives, so that the hook is known.
async fn arrives(service: &Service, github: &Github, guid: &str, number: u64) {
    let (guid, at, payload) = (guid.to_owned(), Timestamp::now(), change("labeled", number, json!({})));
    let attempt = Attempt { hook: HOOK, guid, at, status: 202, event: "pull_request", payload };
    deliver(service, "repository", &attempt).await;
    github.add([attempt]);
}

/// What the mails say: of what, and the first line.
fn told(service: &Service) -> BTreeSet<(String, String)> {
    let mails = service.mails();
    let told = mails.iter().map(|raw| {
        let mail = read_mail(raw);
        let text = mail.body_text(0).unwrap();
        (mail.subject().unwrap().to_owned(), text.lines().next().unwrap().to_owned())
    });
    let set = told.collect::<BTreeSet<_>>();
    assert_eq!(set.len(), mails.len(), "nothing is said twice");
    set
}

#[tokio::test]
async fn after_an_outage_everything_is_in_the_ledger_and_nothing_stale_is_said() {
    let github = Github::new().await;
    let mut service = Service::started(TEAM, &github.token()).await;
    for number in 0..20 {
        arrives(&service, &github, &format!("came-{number}"), 10 + number).await;
    }
    service.idle().await;
    assert_eq!(service.stop().await, 0);
    let (outage, said) = five_hundred();
    assert_eq!(outage.missed.len(), 500);
    // Some were tried again; of some, somebody else on the way said that they arrived.
    let again = outage.missed.iter().step_by(7).cloned().enumerate().map(|(number, attempt)| {
        let status = if number % 3 == 0 { 200 } else { 504 };
        Attempt { at: attempt.at + SignedDuration::from_millis(400), status, ..attempt }
    });
    github.add(again.collect::<Vec<_>>());
    github.add(outage.missed);
    service.start().await;
    let ledger = eventually("all 500 are there", async || {
        let ledger = service.idle().await;
        let there = ledger.iter().map(|line| line["delivery"].as_str().unwrap()).collect::<BTreeSet<_>>();
        (there.len() == 520).then_some(ledger)
    })
    .await;
    let events = ledger.iter().map(|line| format!("{} {} {}", line["delivery"], line["kind"], line["rule"]));
    assert_eq!(events.collect::<BTreeSet<_>>().len(), ledger.len(), "each is there once");
    let sent = ledger.iter().filter(|line| line["state"] == "sent").map(|line| line["delivery"].as_str().unwrap());
    assert_eq!(sent.count(), said.len());
    let told = told(&service);
    for (subject, words) in &said {
        let of_it = told.iter().filter(|(title, _)| title.contains(subject.as_str()));
        let found = of_it.clone().any(|(title, text)| format!("{title} {text}").contains(words));
        assert!(found, "{subject} is not said to be {words}: {:?}", of_it.collect::<Vec<_>>());
    }
    assert_eq!(told.len(), said.len(), "{told:#?}");
    // The bodies of what is known are not asked for again.
    let asked = github.bodies_asked();
    assert_eq!(asked, 500);
    let text = reqwest_text(&service, "/metrics").await;
    assert!(text.contains("microalign_recovered_total{source=\"github\"} 500"), "{text}");
    service.stop().await;
    service.start().await;
    service.idle().await;
    assert_eq!((github.bodies_asked(), service.mails().len()), (asked, said.len()));
}

async fn reqwest_text(service: &Service, path: &str) -> String {
    service.get(path).await.text().await.unwrap()
}

/// A service that knows the hook, with a draft that was opened, merged and commented on while it was down, and others.
async fn missed(github: &Github, team: &str) -> Service {
    let mut service = Service::started(team, &github.token()).await;
    arrives(&service, github, "came", 1).await;
    service.idle().await;
    service.stop().await;
    let mut outage = Outage::new(300);
    for number in 100..150 {
        outage.pull_request("opened", number, json!({ "draft": true }));
    }
    for number in 100..150 {
        outage.merged(number);
    }
    github.add(outage.missed);
    service
}

fn only_merges(service: &Service) {
    let told = told(service);
    assert!(told.iter().all(|(_, text)| text.contains("merged")), "{told:#?}");
    assert_eq!(told.len(), 50);
}

#[tokio::test]
async fn a_rate_limit_in_the_middle_only_delays_it() {
    let github = Github::new().await;
    let mut service = missed(&github, TEAM).await;
    github.state.lock().unwrap().until_rest = Some(60);
    service.start().await;
    eventually("all is there", async || (service.idle().await.len() == 101).then_some(())).await;
    only_merges(&service);
    assert!(github.bodies_asked() < 120, "what was told before the rest is not asked for again");
    let log = service.log();
    assert_eq!(log.matches("GitHub asked us to slow down").count(), 1, "{log}");
}

/// Starts the service, waits until GitHub has told a part of what it missed, and looks whether somebody else may ask
/// meanwhile. Where the machine stalls for so long that the service gives GitHub up until later, it is killed and started
/// again.
async fn start_into_the_middle(service: &mut Service, github: &Github) {
    for _ in 0..5 {
        let (asked, logged) = (github.bodies_asked(), service.log().len());
        service.start().await;
        let gave_up = |service: &Service| service.log()[logged..].contains("failed to fetch all missed webhooks");
        eventually("it is in the middle", async || {
            let waits = github.has_told_all_it_may() && github.bodies_asked() > asked;
            (waits || gave_up(service)).then_some(())
        })
        .await;
        let (code, _, err) = service.run(&["recover", "--since", "1h"]).await;
        if !gave_up(service) {
            assert!(code == 1 && err.contains("being asked for already"), "{err}");
            return;
        }
        service.kill().await;
    }
    panic!("it never waits for GitHub:\n{}", service.log());
}

#[tokio::test]
async fn a_kill_in_the_middle_loses_nothing_and_says_nothing_stale() {
    let github = Github::new().await;
    let mut service = missed(&github, TEAM).await;
    github.close();
    github.bodies.add_permits(70);
    start_into_the_middle(&mut service, &github).await;
    service.kill().await;
    assert_eq!(service.mails().len(), 0);
    github.open();
    service.start().await;
    eventually("all is there", async || (service.idle().await.len() == 101).then_some(())).await;
    only_merges(&service);
}

#[tokio::test]
async fn what_waited_over_the_outage_waits_for_what_was_missed_and_nothing_else_does() {
    let github = Github::new().await;
    let team = TEAM.replace("\"0s\"", "\"1s\"");
    let mut service = Service::started(&team, &github.token()).await;
    arrives(&service, &github, "came", 1).await;
    let draft = change("opened", 2, json!({ "draft": true }));
    service.github("pull_request", "draft", &draft).await;
    let failed = workflow(1, "failure");
    service.github("workflow_run", "failed", &failed).await;
    service.kill().await;
    let mut outage = Outage::new(60);
    outage.merged(2);
    outage.add("workflow_run", workflow(2, "failure"));
    github.add(outage.missed);
    github.close();
    service.start().await;
    eventually("it asks", async || (github.bodies_asked() == 2).then_some(())).await;
    // What comes meanwhile is newer than what was missed.
    service
        .github("workflow_run", "recovered", &{
            let mut payload = workflow(2, "success");
            payload["workflow_run"]["updated_at"] = json!(Timestamp::now().to_string());
            payload
        })
        .await;
    service
        .github_settled("pull_request", "live", &change("closed", 3, json!({ "state": "closed", "merged": true })))
        .await;
    let now = told(&service);
    assert!(now.len() == 1 && now.iter().all(|(title, _)| title.contains("#3")), "{now:#?}");
    github.open();
    let ledger = eventually("all is there", async || {
        let ledger = service.idle().await;
        ledger.iter().any(|line| line["delivery"] == "missed-1").then_some(ledger)
    })
    .await;
    let of = |delivery: &str| {
        let line = ledger.iter().find(|line| line["delivery"] == delivery).unwrap();
        (line["state"].as_str().unwrap(), line["reason"].as_str().unwrap())
    };
    assert_eq!(of("draft").0, "superseded");
    assert_eq!(of("missed-0").0, "sent");
    assert_eq!(of("failed").0, "sent");
    let (state, reason) = of("missed-1");
    assert!(state == "suppressed" && reason.contains("successful since"), "{reason}");
}

#[tokio::test]
async fn a_hook_that_may_not_be_read_is_said_once_in_plain_words() {
    let github = Github::new().await;
    let mut service = Service::new(TEAM, &github.token());
    service.start().await;
    let (code, _, err) = service.run(&["recover", "--since", "6h"]).await;
    assert!(code == 1 && err.contains("no webhook at GitHub is known yet"), "{err}");
    arrives(&service, &github, "came", 1).await;
    service.idle().await;
    github.state.lock().unwrap().refused.insert(HOOK, 404);
    service.stop().await;
    service.start().await;
    let words = "GitHub answered 404: Not Found: the hook is gone, or `[github] token` may not read it";
    eventually("it is said", async || service.log().contains(words).then_some(())).await;
    let (code, out, _) = service.run(&["recover", "--since", "6h"]).await;
    assert!(
        code == 1 && out.starts_with("GitHub, acme/ingest-api, hook 7: 0 deliveries, 0 known, 0 recovered"),
        "{out}"
    );
    assert!(out.contains(words), "{out}");
    // What is new is told all the same, and the token nowhere.
    service
        .github_settled("pull_request", "live", &change("closed", 3, json!({ "merged": true, "state": "closed" })))
        .await;
    assert!(!format!("{}{out}{}", service.log(), service.stored()).contains(TOKEN));
}

#[tokio::test]
async fn by_hand_beside_the_service() {
    let github = Github::new().await;
    let service = Service::started(TEAM, &github.token()).await;
    arrives(&service, &github, "came", 1).await;
    let mut outage = Outage::new(5 * 3600);
    outage.pull_request("opened", 2, json!({ "draft": true }));
    outage.add("star", of_repository(json!({ "action": "created" })));
    outage.merged(2);
    // GitHub still waits for the answer to the last one.
    let on_the_way = Attempt { guid: "now".into(), at: Timestamp::now(), status: 0, ..outage.missed[0].clone() };
    github.add(outage.missed);
    github.add([on_the_way]);
    let (code, out, err) = service.run(&["recover", "--since", "6h", "--json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let kinds = lines.iter().map(|line| line["kind"].as_str().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(kinds, ["pull_request.draft", "-", "pull_request.merged", "-"]);
    assert_eq!((&lines[0]["subject"], &lines[0]["delivery"]), (&json!("acme/ingest-api#2"), &json!("missed-0")));
    assert_eq!(lines[1]["ignored"], "`star` is not something rules can ask for");
    let asked = json!({ "source": "github", "asked": "acme/ingest-api, hook 7", "listed": 4, "known": 1,
                        "recovered": 3, "trouble": null });
    assert_eq!(lines[3], asked);
    service.settled("missed-2").await;
    let told = told(&service);
    assert!(told.len() == 1 && told.iter().all(|(_, text)| text.contains("merged")), "{told:#?}");
    let (code, out, _) = service.run(&["recover", "--since", "6h"]).await;
    assert_eq!((code, out.trim()), (0, "GitHub, acme/ingest-api, hook 7: 4 deliveries, 4 known, 0 recovered"));
    let (code, out, _) = service.run(&["recover", "--since", "1h"]).await;
    assert_eq!((code, out.trim()), (0, "GitHub, acme/ingest-api, hook 7: 1 delivery, 1 known, 0 recovered"));
    let (code, _, err) = service.run(&["recover", "--since", "yesterday"]).await;
    assert!(code == 2 && err.contains("`yesterday` isn't a valid duration"), "{err}");
}

#[tokio::test]
async fn an_app_is_asked_as_itself() {
    let github = Github::new().await;
    let access = format!("app_id = \"17\"\nprivate_key = \"${{file:app.pem}}\"\napi_url = \"{}\"\n", github.url);
    let mut service = Service::new(TEAM, &access);
    let key = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().unwrap().stdout;
    service.write("app.pem", &String::from_utf8(key).unwrap());
    service.start().await;
    let mut outage = Outage::new(400);
    outage.pull_request("opened", 2, json!({ "draft": true }));
    outage.merged(2);
    outage.missed.iter_mut().for_each(|attempt| attempt.hook = "/app/hook");
    github.add(outage.missed.clone());
    let (code, out, _) = service.run(&["recover", "--since", "3d"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("pull_request.merged acme/ingest-api#2"), "{out}");
    assert!(out.ends_with("GitHub, the GitHub App: 2 deliveries, 0 known, 2 recovered\n"), "{out}");
    service.settled("missed-1").await;
    // Once it has heard of the hook, the service asks by itself.
    let came = Attempt { guid: "came".into(), status: 202, ..outage.missed[1].clone() };
    deliver(&service, "integration", &came).await;
    service.idle().await;
    service.stop().await;
    let mut outage = Outage::new(100);
    outage.merged(3);
    github.add(outage.missed.iter().map(|attempt| Attempt {
        hook: "/app/hook",
        guid: "later".into(),
        ..attempt.clone()
    }));
    service.start().await;
    assert_eq!(states(&service.settled("later").await), ["sent"]);
}
