//! What a pull request would do to team files: reads them as they would be, and says what is wrong. They come from whoever wrote
//! the pull request, so nothing of them comes in force, and what is said holds no names of others.

use std::path::Path;
use std::sync::Arc;

use crate::api::github::Annotation;
use crate::channel::ChannelSettings;
use crate::compose::Rulebook;
use crate::config::{Config, RulesRepo};
use crate::rule::{LARGEST_FILE, RepositoryFile, Revision};
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

/// Reads a repository's file as it would be; `None` where it would be gone.
pub(super) fn of_repository(config: &Config, now: &Rulebook, repo: &str, text: Option<String>) -> Linted {
    let text = text.map(|text| match text.len() > LARGEST_FILE {
        true => Err(format!("this file is larger than {} KiB, the most that is read", LARGEST_FILE / 1024)),
        false => Ok(text),
    });
    let path = crate::rule::REPOSITORY_FILE;
    let mut problems = Vec::new();
    match &text {
        Some(Ok(text)) => {
            let full = now.tried(repo, text, &config.channels.available()).err().unwrap_or_default();
            let alone = Rulebook::alone(repo, text, &config.teams_allowed);
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
    changed: &[(String, Option<String>)],
) -> std::io::Result<Linted> {
    let folder = tempfile::Builder::new().prefix("microalign-check-").tempdir()?;
    for entry in std::fs::read_dir(&config.rules)? {
        let path = entry?.path();
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        if let (true, Some(name), Ok(text)) = (toml, path.file_name(), read_inside(&config.rules, &path)) {
            std::fs::write(folder.path().join(name), text)?;
        }
    }
    for (name, text) in changed {
        let path = folder.path().join(name);
        match text {
            Some(text) => std::fs::write(path, text)?,
            None if path.exists() => std::fs::remove_file(path)?,
            None => {}
        }
    }
    let edited = Config { rules: folder.path().to_owned(), ..config.clone() };
    let rulebook = Rulebook::load_with(&edited, Arc::new(now.repository_files().to_vec()), None);
    let alone = Config {
        rules: folder.path().to_owned(),
        templates: folder.path().join("none"),
        channels: ChannelSettings::default(),
        ..config.clone()
    };
    let alone = Rulebook::load(&alone, None);
    let of_folder = |problem: &&Problem| Path::new(&problem.file).parent() == Some(folder.path());
    let full = rulebook.problems().iter().filter(of_folder).cloned().collect();
    let known = |problem: &Problem| {
        let is =
            |other: &&Problem| (name_of(&other.file), &other.message) == (name_of(&problem.file), &problem.message);
        now.problems().iter().any(|other| is(&other))
    };
    let changes = |problem: &Problem| changed.iter().any(|(name, _)| name == name_of(&problem.file));
    // What is wrong already with other files is none of this pull request's doing.
    let problems = discreet(full, alone.problems())
        .into_iter()
        .map(|problem| placed(problem, (folder.path(), rules)))
        .filter(|problem| changes(problem) || !known(problem))
        .map(|problem| (rules.path_of(name_of(&problem.file)), problem))
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
