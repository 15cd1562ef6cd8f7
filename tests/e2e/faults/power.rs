//! A power cut, after which only what was synced is left; and a disk that can't sync.

use serde_json::json;

use crate::faults::{STORE_FAILS, shim::Shim};
use crate::support::{Service, TEAM, eventually, merged};

/// Kills the service, and leaves of its files what was synced.
async fn cut_power(shim: &Shim, service: &mut Service) {
    service.kill().await;
    drop(std::fs::remove_file(service.path("microalign.db-shm")));
    for name in ["microalign.db", "microalign.db-wal"] {
        drop(std::fs::remove_file(service.path(name)));
        if shim.file(name).exists() {
            std::fs::copy(shim.file(name), service.path(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_power_cut() {
    if crate::support::is_only_for_files("the disk is the server's") {
        return;
    }
    let Some(shim) = Shim::new() else { return };
    // A store that was made before; it is synced as a whole when the program ends.
    let mut service = Service::started(TEAM, "").await;
    assert_eq!(service.stop().await, 0);
    std::fs::copy(service.path("microalign.db"), shim.file("microalign.db")).unwrap();
    let mut accepted = Vec::new();
    for round in 0..8 {
        service.start_by(shim.program()).await;
        for number in 1..=20 {
            let (number, delivery) = (round * 20 + number, format!("d-{}", round * 20 + number));
            if service.github("pull_request", &delivery, &merged(number)).await.status == 202 {
                accepted.push(delivery);
            }
        }
        cut_power(&shim, &mut service).await;
    }
    assert_eq!(accepted.len(), 160);
    service.start().await;
    service.idle().await;
    let ledger = service.ledger().await;
    for delivery in accepted {
        let line = ledger.iter().find(|line| line["delivery"] == delivery.as_str());
        assert_eq!(line.map(|line| &line["state"]), Some(&json!("sent")), "{delivery}");
    }
}

#[tokio::test]
async fn nothing_is_accepted_while_the_disk_cannot_sync() {
    if crate::support::is_only_for_files("the disk is the server's") {
        return;
    }
    let Some(shim) = Shim::new() else { return };
    let mut service = Service::new(TEAM, "").expecting(STORE_FAILS);
    service.start_by(shim.program()).await;
    assert_eq!(service.github("pull_request", "d-1", &merged(1)).await.status, 202);
    std::fs::write(shim.file("fail"), "").unwrap();
    assert_eq!(service.github("pull_request", "d-2", &merged(2)).await.status, 503);
    assert_eq!(service.get("/readyz").await.status(), 503);
    std::fs::remove_file(shim.file("fail")).unwrap();
    let taken = async || (service.github("pull_request", "d-2", &merged(2)).await.status == 202).then_some(());
    eventually("it is taken in", taken).await;
    for delivery in ["d-1", "d-2"] {
        assert_eq!(service.settled(delivery).await[0]["state"], "sent", "{delivery}");
    }
}

#[tokio::test]
async fn a_service_that_was_stopped_for_a_while_goes_on() {
    let service = Service::started(TEAM, "").await;
    service.github("pull_request", "d-1", &merged(1)).await;
    service.signal("STOP");
    let body = merged(2);
    let (late, ()) = tokio::join!(service.github("pull_request", "d-2", &body), async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        service.signal("CONT");
    });
    assert_eq!(late.status, 202);
    for delivery in ["d-1", "d-2"] {
        assert_eq!(service.settled(delivery).await[0]["state"], "sent", "{delivery}");
    }
    assert_eq!(service.mails().len(), 2);
}
