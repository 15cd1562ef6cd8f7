//! The commands, one file each: they read arguments, call the rest of the program, and print the result.

mod check;
mod demo;
mod explain;
mod files;
mod github_event;
mod init;
mod ledger;
mod man;
mod migrate;
mod mute;
mod people;
mod progress;
mod recover;
mod reference;
mod rehearse;
mod rule_tests;
mod rules;
mod schema;
mod send_test;
mod serve;
mod setup;
mod store;
mod subscriptions;
mod suggest;
mod summary;
mod text;
mod who;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::app;
use crate::compose::Rulebook;
use crate::config::{self, Config};
use crate::store::{Location, Store, StoreError};
use crate::toml_file::Problem;

use self::files::{create, create_folder, fresh_secret};

/// Keeps partner teams in the loop: GitHub and Jira webhooks in, a few short messages out.
#[derive(Debug, Parser)]
#[command(name = "microalign", version = env!("MICROALIGN_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a short story through the real service; everything is temporary
    #[command(after_help = "Examples:\n  microalign demo\n  microalign demo --github-only")]
    Demo(demo::Args),
    /// Run the service
    #[command(after_help = "Example:\n  microalign serve -c /etc/microalign/microalign.toml --log json")]
    Serve(serve::Args),
    /// Create a folder with a working configuration, a team file and an example template
    #[command(after_help = "Example:\n  microalign init microalign")]
    Init(init::Args),
    /// Show every problem in the configuration, the rules and the templates
    #[command(after_help = "Examples:\n  microalign check\n  microalign check --without-secrets")]
    Check(check::Args),
    /// Show what a webhook body would lead to; nothing is sent
    #[command(
        after_help = "Examples:\n  microalign explain --source github --event pull_request merged.json\n  microalign explain --event-id 41 --team web --all"
    )]
    Explain(explain::Args),
    /// Try rules on recent deliveries: how many messages each team would have had; nothing is sent
    #[command(
        long_about = rehearse::LONG,
        after_help = "Examples:\n  microalign rehearse --since 14d\n  microalign rehearse --since 14d --rules new-rules --team web"
    )]
    Rehearse(rehearse::Args),
    /// Show who gets what, by the rules in force
    #[command(
        long_about = who::LONG,
        after_help = "Examples:\n  microalign who --repo acme/ingest-api\n  microalign who --team web --kind pull_request.*"
    )]
    Who(who::Args),
    /// Judge team files by themselves: what is wrong with them, and what a change to them changes
    #[command(subcommand)]
    Rules(rules::Action),
    /// Show what became of every event
    #[command(
        after_help = "Examples:\n  microalign ledger --team web --since 14d\n  microalign ledger --thread DATA-123\n  microalign ledger show 41"
    )]
    Ledger(ledger::Args),
    /// Show what moved lately, as a team's summary says it; nothing is sent
    #[command(
        long_about = summary::LONG,
        after_help = "Examples:\n  microalign summary --team web\n  microalign summary --since 14d --json"
    )]
    Summary(summary::Args),
    /// Show who people on GitHub are elsewhere, and how that is known
    #[command(after_help = "Examples:\n  microalign people\n  microalign people --json")]
    People(people::Args),
    /// Fetch webhooks that did not arrive
    #[command(after_help = "Example:\n  microalign recover --since 6h")]
    Recover(recover::Args),
    /// Keep a conversation or a rule quiet for a while; without one, show what is muted
    #[command(
        after_help = "Examples:\n  microalign mute DATA-123 --for 3d\n  microalign mute web/merged --to slack:#web"
    )]
    Mute(mute::Args),
    /// Show what people subscribed their channels to in Slack, or end a subscription
    #[command(
        after_help = "Examples:\n  microalign subscriptions\n  microalign subscriptions --end web/@ingest-api-merged"
    )]
    Subscriptions(subscriptions::Args),
    /// End a mute
    #[command(after_help = "Example:\n  microalign unmute DATA-123")]
    Unmute(mute::Named),
    /// Send one real message to a destination and show the provider's answer
    #[command(
        after_help = "Examples:\n  microalign send-test email:ana@example.com\n  microalign send-test github --on acme/ingest-api#45"
    )]
    SendTest(send_test::Args),
    /// Bring the store up to date with this version, or make one; the service does so when it starts
    #[command(after_help = "Example:\n  microalign migrate -c /etc/microalign/microalign.toml")]
    Migrate(migrate::Args),
    /// See what is in the store, copy it to PostgreSQL, and remove a person from it
    #[command(subcommand)]
    Store(store::Action),
    /// Connect GitHub
    #[command(subcommand)]
    Github(setup::Github),
    /// Connect Jira
    #[command(subcommand)]
    Jira(setup::Jira),
    /// Print the JSON Schema of a file, for editors
    #[command(after_help = "Example:\n  microalign schema rules")]
    Schema(schema::Args),
    /// Write the reference pages of the documentation, from what the program itself knows
    #[command(hide = true, after_help = "Example:\n  microalign reference docs/reference")]
    Reference(reference::Args),
    /// Write the manual pages, one for each command
    #[command(hide = true, after_help = "Example:\n  microalign man target/man")]
    Man(man::Args),
    /// Print shell completions
    #[command(after_help = "Example:\n  microalign completions bash")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The configuration file
    #[arg(short, long, default_value = "microalign.toml", value_name = "FILE")]
    config: PathBuf,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, Failure> {
        config::load(&self.config, &variable).map_err(Failure::Problems)
    }

    /// Loads the configuration for a command that uses no secret.
    fn look(&self) -> Result<Config, Failure> {
        config::look(&self.config, &variable).map_err(Failure::Problems)
    }

    /// Where the store is, for a command that needs nothing else from the configuration.
    fn store(&self) -> Result<Location, Failure> {
        config::store(&self.config, &variable).map_err(Failure::Problems)
    }
}

