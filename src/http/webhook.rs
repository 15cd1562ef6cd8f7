//! A webhook: read, verify, store, answer. Everything slow comes after the answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Web;
use super::body::{Body, Unread, Upload};
use crate::event::Source;
use crate::intake::{Read, sorted};
use crate::source::signature::{self, Refusal};
use crate::source::{self, BodyError, check_json, unchecked_body};
use crate::store::{Accepted, Hook, Incoming, StoreError};
use crate::telemetry::Request2xx;

/// Where a request came in.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub source: Source,
    /// The secret in its address
    pub secret: Option<SecretString>,
}

/// A response to a webhook: its name in the metrics, the status and the body.
struct Response {
    name: &'static str,
    /// The number of the delivery that is stored
    delivery: Option<i64>,
    status: StatusCode,
    body: Value,
}

impl Response {
    fn refused(name: &'static str, status: StatusCode, error: impl Into<String>) -> Self {
        Self { name, delivery: None, status, body: json!({ "error": error.into() }) }
    }

    fn busy(error: &str) -> Self {
        Self::refused("busy", StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

/// GitHub sends no more than 25 MB; Jira's bodies are far smaller.
const LIMIT: usize = 25_000_000;
/// How long a body may take to arrive.
const WITHIN: Duration = Duration::from_secs(30);
/// Larger bodies take milliseconds to read.
const LARGE: usize = 512 * 1024;

/// Takes a webhook in. A 2xx means that it is on disk.
pub(super) async fn receive(from: Sender, upload: Upload, web: Arc<Web>) -> warp::reply::Response {
    let (start, began) = (Instant::now(), SystemTime::now());
    let answer = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => {
            let traced = web.tracer.as_ref().map(|tracer| (tracer, body.headers.clone()));
            let answer = take(&from, body, &web).await;
            if let (Some((tracer, headers)), Some(delivery)) = (&traced, answer.delivery) {
                let (source, answer) = (from.source.as_str(), answer.name);
                tracer.received(&Request2xx { delivery, source, answer, headers, start: began });
            }
            answer
        }
        Err(unread) => unreadable(unread),
    };
    web.metrics.answered(from.source.as_str(), answer.name, start.elapsed());
    let mut reply =
        http::Response::builder().status(answer.status).header(http::header::CONTENT_TYPE, "application/json");
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        reply = reply.header(http::header::RETRY_AFTER, "10");
    }
    reply.body(answer.body.to_string().into()).unwrap_or_default()
}

fn unreadable(unread: Unread) -> Response {
    match unread {
        Unread::TooLarge => {
            Response::refused("too_large", StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 25 MB")
        }
        Unread::TooSlow => Response::refused(
            "too_slow",
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time: it may take 30 s, and 5 s to begin with",
        ),
        Unread::Broken => Response::refused("broken", StatusCode::BAD_REQUEST, "the body ended early"),
        Unread::Busy => Response::busy("too many large bodies at once: try again"),
    }
}

async fn take(from: &Sender, body: Body, web: &Arc<Web>) -> Response {
    let body = Arc::new(body);
    let received = match body.bytes.len() {
        ..=LARGE => receive_body(from, &body, web),
        // It would keep others from the thread that this runs on; and many at a time take up much memory.
        _ => {
            let (one, body, web) = (web.large.acquire().await, Arc::clone(&body), Arc::clone(web));
            let from = from.clone();
            let received = tokio::task::spawn_blocking(move || receive_body(&from, &body, &web)).await;
            drop(one);
            received.unwrap_or_else(|_| Err(Response::busy("the delivery could not be read: try again")))
        }
    };
    let Received { incoming, read, hook } = match received {
        Ok(received) => received,
        Err(refused) => return refused,
    };
    let answer = store(incoming, read, web).await;
    if let Some(hook) = hook.filter(|_| answer.status == StatusCode::ACCEPTED) {
        web.hooks.learn(hook, &web.store).await;
    }
    answer
}

/// A delivery that was verified and read, and the hook that it tells us of.
struct Received {
    incoming: Incoming,
    read: Read,
    hook: Option<Hook>,
}

fn receive_body(from: &Sender, body: &Body, web: &Web) -> Result<Received, Response> {
    let Body { headers, bytes, .. } = body;
    let source = from.source;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(refusal) = verify(from, (headers, bytes), web.secrets(source)) {
        tracing::warn!(%source, delivery = delivery_header(source, headers), reason = %refusal, "refused a webhook");
        return Err(Response::refused("unauthorized", StatusCode::UNAUTHORIZED, refusal.to_string()));
    }
    let json = unchecked_body(header("content-type"), bytes).map_err(not_json)?;
    let hook = if source == Source::Github { web.hooks.unknown(headers, &json) } else { None };
    let name = header("x-github-event").filter(|_| source == Source::Github).unwrap_or_default().to_owned();
    let (key, body) = (delivery_key(source, headers, bytes), json.into_owned());
    let incoming = Incoming { source, key, name, body, received: Timestamp::now(), ignored: None };
    let fields = web.settings.fields.now();
    let (incoming, parsed) = sorted(incoming, &web.settings);
    if incoming.ignored.is_some() {
        check_json(&incoming.body).map_err(not_json)?;
    }
    // It is no news, and somebody waits for it all the same.
    let is_wanted = incoming.ignored.is_some() && !source::rerequested(&incoming.name, &incoming.body).is_empty();
    let incoming = Incoming { ignored: incoming.ignored.filter(|_| !is_wanted), ..incoming };
    Ok(Received { incoming, read: (parsed, fields), hook })
}

/// Checks the signature of a request, or the secret that it brings instead: in the header `Authorization`, as an Automation
/// rule of Jira's can, or in the address, all that a Data Center older than 10 can.
fn verify(from: &Sender, (headers, body): (&HeaderMap, &[u8]), secrets: &[SecretString]) -> Result<(), Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = match from.source {
        Source::Github => header("x-hub-signature-256"),
        Source::Jira => header("x-hub-signature"),
    };
    let bearer = || {
        let (scheme, secret) = header("authorization")?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret)
    };
    match (from.source, signature) {
        (Source::Jira, None) => match from.secret.as_ref().map(ExposeSecret::expose_secret).or_else(bearer) {
            Some(secret) => signature::verify_secret(secret, secrets),
            None => Err(Refusal::Missing),
        },
        (source, signature) => signature::verify(source, signature, body, secrets),
    }
}

