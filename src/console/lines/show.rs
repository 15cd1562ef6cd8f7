//! How lines look on pages.

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::{AgreementView, EventView, LineView, ObjectionView, SendView};
use crate::channel;
use crate::console::page::{moment, web_address};
use crate::store::EntryState;

impl EventView {
    /// One line: what happened to what, and who did it.
    pub(in crate::console) fn heading(&self, now: Timestamp) -> Markup {
        html! {
            @match &self.kind {
                Some(kind) => strong { (kind) },
                None => strong { "Something happened" },
            }
            " "
            @match web_address(self.url.as_deref()) {
                Some(url) => a href=(url) rel="noreferrer" { (self.subject) },
                None => span { (self.subject) },
            }
            @if let Some(actor) = &self.actor { " by " bdi { (actor) } }
            @if self.edits { " (edited)" }
            @if self.takes_back { " (taken back)" }
            " " span.when { (moment(self.at, now)) }
        }
    }

    /// What was said with it.
    pub(in crate::console) fn words(&self) -> Markup {
        html! {
            @if let Some(change) = &self.change { p.reason { bdi { (change) } } }
            @if let Some(note) = &self.note { blockquote.note dir="auto" { (note) } }
            @if let Some(comment) = &self.comment { blockquote dir="auto" { (comment) } }
            @if let Some(hidden) = self.hidden { p.reason { (hidden.describe()) } }
        }
    }
}

impl LineView {
    /// What a team was told, or why it wasn't.
    pub(in crate::console) fn show(&self, now: Timestamp) -> Markup {
        let quiet = matches!(self.state, EntryState::Suppressed | EntryState::Ignored | EntryState::Superseded);
        html! {
            article.card.quiet[quiet] {
                header {
                    span class=(format!("state {}", self.state)) { (self.state) }
                    @if let (Some(team), Some(rule)) = (&self.team, &self.rule) { span { (team) " / " (rule) } }
                    @if self.tells_author { span { "to the author" } }
                    @if self.carries_answer { span { "answer" } }
                    span.when { (self.line) " · " (moment(self.at, now)) }
                }
                @if let Some(message) = &self.message {
                    h3 dir="auto" { (message.subject) }
                    div.message dir="auto" { (PreEscaped(channel::html_body(message))) }
                }
                @if let Some(hidden) = self.hidden { p.reason { (hidden.describe()) } }
                p.reason { (self.reason) }
                @if let Some(until) = self.object_by { p.reason { "The time to object ends " (moment(until, now)) "." } }
                @for send in &self.sends { (send.show(now)) }
                @for objection in &self.objections { (objection.show(now)) }
                @for agreement in &self.agreements { (agreement.show(now)) }
            }
        }
    }
}

impl LineView {
    /// Where an assumption was told, until when the team can object, and who did.
    pub(in crate::console) fn what_came(&self, now: Timestamp) -> Markup {
        html! {
            @if let Some(until) = self.object_by { span.soft { ", the time to object ends " (moment(until, now)) } }
            p.reason { (self.line) ": " (self.reason) }
            @for send in &self.sends { (send.show(now)) }
            @for objection in &self.objections { (objection.show(now)) }
            @for agreement in &self.agreements { (agreement.show(now)) }
        }
    }
}

impl SendView {
    fn show(&self, now: Timestamp) -> Markup {
        html! {
            p.reason {
                "→ " (self.destination) ": " span class=(self.state.as_str()) { (self.state.as_str()) }
                @if self.attempts > 1 { ", attempt " (self.attempts) }
                @if let Some(next) = self.next { ", next " (moment(next, now)) }
                @if let Some(error) = &self.error { ": " bdi { (error) } }
            }
        }
    }
}

impl ObjectionView {
    /// Who objected, and with which words.
    pub(super) fn show(&self, now: Timestamp) -> Markup {
        html! {
            div.note {
                p {
                    strong { bdi { (self.by.as_deref().unwrap_or("Somebody")) } }
                    " objected by " (self.through) " " span.when { (moment(self.at, now)) }
                }
                @if let Some(text) = &self.text { blockquote dir="auto" { (text) } }
                @if let Some(hidden) = self.hidden { p.reason { (hidden.describe()) } }
            }
        }
    }
}

impl AgreementView {
    /// Who agreed, and when.
    pub(super) fn show(&self, now: Timestamp) -> Markup {
        html! {
            p.reason {
                strong { bdi { (self.by.as_deref().unwrap_or("Somebody")) } }
                " agreed in " (self.through) " " span.when { (moment(self.at, now)) }
            }
        }
    }
}
