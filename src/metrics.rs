//! What Prometheus reads at `/metrics`. The counters are raised where things happen.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a delivery: where it came from, what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    source: &'static str,
    answer: &'static str,
}

/// Labels of deliveries that did not arrive and were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RecoveredLabels {
    source: &'static str,
}

/// Labels of an update: what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpdateLabels {
    state: &'static str,
}

/// Labels of an attempt to send. Never an address or a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SendLabels {
    channel: String,
    outcome: &'static str,
}

/// The service's counters.
pub struct Metrics {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter>,
    answered: Histogram,
    recovered: Family<RecoveredLabels, Counter>,
    updates: Family<UpdateLabels, Counter>,
    sends: Family<SendLabels, Counter>,
    backlog: Gauge<i64, AtomicI64>,
    broken: Gauge<i64, AtomicI64>,
    cut_off: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("microalign");
        let deliveries = Family::default();
        let answered = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let (recovered, updates, sends) = (Family::default(), Family::default(), Family::default());
        let (backlog, broken, cut_off) = (Gauge::default(), Gauge::default(), Counter::default());
        registry.register("deliveries", "Webhook requests, by what was answered", deliveries.clone());
        registry.register("answer_seconds", "Time from a request's headers to its answer", answered.clone());
        registry.register("recovered", "Deliveries that did not arrive and were asked for", recovered.clone());
        registry.register("updates", "Lines of the ledger, by the state they began or ended in", updates.clone());
        registry.register("sends", "Attempts to send, by channel and outcome", sends.clone());
        registry.register("backlog", "Deliveries that are stored and wait to be worked on", backlog.clone());
        registry.register("broken_files", "Team files and templates that have errors", broken.clone());
        registry.register("connections_cut_off", "Slow clients that made room for others", cut_off.clone());
        Self { registry, deliveries, answered, recovered, updates, sends, backlog, broken, cut_off }
    }
}

impl Metrics {
    /// Counts an answered webhook.
    pub fn answered(&self, source: &'static str, answer: &'static str, took: Duration) {
        self.deliveries.get_or_create(&DeliveryLabels { source, answer }).inc();
        self.answered.observe(took.as_secs_f64());
    }

    /// Counts deliveries that were asked for.
    pub fn recovered(&self, source: &'static str, count: usize) {
        self.recovered.get_or_create(&RecoveredLabels { source }).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a line of the ledger.
    pub fn update(&self, state: &'static str) {
        self.updates.get_or_create(&UpdateLabels { state }).inc();
    }

    /// Counts an attempt to send.
    pub fn send(&self, channel: &str, outcome: &'static str) {
        self.sends.get_or_create(&SendLabels { channel: channel.to_owned(), outcome }).inc();
    }

    /// Sets how many deliveries wait.
    pub fn backlog(&self, waiting: i64) {
        self.backlog.set(waiting);
    }

    /// Sets how many files have errors.
    pub fn broken(&self, files: usize) {
        self.broken.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// Counts a client that was cut off because others needed its place.
    pub fn cut_off(&self) {
        self.cut_off.inc();
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// When it cannot be formatted; our fault.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
