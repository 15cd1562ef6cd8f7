//! Check runs on pull requests that change team files: what is wrong, in which line, and what the rules would have sent.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::lint::{self, Linted, Text};
use super::pulls::{Name, Pull, PullRequests, Trouble};
use crate::api::ApiError;
use crate::api::github::{Begun, Check};
use crate::rehearsal::{Comparison, Outcome, Report, last_days, rehearse};
use crate::rule::{LARGEST_FILE, REPOSITORY_FILE, within_size};
use crate::source;

/// What they are called.
const NAME: &str = "microalign";
/// How far a rehearsal goes back.
const DAYS: i64 = 7;
/// How long one may take.
const DEADLINE: Duration = Duration::from_secs(5 * 60);
/// So many changed files of the operator's folder are read.
const MOST_FILES: usize = 300;
/// As in the folder itself.
const LARGEST_OF_FOLDER: usize = 1024 * 1024;
/// So many bytes are read of all of them.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// So many rows a summary has.
const MOST_ROWS: usize = 40;

/// What a pull request does to team files.
enum Changes {
    Nothing,
    /// The repository's own
    File(Text),
    /// Those in the operator's folder, by name
    Folder(Vec<(String, Text)>),
}

impl PullRequests {
    /// Writes the check run of a pull request's last commit, if it changes team files and has none yet, or if somebody wants
    /// it `again`. One that was begun and not ended is ended.
    pub(super) async fn check(&self, name: &Name, pull: &Pull, again: bool) -> Result<(), Trouble> {
        let (repo, number) = name;
        let changes = self.changes(name, pull).await?;
        if matches!(changes, Changes::Nothing) {
            return Ok(());
        }
        let external_id = source::check_id(*number, &pull.head.sha);
        let of = (pull.head.sha.as_str(), external_id.as_str());
        let begun = match self.github.begun_check(repo, NAME, of).await? {
            Some(Begun { completed: true, .. }) if !again => return Ok(()),
            known => known.filter(|known| !known.completed),
        };
        let linted = self.lint(repo, changes, pull.is_within()).await?;
        let begun = match begun {
            Some(begun) => begun,
            None => {
                let id = self.github.begin_check(repo, NAME, of).await.map_err(explained)?;
                self.pause().await;
                Begun { id, completed: false, annotations: 0 }
            }
        };
        let annotations = linted.problems.iter().map(|(path, problem)| lint::annotation(path, problem)).collect();
        let (success, title) = (linted.problems.is_empty(), title(&linted));
        let check = Check { success, title, summary: self.summary(linted, pull).await, annotations };
        self.github.end_check(repo, &begun, &check).await?;
        tracing::info!(repo, sha = pull.head.sha, success = check.success, "wrote a check run");
        Ok(())
    }

    async fn changes(&self, (repo, number): &Name, pull: &Pull) -> Result<Changes, Trouble> {
        let sha = pull.head.sha.as_str();
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
            let (mut changed, mut bytes) = (Vec::new(), 0);
            for name in names {
                let text = self.text(repo, (&rules.path_of(name), sha), LARGEST_OF_FOLDER).await?;
                bytes += text.as_ref().and_then(|text| text.as_ref().ok()).map_or(0, String::len);
                if bytes > MOST_BYTES {
                    let most = MOST_BYTES / 1024 / 1024;
                    return Err(Trouble::Other(format!(
                        "the team files that it changes have more than {most} MiB: they aren't checked"
                    )));
                }
                changed.push((name.to_owned(), text));
            }
            if !changed.is_empty() {
                return Ok(Changes::Folder(changed));
            }
        }
        let fork = pull.base.repo.as_ref().is_some_and(|repo| repo.fork);
        let own = self.config.teams_allowed.names_unless_fork(repo, fork)
            && files.listed.iter().any(|path| path == REPOSITORY_FILE);
        match own {
            true => Ok(Changes::File(self.text(repo, (REPOSITORY_FILE, sha), LARGEST_FILE).await?)),
            false => Ok(Changes::Nothing),
        }
    }

    async fn text(&self, repo: &str, (path, sha): (&str, &str), most: usize) -> Result<Text, Trouble> {
        Ok(self.github.file_at(repo, path, sha).await?.map(|text| within_size(text, most)))
    }

    /// Reading files takes a while, so it is done on another thread.
    async fn lint(&self, repo: &str, changes: Changes, trusted: bool) -> Result<Linted, Trouble> {
        let (config, now, repo) = (self.config.clone(), Arc::clone(&self.rulebook.borrow()), repo.to_owned());
        let read = move || match (changes, config.rules_repo.as_ref()) {
            (Changes::Folder(changed), Some(rules)) => lint::of_folder((&config, rules), &now, &changed),
            (Changes::File(text), _) => Ok(lint::of_repository(&config, &now, (&repo, text), trusted)),
            (Changes::Nothing | Changes::Folder(_), _) => Err(std::io::Error::other("it changes no team file")),
        };
        let linted = tokio::task::spawn_blocking(read).await.map_err(|error| Trouble::Other(error.to_string()))?;
        linted.map_err(|error| Trouble::Other(format!("the team files can't be copied: {error}")))
    }

    /// What comes of the files: which rules there would be, and if the pull request's readers may know that, what they would
    /// have sent.
    async fn summary(&self, linted: Linted, pull: &Pull) -> String {
        if !linted.problems.is_empty() {
            return "What is in force stays in force until these problems are solved. Each is annotated at its line."
                .to_owned();
        }
        let teams = listed(&linted);
        let rest = match () {
            () if linted.teams.is_empty() => "No team's rules change.".to_owned(),
            () if !pull.is_within() => "Only a pull request from a private repository itself is rehearsed.".to_owned(),
            () if !pull.is_of_member() => "Only a pull request by a member or collaborator is rehearsed.".to_owned(),
            () => self.rehearsed(linted).await,
        };
        format!("{teams}\n{rest}")
    }

    /// What the last days would have been, in Markdown.
    async fn rehearsed(&self, Linted { rulebook, teams, .. }: Linted) -> String {
        let span = last_days(DAYS);
        let replayed = rehearse((&self.store, &span), (self.settings.clone(), rulebook), |_, _| {});
        match timeout(DEADLINE, replayed).await {
            Ok(Ok(report)) => said(&report, &teams),
            Ok(Err(error)) => {
                tracing::warn!(error, "a rehearsal for a check run failed");
                "The last 7 days could not be rehearsed.".to_owned()
            }
            Err(_) => "The last 7 days were too many to be rehearsed in 5 minutes.".to_owned(),
        }
    }
}

