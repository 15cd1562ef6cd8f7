//! Turns a raw team file into a [`Team`], and reports everything that can be known to be wrong before an event comes.

mod conditions;
mod defaults;
mod lists;
mod manner;
mod rule_test;
mod within_bounds;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::tz::TimeZone;

use self::conditions::Within;
pub use self::defaults::Defaults;
pub(super) use self::defaults::check_defaults;
use self::lists::{Entry, Lists};
pub(super) use self::manner::Sending;
use super::entry;
use super::file::{RuleTable, TeamFile, Texts};
use super::mistaken_keys;
use super::pattern::{Pattern, Patterns, Written};
use super::repository::{TeamAllowed, TeamsAllowed};
use super::{Condition, On, Owns, Rule, Summary, Team};
use crate::destination::Available;
use crate::event::{EventKind, Kinds};
use crate::toml_file::{At, Document, Field, Problem, TextOrTexts, Wrong};

/// Names stand in addresses of pages and in mail headers.
const LONGEST_NAME: usize = 64;

/// What team files may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Names of the templates
    pub templates: &'a BTreeSet<String>,
    /// What destinations and people there are
    pub channels: &'a Available,
}

/// Reads a team file. `file` names it in problems.
///
/// # Errors
/// All the problems in it.
pub fn check(file: &str, text: &str, known: Known<'_>) -> Result<Team, Vec<Problem>> {
    check_among(
        file,
        text,
        known,
        Among { teams: None, defaults: &Defaults::default(), bounds: None, patterns: &mut HashMap::new() },
    )
}

/// Reads one more rule of a team, as if it stood at the end of its file: a `[[rule]]` that says where it sends to.
///
/// # Errors
/// All the problems in it.
pub fn check_rule(team: &Team, rule: &str, known: Known<'_>) -> Result<Rule, Vec<Problem>> {
    let defaults = Defaults { sending: team.sending.clone(), ..Defaults::default() };
    let among = Among { teams: None, defaults: &defaults, bounds: None, patterns: &mut HashMap::new() };
    let file = check_among("the rule", &format!("team = \"{}\"\n{rule}", team.name), known, among)?;
    let nothing = || vec![Problem::of_file("the rule", "there is none", None)];
    let mut rule = file.rules.into_iter().next().ok_or_else(nothing)?;
    // What a repository's file may not hear of, no other rule of its team may.
    let own = team.rules.iter().chain(&team.addressed).flat_map(|rule| &rule.conditions);
    rule.conditions.extend(own.into_iter().find(|condition| matches!(condition, Condition::MayHear(_))).cloned());
    Ok(rule)
}

/// What team files that are read together share.
pub(super) struct Among<'a> {
    /// The names of all teams; `None` if the teams that it names can't be checked
    pub teams: Option<&'a BTreeSet<String>>,
    /// What holds for all of them
    pub defaults: &'a Defaults,
    /// The limits of a file in a repository
    pub bounds: Option<Bounds<'a>>,
    /// The patterns of conditions so far, by what is written in them, so that those that many rules share are kept once
    pub patterns: &'a mut HashMap<Written, Patterns>,
}

/// A repository whose file it is, and what the operator allows.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub repo: &'a str,
    pub allowed: &'a TeamsAllowed,
}

/// Reads a team file.
pub(super) fn check_among(file: &str, text: &str, known: Known<'_>, among: Among<'_>) -> Result<Team, Vec<Problem>> {
    let (document, raw) = Document::read_explaining::<TeamFile>(file, text, mistaken_keys::instead_of)?;
    let mut checker = Checker::new(document, known, among);
    let team = checker.team(raw);
    checker.document.finish(team)
}

/// The times that some kinds of events need.
#[derive(Clone, Copy)]
struct Spans {
    /// How long nothing must have happened
    after: Option<Duration>,
    /// How many days before a due date
    before: Option<i64>,
}

impl Spans {
    /// The key that a rule for this kind lacks, and what to write.
    fn missing(self, kind: EventKind) -> Option<(&'static str, &'static str)> {
        match kind {
            kind if kind.is_of_silence() && self.after.is_none() => {
                Some(("after", "write how long nothing must have happened, such as `after = \"5d\"`"))
            }
            EventKind::TicketDueSoon if self.before.is_none() => {
                Some(("before", "write how many days before the due date, such as `before = \"2d\"`"))
            }
            _ => None,
        }
    }
}

