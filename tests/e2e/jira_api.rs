//! Jira's API as Cloud and Data Center have it: who asks, by which version, with which token.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use warp::Filter as _;

use crate::support::{Service, merged, states, ticket};

const TOKEN: &str = "hunter2-canary";

/// What an API was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /path?query`
    pub line: String,
    pub authorization: String,
    pub body: Value,
}

/// An API that keeps what it is asked, and answers as it is told to.
pub struct Api {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    /// `answer` gives a status and a body, as text where it isn't JSON; a status of 0 isn't an answer at all.
    pub async fn new(answer: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (kept, answer) = (Arc::clone(&asked), Arc::new(answer));
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let all = warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned());
        let route = all.and(warp::body::bytes()).then(
            move |method: warp::http::Method,
                  path: warp::path::FullPath,
                  query: String,
                  headers: warp::http::HeaderMap,
                  body: bytes::Bytes| {
                let query = if query.is_empty() { query } else { format!("?{query}") };
                let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
                let asked = Asked {
                    line: format!("{method} {}{query}", path.as_str()),
                    authorization: authorization.unwrap_or_default(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                let (status, body) = answer(&asked);
                kept.lock().unwrap().push(asked);
                async move {
                    if status == 0 {
                        std::future::pending::<()>().await;
                    }
                    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                    warp::http::Response::builder().status(status).header("retry-after", "7").body(text)
                }
            },
        );
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// `GET /path` and who asked, without what is asked of it.
    pub fn lines(&self) -> Vec<String> {
        let line = |asked: &Asked| {
            let path = asked.line.split('?').next().unwrap();
            format!("{path} {}", asked.authorization).trim().to_owned()
        };
        self.asked().iter().map(line).collect()
    }
}

/// A site on Cloud and all that belongs to it, at one address. The tokens that it gives are `canary-1`, `canary-2` and so
/// on; only those in `good` let in, and the rest of the answers is `answer`'s.
async fn cloud(good: &'static [&str], answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> Api {
    let given = Mutex::new(0);
    Api::new(move |asked| match asked.line.as_str() {
        "GET /_edge/tenant_info" => (200, json!({ "cloudId": "11223344-a1b2" })),
        "POST /oauth/token" => {
            let mut given = given.lock().unwrap();
            *given += 1;
            (200, json!({ "access_token": format!("canary-{given}"), "expires_in": 3600, "token_type": "Bearer" }))
        }
        line => match line.split_once("/ex/jira/11223344-a1b2") {
            _ if !good.contains(&asked.authorization.trim_start_matches("Bearer ")) => (401, json!({ "code": 401 })),
            Some((method, path)) => answer(&format!("{method}{path}")),
            None => (404, json!("<html>")),
        },
    })
    .await
}

fn service_account(url: &str) -> String {
    format!(
        "base_url = \"{url}\"\nclient_id = \"abc\"\nclient_secret = \"{TOKEN}\"\napi_url = \"{url}\"\nauth_url = \"{url}\"\n"
    )
}

fn issue() -> Value {
    json!({ "id": "10042", "key": "DATA-123", "fields": {
        "summary": "Orders in the v2 schema", "issuetype": { "name": "Story" },
        "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } } } })
}

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"work\"\non = [\"pull_request.merged\"]\nticket_type = [\"Story\"]\n";

#[tokio::test]
async fn a_service_account_gets_a_token_and_renews_what_is_refused() {
    let jira = cloud(&["canary-2"], |line| match line.split('?').next().unwrap() {
        "GET /rest/api/3/issue/DATA-123" => (200, issue()),
        _ => (404, json!({ "errorMessages": ["Issue does not exist"] })),
    })
    .await;
    let mut service = Service::new(TEAM, "");
    service.configure("jira", &service_account(&jira.url));
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "s-1", &merged(7)).await), ["sent"]);
    let mut other = merged(8);
    other["pull_request"]["body"] = json!("For DATA-124.");
    assert_eq!(states(&service.github_settled("pull_request", "s-2", &other).await), ["suppressed"]);
    let at = "/ex/jira/11223344-a1b2/rest/api/3/issue";
    let lines = jira.lines();
    let last = [format!("GET {at}/DATA-123 Bearer canary-2"), format!("GET {at}/DATA-124 Bearer canary-2")];
    let issues = lines.iter().filter(|line| line.contains(at) && line.contains("canary-2")).collect::<Vec<_>>();
    assert_eq!(issues, last.iter().collect::<Vec<_>>());
    // What is missed is asked for as well, with the same token.
    let count = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("GET /_edge/tenant_info"), count("POST /oauth/token")), (1, 2), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("canary-1")), "{lines:?}");
    let asked = json!({ "grant_type": "client_credentials", "client_id": "abc", "client_secret": TOKEN });
    assert!(jira.asked().iter().any(|question| question.body == asked));
    let all = format!("{} {}", service.log(), service.stored());
    assert!(!all.contains("canary"), "a token is where it must not be");
}