fn title(linted: &Linted) -> String {
    match linted.problems.len() {
        0 => "No problems found".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    }
}

/// The teams whose files change. A team or a rule has a name without Markdown in it.
fn listed(linted: &Linted) -> String {
    let there = |team: &&String| linted.rulebook.file_of(team).is_some();
    let rules = |team: &String| linted.rulebook.file_of(team).map_or(0, |(_, team)| team.rules.len());
    let mut text = String::new();
    for team in linted.teams.iter().filter(there).take(MOST_ROWS) {
        // Writing to a string can't fail.
        let _ = writeln!(text, "- `{team}`: {}", counted(rules(team) as u64, "rule"));
    }
    for team in linted.teams.iter().filter(|team| !there(team)).take(MOST_ROWS) {
        let _ = writeln!(text, "- `{team}`: its file is removed, so it gets no more messages");
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// What the teams would have had, what they had, and what the rehearsal didn't know.
fn said(report: &Report, teams: &[String]) -> String {
    let mut said = teams.iter().take(MOST_ROWS).map(|team| compared(&report.comparison, team)).collect::<Vec<_>>();
    said.extend(match report.bodiless {
        0 => None,
        1 => Some("1 webhook of these days has no body any more, so it isn't rehearsed.".to_owned()),
        gone => Some(format!("{gone} webhooks of these days have no body any more, so they aren't rehearsed.")),
    });
    said.push("A rehearsal knows no mutes, and nothing from before these days.".to_owned());
    said.join("\n\n")
}

/// What one team would have had, and what it had.
fn compared(comparison: &Comparison, team: &str) -> String {
    let rules = comparison.iter().filter(|((of, _), _)| of == team).collect::<Vec<_>>();
    let sum = rules.iter().map(|(_, outcome)| *outcome).fold(Outcome::default(), Outcome::and);
    let would = counted(sum.would, "message");
    let mut text = match sum {
        Outcome { undecided: 1.., would: 0, had, .. } => {
            format!(
                "What `{team}` would have had in the last {DAYS} days isn't known. It had {}.",
                counted(had, "message")
            )
        }
        Outcome { undecided: 1.., had, .. } => {
            format!("With these rules, `{team}` would have had at least {would} in the last {DAYS} days. It had {had}.")
        }
        Outcome { would: same, had, .. } if same == had => {
            format!("With these rules, `{team}` would have had {would} in the last {DAYS} days, as many as it had.")
        }
        Outcome { had, .. } => {
            format!("With these rules, `{team}` would have had {would} in the last {DAYS} days instead of {had}.")
        }
    };
    if !rules.is_empty() {
        text.push_str("\n\n| rule | had | would have had |\n| --- | ---: | ---: |");
    }
    for ((_, rule), outcome) in rules.iter().take(MOST_ROWS) {
        let would = match outcome {
            Outcome { undecided: 1.., would: 0, .. } => "not known".to_owned(),
            Outcome { undecided: 1.., would, .. } => format!("at least {would}"),
            Outcome { would, .. } => would.to_string(),
        };
        let _ = write!(text, "\n| `{rule}` | {} | {would} |", outcome.had);
    }
    let undecided = rules.iter().filter(|(_, outcome)| outcome.undecided > 0).take(MOST_ROWS);
    for ((_, rule), outcome) in undecided {
        let _ = write!(
            text,
            "\n\n`{rule}` can't be rehearsed in full: what it asks isn't known of {}.",
            counted(outcome.undecided, "event")
        );
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_as_far_as_they_are_known() {
        let outcome = |had, would, undecided| Outcome { had, would, undecided, ..Outcome::default() };
        for (outcome, expected) in [
            (outcome(6, 14, 0), "would have had 14 messages in the last 7 days instead of 6."),
            (outcome(2, 2, 0), "would have had 2 messages in the last 7 days, as many as it had."),
            (outcome(2, 1, 3), "would have had at least 1 message in the last 7 days. It had 2."),
            (outcome(1, 0, 3), "What `web` would have had in the last 7 days isn't known. It had 1 message."),
        ] {
            let comparison = Comparison::from([(("web".to_owned(), "work".to_owned()), outcome)]);
            let text = compared(&comparison, "web");
            assert!(text.contains(expected), "{text}");
            assert_eq!(
                text.contains("can't be rehearsed in full"),
                text.contains("| at least") || text.contains("| not known")
            );
        }
        let report = Report { bodiless: 2, ..Report::default() };
        let text = said(&report, &[]);
        assert!(
            text.starts_with("2 webhooks of these days have no body any more, so they aren't rehearsed."),
            "{text}"
        );
    }
}
