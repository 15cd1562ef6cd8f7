//! The team files and templates in force, and the messages that are composed with them.
//!
//! Files are loaded and replaced as a whole: the last good version of a broken file stays in force, and other files aren't
//! affected. What a reader may not see is left out here, before a template sees it. [`crate::template`] knows how a template
//! is rendered, and [`crate::plan`] who gets a message.

mod edited;
mod feedback;
mod outside;
mod people;
mod restricted;
mod subscribed;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::config::Config;
use crate::destination::Destination;
use crate::event::{About, Event, EventKind, SubjectParts, Ticket, TicketKey};
use crate::mute::{LinkAction, Linker, Quiet};
use crate::plan;
use crate::rule::{
    self, Audience, Defaults, Known, ReplyTo, Repositories, RepositoryFile, Rule, Rules, Team, TeamsAllowed,
};
use crate::template::{
    Block, Company, Context, Facts, Inline, Links, Message, RenderError, Templates, ThreadView, clean, context,
    for_kind, key_only, redacted,
};
use crate::toml_file::{Problem, read_inside};
use crate::track;

pub use self::edited::{Edit, shown_path};
pub use self::feedback::{Feedback, Reaction, Reply};
use self::people::{author, handle, mentioned};
pub use self::restricted::withheld;
use self::subscribed::InForce;

/// The members of teams on GitHub: logins by `organisation/team` in lower case.
pub type Members = BTreeMap<String, Vec<String>>;

/// The rules and templates that decide who gets what, and in which words.
pub struct Rulebook {
    rules: Rules,
    files: BTreeMap<PathBuf, Arc<Team>>,
    /// What repositories have
    repositories: Arc<Vec<RepositoryFile>>,
    allowed: Arc<TeamsAllowed>,
    defaults: Arc<Defaults>,
    members: Arc<Members>,
    subscribed: Arc<InForce>,
    templates: Arc<Templates>,
    sources: BTreeMap<String, String>,
    problems: Vec<Problem>,
    jira_base_url: Option<String>,
    /// Where comments can be written
    pages: Vec<Destination>,
    links: Option<Arc<Linker>>,
}

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// What happened
    pub event: &'a Event,
    /// What is known of its primary ticket
    pub ticket: Option<&'a Ticket>,
    /// The team that gets the message
    pub team: &'a Team,
    /// The rule that matched
    pub rule: &'a Rule,
    /// The line of the ledger, if there is one
    pub line: Option<&'a str>,
    /// When
    pub now: Timestamp,
}

impl Rulebook {
    /// Reads both folders, and the files of repositories that are known from `before`. Broken files stay as they were there.
    #[must_use]
    pub fn load(config: &Config, before: Option<&Self>) -> Self {
        let repositories = before.map(|before| Arc::clone(&before.repositories)).unwrap_or_default();
        Self::load_with(config, repositories, before)
    }

    /// The same with these files of repositories.
    #[must_use]
    pub fn load_with(config: &Config, repositories: Arc<Vec<RepositoryFile>>, before: Option<&Self>) -> Self {
        let (templates, sources, mut problems) = load_templates(&config.templates, before);
        let names = templates.names().into_iter().map(str::to_owned).collect();
        let channels = config.channels.available();
        let known = Known { templates: &names, channels: &channels };
        let allowed = Arc::clone(&config.teams_allowed);
        let of_repositories = Repositories { files: &repositories, allowed: &allowed };
        let loaded = rule::load_folder(&config.rules, of_repositories, known, before.map(|before| &before.defaults));
        problems.extend(loaded.problems);
        let mut files = BTreeMap::new();
        for (path, team) in loaded.teams {
            files.insert(path, Arc::new(team));
        }
        for (path, team) in before.iter().flat_map(|before| &before.files) {
            let taken = files.values().any(|other: &Arc<Team>| other.name == team.name);
            let there = match &team.home {
                Some(home) => repositories.iter().any(|file| file.repo == *home),
                None => path.exists(),
            };
            if !files.contains_key(path) && !taken && there {
                files.insert(path.clone(), Arc::clone(team));
            }
        }
        let members = before.map(|before| Arc::clone(&before.members)).unwrap_or_default();
        let links = before.and_then(|before| before.links.clone());
        let mut rulebook = Self {
            rules: Rules::default(),
            subscribed: Arc::default(),
            files,
            repositories,
            allowed,
            defaults: loaded.defaults,
            members,
            templates: Arc::new(templates),
            sources,
            problems,
            jira_base_url: config.jira_base_url.clone(),
            pages: [Destination::Github, Destination::Jira]
                .into_iter()
                .filter(|to| channels.missing(to).is_none())
                .collect(),
            links,
        };
        let subscriptions = before.iter().flat_map(|before| before.subscriptions()).map(|(known, _)| known.clone());
        rulebook.subscribe(subscriptions.collect(), &channels);
        rulebook
    }

