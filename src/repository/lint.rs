//! What a pull request would do to team files: reads them as they would be, and says what is wrong. They come from whoever wrote
//! the pull request, so nothing of them comes in force, and what is said holds no names of others.

use std::path::Path;
use std::sync::Arc;

use crate::api::github::Annotation;
use crate::channel::ChannelSettings;
use crate::compose::Rulebook;
use crate::config::{Config, RulesRepo};
use crate::rule::{RepositoryFile, Revision};
use crate::toml_file::{Problem, read_inside};

/// Longer lists are for nobody.
const LONGEST_MESSAGE: usize = 2_000;

/// What team files would be with a pull request.
pub(super) struct Linted {
    /// What is wrong, by the file's path in the repository
    pub problems: Vec<(String, Problem)>,
    /// The rules as they would be
    pub rulebook: Rulebook,
    /// The teams whose files it changes, before and after
    pub teams: Vec<String>,
}

/// A file's text, or why it isn't read; `None` where it would be gone.
pub(super) type Text = Option<Result<String, String>>;

/// Reads a repository's file as it would be. What the operator allows is said to those who are `trusted` with it.
pub(super) fn of_repository(config: &Config, now: &Rulebook, (repo, text): (&str, Text), trusted: bool) -> Linted {
    let path = crate::rule::REPOSITORY_FILE;
    let mut problems = Vec::new();
    match &text {
        Some(Ok(text)) => {
            let full = now.tried(repo, text, &config.channels.available()).err().unwrap_or_default();
            let alone = Rulebook::alone(repo, text, Some(&*config.teams_allowed).filter(|_| trusted));
            problems.extend(discreet(full, &alone).into_iter().map(|problem| (path.to_owned(), problem)));
        }
        Some(Err(wrong)) => problems.push((path.to_owned(), Problem::of_file(path, wrong, None))),
        None => {}
    }
    let mut files = now.repository_files().to_vec();
    let before = files.iter().position(|file| file.repo.eq_ignore_ascii_case(repo));
    let latest = text.map(|text| Revision { commit: String::new(), blob: String::new(), text });
    match (before, latest) {
        (Some(at), Some(latest)) => files[at].latest = latest,
        (Some(at), None) => drop(files.remove(at)),
        (None, Some(latest)) => files.push(RepositoryFile { repo: repo.to_owned(), latest, good: None }),
        (None, None) => {}
    }
    let rulebook = Rulebook::load_with(config, Arc::new(files), Some(now));
    let mut teams = team_of(now, repo).into_iter().chain(team_of(&rulebook, repo)).collect::<Vec<_>>();
    teams.sort();
    teams.dedup();
    Linted { problems, rulebook, teams }
}

fn team_of(rulebook: &Rulebook, repo: &str) -> Option<String> {
    let has = |home: &Option<String>| home.as_ref().is_some_and(|home| home.eq_ignore_ascii_case(repo));
    rulebook.files().find(|(_, team)| has(&team.home)).map(|(_, team)| team.name.clone())
}

/// Reads the operator's folder with the files of a pull request in it: their names there, and their texts where they would still
/// be.
///
/// # Errors
/// That the folder can't be copied.
pub(super) fn of_folder(
    (config, rules): (&Config, &RulesRepo),
    now: &Rulebook,
    changed: &[(String, Text)],
) -> std::io::Result<Linted> {
    let folder = tempfile::Builder::new().prefix("microalign-check-").tempdir()?;
    for entry in std::fs::read_dir(&config.rules)? {
        let path = entry?.path();
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        if let (true, Some(name), Ok(text)) = (toml, path.file_name(), read_inside(&config.rules, &path)) {
            std::fs::write(folder.path().join(name), text)?;
        }
    }
    let mut unread = Vec::new();
    for (name, text) in changed {
        let path = folder.path().join(name);
        match text {
            Some(Ok(text)) => std::fs::write(path, text)?,
            Some(Err(_)) | None if path.exists() => std::fs::remove_file(path)?,
            Some(Err(_)) | None => {}
        }
        if let Some(Err(wrong)) = text {
            unread.push((rules.path_of(name), Problem::of_file(name, wrong, None)));
        }
    }
    let edited = Config { rules: folder.path().to_owned(), ..config.clone() };
    // Nothing of a file stays in force that would be gone or broken; who is in a team and what people subscribed to does.
    let rulebook = Rulebook::load_with(&edited, Arc::new(now.repository_files().to_vec()), None);
    let subscriptions = now.subscriptions().map(|(known, _)| known.clone()).collect();
    let rulebook =
        rulebook.with_members(now.members().clone()).with_subscriptions(subscriptions, &config.channels.available());
    let alone = Config {
        rules: folder.path().to_owned(),
        templates: folder.path().join("none"),
        channels: ChannelSettings::default(),
        ..config.clone()
    };
    let alone = Rulebook::load(&alone, None);
    let of_folder = |problem: &&Problem| Path::new(&problem.file).parent() == Some(folder.path());
    let full = rulebook.problems().iter().filter(of_folder).cloned().collect();
    let before = now.problems().iter().cloned().map(|problem| placed(problem, (&config.rules, rules)));
    let before = before.collect::<Vec<_>>();
    let known = |problem: &Problem| {
        before.iter().any(|other| (name_of(&other.file), &other.message) == (name_of(&problem.file), &problem.message))
    };
    let changes = |problem: &Problem| changed.iter().any(|(name, _)| name == name_of(&problem.file));
    // What is wrong already with other files is none of this pull request's doing.
    let problems = discreet(full, alone.problems())
        .into_iter()
        .map(|problem| placed(problem, (folder.path(), rules)))
        .filter(|problem| changes(problem) || !known(problem))
        .map(|problem| (rules.path_of(name_of(&problem.file)), problem))
        .chain(unread)
        .collect();
    let all = changed.iter().any(|(name, _)| name == "_defaults.toml");
    let files = now.files().chain(rulebook.files());
    let touched = files.filter(|(path, team)| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        team.home.is_none() && (all || changed.iter().any(|(changed, _)| changed == name))
    });
    let mut teams = touched.map(|(_, team)| team.name.clone()).collect::<Vec<_>>();
    teams.sort();
    teams.dedup();
    Ok(Linted { problems, rulebook, teams })
}

