//! What GitHub's and Jira's APIs add to what webhooks say, and what happens without their answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warp::Filter as _;

use crate::support::{Service, merged, pull_request, states};

pub const TOKEN: &str = "hunter2-canary";

/// What the API has: by path and query, the status and the body, as text where it isn't JSON. What it lacks is 404.
pub type Pages = BTreeMap<&'static str, (u16, Value)>;

/// The pages of a list of this name, each of 100.
pub fn pages_of(name: &str, list: &[Value]) -> Pages {
    let page = |(at, entries): (usize, &[Value])| {
        let more = if at == 0 { String::new() } else { format!("&page={}", at + 1) };
        let name: &'static str = Box::leak(format!("{name}?per_page=100{more}").into_boxed_str());
        (name, (200, json!(entries)))
    };
    list.chunks(100).enumerate().map(page).collect()
}

/// An API that keeps what it is asked for.
pub struct Api {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    pub async fn new(pages: Pages) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (kept, pages) = (Arc::clone(&asked), Arc::new(pages));
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let all = warp::path::full().and(query).and(warp::header::headers_cloned());
        let route = all.then(move |path: warp::path::FullPath, query: String, headers: warp::http::HeaderMap| {
            let name = if query.is_empty() { path.as_str().to_owned() } else { format!("{}?{query}", path.as_str()) };
            // An App shows who it is by a token that it signs itself, and gets one for the rest.
            let as_app = path.as_str().starts_with("/app/") || path.as_str().starts_with("/users/");
            let wanted = if as_app { "Bearer ey" } else { TOKEN };
            let authorized = headers.get("authorization").is_some_and(|value| value.to_str().unwrap().contains(wanted));
            let not_modified = headers.contains_key("if-none-match");
            kept.lock().unwrap().push(format!("{name}{}", if not_modified { " if changed" } else { "" }));
            let found = pages.get(name.as_str()).cloned();
            let (list, page) = name.split_once("&page=").unwrap_or((&name, "1"));
            let page = page.parse::<u32>().unwrap_or_default() + 1;
            let next = Some(page).filter(|page| pages.contains_key(format!("{list}&page={page}").as_str()));
            async move {
                let (status, body) = match found {
                    _ if !authorized => (401, json!({ "message": "Bad credentials" })),
                    Some((0, _)) => std::future::pending().await,
                    Some(_) if not_modified => (304, json!("")),
                    Some(page) => page,
                    None => (404, json!({ "message": "Not Found" })),
                };
                let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                let next = match next {
                    Some(page) => {
                        let next = format!("<http://elsewhere.example/x?per_page=100&page={page}>; rel=\"next\"");
                        format!("{next}, <http://x/>; rel=\"last\"")
                    }
                    None => "<http://x/>; rel=\"last\"".to_owned(),
                };
                let etag = format!("\"{}\"", text.len());
                warp::http::Response::builder().status(status).header("link", next).header("etag", etag).body(text)
            }
        });
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub fn github(&self) -> String {
        format!("token = \"{TOKEN}\"\napi_url = \"{}\"\n", self.url)
    }
}

pub fn files(names: &[&str]) -> (u16, Value) {
    (200, names.iter().map(|name| json!({ "filename": name, "status": "modified" })).collect())
}

fn team(more: &str, rule: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n{more}\n[[rule]]\nname = \"work\"\non = [\"pull_request.merged\"]\n{rule}\n"
    )
}

fn without_key(mut payload: Value) -> Value {
    payload["pull_request"]["body"] = json!("");
    payload
}

const FILES: &str = "/repos/acme/ingest-api/pulls/7/files?per_page=100";
const MORE_FILES: &str = "/repos/acme/ingest-api/pulls/7/files?per_page=100&page=2";

#[tokio::test]
async fn a_pull_requests_files_decide() {
    let renamed = json!([{ "filename": "lib/x.sql", "previous_filename": "schemas/x.sql", "status": "renamed" }]);
    let pages = Pages::from([(FILES, files(&["README.md"])), (MORE_FILES, (200, renamed))]);
    let api = Api::new(pages).await;
    let service = Service::started(&team("", "paths = [\"schemas/**\"]"), &api.github()).await;
    assert_eq!(states(&service.github_settled("pull_request", "f-1", &merged(7)).await), ["sent"]);
    // Another pull request, whose files nobody can tell.
    let lines = service.github_settled("pull_request", "f-2", &merged(8)).await;
    assert_eq!(states(&lines), ["suppressed"]);
    assert_eq!(lines[0]["reason"], "no rule matched; not all was known: GitHub answered 404: Not Found");
    let explained = service.run(&["explain", "--event-id", "2", "--all"]).await.1;
    assert!(explained.contains("the changed files are not known"), "{explained}");
    // The same once more: GitHub is asked whether something changed.
    service.github_settled("pull_request", "f-3", &pull_request("labeled", 7, json!({}))).await;
    assert!(api.asked().contains(&format!("{FILES} if changed")), "{:?}", api.asked());
}

