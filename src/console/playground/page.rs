//! The pages of the playground.

use std::sync::Arc;

use maud::{Markup, html};

use super::rehearsal::{Compared, Rehearsed};
use super::{Trial, Tried, may_try};
use crate::console::Console;
use crate::console::access::Visitor;
use crate::console::answer::{Answer, Refused};
use crate::console::page::{form_token, page, with_query};
use crate::console::team::{Problems, find, text_of};
use crate::event::Source;
use crate::explain::{EventView, MessageView, RuleView, View};

/// `GET /playground`, and `POST /playground` with a trial
pub(super) async fn show(console: &Arc<Console>, visitor: &Visitor, trial: Trial) -> Result<Answer, Refused> {
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let teams = rulebook.rules().teams().iter().map(|team| team.name.clone());
    let teams = teams.filter(|team| visitor.may_change(Some(team))).collect::<Vec<_>>();
    let Some(team) = trial.team.clone() else {
        let content = html! { (lead()) (choose(&teams, trial.delivery)) };
        return Ok(Answer::Page(page(("Playground", "/playground"), visitor, &content)));
    };
    may_try(visitor, &team)?;
    let (path, of_team) = find(&rulebook, visitor, &team)?;
    let file = match &trial.file {
        Some(file) => file.clone(),
        None => text_of(&rulebook, (path, of_team)).await?,
    };
    let template = trial.template.as_deref().unwrap_or_default();
    let text = trial.text.clone().or_else(|| rulebook.template_text(template).map(str::to_owned));
    let filled = Filled { trial: &trial, team: &team, file: &file, text: text.as_deref().unwrap_or_default() };
    let names = rulebook.template_names();
    let result = result(console, visitor, &trial).await?;
    let content = html! {
        (lead())
        form #playground method="post" action="/playground" data-live="result" {
            (form_token(&visitor.form_token))
            div.halves {
                div { (rules(&filled)) (template_of(&filled, &names)) }
                div { (event(&filled)) (buttons(trial.days.unwrap_or(7))) (result) }
            }
        }
    };
    Ok(Answer::Page(page(("Playground", "/playground"), visitor, &content)))
}

fn lead() -> Markup {
    html! { p.lead { "Try a change to a team's rules and templates on an event. Nothing is sent, and nothing changes." } }
}

fn choose(teams: &[String], delivery: Option<i64>) -> Markup {
    html! {
        @if teams.is_empty() { p { "There is no team whose rules you may try." } } @else {
            form.filters method="get" action="/playground" {
                @if let Some(delivery) = delivery { input type="hidden" name="delivery" value=(delivery); }
                label { "Team" select name="team" { @for team in teams { option { (team) } } } }
                button.main { "Choose" }
            }
        }
    }
}

/// What stands in the form.
struct Filled<'a> {
    trial: &'a Trial,
    team: &'a str,
    file: &'a str,
    text: &'a str,
}

fn rules(filled: &Filled<'_>) -> Markup {
    let delivery = filled.trial.delivery.map(|id| id.to_string());
    let another = with_query("/playground", &[("delivery", delivery.as_deref())]);
    html! {
        input type="hidden" name="team" value=(filled.team);
        p { "Team " a href=(format!("/teams/{}", filled.team)) { (filled.team) } " · " a href=(another) { "another" } }
        label for="file" { "Team file" }
        // The first line break of a text area is left out.
        textarea #file name="file" rows="22" spellcheck="false" { "\n" (filled.file) }
    }
}

fn template_of(filled: &Filled<'_>, names: &[&str]) -> Markup {
    let chosen = filled.trial.template.as_deref().unwrap_or_default();
    html! {
        label for="template" { "Template (optional; with no text, the one in force is shown)" }
        input #template name="template" value=(chosen) list="templates" autocomplete="off";
        datalist #templates { @for name in names { option value=(name) {} } }
        label for="text" { "Its text" }
        textarea #text name="text" rows="8" spellcheck="false" { "\n" (filled.text) }
    }
}

fn event(filled: &Filled<'_>) -> Markup {
    let trial = filled.trial;
    let is = |source: Source| trial.source.unwrap_or(Source::Github) == source;
    html! {
        label for="delivery" { "Stored event: the number before the dot in the ledger, such as 41" }
        input #delivery name="delivery" type="number" min="1" value=(trial.delivery.map(|id| id.to_string()).unwrap_or_default());
        details open[trial.payload.is_some()] {
            summary { "Or paste one" }
            label for="source" { "Who sends it" }
            select #source name="source" {
                option value="github" selected[is(Source::Github)] { "GitHub" }
                option value="jira" selected[is(Source::Jira)] { "Jira" }
            }
            label for="event" { "GitHub's name for the event" }
            input #event name="event" value=(trial.event.as_deref().unwrap_or_default()) placeholder="pull_request" autocomplete="off";
            label for="payload" { "Payload (JSON)" }
            textarea #payload name="payload" rows="8" spellcheck="false" { "\n" (trial.payload.as_deref().unwrap_or_default()) }
        }
    }
}

fn buttons(days: i64) -> Markup {
    html! {
        p.buttons {
            button.main { "Try it" }
            label for="days" { "or over the last days:" }
            input #days name="days" type="number" min="1" max="90" value=(days);
            button formaction="/playground/rehearsals" { "Rehearse" }
        }
    }
}

