//! Team files in repositories: what comes in force and when, what it may not do, and what happens when GitHub is in trouble.

use serde_json::{Value, json};

use crate::support::{Hub, Service, eventually, merged, read_mail, states};

const FILE: &str = ".github/microalign.toml";
/// What the operator lets repositories do.
const ALLOWED: &str = r#"
[teams_allowed.web]
repos = ["acme/web-*"]
to = ["email:web@example.com", "email:*@web.example.com", "mailbox"]
[teams_allowed.design]
repos = ["acme/web-*", "acme/design"]
to = ["mailbox", "email:ana@web.example.com"]
hears = ["acme/hidden-*"]
"#;
/// A team of the operator's own.
const OPERATORS: &str =
    "team = \"data\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"release.published\"]\n";

/// The file of a team that hears of merges.
fn file(team: &str, to: &str) -> String {
    format!(
        "team = \"{team}\"\nowner = \"ana@web.example.com\"\nto = [\"{to}\"]\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n"
    )
}

/// A push to the default branch that changes these files.
fn push(repo: &str, files: &[&str]) -> Value {
    json!({
        "ref": "refs/heads/main", "before": "a".repeat(40), "after": "b".repeat(40), "deleted": false,
        "commits": [{ "id": "b".repeat(40), "message": "Change it", "added": [], "removed": [], "modified": files }],
        "head_commit": { "id": "b".repeat(40), "message": "Change it" },
        "repository": { "full_name": repo, "private": false, "default_branch": "main" },
        "sender": { "login": "ana", "type": "User" },
    })
}

/// A merge in a repository.
fn merge(repo: &str, number: u64, private: bool) -> Value {
    let mut payload = merged(number);
    payload["repository"] = json!({ "full_name": repo, "private": private });
    payload["pull_request"]["body"] = json!("");
    payload["pull_request"]["html_url"] = json!(format!("https://github.com/{repo}/pull/{number}"));
    payload
}

/// A change of a repository.
fn repository(action: &str, repo: &str, changes: Value) -> Value {
    json!({
        "action": action, "changes": changes,
        "repository": { "full_name": repo, "private": false, "default_branch": "main" },
        "sender": { "login": "ana", "type": "User" },
    })
}

/// The service with the operator's team, asking this GitHub.
fn service(hub: &Hub) -> Service {
    Service::new(OPERATORS, &format!("{}{ALLOWED}", hub.token()))
}

/// Waits until so many teams are in force, and so many problems known.
async fn in_force(service: &Service, teams: u64, problems: u64) {
    service
        .loaded(|entry| (entry["teams"].as_u64(), entry["problems"].as_u64()) == (Some(teams), Some(problems)))
        .await;
}

