//! What arrives, where, how often, and why not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mail_parser::MimeHeaders as _;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Listener, Service, commented, eventually, merged, pull_request, read_mail, states, ticket};

const EMAIL: &str = "[email]\nfrom = \"microalign <updates@example.com>\"\n";
const WEBHOOK_SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A team that hears of all there is, at once and at one place.
fn everything(name: &str, to: &str) -> String {
    format!("team = \"{name}\"\nto = [\"{to}\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"*\"]\n")
}

fn webhook(name: &str, url: &str) -> String {
    format!("[webhook.{name}]\nurl = \"{url}\"\nsecret = \"whsec_{WEBHOOK_SECRET}\"\n")
}

fn slack(url: &str) -> String {
    format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{url}\"\n")
}

fn draft(number: u64) -> Value {
    pull_request("opened", number, json!({ "draft": true }))
}

fn done() -> Value {
    let change = json!([{ "field": "status", "fieldId": "status", "fromString": "In Progress", "toString": "Done" }]);
    ticket("Done", "done", change)
}

#[tokio::test]
async fn a_merge_becomes_a_mail_that_says_why() {
    let service = Service::started(&everything("web", "email:web@example.com"), EMAIL).await;
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(7)).await), ["sent"]);
    let mails = service.mails();
    assert_eq!(mails.len(), 1);
    let mail = read_mail(&mails[0]);
    assert_eq!(mail.subject(), Some("DATA-123: Add the v2 order schema"));
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("microalign"), Some("updates@example.com")));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("web@example.com"));
    assert_eq!(mail.header_raw("List-Id").unwrap().trim(), "\"microalign for web\" <web.example.com>");
    assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert!(mail.date().is_some() && mail.message_id().unwrap().ends_with("@example.com"));
    let kinds = mail.parts.iter().map(|part| part.content_type().unwrap().subtype().unwrap()).collect::<Vec<_>>();
    assert_eq!(kinds, ["alternative", "plain", "html"]);
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    let why = "web gets this because its rule “all” asks for pull_request.merged in acme/ingest-api for DATA-123.";
    assert_eq!(text.trim_end().lines().last(), Some(why));
    assert_eq!(text.matches("because").count(), 1);
    assert!(text.starts_with("ana merged “Add the v2 order schema”"), "{text}");
    assert!(html.contains("<a href=\"https://github.com/acme/ingest-api/pull/7\">"), "{html}");
    let end = html.rfind("<p style=").unwrap();
    assert!(html[end..].contains("font-size:13px") && html[end..].contains(&format!(">{why}</p>")), "{html}");
}

/// A piece of work as it goes, sent without a pause: its mails and messages must find each other all the same. Each is
/// planned before the next one comes, since of two that are read together the draft isn't news beside the merge.
async fn tell_of_data_123(service: &Service) {
    service.github("pull_request", "c-1", &draft(7)).await;
    planned(service, "c-1").await;
    service.github("issue_comment", "c-2", &commented("/assume ids are never reused")).await;
    planned(service, "c-2").await;
    service.github("pull_request", "c-3", &merged(7)).await;
    planned(service, "c-3").await;
    service.jira("c-4", &done()).await;
    for delivery in ["c-1", "c-2", "c-3", "c-4"] {
        assert!(states(&service.settled(delivery).await).contains(&"sent"), "{delivery}");
    }
}

async fn planned(service: &Service, delivery: &str) {
    let known = async || service.ledger().await.iter().any(|line| line["delivery"] == delivery).then_some(());
    eventually("it is planned", known).await;
}

const CONVERSATION: &str = r#"
settle = "0s"
[[rule]]
name = "work"
on = ["pull_request.draft", "note.*", "pull_request.merged", "ticket.done"]
"#;

