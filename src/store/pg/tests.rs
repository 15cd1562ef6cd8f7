//! What only PostgreSQL does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod hangs;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::destination::Destination;
use crate::event::Source;
use crate::store::tests::{Place, change_by};
use crate::store::{Accepted, Incoming, Lane, Lanes, Location, Now, SendOutcome, Store, StoreError, Tx};

impl super::Connection {
    /// How the server would run each statement that is prepared, whatever its values are, if it may not read whole tables where
    /// there is another way.
    fn plans(&self) -> Result<Vec<String>, StoreError> {
        let prepared = self.statements.borrow();
        let mut plans = Vec::new();
        for (sql, prepared) in prepared.iter().flat_map(|(sql, all)| all.iter().map(move |one| (sql, one))) {
            let explained = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
            if !prepared.before.is_empty() || !explained.iter().any(|verb| sql.trim_start().starts_with(verb)) {
                continue;
            }
            let types = prepared.statement.params().iter().map(ToString::to_string).collect::<Vec<_>>();
            let nulls = vec!["NULL"; types.len()].join(", ");
            let with = |list: &str| if list.is_empty() { String::new() } else { format!("({list})") };
            let plan = self.ask(async |client| {
                client
                    .batch_execute(&format!(
                        "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;
                     PREPARE explained {} AS {}",
                        with(&types.join(", ")),
                        super::translate(sql).sql
                    ))
                    .await?;
                let rows = client.query(&format!("EXPLAIN EXECUTE explained {}", with(&nulls)), &[]).await?;
                client.batch_execute("DEALLOCATE explained").await?;
                rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>()
            })?;
            plans.push(format!("{sql}\n{}", plan.join("\n")));
        }
        Ok(plans)
    }
}

/// Tables that never have many rows, or of which all rows are read.
const SMALL: [&str; 7] = ["home", "planner", "replica", "recovered", "microalign_schema", "lane", "person"];

impl Store {
    /// How the server runs the statements that planning and sending have used.
    pub(crate) async fn plans(&self) -> Result<Vec<String>, StoreError> {
        self.write_beside(plans).await
    }

    /// The same for those that readers have used who came one after another.
    pub(crate) async fn plans_of_reads(&self) -> Result<Vec<String>, StoreError> {
        self.read(plans).await
    }
}

fn plans(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.server().map_or_else(|| Ok(Vec::new()), super::Connection::plans)
}

/// Whether a statement is run by reading a whole table that may be large.
pub(crate) fn reads_a_whole_table(plan: &str) -> bool {
    let steps = plan.lines().map(|line| line.trim().trim_start_matches("-> ").trim());
    let tables = steps.filter_map(|step| step.strip_prefix("Seq Scan on ")?.split_whitespace().next());
    tables.into_iter().any(|table| !SMALL.contains(&table))
}

/// A store on a server, if there is one.
pub(super) async fn served() -> Option<(Place, Store)> {
    let (place, server) = Place::on_server()?;
    let (store, _) = Store::serve(Location::Server(server), Timestamp::now()).await.unwrap();
    Some((place, store))
}

fn incoming(key: &str) -> Incoming {
    let (source, key, name, received) = (Source::Github, key.to_owned(), "push".to_owned(), Timestamp::now());
    Incoming { source, key, name, body: b"{}".to_vec(), received, ignored: None }
}

#[tokio::test]
async fn a_write_whose_statement_failed_is_never_taken_for_written() {
    let Some((_place, store)) = served().await else { return };
    let written = store.write(|tx| {
        tx.run("UPDATE delivery SET waits = 1", [])?;
        drop(tx.run("SELECT nothing FROM nowhere", []));
        Ok(())
    });
    assert!(matches!(written.await, Err(StoreError::NotWritten)));
    let written = store.write(|tx| {
        assert!(tx.attempt(|tx| tx.run("SELECT nothing FROM nowhere", [])).is_err());
        tx.run("UPDATE delivery SET waits = 1", [])
    });
    assert_eq!(written.await.unwrap(), 0, "what was attempted may fail");
}

