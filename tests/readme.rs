//! The README is what users go by, so what it says is tried: its examples, its tables, its links.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use microalign::event::EventKind;
use serde_json::{Value, json};

const README: &str = include_str!("../README.md");

/// The key of RFC 8463, appendix A.2.
const DKIM_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                        -----END PRIVATE KEY-----\n";

/// Runs the program in a folder; gives the exit code and what it printed.
fn run(folder: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
    for (name, value) in [
        ("SMTP_PASSWORD", "secret"),
        ("IMAP_PASSWORD", "secret"),
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_SIGNING_SECRET", "secret"),
        ("OPS_WEBHOOK_URL", "https://hooks.example.com/T/B/x"),
        ("TEAMS_WEBHOOK_URL", "https://teams.example.com/x"),
        ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/1/x"),
        ("GOOGLE_CHAT_WEBHOOK_URL", "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"),
        ("MATTERMOST_TOKEN", "token"),
        ("MATRIX_TOKEN", "token"),
        ("ZULIP_API_KEY", "key"),
        ("ROCKET_CHAT_TOKEN", "token"),
        ("GITHUB_TOKEN", "token"),
        ("JIRA_TOKEN", "token"),
        ("HUB_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        command.env(name, value);
    }
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// The text between the first `start` and the next `end`.
fn between(start: &str, end: &str) -> &'static str {
    let (_, after) = README.split_once(start).unwrap_or_else(|| panic!("the README has no {start:?}"));
    after.split_once(end).unwrap_or_else(|| panic!("nothing ends {start:?}")).0
}

fn config() -> &'static str {
    between("```toml\n# microalign.toml\n", "```")
}

fn team() -> &'static str {
    between("```toml\n# rules/web.toml\n", "```")
}

#[test]
fn the_examples_are_fine() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init", "."]).0, 0);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("microalign.toml", config());
    write("rules/web.toml", team());
    write("templates/example.hbs", between("```handlebars\n", "```"));
    write("merged.json", between("<<'JSON'\n", "JSON\n"));
    write("secrets/dkim.pem", DKIM_KEY);
    let (code, said) = run(folder.path(), &["check"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("warning:"), "{said}");
}

