//! Traces by OpenTelemetry, where `[telemetry] otlp` asks for them: a webhook from its request through planning to each attempt
//! to send what it led to.
//!
//! A trace is the delivery's: its id is derived from the delivery's number and a key that only this store has. So a message that
//! is sent days later is part of its webhook's trace, and nothing is stored for that. Spans hold identifiers and names that the
//! operator gave; no address, and no word of a payload or a message. What waits for the collector is bounded: if that is away,
//! spans are dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Request, Response};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;
use tokio::runtime::Handle;

/// The environment variable that names the service, which counts more than we do.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// How long a stopping service waits for the collector.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// A collector's answer is a few bytes.
const ANSWER: usize = 64 * 1024;

/// Sends spans to the collector.
#[derive(Debug)]
pub struct Tracer {
    processor: BatchSpanProcessor,
    key: SecretSlice<u8>,
}

/// A request that was answered with a 2xx.
#[derive(Debug)]
pub struct Request2xx<'a> {
    /// The number of its delivery
    pub delivery: i64,
    /// `github`, `jira`
    pub source: &'static str,
    /// What was answered: `accepted`, `ignored`, `duplicate`
    pub answer: &'static str,
    /// Its headers, which may say what it is a part of
    pub headers: &'a HeaderMap,
    /// When it began
    pub start: SystemTime,
}

/// A delivery that was planned.
#[derive(Debug)]
pub struct Planned {
    /// Its number
    pub delivery: i64,
    /// `github`, `jira`
    pub source: &'static str,
    /// The sender's id for it
    pub key: String,
    /// The states of the lines that it added to the ledger, and of those that it ended
    pub states: Vec<&'static str>,
    /// When that began
    pub start: SystemTime,
    /// When it ended
    pub end: SystemTime,
}

/// An attempt to send.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The number of the delivery that the message comes from
    pub delivery: i64,
    /// Those of the other deliveries that it tells of
    pub others: &'a [i64],
    /// Its line in the ledger
    pub update: &'a str,
    /// The channel
    pub channel: &'a str,
    /// The team that it is for
    pub team: &'a str,
    /// The rule that it comes from
    pub rule: &'a str,
    /// What it tells
    pub kind: &'a str,
    /// Which attempt it is, from 1
    pub number: i64,
    /// How it ended: `sent`, `transient`, …
    pub outcome: &'static str,
    /// When it began
    pub start: SystemTime,
}

/// What the ids of a delivery's trace are derived from.
struct Ids {
    trace: TraceId,
    request: SpanId,
    planning: SpanId,
}