/// The teams that heard of a merge.
async fn told(service: &Service, delivery: &str, body: &Value) -> Vec<String> {
    let lines = service.github_settled("pull_request", delivery, body).await;
    let sent = lines.iter().filter(|line| line["state"] == "sent");
    sent.map(|line| line["team"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_push_puts_a_repositorys_file_in_force() {
    let hub = Hub::new().await;
    hub.put("acme/other", FILE, &file("web", "email:web@example.com"));
    for repo in ["acme/web-app", "acme/web-shop"] {
        hub.put(repo, "README.md", "Hi");
    }
    let mut service = service(&hub);
    service.start().await;
    hub.asked("all are listed", |(_, path, _)| path == "/graphql").await;
    assert_eq!(told(&service, "m-1", &merge("acme/web-app", 7, false)).await, [""; 0], "acme/other has no say");
    hub.put("acme/web-app", FILE, &file("web", "email:web@example.com"));
    service.github("push", "p-1", &push("acme/web-app", &["src/main.rs"])).await;
    service.github("push", "p-2", &push("acme/other", &[FILE])).await;
    assert_eq!(service.github("push", "p-3", &push("acme/web-app", &[FILE])).await.status, 202);
    in_force(&service, 2, 0).await;
    assert_eq!(told(&service, "m-2", &merge("acme/web-app", 8, false)).await, ["web"]);
    let asked =
        hub.state().asked.iter().filter(|(_, path, _)| path.contains("contents/.github/microalign.toml")).count();
    assert_eq!(asked, 1, "neither the file of acme/other was read, nor that of a push that doesn't touch it");
    // A push that GitHub lists no commits of, as after a force push.
    hub.put("acme/web-app", FILE, &file("web", "email:bo@web.example.com"));
    let mut forced = push("acme/web-app", &[]);
    (forced["commits"], forced["head_commit"]) = (json!([]), json!(null));
    service.github("push", "p-4", &forced).await;
    eventually("the new address is in force", async || {
        service.run(&["who", "--team", "web"]).await.1.contains("merged").then_some(())?;
        let page = service.run(&["explain", "--all", "--event-id", "1"]).await;
        page.1.contains("bo@web.example.com").then_some(())
    })
    .await;
    // Deleted, it ends.
    hub.state().repos.get_mut("acme/web-app").unwrap().remove(FILE);
    service.github("push", "p-5", &push("acme/web-app", &[FILE])).await;
    in_force(&service, 1, 0).await;
    assert_eq!(told(&service, "m-3", &merge("acme/web-app", 9, false)).await, [""; 0]);
}

#[tokio::test]
async fn what_was_in_force_stays_while_the_file_is_broken_or_github_is_down() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &file("web", "email:web@example.com"));
    let mut service = service(&hub).expecting(&["a file is broken"]);
    service.configure("server", "console = true\n");
    service.start().await;
    in_force(&service, 2, 0).await;
    hub.put("acme/web-app", FILE, &file("web", "email:eve@evil.example").replace("on = ", "onn = "));
    service.github("push", "p-1", &push("acme/web-app", &[FILE])).await;
    in_force(&service, 2, 3).await;
    assert_eq!(told(&service, "m-1", &merge("acme/web-app", 7, false)).await, ["web"]);
    // Its owner hears of it, and so does whoever checks.
    let mails = eventually("the owner is told", async || {
        let mails = service.mails();
        (mails.len() == 2).then_some(mails)
    })
    .await;
    let to_owner =
        mails.iter().map(|raw| read_mail(raw)).find(|mail| mail.subject().unwrap().contains("broken")).unwrap();
    assert_eq!(to_owner.to().unwrap().first().unwrap().address(), Some("ana@web.example.com"));
    assert!(to_owner.body_text(0).unwrap().contains("acme/web-app/.github/microalign.toml:3:7"), "{to_owner:?}");
    let (code, _, problems) = service.run(&["check"]).await;
    assert_eq!(code, 1);
    insta::assert_snapshot!(problems);
    for page in ["/teams/web", "/api/v1/teams/web"] {
        let page = service.get(page).await.text().await.unwrap();
        assert!(page.contains("acme/web-app/.github/microalign.toml") && page.contains("evil.example"), "{page}");
    }
    // After a restart without GitHub, too.
    service.kill().await;
    hub.state().trouble = Some(502);
    service.start().await;
    assert_eq!(told(&service, "m-2", &merge("acme/web-app", 8, false)).await, ["web"]);
    assert!(service.log().contains("what was in force stays in force"), "{}", service.log());
    // Missed while it was down: found at the next start.
    service.kill().await;
    hub.state().trouble = None;
    hub.put("acme/web-app", FILE, &file("web", "mailbox"));
    service.start().await;
    in_force(&service, 2, 0).await;
    assert_eq!(told(&service, "m-3", &merge("acme/web-app", 9, false)).await, ["web"]);
    assert_eq!(service.run(&["check"]).await.0, 0);
}

/// Every way in which a repository or its file can go, and what stays in force.
#[tokio::test]
async fn what_is_gone_is_no_longer_in_force() {
    let from = |owner: &str| json!({ "owner": { "from": { "organization": { "login": owner } } } });
    let renamed = json!({ "repository": { "name": { "from": "web-app" } } });
    // What the repository is called then, if it is still there.
    let table = [
        ("deleted", None, repository("deleted", "acme/web-app", json!({})), false),
        ("renamed, and allowed", Some("acme/web-shop"), repository("renamed", "acme/web-shop", renamed.clone()), true),
        ("renamed, and not allowed", Some("acme/secret"), repository("renamed", "acme/secret", renamed), false),
        ("transferred", Some("evil/web-app"), repository("transferred", "evil/web-app", from("acme")), false),
        ("archived", Some("acme/web-app"), repository("archived", "acme/web-app", json!({})), true),
        ("not shared with the App any more", None, push("acme/web-app", &[FILE]), false),
    ];
    for (what, name, webhook, stays) in table {
        let hub = Hub::new().await;
        hub.put("acme/web-app", FILE, &file("web", "mailbox"));
        let mut service = service(&hub);
        service.start().await;
        in_force(&service, 2, 0).await;
        let files = hub.state().repos.remove("acme/web-app").unwrap();
        hub.state().repos.extend(name.map(|name| (name.to_owned(), files)));
        let event = if webhook["ref"].is_string() { "push" } else { "repository" };
        service.github(event, "r-1", &webhook).await;
        if stays {
            assert_eq!(told(&service, "m-1", &merge("acme/web-x", 7, false)).await, ["web"], "{what}");
        } else {
            in_force(&service, 1, 0).await;
            assert_eq!(told(&service, "m-1", &merge("acme/web-x", 7, false)).await, [""; 0], "{what}");
        }
    }
}

/// The App was uninstalled, the token expired, GitHub asks for a rest or answers nonsense: nobody says that the file is gone.
#[tokio::test]
async fn what_cannot_be_asked_stays_in_force() {
    for status in [401, 403, 404, 429, 500, 301] {
        let hub = Hub::new().await;
        hub.put("acme/web-app", FILE, &file("web", "mailbox"));
        let mut service = service(&hub);
        service.start().await;
        in_force(&service, 2, 0).await;
        hub.state().trouble = Some(status);
        service.github("push", "p-1", &push("acme/web-app", &[FILE])).await;
        let refused = async || service.log().contains("what was in force stays in force").then_some(());
        eventually("it is said once", refused).await;
        assert_eq!(told(&service, "m-1", &merge("acme/web-app", 7, false)).await, ["web"], "{status}");
    }
}

#[tokio::test]
async fn a_team_is_defined_once() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &file("web", "mailbox"));
    let mut service = service(&hub).expecting(&["a file is broken"]);
    service.start().await;
    in_force(&service, 2, 0).await;
    // Another repository, which may speak for the team too, comes second.
    hub.put("acme/web-a", FILE, &file("web", "email:web@example.com"));
    service.github("push", "p-1", &push("acme/web-a", &[FILE])).await;
    in_force(&service, 2, 1).await;
    let problems = service.run(&["check"]).await.2;
    assert!(problems.contains("acme/web-app/.github/microalign.toml has a team of this name already"), "{problems}");
    service.kill().await;
    service.start().await;
    in_force(&service, 2, 1).await;
    assert!(service.run(&["check"]).await.2.contains("acme/web-a/.github/microalign.toml:1:8"), "the first stays");
    // The operator's own file comes before all.
    service.write("rules/web.toml", &file("web", "mailbox"));
    in_force(&service, 2, 2).await;
    let problems = service.run(&["check"]).await.2;
    assert_eq!(problems.matches("rules/web.toml has a team of this name already").count(), 2, "{problems}");
    // Also while it is broken.
    service.write("rules/web.toml", &file("web", "mailbox").replace("settle", "setle"));
    in_force(&service, 2, 3).await;
    let problems = service.run(&["check"]).await.2;
    assert_eq!(problems.matches("rules/web.toml has a team of this name already").count(), 2, "{problems}");
}

