//! `microalign github setup`: has the other end send what we want to hear.

pub(super) mod github;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Github {
    /// Make a GitHub App, or with a token a webhook, and wait until GitHub's ping arrives
    #[command(long_about = github::LONG)]
    Setup(github::Args),
}
