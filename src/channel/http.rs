//! One POST with bounds: on the time to connect, the time in all, and the length of the answer.

use std::error::Error as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::sync::OnceCell;

use super::Outcome;

const CONNECT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 64 * 1024;

/// The client that every HTTP channel shares.
#[derive(Debug)]
pub(super) struct Http {
    client: OnceCell<Client>,
    deadline: Duration,
}

/// A POST of JSON.
pub(super) struct Call<'a> {
    /// Who is asked, as errors may name it: the address itself is often a secret
    pub peer: &'a str,
    pub url: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What came back.
pub(super) enum Answer {
    Answered {
        status: u16,
        retry_after: Option<Duration>,
        body: String,
    },
    /// No connection: nothing was sent
    NotSent(String),
    /// It may have arrived
    Unanswered(String),
}

impl Http {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { client: OnceCell::new(), deadline }
    }

    pub(super) async fn post(&self, call: Call<'_>) -> Answer {
        let headers = match headers(&call.headers) {
            Ok(headers) => headers,
            Err(error) => return Answer::NotSent(format!("{}: {error}", call.peer)),
        };
        let client = match self.client.get_or_try_init(|| self.client()).await {
            Ok(client) => client,
            Err(error) => return Answer::NotSent(error),
        };
        let request = client.post(call.url).headers(headers).body(call.body);
        match request.send().await {
            Ok(response) => answered(response).await,
            // A request that cannot be built, and a connection that cannot be made, sent nothing.
            Err(error) if error.is_connect() || error.is_builder() => {
                Answer::NotSent(format!("{} cannot be reached: {}", call.peer, describe(error)))
            }
            Err(error) => Answer::Unanswered(format!("{} did not answer: {}", call.peer, describe(error))),
        }
    }

    /// Made at the first call, off the async threads: it reads every certificate that the system trusts.
    async fn client(&self) -> Result<Client, String> {
        let deadline = self.deadline;
        let build = move || {
            choose_tls_provider();
            Client::builder()
                .user_agent(concat!("microalign/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .connect_timeout(CONNECT.min(deadline))
                .timeout(deadline)
                .build()
        };
        match tokio::task::spawn_blocking(build).await {
            Ok(client) => client.map_err(|error| format!("TLS cannot be set up: {}", describe(error))),
            Err(error) => Err(format!("TLS cannot be set up: {error}")),
        }
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

fn headers(list: &[(&'static str, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    for (name, value) in list {
        let mut value = HeaderValue::from_str(value).map_err(|_| format!("`{name}` holds what no header can"))?;
        value.set_sensitive(true);
        headers.insert(*name, value);
    }
    Ok(headers)
}

async fn answered(mut response: Response) -> Answer {
    let status = response.status().as_u16();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = after.and_then(|value| retry_after(value, Timestamp::now()));
    let mut body = Vec::new();
    // An answer that breaks off still has a status, and that decides.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_ANSWER {
            body.truncate(MAX_ANSWER);
            break;
        }
    }
    Answer::Answered { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() }
}

/// `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
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

/// Statuses that ask for another try; all others outside of 2xx will not change.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500..)
}

/// The outcome for an answer that is no success: transient or permanent by its status.
pub(super) fn refused(peer: &str, status: u16, retry_after: Option<Duration>, body: &str) -> Outcome {
    let error = super::line(&format!("{peer} answered {status} {body}"));
    if is_transient(status) { Outcome::Transient { error, retry_after } } else { Outcome::Permanent { error } }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn when_to_come_back() {
        let now = "2026-11-02T14:05:00Z".parse().unwrap();
        let table = [
            ("30", Some(30)),
            ("Mon, 02 Nov 2026 14:05:10 GMT", Some(10)),
            ("Mon, 02 Nov 2026 14:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (value, expected) in table {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}
