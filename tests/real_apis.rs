//! Against an emulator of an API that nobody here wrote: `jira820`, a Jira Data Center that keeps what it gets.
//!
//! `MICROALIGN_JIRA820` is the path of its executable; without it, it is looked for on `PATH`. Where there is none,
//! these tests say so and pass, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use support::{Service, did_not_run, eventually, pull_request, states};

/// A Jira that runs for as long as the test does.
struct Jira {
    child: Child,
    url: String,
}

impl Jira {
    async fn start(program: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // A second test in the same process finds it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let child = Command::new(program)
            .env("JIRA820_PORT", port.to_string())
            .env("JIRA820_DATE", (jiff::Zoned::now().date() - jiff::ToSpan::days(1)).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let jira = Self { child, url: format!("http://127.0.0.1:{port}") };
        eventually("Jira is up", async || jira.comments().await).await;
        jira
    }

    /// The texts of our comments on a ticket, in no order; it has others as well.
    async fn comments(&self) -> Option<Vec<String>> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/rest/api/2/issue/JIRA820-1/comment", self.url);
        let answer = client.get(url).send().await.ok()?.text().await.ok()?;
        let answer = serde_json::from_str::<Value>(&answer).ok()?;
        let text = |comment: &Value| comment["body"].as_str().unwrap().to_owned();
        let texts = answer["comments"].as_array()?.iter().map(text);
        Some(texts.filter(|text| text.ends_with("— microalign")).collect())
    }
}

impl Drop for Jira {
    fn drop(&mut self) {
        self.child.kill().expect("Jira runs to the end");
        self.child.wait().expect("it can be waited for");
    }
}

fn jira820() -> Option<PathBuf> {
    let named = std::env::var_os("MICROALIGN_JIRA820").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        named.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("jira820")).find(|file| file.is_file()));
    if found.is_none() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no jira820: install it, or set MICROALIGN_JIRA820");
        did_not_run("there is no jira820 on PATH or in MICROALIGN_JIRA820");
    }
    found
}

const TEAM: &str = "team = \"web\"\nto = [\"jira\"]\nsettle = \"0s\"\nown = true\nupdated = \"edit\"\nmerged = \"reply\"\n\
    [[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"ticket.commented\"]\n";

#[tokio::test]
async fn a_ticket_gets_comments_that_nobody_answers_to() {
    let Some(program) = jira820() else { return };
    let jira = Jira::start(&program).await;
    let mut service = Service::new(TEAM, "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2\"\n", jira.url));
    service.start().await;
    let about = |more: Value| {
        let mut fields = json!({ "title": "Añade *el* [esquema] {v2}", "body": "For JIRA820-1." });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    let ours = async || jira.comments().await.unwrap();
    let open = pull_request("opened", 7, about(json!({})));
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &open).await), ["sent"]);
    let [first] = &ours().await[..] else { panic!("one comment") };
    assert!(first.contains("Añade \\*el\\* \\(esquema\\)") && first.ends_with("\n\n— microalign"), "{first}");

    let pushed = pull_request("synchronize", 7, about(json!({})));
    assert_eq!(states(&service.github_settled("pull_request", "d-2", &pushed).await), ["sent"]);
    let [edited] = &ours().await[..] else { panic!("it is edited") };
    assert!(edited.contains("pushed to") && edited != first, "{edited}");

    let merged = pull_request("closed", 7, about(json!({ "merged": true, "state": "closed" })));
    assert_eq!(states(&service.github_settled("pull_request", "d-3", &merged).await), ["sent"]);
    let both = ours().await;
    assert_eq!(both.len(), 2, "{both:?}");

    for (index, text) in both.iter().enumerate() {
        let id = (100 + index).to_string();
        let comment = json!({
            "webhookEvent": "comment_created",
            "issue": { "id": "10042", "key": "JIRA820-1", "fields": { "project": { "key": "JIRA820" } } },
            "comment": { "id": id, "body": text, "author": { "name": "microalign" } },
        });
        assert_eq!(service.jira(&format!("back-{index}"), &comment).await.body["status"], "ignored");
    }
    service.idle().await;
    assert_eq!(ours().await, both);
    let (code, out, err) = service.run(&["send-test", "jira", "--on", "JIRA820-1"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = service.run(&["send-test", "jira", "--on", "JIRA820-99999"]).await;
    assert!(code == 1 && err.contains("there is no JIRA820-99999"), "{err}");
    assert_eq!(ours().await.len(), 3);
}

#[tokio::test]
async fn an_old_jira_is_told_that_it_cannot_sign() {
    let Some(program) = jira820() else { return };
    let jira = Jira::start(&program).await;
    let service = Service::new(TEAM, "");
    service.configure("server", "public_url = \"https://microalign.example.com\"\n");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2\"\n", jira.url));
    let (code, _, err) = service.run(&["jira", "setup"]).await;
    assert!(code == 1 && err.contains("Jira 8.20.8 cannot sign webhooks"), "{err}");
}

#[tokio::test]
async fn what_happened_to_tickets_is_found_by_jql() {
    let Some(program) = jira820() else { return };
    let jira = Jira::start(&program).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/rest/api/2/issue/JIRA820-1/comment", jira.url);
    let made = client.post(url).json(&json!({ "body": "/assume ids are stable" })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let team = TEAM.replace("\"jira\"", "\"mailbox\"").replace("\"ticket.commented\"", "\"note.assumed\"");
    let mut service = Service::new(&team, "");
    // Its own sweep would be in the way of another.
    service.start().await;
    assert_eq!(service.stop().await, 0);
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2\"\nprojects = [\"JIRA820\"]\n", jira.url));
    let (code, out, err) = service.run(&["recover", "--since", "7d", "--json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let comment = out.lines().find(|line| line.contains("note.assumed")).unwrap_or_else(|| panic!("{out}"));
    let comment = serde_json::from_str::<Value>(comment).unwrap();
    let (code, again, err) = service.run(&["recover", "--since", "7d", "--json"]).await;
    assert!(code == 0 && !again.contains("jql:"), "{again}{err}");
    service.start().await;
    let lines = service.settled(comment["delivery"].as_str().unwrap()).await;
    assert_eq!((states(&lines), &lines[0]["kind"]), (vec!["sent"], &json!("note.assumed")), "{lines:?}");
    assert!(out.contains(":history:"), "{out}");
}
