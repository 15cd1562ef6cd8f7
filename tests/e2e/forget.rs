//! A person's words and names are removed from the store, and everything else goes on.

use serde_json::{Value, json};

use crate::support::{Listener, Service, commented, eventually, merged, pull_request, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "all"
on = ["pull_request.*"]
[[rule]]
name = "notes"
on = ["note.*"]
object_by = "3d"
"#;

const LOGIN: &str = "zora-q";
const WORDS: &str = "umbrellas are never reused";
const OBJECTION: &str = "Parasols might be";

/// A payload in which somebody else is Ana.
fn by(body: &Value) -> Value {
    serde_json::from_str(&body.to_string().replace("\"ana\"", "\"Zora-Q\"").replace("/ana\"", "/Zora-Q\"")).unwrap()
}

/// What is in the store, in small letters.
fn bytes(service: &Service) -> String {
    service.stored().to_lowercase()
}

/// Objects by the link in the last mail.
async fn object(service: &Service) {
    let mails = service.mails();
    let text = read_mail(mails.last().unwrap()).body_text(0).unwrap().into_owned();
    let url = text.split_once("Object: ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://{}", service.address)).unwrap();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("by", "Zora-Q"), ("text", OBJECTION)])
        .finish();
    let request = service.request(path).header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    let objected = async || {
        let lines = service.ledger().await;
        lines.iter().any(|line| line["reason"].as_str().unwrap().contains("objected through the link")).then_some(())
    };
    eventually("the ledger says it", objected).await;
}

#[tokio::test]
async fn nothing_of_a_person_is_left_and_the_service_goes_on() {
    let mut service = Service::new(TEAM, "");
    service.configure("server", "public_url = \"http://127.0.0.1:0\"\nconsole = true\n");
    service.start().await;
    let opened = by(&pull_request("opened", 7, json!({ "head": { "ref": "zora-q/orders" } })));
    service.github_settled("pull_request", "d-1", &opened).await;
    for number in 10..60 {
        let others = by(&pull_request("opened", number, json!({ "assignees": [{ "login": "Zora-Q" }] })));
        service.github("pull_request", &format!("many-{number}"), &others).await;
    }
    service.idle().await;
    service.github_settled("pull_request", "d-2", &merged(8)).await;
    service.github_settled("issue_comment", "d-3", &by(&commented(&format!("{WORDS}, I think")))).await;
    let mut assumed = by(&commented(&format!("/assume {WORDS}")));
    assumed["comment"]["id"] = json!(7002);
    service.github_settled("issue_comment", "d-4", &assumed).await;
    object(&service).await;
    let before = service.ledger().await;
    assert!([LOGIN, WORDS, "parasols"].iter().all(|text| bytes(&service).contains(text)));

    let (code, out, err) = service.run(&["store", "forget", "--person", LOGIN]).await;
    assert_eq!(code, 0, "{out}{err}");
    for kind in ["bodies", "events", "lines", "messages", "objections", "subjects"] {
        assert!(out.contains(&format!("\n{kind}  ")) || out.starts_with(kind), "{kind}: {out}");
    }
    assert!(out.ends_with("Removed the words and names of zora-q.\n"), "{out}");
    for text in [LOGIN, WORDS, "parasols"] {
        assert!(!bytes(&service).contains(text), "{text}");
    }
    let (code, _, err) = service.run(&["store", "forget", "--person", LOGIN]).await;
    assert!(code == 1 && err.contains("nothing in the store names `zora-q`"), "{err}");

    // The ledger and the console say what was, without who.
    let after = service.ledger().await;
    let kept = |lines: &[Value]| {
        let keys = ["id", "kind", "subject", "thread", "state", "code", "at"];
        lines.iter().map(|line| keys.map(|key| line[key].clone())).collect::<Vec<_>>()
    };
    assert_eq!(kept(&after), kept(&before));
    let noted = after.iter().find(|line| line["kind"] == "note.assumed").unwrap();
    assert!(noted["reason"].as_str().unwrap().contains("somebody objected through the link"), "{noted}");
    let (_, out, err) = service.run(&["ledger", "show", noted["id"].as_str().unwrap()]).await;
    assert!(out.contains("its message was removed (`microalign store forget`)"), "{out}{err}");
    let merged_line = after.iter().find(|line| line["subject"] == "acme/ingest-api#8").unwrap();
    let (_, out, _) = service.run(&["ledger", "show", merged_line["id"].as_str().unwrap()]).await;
    assert!(out.contains("ana"), "{out}");
    let page = service.get("/").await.text().await.unwrap();
    assert!(page.contains("its message was removed") && !page.to_lowercase().contains(LOGIN), "{page}");
    let delivery = noted["id"].as_str().unwrap().split_once('.').unwrap().0;
    let (code, _, err) = service.run(&["explain", "--event-id", delivery]).await;
    assert!(code == 1 && err.contains("was deleted"), "{err}");

    // Nothing is told twice, and the conversation goes on.
    assert_eq!(states(&service.github_settled("pull_request", "d-5", &opened).await), ["suppressed"]);
    let told = service.mails().len();
    assert_eq!(states(&service.github_settled("pull_request", "d-6", &merged(7)).await), ["sent"]);
    let mails = service.mails();
    assert!(mails.len() == told + 1 && read_mail(mails.last().unwrap()).references().as_text_list().is_some());
}

