//! Forty teams as they might be: who is in them, what they own, whose work they depend on, and what they asked for.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use microalign::event::EventKind;

/// What the company is made of.
pub struct Company {
    pub teams: Vec<Team>,
    pub repos: Vec<Repo>,
}

pub struct Team {
    pub name: String,
    /// The key of its Jira project
    pub project: String,
    pub members: Vec<String>,
    pub zone: TimeZone,
    zone_name: &'static str,
    /// Whether it has quiet hours, [`QUIET`]
    pub quiet: bool,
    pub budget: Option<Budget>,
    /// Whether its readers are outside of the company
    pub outside: bool,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    EightADay,
    ThirtyAWeek,
}

pub struct Rule {
    pub name: &'static str,
    /// Its keys in TOML, besides the name
    text: String,
    pub every: Option<Duration>,
    /// The repositories or projects of which it asks
    pub of: Vec<String>,
    /// What it asks for on no further condition, and what must be heard for that
    pub ends: Option<EventKind>,
    /// The webhooks that a bot would have to repeat for the same
    pub webhooks: &'static [&'static str],
}

pub struct Repo {
    pub name: String,
    /// The index of the team that owns it
    pub owner: usize,
    /// Whether it is private at first
    pub private: bool,
    /// Whether a merge queue merges
    pub queue: bool,
    /// Whether two webhooks tell of it
    pub twice: bool,
}

