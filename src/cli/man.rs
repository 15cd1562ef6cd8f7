//! `microalign man`: writes the manual pages, for packages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;

use super::{Cli, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write the pages into
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    fs::create_dir_all(&args.dir)?;
    Ok(clap_mangen::generate_to(Cli::command(), &args.dir)?)
}
