//! The page at `/map`.

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::draw::{PARTIES, encoded, picture};
use super::gather::{Edge, FirstWords, Party, Strangers};
use super::{Map, Period, Query};
use crate::console::access::Visitor;
use crate::console::page::{moment, page as shell};

/// So many conversations of two teams are named.
const NAMED: usize = 5;
/// So many rows of the table are shown.
const ROWS: usize = 100;

pub(super) fn page(map: &Map, query: &Query, (visitor, now): (&Visitor, Timestamp)) -> Markup {
    let address = |path: &str| {
        let team = query.team.as_deref().map(|team| format!("&team={}", encoded(team))).unwrap_or_default();
        format!("{path}?days={}{team}", map.days)
    };
    let content = html! {
        p.lead { "Which teams hear of which, and where nobody hears of anybody." }
        (form(query))
        @if !map.complete { p.note role="status" { "Some days are still being counted: look again in a moment." } }
        section aria-labelledby="edges" {
            h2 #edges { "Who was told of whom" }
            @if map.edges.is_empty() {
                p { "Nothing was told in these days." }
            } @else {
                (picture(&map.parties, &map.edges, query.days))
                @if map.parties.len() > PARTIES { p.soft { "The picture has the " (PARTIES) " with most updates, the table has all." } }
                (table(&map.edges))
                @if map.edges.len() > ROWS { p.soft { "These are " (ROWS) " of " (map.edges.len()) ": the file has all." } }
                p { a href=(address("/map.csv")) { "As CSV" } " · " a href=(address("/api/v1/map")) { "As JSON" } }
            }
        }
        section aria-labelledby="quiet" {
            h2 #quiet { "Gone quiet" }
            p.soft { "Conversations that are open, and in which nothing has happened for " (days(query.quiet_days().into())) " or longer: " (map.silent_count) "." }
            @if !map.silent.is_empty() {
                ul { @for silent in &map.silent { li { (conversation(&silent.conversation)) " " span.when { (moment(silent.since, now)) } } } }
                @if map.silent.len() < map.silent_count { p.soft { "These are the longest silent." } }
            }
        }
        section aria-labelledby="words" { (first_words(&map.first_words)) }
        section aria-labelledby="strangers" { (strangers(&map.strangers)) }
    };
    shell(("Map", "/map"), visitor, &content)
}

fn form(query: &Query) -> Markup {
    html! {
        form.filters method="get" action="/map" {
            label { "Days"
                select name="days" {
                    @for period in Period::ALL {
                        option value=(period.days()) selected[period == query.days] { (period.days()) }
                    }
                }
            }
            label { "Team" input name="team" value=[query.team.as_deref()] autocomplete="off"; }
            label { "Quiet for days" input name="quiet" type="number" min="1" max="90" value=(query.quiet_days()); }
            button { "Show" }
        }
    }
}

fn table(edges: &[Edge]) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label="Who was told of whom, as a table" {
            table {
                thead { tr { th scope="col" { "Whose doing" } th scope="col" { "Told" } th.number scope="col" { "Updates" } } }
                tbody {
                    @for Edge { from, to, updates } in edges.iter().take(ROWS) {
                        tr {
                            td {
                                (from.label())
                                @if let Party::Owner(_) = from { span.soft { " (no team)" } }
                            }
                            td { (to) }
                            td.number { (updates) }
                        }
                    }
                }
            }
        }
    }
}

fn first_words(words: &FirstWords) -> Markup {
    let FirstWords { told, untold, median_seconds, p90_seconds, slowest } = words;
    html! {
        h2 #words { "From the first draft to the first word" }
        p.soft { "Of what became a draft in these days, partners heard of " (told) " and not of " (untold) "." }
        @if let (Some(median), Some(p90)) = (median_seconds, p90_seconds) {
            dl.facts {
                dt { "Median" } dd { (time(*median)) }
                dt { "Nine of ten within" } dd { (time(*p90)) }
            }
            h3 { "The slowest" }
            ol { @for took in slowest { li { (conversation(&took.conversation)) " " span.when { (time(took.seconds)) } } } }
        }
    }
}

fn strangers(pairs: &[Strangers]) -> Markup {
    html! {
        h2 #strangers { "On the same tickets, and never told of each other" }
        @if pairs.is_empty() { p.soft { "No two teams." } }
        ul {
            @for Strangers { teams: [one, other], shared, conversations } in pairs {
                li {
                    strong { (one) } " and " strong { (other) } ", in "
                    @if *shared == 1 { "1 conversation" } @else { (shared) " conversations" }
                    ": "
                    @for (place, name) in conversations.iter().take(NAMED).enumerate() {
                        @if place > 0 { ", " }
                        (conversation(name))
                    }
                    @if *shared > NAMED { ", …" }
                }
            }
        }
    }
}

fn conversation(name: &str) -> Markup {
    html! { a href=(format!("/conversations/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))) { (name) } }
}

fn days(count: u64) -> String {
    format!("{count} day{}", if count == 1 { "" } else { "s" })
}

fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => days(seconds / 86_400),
    }
}