const ZONES: [&str; 6] =
    ["Europe/Lisbon", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney"];
const DAY: u64 = 24 * 3600;
/// The hours in which a team with quiet hours works, Monday to Friday.
pub const AWAKE: std::ops::Range<i8> = 8..19;
const QUIET: &str = "[\"19:00-08:00\", \"sat\", \"sun\"]";
const MEMBERS: usize = 10;

impl Company {
    /// A company of so many teams; each has one or two repositories, in all half as many again. What a team is like follows
    /// from its number, `first` and on.
    pub fn new(size: usize, first: usize) -> Self {
        let repo = |n: usize| Repo {
            name: format!("acme/service-{n:02}"),
            owner: n % size,
            private: (n + first) % 5 != 2,
            queue: (n + first) % 3 == 1,
            twice: (n + first) % 7 == 3,
        };
        let repos = (0..size + size / 2).map(repo).collect::<Vec<_>>();
        let teams = (0..size).map(|n| team((n, n + first), size, &repos)).collect();
        Self { teams, repos }
    }

    /// Writes the files that the service is configured by.
    pub fn write_files(&self, folder: &Path) {
        for (path, text) in self.files() {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn files(&self) -> Vec<(String, String)> {
        let projects = self.teams.iter().map(|team| format!("\"{}\"", team.project)).collect::<Vec<_>>().join(", ");
        let config = format!(
            "[github]\nsecrets = [\"a secret of the month\"]\n[jira]\nsecrets = [\"a secret of the month\"]\nprojects = [{projects}]\n\
             [email]\nfrom = \"microalign <updates@example.com>\"\n[slack]\ntoken = \"xoxb-month\"\n"
        );
        let teams = self.teams.iter().map(|team| (format!("rules/{}.toml", team.name), team.file()));
        std::iter::once(("microalign.toml".to_owned(), config)).chain(teams).collect()
    }
}

impl Team {
    /// What its file says.
    pub fn file(&self) -> String {
        let members = self.members.iter().map(|login| format!("\"{login}\"")).collect::<Vec<_>>().join(", ");
        let (name, zone) = (&self.name, self.zone_name);
        let mut text = format!(
            "team = \"{name}\"\nmembers = [{members}]\ntimezone = \"{zone}\"\nto = [\"email:{name}@example.com\"]\n"
        );
        if self.outside {
            text.push_str("audience = \"outside\"\n");
        }
        if self.quiet {
            writeln!(text, "quiet = {QUIET}").unwrap();
        }
        match self.budget {
            Some(Budget::EightADay) => text.push_str("budget = \"8/day\"\n"),
            Some(Budget::ThirtyAWeek) => text.push_str("budget = \"30/week\"\n"),
            None => {}
        }
        for Rule { name, text: keys, every, .. } in &self.rules {
            writeln!(text, "\n[[rule]]\nname = \"{name}\"\n{keys}").unwrap();
            if let Some(every) = every {
                writeln!(text, "every = \"{}d\"", every.as_secs() / DAY).unwrap();
            }
        }
        text
    }

    /// The rule of that name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }
}

fn team((n, like): (usize, usize), size: usize, repos: &[Repo]) -> Team {
    let name = format!("team-{n:02}");
    let zone_name = ZONES[like % ZONES.len()];
    Team {
        project: project(n),
        members: (0..MEMBERS).map(|member| format!("{name}-{member}")).collect(),
        zone: TimeZone::get(zone_name).unwrap(),
        zone_name,
        quiet: like % 4 != 3,
        budget: [Some(Budget::EightADay), Some(Budget::ThirtyAWeek), None][like % 3],
        outside: like % 8 == 6,
        rules: rules((n, like), size, repos),
        name,
    }
}

fn project(n: usize) -> String {
    format!("T{n:02}X")
}

const PULL_REQUEST: &[&str] = &["pull_request"];
const TALK: &[&str] = &["issue_comment", "pull_request_review", "comment"];

/// What a team asks for: of the repositories and tickets of the three teams after it, on which it depends.
fn rules((n, like): (usize, usize), size: usize, repos: &[Repo]) -> Vec<Rule> {
    let depends_on = [(n + 1) % size, (n + 2) % size, (n + 5) % size];
    let others = Scope::repos(repos, |owner| depends_on.contains(&owner));
    let own = Scope::repos(repos, |owner| owner == n);
    let watched = Scope::projects(depends_on.map(project).into());
    let merged = Some(EventKind::PullRequestMerged);
    let mut rules = vec![Rule { ends: merged, ..others.rule("heads-up", PULL_REQUEST, &["pull_request.merged"]) }];
    let all = ["draft", "opened", "ready", "merged", "closed", "reopened"].map(|kind| format!("pull_request.{kind}"));
    let work = others.rule("work", PULL_REQUEST, &all.each_ref().map(String::as_str));
    rules.push(match like % 3 {
        0 => {
            let on = ["pull_request.draft", "pull_request.on_track"];
            Rule { every: days(3), ..watched.rule("on-track", PULL_REQUEST, &on) }
        }
        1 => Rule { ends: merged, ..work },
        _ => {
            let to = format!("to = [\"slack:#team-{n:02}\", \"email:team-{n:02}@example.com\"]");
            Rule { ends: merged, ..work.and(&to).and("settle = \"10m\"") }
        }
    });
    let digest = ["digest = \"daily 09:00\"", "digest = \"weekly mon 09:00\"", "settle = \"5m\""][like % 3];
    let on = ["ticket.started", "ticket.done", "ticket.slipped", "ticket.flagged"];
    let done = Some(EventKind::TicketDone);
    rules.push(Rule { ends: done, ..watched.rule("tickets", &["jira:issue"], &on).and(digest) });
    let assumptions = watched.rule("assumptions", TALK, &["note.assumed"]);
    rules.push(if like.is_multiple_of(4) { assumptions.and("object_by = \"3d\"") } else { assumptions });
    rules.push(watched.rule("notes", TALK, &["note.*", "!note.assumed"]));
    let published = Some(EventKind::ReleasePublished);
    let releases = others.rule("releases", &["release"], &["release.published"]);
    rules.push(Rule { ends: published, ..releases.and("settle = \"5m\"") });
    let own_tickets = Scope::projects(vec![project(n)]);
    rules.extend(some_rules(like, [&others, &own, &watched, &own_tickets]));
    rules
}

/// What not every team asks for.
fn some_rules(like: usize, [others, own, watched, own_tickets]: [&Scope; 4]) -> Vec<Rule> {
    let mut rules = Vec::new();
    if like % 2 == 1 {
        rules.push(others.rule("stalled", PULL_REQUEST, &["pull_request.stalled"]).and("after = \"5d\""));
        let on = ["workflow.failed", "workflow.recovered", "branch.*"];
        rules.push(others.rule("ci", &["workflow_run", "create", "delete"], &on));
    }
    if like.is_multiple_of(2) {
        rules.push(own_tickets.rule("quiet", &["jira:issue", "comment"], &["ticket.quiet"]).and("after = \"7d\""));
    }
    if like % 3 == 1 {
        let on = ["pull_request.opened", "pull_request.ready"];
        rules.push(others.rule("contracts", PULL_REQUEST, &on).and("labels = [\"contract\"]"));
        let on = ["pull_request.labeled", "pull_request.review_requested"];
        rules.push(others.rule("asked", PULL_REQUEST, &on).and("settle = \"1h\""));
    }
    if like.is_multiple_of(3) {
        let on = ["pull_request.opened", "pull_request.merged"];
        let updates = own.rule("updates", PULL_REQUEST, &on).and("author = [\"renovate[bot]\"]");
        rules.push(updates.and("digest = \"weekly mon 09:00\""));
    }
    if like % 4 == 1 {
        let on = ["pull_request.approved", "pull_request.changes_requested", "pull_request.commented"];
        rules.push(Rule { every: days(1), ..others.rule("reviews", TALK, &on) });
    }
    if like % 4 == 3 {
        let on = ["pull_request.approved", "pull_request.changes_requested"];
        rules.push(others.rule("verdicts", TALK, &on).and("settle = \"1h\""));
    }
    if like % 5 == 2 {
        rules.push(watched.rule("talk", TALK, &["ticket.commented"]).and("settle = \"1h\""));
        rules.push(others.rule("main", &["push"], &["push"]).and("branch = [\"main\"]"));
    }
    rules
}

/// Where a rule looks.
struct Scope {
    of: Vec<String>,
    condition: String,
}

impl Scope {
    fn repos(repos: &[Repo], owners: impl Fn(usize) -> bool) -> Self {
        let of = repos.iter().filter(|repo| owners(repo.owner)).map(|repo| repo.name.clone()).collect::<Vec<_>>();
        Self { condition: format!("repo = {}", list(of.iter().map(String::as_str))), of }
    }

    fn projects(of: Vec<String>) -> Self {
        let globs = of.iter().map(|project| format!("{project}-*")).collect::<Vec<_>>();
        Self { condition: format!("ticket = {}", list(globs.iter().map(String::as_str))), of }
    }

    fn rule(&self, name: &'static str, webhooks: &'static [&'static str], on: &[&str]) -> Rule {
        let text = format!("on = {}\n{}", list(on.iter().copied()), self.condition);
        Rule { name, text, every: None, of: self.of.clone(), ends: None, webhooks }
    }
}

impl Rule {
    /// The same with another key.
    fn and(mut self, key: &str) -> Self {
        self.text.push('\n');
        self.text.push_str(key);
        self
    }
}

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * DAY))
}

fn list<'a>(entries: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", entries.map(|entry| format!("\"{entry}\"")).collect::<Vec<_>>().join(", "))
}
