//! Turns the conditions of a rule, as written, into [`Condition`]s.

use super::Checker;
use crate::event::EventKind;
use crate::rule::author_team::AuthorTeam;
use crate::rule::condition::{self, Condition, FieldList};
use crate::rule::file::{ConditionTable, Groups, Texts, TouchesTable, TouchesText};
use crate::rule::owned::Touches;
use crate::rule::pattern::Patterns;
use crate::rule::range::{self, Range, Unit};
use crate::rule::{On, entry};
use crate::toml_file::{At, Field, Raw, SizeText, Tables, did_you_mean};

/// Nobody can follow deeper nesting, and a file that nests without end would exhaust the stack.
const DEEPEST: usize = 8;

/// Where a group of conditions is.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    /// The events of its rule
    pub on: &'a On,
    /// How deeply it is nested
    pub depth: usize,
    /// Whether it is within `not`, where a condition that never holds is useful
    pub excluded: bool,
}

impl Within<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl Checker<'_> {
    /// The conditions of a table, in the order in which they are tried.
    pub(super) fn conditions(&mut self, raw: ConditionTable, at: &At, within: Within<'_>) -> Vec<Condition> {
        let conditions = [
            self.list(raw.repo, (at, "repo")).map(Condition::Repo),
            self.value(raw.private, (at, "private")).map(Condition::Private),
            self.list(raw.base, (at, "base")).map(Condition::Base),
            self.list(raw.head, (at, "head")).map(Condition::Head),
            self.value(raw.draft, (at, "draft")).map(Condition::Draft),
            self.list(raw.branch, (at, "branch")).map(Condition::Branch),
            self.range(raw.size, (at, "size"), &range::LINES).map(|size| Condition::Size(size.into())),
            self.list(raw.paths, (at, "paths")).map(Condition::Paths),
            self.touches_owned(raw.touches_owned, at).map(|touches| Condition::TouchesOwned(touches.into())),
            self.list(raw.labels, (at, "labels")).map(Condition::Labels),
            self.list(raw.labels_all, (at, "labels_all")).map(Condition::LabelsAll),
            self.list(raw.author, (at, "author")).map(Condition::Author),
            self.list(raw.actor, (at, "actor")).map(Condition::Actor),
            self.author_team(raw.author_team, at).map(|teams| Condition::AuthorTeam(teams.into())),
            self.list(raw.assignee, (at, "assignee")).map(Condition::Assignee),
            self.list(raw.reviewer, (at, "reviewer")).map(Condition::Reviewer),
            self.list(raw.ticket, (at, "ticket")).map(Condition::Ticket),
            self.list(raw.ticket_type, (at, "ticket_type")).map(Condition::TicketType),
            self.list(raw.ticket_status, (at, "ticket_status")).map(Condition::TicketStatus),
            self.list(raw.ticket_priority, (at, "ticket_priority")).map(Condition::TicketPriority),
            self.list(raw.ticket_labels, (at, "ticket_labels")).map(Condition::TicketLabels),
            self.list(raw.component, (at, "component")).map(Condition::Component),
            self.list(raw.fix_version, (at, "fix_version")).map(Condition::FixVersion),
            self.list(raw.parent, (at, "parent")).map(Condition::Parent),
            self.list(raw.sprint, (at, "sprint")).map(Condition::Sprint),
            self.list(raw.resolution, (at, "resolution")).map(Condition::Resolution),
            self.value(raw.prerelease, (at, "prerelease")).map(Condition::Prerelease),
            self.list(raw.environment, (at, "environment")).map(Condition::Environment),
            self.list(raw.workflow, (at, "workflow")).map(Condition::Workflow),
            self.list(raw.title, (at, "title")).map(Condition::Title),
            self.body(raw.body, at).map(|wanted| Condition::Body(wanted.into())),
            self.groups(raw.all, (at, "all"), within).map(Condition::All),
            self.groups(raw.any, (at, "any"), within).map(Condition::Any),
            self.not(raw.not, at, within).map(Condition::Not),
        ];
        let mut conditions: Vec<_> = conditions.into_iter().flatten().collect();
        conditions.extend(self.fields(raw.field, at));
        conditions.shrink_to_fit();
        if !within.excluded {
            conditions.iter().for_each(|condition| self.never(condition, at, within));
        }
        conditions
    }

    fn value<T: Raw>(&mut self, field: Field<T>, (table, key): (&At, &str)) -> Option<T> {
        if field.is_absent() { None } else { self.document.take(field, &table.key(key)) }
    }

    /// A list, in which named lists are replaced by their entries.
    fn list(&mut self, field: Texts, (table, key): (&At, &'static str)) -> Option<Patterns> {
        let entries = self.entries(field, &table.key(key))?;
        let entries = self.expanded(entries, key);
        Some(self.patterns(entries, entry::reader(key)))
    }

    fn entries(&mut self, field: Texts, at: &At) -> Option<Vec<(At, String)>> {
        if field.is_absent() {
            return None;
        }
        let entries = self.filled_list(field, at);
        for (at, text) in &entries {
            let excluded = text
                .strip_prefix('!')
                .filter(|rest| !rest.is_empty() && entries.iter().any(|(_, other)| other == rest));
            if let Some(other) = excluded {
                let message = format!("`{text}` contradicts the entry `{other}`");
                self.document.wrong(at, message, "leave one of the two out".to_owned());
            }
        }
        Some(entries)
    }

    fn fields(&mut self, field: Tables<Vec<Field<String>>>, table: &At) -> Vec<Condition> {
        let at = table.key("field");
        if self.document.is_empty_table(&at) {
            let help = "write one such as `field.\"Severity\" = [\"High\"]`".to_owned();
            self.document.wrong(&at, "there is no field here", help);
        }
        let mut conditions = Vec::new();
        for (name, values) in self.document.take(field, &at).unwrap_or_default() {
            if name.trim().is_empty() {
                self.document.wrong(&at.key(&name), "the name is empty", "write the field's name or id".to_owned());
            }
            if let Some(entries) = self.entries(values, &at.key(&name)) {
                let list = self.patterns(entries, entry::text);
                conditions.push(Condition::Field(FieldList { name, list }.into()));
            }
        }
        conditions
    }

    fn touches_owned(&mut self, field: Field<TouchesText>, table: &At) -> Option<Touches> {
        let at = table.key("touches_owned");
        let raw = match self.value(field, (table, "touches_owned"))? {
            TouchesText::Flag(true) => TouchesTable::default(),
            TouchesText::Flag(false) => {
                self.document.wrong(&at, "`touches_owned` can only be true, or a table", "leave it out".to_owned());
                return None;
            }
            TouchesText::Table(raw) => {
                if self.document.is_empty_table(&at) {
                    let help = "write `touches_owned = true`, or `{ files = \">1\" }`".to_owned();
                    self.document.wrong(&at, "this doesn't say how much", help);
                }
                *raw
            }
        };
        let files = self.range(raw.files, (&at, "files"), &range::FILES);
        let share = self.range(raw.share, (&at, "share"), &range::SHARE);
        let generated = self.value(raw.generated, (&at, "generated")).unwrap_or(true);
        let Some(owns) = self.owns.clone() else {
            let help = "write `owns = \"codeowners\"`, or `owns = [\"schemas/**\"]`, at the top".to_owned();
            self.document.wrong(&at, "this file doesn't say what the team owns", help);
            return None;
        };
        Some(Touches { owns, files, share, generated })
    }

    fn range(&mut self, field: Field<SizeText>, (table, key): (&At, &str), unit: &Unit) -> Option<Range> {
        let SizeText(text) = self.value(field, (table, key))?;
        self.right(Range::parse(&text, unit), &table.key(key))
    }

    fn body(&mut self, field: Field<String>, table: &At) -> Option<regex::Regex> {
        let text = self.value(field, (table, "body"))?;
        self.right(condition::regex(&text), &table.key("body"))
    }

    fn author_team(&mut self, field: Texts, table: &At) -> Option<AuthorTeam> {
        if field.is_absent() {
            return None;
        }
        let entries = self.filled_list(field, &table.key("author_team"));
        let entries = self.expanded(entries, "author_team");
        let names = entries.iter().map(|entry| entry.text.trim_start_matches('!').to_owned()).collect();
        for entry in entries.iter().filter(|entry| entry.list.is_none()) {
            self.must_be_team(&entry.text, &entry.at);
        }
        Some(AuthorTeam::new(self.patterns(entries, entry::team), names))
    }

    /// Reports an entry that names no team, if it is known which teams there are.
    pub(super) fn must_be_team(&mut self, text: &str, at: &At) {
        let Some(teams) = self.among.teams else { return };
        let name = text.trim_start_matches('!');
        if !name.is_empty() && !teams.contains(name) {
            let all = || format!("the teams are {}", teams.iter().cloned().collect::<Vec<_>>().join(", "));
            let help = did_you_mean(name, teams.iter().map(String::as_str)).unwrap_or_else(all);
            self.document.wrong(at, format!("there is no team `{name}`"), help);
        }
    }

    fn groups(&mut self, field: Groups, (table, key): (&At, &str), within: Within<'_>) -> Option<Vec<Vec<Condition>>> {
        if field.is_absent() {
            return None;
        }
        let at = table.key(key);
        let tables = self.document.take(field, &at)?;
        if tables.is_empty() {
            self.document.wrong(&at, "the list is empty", "leave the key out, or write a group `{ … }`".to_owned());
        }
        let tables = self.document.entries(tables, &at);
        tables.into_iter().map(|(at, raw)| self.group(raw, &at, within.deeper())).collect()
    }

    fn not(&mut self, field: Field<Box<ConditionTable>>, table: &At, within: Within<'_>) -> Option<Vec<Condition>> {
        let raw = self.value(field, (table, "not"))?;
        self.group(*raw, &table.key("not"), Within { excluded: true, ..within.deeper() })
    }

    fn group(&mut self, raw: ConditionTable, at: &At, within: Within<'_>) -> Option<Vec<Condition>> {
        if within.depth > DEEPEST {
            let help = "two rules with the same `to` are often simpler".to_owned();
            self.document.wrong(at, format!("conditions can nest at most {DEEPEST} deep"), help);
            return None;
        }
        if self.document.is_empty_table(at) {
            self.document.wrong(at, "there is no condition here", "write one such as `base = [\"main\"]`".to_owned());
        }
        Some(self.conditions(raw, at, within))
    }

    /// Reports a condition that holds for none of its rule's events, and a `branch` on a rule for events that have two
    /// branches.
    fn never(&mut self, condition: &Condition, table: &At, within: Within<'_>) {
        let on = within.on;
        let is_branch = matches!(condition, Condition::Branch(_));
        if is_branch && within.depth == 0 && on.kinds.iter().any(|kind| family(kind) == "pull_request") {
            let help = "use `base` or `head`, or write `any = [{ branch = […] }, { base = […] }]` for both".to_owned();
            let message = "a pull request has two branches, so `branch` never holds for one";
            return self.document.wrong(&table.key("branch"), message, help);
        }
        let Some((families, only)) = home(condition) else { return };
        let mut contradictions = on
            .kinds
            .iter()
            .filter(|kind| families.contains(&family(*kind)))
            .map(|kind| contradiction(condition, kind))
            .peekable();
        let only = contradictions.peek().copied().flatten().unwrap_or(only);
        if on.kinds.is_empty() || contradictions.any(|contradiction| contradiction.is_none()) {
            return;
        }
        let key = condition.key();
        self.document.wrong(
            &table.key(key),
            format!("`{key}` never holds for {}: {only}", on.written.join(", ")),
            "leave it out, or ask for other events in `on`".to_owned(),
        );
    }
}

