//! The team files and templates in force.
//!
//! They are loaded as a whole and replaced as a whole. A file that is broken keeps its last good version, and never
//! touches another's.

mod answer;
mod outside;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Config;
use crate::event::{About, Event, EventKind, Ticket};
use crate::mute::{Asked, Linker, Quiet};
use crate::plan;
use crate::rule::{self, Audience, Known, ReplyTo, Rule, Rules, Team};
use crate::template::{Facts, Links, Message, RenderError, Templates, ThreadView, context, for_kind, redacted};
use crate::toml_file::Problem;
use crate::track;

pub use self::answer::{Answer, Came};

/// Who is in teams on GitHub: logins by `organisation/team` in small letters.
pub type Members = BTreeMap<String, Vec<String>>;

/// What decides who hears what, and in which words.
pub struct Rulebook {
    rules: Rules,
    files: BTreeMap<PathBuf, Arc<Team>>,
    members: Arc<Members>,
    templates: Arc<Templates>,
    sources: BTreeMap<String, String>,
    problems: Vec<Problem>,
    jira_base_url: Option<String>,
    links: Option<Arc<Linker>>,
}

/// What a message tells.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// What happened
    pub event: &'a Event,
    /// What is known of its primary ticket
    pub ticket: Option<&'a Ticket>,
    /// The team that hears of it
    pub team: &'a Team,
    /// The rule that matched
    pub rule: &'a Rule,
    /// The ledger's name of it, if it is there
    pub line: Option<&'a str>,
    /// When
    pub now: Timestamp,
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
        let members = before.map(|before| Arc::clone(&before.members)).unwrap_or_default();
        let links = before.and_then(|before| before.links.clone());
        Self {
            rules: rules(&files, &members),
            files,
            members,
            templates: Arc::new(templates),
            sources,
            problems,
            jira_base_url: config.jira_base_url.clone(),
            links,
        }
    }

    /// The same with what is known now of who is in teams on GitHub.
    #[must_use]
    pub fn with_members(&self, members: Members) -> Self {
        Self {
            rules: rules(&self.files, &members),
            files: self.files.clone(),
            members: Arc::new(members),
            templates: Arc::clone(&self.templates),
            sources: self.sources.clone(),
            problems: self.problems.clone(),
            jira_base_url: self.jira_base_url.clone(),
            links: self.links.clone(),
        }
    }

    /// Who is in teams on GitHub, as far as it is known.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// With links in messages, also after it is loaded anew.
    #[must_use]
    pub fn with_links(self, links: Arc<Linker>) -> Self {
        Self { links: Some(links), ..self }
    }

    /// The rules in force, of every team.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Every team in force, with its file.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &Team)> {
        self.files.iter().map(|(path, team)| (path.as_path(), &**team))
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

    /// Writes the message that a rule sends of an event.
    ///
    /// # Errors
    /// When the template cannot be rendered within its bounds.
    pub fn compose(&self, telling: &Telling<'_>) -> Result<Message, RenderError> {
        let Telling { event, ticket, team, rule, line, now } = *telling;
        if team.audience == Audience::Outside && event.is_private() {
            return self.compose_outside(telling);
        }
        let name = rule.template.as_deref().unwrap_or_else(|| for_kind(event.kind));
        let thread = self.thread(event, ticket);
        let link = |asked: Asked| self.links.as_ref().and_then(|links| links.link(&asked, now));
        let mute = link(Asked::Quiet(Quiet::Mute { team: team.name.clone(), thread: thread.key.clone() }));
        let line = line.filter(|_| event.kind == EventKind::NoteAssumed);
        let object = line.and_then(|line| link(Asked::Object { line: line.to_owned() }));
        let facts = Facts {
            event,
            ticket,
            thread: &thread,
            team: &team.name,
            rule: &rule.name,
            why: &plan::why(team, rule, event),
            links: &Links { mute, object, ..Links::default() },
            zone: &team.timezone,
            object_by: plan::object_by(rule, event.kind).map(|after| now + after),
            now,
        };
        let message = self.templates.render(name, &context(&facts))?;
        // Of what somebody says, that is the author.
        let note = event.note.as_ref().and_then(|note| note.author.as_ref());
        let author = note.or_else(|| event.author()).filter(|_| rule.reply_to == ReplyTo::Author);
        Ok(Message { reply_to: author.map(|author| author.login.clone()), ..mannered(message, rule, event.kind) })
    }

    /// The message for readers who may not see the repository, whatever template the rule names. There is no link to
    /// mute it, since the conversation's name would stand in the link.
    fn compose_outside(&self, telling: &Telling<'_>) -> Result<Message, RenderError> {
        let Telling { event, team, rule, now, .. } = *telling;
        let facts = Facts {
            event,
            ticket: None,
            thread: &outside::thread(event),
            team: &team.name,
            rule: &rule.name,
            why: &outside::why(team, rule, event),
            links: &Links::default(),
            zone: &team.timezone,
            object_by: plan::object_by(rule, event.kind).map(|after| now + after),
            now,
        };
        let message = self.templates.render("outside", &redacted(&facts, outside::page(event)))?;
        Ok(Message { private: true, ..mannered(message, rule, event.kind) })
    }

    fn thread(&self, event: &Event, ticket: Option<&Ticket>) -> ThreadView {
        let key = track::conversation(event);
        let url = match (event.tickets.first(), &event.about) {
            (None, about) | (Some(_), about @ About::Ticket(_)) => about.url().map(str::to_owned),
            (Some(key), _) => ticket.and_then(|ticket| ticket.url.clone()).or_else(|| {
                self.jira_base_url.as_ref().map(|base| format!("{}/browse/{key}", base.trim_end_matches('/')))
            }),
        };
        ThreadView { label: key.clone(), key, url }
    }
}

/// The rules of these teams, with those among their members who GitHub says are.
fn rules(files: &BTreeMap<PathBuf, Arc<Team>>, members: &Members) -> Rules {
    let on_github = |team: &Team| members.get(&team.github_team.as_ref()?.to_lowercase());
    let teams = files.values().map(|team| match on_github(team) {
        Some(logins) => Arc::new(team.with_members(logins)),
        None => Arc::clone(team),
    });
    Rules::new(teams.collect())
}

/// A message with what its rule says of its place in a conversation.
fn mannered(message: Message, rule: &Rule, kind: EventKind) -> Message {
    Message { manner: rule.manners.of(kind), mention: rule.mention.clone(), ..message }
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
