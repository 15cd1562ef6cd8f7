//! What a pull request brings about is part of its work: workflows, deployments, and what its commits say.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::enrich::{Api, Pages, TOKEN, files};
use crate::support::{Service, merged, pull_request, read_mail, states};

/// A team that hears of these kinds, with more for its rule.
fn team(on: &str, rule: &str) -> String {
    format!("team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"work\"\non = [{on}]\n{rule}\n")
}

/// A workflow's run on this commit of the branch `order-v2`.
fn workflow(conclusion: &str, commit: &str, pulls: Value) -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "name": "build", "event": "push", "status": "completed", "conclusion": conclusion,
            "head_branch": "order-v2", "head_sha": commit, "head_repository": { "full_name": "acme/ingest-api" },
            "html_url": "https://github.com/acme/ingest-api/actions/runs/1", "pull_requests": pulls,
        },
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "sender": { "login": "ana", "type": "User" },
    })
}

fn deployment(commit: &str) -> Value {
    json!({
        "action": "created",
        "deployment_status": { "state": "success", "environment": "production" },
        "deployment": { "id": 1, "ref": "main", "sha": commit },
        "repository": { "full_name": "acme/ingest-api", "private": false },
        "sender": { "login": "li", "type": "User" },
    })
}

/// Pull request 7 as the API writes it.
fn pull(body: &str) -> Value {
    let mut pull = merged(7)["pull_request"].clone();
    pull["body"] = json!(body);
    pull["head"] = json!({ "ref": "order-v2", "sha": "aa" });
    pull["base"] = json!({ "ref": "main", "repo": { "full_name": "acme/ingest-api", "private": false } });
    pull["merge_commit_sha"] = json!("bb");
    pull
}

const WITH_AA: &str = "/repos/acme/ingest-api/commits/aa/pulls";
const WITH_BB: &str = "/repos/acme/ingest-api/commits/bb/pulls";

#[tokio::test]
async fn a_failed_workflow_belongs_to_the_work_of_its_pull_request() {
    // What the payload says is enough once the pull request is known.
    let service = Service::started(&team("\"workflow.*\"", "ticket = [\"DATA-*\"]\nbase = [\"main\"]"), "").await;
    service.github_settled("pull_request", "w-1", &pull_request("opened", 7, json!({}))).await;
    let elsewhere = json!({ "number": 8, "url": "https://api.github.com/repos/other/ingest-api/pulls/8" });
    let here = json!({ "number": 7, "url": "https://api.github.com/repos/acme/ingest-api/pulls/7" });
    let failed = workflow("failure", "aa", json!([elsewhere, here]));
    let lines = service.github_settled("workflow_run", "w-2", &failed).await;
    assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &json!("DATA-123")), "{lines:?}");
    // It was merged since, and so is in no list of open ones: still, whoever heard of it hears that it is over.
    let lines = service.github_settled("workflow_run", "w-3", &workflow("success", "cc", json!([]))).await;
    assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &json!("DATA-123")), "{lines:?}");
    let text = read_mail(&service.mails()[0]).body_text(0).unwrap().into_owned();
    assert!(text.contains("failed on the PR “Add the v2 order schema”"), "{text}");

    let mut by_clock = workflow("failure", "aa", json!([here]));
    by_clock["workflow_run"]["event"] = json!("schedule");
    let lines = service.github_settled("workflow_run", "w-4", &by_clock).await;
    assert_eq!(states(&lines), ["suppressed"], "nobody's commit made it run");
}

#[tokio::test]
async fn the_pull_request_behind_a_commit_is_asked_for() {
    let other =
        json!({ "number": 9, "base": { "repo": { "full_name": "other/ingest-api" } }, "head": { "sha": "bb" } });
    let pages = Pages::from([
        (WITH_AA, (200, json!([pull("For DATA-123.")]))),
        (WITH_BB, (200, json!([other, pull("For DATA-123.")]))),
        ("/repos/acme/ingest-api/pulls/7/files?per_page=100", files(&["schemas/x"])),
        ("/repos/acme/ingest-api/pulls/7/files?per_page=100&page=2", files(&[])),
    ]);
    let api = Api::new(pages).await;
    let conditions = "ticket = [\"DATA-*\"]\npaths = [\"schemas/**\"]\nlabels = [\"contract\"]\nauthor = [\"ana\"]";
    let rule = team("\"workflow.failed\", \"deployment.*\"", conditions);
    let service = Service::started(&rule, &api.github()).await;
    for (event, delivery, body) in
        [("workflow_run", "c-1", workflow("failure", "aa", json!([]))), ("deployment_status", "c-2", deployment("bb"))]
    {
        let lines = service.github_settled(event, delivery, &body).await;
        assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &json!("DATA-123")), "{lines:?}");
    }
    let asked = api.asked().len();
    service.github_settled("workflow_run", "c-3", &workflow("success", "aa", json!([]))).await;
    assert_eq!(api.asked().len(), asked, "nobody waits to hear that it works");
}

#[tokio::test]
async fn without_a_ticket_the_conversation_is_the_pull_request() {
    let api = Api::new(Pages::from([(WITH_AA, (200, json!([pull("Words.")])))])).await;
    let service = Service::started(&team("\"workflow.failed\"", ""), &api.github()).await;
    let lines = service.github_settled("workflow_run", "p-1", &workflow("failure", "aa", json!([]))).await;
    assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &json!("acme/ingest-api#7")));
    let lines = service.github_settled("workflow_run", "p-2", &workflow("failure", "dd", json!([]))).await;
    let own = json!("acme/ingest-api:workflow/build/push@order-v2");
    assert_eq!((states(&lines), &lines[0]["thread"]), (vec!["sent"], &own), "no pull request brought it");
}

