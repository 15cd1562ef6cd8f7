//! Pages for people who followed a link in a message: small, without scripts, and private.

use http::{Response, StatusCode};
use jiff::Timestamp;
use maud::{Markup, html};
use warp::reply::Response as Reply;

use super::Web;
use crate::console;
use crate::mute::{LinkAction, Refused};

const STYLE: &str = "
:root { color-scheme: light dark; color: CanvasText; background: Canvas; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; }
button { font: inherit; padding: .4rem 1rem; margin: .3rem .5rem .3rem 0; cursor: pointer; }
label { display: block; margin: .6rem 0; }
input[type=text], textarea { font: inherit; display: block; box-sizing: border-box; width: 100%; padding: .3rem; }
blockquote { margin: 1rem 0; padding-left: .8rem; border-left: 3px solid; }
small { opacity: .85; }
";

/// What the token in a path does. It works only on its own route.
pub(super) fn asked(token: &str, (route, web): (&str, &Web)) -> Result<LinkAction, Refused> {
    let asked = web.links.read(token, Timestamp::now())?;
    if asked.route() == route { Ok(asked) } else { Err(Refused::Unknown) }
}

/// The response to a link that does nothing.
pub(super) fn refused(why: Refused) -> Reply {
    let (status, title, said) = match why {
        Refused::Unknown => (
            StatusCode::NOT_FOUND,
            "This link does not work",
            "Part of it may be missing: open it from the message itself.",
        ),
        Refused::Expired => {
            (StatusCode::GONE, "This link has expired", "Links work for 90 days. Newer messages have fresh ones.")
        }
    };
    reply(status, &message(title, said))
}

/// The response to a form that can't be read.
pub(super) fn unreadable(said: &str) -> Reply {
    reply(StatusCode::BAD_REQUEST, &message("That did not work", said))
}

/// The response when the service fails.
pub(super) fn try_again() -> Reply {
    reply(StatusCode::SERVICE_UNAVAILABLE, &message("That did not work", "Please try again in a minute."))
}

/// A page with one sentence.
pub(super) fn message(title: &str, said: &str) -> Markup {
    page(title, &html! { p { (said) } })
}

/// A page.
pub(super) fn page(title: &str, content: &Markup) -> Markup {
    let body = html! { main { h1 { (title) } (content) } };
    console::document(&format!("{title} · microalign"), STYLE, &body)
}

/// A page, with headers that keep it from being stored, indexed or embedded.
pub(super) fn reply(status: StatusCode, page: &Markup) -> Reply {
    let reply = Response::builder()
        .status(status)
        .header("content-type", "text/html; charset=utf-8")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("x-robots-tag", "noindex, nofollow")
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        )
        .body(page.0.clone().into());
    reply.unwrap_or_default()
}