    /// A digest of the files that are in force, by which two processes see whether they have the same.
    #[must_use]
    pub fn digest(&self) -> String {
        // What was read, and not where it was: folders have other names elsewhere.
        let teams = self.files.values().map(|team| format!("{team:?}"));
        let templates = self.sources.iter().map(|(name, source)| format!("{name} {source}"));
        let parts = teams.chain(templates).map(Sha256::digest).collect::<BTreeSet<_>>();
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        hex::encode(&hash.finalize()[..8])
    }

    /// The same with these members of teams on GitHub.
    #[must_use]
    pub fn with_members(&self, members: Members) -> Self {
        Self {
            rules: rules(&self.files, &members, &self.subscribed),
            subscribed: Arc::clone(&self.subscribed),
            files: self.files.clone(),
            repositories: Arc::clone(&self.repositories),
            allowed: Arc::clone(&self.allowed),
            defaults: Arc::clone(&self.defaults),
            members: Arc::new(members),
            templates: Arc::clone(&self.templates),
            sources: self.sources.clone(),
            problems: self.problems.clone(),
            jira_base_url: self.jira_base_url.clone(),
            pages: self.pages.clone(),
            links: self.links.clone(),
        }
    }

    /// The members of teams on GitHub, as far as they are known.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The same with links in messages, which stay when it is loaded again.
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

    /// The file of a repository, if that has one.
    #[must_use]
    pub fn repository(&self, repo: &str) -> Option<&RepositoryFile> {
        self.repositories.iter().find(|file| file.repo.eq_ignore_ascii_case(repo))
    }

    /// The files of all repositories that have one.
    #[must_use]
    pub fn repository_files(&self) -> &[RepositoryFile] {
        &self.repositories
    }

    /// The problems in the files.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The teams whose files are broken and whose last good version stays in force, with the problems.
    pub fn broken(&self) -> impl Iterator<Item = (&Team, Vec<&Problem>)> {
        self.files.iter().filter_map(|(path, team)| {
            let name = path.display().to_string();
            let problems = self.problems.iter().filter(|problem| problem.file == name).collect::<Vec<_>>();
            (!problems.is_empty()).then_some((&**team, problems))
        })
    }

    /// Writes the message that a rule sends about an event.
    ///
    /// # Errors
    /// If the template can't be rendered within its limits, or the team may not know of the event at all.
    pub fn compose(&self, telling: &Telling<'_>) -> Result<Message, RenderError> {
        self.compose_among(telling, Company::default())
    }

    /// The same for an update that shares a message with others.
    ///
    /// # Errors
    /// As [`Self::compose`].
    pub fn compose_among(&self, telling: &Telling<'_>, company: Company<'_>) -> Result<Message, RenderError> {
        let message = self.write(telling, company)?;
        Ok(Message { answers: self.carries_answers(telling), ..message })
    }

    /// Whether what readers answer can be carried to the page of what they are told of. A pull request isn't the place for
    /// what is said about a ticket with a security level.
    fn carries_answers(&self, telling: &Telling<'_>) -> bool {
        let Telling { event, team, ticket, .. } = *telling;
        let page = plan::author_page(event).filter(|page| event.host.is_none() && self.pages.contains(page));
        let restricted = ticket.is_some_and(|ticket| ticket.restricted == Some(true));
        team.carries_answers() && page.is_some_and(|page| page == Destination::Jira || !restricted)
    }

