//! Team files by themselves, as a continuous integration judges them.

use serde_json::{Value, json};

use crate::support::{Service, merged, pull_request, run_in, states};

const TEAM: &str = r#"team = "web"
to = ["slack:#web"]
mention = ["ana"]
settle = "0s"
template = "ours"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
[[rule]]
name = "drafts"
on = ["pull_request.draft"]
"#;

/// A folder with team files and a template, without a configuration.
fn folder() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for folder in ["rules", "new", "templates", "webhooks"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("templates/ours.hbs", "{{pr.title}}\n");
    write("rules/web.toml", TEAM);
    write("webhooks/pull_request.merged.json", &merged(7).to_string());
    write("webhooks/pull_request.json", &pull_request("opened", 8, json!({ "draft": true })).to_string());
    write("webhooks/README.md", "not a webhook");
    home
}

#[tokio::test]
async fn team_files_are_judged_without_a_configuration() {
    let home = folder();
    let lint = async || run_in(home.path(), &["rules", "lint", "rules"]).await;
    let (code, out, err) = lint().await;
    assert_eq!((code, out.as_str(), err.as_str()), (0, "rules: fine (1 team, 2 rules)\n", ""));
    let test = "[[test]]\nname = \"t\"\npayload = \"../webhooks/pull_request.merged.json\"\nevent = \"pull_request\"\nexpect = []\n";
    for (edit, problem) in [
        (TEAM.replace("slack:#web", "pigeon:web"), "rules/web.toml:2:7"),
        (TEAM.replace("ours", "theirs"), "there is no template `theirs`"),
        (TEAM.replace("draft\"", "drfat\""), "did you mean `pull_request.draft`?"),
        (format!("{TEAM}{test}"), "rule `merged` matches too"),
    ] {
        std::fs::write(home.path().join("rules/web.toml"), edit).unwrap();
        let (code, out, err) = lint().await;
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(problem), "{problem} is missing in:\n{err}");
    }
    std::fs::write(home.path().join("rules/web.toml"), TEAM).unwrap();
    std::fs::write(home.path().join("rules/_defaults.toml"), "owner = \"ana@example.com\"\n").unwrap();
    let (code, _, err) = lint().await;
    assert!(code == 1 && err.contains("each team has its own"), "{err}");
    let (code, _, err) = run_in(home.path(), &["rules", "lint", "none"]).await;
    assert!(code == 1 && err.contains("--> none"), "{err}");
    let (code, _, err) = run_in(home.path(), &["rules", "lint", "new", "--templates", "templates"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
}

const EDITED: &str = r#"team = "web"
to = ["slack:#all", "slack:#web"]
[[rule]]
name = "merged"
on = ["pull_request.merged"]
[[rule]]
name = "nightly"
on = ["workflow.*"]
"#;

#[tokio::test]
async fn a_change_to_rules_is_judged_over_webhooks_in_files() {
    let home = folder();
    std::fs::write(home.path().join("new/web.toml"), EDITED).unwrap();
    let diff = async |more: &[&str]| run_in(home.path(), &[&["rules", "diff", "rules", "new"], more].concat()).await;
    let (code, out, err) = diff(&["--events", "webhooks"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @"
    Compared over 2 webhooks in webhooks.

    **web** gains 1 and loses 1:

    - `drafts` loses `pull_request.draft` on `acme/ingest-api#8` to `slack:#web`
    - `merged` gains `pull_request.merged` on `acme/ingest-api#7` to `slack:#all`
    - `nightly` is new, and tells nothing of these
    ");
    let (code, out, _) = diff(&["--events", "webhooks", "--json"]).await;
    let told = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let draft = json!([{ "kind": "pull_request.draft", "subject": "acme/ingest-api#8", "destination": "slack:#web", "times": 1 }]);
    assert_eq!((code, told.len()), (0, 2));
    assert_eq!(told[0], json!({ "team": "web", "rule": "drafts", "gains": [], "loses": draft }));
    let (code, out, _) = run_in(home.path(), &["rules", "diff", "rules", "rules", "--events", "webhooks"]).await;
    assert_eq!((code, out.lines().last()), (0, Some("No team gains or loses a message.")));

    // Without a folder, the payloads of the tests count, each once.
    let (code, _, err) = diff(&[]).await;
    assert!(code == 1 && err.contains("there are no webhooks of the rules' tests"), "{err}");
    let test = "[[test]]\nname = \"t\"\npayload = \"../webhooks/pull_request.merged.json\"\nevent = \"pull_request\"\nexpect = [\"merged\"]\n";
    std::fs::write(home.path().join("rules/web.toml"), format!("{TEAM}{test}")).unwrap();
    std::fs::write(home.path().join("new/web.toml"), format!("{EDITED}{test}")).unwrap();
    let (code, out, _) = diff(&[]).await;
    assert_eq!((code, out.lines().next()), (0, Some("Compared over 1 webhook of the rules' tests.")));

    std::fs::write(home.path().join("webhooks/pulls.json"), "{}").unwrap();
    let (code, _, err) = diff(&["--events", "webhooks"]).await;
    assert!(code == 1 && err.contains("GitHub has no event `pulls`"), "{err}");
    std::fs::write(home.path().join("new/web.toml"), "team = 3\n").unwrap();
    let (code, out, err) = diff(&[]).await;
    assert!(code == 1 && out.is_empty() && err.contains("new/web.toml:1:8"), "{err}");
    assert_eq!(diff(&["--since", "1h", "--events", "webhooks"]).await.0, 2);
}

#[tokio::test]
async fn a_change_to_rules_is_judged_over_what_came_in() {
    let mut service = Service::started("team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n", "").await;
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(7)).await), ["sent"]);
    let draft = pull_request("opened", 8, json!({ "draft": true }));
    assert_eq!(states(&service.github_settled("pull_request", "d-2", &draft).await), ["suppressed"]);
    service.stop().await;
    let before = service.ledger().await;
    std::fs::create_dir(service.path("new")).unwrap();
    let edited = "team = \"web\"\nto = [\"mailbox\"]\nquiet = [\"00:00-12:00\", \"12:00-23:59\"]\n[[rule]]\nname = \"drafts\"\non = [\"pull_request.draft\"]\n";
    service.write("new/web.toml", edited);
    let (code, out, err) = service.run(&["rules", "diff", "rules", "new", "--since", "1h"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let (head, rest) = out.split_once('\n').unwrap();
    assert!(head.starts_with("Compared over 2 webhooks that came since 20"), "{head}");
    insta::assert_snapshot!(rest, @"

    **web** gains 1 and loses 1:

    - `drafts` gains `pull_request.draft` on `acme/ingest-api#8` to `mailbox`
    - `merged` loses `pull_request.merged` on `acme/ingest-api#7` to `mailbox`
    ");
    assert_eq!(service.ledger().await, before);
    let (code, _, err) = service.run(&["rules", "diff", "rules", "new", "--since", "1h", "-c", "none.toml"]).await;
    assert!(code == 1 && err.contains("none.toml"), "{err}");
}
