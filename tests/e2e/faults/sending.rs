//! What can happen while messages are sent.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::{Listener, Service, eventually, merged};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn team(name: &str, to: &[String]) -> String {
    format!(
        "team = \"{name}\"\nto = {to:?}\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n"
    )
}

fn webhook(name: &str, url: &str) -> String {
    format!("[webhook.{name}]\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n")
}

async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a request of which the body is short.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut read = vec![0; 65_536];
    let length = socket.read(&mut read).await.unwrap();
    String::from_utf8_lossy(&read[..length]).into_owned()
}

#[tokio::test]
async fn what_was_sent_while_nothing_can_be_written_is_not_sent_again() {
    if std::process::Command::new("prlimit").arg("--version").output().is_err() {
        crate::support::did_not_run("prlimit (of util-linux) is not here to fill the disk");
        return;
    }
    let (hub, url) = silent().await;
    let mut service = Service::new(&team("web", &["webhook:hub".to_owned()]), &webhook("hub", &url)).expecting(&[
        "failed to record the outcome",
        "nothing was written",
        "failed to claim",
        "not ready",
        "no room on the disk",
    ]);
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_microalign")]);
    service.start_by(command).await;
    let limit = |bytes: &str| {
        let (pid, limit) = (format!("--pid={}", service.pid()), format!("--fsize={bytes}:unlimited"));
        assert!(std::process::Command::new("prlimit").args([pid, limit]).status().unwrap().success());
    };
    service.github("pull_request", "d-1", &merged(1)).await;
    let (mut socket, _) = hub.accept().await.unwrap();
    read_request(&mut socket).await;
    limit("1");
    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let failed = async || (service.log().matches("failed to record the outcome").count() >= 3).then_some(());
    eventually("its outcome can't be written", failed).await;
    assert_eq!(service.get("/readyz").await.status(), 503);
    limit("unlimited");
    let lines = service.settled("d-1").await;
    assert_eq!((&lines[0]["state"], &lines[0]["sends"][0]["error"]), (&json!("sent"), &json!(null)), "{lines:?}");
    assert!(tokio::time::timeout(Duration::from_secs(2), hub.accept()).await.is_err(), "it is sent once");
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

/// A mail server that never answers about some recipients.
async fn serve_mail(socket: TcpStream, arrived: tokio::sync::mpsc::UnboundedSender<String>) -> std::io::Result<()> {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test\r\n").await?;
    let (mut to, mut in_mail) = (String::new(), false);
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "." => {
                in_mail = false;
                arrived.send(to.clone()).unwrap_or_default();
                b"250 ok\r\n"
            }
            _ if in_mail => continue,
            "RCPT" if line.contains("hangs") => std::future::pending().await,
            "RCPT" => {
                to = line;
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
    let (tell, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve_mail(socket, tell.clone()));
        }
    });
    let to = (10..22).map(|number| format!("email:hangs{number}@example.com")).collect::<Vec<_>>();
    let mut service = Service::new(&team("web", &to), &smtp);
    service.write("rules/other.toml", &team("other", &["email:other@example.com".to_owned()]));
    service.start().await;
    let begun = Instant::now();
    service.github("pull_request", "d-1", &merged(1)).await;
    let first = tokio::time::timeout(Duration::from_secs(30), arrived.recv()).await.unwrap().unwrap();
    assert!(first.contains("other@example.com"), "{first}");
    println!("the other recipient had it after {:?}", begun.elapsed());
    // Those that hang do so for 30 s.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
