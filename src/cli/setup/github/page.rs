//! The page on this machine that sends the App's manifest to GitHub, and receives the code that GitHub sends back.
//!
//! Other users of this machine can reach it too, and other pages in the browser can send requests to it. So its path
//! contains a secret, and GitHub's answer must contain another one. Otherwise somebody could make us use an App of
//! theirs.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{Response, StatusCode};
use maud::{Markup, html};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;
use warp::Filter as _;
use warp::reply::Response as Reply;

use crate::cli::{Failure, fresh_secret};
use crate::console::document;
use crate::event::Source;
use crate::source::signature;

/// Where GitHub sends the browser back to.
pub(super) const MADE: &str = "/made";

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; }
button { font: inherit; padding: .4rem 1rem; margin: .3rem 0; cursor: pointer; }
td { padding: 0 1.5rem .2rem 0; vertical-align: top; }
";

/// The page, before it is shown.
pub(super) struct Page {
    listener: TcpListener,
    pub port: u16,
    /// The address to open, which nobody else knows
    pub url: String,
    target: Url,
    key: String,
    state: SecretString,
}

/// The query with which GitHub sends the browser back.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

impl Page {
    /// Starts to listen. The page's form is sent to `target`.
    pub(super) async fn open(port: u16, target: Url) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|error| Failure::Wrong(format!("the page can't use port {port}: {error}")))?;
        let port = listener.local_addr()?.port();
        let (key, state) = (fresh_secret()?.expose_secret().to_owned(), fresh_secret()?);
        Ok(Self { listener, port, url: format!("http://127.0.0.1:{port}/{key}"), target, key, state })
    }

    /// Serves the page until GitHub sends the browser back, and returns the code.
    pub(super) async fn code(self, manifest: &Value) -> Result<String, Failure> {
        let (tell, mut told) = mpsc::channel(1);
        let Self { listener, mut target, key, state, .. } = self;
        target.query_pairs_mut().append_pair("state", state.expose_secret());
        let (start, target) = (start(&target, manifest), Arc::new(origin(&target)));
        let first = {
            let target = Arc::clone(&target);
            warp::path::param::<String>().and(warp::path::end()).and_then(move |asked: String| {
                let page = (asked == key).then(|| reply(StatusCode::OK, &start, &target));
                async { page.ok_or_else(warp::reject::not_found) }
            })
        };
        let made = warp::path(&MADE[1..]).and(warp::path::end()).and(warp::query()).map(move |back: Back| {
            let (status, page) = take(back, &state, &tell);
            reply(status, &page, &target)
        });
        let routes = warp::get().and(made.or(first).unify());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = warp::serve(routes).incoming(listener).graceful(async { drop(stopped.await) });
        let server = tokio::spawn(server.run());
        let code = told.recv().await;
        drop(stop);
        // The last response is on its way; connections that a browser keeps open don't matter.
        drop(tokio::time::timeout(std::time::Duration::from_secs(1), server).await);
        code.ok_or_else(|| Failure::Wrong("the page ended early".to_owned()))
    }
}

/// The response to a browser that comes back.
fn take(back: Back, state: &SecretString, tell: &mpsc::Sender<String>) -> (StatusCode, Markup) {
    // Compared in constant time, like signatures.
    let signed = signature::sign(&back.state.into(), MADE.as_bytes());
    let ours = signature::verify(Source::Github, Some(&signed), MADE.as_bytes(), std::slice::from_ref(state)).is_ok();
    if !ours || back.code.is_empty() {
        let said = "This doesn't come from the page that `microalign github setup` shows now. Start again from there.";
        return (StatusCode::FORBIDDEN, message("That did not work", said));
    }
    match tell.try_send(back.code) {
        Ok(()) => {
            (StatusCode::OK, message("GitHub created the App", "Go back to the terminal: it says what to do next."))
        }
        Err(_) => (StatusCode::CONFLICT, message("This was done already", "Go back to the terminal.")),
    }
}

fn start(target: &Url, manifest: &Value) -> Markup {
    let owner = target.path().strip_prefix("/organizations/").and_then(|path| path.split('/').next());
    let host = target.host_str().unwrap_or_default();
    let list = |key: &str, part: fn((&String, &Value)) -> String| {
        let parts = manifest[key].as_object().map(|object| object.iter().map(part).collect::<Vec<_>>());
        parts.unwrap_or_default().join(", ")
    };
    let may = list("default_permissions", |(name, level)| {
        format!("{} ({})", name.replace('_', " "), level.as_str().unwrap_or_default())
    });
    let events = manifest["default_events"].as_array().into_iter().flatten();
    let hears = events.filter_map(Value::as_str).collect::<Vec<_>>().join(", ").replace('_', " ");
    page(
        "Connect GitHub",
        &html! {
            p {
                "GitHub will create an App for microalign that belongs to "
                @match owner { Some(owner) => strong { (owner) }, None => "your own account" }
                ". Sign in to " a href=(origin(target)) target="_blank" rel="noreferrer" { (host) } " first; then the button leads \
                there, and you can choose another name for it."
            }
            table {
                tr { td { "Sends to" } td { (manifest["hook_attributes"]["url"].as_str().unwrap_or_default()) } }
                tr { td { "May" } td { (may) } }
                tr { td { "Receives" } td { (hears) } }
            }
            p { "It writes nothing but comments, and only where your rules ask for them." }
            form method="post" action=(target) {
                input type="hidden" name="manifest" value=(manifest);
                button { "Create the App on " (host) }
            }
        },
    )
}

fn message(title: &str, said: &str) -> Markup {
    page(title, &html! { p { (said) } })
}

fn page(title: &str, content: &Markup) -> Markup {
    document(&format!("{title} · microalign"), STYLE, &html! { h1 { (title) } (content) })
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The form may be sent only to GitHub, which learns the origin but not the path.
fn reply(status: StatusCode, page: &Markup, target: &str) -> Reply {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action {target}; base-uri 'none'; frame-ancestors 'none'"
    );
    let reply = Response::builder()
        .status(status)
        .header("content-type", "text/html; charset=utf-8")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .header("referrer-policy", "strict-origin")
        .header("content-security-policy", policy)
        .body(page.0.clone().into());
    reply.unwrap_or_default()
}
