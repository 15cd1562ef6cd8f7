//! Check runs on pull requests that change team files: what is wrong, in which line, and what the rules would have sent.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::lint::{self, Linted};
use super::pulls::{Name, Pull, PullRequests, Trouble};
use crate::api::ApiError;
use crate::api::github::Check;
use crate::rehearsal::{Comparison, Outcome, last_days, rehearse};
use crate::rule::REPOSITORY_FILE;

/// The name that repositories can require.
const NAME: &str = "microalign";
/// How far a rehearsal goes back.
const DAYS: i64 = 7;
/// How long one may take.
const DEADLINE: Duration = Duration::from_secs(5 * 60);
/// So many changed files of the operator's folder are read.
const MOST_FILES: usize = 300;
/// So many rows a summary has.
const MOST_ROWS: usize = 40;

/// What a pull request does to team files.
enum Changes {
    Nothing,
    /// The repository's own, and its text if it is still there
    File(Option<String>),
    /// Those in the operator's folder, by name
    Folder(Vec<(String, Option<String>)>),
}

impl PullRequests {
    /// Writes the check run of a pull request's last commit, if it changes team files and has none yet.
    pub(super) async fn check(&self, name: &Name, pull: &Pull) -> Result<(), Trouble> {
        let (repo, _) = name;
        let changes = self.changes(name, &pull.head.sha).await?;
        if matches!(changes, Changes::Nothing) {
            return Ok(());
        }
        let external_id = external_id(name, &pull.head.sha);
        if self.github.has_check(repo, NAME, (&pull.head.sha, &external_id)).await? {
            return Ok(());
        }
        let linted = self.lint(repo, changes).await?;
        let rehearses = linted.problems.is_empty() && pull.is_own() && !linted.teams.is_empty();
        let annotations = linted.problems.iter().map(|(path, problem)| lint::annotation(path, problem)).collect();
        let mut check = Check {
            head_sha: pull.head.sha.clone(),
            external_id,
            success: linted.problems.is_empty(),
            title: title(&linted),
            summary: summary(&linted, pull),
            annotations,
        };
        let id = self.github.create_check(repo, NAME, &check).await.map_err(explained)?;
        tracing::info!(repo, sha = check.head_sha, success = check.success, "wrote a check run");
        self.pause().await;
        if rehearses {
            let said = self.rehearsed(linted).await;
            check.summary = format!("{}\n\n{said}", ended(&check.summary));
            self.github.resummarize(repo, id, &check).await?;
        }
        Ok(())
    }

    async fn changes(&self, (repo, number): &Name, sha: &str) -> Result<Changes, Trouble> {
        let files = self.github.files(repo, *number).await?;
        let rules = self.config.rules_repo.as_ref().filter(|rules| rules.repo.eq_ignore_ascii_case(repo));
        if let Some(rules) = rules {
            let names = files.listed.iter().filter_map(|path| rules.name_of(path));
            let names = names.filter(|name| name.ends_with(".toml") && !name.starts_with('.')).collect::<Vec<_>>();
            if names.len() > MOST_FILES {
                return Err(Trouble::Other(format!(
                    "it changes more than {MOST_FILES} team files: they aren't checked"
                )));
            }
            let mut changed = Vec::new();
            for name in names {
                changed.push((name.to_owned(), self.github.file_at(repo, &rules.path_of(name), sha).await?));
            }
            if !changed.is_empty() {
                return Ok(Changes::Folder(changed));
            }
        }
        let own = self.config.teams_allowed.names(repo) && files.listed.iter().any(|path| path == REPOSITORY_FILE);
        match own {
            true => Ok(Changes::File(self.github.file_at(repo, REPOSITORY_FILE, sha).await?)),
            false => Ok(Changes::Nothing),
        }
    }

    /// Reading files takes a while, so it is done on another thread.
    async fn lint(&self, repo: &str, changes: Changes) -> Result<Linted, Trouble> {
        let (config, now, repo) = (self.config.clone(), Arc::clone(&self.rulebook.borrow()), repo.to_owned());
        let read = move || match (changes, config.rules_repo.as_ref()) {
            (Changes::Folder(changed), Some(rules)) => lint::of_folder((&config, rules), &now, &changed),
            (Changes::File(text), _) => Ok(lint::of_repository(&config, &now, &repo, text)),
            (Changes::Nothing | Changes::Folder(_), _) => Err(std::io::Error::other("it changes no team file")),
        };
        let linted = tokio::task::spawn_blocking(read).await.map_err(|error| Trouble::Other(error.to_string()))?;
        linted.map_err(|error| Trouble::Other(format!("the team files can't be copied: {error}")))
    }

