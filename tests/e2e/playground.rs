//! The playground: rules and templates that somebody tries, and rehearsals in the background.

use serde_json::{Value, json};

use crate::support::{Service, eventually, merged, pull_request, states};

const TEAM: &str = r#"
team = "web"
members = ["bo"]
to = ["email:web@example.com", "slack:#web"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
base = ["main"]
"#;
const SLACK: &str = "[slack]\ntoken = \"xoxb-secret-token\"\n";

async fn started() -> Service {
    // Nothing is sent to Slack here.
    started_with(TEAM, SLACK).await
}

async fn started_with(team: &str, more: &str) -> Service {
    let mut service = Service::new(team, more);
    service.configure("server", "console = true\n");
    service.start().await;
    service
}

/// The team gets mail alone.
fn by_mail() -> String {
    TEAM.replace(", \"slack:#web\"", "")
}

async fn tried(service: &Service, trial: Value) -> (u16, Value) {
    let answer = service.as_page("/api/v1/playground").await.json(&trial).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// A trial with a merge that is pasted, and more fields.
fn pasted(more: Value) -> Value {
    let mut trial = json!({ "team": "web", "event": "pull_request", "payload": merged(7).to_string() });
    trial.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    trial
}

async fn form(service: &Service, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let request = service.as_page(path).await.header("content-type", "application/x-www-form-urlencoded");
    request.body(body.finish()).send().await.unwrap()
}

#[tokio::test]
async fn a_change_is_tried_on_a_pasted_event() {
    let service = started().await;
    let (status, as_it_is) = tried(&service, pasted(json!({}))).await;
    assert_eq!((status, &as_it_is["problems"], &as_it_is["diff"]), (200, &json!([]), &json!("")));
    assert_eq!(as_it_is["explained"]["rules"][0]["matches"], true);
    let messages = as_it_is["explained"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2, "by mail and in Slack");
    assert!(messages[0]["html"].is_string() && messages[1]["html"].is_null());

    let file = TEAM.replace("\"main\"", "\"release/*\"");
    let (_, edited) = tried(&service, pasted(json!({ "file": file }))).await;
    let rule = &edited["explained"]["rules"][0];
    assert_eq!(rule["matches"], false);
    assert!(rule["because"].as_str().unwrap().contains("base is `main`"), "{rule}");
    let diff = edited["diff"].as_str().unwrap();
    assert!(diff.starts_with("--- a/rules/team.toml\n+++ b/rules/team.toml\n"), "{diff}");
    assert!(diff.contains("\n-base = [\"main\"]\n+base = [\"release/*\"]\n"), "{diff}");

    let template = json!({ "file": TEAM.replace("base = ", "template = \"mine\"\nbase = "), "template": "mine",
                           "text": "My **own** words on {{pr.title}}." });
    let (_, edited) = tried(&service, pasted(template)).await;
    assert_eq!(edited["problems"], json!([]));
    assert!(edited["explained"]["messages"][1]["text"].as_str().unwrap().contains("My own words on Add"), "{edited}");
    assert!(edited["diff"].as_str().unwrap().contains("+++ b/templates/mine.hbs"), "{edited}");
    assert_eq!(service.ledger().await, Vec::<Value>::new(), "nothing is taken in");
    assert!(service.mails().is_empty(), "nothing is sent");
    assert_eq!(std::fs::read_to_string(service.path("rules/team.toml")).unwrap(), TEAM, "nothing is changed");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_place() {
    let service = started().await;
    let (status, broken) = tried(&service, pasted(json!({ "file": TEAM.replace("settle", "setle") }))).await;
    let problem = &broken["problems"][0];
    assert_eq!((status, &problem["file"], &problem["line"]), (200, &json!("rules/team.toml"), &json!(5)), "{broken}");
    assert_eq!(broken["explained"]["rules"][0]["matches"], true, "the rule in force is tried instead");
    let (_, broken) = tried(&service, pasted(json!({ "template": "merged", "text": "Line one.\n{{pr.titel}}" }))).await;
    let problem = &broken["problems"][0];
    assert_eq!((&problem["file"], &problem["line"]), (&json!("merged.hbs"), &json!(2)), "{broken}");
    assert!(problem["help"].as_str().unwrap().contains("pr.title"), "{broken}");
    let (_, other) = tried(&service, pasted(json!({ "file": TEAM.replace("\"web\"", "\"ops\"") }))).await;
    assert!(other["problems"][0]["message"].as_str().unwrap().contains("this is the file of `web`"), "{other}");
    // Team files name no variable.
    let named = TEAM.replace("web@example.com", "${HOME}@example.com");
    let (_, named) = tried(&service, pasted(json!({ "file": named }))).await;
    assert!(!named.to_string().contains(&std::env::var("HOME").unwrap_or("/root".to_owned())), "{named}");

    for (trial, said) in [
        (json!({}), "which team"),
        (pasted(json!({ "team": "nobody" })), "no team"),
        (pasted(json!({ "payload": "{" })), "isn't JSON"),
        (pasted(json!({ "event": "" })), "name the event"),
        (pasted(json!({ "template": "../x", "text": "a" })), "a template's name"),
        (pasted(json!({ "delivery": 99 })), "no delivery 99"),
        (pasted(json!({ "template": "mine", "text": "x".repeat(65 * 1024) })), "larger than 64 KiB"),
        (pasted(json!({ "file": "#".repeat(129 * 1024) })), "larger than 128 KiB"),
    ] {
        let (status, answer) = tried(&service, trial.clone()).await;
        assert!(answer.to_string().contains(said), "{said}: {status} {answer}");
    }
    let huge = pasted(json!({ "template": "mine", "text": "x".repeat(1024 * 1024) }));
    let answer = service.as_page("/api/v1/playground").await.json(&huge).send().await.unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn loops_end() {
    let service = started().await;
    let labels = (0..3000).map(|number| json!({ "name": format!("l{number}") })).collect::<Vec<_>>();
    let event = pull_request("closed", 7, json!({ "state": "closed", "merged": true, "labels": labels }));
    let text = "{{#each pr.labels}}{{#each @root.pr.labels}}{{/each}}{{/each}}".repeat(100);
    let trial = json!({ "team": "web", "event": "pull_request", "payload": event.to_string(), "template": "merged", "text": text });
    let begun = std::time::Instant::now();
    let (status, answer) = tried(&service, trial).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("loops would take too long"), "{answer}");
    assert!(begun.elapsed().as_secs() < 5);
    // A template that includes itself is a problem, as in a file.
    let (_, circle) = tried(&service, pasted(json!({ "template": "merged", "text": "{{> merged}}" }))).await;
    assert!(circle.to_string().contains("includes the template itself"), "{circle}");
}

#[tokio::test]
async fn the_page_works_without_javascript() {
    let service = started_with(&by_mail(), "").await;
    let body = service.get("/playground").await.text().await.unwrap();
    assert!(body.contains("<option>web</option>"), "{body}");
    let body = service.get("/playground?team=web").await.text().await.unwrap();
    assert!(body.contains("name = &quot;merged&quot;") && body.contains("Name a stored event"), "{body}");
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(7)).await).len(), 1);
    let hostile = "</textarea><script>alert(1)</script>";
    let fields = [
        ("team", "web"),
        ("file", &*by_mail()),
        ("delivery", "1"),
        ("template", "merged"),
        ("text", hostile),
        ("days", "7"),
    ];
    let answer = form(&service, "/playground", &fields).await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-src 'self'") && !policy.contains("unsafe-inline"), "{policy}");
    let body = answer.text().await.unwrap();
    assert!(!body.contains("<script>alert"), "{body}");
    let fields = [("team", "web"), ("file", &*by_mail().replace('\n', "\r\n")), ("delivery", "1"), ("days", "7")];
    let body = form(&service, "/playground", &fields).await.text().await.unwrap();
    assert!(body.contains("matches</span> <strong>merged</strong>"), "{body}");
    assert!(!body.contains("The change"), "line ends of a browser are no change: {body}");
    let frame = body.split("src=\"/playground/mails/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(body.contains("<iframe sandbox=\"\""), "{body}");
    let mail = service.get(&format!("/playground/mails/{frame}")).await;
    let policy = mail.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
    assert!(mail.text().await.unwrap().contains("Add the v2 order schema"));
    assert_eq!(service.get("/playground/mails/guessed").await.status(), 404);
}

