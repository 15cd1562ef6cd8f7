//! Check runs on pull requests that change team files.

use serde_json::{Value, json};

use crate::support::{Hub, Service, eventually, merged, pull_request};

const FILE: &str = ".github/microalign.toml";
const ALLOWED: &str = "\n[teams_allowed.web]\nrepos = [\"acme/web-*\"]\nto = [\"mailbox\", \"email:*@example.com\"]\n";
const OPERATORS: &str = "team = \"secret-plans\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"release.published\"]\n";

fn file(kinds: &str) -> String {
    format!("team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"work\"\non = [{kinds}]\n")
}

/// The service as an App, with the operator's keys below `[github]`.
async fn service(hub: &Hub, keys: &str) -> Service {
    let (app, key) = hub.app();
    let mut service = Service::new(OPERATORS, &format!("{app}{keys}{ALLOWED}"));
    service.write("app.pem", &key);
    service.start().await;
    service
}

/// A pull request as the API has it: from the repository itself, or from a fork.
fn pull(repo: &str, number: u64, (sha, from): (&str, &str)) -> Value {
    let base = json!({ "full_name": repo, "private": true, "default_branch": "main" });
    json!({
        "number": number, "title": "Change it", "state": "open", "draft": false, "merged": false,
        "html_url": format!("https://github.com/{repo}/pull/{number}"), "body": "", "labels": [],
        "user": { "login": "ana", "type": "User" }, "author_association": "MEMBER",
        "base": { "ref": "main", "sha": "0".repeat(40), "repo": base },
        "head": { "ref": "x", "sha": sha, "repo": { "full_name": from, "private": true } },
    })
}

/// Puts a pull request there whose last commit has these files; `None` where it removes one.
fn propose(hub: &Hub, repo: &str, (number, sha): (u64, &str), (from, files): (&str, &[(&str, Option<&str>)])) {
    let mut state = hub.state();
    state.pulls.insert((repo.to_owned(), number), pull(repo, number, (sha, from)));
    let changed = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    state.changed.insert((repo.to_owned(), number), changed);
    let there = files.iter().filter_map(|(path, text)| Some(((*path).to_owned(), (*text)?.to_owned())));
    state.commits.insert((repo.to_owned(), sha.to_owned()), there.collect());
}

fn tell(repo: &str, number: u64, action: &str) -> Value {
    let mut payload = pull_request(action, number, json!({ "body": "" }));
    payload["repository"] = json!({ "full_name": repo, "private": true });
    payload
}

/// The check runs, once there are so many and the last one is complete.
async fn checks(hub: &Hub, count: usize, done: impl Fn(&Value) -> bool) -> Vec<Value> {
    eventually("the check run is there", async || {
        let checks = hub.state().checks.clone();
        let last = checks.last().filter(|last| checks.len() == count && last["status"] == "completed")?;
        done(last).then_some(checks)
    })
    .await
}

fn summary(check: &Value) -> String {
    check["output"]["summary"].as_str().unwrap_or_default().to_owned()
}

/// A merge in the team's repository, which changes these files.
async fn merge(hub: &Hub, service: &Service, number: u64, files: &[&str]) {
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    hub.state().changed.insert(("acme/web-app".to_owned(), number), files);
    let mut merge = merged(number);
    merge["repository"] = json!({ "full_name": "acme/web-app", "private": true });
    service.github_settled("pull_request", &format!("m-{number}"), &merge).await;
}

fn said(check: &Value) -> String {
    let annotations = check["output"]["annotations"].as_array().unwrap().iter().map(|annotation| {
        let number = |key: &str| annotation[key].as_u64().unwrap_or_default();
        format!(
            "{}:{}:{}-{} {}",
            annotation["path"].as_str().unwrap(),
            number("start_line"),
            number("start_column"),
            number("end_column"),
            annotation["message"].as_str().unwrap()
        )
    });
    let annotations = annotations.collect::<Vec<_>>().join("\n");
    let output = &check["output"];
    format!("{}: {}\n{}\n{annotations}", check["conclusion"], output["title"], output["summary"].as_str().unwrap())
}

