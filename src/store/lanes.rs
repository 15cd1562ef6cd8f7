//! Lanes: which destinations are being sent to, and which are given a rest.
//!
//! A destination has one lane at a time: a slow or dead one delays no other, and order within a thread is kept. Whoever claims
//! sends gets a [`Lane`], which the destination is busy for until it is dropped: also where the claim never reaches the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Store;
use super::claim::Claimed;
use super::replica::Replica;
use crate::destination::Destination;

/// With so many lanes of a channel under way, no more of it are begun.
const LANES: usize = 16;
/// Mail has many destinations, and nothing that it has to wait for in turn.
const MAIL_LANES: usize = 64;
/// Beside those, there are so many lanes for destinations that hang, or had trouble last: they take no place from others.
const HANGING: usize = 48;
/// The same for mail, whose connections all go to one server.
const MAIL_HANGING: usize = 8;
/// A send that takes longer hangs.
const HANGS: Duration = Duration::from_millis(500);
/// What waited for room is looked for again after this time: with many destinations, that takes longer than a claim.
const LOOKED: Duration = Duration::from_secs(1);
/// The longest rest after trouble, unless the other end asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A moment: by the clock that people see, and by one that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For what is kept
    pub time: Timestamp,
    /// For how long something takes
    pub instant: Instant,
}

impl Now {
    /// This moment.
    #[must_use]
    pub fn read() -> Self {
        Self { time: Timestamp::now(), instant: Instant::now() }
    }
}

/// Destinations, each with the time since when something waits for it.
pub(super) type Waiting = Vec<(Timestamp, Destination)>;

/// All lanes of a process.
#[derive(Clone, Default)]
pub struct Lanes {
    state: Arc<Mutex<State>>,
    /// Under whose number destinations are taken
    replica: Replica,
}

#[derive(Default)]
struct State {
    /// Since when each has been busy with one send
    busy: HashMap<Destination, Instant>,
    /// What waited, and there was no room for
    left: Waiting,
    /// When all that waits was looked for last
    looked: Option<Instant>,
    /// The rests of destinations
    paused: HashMap<Destination, Pause>,
}

/// A destination's rest after trouble: it doubles until something works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) until: Instant,
    pub(super) length: Duration,
    /// How often in a row something went wrong
    pub(super) failures: u32,
}

/// The rest that a destination is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// When it ends
    pub until: Timestamp,
    /// How often in a row something went wrong
    pub failures: u32,
}

/// Claimed sends to one destination, in order.
pub struct Lane {
    to: Destination,
    sends: Vec<Claimed>,
    lanes: Lanes,
    /// The number under which they were claimed
    replica: i64,
}

impl Lane {
    /// Where it goes.
    #[must_use]
    pub fn to(&self) -> &Destination {
        &self.to
    }

    /// What is to be sent. There is at least one.
    #[must_use]
    pub fn sends(&self) -> &[Claimed] {
        &self.sends
    }

    pub(super) fn replica(&self) -> i64 {
        self.replica
    }

    /// Notes that the next one is begun.
    pub fn begins(&self, now: Instant) {
        if let Some(since) = self.lanes.lock().busy.get_mut(&self.to) {
            *since = now;
        }
    }

    /// Notes that all went well, or that the destination gets a rest, at least as long as it `asked` for.
    pub fn ended(self, trouble: Option<Duration>, now: Instant) {
        self.lanes.lock().pause(&self.to, trouble, now);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.lock().busy.remove(&self.to);
    }
}