/// What each rule of the example is for, as GitHub and Jira send it, mostly by machines.
#[test]
fn the_examples_hear_what_they_are_for() {
    let bot = json!({ "login": "github-actions[bot]", "type": "Bot" });
    let sha = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e";
    let pull = |by: &str, more: Value| {
        let user = json!({ "login": by, "type": if by.ends_with("[bot]") { "Bot" } else { "User" } });
        let mut body = json!({ "action": "opened", "sender": user, "pull_request": {
            "number": 45, "title": "Add the v2 order schema", "state": "open", "draft": false, "user": user,
            "html_url": "https://github.com/acme/ingest-api/pull/45", "base": { "ref": "main" }, "head": { "ref": "v2" },
            "labels": [], "assignees": [], "requested_reviewers": [], "body": "For DATA-123.",
        }});
        let fields = more.as_object().unwrap().iter();
        fields.for_each(|(key, value)| body["pull_request"][key] = value.clone());
        body
    };
    let run_of = |name: &str| {
        json!({ "action": "completed", "sender": bot, "workflow_run": {
            "id": 7, "name": name, "conclusion": "failure", "head_branch": "main", "head_sha": sha, "event": "schedule",
            "actor": bot, "pull_requests": [],
        }})
    };
    let table = [
        (
            "deployment_status",
            "live",
            json!({
                "action": "created", "sender": bot,
                "deployment_status": { "id": 9, "state": "success", "environment": "production", "creator": bot },
                "deployment": { "id": 8, "ref": "main", "sha": sha, "task": "deploy", "environment": "production", "creator": bot },
            }),
        ),
        ("workflow_run", "ci-on-main", run_of("CI")),
        ("workflow_run", "nightly", run_of("nightly-e2e")),
        ("pull_request", "dependencies", pull("renovate[bot]", json!({ "head": { "ref": "renovate/lodash" } }))),
        (
            "pull_request",
            "for-review",
            pull(
                "ana",
                json!({
                    "body": "A breaking change.", "labels": [{ "name": "api" }, { "name": "team: web" }], "additions": 3,
                    "deletions": 4, "requested_teams": [{ "slug": "web-reviewers", "name": "Web" }],
                }),
            ),
        ),
        ("pull_request", "on-track", pull("ana", json!({ "draft": true, "body": "For DATA-123." }))),
        (
            "issue_comment",
            "assumptions",
            json!({
                "action": "created", "sender": { "login": "ana" },
                "issue": { "number": 45, "title": "DATA-123: v2", "state": "open", "user": { "login": "ana" },
                           "html_url": "https://github.com/acme/ingest-api/pull/45",
                           "pull_request": { "html_url": "https://github.com/acme/ingest-api/pull/45" } },
                "comment": { "id": 1, "body": "/assume ids are never reused", "user": { "login": "ana" },
                             "html_url": "https://github.com/acme/ingest-api/pull/45#issuecomment-1" },
            }),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init", "."]).0, 0);
    std::fs::write(folder.path().join("microalign.toml"), config()).unwrap();
    std::fs::write(folder.path().join("secrets/dkim.pem"), DKIM_KEY).unwrap();
    std::fs::write(folder.path().join("rules/web.toml"), team()).unwrap();
    for (event, rule, mut body) in table {
        body["repository"] = json!({ "full_name": "acme/ingest-api", "private": false, "default_branch": "main" });
        std::fs::write(folder.path().join("body.json"), body.to_string()).unwrap();
        let (_, said) = run(folder.path(), &["explain", "--source", "github", "--event", event, "body.json", "--json"]);
        let told: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap_or_else(|_| panic!("{said}"));
        let line = told["rules"].as_array().unwrap().iter().find(|line| line["rule"] == rule).unwrap();
        // What is known of a ticket only Jira says.
        let ticket = rule == "on-track" && line["because"] == "nothing is known of DATA-123 yet";
        assert!(line["matches"] == true || ticket, "{rule}: {line}");
    }
}

#[test]
fn the_first_webhook_leads_to_a_message() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init", "."]).0, 0);
    std::fs::write(folder.path().join("merged.json"), between("<<'JSON'\n", "JSON\n")).unwrap();
    let explain = ["explain", "--source", "github", "--event", "pull_request", "merged.json"];
    let (code, said) = run(folder.path(), &explain);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("yes  web / merged: matches") && said.contains("DATA-123"), "{said}");
}

#[test]
fn every_event_is_in_its_table() {
    let events = between("### Events\n", "\n### ");
    for kind in EventKind::ALL {
        let name = kind.as_str();
        let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
        assert!(events.contains(&format!("`{name}`")) || events.contains(&format!("`.{last}`")), "{name} is missing");
    }
}

#[test]
fn every_key_is_in_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for (what, example) in [("config", config()), ("rules", team())] {
        let (code, schema) = run(folder.path(), &["schema", what]);
        assert_eq!(code, 0);
        let schema: Value = serde_json::from_str(&schema).unwrap();
        for key in keys(&schema) {
            let tables = [format!("[{key}]"), format!(".{key}]"), format!("[{key}."), format!("[[{key}]]")];
            // One that another excludes is shown as a comment.
            let set = example.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
            assert!(set || tables.iter().any(|table| example.contains(table)), "`{key}` is missing");
        }
    }
}

/// The names of all properties in a schema.
fn keys(schema: &Value) -> Vec<String> {
    let Some(fields) = schema.as_object() else { return Vec::new() };
    let properties = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
    let own = properties.map(|(name, _)| name.clone());
    own.chain(fields.values().flat_map(keys)).chain(properties_below(fields.get("properties"))).collect()
}

fn properties_below(properties: Option<&Value>) -> Vec<String> {
    properties.and_then(Value::as_object).into_iter().flatten().flat_map(|(_, schema)| keys(schema)).collect()
}

#[test]
fn every_command_is_in_the_table() {
    let (_, help) = run(Path::new("."), &["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"serve"), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert!(README.contains(&format!("| `microalign {name}")), "{name} is missing");
    }
}

#[test]
fn its_links_lead_somewhere() {
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let headings: Vec<String> = README
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    for link in links.filter(|link| !link.starts_with("https://") && !link.contains("{{")) {
        match link.strip_prefix('#') {
            Some(heading) => assert!(headings.iter().any(|known| known == heading), "no heading for #{heading}"),
            None => assert!(Path::new(link).exists(), "{link} does not exist"),
        }
    }
}