#[tokio::test]
async fn a_check_run_says_what_is_wrong_in_which_line() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &file("\"pull_request.merged\""));
    let mut service = service(&hub, "").await;
    service.loaded(|entry| entry["teams"] == 2).await;
    let broken = "team = \"web\"\nto = [\"email:eve@evil.example\"]\ntemplate = \"headsup\"\n\
                  [[rule]]\nname = \"work\"\non = [\"pull_request.mergd\"]\nauthor_team = [\"secret-plan\"]\nrestricted = true\n";
    propose(&hub, "acme/web-app", (7, "aaa"), ("acme/web-app", &[(FILE, Some(broken)), ("src/x.rs", None)]));
    service.github("pull_request", "d-1", &tell("acme/web-app", 7, "opened")).await;
    let found = checks(&hub, 1, |_| true).await;
    assert!(!found[0].to_string().contains("secret-plans"), "{}", found[0]);
    insta::assert_snapshot!(said(&found[0]));
    // The same commit again: by the same delivery, by another one, and after a restart.
    service.github("pull_request", "d-1", &tell("acme/web-app", 7, "opened")).await;
    service.github_settled("pull_request", "d-2", &tell("acme/web-app", 7, "labeled")).await;
    service.kill().await;
    service.start().await;
    service.github_settled("pull_request", "d-3", &tell("acme/web-app", 7, "synchronize")).await;
    let asked = |path: &str| hub.state().asked.iter().filter(|(_, name, _)| name.contains(path)).count();
    eventually("it was looked at again", async || (asked("/commits/aaa/check-runs") >= 2).then_some(())).await;
    assert_eq!((asked("/web-app/check-runs"), hub.state().checks.len()), (2, 1), "it was begun and ended");
    // The next commit has one of its own, with what its rules would have sent.
    for number in [20, 21] {
        merge(&hub, &service, number, &[]).await;
    }
    let better =
        file("\"pull_request.merged\", \"release.published\"").replace("\"web\"\n", "\"web\"\nmembers = [\"bo\"]\n");
    propose(&hub, "acme/web-app", (7, "bbb"), ("acme/web-app", &[(FILE, Some(&better))]));
    service.github("pull_request", "d-4", &tell("acme/web-app", 7, "synchronize")).await;
    let found = checks(&hub, 2, |check| check["output"]["summary"].as_str().unwrap().contains("would")).await;
    insta::assert_snapshot!(said(&json!({ "conclusion": found[1]["conclusion"], "output": {
        "title": found[1]["output"]["title"], "summary": found[1]["output"]["summary"], "annotations": [] } })));
    let teams = service.run(&["who", "--team", "web"]).await.1;
    assert!(!teams.contains("release.published"), "nothing of it is in force: {teams}");
}

