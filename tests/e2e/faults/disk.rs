//! A full disk: nothing is accepted that cannot be kept, and when there is room again, work goes on.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::faults::STORE_FAILS;
use crate::faults::sending::{read_request, silent, team, webhook};
use crate::support::{Service, TEAM, eventually, merged};

/// Starts a service whose disk can be made to seem full.
async fn started(service: &mut Service) -> bool {
    if std::process::Command::new("prlimit").arg("--version").output().is_err() {
        crate::support::did_not_run("prlimit (of util-linux) is not here to fill the disk");
        return false;
    }
    let mut command = Command::new("sh");
    // Without the trap the system would kill the process at the limit, where a full disk only tells it.
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_microalign")]);
    service.start_by(command).await;
    true
}

/// Files may not grow beyond so many bytes, which to a program looks like a disk that is full.
fn limit(service: &Service, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let pid = format!("--pid={}", service.pid());
    assert!(std::process::Command::new("prlimit").args([pid, limit]).status().unwrap().success());
}

#[tokio::test]
async fn a_full_disk_costs_no_delivery_that_was_accepted() {
    if crate::support::is_only_for_files("the disk is the server's") {
        return;
    }
    let mut service = Service::new(TEAM, "").expecting(STORE_FAILS);
    if !started(&mut service).await {
        return;
    }
    limit(&service, "300000");
    let (mut accepted, mut number) = (Vec::new(), 0);
    let refused = eventually("the disk is full", async || {
        number += 1;
        let delivery = format!("d-{number}");
        let answer = service.github("pull_request", &delivery, &merged(number)).await;
        if answer.status == 202 {
            accepted.push(delivery);
        }
        (answer.status != 202).then_some(answer)
    })
    .await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (503, Some("10")));
    // What the service does by itself each second, and which changes nothing, doesn't make it ready.
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(2500) {
        assert_eq!(service.get("/readyz").await.status(), 503, "after {:?}", since.elapsed());
    }
    limit(&service, "unlimited");
    assert_eq!(service.get("/readyz").await.status(), 200);
    let again = service.github("pull_request", &format!("d-{number}"), &merged(number)).await;
    assert_eq!((again.status, &again.body["status"]), (202, &json!("accepted")), "its sender tries again");
    for delivery in accepted {
        assert_eq!(service.settled(&delivery).await[0]["state"], "sent", "{delivery}");
    }
}

#[tokio::test]
async fn what_was_sent_while_nothing_can_be_written_is_not_sent_again() {
    if crate::support::is_only_for_files("the disk is the server's") {
        return;
    }
    let (hub, url) = silent().await;
    let mut service =
        Service::new(&team("web", &["webhook:hub".to_owned()]), &webhook("hub", &url)).expecting(STORE_FAILS);
    if !started(&mut service).await {
        return;
    }
    service.github("pull_request", "d-1", &merged(1)).await;
    let (mut socket, _) = hub.accept().await.unwrap();
    read_request(&mut socket).await;
    limit(&service, "1");
    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let failed = async || (service.log().matches("failed to record the outcome").count() >= 3).then_some(());
    eventually("its outcome can't be written", failed).await;
    assert_eq!(service.get("/readyz").await.status(), 503);
    limit(&service, "unlimited");
    let lines = service.settled("d-1").await;
    assert_eq!((&lines[0]["state"], &lines[0]["sends"][0]["error"]), (&json!("sent"), &json!(null)), "{lines:?}");
    assert!(tokio::time::timeout(Duration::from_secs(2), hub.accept()).await.is_err(), "it is sent once");
}
