//! `/object/TOKEN`: a person who got an assumption says what is wrong with it. GET asks, and POST does it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::Web;
use super::body::{Unread, Upload, upload};
use super::page::{self, message, page, reply};
use crate::event::Event;
use crate::mute::{LinkAction, Refused};
use crate::plan::LineId;
use crate::store::{Assumption, Objected, Objection, StoreError, Through};
use crate::template::is_blank;

/// A character in a form takes up to twelve bytes.
const LIMIT: usize = 64 * 1024;
/// How long it may take to arrive.
const WITHIN: Duration = Duration::from_secs(10);

/// It is public like the routes that mute, since the token in the path decides what it may do.
pub(super) fn routes(web: Arc<Web>) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let with = warp::any().map(move || Arc::clone(&web));
    let path = warp::path("object").and(warp::path::param::<String>()).and(warp::path::end()).and(with);
    let look = path.clone().and(warp::get().or(warp::head()).unify()).then(look);
    look.or(path.and(warp::post()).and(upload()).then(press)).unify()
}

async fn look(token: String, web: Arc<Web>) -> Reply {
    match assumptions(&token, &web).await {
        Ok(found) => reply(StatusCode::OK, &ask(&found, &Form::default(), None, &web)),
        Err(answer) => answer,
    }
}

async fn press(token: String, web: Arc<Web>, upload: Upload) -> Reply {
    let found = match assumptions(&token, &web).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let form = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => Form::read(&body.bytes),
        Err(Unread::Busy) => return page::try_again(),
        Err(_) => return page::unreadable("What you wrote is too long, or did not arrive whole."),
    };
    let chosen = form.line.as_deref().map_or_else(|| found.first(), |line| of(&found, line));
    let Some((assumption, event)) = chosen.and_then(|chosen| Some((chosen, chosen.event.as_ref()?))) else {
        return page::unreadable("Choose one of the assumptions.");
    };
    if let Some(missing) = form.missing() {
        return reply(StatusCode::UNPROCESSABLE_ENTITY, &ask(&found, &form, Some(missing), &web));
    }
    match web.answers.object(form.objection(assumption.line, Timestamp::now())).await {
        Ok(objected) => answer(objected, (assumption, event), &web),
        Err(error) => trouble(&error),
    }
}

/// The assumptions that a link is about, or the response if there are none.
async fn assumptions(token: &str, web: &Web) -> Result<Vec<Assumption>, Reply> {
    let line = match page::asked(token, ("object", web)) {
        Ok(LinkAction::Object { line }) => line.parse::<LineId>().map_err(|_| page::refused(Refused::Unknown))?,
        Ok(LinkAction::Quiet(_)) => return Err(page::refused(Refused::Unknown)),
        Err(why) => return Err(page::refused(why)),
    };
    let mut found = web.store.assumptions(line).await.map_err(|error| trouble(&error))?;
    found.retain(|assumption| assumption.event.is_some());
    if found.is_empty() { Err(page::refused(Refused::Unknown)) } else { Ok(found) }
}

fn trouble(error: &StoreError) -> Reply {
    tracing::error!(%error, "failed to follow a link in a message");
    page::try_again()
}

fn of<'a>(found: &'a [Assumption], line: &str) -> Option<&'a Assumption> {
    found.iter().find(|assumption| assumption.line.to_string() == line)
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    line: Option<String>,
    by: String,
    text: String,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let field = |name: &str| url::form_urlencoded::parse(body).find(|(key, _)| key == name);
        let field = |name: &str| field(name).map(|(_, value)| value.into_owned());
        Self { line: field("line"), by: field("by").unwrap_or_default(), text: field("text").unwrap_or_default() }
    }

    /// What the author of the assumption would miss: an objection has a reason, and somebody to ask about it.
    fn missing(&self) -> Option<&'static str> {
        match (is_blank(&self.by), is_blank(&self.text)) {
            (true, true) => Some("Say who you are and why you object."),
            (true, false) => Some("Say who you are."),
            (false, true) => Some("Say why you object."),
            (false, false) => None,
        }
    }

    /// The same text from the same person is the same objection, since people press a button twice.
    fn objection(self, line: LineId, at: Timestamp) -> Objection {
        let digest = Sha256::digest(format!("{}\n{}", self.by.trim(), self.text.trim()));
        let key = format!("link:{}", hex::encode(digest));
        Objection { line, key, by: self.by, through: Through::Link, text: self.text, at }
    }
}