#[tokio::test]
async fn a_hostile_event_is_text() {
    let service = started().await;
    let title = "<script>alert(1)</script> [x](javascript:alert(1))";
    let event = pull_request("closed", 7, json!({ "state": "closed", "merged": true, "title": title }));
    let event = event.to_string();
    let fields = [("team", "web"), ("event", "pull_request"), ("payload", &*event)];
    let body = form(&service, "/playground", &fields).await.text().await.unwrap();
    assert!(!body.contains("<script>alert") && !body.contains("href=\"javascript:"), "{body}");
    let frame = body.split("src=\"/playground/mails/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mail = service.get(&format!("/playground/mails/{frame}")).await.text().await.unwrap();
    assert!(!mail.contains("<script>") && !mail.contains("href=\"javascript:"), "{mail}");
}

#[tokio::test]
async fn a_rehearsal_runs_in_the_background() {
    let service = started_with(&by_mail(), "").await;
    for number in 1..=3 {
        let delivery = format!("d-{number}");
        assert_eq!(states(&service.github_settled("pull_request", &delivery, &merged(number)).await), ["sent"]);
    }
    let edited = by_mail().replace("merged\"]", "opened\"]");
    let fields = [("team", "web"), ("file", edited.as_str()), ("days", "1")];
    let body = form(&service, "/playground/rehearsals", &fields).await.text().await.unwrap();
    assert!(body.contains("The rules of web that were tried"), "a form leads to the rehearsal's page: {body}");
    let id = body.split("/playground/rehearsals/").nth(1).map(|rest| rest.split(['"', '/']).next().unwrap().to_owned());
    let done = |answer: &Value| answer["state"] == "done";
    let trial = json!({ "team": "web", "file": edited, "days": 1 });
    let ended = async || {
        let started = service.as_page("/api/v1/rehearsals").await.json(&trial).send().await.unwrap();
        (started.status() == 200).then_some(started.json::<Value>().await.unwrap())
    };
    // One at a time: the second starts once the first is over.
    let second = eventually("the first is over", ended).await;
    if let Some(first) = id {
        assert_ne!(second["id"], json!(first));
    }
    let path = format!("/api/v1/rehearsals/{}", second["id"].as_str().unwrap());
    let result = async || Some(service.get(&path).await.json::<Value>().await.unwrap()).filter(done);
    let result = eventually("the rehearsal is over", result).await;
    assert_eq!((&result["taken"], &result["deliveries"]), (&json!(3), &json!(3)), "{result}");
    assert_eq!((&result["rules"][0]["had"], &result["rules"][0]["would"]), (&json!(3), &json!(0)), "{result}");
    let page = service.get(&path.replace("/api/v1", "/playground")).await.text().await.unwrap();
    assert!(page.contains("3 webhooks were taken in again"), "{page}");
    assert_eq!(service.mails().len(), 3, "nothing was sent by it");

    for (trial, said) in [
        (json!({ "team": "web", "days": 0 }), "rehearse 1 to"),
        (json!({ "team": "web", "days": 1, "file": "team = 1" }), "can't be rehearsed"),
        (json!({ "days": 1 }), "which team"),
    ] {
        let answer = service.as_page("/api/v1/rehearsals").await.json(&trial).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains(said), "{said}");
    }
    assert_eq!(service.get("/api/v1/rehearsals/nothing").await.status(), 404);
}

