//! `microalign check`: every problem at once.

use std::collections::BTreeSet;

use super::{ConfigArgs, Failure, counted, say};
use crate::channel::Channels;
use crate::plan;
use crate::rulebook::Rulebook;

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let config = args.load()?;
    let rulebook = Rulebook::load(&config, None);
    if !rulebook.problems().is_empty() {
        return Err(Failure::Problems(rulebook.problems().to_vec()));
    }
    let teams = rulebook.teams();
    let rules = teams.iter().flat_map(|team| &team.rules).collect::<Vec<_>>();
    let counts = format!("{}, {}", counted(teams.len(), "team"), counted(rules.len(), "rule"));
    say(format!("{}: fine ({counts})", args.config.display()))?;
    let channels = Channels::new(config.channels.clone());
    let local = rules.iter().flat_map(|rule| plan::destinations(rule)).filter(|to| channels.instead(to).is_some());
    let local = local.map(|to| to.to_string()).collect::<BTreeSet<_>>();
    if local.is_empty() {
        return Ok(());
    }
    let (local, folder) = (local.into_iter().collect::<Vec<_>>().join(", "), config.channels.mailbox.display());
    say(format!("note: nothing is configured for {local}: messages for there go to the folder {folder}"))
}
