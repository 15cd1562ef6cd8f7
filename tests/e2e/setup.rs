//! `microalign github setup`, against a GitHub of ours.

mod github;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{SECRET, Service};
use github::Github;

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";
const TOKEN: &str = "hunter2-canary";
const APP_SECRET: &str = "canary-of-the-app";
const CODE: &str = "a180b1a3d263c81bc6441d7b990bae27d4c10679";

/// A service that is reached at one address, also after it was started again; its configuration names it.
async fn reachable(github: &Github, login: &str) -> Service {
    let mut service = Service::new(TEAM, "");
    service.configure("github", &format!("{login}api_url = \"{}\"\n", github.url));
    service.start().await;
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let address = format!("listen = \"{0}\"\npublic_url = \"http://{0}\"", service.address);
    service.write("microalign.toml", &config.replace("listen = \"127.0.0.1:0\"", &address));
    service
}

fn token() -> String {
    format!("token = \"{TOKEN}\"\n")
}

/// The command while it runs.
struct Setup {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Setup {
    fn start(service: &Service, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
        let command = command.args(["github", "setup"]).args(args).current_dir(&service.home).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    /// What it prints up to the first line with this in it.
    async fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        let read = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                text.push_str(&line);
                text.push('\n');
                if line.contains(end) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(30), read).await;
        assert_eq!(found, Ok(true), "no {end:?} in {text}");
        text
    }
}

/// The value of an attribute, as a browser reads it.
fn attribute(html: &str, before: &str) -> String {
    let (_, rest) = html.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {html}"));
    rest.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
}

