//! Against GitHub's API as GitHub describes it: the OpenAPI description of api.github.com, which Prism serves. It says
//! what does not fit the description, and answers with the examples in it, which our readers have to read.
//!
//! `MICROALIGN_PRISM` is the path of Prism's executable, beside which npm has installed `@octokit/openapi`. Without it
//! these tests say so and pass, unless `MICROALIGN_REQUIRE_SERVERS=1`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "e2e/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "it is written for the tests in e2e")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use microalign::api::github::{APP_HOOK, Annotation, Begun, Check, Github, Hook, HookAt, Wanted};
use microalign::api::github::{GithubApi, GithubLogin};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use warp::Filter as _;
use warp::http::{HeaderMap, Method, Response, StatusCode};

use support::{Service, did_not_run, pull_request, states};

const REPO: &str = "octocat/hello-world";
/// Prism reads a description of 13 MB before it listens.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was asked, and why it was refused if it was.
type Asked = Vec<(String, Option<String>)>;

/// GitHub as it is described, for as long as the test runs.
struct Described {
    child: Child,
    url: String,
    asked: Arc<Mutex<Asked>>,
    client: reqwest::Client,
}

impl Described {
    async fn start(prism: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let description = prism.ancestors().nth(2).unwrap().join("@octokit/openapi/generated/api.github.com.json");
        assert!(description.is_file(), "there is no {}", description.display());
        microalign::channel::choose_tls_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let child = Command::new(prism)
            .args(["mock", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg(description)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let asked = Arc::<Mutex<Asked>>::default();
        let url = proxy(format!("http://127.0.0.1:{port}"), Arc::clone(&asked)).await;
        let described = Self { child, url, asked, client };
        let up = async {
            while described.client.get(format!("http://127.0.0.1:{port}/meta")).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("Prism listens");
        described
    }

    fn github(&self, login: GithubLogin) -> Github {
        Github::new(&GithubApi { url: self.url.parse().unwrap(), login }, self.client.clone()).unwrap()
    }

    /// What was refused since the last time, and how much was asked.
    fn refused(&self) -> (usize, Vec<(String, String)>) {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        (asked.len(), asked.into_iter().filter_map(|(what, why)| Some((what, why?))).collect())
    }
}

impl Drop for Described {
    fn drop(&mut self) {
        self.child.kill().expect("Prism runs to the end");
        self.child.wait().expect("it can be waited for");
    }
}

/// Lies before Prism, and changes one header: the description has `application/json` where GitHub's documentation wants
/// `application/vnd.github+json` or the like, to which Prism answers 406. All else is as we send it.
async fn proxy(prism: String, asked: Arc<Mutex<Asked>>) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let query = warp::query::raw().map(|query| format!("?{query}")).or(warp::any().map(String::new)).unify();
    let all = warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned());
    let route = all.and(warp::body::bytes()).then(
        move |method: Method, path: warp::path::FullPath, query: String, mut headers: HeaderMap, body: bytes::Bytes| {
            let (client, prism, asked) = (client.clone(), prism.clone(), Arc::clone(&asked));
            async move {
                let what = format!("{method} {}{query}", path.as_str());
                headers.remove("host");
                headers.insert("accept", "application/json".parse().unwrap());
                let request = client.request(method, format!("{prism}{}{query}", path.as_str()));
                let answer = request.headers(headers).body(body).send().await.unwrap();
                let (status, headers) = (answer.status(), answer.headers().clone());
                let text = answer.text().await.unwrap();
                // Some of the examples don't fit their own description, which Prism says in the same place.
                let violations = headers.get("sl-violations").map(|why| why.to_str().unwrap().to_owned());
                let violations = violations.filter(|why| why.contains("[\"request\""));
                let status = if violations.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { status };
                let refused = violations.or_else(|| (!status.is_success()).then(|| format!("{status} {text}")));
                asked.lock().unwrap().push((what, refused));
                let mut response = Response::builder().status(status);
                for name in ["content-type", "link", "etag"] {
                    response =
                        headers.get(name).into_iter().fold(response, |response, value| response.header(name, value));
                }
                response.body(text).unwrap()
            }
        },
    );
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(warp::serve(route).incoming(socket).run());
    url
}

fn prism() -> Option<PathBuf> {
    let found = std::env::var_os("MICROALIGN_PRISM").map(PathBuf::from);
    if found.is_none() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no Prism: set MICROALIGN_PRISM");
        did_not_run("MICROALIGN_PRISM does not say where Prism is");
    }
    found
}

