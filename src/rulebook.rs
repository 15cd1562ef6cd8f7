//! The team files and templates in force.
//!
//! They are loaded as a whole and replaced as a whole. A file that is broken keeps its last good version, and never
//! touches another's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Config;
use crate::event::{About, Event, Ticket};
use crate::plan;
use crate::rule::{self, Known, Rule, Rules, Team};
use crate::template::{Facts, Links, Message, RenderError, Templates, ThreadView, context, for_kind};
use crate::toml_file::Problem;
use crate::track;

/// What decides who hears what, and in which words.
pub struct Rulebook {
    rules: Rules,
    files: BTreeMap<PathBuf, Arc<Team>>,
    templates: Templates,
    sources: BTreeMap<String, String>,
    problems: Vec<Problem>,
    jira_base_url: Option<String>,
}

impl Rulebook {
    /// Reads both folders. What is broken stays as it was in `before`.
    #[must_use]
    pub fn load(config: &Config, before: Option<&Self>) -> Self {
        let (templates, sources, mut problems) = load_templates(&config.templates, before);
        let names = templates.names().into_iter().map(str::to_owned).collect();
        let loaded = rule::load_folder(&config.rules, Known { templates: &names, channels: &config.channels });
        problems.extend(loaded.problems);
        let mut files = BTreeMap::new();
        for (path, team) in loaded.teams {
            files.insert(path, Arc::new(team));
        }
        for (path, team) in before.iter().flat_map(|before| &before.files) {
            let taken = files.values().any(|other: &Arc<Team>| other.name == team.name);
            if !files.contains_key(path) && !taken && path.exists() {
                files.insert(path.clone(), Arc::clone(team));
            }
        }
        let rules = Rules::new(files.values().cloned().collect());
        Self { rules, files, templates, sources, problems, jira_base_url: config.jira_base_url.clone() }
    }

    /// The rules in force, of every team.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What is wrong in the files, as they are on disk.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The teams whose files are broken and that go on with their last good version, with the problems.
    pub fn broken(&self) -> impl Iterator<Item = (&Team, Vec<&Problem>)> {
        self.files.iter().filter_map(|(path, team)| {
            let name = path.display().to_string();
            let problems = self.problems.iter().filter(|problem| problem.file == name).collect::<Vec<_>>();
            (!problems.is_empty()).then_some((&**team, problems))
        })
    }

    /// Writes the message that a rule sends of an event; `ticket` is what is known of its primary ticket.
    ///
    /// # Errors
    /// When the template cannot be rendered within its bounds.
    pub fn compose(
        &self,
        event: &Event,
        ticket: Option<&Ticket>,
        team: &Team,
        rule: &Rule,
    ) -> Result<Message, RenderError> {
        let name = rule.template.as_deref().unwrap_or_else(|| for_kind(event.kind));
        let facts = Facts {
            event,
            ticket,
            thread: &self.thread(event, ticket),
            team: &team.name,
            rule: &rule.name,
            why: &plan::why(team, rule, event),
            links: &Links::default(),
            zone: &team.timezone,
            now: Timestamp::now(),
        };
        self.templates.render(name, &context(&facts))
    }

    fn thread(&self, event: &Event, ticket: Option<&Ticket>) -> ThreadView {
        let key = track::thread(&event.subject, &event.tickets).to_owned();
        let url = match (event.tickets.first(), &event.about) {
            (None, about) | (Some(_), about @ About::Ticket(_)) => about.url().map(str::to_owned),
            (Some(key), _) => ticket.and_then(|ticket| ticket.url.clone()).or_else(|| {
                self.jira_base_url.as_ref().map(|base| format!("{}/browse/{key}", base.trim_end_matches('/')))
            }),
        };
        ThreadView { label: key.clone(), key, url }
    }
}

fn load_templates(folder: &Path, before: Option<&Rulebook>) -> (Templates, BTreeMap<String, String>, Vec<Problem>) {
    let (mut sources, mut problems) = read_templates(folder);
    let (templates, broken) = Templates::load(texts(&sources));
    if broken.is_empty() {
        return (templates, sources, problems);
    }
    for problem in broken {
        let file = folder.join(format!("{}.hbs", problem.name)).display().to_string();
        let text = sources.get(&problem.name).map_or("", String::as_str);
        let at = (problem.line, problem.column);
        problems.push(Problem::at(&file, text, at, problem.message, problem.help));
    }
    // Once more, with the last good text of each broken one.
    let (_, broken) = Templates::load(texts(&sources));
    for problem in broken {
        match before.and_then(|before| before.sources.get(&problem.name)) {
            Some(good) => sources.insert(problem.name, good.clone()),
            None => sources.remove(&problem.name),
        };
    }
    let (templates, _) = Templates::load(texts(&sources));
    (templates, sources, problems)
}

fn texts(sources: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    sources.iter().map(|(name, text)| (name.as_str(), text.as_str()))
}

fn read_templates(folder: &Path) -> (BTreeMap<String, String>, Vec<Problem>) {
    let (mut sources, mut problems) = (BTreeMap::new(), Vec::new());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // The built-in templates do without a folder.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (sources, problems),
        Err(error) => {
            problems.push(Problem::of_file(&folder.display().to_string(), format!("cannot be read: {error}"), None));
            return (sources, problems);
        }
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_stem().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
        let (Some(name), Some("hbs")) = (name, path.extension().and_then(|end| end.to_str())) else { continue };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                sources.insert(name.to_owned(), text);
            }
            Err(error) => {
                problems.push(Problem::of_file(&path.display().to_string(), format!("cannot be read: {error}"), None));
            }
        }
    }
    (sources, problems)
}
