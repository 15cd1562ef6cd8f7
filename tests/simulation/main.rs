//! The real intake, store and dispatch on a simulated clock, with faults that are drawn from a seed. `README.md` beside this
//! file says what is drawn, what is checked, and what is not.

#![expect(clippy::unwrap_used, reason = "it ends at the first surprise")]

mod action;
mod database;
mod draw;
mod end;
mod lanes;
mod oracles;
mod play;
mod provider;
mod seeds;
mod service;
mod shadow;
mod shrink;
#[path = "../world/mod.rs"]
#[expect(dead_code, reason = "the month counts more of it")]
mod world;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::play::Scenario;
use self::seeds::FOUND_BUGS;

/// So many seeds are played unless `MICROALIGN_SEEDS` says otherwise. For `MICROALIGN_MINUTES`, all that fit are, and those
/// that find something are counted up.
const SEEDS: u64 = 40;

#[test]
fn seeds() {
    let (most, until) = match number("MICROALIGN_MINUTES") {
        Some(minutes) => (u64::MAX, Some(Instant::now() + Duration::from_secs(60 * minutes))),
        None => (number("MICROALIGN_SEEDS").unwrap_or(SEEDS), None),
    };
    let first = number("MICROALIGN_FIRST_SEED").unwrap_or(1);
    let (next, began, found_by) = (AtomicU64::new(first), Instant::now(), Mutex::<BTreeSet<u64>>::default());
    let player = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - first >= most || until.is_some_and(|until| Instant::now() > until) {
                return;
            }
            let played = block_on(play::play(&Scenario::of(seed)));
            if let Some(found) = played.violations.first() {
                println!("seed {seed}: {found}");
                found_by.lock().unwrap().insert(seed);
            }
            if until.is_none() && !found_by.lock().unwrap().is_empty() {
                return;
            }
        }
    };
    std::thread::scope(|threads| {
        let players = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        (0..players).for_each(|_| drop(threads.spawn(player)));
    });
    println!("{} seeds in {:.1?}", next.into_inner() - first, began.elapsed());
    if let Some(seed) = found_by.into_inner().unwrap().first() {
        play(*seed).unwrap_or_else(|found| panic!("{found}"));
    }
}

#[test]
fn seeds_that_found_bugs() {
    for (seed, bug) in FOUND_BUGS {
        play(*seed).unwrap_or_else(|found| panic!("this seed once found that {bug}; again:\n{found}"));
    }
}

#[test]
fn one_seed_is_one_run() {
    for seed in [3, 8] {
        let play = || block_on(play::play(&Scenario::of(seed)));
        let (once, again) = (play(), play());
        let differs = once.trace.iter().zip(&again.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed} was played twice");
        assert_eq!(once.trace.len(), again.trace.len());
        let replayed = block_on(play::play(&Scenario { actions: Some(once.actions), ..Scenario::of(seed) }));
        let differs = once.trace.iter().zip(&replayed.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None, "what was drawn by seed {seed} was played again");
    }
}

/// Plays the seed `MICROALIGN_SEED`, and tells all that happens.
#[test]
#[ignore = "shows what one seed does"]
fn one_seed() {
    let seed = number("MICROALIGN_SEED").unwrap();
    let played = block_on(play::play(&Scenario::of(seed)));
    played.trace.iter().for_each(|line| println!("{line}"));
    play(seed).unwrap_or_else(|found| panic!("{found}"));
}

/// Plays a seed. If that violates something: what, how it is repeated, and the smallest part of it that does the same.
fn play(seed: u64) -> Result<(), String> {
    let scenario = Scenario::of(seed);
    let played = block_on(play::play(&scenario));
    if played.violations.is_empty() {
        return Ok(());
    }
    let list = played.violations.iter().take(12).map(|found| format!("  {found}\n")).collect::<String>();
    let whole = Scenario { actions: Some(played.actions), ..scenario };
    let shrunk = shrink::shrink(&whole, &played.violations[0], |part| block_on(play::play(part)));
    Err(format!(
        "seed {seed} violates:\n{list}Repeat it with\n  MICROALIGN_SEED={seed} cargo test --test simulation one_seed -- \
         --ignored --nocapture\nThis part of it is enough:\n{shrunk}"
    ))
}

/// One thread: what is done next is up to the seed alone.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}
