//! The replicas that serve from one database, as this one sees them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Number, register, whole};
use crate::store::Peer;

/// Gauges for the replicas.
pub(super) struct ReplicaGauges {
    alive: Number,
    plans: Number,
    other_rules: Number,
    unreachable: Number,
    /// How often this process began to plan
    pub(super) began: Counter,
    /// Sends that another replica took over during an attempt
    pub(super) taken_over: Counter,
}

impl ReplicaGauges {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let began = counter(
            "planning_began",
            "How often this process started to plan: more than once if another replica did in between",
        );
        let taken_over =
            counter("sends_taken_over", "Attempts to send that took so long that another replica took over");
        let mut number = |name: &str, help: &str| register(registry, name, help);
        Self {
            alive: number("replicas", "Replicas that are alive; 0 where there can be none"),
            plans: number("planner", "Whether this process plans: of several replicas, one does at a time"),
            other_rules: number(
                "other_rules",
                "Whether this replica has other rules or templates than the one that plans",
            ),
            unreachable: number("database_unreachable", "Whether the database has not answered for a while"),
            began,
            taken_over,
        }
    }

    pub(super) fn set(&self, replicas: &[Peer], plans: bool, is_cut_off: bool) {
        let differs = |peer: &&Peer| peer.is_own && peer.has_other_rules(replicas);
        self.alive.set(whole(replicas.len()));
        self.plans.set(plans.into());
        self.unreachable.set(is_cut_off.into());
        self.other_rules.set(replicas.iter().any(|peer| differs(&peer)).into());
    }
}
