//! What can happen while messages are sent.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::{Listener, Service, commented, eventually, merged, pull_request};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn team(name: &str, to: &[String]) -> String {
    format!(
        "team = \"{name}\"\nto = {to:?}\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n"
    )
}

pub(super) fn webhook(name: &str, url: &str) -> String {
    format!("[webhook.{name}]\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n")
}

pub(super) async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a request of which the body is short.
pub(super) async fn read_request(socket: &mut TcpStream) -> String {
    let mut read = vec![0; 65_536];
    let length = socket.read(&mut read).await.unwrap();
    String::from_utf8_lossy(&read[..length]).into_owned()
}

#[tokio::test]
async fn a_service_stops_within_seconds_though_nobody_answers() {
    let (hub, url) = silent().await;
    let mut service = Service::started(&team("web", &["webhook:hub".to_owned()]), &webhook("hub", &url)).await;
    service.github("pull_request", "d-1", &merged(1)).await;
    let (mut socket, _) = hub.accept().await.unwrap();
    read_request(&mut socket).await;
    let begun = Instant::now();
    assert_eq!(service.stop().await, 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let lines = service.ledger().await;
    let send = &lines[0]["sends"][0];
    assert_eq!((&send["state"], &send["attempts"]), (&json!("queued"), &json!(1)), "{lines:?}");
    assert_eq!(send["error"], "ambiguous: the service stopped during this attempt");
}

#[tokio::test]
async fn what_is_taken_back_while_it_waits_behind_another_is_not_sent() {
    let (hub, url) = silent().await;
    let rules =
        team("web", &["webhook:hub".to_owned()]) + "[[rule]]\nname = \"comments\"\non = [\"pull_request.commented\"]\n";
    let service = Service::started(&rules, &webhook("hub", &url)).await;
    let taken = async || {
        let (mut socket, _) = hub.accept().await.unwrap();
        let request = read_request(&mut socket).await;
        (socket, request)
    };
    let answer = async |mut socket: TcpStream| {
        socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    };
    service.github("pull_request", "d-1", &merged(1)).await;
    let (first, _) = taken().await;
    // While that one is under way, two more wait, and are claimed together.
    let mut comment = commented("The ids change.");
    service.github("pull_request", "d-2", &merged(8)).await;
    service.github("issue_comment", "c-1", &comment).await;
    let sends = async |state: &str| {
        let ledger = service.ledger().await;
        let sends = ledger.iter().flat_map(|line| line["sends"].as_array().unwrap());
        sends.filter(|send| send["state"] == state).count()
    };
    eventually("both wait", async || (sends("queued").await == 2).then_some(())).await;
    answer(first).await;
    let (second, request) = taken().await;
    assert!(!request.contains("The ids change"), "{request}");
    assert_eq!(sends("sending").await, 2);
    comment["action"] = json!("deleted");
    let lines = service.github_settled("issue_comment", "c-2", &comment).await;
    assert!(!lines.is_empty());
    answer(second).await;
    assert_eq!(service.settled("c-1").await[0]["state"], "suppressed");
    assert!(tokio::time::timeout(Duration::from_secs(2), hub.accept()).await.is_err(), "nothing more is sent");
}

#[tokio::test]
async fn destinations_that_hang_hold_up_no_other() {
    let (_silent, url) = silent().await;
    let good = Listener::new(vec![(200, json!({}))]).await;
    let names = (10..30).map(|number| format!("hangs{number}")).collect::<Vec<_>>();
    let hooks = names.iter().map(|name| webhook(name, &url)).collect::<String>();
    let to = names.iter().map(|name| format!("webhook:{name}")).collect::<Vec<_>>();
    // By its name it comes last.
    let service = Service::new(&team("web", &to), &(hooks + &webhook("other", &good.url)));
    service.write("rules/other.toml", &team("other", &["webhook:other".to_owned()]));
    let mut service = service;
    service.start().await;
    let begun = Instant::now();
    service.github("pull_request", "d-1", &merged(1)).await;
    eventually("the other one has it", async || (!good.requests().is_empty()).then_some(())).await;
    println!("the other destination had it after {:?}", begun.elapsed());
    // Those that hang do so for 15 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// A mail server that never answers about some recipients. It tells of each recipient.
async fn serve_mail(socket: TcpStream, tell: UnboundedSender<String>) -> std::io::Result<()> {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test\r\n").await?;
    let mut in_mail = false;
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "." => {
                in_mail = false;
                b"250 ok\r\n"
            }
            _ if in_mail => continue,
            "RCPT" => {
                let hangs = line.contains("hangs");
                tell.send(line).unwrap_or_default();
                if hangs {
                    std::future::pending::<()>().await;
                }
                b"250 ok\r\n"
            }
            "DATA" => {
                in_mail = true;
                b"354 go on\r\n"
            }
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}

#[tokio::test]
async fn recipients_whose_server_hangs_hold_up_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp =
        format!("[email]\nfrom = \"updates@example.com\"\nsmtp = \"smtp://{}\"\n", listener.local_addr().unwrap());
    let (tell, mut recipients) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve_mail(socket, tell.clone()));
        }
    });
    let to = (10..22).map(|number| format!("email:hangs{number}@example.com")).collect::<Vec<_>>();
    let mut service = Service::new(&team("web", &to), &smtp);
    let other = team("other", &["email:other@example.com".to_owned()]).replace("merged", "opened");
    service.write("rules/other.toml", &other);
    service.start().await;
    service.github("pull_request", "d-1", &merged(1)).await;
    // As many as there are connections for.
    for _ in 0..10 {
        assert!(recipients.recv().await.unwrap().contains("hangs"));
    }
    let begun = Instant::now();
    service.github("pull_request", "d-2", &pull_request("opened", 2, json!({}))).await;
    let has_it = async {
        while let Some(recipient) = recipients.recv().await {
            if recipient.contains("other@example.com") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), has_it).await.unwrap();
    println!("the other recipient had it after {:?}", begun.elapsed());
    // Those that hang do so for 30 s.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
