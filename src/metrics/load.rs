//! What waits in the store, and how large it is: asked when somebody reads the metrics.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{ChannelLabels, Number, register, whole};
use crate::store::Load;

/// Gauges for [`Load`].
pub(super) struct LoadGauges {
    backlog: Number,
    held: Number,
    oldest_held: Number,
    overdue: Number,
    waiting: Family<ChannelLabels, Number>,
    oldest_waiting: Family<ChannelLabels, Number>,
    bytes: Number,
    free: Number,
    /// The channels that had something to send: they show 0 when there is nothing any more
    channels: Mutex<BTreeSet<String>>,
}

impl LoadGauges {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut number = |name: &str, help: &str| register(registry, name, help);
        let backlog = number("backlog", "Deliveries that are stored and wait to be worked on");
        let held = number("updates_held", "Updates that wait for their time");
        let oldest_held = number("updates_held_oldest_seconds", "How long the oldest of these updates has waited");
        let overdue =
            number("updates_overdue_seconds", "How long ago the first of these updates was due: 0 if none is");
        let bytes = number("store_size_bytes", "The size of the store, with its indexes");
        let free = number(
            "store_free_bytes",
            "How much of the store's file is free to be used again; 0 if the store is on a server",
        );
        let (waiting, oldest_waiting) = (Family::default(), Family::default());
        let help = "Sends that wait for their turn or a retry, or are under way";
        registry.register("sends_waiting", help, waiting.clone());
        let help = "How long the oldest of these sends has waited";
        registry.register("sends_waiting_oldest_seconds", help, oldest_waiting.clone());
        Self { backlog, held, oldest_held, overdue, waiting, oldest_waiting, bytes, free, channels: Mutex::default() }
    }

    pub(super) fn set(&self, load: &Load, now: Timestamp) {
        let age = |since: Option<Timestamp>| since.map_or(0, |since| now.duration_since(since).as_secs().max(0));
        self.backlog.set(whole(load.backlog));
        self.held.set(whole(load.held));
        self.oldest_held.set(age(load.oldest_held));
        self.overdue.set(age(load.first_due));
        self.bytes.set(whole(load.bytes));
        self.free.set(whole(load.free));
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.extend(load.sends.keys().cloned());
        for channel in channels.iter() {
            let labels = ChannelLabels { channel: channel.clone() };
            let (count, since) = load.sends.get(channel).map_or((0, None), |(count, since)| (*count, Some(*since)));
            self.waiting.get_or_create(&labels).set(whole(count));
            self.oldest_waiting.get_or_create(&labels).set(age(since));
        }
    }
}