#[tokio::test]
async fn what_a_fork_proposes_is_checked_and_not_rehearsed() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &file("\"pull_request.merged\""));
    let service = service(&hub, "").await;
    service.loaded(|entry| entry["teams"] == 2).await;
    let text = file("\"pull_request.*\"");
    let huge = "#".repeat(256 * 1024 + 1);
    let many = (0..60).map(|key| format!("key{key} = 1\n")).collect::<String>() + &text;
    for (number, from, file, expected) in [
        (7, "eve/web-app", Some(text.as_str()), "Only a pull request from a private repository itself is rehearsed."),
        (8, "acme/web-app", None, "its file is removed, so it gets no more messages"),
        (9, "acme/web-app", Some(huge.as_str()), "larger than 256 KiB"),
        (10, "acme/web-app", Some(many.as_str()), "60 problems"),
        (11, "acme/web-app", Some("team = \"secret-plans\"\n"), "may not define the team `secret-plans`"),
    ] {
        let sha = format!("c{number}");
        propose(&hub, "acme/web-app", (number, &sha), (from, &[(FILE, file)]));
        service.github("pull_request", &format!("d-{number}"), &tell("acme/web-app", number, "opened")).await;
        let count = usize::try_from(number).unwrap() - 6;
        let found = checks(&hub, count, |_| true).await;
        assert!(found[count - 1].to_string().contains(expected), "{expected}: {}", found[count - 1]);
    }
    let sent = hub.state().asked.iter().filter(|(method, ..)| method != "GET").cloned().collect::<Vec<_>>();
    let sizes = sent.iter().filter_map(|(.., body)| Some(body["output"]["annotations"].as_array()?.len()));
    assert_eq!(sizes.filter(|size| *size > 1).collect::<Vec<_>>(), [50, 10], "as many at a time as GitHub takes");
    // Not the default branch, no team file, another repository: none.
    let mut other = pull("acme/web-app", 12, ("d12", "acme/web-app"));
    other["base"]["ref"] = json!("release");
    hub.state().pulls.insert(("acme/web-app".to_owned(), 12), other);
    hub.state().changed.insert(("acme/web-app".to_owned(), 12), vec![FILE.to_owned()]);
    propose(&hub, "acme/web-app", (13, "d13"), ("acme/web-app", &[("src/main.rs", Some(""))]));
    propose(&hub, "acme/api", (14, "d14"), ("acme/api", &[(FILE, Some(&text))]));
    for (number, repo) in [(12, "acme/web-app"), (14, "acme/api"), (13, "acme/web-app")] {
        service.github_settled("pull_request", &format!("d-{number}"), &tell(repo, number, "opened")).await;
    }
    hub.asked("the last one was looked at", |(_, path, _)| path.contains("pulls/13/files")).await;
    assert_eq!(hub.state().checks.len(), 5);
    assert!(!hub.state().asked.iter().any(|(_, path, _)| path.ends_with("/pulls/14")));
}

#[tokio::test]
async fn the_operators_own_repository_is_checked_as_a_folder() {
    let hub = Hub::new().await;
    let service = service(&hub, "rules_repo = \"acme/microalign-rules\"\nrules_folder = \"teams\"\n").await;
    let web = file("\"pull_request.merged\"").replace("[[rule]]", "timezone = \"Europe/Lisbn\"\n[[rule]]");
    let files: &[(&str, Option<&str>)] = &[
        ("teams/web.toml", Some(&web)),
        ("teams/again.toml", Some(OPERATORS)),
        ("teams/below/x.toml", Some("broken")),
        ("other/y.toml", Some("broken")),
    ];
    propose(&hub, "acme/microalign-rules", (1, "aaa"), ("acme/microalign-rules", files));
    service.github("pull_request", "d-1", &tell("acme/microalign-rules", 1, "opened")).await;
    insta::assert_snapshot!(said(&checks(&hub, 1, |_| true).await[0]));
    let right = file("\"pull_request.opened\"");
    let files: &[(&str, Option<&str>)] = &[("teams/web.toml", Some(&right)), ("teams/team.toml", None)];
    propose(&hub, "acme/microalign-rules", (1, "bbb"), ("acme/microalign-rules", files));
    service.github("pull_request", "d-2", &tell("acme/microalign-rules", 1, "synchronize")).await;
    let found = checks(&hub, 2, |check| check["output"]["summary"].as_str().unwrap().contains("would")).await;
    insta::assert_snapshot!(found[1]["output"]["summary"].as_str().unwrap());
    assert!(service.path("rules/team.toml").exists() && !service.path("rules/web.toml").exists());
}

#[tokio::test]
async fn without_an_app_or_its_permission_there_is_none_and_intake_goes_on() {
    let hub = Hub::new().await;
    let text = file("\"pull_request.merged\"");
    propose(&hub, "acme/web-app", (7, "aaa"), ("acme/web-app", &[(FILE, Some(&text))]));
    let token = Service::started(OPERATORS, &format!("{}{ALLOWED}", hub.token())).await;
    token.github_settled("pull_request", "d-1", &tell("acme/web-app", 7, "opened")).await;
    assert!(!hub.state().asked.iter().any(|(_, path, _)| path.contains("pulls/7")));
    assert!(token.run(&["check"]).await.1.contains("only a GitHub App can write check runs"));
    let service = service(&hub, "").await;
    hub.state().refuses_checks = true;
    service.github_settled("pull_request", "d-2", &tell("acme/web-app", 7, "synchronize")).await;
    let refused = async || service.log().contains("the App needs the permission `Checks: write`").then_some(());
    eventually("it is said", refused).await;
    assert_eq!(service.github("pull_request", "d-3", &tell("acme/web-app", 7, "labeled")).await.status, 202);
}