/// A problem whose words name files as they are in the repository.
fn placed(problem: Problem, (folder, rules): (&Path, &RulesRepo)) -> Problem {
    let (from, to) = (format!("{}/", folder.display()), rules.path_of(""));
    let Problem { file, place, message, help } = problem;
    Problem { file, place, message: message.replace(&from, &to), help: help.map(|help| help.replace(&from, &to)) }
}

fn name_of(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// The problems with the help that follows from the file itself. Other help suggests names that the configuration, or the file
/// of another team, has: readers of the pull request may not know them.
fn discreet(full: Vec<Problem>, alone: &[Problem]) -> Vec<Problem> {
    let own =
        |problem: &Problem| alone.iter().any(|other| (&other.place, &other.help) == (&problem.place, &problem.help));
    let shown = |problem: Problem| match own(&problem) {
        true => problem,
        false => Problem { help: None, ..problem },
    };
    full.into_iter().map(shown).collect()
}

/// A problem at its line.
pub(super) fn annotation(path: &str, problem: &Problem) -> Annotation {
    let place = problem.place.as_ref();
    let line = place.map_or(1, |place| place.line.max(1));
    let help = problem.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let columns = place.filter(|place| place.width > 0).map(|place| (place.column, place.column + place.width - 1));
    Annotation {
        path: path.to_owned(),
        start_line: line,
        end_line: line,
        start_column: columns.map(|(start, _)| start),
        end_column: columns.map(|(_, end)| end),
        annotation_level: "failure",
        message: format!("{}{help}", problem.message).chars().take(LONGEST_MESSAGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;
    use crate::config;
    use crate::store::Subscription;

    const TEAM: &str = "team = \"web\"\ngithub_team = \"acme/web\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"merged\"\n\
                        on = [\"pull_request.merged\"]\n";

    /// Who is in a team on GitHub, and what people subscribed to, is in no file.
    #[test]
    fn what_no_file_says_is_carried_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/web.toml"), TEAM).unwrap();
        std::fs::write(folder.path().join("microalign.toml"), "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n")
            .unwrap();
        let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
        let members = BTreeMap::from([("acme/web".to_owned(), vec!["bo".to_owned()])]);
        let subscription = Subscription {
            name: "@one".to_owned(),
            team: "web".to_owned(),
            to: "mailbox".parse().unwrap(),
            repo: "acme/api".to_owned(),
            on: vec!["release.published".to_owned()],
            by: "ana".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let now = Rulebook::load(&config, None).with_members(members);
        let now = now.with_subscriptions(vec![subscription], &config.channels.available());
        let rules = RulesRepo { repo: "acme/rules".to_owned(), folder: "rules".to_owned() };
        let changed = [("web.toml".to_owned(), Some(Ok(format!("{TEAM}bots = true\n"))))];
        let linted = of_folder((&config, &rules), &now, &changed).unwrap();
        assert!(linted.problems.is_empty(), "{:?}", linted.problems);
        let team = &linted.rulebook.rules().teams()[0];
        assert_eq!(
            (team.members.as_slice(), team.rules.len()),
            (&["bo".to_owned()][..], 2),
            "with what is subscribed to"
        );
    }
}
