//! The page of an event.

use jiff::Timestamp;
use maud::{Markup, html};

use super::Console;
use super::access::{FormToken, Role, Visitor};
use super::answer::{Answer, Refused};
use super::event::{Happening, Judged, Line, Meant, Told, pretty, retry, told};
use super::page::{ago, form_token, page};
use super::request::Asked;

/// `GET /events/{id}`: of a delivery; of a line, the page of its delivery at its place.
pub(super) async fn event(console: &Console, asked: &Asked, id: &str) -> Result<Answer, Refused> {
    if let Some((delivery, _)) = id.split_once('.') {
        let delivery = number(delivery)?;
        return Ok(Answer::SeeOther(format!("/events/{delivery}#{}", line_of(delivery, id)?)));
    }
    let told = told(console, &asked.visitor, number(id)?).await?;
    let title = format!("Event {}", told.delivery);
    Ok(Answer::Page(page((&title, "/"), &asked.visitor, &content(&told, &asked.visitor, Timestamp::now()))))
}

/// `POST /events/{id}/retry`
pub(super) async fn retry_line(console: &Console, asked: &Asked, id: &str) -> Result<Answer, Refused> {
    let line = retry(console, &asked.visitor, id).await?;
    Ok(Answer::SeeOther(format!("/events/{}#{line}", line.delivery)))
}

fn number(text: &str) -> Result<i64, Refused> {
    text.parse().map_err(|_| Refused::NotFound("There is no such event.".to_owned()))
}

/// The name of a line, from a path.
fn line_of(delivery: i64, id: &str) -> Result<String, Refused> {
    let line = id.split_once('.').map(|(_, line)| number(line)).transpose()?.unwrap_or(1);
    Ok(format!("{delivery}.{line}"))
}

fn content(told: &Told, visitor: &Visitor, now: Timestamp) -> Markup {
    let may_try = visitor.role != Role::View;
    html! {
        p.lead { "What came in, what it meant, what each rule made of it, and what happened since." }
        section {
            h2 { "What came in" }
            dl.facts {
                dt { "Webhook" } dd { (told.source) @if let Some(name) = &told.name { " " code { (name) } } }
                dt { "Received" } dd { (time(&told.received, now)) }
                dt { "The sender's id" } dd { code { (told.key) } }
            }
            (payload(told))
        }
        @if told.withheld {
            p.note { "Some of this event may be read by other teams only." }
        } @else {
            section {
                h2 { "What it meant" }
                @if told.events.is_empty() { p { "No event that rules can ask for." } }
                @for event in &told.events { (meant(event, now)) }
            }
            @if !told.events.is_empty() {
                (rules(&told.rules))
                @if may_try { p { a href=(format!("/playground?delivery={}", told.delivery)) { "Try a change of the rules on it" } } }
            }
        }
        section {
            h2 { "What became of it" }
            @if told.lines.is_empty() { p { "Nothing yet: it waits to be read." } }
            @for one in &told.lines { (line(one, (told, &visitor.form_token), now)) }
        }
    }
}

fn payload(told: &Told) -> Markup {
    html! {
        @if let Some(payload) = &told.payload {
            @let (text, cut) = pretty(payload);
            details {
                summary { "Payload" }
                p.soft { "Secrets, mail addresses and what people wrote are left out: texts may have been edited or deleted since." }
                pre tabindex="0" { (text) }
                @if cut { p.soft { "The rest is left out, too." } }
            }
        } @else if told.payload_deleted {
            p.soft { "The payload was deleted: " code { "[store] keep_bodies" } " says how long payloads are kept." }
        }
    }
}

fn meant(event: &Meant, now: Timestamp) -> Markup {
    html! {
        dl.facts {
            dt { "Event" } dd { code { (event.kind) } }
            dt { "About" } dd {
                @match event.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
                    Some(url) => a href=(url) rel="noreferrer" { (event.subject) },
                    None => (event.subject),
                }
            }
            @if let Some(actor) = &event.actor { dt { "By" } dd { (actor) } }
            dt { "Happened" } dd { (time(&event.at, now)) }
            dt { "Conversation" } dd { (event.thread) }
            @if !event.tickets.is_empty() { dt { "Tickets" } dd { (event.tickets.join(", ")) } }
            @if let Some(undoes) = &event.undoes { dt { "Not news" } dd { (undoes) } }
        }
    }
}

fn rules(judged: &[Judged]) -> Markup {
    html! {
        section {
            h2 { "What each rule makes of it" }
            @if judged.is_empty() { p { "There are no rules." } } @else {
                p.soft { "As the rules are now. What they made of it when it came is below." }
                div.wide tabindex="0" role="region" aria-label="What each rule makes of it" {
                    table {
                        thead { tr { th scope="col" { "Team" } th scope="col" { "Rule" } th scope="col" { "Verdict" } th scope="col" { "Because" } } }
                        tbody {
                            @for Judged { team, rule, matches, because } in judged {
                                tr {
                                    td { (team) }
                                    td { (rule) }
                                    td { @if *matches { span.matched { "matched" } } @else { "not matched" } }
                                    td { (because) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn line(line: &Line, (told, token): (&Told, &FormToken), now: Timestamp) -> Markup {
    let Line { update, steps, retry } = line;
    html! {
        article.card id=(update.id) {
            h3 {
                (update.id) " · "
                @match (&update.team, &update.rule) {
                    (Some(team), Some(rule)) => { (team) " / " (rule) },
                    _ => { "no rule" },
                }
                " · " span class=(format!("state {}", update.state)) { (update.state) }
            }
            ol.timeline {
                li { (time(&told.received, now)) " received" }
                @for step in steps { (happening(step, now)) }
            }
            @if let Some(title) = &update.title {
                details { summary { "Message: " (title) } @if let Some(text) = &update.text { pre tabindex="0" { (text) } } }
            }
            @for send in &update.sends {
                p.reason {
                    "→ " (send.destination) ": " (send.state)
                    @if let Some(error) = &send.error { ": " (error) }
                }
            }
            @if *retry {
                form method="post" action=(format!("/events/{}/retry", update.id)) {
                    (form_token(token))
                    button type="submit" { "Retry " (update.id) }
                }
            }
        }
    }
}

fn happening(step: &Happening, now: Timestamp) -> Markup {
    html! {
        li {
            (time(&step.at, now)) " "
            @if let Some(attempt) = step.attempt {
                "attempt " (attempt) @if let Some(to) = &step.destination { " to " (to) } ": "
            }
            span class=(format!("state {}", step.what)) { (step.what) }
            @if !step.words.is_empty() { ": " (step.words) }
            @if let Some(by) = &step.by { ", by " a href=(format!("/events/{by}")) { (by) } }
        }
    }
}

/// A time that is kept as text, in full: here it matters what came before what.
fn time(at: &str, now: Timestamp) -> Markup {
    match at.parse::<Timestamp>() {
        Ok(at) => html! {
            time datetime=(at) { (at.strftime("%F %T UTC").to_string()) } span.soft { " (" (ago(at, now)) ")" }
        },
        Err(_) => html! { (at) },
    }
}