    /// What the last days would have been, in Markdown.
    async fn rehearsed(&self, Linted { rulebook, teams, .. }: Linted) -> String {
        let span = last_days(DAYS);
        let replayed = rehearse((&self.store, &span), (self.settings.clone(), rulebook), |_, _| {});
        match timeout(DEADLINE, replayed).await {
            Ok(Ok(report)) => compared(&report.comparison, &teams),
            Ok(Err(error)) => {
                tracing::warn!(error, "a rehearsal for a check run failed");
                "The last 7 days could not be rehearsed.".to_owned()
            }
            Err(_) => "The last 7 days were too many to be rehearsed in 5 minutes.".to_owned(),
        }
    }
}

/// The same for two deliveries that tell of one commit, and another one for the next commit.
fn external_id((repo, number): &Name, sha: &str) -> String {
    let name = format!("{}#{number}@{sha}", repo.to_lowercase());
    format!("microalign:{}", hex::encode(&Sha256::digest(name)[..16]))
}

fn title(linted: &Linted) -> String {
    match linted.problems.len() {
        0 => "The team files are right".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    }
}

const REHEARSING: &str = "The last 7 days are being rehearsed with these rules.";

fn summary(linted: &Linted, pull: &Pull) -> String {
    if !linted.problems.is_empty() {
        return "What is in force stays in force until these problems are solved. Each is annotated at its line."
            .to_owned();
    }
    let there = |team: &&String| linted.rulebook.file_of(team).is_some();
    let rules = |team: &String| linted.rulebook.file_of(team).map_or(0, |(_, team)| team.rules.len());
    let mut text = String::new();
    for team in linted.teams.iter().filter(there).take(MOST_ROWS) {
        let (rules, noun) = (rules(team), if rules(team) == 1 { "rule" } else { "rules" });
        // Writing to a string can't fail.
        let _ = writeln!(text, "- `{team}`: {rules} {noun}");
    }
    for team in linted.teams.iter().filter(|team| !there(team)).take(MOST_ROWS) {
        let _ = writeln!(text, "- `{team}`: its file goes, and it gets no more messages");
    }
    let rest = match () {
        () if linted.teams.is_empty() => "No team's rules change.",
        () if pull.is_own() => REHEARSING,
        () => "A pull request from a fork isn't rehearsed.",
    };
    format!("{text}\n{rest}")
}

/// A summary without the sentence that something follows.
fn ended(summary: &str) -> &str {
    summary.strip_suffix(REHEARSING).unwrap_or(summary).trim_end()
}

/// What the teams would have had, and what they had. A team or a rule has a name without Markdown in it.
fn compared(comparison: &Comparison, teams: &[String]) -> String {
    let mut said = Vec::new();
    for team in teams.iter().take(MOST_ROWS) {
        let rules = comparison.iter().filter(|((of, _), _)| of == team).collect::<Vec<_>>();
        let sum = rules.iter().map(|(_, outcome)| *outcome).fold(Outcome::default(), Outcome::and);
        let noun = if sum.would == 1 { "message" } else { "messages" };
        let mut text = format!(
            "With these rules, `{team}` would have had {} {noun} in the last {DAYS} days instead of {}.",
            sum.would, sum.had
        );
        if !rules.is_empty() {
            text.push_str("\n\n| rule | had | would have had |\n| --- | ---: | ---: |");
        }
        for ((_, rule), outcome) in rules.into_iter().take(MOST_ROWS) {
            let _ = write!(text, "\n| `{rule}` | {} | {} |", outcome.had, outcome.would);
        }
        said.push(text);
    }
    said.join("\n\n")
}

/// An App that was made before there were check runs lacks the permission.
fn explained(error: ApiError) -> Trouble {
    match error {
        ApiError::Refused { status: 403 | 404, .. } => Trouble::Other(format!(
            "{error}: the App needs the permission `Checks: write`, approved where it is installed"
        )),
        error => error.into(),
    }
}
