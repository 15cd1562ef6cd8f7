//! The console's pages about work: a conversation from draft to done, sends that fail, and assumptions. A page and its
//! endpoint below `/api/v1` say the same.

mod sends;

use serde_json::{Value, json};

use crate::cases::payload::{level, put};
use crate::support::{Service, answer, commented, eventually, merged, pull_request, read_mail, states, ticket};

const WORK: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"work\"\non = [\"pull_request.draft\", \"pull_request.ready\", \"pull_request.merged\", \"ticket.*\"]\n\
    [[rule]]\nname = \"notes\"\non = [\"note.*\"]\nobject_by = \"3d\"\n";

/// A service with the console.
async fn console(team: &str, more: &str) -> Service {
    let mut service = Service::new(team, more);
    service.configure("server", "console = true\npublic_url = \"http://127.0.0.1:0\"\n");
    service.start().await;
    service
}

async fn page(service: &Service, path: &str) -> String {
    let answer = service.get(path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    text
}

async fn api(service: &Service, path: &str) -> Value {
    let answer = answer(service.get(&format!("/api/v1{path}")).await).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// The token that a page has in its forms, if the console asks for one.
async fn token(service: &Service) -> Option<String> {
    let page = page(service, "/deliveries").await;
    let (_, after) = page.split_once("name=\"form-token\" content=\"")?;
    Some(after.split_once('"')?.0.to_owned())
}

/// Sends a page's form: the status and the page that follows.
async fn press(service: &Service, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let token = token(service).await;
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields).extend_pairs(token.map(|token| ("form_token", token)));
    let request = service.request(path).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(body.finish()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Asks an endpoint to change something.
async fn ask(service: &Service, path: &str, wish: &Value) -> (u16, Value) {
    let token = token(service).await.unwrap_or_default();
    let request = service.request(&format!("/api/v1{path}")).header("content-type", "application/json");
    let answer = answer(request.header("x-form-token", token).body(wish.to_string()).send().await.unwrap()).await;
    (answer.status, answer.body)
}

/// The path of the link that objects, in the last mail.
fn objects(service: &Service) -> String {
    let mails = service.mails();
    let texts = mails.iter().rev().map(|raw| read_mail(raw).body_text(0).unwrap().into_owned());
    let text = texts.into_iter().find(|text| text.contains("Object: ")).unwrap();
    let url = text.split_once("Object: ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    url.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned()
}

async fn object(service: &Service, by: &str, text: &str) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("by", by), ("text", text)]).finish();
    let request = service.request(&objects(service)).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
}

/// In which order these stand in a text.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} isn't behind the others in {text}"));
        rest = after;
    }
}