/// What GitHub was asked for the events then is known; what nobody asked isn't, and that is said.
#[tokio::test]
async fn a_rehearsal_knows_what_was_asked_then() {
    let hub = Hub::new().await;
    let rules = |rules: &str| file("\"pull_request.merged\"") + rules;
    let paths = "paths = [\"schemas/**\"]\n";
    hub.put("acme/web-app", FILE, &rules(paths));
    let service = service(&hub, "").await;
    service.loaded(|entry| entry["teams"] == 2).await;
    merge(&hub, &service, 20, &["schemas/a.sql"]).await;
    merge(&hub, &service, 21, &["src/x.rs"]).await;
    let text = rules(&format!("{paths}bots = true\n"));
    propose(&hub, "acme/web-app", (7, "aaa"), ("acme/web-app", &[(FILE, Some(&text))]));
    service.github("pull_request", "d-1", &tell("acme/web-app", 7, "opened")).await;
    let same = summary(&checks(&hub, 1, |_| true).await[0]);
    assert!(same.contains("`web` would have had 1 message in the last 7 days, as many as it had."), "{same}");
    assert!(same.contains("| `work` | 1 | 1 |") && !same.contains("isn't known"), "{same}");
    assert!(same.contains("A rehearsal knows no mutes"), "{same}");
    let text = file("\"pull_request.merged\"")
        .replace("settle", "owns = [\"schemas/**\"]\nsettle")
        .replace("\"work\"\n", "\"work\"\ntouches_owned = { generated = false }\n");
    propose(&hub, "acme/web-app", (7, "bbb"), ("acme/web-app", &[(FILE, Some(&text))]));
    service.github("pull_request", "d-2", &tell("acme/web-app", 7, "synchronize")).await;
    let other = summary(&checks(&hub, 2, |_| true).await[1]);
    assert!(other.contains("What `web` would have had in the last 7 days isn't known. It had 1 message."), "{other}");
    assert!(other.contains("| `work` | 1 | not known |"), "{other}");
    assert!(other.contains("`work` can't be rehearsed in full: what it asks isn't known of 2 events."), "{other}");
}

/// Who reads a check run, and what they may learn from it.
#[tokio::test]
async fn strangers_learn_nothing_of_the_operator() {
    let hub = Hub::new().await;
    let mut service = service(&hub, "").await;
    service.write("rules/data.toml", &OPERATORS.replace("secret-plans", "web"));
    service.loaded(|entry| entry["teams"] == 2).await;
    let broken = "team = \"nobody\"\n";
    let taken = file("\"push\"").replace("[\"mailbox\"]", "[\"email:eve@evil.example\"]");
    let right = file("\"push\"").replace("\"web\"", "\"design\"");
    service.stop().await;
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let design = "\n[teams_allowed.design]\nrepos = [\"acme/web-*\"]\nto = [\"mailbox\"]\n";
    service.write("microalign.toml", &(config + design));
    service.start().await;
    let own = "acme/web-app";
    for (number, from, private, by, text, says, doesnt) in [
        (7, own, true, "MEMBER", broken, "write `design` or `web`", ""),
        (8, "eve/web-app", true, "MEMBER", broken, "may not define the team `nobody`", "write `"),
        (9, own, false, "MEMBER", broken, "may not define the team `nobody`", "write `"),
        (10, own, true, "MEMBER", &taken, "the operator allows mailbox", ""),
        (11, "eve/web-app", true, "NONE", &taken, "may not send to", "the operator allows"),
        (12, own, true, "MEMBER", &file("\"push\""), "another file has a team of this name already", "data.toml"),
        (13, own, true, "MEMBER", &right, "would have had 0 messages", ""),
        (14, own, false, "MEMBER", &right, "Only a pull request from a private repository", "would have had"),
        (15, own, true, "CONTRIBUTOR", &right, "Only a pull request by a member", "would have had"),
    ] {
        let sha = format!("c{number}");
        propose(&hub, own, (number, &sha), (from, &[(FILE, Some(text))]));
        {
            let mut state = hub.state();
            let pull = state.pulls.get_mut(&(own.to_owned(), number)).unwrap();
            (pull["base"]["repo"]["private"], pull["author_association"]) = (json!(private), json!(by));
        }
        service.github("pull_request", &format!("d-{number}"), &tell(own, number, "opened")).await;
        let count = usize::try_from(number).unwrap() - 6;
        let check = checks(&hub, count, |_| true).await[count - 1].to_string();
        assert!(check.contains(says), "{number}: {check}");
        assert!(doesnt.is_empty() || !check.contains(doesnt), "{number}: {check}");
    }
}

