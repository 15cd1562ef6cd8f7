//! Teams: who gets what, as a matrix and rule by rule, searchable both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::numbers::Counted;
use super::page::page;
use super::request::Asked;
use super::team::Problems;
use crate::compose::Rulebook;
use crate::rule::ADDRESSED;
use crate::toml_file::Problem;
use crate::who::{Hears, Question, family, who};

/// More rows tell nobody anything: the form narrows them down.
const MOST_RULES: usize = 300;
const MOST_TEAMS: usize = 100;

/// The columns of the matrix: a name, and the families of kinds in it.
const COLUMNS: [(&str, &[&str]); 9] = [
    ("Pull requests", &["pull_request"]),
    ("Tickets", &["ticket"]),
    ("Notes", &["note"]),
    ("Issues", &["issue"]),
    ("Releases", &["release"]),
    ("Deployments, workflows", &["deployment", "workflow"]),
    ("Pushes, branches", &["push", "branch"]),
    ("Discussions", &["discussion"]),
    ("Sprints, versions", &["sprint", "version"]),
];

/// Who gets what?
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Who hears of this repository, such as `acme/ingest-api`, or of this project of Jira's, such as `DATA`?
    repo: Option<String>,
    /// What does this team hear of?
    team: Option<String>,
    /// Who hears of such events? A kind, or a pattern such as `pull_request.*`
    kind: Option<String>,
}

/// The rules by which somebody hears of what was asked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Who {
    /// In the order of the files
    rules: Vec<Hears>,
}

/// `GET /api/v1/who`
pub(super) async fn who_hears(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Who, Refused> {
    let rulebook = Arc::clone(&console.rulebook.borrow());
    Ok(Who { rules: answered(&rulebook, &visitor, &query)? })
}

fn answered(rulebook: &Rulebook, visitor: &Visitor, query: &Query) -> Result<Vec<Hears>, Refused> {
    let question = Question::read(query.repo.as_deref(), query.team.as_deref(), query.kind.as_deref());
    let mut rules = who(rulebook.rules(), &question.map_err(Refused::Wrong)?);
    rules.retain(|hears| visitor.sees(Some(&hears.team)));
    Ok(rules)
}

/// The teams in force.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Teams {
    /// By their files
    teams: Vec<TeamRow>,
    /// What is wrong with files of which nothing is in force
    problems: Vec<String>,
}

/// A team.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamRow {
    /// Its name
    name: String,
    /// How many rules it has
    rules: usize,
    /// How many problems are in its file; the last good version stays in force
    problems: usize,
    /// How many updates it was told of in the last 30 days, if they are counted
    told: Option<u64>,
    /// How many of them wait
    held: Option<u64>,
}

/// `GET /api/v1/teams`
pub(super) async fn teams(console: Arc<Console>, visitor: Visitor, _: Nothing) -> Result<Teams, Refused> {
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let counted = console.numbers.look(&console.store, Timestamp::now()).await;
    let problems = unowned(&rulebook).map(ToString::to_string).collect();
    Ok(Teams { teams: rows(&rulebook, &visitor, counted.as_deref()), problems })
}

/// No parameters.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

fn rows(rulebook: &Rulebook, visitor: &Visitor, counted: Option<&Counted>) -> Vec<TeamRow> {
    let broken = rulebook.broken().map(|(team, problems)| (team.name.as_str(), problems.len()));
    let broken = broken.collect::<BTreeMap<_, _>>();
    let seen = rulebook.rules().teams().iter().filter(|team| visitor.sees(Some(&team.name)));
    let row = |name: &str, rules: usize| {
        let numbers = counted.map(|counted| counted.of_team(name));
        TeamRow {
            name: name.to_owned(),
            rules,
            problems: broken.get(name).copied().unwrap_or_default(),
            told: numbers.map(|(told, _)| told),
            held: numbers.map(|(_, held)| held),
        }
    };
    seen.map(|team| row(&team.name, team.rules.len())).collect()
}

/// The problems of files of which nothing is in force.
fn unowned(rulebook: &Rulebook) -> impl Iterator<Item = &Problem> {
    let files = rulebook.files().map(|(path, _)| path.display().to_string()).collect::<BTreeSet<_>>();
    rulebook.problems().iter().filter(move |problem| !files.contains(&problem.file))
}

/// `GET /teams`
pub(super) async fn page_of_teams(console: &Console, asked: &Asked) -> Result<Answer, Refused> {
    let query = asked.query::<Query>(Vec::new())?;
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let counted = console.numbers.look(&console.store, Timestamp::now()).await;
    let rows = rows(&rulebook, &asked.visitor, counted.as_deref());
    let answer = answered(&rulebook, &asked.visitor, &query);
    let problems = unowned(&rulebook).collect::<Vec<_>>();
    let replicas = console.store.replicas();
    let content = html! {
        p.lead { "Who gets what, by the rules in force." }
        (form(&query, &rows))
        @match &answer {
            Ok(rules) => (answer_to(&query, rules)),
            Err(refused) => p.note role="alert" { (refused) },
        }
        @for peer in replicas.iter().filter(|peer| peer.has_other_rules(&replicas)) {
            p.note { "The replica " code { (peer.name) } " has other rules or templates than the one that plans, whose are in force." }
        }
        h2 { "Teams" }
        (list(&rows))
        @if !problems.is_empty() {
            h2 { "Files that are not in force" }
            (Problems(&problems))
        }
    };
    Ok(Answer::Page(page(("Teams", "/teams"), &asked.visitor, &content)))
}