impl Lanes {
    /// Those of the process that has opened a store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self { replica: store.replica.clone(), ..Self::default() }
    }

    /// The number under which destinations are taken.
    pub(super) fn replica(&self) -> i64 {
        self.replica.id()
    }

    /// The rest that a destination has after trouble; it may have ended, if nothing was tried since.
    #[must_use]
    pub fn rest(&self, to: &Destination, now: Now) -> Option<Rest> {
        let pause = self.pause_of(to)?;
        let left = pause.until.saturating_duration_since(now.instant);
        Some(Rest { until: now.time.saturating_add(left).unwrap_or(now.time), failures: pause.failures })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a destination gets nothing now.
    pub(super) fn is_busy(&self, to: &Destination, now: Instant) -> bool {
        self.lock().is_busy(to, now)
    }

    /// Whether this process sends to a destination now.
    pub(super) fn is_under_way(&self, to: &Destination) -> bool {
        self.lock().busy.contains_key(to)
    }

    /// Of these destinations, those that there is room for. The others are left.
    pub(super) fn choose(&self, waiting: Waiting, now: Instant) -> Vec<Destination> {
        self.lock().choose(waiting, now)
    }

    /// Whether others waited for room when it was last given out.
    pub(super) fn is_crowded(&self) -> bool {
        !self.lock().left.is_empty()
    }

    /// Takes what was left when room was last given out.
    pub(super) fn left(&self) -> Waiting {
        std::mem::take(&mut self.lock().left)
    }

    /// The same, if all that waits was looked for a moment ago.
    pub(super) fn just_left(&self, now: Instant) -> Option<Waiting> {
        let state = &mut *self.lock();
        let is_known = state.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOKED);
        (is_known && !state.left.is_empty()).then(|| std::mem::take(&mut state.left))
    }

    /// Notes that all that waits was looked for.
    pub(super) fn looked(&self, now: Instant) {
        self.lock().looked = Some(now);
    }

    /// Begins lanes to destinations, each with what was claimed for it.
    pub(super) fn begin(&self, claimed: Vec<(Destination, Vec<Claimed>)>, now: Instant) -> Vec<Lane> {
        self.lock().busy.extend(claimed.iter().map(|(to, _)| (to.clone(), now)));
        let replica = self.replica();
        claimed.into_iter().map(|(to, sends)| Lane { to, sends, lanes: self.clone(), replica }).collect()
    }

    /// The rest that a destination was given last.
    pub(super) fn pause_of(&self, to: &Destination) -> Option<Pause> {
        self.lock().paused.get(to).copied()
    }

    /// Takes in the rests that other processes gave destinations that this one doesn't send to.
    pub(super) fn follow(&self, known: HashMap<Destination, Pause>) {
        let State { busy, paused, .. } = &mut *self.lock();
        paused.retain(|to, _| busy.contains_key(to) || known.contains_key(to));
        paused.extend(known.into_iter().filter(|(to, _)| !busy.contains_key(to)));
    }
}

impl State {
    fn is_busy(&self, to: &Destination, now: Instant) -> bool {
        self.busy.contains_key(to) || self.paused.get(to).is_some_and(|pause| pause.until > now)
    }

    fn choose(&mut self, mut waiting: Waiting, now: Instant) -> Vec<Destination> {
        let mut room: HashMap<String, Room> = HashMap::new();
        let mut take = |to: &Destination, hangs: bool| {
            let channel = to.channel();
            match room.get_mut(channel) {
                Some(room) => room.take(hangs),
                None => room.entry(channel.to_owned()).or_insert(Room::of(channel)).take(hangs),
            }
        };
        for (to, since) in &self.busy {
            // They are under way, whether or not there is room.
            take(to, self.had_trouble(to) || now.saturating_duration_since(*since) > HANGS);
        }
        waiting.sort();
        let (chosen, left) = waiting.into_iter().partition::<Vec<_>, _>(|(_, to)| take(to, self.had_trouble(to)));
        self.left = left;
        chosen.into_iter().map(|(_, to)| to).collect()
    }

    fn had_trouble(&self, to: &Destination) -> bool {
        self.paused.contains_key(to)
    }

    fn pause(&mut self, to: &Destination, trouble: Option<Duration>, now: Instant) {
        let Some(asked) = trouble else {
            self.paused.remove(to);
            return;
        };
        let before = self.paused.get(to);
        let length = before.map_or(Duration::from_secs(1), |pause| pause.length * 2).min(LONGEST_PAUSE);
        let failures = before.map_or(0, |pause| pause.failures).saturating_add(1);
        self.paused.insert(to.clone(), Pause { until: now + length.max(asked), length, failures });
    }
}

