//! What the service writes is for its own account alone, however permissive the umask is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tokio::process::Command;

use crate::support::{Service, merged};

const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\n\
    on = [\"pull_request.*\"]\n";

/// A command that runs the program with a umask that takes nothing away.
fn permissive() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_microalign")]);
    command
}

/// What is below a folder: path and mode.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        found.push((entry.path().display().to_string(), mode));
        if entry.path().is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

fn assert_private(folder: &Path, expected: &[&str]) {
    let modes = modes(folder);
    for name in expected {
        assert!(modes.iter().any(|(path, _)| path.ends_with(name)), "{name} is missing in {modes:?}");
    }
    for (path, mode) in modes {
        assert_eq!(mode & 0o077, 0, "{path} has the mode {mode:o}");
    }
}

#[tokio::test]
async fn the_store_and_the_mails_are_private() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let mut service = Service::new(TEAM, "[store]\nurl = \"sqlite://state/inner/microalign.db\"\n");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("microalign.toml", &format!("mailbox = \"state/mailbox\"\n{config}"));
    service.start_by(permissive()).await;
    assert_eq!(service.github("pull_request", "d-1", &merged(1)).await.status, 202);
    crate::support::eventually("the mail is there", async || {
        let mails = std::fs::read_dir(service.path("state/mailbox")).ok()?;
        mails.flatten().any(|mail| mail.path().extension().is_some_and(|end| end == "eml")).then_some(())
    })
    .await;
    let files = ["inner", "microalign.db", "microalign.db-wal", "microalign.db-shm", "mailbox", ".eml"];
    assert_private(&service.path("state"), &files);
    // A folder that was there keeps its mode, which somebody may have chosen.
    service.stop().await;
    for folder in ["state/inner", "state/mailbox"] {
        std::fs::set_permissions(service.path(folder), std::fs::Permissions::from_mode(0o750)).unwrap();
    }
    service.start_by(permissive()).await;
    assert_eq!(service.github("pull_request", "d-2", &merged(2)).await.status, 202);
    let inner = modes(&service.path("state")).into_iter().find(|(path, _)| path.ends_with("inner"));
    assert_eq!(inner.map(|(_, mode)| mode), Some(0o750));
}

#[tokio::test]
async fn what_init_writes_can_be_changed_by_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let made = permissive().args(["init", "fresh"]).current_dir(home.path()).output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
    for (path, mode) in modes(home.path()) {
        assert_eq!(mode & 0o022, 0, "{path} has the mode {mode:o}");
    }
    assert_private(&home.path().join("fresh/secrets"), &["github", "jira"]);
    let secrets = home.path().join("fresh/secrets").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(secrets, 0o700);
}