#[tokio::test]
async fn what_commits_say_is_heard_once() {
    let commit = |sha: &str, message: &str| {
        json!({
            "sha": sha, "html_url": format!("https://github.com/acme/ingest-api/commit/{sha}"),
            "commit": { "message": message, "author": { "name": "Li Wei" } },
            "author": { "login": "li", "type": "User", "html_url": "https://github.com/li" },
        })
    };
    let message = "Write ids\n\nMicroalign-Assumed: ids are never reused";
    let commits = json!([commit("aa", message), commit("bb", "Fix a typo"), commit("cc", message)]);
    let pages = Pages::from([("/repos/acme/ingest-api/pulls/7/commits?per_page=100", (200, commits))]);
    let api = Api::new(pages).await;
    let rule = team("\"note.assumed\"", "ticket = [\"DATA-*\"]");
    let service = Service::started(&rule, &api.github()).await;
    let notes = async |event: &str, delivery: &str, body: &Value| {
        let mut lines = service.github_settled(event, delivery, body).await;
        lines.retain(|line| line["kind"] == "note.assumed");
        lines
            .iter()
            .map(|line| format!("{} {}", line["state"].as_str().unwrap(), line["thread"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(notes("pull_request", "n-1", &pull_request("opened", 7, json!({}))).await, ["sent DATA-123"]);
    let text = read_mail(&service.mails()[0]).body_text(0).unwrap().into_owned();
    for part in ["Li Wei", "> ids are never reused", "/commit/aa"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let push = json!({
        "ref": "refs/heads/order-v2", "after": "cc",
        "commits": [{ "id": "cc", "message": message, "author": { "name": "Li Wei", "username": "li" } }],
        "repository": { "full_name": "acme/ingest-api" }, "sender": { "login": "li", "type": "User" },
    });
    assert_eq!(notes("push", "n-2", &push).await, ["suppressed acme/ingest-api:order-v2"]);
    assert_eq!(notes("pull_request", "n-3", &pull_request("synchronize", 7, json!({}))).await, ["suppressed DATA-123"]);
    let asked = api.asked().len();
    service.github_settled("pull_request", "n-4", &pull_request("labeled", 7, json!({}))).await;
    assert_eq!((service.mails().len(), api.asked().len()), (1, asked), "a label brings no commits");
}

/// However an API fails, the update goes, the ledger says why not all was known, and the token is nowhere.
#[tokio::test]
async fn an_api_in_trouble_delays_nobody() {
    for (page, words) in [
        ((403, json!({ "message": "Resource not accessible by integration" })), "GitHub answered 403: Resource not"),
        ((500, json!("<html><b>Unicorn</b></html>")), "GitHub answered 500: Internal Server Error"),
        ((200, json!("[{\"number\": 7")), "GitHub's answer cannot be read"),
        ((0, json!("")), "GitHub did not answer within 8 s"),
    ] {
        let commits = "/repos/acme/ingest-api/pulls/7/commits?per_page=100";
        let api = Api::new(Pages::from([(WITH_AA, page.clone()), (commits, page)])).await;
        // What might be excluded is kept back.
        let rule = team("\"workflow.failed\", \"note.assumed\"", "not = { labels = [\"wip\"] }");
        let more = "[[rule]]\nname = \"any\"\non = [\"workflow.failed\", \"pull_request.opened\"]\n";
        let service = Service::started(&format!("{rule}{more}"), &api.github()).await;
        let began = Instant::now();
        service.github("workflow_run", "t-1", &workflow("failure", "aa", json!([]))).await;
        let mut opened = pull_request("opened", 7, json!({}));
        opened["pull_request"]["body"] = json!("");
        service.github("pull_request", "t-2", &opened).await;
        assert!(began.elapsed() < Duration::from_secs(5), "the answer to the webhook waits for nobody");
        for delivery in ["t-1", "t-2"] {
            let lines = service.settled(delivery).await;
            assert_eq!((states(&lines), &lines[0]["rule"]), (vec!["sent"], &json!("any")), "{delivery}: {lines:?}");
        }
        assert!(service.log().contains(words), "{words}: {}", service.log());
        let text = format!("{} {}", service.log(), service.stored());
        assert!(!text.contains(TOKEN) && !text.contains("Unicorn"));
    }
}

#[tokio::test]
async fn a_ticket_that_jira_never_sent_is_told_with_its_words() {
    let issue = json!({ "id": "10042", "key": "DATA-123", "fields": {
        "summary": "Orders in the v2 schema", "issuetype": { "name": "Story" }, "duedate": "2027-01-05",
        "assignee": { "accountId": "5b10a2", "displayName": "Ana Silva" },
        "status": { "name": "In Progress", "statusCategory": { "key": "indeterminate" } } } });
    let jira = Api::new(Pages::from([(
        "/rest/api/2/issue/DATA-123?fields=summary,status,duedate,assignee,reporter,priority,issuetype,project,labels,fixVersions,components,resolution,security,issuelinks,parent,updated",
        (200, issue),
    )]))
    .await;
    let mut service = Service::new(&team("\"pull_request.merged\"", "template = \"mine\""), "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"{TOKEN}\"\n", jira.url));
    let words = "{{ticket.summary}}, {{ticket.status}}, {{ticket.assignee.name}}, {{date ticket.due}}\n";
    service.write("templates/mine.hbs", words);
    service.start().await;
    service.github_settled("pull_request", "s-1", &merged(7)).await;
    let text = read_mail(&service.mails()[0]).body_text(0).unwrap().into_owned();
    assert!(text.contains("Orders in the v2 schema, In Progress, Ana Silva, "), "{text}");
}
