//! Several replicas on one PostgreSQL database: what happens to one of them, or to the server, loses and repeats nothing.
//! `docs/reliability.md` lists the results.

mod books;
mod cut;
mod db;
mod failover;
mod fence;
mod fleet;
mod front;
mod kills;
mod load;
mod proxy;
mod rates;
mod receiver;
mod rolling;
mod rules;
mod server;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use crate::support::Schema;

/// A replica that isn't seen for so long is taken for dead in these tests. Else it takes 30 s.
const CLAIM_LEASE: Duration = Duration::from_secs(4);
/// Whoever plans is followed within this time, however it ends.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// What replicas may log as errors while they can't reach their database, whatever they are at just then.
const NO_DATABASE: &[&str] = &[
    "cannot open the store",
    "cannot see whether",
    "failed to",
    "not ready",
    "nothing was written",
    "the store could not be written",
    "the store failed",
];

/// Where replicas have their store; without a server `None`, said aloud.
fn schema() -> Option<Arc<Schema>> {
    let schema = Schema::new().map(Arc::new);
    if schema.is_none() {
        crate::support::did_not_run("MICROALIGN_TEST_POSTGRES names no server");
    }
    schema
}

/// A team that hears of comments at the webhook of its name.
fn team(name: &str, settle: &str) -> String {
    format!(
        "team = \"{name}\"\nto = [\"webhook:{name}\"]\nsettle = \"{settle}\"\n\
         [[rule]]\nname = \"comments\"\non = [\"pull_request.commented\"]\n"
    )
}