#[tokio::test]
async fn a_repositorys_file_hears_of_no_private_repository_that_it_may_not() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &file("web", "mailbox"));
    hub.put("acme/design", FILE, &file("design", "mailbox"));
    let mut service = service(&hub);
    service.start().await;
    in_force(&service, 3, 0).await;
    for (number, (repo, private, teams)) in (1..).zip([
        ("acme/web-app", true, vec!["web"]),
        ("acme/web-app", false, vec!["design", "web"]),
        ("acme/secret", true, vec![]),
        ("acme/hidden-x", true, vec!["design"]),
        ("acme/secret", false, vec!["design", "web"]),
        ("acme/Web-App", true, vec!["web"]),
        ("evil/web-app", true, vec![]),
    ]) {
        let payload = merge(repo, number, private);
        assert_eq!(told(&service, &format!("m-{number}"), &payload).await, teams, "{repo} {private}");
    }
    // What isn't known to be public isn't.
    let mut unknown = merge("acme/secret", 20, false);
    unknown["repository"].as_object_mut().unwrap().remove("private");
    let lines = service.github_settled("pull_request", "m-20", &unknown).await;
    assert_eq!(states(&lines), ["suppressed"]);
    let who = service.run(&["who", "--repo", "acme/secret"]).await.1;
    assert!(who.contains("a public repository, or"), "{who}");
    let explained = service.run(&["explain", "--event-id", "3", "--all"]).await.1;
    assert!(explained.contains("the operator doesn't let this team's"), "{explained}");
}

