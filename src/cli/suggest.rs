//! Names on the command line: checks that they exist, and suggests what was meant if they don't.

use std::sync::Arc;

use super::{ConfigArgs, Failure, load_rulebook};
use crate::rule::{SUMMARY, Team};
use crate::store::Store;
use crate::toml_file::did_you_mean;

pub(super) fn find_team(teams: &[Arc<Team>], name: &str) -> Result<(), Failure> {
    let names = teams.iter().map(|team| team.name.as_str());
    unless_known(names.collect(), name, format!("there is no team `{name}`"))
}

pub(super) fn find_rule(teams: &[Arc<Team>], team: &str, name: &str) -> Result<(), Failure> {
    find_team(teams, team)?;
    let own = || teams.iter().filter(|known| known.name == team);
    let rules = own().flat_map(|team| &team.rules).map(|rule| rule.name.as_str());
    let summary = own().filter(|team| team.summary.is_some()).map(|_| SUMMARY);
    unless_known(rules.chain(summary).collect(), name, format!("{team} has no rule `{name}`"))
}

pub(super) fn unless_known(known: Vec<&str>, name: &str, wrong: String) -> Result<(), Failure> {
    if known.contains(&name) {
        return Ok(());
    }
    let help = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
        [] => "there are none yet".to_owned(),
        known => format!("use one of {}", known.join(", ")),
    });
    Err(Failure::Wrong(format!("{wrong}; {help}")))
}

/// Checks the name of a team that has rules, or had some when the ledger was written.
pub(super) async fn find_team_of_ledger(store: &Store, config: &ConfigArgs, name: &str) -> Result<(), Failure> {
    let mut names = store.teams().await?;
    // If the rules can't be read, the ledger still can.
    if let Ok(config) = config.look() {
        names.extend(load_rulebook(&config).await.rules().teams().iter().map(|team| team.name.clone()));
    }
    names.sort();
    names.dedup();
    unless_known(names.iter().map(String::as_str).collect(), name, format!("there is no team `{name}`"))
}

/// Checks that the ledger has a conversation; `otherwise` ends the error message.
pub(super) async fn find_thread(store: &Store, thread: &str, otherwise: &str) -> Result<(), Failure> {
    let threads = store.threads().await?;
    if threads.iter().any(|known| known == thread) {
        return Ok(());
    }
    let help = match store.thread_of(thread).await? {
        Some(other) => Some(format!("what happens there belongs to the conversation `{other}`")),
        None => did_you_mean(thread, threads.iter().map(String::as_str)),
    };
    let help = help.map(|help| format!("; {help}")).unwrap_or_default();
    Err(Failure::Wrong(format!("the ledger has no conversation `{thread}`{help}{otherwise}")))
}

/// The error for a delivery that doesn't exist.
pub(super) async fn no_delivery(store: &Store, id: i64) -> Result<Failure, Failure> {
    let newest = store.newest_delivery().await?;
    let newest = newest.map_or_else(|| "there is none yet".to_owned(), |newest| format!("the newest is {newest}"));
    Ok(Failure::Wrong(format!("there is no delivery {id}: {newest}; `microalign ledger` lists them")))
}