#[tokio::test]
async fn a_token_that_runs_out_is_renewed_before_it_is_refused() {
    // It is good for less than the minute that is kept in reserve.
    let jira = Api::new(|asked| match asked.line.split('?').next().unwrap() {
        "GET /_edge/tenant_info" => (200, json!({ "cloudId": "c" })),
        "POST /oauth/token" => (200, json!({ "access_token": "t", "expires_in": 59 })),
        "POST /ex/jira/c/rest/api/2/issue/DATA-123/comment" => (201, json!({ "id": "1" })),
        _ => (404, json!({})),
    })
    .await;
    let team = TEAM.replace("mailbox", "jira").replace("pull_request.merged", "ticket.priority_changed");
    let mut service = Service::new(&team.replace("ticket_type", "#"), "");
    service.configure("jira", &service_account(&jira.url));
    service.start().await;
    for (delivery, from, to) in [("e-1", "Low", "High"), ("e-2", "High", "Highest")] {
        let urgent = json!([{ "fieldId": "priority", "fromString": from, "toString": to }]);
        let update = ticket("In Progress", "indeterminate", urgent);
        assert_eq!(states(&service.jira_settled(delivery, &update).await), ["sent"]);
    }
    let lines = jira.lines();
    // One for each comment, and one for what asks.
    assert_eq!(lines.iter().filter(|line| *line == "POST /oauth/token").count(), 3, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "GET /_edge/tenant_info").count(), 2, "{lines:?}");
}

/// Who may comment where: on Cloud an account or a service account, on Data Center whoever has a token.
#[tokio::test]
async fn comments_are_written_in_wiki_markup_everywhere() {
    let made = |line: &str| match line {
        "POST /rest/api/2/issue/DATA-123/comment" => (201, json!({ "id": "10001" })),
        _ => (404, json!({ "errorMessages": ["Issue does not exist"] })),
    };
    let hosted = Api::new(move |asked| made(&asked.line)).await;
    // Each run of the program gets a token of its own, and another when that is refused.
    let gateway = cloud(&["canary-2", "canary-4"], made).await;
    let base = format!("base_url = \"{}\"\ntoken = \"{TOKEN}\"\n", hosted.url);
    let account = "Basic Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIyLWNhbmFyeQ==";
    for (keys, api, last) in [
        (format!("{base}user = \"bot@acme.example\"\n"), &hosted, account),
        (base, &hosted, "Bearer hunter2-canary"),
        (service_account(&gateway.url), &gateway, "Bearer canary-2"),
    ] {
        let service = Service::new(TEAM, "");
        service.configure("jira", &keys);
        let (code, out, err) = service.run(&["send-test", "jira", "--on", "DATA-123"]).await;
        assert_eq!((code, out.trim()), (0, "sent to jira (10001)"), "{err}");
        let asked = api.asked().pop().unwrap();
        assert_eq!(asked.authorization, last);
        assert!(asked.body["body"].as_str().unwrap().ends_with("\n\n— microalign"), "{}", asked.body);
        let (code, _, err) = service.run(&["send-test", "jira", "--on", "DATA-9"]).await;
        assert!(code == 1 && err.contains("there is no DATA-9"), "{err}");
    }
}

#[tokio::test]
async fn a_service_account_that_is_refused_is_told_in_plain_words() {
    let tenant = |asked: &Asked| (asked.line == "GET /_edge/tenant_info").then(|| (200, json!({ "cloudId": "c" })));
    for (answer, words) in [
        (
            (401, json!({ "error": "access_denied", "error_description": "Unauthorized" })),
            "Atlassian answered 401: Unauthorized",
        ),
        ((403, json!("<html><b>No</b></html>")), "Atlassian answered 403: Forbidden"),
        ((429, json!("")), "Atlassian asked us to slow down for 7 s"),
        ((500, json!("")), "Atlassian answered 500: Internal Server Error"),
        ((200, json!("{\"access_token\": \"can")), "Atlassian's answer cannot be read"),
        ((200, json!({ "token": "canary" })), "Atlassian's answer cannot be read: it has no usable `access_token`"),
        ((302, json!("")), "Atlassian answered 302: it redirects to another address"),
    ] {
        let jira = Api::new(move |asked| tenant(asked).unwrap_or_else(|| answer.clone())).await;
        let service = Service::new(TEAM, "");
        service.configure("jira", &service_account(&jira.url));
        let (code, out, err) = service.run(&["send-test", "jira", "--on", "DATA-123"]).await;
        assert!(code == 1 && err.contains(words), "{err} has no {words:?}");
        assert!(!format!("{out}{err}").contains("canary") && !err.contains("<b>"), "{err}");
    }
    let nowhere = Api::new(|_| (404, json!("<html>"))).await;
    let service = Service::new(TEAM, "");
    service.configure("jira", &service_account(&nowhere.url));
    let (_, _, err) = service.run(&["send-test", "jira", "--on", "DATA-123"]).await;
    assert!(err.contains("Jira answered 404: Not Found"), "{err}");
}
