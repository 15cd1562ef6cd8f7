//! `microalign store copy`: copies a store from SQLite to PostgreSQL.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use jiff::Timestamp;

use super::super::{Failure, counted, progress, say, variable};
use super::size;
use crate::config;
use crate::store::{Doing, Location, Progress, Server, Store};

pub(super) const LONG: &str = "\
Copy a store from SQLite to PostgreSQL, and check the copy.

Stop the service first. The file stays as it is. Every table is copied, and then all of it is read on both sides and compared; \
until that is done, nothing serves from the database. If the command is interrupted, run it again: it goes on where it ended.

Put an address with `${NAME}` in single quotes, so that the shell leaves it alone and no password is on the command line.";

/// How often something is said of a large table where no bar is shown.
const AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The store: `sqlite://FILE`
    from: String,
    /// An empty database: `postgres://USER:PASSWORD@HOST/DATABASE`; `${NAME}` and `${file:PATH}` are replaced as in the
    /// configuration
    to: String,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let address = |what, written: &str| {
        config::store_at(written, &variable).map_err(|wrong| Failure::Usage(format!("{what}: {wrong}")))
    };
    let (from, to) = (address("FROM", &args.from)?, address("TO", &args.to)?);
    let (from, to) = one_way(from, to)?;
    let (began, name) = (Instant::now(), to.to_string());
    let bar = progress::bar("copying");
    let mut shown = Shown { bar: bar.clone(), said: began };
    let copied = Store::copy(&from, to, Timestamp::now(), move |progress| shown.hear(progress)).await;
    bar.finish_and_clear();
    let copied = copied?;
    let rows = usize::try_from(copied.rows).unwrap_or(usize::MAX);
    say(format!(
        "Copied and checked {} ({}) in {} s: name {name} in `[store] url`, and start the service.",
        counted(rows, "row"),
        size(copied.bytes),
        began.elapsed().as_secs()
    ))
}

/// The only way there is.
fn one_way(from: Location, to: Location) -> Result<(PathBuf, Server), Failure> {
    let refused =
        |why: &str| Err(Failure::Usage(format!("{why}: it copies from `sqlite://FILE` to `postgres://…` only")));
    match (from, to) {
        (Location::File(from), Location::Server(to)) => Ok((from.to_path_buf(), to)),
        (Location::Server(_), _) => refused("FROM is a PostgreSQL database, which `pg_dump` copies"),
        (Location::File(_), Location::File(_)) => {
            refused("TO is a file, and `sqlite3 FILE \".backup COPY\"` copies files")
        }
    }
}

/// Shows how far it is, on standard error: a bar on a terminal, and a line for each table.
struct Shown {
    bar: ProgressBar,
    said: Instant,
}

impl Shown {
    fn hear(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Resumed => self.line("going on where an earlier copy ended"),
            Progress::Anew => self.line("what an earlier copy left differs from the store: beginning anew"),
            // Most tables are small, and many are empty.
            Progress::Table { of: 0, .. } => {}
            Progress::Table { doing, table, done, of } => {
                let doing_it = format!("{} {table}", word(doing));
                self.bar.set_message(doing_it.clone());
                self.bar.set_length(of);
                self.bar.set_position(done);
                if doing == Doing::Copying && done == of {
                    self.line(&format!("{table}: {}", counted(usize::try_from(of).unwrap_or(usize::MAX), "row")));
                } else if self.bar.is_hidden() && self.said.elapsed() > AGAIN {
                    self.line(&format!("{doing_it}: {done} of {of} rows"));
                }
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.said = Instant::now();
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

fn word(doing: Doing) -> &'static str {
    match doing {
        Doing::Copying => "copying",
        Doing::Indexing => "indexing",
        Doing::Checking => "checking",
    }
}
