//! Authors of assumptions are told what came of them, where they made them.

use serde_json::{Value, json};

use crate::support::{Got, Listener, Service, commented, eventually, read_mail, ticket};

fn team(name: &str, object_by: &str) -> String {
    format!(
        "team = \"{name}\"\nto = [\"email:{name}@example.com\"]\nsettle = \"0s\"\n\
         [[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"{object_by}\"\n"
    )
}

/// GitHub, and a service that may write there; `comment` is the key of the configuration.
async fn service(object_by: &str, comment: &str) -> (Listener, Service) {
    let api = Listener::new(vec![(201, json!({ "id": 5 }))]).await;
    let mut service = Service::new(&team("web", object_by), "");
    service.configure("server", "public_url = \"http://127.0.0.1:0\"\n");
    service.configure("github", &format!("token = \"hunter2\"\napi_url = \"{}\"\n{comment}", api.url));
    service.start().await;
    (api, service)
}

/// The path of the link that objects, in the last mail.
fn link(service: &Service) -> String {
    let mails = service.mails();
    let text = read_mail(mails.last().unwrap()).body_text(0).unwrap().into_owned();
    let (_, after) = text.split_once("Object: ").unwrap_or_else(|| panic!("no link in {text}"));
    let url = after.split_whitespace().next().unwrap();
    url.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned()
}

async fn press(service: &Service, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = service.request(path).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let (status, page) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!((page.matches("<main").count(), page.matches("<h1").count()), (1, 1), "{page}");
    (status, page)
}

fn said(got: &Got) -> String {
    format!("{}\n{}", got.path, got.body["body"].as_str().unwrap())
}

async fn comments(api: &Listener, count: usize) -> Vec<String> {
    let there = async || (api.requests().len() >= count).then(|| api.requests().iter().map(said).collect::<Vec<_>>());
    eventually(&format!("{count} comments"), there).await
}