/// What comes of a trial. Somebody who only opened the page tried nothing yet.
async fn result(console: &Arc<Console>, visitor: &Visitor, trial: &Trial) -> Result<Markup, Refused> {
    let tried = console.try_out(visitor, trial).await;
    Ok(match &tried {
        Ok(tried) => html! { section #result aria-live="polite" { (shown(console, visitor, tried)?) } },
        Err(Refused::Wrong(wrong)) => html! { section #result aria-live="polite" { p.note role="alert" { (wrong) } } },
        Err(Refused::NotFound(none)) if trial.delivery.is_some() => {
            html! { section #result aria-live="polite" { p.note role="alert" { (none) } } }
        }
        Err(_) => return tried.map(|_| html! {}),
    })
}

fn shown(console: &Console, visitor: &Visitor, tried: &Tried) -> Result<Markup, Refused> {
    let problems = tried.shown.iter().collect::<Vec<_>>();
    let messages = match &tried.explained {
        Some(View { messages, .. }) => {
            messages.iter().map(|message| self::message(console, visitor, message)).collect()
        }
        None => Ok(Vec::new()),
    };
    let messages = messages?;
    Ok(html! {
        @if !problems.is_empty() {
            h2 { "Problems" }
            p { "What has problems isn't tried: in its place, the version in force is." }
            (Problems(&problems))
        }
        @if let Some(View { event, rules, .. }) = &tried.explained {
            h2 { "Event" }
            (told(event.as_ref()))
            h2 { "Rules" }
            ul.verdicts { @for rule in rules { (verdict(rule)) } }
            h2 { "Messages" }
            @if messages.is_empty() { p { "Nothing would be sent." } }
            @for message in &messages { (message) }
        } @else { p.soft { "Name a stored event, or paste one, to see what it would lead to." } }
        @if !tried.diff.is_empty() {
            h2 { "The change" }
            p { "Save it, and apply it in the repository of the rules with " code { "git apply" } "." }
            pre.diff { (tried.diff) }
        }
    })
}

fn told(event: Option<&EventView>) -> Markup {
    html! {
        @match event {
            None => p { "It tells of nothing." },
            Some(EventView::Ignored { reason, .. }) => p { "Ignored: " (reason) },
            Some(EventView::Told { kind, subject, title, thread, actor, .. }) => p {
                (kind) " on " (subject) " by " (actor.as_deref().unwrap_or("nobody")) ": " (title) br;
                span.soft { "in the conversation " (thread) }
            },
        }
    }
}

fn verdict(rule: &RuleView) -> Markup {
    html! {
        li {
            @if rule.matches { span.good { "matches" } } @else { span.bad { "doesn't match" } }
            " " strong { (rule.rule) } @if !rule.because.is_empty() { ": " (rule.because) }
        }
    }
}

fn message(console: &Console, visitor: &Visitor, message: &MessageView) -> Result<Markup, Refused> {
    let frame = match &message.html {
        Some(mail) => Some(console.playground.mails.keep(mail, visitor)?),
        None => None,
    };
    Ok(html! {
        article.card {
            header { span { (message.rule) " → " (message.destination) } }
            @if let Some(error) = &message.error { p.bad { "This can't be written: " (error) } }
            @if let Some(subject) = &message.subject { h3 { (subject) } }
            @if let Some(id) = &frame {
                iframe sandbox="" title=(format!("The mail to {}", message.destination)) src=(format!("/playground/mails/{id}")) {}
            } @else if let Some(text) = &message.text { pre.plain { (text) } }
        }
    })
}

/// `GET /playground/rehearsals/{id}`
pub(super) fn rehearsal(console: &Console, visitor: &Visitor, id: &str) -> Result<Answer, Refused> {
    let rehearsed = console.playground.rehearsals.view(id, visitor)?;
    let content = html! {
        p.lead { "The rules of " (rehearsed.team) " that were tried, over the last " (rehearsed.days) " days. Nothing is sent." }
        section #rehearsal aria-live="polite" data-again[rehearsed.state == "running"] {
            (progress(&rehearsed, visitor))
        }
        p { a href=(format!("/playground?team={}", rehearsed.team)) { "Back to the playground" } }
    };
    Ok(Answer::Page(page(("Rehearsal", "/playground"), visitor, &content)))
}

fn progress(rehearsed: &Rehearsed, visitor: &Visitor) -> Markup {
    let Rehearsed { taken, deliveries, .. } = rehearsed;
    html! {
        @match rehearsed.state {
            "running" => {
                p {
                    label for="progress" { (taken) " of " (deliveries) " webhooks " }
                    progress #progress value=(taken) max=((*deliveries).max(1)) {}
                }
                form method="post" action=(format!("/playground/rehearsals/{}/cancel", rehearsed.id())) {
                    (form_token(&visitor.form_token))
                    button { "Cancel" }
                }
                p { a href=(format!("/playground/rehearsals/{}", rehearsed.id())) { "Look again" } }
            },
            "done" => { p { (deliveries) " webhooks were taken in again." } (compared(&rehearsed.rules)) },
            "cancelled" => p.note { "Cancelled after " (taken) " of " (deliveries) " webhooks." },
            _ => p.note role="alert" { "It failed: " (rehearsed.error.as_deref().unwrap_or_default()) },
        }
    }
}

fn compared(rules: &[Compared]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="What would have come of each rule" {
            table {
                caption { "Messages that there were by the rules in force, and that there would have been by those that were tried" }
                thead { tr { th scope="col" { "Rule" }
                    @for name in ["Had", "Would have", "Still held", "Superseded", "Failed", "Undecided", "Suppressed"] { th.number scope="col" { (name) } } } }
                tbody {
                    @for rule in rules {
                        tr {
                            th scope="row" { (rule.rule) }
                            @for number in [rule.had, rule.would, rule.held, rule.superseded, rule.failed, rule.undecided, rule.suppressed] {
                                td.number { (number) }
                            }
                        }
                    }
                }
            }
        }
    }
}
