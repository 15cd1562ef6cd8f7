//! HTTP requests with limits: on their rate, the time to connect, the total time, and the length of the answer.

use std::error::Error as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::rate_limiter::RateLimiter;
use super::{Outcome, line};

const CONNECT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 64 * 1024;
/// An open connection costs the other end something, too.
const IDLE_PER_HOST: usize = 4;
/// No service asks for more than a day. A nonsensical number must neither block a destination for good nor be ignored.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The client that every HTTP channel shares.
#[derive(Debug)]
pub(super) struct Http {
    client: OnceCell<Client>,
    limiter: RateLimiter,
    deadline: Duration,
}

/// A request.
pub(super) struct Call<'a> {
    /// The service's name for errors: the address itself is often a secret
    pub peer: &'static str,
    pub method: Method,
    pub url: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    /// Whether making the request twice does no harm
    pub repeatable: bool,
    /// What counts against the service's limit, and the minimum interval between two such requests
    pub lane: (String, Duration),
}

/// What a request carries.
pub(super) enum Body {
    Json(String),
    Form(String),
}

impl<'a> Call<'a> {
    /// A POST of JSON that does harm if it is made twice.
    pub(super) fn json(peer: &'static str, url: &'a str, body: &Value, lane: (String, Duration)) -> Self {
        let (method, body) = (Method::POST, Body::Json(body.to_string()));
        Self { peer, method, url, headers: Vec::new(), body, repeatable: false, lane }
    }

    /// With a token in `Authorization`.
    pub(super) fn bearer(mut self, token: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }

    /// With a name and a token in `Authorization`.
    pub(super) fn basic(mut self, user: &str, token: &str) -> Self {
        self.headers.push(("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{token}")))));
        self
    }
}

/// An answer, good or bad.
#[derive(Debug)]
pub(super) struct Reply {
    peer: &'static str,
    repeatable: bool,
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// At most 64 KiB of it
    pub body: String,
}

impl Reply {
    /// Whether it is a 2xx.
    pub(super) fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The outcome of a success whose body has the message's reference. A page in HTML has none: then a proxy answered.
    pub(super) fn sent<T: DeserializeOwned>(&self, name: impl FnOnce(T) -> String) -> Outcome {
        match serde_json::from_str(&self.body) {
            Ok(said) => Outcome::sent(Some(name(said))),
            Err(_) => Outcome::ambiguous(format!("{}'s answer cannot be read", self.peer)),
        }
    }

    /// The outcome of a success whose body is only `ok`.
    pub(super) fn sent_if_ok(&self) -> Outcome {
        match self.body.trim() {
            "ok" => Outcome::sent(None),
            _ => Outcome::ambiguous(format!("{} did not say ok", self.peer)),
        }
    }

    /// The outcome of a failure, by its status alone.
    pub(super) fn refused(&self) -> Outcome {
        self.failed(&format!("{} answered {} {}", self.peer, self.status, self.body))
    }

    /// The outcome of a failure, with this error text.
    pub(super) fn failed(&self, error: &str) -> Outcome {
        let (error, retry_after) = (line(error), self.retry_after);
        match self.status {
            // The message may have been sent before the fault.
            500 | 502 | 504 if !self.repeatable => Outcome::Ambiguous { error, retry_after },
            // After a 401, the messages wait until somebody changes the token.
            401 | 408 | 409 | 425 | 429 | 500.. => Outcome::Transient { error, retry_after },
            _ => Outcome::Permanent { error },
        }
    }
}

impl Http {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { client: OnceCell::new(), limiter: RateLimiter::default(), deadline }
    }

    /// So many processes ask the same services: together they keep to their limits.
    pub(super) fn share(&self, among: u32) {
        self.limiter.share(among);
    }

    /// What requests are made with.
    pub(super) async fn client(&self) -> Result<&Client, Outcome> {
        self.client.get_or_try_init(|| http_client(self.deadline)).await.map_err(Outcome::transient)
    }

    /// Makes a request when the rate limit allows it.
    ///
    /// # Errors
    /// What became of the message if there is no answer.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Reply, Outcome> {
        let Call { peer, method, url, headers: list, body, repeatable, lane: (lane, interval) } = call;
        let (kind, body) = match body {
            Body::Json(body) => ("application/json; charset=utf-8", body),
            Body::Form(body) => ("application/x-www-form-urlencoded", body),
        };
        let headers = headers(&list, kind).map_err(|error| Outcome::transient(format!("{peer}: {error}")))?;
        let client = self.client().await?;
        if let Err(wait) = self.limiter.until_ready(&lane, interval).await {
            let error = format!("{peer} asked us to slow down");
            return Err(Outcome::Transient { error, retry_after: Some(wait) });
        }
        match client.request(method, url).headers(headers).body(body).send().await {
            Ok(response) => {
                if let Some(rest) = rest(response.headers(), Timestamp::now()) {
                    self.limiter.pause(&lane, rest);
                }
                let (status, retry_after, body) = answered(response).await;
                if let (429, Some(rest)) = (status, retry_after) {
                    self.limiter.pause(&lane, rest);
                }
                Ok(Reply { peer, repeatable, status, retry_after, body })
            }
            // If the request can't be built or the connection can't be made, nothing was sent.
            Err(error) if error.is_connect() || error.is_builder() => {
                Err(Outcome::transient(format!("{peer} cannot be reached: {}", describe(error))))
            }
            Err(error) => {
                let error = format!("{peer} did not answer: {}", describe(error));
                Err(if repeatable { Outcome::transient(error) } else { Outcome::ambiguous(error) })
            }
        }
    }
}

