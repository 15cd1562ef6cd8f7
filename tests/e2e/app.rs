//! What needs an account on GitHub: comments by an App, and who is in a team.

use serde_json::{Value, json};

use crate::enrich::{Api, Pages, TOKEN};
use crate::support::{Service, commented, eventually, merged, pull_request, states};

const COMMENTS: &str = "/repos/acme/ingest-api/issues/7/comments";
const INSTALLATION: &str = "/users/acme/installation";
const TEAM: &str = "team = \"web\"\nto = [\"github\"]\nsettle = \"0s\"\nown = true\nbots = true\n\
    [[rule]]\nname = \"all\"\non = [\"pull_request.merged\", \"*.commented\"]\n";

/// A service that asks as an App.
fn with_app(api: &Api, team: &str) -> Service {
    let access = format!("app_id = \"17\"\nprivate_key = \"${{file:app.pem}}\"\napi_url = \"{}\"\n", api.url);
    let service = Service::new(team, &access);
    let key = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().unwrap().stdout;
    service.write("app.pem", &String::from_utf8(key).unwrap());
    service
}

/// An API where the App is installed, with the answer to a comment.
fn installed(comment: (u16, Value)) -> Pages {
    let token = json!({ "token": TOKEN, "expires_at": "2099-01-01T00:00:00Z", "permissions": {} });
    Pages::from([
        (INSTALLATION, (200, json!({ "id": 5 }))),
        ("/app/installations/5/access_tokens", (201, token)),
        (COMMENTS, comment),
    ])
}

#[tokio::test]
async fn an_app_comments_with_the_token_of_its_installation() {
    let api = Api::new(installed((201, json!({ "id": 9 })))).await;
    let mut service = with_app(&api, TEAM);
    let (code, out, err) = service.run(&["send-test", "github", "--on", "acme/ingest-api#7"]).await;
    assert_eq!((code, out.as_str()), (0, "sent to github (9)\n"), "{err}");
    service.start().await;
    for (delivery, body) in [("a-1", merged(7)), ("a-2", commented("Shall we?"))] {
        let event = if delivery == "a-1" { "pull_request" } else { "issue_comment" };
        assert_eq!(states(&service.github_settled(event, delivery, &body).await), ["sent"]);
    }
    let asked = api.asked();
    let count = |path: &str| asked.iter().filter(|asked| asked.ends_with(path)).count();
    assert_eq!(
        (count("access_tokens"), count(COMMENTS)),
        (3, 3),
        "a token for the command, and in the service one to ask and one to write"
    );

    let mut back = commented("<!-- microalign -->\nWe merged it.");
    back["sender"] = json!({ "login": "microalign[bot]", "type": "Bot" });
    assert_eq!(service.github("issue_comment", "a-3", &back).await.body["status"], "ignored");
    assert!(!service.log().contains(TOKEN));
}

#[tokio::test]
async fn what_keeps_an_app_from_commenting_is_said() {
    let refused = |words: &str| installed((403, json!({ "message": words })));
    let mut elsewhere = installed((201, json!({ "id": 9 })));
    elsewhere.remove(INSTALLATION);
    let mut wrong_key = installed((201, json!({ "id": 9 })));
    wrong_key.insert(INSTALLATION, (401, json!({ "message": "A JSON web token could not be decoded" })));
    let mut echo = installed((201, json!({ "id": 9 })));
    echo.insert(COMMENTS, (422, json!({ "message": format!("no {TOKEN}") })));
    for (pages, words) in [
        (elsewhere, "refused it for good: the GitHub App is not installed for acme: install it there"),
        (refused("Resource not accessible by integration"), "give the App write access to issues and to pull requests"),
        (wrong_key, "could not be decoded: `app_id` or `private_key` in `[github]` isn't valid"),
        (echo, "GitHub says no ***"),
    ] {
        let api = Api::new(pages).await;
        let (code, _, err) = with_app(&api, TEAM).run(&["send-test", "github", "--on", "acme/ingest-api#7"]).await;
        assert!(code == 1 && err.contains(words) && !err.contains(TOKEN), "{words}: {err}");
    }
}