    fn write(&self, telling: &Telling<'_>, company: Company<'_>) -> Result<Message, RenderError> {
        let Telling { event, team, rule, .. } = *telling;
        if let Some(reason) = withheld(team, event, telling.ticket) {
            return Err(RenderError::Withheld(reason));
        }
        if team.audience == Audience::Outside && event.is_private() {
            return self.compose_outside(telling, company);
        }
        if !rule.restricted
            && let Some(ticket) = restricted::own(event, telling.ticket)
        {
            return self.compose_key_only(telling, ticket);
        }
        let name = rule.template.as_deref().unwrap_or_else(|| for_kind(event.kind));
        let ticket = telling.ticket.map(|ticket| match ticket {
            ticket if restricted::reveals(event, ticket, team, rule) => ticket.key_and_link(),
            ticket if rule.restricted => ticket.clone(),
            ticket => restricted::shown(ticket),
        });
        let thread = self.thread(event, ticket.as_ref());
        let (links, why) = (self.asked(telling, &thread), plan::why(team, rule, event));
        let facts = Facts { ticket: ticket.as_ref(), links: &links, company, ..facts(telling, &thread, &why) };
        let message = self.templates.render(name, &context(&facts))?;
        let author = author(event).filter(|_| rule.reply_to == ReplyTo::Author);
        let reply_to = author.map(|author| handle(event, author));
        let mention = mentioned(rule, Some(event));
        // The conversation may have begun with the ticket's title before the ticket was restricted.
        let own_subject = !rule.restricted && telling.ticket.is_some_and(|ticket| ticket.restricted == Some(true));
        Ok(Message { reply_to, own_subject, mention, ..mannered(message, telling) })
    }

    /// Whether a rule's template can show several comments in one message.
    #[must_use]
    pub fn joins_comments(&self, rule: &Rule, kind: EventKind) -> bool {
        self.templates.joins_comments(rule.template.as_deref().unwrap_or_else(|| for_kind(kind)))
    }

    /// The heading of a list of updates about one conversation: its ticket. `None` if it has none.
    #[must_use]
    pub fn heading(&self, telling: &Telling<'_>) -> Option<Block> {
        let Telling { event, team, rule, .. } = *telling;
        let ticket = telling.ticket.filter(|ticket| !restricted::reveals(event, ticket, team, rule));
        let key = event.tickets.first()?.as_str();
        let of_event = match &event.about {
            About::Ticket(ticket) => Some(ticket),
            _ => ticket,
        };
        let known = of_event
            .filter(|ticket| ticket.key == key)
            .filter(|ticket| rule.restricted || ticket.restricted != Some(true));
        let summary = known.and_then(|ticket| ticket.summary.as_ref());
        let name = summary.map_or_else(|| key.to_owned(), |summary| format!("{key} “{}”", clean(summary)));
        let thread = self.thread(event, ticket);
        Some(Block::Paragraph(match thread.url.filter(|_| thread.key == key) {
            Some(url) => {
                let link = Inline::Link { text: vec![Inline::Text(name)], url };
                vec![Inline::Text("Re ".to_owned()), link, Inline::Text(":".to_owned())]
            }
            None => vec![Inline::Text(format!("Re {name}:"))],
        }))
    }

    /// The links of a message.
    fn asked(&self, telling: &Telling<'_>, thread: &ThreadView) -> Links {
        let Telling { event, team, line, now, .. } = *telling;
        let link = |asked: LinkAction| self.links.as_ref().and_then(|links| links.link(&asked, now));
        let mute = link(LinkAction::Quiet(Quiet::Mute { team: team.name.clone(), thread: thread.key.clone() }));
        let line = line.filter(|_| event.kind == EventKind::NoteAssumed);
        let object = line.and_then(|line| link(LinkAction::Object { line: line.to_owned() }));
        Links { mute, object, ..Links::default() }
    }

    /// The message for readers who may not see the repository. If the rule has its own template, every name in it is
    /// absent, so that only the text that its writer chose remains; built-in templates would say nothing. There is no
    /// link to mute it, since the link would contain the conversation's name.
    fn compose_outside(&self, telling: &Telling<'_>, company: Company<'_>) -> Result<Message, RenderError> {
        let Telling { event, team, rule, .. } = *telling;
        let thread = outside::thread(event);
        let why = outside::why(team, rule, event);
        let facts = Facts { company: Company { comments: &[], ..company }, ..facts(telling, &thread, &why) };
        let known = Context { note: outside::note(team, event), ..redacted(&facts, outside::page(event)) };
        let own = rule.template.as_deref().filter(|name| self.sources.contains_key(*name));
        // A template that consists of names alone yields nothing.
        let message = own.and_then(|name| self.templates.render(name, &known).ok());
        let message = message.map_or_else(|| self.templates.render("outside", &known), Ok)?;
        Ok(Message { private: true, ..mannered(message, telling) })
    }

