//! What a process knows of its place among the replicas that serve from one PostgreSQL database.
//!
//! Each has a row there, which it renews (`heart`). One of them plans at a time: it holds a lease with a fencing token, which
//! each of its transactions checks, so that one that was away for too long writes nothing. What a replica claims is its own for
//! as long as its row is there. A process that has a file to itself always plans.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::row::named_params;
use super::{Store, StoreError, Tx};

/// One process at a time has this lock, until its transaction ends.
pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtext('microalign.write.' || current_schema()))";
/// How often a replica shows that it is alive.
pub(super) const BEAT: Duration = Duration::from_millis(200);
/// Without an answer for so long, the database counts as out of reach.
const SILENCE: Duration = Duration::from_millis(600);
/// How often in a row, within one beat, the database has to be found out of reach before that counts.
const CERTAIN: u32 = 4;
/// How long a lease to plan lasts.
pub(super) const LEASE_TO_PLAN: Duration = Duration::from_secs(3);
/// Whoever has the lease goes by less: what it does elsewhere is not checked by the database.
const PLANS_FOR: Duration = Duration::from_secs(2);
/// A replica that isn't seen for so long is taken for dead, and its claims are void. A failover of the database takes less.
const TAKEN_FOR_DEAD: Duration = Duration::from_secs(30);

/// How long a replica may be away before it is taken for dead.
pub(super) fn taken_for_dead() -> Duration {
    // Tests can't wait for that. Nobody else wants another time.
    let shorter = cfg!(debug_assertions).then(|| std::env::var("MICROALIGN_TEST_CLAIM_LEASE_MS")).and_then(Result::ok);
    shorter.and_then(|time| time.parse().ok()).map_or(TAKEN_FOR_DEAD, Duration::from_millis)
}

/// The right to plan. It is checked in each transaction that writes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(pub(super) Option<Right>);

/// Where several can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Right {
    /// It grows each time that it is taken
    pub(super) number: i64,
    /// Whose it is. A standby that hadn't heard of the last taking gives its number once more
    pub(super) replica: i64,
}

/// A replica, as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its host and process
    pub name: String,
    /// A digest of its rules and templates; empty until it has read them
    pub rules: String,
    /// Whether it plans
    pub plans: bool,
    /// Whether it is this one
    pub is_own: bool,
}

impl Peer {
    /// Whether it has other rules than the replica that plans, whose rules are in force.
    #[must_use]
    pub fn has_other_rules(&self, all: &[Self]) -> bool {
        let differs = |planner: &Self| !planner.rules.is_empty() && planner.rules != self.rules;
        !self.rules.is_empty() && all.iter().find(|peer| peer.plans).is_some_and(differs)
    }
}

/// What a process knows of its place; nothing where it has the store to itself.
#[derive(Clone, Default)]
pub struct Replica(Option<Arc<State>>);

#[derive(Default)]
struct State {
    /// Its row's; 0 before it has one
    id: AtomicI64,
    /// The number of its right to plan; 0 while it has none
    fence: AtomicI64,
    /// When the last renewal began that the database answered
    renewed: Mutex<Option<Instant>>,
    /// The digest of its rules and templates
    rules: Mutex<String>,
    /// All that are alive
    peers: Mutex<Vec<Peer>>,
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Replica {
    /// One of several.
    pub(super) fn one_of_several() -> Self {
        Self(Some(Arc::default()))
    }

    /// The number of its row, under which it claims; 0 where nobody else does.
    pub(super) fn id(&self) -> i64 {
        self.0.as_ref().map_or(0, |state| state.id.load(Ordering::Acquire))
    }

    fn is_older_than(state: &State, age: Duration) -> bool {
        lock(&state.renewed).is_none_or(|renewed| renewed.elapsed() > age)
    }

    /// The right to plan, if it has that.
    fn fence(&self) -> Option<Fence> {
        let Some(state) = &self.0 else { return Some(Fence(None)) };
        let right = Right { number: state.fence.load(Ordering::Acquire), replica: self.id() };
        (right.number > 0 && !Self::is_older_than(state, PLANS_FOR)).then_some(Fence(Some(right)))
    }

    /// Whether what it claimed under a number is still its own. The other replicas wait longer before they take it.
    pub(super) fn holds(&self, id: i64) -> bool {
        let Some(state) = &self.0 else { return true };
        self.id() == id && !Self::is_older_than(state, taken_for_dead() * 2 / 3)
    }

    fn is_cut_off(&self) -> bool {
        self.0.as_ref().is_some_and(|state| Self::is_older_than(state, SILENCE))
    }

    /// What the next renewal tells of its rules.
    pub(super) fn rules(&self) -> String {
        self.0.as_ref().map(|state| lock(&state.rules).clone()).unwrap_or_default()
    }

    /// Notes what a renewal brought that `began` then: its number, and the right to plan.
    pub(super) fn renewed(&self, (id, fence): (i64, Option<i64>), began: Instant) {
        let Some(state) = &self.0 else { return };
        // The right to plan counts from the renewal that brought it.
        *lock(&state.renewed) = Some(began);
        state.id.store(id, Ordering::Release);
        state.fence.store(fence.unwrap_or_default(), Ordering::Release);
    }

    pub(super) fn saw(&self, peers: Vec<Peer>) {
        if let Some(state) = &self.0 {
            *lock(&state.peers) = peers;
        }
    }
}

impl Store {
    /// Whether other processes may serve from it, too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.replica.0.is_some()
    }

    /// The right to plan, if this process has it now.
    #[must_use]
    pub fn right_to_plan(&self) -> Option<Fence> {
        self.replica.fence()
    }

    /// The same store, for what is done by this right: it writes nothing once another process has it.
    #[must_use]
    pub fn by_right(&self, fence: Fence) -> Self {
        Self { fence, ..self.clone() }
    }

    /// Whether the database hasn't answered for a while.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.replica.is_cut_off()
    }

    /// Waits until the database hasn't answered for a while, and gives it another moment: to a process that was stopped, it looks
    /// like that at first, too.
    pub(super) async fn cut_off(&self) {
        if !self.is_shared() {
            return std::future::pending().await;
        }
        let mut silent = 0;
        while silent < CERTAIN {
            tokio::time::sleep(BEAT / CERTAIN).await;
            silent = if self.is_cut_off() { silent + 1 } else { 0 };
        }
    }

    /// Tells the others which rules and templates this process has, by a digest.
    pub fn has_rules(&self, digest: String) {
        if let Some(state) = &self.replica.0 {
            *lock(&state.rules) = digest;
        }
    }

    /// The replicas that are alive, as they were seen last; none where nobody else can serve.
    #[must_use]
    pub fn replicas(&self) -> Vec<Peer> {
        self.replica.0.as_ref().map(|state| lock(&state.peers).clone()).unwrap_or_default()
    }
}

impl Tx<'_> {
    /// Makes all other writes wait, in whichever process, except for webhooks, claims and outcomes. Checks that the right by which
    /// this is written is still ours, and keeps others from getting it before the end.
    ///
    /// # Errors
    /// [`StoreError::Fenced`]
    pub(super) fn alone(&self, Fence(fence): Fence) -> Result<(), StoreError> {
        if self.is_sqlite() {
            return Ok(());
        }
        self.put(ALONE, [])?;
        let Some(Right { number, replica }) = fence else { return Ok(()) };
        let held = self.value::<i64>(
            "SELECT fence FROM planner WHERE fence = :number AND replica = :replica FOR KEY SHARE",
            named_params! { ":number": number, ":replica": replica },
        )?;
        held.map(drop).ok_or(StoreError::Fenced)
    }
}