/// An HTTP client with limits. It is built off the async threads, because it reads every certificate that the system trusts.
///
/// # Errors
/// One sentence.
pub async fn http_client(deadline: Duration) -> Result<Client, String> {
    let build = move || {
        choose_tls_provider();
        Client::builder()
            .user_agent(concat!("microalign/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .connect_timeout(CONNECT.min(deadline))
            .timeout(deadline)
            .build()
    };
    match tokio::task::spawn_blocking(build).await {
        Ok(client) => client.map_err(|error| format!("TLS cannot be set up: {}", describe(error))),
        Err(error) => Err(format!("TLS cannot be set up: {error}")),
    }
}

/// Chooses the process's TLS provider; an HTTP client cannot be built without one.
pub fn choose_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider().install_default().is_err()
    {
        tracing::debug!("another thread chose the TLS provider first");
    }
}

fn headers(list: &[(&'static str, String)], kind: &'static str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in list {
        let mut value = HeaderValue::from_str(value).map_err(|_| format!("`{name}` holds what no header can"))?;
        value.set_sensitive(true);
        headers.insert(*name, value);
    }
    Ok(headers)
}

async fn answered(mut response: Response) -> (u16, Option<Duration>, String) {
    let status = response.status().as_u16();
    let after = text(response.headers(), RETRY_AFTER.as_str());
    let retry_after = after.and_then(|value| retry_after(value, Timestamp::now()));
    let mut body = Vec::new();
    // An answer that breaks off still has a status, which decides the outcome.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_ANSWER {
            body.truncate(MAX_ANSWER);
            break;
        }
    }
    (status, retry_after, String::from_utf8_lossy(&body).into_owned())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A number of seconds as a time of at most a day. `None` if it isn't a time.
pub(super) fn seconds(number: f64) -> Option<Duration> {
    if number > LONGEST_WAIT.as_secs_f64() { Some(LONGEST_WAIT) } else { Duration::try_from_secs_f64(number).ok() }
}

/// `Retry-After` is a number of seconds (Discord's has a fraction) or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(number) = value.trim().parse::<f64>() {
        return seconds(number);
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default().min(LONGEST_WAIT))
}

/// How long the other end asks for a pause although it accepted this request. The `X-RateLimit-` headers of Discord say for
/// how many seconds; those of Zulip, GitHub, Mattermost and Rocket.Chat say until when, Rocket.Chat's in milliseconds.
fn rest(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if text(headers, "x-ratelimit-remaining")?.trim().parse::<f64>().ok()? >= 1.0 {
        return None;
    }
    if let Some(number) = text(headers, "x-ratelimit-reset-after") {
        return seconds(number.trim().parse().ok()?);
    }
    let reset = text(headers, "x-ratelimit-reset")?.trim().parse::<f64>().ok()?;
    let reset = if reset > 1e11 { reset / 1000.0 } else { reset };
    // Mattermost uses the others' name for the number of seconds.
    let number = if reset > 1e9 { reset - now.as_second() as f64 } else { reset };
    Some(seconds(number).unwrap_or_default())
}

/// The error and its causes in one line, without the address.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn when_to_come_back() {
        let now = "2026-11-02T14:05:00Z".parse().unwrap();
        let table = [
            ("30", Some(30_000)),
            ("0.65", Some(650)),
            ("Mon, 02 Nov 2026 14:05:10 GMT", Some(10_000)),
            ("Mon, 02 Nov 2026 14:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("NaN", None),
            ("1e300", Some(86_400_000)),
            ("315360000", Some(86_400_000)),
            ("Wed, 01 Dec 9999 00:00:00 GMT", Some(86_400_000)),
        ];
        for (value, expected) in table {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_millis), "{value}");
        }
    }

    #[test]
    fn what_is_left_of_a_rate() {
        let now: Timestamp = "2026-11-02T14:05:00Z".parse().unwrap();
        let then = (now.as_second() + 7).to_string();
        type Row<'a> = (&'a [(&'static str, &'a str)], Option<u64>);
        let table: [Row<'_>; 9] = [
            (&[], None),
            (&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset-after", "2")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "1.5")], Some(1500)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &then)], Some(7000)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &format!("{then}000"))], Some(7000)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "3")], Some(3000)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000000001")], Some(0)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "1e300")], Some(86_400_000)),
            (&[("x-ratelimit-remaining", "0")], None),
        ];
        for (list, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in list {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(rest(&headers, now), expected.map(Duration::from_millis), "{list:?}");
        }
    }
}
