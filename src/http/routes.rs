//! The routes, and who may use them.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::body::upload;
use super::webhook::Sender;
use super::{Part, Web, console, mute, object, slack, webhook};
use crate::console::PATHS;
use crate::event::Source;
use crate::store::Peer;

/// The paths that have to be reachable from outside: a reverse proxy lets in these. What ends with `/` stands for all below it.
pub const OUTSIDE: [&str; 5] = ["/webhooks/", "/mute/", "/unsubscribe/", "/object/", "/healthz"];
/// The paths that show what happens inside, beside those of the console.
pub const INSIDE: [&str; 2] = ["/readyz", "/metrics"];
/// The path that is wherever the service listens.
const HEALTH: &str = "/healthz";

/// Refuses every path that is in none of the lists, so that no route is left out of them.
fn listed(part: Part) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    let lists: &[&[&str]] = match part {
        Part::All => &[&OUTSIDE, &INSIDE, &PATHS],
        Part::Service => &[&OUTSIDE, &INSIDE],
        Part::Console => &[&PATHS, &[HEALTH]],
    };
    let check = move |path: FullPath| {
        let is_listed = lists.iter().any(|paths| is_one_of(paths, path.as_str()));
        std::future::ready(if is_listed { Ok(()) } else { Err(warp::reject::not_found()) })
    };
    warp::path::full().and_then(check).untuple_one()
}

/// Whether a path is one of these, or below one that ends with `/`.
pub(super) fn is_one_of(paths: &[&str], path: &str) -> bool {
    let bare = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    paths.iter().any(|known| *known == bare || (*known != "/" && known.ends_with('/') && path.starts_with(known)))
}

/// All routes at an address.
pub(super) fn all(web: Arc<Web>, part: Part) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
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
        .or(console::routes(Arc::clone(&web)))
        .unify()
        .or(mute::routes(Arc::clone(&web)))
        .unify()
        .or(object::routes(web))
        .unify();
    listed(part).and(routes)
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
            let mut body = json!({ "status": "ready", "waiting": waiting });
            let replicas = web.store.replicas();
            if !replicas.is_empty() {
                body["replicas"] = replicas.iter().map(|peer| shown(peer, &replicas)).collect();
            }
            text(StatusCode::OK, "application/json", body.to_string())
        }
        Err(error) => {
            tracing::error!(%error, "not ready");
            let body = json!({ "status": "not ready", "error": "the store cannot be read or written: see the log" });
            text(StatusCode::SERVICE_UNAVAILABLE, "application/json", body.to_string())
        }
    }
}

/// A replica, beside the one that plans, whose rules are in force.
fn shown(peer: &Peer, all: &[Peer]) -> Value {
    json!({ "name": peer.name, "plans": peer.plans, "other_rules": peer.has_other_rules(all) })
}

async fn metrics(web: Arc<Web>) -> Reply {
    web.gauge.read(&web.store, &web.metrics).await;
    match web.metrics.text() {
        Ok(metrics) => text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics),
        Err(error) => {
            tracing::error!(%error, "failed to write the metrics");
            text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "no metrics\n".to_owned())
        }
    }
}

pub(super) fn text(status: StatusCode, kind: &'static str, body: String) -> Reply {
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