async fn reasons(service: &Service) -> Vec<String> {
    let lines = service.idle().await;
    let notes = lines.iter().filter(|line| line["kind"] == "note.assumed");
    notes.map(|line| format!("{}: {}", line["state"].as_str().unwrap(), line["reason"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_objection_by_the_link_is_a_comment_on_the_pull_request() {
    let (api, mut service) = service("3d", "comment = true\n").await;
    service.github_settled("issue_comment", "d-1", &commented("/assume <b>ids</b> are never reused")).await;
    let path = link(&service);
    let page = service.get(&path).await.text().await.unwrap();
    for part in
        ["&lt;b&gt;ids&lt;/b&gt; are never reused", "ana", "acme/ingest-api#7", "web", "is told, with your name"]
    {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(api.requests().is_empty(), "looking changes nothing");

    let text = format!("@everyone look\n/assume x\n<b>hi</b> ![x](http://evil.example)\n\n{}", "words ".repeat(1700));
    let fields = [("by", "Bo @ana"), ("text", text.as_str())];
    let (status, page) = press(&service, &path, &fields).await;
    assert!(status == 200 && page.contains("You objected"), "{page}");
    assert_eq!(press(&service, &path, &fields).await.0, 200, "pressed twice");
    let told = comments(&api, 1).await.remove(0);
    assert!(
        told.starts_with(
            "/repos/acme/ingest-api/issues/7/comments\n<!-- microalign -->\n@ana\n\nBo @\u{2060}ana (web) objected to your "
        ),
        "{told}"
    );
    for part in ["> @\u{2060}everyone look\n", "\n> /assume x\n", "> \\<b\\>hi\\</b\\> \\!", "…"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert!(told.chars().count() < 1500 && !told.contains("Object"), "{told}");

    // It comes back, and the service starts again.
    let body = api.requests()[0].body["body"].as_str().unwrap().to_owned();
    assert_eq!(service.github("issue_comment", "back", &commented(&body)).await.body["status"], "ignored");
    service.idle().await;
    service.kill().await;
    service.start().await;
    let lines = reasons(&service).await;
    assert!(lines[0].starts_with("sent: the rule matched; Bo @ana objected through the link at 2"), "{lines:?}");
    assert_eq!(lines[1..], ["sent: tells the author that Bo @ana objected"]);
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn a_link_takes_a_few_objections_and_no_flood() {
    let (api, service) = service("3d", "comment = true\n").await;
    service.github_settled("issue_comment", "d-1", &commented("/assume ids are never reused")).await;
    let path = link(&service);
    for (token, status) in
        [("x".to_owned(), 404), (format!("{path}x"), 404), (path.replacen("/object/", "/mute/", 1), 404)]
    {
        let path = if token == "x" { "/object/x" } else { &token };
        assert_eq!(service.get(path).await.status().as_u16(), status, "{path}");
        assert_eq!(press(&service, path, &[("text", "No")]).await.0, status, "{path}");
    }
    assert_eq!(press(&service, &path, &[("text", &"x".repeat(70_000))]).await.0, 400);
    assert_eq!(press(&service, &path, &[("line", "1.9")]).await.0, 400);
    for number in 0..5 {
        assert_eq!(press(&service, &path, &[("by", "Bo"), ("text", &number.to_string())]).await.0, 200);
    }
    let (status, page) = press(&service, &path, &[("by", "Bo"), ("text", "more")]).await;
    assert!(status == 429 && page.contains("several objections by"), "{page}");
    service.idle().await;
    assert_eq!(comments(&api, 5).await.len(), 5);
}

#[tokio::test]
async fn an_objection_says_who_and_why() {
    let (api, service) = service("3d", "comment = true\n").await;
    service.github_settled("issue_comment", "d-1", &commented("/assume ids are never reused")).await;
    let path = link(&service);
    let form = service.get(&path).await.text().await.unwrap();
    assert_eq!(form.matches(" required").count(), 2, "{form}");
    let nothing = " \r\n\t\u{200b}\u{ad}\u{3164}";
    for (by, text, said) in [
        ("", "", "Say who you are and why you object."),
        (nothing, nothing, "Say who you are and why you object."),
        ("Bo & <Li>", nothing, "Say why you object."),
        (nothing, "<b>They are</b> reused.", "Say who you are."),
    ] {
        let (status, page) = press(&service, &path, &[("by", by), ("text", text)]).await;
        assert!(status == 422 && page.contains(said), "{page}");
        for typed in [by, text].into_iter().filter(|typed| !typed.is_empty() && *typed != nothing) {
            let kept = typed.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(page.contains(&kept), "{typed} is gone from {page}");
        }
    }
    assert_eq!(press(&service, &path, &[]).await.0, 422);
    assert_eq!(reasons(&service).await, ["sent: the rule matched"]);
    assert!(api.requests().is_empty());
    assert_eq!(press(&service, &path, &[("by", "Bo"), ("text", "👎")]).await.0, 200);
    comments(&api, 1).await;
}

#[tokio::test]
async fn nobody_is_told_without_the_key() {
    let (api, service) = service("3d", "").await;
    service.github_settled("issue_comment", "d-1", &commented("/assume ids are never reused")).await;
    let path = link(&service);
    let (status, page) = press(&service, &path, &[("by", "Bo"), ("text", "They are.")]).await;
    assert!(status == 200 && page.contains("isn't passed on to the author"), "{page}");
    let objected = async || {
        let lines = reasons(&service).await;
        lines[0].starts_with("sent: the rule matched; Bo objected through the link at 2").then_some(lines)
    };
    assert_eq!(eventually("the ledger says it", objected).await.len(), 1);
    assert!(api.requests().is_empty());
}

#[tokio::test]
async fn that_nobody_objected_is_said_once_for_all_teams() {
    let (api, mut service) = service("3s", "comment = true\n").await;
    service.write("rules/two.toml", &team("data", "3s"));
    service.kill().await;
    service.start().await;
    service.github_settled("issue_comment", "d-1", &commented("/assume ids are never reused")).await;
    let told = comments(&api, 1).await.remove(0);
    assert!(told.contains("\n@ana\n\nNo objections from data or web by "), "{told}");
    service.idle().await;
    service.kill().await;
    service.start().await;
    let lines = reasons(&service).await;
    assert!(lines[..2].iter().all(|line| line.contains("; agreed: nobody objected by 2")), "{lines:?}");
    assert_eq!(lines[2..], ["sent: tells the author that nobody in data, web objected"; 2]);
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn a_note_in_jira_is_answered_on_its_ticket() {
    let api = Listener::new(vec![(201, json!({ "id": "10020" }))]).await;
    let mut service = Service::new(&team("web", "1s"), "");
    service.configure("jira", &format!("base_url = \"{}\"\ntoken = \"hunter2\"\ncomment = true\n", api.url));
    service.start().await;
    let mut body: Value = ticket("In Progress", "indeterminate", json!([]));
    body["webhookEvent"] = json!("comment_created");
    body["comment"] = json!({
        "id": "10019",
        "self": "https://acme.atlassian.net/rest/api/2/issue/10042/comment/10019",
        "author": { "accountId": "5b10a2", "displayName": "Ana Silva", "accountType": "atlassian" },
        "body": "/assume ids are never reused",
        "created": "2025-12-29T09:20:00.000+0000",
        "updated": "2025-12-29T09:20:00.000+0000",
    });
    service.jira_settled("j-1", &body).await;
    let told = comments(&api, 1).await.remove(0);
    assert!(told.starts_with("/rest/api/2/issue/DATA-123/comment\nNo objections from web by "), "{told}");
    assert!(told.contains("{quote}\nids are never reused\n{quote}") && told.ends_with("— microalign"), "{told}");
    body["comment"]["body"] = api.requests()[0].body["body"].clone();
    body["comment"]["id"] = json!("10020");
    assert_eq!(service.jira("back", &body).await.body["status"], "ignored");
}
