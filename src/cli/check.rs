//! `microalign check`: every problem at once.

use std::collections::BTreeSet;

use super::{ConfigArgs, Failure, counted, load_rulebook, rule_tests, say, variable};
use crate::api::github::GithubApi;
use crate::app;
use crate::channel::{ChannelSettings, Channels, Names};
use crate::compose::Rulebook;
use crate::config::{self, Config, ConsoleSettings, Secrets};
use crate::event::is_field_id;
use crate::plan;
use crate::toml_file::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Don't look up the secrets in the environment or in files, for a shell that has none
    #[arg(long)]
    without_secrets: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let secrets = if args.without_secrets { Secrets::Assumed } else { Secrets::Needed };
    let args = &args.config;
    let (mut config, mut problems) = config::read(&args.config, &variable, secrets).map_err(Failure::Problems)?;
    if !problems.is_empty() {
        // A channel with wrong settings counts as set up, so that team files that name it aren't blamed.
        config.channels = ChannelSettings::default();
    }
    let rulebook = load_rulebook(&config).await;
    problems.extend(problems_of(&rulebook, &config));
    if !problems.is_empty() {
        return Err(Failure::Problems(problems));
    }
    say(format!("{}: fine ({})", args.config.display(), counts(&rulebook)))?;
    if rulebook.rules().teams().is_empty() {
        let folder = config.rules.display();
        say(format!("warning: there are no teams, so nobody gets any message: add a file for each team to {folder}"))?;
    }
    for sentence in rulebook.rules().without(config.channels.github.is_some(), config.asks_jira()) {
        say(format!("note: {sentence}"))?;
    }
    let is_app = config.channels.github.as_ref().is_some_and(GithubApi::is_app);
    if !config.teams_allowed.is_empty() && !is_app {
        say(
            "note: pull requests that change a repository's team file aren't checked: only a GitHub App can write check runs",
        )?;
    }
    if let Some(sentence) = named_due_fields(&config) {
        say(format!("note: {sentence}"))?;
    }
    for sentence in rulebook.rules().notices() {
        say(format!("note: {sentence}"))?;
    }
    for sentence in rulebook.rules().unlikely(config.channels.github.is_some()) {
        say(format!("warning: {sentence}"))?;
    }
    for (subscription, why) in rulebook.subscriptions().filter_map(|(known, why)| Some((known, why?))) {
        let (team, name) = (&subscription.team, &subscription.name);
        say(format!("warning: the subscription {team}/{name} isn't in force: {why}"))?;
    }
    let teams = rulebook.rules().teams();
    let wanted = config.access.iter().flat_map(ConsoleSettings::teams);
    for team in wanted.filter(|wanted| !teams.iter().any(|team| team.name == *wanted)) {
        say(format!("warning: `[console]` has a role for the team {team}, and no team file has this name"))?;
    }
    let channels = Channels::new(config.channels.clone(), Names::open());
    let rules = rulebook.rules().all().map(|(_, rule)| rule);
    let local = rules.flat_map(plan::destinations).filter(|to| channels.instead(to).is_some());
    let local = local.map(|to| to.to_string()).collect::<BTreeSet<_>>();
    if local.is_empty() {
        return Ok(());
    }
    let (local, folder) = (local.into_iter().collect::<Vec<_>>().join(", "), config.channels.mailbox.display());
    say(format!("note: nothing is configured for {local}: messages there go to the folder {folder}"))
}

/// All that is wrong with team files and templates, and the tests that fail.
pub(super) fn problems_of(rulebook: &Rulebook, config: &Config) -> Vec<Problem> {
    let failures = rule_tests::failures(rulebook, &app::settings_for(config, rulebook));
    rulebook.problems().iter().cloned().chain(failures).collect()
}

/// `2 teams, 9 rules, 1 test`
pub(super) fn counts(rulebook: &Rulebook) -> String {
    let teams = rulebook.rules().teams();
    let tests = teams.iter().map(|team| team.tests.len()).sum::<usize>();
    let counts = format!("{}, {}", counted(teams.len(), "team"), counted(rulebook.rules().all().count(), "rule"));
    if tests > 0 { format!("{counts}, {}", counted(tests, "test")) } else { counts }
}

/// What is missing for the due dates that are called by the names of their fields.
fn named_due_fields(config: &Config) -> Option<String> {
    let named = config.jira_due.iter().filter(|name| !is_field_id(name)).map(|name| format!("“{name}”"));
    let named = named.collect::<Vec<_>>().join(", ");
    (!named.is_empty() && config.channels.jira.is_none()).then(|| {
        format!(
            "without access to Jira's API, the ids of these fields in `[jira] due` aren't known, so they have no due date: \
             {named}; write ids such as `customfield_10012`"
        )
    })
}
