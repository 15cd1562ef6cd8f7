//! `microalign rules`: team files by themselves, as a continuous integration sees them.

pub(super) mod diff;
pub(super) mod lint;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Failure;
use crate::config::{self, Config};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Show every problem in a folder of team files; no configuration is needed
    #[command(after_help = "Example:\n  microalign rules lint rules")]
    Lint(lint::Args),
    /// Show which messages each team gains or loses by a change to team files; nothing is sent
    #[command(
        long_about = diff::LONG,
        after_help = "Examples:\n  microalign rules diff main/rules rules\n  microalign rules diff main/rules rules --events webhooks\n  microalign rules diff /etc/microalign/rules rules --since 14d -c /etc/microalign/microalign.toml"
    )]
    Diff(diff::Args),
}

/// A folder of team files without a configuration, with the templates in a folder or else in the one beside it.
fn alone(rules: &Path, templates: Option<&PathBuf>) -> Result<Config, Failure> {
    let beside = || rules.join("..").join("templates");
    config::bare(rules.to_owned(), templates.cloned().unwrap_or_else(beside)).map_err(Failure::Problems)
}
