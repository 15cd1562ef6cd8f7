//! The pages before the console: to log in, to log out, and for whoever may not come in.

use http::header::{LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{Markup, html};
use url::form_urlencoded;
use warp::reply::Response as Reply;

use super::forged::{self, Forged};
use super::{Unread, Upload, WITHIN, refused, reply, unreadable};
use crate::console::{Gate, NotLoggedIn, Stranger, logout, outside};

/// The form to log out has a token alone.
const LIMIT: usize = 4 * 1024;

/// `GET /login?back=PATH`: sends a browser to the provider.
pub(super) async fn begin(gate: &Gate, query: &str) -> Reply {
    let back = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "back");
    let back = back.map_or_else(|| "/".into(), |(_, path)| path);
    match gate.begin(&back).await {
        Ok(login) => {
            let mut reply = see_other(&login.to);
            set_cookie(&mut reply, gate.cookies().login(), &login.cookie, gate);
            reply
        }
        Err(why) => not_logged_in(&why, &back),
    }
}

/// `GET /login/done`: where the provider sends a browser back to.
pub(super) async fn finish(gate: &Gate, query: &str, headers: &HeaderMap) -> Reply {
    match gate.finish(query, headers).await {
        Ok((token, back)) => {
            let mut reply = see_other(&back);
            set_cookie(&mut reply, gate.cookies().session(), &token, gate);
            end_cookie(&mut reply, gate.cookies().login(), gate);
            reply
        }
        Err(why) => not_logged_in(&why, "/"),
    }
}

/// `POST /logout`
pub(super) async fn end(gate: &Gate, upload: Upload) -> Reply {
    let headers = upload.headers().clone();
    let body = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => body.bytes.clone(),
        Err(unread @ (Unread::Busy | Unread::TooLarge | Unread::TooSlow | Unread::Broken)) => {
            return unreadable(unread);
        }
    };
    let mut reply = page(
        StatusCode::OK,
        "Logged out",
        &html! {
            p { "You are logged out here. The login provider may still know you: then the next login asks for nothing." }
            (log_in("/"))
        },
    );
    // Of a form on another site, browsers leave the cookie out: then there is nobody to log out, and the cookie stays.
    let Some(token) = gate.logout_token(&headers) else { return reply };
    if let Err(why) = forged::checked(&headers, body, (&token, gate.public_url())) {
        return forged(&why);
    }
    if let Err(error) = gate.end(&headers).await {
        return failed(&error);
    }
    end_cookie(&mut reply, gate.cookies().session(), gate);
    reply
}

/// The answer to somebody who may not come in; `path` is what they asked for.
pub(super) fn turned_away(stranger: Stranger, path: &str) -> Reply {
    let is_script = path.starts_with("/api/");
    match stranger {
        Stranger::Elsewhere => refused(
            StatusCode::FORBIDDEN,
            "the console answers on loopback only: use an SSH tunnel, or set up `[console]`",
        ),
        Stranger::WrongToken => unauthorized("the token in `Authorization` isn't one of `[console.tokens]`"),
        Stranger::LogIn { .. } if is_script => {
            unauthorized("log in, or send a token from `[console.tokens]`: `Authorization: Bearer TOKEN`")
        }
        Stranger::LogIn { here } => page(
            StatusCode::UNAUTHORIZED,
            "Log in",
            &html! {
                @if here {
                    p { "What teams heard is for people who work on it." }
                    (log_in(path))
                } @else {
                    p { "This console is behind another login: open it by the address that your team uses for it." }
                }
            },
        ),
        Stranger::WithoutRole { who, .. } if is_script => {
            refused(StatusCode::FORBIDDEN, &format!("{who} has no role in `[console]`"))
        }
        Stranger::WithoutRole { who, unverified, form_token } => page(
            StatusCode::FORBIDDEN,
            "Not allowed",
            &html! {
                p {
                    "You are logged in as " strong { (who) } ", who has no role here. Ask whoever runs microalign for one: "
                    code { "view" } " to see what teams heard, " code { "team" } " to change something for a team, or "
                    code { "operate" } "."
                }
                @if unverified {
                    p { "The login provider hasn't verified your mail address, so roles for addresses don't count for you." }
                }
                @if let Some(token) = form_token { (logout(&token)) }
            },
        ),
        Stranger::Store(error) => failed(&error),
    }
}

/// The answer to a form that another page sent.
pub(super) fn forged(why: &Forged) -> Reply {
    page(
        StatusCode::FORBIDDEN,
        "That did not work",
        &html! {
            p { "Nothing was changed: " (why) "." }
            p { a href="/" { "Activity" } }
        },
    )
}

fn not_logged_in(why: &NotLoggedIn, back: &str) -> Reply {
    let status = match why {
        NotLoggedIn::NoProvider => StatusCode::NOT_FOUND,
        NotLoggedIn::ProviderDown => StatusCode::SERVICE_UNAVAILABLE,
        NotLoggedIn::Lost => StatusCode::BAD_REQUEST,
        NotLoggedIn::Refused(_) | NotLoggedIn::Invalid => StatusCode::FORBIDDEN,
        NotLoggedIn::Store(error) => return failed(error),
    };
    page(
        status,
        "Not logged in",
        &html! {
            p { (why) }
            @if !matches!(why, NotLoggedIn::NoProvider) { (log_in(back)) }
        },
    )
}

fn log_in(back: &str) -> Markup {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
    html! { p { a.button href=(format!("/login?{query}")) { "Log in" } } }
}

fn failed(error: &crate::store::StoreError) -> Reply {
    tracing::error!(%error, "failed to find out who asks for the console");
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Try again in a minute",
        &html! { p { "The store cannot be read or written." } },
    )
}

fn page(status: StatusCode, title: &str, content: &Markup) -> Reply {
    reply(status, "text/html; charset=utf-8", outside(title, content).into_string())
}

fn unauthorized(error: &str) -> Reply {
    let mut reply = refused(StatusCode::UNAUTHORIZED, error);
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

fn see_other(to: &str) -> Reply {
    let Ok(to) = HeaderValue::from_str(to) else {
        tracing::error!(to, "our fault: an address can't be written");
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "this failed: see the log");
    };
    let mut other = reply(StatusCode::SEE_OTHER, "text/html; charset=utf-8", "");
    other.headers_mut().insert(LOCATION, to);
    other
}

/// Sets a cookie that scripts don't see, and that other sites' forms don't bring. It ends with the browser, or before.
fn set_cookie(reply: &mut Reply, name: &str, value: &str, gate: &Gate) {
    append_cookie(reply, &format!("{name}={value}"), gate);
}

fn end_cookie(reply: &mut Reply, name: &str, gate: &Gate) {
    append_cookie(reply, &format!("{name}=; Max-Age=0"), gate);
}

fn append_cookie(reply: &mut Reply, cookie: &str, gate: &Gate) {
    let secure = if gate.cookies().secure { "; Secure" } else { "" };
    match HeaderValue::from_str(&format!("{cookie}; Path=/; HttpOnly; SameSite=Lax{secure}")) {
        Ok(mut cookie) => {
            cookie.set_sensitive(true);
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
        Err(error) => tracing::error!(%error, "our fault: a cookie can't be written"),
    }
}
