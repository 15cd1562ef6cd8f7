//! `microalign check`: every problem at once.

use super::{ConfigArgs, Failure, say};
use crate::rulebook::Rulebook;

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let config = args.load()?;
    let rulebook = Rulebook::load(&config, None);
    if !rulebook.problems().is_empty() {
        return Err(Failure::Problems(rulebook.problems().to_vec()));
    }
    let teams = rulebook.teams();
    let rules: usize = teams.iter().map(|team| team.rules.len()).sum();
    say(format!("{}: fine ({} teams, {rules} rules)", args.config.display(), teams.len()))
}
