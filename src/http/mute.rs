//! `/mute/TOKEN` and `/unsubscribe/TOKEN`: GET asks and changes nothing, since mail scanners follow every link; POST does
//! it, from the page's form or from a mail program's button (RFC 8058).

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use maud::{Markup, html};
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::Web;
use super::body::{Unread, Upload, upload};
use super::page::{self, message, page, reply};
use crate::mute::{By, LinkAction, Mute, Quiet, Refused, SPANS, end};
use crate::store::{Store, StoreError};

/// Our own form has a few bytes, and so has a mail program's.
const LIMIT: usize = 4 * 1024;
/// How long it may take to arrive.
const WITHIN: Duration = Duration::from_secs(10);

/// The choice if the form contains none.
const WEEK: i64 = 7;

/// Both routes. They are public, since the token in the path decides what they may do.
pub(super) fn routes(web: Arc<Web>) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let path = |route: &'static str| {
        let web = Arc::clone(&web);
        let with = warp::any().map(move || (route, Arc::clone(&web)));
        warp::path(route).and(warp::path::param::<String>()).and(warp::path::end()).and(with)
    };
    let either = path("mute").or(path("unsubscribe")).unify().map(asked).untuple_one();
    let look = either.clone().and(warp::get().or(warp::head()).unify()).map(|read, _| self::look(read));
    let press = either.and(warp::post()).and(upload()).then(press);
    look.or(press).unify()
}

type Read = Result<Quiet, Refused>;

fn asked(token: String, (route, web): (&'static str, Arc<Web>)) -> (Read, Arc<Web>) {
    let read = page::asked(&token, (route, &web)).and_then(|asked| match asked {
        LinkAction::Quiet(quiet) => Ok(quiet),
        LinkAction::Object { .. } => Err(Refused::Unknown),
    });
    (read, web)
}

fn look(read: Read) -> Reply {
    match read {
        Ok(asked) => reply(StatusCode::OK, &ask(&asked)),
        Err(why) => page::refused(why),
    }
}

async fn press(read: Read, web: Arc<Web>, upload: Upload) -> Reply {
    let asked = match read {
        Ok(asked) => asked,
        Err(why) => return page::refused(why),
    };
    let body = match upload.read(LIMIT, WITHIN).await {
        Ok(body) => body,
        Err(Unread::Busy) => return page::try_again(),
        Err(Unread::TooLarge | Unread::TooSlow | Unread::Broken) => {
            return page::unreadable("The form is too long or incomplete.");
        }
    };
    let Some(form) = Form::read(&body.bytes) else {
        return page::unreadable("Choose one of the times.");
    };
    match form.act(&asked, &web.store).await {
        Ok(page) => reply(StatusCode::OK, &page),
        Err(error) => {
            tracing::error!(%error, "failed to follow a link in a message");
            page::try_again()
        }
    }
}

/// What the person chose.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    undo: bool,
    days: i64,
    by: By,
}

impl Form {
    /// Mail programs send `List-Unsubscribe=One-Click`, sometimes as `multipart/form-data`.
    fn read(body: &[u8]) -> Option<Self> {
        let field = |name: &str| url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
        let days = match field("for") {
            Some(chosen) => SPANS.iter().find(|(value, ..)| *value == chosen)?.2,
            None => WEEK,
        };
        let by = if String::from_utf8_lossy(body).contains("List-Unsubscribe") { By::Mail } else { By::Link };
        Some(Self { undo: field("undo").is_some(), days, by })
    }

    async fn act(&self, asked: &Quiet, store: &Store) -> Result<Markup, StoreError> {
        if self.undo {
            store.take_back(asked.scope()).await?;
            tracing::info!("undone by a link in a message");
            return Ok(undone(asked));
        }
        let at = Timestamp::now();
        let until = match asked {
            Quiet::Mute { .. } => Some(at + jiff::SignedDuration::from_hours(24 * self.days)),
            Quiet::Unsubscribe { .. } => None,
        };
        store.mute(Mute { scope: asked.scope(), until, at, by: self.by, who: None }).await?;
        tracing::info!(by = %self.by, "muted by a link in a message");
        Ok(done(asked, until))
    }
}

fn ask(asked: &Quiet) -> Markup {
    match asked {
        Quiet::Mute { team, thread } => page(
            &format!("Mute {thread} for {team}?"),
            &html! {
                p { "Nobody in " strong { (team) } " hears of " strong { (thread) } " while it is muted. Other teams still hear of it." }
                form method="post" {
                    @for (value, words, _) in SPANS { button name="for" value=(value) { (words) } }
                }
            },
        ),
        Quiet::Unsubscribe { team, to } => page(
            "Unsubscribe?",
            &html! {
                p { strong { (to) } " then gets no more of what " strong { (team) } " asked to hear." }
                form method="post" { button name="unsubscribe" value="1" { "Unsubscribe" } }
            },
        ),
    }
}

fn done(asked: &Quiet, until: Option<Timestamp>) -> Markup {
    let (title, said, command) = match asked {
        Quiet::Mute { team, thread } => (
            format!("{thread} is muted"),
            format!("{team} hears no more of {thread} {}.", end(until)),
            quoted(thread).map(|thread| format!("microalign unmute {thread} --team {team}")),
        ),
        Quiet::Unsubscribe { team, to } => (
            "Unsubscribed".to_owned(),
            format!("{to} gets no more of what {team} asked to hear."),
            quoted(&to.to_string()).map(|to| format!("microalign unmute --to {to} --team {team}")),
        ),
    };
    page(
        &title,
        &html! {
            p { (said) }
            form method="post" { button name="undo" value="1" { "Undo" } }
            @if let Some(command) = command {
                p { small { "Whoever runs microalign can undo it later: " code { (command) } } }
            }
        },
    )
}

/// A word for a command that somebody may paste. The name of a branch can contain anything, even quotes.
fn quoted(word: &str) -> Option<String> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./#:@+".contains(c));
    plain.then(|| format!("'{word}'"))
}

fn undone(asked: &Quiet) -> Markup {
    let said = match asked {
        Quiet::Mute { team, thread } => format!("{team} hears of {thread} again."),
        Quiet::Unsubscribe { team, to } => format!("{to} gets what {team} asked to hear again."),
    };
    message("Undone", &format!("{said} What happened in the meantime isn't sent."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_branch_becomes_a_command() {
        assert_eq!(quoted("acme/ingest:it's"), None);
        assert_eq!(quoted("acme/ingest#45").as_deref(), Some("'acme/ingest#45'"));
    }

    #[test]
    fn what_forms_and_mail_programs_send() {
        let form = |undo, days, by| Some(Form { undo, days, by });
        let multipart =
            "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        for (body, expected) in [
            ("", form(false, 7, By::Link)),
            ("for=1d", form(false, 1, By::Link)),
            ("for=30d", form(false, 30, By::Link)),
            ("for=9999d", None),
            ("undo=1", form(true, 7, By::Link)),
            ("List-Unsubscribe=One-Click", form(false, 7, By::Mail)),
            (multipart, form(false, 7, By::Mail)),
        ] {
            assert_eq!(Form::read(body.as_bytes()), expected, "{body}");
        }
    }
}
