//! The commands that connect GitHub and Jira.

pub(super) mod github;
pub(super) mod jira;

/// What can be done with GitHub.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Github {
    /// Create a GitHub App or, with a token, a webhook, and wait for GitHub's ping
    #[command(
        long_about = github::LONG,
        after_help = "Examples:\n  microalign github setup\n  microalign github setup --org acme"
    )]
    Setup(github::Args),
}

/// What can be done with Jira.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Jira {
    /// Register the webhook in Jira, with the right events and a secret; or print what else to do
    #[command(after_help = "Examples:\n  microalign jira setup\n  microalign jira setup --automation")]
    Setup(jira::Args),
}
