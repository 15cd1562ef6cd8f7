//! What people answer to an assumption where they read it: in a thread in Slack, and what happens when a mailbox cannot be
//! read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use warp::Filter as _;

use crate::support::{Answer, Listener, Service, answer, commented, eventually, read_mail, states};

pub const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";

fn team(to: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"{to}\"]\nsettle = \"0s\"\n[[rule]]\nname = \"notes\"\non = [\"note.*\"]\nobject_by = \"3d\"\n"
    )
}

/// An event, signed as Slack does it.
pub async fn event(service: &Service, body: &Value, secret: &str) -> Answer {
    let (body, time) = (body.to_string(), Timestamp::now().as_second().to_string());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(format!("v0:{time}:{body}"));
    let hex = hex::encode(mac.finalize().into_bytes());
    let request = service.request("/webhooks/slack").header("content-type", "application/json");
    let request = request.header("x-slack-signature", format!("v0={hex}")).header("x-slack-request-timestamp", time);
    answer(request.body(body).send().await.unwrap()).await
}

pub fn reply(user: &str, ts: &str, text: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{ts}"),
        "event": {
            "type": "message", "channel": "C1", "channel_type": "channel", "user": user, "text": text,
            "ts": ts, "thread_ts": "1700000001.000100",
        },
    })
}

/// Slack's Web API: it posts every message as the same one, and knows one member.
async fn slack() -> String {
    let post = warp::path!("chat.postMessage")
        .map(|| json!({ "ok": true, "channel": "C1", "ts": "1700000001.000100" }).to_string());
    let users = warp::path!("users.info").and(warp::query::raw()).then(async |query: String| match query.as_str() {
        "user=U2" | "user=U9" => {
            json!({ "ok": true, "user": { "team_id": "T1", "profile": { "display_name": "Bo @here" } } }).to_string()
        }
        "user=U3" => std::future::pending().await,
        _ => json!({ "ok": false, "error": "user_not_found" }).to_string(),
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let own = warp::path!("auth.test").map(|| json!({ "ok": true, "team_id": "T1" }).to_string());
    tokio::spawn(warp::serve(post.or(users).or(own)).incoming(socket).run());
    url
}

#[tokio::test]
async fn who_answers_in_the_thread_in_slack_is_heard() {
    let github = Listener::new(vec![(201, json!({ "id": 1 }))]).await;
    let config = format!(
        "token = \"token\"\napi_url = \"{}\"\ncomment = true\n\
         [slack]\ntoken = \"xoxb-1\"\napi_url = \"{}\"\nsigning_secret = \"{SIGNING}\"\n[people.Ana]\nslack = \"U9\"\n",
        github.url,
        slack().await
    );
    let mut service = Service::new(&team("slack:#web"), &config).expecting(&["cannot take in an answer"]);
    service.start().await;
    let challenge = json!({ "type": "url_verification", "challenge": "3eZbrw1a", "token": "x" });
    assert_eq!(event(&service, &challenge, SIGNING).await.body["challenge"], "3eZbrw1a");
    assert_eq!(event(&service, &challenge, "another").await.status, 401);

    let first = reply("U2", "1700000002.000200", "They <https://x.example|are not> &amp; never were");
    assert_eq!(event(&service, &first, SIGNING).await.body["status"], "ignored", "nobody was told of anything");
    let lines = service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
    let mut elsewhere = first.clone();
    elsewhere["event"]["channel"] = json!("C2");
    let empty = reply("U2", "1700000002.000150", " \u{200b}\n");
    for nothing in [reply("U9", "1700000002.000100", "I made it."), elsewhere, empty] {
        let answer = event(&service, &nothing, SIGNING).await;
        assert_eq!((answer.status, &answer.body["status"]), (200, &json!("ignored")), "{nothing}");
    }
    for _ in 0..2 {
        let answer = event(&service, &first, SIGNING).await;
        assert_eq!((answer.status, &answer.body["status"]), (200, &json!("accepted")));
    }
    let comments = async |count: usize| {
        let there = async || github.requests().get(count - 1).map(|got| got.body["body"].as_str().unwrap().to_owned());
        eventually("the author is told", there).await
    };
    let comment = comments(1).await;
    assert!(comment.contains("objected to your assumption") && comment.contains("& never were"), "{comment}");
    assert!(comment.contains("Bo") && !comment.contains("@here"), "what somebody calls themselves is inert: {comment}");
    // Who isn't known isn't heard. If Slack does not say in time who it is, it is asked to bring it again.
    for (user, status) in [("U3", 503), ("U4", 200)] {
        let second = reply(user, "1700000003.000300", "Nor will they be");
        assert_eq!(event(&service, &second, SIGNING).await.status, status, "{user}");
    }
    let reason = service.idle().await.iter().find(|line| line["rule"] == "notes").unwrap()["reason"].clone();
    assert!(reason.as_str().unwrap().contains("objected in Slack"), "{reason}");
    assert_eq!(github.requests().len(), 1, "what Slack tells twice counts once");
}

#[tokio::test]
async fn without_a_secret_nobody_can_tell_what_was_said_in_slack() {
    let service = Service::started(&team("mailbox"), "").await;
    let answer = event(&service, &reply("U2", "1700000002.000200", "No."), "").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    assert!(answer.body["error"].as_str().unwrap().contains("signing_secret"), "{}", answer.body);
}

/// A mailbox that lets nobody in, and counts who asks.
async fn closed_mailbox() -> (u16, Arc<AtomicUsize>, Arc<Mutex<String>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let (asked, said) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<String>>::default());
    let (count, last) = (Arc::clone(&asked), Arc::clone(&said));
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(refuse(stream, Arc::clone(&last)));
        }
    });
    (port, asked, said)
}

async fn refuse(stream: TcpStream, last: Arc<Mutex<String>>) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"* OK hello\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let tag = line.split(' ').next().unwrap().to_owned();
    let no = format!("{tag} NO [AUTHENTICATIONFAILED] not with {}\r\n", line.trim());
    *last.lock().unwrap() = line;
    // The service may have gone.
    stream.write_all(no.as_bytes()).await.ok();
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_read_is_told_of_once_and_harms_nothing() {
    let (port, asked, said) = closed_mailbox().await;
    let config = format!(
        "[email]\nfrom = \"updates@example.com\"\nreply_to = \"microalign@example.com\"\n\
         imap = \"imap://ana:hunter2-canary@127.0.0.1:{port}\"\n"
    );
    let mut service = Service::new(&team("email:web@example.com"), &config);
    service.level = "trace";
    service.start().await;
    let lines = service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
    assert_eq!(states(&lines), ["sent"]);
    let mails = service.mails();
    let mail = read_mail(&mails[0]);
    let to = mail.reply_to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap();
    assert!(to.starts_with("microalign+o-1-") && to.ends_with("@example.com"), "{to}");
    eventually("it is tried again", async || (asked.load(Ordering::SeqCst) > 1).then_some(())).await;
    assert!(said.lock().unwrap().contains("LOGIN \"ana\" \"hunter2-canary\""));
    assert_eq!(service.stop().await, 0);
    let log = service.log();
    let told =
        log.lines().filter(|line| line.contains("\"WARN\"") && line.contains("answers by mail")).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("it refuses: [AUTHENTICATIONFAILED] not with") && told[0].contains("127.0.0.1"),
        "{told:?}"
    );
    assert!(!log.contains("hunter2"), "the password is in the log");
}