#[tokio::test]
async fn connections_that_end_are_made_again() {
    let Some((_place, store)) = served().await else { return };
    const END: &str = "SELECT pg_terminate_backend(pg_backend_pid())";
    assert!(store.write(|tx| tx.value::<bool>(END, [])).await.is_err());
    assert!(store.read(|tx| tx.value::<bool>(END, [])).await.is_err());
    assert_eq!(store.ready().await.unwrap(), 0, "both writers and a reader are there again");
    assert!(matches!(store.accept(incoming("d-1")).await.unwrap(), Accepted::New(_)));
}

#[tokio::test]
async fn no_sender_waits_for_planning() {
    let Some((_place, store)) = served().await else { return };
    let planner = store.clone();
    let planning = tokio::spawn(async move {
        planner.write(|tx| tx.row("SELECT 1 FROM (SELECT pg_sleep(3)) AS planning", [], |_| Ok(()))).await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    store.accept(incoming("d-1")).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    planning.await.unwrap().unwrap();
}

#[tokio::test]
async fn stores_of_other_versions_and_databases_without_a_store_are_refused() {
    let Some((place, store)) = served().await else { return };
    store.write(|tx| tx.run("UPDATE microalign_schema SET version = 999", [])).await.unwrap();
    Store::look(place.store()).await.expect("the migration lets older programs go on");
    store.write(|tx| tx.run("UPDATE microalign_schema SET oldest = 999", [])).await.unwrap();
    assert!(matches!(Store::look(place.store()).await, Err(StoreError::Newer(_))));
    drop(store);
    assert!(matches!(Store::serve(place.store(), Timestamp::now()).await, Err(StoreError::Newer(_))));
    let empty = Place::new();
    for opened in [Store::look(empty.store()).await.err(), Store::visit(empty.store()).await.err()] {
        assert!(matches!(opened, Some(StoreError::Open { .. })), "{opened:?}");
    }
}

#[tokio::test]
async fn one_process_asks_for_what_did_not_arrive() {
    let Some((_place, store)) = served().await else { return };
    let one = store.begin_recovery().await.unwrap();
    assert!(matches!(store.begin_recovery().await, Err(StoreError::Recovering)));
    drop(one);
    let again = async {
        while store.begin_recovery().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

/// Two processes that serve from one database.
async fn two() -> Option<(Place, [Store; 2])> {
    let (place, one) = served().await?;
    let (other, _) = Store::serve(place.store(), Timestamp::now()).await.unwrap();
    Some((place, [one, other]))
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect(what);
}

#[tokio::test]
async fn one_replica_plans_and_another_takes_over() {
    let Some((_place, [one, other])) = two().await else { return };
    let right = one.right_to_plan().expect("the first one has it");
    assert_eq!(other.right_to_plan(), None);
    one.by_right(right).write(|_| Ok(())).await.unwrap();
    drop(one);
    until("the other takes over", || other.right_to_plan().is_some()).await;
    let late = other.by_right(right).write(|tx| tx.run("UPDATE delivery SET waits = 1", [])).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    let names = other.replicas();
    until("the one that ended is gone", || other.replicas().len() == 1).await;
    assert!(names.iter().any(|peer| peer.is_own), "{names:?}");
}

#[tokio::test]
async fn nobody_takes_over_while_a_plan_is_being_written() {
    let Some((_place, [one, other])) = two().await else { return };
    let right = one.right_to_plan().unwrap();
    let (began, begun) = tokio::sync::oneshot::channel();
    let planning = tokio::spawn(async move {
        let planner = one.by_right(right);
        let planned = planner.write(|tx| {
            began.send(()).unwrap();
            // As if this process had not been seen for long.
            std::thread::sleep(Duration::from_secs(1));
            tx.run("UPDATE delivery SET waits = 1", [])
        });
        planned.await.unwrap();
        one
    });
    begun.await.unwrap();
    // Beside the row's key, so this needn't wait.
    other.write_beside(|tx| tx.run("UPDATE planner SET until = 0", [])).await.unwrap();
    let one = planning.await.unwrap();
    until("somebody plans", || one.right_to_plan().is_some() || other.right_to_plan().is_some()).await;
}

/// Messages that wait for these destinations, three for each.
async fn with_sends(store: &Store, destinations: &[&str]) {
    let mut rows = vec![
        "INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd-1', '', 0, 0, x'')".to_owned(),
    ];
    let message = serde_json::to_string(&crate::template::Message::default()).unwrap();
    for (place, to) in destinations.iter().enumerate() {
        for number in 1..=3 {
            let line = place * 3 + number;
            rows.push(format!(
                "INSERT INTO ledger (id, delivery_id, line, source, kind, team, rule, state, reason, at, message)
                 VALUES ({line}, 1, {line}, 'github', 'push', 'web', 'r', 'held', '{{}}', 0, '{message}')"
            ));
            rows.push(format!(
                "INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at)
                 VALUES ({line}, '{to}', 't{number}', 'queued', 0, 0, 0)"
            ));
        }
    }
    change_by(store, rows).await;
}

fn names(lanes: &[Lane]) -> Vec<String> {
    let mut names = lanes.iter().map(|lane| lane.to().to_string()).collect::<Vec<_>>();
    names.sort();
    names
}

#[tokio::test]
async fn a_destination_is_sent_to_by_one_replica_at_a_time_and_rests_for_all() {
    let Some((_place, [one, other])) = two().await else { return };
    with_sends(&one, &["slack:#a", "slack:#b"]).await;
    let (ours, theirs) = (Lanes::of(&one), Lanes::of(&other));
    let mut claimed = one.claim(&ours, Now::read()).await.unwrap();
    assert_eq!(names(&claimed), ["slack:#a", "slack:#b"]);
    assert!(other.claim(&theirs, Now::read()).await.unwrap().is_empty(), "both are busy");
    assert!(other.holds(&claimed[0]) || one.holds(&claimed[0]));

    // One goes well, and gets a rest of half a minute at the other end's request.
    let (first, second) = (claimed.remove(0), claimed.remove(0));
    let (done, rests) = (first.to().clone(), second.to().clone());
    for lane in [&first, &second] {
        for send in lane.sends() {
            let outcome = SendOutcome::Again { at: Timestamp::now(), error: "busy".to_owned(), doubtful: false };
            one.record_outcome(send, &outcome.into(), false, Timestamp::now()).await.unwrap();
        }
    }
    first.ended(None, Instant::now());
    second.ended(Some(Duration::from_secs(30)), Instant::now());
    let again = one.claim_after(vec![done.clone(), rests.clone()], &ours, Now::read()).await.unwrap();
    assert_eq!(names(&again), [done.to_string()]);
    drop(again);
    assert!(other.claim(&theirs, Now::read()).await.unwrap().is_empty(), "one is busy, and the other rests");
    assert_eq!(theirs.rest(&rests, Now::read()).unwrap().failures, 1);
}

#[tokio::test]
async fn a_lane_that_was_begun_again_stays_when_the_end_of_the_one_before_is_written() {
    let Some((_place, store)) = served().await else { return };
    with_sends(&store, &["slack:#a"]).await;
    let lanes = Lanes::of(&store);
    let first = store.claim(&lanes, Now::read()).await.unwrap().remove(0);
    for send in first.sends() {
        store.record_outcome(send, &SendOutcome::Unclaimed.into(), false, Timestamp::now()).await.unwrap();
    }
    let to = first.to().clone();
    first.ended(None, Instant::now());
    let again = store.claim(&lanes, Now::read()).await.unwrap();
    assert_eq!(names(&again), ["slack:#a"]);
    assert!(store.claim_after(vec![to], &lanes, Now::read()).await.unwrap().is_empty());
    let rows = store.read(|tx| tx.value::<i64>("SELECT count(*) FROM lane WHERE replica IS NOT NULL", []));
    assert_eq!(rows.await.unwrap(), Some(1), "no other replica may send there now");
}

#[tokio::test]
async fn a_replica_that_was_taken_for_dead_claims_nothing_before_it_knows() {
    let Some((_place, store)) = served().await else { return };
    with_sends(&store, &["slack:#a"]).await;
    let lanes = Lanes::of(&store);
    // In one transaction, since it soon has another number.
    let claimed = store.write(move |tx| {
        tx.run("DELETE FROM replica", [])?;
        let claimed = tx.claim(&lanes, Now::read())?;
        Ok((claimed.len(), tx.value::<i64>("SELECT count(*) FROM lane", [])?))
    });
    assert_eq!(claimed.await.unwrap(), (0, Some(0)));
}

#[tokio::test]
async fn what_a_dead_replica_had_claimed_is_sent_by_others() {
    let Some((_place, [one, other])) = two().await else { return };
    with_sends(&one, &["slack:#a"]).await;
    let lanes = one.claim(&Lanes::of(&one), Now::read()).await.unwrap();
    let claimed = &lanes[0];
    assert!(one.holds(claimed));
    other
        .write(|tx| tx.run("UPDATE replica SET seen_at = 0 WHERE id = (SELECT min(id) FROM replica)", []))
        .await
        .unwrap();
    // It may show that it is alive before anybody looks. Then it is looked for anew.
    let theirs = Lanes::of(&other);
    let taken = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let taken = other.claim(&theirs, Now::read()).await.unwrap();
            if !taken.is_empty() {
                return taken;
            }
            other
                .write(|tx| tx.run("UPDATE replica SET seen_at = 0 WHERE id = (SELECT min(id) FROM replica)", []))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    });
    let taken = taken.await.unwrap();
    assert_eq!(taken[0].to(), &"slack:#a".parse::<Destination>().unwrap());
    let doubts = taken[0].sends().iter().map(|send| send.doubtful).collect::<Vec<_>>();
    assert_eq!(doubts, [true, false, false], "the first was on the wire");
    until("it has another number", || !one.holds(claimed)).await;
    assert!(one.is_off(&claimed.sends()[1]).await.unwrap());
}

#[tokio::test]
async fn webhooks_that_come_together_are_each_taken_in_once() {
    let Some((_place, store)) = served().await else { return };
    let accept = |number: usize| {
        let (store, ignored) = (store.clone(), (number == 7).then_some(crate::reason::Reason::Ping));
        async move { store.accept(Incoming { ignored, ..incoming(&format!("d-{number}")) }).await.unwrap() }
    };
    let taken = futures_util::future::join_all((0..60).map(|number| accept(number % 30))).await;
    let (mut new, mut again) = (taken.iter().collect::<Vec<_>>(), Vec::new());
    again.extend(new.extract_if(.., |accepted| matches!(accepted, Accepted::Duplicate(_))));
    assert_eq!((new.len(), again.len()), (30, 30));
    let ids = |accepted: &[&Accepted]| {
        accepted
            .iter()
            .map(|accepted| match accepted {
                Accepted::New(id) | Accepted::Duplicate(id) => *id,
            })
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&new), ids(&again));
    assert_eq!(store.backlog().await.unwrap(), 29, "one is ignored");
}

#[tokio::test]
async fn a_claim_whose_commit_was_not_heard_of_is_made_again_and_in_doubt() {
    let Some((_place, store)) = served().await else { return };
    with_sends(&store, &["slack:#a"]).await;
    let lanes = Lanes::of(&store);
    // As if the connection had ended within the commit: what was claimed is dropped.
    drop(store.claim(&lanes, Now::read()).await.unwrap());
    let again = store.claim(&lanes, Now::read()).await.unwrap();
    assert_eq!(names(&again), ["slack:#a"]);
    assert!(again[0].sends().iter().all(|send| send.doubtful && send.attempt == 2));
    assert!(store.claim(&lanes, Now::read()).await.unwrap().is_empty(), "they are under way");
}
