//! `microalign schema`: JSON Schema for editors.

use clap::ValueEnum;

use super::{Failure, say};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; `context` is what templates can use
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// microalign.toml
    Config,
    /// rules/TEAM.toml
    Rules,
    /// `rules/_defaults.toml`
    Defaults,
    /// The names in a template
    Context,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let schema = match args.what {
        What::Config => crate::config::schema().to_value(),
        What::Rules => crate::rule::schema().to_value(),
        What::Defaults => crate::rule::defaults_schema().to_value(),
        What::Context => crate::template::schema(),
    };
    say(serde_json::to_string_pretty(&schema)?)
}