#[tokio::test]
async fn an_app_asks_with_the_token_of_its_installation() {
    let token = json!({ "token": TOKEN, "expires_at": "2099-01-01T00:00:00Z", "permissions": {} });
    let pages = Pages::from([
        ("/users/acme/installation", (200, json!({ "id": 5 }))),
        ("/app/installations/5/access_tokens", (201, token)),
        (FILES, files(&["schemas/x"])),
        (MORE_FILES, files(&[])),
    ]);
    let api = Api::new(pages).await;
    let access = format!("app_id = \"17\"\nprivate_key = \"${{file:app.pem}}\"\napi_url = \"{}\"\n", api.url);
    let mut service = Service::new(&team("", "paths = [\"schemas/**\"]"), &access);
    let key = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().unwrap().stdout;
    service.write("app.pem", &String::from_utf8(key).unwrap());
    service.start().await;
    for (delivery, number) in [("a-1", 7), ("a-2", 8)] {
        service.github_settled("pull_request", delivery, &merged(number)).await;
    }
    let asked = api.asked();
    assert_eq!(asked.iter().filter(|path| path.ends_with("access_tokens")).count(), 1, "{asked:?}");
    assert_eq!(states(&service.settled("a-1").await), ["sent"]);
    assert!(!service.log().contains(TOKEN));
}

#[tokio::test]
async fn nobody_is_asked_what_no_rule_wants_to_know() {
    let api = Api::new(Pages::new()).await;
    let service = Service::started(&team("", "repo = [\"acme/other\"]\npaths = [\"**\"]"), &api.github()).await;
    assert_eq!(states(&service.github_settled("pull_request", "n-1", &merged(7)).await), ["suppressed"]);
    assert_eq!(api.asked(), [""; 0]);
}

#[tokio::test]
async fn keys_in_commit_messages_are_keys() {
    let commits = json!([{ "sha": "1", "commit": { "message": "Add it\n\nFor DATA-9" } }]);
    let api = Api::new(Pages::from([("/repos/acme/ingest-api/pulls/7/commits?per_page=100", (200, commits))])).await;
    let service = Service::started(&team("", "ticket = [\"DATA-*\"]"), &api.github()).await;
    let lines = service.github_settled("pull_request", "k-1", &without_key(merged(7))).await;
    assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &json!("DATA-9")));
}

#[tokio::test]
async fn what_jira_knows_is_said_and_what_it_does_not_know_is_no_ticket() {
    let issue = json!({ "id": "10042", "key": "DATA-123", "fields": {
        "summary": "Orders in the v2 schema", "issuetype": { "name": "Story" },
        "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } } } });
    let jira = Api::new(Pages::from([(
        "/rest/api/2/issue/DATA-123?fields=summary,status,duedate,assignee,reporter,priority,issuetype,project,labels,fixVersions,components,resolution,security,issuelinks,parent,updated",
        (200, issue),
    )]))
    .await;
    let mut service = Service::new(&team("", "ticket_type = [\"Story\"]"), "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"{TOKEN}\"\n", jira.url));
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "j-1", &merged(7)).await), ["sent"]);
    let mut other = merged(8);
    other["pull_request"]["body"] = json!("As in COVID-19 and WORLD-2.");
    let lines = service.github_settled("pull_request", "j-2", &other).await;
    assert_eq!(lines[0]["thread"], "acme/ingest-api#8", "{lines:?}");
}

