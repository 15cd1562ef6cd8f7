//! A GitHub that remembers: repositories with files, pull requests, check runs and comments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use warp::Filter as _;

use super::eventually;

const TOKEN: &str = "hunter2-canary";
/// Who comments with that token, or as the App.
const OWN: &str = "microalign[bot]";

/// Files, by their paths.
pub type Files = BTreeMap<String, String>;

/// Such a GitHub. `acme` is an organisation that the App is installed in.
pub struct Hub {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub struct State {
    /// The default branches, by repository
    pub repos: BTreeMap<String, Files>,
    /// Other commits, by repository and SHA
    pub commits: BTreeMap<(String, String), Files>,
    /// Pull requests as the API writes them, by repository and number
    pub pulls: BTreeMap<(String, u64), Value>,
    /// The names of the files that they change
    pub changed: BTreeMap<(String, u64), Vec<String>>,
    /// The repositories that are forks
    pub forks: BTreeSet<String>,
    /// Check runs as they are now
    pub checks: Vec<Value>,
    /// Comments, by their ids: where, by whom, and the text
    pub comments: BTreeMap<u64, (String, u64, String, String)>,
    /// The status that everything is answered with, if GitHub is in trouble
    pub trouble: Option<u16>,
    /// Whether the App lacks the permission for check runs
    pub refuses_checks: bool,
    /// Whether requests that change a check run fail
    pub refuses_ends: bool,
    /// Whether comments are written, and the answer that says so is lost
    pub loses_answers: bool,
    /// Whether whoever writes something is asked to slow down
    pub limits_writers: bool,
    /// What was asked: method, path with query, body
    pub asked: Vec<(String, String, Value)>,
}

impl Hub {
    pub async fn new() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let kept = Arc::clone(&state);
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let all = warp::method().and(warp::path::full()).and(query).and(warp::body::bytes());
        let route = all.map(
            move |method: warp::http::Method, path: warp::path::FullPath, query: String, body: bytes::Bytes| {
                let body = serde_json::from_slice::<Value>(&body).unwrap_or_default();
                let (status, answer) = kept.lock().unwrap().answer(method.as_str(), (path.as_str(), &query), body);
                let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
                warp::http::Response::builder().status(status).header("content-type", "application/json").body(text)
            },
        );
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Keys of `[github]` that ask it with a token.
    pub fn token(&self) -> String {
        format!("token = \"{TOKEN}\"\napi_url = \"{}\"\n", self.url)
    }

    /// Keys of `[github]` that ask it as an App, and the App's key in PEM, for `app.pem`.
    pub fn app(&self) -> (String, String) {
        let keys = format!("app_id = \"17\"\nprivate_key = \"${{file:app.pem}}\"\napi_url = \"{}\"\n", self.url);
        let key = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().unwrap().stdout;
        (keys, String::from_utf8(key).unwrap())
    }

    /// Puts a file on a repository's default branch.
    pub fn put(&self, repo: &str, path: &str, text: &str) {
        self.state().repos.entry(repo.to_owned()).or_default().insert(path.to_owned(), text.to_owned());
    }

    /// Waits until it was asked something.
    pub async fn asked(&self, what: &str, wanted: impl Fn(&(String, String, Value)) -> bool) {
        eventually(what, async || self.state().asked.iter().any(&wanted).then_some(())).await;
    }
}

fn id_of(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..20])
}

fn commit_of(files: &Files) -> String {
    id_of(&format!("{files:?}"))
}

