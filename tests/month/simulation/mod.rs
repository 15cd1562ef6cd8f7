//! A simulated month of a company: real webhooks through the real pipeline, by a simulated clock.
//!
//! [`run`] puts what happens in the [`world`] through the service and reads what it would have sent, and [`report`] counts it,
//! beside what a bot would have sent that repeats each event ([`feed`]).

#![expect(clippy::unwrap_used, reason = "it ends at the first surprise")]

mod feed;
mod report;
mod run;
#[path = "../../world/mod.rs"]
mod world;

use std::time::Instant;

use self::world::company::Company;
use self::world::life::{self, Plan};
use self::world::{BEGIN, invariants};

/// A company and its stretch of time.
#[derive(Clone, Copy)]
pub struct Scale {
    pub teams: usize,
    pub days: u64,
    pub seed: u64,
}

/// Plays it. Returns the report, and each violation of an invariant.
pub async fn simulate(Scale { teams, days, seed }: Scale) -> (String, Vec<String>) {
    let company = Company::new(teams, 0);
    let plan = Plan { seed, begin: BEGIN, days, tickets: 9, bulk: true };
    let traffic = life::live(&company, plan);
    let began = Instant::now();
    let observed = run::run(&company, &traffic).await;
    let report = report::report((&company, plan), (&traffic, &observed), began.elapsed());
    (report, invariants::violations(&company, &traffic, &observed))
}
