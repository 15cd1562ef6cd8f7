//! Lanes: which destinations are being sent to, and which are given a rest.
//!
//! A destination has one lane at a time: a slow or dead one delays no other, and order within a thread is kept. Whoever claims
//! sends gets a [`Lane`], which the destination is busy for until it is dropped: also where the claim never reaches the disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::send::{Claimed, Room};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;

/// With so many lanes of a channel under way, no more of it are begun: a mail server that hangs must not take those of others.
const LANES: usize = 16;
/// Mail has many destinations, and nothing that it has to wait for in turn.
const MAIL_LANES: usize = 64;
/// The longest rest after trouble, unless the other end asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// All lanes of a process.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    busy: HashSet<Destination>,
    paused: HashMap<Destination, Pause>,
}

/// A destination's rest after trouble: it doubles until something works.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    length: Duration,
}

/// Claimed sends to one destination, in order.
pub struct Lane {
    to: Destination,
    sends: Vec<Claimed>,
    lanes: Lanes,
}

impl Lane {
    /// What is to be sent. There is at least one.
    #[must_use]
    pub fn sends(&self) -> &[Claimed] {
        &self.sends
    }

    /// Notes that all went well, or that the destination gets a rest, at least as long as it `asked` for.
    pub fn ended(self, trouble: Option<Duration>) {
        self.lanes.lock().pause(&self.to, trouble);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.lock().busy.remove(&self.to);
    }
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn room(&self, now: Timestamp) -> Room {
        let resting = self.paused.iter().filter(|(_, pause)| pause.until > now).map(|(to, _)| to);
        let busy = self.busy.iter().chain(resting).cloned().collect();
        let mut free = HashMap::from([("email".to_owned(), MAIL_LANES)]);
        self.busy.iter().for_each(|to| *free.entry(to.channel().to_owned()).or_insert(LANES) -= 1);
        Room { busy, lanes: LANES, free }
    }

    fn pause(&mut self, to: &Destination, trouble: Option<Duration>) {
        let Some(asked) = trouble else {
            self.paused.remove(to);
            return;
        };
        let length = self.paused.get(to).map_or(Duration::from_secs(1), |pause| pause.length * 2).min(LONGEST_PAUSE);
        self.paused.insert(to.clone(), Pause { until: Timestamp::now() + length.max(asked), length });
    }
}

impl Store {
    /// Claims the next sends at `now`.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Corrupt`]
    pub async fn claim(&self, lanes: &Lanes, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        let lanes = lanes.clone();
        self.write(move |tx| tx.claim(&lanes, now)).await
    }
}

impl Tx<'_> {
    /// Claims the next sends at `now`, to destinations that there is room for: at most 16 to one destination, in order and
    /// one a thread, since what comes next in a thread answers to the one before it. Of each channel, those destinations
    /// come first that have waited longest.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub fn claim(&self, lanes: &Lanes, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        // Nobody else may claim for a destination between the look at what is busy and the note that it is.
        let mut state = lanes.lock();
        let claimed = self.claim_in(&state.room(now), now)?;
        let mut by_destination = BTreeMap::<Destination, Vec<Claimed>>::new();
        for send in claimed {
            by_destination.entry(send.destination.clone()).or_default().push(send);
        }
        state.busy.extend(by_destination.keys().cloned());
        Ok(by_destination.into_iter().map(|(to, sends)| Lane { to, sends, lanes: lanes.clone() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_rests_longer_each_time_and_as_long_as_it_asks() {
        let (lanes, to) = (Lanes::default(), Destination::Mailbox);
        let rest = |trouble: Option<u64>| {
            let lane = Lane { to: to.clone(), sends: Vec::new(), lanes: lanes.clone() };
            lane.ended(trouble.map(Duration::from_secs));
            let until = lanes.lock().paused.get(&to).map(|pause| pause.until);
            until.map(|until| until.duration_since(Timestamp::now()).as_secs_f64().round()).unwrap_or_default()
        };
        assert_eq!([rest(Some(0)), rest(Some(0)), rest(Some(0))], [1.0, 2.0, 4.0]);
        assert_eq!(rest(Some(30)), 30.0);
        assert_eq!(rest(Some(0)), 16.0);
        assert_eq!([rest(None), rest(Some(0))], [0.0, 1.0]);
    }

    #[test]
    fn a_destination_is_busy_until_its_lane_is_gone() {
        let lanes = Lanes::default();
        lanes.lock().busy.insert(Destination::Mailbox);
        let lane = Lane { to: Destination::Mailbox, sends: Vec::new(), lanes: lanes.clone() };
        assert_eq!(lanes.lock().room(Timestamp::now()).busy, [Destination::Mailbox]);
        drop(lane);
        assert_eq!(lanes.lock().room(Timestamp::now()).busy, []);
    }
}