impl State {
    fn answer(&mut self, method: &str, (path, query): (&str, &str), body: Value) -> (u16, Value) {
        let name = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.asked.push((method.to_owned(), name, body.clone()));
        if let Some(status) = self.trouble {
            return (status, json!({ "message": "Unicorn" }));
        }
        if self.limits_writers && path.contains("/comments") {
            return (403, json!({ "message": "You have exceeded a secondary rate limit." }));
        }
        let missing = (404, json!({ "message": "Not Found" }));
        let parts = path.trim_matches('/').split('/').collect::<Vec<_>>();
        let repo = || format!("{}/{}", parts[1], parts[2]);
        match (method, parts.as_slice()) {
            ("GET", ["user"]) => (200, json!({ "login": OWN })),
            ("GET", ["users", "acme", "installation"]) => (200, json!({ "id": 5 })),
            ("POST", ["app", "installations", "5", "access_tokens"]) => {
                (201, json!({ "token": TOKEN, "expires_at": "2099-01-01T00:00:00Z", "permissions": {} }))
            }
            ("POST", ["graphql"]) => (200, self.graphql(&body["variables"])),
            ("GET", ["repos", _, _, "contents", file @ ..]) => {
                let wanted = query.strip_prefix("ref=").unwrap_or_default();
                let head = self.repos.get(&repo()).filter(|files| wanted == "main" || commit_of(files) == wanted);
                let files = head.or_else(|| self.commits.get(&(repo(), wanted.to_owned())));
                files.and_then(|files| files.get(&file.join("/"))).map_or(missing, |text| (200, json!(text)))
            }
            ("GET", ["repos", _, _, "git", "trees", wanted]) => {
                let files = self.repos.get(&repo()).filter(|_| *wanted == "main");
                let files = files.or_else(|| self.commits.get(&(repo(), (*wanted).to_owned())));
                files.map_or(missing, |files| {
                    let tree =
                        files.iter().map(|(path, text)| json!({ "path": path, "size": text.len(), "type": "blob" }));
                    (200, json!({ "tree": tree.collect::<Vec<_>>(), "truncated": false }))
                })
            }
            ("GET", ["repos", _, _, "pulls", number]) => {
                let pull = self.pulls.get(&(repo(), number.parse().unwrap()));
                pull.map_or(missing, |pull| (200, pull.clone()))
            }
            ("GET", ["repos", _, _, "pulls", number, "files"]) => {
                let files = self.changed.get(&(repo(), number.parse().unwrap())).cloned().unwrap_or_default();
                (200, files.iter().map(|file| json!({ "filename": file, "status": "modified" })).collect())
            }
            ("GET", ["repos", _, _, "pulls", _, "commits"]) => (200, json!([])),
            ("POST", ["repos", _, _, "check-runs"]) if self.refuses_checks => {
                (403, json!({ "message": "Resource not accessible by integration" }))
            }
            ("POST", ["repos", _, _, "check-runs"]) => {
                let mut check = body;
                check["id"] = json!(self.checks.len() + 1);
                check["repo"] = json!(repo());
                if check["output"].is_null() {
                    check["output"] = json!({ "annotations": [] });
                }
                self.checks.push(check.clone());
                (201, check)
            }
            ("PATCH", ["repos", _, _, "check-runs", _]) if self.refuses_ends => {
                (502, json!({ "message": "Bad Gateway" }))
            }
            ("PATCH", ["repos", _, _, "check-runs", id]) => {
                let check = &mut self.checks[id.parse::<usize>().unwrap() - 1];
                // Annotations are added to those that are there.
                let mut annotations = check["output"]["annotations"].as_array().unwrap().clone();
                for (key, value) in body.as_object().unwrap() {
                    check[key] = value.clone();
                }
                annotations.extend(body["output"]["annotations"].as_array().into_iter().flatten().cloned());
                check["output"]["annotations_count"] = json!(annotations.len());
                check["output"]["annotations"] = json!(annotations);
                (200, check.clone())
            }
            ("GET", ["repos", _, _, "commits", sha, "check-runs"]) => {
                let of = |check: &&Value| check["head_sha"] == **sha && check["repo"] == repo();
                let checks = self.checks.iter().filter(of).cloned().collect::<Vec<_>>();
                (200, json!({ "total_count": checks.len(), "check_runs": checks }))
            }
            ("GET", ["repos", _, _, "issues", number, "comments"]) => {
                let number = number.parse::<u64>().unwrap();
                let of = self.comments.iter().filter(|(_, comment)| comment.0 == repo() && comment.1 == number);
                let comment = |(id, (.., by, text)): (&u64, &(String, u64, String, String))| {
                    json!({ "id": id, "body": text, "user": { "login": by },
                        "performed_via_github_app": (by == OWN).then(|| json!({ "id": 17 })) })
                };
                (200, of.map(comment).collect())
            }
            ("POST", ["repos", _, _, "issues", number, "comments"]) => {
                let id = 1000 + self.asked.len() as u64;
                let text = body["body"].as_str().unwrap().to_owned();
                self.comments.insert(id, (repo(), number.parse().unwrap(), OWN.to_owned(), text));
                if self.loses_answers { (502, json!({ "message": "Bad Gateway" })) } else { (201, json!({ "id": id })) }
            }
            ("PATCH", ["repos", _, _, "issues", "comments", id]) => match self.comments.get_mut(&id.parse().unwrap()) {
                Some(comment) => {
                    body["body"].as_str().unwrap().clone_into(&mut comment.3);
                    (200, json!({ "id": id }))
                }
                None => missing,
            },
            ("DELETE", ["repos", _, _, "issues", "comments", id]) => {
                self.comments.remove(&id.parse().unwrap()).map_or(missing, |_| (204, json!("")))
            }
            _ => missing,
        }
    }

    /// Which repositories have a team file.
    fn graphql(&self, variables: &Value) -> Value {
        let path = variables["file"].as_str().unwrap_or_default().trim_start_matches("HEAD:").to_owned();
        let node = |(repo, files): (&String, &Files)| {
            let file = files.get(&path).map(|text| json!({ "oid": id_of(text), "byteSize": text.len() }));
            json!({
                "nameWithOwner": repo,
                "isFork": self.forks.contains(repo),
                "defaultBranchRef": { "target": { "oid": commit_of(files) } },
                "object": file,
            })
        };
        let owner = variables["owner"].as_str().unwrap_or_default();
        if let Some(name) = variables["name"].as_str() {
            return match self.repos.get_key_value(&format!("{owner}/{name}")) {
                Some(repository) => json!({ "data": { "repository": node(repository) } }),
                None => {
                    json!({ "data": { "repository": null }, "errors": [{ "type": "NOT_FOUND", "message": "No." }] })
                }
            };
        }
        // Two of a page, so that there are several.
        let of = self.repos.iter().filter(|(repo, _)| repo.starts_with(&format!("{owner}/"))).collect::<Vec<_>>();
        let from = variables["after"].as_str().map_or(0, |after| after.parse().unwrap());
        let nodes = of.iter().skip(from).take(2).map(|repository| node(*repository)).collect::<Vec<_>>();
        let info = json!({ "hasNextPage": from + 2 < of.len(), "endCursor": (from + 2).to_string() });
        json!({ "data": { "repositoryOwner": { "repositories": { "pageInfo": info, "nodes": nodes } } } })
    }
}
