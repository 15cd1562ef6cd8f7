//! What Prometheus reads at `/metrics`. The counters are raised where things happen; what the store holds is asked when somebody
//! reads. Every label has few values: never an address, a name or a number that somebody else chooses.

mod load;
mod replica_gauges;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use self::load::LoadGauges;
use self::replica_gauges::ReplicaGauges;
use crate::event::Source;
use crate::reason::Code;
use crate::store::{Load, Store};

/// The commit that the program was built from, if that is known: see `build.rs`.
const COMMIT: Option<&str> = option_env!("MICROALIGN_COMMIT");

/// Labels of a delivery: where it came from, what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    source: &'static str,
    answer: &'static str,
}

/// Labels of what is counted for GitHub and Jira.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: &'static str,
}

/// Labels of an update: what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpdateLabels {
    state: &'static str,
}

/// Labels of an update that isn't sent: why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Labels of an attempt to send.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SendLabels {
    channel: String,
    outcome: &'static str,
}

/// Labels of what is counted for each channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: String,
}

type Number = Gauge<i64, AtomicI64>;

/// Registers a gauge without labels.
fn register(registry: &mut Registry, name: &str, help: &str) -> Number {
    let gauge = Number::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// The service's metrics.
pub struct Metrics {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter>,
    answered: Histogram,
    last_event: Family<SourceLabels, Number>,
    recovered: Family<SourceLabels, Counter>,
    updates: Family<UpdateLabels, Counter>,
    suppressed: Family<ReasonLabels, Counter>,
    sends: Family<SendLabels, Counter>,
    retries: Family<ChannelLabels, Counter>,
    cut_off: Counter,
    teams: Number,
    rules: Number,
    broken: Number,
    load: LoadGauges,
    replicas: ReplicaGauges,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("microalign");
        let build = [("version", env!("CARGO_PKG_VERSION")), ("commit", COMMIT.unwrap_or("unknown"))];
        registry.register("build", "The program that runs", Info::new(build.to_vec()));
        let deliveries = Family::default();
        registry.register("deliveries", "Webhook requests, by what was answered", deliveries.clone());
        let answered = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        registry.register("answer_seconds", "Time from a request's headers to its answer", answered.clone());
        let (last_event, recovered) = (Family::default(), Family::default());
        let help = "When the last delivery came that was authentic, or was asked for";
        registry.register("last_event_timestamp_seconds", help, last_event.clone());
        registry.register("recovered", "Deliveries that did not arrive and were asked for", recovered.clone());
        let (updates, suppressed) = (Family::default(), Family::default());
        registry.register(
            "updates",
            "Lines of the ledger, by the states that they began and ended in",
            updates.clone(),
        );
        registry.register(
            "suppressed",
            "Lines of the ledger that weren't sent, by the code of the reason",
            suppressed.clone(),
        );
        let (sends, retries) = (Family::default(), Family::default());
        registry.register("sends", "Attempts to send, by channel and outcome", sends.clone());
        registry.register("retries", "Attempts to send that followed a failed one", retries.clone());
        let cut_off = Counter::default();
        registry.register("connections_cut_off", "Slow clients that made room for others", cut_off.clone());
        let teams = register(&mut registry, "teams", "Teams whose files are in force");
        let rules = register(&mut registry, "rules", "Rules in force");
        let broken = register(&mut registry, "broken_files", "Team files and templates that have errors");
        let (load, replicas) = (LoadGauges::new(&mut registry), ReplicaGauges::new(&mut registry));
        Self {
            registry,
            deliveries,
            answered,
            last_event,
            recovered,
            updates,
            suppressed,
            sends,
            retries,
            cut_off,
            teams,
            rules,
            broken,
            load,
            replicas,
        }
    }
}

impl Metrics {
    /// Counts an answered webhook.
    pub fn answered(&self, source: &'static str, answer: &'static str, took: Duration) {
        self.deliveries.get_or_create(&DeliveryLabels { source, answer }).inc();
        self.answered.observe(took.as_secs_f64());
    }

    /// Notes when a delivery came.
    pub fn heard(&self, source: Source, at: Timestamp) {
        self.last_event
            .get_or_create(&SourceLabels { source: source.as_str() })
            .inner()
            .fetch_max(at.as_second(), Ordering::Relaxed);
    }

    /// Counts deliveries that were asked for.
    pub fn recovered(&self, source: &'static str, count: usize) {
        self.recovered.get_or_create(&SourceLabels { source }).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a line of the ledger that began or ended in a state, with the reason.
    pub fn update(&self, state: &'static str, code: Code) {
        self.ended(state, 1);
        if state == "suppressed" {
            self.suppressed.get_or_create(&ReasonLabels { reason: code.as_str() }).inc();
        }
    }

    /// Counts lines of the ledger whose message was sent, or couldn't be.
    pub fn ended(&self, state: &'static str, lines: usize) {
        self.updates.get_or_create(&UpdateLabels { state }).inc_by(u64::try_from(lines).unwrap_or(u64::MAX));
    }

    /// Counts an attempt to send: the first one, or a retry.
    pub fn send(&self, channel: &str, outcome: &'static str, attempt: i64) {
        self.sends.get_or_create(&SendLabels { channel: channel.to_owned(), outcome }).inc();
        if attempt > 1 {
            self.retries.get_or_create(&ChannelLabels { channel: channel.to_owned() }).inc();
        }
    }

    /// Sets what the store holds `now`.
    pub fn load(&self, load: &Load, now: Timestamp) {
        self.load.set(load, now);
    }

    /// Sets what a store's process knows of the others that serve from it.
    pub fn replicas(&self, store: &Store) {
        self.replicas.set(&store.replicas(), store.right_to_plan().is_some(), store.is_cut_off());
    }

    /// Counts that this process began to plan.
    pub fn began_to_plan(&self) {
        self.replicas.began.inc();
    }

    /// Counts a send that another replica took over during an attempt.
    pub fn taken_over(&self) {
        self.replicas.taken_over.inc();
    }

    /// Sets what is in force, and how many files have errors.
    pub fn loaded(&self, teams: usize, rules: usize, broken: usize) {
        self.teams.set(whole(teams));
        self.rules.set(whole(rules));
        self.broken.set(whole(broken));
    }

    /// Counts a client that was cut off because others needed its place.
    pub fn cut_off(&self) {
        self.cut_off.inc();
    }

    /// Metrics in which each has a sample: a family is described only then.
    #[must_use]
    pub fn sampled() -> Self {
        let metrics = Self::default();
        metrics.answered("github", "accepted", Duration::ZERO);
        metrics.heard(Source::Github, Timestamp::UNIX_EPOCH);
        metrics.recovered("github", 0);
        metrics.update("suppressed", Code::Muted);
        metrics.send("email", "sent", 2);
        let sends = [("email".to_owned(), (1, Timestamp::UNIX_EPOCH))].into();
        metrics.load(&Load { sends, ..Load::default() }, Timestamp::UNIX_EPOCH);
        metrics
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
