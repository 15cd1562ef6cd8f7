//! A company of eight teams over five days. `cargo bench --bench month` plays forty teams over a month.

mod simulation;

use simulation::{Scale, simulate};

#[tokio::test]
async fn no_thread_gets_stale_or_duplicate_news() {
    let (report, violations) = simulate(Scale { teams: 8, days: 5, seed: 1 }).await;
    assert!(violations.is_empty(), "{report}\n{} violations:\n{}", violations.len(), violations.join("\n"));
}