#[tokio::test]
async fn somebody_makes_an_app() {
    let github = Github::new().await;
    let key = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().unwrap().stdout;
    github.state.lock().unwrap().pem = String::from_utf8(key).unwrap();
    let mut service = reachable(&github, "").await;
    let mut setup = Setup::start(&service, &["--org", "acme"]);
    let said = setup.until("  http://127.0.0.1:").await;
    let address = said.lines().last().unwrap().trim().to_owned();

    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(&address).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(&format!("form-action {};", github.url)), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let html = page.text().await.unwrap();
    let (form, manifest) =
        (attribute(&html, "method=\"post\" action=\""), attribute(&html, "name=\"manifest\" value=\""));
    assert!(form.starts_with(&format!("{}/organizations/acme/settings/apps/new?state=", github.url)), "{form}");

    // Nobody else gets the page, and nobody else's answer is taken.
    let (base, _) = address.rsplit_once('/').unwrap();
    assert_eq!(browser.get(format!("{base}/")).send().await.unwrap().status(), 404);
    assert_eq!(browser.get(format!("{base}/guess")).send().await.unwrap().status(), 404);
    for wrong in ["", "?code=theirs", "?code=theirs&state=", "?code=theirs&state=wrong"] {
        assert_eq!(browser.get(format!("{base}/made{wrong}")).send().await.unwrap().status(), 403, "{wrong}");
    }

    let fields = url::form_urlencoded::Serializer::new(String::new()).append_pair("manifest", &manifest).finish();
    let sent = browser.post(&form).header("content-type", "application/x-www-form-urlencoded").body(fields);
    let sent = sent.send().await.unwrap();
    let back = sent.headers()["location"].to_str().unwrap().to_owned();
    let back = browser.get(&back).send().await.unwrap();
    assert_eq!(back.status(), 200);
    let said = setup.until("This command waits").await;
    let manifest = github.state.lock().unwrap().manifest.clone().unwrap();
    let hook = format!("http://{}/webhooks/github", service.address);
    assert_eq!(manifest["hook_attributes"], json!({ "url": hook, "active": true }));
    assert_eq!((&manifest["public"], &manifest["name"]), (&json!(false), &json!("microalign-acme")));
    assert_eq!(manifest["default_permissions"]["contents"], "read");
    let events = manifest["default_events"].as_array().unwrap();
    assert!(events.contains(&json!("pull_request_review")) && events.contains(&json!("workflow_run")), "{events:?}");

    for (file, content) in [("github-app-17.pem", "PRIVATE KEY"), ("github-app-17", APP_SECRET)] {
        let path = service.path("secrets").join(file);
        assert!(std::fs::read_to_string(&path).unwrap().contains(content));
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!said.contains("PRIVATE KEY") && !said.contains(APP_SECRET), "{said}");
    assert!(said.contains(&format!("{}/apps/microalign/installations/new", github.url)), "{said}");
    // The lines are put in as they are printed, but for the secret that is there already.
    let lines = said.lines().filter(|line| line.starts_with("app_id = ") || line.starts_with("private_key = "));
    let lines = lines.map(|line| format!("{line}\n")).collect::<String>();
    let secrets = "secrets = [\"${file:secrets/github-app-17}\"";
    assert!(said.contains(secrets), "{said}");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let (before, github_table) = config.split_once("[github]\n").unwrap();
    let github_table = github_table.replace("secrets = [", &format!("{secrets}, "));
    service.write("microalign.toml", &format!("{before}[github]\n{lines}{github_table}"));

    // The service does not know the secret until it is started again.
    setup.until("not yet: the service at this address does not know the webhook's secret").await;
    service.stop().await;
    service.start().await;
    setup.until("GitHub's ping arrived").await;
    let ping = service.ledger().await;
    assert_eq!((&ping[0]["kind"], &ping[0]["delivery"]), (&json!("ping"), &json!("the-first-ping")));

    // Once more: the App's webhook does what the configuration says.
    github.state.lock().unwrap().hooks[0]["config"] = json!({ "url": "http://127.0.0.1:9/", "secret": "x" });
    github.state.lock().unwrap().manifest.as_mut().unwrap()["default_events"] = json!(["push"]);
    let (code, out, err) = service.run(&["github", "setup"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("it is not told of create, delete,") && !out.contains("push,"), "{out}");
    assert_eq!(github.hook(0)["config"]["url"], json!(hook));
    let (code, _, err) = service.run(&["github", "setup", "--repo", "acme/ingest-api"]).await;
    assert!(code == 2 && err.contains("the App 17 hears of every repository"), "{err}");
}

#[tokio::test]
async fn a_token_makes_a_webhook_and_brings_it_up_to_date() {
    let github = Github::new().await;
    github.state.lock().unwrap().hooks.push(json!({ "id": 7, "config": { "url": "https://other.example/" } }));
    let service = reachable(&github, &token()).await;
    let setup = ["github", "setup", "--repo", "acme/ingest-api"];
    let (code, out, err) = service.run(&setup).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("acme/ingest-api has a webhook to") && out.contains("now: number 8"), "{out}");
    assert!(out.contains("GitHub's ping arrived"), "{out}");
    let hook = github.hook(1);
    assert_eq!(
        (&hook["name"], &hook["active"], &hook["config"]["content_type"]),
        (&json!("web"), &json!(true), &json!("json"))
    );
    assert_eq!(hook["config"]["secret"], SECRET);
    assert!(hook["events"].as_array().unwrap().contains(&json!("pull_request_review_comment")), "{hook}");
    let ledger = service.ledger().await;
    assert_eq!((&ledger[0]["state"], &ledger[0]["reason"]), (&json!("ignored"), &json!("ping: GitHub is connected")));

    // The same webhook, with another secret and fewer events.
    github.state.lock().unwrap().hooks[1]["config"]["secret"] = json!("old");
    github.state.lock().unwrap().hooks[1]["events"] = json!(["push"]);
    let (code, out, err) = service.run(&setup).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("already: number 8 is up to date now"), "{out}");
    assert_eq!(
        (github.hook(1)["config"]["secret"].as_str(), github.state.lock().unwrap().hooks.len()),
        (Some(SECRET), 2)
    );
    assert_eq!(github.hook(1)["events"], hook["events"]);
    assert_eq!(github.asked("POST /repos/acme/ingest-api/hooks"), 1);
    for text in [out, err, service.log()] {
        assert!(!text.contains(TOKEN) && !text.contains(SECRET), "{text}");
    }
    let (code, out, err) = service.run(&["github", "setup", "--org", "acme"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(github.asked("PATCH /orgs/acme/hooks/8"), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_made() {
    let github = Github::new().await;
    let mut service = reachable(&github, &token()).await;
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let (before, table) = config.split_once("[github]\n").unwrap();
    let without = table.replace(&format!("secrets = [\"{SECRET}\"]\n"), "");
    service.write("microalign.toml", &format!("{before}[github]\n{without}"));
    service.stop().await;
    service.start().await;
    let mut setup = Setup::start(&service, &["--repo", "acme/ingest-api"]);
    let line = "secrets = [\"${file:secrets/github}\"]";
    setup.until(line).await;
    assert_eq!(std::fs::metadata(service.path("secrets/github")).unwrap().permissions().mode() & 0o777, 0o600);
    setup.until("not yet: the service at this address does not know").await;
    service.write("microalign.toml", &format!("{before}[github]\n{line}\n{without}"));
    service.stop().await;
    service.start().await;
    setup.until("GitHub's ping arrived").await;

    // What is there is not overwritten.
    service.write("microalign.toml", &format!("{before}[github]\n{without}"));
    let secret = std::fs::read_to_string(service.path("secrets/github")).unwrap();
    let (code, _, err) = service.run(&["github", "setup", "--repo", "acme/ingest-api"]).await;
    assert!(code == 1 && err.contains(line), "{err}");
    assert_eq!(std::fs::read_to_string(service.path("secrets/github")).unwrap(), secret);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_plain_words() {
    let github = Github::new().await;
    let mut service = reachable(&github, &token()).await;
    let setup = async |service: &Service| {
        let (code, _, err) = service.run(&["github", "setup", "--repo", "acme/ingest-api", "--wait", "0s"]).await;
        assert_eq!(code, 1, "{err}");
        assert!(!err.contains(TOKEN) && !err.contains(SECRET), "{err}");
        err
    };
    github.state.lock().unwrap().idle = true;
    assert!(setup(&service).await.contains("no ping arrived within 0 s: GitHub has not tried yet"));
    github.state.lock().unwrap().idle = false;
    service.stop().await;
    assert!(setup(&service).await.contains("GitHub cannot reach http://"));

    let said = |message: &str| json!({ "message": message });
    let errors =
        json!({ "message": "Validation Failed", "errors": [{ "message": "url is not supported" }, "or else"] });
    for (status, body, words) in [
        (401, said("Bad credentials"), "GitHub answered 401: Bad credentials. The `token` in [github] is wrong"),
        (403, said("Resource not accessible by personal access token"), "\"Webhooks: read and write\""),
        (404, said("Not Found"), "must belong to somebody who administers acme/ingest-api"),
        (422, errors, "GitHub answered 422: Validation Failed: url is not supported: or else"),
        (500, json!("<html>Unicorn</html>"), "GitHub answered 500: Internal Server Error"),
    ] {
        github.state.lock().unwrap().trouble = Some((status, body));
        let err = setup(&service).await;
        assert!(err.contains(words) && !err.contains("Unicorn"), "{err:?} has no {words:?}");
    }
    let (code, _, err) = service.run(&["github", "setup"]).await;
    assert!(code == 2 && err.contains("--repo OWNER/NAME or --org ORG"), "{err}");
    for wrong in ["acme", "acme/..", "acme/x/y", "acme/x?y"] {
        assert_eq!(service.run(&["github", "setup", "--repo", wrong]).await.0, 2, "{wrong}");
    }
}

#[tokio::test]
async fn github_is_given_no_address_that_it_cannot_reach() {
    let service = Service::new(TEAM, "");
    let (code, _, err) = service.run(&["github", "setup"]).await;
    assert!(code == 1 && err.contains("set `public_url` in [server]"), "{err}");
    service.configure("server", "public_url = \"http://localhost:8080\"\n");
    let (code, _, err) = service.run(&["github", "setup"]).await;
    assert!(code == 1 && err.contains("GitHub cannot reach http://localhost:8080"), "{err}");
    assert!(!service.path("secrets").exists());
}
