//! `microalign store`: shows what is in the store, copies it, and takes a person out of it.

mod copy;

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::{ConfigArgs, Failure, look_into_store, open_store, progress, say};
use crate::channel::Person;
use crate::store::{Forgotten, Kind, Stats};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Show how much there is of what, the oldest, and when that is deleted
    #[command(after_help = "Examples:\n  microalign store stats\n  microalign store stats --json")]
    Stats {
        #[command(flatten)]
        config: ConfigArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Copy a store from SQLite to PostgreSQL, and check the copy
    #[command(
        long_about = copy::LONG,
        after_help = "Example:\n  microalign store copy sqlite:///var/lib/microalign/microalign.db 'postgres://microalign:${DB_PASSWORD}@db.example.com/microalign'"
    )]
    Copy(copy::Args),
    /// Remove a person's words and names
    #[command(after_help = "Example:\n  microalign store forget --person ana")]
    Forget {
        #[command(flatten)]
        config: ConfigArgs,
        /// A GitHub login, or an account id or a name in Jira or Slack; upper and lower case are the same
        #[arg(long, value_name = "LOGIN", value_parser = NonEmptyStringValueParser::new())]
        person: String,
    },
}

pub(super) async fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Stats { config, json } => stats(&config, json).await,
        Action::Copy(args) => copy::run(&args).await,
        Action::Forget { config, person } => forget(&config, &person).await,
    }
}

async fn forget(config: &ConfigArgs, person: &str) -> Result<(), Failure> {
    let config = config.look()?;
    let store = open_store(&config.store).await?;
    let accounts = config.channels.people.values().map(accounts).collect::<Vec<_>>();
    let spinner = progress::spinner("looking through the store");
    let forgotten = store.forget(person, &accounts).await;
    spinner.finish_and_clear();
    let Forgotten { names, changed, waiting } = forgotten?;
    if changed.is_empty() && waiting == 0 {
        return Err(Failure::Wrong(format!("nothing in the store names `{person}`")));
    }
    for (kind, rows) in &changed {
        say(format!("{kind:<13}  {rows:>10}"))?;
    }
    if !changed.is_empty() {
        let spinner = progress::spinner("writing the file anew");
        let written = store.write_anew().await;
        spinner.finish_and_clear();
        written?;
    }
    if waiting > 0 {
        let wait = match waiting {
            1 => "1 delivery, message or objection that names them waits".to_owned(),
            _ => format!("{waiting} deliveries, messages or objections that name them wait"),
        };
        return Err(Failure::Wrong(format!("{wait} to be read or sent: run this again later")));
    }
    say(format!("Removed the words and names of {}.", names.join(", ")))
}

/// What the store may call somebody, as `[people]` says it. Elsewhere people are numbers, which stand in other texts, too.
fn accounts(person: &Person) -> Vec<String> {
    let names = ["email", "jira", "slack"].into_iter().filter_map(|key| person.name(key));
    std::iter::once(person.login.as_str()).chain(names).map(str::to_owned).collect()
}

async fn stats(config: &ConfigArgs, json: bool) -> Result<(), Failure> {
    let config = config.look()?;
    let store = look_into_store(&config.store).await?;
    let spinner = progress::spinner("reading the store");
    let stats = store.stats(config.keep).await;
    spinner.finish_and_clear();
    let stats = stats?;
    say(if json { json!(stats).to_string() } else { table(&stats) })
}

fn table(Stats { kinds, bytes, free }: &Stats) -> String {
    let head = format!("{:<13}  {:>10}  {:>9}  {:<14}  deleted from", "", "rows", "size", "oldest");
    let rows = kinds.iter().map(|Kind { kind, rows, bytes, oldest, goes }| {
        let day = |time: Option<jiff::Timestamp>| time.map(|time| time.strftime("%Y-%m-%d UTC").to_string());
        let (oldest, goes) = (day(*oldest).unwrap_or_default(), day(*goes).unwrap_or_default());
        format!("{kind:<13}  {rows:>10}  {:>9}  {oldest:<14}  {goes}", size(*bytes)).trim_end().to_owned()
    });
    let sum = format!("The file has {}, of which {} are free to be used again.", size(*bytes), size(*free));
    let needed = "What is still needed is kept longer.";
    std::iter::once(head).chain(rows).chain([String::new(), sum, needed.to_owned()]).collect::<Vec<_>>().join("\n")
}

/// A number of bytes: `12 kB`, `3.4 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_below_each_other() {
        let kind = |kind, rows, bytes, oldest| Kind { kind, rows, bytes, oldest, goes: oldest };
        let kinds = vec![
            kind("deliveries", 120_000, 12_345_678, Some(jiff::Timestamp::UNIX_EPOCH)),
            kind("conversations", 7, 4096, None),
        ];
        insta::assert_snapshot!(table(&Stats { kinds, bytes: 20_000_000, free: 0 }), @"
                             rows       size  oldest          deleted from
        deliveries         120000    12.3 MB  1970-01-01 UTC  1970-01-01 UTC
        conversations           7       5 kB

        The file has 20.0 MB, of which 0 kB are free to be used again.
        What is still needed is kept longer.
        ");
    }
}
