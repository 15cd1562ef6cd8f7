//! The routes, and who may use them.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, Response, StatusCode};
use serde_json::json;
use url::form_urlencoded;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::body::upload;
use super::webhook::Sender;
use super::{Peer, Web, mute, object, slack, webhook};
use crate::event::Source;

/// The paths that have to be reachable from outside: a reverse proxy lets in these. What ends with `/` stands for all below it.
pub const OUTSIDE: [&str; 5] = ["/webhooks/", "/mute/", "/unsubscribe/", "/object/", "/healthz"];
/// The paths that show what happens inside.
pub const INSIDE: [&str; 3] = ["/", "/readyz", "/metrics"];

/// Refuses every path that is in neither list, so that no route is left out of them.
fn listed() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    let is_listed = |path: &str| {
        let outside = OUTSIDE.iter().any(|route| route.ends_with('/') && path.starts_with(route));
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        outside || OUTSIDE.contains(&path) || INSIDE.contains(&path)
    };
    let check = move |path: FullPath| {
        std::future::ready(if is_listed(path.as_str()) { Ok(()) } else { Err(warp::reject::not_found()) })
    };
    warp::path::full().and_then(check).untuple_one()
}

/// All routes.
pub(super) fn all(web: Arc<Web>) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let hook = |path: &'static str, source: Source| {
        let web = Arc::clone(&web);
        warp::path!("webhooks" / ..)
            .and(warp::path(path))
            .and(warp::path::end())
            .and(warp::post())
            .and(upload())
            .then(move |upload| webhook::receive(Sender { source, secret: None }, upload, Arc::clone(&web)))
    };
    let with_secret = |path: String| {
        // It isn't logged, nor shown in an answer.
        let decoded =
            form_urlencoded::parse(format!("={path}").as_bytes()).map(|(_, secret)| secret.into_owned()).next();
        Sender { source: Source::Jira, secret: Some(decoded.unwrap_or(path).into()) }
    };
    let get = |path: &'static str| warp::path(path).and(warp::path::end()).and(warp::get());
    let with = || {
        let web = Arc::clone(&web);
        warp::any().map(move || Arc::clone(&web))
    };
    let by_address = warp::path!("webhooks" / "jira" / String)
        .map(with_secret)
        .and(warp::post())
        .and(upload())
        .and(with())
        .then(webhook::receive);
    let in_slack = warp::path!("webhooks" / "slack").and(warp::post()).and(upload()).and(with()).then(slack::receive);
    let health = get("healthz").map(|| text(StatusCode::OK, "text/plain; charset=utf-8", "alive\n".to_owned()));
    let ready = get("readyz").and(with()).then(ready);
    let metrics = get("metrics").and(with()).then(metrics);
    let console = warp::path::end()
        .and(warp::get())
        .and(warp::ext::get::<Peer>())
        .and(warp::header::headers_cloned())
        .and(with())
        .then(console);
    let routes = hook("github", Source::Github)
        .or(hook("jira", Source::Jira))
        .unify()
        .or(by_address)
        .unify()
        .or(in_slack)
        .unify()
        .or(health)
        .unify()
        .or(ready)
        .unify()
        .or(metrics)
        .unify()
        .or(console)
        .unify()
        .or(mute::routes(Arc::clone(&web)))
        .unify()
        .or(object::routes(web))
        .unify();
    listed().and(routes)
}

/// The response if no route matches: a wrong path or method.
pub(super) async fn refuse(rejection: Rejection) -> Result<Reply, Infallible> {
    let (status, error) = if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        (StatusCode::METHOD_NOT_ALLOWED, "this path doesn't take this method")
    } else {
        (StatusCode::NOT_FOUND, "there is nothing here: webhooks go to /webhooks/github and /webhooks/jira")
    };
    Ok(text(status, "application/json", json!({ "error": error }).to_string()))
}

async fn ready(web: Arc<Web>) -> Reply {
    match web.store.ready().await {
        Ok(waiting) => {
            web.metrics.backlog(waiting);
            text(StatusCode::OK, "application/json", json!({ "status": "ready", "waiting": waiting }).to_string())
        }
        Err(error) => {
            tracing::error!(%error, "not ready");
            let body = json!({ "status": "not ready", "error": "the store cannot be read or written: see the log" });
            text(StatusCode::SERVICE_UNAVAILABLE, "application/json", body.to_string())
        }
    }
}

async fn metrics(web: Arc<Web>) -> Reply {
    match web.store.backlog().await {
        Ok(waiting) => web.metrics.backlog(waiting),
        // The other metrics are still useful.
        Err(error) => tracing::error!(%error, "failed to count the backlog"),
    }
    match web.metrics.text() {
        Ok(metrics) => text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics),
        Err(error) => {
            tracing::error!(%error, "failed to write the metrics");
            text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "no metrics\n".to_owned())
        }
    }
}

/// The console shows every team's messages, so the operator has to turn it on, and it is for people on this machine only (an SSH
/// tunnel counts).
async fn console(peer: Peer, headers: HeaderMap, web: Arc<Web>) -> Reply {
    let refused = |error: &str| text(StatusCode::FORBIDDEN, "application/json", json!({ "error": error }).to_string());
    let Some(console) = web.console else {
        return refused(
            "the console is off. `console = true` below `[server]` shows it, with every team's messages, to whoever asks from \
             this machine: see that no reverse proxy here passes on `/`",
        );
    };
    if !is_local(peer, &headers) {
        return refused("the console answers on loopback only: use an SSH tunnel");
    }
    match console.page(&web.store).await {
        Ok(page) => text(StatusCode::OK, "text/html; charset=utf-8", page),
        Err(error) => {
            tracing::error!(%error, "failed to show the console");
            text(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", "the store cannot be read\n".to_owned())
        }
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

fn text(status: StatusCode, kind: &'static str, body: String) -> Reply {
    let reply = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
        .body(body.into());
    reply.unwrap_or_default()
}