fn family(kind: EventKind) -> &'static str {
    kind.as_str().split('.').next().unwrap_or_default()
}

/// The families of events that have what a condition asks for, with a sentence about it; `None` if all of them may.
fn home(condition: &Condition) -> Option<(&'static [&'static str], &'static str)> {
    const TICKETED: &[&str] = &[
        "pull_request",
        "issue",
        "push",
        "release",
        "deployment",
        "workflow",
        "discussion",
        "branch",
        "note",
        "ticket",
    ];
    const ALL: &[&str] = &[
        "pull_request",
        "issue",
        "push",
        "release",
        "deployment",
        "workflow",
        "discussion",
        "branch",
        "note",
        "ticket",
        "sprint",
        "version",
    ];
    // Workflows and deployments for a pull request have what the pull request has.
    const PULL_REQUEST: &[&str] = &["pull_request", "note", "workflow", "deployment"];
    const LABELLED: &[&str] = &["pull_request", "issue", "ticket", "note", "workflow", "deployment"];
    Some(match condition {
        // Tickets may be issues on GitHub.
        Condition::Repo(_) | Condition::Private(_) => (TICKETED, "Jira's events have no repository"),
        Condition::Base(_) => (PULL_REQUEST, "only pull requests have a base"),
        Condition::Head(_) => (PULL_REQUEST, "only pull requests have a head"),
        Condition::Draft(_) => (PULL_REQUEST, "only pull requests are drafts"),
        Condition::Branch(_) => (
            &["push", "branch", "workflow", "deployment", "release"],
            "only pushes, branches, workflow runs, deployments and releases have a branch",
        ),
        Condition::Size(_) => (PULL_REQUEST, "only pull requests have a size"),
        Condition::Reviewer(_) => (PULL_REQUEST, "only pull requests have reviewers"),
        Condition::Paths(_) | Condition::TouchesOwned(_) => (
            &["pull_request", "push", "note", "workflow", "deployment"],
            "only pushes and pull requests have changed files",
        ),
        Condition::Labels(_) | Condition::LabelsAll(_) => {
            (LABELLED, "only pull requests, issues and tickets have labels")
        }
        Condition::Assignee(_) => (LABELLED, "only pull requests, issues and tickets have an assignee"),
        Condition::Body(_) => (
            &["pull_request", "issue", "ticket", "note"],
            "only the descriptions of pull requests and issues are looked at",
        ),
        Condition::TicketType(_)
        | Condition::TicketStatus(_)
        | Condition::TicketPriority(_)
        | Condition::TicketLabels(_)
        | Condition::Component(_)
        | Condition::FixVersion(_)
        | Condition::Parent(_)
        | Condition::Sprint(_)
        | Condition::Field(_) => (TICKETED, "sprints and versions don't belong to a ticket"),
        Condition::Actor(_) => (ALL, "they aren't anybody's action"),
        Condition::Resolution(_) => (&["ticket", "issue", "note"], "only tickets and issues have a resolution"),
        Condition::Prerelease(_) => (&["release"], "only releases are pre-releases"),
        Condition::Environment(_) => (&["deployment"], "only deployments have an environment"),
        Condition::Workflow(_) => (&["workflow"], "only workflow runs have a workflow"),
        Condition::Author(_)
        | Condition::AuthorTeam(_)
        | Condition::Ticket(_)
        | Condition::Title(_)
        | Condition::All(_)
        | Condition::Any(_)
        | Condition::Not(_)
        | Condition::MayHear(_) => return None,
    })
}

/// Why an event of this kind can't fulfil a condition.
fn contradiction(condition: &Condition, kind: EventKind) -> Option<&'static str> {
    match (condition, kind) {
        (Condition::Draft(true), EventKind::PullRequestOpened | EventKind::PullRequestReady) => {
            Some("it isn't a draft then")
        }
        (Condition::Draft(false), EventKind::PullRequestDraft) => Some("it is a draft then"),
        (Condition::Prerelease(true), EventKind::ReleasePromoted) => Some("it isn't a pre-release any more then"),
        (Condition::Actor(_), kind) if kind.is_timed() => Some("nobody does anything then"),
        _ => None,
    }
}