fn not_json(error: BodyError) -> Response {
    match error {
        BodyError::UnsupportedType => {
            let error = "the content type is neither application/json nor application/x-www-form-urlencoded";
            Response::refused("unsupported", StatusCode::UNSUPPORTED_MEDIA_TYPE, error)
        }
        BodyError::NotJson(error) => {
            Response::refused("not_json", StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))
        }
    }
}

async fn store(incoming: Incoming, read: Read, web: &Web) -> Response {
    let (source, key, ignored) = (incoming.source, incoming.key.clone(), incoming.ignored.clone());
    // Intake may want it before we hear that the delivery is on disk.
    let is_read_here = web.store.right_to_plan().is_some();
    let kept = is_read_here && ignored.is_none() && incoming.body.len() <= LARGE && web.fresh.put(source, &key, read);
    let accepted = web.store.accept(incoming).await;
    if kept && !matches!(accepted, Ok(Accepted::New(_))) {
        web.fresh.take(source, &key, &web.settings.fields.now());
    }
    if accepted.is_ok() {
        web.metrics.heard(source, Timestamp::now());
    }
    if let (Ok(Accepted::New(_)), Some(reason)) = (&accepted, &ignored) {
        web.metrics.update("ignored", reason.code());
    }
    let (name, id) = match accepted {
        Ok(Accepted::New(id)) if ignored.is_some() => ("ignored", id),
        Ok(Accepted::New(id)) => {
            web.stored.notify_one();
            ("accepted", id)
        }
        Ok(Accepted::Duplicate(id)) => ("duplicate", id),
        Err(StoreError::Overloaded) => return Response::busy("overloaded: try again"),
        Err(error) => {
            tracing::error!(%source, delivery = key, %error, "failed to store a webhook; its sender is asked to retry");
            return Response::busy("the delivery could not be stored: try again");
        }
    };
    let trace_id = web.tracer.as_ref().map(|tracer| tracer.trace_id(id));
    tracing::debug!(%source, delivery = key, event = id, trace_id, reason = ignored.as_ref().map(tracing::field::display), "{name}");
    Response { name, delivery: Some(id), status: StatusCode::ACCEPTED, body: json!({ "status": name, "event": id }) }
}

fn delivery_header(source: Source, headers: &HeaderMap) -> Option<&str> {
    let name = match source {
        Source::Github => "x-github-delivery",
        Source::Jira => "x-atlassian-webhook-identifier",
    };
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|key| !key.is_empty() && key.len() <= 200)
}

/// The sender's id for a delivery, or a digest of the body if there is none (older servers).
fn delivery_key(source: Source, headers: &HeaderMap, raw: &[u8]) -> String {
    delivery_header(source, headers)
        .map_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(raw))), str::to_owned)
}
