//! Forty teams as they might be: who is in them, what they own, whose work they depend on, and what they asked for.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;

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
    /// The repositories whose merges it asks for, on no further condition
    pub merges_of: Vec<String>,
}

pub struct Repo {
    pub name: String,
    /// The index of the team that owns it
    pub owner: usize,
}

const ZONES: [&str; 6] =
    ["Europe/Lisbon", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney"];
const DAY: u64 = 24 * 3600;
/// The hours in which a team with quiet hours works, Monday to Friday.
pub const AWAKE: std::ops::Range<i8> = 8..19;
const QUIET: &str = "[\"19:00-08:00\", \"sat\", \"sun\"]";
const MEMBERS: usize = 10;

impl Company {
    /// A company of so many teams; each has one or two repositories, in all half as many again.
    pub fn new(size: usize) -> Self {
        let repos = (0..size + size / 2).map(|n| Repo { name: format!("acme/service-{n:02}"), owner: n % size });
        let repos = repos.collect::<Vec<_>>();
        let teams = (0..size).map(|n| team(n, size, &repos)).collect();
        Self { teams, repos }
    }

    /// The files that the service is configured by: paths and texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let projects = self.teams.iter().map(|team| format!("\"{}\"", team.project)).collect::<Vec<_>>().join(", ");
        let config = format!(
            "[github]\nsecrets = [\"month\"]\n[jira]\nsecrets = [\"month\"]\nprojects = [{projects}]\n\
             [email]\nfrom = \"microalign <updates@example.com>\"\n[slack]\ntoken = \"xoxb-month\"\n"
        );
        let teams = self.teams.iter().map(|team| (format!("rules/{}.toml", team.name), team.file()));
        std::iter::once(("microalign.toml".to_owned(), config)).chain(teams).collect()
    }
}

impl Team {
    fn file(&self) -> String {
        let members = self.members.iter().map(|login| format!("\"{login}\"")).collect::<Vec<_>>().join(", ");
        let (name, zone) = (&self.name, self.zone_name);
        let mut text = format!(
            "team = \"{name}\"\nmembers = [{members}]\ntimezone = \"{zone}\"\nto = [\"email:{name}@example.com\"]\n"
        );
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

fn team(n: usize, size: usize, repos: &[Repo]) -> Team {
    let name = format!("team-{n:02}");
    let zone_name = ZONES[n % ZONES.len()];
    Team {
        project: project(n),
        members: (0..MEMBERS).map(|member| format!("{name}-{member}")).collect(),
        zone: TimeZone::get(zone_name).unwrap(),
        zone_name,
        quiet: n % 4 != 3,
        budget: [Some(Budget::EightADay), Some(Budget::ThirtyAWeek), None][n % 3],
        rules: rules(n, size, repos),
        name,
    }
}

fn project(n: usize) -> String {
    format!("T{n:02}X")
}

/// What a team asks for: of the repositories and tickets of the three teams after it, on which it depends.
fn rules(n: usize, size: usize, repos: &[Repo]) -> Vec<Rule> {
    let depends_on = [(n + 1) % size, (n + 2) % size, (n + 5) % size];
    let of_others = repos.iter().filter(|repo| depends_on.contains(&repo.owner)).map(|repo| repo.name.clone());
    let of_others = of_others.collect::<Vec<_>>();
    let own = repos.iter().filter(|repo| repo.owner == n).map(|repo| repo.name.clone()).collect::<Vec<_>>();
    let watched = depends_on.map(|other| format!("{}-*", project(other)));
    let (repo, ticket) = (list(&of_others), list(&watched));
    let mut rules = vec![Rule {
        merges_of: of_others.clone(),
        ..rule("heads-up", format!("on = [\"pull_request.merged\"]\nrepo = {repo}"))
    }];
    let all = "\"pull_request.draft\", \"pull_request.opened\", \"pull_request.ready\", \"pull_request.merged\", \
               \"pull_request.closed\", \"pull_request.reopened\"";
    rules.push(match n % 3 {
        0 => {
            let on = "on = [\"pull_request.draft\", \"pull_request.on_track\"]";
            Rule { every: days(3), ..rule("on-track", format!("{on}\nticket = {ticket}")) }
        }
        1 => Rule { merges_of: of_others.clone(), ..rule("work", format!("on = [{all}]\nrepo = {repo}")) },
        _ => {
            let to = format!("to = [\"slack:#team-{n:02}\", \"email:team-{n:02}@example.com\"]");
            let rule = rule("work", format!("on = [{all}]\nrepo = {repo}\n{to}\nsettle = \"10m\""));
            Rule { merges_of: of_others.clone(), ..rule }
        }
    });
    let digest = ["digest = \"daily 09:00\"", "digest = \"weekly mon 09:00\"", "settle = \"5m\""][n % 3];
    let tickets = "on = [\"ticket.started\", \"ticket.done\", \"ticket.slipped\", \"ticket.flagged\"]";
    rules.push(rule("tickets", format!("{tickets}\nticket = {ticket}\n{digest}")));
    let object = if n.is_multiple_of(4) { "\nobject_by = \"3d\"" } else { "" };
    rules.push(rule("assumptions", format!("on = [\"note.assumed\"]\nticket = {ticket}{object}")));
    rules.push(rule("notes", format!("on = [\"note.*\", \"!note.assumed\"]\nticket = {ticket}")));
    rules.extend(some_rules(n, &repo, &list(&own)));
    rules
}

/// What not every team asks for.
fn some_rules(n: usize, repo: &str, own: &str) -> Vec<Rule> {
    let own_tickets = format!("[\"{}-*\"]", project(n));
    let mut rules = Vec::new();
    if n % 2 == 1 {
        rules.push(rule("stalled", format!("on = [\"pull_request.stalled\"]\nrepo = {repo}\nafter = \"5d\"")));
    }
    if n.is_multiple_of(2) {
        rules.push(rule("quiet", format!("on = [\"ticket.quiet\"]\nticket = {own_tickets}\nafter = \"7d\"")));
    }
    if n % 3 == 1 {
        let on = "on = [\"pull_request.opened\", \"pull_request.ready\"]\nlabels = [\"contract\"]";
        rules.push(rule("contracts", format!("{on}\nrepo = {repo}")));
    }
    if n.is_multiple_of(3) {
        let on = "on = [\"pull_request.opened\", \"pull_request.merged\"]\nauthor = [\"renovate[bot]\"]";
        rules.push(rule("updates", format!("{on}\nrepo = {own}\ndigest = \"weekly mon 09:00\"")));
    }
    if n % 4 == 1 {
        let on = "on = [\"pull_request.approved\", \"pull_request.changes_requested\", \"pull_request.commented\"]";
        rules.push(Rule { every: days(1), ..rule("reviews", format!("{on}\nrepo = {repo}")) });
    }
    rules
}

fn rule(name: &'static str, text: String) -> Rule {
    Rule { name, text, every: None, merges_of: Vec::new() }
}

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * DAY))
}

fn list(entries: &[String]) -> String {
    format!("[{}]", entries.iter().map(|entry| format!("\"{entry}\"")).collect::<Vec<_>>().join(", "))
}
