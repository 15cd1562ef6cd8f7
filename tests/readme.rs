//! The README and the pages of `docs/` are what users go by, so what they say is tried: their examples, commands, tables
//! and their picture. `tests/links.rs` follows their links.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use microalign::event::EventKind;
use serde_json::{Value, json};

const README: &str = include_str!("../README.md");
const FIRST_MESSAGE: &str = include_str!("../docs/guides/first-message.md");
const RULES: &str = include_str!("../docs/guides/rules.md");
const CONFIGURATION: &str = include_str!("../docs/guides/configuration.md");
const TEMPLATES: &str = include_str!("../docs/guides/templates.md");
const COMMANDS: &str = include_str!("../docs/reference/cli.md");

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
        ("SLACK_SIGNING_SECRET", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("OPS_WEBHOOK_URL", "https://hooks.example.com/T/B/x"),
        ("TEAMS_WEBHOOK_URL", "https://teams.example.com/x"),
        ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/1/x"),
        ("GOOGLE_CHAT_WEBHOOK_URL", "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"),
        ("MATTERMOST_TOKEN", "token"),
        ("MATRIX_TOKEN", "token"),
        ("ZULIP_API_KEY", "key"),
        ("ROCKET_CHAT_TOKEN", "token"),
        ("GITHUB_TOKEN", "token"),
        ("OIDC_CLIENT_SECRET", "secret"),
        ("CONSOLE_TOKEN", "0123456789abcdef0123456789abcdef"),
        ("JIRA_TOKEN", "token"),
        ("HUB_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        command.env(name, value);
    }
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// The text of a page between the first `start` and the next `end`.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, after) = page.split_once(start).unwrap_or_else(|| panic!("the page has no {start:?}"));
    after.split_once(end).unwrap_or_else(|| panic!("nothing ends {start:?}")).0
}

fn config() -> &'static str {
    between(CONFIGURATION, "```toml\n# microalign.toml\n", "```")
}

fn team() -> &'static str {
    between(RULES, "```toml\n# rules/web.toml\n", "```")
}

fn payload() -> &'static str {
    between(README, "<<'JSON'\n", "JSON\n")
}

/// What `microalign init` writes.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init", "."]).0, 0);
    folder
}

/// Finds nothing wrong and nothing to warn of.
fn check(folder: &Path) {
    let (code, said) = run(folder, &["check"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("warning:"), "{said}");
}

#[test]
fn the_examples_are_fine() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("microalign.toml", config());
    write("rules/web.toml", team());
    write("templates/example.hbs", between(TEMPLATES, "```handlebars\n", "```"));
    write("merged.json", payload());
    write("secrets/dkim.pem", DKIM_KEY);
    check(folder.path());
}

#[test]
fn the_short_examples_are_fine_where_they_are_to_be_put() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("rules/web.toml", between(README, "```toml\n", "```"));
    let begun = fs::read_to_string(folder.path().join("microalign.toml")).unwrap();
    write("microalign.toml", &(begun + between(FIRST_MESSAGE, "```toml\n", "```")));
    check(folder.path());
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
    let folder = folder();
    fs::write(folder.path().join("microalign.toml"), config()).unwrap();
    fs::write(folder.path().join("secrets/dkim.pem"), DKIM_KEY).unwrap();
    fs::write(folder.path().join("rules/web.toml"), team()).unwrap();
    for (event, rule, mut body) in table {
        body["repository"] = json!({ "full_name": "acme/ingest-api", "private": false, "default_branch": "main" });
        fs::write(folder.path().join("body.json"), body.to_string()).unwrap();
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
    let commands = between(README, "cat > merged.json", "```");
    assert_eq!(between(FIRST_MESSAGE, "cat > merged.json", "```"), commands, "the guide begins as the README does");
    let folder = folder();
    fs::write(folder.path().join("merged.json"), payload()).unwrap();
    let explain = ["explain", "--source", "github", "--event", "pull_request", "merged.json"];
    assert!(commands.contains(&format!("microalign {}", explain.join(" "))));
    let (code, said) = run(folder.path(), &explain);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("yes  web / merged: matches") && said.contains("DATA-123"), "{said}");
}

