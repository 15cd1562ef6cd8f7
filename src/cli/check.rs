//! `microalign check`: every problem at once.

use super::{ConfigArgs, Failure, say, variable};
use crate::config;
use crate::rulebook::Rulebook;
use crate::settings::ChannelSettings;

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let (mut config, mut problems) = config::read(&args.config, &variable).map_err(Failure::Problems)?;
    if !problems.is_empty() {
        // A channel that is set up wrongly is not set up; team files that name it are not to blame.
        config.channels = ChannelSettings::default();
    }
    let rulebook = Rulebook::load(&config, None);
    problems.extend_from_slice(rulebook.problems());
    if !problems.is_empty() {
        return Err(Failure::Problems(problems));
    }
    let teams = rulebook.teams();
    let rules: usize = teams.iter().map(|team| team.rules.len()).sum();
    say(format!("{}: fine ({} teams, {rules} rules)", args.config.display(), teams.len()))
}