#[tokio::test]
async fn a_large_file_is_not_read() {
    let hub = Hub::new().await;
    hub.put("acme/web-app", FILE, &format!("{}{}", file("web", "mailbox"), "#".repeat(256 * 1024)));
    let mut service = service(&hub).expecting(&["a file is broken"]);
    service.start().await;
    in_force(&service, 1, 1).await;
    assert!(service.run(&["check"]).await.2.contains("larger than 256 KiB"));
    assert!(!hub.state().asked.iter().any(|(_, path, _)| path.contains("/contents/")));
}

/// A file that was wrong when it was read, and is right once the operator has the template that it names.
#[tokio::test]
async fn what_came_in_force_late_stays_in_force_too() {
    let hub = Hub::new().await;
    let text = file("web", "email:web@example.com").replace("settle", "template = \"late\"\nsettle");
    hub.put("acme/web-app", FILE, &text);
    let mut service = service(&hub).expecting(&["a file is broken"]);
    std::fs::create_dir_all(service.path("templates")).unwrap();
    service.start().await;
    in_force(&service, 1, 1).await;
    service.write("templates/late.hbs", "# Late\n\nIt is late.\n");
    in_force(&service, 2, 0).await;
    hub.put("acme/web-app", FILE, "team = \"web\"\nto = [");
    service.github("push", "p-1", &push("acme/web-app", &[FILE])).await;
    in_force(&service, 2, 1).await;
    service.stop().await;
    service.start().await;
    in_force(&service, 2, 1).await;
    assert_eq!(told(&service, "m-1", &merge("acme/web-app", 7, false)).await, ["web"]);
}

/// A fork has the file of the repository that it was made from.
#[tokio::test]
async fn a_fork_has_a_say_only_by_its_full_name() {
    let hub = Hub::new().await;
    for repo in ["acme/web-fork", "acme/design"] {
        hub.state().forks.insert(repo.to_owned());
    }
    hub.put("acme/web-fork", FILE, &file("web", "mailbox"));
    hub.put("acme/design", FILE, &file("design", "mailbox"));
    let mut service = service(&hub);
    service.start().await;
    in_force(&service, 2, 0).await;
    service.github_settled("push", "p-1", &push("acme/web-fork", &[FILE])).await;
    assert_eq!(told(&service, "m-1", &merge("acme/web-fork", 7, false)).await, ["design"]);
    hub.asked("it was asked about", |(.., body)| body["variables"]["name"] == "web-fork").await;
    assert!(!hub.state().asked.iter().any(|(_, path, _)| path.contains("web-fork/contents")));
}