fn form(query: &Query, rows: &[TeamRow]) -> Markup {
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        form.filters method="get" action="/teams" role="search" {
            label { "Repository or Jira project" input name="repo" value=(value(&query.repo)) placeholder="acme/ingest-api" autocomplete="off"; }
            label { "Team"
                select name="team" {
                    option value="" { "all" }
                    @for row in rows { option value=(row.name) selected[query.team.as_ref() == Some(&row.name)] { (row.name) } }
                }
            }
            label { "Kind" input name="kind" value=(value(&query.kind)) placeholder="pull_request.*" autocomplete="off"; }
            button.main { "Show" }
        }
    }
}

fn answer_to(query: &Query, rules: &[Hears]) -> Markup {
    let what = [
        query.team.as_ref().map(|team| format!("What {team} hears")),
        query.repo.as_ref().map(|repo| format!("{} of {repo}", if query.team.is_some() { "" } else { "Who hears" })),
        query.kind.as_ref().map(|kind| format!("as {kind}")),
    ];
    let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ").replace("  ", " ");
    html! {
        h2 { @if what.is_empty() { "Who hears of what" } @else { (what) } }
        @if rules.is_empty() { p { "No rule asks for it." } } @else { (matrix(rules)) (by_rule(rules)) }
    }
}

/// Teams by families of kinds; in each cell, the places.
fn matrix(rules: &[Hears]) -> Markup {
    let mut cells = BTreeMap::<&str, BTreeMap<usize, BTreeSet<String>>>::new();
    for hears in rules {
        for kind in &hears.kinds {
            let column = COLUMNS.iter().position(|(_, families)| families.contains(&family(*kind)));
            let row = cells.entry(&hears.team).or_default();
            row.entry(column.unwrap_or_default()).or_default().insert(places(hears));
        }
    }
    let used = cells.values().flat_map(|row| row.keys().copied()).collect::<BTreeSet<_>>();
    html! {
        div.wide tabindex="0" role="region" aria-label="Teams and kinds of events" {
            table.matrix {
                caption { "The repositories and tickets of which each team hears, by the kind of event" }
                thead { tr { th scope="col" { "Team" } @for column in &used { th scope="col" { (COLUMNS[*column].0) } } } }
                tbody {
                    @for (team, row) in cells.iter().take(MOST_TEAMS) {
                        tr {
                            th scope="row" { a href=(address(team)) { (team) } }
                            @for column in &used {
                                td { @for place in row.get(column).into_iter().flatten() { div { (place) } } }
                            }
                        }
                    }
                }
            }
        }
        (left_out(cells.len(), MOST_TEAMS, "teams"))
    }
}

fn places(hears: &Hears) -> String {
    if hears.rule == ADDRESSED {
        return "where they name it".to_owned();
    }
    let places = [hears.repositories.as_slice(), &hears.tickets].concat();
    if places.is_empty() { "everywhere".to_owned() } else { places.join(", ") }
}

fn by_rule(rules: &[Hears]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Rules" {
            table {
                caption { "The rules, one by one" }
                thead {
                    tr { @for name in ["Team / rule", "Hears of", "Where", "Also needs", "To", "When"] { th scope="col" { (name) } } }
                }
                tbody {
                    @for hears in rules.iter().take(MOST_RULES) {
                        tr {
                            th scope="row" {
                                a href=(format!("{}#rule-{}", address(&hears.team), hears.rule)) { (hears.team) " / " (hears.rule) }
                            }
                            td { (hears.on.join(", ")) }
                            td { (places(hears)) }
                            td.words { @for needed in &hears.needs { div { (needed) } } }
                            td { @for to in &hears.to { div { (to) } } }
                            td.words { (hears.timing.join("; ")) }
                        }
                    }
                }
            }
        }
        (left_out(rules.len(), MOST_RULES, "rules"))
    }
}

fn left_out(all: usize, most: usize, what: &str) -> Markup {
    html! { @if all > most { p.soft { (all - most) " more " (what) ": the form above shows them." } } }
}

/// The page of a team, whose name needs no escaping.
pub(super) fn address(team: &str) -> String {
    format!("/teams/{team}")
}

fn list(rows: &[TeamRow]) -> Markup {
    html! {
        @if rows.is_empty() { p { "There are no teams yet: each has a file in the folder of rules." } } @else {
            div.wide tabindex="0" role="region" aria-label="Teams" {
                table {
                    caption { "Updates of the last 30 days" }
                    thead { tr { th scope="col" { "Team" } th.number scope="col" { "Rules" } th.number scope="col" { "Told" }
                        th.number scope="col" { "Waiting" } th scope="col" { "File" } } }
                    tbody {
                        @for row in rows {
                            tr {
                                th scope="row" { a href=(address(&row.name)) { (row.name) } }
                                td.number { (row.rules) }
                                @for number in [row.told, row.held] { td.number { (number.map_or("…".to_owned(), |number| number.to_string())) } }
                                td {
                                    @match row.problems {
                                        0 => "in force",
                                        problems => span.bad { (problems) (if problems == 1 { " problem" } else { " problems" }) ", the last good version is in force" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
