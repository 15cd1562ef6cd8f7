//! The program's commands, as people and scripts call them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Listener, Service, eventually, merged, pull_request, read_mail};

pub const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
[[rule]]
name = "drafts"
on = ["pull_request.draft"]
"#;

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).display().to_string()
}

#[tokio::test]
async fn init_makes_what_check_finds_fine_and_serve_runs() {
    let mut service = Service::new(TEAM, "");
    let (code, out, err) = service.run(&["init", "fresh"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("wrote fresh/microalign.toml") && out.contains("microalign serve"), "{out}");
    assert_eq!(service.run(&["init", "fresh"]).await.0, 1, "it overwrites nothing");
    service.home = service.path("fresh");
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("fine"), "{out}");
    let secret = std::fs::metadata(service.path("secrets/github")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("microalign.toml", &config.replace("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\""));
    service.start().await;
    assert_eq!(service.get("/readyz").await.status(), 200);
    assert_eq!(service.stop().await, 0);
}

#[tokio::test]
async fn check_shows_every_problem_at_once() {
    let service = Service::new("team = \"web\"\nto = [\"nowhere\"]\ncolour = 1\n", "[email]\nfrom = \"nobody\"\n");
    service.write("templates/merged.hbs", "{{pr.titel}} and {{nobody}}\n");
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    for place in [
        "microalign.toml:8:8",
        "rules/team.toml:2:7",
        "rules/team.toml:3:1",
        "templates/merged.hbs:1:3",
        "templates/merged.hbs:1:20",
    ] {
        assert!(err.contains(place), "{place} is missing in:\n{err}");
    }
    assert!(err.contains("from = \"nobody\"") && err.contains("^^^") && err.contains("did you mean"), "{err}");
    assert!(err.trim_end().ends_with(" problems"), "{err}");
    let (code, _, err) = service.run(&["serve"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("microalign.toml:8:8"), "{err}");
}

#[tokio::test]
async fn a_wrong_call_is_told_apart_from_a_wrong_file() {
    let service = Service::new(TEAM, "[email]\nfrom = \"a@example.com\"\n");
    for (args, code, said) in [
        (&["bogus"][..], 2, "bogus"),
        (&[], 2, "Usage"),
        (&["explain", "--source", "gitlab", "x.json"], 2, "gitlab"),
        (&["explain", "--source", "github", "x.json"], 2, "--event"),
        (&["explain", "--source", "jira", "none.json"], 2, "none.json"),
        (&["ledger", "--since", "yesterday"], 2, "--since"),
        (&["ledger", "--state", "lost"], 2, "lost"),
        (&["ledger", "show", "x"], 2, "`x`"),
        (&["ledger", "retry", "7"], 2, "`7`"),
        (&["send-test", "pigeon:roof"], 2, "pigeon"),
        (&["send-test", "github"], 2, "--on acme/ingest-api#45"),
        (&["send-test", "jira"], 2, "--on DATA-123"),
        (&["send-test", "slack:#web", "--on", "DATA-1"], 2, "--on is for"),
        (&["schema", "everything"], 2, "everything"),
        (&["check", "-c", "none.toml"], 1, "none.toml"),
        (&["ledger"], 1, "there is no store"),
        (&["send-test", "webhook:hub"], 1, "`[webhook.hub]`"),
        (&["--version"], 0, ""),
        (&["help"], 0, ""),
    ] {
        let (got, _, err) = service.run(args).await;
        assert_eq!(got, code, "{args:?}: {err}");
        assert!(err.contains(said) && !err.contains("panicked"), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn explain_says_what_a_payload_would_lead_to() {
    let service = Service::new(TEAM, "");
    let file = fixture("github/pull_request_opened.json");
    let explain = ["explain", "--source", "github", "--event", "pull_request", &file];
    let (code, out, err) = service.run(&[&explain[..], &["--json"]].concat()).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(keys(&told), ["event", "messages", "rules"].into());
    let event = ["actor", "kind", "scope", "source", "subject", "thread", "tickets", "title", "url"];
    assert_eq!(keys(&told["event"]), event.into());
    assert_eq!(
        (&told["event"]["kind"], &told["event"]["subject"]),
        (&json!("pull_request.draft"), &json!("acme/ingest#45"))
    );
    assert_eq!(told["rules"].as_array().unwrap().len(), 2);
    for (rule, matches) in told["rules"].as_array().unwrap().iter().zip([false, true]) {
        assert_eq!(keys(rule), ["because", "code", "matches", "rule", "team"].into());
        assert_eq!(rule["matches"], matches);
    }
    assert_eq!(told["rules"][0]["because"], "the event is pull_request.draft, not pull_request.merged");
    assert_eq!(told["rules"][0]["code"], "other_event");
    let message = &told["messages"].as_array().unwrap()[0];
    assert_eq!(keys(message), ["destination", "html", "rule", "subject", "team", "text"].into());
    assert_eq!(message["destination"], "email:web@example.com");
    let (code, out, _) = service.run(&[&explain[..], &["--all"]].concat()).await;
    assert_eq!(code, 0);
    for part in
        ["yes  web / drafts: matches", "no   web / merged: the event is", "email:web@example.com", "opened a draft PR"]
    {
        assert!(out.contains(part), "{part} is missing in:\n{out}");
    }
    let ping = service.path("ping.json");
    std::fs::write(&ping, "{\"zen\":\"Design for failure.\"}").unwrap();
    let (code, out, _) =
        service.run(&["explain", "--source", "github", "--event", "ping", "ping.json", "--json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["event"]["kind"]), (0, &json!("ignored")));
    assert!(
        told["event"]["code"] == "ping"
            && told["event"]["reason"].is_string()
            && told["rules"] == json!([])
            && told["messages"] == json!([]),
        "{out}"
    );
    assert!(!service.path("microalign.db").exists() && !service.path("mailbox").exists(), "nothing is sent or kept");
}

#[tokio::test]
async fn explain_takes_a_delivery_from_the_store() {
    let mut service = Service::started(TEAM, "").await;
    let id = service.github("pull_request", "d-1", &merged(1)).await.body["event"].to_string();
    service.settled("d-1").await;
    let beside = service.run(&["explain", "--event-id", &id, "--json"]).await;
    service.stop().await;
    service.write("merged.json", &merged(1).to_string());
    let file = ["explain", "--source", "github", "--event", "pull_request", "merged.json"];
    let (code, out, err) = service.run(&["explain", "--event-id", &id, "--all"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.find("yes  web / merged") < out.find("no   web / drafts"), "{out}");
    assert!(out.contains("drafts: the event is pull_request.merged, not pull_request.draft"), "{out}");
    let of_file = service.run(&[&file[..], &["--json"]].concat()).await;
    let rules = |(code, out, err): &(i32, String, String)| {
        assert_eq!((*code, err.as_str()), (0, ""));
        serde_json::from_str::<Value>(out).unwrap()["rules"].clone()
    };
    assert_eq!(rules(&beside), rules(&of_file));

    let (code, _, err) = service.run(&["explain", "--event-id", "99"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("there is no delivery 99"), "{err}");
    for more in [&["merged.json"][..], &["--source", "github"], &["--event", "push"]] {
        let (code, _, err) = service.run(&[&["explain", "--event-id", &id][..], more].concat()).await;
        assert_eq!(code, 2, "{more:?}: {err}");
    }
}

#[tokio::test]
async fn the_ledger_answers_what_became_of_it() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.github_settled("pull_request", "d-2", &pull_request("closed", 2, json!({ "state": "closed" }))).await;
    service.github("ping", "d-3", &json!({ "zen": "Design for failure." })).await;
    let ledger = service.ledger().await;
    let line = [
        "at", "code", "delivery", "id", "kind", "reason", "rule", "sends", "source", "state", "subject", "team",
        "thread",
    ];
    assert_eq!(ledger.len(), 3);
    let (_, out, _) = service.run(&["ledger", "--json"]).await;
    let printed = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    assert_eq!(printed, ledger);
    for entry in &ledger {
        assert_eq!(keys(entry), line.into());
    }
    assert_eq!(keys(&ledger[0]["sends"][0]), ["attempts", "destination", "error", "state"].into());
    assert_eq!((&ledger[0]["state"], &ledger[0]["sends"][0]["state"]), (&json!("sent"), &json!("sent")));
    assert_eq!((&ledger[1]["team"], &ledger[1]["reason"]), (&Value::Null, &json!("no rule matched")));
    assert_eq!(ledger[2]["state"], "ignored");
    let codes = ledger.iter().map(|line| line["code"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(codes, ["sent", "no_rule", "ping"]);
    let id = ledger[0]["id"].as_str().unwrap();
    let (code, out, err) = service.run(&["ledger", "show", id]).await;
    assert_eq!(code, 0, "{err}");
    let out = out.replace("\n│ ", " ");
    for part in ["d-1", "email:web@example.com: sent", "ana merged “Add the v2 order schema”", "the rule matched"] {
        assert!(out.contains(part), "{part} is missing in:\n{out}");
    }
    for (filter, expected) in
        [(["--team", "web"], 1), (["--state", "ignored"], 1), (["--thread", "DATA-123"], 2), (["--since", "1h"], 3)]
    {
        let (code, out, _) = service.run(&[&["ledger"][..], &filter].concat()).await;
        // A line of the ledger may go on in an indented one.
        let lines = out.lines().filter(|line| !line.starts_with(' ')).count();
        assert_eq!((code, lines), (0, expected), "{filter:?}: {out}");
    }
    assert_eq!(service.run(&["ledger", "show", "99"]).await.0, 1);
}

#[tokio::test]
async fn send_test_sends_one_real_message() {
    let hub = Listener::new(vec![(200, json!({})), (404, json!({ "error": "no such hook" }))]).await;
    let more = format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let service = Service::new(TEAM, &more);
    let (code, out, err) = service.run(&["send-test", "mailbox"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("sent to mailbox"), "{out}");
    assert_eq!(read_mail(&service.mails()[0]).subject(), Some("microalign: a test message"));
    assert_eq!(service.run(&["send-test", "webhook:hub"]).await.0, 0);
    let (code, _, err) = service.run(&["send-test", "webhook:hub"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("404") && err.contains("no such hook"), "{err}");
    assert_eq!(hub.requests().len(), 2);
}

#[tokio::test]
async fn schemas_and_completions_are_for_editors_and_shells() {
    let service = Service::new(TEAM, "");
    for (what, names) in [
        ("config", &["rules", "server", "store", "github", "jira", "email", "slack", "slack_webhook", "webhook"][..]),
        ("rules", &["team", "members", "to", "settle", "rule"]),
        (
            "context",
            &["event", "actor", "repo", "pr", "issue", "ticket", "change", "note", "thread", "team", "rule", "why"],
        ),
    ] {
        let (code, out, err) = service.run(&["schema", what]).await;
        assert_eq!((code, err.as_str()), (0, ""));
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{what}");
        for name in names {
            assert!(schema["properties"][name].is_object(), "{what} has no {name}");
        }
    }
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = service.run(&["completions", shell]).await;
        assert_eq!(code, 0);
        assert!(out.contains("send-test") && out.contains("microalign"), "{shell}");
    }
}

/// Plays a story of the demo: what it prints, and the same as words on one line.
async fn demo(args: &[&str]) -> (String, String) {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_microalign"));
    demo.args(["demo", "--exit"]).args(args).env("TMPDIR", temporary.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), demo.output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
    assert!(out.lines().all(|line| line.chars().count() <= 90), "a line is too long:\n{out}");
    let words = out.replace("\n│", "").split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "is a bot",
        "bo is a member of web",
        "answered 202 duplicate",
        "answered 401",
        "bo merged “Ask for orders in the v2 schema”",
        "not sent: no rule matched",
        "mobile / daily: the rule matched; it waits for the digest",
        "the webhook answered 410",
        "Bo objected through the link",
        "What moved for web",
    ] {
        assert!(words.contains(part), "{part} is missing in:\n{out}");
    }
    assert_eq!(words.matches("gets this because").count(), out.matches('┌').count(), "one reason a message:\n{out}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "a folder is left");
    (out, words)
}

#[tokio::test]
async fn the_demo_shows_each_message_and_leaves_nothing_behind() {
    let (out, words) = demo(&[]).await;
    for part in [
        "opened a draft PR",
        "ana is assuming:",
        "later: Ana Silva moved the due date",
        "Heads up: ana merged",
        "is done",
    ] {
        assert!(words.contains(part), "{part} is missing in:\n{out}");
    }
}

#[tokio::test]
async fn the_demo_has_a_story_without_jira() {
    let (out, words) = demo(&["--github-only"]).await;
    for part in [
        "is now in progress: caro assigned it to ana",
        "is a sub-issue of acme/ingest-api#12",
        "ana opened a draft PR for acme/ingest-api#12",
        "ana is assuming:",
        "later milestone: caro moved the milestone from v2.0 to v2.1",
        "Heads up: ana merged",
        "is done: ana closed it",
        "is now in progress: caro opened the PR “Rewrite old orders”",
        "won't be done: caro closed it as “not planned”",
    ] {
        assert!(words.contains(part), "{part} is missing in:\n{out}");
    }
    assert!(!words.contains("Jira") && !words.contains("DATA-"), "{out}");
}

#[tokio::test]
async fn a_store_and_a_port_are_for_one_service_only() {
    if crate::support::is_only_for_files("a database has any number of services") {
        return;
    }
    let service = Service::started(TEAM, "").await;
    let (code, _, err) = service.run(&["serve"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("microalign.db` is in use by another microalign"), "{err}");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let config = config
        .replace("127.0.0.1:0", &service.address)
        .replace("[github]", "[store]\nurl = \"sqlite://other.db\"\n[github]");
    service.write("other.toml", &config);
    let (code, _, err) = service.run(&["serve", "-c", "other.toml"]).await;
    assert_eq!(code, 1);
    assert!(err.contains(&format!("cannot listen on {}", service.address)), "{err}");
    service.github_settled("pull_request", "d-1", &merged(1)).await;
}

/// Stands in every secret of the configuration, and nowhere else.
const CANARY: &str = "Canary0Canary0Canary0Canary0Canary00";

/// A configuration with a secret of every kind: `answers` is who answers, `closed` is nobody.
fn secretive(answers: &str, closed: std::net::SocketAddr) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nconsole = true\n[github]\nsecrets = [\"{CANARY}\", \"It's a Secret to Everybody\"]\n\
         [jira]\nsecrets = [\"{CANARY}\"]\n\
         [email]\nfrom = \"a@example.com\"\nsmtp = \"smtp://user:{CANARY}@{closed}\"\n\
         [slack]\ntoken = \"xoxb-{CANARY}\"\napi_url = \"{answers}\"\n\
         [slack_webhook.ops]\nurl = \"{answers}/{CANARY}\"\n\
         [webhook.hub]\nurl = \"{answers}/{CANARY}\"\nsecret = \"whsec_{CANARY}\"\n\
         [webhook.gone]\nurl = \"http://{closed}/{CANARY}?{CANARY}\"\nsecret = \"whsec_{CANARY}\"\n"
    )
}

const EVERYWHERE: &str =
    r#"["email:web@example.com", "slack:#web", "slack-webhook:ops", "webhook:hub", "webhook:gone"]"#;

#[tokio::test]
async fn secrets_show_nowhere() {
    let slack = Listener::new(vec![(200, json!({ "ok": false, "error": "invalid_auth" }))]).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut service = Service::new(&TEAM.replace("[\"email:web@example.com\"]", EVERYWHERE), "");
    let config = secretive(&slack.url, closed);
    service.write("microalign.toml", &config);
    service.level = "trace";
    service.start().await;
    service.github("pull_request", "d-1", &merged(1)).await;
    let tried = async || {
        let ledger = service.ledger().await;
        let sends = ledger.first()?["sends"].as_array()?.clone();
        (sends.len() == 5 && sends.iter().all(|send| send["attempts"].as_i64() >= Some(1))).then_some(ledger)
    };
    let ledger = eventually("every destination was tried", tried).await;
    let mut shown = vec![("the ledger".to_owned(), json!(ledger).to_string())];
    for page in ["/", "/metrics", "/readyz"] {
        shown.push((page.to_owned(), service.get(page).await.text().await.unwrap()));
    }
    for args in ["ledger show 1", "send-test slack:#web", "send-test webhook:gone", "send-test email:a@example.com"] {
        let (_, out, err) = service.run(&args.split(' ').collect::<Vec<_>>()).await;
        shown.push((args.to_owned(), out + &err));
    }
    assert_eq!(service.stop().await, 0);
    shown.push(("the log".to_owned(), service.log()));
    assert!(service.log().contains("\"DEBUG\""), "the log is to say all there is");
    shown.push(("the store".to_owned(), service.stored()));
    for wrong in [format!("{config}from = 3\n"), config.replace("\"smtp://", "[\"smtp://"), config.replace('@', " ")] {
        service.write("microalign.toml", &wrong);
        let (code, out, err) = service.run(&["check"]).await;
        assert_eq!(code, 1);
        shown.push(("check".to_owned(), out + &err));
    }
    for (place, text) in shown {
        assert!(!text.contains("Canary0"), "{place} shows a secret:\n{text}");
    }
}

#[tokio::test]
async fn check_warns_of_rules_that_hear_nothing_of_machines() {
    let rule = |name: &str, rest: &str| format!("\n[[rule]]\nname = \"{name}\"\n{rest}\n");
    let rules = [
        rule("live", "on = [\"deployment.succeeded\"]\nauthor = [\"ana\"]"),
        rule("news", "on = [\"release.published\"]\nactor = [\"ana\", \"bo\"]"),
        rule("raised", "on = [\"pull_request.opened\"]\nhead = [\"dependabot/**\"]"),
        rule("bots", "on = [\"pull_request.opened\"]\nauthor = [\"*[bot]\"]"),
        rule("renovate", "on = [\"pull_request.merged\"]\nauthor = [\"renovate\"]"),
        rule("queue", "on = [\"push\"]\nbranch = [\"gh-readonly-queue/**\"]"),
        rule("fine", "on = [\"pull_request.merged\", \"release.published\"]\nbase = [\"main\"]"),
    ];
    let text = format!("team = \"web\"\nto = [\"mailbox\"]\n{}", rules.concat());
    let service = Service::new(&text, "");
    let warnings = async || {
        let (code, out, err) = service.run(&["check"]).await;
        assert_eq!(code, 0, "{out}{err}");
        out.lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let told = warnings().await;
    insta::assert_snapshot!(told.join("\n"));
    // Whoever can ask GitHub knows whose pull request was deployed.
    service.configure("github", "token = \"x\"\n");
    assert_eq!(warnings().await, told[1..]);
}