/// One test, since Prism takes its time to start.
#[tokio::test]
async fn github_would_take_what_we_ask() {
    let Some(prism) = prism() else { return };
    let described = Described::start(&prism).await;
    code(&described.github(GithubLogin::Token("hunter2".into()))).await;
    hooks(&described.github(GithubLogin::Token("hunter2".into()))).await;
    app(&described).await;
    writes(&described.github(GithubLogin::Token("hunter2".into()))).await;
    comments(&described).await;
    let (count, refused) = described.refused();
    assert!(count > 20, "{count}");
    assert_eq!(refused, []);
    wrong(&described).await;
}

async fn code(github: &Github) {
    assert_eq!(github.files(REPO, 1347).await.unwrap().listed, ["file1.txt"]);
    assert_eq!(github.commits(REPO, 1347).await.unwrap().listed[0].message, "Fix all the bugs");
    assert_eq!(github.pull_request(REPO, 1347).await.unwrap()["number"], 1347);
    // Prism's answer has no number here.
    assert!(github.issue(REPO, 1347).await.unwrap().is_object());
    assert_eq!(github.pull_requests_with(REPO, "6dcb09b5b57").await.unwrap()[0]["number"], 1347);
    // A name with what an address could stumble over; but for a slash, which the description has no place for.
    let file = github.file(REPO, "ä b#c?.md", "release/1.x").await.unwrap();
    assert!(file.is_some_and(|text| text.contains("README.md")));
    assert_eq!(github.files_named(REPO, "release/1.x", "file.rb").await.unwrap().listed, ["file.rb"]);
    assert_eq!(github.team_members("octo-org/justice-league").await.unwrap()[0], "octocat");
}

/// A check run with as many annotations as take two requests, and a comment.
async fn writes(github: &Github) {
    let annotation = |line| Annotation {
        path: ".github/microalign.toml".to_owned(),
        start_line: line,
        end_line: line,
        start_column: Some(7),
        end_column: Some(9),
        annotation_level: "failure",
        message: "unknown key `onn`\ndid you mean `on`?".to_owned(),
    };
    let check = Check {
        success: false,
        title: "60 problems".to_owned(),
        summary: "What is in force stays in force.".to_owned(),
        annotations: (1..=60).map(annotation).collect(),
    };
    let of = ("ce587453ced02b1526dfb4cb910479d431683101", "microalign:1@ce58745");
    let id = github.begin_check(REPO, "microalign", of).await.unwrap();
    github.end_check(REPO, &Begun { id, completed: false, annotations: 0 }, &check).await.unwrap();
    assert_eq!(github.begun_check(REPO, "microalign", of).await.unwrap(), None);
    let id = github.comment(REPO, 1347, "Hi").await.unwrap();
    github.edit_comment(REPO, id, "Hi again").await.unwrap();
    assert_eq!(github.own_comment(REPO, 1347, "<!-- none -->").await.unwrap(), None);
    github.delete_comment(REPO, id).await.unwrap();
    let text =
        github.file_at(REPO, ".github%microalign.toml", "6dcb09b5b57875f334f61aebed695e2e4193db5e").await.unwrap();
    assert!(text.is_some());
}

async fn hooks(github: &Github) {
    let secret = "s3cret".into();
    let wanted =
        Wanted { url: "https://x.example/webhooks/github", secret: &secret, events: &["push", "pull_request"] };
    for (at, url) in [
        (HookAt::Repo(REPO.to_owned()), "https://example.com/webhook"),
        (HookAt::Org("octocat".to_owned()), "http://example.com"),
    ] {
        let there = github.hooks(&at).await.unwrap();
        assert_eq!(there[0].config.url, url);
        let id = github.make_hook(&at, &wanted).await.unwrap();
        github.change_hook(&at, id, &wanted).await.unwrap();
        github.ping_hook(&at, id).await.unwrap();
        let route = match &at {
            HookAt::Repo(repo) => format!("/repos/{repo}/hooks/{id}"),
            HookAt::Org(org) => format!("/orgs/{org}/hooks/{id}"),
        };
        deliveries(github, (&Hook::At(at, id), &route)).await;
    }
}

