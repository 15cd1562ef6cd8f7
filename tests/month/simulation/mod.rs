//! A simulated month of a company: real webhooks through the real pipeline, by a simulated clock.
//!
//! [`company`] says who there is and what they ask for, [`life`] draws what happens, [`run`] puts it through the service
//! and reads what it would have sent, [`invariants`] says what must not be among it, [`report`] counts it, beside what a
//! bot would have sent that repeats each event ([`feed`]).

#![expect(clippy::unwrap_used, reason = "it ends at the first surprise")]

mod company;
mod feed;
mod invariants;
mod life;
mod observed;
mod payload;
mod report;
mod run;
mod traffic;

use std::time::Instant;

use jiff::Timestamp;

use self::company::Company;
use self::life::Plan;

/// A Monday. Summer time ends within the month, in Europe and then in America.
const BEGIN: Timestamp = Timestamp::constant(1_791_763_200, 0);

/// A company and its stretch of time.
#[derive(Clone, Copy)]
pub struct Scale {
    pub teams: usize,
    pub days: u64,
    pub seed: u64,
}

/// Plays it. Returns the report, and each violation of an invariant.
pub async fn simulate(Scale { teams, days, seed }: Scale) -> (String, Vec<String>) {
    let company = Company::new(teams);
    let plan = Plan { seed, begin: BEGIN, days, tickets: 9 };
    let traffic = life::live(&company, plan);
    let began = Instant::now();
    let observed = run::run(&company, &traffic).await;
    let report = report::report((&company, plan), (&traffic, &observed), began.elapsed());
    (report, invariants::violations(&company, &traffic, &observed))
}
