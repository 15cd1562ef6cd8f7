//! `cargo bench` measures what the program does from a webhook to a message, each beside the least that is possible on this
//! machine, and prints one table. `cargo bench -- FILTER` measures only what has FILTER in its name. See `README.md`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

mod backlog;
mod ingest;
#[path = "../inputs/mod.rs"]
mod inputs;
mod load;
mod mail;
mod matching;
mod reading;
mod receiver;
mod replicas;
mod retention;
mod service;
mod smtp;
mod start;
mod table;
mod writing;

use table::Row;

/// A name to choose it by, and what measures it.
type Measurement = (&'static str, fn() -> Vec<Row>);

const ALL: [Measurement; 22] = [
    ("ingest, 1 connection", || ingest::measure(1)),
    ("ingest, 16 connections", || ingest::measure(16)),
    ("ingest, 128 connections", || ingest::measure(128)),
    ("event to mail, saturated", mail::saturated),
    ("event to mail, 100/s", mail::paced),
    ("match, 10 rules", || matching::measure(10)),
    ("match, 1,000 rules", || matching::measure(1000)),
    ("match, 100,000 rules", || matching::measure(100_000)),
    ("load 100,000 rules", matching::load),
    ("read a webhook", reading::measure),
    ("write a message", writing::measure),
    ("start", start::measure),
    ("backlog", backlog::measure),
    ("PostgreSQL, ingest, 1 replica", || replicas::ingest(1)),
    ("PostgreSQL, ingest, 2 replicas", || replicas::ingest(2)),
    ("PostgreSQL, ingest, 4 replicas", || replicas::ingest(4)),
    ("PostgreSQL, mail, 1 replica", || replicas::mail(1)),
    ("PostgreSQL, mail, 2 replicas", || replicas::mail(2)),
    ("PostgreSQL, mail, 4 replicas", || replicas::mail(4)),
    ("PostgreSQL, mail, from afar", replicas::mail_from_afar),
    ("PostgreSQL, claim", replicas::claims),
    ("PostgreSQL, retention", retention::measure),
];

fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    // Cargo adds `--bench`.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    let mut rows = Vec::new();
    for (name, measure) in ALL.iter().filter(|(name, _)| name.contains(&filter)) {
        eprintln!("{name} …");
        rows.extend(measure().into_iter().map(|row| row.of(name)));
    }
    table::print(&rows);
}

/// Runs what has to wait for sockets.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}