#[tokio::test]
async fn a_piece_of_work_is_one_mail_thread() {
    let team = format!("team = \"web\"\nto = [\"email:web@example.com\"]\n{CONVERSATION}");
    let service = Service::started(&team, EMAIL).await;
    tell_of_data_123(&service).await;
    let mails = service.mails();
    let mails = mails.iter().map(|raw| read_mail(raw)).collect::<Vec<_>>();
    assert_eq!(mails.len(), 4);
    for (mail, word) in mails.iter().zip(["draft", "assumed", "merged", "done"]) {
        assert!(mail.body_text(0).unwrap().contains(word), "{}", mail.body_text(0).unwrap());
    }
    let first = mails[0].message_id().unwrap();
    assert!(mails[0].in_reply_to().as_text().is_none() && mails[0].references().as_text().is_none());
    for reply in &mails[1..] {
        assert_eq!(reply.in_reply_to().as_text(), Some(first));
        assert_eq!(reply.references().as_text(), Some(first));
        assert_ne!(reply.message_id(), Some(first));
        assert_eq!(reply.subject(), mails[0].subject(), "a changed subject splits the thread in some mail programs");
    }
}

#[tokio::test]
async fn a_piece_of_work_is_one_slack_thread_even_after_a_bad_start() {
    let posted = |n| (200, json!({ "ok": true, "ts": format!("150343595{n}.000247"), "channel": "C1" }));
    // All four wait when the first one gets its second try.
    let slack_api = Listener::new(vec![(503, json!({})), posted(1), posted(2), posted(3), posted(4)]).await;
    let team = format!("team = \"web\"\nto = [\"slack:#web\"]\n{CONVERSATION}");
    let service = Service::started(&team, &slack(&slack_api.url)).await;
    tell_of_data_123(&service).await;
    let posts = slack_api.requests().split_off(1);
    assert_eq!(posts.len(), 4);
    for post in &posts {
        assert_eq!(post.path, "/chat.postMessage");
        assert_eq!(post.headers["authorization"], "Bearer xoxb-its-a-token");
    }
    assert_eq!((&posts[0].body["channel"], posts[0].body.get("thread_ts")), (&json!("#web"), None));
    for reply in &posts[1..] {
        assert_eq!(reply.body["channel"], "C1");
        assert_eq!(reply.body["thread_ts"], "1503435951.000247");
    }
}

#[tokio::test]
async fn a_title_cannot_do_anything() {
    let evil = "<!channel> [x](http://evil) **hi** \r\nBcc: a@b";
    let slack_api = Listener::new(vec![(200, json!({ "ok": true, "ts": "1.2", "channel": "C1" }))]).await;
    let team = everything("web", "email:web@example.com").replace("[\"email", "[\"slack:#web\", \"email");
    let service = Service::started(&team, &format!("{EMAIL}{}", slack(&slack_api.url))).await;
    let body = pull_request("opened", 7, json!({ "title": evil, "body": evil }));
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &body).await), ["sent"]);

    let mails = service.mails();
    let mail = read_mail(&mails[0]);
    let subject = mail.subject().unwrap();
    assert!(subject.contains("<!channel>") && subject.contains("Bcc: a@b") && !subject.contains(['\r', '\n']));
    assert!(mail.bcc().is_none());
    let html = mail.body_html(0).unwrap();
    let links = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect::<Vec<_>>();
    assert!(!links.is_empty() && links.iter().all(|link| link.starts_with("https://github.com/acme/")), "{links:?}");
    assert!(html.contains("&lt;!channel&gt;") && !html.contains("<strong>") && !html.contains("<!channel>"), "{html}");

    let post = slack_api.requests().remove(0).body;
    assert!(post["text"].as_str().unwrap().contains("&lt;!channel&gt;"), "{post}");
    assert!(!post["text"].as_str().unwrap().contains(['<', '>']), "{post}");
    let mut kinds = Vec::new();
    elements(&post["blocks"], &mut |element| {
        kinds.push(element["type"].as_str().unwrap_or_default().to_owned());
        if element["type"] == "link" {
            assert!(element["url"].as_str().unwrap().starts_with("https://github.com/acme/"), "{element}");
        }
        assert_ne!(element["style"]["bold"], true, "{element}");
    });
    assert!(kinds.iter().any(|kind| kind == "link"), "{post}");
    let inert = ["rich_text", "rich_text_section", "rich_text_quote", "text", "link", "context", "plain_text"];
    assert!(kinds.iter().all(|kind| kind.is_empty() || inert.contains(&kind.as_str())), "{kinds:?}");
}

