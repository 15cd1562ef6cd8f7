//! What people are shown for files with mistakes: each file in `fixtures/bad-*` has its diagnostics beside it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use microalign::channel::ChannelSettings;
use microalign::config;
use microalign::destination::{Allowed, Available};
use microalign::rule::{self, Known};
use microalign::toml_file::Problem;
use proptest::prelude::*;

/// Stands for every secret in the fixtures, as written there or from the environment.
const SECRET: &str = "hunter2";

#[test]
fn bad_team_files() {
    let templates: BTreeSet<String> = ["heads-up", "on-track"].map(str::to_owned).into();
    let mut allowed = Allowed::default();
    allowed.add("@example.com").unwrap();
    allowed.add("ana@partner.org").unwrap();
    let channels = Available {
        tables: ["teams.web", "slack", "slack_webhook.ops"].map(str::to_owned).into(),
        set_up: true,
        mail: Some(allowed),
        people: vec!["ana".to_owned()],
        ..ChannelSettings::default().available()
    };
    let known = Known { templates: &templates, channels: &channels };
    compare("tests/fixtures/bad-rules", |path| {
        let text = fs::read_to_string(path).unwrap();
        rule::check(&path.display().to_string(), &text, known).err()
    });
}

#[test]
fn bad_configurations() {
    let env = |name: &str| match name {
        "GITHUB" => Some(SECRET.repeat(3)),
        "SHORT" => Some(SECRET.to_owned()),
        "EMPTY" => Some(String::new()),
        "BLANK" => Some(" \n".to_owned()),
        _ => None,
    };
    compare("tests/fixtures/bad-config", |path| config::load(path, &env).err());
}

/// A mail goes to the owner of a team file, and another file may be in its place.
#[test]
fn a_mail_quotes_only_what_is_a_team_file() {
    let mailed = |text: &str| {
        let available = ChannelSettings::default().available();
        let known = Known { templates: &BTreeSet::new(), channels: &available };
        let problems = rule::check("rules/a.toml", text, known).unwrap_err();
        problems.iter().map(Problem::render_for_mail).collect::<Vec<_>>().join("\n\n")
    };
    let start = "team = \"a\"\nto = [\"mailbox\"]\n";
    for other in [
        "root:hunter2:20000:0:99999:7:::\n".to_owned(),
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n".to_owned(),
        "# hunter2\n".to_owned(),
        "password = \"hunter2\"\n".to_owned(),
        "[database]\npassword = \"hunter2\"\n".to_owned(),
        "password = \"hunter2\"\nmembers = 3 # hunter2\n".to_owned(),
        format!("{start}password = \"hunter2\"\n[[rule]]\nname = 3 # hunter2\n"),
        format!("{start}[[rule]]\nname = \"x\"\non = [\"push\"]\npassword = \"hunter2\"\n"),
        format!("{start}[[rule]]\nname = \"x\"\non = [\"push\"]\nany = [{{ labels = 3, password = \"hunter2\" }}]\n"),
        format!("{start}password = hunter2\n"),
    ] {
        let mailed = mailed(&other);
        assert!(!mailed.contains("hunter2") && mailed.contains("rules/a.toml:"), "{mailed}");
    }
    let slip = "to = [\"https://hooks.example.com/T012345/B012345/abcdefghij0123456789abcd\", \"slack:#web\"]\n";
    let slip = format!("{start}settle = 60\n").replace("to = [\"mailbox\"]\n", slip);
    insta::assert_snapshot!(mailed(&slip), @r#"
    error: `https://hooks.example.********************************************* isn't a destination: write github, jira or mailbox, or begin with email:, discord:, google-chat:, matrix:, mattermost:, mattermost-webhook:, rocket-chat:, slack:, slack-webhook:, teams:, webhook: or zulip:
     --> rules/a.toml:2:7
      |
    2 | to = ["https://hooks.example.********************************************", "slack:#web"]
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: expected a duration such as "60s", found a number
     --> rules/a.toml:3:10
      |
    3 | settle = 60
      |          ^^
      |
      = help: write "60s" for seconds
    "#);
    let slip = format!("{start}members = [\"ana\", 3]\n[[rule]]\nname = \"x\"\non = \"push\"\nlables = [\"x\"]\n");
    insta::assert_snapshot!(mailed(&slip), @r#"
    error: expected a string, found a number
     --> rules/a.toml:3:19
      |
    3 | members = ["ana", 3]
      |                   ^
      |
      = help: write "3"

    error: expected a list of strings, found a string
     --> rules/a.toml:6:6
      |
    6 | on = "push"
      |      ^^^^^^
      |
      = help: write ["push"]

    error: unknown key `lables`
    --> rules/a.toml:7:1
     = help: did you mean `labels`?
    "#);
}

const FULL: &str = r#"rules = "rules"
github = { secrets = ["hunter2hunter2"] }
[jira]
secrets = [
  "hunter2hunter2",
  'hunter2hunter2=='
]
[email]
from = "a@example.com"
smtp = "smtps://user:hunter2hunter2@mail.example.com"
dkim = { domain = "example.com", selector = "s1", key = "hunter2hunter2" }
[slack]
token = """hunter2hunter2"""
[slack_webhook.ops]
url = "https://hooks.example.com/hunter2hunter2"
[webhook.hub]
url = "https://hub.example.com/hunter2hunter2"
secret = "hunter2hunter2"
"#;

proptest! {
    /// However a configuration is mistyped, what is shown of it holds no secret.
    #[test]
    fn no_slip_of_the_keyboard_shows_a_secret(
        at in 0..FULL.len(),
        deleted in 0..3usize,
        inserted in prop::sample::select(vec!["", "\"", "'", "=", "[", "]", "{", "}", "#", "\n", ",", ".", "x", "$", "${"]),
    ) {
        let text = format!("{}{inserted}{}", &FULL[..at], &FULL[(at + deleted).min(FULL.len())..]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("microalign.toml");
        fs::write(&path, &text).unwrap();
        for problem in config::load(&path, &|_| None).err().unwrap_or_default() {
            let shown = format!("{}{problem}", problem.render(false));
            prop_assert!(!shown.contains(SECRET), "{shown}\n{text}");
        }
    }
}

fn compare(folder: &str, problems_of: impl Fn(&Path) -> Option<Vec<Problem>>) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.replacen("tests/", "", 1));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() > 10, "the fixtures of {folder} are gone");
    for path in files {
        let problems = problems_of(&path).unwrap_or_else(|| panic!("{} is accepted", path.display()));
        let shown: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert!(!shown.join("").contains(SECRET) && !lines.join("").contains(SECRET), "{} leaks", path.display());
        settings.bind(|| insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), shown.join("\n\n")));
    }
}