#[tokio::test]
async fn a_conversation_tells_of_its_work_from_draft_to_done() {
    let service = console(WORK, "").await;
    let draft = pull_request("opened", 7, json!({ "draft": true, "body": "Soon." }));
    service.github_settled("pull_request", "d-1", &draft).await;
    let found = page(&service, "/conversations/acme%2Fingest-api%237").await;
    assert!(found.contains("pull_request.draft") && found.contains("<strong>a draft</strong>"), "{found}");

    // It belongs to a ticket from now on.
    let mut edited = pull_request("edited", 7, json!({ "draft": true }));
    edited["changes"] = json!({ "body": { "from": "Soon." } });
    service.github("pull_request", "d-2", &edited).await;
    service.idle().await;
    service.github_settled("issue_comment", "d-3", &commented("/assume ids are never <b>reused</b>")).await;
    object(&service, "Bo", "They <i>are</i>.").await;
    let mut other = commented("/assume ids are stable");
    put(
        &mut other,
        json!({ "action": "edited", "changes": { "body": { "from": "/assume ids are never <b>reused</b>" } } }),
    );
    service.github_settled("issue_comment", "d-4", &other).await;

    let (status, muted) = press(&service, "/conversations/DATA-123", &[("team", "web"), ("for", "1d")]).await;
    assert!(status == 200 && muted.contains("somebody on this machine in the console"), "{status} {muted}");
    let ready = pull_request("ready_for_review", 7, json!({}));
    assert_eq!(states(&service.github_settled("pull_request", "d-5", &ready).await), ["suppressed"]);
    let view = api(&service, "/conversations/DATA-123").await;
    let id = view["mutes"][0]["id"].as_i64().unwrap();
    assert_eq!((&view["mutes"][0]["team"], view["mutes"].as_array().unwrap().len()), (&json!("web"), 1));
    let (status, unmuted) = press(&service, "/conversations/DATA-123", &[("unmute", &id.to_string())]).await;
    assert!(status == 200 && !unmuted.contains("End this mute"), "{status} {unmuted}");
    assert_eq!(states(&service.github_settled("pull_request", "d-6", &merged(7)).await), ["sent"]);
    let done = json!([{ "field": "status", "fromString": "In Progress", "toString": "Done" }]);
    service.jira_settled("j-1", &ticket("Done", "done", done)).await;

    let now = page(&service, "/conversations/DATA-123").await;
    in_order(&now, &["<h1>DATA-123</h1>", "<strong>Done</strong>", "<strong>merged</strong>", "pull_request.draft"]);
    in_order(
        &now,
        &[
            "pull_request.draft",
            "note.assumed",
            "<bdi>Bo</bdi>",
            "They &lt;i&gt;are&lt;/i&gt;.",
            "(edited)",
            "ids are stable",
            "pull_request.ready",
            "muted for web: DATA-123",
            "by somebody on this machine in the console",
            "pull_request.merged",
            "ticket.done",
        ],
    );
    assert!(!now.contains("ids are never") && !now.contains("<i>are"), "words that were edited: {now}");
    let view = api(&service, "/conversations/DATA-123").await;
    let kinds = view["moments"].as_array().unwrap().iter().map(|moment| moment["event"]["kind"].as_str().unwrap());
    let kinds = kinds.collect::<Vec<_>>();
    for kind in ["pull_request.draft", "note.assumed", "pull_request.ready", "pull_request.merged", "ticket.done"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(!view.to_string().contains("ids are never"), "{view}");

    // It is found by the name that it had, and nothing is found by another.
    let there = page(&service, "/conversations/acme/ingest-api%237").await;
    assert!(there.contains("<h1>DATA-123</h1>"), "{there}");
    let (status, body) = {
        let answer = answer(service.get("/api/v1/conversations/acme%2Fingest-api%237").await).await;
        (answer.status, answer.body)
    };
    assert!(status == 404 && body["error"].as_str().unwrap().contains("`DATA-123`"), "{status} {body}");
    for nothing in ["/conversations/DATA-9", "/conversations/", "/conversations/%00", "/conversations/..%2F.."] {
        assert_eq!(service.get(nothing).await.status(), 404, "{nothing}");
    }
    for (wish, status) in [
        (json!({ "team": "web", "for": "1w" }), 200),
        (json!({ "for": "1d" }), 200),
        (json!({ "team": "ops", "for": "1w" }), 400),
        (json!({ "team": "web", "for": "1y" }), 400),
        (json!({ "team": "web" }), 400),
    ] {
        assert_eq!(ask(&service, "/conversations/DATA-123/mute", &wish).await.0, status, "{wish}");
    }
    assert_eq!(ask(&service, "/conversations/DATA-9/mute", &json!({ "for": "1w" })).await.0, 404);
    let mutes = api(&service, "/conversations/DATA-123").await["mutes"].clone();
    assert_eq!((&mutes[1]["team"], mutes.as_array().unwrap().len()), (&Value::Null, 2), "{mutes}");
    let ended = ask(&service, "/conversations/DATA-123/unmute", &json!({ "id": mutes[1]["id"] })).await;
    assert_eq!(ended, (200, json!({ "ended": true })));
    let ended = ask(&service, "/conversations/DATA-123/unmute", &json!({ "id": mutes[1]["id"] })).await;
    assert_eq!(ended, (200, json!({ "ended": false })));
}

#[tokio::test]
async fn hostile_words_do_nothing_on_any_page() {
    let service =
        console(&WORK.replace("\"mailbox\"", "\"mailbox\", \"webhook:hub\""), &hub("http://127.0.0.1:9/")).await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \u{202e}gnp";
    let opened = json!({ "title": format!("DATA-123 {evil}"), "draft": true, "html_url": "javascript:alert(1)" });
    service.github("pull_request", "d-1", &pull_request("opened", 7, opened)).await;
    service.github("issue_comment", "d-2", &commented(&format!("/assume {evil}"))).await;
    let waits =
        async || (api(&service, "/sends?state=waiting").await["sends"].as_array().unwrap().len() == 2).then_some(());
    eventually("both wait", waits).await;
    let told = async || (service.mails().len() == 2).then_some(());
    eventually("the mailbox has both", told).await;
    object(&service, evil, evil).await;
    for path in [
        "/conversations/DATA-123",
        "/deliveries?state=waiting",
        "/assumptions",
        "/assumptions?ticket=%22%3E%3Cscript%3E",
    ] {
        let page = page(&service, path).await;
        for part in ["<script>alert", "<img", "javascript:", "<script>\"", "\"><script>", "\u{202e}"] {
            assert!(!page.contains(part), "{part} in {path}: {page}");
        }
    }
    let found = page(&service, "/conversations/DATA-123").await;
    assert!(found.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{found}");
}

fn hub(url: &str) -> String {
    format!("[webhook.hub]\nurl = \"{url}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n")
}

#[tokio::test]
async fn assumptions_are_listed_by_what_came_of_them() {
    let team = |name: &str, by: &str| {
        format!(
            "team = \"{name}\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n\
             [[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\nobject_by = \"{by}\"\n"
        )
    };
    let mut service = Service::new(&team("web", "3d"), "");
    service.configure("server", "console = true\npublic_url = \"http://127.0.0.1:0\"\n");
    service.write("rules/ops.toml", &team("ops", "1s"));
    service.start().await;
    let assumed = |id: u64, words: &str| {
        let mut body = commented(&format!("/assume {words}"));
        put(&mut body, json!({ "comment": { "id": id } }));
        body
    };
    service.github_settled("pull_request", "d-0", &pull_request("opened", 7, json!({}))).await;
    service.github_settled("issue_comment", "d-1", &assumed(1, "@web ids are never reused")).await;
    object(&service, "Bo", "They are, since May.").await;
    service.github_settled("issue_comment", "d-2", &assumed(2, "@web times are UTC")).await;
    service.github_settled("issue_comment", "d-3", &assumed(3, "@ops names are unique")).await;
    service.github_settled("issue_comment", "d-4", &assumed(4, "@web sizes are small")).await;
    let mut edited = assumed(4, "@web sizes are tiny");
    put(&mut edited, json!({ "action": "edited", "changes": { "body": { "from": "/assume @web sizes are small" } } }));
    service.github_settled("issue_comment", "d-5", &edited).await;

    let of = async |query: &str| {
        let found = api(&service, &format!("/assumptions{query}")).await;
        let all = found["assumptions"].as_array().unwrap().clone();
        let all = all.iter().flat_map(|one| {
            let teams = one["teams"].as_array().unwrap().clone();
            let words = one["event"]["note"].as_str().unwrap_or("").to_owned();
            teams.into_iter().map(move |told| (told["state"].as_str().unwrap().to_owned(), words.clone()))
        });
        all.collect::<Vec<_>>()
    };
    let agreed = async || (of("?state=agreed").await.len() == 1).then_some(());
    eventually("ops agrees", agreed).await;
    let pair = |state: &str, words: &str| (state.to_owned(), words.to_owned());
    assert_eq!(
        of("").await,
        [
            pair("open", "sizes are tiny"),
            pair("changed", ""),
            pair("agreed", "names are unique"),
            pair("open", "times are UTC"),
            pair("objected", "ids are never reused"),
        ]
    );
    assert_eq!(of("?state=objected").await, [pair("objected", "ids are never reused")]);
    assert_eq!(of("?team=ops").await, [pair("agreed", "names are unique")]);
    assert_eq!((of("?ticket=DATA-9").await.len(), of("?ticket=DATA-123&state=open").await.len()), (0, 2));
    assert_eq!(service.get("/api/v1/assumptions?state=lost").await.status(), 400);
    let shown = page(&service, "/assumptions").await;
    in_order(
        &shown,
        &["sizes are tiny", "the time to object ends", "names are unique", "agreed", "ids are never reused"],
    );
    in_order(&shown, &["objected", "<bdi>Bo</bdi>", "They are, since May."]);
    assert!(!shown.contains("sizes are small"), "{shown}");
}

#[tokio::test]
async fn what_a_restricted_ticket_says_is_on_no_page() {
    let more = hub("http://127.0.0.1:9/");
    let service = console(&WORK.replace("\"mailbox\"", "\"mailbox\", \"webhook:hub\""), &more).await;
    let started = json!([{ "field": "status", "fromString": "To Do", "toString": "In Progress" }]);
    let mut open = ticket("In Progress", "indeterminate", started);
    put(&mut open, json!({ "issue": { "fields": { "summary": "hush customers" } } }));
    service.jira("j-1", &open).await;
    let mut said = open.clone();
    put(
        &mut said,
        json!({ "webhookEvent": "comment_created", "comment": {
            "id": "10019", "self": "https://acme.atlassian.net/rest/api/2/issue/10042/comment/10019",
            "author": { "accountId": "5b10a2", "displayName": "Hush Ana", "accountType": "atlassian" },
            "body": "/assume hush pays", "created": "2025-12-29T09:20:00.000+0000", "updated": "2025-12-29T09:20:00.000+0000",
        } }),
    );
    service.jira("j-2", &said).await;
    let waits =
        async || (api(&service, "/sends?state=retrying").await["sends"].as_array().unwrap().len() == 1).then_some(());
    eventually("it waits for another attempt", waits).await;
    let told = async || {
        service.mails().iter().any(|raw| read_mail(raw).body_text(0).unwrap().contains("hush pays")).then_some(())
    };
    eventually("the mailbox has it", told).await;
    object(&service, "Hush Bo", "hush never pays").await;
    let before = page(&service, "/conversations/DATA-123").await;
    assert!(before.contains("hush customers") && before.contains("hush never pays"), "{before}");

    let mut hushed = open.clone();
    put(&mut hushed, json!({ "issue": { "fields": level() } }));
    put(
        &mut hushed,
        json!({ "timestamp": 1_767_000_100_000_i64, "issue": { "fields": { "updated": "2025-12-29T09:30:00.000+0000" } },
        "changelog": { "items": [{ "field": "security", "toString": "Restricted" }] } }),
    );
    service.jira("j-3", &hushed).await;
    let hidden = async || {
        let page = page(&service, "/conversations/DATA-123").await;
        page.contains("has a security level").then_some(page)
    };
    eventually("its words are hidden", hidden).await;
    for path in [
        "/conversations/DATA-123",
        "/deliveries?state=waiting",
        "/deliveries",
        "/assumptions",
        "/api/v1/conversations/DATA-123",
        "/api/v1/sends?state=waiting",
        "/api/v1/sends",
        "/api/v1/destinations",
        "/api/v1/assumptions",
    ] {
        let text = page(&service, path).await;
        assert!(!text.to_lowercase().contains("hush"), "{path}: {text}");
    }
    let assumed = api(&service, "/assumptions").await;
    assert_eq!(assumed["assumptions"][0]["teams"][0]["state"], "objected", "{assumed}");
}
