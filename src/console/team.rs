//! One team: its file as it was loaded, with problems in place, and what came of its rules.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, Render, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::numbers::{Counted, DAYS, Numbers};
use super::page::page;
use super::request::Asked;
use crate::compose::{Rulebook, shown_path};
use crate::rule::{Audience, Team};
use crate::toml_file::{Problem, read_inside, veiled};
use crate::who::timing;

/// Longer files are cut on the page.
const MOST_LINES: usize = 3000;

/// Which team?
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its name
    team: String,
}

/// A team, as it is in force.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamView {
    /// Its name
    name: String,
    /// Its file, and the folder that it is in
    file: String,
    /// What is wrong with the file; while it is, the last good version stays in force
    problems: Vec<ProblemView>,
    /// Who is told when the file is broken
    owner: Option<String>,
    /// Its members
    members: Vec<String>,
    /// Its destinations
    to: Vec<String>,
    /// Its time zone
    timezone: Option<String>,
    /// Its quiet hours
    quiet: Vec<String>,
    /// How many messages it gets at most
    budget: Option<String>,
    /// When it gets its summary
    summary: Option<String>,
    /// Whether its readers may not see private repositories
    outside: bool,
    /// Its rules
    rules: Vec<RuleView>,
}

/// A rule, with what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RuleView {
    /// Its name
    name: String,
    /// Its events
    on: Vec<String>,
    /// When its messages are sent
    timing: Vec<String>,
    /// What came of its updates in the last 30 days, if that is counted
    last_30_days: Option<Numbers>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProblemView {
    /// The file
    pub file: String,
    /// The line, from 1
    pub line: Option<usize>,
    /// The character in the line, from 1
    pub column: Option<usize>,
    /// What is wrong
    pub message: String,
    /// What would be right
    pub help: Option<String>,
}

impl From<&Problem> for ProblemView {
    fn from(problem: &Problem) -> Self {
        Self {
            file: shown_path(Path::new(&problem.file)),
            line: problem.place.as_ref().map(|place| place.line),
            column: problem.place.as_ref().map(|place| place.column),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

/// `GET /api/v1/teams/{team}`
pub(super) async fn team(console: Arc<Console>, visitor: Visitor, which: Which) -> Result<TeamView, Refused> {
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let counted = console.numbers.look(&console.store, Timestamp::now()).await;
    let (path, team) = find(&rulebook, &visitor, &which.team)?;
    Ok(view(&rulebook, (path, team), counted.as_deref()))
}

/// A team that the visitor may know of, with its file.
pub(super) fn find<'a>(rulebook: &'a Rulebook, visitor: &Visitor, name: &str) -> Result<(&'a Path, &'a Team), Refused> {
    let found = rulebook.file_of(name).filter(|_| visitor.sees(Some(name)));
    found.ok_or_else(|| Refused::NotFound(format!("There is no team “{name}”.")))
}

fn view(rulebook: &Rulebook, (path, team): (&Path, &Team), counted: Option<&Counted>) -> TeamView {
    // With the members that GitHub lists.
    let full = rulebook.rules().teams().iter().find(|full| full.name == team.name).map_or(team, |full| full);
    let mut to = full.rules.iter().flat_map(|rule| &rule.to).map(ToString::to_string).collect::<Vec<_>>();
    to.sort();
    to.dedup();
    let rules = full.rules.iter().map(|rule| RuleView {
        name: rule.name.clone(),
        on: rule.on.written.clone(),
        timing: timing(team, rule),
        last_30_days: counted.map(|counted| counted.of(&team.name, &rule.name)),
    });
    TeamView {
        name: team.name.clone(),
        file: shown_path(path),
        problems: of_file(rulebook, path).map(ProblemView::from).collect(),
        owner: team.owner.clone(),
        members: full.members.clone(),
        to,
        timezone: team.timezone.iana_name().map(str::to_owned),
        quiet: team.quiet.written(),
        budget: team.budget.map(crate::rule::Budget::written),
        summary: team.summary.as_ref().map(|summary| summary.at.written()),
        outside: team.audience == Audience::Outside,
        rules: rules.collect(),
    }
}

fn of_file<'a>(rulebook: &'a Rulebook, path: &Path) -> impl Iterator<Item = &'a Problem> {
    let name = path.display().to_string();
    rulebook.problems().iter().filter(move |problem| problem.file == name)
}

/// The text of a team's file, as it is on disk or in its repository now.
pub(super) async fn text_of(rulebook: &Rulebook, (path, team): (&Path, &Team)) -> Result<String, Refused> {
    if let Some(home) = &team.home {
        let latest = rulebook.repository(home).map(|file| file.latest.text.clone());
        return latest.unwrap_or_else(|| Err("the repository no longer has it".to_owned())).map_err(Refused::Wrong);
    }
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let folder = path.parent().unwrap_or(Path::new("."));
        read_inside(folder, &path).map_err(|(wrong, _)| wrong)
    });
    read.await.map_err(Refused::wrong)?.map_err(Refused::Wrong)
}