async fn deliveries(github: &Github, (hook, route): (&Hook, &str)) {
    let latest = github.latest_deliveries(hook).await.unwrap();
    let [delivery, _] = &latest[..] else { panic!("{latest:?}") };
    assert_eq!((&*delivery.event, &*delivery.status, delivery.status_code), ("issues", "OK", Some(200)));
    assert_eq!(github.answer_to(hook, delivery.id).await.unwrap().as_deref(), Some("ok"));
    github.deliver_again(hook, delivery.id).await.unwrap();
    let attempts = github.attempts(route, "2019-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let body = github.delivered(route, &attempts[0]).await.unwrap().unwrap();
    assert_eq!((&*body.event, attempts[0].id), ("issues", delivery.id));
    assert!(body.payload.starts_with(b"{\"action\":\"opened\""), "{}", String::from_utf8_lossy(&body.payload));
}

/// From the manifest's code to what the App asks with the key that it got, as itself and as its installation.
async fn app(described: &Described) {
    let made =
        described.github(GithubLogin::Nobody).app_from_manifest("a180b1a3d263c81bc6441d7b990bae27d4c10679").await;
    let made = made.unwrap();
    assert_eq!((made.id, &*made.html_url), (1, "https://github.com/apps/octoapp"));
    assert_eq!(made.webhook_secret.unwrap().expose_secret(), "e340154128314309424b7c8e90325147d99fdafa");
    let github = described.github(GithubLogin::App { id: made.id, key: made.pem });
    assert!(github.app().await.unwrap().events.contains(&"pull_request".to_owned()));
    let secret = "s3cret".into();
    let wanted = Wanted { url: "https://x.example/webhooks/github", secret: &secret, events: &["push"] };
    github.change_app_hook(&wanted).await.unwrap();
    deliveries(&github, (&Hook::App, APP_HOOK)).await;
    assert!(github.installation_token(REPO).await.unwrap().expose_secret().starts_with("ghs_"));
    code(&github).await;
}

/// A comment, and an edit of it, by the service itself.
async fn comments(described: &Described) {
    let team = "team = \"web\"\nto = [\"github\"]\nsettle = \"0s\"\nown = true\nupdated = \"edit\"\n\
        [[rule]]\nname = \"all\"\non = [\"pull_request.*\"]\n";
    let more = format!("token = \"hunter2\"\napi_url = \"{}\"\n", described.url);
    let service = Service::started(team, &more).await;
    for (delivery, action) in [("d-1", "opened"), ("d-2", "synchronize")] {
        let payload = pull_request(action, 7, json!({}));
        let lines = service.github_settled("pull_request", delivery, &payload).await;
        assert_eq!(states(&lines), ["sent"], "{lines:?}");
    }
    let asked = described.asked.lock().unwrap().clone();
    for (method, path) in [("POST", "issues/7/comments"), ("PATCH", "issues/comments/1")] {
        let what = format!("{method} /repos/acme/ingest-api/{path}");
        assert!(asked.iter().any(|(asked, _)| *asked == what), "no {what} in {asked:?}");
    }
}

/// What does not fit is refused: else all the above would prove nothing.
async fn wrong(described: &Described) {
    for (path, body, why) in [
        ("repos/o/r/hooks", json!({ "name": "web", "events": "push" }), "events must be array"),
        ("repos/o/r/hooks", json!({ "name": "web", "event": ["push"] }), "additional properties"),
        ("orgs/o/hooks", json!({ "name": "web" }), "required property 'config'"),
        ("repos/o/r/hooks/seven/pings", Value::Null, "must be integer"),
        ("repos/o/r/hooks/7/pings", json!({}), "non-empty body"),
        ("app-manifest/code/conversions", json!({}), "404"),
    ] {
        let request = described.client.post(format!("{}/{path}", described.url));
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        let (_, refused) = described.refused();
        assert!(answer.status().is_client_error(), "{path}");
        assert!(refused.len() == 1 && refused[0].1.contains(why), "{refused:?}");
    }
}
