//! `microalign who`: shows who gets what, by the rules.

use serde_json::json;

use super::suggest::find_team;
use super::text::{beside, hanging_within};
use super::{ConfigArgs, Failure, load_rulebook, say};
use crate::who::{Hears, Question, who};

pub(super) const LONG: &str = "\
Show who gets what: which teams hear of a repository or a project, and what a team hears of.

Only the rules are asked. What an event must have besides, such as a label, stands after `needs`.";

/// The columns of the table: the rule, the events, and the repositories and tickets.
const WIDTHS: [usize; 3] = [20, 30, 26];
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Who hears of this repository, such as acme/ingest-api, or of this project of Jira's, such as DATA?
    #[arg(long, value_name = "REPO")]
    repo: Option<String>,
    /// What does this team hear of?
    #[arg(long)]
    team: Option<String>,
    /// Who hears of such events? A kind, or a pattern such as pull_request.*
    #[arg(long)]
    kind: Option<String>,
    /// Print one JSON object per rule
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.look()?;
    let question = Question::read(args.repo.as_deref(), args.team.as_deref(), args.kind.as_deref());
    let question = question.map_err(Failure::Usage)?;
    let rulebook = load_rulebook(&config).await;
    if !rulebook.problems().is_empty() {
        super::show(rulebook.problems());
    }
    if let Some(team) = &args.team {
        find_team(rulebook.rules().teams(), team)?;
    }
    let all = who(rulebook.rules(), &question);
    if args.json {
        return all.iter().try_for_each(|hears| say(json!(hears)));
    }
    if all.is_empty() {
        return say("no rule asks for it");
    }
    say(beside(["team / rule", "hears of", "where"], WIDTHS))?;
    all.iter().try_for_each(|hears| say(format!("\n{}", row(hears))))
}

fn row(hears: &Hears) -> String {
    let Hears { team, rule, on, repositories, tickets, needs, to, timing, .. } = hears;
    let places = [repositories.as_slice(), tickets].concat();
    let places = if places.is_empty() { "everywhere".to_owned() } else { places.join(", ") };
    let mut lines = vec![beside([&format!("{team} / {rule}"), &on.join(", "), &places], WIDTHS)];
    lines.extend(needs.iter().map(|needed| hanging_within(WIDTH, "  needs ", needed)));
    lines.push(hanging_within(WIDTH, "  to ", &to.join(", ")));
    lines.push(hanging_within(WIDTH, "  ", &timing.join("; ")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;

    #[test]
    fn a_row_fits_on_a_terminal() {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let hears = Hears {
            team: "data-platform".to_owned(),
            rule: "contract-merged-elsewhere".to_owned(),
            on: text(&["pull_request.merged", "pull_request.changes_requested"]),
            kinds: Vec::new(),
            repositories: text(&["acme/ingest-*", "!acme/ingest-sandbox", "acme/a-repository-with-a-very-long-name"]),
            tickets: text(&["DATA-*"]),
            needs: text(&["labels: contract", "(paths: schemas/**, !schemas/test/**) or (base: main, release/*)"]),
            to: text(&["email:data-platform@example.com", "slack:#data-platform"]),
            timing: text(&["after 1m", "at most every 3d about one thing", "outside of quiet hours (19:00-08:00)"]),
        };
        let shown = format!("{}\n{}", beside(["team / rule", "hears of", "where"], WIDTHS), row(&hears));
        assert!(shown.lines().all(|line| measure_text_width(line) <= WIDTH), "{shown}");
        insta::assert_snapshot!(shown, @"
        team / rule           hears of                        where
        data-platform /       pull_request.merged,            acme/ingest-*,
        contract-merged-      pull_request.changes_requested  !acme/ingest-sandbox,
        elsewhere                                             acme/a-repository-with-a-
                                                              very-long-name, DATA-*
          needs labels: contract
          needs (paths: schemas/**, !schemas/test/**) or (base: main, release/*)
          to email:data-platform@example.com, slack:#data-platform
          after 1m; at most every 3d about one thing; outside of quiet hours
          (19:00-08:00)
        ");
    }
}
