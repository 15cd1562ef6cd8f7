//! What must hold in the end, by what the store says and by what arrived.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::db::Db;
use super::load::key;
use super::receiver::{Arrival, Receiver};
use crate::support::eventually;

/// A dead replica's claims wait until it is taken for dead; all else goes on at once.
const PATIENCE: Duration = Duration::from_secs(25);

/// A send, as the store has it.
#[derive(Debug)]
struct Kept {
    state: String,
    attempts: usize,
    /// The attempts that are noted, and those of them of which nobody knows how they ended
    noted: usize,
    ambiguous: usize,
}

/// Waits until nothing waits any more.
pub async fn settled(db: &Db) {
    let waiting = "SELECT (SELECT count(*) FROM delivery WHERE waits = 1)
                        + (SELECT count(*) FROM ledger WHERE state = 'held')
                        + (SELECT count(*) FROM send WHERE state IN ('queued', 'sending'))";
    let settles = eventually("everything settles", async || (db.number(waiting).await == 0).then_some(()));
    if tokio::time::timeout(PATIENCE, settles).await.is_err() {
        let sends = "SELECT id, destination, state, next_at, attempts, fence, error FROM send
                     WHERE state IN ('queued', 'sending') ORDER BY id LIMIT 20";
        let (waiting, lanes) = (db.number(waiting).await, db.rows("SELECT * FROM lane").await);
        panic!("{waiting} wait: {:?}, with these lanes: {lanes:?}", db.rows(sends).await);
    }
}

/// How many attempts nobody knows the end of.
pub async fn ambiguous(db: &Db) -> i64 {
    db.number("SELECT count(*) FROM attempt WHERE outcome = 'ambiguous'").await
}

/// What became of a webhook for a team: its line's state, and the send that tells it.
type Line = (String, Option<i64>);

/// Checks that what was accepted was planned once for each of these teams, and all that was sent arrived: again only where the
/// store doubts. Those that want each step `at_once` have them in order.
pub async fn check(db: &Db, receiver: &Receiver, accepted: &HashSet<(u64, u64)>, at_once: &[&str], later: &[&str]) {
    let (planned, arrivals, sends) = (planned_once(db).await, receiver.arrivals(), sends(db).await);
    sent_once(&sends, &arrivals);
    let mut first = HashMap::new();
    for (number, arrival) in arrivals.iter().enumerate().filter(|(_, arrival)| arrival.status != Some(429)) {
        first.entry(arrival.id).or_insert(number);
    }
    let mut steps = accepted.iter().copied().collect::<Vec<_>>();
    steps.sort_unstable();
    for team in [at_once, later].concat() {
        let mut last = HashMap::<u64, usize>::new();
        for step in &steps {
            let line = planned.get(&(key(*step), team.to_owned()));
            let Some((state, Some(send))) = line else { panic!("{step:?} for {team}: {line:?}") };
            let arrived = first.get(send).copied();
            assert!(state == "sent" && arrived.is_some(), "{step:?} for {team}: {line:?}, {arrived:?}");
            // What waited together may be one message.
            let last = last.entry(step.0).or_default();
            assert!(arrived >= Some(*last) || later.contains(&team), "{team} was told {step:?} before what came first");
            *last = arrived.unwrap_or_default();
        }
    }
    let again = arrivals.len() - first.len();
    let doubted = sends.values().map(|send| send.ambiguous).sum::<usize>();
    println!("{} accepted, {} sent, {again} again, {doubted} in doubt", accepted.len(), sends.len());
}

/// The lines of all deliveries by their keys and teams, of which there is no second.
async fn planned_once(db: &Db) -> HashMap<(String, String), Line> {
    for twice in [
        "SELECT event_id, team, rule, kind FROM ledger WHERE event_id IS NOT NULL GROUP BY 1, 2, 3, 4 HAVING count(*) > 1",
        "SELECT delivery_id, body FROM event GROUP BY 1, 2 HAVING count(*) > 1",
        "SELECT ledger_id, destination FROM send GROUP BY 1, 2 HAVING count(*) > 1",
        "SELECT ledger_id, destination, number FROM attempt GROUP BY 1, 2, 3 HAVING count(*) > 1",
    ] {
        assert_eq!(db.rows(twice).await, Vec::<Value>::new(), "{twice}");
    }
    let lines = "SELECT d.delivery_key AS key, coalesce(l.team, '') AS team, l.state, s.id AS send FROM ledger l
                 JOIN delivery d ON d.id = l.delivery_id LEFT JOIN send s ON s.ledger_id = coalesce(l.lead_id, l.id)";
    let mut planned = HashMap::new();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    for row in db.rows(lines).await {
        let line = (text(&row, "key"), text(&row, "team"));
        let before = planned.insert(line, (text(&row, "state"), row["send"].as_i64()));
        assert_eq!(before, None, "{row} is planned more than once");
    }
    planned
}

async fn sends(db: &Db) -> BTreeMap<i64, Kept> {
    let sends = "SELECT s.id, s.state, s.attempts, count(a.id) AS noted,
                        count(a.id) FILTER (WHERE a.outcome = 'ambiguous') AS ambiguous
                 FROM send s LEFT JOIN attempt a ON a.ledger_id = s.ledger_id AND a.destination = s.destination
                 GROUP BY s.id";
    let number = |row: &Value, name: &str| usize::try_from(row[name].as_i64().unwrap()).unwrap();
    let kept = |row: &Value| Kept {
        state: row["state"].as_str().unwrap().to_owned(),
        attempts: number(row, "attempts"),
        noted: number(row, "noted"),
        ambiguous: number(row, "ambiguous"),
    };
    db.rows(sends).await.iter().map(|row| (row["id"].as_i64().unwrap(), kept(row))).collect()
}

/// Each request is an attempt that is noted, and comes again only after one that is in doubt.
fn sent_once(sends: &BTreeMap<i64, Kept>, arrivals: &[Arrival]) {
    let mut arrived = HashMap::<i64, usize>::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.status != Some(429)) {
        *arrived.entry(arrival.id).or_default() += 1;
    }
    for (id, send) in sends {
        let count = arrived.get(id).copied().unwrap_or_default();
        assert_eq!(send.attempts, send.noted, "send {id}: {send:?}");
        assert!(count <= send.noted, "send {id} arrived {count} times: {send:?}");
        assert!(count <= 1 + send.ambiguous, "send {id} arrived {count} times: {send:?}");
        assert!(send.state == "sent" && count > 0, "send {id} arrived {count} times: {send:?}");
    }
    let unknown = arrived.keys().filter(|id| !sends.contains_key(id)).collect::<Vec<_>>();
    assert!(unknown.is_empty(), "these arrived, and the store knows nothing of them: {unknown:?}");
}
