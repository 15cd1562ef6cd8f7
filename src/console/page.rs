//! The shell that every page of the console has, and the pieces that several of them share.

use std::sync::LazyLock;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::access::{FormToken, Via, Visitor};
use super::answer::{Answer, Refused};
use crate::template::clean;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/console.js");

/// Changes when a file does, so that browsers can keep what they have.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(STYLE).chain_update(SCRIPT).finalize();
    hex::encode(&digest[..6])
});

/// The parts of the console, as the navigation shows them: the address, and the name.
const PARTS: [(&str, &str); 7] = [
    ("/", "Activity"),
    ("/deliveries", "Deliveries"),
    ("/assumptions", "Assumptions"),
    ("/teams", "Teams"),
    ("/playground", "Playground"),
    ("/map", "Map"),
    ("/audit", "Changes"),
];

/// A page: its title, the address of the part that it belongs to, and its content below the heading.
pub(super) fn page((title, part): (&str, &str), visitor: &Visitor, content: &Markup) -> Markup {
    let top = html! {
        nav aria-label="Parts of the console" {
            @for (address, name) in PARTS.into_iter().filter(|(address, _)| is_for(address, visitor)) {
                a href=(address) aria-current=[(address == part).then_some("page")] { (name) }
            }
        }
        span.visitor {
            (visitor.name)
            @if visitor.via == Via::Login { " " (logout(&visitor.form_token)) }
        }
    };
    document(title, Some(visitor), &html! { (top) }, content)
}

/// Whether a part of the console is for a visitor.
fn is_for(address: &str, visitor: &Visitor) -> bool {
    address != "/audit" || visitor.check_operate().is_ok()
}

/// A page for somebody who hasn't come in.
#[must_use]
pub fn outside(title: &str, content: &Markup) -> Markup {
    document(title, None, &html! {}, content)
}

/// The form to log out with.
#[must_use]
pub fn logout(token: &FormToken) -> Markup {
    html! { form method="post" action="/logout" { (form_token(token)) button { "Log out" } } }
}

/// What each form with `method="post"` must have, so that no other web page can send one in somebody's name. Scripts send the
/// token in the header `x-form-token` instead; they find it in `<meta name="form-token">`.
pub(super) fn form_token(token: &FormToken) -> Markup {
    html! { input type="hidden" name=(FormToken::FIELD) value=(token.as_str()); }
}

fn document(title: &str, visitor: Option<&Visitor>, top: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(visitor) = visitor { meta name="form-token" content=(visitor.form_token.as_str()); }
                title { (title) " · microalign" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(format!("/assets/style.css?{}", *VERSION));
                script src=(format!("/assets/console.js?{}", *VERSION)) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.top {
                    a.brand href="/" { "microalign" }
                    (top)
                }
                main #content tabindex="-1" {
                    h1 { (title) }
                    (content)
                }
            }
        }
    }
}

/// The address of a conversation's page. Its name is one part of the path, whatever is in it.
pub(super) fn conversation_path(thread: &str) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    format!("/conversations/{}", utf8_percent_encode(thread, PLAIN))
}

/// An address with what is chosen on a page.
pub(super) fn with_query(path: &str, chosen: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(chosen.iter().filter_map(|(name, value)| Some((name, (*value)?))));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A text out of a payload, without characters that change what is seen. Its lines stay lines.
pub(super) fn inert(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// A web address out of a payload. Others aren't linked.
pub(super) fn web_address(url: Option<&str>) -> Option<&str> {
    url.filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// The page that says why a visitor doesn't get what they asked for.
pub(super) fn refusal(refused: &Refused, visitor: &Visitor) -> Answer {
    let content = html! { p { (refused) } p { a href="/" { "Activity" } } };
    Answer::Refusal(refused.status(), page((refused.title(), ""), visitor, &content))
}

/// The stylesheet or the script, if it is one of them.
#[must_use]
pub fn asset(name: &str, version: &str) -> Option<Answer> {
    let (kind, text) = match name {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return None,
    };
    Some(Answer::Asset { kind, text, versioned: version == *VERSION })
}

/// A moment, as "5 min ago"; in full when one points at it.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> Markup {
    let full = at.strftime("%F %T UTC").to_string();
    html! { time datetime=(at) title=(full) { (ago(at, now)) } }
}

/// How long ago something was, or will be, in words.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let words = match seconds.abs() {
        seconds if seconds < 60 => return "just now".to_owned(),
        seconds if seconds < 3600 => format!("{} min", seconds / 60),
        seconds if seconds < 86400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86400),
    };
    if seconds < 0 { format!("in {words}") } else { format!("{words} ago") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn moments_in_words() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (at, words) in [
            ("2026-11-30T11:59:30Z", "just now"),
            ("2026-11-30T11:55:00Z", "5 min ago"),
            ("2026-11-30T09:00:00Z", "3 h ago"),
            ("2026-11-27T12:00:00Z", "3 d ago"),
            ("2026-11-30T12:20:00Z", "in 20 min"),
        ] {
            assert_eq!(ago(at.parse().unwrap(), now), words);
        }
    }
}