#[tokio::test]
async fn a_rehearsal_can_be_cancelled() {
    let mut service = started_with(&by_mail(), "").await;
    for number in 1..=300 {
        service.github("pull_request", &format!("d-{number}"), &merged(number)).await;
    }
    let start = async || {
        let trial = json!({ "team": "web", "days": 1 });
        service.as_page("/api/v1/rehearsals").await.json(&trial).send().await.unwrap()
    };
    let started = start().await.json::<Value>().await.unwrap();
    assert_eq!(started["state"], "running", "{started}");
    let second = start().await;
    assert_eq!(second.status(), 400);
    assert!(second.text().await.unwrap().contains("under way"));
    let path = format!("/api/v1/rehearsals/{}", started["id"].as_str().unwrap());
    let cancelled = service.as_page(&format!("{path}/cancel")).await.json(&json!({})).send().await.unwrap();
    assert_eq!(cancelled.status(), 200);
    let over = async || {
        let now = service.get(&path).await.json::<Value>().await.unwrap();
        (now["state"] == "cancelled").then_some(())
    };
    eventually("it is cancelled", over).await;
    // A service that stops doesn't wait for a rehearsal.
    assert_eq!(start().await.status(), 200);
    let begun = std::time::Instant::now();
    service.stop().await;
    assert!(begun.elapsed().as_secs() < 10);
}
