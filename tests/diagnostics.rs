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