/// `GET /teams/{team}`
pub(super) async fn page_of_team(console: &Console, asked: &Asked, name: &str) -> Result<Answer, Refused> {
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let counted = console.numbers.look(&console.store, Timestamp::now()).await;
    let (path, team) = find(&rulebook, &asked.visitor, name)?;
    let text = text_of(&rulebook, (path, team)).await;
    let problems = of_file(&rulebook, path).collect::<Vec<_>>();
    let view = view(&rulebook, (path, team), counted.as_deref());
    let may_try = asked.visitor.may_change(Some(name));
    let content = html! {
        p.lead { (view.file) @if may_try { " · " a href=(format!("/playground?team={name}")) { "Try a change in the playground" } } }
        @if !problems.is_empty() {
            p.note role="status" { "This file has problems. The last good version stays in force until it is right again." }
        }
        (facts(&view))
        h2 { "Rules" }
        (rules(&view))
        h2 #file { "The file" }
        @match &text {
            Ok(text) => (source(text, &problems)),
            Err(refused) => p.note { (refused) },
        }
    };
    Ok(Answer::Page(page((&format!("Team {name}"), "/teams"), &asked.visitor, &content)))
}

fn facts(view: &TeamView) -> Markup {
    let facts = [
        ("Members", view.members.join(", ")),
        ("Destinations", view.to.join(", ")),
        ("Time zone", view.timezone.clone().unwrap_or_default()),
        ("Quiet hours", view.quiet.join(", ")),
        ("Budget", view.budget.clone().unwrap_or_default()),
        ("Summary", view.summary.clone().unwrap_or_default()),
        ("Owner of the file", view.owner.clone().unwrap_or_default()),
        (
            "Readers",
            if view.outside { "outside: private repositories stay unnamed".to_owned() } else { "inside".to_owned() },
        ),
    ];
    html! {
        dl.facts {
            @for (name, value) in facts { @if !value.is_empty() { dt { (name) } dd { (value) } } }
        }
    }
}

fn rules(view: &TeamView) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Rules" {
            table {
                caption {
                    "What came of each rule in the last " (DAYS) " days"
                    @if view.rules.iter().any(|rule| rule.last_30_days.is_none()) { ": still being counted, look again in a moment" }
                }
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Hears of" } th scope="col" { "When" }
                    @for name in ["Told", "Held", "Superseded", "Failed"] { th.number scope="col" { (name) } }
                    th scope="col" { "Suppressed" } } }
                tbody { @for rule in &view.rules { (row(rule)) } }
            }
        }
    }
}

fn row(rule: &RuleView) -> Markup {
    html! {
        tr id=(format!("rule-{}", rule.name)) {
            th scope="row" {
                (rule.name)
                @if rule.last_30_days.as_ref().is_some_and(Numbers::never_fired) { " " span.soft { "never fired" } }
            }
            td { (rule.on.join(", ")) }
            td.words { (rule.timing.join("; ")) }
            @match &rule.last_30_days {
                None => { @for _ in 0..4 { td.number { "…" } } td { "…" } },
                Some(numbers) => {
                    @for number in [numbers.told, numbers.held, numbers.superseded, numbers.failed] { td.number { (number) } }
                    td.words { (reasons(numbers)) }
                },
            }
        }
    }
}

/// `own doing 3, bot doing 2`
fn reasons(numbers: &Numbers) -> String {
    let mut counts = numbers.suppressed.iter().collect::<Vec<_>>();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    counts.into_iter().map(|(code, count)| format!("{} {count}", code.replace('_', " "))).collect::<Vec<_>>().join(", ")
}

/// A file with numbered lines, each problem below its line. What looks like a secret is hidden: another file may have been put
/// in its place by mistake.
fn source(text: &str, problems: &[&Problem]) -> Markup {
    let placed =
        |line: usize| problems.iter().filter(move |problem| problem.place.as_ref().is_some_and(|at| at.line == line));
    let whole = problems.iter().filter(|problem| problem.place.is_none()).copied().collect::<Vec<_>>();
    let lines = text.lines().count();
    html! {
        (Problems(&whole))
        ol.source {
            @for (line, shown) in (1..).zip(text.lines().take(MOST_LINES)) {
                li id=(format!("L{line}")) {
                    code { (veiled(shown)) }
                    @for problem in placed(line) {
                        p.problem { "column " (problem.place.as_ref().map_or(1, |at| at.column)) ": " (told(problem)) }
                    }
                }
            }
        }
        @if lines > MOST_LINES { p.soft { (lines - MOST_LINES) " more lines" } }
    }
}

fn told(problem: &Problem) -> Markup {
    html! { strong { (problem.message) } @if let Some(help) = &problem.help { " (" (help) ")" } }
}

/// Problems, as the commands show them.
pub(super) struct Problems<'a>(pub &'a [&'a Problem]);

impl Render for Problems<'_> {
    fn render(&self) -> Markup {
        html! {
            @for problem in self.0 {
                @let shown = Problem { file: shown_path(Path::new(&problem.file)), ..(*problem).clone() };
                pre.problem { (shown.render_for_mail()) }
            }
        }
    }
}