impl Tracer {
    /// Begins to send spans to a collector. The ids of traces are derived from a key.
    ///
    /// # Errors
    /// One sentence.
    pub fn start(endpoint: &str, client: Client, key: &SecretSlice<u8>) -> Result<Self, String> {
        let client = CollectorClient { client, runtime: Handle::current(), is_away: AtomicBool::new(false) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(traces_of(endpoint))
            .with_http_client(client)
            .build()
            .map_err(|error| format!("cannot send traces: {error}"))?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let is_named = std::env::var_os(SERVICE_NAME).is_some();
        let resource = if is_named { resource } else { resource.with_service_name("microalign") };
        processor.set_resource(&resource.build());
        // A key of its own, so that ids that are shown say nothing of what signs links.
        let key = hmac(key.expose_secret(), b"traces").to_vec().into();
        Ok(Self { processor, key })
    }

    /// The id of a delivery's trace, as logs show it.
    #[must_use]
    pub fn trace_id(&self, delivery: i64) -> String {
        self.ids(delivery).trace.to_string()
    }

    /// Tells of a webhook's request. Where it says what it is a part of, that is a link: whoever can sign a webhook must not
    /// write into traces of others.
    pub fn received(&self, request: &Request2xx<'_>) {
        let Ids { trace, request: root, .. } = self.ids(request.delivery);
        let part_of = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers));
        let part_of = part_of.span().span_context().clone();
        let route = format!("/webhooks/{}", request.source);
        // Another request of the same delivery is a part of its trace.
        let is_first = request.answer != "duplicate";
        let span = Span {
            id: if is_first { root } else { random_span() },
            parent: if is_first { SpanId::INVALID } else { root },
            kind: SpanKind::Server,
            name: format!("POST {route}"),
            links: part_of.is_valid().then_some(part_of).into_iter().collect(),
            error: None,
            time: (request.start, SystemTime::now()),
        };
        let attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", 202),
            KeyValue::new("microalign.delivery", request.delivery),
            KeyValue::new("microalign.answer", request.answer),
        ];
        self.end(trace, span, attributes);
    }

    /// Tells of the planning of a delivery.
    pub fn planned(&self, planned: Planned) {
        let Ids { trace, request, planning } = self.ids(planned.delivery);
        let span = Span {
            id: planning,
            parent: request,
            kind: SpanKind::Consumer,
            name: "plan".to_owned(),
            links: Vec::new(),
            error: None,
            time: (planned.start, planned.end),
        };
        let states = planned.states.into_iter().map(Into::into).collect();
        let attributes = vec![
            KeyValue::new("microalign.delivery", planned.delivery),
            KeyValue::new("microalign.delivery.key", planned.key),
            KeyValue::new("microalign.source", planned.source),
            KeyValue::new("microalign.states", Value::Array(Array::String(states))),
        ];
        self.end(trace, span, attributes);
    }

    /// Tells of an attempt to send, which has ended.
    pub fn attempted(&self, attempt: &Attempt<'_>) {
        let Ids { trace, planning, .. } = self.ids(attempt.delivery);
        let others = attempt.others.iter().filter(|other| **other != attempt.delivery);
        let linked = others.map(|other| {
            let Ids { trace, planning, .. } = self.ids(*other);
            context(trace, planning)
        });
        let span = Span {
            id: random_span(),
            parent: planning,
            kind: SpanKind::Client,
            name: format!("send {}", attempt.channel),
            links: linked.collect(),
            error: (attempt.outcome != "sent").then_some(attempt.outcome),
            time: (attempt.start, SystemTime::now()),
        };
        let attributes = vec![
            KeyValue::new("microalign.update", attempt.update.to_owned()),
            KeyValue::new("microalign.channel", attempt.channel.to_owned()),
            KeyValue::new("microalign.team", attempt.team.to_owned()),
            KeyValue::new("microalign.rule", attempt.rule.to_owned()),
            KeyValue::new("microalign.kind", attempt.kind.to_owned()),
            KeyValue::new("microalign.attempt", attempt.number),
            KeyValue::new("microalign.outcome", attempt.outcome),
        ];
        self.end(trace, span, attributes);
    }

    /// Sends what is left, for as long as a service that stops has time. It waits, so it isn't for a thread of the runtime.
    pub fn stop(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the collector did not take the last spans");
        }
    }

    fn end(&self, trace: TraceId, span: Span, attributes: Vec<KeyValue>) {
        let mut links = SpanLinks::default();
        links.links = span.links.into_iter().map(Link::with_context).collect();
        self.processor.on_end(SpanData {
            span_context: context(trace, span.id),
            parent_span_id: span.parent,
            parent_span_is_remote: false,
            span_kind: span.kind,
            name: span.name.into(),
            start_time: span.time.0,
            end_time: span.time.1,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: span.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("microalign").build(),
        });
    }

    fn ids(&self, delivery: i64) -> Ids {
        let bytes = hmac(self.key.expose_secret(), &delivery.to_be_bytes());
        let (mut trace, mut request, mut planning) = ([0; 16], [0; 8], [0; 8]);
        trace.copy_from_slice(&bytes[..16]);
        request.copy_from_slice(&bytes[16..24]);
        planning.copy_from_slice(&bytes[24..]);
        Ids {
            trace: TraceId::from_bytes(trace),
            request: SpanId::from_bytes(request),
            planning: SpanId::from_bytes(planning),
        }
    }
}

/// A span, but for its trace and its attributes.
struct Span {
    id: SpanId,
    parent: SpanId,
    kind: SpanKind,
    name: String,
    links: Vec<SpanContext>,
    error: Option<&'static str>,
    time: (SystemTime, SystemTime),
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn random_span() -> SpanId {
    SpanId::from_bytes(fastrand::u64(1..).to_be_bytes())
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // A key of any length will do (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The address for traces at a collector: `/v1/traces` below its own, unless it is that already.
fn traces_of(endpoint: &str) -> String {
    const PATH: &str = "/v1/traces";
    if endpoint.ends_with(PATH) { endpoint.to_owned() } else { format!("{endpoint}{PATH}") }
}

/// The client for the collector: ours. The thread that calls it isn't one of the runtime's.
#[derive(Debug)]
struct CollectorClient {
    client: Client,
    runtime: Handle,
    is_away: AtomicBool,
}

#[async_trait::async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { exchange(&client, request).await }).await?;
        let trouble = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answered {}", response.status().as_u16())),
            Err(_) => Some("it can't be reached".to_owned()),
        };
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(reason) if !was_away => {
                tracing::warn!(reason, "the collector takes no traces: they are dropped until it does")
            }
            None if was_away => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        sent
    }
}

async fn exchange(client: &Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() > ANSWER {
            return Err("the collector's answer is too long".into());
        }
    }
    let response = Response::builder().status(answer.status()).body(body.into())?;
    Ok(response)
}
