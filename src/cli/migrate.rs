//! `microalign migrate`: brings the store up to date.

use super::{ConfigArgs, Failure, progress, say};
use crate::store::{Migrated, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let location = args.config.store()?;
    let spinner = progress::spinner("bringing the store up to date");
    let migrated = Store::migrate(location.clone()).await;
    spinner.finish_and_clear();
    say(match migrated? {
        Migrated { from: 0, to } => format!("Made a store at {location} (schema {to})."),
        Migrated { from, to } if from == to => format!("The store at {location} is up to date (schema {to})."),
        Migrated { from, to } => format!("The store at {location} was brought from schema {from} to {to}."),
    })
}
