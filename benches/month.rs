//! A month of forty teams through the real pipeline, by a simulated clock: what each team gets, what it is spared, and
//! why. Nothing stale or told twice may be among it. `cargo bench --bench month -- SEED` plays another month.

#[path = "../tests/month/simulation/mod.rs"]
mod simulation;

use std::process::ExitCode;

use simulation::{Scale, simulate};

#[tokio::main]
async fn main() -> ExitCode {
    let seed = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1);
    let (report, violations) = simulate(Scale { teams: 40, days: 30, seed }).await;
    println!("{report}\n{} violations of invariants", violations.len());
    violations.iter().for_each(|violation| println!("  {violation}"));
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
