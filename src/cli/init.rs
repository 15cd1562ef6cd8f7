//! `microalign init`: creates a folder to begin with.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::{Failure, create, fresh_secret, say};

const CONFIG: &str = include_str!("init/microalign.toml");
const TEAM: &str = include_str!("init/team.toml");
const TEMPLATE: &str = include_str!("init/merged-briefly.hbs");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, which is created if it doesn't exist
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let dir = &args.dir;
    let files = [
        ("microalign.toml", CONFIG),
        ("rules/web.toml", TEAM),
        ("templates/merged-briefly.hbs", TEMPLATE),
        (".gitignore", "secrets/\nmailbox/\n*.db*\n"),
    ];
    let secrets = ["secrets/github", "secrets/jira"];
    if let Some(name) = files.iter().map(|(name, _)| *name).chain(secrets).find(|name| dir.join(name).exists()) {
        return Err(Failure::Wrong(format!("{} exists already: nothing was written", dir.join(name).display())));
    }
    for (name, text) in &files {
        create(&dir.join(name), text, 0o644)?;
        say(format!("wrote {}", dir.join(name).display()))?;
    }
    for name in secrets {
        create(&dir.join(name), fresh_secret()?.expose_secret(), 0o600)?;
        say(format!("wrote {}", dir.join(name).display()))?;
    }
    say(format!(
        "\nNext:\n  \
         cd {}\n  \
         microalign check    # every problem in these files\n  \
         microalign serve    # takes webhooks at http://127.0.0.1:8080/webhooks/github and /webhooks/jira\n  \
         microalign ledger   # what it sent and why\n\n\
         rules/web.toml is an example: put your team and your repositories in.\n\
         secrets/github is the secret for GitHub's webhook, secrets/jira the one for Jira's.",
        dir.display()
    ))
}