/// Visits every object in a value.
fn elements(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| elements(item, visit)),
        Value::Object(fields) => {
            visit(value);
            fields.values().for_each(|field| elements(field, visit));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_webhook_that_fails_gets_the_same_signed_message_again() {
    let hub = Listener::new(vec![(500, json!({})), (200, json!({}))]).await;
    let service = Service::started(&everything("web", "webhook:hub"), &webhook("hub", &hub.url)).await;
    let lines = service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(lines[0]["state"], "sent");
    assert_eq!((&lines[0]["sends"][0]["state"], &lines[0]["sends"][0]["attempts"]), (&json!("sent"), &json!(2)));
    let requests = hub.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        let header = |name: &str| request.headers[name].to_str().unwrap();
        let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), request.text);
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(WEBHOOK_SECRET).unwrap()).unwrap();
        mac.update(signed.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
    }
    assert_eq!(requests[0].headers["webhook-id"], requests[1].headers["webhook-id"]);
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].body["type"], "pull_request.merged");
    assert_eq!(requests[0].body["data"]["thread"], "DATA-123");
}

#[tokio::test]
async fn what_is_refused_for_good_waits_for_a_person() {
    let hub = Listener::new(vec![(410, json!({})), (200, json!({}))]).await;
    let service = Service::started(&everything("web", "webhook:hub"), &webhook("hub", &hub.url)).await;
    let service = service.expecting(&["cannot be sent"]);
    let failed = service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(failed[0]["state"], "failed");
    assert_eq!((&failed[0]["sends"][0]["state"], &failed[0]["sends"][0]["attempts"]), (&json!("failed"), &json!(1)));
    assert!(failed[0]["reason"].as_str().unwrap().contains("410"), "{failed:?}");
    let id = failed[0]["id"].as_str().unwrap();
    let (code, _, err) = service.run(&["ledger", "retry", id]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(states(&service.settled("d-1").await), ["sent"]);
    assert_eq!(hub.requests().len(), 2);
    let (code, _, err) = service.run(&["ledger", "retry", id]).await;
    assert_eq!(code, 1, "what was sent is not sent again");
    assert!(err.contains(id), "{err}");
}

#[tokio::test]
async fn dead_destinations_delay_nobody_else() {
    let live = Listener::new(vec![(200, json!({}))]).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // It takes connections (the system does), and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let more = [
        webhook("closed", &format!("http://{closed}/")),
        webhook("silent", &format!("http://{}/", silent.local_addr().unwrap())),
        webhook("live", &live.url),
    ];
    let mut service = Service::new(&everything("a", "webhook:closed"), &more.concat());
    service.write("rules/b.toml", &everything("b", "webhook:silent"));
    service.write("rules/c.toml", &everything("c", "webhook:live"));
    service.start().await;
    for number in 1..=20 {
        service.github("pull_request", &format!("d-{number}"), &merged(number)).await;
    }
    eventually("the live one has all", async || (live.requests().len() == 20).then_some(())).await;
    let ledger = service.ledger().await;
    let of =
        |team: &str, state: &str| ledger.iter().filter(|line| line["team"] == team && line["state"] == state).count();
    assert_eq!((of("a", "sent"), of("b", "sent")), (0, 0));
    assert_eq!((of("a", "held"), of("b", "held")), (20, 20), "nothing is given up");
}
