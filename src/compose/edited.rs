//! The rules and templates as they would be with a change that somebody tries. Nothing of it is in force, or on disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Rulebook, rules, texts};
use crate::destination::Available;
use crate::rule::{Defaults, Known, REPOSITORY_FILE, Team, TeamsAllowed, check_beside, name_in, name_taken, team_name};
use crate::template::Templates;
use crate::toml_file::Problem;

/// A change that somebody tries.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The team whose file it is
    pub team: &'a str,
    /// The whole file
    pub file: &'a str,
    /// A template: its name and its whole text
    pub template: Option<(&'a str, &'a str)>,
}

impl Rulebook {
    /// The team's file: where it is, and what of it is in force.
    #[must_use]
    pub fn file_of(&self, team: &str) -> Option<(&Path, &Team)> {
        self.files().find(|(_, other)| other.name == team)
    }

    /// The text of a template that is in force: the operator's own, or the built-in one.
    #[must_use]
    pub fn template_text(&self, name: &str) -> Option<&str> {
        let built_in =
            || crate::template::BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text);
        self.sources.get(name).map(String::as_str).or_else(built_in)
    }

    /// The names of the templates that rules can choose.
    #[must_use]
    pub fn template_names(&self) -> Vec<&str> {
        self.templates.names()
    }

    /// These rules and templates with a change. What is wrong with the change is left out, and reported: then the rest is as it
    /// was.
    #[must_use]
    pub fn edited(&self, edit: &Edit<'_>, channels: &Available) -> (Self, Vec<Problem>) {
        let mut edited = self.with_members((*self.members).clone());
        let mut problems = Vec::new();
        if let Some((name, text)) = edit.template {
            problems.extend(edited.put_template(name, text));
        }
        match self.file_of(edit.team) {
            Some((path, _)) => problems.extend(edited.put_team(path.to_owned(), edit, channels)),
            None => problems.push(Problem::of_file(edit.team, "there is no such team", None)),
        }
        (edited, problems)
    }

    /// Reads a text as the file of a repository, beside all others that are in force. Nothing of it comes in force.
    ///
    /// # Errors
    /// All the problems in it.
    pub fn tried(&self, repo: &str, text: &str, channels: &Available) -> Result<Team, Vec<Problem>> {
        let name = name_in(repo);
        let templates = self.templates.names().into_iter().map(str::to_owned).collect();
        let known = Known { templates: &templates, channels };
        let others = self.files.iter().filter(|(path, _)| path.as_os_str() != name.as_str());
        let others = others.map(|(_, team)| team.name.clone()).collect::<BTreeSet<_>>();
        let mut teams = others.clone();
        teams.extend(team_name(text));
        let team = check_beside((&name, text), Some((repo, &*self.allowed)), known, (&self.defaults, &teams))?;
        // Where that is, is for those who may see it.
        if others.contains(&team.name) { Err(name_taken(&name, text, "another file")) } else { Ok(team) }
    }

    /// What is wrong with such a text for somebody who knows nothing but the text, and perhaps what the operator allows its
    /// repository.
    #[must_use]
    pub fn alone(repo: &str, text: &str, allowed: Option<&TeamsAllowed>) -> Vec<Problem> {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let teams = team_name(text).into_iter().collect();
        let home = allowed.map(|allowed| (repo, allowed));
        let read = check_beside((&name_in(repo), text), home, known, (&Defaults::default(), &teams));
        read.err().unwrap_or_default()
    }

    fn put_template(&mut self, name: &str, text: &str) -> Vec<Problem> {
        let mut sources = self.sources.clone();
        sources.insert(name.to_owned(), text.to_owned());
        let (templates, broken) = Templates::load(texts(&sources));
        if broken.is_empty() {
            (self.templates, self.sources) = (Arc::new(templates), sources);
        }
        let problem = |problem: crate::template::TemplateProblem| {
            let text = sources_text(&self.sources, &problem.name, (name, text));
            let file = format!("{}.hbs", problem.name);
            Problem::at(&file, text, (problem.line, problem.column), problem.message, problem.help)
        };
        broken.into_iter().map(problem).collect()
    }

    fn put_team(&mut self, path: PathBuf, edit: &Edit<'_>, channels: &Available) -> Vec<Problem> {
        let home = self.files.get(&path).and_then(|team| team.home.clone());
        let name = shown_path(&path);
        let templates = self.templates.names().into_iter().map(str::to_owned).collect();
        let known = Known { templates: &templates, channels };
        let teams = self.files.values().map(|team| team.name.clone()).collect::<BTreeSet<_>>();
        let home = home.as_deref().map(|repo| (repo, &*self.allowed));
        match check_beside((&name, edit.file), home, known, (&self.defaults, &teams)) {
            Err(problems) => problems,
            Ok(team) if team.name != edit.team => {
                let message = format!("this is the file of `{}`, and it says `team = \"{}\"`", edit.team, team.name);
                let help = format!("keep `team = \"{}\"` while you try something", edit.team);
                vec![Problem::of_file(&name, message, Some(help))]
            }
            Ok(team) => {
                self.files.insert(path, Arc::new(team));
                self.rules = rules(&self.files, &self.members, &self.subscribed);
                Vec::new()
            }
        }
    }
}

/// The text of the template that a problem is in: the one that is tried, or another that includes it.
fn sources_text<'a>(
    sources: &'a std::collections::BTreeMap<String, String>,
    name: &str,
    (tried, text): (&str, &'a str),
) -> &'a str {
    if name == tried { text } else { sources.get(name).map_or("", String::as_str) }
}

/// A file with the folder that it is in, as it stands in the operator's repository; one that is read from a team's repository,
/// with that.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    let parts = if path.ends_with(REPOSITORY_FILE) { 4 } else { 2 };
    let parts = path.iter().rev().take(parts).map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}
