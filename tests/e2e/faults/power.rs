//! A power cut, after which only what was synced is left; and a disk that can't sync.

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Service, TEAM, eventually, merged};

/// Stands between the program and the disk: `power.c`, compiled.
struct Disk {
    folder: TempDir,
    shim: PathBuf,
}

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("power.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/faults/power.c");
        let mut cc = std::process::Command::new("cc");
        let cc = cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).args([source, "-ldl"]);
        let Ok(compiled) = cc.status() else {
            crate::support::did_not_run("there is no C compiler (cc) to build what stands before the disk");
            return None;
        };
        assert!(compiled.success());
        std::fs::create_dir(folder.path().join("synced")).unwrap();
        Some(Self { folder, shim })
    }

    fn synced(&self, name: &str) -> PathBuf {
        self.folder.path().join("synced").join(name)
    }

    async fn start(&self, service: &mut Service) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
        command.env("LD_PRELOAD", &self.shim).env("FAULTS", self.synced(""));
        service.start_by(command).await;
    }

    /// Kills the service, and leaves of its files what was synced.
    async fn cut_power(&self, service: &mut Service) {
        service.kill().await;
        drop(std::fs::remove_file(service.path("microalign.db-shm")));
        for name in ["microalign.db", "microalign.db-wal"] {
            drop(std::fs::remove_file(service.path(name)));
            if self.synced(name).exists() {
                std::fs::copy(self.synced(name), service.path(name)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_power_cut() {
    let Some(disk) = Disk::new() else { return };
    // A store that was made before; it is synced as a whole when the program ends.
    let mut service = Service::started(TEAM, "").await;
    assert_eq!(service.stop().await, 0);
    std::fs::copy(service.path("microalign.db"), disk.synced("microalign.db")).unwrap();
    let mut accepted = Vec::new();
    for round in 0..8 {
        disk.start(&mut service).await;
        for number in 1..=20 {
            let (number, delivery) = (round * 20 + number, format!("d-{}", round * 20 + number));
            if service.github("pull_request", &delivery, &merged(number)).await.status == 202 {
                accepted.push(delivery);
            }
        }
        disk.cut_power(&mut service).await;
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
    let Some(disk) = Disk::new() else { return };
    let mut service = Service::new(TEAM, "").expecting(&["failed to", "nothing was written", "not ready"]);
    disk.start(&mut service).await;
    assert_eq!(service.github("pull_request", "d-1", &merged(1)).await.status, 202);
    std::fs::write(disk.synced("fail"), "").unwrap();
    assert_eq!(service.github("pull_request", "d-2", &merged(2)).await.status, 503);
    assert_eq!(service.get("/readyz").await.status(), 503);
    std::fs::remove_file(disk.synced("fail")).unwrap();
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
