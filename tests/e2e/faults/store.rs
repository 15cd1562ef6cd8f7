//! What can happen to the files of the store: a 202 is only said of what will be found again.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::process::Command;

use crate::faults::STORE_FAILS;
use crate::support::{Service, TEAM, eventually, merged, states};

/// What is done to a file.
type Fault<'a> = &'a dyn Fn(&Path);

fn file(service: &Service, end: &str) -> std::path::PathBuf {
    service.path(&format!("microalign.db{end}"))
}

#[tokio::test]
async fn nothing_is_accepted_once_the_store_is_deleted_or_replaced() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let delete = |path: &Path| std::fs::remove_file(path).unwrap();
    let replace = |path: &Path| {
        std::fs::copy(path, path.with_extension("copy")).unwrap();
        std::fs::rename(path.with_extension("copy"), path).unwrap();
    };
    let table: [(&str, &str, Fault<'_>); 4] = [
        ("the file is deleted", "", &delete),
        ("the file is replaced", "", &replace),
        ("the log is deleted", "-wal", &delete),
        ("the log is replaced", "-wal", &replace),
    ];
    for (what, end, fault) in table {
        let mut service = Service::started(TEAM, "").await.expecting(STORE_FAILS);
        assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(1)).await), ["sent"], "{what}");
        fault(&file(&service, end));
        assert_eq!(service.github("pull_request", "d-2", &merged(2)).await.status, 503, "{what}");
        assert_eq!(service.get("/readyz").await.status(), 503, "{what}");
        assert!(service.log().contains("were deleted or replaced while the service ran"), "{what}: {}", service.log());
        service.kill().await;
        if what == "the file is deleted" {
            // Of no use without its file.
            std::fs::remove_file(file(&service, "-wal")).unwrap_or_default();
            std::fs::remove_file(file(&service, "-shm")).unwrap_or_default();
            service.start().await;
            assert_eq!(service.github("pull_request", "d-2", &merged(2)).await.status, 202, "{what}");
        }
    }
}

#[tokio::test]
async fn a_store_has_one_service_whatever_its_name() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let service = Service::started(TEAM, "").await;
    let other = |name: &str| {
        service.write("other.toml", &format!("[server]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://{name}\"\n[github]\nsecrets = [\"{}\"]\n", crate::support::SECRET))
    };
    symlink(file(&service, ""), service.path("link.db")).unwrap();
    std::fs::hard_link(file(&service, ""), service.path("hard.db")).unwrap();
    for name in ["microalign.db", "link.db", "hard.db", "./rules/../microalign.db"] {
        other(name);
        for end in ["microalign.db.lock", "link.db.lock"] {
            std::fs::remove_file(service.path(end)).unwrap_or_default();
        }
        let (code, _, err) = service.run(&["serve", "-c", "other.toml"]).await;
        assert_eq!(code, 1, "{name}: {err}");
        assert!(err.contains("is in use by another microalign"), "{name}: {err}");
    }
}

#[tokio::test]
async fn another_process_that_writes_is_waited_for_shortly() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let service = Service::started(TEAM, "").await.expecting(STORE_FAILS);
    let other = Connection::open(file(&service, "")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    assert_eq!(service.github("pull_request", "d-1", &merged(1)).await.status, 503);
    // GitHub waits for 10 s.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(1)).await), ["sent"]);
}

#[tokio::test]
async fn a_store_that_was_cut_is_not_taken_for_a_new_one() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let cut = |path: &Path, part: u64| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() * part / 4).unwrap();
    };
    let most = |path: &Path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
    };
    let foreign = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        Connection::open(path).unwrap().execute_batch("CREATE TABLE other (it)").unwrap();
    };
    let table: [(&str, bool, &str, Fault<'_>, &str); 7] = [
        ("an empty file", false, "", &|path| cut(path, 0), "is damaged: it is empty"),
        ("half of a file", false, "", &|path| cut(path, 2), "is damaged: database disk image is malformed"),
        ("most of a file", false, "", &most, "is damaged: "),
        (
            "no database",
            false,
            "",
            &|path| std::fs::write(path, "hello, world".repeat(1000)).unwrap(),
            "is damaged: file is not a database",
        ),
        ("somebody else's", false, "", &foreign, "is damaged: it has no tables of ours"),
        ("an empty log after a crash", true, "-wal", &|path| cut(path, 0), "so the last commits are missing"),
        ("half of a log after a crash", true, "-wal", &|path| cut(path, 2), "so the last commits are missing"),
    ];
    for (what, crash, end, fault, says) in table {
        let mut service = Service::started(TEAM, "").await;
        service.github_settled("pull_request", "d-1", &merged(1)).await;
        if crash {
            service.kill().await
        } else {
            assert_eq!(service.stop().await, 0)
        }
        fault(&file(&service, end));
        let (code, _, err) = service.run(&["serve"]).await;
        assert_eq!(code, 1, "{what}: {err}");
        assert!(err.contains(says) && err.contains("restore a backup"), "{what}: {err}");
    }
}

#[tokio::test]
async fn a_start_that_is_killed_leaves_no_store_that_seems_damaged() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    for _ in 0..5 {
        let mut service = Service::new(TEAM, "");
        let mut child = Command::new(env!("CARGO_BIN_EXE_microalign"));
        let mut child = child.arg("serve").current_dir(&service.home).kill_on_drop(true).spawn().unwrap();
        let begun = || {
            std::fs::read_dir(&service.home).unwrap().any(|entry| {
                let name = entry.unwrap().file_name();
                name.to_string_lossy().starts_with(".microalign") || name == "microalign.db"
            })
        };
        eventually("it begins to make a store", async || begun().then_some(())).await;
        child.kill().await.unwrap();
        service.start().await;
        assert_eq!(service.get("/readyz").await.status(), 200);
    }
}