struct Checker<'a> {
    document: Document<'a>,
    known: Known<'a>,
    among: Among<'a>,
    /// What the team owns
    owns: Option<Owns>,
    /// Its own named lists
    lists: Lists,
    /// What a file in a repository may do; `None` in the operator's folder, and for a team that the repository can't speak for
    bounds: Option<TeamAllowed>,
}

impl<'a> Checker<'a> {
    fn new(document: Document<'a>, known: Known<'a>, among: Among<'a>) -> Self {
        Self { document, known, among, owns: None, lists: Lists::new(), bounds: None }
    }
}

impl Checker<'_> {
    fn team(&mut self, mut raw: TeamFile) -> Team {
        let root = At::root();
        let name = self.name(std::mem::take(&mut raw.team), &root, "team");
        self.enter_bounds(&name);
        let to = std::mem::take(&mut raw.to);
        let own = self.defaults(raw.take_defaults());
        let own_summary = own.summary.is_some();
        let all = own.clone().or(self.among.defaults);
        self.answering(&own, &all);
        let answers = all.answers();
        let Defaults { sending, timezone, audience, quiet, budget, summary, lists, .. } = all;
        let sending = Sending { to: self.destinations(to, &root.key("to")), ..sending };
        self.lists = lists;
        let members = self.members(raw.members);
        let github_team = self.github_team(raw.github_team);
        self.owns = self.owns(raw.owns, github_team.as_ref(), &members);
        let tables = self.document.take(raw.rule, &root.key("rule")).unwrap_or_default();
        let mut names = BTreeMap::new();
        let mut rules = Vec::new();
        for (index, (at, table)) in self.document.entries(tables, &root.key("rule")).into_iter().enumerate() {
            let rule = self.rule(table, &at, &sending);
            let rule = self.bounded(rule);
            if let Some(first) = names.insert(rule.name.clone(), index + 1).filter(|_| !rule.name.is_empty()) {
                let message = format!("rule {first} is also named `{}`", rule.name);
                self.document.wrong(&at.key("name"), message, "give each rule its own name".to_owned());
            }
            rules.push(rule);
        }
        let addressed = sending.addressed(&rules).map(|rule| self.bounded(rule));
        let summary = summary.zip(addressed.as_ref()).map(|(at, rule)| Summary { at, to: rule.to.clone() });
        if own_summary && summary.is_none() {
            let help = "write `to = [\"email:ADDRESS\"]` at the top".to_owned();
            self.document.wrong(&root.key("summary"), "there is nowhere to send it to: `to` is missing", help);
        }
        Team {
            home: self.home(),
            name,
            owner: self.owner(raw.owner),
            members,
            github_team,
            timezone: timezone.unwrap_or(TimeZone::UTC),
            audience: audience.unwrap_or_default(),
            answers,
            quiet: quiet.unwrap_or_default(),
            budget,
            tests: self.tests(raw.test, &rules),
            addressed,
            rules,
            sending,
            summary,
            owns: self.owns.clone(),
        }
    }

    fn rule(&mut self, mut raw: RuleTable, at: &At, team: &Sending) -> Rule {
        let (conditions, sending) = (raw.take_conditions(), raw.take_sending());
        let name = self.name(raw.name, at, "name");
        let after = self.duration(raw.after, &at.key("after"));
        let before = self.days(raw.before, &at.key("before"));
        let on = self.on(raw.on, at, Spans { after, before });
        let conditions = self.conditions(conditions, at, Within { on: &on, depth: 0, excluded: false });
        let own = self.sending(sending, at);
        let settling = self.settling((&own, at), team);
        let restricted = self.restricted(raw.restricted, &at.key("restricted"));
        let object_by = self.duration(raw.object_by, &at.key("object_by"));
        if object_by.is_some() && !on.kinds.contains(EventKind::NoteAssumed) {
            let help = "leave it out, or add \"note.assumed\" to `on`".to_owned();
            self.document.wrong(&at.key("object_by"), "only an assumption can be objected to", help);
        }
        let sending = own.or(team);
        if sending.to.is_none() {
            let help = "write `to = [\"email:ADDRESS\"]` here, or at the top for all rules".to_owned();
            self.document.wrong(at, "this rule has nowhere to send to: `to` is missing", help);
        }
        let (settle, settle_max) = settling;
        Rule { settle, settle_max, after, before, object_by, restricted, ..sending.rule(name, on, conditions) }
    }

    fn name(&mut self, field: Field<String>, table: &At, key: &str) -> String {
        if field.is_absent() {
            self.document.wrong(table, format!("`{key}` is missing"), format!("write `{key} = \"NAME\"`"));
        }
        let at = table.key(key);
        let Some(name) = self.document.take(field, &at) else { return String::new() };
        self.valid_name(&name, &at);
        name
    }

    fn valid_name(&mut self, name: &str, at: &At) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            let help = format!("a name has letters, digits, `_`, `.` and `-`, at most {LONGEST_NAME}");
            let message =
                if name.is_empty() { "the name is empty".to_owned() } else { format!("`{name}` isn't a valid name") };
            self.document.wrong(at, message, help);
        }
    }

    fn owner(&mut self, field: Field<String>) -> Option<String> {
        let at = At::root().key("owner");
        let owner = self.document.take(field, &at)?;
        if owner.parse::<lettre::Address>().is_err() {
            self.document.wrong(&at, format!("`{owner}` isn't a mail address"), None);
        } else if let Err((message, help)) = self.known.channels.check_mail(&owner) {
            self.document.wrong(&at, message, help);
        } else {
            self.stay_in_bounds(&format!("email:{owner}"), &at);
        }
        Some(owner)
    }

    fn members(&mut self, field: Texts) -> Vec<String> {
        let members = self.document.texts(field, &At::root().key("members")).unwrap_or_default();
        for (at, member) in &members {
            if let Err((message, help)) = entry::plain_login(member) {
                self.document.wrong(at, message, help);
            }
        }
        members.into_iter().map(|(_, member)| member).collect()
    }

    fn github_team(&mut self, team: Field<String>) -> Option<String> {
        let at = At::root().key("github_team");
        let team = self.document.take(team, &at)?;
        let parts = team.split('/').collect::<Vec<_>>();
        self.name_no_github_team(&at);
        let right = parts.len() == 2 && parts.iter().all(|part| entry::plain_login(part).is_ok());
        if !right {
            let help = "write \"ORGANISATION/TEAM\"".to_owned();
            self.document.wrong(&at, format!("`{team}` isn't a team on GitHub"), help);
        }
        right.then_some(team)
    }

    /// What the team owns. CODEOWNERS knows it by its name on GitHub, or by its members.
    fn owns(&mut self, owns: Field<TextOrTexts>, team: Option<&String>, members: &[String]) -> Option<Owns> {
        let at = At::root().key("owns");
        match self.document.take(owns, &at)? {
            TextOrTexts::One(text) if text == "codeowners" => {
                let names = team.into_iter().chain(members).map(|name| format!("@{}", name.to_lowercase()));
                let names = names.collect::<Vec<_>>();
                if names.is_empty() {
                    let help = "write `github_team = \"ORGANISATION/TEAM\"`, or `members`".to_owned();
                    self.document.wrong(&at, "CODEOWNERS doesn't know this team", help);
                }
                Some(Owns::CodeOwners(names))
            }
            TextOrTexts::One(text) => {
                let help = "write \"codeowners\", or a list of files such as [\"schemas/**\"]".to_owned();
                self.document.wrong(&at, format!("`{text}` isn't something that a team can own"), help);
                None
            }
            TextOrTexts::Several(paths) => {
                if paths.is_empty() {
                    self.document.wrong(&at, "the list is empty", "leave the key out, or write an entry".to_owned());
                }
                let entries = paths.into_iter().enumerate().map(|(index, path)| (at.index(index), path)).collect();
                Some(Owns::Paths(self.patterns(entries, entry::path)))
            }
        }
    }

    fn on(&mut self, field: Texts, rule: &At, spans: Spans) -> On {
        let at = rule.key("on");
        if field.is_absent() {
            let help = "write `on = [\"pull_request.merged\"]`, or other events".to_owned();
            self.document.wrong(rule, "`on` is missing", help);
        }
        let before = self.document.problem_count();
        let entries = self.filled_list(field, &at);
        let written = entries.iter().map(|(_, text)| text.clone()).collect();
        let patterns = self.patterns(entries.clone(), entry::event);
        for (at, text) in &entries {
            if let Some((key, help)) = text.parse().ok().and_then(|kind| spans.missing(kind)) {
                self.document.wrong(at, format!("`{text}` needs `{key}`"), help.to_owned());
            }
        }
        let kinds: Kinds = EventKind::ALL
            .iter()
            .copied()
            .filter(|kind| spans.missing(*kind).is_none())
            .filter(|kind| {
                // A rule on transitions also wants the one to done.
                let names: Vec<_> =
                    [Some(*kind), kind.general()].into_iter().flatten().map(EventKind::as_str).collect();
                patterns.test(&names).is_ok()
            })
            .collect();
        if kinds.is_empty() && self.document.problem_count() == before {
            self.document.wrong(&at, "the exclusions leave no event", None);
        }
        if spans.after.is_some() && !kinds.iter().any(EventKind::is_of_silence) {
            let help = "leave it out, or add \"pull_request.stalled\" or \"ticket.quiet\" to `on`".to_owned();
            self.document.wrong(&rule.key("after"), "none of the events in `on` waits for silence", help);
        }
        if spans.before.is_some() && !kinds.contains(EventKind::TicketDueSoon) {
            let help = "leave it out, or add \"ticket.due_soon\" to `on`".to_owned();
            self.document.wrong(&rule.key("before"), "none of the events in `on` comes before a due date", help);
        }
        On { kinds, written }
    }

    fn patterns<E: Into<Entry>>(&mut self, entries: Vec<E>, read: fn(&str) -> Result<Pattern, Wrong>) -> Patterns {
        let read = |Entry { at, text, list }: Entry| match list {
            // What is wrong with it was reported where the list is.
            Some(list) => read(&text).ok().map(|pattern| pattern.of_list(&list)),
            None => self.right(read(&text), &at),
        };
        let patterns = Patterns::new(entries.into_iter().map(Into::into).filter_map(read).collect());
        self.among.patterns.entry(patterns.written()).or_insert(patterns).clone()
    }

    /// The value, if it could be read; otherwise reports what is wrong with it.
    fn right<T>(&mut self, read: Result<T, (String, impl Into<Option<String>>)>, at: &At) -> Option<T> {
        read.map_err(|(message, help)| self.document.wrong(at, message, help)).ok()
    }

    fn filled_list(&mut self, field: Texts, at: &At) -> Vec<(At, String)> {
        if matches!(&field, Field::Is(entries) if entries.is_empty()) {
            self.document.wrong(at, "the list is empty", "leave the key out, or write an entry".to_owned());
        }
        self.document.texts(field, at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::manner::SETTLE;
    use super::*;

    #[test]
    fn a_rule_says_it_better_than_its_team() {
        let text = r#"
            team = "data"
            to = ["mailbox", "email:a@example.com", "mailbox"]
            settle = "1h"
            own = true
            bots = true
            template = "heads-up"
            [[rule]]
            name = "as-the-team"
            on = ["push"]
            [[rule]]
            name = "its-own"
            on = ["push"]
            to = ["email:b@example.com"]
            settle = "0s"
            own = false
            bots = false
            template = "on-track"
        "#;
        let templates = ["heads-up", "on-track"].map(str::to_owned).into();
        let known = Known { templates: &templates, channels: &Available::default() };
        let team = check("data.toml", text, known).unwrap();
        let manner: Vec<_> = team
            .rules
            .iter()
            .map(|rule| {
                let to: Vec<_> = rule.to.iter().map(ToString::to_string).collect();
                (to.join(" "), rule.settle.as_secs(), rule.own, rule.bots, rule.template.as_deref().unwrap())
            })
            .collect();
        let expected = [
            ("mailbox email:a@example.com".to_owned(), 3600, true, true, "heads-up"),
            ("email:b@example.com".to_owned(), 0, false, false, "on-track"),
        ];
        assert_eq!(manner, expected);
    }

    #[test]
    fn what_a_team_may_leave_out() {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let text = "team = \"a\"\n[[rule]]\nname = \"r\"\non = [\"push\"]\nto = [\"mailbox\"]\n";
        let team = check("a.toml", text, known).unwrap();
        let rule = &team.rules[0];
        assert_eq!((rule.settle, rule.settle_max), (SETTLE, 3 * SETTLE));
        assert_eq!((rule.own, rule.bots, rule.restricted, &rule.template), (false, false, false, &None));
        assert_eq!(team.timezone, TimeZone::UTC);
    }

    #[test]
    fn a_file_made_to_have_a_million_mistakes_is_read_in_no_time() {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let text = format!("team = \"a\"\nmembers = [{}]\n", "1,".repeat(150_000));
        let one_line = check("a.toml", &text, known).unwrap_err().len();
        let many_lines = check("a.toml", &text.replace(',', ",\n"), known).unwrap_err().len();
        assert_eq!((one_line, many_lines), (1, 100));
    }
}