    /// The message about a ticket that only some people may see, whatever the rule's template: its key and its page. It
    /// says neither what happened nor who did it, so replies go to nobody in particular.
    fn compose_key_only(&self, telling: &Telling<'_>, ticket: &Ticket) -> Result<Message, RenderError> {
        let Telling { event, team, rule, .. } = *telling;
        let bare = ticket.key_and_link();
        let thread = ThreadView { title: None, ..self.thread(&restricted::without_words(event, &bare), None) };
        let thread = ThreadView { label: thread.key.clone(), ..thread };
        let links = Links { object: None, ..self.asked(telling, &thread) };
        let why = plan::why_all(team, &[rule.name.as_str()]);
        let facts = Facts { links: &links, object_by: None, ..facts(telling, &thread, &why) };
        let message = self.templates.render("restricted", &key_only(&facts, &bare))?;
        Ok(Message { restricted: true, own_subject: true, ..mannered(message, telling) })
    }

    fn thread(&self, event: &Event, ticket: Option<&Ticket>) -> ThreadView {
        let key = track::conversation(event);
        let url = match (event.tickets.first(), &event.about) {
            (None, about) | (Some(_), about @ About::Ticket(_)) => about.url().map(str::to_owned),
            (Some(key), about) if event.subject == key.as_str() => about.url().map(str::to_owned),
            (Some(key), _) => ticket.and_then(|ticket| ticket.url.clone()).or_else(|| match key.is_issue() {
                true => issue_page(event, key),
                false => self.jira_base_url.as_ref().map(|base| format!("{}/browse/{key}", base.trim_end_matches('/'))),
            }),
        };
        ThreadView::of(event, ticket, key, url)
    }
}

static NO_LINKS: Links = Links { mute: None, object: None, unsubscribe: None, details: None };

/// The page of an issue that no webhook told of: it is on the server of the event that names it.
fn issue_page(event: &Event, key: &TicketKey) -> Option<String> {
    let mut page = Url::parse(event.about.url()?).ok()?;
    let subject = key.subject();
    let SubjectParts { scope, .. } = subject.parts();
    page.set_path(&format!("{scope}/issues/{}", subject.parts().number()?));
    page.set_query(None);
    page.set_fragment(None);
    Some(page.into())
}

/// The facts for every message, without a ticket and without links.
fn facts<'a>(telling: &Telling<'a>, thread: &'a ThreadView, why: &'a str) -> Facts<'a> {
    let Telling { event, team, rule, now, .. } = *telling;
    Facts {
        event,
        ticket: None,
        thread,
        team: &team.name,
        rule: &rule.name,
        why,
        links: &NO_LINKS,
        zone: &team.timezone,
        object_by: plan::object_by(rule, event.kind).map(|after| now + after),
        now,
        company: Company::default(),
    }
}

/// The rules of these teams, with those that people subscribed to and the members that GitHub lists.
fn rules(files: &BTreeMap<PathBuf, Arc<Team>>, members: &Members, subscribed: &InForce) -> Rules {
    let on_github = |team: &Team| members.get(&team.github_team.as_ref()?.to_lowercase());
    let teams = files.values().map(|team| {
        let team = match subscribed.rules.get(&team.name) {
            Some(rules) => Arc::new(team.with_rules(rules)),
            None => Arc::clone(team),
        };
        match on_github(&team) {
            Some(logins) => Arc::new(team.with_members(logins)),
            None => team,
        }
    });
    Rules::new(teams.collect())
}

/// A message with the manner that its rule chooses for the conversation, and whom the rule names.
fn mannered(message: Message, telling: &Telling<'_>) -> Message {
    let Telling { event, team, rule, .. } = *telling;
    let of_repository = event.scope.split_once('/').map(|(owner, _)| owner);
    let of_team = || team.github_team.as_ref()?.split_once('/').map(|(organization, _)| organization);
    Message {
        manner: rule.manners.of(event.kind),
        mention: mentioned(rule, None),
        organization: of_repository.or_else(of_team).map(str::to_owned),
        ..message
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
    // Checks again, with the last good text of each broken file.
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
        // Without a folder, there are the built-in templates.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (sources, problems),
        Err(error) => {
            problems.push(Problem::of_file(&folder.display().to_string(), format!("cannot be read: {error}"), None));
            return (sources, problems);
        }
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_stem().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
        let (Some(name), Some("hbs")) = (name, path.extension().and_then(|end| end.to_str())) else { continue };
        match read_inside(folder, &path) {
            Ok(text) => {
                sources.insert(name.to_owned(), text);
            }
            Err((message, help)) => problems.push(Problem::of_file(&path.display().to_string(), message, help)),
        }
    }
    (sources, problems)
}

#[cfg(test)]
mod tests;
