//! A newer version changes the schema while replicas of this one run.

use std::time::Duration;

use super::db::Db;
use super::fleet::Replicas;
use super::load::{Load, To};
use super::receiver::Receiver;
use super::{books, schema, team};
use crate::support::eventually;

/// What a newer version adds first. No plan is written meanwhile, which would lock the tables in another order. It has others wait
/// for no longer than they notice, and tries again.
const EXPAND: &str = "
    BEGIN;
    SET LOCAL lock_timeout = '5s';
    SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtext('microalign.write.' || current_schema()))) AS planning;
    SET LOCAL lock_timeout = '200ms';
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
            EXECUTE format('ALTER TABLE %I ADD COLUMN newer text', name);
        END LOOP;
    END $$;
    UPDATE microalign_schema SET version = version + 1;
    COMMIT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_go_on_while_a_newer_version_adds_to_the_schema() {
    let Some(schema) = schema() else { return };
    let receiver = Receiver::new().await;
    let mut replicas = Replicas::new(&schema, 3, &team("web", "0s"), &receiver.hooks(&["web"]));
    replicas.start(0).await;
    replicas.start(1).await;
    let load = Load::begin(&replicas.senders, 1..=4, To::Only(0), Duration::from_millis(100));
    let others = Load::begin(&replicas.senders, 5..=8, To::Only(1), Duration::from_millis(100));
    load.goes_on(50).await;
    let newer = Db::new(schema.url());
    let expanded = async || match newer.try_run(EXPAND).await {
        Ok(()) => Some(()),
        Err(error) if error.contains("lock timeout") => None,
        Err(error) => panic!("{error}"),
    };
    eventually("the schema is newer", expanded).await;
    load.goes_on(60).await;
    others.goes_on(60).await;
    assert_eq!(replicas.all[1].stop().await, 0);
    replicas.start(1).await;
    replicas.start(2).await;
    others.goes_on(30).await;
    let answers = load.answers();
    let refused = answers.iter().filter(|answered| answered.status != Some(202)).collect::<Vec<_>>();
    println!("{} of {} were refused", refused.len(), answers.len());
    assert!(refused.len() <= 4 && refused.iter().all(|answered| answered.status == Some(503)), "{refused:?}");
    newer.run("UPDATE microalign_schema SET oldest = version").await;
    assert_eq!(replicas.all[2].stop().await, 0);
    assert!(!replicas.try_start(2).await, "it may not run beside the newer version");
    let (code, _, err) = replicas.all[2].run(&["serve"]).await;
    assert!(code == 1 && err.contains("is of a newer version of microalign"), "{code}: {err}");
    // Those that run are not looked at again.
    load.goes_on(20).await;
    let mut accepted = load.end().await;
    accepted.extend(others.end().await);
    books::settled(&replicas.db).await;
    books::check(&replicas.db, &receiver, &accepted, &["web"], &[]).await;
    assert_eq!(books::ambiguous(&replicas.db).await, 0);
}
