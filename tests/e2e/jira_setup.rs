//! `microalign jira setup`: the webhook in Jira, or what an administrator has to click.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::jira_api::{Api, Asked};
use crate::support::{SECRET, Service, sign};

const TOKEN: &str = "hunter2-canary";
const TEAM: &str =
    "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"ticket.*\"]\n";
const EVENTS: [&str; 14] = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issuelink_created",
    "issuelink_deleted",
    "sprint_started",
    "sprint_closed",
    "sprint_deleted",
    "jira:version_released",
    "jira:version_unreleased",
    "jira:version_deleted",
];

fn cloud_info() -> (u16, Value) {
    (200, json!({ "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud" }))
}

fn data_center_info(major: u32) -> (u16, Value) {
    let info =
        json!({ "version": format!("{major}.3.1"), "versionNumbers": [major, 3, 1], "deploymentType": "Server" });
    (200, info)
}

/// A service that knows where it is, with these keys in `[jira]`.
fn service(keys: &str) -> Service {
    let service = Service::new(TEAM, "");
    service.configure("server", "public_url = \"https://microalign.example.com\"\n");
    service.configure("jira", keys);
    service
}

fn account(api: &Api) -> String {
    format!("base_url = \"{}\"\nuser = \"bot@acme.example\"\ntoken = \"{TOKEN}\"\n", api.url)
}

fn personal(api: &Api) -> String {
    format!("base_url = \"{}\"\ntoken = \"{TOKEN}\"\n", api.url)
}

