//! The service's own replay, fed with what is delivered.

use jiff::Timestamp;
use microalign::compose::Rulebook;
use microalign::config;
use microalign::rehearsal::Replay;
use microalign::source::Settings;
use microalign::store::Store;

use super::world::company::Company;
use super::world::observed::{self, Observed};
use super::world::traffic::Traffic;

/// Plays all that is delivered, until nothing waits any more.
pub async fn run(company: &Company, traffic: &Traffic) -> Observed {
    let folder = tempfile::tempdir().unwrap();
    company.write_files(folder.path());
    let path = folder.path().join("month.db");
    let (store, written) = Store::scratch(&path).await.unwrap();
    observed::watch(&path);
    let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
    let rules = Rulebook::load(&config, None);
    assert_eq!(rules.problems(), []);
    let settings = Settings { jira_projects: config.jira_projects, ..Settings::default() };
    let mut replay = Replay::new(store, settings, rules, Timestamp::MIN);
    let mut deliveries = traffic.deliveries.iter().collect::<Vec<_>>();
    deliveries.sort_by_key(|delivery| delivery.received);
    for delivery in deliveries {
        replay.take(delivery.incoming()).await.unwrap();
    }
    replay.advance(Timestamp::MAX).await.unwrap();
    drop(replay);
    written.await.unwrap();
    observed::read(&path)
}
