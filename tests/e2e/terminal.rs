//! What commands show to somebody at a terminal, and say to somebody who slips.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::commands::TEAM;
use crate::support::{Service, did_not_run, merged, pull_request};

/// What a command shows in a terminal of so many columns; `None` without a program that makes one.
async fn at_terminal(service: &Service, columns: usize, command: &str) -> Option<String> {
    let line = format!("stty cols {columns} rows 40; exec {} {command}", env!("CARGO_BIN_EXE_microalign"));
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(&service.home)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()
        .await;
    let Ok(output) = output else {
        did_not_run("script (of util-linux) is not here to make a terminal");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

#[tokio::test]
async fn the_ledger_fits_its_terminal_and_ends_with_the_newest() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.github_settled("pull_request", "d-2", &pull_request("closed", 2, json!({ "state": "closed" }))).await;
    for columns in [48, 100] {
        let Some(shown) = at_terminal(&service, columns, "ledger").await else { return };
        assert!(shown.contains("\u{1b}[32msent"), "what was sent is green: {shown:?}");
        let plain = console::strip_ansi_codes(&shown);
        // The longest word, which is a subject, is shorter.
        assert!(plain.lines().all(|line| line.chars().count() <= columns), "{plain}");
        assert!(plain.find("\n2.").is_some_and(|newest| plain.find("1.").unwrap() < newest), "{plain}");
        assert!(plain.contains(" UTC "), "{plain}");
    }
    let shown = at_terminal(&service, 100, "ledger --team web").await.unwrap();
    let uncoloured = at_terminal(&service, 100, "ledger --team web | cat").await.unwrap();
    assert!(shown.contains('\u{1b}') && !uncoloured.contains('\u{1b}'), "{uncoloured:?}");
    let line = "env NO_COLOR=1 ";
    let output = Command::new("script")
        .args(["-qec", &format!("{line}{} ledger", env!("CARGO_BIN_EXE_microalign")), "/dev/null"])
        .current_dir(&service.home)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(output.status.success() && !output.stdout.contains(&0x1b), "{output:?}");
    let shown = at_terminal(&service, 100, "rehearse --since 1h").await.unwrap();
    assert!(shown.contains("rehearsing") && shown.contains("2 deliveries since"), "{shown:?}");
    let (_, out, err) = service.run(&["rehearse", "--since", "1h"]).await;
    assert!(!out.contains("rehearsing") && err.is_empty(), "{out}{err}");
}

#[tokio::test]
async fn the_ledger_shows_the_newest_lines_unless_more_are_asked_for() {
    let service = Service::started(TEAM, "").await;
    for number in 1..=3 {
        service.github_settled("pull_request", &format!("d-{number}"), &merged(number)).await;
    }
    let heads = async |args: &[&str]| {
        let (code, out, err) = service.run(&[&["ledger"], args].concat()).await;
        assert_eq!((code, err.as_str()), (0, ""));
        let lines = out.lines().filter(|line| !line.starts_with(' '));
        lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(heads(&["--limit", "2"]).await, ["… 1", "2.1", "3.1"]);
    assert_eq!(heads(&["-n", "3"]).await, ["1.1", "2.1", "3.1"]);
    assert_eq!(heads(&["--limit", "0"]).await, ["1.1", "2.1", "3.1"]);
    let (_, out, _) = service.run(&["ledger", "--json", "--limit", "1"]).await;
    assert!(out.lines().count() == 1 && out.contains("\"3.1\""), "{out}");
    for number in 4..=51 {
        service.github("pull_request", &format!("d-{number}"), &merged(number)).await;
    }
    assert_eq!(service.idle().await.len(), 51, "a script gets all");
    let shown = heads(&[]).await;
    assert_eq!((shown.len(), shown[0].as_str(), shown[50].as_str()), (51, "… 1", "51.1"));
}

#[tokio::test]
async fn a_name_that_nobody_has_is_an_error_that_says_which_was_meant() {
    let service = Service::started(TEAM, "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.write("merged.json", &merged(1).to_string());
    for (command, code, said) in [
        ("ledger --team wbe", 1, "there is no team `wbe`; did you mean `web`?"),
        ("ledger --team nobody --json", 1, "there is no team `nobody`; use one of web"),
        ("ledger --thread DATA-132", 1, "the ledger has no conversation `DATA-132`; did you mean `DATA-123`?"),
        ("ledger --thread acme/ingest-api#1", 1, "belongs to the conversation `DATA-123`"),
        ("ledger show 7", 1, "there is no delivery 7: the newest is 1"),
        ("mute DATA-1234", 1, "did you mean `DATA-123`?; add `--unseen` to mute it before its first event"),
        ("mute acme/ingest-api#1", 1, "what happens there belongs to the conversation `DATA-123`"),
        ("rehearse --since 1h --team wbe", 1, "did you mean `web`?"),
        ("explain --event-id 7", 1, "there is no delivery 7: the newest is 1"),
        ("explain --event-id 1 --team wbe", 1, "there is no team `wbe`; did you mean `web`?"),
        ("explain --source github --event pull_reqest merged.json", 2, "did you mean `pull_request`?"),
        // It is there, and we make nothing of it.
        ("explain --source github --event star merged.json", 0, ""),
        ("ledger --state failed", 0, "no such line"),
        ("ledger --team web --state failed", 0, "no such line"),
    ] {
        let (got, _, err) = service.run(&command.split(' ').collect::<Vec<_>>()).await;
        assert!(got == code && err.contains(said), "{command}: {got} {err}");
    }
    let (_, out, _) = service.run(&["mute", "--json"]).await;
    assert_eq!(out, "", "nothing is muted");
}

#[tokio::test]
async fn explain_folds_what_does_not_match_and_takes_one_team() {
    let service = Service::new(TEAM, "");
    service.write("rules/ops.toml", &TEAM.replace("\"web\"", "\"ops\""));
    service.write("merged.json", &merged(1).to_string());
    let explain = async |more: &[&str]| {
        let call = ["explain", "--source", "github", "--event", "pull_request", "merged.json"];
        let (code, out, err) = service.run(&[&call[..], more].concat()).await;
        assert_eq!((code, err.as_str()), (0, ""));
        out
    };
    let out = explain(&[]).await;
    assert!(out.contains("yes  ops / merged") && out.contains("yes  web / merged"), "{out}");
    assert!(out.contains("no   2 rules don't match: `--all` says why") && !out.contains("drafts"), "{out}");
    let out = explain(&["--all"]).await;
    assert!(out.contains("no   ops / drafts: the event is") && !out.contains("don't match"), "{out}");
    let out = explain(&["--team", "ops"]).await;
    assert!(
        out.contains("no   1 rule doesn't match") && out.contains("┌ ops / merged") && !out.contains("web /"),
        "{out}"
    );
    let told: serde_json::Value = serde_json::from_str(&explain(&["--team", "ops", "--json"]).await).unwrap();
    assert_eq!((told["rules"].as_array().unwrap().len(), told["messages"].as_array().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn check_says_that_there_are_no_teams() {
    let service = Service::new(TEAM, "");
    std::fs::remove_file(service.path("rules/team.toml")).unwrap();
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("warning: there are no teams, so nobody gets any message"), "{out}");
}
