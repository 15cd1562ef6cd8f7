//! The console's requests: who may make them, and how its answers look on the wire.

mod forged;
mod login;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Rejection, Reply as _, sse};

use super::body::{Unread, Upload, upload};
use super::routes::{is_one_of, text};
use super::{Peer, Stopping, Web};
use crate::console::{Answer, Arrival, Asked, Console, Gate, Live, PATHS, Via, asset};

/// A rule and a template beside an event are the largest form.
const LIMIT: usize = 1024 * 1024;
/// How long it may take to arrive.
const WITHIN: Duration = Duration::from_secs(20);
/// So often a stream in which nothing happens shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// The headers of all that people look at: nothing is run that isn't ours, and no page is shown inside another.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of a mail in a frame: its styles are attributes, as mail programs want them.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; \
                           frame-ancestors 'self'";

/// Every path of the console.
pub(super) fn routes(web: Arc<Web>) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let ours = |path: FullPath| {
        let is_ours = is_one_of(&PATHS, path.as_str());
        std::future::ready(if is_ours { Ok(path.as_str().to_owned()) } else { Err(warp::reject::not_found()) })
    };
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let method = warp::get().or(warp::head()).unify().map(|| Method::GET).or(warp::post().map(|| Method::POST)).unify();
    warp::path::full()
        .and_then(ours)
        .and(method)
        .and(query)
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::get::<Stopping>())
        .and(upload())
        .and(warp::any().map(move || Arc::clone(&web)))
        .then(|path, method, query, peer, stopping, upload, web| async move {
            answer((method, path, query), (peer, stopping), upload, web).await
        })
}

/// The console, and who lets people in.
pub struct Entrance {
    /// Finds out who asks
    pub gate: Gate,
    /// What they see
    pub console: Arc<Console>,
}

async fn answer(
    (method, path, query): (Method, String, String),
    (peer, stopping): (Peer, Stopping),
    upload: Upload,
    web: Arc<Web>,
) -> Reply {
    let Some(Entrance { gate, console }) = &web.entrance else {
        return refused(
            StatusCode::FORBIDDEN,
            "the console is off. `console = true` below `[server]` shows it, with every team's messages, to whoever asks from \
             this machine: see that no reverse proxy here passes on `/`; `[console]` shows it to whoever logs in",
        );
    };
    let headers = upload.headers();
    match (&method, &*path) {
        (&Method::GET, "/login") => return login::begin(gate, &query).await,
        (&Method::GET, "/login/done") => return login::finish(gate, &query, headers).await,
        (&Method::POST, "/logout") => return login::end(gate, upload).await,
        _ => {}
    }
    // The page to log in at has a style, too.
    if let Some(asset) = path.strip_prefix("/assets/").and_then(|name| asset(name, &query)) {
        return written(asset, stopping);
    }
    let arrival = Arrival { peer: peer.0.ip(), local: is_local(peer, headers), headers };
    let visitor = match gate.visitor(arrival).await {
        Ok(visitor) => visitor,
        Err(stranger) => return login::turned_away(stranger, &asked_for(&path, &query)),
    };
    let last_event_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let headers = headers.clone();
    let mut body = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => body.bytes.clone(),
        Err(unread) => return unreadable(unread),
    };
    // A browser never sends a token by itself.
    if method == Method::POST && visitor.via != Via::Token {
        body = match forged::checked(&headers, body, (&visitor.form_token, gate.public_url())) {
            Ok(body) => body,
            Err(why) if path.starts_with("/api/") => return refused(StatusCode::FORBIDDEN, &why.to_string()),
            Err(why) => return login::forged(&why),
        };
    }
    let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
    let asked = Asked { method, segments, query, body, last_event_id, visitor };
    written(Arc::clone(console).answer(asked).await, stopping)
}

/// The path with what follows `?`.
fn asked_for(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn unreadable(unread: Unread) -> Reply {
    match unread {
        Unread::Busy => refused(StatusCode::SERVICE_UNAVAILABLE, "too much is being received: try again"),
        Unread::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "this is larger than 1 MB"),
        Unread::TooSlow | Unread::Broken => refused(StatusCode::BAD_REQUEST, "the request is incomplete"),
    }
}

/// A loopback socket alone proves little: a reverse proxy on this machine has one too, and so does a browser in which a
/// web page resolves its own name to 127.0.0.1. The browser and most proxies can be told by their headers, but nginx's
/// `proxy_pass` alone can't.
fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let proxied = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    peer.0.ip().to_canonical().is_loopback()
        && ["localhost", "127.0.0.1", "[::1]"].contains(&name)
        && !proxied.iter().any(|header| headers.contains_key(*header))
}

fn written(answer: Answer, stopping: Stopping) -> Reply {
    const HTML: &str = "text/html; charset=utf-8";
    const JSON: &str = "application/json";
    match answer {
        Answer::Page(page) => reply(StatusCode::OK, HTML, page.into_string()),
        Answer::Refusal(status, page) => reply(status, HTML, page.into_string()),
        Answer::Mail(html) => {
            let mut mail = reply(StatusCode::OK, HTML, html);
            mail.headers_mut().insert("content-security-policy", http::HeaderValue::from_static(MAIL_POLICY));
            mail
        }
        Answer::Json(status, json) => reply(status, JSON, json),
        Answer::Asset { kind, text, versioned } => {
            let mut asset = reply(StatusCode::OK, kind, text.as_bytes());
            let kept = if versioned { "private, max-age=31536000, immutable" } else { "no-cache" };
            asset.headers_mut().insert("cache-control", http::HeaderValue::from_static(kept));
            asset
        }
        Answer::File { kind, name, body } => {
            let mut file = reply(StatusCode::OK, kind, body);
            if let Ok(value) = format!("attachment; filename=\"{name}\"").parse() {
                file.headers_mut().insert("content-disposition", value);
            }
            file
        }
        Answer::SeeOther(to) => match to.parse() {
            Ok(to) => {
                let mut other = reply(StatusCode::SEE_OTHER, HTML, "");
                other.headers_mut().insert("location", to);
                other
            }
            Err(error) => {
                let error: http::header::InvalidHeaderValue = error;
                tracing::error!(%error, to, "our fault: an address can't be written");
                refused(StatusCode::INTERNAL_SERVER_ERROR, "this failed: see the log")
            }
        },
        Answer::Live(events) => live(events, stopping),
    }
}

fn live(events: Live, Stopping(mut stop): Stopping) -> Reply {
    let stopped = async move { stop.wait_for(|stop| *stop).await.is_ok() };
    let events = events.take_until(Box::pin(stopped)).map(|event| {
        Ok::<_, std::convert::Infallible>(sse::Event::default().id(event.id).event(event.name).data(event.data))
    });
    let mut reply = sse::reply(sse::keep_alive().interval(ALIVE).stream(events)).into_response();
    reply.headers_mut().insert("x-content-type-options", http::HeaderValue::from_static("nosniff"));
    reply
}

fn refused(status: StatusCode, error: &str) -> Reply {
    text(status, "application/json", json!({ "error": error }).to_string())
}

fn reply(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let reply = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .header("referrer-policy", "same-origin")
        .header("cross-origin-resource-policy", "same-origin")
        .header("content-security-policy", POLICY)
        .body(body.into().into());
    reply.unwrap_or_default()
}
