//! How people make it quiet: by the button of their mail program, by a link, by a command.

use jiff::Timestamp;
use microalign::mute::{By, LinkAction, Linker, Mute, Quiet, Scope};
use microalign::store::Store;
use serde_json::{Value, json};

use crate::support::{Service, merged, pull_request, read_mail, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com", "mailbox"]
settle = "0s"
[[rule]]
name = "work"
on = ["pull_request.opened", "pull_request.merged"]
"#;

/// A service that puts links into its messages.
async fn linking() -> Service {
    let mut service = Service::new(TEAM, "");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let config = config.replacen("[server]\n", "[server]\npublic_url = \"http://127.0.0.1:0\"\n", 1);
    service.write("microalign.toml", &config);
    service.start().await;
    service
}

async fn opened(service: &Service, delivery: &str) -> Vec<Value> {
    service.github_settled("pull_request", delivery, &pull_request("opened", 7, json!({}))).await
}

/// The mail to a recipient, the newest.
fn mail_to(service: &Service, address: &str) -> Vec<u8> {
    let mut mails = service.mails();
    mails.retain(|raw| read_mail(raw).to().unwrap().first().unwrap().address() == Some(address));
    mails.pop().unwrap()
}

/// The path of the link that follows these words.
fn link(service: &Service, mail: &[u8], words: &str) -> String {
    let text = read_mail(mail).body_text(0).unwrap().into_owned();
    let (_, after) = text.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
    let url = after.split_whitespace().next().unwrap();
    url.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned()
}

async fn press(service: &Service, path: &str, body: &'static str) -> (u16, String) {
    let request = service.request(path).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    let (status, page) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!((page.matches("<main").count(), page.matches("<h1").count()), (1, 1), "{page}");
    (status, page)
}

async fn muted(service: &Service) -> Vec<Value> {
    let (code, out, err) = service.run(&["mute", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_button_of_a_mail_program_unsubscribes() {
    let service = linking().await;
    opened(&service, "d-1").await;
    let raw = mail_to(&service, "web@example.com");
    let mail = read_mail(&raw);
    let header = mail.header_raw("List-Unsubscribe").unwrap().trim();
    assert_eq!(mail.header_raw("List-Unsubscribe-Post").unwrap().trim(), "List-Unsubscribe=One-Click");
    let path = header.trim_matches(['<', '>']).strip_prefix(&format!("http://{}", service.address)).unwrap();
    assert!(path.starts_with("/unsubscribe/"), "{path}");

    let seen = service.get(path).await;
    assert_eq!(seen.status(), 200);
    assert!(seen.text().await.unwrap().contains("web@example.com"));
    let url = format!("http://{}{path}", service.address);
    assert_eq!(reqwest::Client::new().head(url).send().await.unwrap().status(), 200);
    assert!(muted(&service).await.is_empty(), "looking changes nothing");

    assert_eq!(press(&service, path, "List-Unsubscribe=One-Click").await.0, 200);
    let mutes = muted(&service).await;
    assert_eq!((&mutes[0]["destination"], &mutes[0]["by"]), (&json!("email:web@example.com"), &json!("mail")));
    assert_eq!((mutes.len(), &mutes[0]["team"], &mutes[0]["until"]), (1, &json!("web"), &Value::Null));

    let lines = service.github_settled("pull_request", "d-2", &merged(7)).await;
    assert_eq!(states(&lines), ["sent"], "the other destination hears of it");
    let sends = lines[0]["sends"].as_array().unwrap();
    let of = |to: &str| sends.iter().find(|send| send["destination"] == to).unwrap();
    assert_eq!((&of("mailbox")["state"], &of("email:web@example.com")["state"]), (&json!("sent"), &json!("muted")));
    let why = "for web at email:web@example.com: everything for good, by a mail program's unsubscribe button";
    assert_eq!(of("email:web@example.com")["error"], why);
    assert_eq!(service.mails().len(), 3);

    let (status, page) = press(&service, path, "undo=1").await;
    assert!(status == 200 && page.contains("Undone"), "{page}");
    assert!(muted(&service).await.is_empty());
}

#[tokio::test]
async fn a_link_in_a_message_mutes_its_conversation() {
    let service = linking().await;
    opened(&service, "d-1").await;
    let path = link(&service, &mail_to(&service, "web@example.com"), "Mute this conversation: ");
    let page = service.get(&path).await.text().await.unwrap();
    assert!(page.contains("Mute DATA-123 for web?") && page.contains("For a month"), "{page}");
    assert_eq!(press(&service, &path, "for=9999d").await.0, 400);
    assert!(muted(&service).await.is_empty());

    let (status, page) = press(&service, &path, "for=1d").await;
    assert!(status == 200 && page.contains("microalign unmute 'DATA-123' --team web"), "{page}");
    let lines = service.github_settled("pull_request", "d-2", &merged(7)).await;
    assert_eq!(states(&lines), ["suppressed"]);
    let reason = lines[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("muted for web: DATA-123 until 2"), "{reason}");
    assert!(reason.ends_with("Z, by a link in a message"), "{reason}");
    assert_eq!(service.mails().len(), 2);

    let by_hand = ["mute", "DATA-123", "--team", "web", "--to", "mailbox"];
    assert_eq!(service.run(&by_hand).await.0, 0);
    assert_eq!(press(&service, &path, "undo=1").await.0, 200);
    let left = muted(&service).await;
    assert_eq!((left.len(), &left[0]["by"]), (1, &json!("command")), "a link takes back what links did");
}

#[tokio::test]
async fn a_link_that_is_not_ours_or_has_ended_does_nothing() {
    let service = linking().await;
    opened(&service, "d-1").await;
    let path = link(&service, &mail_to(&service, "web@example.com"), "Mute this conversation: ");
    let (_, mac) = path.split_once('.').unwrap();
    let other_route = path.replacen("/mute/", "/unsubscribe/", 1);
    for forged in ["/mute/x".to_owned(), format!("/mute/e30.{mac}"), format!("{path}x"), other_route] {
        assert_eq!(service.get(&forged).await.status(), 404, "{forged}");
        let (status, page) = press(&service, &forged, "for=1d").await;
        assert!(status == 404 && !page.contains("DATA-123") && !page.contains("web"), "{page}");
    }
    let (store, _writer) = Store::visit(service.store()).await.unwrap();
    let linker = Linker::new(Some(String::new()), store.link_key().await.unwrap());
    let asked = LinkAction::Quiet(Quiet::Mute { team: "web".to_owned(), thread: "DATA-123".to_owned() });
    let old = linker.link(&asked, Timestamp::now() - jiff::SignedDuration::from_hours(24 * 91)).unwrap();
    assert_eq!(service.get(&old).await.status(), 410);
    assert_eq!(press(&service, &old, "for=1d").await.0, 410);
    let long: &str = "for=1d&x=".to_owned().leak();
    let body: &'static str = format!("{long}{}", "x".repeat(5000)).leak();
    assert_eq!(press(&service, &path, body).await.0, 400, "a form is small");
    assert!(muted(&service).await.is_empty());
}

#[tokio::test]
async fn a_command_mutes_beside_the_service_and_what_was_muted_counts_as_told() {
    let service = Service::started(TEAM, "").await;
    let (code, out, err) = service.run(&["mute", "DATA-123", "--team", "web", "--for", "2w", "--unseen"]).await;
    assert!(code == 0 && out.starts_with("muted for web: DATA-123 until "), "{out}{err}");
    let lines = opened(&service, "d-1").await;
    assert_eq!(states(&lines), ["suppressed"]);
    assert!(lines[0]["reason"].as_str().unwrap().ends_with("by a command"), "{lines:?}");

    let (code, out, err) = service.run(&["unmute", "DATA-123"]).await;
    assert_eq!((code, out.trim()), (0, "no longer muted: DATA-123"), "{err}");
    let again = opened(&service, "d-2").await;
    assert_eq!(again[0]["reason"], "web was told of pull_request.opened before");
    assert_eq!(states(&service.github_settled("pull_request", "d-3", &merged(7)).await), ["sent"]);
    assert_eq!(service.run(&["unmute", "DATA-123"]).await.0, 1, "nothing is muted any more");

    // By a link, conversations with other names are muted too.
    let scope = Scope { thread: Some("acme/ingest-api:order-v2".to_owned()), ..Scope::default() };
    let (store, _writer) = Store::visit(service.store()).await.unwrap();
    store.mute(Mute { scope, until: None, at: Timestamp::now(), by: By::Link, who: None }).await.unwrap();
    assert_eq!(service.run(&["unmute", "acme/ingest-api:order-v2"]).await.0, 0);

    let (code, out, _) = service.run(&["mute", "web/work", "--to", "mailbox"]).await;
    assert!(code == 0 && out.starts_with("muted for web at mailbox: rule work until "), "{out}");
    let other = service.github_settled("pull_request", "d-4", &pull_request("opened", 8, json!({}))).await;
    assert_eq!(states(&other), ["sent"]);
    assert_eq!(service.mails().len(), 3, "no link, and no mail to the one that is muted");
    assert!(!String::from_utf8(service.mails().pop().unwrap()).unwrap().contains("List-Unsubscribe"));
}

#[tokio::test]
async fn a_slip_of_the_keyboard_mutes_nothing() {
    let service = Service::started(TEAM, "").await;
    for (args, code, said) in [
        (&["mute", "web/wrok"][..], 1, "web has no rule `wrok`; did you mean `work`?"),
        (&["mute", "DATA-123", "--team", "wbe"], 1, "there is no team `wbe`; did you mean `web`?"),
        (&["mute", "work"], 2, "for a rule, write web/work"),
        (&["mute", "web/work", "--team", "ops"], 1, "there is no team `ops`"),
        (&["mute", "--team", "web"], 2, "name a conversation"),
        (&["unmute"], 2, "name a conversation"),
        (&["mute", "DATA-123", "--for", "53w"], 2, "write at most \"52w\""),
        (&["mute", "DATA-123", "--to", "nowhere"], 2, "isn't a destination"),
    ] {
        let (got, _, err) = service.run(args).await;
        assert!(got == code && err.contains(said), "{args:?}: {got} {err}");
    }
    assert!(muted(&service).await.is_empty());
}