/// The README's second block of commands, pasted into a shell beside the service.
#[test]
fn the_first_webhook_is_answered_and_waits() {
    if !Command::new("sh").args(["-c", "command -v curl && command -v openssl"]).output().unwrap().status.success() {
        let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
        assert!(!required, "there is no curl or no openssl: install them");
        // `eprintln!` would be captured, and nobody would know.
        return std::io::stderr().write_all(b"DID NOT RUN: there is no curl or no openssl\n").unwrap();
    }
    let folder = folder();
    let config = folder.path().join("microalign.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("listen = \"127.0.0.1:8080\""), "{text}");
    fs::write(&config, text.replace("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\"")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_microalign"));
    let service = Command::new(program).arg("serve").current_dir(&folder).stderr(Stdio::piped()).spawn();
    let mut service = Service(service.unwrap());
    let mut log = BufReader::new(service.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = log.find_map(|line| Some(line.split_once("listening address=")?.1.trim().to_owned())).unwrap();
    let commands = format!("cat > merged.json{}", between(README, "cat > merged.json", "```"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &commands.replace("127.0.0.1:8080", &address)]).current_dir(&folder).env("PATH", path);
    let Output { status, stdout, stderr } = shell.output().unwrap();
    let said = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{said}{}", String::from_utf8_lossy(&stderr));
    assert!(said.contains("HTTP/1.1 202 "), "{said}");
    // A person reads the ledger a moment later than a script, when the webhook is planned.
    let ledger =
        || String::from_utf8(Command::new(program).arg("ledger").current_dir(&folder).output().unwrap().stdout);
    let end = Instant::now() + Duration::from_secs(30);
    while !ledger().unwrap().contains("held") {
        assert!(Instant::now() < end, "{said}{}", ledger().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A service that ends with its test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Which of GitHub's and Jira's events a kind needs.
#[test]
fn every_event_is_in_a_guides_table() {
    let tables = ["github", "jira"].map(|guide| fs::read_to_string(format!("docs/guides/{guide}.md")).unwrap());
    let events = tables.map(|page| between(&page, "## Events\n", "\n## ").to_owned()).concat();
    for kind in EventKind::ALL {
        let name = kind.as_str();
        let (family, last) = name.split_once('.').unwrap_or((name, name));
        let of_its_family = |row: &str| row.contains(&format!("`{family}.")) && row.contains(&format!("`.{last}`"));
        let told = events.contains(&format!("`{name}`")) || events.lines().any(of_its_family);
        assert!(told, "{name} is missing");
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
            let tables =
                [format!("[{key}]"), format!(".{key}]"), format!(".{key}."), format!("[{key}."), format!("[[{key}]]")];
            let inline = [format!("{{ {key} = "), format!(", {key} = "), format!("\n{key}.\"")];
            // One that another excludes is shown as a comment.
            let set = example.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
            let shown = tables.iter().chain(&inline).any(|written| example.contains(written));
            assert!(set || shown, "`{key}` is missing");
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

/// Every command and flag that the README and the guides show is one that the program has.
#[test]
fn the_commands_are_known() {
    let mut tried = 0;
    for (path, page) in guides() {
        for line in shell(&page).filter_map(|line| line.strip_prefix("microalign ")) {
            let words: Vec<&str> = line.split(" #").next().unwrap().split_whitespace().collect();
            let section = |depth: usize| {
                let heading = format!("\n## `microalign {}`\n", words.get(..depth)?.join(" "));
                COMMANDS.split_once(&heading).map(|(_, after)| after.split("\n## ").next().unwrap())
            };
            let section = section(2).or_else(|| section(1));
            let section = section.unwrap_or_else(|| panic!("{}: no such command: {line}", path.display()));
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let known = [format!("`{flag}`"), format!("`{flag} "), format!(", {flag} ")];
                let known = known.iter().any(|known| section.contains(known));
                assert!(known, "{}: no such flag {flag}: {line}", path.display());
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "the pages show commands: {tried}");
}

/// The pages that show how something is done.
fn guides() -> Vec<(PathBuf, String)> {
    let guides = fs::read_dir("docs/guides").unwrap().map(|entry| entry.unwrap().path());
    let paths = guides.chain(["README.md".into(), "deploy/README.md".into()]);
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of a page's shell examples.
fn shell(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sh\n").skip(1).flat_map(|block| block.split("```").next().unwrap().lines())
}

#[test]
fn every_command_is_in_the_reference() {
    let (_, help) = run(Path::new("."), &["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"serve") && !names.contains(&"reference"), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert!(COMMANDS.contains(&format!("## `microalign {name}")), "{name} is missing");
    }
}

#[test]
fn the_readme_is_short() {
    assert!(README.lines().count() <= 200);
}

/// The picture shows what the demo sends.
#[test]
fn the_picture_is_true() {
    let (code, demo) = run(&std::env::temp_dir(), &["demo", "--exit"]);
    assert_eq!(code, 0, "{demo}");
    let demo = words(&demo.replace(['│', '>'], " ").replace('`', ""));
    // In a terminal, an address follows what it is linked from.
    let mut plain = String::new();
    for (index, piece) in demo.split(" (https://").enumerate() {
        plain.push_str(if index == 0 { piece } else { piece.split_once(')').unwrap().1 });
    }
    let picture = fs::read_to_string("docs/message.svg").unwrap();
    let mut shown = 0;
    for text in picture.split("<text ").skip(1).filter(|text| between(text, "class=\"", "\"").ends_with("said")) {
        let text = text.split_once('>').unwrap().1.split("</text>").next().unwrap();
        let text: String = text.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect();
        assert!(plain.contains(&words(&text)), "nobody was sent {text:?}: {plain}");
        shown += 1;
    }
    assert!(shown > 5, "the picture has texts: {shown}");
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
