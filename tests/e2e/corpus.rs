//! Webhooks that nobody on this team wrote, over real HTTP. Where the folder is absent, the test says so.

use std::path::{Path, PathBuf};

use crate::support::{SECRET, Service, answer, did_not_run, sign};

const TEAM: &str = r#"
team = "everything"
to = ["email:all@example.com"]
settle = "0s"
own = true
bots = true
[[rule]]
name = "all"
on = ["*"]
"#;

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("MICROALIGN_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    did_not_run("there is no corpus of webhooks beside this project (set MICROALIGN_CORPUS)");
    None
}

fn bodies(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut bodies = Vec::new();
    for event in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = event.file_name().unwrap().to_str().unwrap().to_owned();
        bodies.extend(std::fs::read_dir(&event).unwrap().map(|file| (name.clone(), file.unwrap().path())));
    }
    bodies.sort();
    bodies
}

#[tokio::test]
async fn every_real_body_is_accepted_and_ends_in_the_ledger() {
    let Some(corpus) = corpus() else { return };
    let service = Service::started(TEAM, "").await;
    let mut sent = 0;
    for (route, header, folder) in [("github", "x-hub-signature-256", "github"), ("jira", "x-hub-signature", "jira")] {
        for (event, path) in bodies(&corpus.join(folder)) {
            let body = std::fs::read(&path).unwrap();
            let request = service
                .request(&format!("/webhooks/{route}"))
                .header("content-type", "application/json")
                .header("x-github-event", &event)
                .header("x-github-delivery", path.display().to_string())
                .header("x-atlassian-webhook-identifier", path.display().to_string())
                .header(header, sign(SECRET, &body));
            let answer = answer(request.body(body).send().await.unwrap()).await;
            assert_eq!(answer.status, 202, "{}: {}", path.display(), answer.body);
            sent += 1;
        }
    }
    let ledger = crate::support::eventually("all settle", async || {
        let ledger = service.ledger().await;
        let deliveries =
            ledger.iter().map(|line| line["delivery"].as_str().unwrap()).collect::<std::collections::HashSet<_>>();
        (deliveries.len() == sent && ledger.iter().all(|line| line["state"] != "held")).then_some(ledger)
    })
    .await;
    let failed = ledger.iter().filter(|line| line["state"] == "failed").collect::<Vec<_>>();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(!service.mails().is_empty());
    let log = service.log();
    assert!(!log.contains("\"ERROR\"") && !log.contains("panicked"), "{log}");
}
