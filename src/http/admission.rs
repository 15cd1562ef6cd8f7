//! Who has to go when there isn't room for everybody.
//!
//! Anybody can open connections and send slowly, and needs no secret for that. So whoever is still sending when the places
//! or the memory run out can be cut off: of the address that takes up most, the one that has taken longest. A webhook arrives
//! within milliseconds, so it is never that one for long, also where strangers open hundreds of connections again and again.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::sync::Notify;

/// A body of the largest size takes less.
const PATIENCE: Duration = Duration::from_secs(5);

/// A body up to this size, as nearly all webhooks have, may also use what is kept back from larger ones: those take time to
/// be read and verified, and can't be cut off meanwhile.
const SMALL: usize = 512 * 1024;

/// The room that there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Connections at a time
    pub connections: usize,
    /// Bytes of bodies in memory at a time; a quarter more for small ones
    pub bytes: usize,
}

/// Every connection.
#[derive(Debug)]
pub(super) struct Admission {
    room: Room,
    state: Mutex<State>,
    /// Notified when somebody went, or may be cut off
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<u64, Client>,
    last: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Client {
    from: IpAddr,
    /// When it began to send, or to think about it
    since: Instant,
    /// What it has sent, as far as that is in memory
    bytes: usize,
    /// It has sent all, and waits for us
    waits: bool,
    leave: Arc<Notify>,
}

/// A connection's place. Dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    admission: Arc<Admission>,
    leave: Arc<Notify>,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Admission {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, state: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a new connection, if need be that of another. While all of them wait for us, so does this one.
    pub(super) async fn enter(self: &Arc<Self>, from: IpAddr) -> Place {
        loop {
            if let Ok(place) = self.try_enter(from) {
                return place;
            }
            self.freed.notified().await;
        }
    }

    fn try_enter(self: &Arc<Self>, from: IpAddr) -> Result<Place, Full> {
        let mut state = self.state();
        if state.clients.len() >= self.room.connections {
            // Several at a time: to find them takes a look at all.
            let slowest = state.slowest(|_| 1).into_iter().take((self.room.connections / 16).max(1));
            slowest.for_each(|id| state.cut_off(id));
            if state.clients.len() >= self.room.connections {
                return Err(Full);
            }
        }
        state.last += 1;
        let (id, leave) = (state.last, Arc::<Notify>::default());
        let client =
            Client { from: network(from), since: Instant::now(), bytes: 0, waits: false, leave: Arc::clone(&leave) };
        state.clients.insert(id, client);
        drop(state);
        Ok(Place { id, admission: Arc::clone(self), leave })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Those that are still sending: of the address that takes up most, the one that has taken longest comes first.
    fn slowest(&self, taken: impl Fn(&Client) -> usize) -> Vec<u64> {
        let sending = || self.clients.iter().filter(|(_, client)| !client.waits && taken(client) > 0);
        let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
        for (_, client) in sending() {
            *by_address.entry(client.from).or_default() += taken(client);
        }
        let mut clients: Vec<_> =
            sending().map(|(id, client)| (Reverse(by_address.get(&client.from)), client.since, *id)).collect();
        clients.sort_unstable();
        clients.into_iter().map(|(.., id)| id).collect()
    }

    /// Whether one that takes up much has to go for another. Of two from the same address, only for one that is far smaller,
    /// or if it has had its time.
    fn makes_room_for(&self, slowest: u64, other: u64) -> bool {
        let (Some(slow), Some(other)) = (self.clients.get(&slowest), self.clients.get(&other)) else { return false };
        slow.from != other.from || slow.bytes > 4 * other.bytes || slow.since + PATIENCE < other.since
    }

    fn cut_off(&mut self, id: u64) {
        if let Some(client) = self.clients.remove(&id) {
            self.bytes -= client.bytes;
            client.leave.notify_one();
        }
    }
}

impl Place {
    /// Resolves when this connection has to go.
    pub(super) async fn lost(&self) {
        self.leave.notified().await;
    }

    /// A request comes from there: behind a proxy that isn't its connection's address.
    pub(super) fn comes_from(&self, address: IpAddr) {
        self.change(|client| client.from = network(address));
    }

    /// Makes room for more of a body, if need be by cutting off another.
    ///
    /// # Errors
    /// The others take up less, or wait for us.
    pub(super) fn keep(&self, bytes: usize) -> Result<(), Full> {
        let mut state = self.admission.state();
        let Some(client) = state.clients.get_mut(&self.id) else { return Err(Full) };
        client.bytes += bytes;
        let room = self.admission.room.bytes;
        let room = if client.bytes <= SMALL { room + room / 4 } else { room };
        state.bytes += bytes;
        while state.bytes > room {
            match state.slowest(|client| client.bytes).first() {
                Some(slowest) if state.makes_room_for(*slowest, self.id) => state.cut_off(*slowest),
                _ => {
                    drop(state);
                    self.release();
                    return Err(Full);
                }
            }
        }
        Ok(())
    }

    /// The body isn't in memory any more.
    pub(super) fn release(&self) {
        let mut state = self.admission.state();
        let bytes = state.clients.get_mut(&self.id).map(|client| std::mem::take(&mut client.bytes));
        state.bytes -= bytes.unwrap_or_default();
    }

    /// Everything was sent: from here on it is we who take time.
    pub(super) fn received(&self) {
        self.change(|client| client.waits = true);
    }

    /// It was answered, and may send again.
    pub(super) fn answered(&self) {
        self.change(|client| (client.waits, client.since) = (false, Instant::now()));
        self.admission.freed.notify_one();
    }

    fn change(&self, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.admission.state().clients.get_mut(&self.id) {
            change(client);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        if let Some(client) = state.clients.remove(&self.id) {
            state.bytes -= client.bytes;
        }
        drop(state);
        self.admission.freed.notify_one();
    }
}

/// The client that a proxy names, which is the last one in the header: those before it the client can write itself. A
/// connection from elsewhere than this machine or its private network isn't a proxy's.
pub(super) fn behind_proxy(peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let near = match peer.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    let last = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| near)?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Who has one address in IPv6 has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use futures_util::FutureExt as _;

    use super::*;

    const MB: usize = 1024 * 1024;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn admission(connections: usize, bytes: usize) -> Arc<Admission> {
        Admission::new(Room { connections, bytes })
    }

    /// Which of these have to go.
    fn lost(places: &[Place]) -> Vec<bool> {
        places.iter().map(|place| place.lost().now_or_never().is_some()).collect()
    }

    #[test]
    fn the_oldest_of_the_address_with_most_connections_goes() {
        let admission = admission(4, 0);
        let places = [1, 2, 2, 1].map(|last| admission.try_enter(address(last)).unwrap());
        let more = [2, 3].map(|last| admission.try_enter(address(last)).unwrap());
        assert_eq!(lost(&places), [true, true, false, false]);
        assert_eq!(lost(&more), [false, false]);
    }

    #[test]
    fn who_waits_for_us_stays() {
        let admission = admission(2, 0);
        let places = [1, 1].map(|last| admission.try_enter(address(last)).unwrap());
        places[0].received();
        let third = admission.try_enter(address(2)).unwrap();
        assert_eq!(lost(&places), [false, true]);
        third.received();
        assert!(matches!(admission.try_enter(address(3)), Err(Full)));
        third.answered();
        assert!(admission.try_enter(address(3)).is_ok());
    }

    #[test]
    fn the_bodies_of_the_address_with_most_in_memory_go() {
        let admission = admission(10, 100 * MB);
        let places = [1, 1, 2, 3].map(|last| admission.try_enter(address(last)).unwrap());
        assert_eq!([places[0].keep(40 * MB), places[1].keep(30 * MB), places[2].keep(25 * MB)], [Ok(()); 3]);
        assert_eq!(places[3].keep(10 * MB), Ok(()));
        assert_eq!(lost(&places), [true, false, false, false]);
        // Nobody goes for one that takes up more than all others.
        assert_eq!(places[1].keep(60 * MB), Err(Full));
        assert_eq!(lost(&places[1..]), [false, false, false]);
        assert_eq!(places[0].keep(1), Err(Full), "it is gone");
    }

    #[test]
    fn of_one_address_the_larger_goes_for_the_far_smaller() {
        let admission = admission(10, 100 * MB);
        let places = [1, 1, 1].map(|last| admission.try_enter(address(last)).unwrap());
        assert_eq!([places[0].keep(50 * MB), places[1].keep(40 * MB)], [Ok(()); 2]);
        assert_eq!(places[1].keep(11 * MB), Err(Full), "as large as the other");
        assert_eq!(places[1].keep(45 * MB), Ok(()), "it had to begin again");
        assert_eq!(places[2].keep(6 * MB), Ok(()));
        assert_eq!(lost(&places), [true, false, false]);
    }

    #[test]
    fn large_ones_that_wait_for_us_leave_room_for_small_ones() {
        let admission = admission(10, 100 * MB);
        let places = [1, 1, 2].map(|last| admission.try_enter(address(last)).unwrap());
        assert_eq!([places[0].keep(50 * MB), places[1].keep(50 * MB)], [Ok(()); 2]);
        places[..2].iter().for_each(Place::received);
        assert_eq!(places[2].keep(SMALL), Ok(()));
        assert_eq!(places[2].keep(1), Err(Full));
        assert_eq!(lost(&places), [false; 3]);
    }

    #[test]
    fn what_is_gone_makes_room() {
        let admission = admission(2, 100 * MB);
        for _ in 0..5 {
            let place = admission.try_enter(address(1)).unwrap();
            assert_eq!(place.keep(60 * MB), Ok(()));
            place.received();
        }
        let place = admission.try_enter(address(1)).unwrap();
        assert_eq!(place.keep(60 * MB), Ok(()));
        place.release();
        assert_eq!(place.keep(100 * MB), Ok(()));
    }

    #[test]
    fn proxies_nearby_name_the_client() {
        let table = [
            ("127.0.0.1", vec!["203.0.113.9"], Some("203.0.113.9")),
            ("::ffff:10.1.2.3", vec!["1.1.1.1, 203.0.113.9"], Some("203.0.113.9")),
            ("fd00::1", vec!["1.1.1.1", "2001:db8::7"], Some("2001:db8::7")),
            ("198.51.100.1", vec!["203.0.113.9"], None),
            ("127.0.0.1", vec!["unknown"], None),
            ("127.0.0.1", vec![], None),
        ];
        for (peer, values, expected) in table {
            let headers = values.iter().map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap()));
            let client = behind_proxy(peer.parse().unwrap(), &headers.collect());
            assert_eq!(client, expected.map(|address| address.parse().unwrap()), "{peer} {values:?}");
        }
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), network("2001:db8:1:2::9".parse().unwrap()));
    }
}