#[tokio::test]
async fn cloud_gets_a_webhook_and_the_second_time_the_same() {
    let place = "/rest/webhooks/1.0/webhook";
    let hooks = std::sync::Mutex::new(vec![json!({ "name": "other", "url": "https://other.example", "self": "x/1" })]);
    let jira = Api::new(move |asked: &Asked| {
        let mut hooks = hooks.lock().unwrap();
        match asked.line.as_str() {
            "GET /rest/api/2/serverInfo" => cloud_info(),
            "GET /rest/webhooks/1.0/webhook" => (200, json!(*hooks)),
            "POST /rest/webhooks/1.0/webhook" => {
                let mut hook = asked.body.clone();
                hook.as_object_mut().unwrap().remove("secret");
                hook["self"] = json!(format!("https://acme.atlassian.net{place}/72"));
                // Somebody chose fewer tickets.
                hook["filters"] = json!({ "issue-related-events-section": "project = DATA and labels = shared" });
                hooks.push(hook.clone());
                (201, hook)
            }
            "PUT /rest/webhooks/1.0/webhook/72" => (200, asked.body.clone()),
            _ => (404, json!("<html>")),
        }
    })
    .await;
    let service = service(&format!("{}projects = [\"DATA\", \"WEB\"]\n", account(&jira)));
    let (code, out, err) = service.run(&["jira", "setup"]).await;
    assert_eq!(code, 0, "{err}");
    let made = jira.asked().pop().unwrap();
    assert_eq!(made.line, format!("POST {place}"));
    let expected = json!({
        "name": "microalign", "url": "https://microalign.example.com/webhooks/jira", "events": EVENTS, "enabled": true,
        "filters": { "issue-related-events-section": "project in (DATA, WEB)" }, "excludeBody": false, "secret": SECRET,
    });
    assert_eq!(made.body, expected);
    assert!(out.starts_with("registered: the webhook `microalign` in Jira Cloud"), "{out}");
    assert!(out.contains("the first of `[jira] secrets`") && out.contains("microalign ledger"), "{out}");
    assert!(!format!("{out}{err}").contains(SECRET) && !format!("{out}{err}").contains(TOKEN), "{out}{err}");

    let (code, out, err) = service.run(&["jira", "setup"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("brought up to date"), "{out}");
    let changed = jira.asked().pop().unwrap();
    assert_eq!((changed.line, &changed.body["secret"]), (format!("PUT {place}/72"), &json!(SECRET)));
    assert_eq!(changed.body["filters"]["issue-related-events-section"], "project = DATA and labels = shared");
}

#[tokio::test]
async fn data_center_has_its_own_place_and_a_fresh_secret_verifies() {
    let hooks = std::sync::Mutex::new(Vec::<Value>::new());
    let jira = Api::new(move |asked: &Asked| {
        let mut hooks = hooks.lock().unwrap();
        match asked.line.as_str() {
            "GET /rest/api/2/serverInfo" => data_center_info(10),
            "GET /rest/jira-webhook/1.0/webhooks" => (200, json!(*hooks)),
            "POST /rest/jira-webhook/1.0/webhooks" => {
                let mut hook = asked.body.clone();
                (hook["id"], hook["configuration"]["FILTERS"]) = (json!(3), json!("{}"));
                hooks.push(hook.clone());
                (200, hook)
            }
            "PUT /rest/jira-webhook/1.0/webhooks/3" => (200, asked.body.clone()),
            _ => (404, json!("<html>")),
        }
    })
    .await;
    let mut service = service(&personal(&jira));
    // Nobody has a secret for Jira yet.
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("microalign.toml", &config.replacen(&format!("secrets = [\"{SECRET}\"]"), "", 1));
    let (code, out, err) = service.run(&["jira", "setup"]).await;
    assert_eq!(code, 0, "{err}");
    let made = jira.asked().pop().unwrap();
    let secret = made.body["configuration"]["SECRET"].as_str().unwrap().to_owned();
    assert!(secret.len() == 64 && made.authorization == format!("Bearer {TOKEN}"));
    assert_eq!((&made.body["events"], &made.body["active"]), (&json!(EVENTS), &json!(true)));
    assert!(!out.contains(&secret), "{out}");
    let file = service.path("secrets/jira");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // What it says is to be written makes what Jira signs good.
    let line = "secrets = [\"${file:secrets/jira}\"]";
    assert!(out.contains(line), "{out}");
    let (code, _, err) = service.run(&["jira", "setup"]).await;
    assert_eq!(code, 0, "{err}");
    let changed = jira.asked().pop().unwrap();
    assert_eq!(changed.line, "PUT /rest/jira-webhook/1.0/webhooks/3");
    assert_eq!(changed.body["id"], 3);
    assert_eq!(changed.body["configuration"], json!({ "SECRET": secret, "EXCLUDE_BODY": "false", "FILTERS": "{}" }));
    service.configure("jira", &format!("{line}\n"));
    service.start().await;
    let body = json!({ "webhookEvent": "worklog_created" }).to_string();
    let request = service.request("/webhooks/jira").header("x-hub-signature", sign(&secret, body.as_bytes()));
    assert_eq!(request.body(body).header("content-type", "application/json").send().await.unwrap().status(), 202);
}

/// Where somebody else has to do it: what to click is printed, and the command fails.
#[tokio::test]
async fn an_administrator_is_told_what_to_click() {
    let refuse = |status: u16| {
        move |asked: &Asked| match asked.line.as_str() {
            "GET /rest/api/2/serverInfo" => cloud_info(),
            _ => (status, json!({ "errorMessages": ["You are not <b>allowed</b>"] })),
        }
    };
    let service_account =
        |api: &Api| format!("base_url = \"{}\"\nclient_id = \"abc\"\nclient_secret = \"{TOKEN}\"\n", api.url);
    let mut cases = Vec::new();
    for (status, words) in [
        (401, "Jira answered 401: You are not <b>allowed</b>; the token in `[jira]` isn't valid"),
        (403, "the token's account isn't an administrator of Jira"),
        (404, "webhooks cannot be registered by the API there"),
    ] {
        let api = Api::new(refuse(status)).await;
        cases.push((account(&api), words));
    }
    let api = Api::new(refuse(500)).await;
    cases.push((service_account(&api), "a service account cannot register webhooks"));
    cases.push((format!("base_url = \"{}\"\n", api.url), "there is no `token` in `[jira]`"));
    for (keys, words) in cases {
        let service = service(&format!("{keys}projects = [\"DATA\"]\n"));
        let (code, out, err) = service.run(&["jira", "setup"]).await;
        assert!(code == 1 && err.contains(words), "{err} has no {words:?}");
        for line in [
            "Settings, System, WebHooks (http://127.0.0.1:",
            "URL:     https://microalign.example.com/webhooks/jira",
            "Secret:  the first of `[jira] secrets`",
            "JQL:     project in (DATA)",
            "Issue: created, updated, deleted; Comment: created, updated, deleted;",
            "Issue link: created; Sprint: started, closed; Version: released",
        ] {
            assert!(out.contains(line), "{out} has no {line:?}");
        }
        assert!(!format!("{out}{err}").contains(TOKEN) && !out.contains(SECRET), "{out}{err}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said_in_plain_words() {
    let hooks = |status: u16, body: Value| {
        move |asked: &Asked| match asked.line.as_str() {
            "GET /rest/api/2/serverInfo" => cloud_info(),
            "GET /rest/webhooks/1.0/webhook" => (200, json!([])),
            _ => (status, body.clone()),
        }
    };
    let errors = json!({ "errorMessages": [], "errors": { "url": "must be https" } });
    for (answer, words) in [
        ((400, errors.clone()), "Jira answered 400: must be https; nothing was registered"),
        ((422, errors), "Jira answered 422: must be https; nothing was registered"),
        ((429, json!("")), "Jira asked us to slow down for 7 s; nothing was registered"),
        ((503, json!("")), "Jira asked us to slow down for 7 s; nothing was registered"),
        ((500, json!("<html><b>Oops</b></html>")), "Jira answered 500: Internal Server Error; nothing was registered"),
        ((200, json!("{\"name\": \"micro")), "Jira's answer cannot be read"),
        ((200, json!("<html>sign in</html>")), "Jira's answer cannot be read"),
        ((302, json!("")), "Jira answered 302: it redirects to another address; is the one in `[jira]` right?"),
    ] {
        let api = Api::new(hooks(answer.0, answer.1)).await;
        let (code, out, err) = service(&account(&api)).run(&["jira", "setup"]).await;
        assert!(code == 1 && err.contains(words), "{err} has no {words:?}");
        assert!(out.is_empty() && !err.contains("<b>") && !err.contains(TOKEN), "{out}{err}");
    }
    let other = |info: (u16, Value)| Api::new(move |_| info.clone());
    let (cloud, old, new) =
        (other(cloud_info()).await, other(data_center_info(9)).await, other(data_center_info(10)).await);
    for (keys, words) in [
        (personal(&cloud), "this is Jira Cloud: `[jira]` needs the `user` that `token` belongs to"),
        (account(&new), "this is a Jira Data Center (10.3.1): leave out `user` in `[jira]`"),
        (personal(&old), "Jira 9.3.1 cannot sign webhooks, which Data Center does from version 10"),
    ] {
        let (code, _, err) = service(&keys).run(&["jira", "setup"]).await;
        assert!(code == 1 && err.contains(words), "{err} has no {words:?}");
    }
    let (_, out, _) = service(&personal(&old)).run(&["jira", "setup"]).await;
    let address =
        "URL:     https://microalign.example.com/webhooks/jira/SECRET, with the first of `[jira] secrets` in place of";
    assert!(out.contains(address) && !out.contains("Secret:") && !out.contains(SECRET), "{out}");
    let (code, _, err) = Service::new(TEAM, "").run(&["jira", "setup"]).await;
    assert!(code == 1 && err.contains("`[server] public_url` is missing"), "{err}");
}