/// How many more lanes of a channel there may be.
struct Room {
    lanes: usize,
    hanging: usize,
}

impl Room {
    fn of(channel: &str) -> Self {
        match channel {
            "email" => Self { lanes: MAIL_LANES, hanging: MAIL_HANGING },
            _ => Self { lanes: LANES, hanging: HANGING },
        }
    }

    /// Takes a place. What began to hang when those for what hangs were taken keeps another's.
    fn take(&mut self, hangs: bool) -> bool {
        let place = if hangs && self.hanging > 0 { &mut self.hanging } else { &mut self.lanes };
        let is_free = *place > 0;
        *place = place.saturating_sub(1);
        is_free
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    fn mail(n: i64) -> Destination {
        Destination::Email(format!("{n}@example.com"))
    }

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_destination_rests_longer_each_time_and_as_long_as_it_asks() {
        let (lanes, to, now) = (Lanes::default(), Destination::Mailbox, Instant::now());
        let at = Now { time: time(100), instant: now };
        assert_eq!(lanes.rest(&to, at), None);
        let rest = |trouble: Option<u64>| {
            let lane = Lane { to: to.clone(), sends: Vec::new(), lanes: lanes.clone(), replica: 0 };
            lane.ended(trouble.map(Duration::from_secs), now);
            let until = lanes.lock().paused.get(&to).map(|pause| pause.until);
            until.map_or(0, |until| (until - now).as_secs())
        };
        assert_eq!([rest(Some(0)), rest(Some(0)), rest(Some(0))], [1, 2, 4]);
        assert_eq!(rest(Some(30)), 30);
        assert_eq!(lanes.rest(&to, at), Some(Rest { until: time(130), failures: 4 }));
        assert_eq!(rest(Some(0)), 16);
        assert_eq!([rest(None), rest(Some(0))], [0, 1]);
    }

    #[test]
    fn a_channel_has_so_many_lanes_and_who_waited_longest_comes_first() {
        let (lanes, now) = (Lanes::default(), Instant::now());
        lanes.lock().busy.extend((0..60).map(|n| (mail(n), now)));
        let waiting = (60..70).map(|n| (time(100 - n), mail(n))).chain([(time(1), Destination::Mailbox)]).collect();
        let chosen = lanes.lock().choose(waiting, now);
        assert_eq!(chosen, [Destination::Mailbox, mail(69), mail(68), mail(67), mail(66)]);
    }

    #[test]
    fn what_hangs_takes_no_lane_from_others() {
        let (lanes, begun) = (Lanes::default(), Instant::now());
        let chat = |n: i64| Destination::Chat { channel: "webhook".into(), place: n.to_string() };
        lanes.lock().busy.extend((0..16).map(|n| (chat(n), begun)));
        let waiting = || (16..40).map(|n| (time(n), chat(n))).collect::<Vec<_>>();
        assert_eq!(lanes.lock().choose(waiting(), begun), []);
        let later = begun + Duration::from_secs(1);
        assert_eq!(lanes.lock().choose(waiting(), later).len(), 16);
        // A destination that had trouble has no other lane than those.
        lanes.lock().busy.extend((40..80).map(|n| (chat(n), begun)));
        (16..40).for_each(|n| lanes.lock().pause(&chat(n), Some(Duration::ZERO), begun));
        let waiting = waiting().into_iter().chain([(time(99), chat(99))]).collect();
        assert_eq!(lanes.lock().choose(waiting, later), [16, 17, 18, 19, 20, 21, 22, 23].map(chat));
    }

    #[test]
    fn a_destination_is_busy_until_its_lane_is_gone() {
        let (lanes, now) = (Lanes::default(), Instant::now());
        lanes.lock().busy.insert(Destination::Mailbox, now);
        let lane = Lane { to: Destination::Mailbox, sends: Vec::new(), lanes: lanes.clone(), replica: 0 };
        assert!(lanes.lock().is_busy(&Destination::Mailbox, now));
        drop(lane);
        assert!(!lanes.lock().is_busy(&Destination::Mailbox, now));
    }
}