const MEMBERS: &str = "/orgs/acme/teams/web/members?per_page=100";

fn team(settle: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"{settle}\"\nmembers = [\"bo\"]\ngithub_team = \"acme/Web\"\n\
         [[rule]]\nname = \"work\"\non = [\"pull_request.*\"]\n\
         [[rule]]\nname = \"by-us\"\non = [\"pull_request.merged\"]\nauthor_team = [\"web\"]\nown = true\n"
    )
}

#[tokio::test]
async fn whoever_is_in_the_team_on_github_is_a_member() {
    let members = json!([{ "login": "Ana", "type": "User" }, { "login": "li", "type": "User" }]);
    let api = Api::new(Pages::from([(MEMBERS, (200, members))])).await;
    let service = Service::started(&team("0s"), &api.github()).await;
    let own = |lines: &[Value]| {
        let line = lines.iter().find(|line| line["rule"] == "work" && line["team"] == "web").unwrap();
        line["reason"].as_str().unwrap().to_owned()
    };
    let lines = service.github_settled("pull_request", "m-1", &merged(7)).await;
    assert_eq!(own(&lines), "ana is a member of web: not news to them");
    assert!(lines.iter().any(|line| line["rule"] == "by-us" && line["state"] == "sent"), "{lines:?}");
    // A file that changes keeps what is known, and asks only for what is not.
    let before = api.asked();
    service.write("rules/team.toml", &team("0s").replace("\"bo\"", "\"bo\", \"carl\""));
    service.write("rules/other.toml", &team("0s").replace("\"web\"", "\"other\"").replace("acme/Web", "acme/other"));
    service.loaded(|entry| entry["teams"] == 2).await;
    eventually("the new team is asked for", async || (api.asked().len() > before.len()).then_some(())).await;
    let lines = service.github_settled("pull_request", "m-2", &merged(8)).await;
    assert_eq!(own(&lines), "ana is a member of web: not news to them");
    assert_eq!(api.asked().iter().filter(|path| path.contains("teams/web/")).count(), 1);
}

#[tokio::test]
async fn a_team_on_github_that_nobody_may_see_is_said_once() {
    for pages in [Pages::new(), Pages::from([(MEMBERS, (0, json!("")))])] {
        let api = Api::new(pages).await;
        let service = Service::started(&team("0s"), &api.github()).await;
        let lines = service.github_settled("pull_request", "s-1", &merged(7)).await;
        assert!(lines.iter().any(|line| line["rule"] == "work" && line["state"] == "sent"), "{lines:?}");
        let body = pull_request("opened", 8, json!({}));
        service.github_settled("pull_request", "s-2", &body).await;
        let log = service.log();
        assert_eq!(log.matches("only those in `members` count").count(), 1, "{log}");
    }
}

#[tokio::test]
async fn check_says_what_rules_do_without() {
    let rules = "touches_owned = true\nticket_type = [\"Bug\"]\n[[rule]]\nname = \"live\"\non = [\"deployment.*\"]\nbase = [\"main\"]\n";
    let text = format!("owns = [\"x/**\"]\n{}{rules}", team("0s"));
    let service = Service::new(&text, "");
    let (code, out, err) = service.run(&["check"]).await;
    let notes = out.lines().filter(|line| line.starts_with("note: without")).collect::<Vec<_>>().join("\n");
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(notes, @"
    note: without access to GitHub's API, the files that a pull request changes aren't known, so conditions on files never hold for one: web/by-us
    note: without access to GitHub's API, only the branch is known of deployments, and of workflow runs whose webhook names no pull request: web/live
    note: without access to GitHub's API, the people in `github_team` aren't known, so only `members` count: web
    note: without access to Jira's API, rules know of tickets only what its webhooks have said so far: web/by-us
    ");
    service.configure("github", "token = \"x\"\n");
    service.configure("jira", "base_url = \"https://x.example\"\ntoken = \"x\"\n");
    let (code, out, err) = service.run(&["check"]).await;
    assert!(code == 0 && !out.contains("note: without"), "{out} {err}");
}