/// Opens the store to change something, even while the service is running.
async fn open_store(location: &Location) -> Result<Store, Failure> {
    must_exist(location).await?;
    let (store, _writer) = Store::visit(location).await?;
    Ok(store)
}

/// Opens the store to read it.
async fn look_into_store(location: &Location) -> Result<Store, Failure> {
    must_exist(location).await?;
    Ok(Store::look(location).await?)
}

/// The rules and templates of a configuration, with what the store has of them: the team files of repositories as the service
/// read them last, and subscriptions. A store of another version doesn't keep anybody from looking at the files.
async fn load_rulebook(config: &Config) -> Rulebook {
    if !config.store.exists().await {
        return Rulebook::load(config, None);
    }
    let stored = async {
        let store = Store::look(&config.store).await?;
        Ok::<_, StoreError>((app::repository_files(config, &store).await?, store.subscriptions().await?))
    };
    match stored.await {
        Ok((files, subscriptions)) => Rulebook::load_with(config, Arc::new(files), None)
            .with_subscriptions(subscriptions, &config.channels.available()),
        Err(error) => {
            eprintln!(
                "microalign: the rules that only the store has (of repositories, and subscriptions) aren't known: {error}"
            );
            Rulebook::load(config, None)
        }
    }
}

async fn must_exist(store: &Location) -> Result<(), Failure> {
    match store.exists().await {
        true => Ok(()),
        false => Err(Failure::Wrong(format!("there is no store at {store} yet: `microalign serve` creates it"))),
    }
}

/// An environment variable.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The format of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Human,
    /// Print one JSON object per line
    Json,
}

/// Why a command fails.
#[derive(Debug)]
enum Failure {
    /// The files that the user wrote have problems
    Problems(Vec<Problem>),
    /// What was asked about is wrong, or something failed
    Wrong(String),
    /// The command line is wrong
    Usage(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// Runs the command in the process's arguments.
pub async fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Serve(args) => serve::run(&args).await,
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args).await,
        Command::Explain(args) => explain::run(&args).await,
        Command::Rehearse(args) => rehearse::run(&args).await,
        Command::Who(args) => who::run(&args).await,
        Command::Rules(rules::Action::Lint(args)) => rules::lint::run(&args),
        Command::Rules(rules::Action::Diff(args)) => rules::diff::run(&args).await,
        Command::Ledger(args) => ledger::run(args).await,
        Command::People(args) => people::run(&args).await,
        Command::Summary(args) => summary::run(&args).await,
        Command::Recover(args) => recover::run(&args).await,
        Command::Mute(args) => mute::run(&args).await,
        Command::Subscriptions(args) => subscriptions::run(&args).await,
        Command::Unmute(named) => mute::undo(&named).await,
        Command::SendTest(args) => send_test::run(&args).await,
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Store(action) => store::run(action).await,
        Command::Github(setup::Github::Setup(args)) => setup::github::run(&args).await,
        Command::Jira(setup::Jira::Setup(args)) => setup::jira::run(&args).await,
        Command::Schema(args) => schema::run(&args),
        Command::Reference(args) => reference::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "microalign", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Problems(problems)) => {
            show(&problems);
            ExitCode::from(1)
        }
        Err(Failure::Wrong(message)) => {
            eprintln!("microalign: {message}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            eprintln!("microalign: {message}");
            ExitCode::from(2)
        }
    }
}

fn show(problems: &[Problem]) {
    let colour = text::has_colour(&std::io::stderr());
    for problem in problems {
        eprintln!("{}\n", problem.render(colour));
    }
    eprintln!("{}", counted(problems.len(), "problem"));
}

/// Sends logs to standard error; `RUST_LOG` chooses how much. It speaks for this program alone: below a warning, libraries log
/// the values of templates, the addresses of links, passwords and mails.
fn start_logs(format: LogFormat, level: &str) {
    use tracing_subscriber::filter::{EnvFilter, filter_fn};
    use tracing_subscriber::prelude::*;
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|asked| EnvFilter::try_new(asked).is_ok());
    let filter = EnvFilter::new(asked.as_deref().unwrap_or(level));
    let capped = filter_fn(|about| {
        let ours = about.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"));
        ours || *about.level() <= tracing::Level::WARN
    });
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr);
    match format {
        LogFormat::Human => logs.with_ansi(text::has_colour(&std::io::stderr())).finish().with(capped).init(),
        LogFormat::Json => logs.json().flatten_event(true).finish().with(capped).init(),
    }
}

/// A number and its noun: `1 team`, `2 teams`.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Prints a line to standard output. A reader that closes the pipe (`| head`) isn't an error.
fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    use std::io::Write as _;
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// The commands that do something, with how each is called.
    fn commands(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
        let below = command.get_subcommands().filter(|command| command.get_name() != "help");
        let below = below.flat_map(|command| commands(command, &format!("{name} {}", command.get_name())));
        let is_group = command.is_subcommand_required_set();
        below.chain((!is_group).then(|| (name.to_owned(), command.clone()))).collect()
    }

    #[test]
    fn the_help_of_each_command_has_examples_that_are_right() {
        let commands = commands(&Cli::command(), "microalign");
        assert!(commands.len() > 15, "{commands:?}");
        for (name, command) in commands {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.lines().filter_map(|line| line.strip_prefix("  ")).collect::<Vec<_>>();
            assert!(!examples.is_empty(), "{name} has no example");
            assert!(examples.iter().any(|example| example.starts_with(&name)), "{name}: {help}");
            for example in examples {
                Cli::try_parse_from(example.split(' ')).map(drop).map_err(|error| error.to_string()).unwrap();
            }
        }
    }
}
