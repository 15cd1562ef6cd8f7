//! What waits for room.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use super::*;
use crate::store::tests::{DELIVERY, Place, change};

const DESTINATIONS: i64 = 40;
const ROOM: usize = 16;

/// A message for each of these destinations, those that were queued first with the lowest number.
async fn queue(store: &Store, numbers: impl Iterator<Item = i64>) {
    let message = serde_json::to_string(&Message::default()).unwrap();
    let rows = numbers.map(|number| {
        format!(
            "INSERT INTO ledger (id, delivery_id, line, source, kind, team, rule, state, reason, at, message)
             VALUES ({number}, 1, {number}, 'github', 'push', 'web', 'r', 'held', '{{}}', 0, '{message}');
INSERT INTO send (id, ledger_id, destination, thread, state, attempts, next_at, created_at)
             VALUES ({number}, {number}, 'webhook:w{number:03}', 't', 'queued', 0, {number}, 0);\n"
        )
    });
    change(store, rows.collect()).await;
}

/// More waits than there is room for.
async fn crowded() -> (Place, Store) {
    let place = Place::new();
    let (store, _) = Store::scratch(place.store()).await.unwrap();
    change(&store, DELIVERY.to_owned()).await;
    queue(&store, 1..=DESTINATIONS).await;
    (place, store)
}

fn numbers(claimed: &[Lane]) -> Vec<i64> {
    let mut numbers = claimed.iter().flat_map(Lane::sends).map(|send| send.id).collect::<Vec<_>>();
    numbers.sort_unstable();
    numbers
}

/// Ends lanes whose messages were sent. Returns where they went.
async fn end(store: &Store, claimed: Vec<Lane>) -> Vec<Destination> {
    let sent = numbers(&claimed).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    change(store, format!("UPDATE send SET state = 'sent' WHERE id IN ({sent});\n")).await;
    let end = |lane: Lane| {
        let to = lane.to().clone();
        lane.ended(None, Instant::now());
        to
    };
    claimed.into_iter().map(end).collect()
}

#[tokio::test]
async fn what_waits_for_room_is_looked_for_once_in_a_while() {
    let (_place, store) = crowded().await;
    let (lanes, began) = (Lanes::of(&store), Now::read());
    let at = |milliseconds| Now { instant: began.instant + Duration::from_millis(milliseconds), ..began };
    let first = store.claim(&lanes, at(0)).await.unwrap();
    assert_eq!(numbers(&first), (1..=16).collect::<Vec<_>>());
    // Of those that wait, some are sent by somebody else meanwhile; and something new waits for longer than all of them.
    change(&store, "UPDATE send SET state = 'sent' WHERE id BETWEEN 17 AND 20;\n".to_owned()).await;
    queue(&store, std::iter::once(-1)).await;
    let ended = end(&store, first).await;
    let second = store.claim_after(ended, &lanes, at(100)).await.unwrap();
    assert_eq!(numbers(&second), (21..=36).collect::<Vec<_>>(), "no place stays empty");
    assert_eq!(second.len(), ROOM);
    assert!(store.claim(&lanes, at(200)).await.unwrap().is_empty(), "there is no room");
    let ended = end(&store, second).await;
    let third = store.claim_after(ended, &lanes, at(1500)).await.unwrap();
    assert_eq!(numbers(&third), [-1, 37, 38, 39, 40]);
}

#[tokio::test]
async fn a_destination_that_ended_and_waits_is_claimed_once() {
    let (_place, store) = crowded().await;
    let (lanes, now) = (Lanes::of(&store), Now::read());
    let first = store.claim(&lanes, now).await.unwrap();
    // There is more for these, and it's looked for before the dispatcher hears of their end.
    change(&store, "UPDATE send SET state = 'queued', next_at = 100 WHERE id <= 16;\n".to_owned()).await;
    let mut ended = first.iter().map(|lane| lane.to().clone()).collect::<Vec<_>>();
    drop(first);
    let later = Now { instant: now.instant + Duration::from_secs(2), ..now };
    let second = store.claim(&lanes, later).await.unwrap();
    assert_eq!(numbers(&second), (17..=32).collect::<Vec<_>>());
    ended.extend(end(&store, second).await);
    let third = store.claim_after(ended, &lanes, later).await.unwrap();
    assert_eq!(numbers(&third), (1..=8).chain(33..=40).collect::<Vec<_>>());
}
