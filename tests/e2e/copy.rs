//! A store moves from SQLite to PostgreSQL, and the service goes on from there.

use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tokio::process::Command;

use crate::support::{Schema, Service, did_not_run, eventually, merged, pull_request, states};

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "1h"
[[rule]]
name = "all"
on = ["pull_request.*"]
"#;
const ON_FILE: &str = "[store]\nurl = \"sqlite://microalign.db\"\n";
const FROM: &str = "sqlite://microalign.db";

/// Where a store can be copied to.
fn target() -> Option<Schema> {
    let schema = Schema::new();
    if schema.is_none() {
        did_not_run("MICROALIGN_TEST_POSTGRES names no PostgreSQL server");
    }
    schema
}

async fn copy(service: &Service, to: &Schema) -> (i32, String, String) {
    service.run(&["store", "copy", FROM, &to.url()]).await
}

/// Has a delivery wait, and stops.
async fn take_in(service: &mut Service, delivery: &str, number: u64) {
    service.start().await;
    service.github("pull_request", delivery, &pull_request("opened", number, json!({}))).await;
    let waits = async || service.ledger().await.iter().any(|line| line["delivery"] == delivery).then_some(());
    eventually("it waits", waits).await;
    service.stop().await;
}

#[tokio::test]
async fn a_service_goes_on_from_the_copy() {
    let Some(target) = target() else { return };
    let mut service = Service::new(TEAM, ON_FILE);
    take_in(&mut service, "d-1", 7).await;
    service.change("UPDATE ledger SET due_at = 0");
    service.start().await;
    assert_eq!(states(&service.settled("d-1").await), ["sent"]);
    service.stop().await;
    take_in(&mut service, "d-2", 8).await;
    let (before, ledger) = (std::fs::read(service.path("microalign.db")).unwrap(), service.ledger().await);

    let (code, out, err) = copy(&service, &target).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("Copied and checked ") && out.lines().count() == 1, "{out}");
    assert!(err.lines().any(|line| line == "delivery: 2 rows"), "{err}");
    assert!(before == std::fs::read(service.path("microalign.db")).unwrap(), "the file was written");

    service.move_to(target);
    assert_eq!(service.ledger().await, ledger);
    service.change("UPDATE ledger SET due_at = 0 WHERE due_at IS NOT NULL");
    service.start().await;
    assert_eq!(states(&service.settled("d-2").await), ["sent"], "what waited is sent");
    let again = service.github("pull_request", "d-1", &pull_request("opened", 7, json!({}))).await;
    assert_eq!((again.status, &again.body["status"]), (202, &json!("duplicate")));
    take_in_more(&service).await;
    assert_eq!(service.mails().len(), 2);
}

/// Numbers go on where those in the file ended.
async fn take_in_more(service: &Service) {
    service.github("pull_request", "d-3", &merged(9)).await;
    let line = async || service.ledger().await.into_iter().find(|line| line["delivery"] == "d-3");
    let line = eventually("it is in the ledger", line).await;
    let delivery = line["id"].as_str().unwrap().split_once('.').unwrap().0.parse::<u32>().unwrap();
    assert!(delivery > 2, "{line}");
}

#[tokio::test]
async fn a_copy_that_is_killed_goes_on_where_it_ended() {
    let Some(target) = target() else { return };
    let service = Service::new(TEAM, ON_FILE);
    assert_eq!(service.run(&["migrate"]).await.0, 0);
    let rows = 200_000;
    let fill = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO ticket_id (id, key) SELECT 'ticket ' || n, 'a key that is as long as it takes ' || n FROM n"
    );
    Connection::open(service.path("microalign.db")).unwrap().execute(&fill, []).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_microalign"))
        .args(["store", "copy", FROM, &target.url()])
        .current_dir(&service.home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let copied = || target.number("SELECT sum(copied)::bigint FROM microalign_copy").filter(|copied| *copied > 0);
    eventually("a part is copied", async || copied()).await;
    child.kill().await.unwrap();
    let copied = copied().unwrap();
    assert!(copied < rows, "the copy was too fast to show anything");

    let (code, _, err) = service.run(&["serve", "-c", &configured(&service, &target)]).await;
    assert!(
        code == 1 && err.contains("is a copy that was not finished: run the same `microalign store copy`"),
        "{err}"
    );
    // The server may need a moment to notice that the other one is gone.
    let done = async || Some(copy(&service, &target).await).filter(|(_, _, err)| !err.contains("is in use"));
    let (code, out, err) = eventually("the server lets go", done).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with(&format!("Copied and checked {rows} rows")), "{out}");
    assert!(err.contains("going on where an earlier copy ended"), "{err}");
    assert_eq!(target.number("SELECT count(*) FROM ticket_id"), Some(rows));
}

/// A configuration with the store there.
fn configured(service: &Service, target: &Schema) -> String {
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("there.toml", &config.replace(FROM, &target.url()));
    "there.toml".to_owned()
}

#[tokio::test]
async fn what_is_in_use_or_has_data_is_refused() {
    let Some(target) = target() else { return };
    let mut service = Service::new(TEAM, ON_FILE);
    service.start().await;
    let (code, _, err) = copy(&service, &target).await;
    assert!(code == 1 && err.contains("`microalign.db` is in use by another microalign: stop that one"), "{err}");
    service.stop().await;
    let (code, _, err) = copy(&service, &target).await;
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = copy(&service, &target).await;
    assert!(code == 1 && err.contains("has data already: copy to an empty database"), "{err}");
}

#[tokio::test]
async fn there_is_one_way_and_no_password_is_shown() {
    let service = Service::new(TEAM, ON_FILE);
    assert_eq!(service.run(&["migrate"]).await.0, 0);
    let closed = "postgres://ma:hunter2@127.0.0.1:1/ma?sslmode=disable";
    std::fs::write(service.path("address"), closed).unwrap();
    for (from, to, code, said) in [
        (closed, FROM, 2, "FROM is a PostgreSQL database"),
        (FROM, "sqlite://other.db", 2, "TO is a file"),
        (FROM, "mysql://ma:hunter2@db/ma", 2, "TO: this isn't the address of a store"),
        (FROM, "postgres://ma:hunter2@db", 2, "TO: this names no database"),
        (FROM, "postgres://ma:${NOT_SET_HERE}@db/ma", 2, "TO: the environment variable `NOT_SET_HERE` isn't set"),
        ("sqlite://missing.db", closed, 1, "`missing.db`: there is no such file"),
        (FROM, closed, 1, "cannot open the store `postgres://ma@127.0.0.1:1/ma`"),
        (FROM, "${file:address}", 1, "cannot open the store `postgres://ma@127.0.0.1:1/ma`"),
    ] {
        let (exit, out, err) =
            tokio::time::timeout(Duration::from_secs(30), service.run(&["store", "copy", from, to])).await.unwrap();
        assert_eq!((exit, out.as_str()), (code, ""), "{from} {to}: {err}");
        assert!(err.contains(said) && !err.contains("hunter2"), "{from} {to}: {err}");
    }
    assert!(!service.path("missing.db").exists());
}
