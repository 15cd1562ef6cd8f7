//! Mutes a conversation on its page, and ends mutes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::{Action, Visitor};
use super::answer::{Answer, Refused};
use super::conversation::View;
use super::page::{conversation_path, form_token, moment};
use super::request::Asked;
use crate::mute::{By, Mute, SPANS, Scope};
use crate::store::{Found, Turn};

/// What to mute.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Wish {
    /// The conversation
    thread: String,
    /// For this team; for everybody without it
    team: Option<String>,
    /// For how long
    #[serde(rename = "for")]
    span: Span,
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
enum Span {
    /// A day
    #[serde(rename = "1d")]
    Day,
    /// A week
    #[serde(rename = "1w")]
    Week,
    /// A month
    #[serde(rename = "30d")]
    Month,
}

impl Span {
    fn time(self) -> SignedDuration {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
        };
        SignedDuration::from_hours(24 * days)
    }
}

/// What was muted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Muted {
    /// When it ends
    #[schemars(with = "String")]
    until: Timestamp,
}

/// Which mute to end.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Unwish {
    /// The conversation
    thread: String,
    /// The mute's number
    id: i64,
}

/// What was ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unmuted {
    /// It was still in force
    ended: bool,
}

/// `POST /api/v1/conversations/{thread}/mute`
pub(super) async fn mute(console: Arc<Console>, visitor: Visitor, wish: Wish) -> Result<Muted, Refused> {
    let Wish { thread, team, span } = wish;
    visitor.check_change(team.as_deref())?;
    if let Some(team) = &team
        && !teams(&console).contains(team)
    {
        return Err(Refused::Wrong(format!("there is no team `{team}`")));
    }
    let at = Timestamp::now();
    let until = at.saturating_add(span.time()).map_err(Refused::wrong)?;
    let thread = match console.store.conversation(thread.clone(), Turn::After(0), at).await? {
        Found::Here(found) => found.thread,
        Found::Elsewhere(now) => now,
        Found::Nowhere => return Err(Refused::NotFound(format!("There is no conversation `{thread}`."))),
    };
    let scope = Scope { team, thread: Some(thread), ..Scope::default() };
    let what = scope.to_string();
    let mute = Mute { scope, until: Some(until), at, by: By::Console, who: Some(visitor.name.clone()) };
    console.store.mute(mute).await?;
    console.record(&visitor, Action::Mute, what.trim()).await;
    Ok(Muted { until })
}

/// `POST /api/v1/conversations/{thread}/unmute`
pub(super) async fn unmute(console: Arc<Console>, visitor: Visitor, unwish: Unwish) -> Result<Unmuted, Refused> {
    let Unwish { thread, id } = unwish;
    let found = match console.store.conversation(thread.clone(), Turn::After(0), Timestamp::now()).await? {
        Found::Here(found) => found.mutes.into_iter().find(|(known, _)| *known == id),
        Found::Elsewhere(_) | Found::Nowhere => None,
    };
    // It ended meanwhile, or is another conversation's.
    let Some((_, mute)) = found else { return Ok(Unmuted { ended: false }) };
    visitor.check_change(mute.scope.team.as_deref())?;
    let ended = console.store.end_mute(id).await?;
    console.record(&visitor, Action::Unmute, mute.scope.to_string().trim()).await;
    Ok(Unmuted { ended })
}

/// What the form says.
#[derive(Debug, Deserialize)]
struct Form {
    team: Option<String>,
    #[serde(rename = "for")]
    span: Option<Span>,
    unmute: Option<i64>,
}

/// `POST /conversations/{thread}`
pub(super) async fn press(console: &Arc<Console>, asked: &Asked, thread: &str) -> Result<Answer, Refused> {
    let (console, visitor, thread) = (Arc::clone(console), asked.visitor.clone(), thread.to_owned());
    let back = Answer::SeeOther(conversation_path(&thread));
    match asked.form(Vec::new())? {
        Form { unmute: Some(id), .. } => {
            unmute(console, visitor, Unwish { thread, id }).await?;
        }
        Form { span: Some(span), team, .. } => {
            mute(console, visitor, Wish { thread, team, span }).await?;
        }
        Form { .. } => return Err(Refused::Wrong("Choose for how long.".to_owned())),
    }
    Ok(back)
}

/// What keeps a conversation quiet, and the forms to change that.
pub(super) fn section(console: &Console, visitor: &Visitor, view: &View) -> Markup {
    let (now, path) = (Timestamp::now(), conversation_path(&view.thread));
    let teams = teams(console).into_iter().filter(|team| visitor.may_change(Some(team))).collect::<Vec<_>>();
    let everybody = visitor.may_change(None);
    html! {
        @if !view.mutes.is_empty() {
            h2 { "Muted" }
            ul {
                @for mute in &view.mutes {
                    li {
                        "For " strong { (mute.team.as_deref().unwrap_or("everybody")) }
                        @if let Some(destination) = &mute.destination { " at " (destination) }
                        @if let Some(rule) = &mute.rule { ", rule " (rule) }
                        @match mute.until { Some(until) => { ", ends " (moment(until, now)) }, None => ", for good" }
                        ", by " bdi { (mute.by) } ". "
                        @if visitor.may_change(mute.team.as_deref()) {
                            form.inline method="post" action=(path) {
                                (form_token(&visitor.form_token))
                                button name="unmute" value=(mute.id) { "End this mute" }
                            }
                        }
                    }
                }
            }
        }
        @if everybody || !teams.is_empty() {
            details {
                summary { "Mute this conversation" }
                form.filters method="post" action=(path) {
                    (form_token(&visitor.form_token))
                    label {
                        "For"
                        select name="team" {
                            @for team in &teams { option value=(team) { (team) } }
                            @if everybody { option value="" { "everybody" } }
                        }
                    }
                    @for (value, words, _) in SPANS { button name="for" value=(value) { (words) } }
                }
            }
        }
    }
}

/// The teams in force, by name.
fn teams(console: &Console) -> Vec<String> {
    let rulebook = console.rulebook.borrow();
    let mut teams = rulebook.rules().teams().iter().map(|team| team.name.clone()).collect::<Vec<_>>();
    teams.sort_unstable();
    teams
}
