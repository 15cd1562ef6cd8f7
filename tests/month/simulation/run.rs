//! The clock: deliveries are taken in when they come, and between them the service steps at each time that is due.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use microalign::config;
use microalign::intake::Intake;
use microalign::metrics::Metrics;
use microalign::rulebook::Rulebook;
use microalign::source::Settings;
use microalign::store::{Incoming, Store};
use tokio::sync::watch;

use super::company::Company;
use super::observed::{self, Observed};
use super::traffic::{Delivery, Traffic};

/// Plays all that is delivered, until nothing waits any more.
pub async fn run(company: &Company, traffic: &Traffic) -> Observed {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in company.files() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let path = folder.path().join("month.db");
    let (store, writer) = Store::scratch(&path).await.unwrap();
    observed::watch(&path).await;
    let (_rules, intake) = intake(folder.path(), store);
    play(&intake, &traffic.deliveries).await;
    drop(intake);
    writer.await.unwrap();
    observed::read(&path).await
}

type Rules = watch::Sender<Arc<Rulebook>>;

fn intake(folder: &Path, store: Store) -> (Rules, Intake) {
    let config = config::load(&folder.join("microalign.toml"), &|_| None).unwrap();
    let book = Rulebook::load(&config, None);
    assert_eq!(book.problems(), []);
    let (rules, rulebook) = watch::channel(Arc::new(book));
    let settings = Settings { jira_projects: config.jira_projects, jira_base_url: None };
    let (stored, to_send, metrics) = (Arc::default(), Arc::default(), Arc::<Metrics>::default());
    (rules, Intake { store, settings, rulebook, metrics, stored, to_send })
}

async fn play(intake: &Intake, deliveries: &[Delivery]) {
    // What comes within a minute is taken in together: else most of the time would go into waiting for the disk.
    let mut minutes: BTreeMap<i64, Vec<&Delivery>> = BTreeMap::new();
    for delivery in deliveries {
        minutes.entry(delivery.received.as_second() / 60).or_default().push(delivery);
    }
    let mut now = Timestamp::MIN;
    for together in minutes.values() {
        let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
        now = until(intake, now, Some(first.received)).await;
        let accepted = join_all(together.iter().map(|delivery| intake.store.accept(incoming(delivery)))).await;
        assert!(accepted.iter().all(Result::is_ok), "{accepted:?}");
        now = now.max(last.received);
        settle(intake, now).await;
    }
    until(intake, now, None).await;
}

fn incoming(Delivery { received, source, key, name, body, .. }: &Delivery) -> Incoming {
    let (key, name) = (key.clone(), (*name).to_owned());
    Incoming { source: *source, key, name, body: body.clone(), received: *received, ignored: None }
}

/// Steps at each time that is due before `end`. Returns the last.
async fn until(intake: &Intake, mut now: Timestamp, end: Option<Timestamp>) -> Timestamp {
    while let Some(due) = intake.store.next_due().await.unwrap() {
        if end.is_some_and(|end| due >= end) {
            break;
        }
        now = now.max(due);
        settle(intake, now).await;
    }
    now
}

async fn settle(intake: &Intake, now: Timestamp) {
    while intake.step(now).await.unwrap() {}
}