#[tokio::test]
async fn a_check_run_that_was_begun_is_ended_after_a_restart_and_written_again_on_demand() {
    let hub = Hub::new().await;
    let mut service = service(&hub, "").await;
    let text = file("\"pull_request.mergd\"");
    propose(&hub, "acme/web-app", (7, "aaa"), ("acme/web-app", &[(FILE, Some(&text))]));
    hub.state().refuses_ends = true;
    service.github_settled("pull_request", "d-1", &tell("acme/web-app", 7, "opened")).await;
    hub.asked("the end was tried", |(method, path, _)| method == "PATCH" && path.contains("check-runs")).await;
    assert_eq!(hub.state().checks[0]["status"], "in_progress");
    service.kill().await;
    hub.state().refuses_ends = false;
    service.start().await;
    let ended = checks(&hub, 1, |_| true).await;
    assert_eq!(ended[0]["conclusion"], "failure");
    // Somebody asks for it again: this one, or all of the commit.
    let mut again = json!({
        "action": "rerequested", "check_run": { "id": 1, "head_sha": "aaa", "external_id": ended[0]["external_id"] },
        "repository": { "full_name": "acme/web-app", "private": true }, "sender": { "login": "ana", "type": "User" },
    });
    assert_eq!(service.github("check_run", "d-2", &again).await.body["status"], "accepted");
    assert_eq!(checks(&hub, 2, |_| true).await[1]["head_sha"], "aaa");
    again["check_run"] = json!(null);
    again["check_suite"] = json!({ "head_sha": "aaa", "pull_requests": [{ "number": 7 }] });
    service.github("check_suite", "d-3", &again).await;
    checks(&hub, 3, |_| true).await;
}

#[tokio::test]
async fn what_was_wrong_before_is_not_held_against_others_and_large_files_are_not_read() {
    let hub = Hub::new().await;
    let (app, key) = hub.app();
    let mut service = Service::new(
        OPERATORS,
        &format!("{app}rules_repo = \"acme/microalign-rules\"\nrules_folder = \"teams\"\n{ALLOWED}"),
    )
    .expecting(&["a file is broken"]);
    service.write("app.pem", &key);
    service.write("rules/zzz.toml", OPERATORS);
    service.start().await;
    let right = file("\"pull_request.opened\"");
    let large = "#".repeat(1024 * 1024 + 1);
    let of = "acme/microalign-rules";
    propose(&hub, of, (1, "aaa"), (of, &[("teams/web.toml", Some(&right))]));
    service.github("pull_request", "d-1", &tell(of, 1, "opened")).await;
    let checks_of_one = checks(&hub, 1, |_| true).await;
    assert_eq!(checks_of_one[0]["output"]["title"], "No problems found", "{}", checks_of_one[0]);
    propose(&hub, of, (1, "bbb"), (of, &[("teams/web.toml", Some(&large))]));
    service.github("pull_request", "d-2", &tell(of, 1, "synchronize")).await;
    let found = said(&checks(&hub, 2, |_| true).await[1]);
    assert!(found.contains("teams/web.toml:1:0-0 this file is larger than 1024 KiB"), "{found}");
}