#[tokio::test]
async fn a_forgotten_message_is_not_retried() {
    let hub = Listener::new(vec![(404, json!({}))]).await;
    let more = format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let service = Service::started(&TEAM.replace("email:web@example.com", "webhook:hub"), &more).await;
    let service = service.expecting(&["the webhook answered 404"]);
    let lines = service.github_settled("pull_request", "d-1", &by(&pull_request("opened", 7, json!({})))).await;
    assert_eq!(states(&lines), ["failed"]);
    let (code, _, err) = service.run(&["store", "forget", "--person", "ZORA-Q"]).await;
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = service.run(&["ledger", "retry", "1.1"]).await;
    assert!(code == 1 && err.contains("the message of 1.1 can't be sent again"), "{err}");
    assert_eq!((states(&service.ledger().await), hub.requests().len()), (vec!["failed"], 1));
}

#[tokio::test]
async fn what_is_being_sent_is_left_and_said() {
    let hub = Listener::new(vec![(503, json!({}))]).await;
    let more = format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let service = Service::started(&TEAM.replace("email:web@example.com", "webhook:hub"), &more).await;
    service.github("pull_request", "d-1", &by(&pull_request("opened", 7, json!({})))).await;
    eventually("it is tried", async || (!hub.requests().is_empty()).then_some(())).await;
    let (code, out, err) = service.run(&["store", "forget", "--person", LOGIN]).await;
    assert!(code == 1 && err.contains("to be read or sent: run this again later"), "{out}{err}");
    assert!(out.contains("bodies") && bytes(&service).contains(LOGIN), "{out}");
    assert_eq!(states(&service.ledger().await), ["held"]);
}

#[tokio::test]
async fn an_update_that_waits_is_sent_without_the_name() {
    let mut service = Service::started(&TEAM.replace("settle = \"0s\"", "settle = \"1h\""), "").await;
    service.github("pull_request", "d-1", &by(&pull_request("opened", 7, json!({})))).await;
    eventually("it waits", async || (!service.ledger().await.is_empty()).then_some(())).await;
    service.stop().await;
    let (code, out, err) = service.run(&["store", "forget", "--person", LOGIN]).await;
    assert_eq!(code, 0, "{out}{err}");
    service.change("UPDATE ledger SET due_at = 0");
    service.start().await;
    assert_eq!(states(&service.settled("d-1").await), ["sent"]);
    let mail = String::from_utf8(service.mails().remove(0)).unwrap().to_lowercase();
    assert!(mail.contains("a pr was opened for data-123") && !mail.contains(LOGIN), "{mail}");
}
