//! Commands that only read: they change no store and need no secret.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use rusqlite::Connection;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{Service, merged, migrations, older_store};

const TEAM: &str = r#"
team = "web"
to = ["webhook:hub", "google-chat:ops", "email:web@example.com"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
"#;

/// A configuration with secrets of every kind, none of which is there.
const TOKENLESS: &str = r#"
[github]
secrets = ["${NO_SECRET}"]
token = "${NO_SECRET}"
[jira]
base_url = "https://jira.example.com"
secrets = ["${file:no-secret}"]
token = "${NO_SECRET}"
[email]
from = "a@example.com"
smtp = "${NO_SECRET}"
reply_to = "m@example.com"
imap = "${NO_SECRET}"
dkim = { domain = "example.com", selector = "a", key = "${file:no-secret}" }
[slack]
token = "${NO_SECRET}"
signing_secret = "${NO_SECRET}"
[google_chat.ops]
url = "${NO_SECRET}"
[discord.ops]
url = "${NO_SECRET}"
[webhook.hub]
url = "${NO_SECRET}"
secret = "${NO_SECRET}"
[mattermost]
url = "https://chat.example.com"
token = "${NO_SECRET}"
"#;

const READING: &[&str] =
    &["ledger", "ledger --json", "ledger show 1", "explain --event-id 1", "rehearse --since 1h", "people", "mute"];

/// A store with one delivery, of a service that has stopped, which now has the configuration [`TOKENLESS`].
async fn stopped() -> Service {
    let hub = "[webhook.hub]\nurl = \"http://127.0.0.1:9/\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
               [google_chat.ops]\nurl = \"http://127.0.0.1:9/?key=k&token=t\"\n";
    let mut service = Service::started(&TEAM.replace("\"webhook:hub\", \"google-chat:ops\", ", ""), hub).await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.stop().await;
    service.write("rules/team.toml", TEAM);
    service.write("microalign.toml", TOKENLESS);
    service
}

/// Puts everything into the one file, as it is where a service closed it.
fn alone(path: &Path) {
    let store = Connection::open(path).unwrap();
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// What each file of the store holds, and when it was written.
fn files(folder: &Path) -> BTreeMap<String, (SystemTime, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry));
    // The index of the log is shared memory, not the store.
    let stored = named.filter(|(name, _)| name.starts_with("microalign.db") && !name.ends_with("-shm"));
    let read = |path: std::path::PathBuf| (path.metadata().unwrap().modified().unwrap(), std::fs::read(path).unwrap());
    stored.map(|(name, entry)| (name, read(entry.path()))).collect()
}

#[tokio::test]
async fn a_reading_command_needs_no_secret_and_changes_no_store() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let service = stopped().await;
    assert_eq!(service.run(&["check"]).await.0, 1, "what serves needs its secrets");
    alone(&service.path("microalign.db"));
    let before = files(&service.home);
    for command in READING {
        let (code, out, err) = service.run(&command.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(code, 0, "{command}: {err}");
        assert!(!out.is_empty() || *command == "mute", "{command}");
    }
    let (code, out, err) = service.run(&["check", "--without-secrets"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("fine (1 team, 1 rule)"), "{out}");
    let (_, out, _) = service.run(&["explain", "--event-id", "1"]).await;
    assert!(out.contains("→ webhook:hub") && out.contains("→ google-chat:ops"), "{out}");
    let mut after = files(&service.home);
    // SQLite's log may stay behind, without anything in it.
    if after.get("microalign.db-wal").is_some_and(|(_, bytes)| bytes.is_empty()) {
        after.remove("microalign.db-wal");
    }
    assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
    for (name, file) in before {
        assert!(after[&name] == file, "{name} was written");
    }
}

#[tokio::test]
async fn what_a_running_service_wrote_last_is_read() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let service = Service::started(&TEAM.replace("\"webhook:hub\", \"google-chat:ops\", ", ""), "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    let log = std::fs::metadata(service.path("microalign.db-wal")).unwrap();
    assert!(log.len() > 0, "nothing is in the log, so this shows nothing");
    let before = files(&service.home);
    let (_, out, _) = service.run(&["ledger", "--json"]).await;
    assert_eq!(out.lines().count(), 1);
    assert!(before == files(&service.home));
}

#[tokio::test]
async fn a_store_of_another_version_is_refused_with_what_to_do() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    let mut service = Service::new(TEAM, "");
    service.write("rules/team.toml", &TEAM.replace("\"webhook:hub\", \"google-chat:ops\", ", ""));
    let path = service.path("microalign.db");
    older_store(&path, migrations().len() - 1);
    let refused = async |service: &Service, said: &str| {
        let before = files(&service.home);
        for command in READING {
            let (code, out, err) = service.run(&command.split(' ').collect::<Vec<_>>()).await;
            assert_eq!((code, out.as_str()), (1, ""), "{command}");
            assert!(err.contains(said), "{command}: {err}");
        }
        assert!(before["microalign.db"] == files(&service.home)["microalign.db"], "the store was written");
    };
    refused(&service, "run `microalign migrate`, which brings it up to date").await;

    service.start().await;
    assert_eq!(service.ledger().await, Vec::<Value>::new());
    service.stop().await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
    refused(&service, "is of a newer version of microalign: use that program").await;
    let (code, _, err) = service.run(&["serve"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("is of a newer version of microalign"), "{err}");

    std::fs::write(&path, "").unwrap();
    for end in ["-wal", "-shm"] {
        drop(std::fs::remove_file(service.path(&format!("microalign.db{end}"))));
    }
    let (code, _, err) = service.run(&["ledger"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("this isn't a store of microalign"), "{err}");
}

#[tokio::test]
async fn a_folder_that_cant_be_written_can_be_read() {
    if crate::support::is_only_for_files("it is about the files of SQLite") {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let service = stopped().await;
    alone(&service.path("microalign.db"));
    let mode = |mode| std::fs::set_permissions(&service.home, PermissionsExt::from_mode(mode)).unwrap();
    // The operator lets others read it.
    std::fs::set_permissions(service.path("microalign.db"), PermissionsExt::from_mode(0o644)).unwrap();
    mode(0o555);
    // Root may write everywhere.
    let id = std::process::Command::new("id").arg("-u").output().unwrap().stdout;
    let mut ledger = if id == b"0\n" {
        let mut ledger = Command::new("setpriv");
        ledger.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_microalign")]);
        ledger
    } else {
        Command::new(env!("CARGO_BIN_EXE_microalign"))
    };
    let output = ledger.args(["ledger", "--json"]).current_dir(&service.home).output().await;
    mode(0o755);
    let output = output.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((out.lines().count(), err.as_str()), (1, ""));
    assert!(!service.path("microalign.db-wal").exists() && !service.path("microalign.db-shm").exists());
}
