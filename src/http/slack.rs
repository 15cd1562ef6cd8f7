//! `POST /webhooks/slack`: what people write in the threads of our messages, from Slack's Events API; and, as forms, commands and
//! buttons.
//!
//! Slack waits three seconds for a response, and retries up to three times.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use warp::reply::Response as Reply;

use super::Web;
use super::body::{Body, Unread, Upload};
use crate::reply::slack::{self, Told};
use crate::slack::Desk;

/// A message in Slack has at most 40,000 characters, and is sent both as text and as blocks.
const LIMIT: usize = 1024 * 1024;
/// How long it may take to arrive.
const WITHIN: Duration = Duration::from_secs(10);

/// Takes an event in. A 200 means that it is on disk, or doesn't concern us.
pub(super) async fn receive(upload: Upload, web: Arc<Web>) -> Reply {
    let (status, body) = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => take(&body, &web).await,
        Err(Unread::TooLarge) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MB"),
        Err(Unread::TooSlow) => refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in 10 s"),
        Err(Unread::Broken) => refused(StatusCode::BAD_REQUEST, "the body ended early"),
        Err(Unread::Busy) => refused(StatusCode::SERVICE_UNAVAILABLE, "too many large bodies at once: try again"),
    };
    let reply = Response::builder().status(status).header(http::header::CONTENT_TYPE, "application/json");
    reply.body(body.into()).unwrap_or_default()
}

fn refused(status: StatusCode, error: &str) -> (StatusCode, String) {
    (status, json!({ "error": error }).to_string())
}

fn done(status: &str) -> (StatusCode, String) {
    (StatusCode::OK, json!({ "status": status }).to_string())
}

async fn take(body: &Body, web: &Web) -> (StatusCode, String) {
    let header = |name: &str| body.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(desk) = &web.desk else {
        return refused(StatusCode::NOT_FOUND, "`signing_secret` in `[slack]` is not set");
    };
    let signature = (header("x-slack-signature"), header("x-slack-request-timestamp"));
    if let Err(refusal) = slack::verify(&desk.secret, signature, &body.bytes, Timestamp::now()) {
        tracing::warn!(reason = %refusal, "refused an event from Slack");
        return refused(StatusCode::UNAUTHORIZED, &refusal.to_string());
    }
    if header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return form(body, desk).await;
    }
    match slack::read(&body.bytes) {
        Ok(Told::Challenge(challenge)) => (StatusCode::OK, json!({ "challenge": challenge }).to_string()),
        Ok(Told::Nothing) => done("ignored"),
        Ok(Told::Message(message)) => match web.answers.slack(message).await {
            Ok(true) => done("accepted"),
            Ok(false) => done("ignored"),
            Err(error) => {
                tracing::error!(%error, "cannot take in an answer from Slack now; Slack is asked to retry");
                refused(StatusCode::SERVICE_UNAVAILABLE, "it could not be stored: try again")
            }
        },
        Err(error) => refused(StatusCode::BAD_REQUEST, &format!("the body isn't an event: {error}")),
    }
}

/// A command, a button or a form. Slack shows what a command is answered with; an empty answer is shown as nothing.
async fn form(body: &Body, desk: &Arc<Desk>) -> (StatusCode, String) {
    match crate::slack::read(&body.bytes) {
        Ok(request) => {
            let answer = Arc::clone(desk).answer(request).await;
            (StatusCode::OK, answer.map(|answer| answer.to_string()).unwrap_or_default())
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &format!("the form isn't one of Slack's: {error}")),
    }
}
