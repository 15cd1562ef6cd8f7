//! `microalign rules lint`: every problem in a folder of team files.

use std::path::PathBuf;

use crate::cli::check::{counts, problems_of};
use crate::cli::{Failure, say};
use crate::compose::Rulebook;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The folder of team files. Of destinations only the form is checked, since the configuration says what there is
    rules: PathBuf,
    /// The folder of templates, beside the built-in ones. By default, `templates` beside the folder of team files
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Failure> {
    let config = super::alone(&args.rules, args.templates.as_ref())?;
    let rulebook = Rulebook::load(&config, None);
    let problems = problems_of(&rulebook, &config);
    if !problems.is_empty() {
        return Err(Failure::Problems(problems));
    }
    say(format!("{}: fine ({})", args.rules.display(), counts(&rulebook)))?;
    for sentence in rulebook.rules().notices() {
        say(format!("note: {sentence}"))?;
    }
    // Whether GitHub's API can be asked isn't known here.
    rulebook.rules().unlikely(true).into_iter().try_for_each(|sentence| say(format!("warning: {sentence}")))
}
