//! What an event costs when there are many rules, beside a hash map that knows the answer; and what many rules cost to load.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use microalign::event::{Event, EventKind};
use tempfile::TempDir;

use crate::inputs::{read_rules, wanted, wants, write_rules};
use crate::service::memory;
use crate::table::{Row, milliseconds, shortest};

/// So many events that the rules which they need don't fit into a core's cache.
const EVENTS: usize = 1000;
/// So few that they do, whatever the number of rules: the work alone.
const FEW: usize = 64;
const PASSES: usize = 100;

pub fn measure(count: usize) -> Vec<Row> {
    let rules = read_rules(files(count).path());
    let events = (0..EVENTS).map(|n| wanted(n * 97 % count)).collect::<Vec<_>>();
    let matches = |event: &Event| rules.candidates(event.kind, event).filter(wants(event)).count();
    for event in &events[..2] {
        assert_eq!(matches(event), rules.all().filter(wants(event)).count(), "the index leaves out no rule");
    }
    let mut known = HashMap::<EventKind, HashMap<String, usize>>::new();
    for event in &events {
        known.entry(event.kind).or_default().insert(event.scope.clone(), matches(event));
    }
    let look_up = |event: &Event| known[&event.kind][&event.scope];
    [(FEW, "of a few events"), (EVENTS, "of 1,000 events")]
        .map(|(number, name)| {
            let events = &events[..number];
            Row::beside(name, "ns", (each(events, matches), each(events, look_up)))
        })
        .into()
}

/// Nanoseconds for one event.
fn each(events: &[Event], matches: impl Fn(&Event) -> usize) -> f64 {
    let pass = || {
        for event in events {
            black_box(matches(event));
        }
    };
    shortest(PASSES, pass).as_nanos() as f64 / events.len() as f64
}

/// Team files with so many rules.
fn files(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_rules(folder.path(), count);
    folder
}

/// The time and memory to read, check and arrange 100,000 rules, beside reading the files as any TOML.
pub fn load() -> Vec<Row> {
    let folder = files(100_000);
    let began = Instant::now();
    for file in fs::read_dir(folder.path()).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        black_box(text.parse::<toml::Table>().unwrap());
    }
    let limit = began.elapsed();
    let resident = || memory(std::process::id()).unwrap().0;
    let (before, began) = (resident(), Instant::now());
    let rules = read_rules(folder.path());
    let took: Duration = began.elapsed();
    let memory = resident() - before;
    drop(rules);
    vec![Row::beside("time", "ms", (milliseconds(took), milliseconds(limit))), Row::alone("memory", "MB", memory)]
}
