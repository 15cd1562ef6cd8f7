//! `microalign init`: a folder to begin with.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Failure, say};

const CONFIG: &str = include_str!("init/microalign.toml");
const TEAM: &str = include_str!("init/team.toml");
const TEMPLATE: &str = include_str!("init/merged-briefly.hbs");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; it is made if it does not exist
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let dir = &args.dir;
    let secrets = [("secrets/github", secret()?), ("secrets/jira", secret()?)];
    let mut files = vec![
        ("microalign.toml", CONFIG.to_owned()),
        ("rules/web.toml", TEAM.to_owned()),
        ("templates/merged-briefly.hbs", TEMPLATE.to_owned()),
        (".gitignore", "secrets/\nmailbox/\n*.db*\n".to_owned()),
    ];
    files.extend(secrets);
    if let Some((name, _)) = files.iter().find(|(name, _)| dir.join(name).exists()) {
        return Err(Failure::Wrong(format!("{} exists already: nothing was written", dir.join(name).display())));
    }
    for (name, text) in &files {
        write(&dir.join(name), text)?;
        say(format!("wrote {}", dir.join(name).display()))?;
    }
    say(format!(
        "\nNext:\n  \
         cd {}\n  \
         microalign check    # every problem in these files\n  \
         microalign serve    # takes webhooks, and shows at http://127.0.0.1:8080/ what it sent and why\n\n\
         rules/web.toml is an example: put your team and your repositories in.\n\
         secrets/github is the secret for GitHub's webhook, secrets/jira the one for Jira's.",
        dir.display()
    ))
}

/// Creates a file that did not exist; secrets are for its owner only.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::Wrong(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(told)?;
    }
    let private = path.parent().is_some_and(|folder| folder.ends_with("secrets"));
    let mode = if private { 0o600 } else { 0o644 };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(told)?;
    file.write_all(text.as_bytes()).map_err(told)
}

/// 256 random bits in hexadecimal, from the system's generator.
fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Wrong(format!("no random numbers to be had: {error}")))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    }))
}
