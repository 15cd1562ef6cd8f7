//! Lanes: which destinations are being sent to, and which are given a rest.
//!
//! A destination has one lane at a time: a slow or dead one delays no other, and order within a thread is kept. Whoever claims
//! sends gets a [`Lane`], which the destination is busy for until it is dropped: also where the claim never reaches the disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::claim::Claimed;
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
pub(super) struct State {
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
    /// The lanes as they are, which stay so until this is dropped.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a destination gets nothing now.
    pub(super) fn is_busy(&self, to: &Destination, now: Timestamp) -> bool {
        self.busy.contains(to) || self.paused.get(to).is_some_and(|pause| pause.until > now)
    }

    /// Of these destinations, those that there is room for.
    pub(super) fn choose(&self, mut waiting: Vec<(Timestamp, Destination)>) -> Vec<Destination> {
        let mut free = HashMap::from([("email".to_owned(), MAIL_LANES)]);
        let mut take = |to: &Destination| {
            let free = free.entry(to.channel().to_owned()).or_insert(LANES);
            let fits = *free > 0;
            *free = free.saturating_sub(1);
            fits
        };
        self.busy.iter().for_each(|to| {
            take(to);
        });
        waiting.sort();
        waiting.into_iter().map(|(_, to)| to).filter(take).collect()
    }

    /// Begins lanes to destinations, each with what was claimed for it.
    pub(super) fn begin(&mut self, claimed: Vec<(Destination, Vec<Claimed>)>, lanes: &Lanes) -> Vec<Lane> {
        self.busy.extend(claimed.iter().map(|(to, _)| to.clone()));
        claimed.into_iter().map(|(to, sends)| Lane { to, sends, lanes: lanes.clone() }).collect()
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

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

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
    fn a_channel_has_so_many_lanes_and_who_waited_longest_comes_first() {
        let (lanes, time) = (Lanes::default(), |second| Timestamp::from_second(second).expect("a time"));
        let mail = |n: i64| Destination::Email(format!("{n}@example.com"));
        lanes.lock().busy.extend((0..60).map(mail));
        let waiting = (60..70).map(|n| (time(100 - n), mail(n))).chain([(time(1), Destination::Mailbox)]).collect();
        let chosen = lanes.lock().choose(waiting);
        assert_eq!(chosen, [Destination::Mailbox, mail(69), mail(68), mail(67), mail(66)]);
    }

    #[test]
    fn a_destination_is_busy_until_its_lane_is_gone() {
        let lanes = Lanes::default();
        lanes.lock().busy.insert(Destination::Mailbox);
        let lane = Lane { to: Destination::Mailbox, sends: Vec::new(), lanes: lanes.clone() };
        assert!(lanes.lock().is_busy(&Destination::Mailbox, Timestamp::now()));
        drop(lane);
        assert!(!lanes.lock().is_busy(&Destination::Mailbox, Timestamp::now()));
    }
}