#[tokio::test]
async fn a_team_hears_of_changes_to_what_it_owns() {
    let owners = "*.md @docs\nschemas/ @acme/Data-Platform\n";
    let pages = Pages::from([
        (FILES, files(&["schemas/orders.sql"])),
        (MORE_FILES, files(&[])),
        ("/repos/acme/ingest-api/pulls/8/files?per_page=100", files(&["README.md"])),
        ("/repos/acme/ingest-api/pulls/8/files?per_page=100&page=2", files(&["api/x"])),
        ("/repos/acme/ingest-api/contents/CODEOWNERS?ref=main", (200, json!(owners))),
        (
            "/repos/acme/ingest-api/git/trees/main?recursive=1",
            (200, json!({ "tree": [{ "path": "api/CODENOTIFY" }, { "path": "api/x" }], "truncated": false })),
        ),
        ("/repos/acme/ingest-api/contents/api/CODENOTIFY?ref=main", (200, json!("* @bo\n"))),
    ]);
    let api = Api::new(pages).await;
    let more = "owns = \"codeowners\"\ngithub_team = \"acme/data-platform\"";
    let mut service = Service::new(&team(more, "touches_owned = true"), &api.github());
    let told = team("owns = \"codeowners\"\nmembers = [\"bo\"]", "touches_owned = true").replace("\"web\"", "\"bo\"");
    service.write("rules/bo.toml", &told);
    let paths = team("owns = [\"schemas/**\"]", "touches_owned = true").replace("\"web\"", "\"paths\"");
    service.write("rules/paths.toml", &paths);
    service.start().await;
    let teams =
        |lines: Vec<Value>| lines.iter().map(|line| line["team"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let first = service.github_settled("pull_request", "o-1", &merged(7)).await;
    assert_eq!(teams(first), ["paths", "web"], "{}", service.run(&["explain", "--event-id", "1"]).await.1);
    assert_eq!(teams(service.github_settled("pull_request", "o-2", &merged(8)).await), ["bo"]);
}

#[tokio::test]
async fn a_team_hears_of_as_much_of_what_it_owns_as_it_asks_for() {
    let tree = json!({ "tree": [{ "path": ".gitattributes" }, { "path": "api/.gitattributes" }], "truncated": false });
    let contents = |path: &str| format!("/repos/acme/ingest-api/contents/{path}?ref=main");
    let pull = |number: u64| format!("/repos/acme/ingest-api/pulls/{number}/files?per_page=100");
    let mut pages = Pages::from([("/repos/acme/ingest-api/git/trees/main?recursive=1", (200, tree))]);
    for (path, text) in [
        ("CODEOWNERS", "api/ @acme/web\n"),
        (".gitattributes", "*.pb.go linguist-generated\napi/** linguist-generated\n"),
        ("api/.gitattributes", "*.proto -linguist-generated\n"),
    ] {
        pages.insert(contents(path).leak(), (200, json!(text)));
    }
    for (number, changed) in [
        (7, &["api/a.proto", "api/a.pb.go", "x/b", "x/c"][..]),
        (8, &["api/a.pb.go", "x/b"]),
        (9, &["api/a.proto", "api/b.proto", "x/b"]),
    ] {
        pages.insert(pull(number).leak(), files(changed));
        pages.insert(format!("{}&page=2", pull(number)).leak(), files(&[]));
    }
    let api = Api::new(pages).await;
    let rules = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\nowns = \"codeowners\"\ngithub_team = \"acme/web\"\n\
                 [[rule]]\nname = \"any\"\non = [\"pull_request.merged\"]\ntouches_owned = true\n\
                 [[rule]]\nname = \"by-hand\"\non = [\"pull_request.merged\"]\ntouches_owned = { generated = false }\n\
                 [[rule]]\nname = \"much\"\non = [\"pull_request.merged\"]\n\
                 touches_owned = { files = \">1\", share = \">50%\", generated = false }\n";
    let service = Service::started(rules, &api.github()).await;
    for (number, expected) in [(7, &["any", "by-hand"][..]), (8, &["any"]), (9, &["any", "by-hand", "much"])] {
        let lines = service.github_settled("pull_request", &format!("w-{number}"), &merged(number)).await;
        let told = lines.iter().map(|line| line["rule"].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(told, expected, "{number}");
    }
    let asked = api.asked().iter().filter(|path| path.contains("gitattributes")).count();
    assert_eq!(asked, 2, "what a repository says is kept");
}

/// Whatever the API says: the webhook is answered, the ledger says why not all was known, and the token is nowhere.
#[tokio::test]
async fn an_api_in_trouble_is_said_in_plain_words() {
    let said = |status: u16, message: &str| (status, json!({ "message": message }));
    for (page, words) in [
        (said(401, "Bad credentials"), "GitHub answered 401: Bad credentials"),
        (said(403, "Resource not accessible by personal access token"), "GitHub answered 403: Resource not accessible"),
        (said(403, "You have exceeded a secondary rate limit."), "GitHub asked us to slow down for 60 s"),
        (said(404, "Not Found"), "GitHub answered 404: Not Found"),
        (said(422, "Validation Failed"), "GitHub answered 422: Validation Failed"),
        ((500, json!("<html><b>Unicorn</b></html>")), "GitHub answered 500: Internal Server Error"),
        ((200, json!("[{\"filename\": \"sche")), "GitHub's answer cannot be read"),
        ((200, json!("<html>sign in</html>")), "GitHub's answer cannot be read"),
        ((0, json!("")), "GitHub did not answer within 8 s"),
    ] {
        let api = Api::new(Pages::from([(FILES, page)])).await;
        let service = Service::started(&team("", "paths = [\"**\"]"), &api.github()).await;
        let began = Instant::now();
        service.github("pull_request", "t-1", &merged(7)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "the answer to the webhook waits for nobody");
        let lines = service.settled("t-1").await;
        let reason = lines[0]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason:?} has no {words:?}");
        let text = format!("{} {lines:?} {}", service.log(), service.stored());
        assert!(!text.contains(TOKEN) && !text.contains("Unicorn"));
    }
}