/// The form, with what was typed into it already, and what that lacks.
fn ask(found: &[Assumption], typed: &Form, missing: Option<&str>, web: &Web) -> Markup {
    let several = found.len() > 1;
    let first = found.first().and_then(|assumption| Some((assumption, assumption.event.as_ref()?)));
    let chosen = typed.line.as_deref().and_then(|line| of(found, line)).or_else(|| found.first());
    page(
        "Object to this assumption?",
        &html! {
            form method="post" {
                @for assumption in found {
                    @if several {
                        label {
                            input type="radio" name="line" value=(assumption.line)
                                checked[chosen.is_some_and(|chosen| chosen.line == assumption.line)];
                            (told(assumption))
                        }
                    } @else { (told(assumption)) }
                }
                @if let Some(missing) = missing { p role="alert" { strong { (missing) } } }
                label {
                    "Your name"
                    input type="text" name="by" maxlength="100" autocomplete="name" required value=(typed.by);
                }
                label { "Why you object" textarea name="text" rows="6" maxlength="4000" required { (typed.text) } }
                button name="object" value="1" { "Object" }
            }
            @if let Some(first) = first { p { small { (follows(first, web)) } } }
        },
    )
}

fn told(assumption: &Assumption) -> Markup {
    let Some(event) = &assumption.event else { return Markup::default() };
    html! {
        blockquote { (event.note.as_ref().map_or("", |note| note.text.as_str())) }
        p { (author(event)) " assumed this on " (place(event)) "; " strong { (assumption.rule.team) } " was told of it." }
    }
}

fn author(event: &Event) -> &str {
    let author = event.note.as_ref().and_then(|note| note.author.as_ref()).or(event.actor.as_ref());
    author.map_or("Somebody", |author| author.name.as_str())
}

/// The page of a note. Addresses come from payloads, so only web pages are linked.
fn place(event: &Event) -> Markup {
    let url = event.url.as_deref().or_else(|| event.about.url());
    match url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        Some(url) => html! { a href=(url) { (event.subject) } },
        None => html! { (event.subject) },
    }
}

/// What happens to an objection.
fn follows((assumption, event): (&Assumption, &Event), web: &Web) -> &'static str {
    web.tell_authors.after_objection(event, assumption.restricted)
}

fn answer(objected: Objected, (assumption, event): (&Assumption, &Event), web: &Web) -> Reply {
    match objected {
        Objected::New | Objected::Known => {
            let page = page(
                "You objected",
                &html! {
                    p { (follows((assumption, event), web)) }
                    p { "It no longer counts as agreed by " strong { (assumption.rule.team) } "." }
                },
            );
            reply(StatusCode::OK, &page)
        }
        Objected::TooMany => {
            let said = html! {
                p { "There are several objections by " strong { (assumption.rule.team) } " already, so this one is not kept." }
                p { "Say it on " (place(event)) "." }
            };
            reply(StatusCode::TOO_MANY_REQUESTS, &page("There are several already", &said))
        }
        Objected::NoSuchLine => {
            reply(StatusCode::NOT_FOUND, &message("This link does not work", "The ledger no longer has it."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_the_same_objection() {
        let key = |body: &str| {
            Form::read(body.as_bytes()).objection(LineId { delivery: 1, line: 1 }, Timestamp::UNIX_EPOCH).key
        };
        assert_eq!(key("by=Bo&text=No%21"), key("object=1&text=No!%0D%0A&by=+Bo"));
        assert_ne!(key("by=Bo&text=No%21"), key("by=Li&text=No%21"));
        assert_eq!(Form::read(b"\xff=&&text"), Form { line: None, by: String::new(), text: String::new() });
    }
}
