//! Checks the tests in a team file, as far as that is possible without their payloads.

use std::path::{Component, Path, PathBuf};

use super::Checker;
use crate::event::Source;
use crate::rule::file::{TestTable, Texts};
use crate::rule::{Rule, RuleTest};
use crate::toml_file::{At, Field, did_you_mean};

impl Checker<'_> {
    pub(super) fn tests(&mut self, field: Field<Vec<Field<TestTable>>>, rules: &[Rule]) -> Vec<RuleTest> {
        let at = At::root().key("test");
        let tables = self.document.take(field, &at).unwrap_or_default();
        let tables = self.document.entries(tables, &at);
        if !tables.is_empty() {
            self.have_no_tests(&at);
        }
        tables.into_iter().map(|(at, table)| self.test(table, &at, rules)).collect()
    }

    fn test(&mut self, raw: TestTable, at: &At, rules: &[Rule]) -> RuleTest {
        let source = self.source(raw.source, &at.key("source"));
        RuleTest {
            name: self.name(raw.name, at, "name"),
            payload: self.payload(raw.payload, at),
            source,
            event: self.event(raw.event, at, source),
            expect: self.expect(raw.expect, at, rules),
            payload_at: self.document.place(&at.key("payload")),
            expect_at: self.document.place(&at.key("expect")),
        }
    }

    fn source(&mut self, field: Field<String>, at: &At) -> Source {
        let written = self.document.take(field, at);
        written.map_or(Source::Github, |name| {
            name.parse().unwrap_or_else(|message: String| {
                self.document.wrong(at, message, did_you_mean(&name, ["github", "jira"]));
                Source::Github
            })
        })
    }

    fn payload(&mut self, field: Field<String>, test: &At) -> PathBuf {
        if field.is_absent() {
            let help = "write `payload = \"tests/NAME.json\"`, a file with the webhook's body".to_owned();
            self.document.wrong(test, "`payload` is missing", help);
        }
        let at = test.key("payload");
        let Some(path) = self.document.take(field, &at) else { return PathBuf::new() };
        if !stays_near(Path::new(&path)) {
            let help =
                "put the payload into this file's folder or its parent, such as \"tests/merged.json\"".to_owned();
            self.document.wrong(&at, format!("`{path}` is in another folder"), help);
        }
        PathBuf::from(path)
    }

    fn event(&mut self, field: Field<String>, test: &At, source: Source) -> String {
        if field.is_absent() && source == Source::Github {
            let help = "write `event = \"pull_request\"`, or whatever GitHub sends in `X-GitHub-Event`".to_owned();
            self.document.wrong(test, "`event` is missing", help);
        }
        let at = test.key("event");
        let Some(event) = self.document.take(field, &at) else { return String::new() };
        if source == Source::Jira {
            self.document.wrong(&at, "Jira's payloads name their event themselves", "leave `event` out".to_owned());
        } else if event.contains('.') {
            let name = event.split('.').next().unwrap_or_default();
            let help = format!("write \"{name}\": the payload says what happened");
            self.document.wrong(&at, format!("`{event}` isn't an event of GitHub's"), help);
        }
        event
    }

    fn expect(&mut self, field: Texts, test: &At, rules: &[Rule]) -> Vec<String> {
        if field.is_absent() {
            let help = "write `expect = [\"RULE\"]`, or `[]` if no rule matches".to_owned();
            self.document.wrong(test, "`expect` is missing", help);
        }
        let entries = self.document.texts(field, &test.key("expect")).unwrap_or_default();
        for (at, name) in &entries {
            if !rules.iter().any(|rule| rule.name == *name) {
                let names = || rules.iter().map(|rule| rule.name.as_str());
                let list = || format!("its rules are {}", names().collect::<Vec<_>>().join(", "));
                let help = did_you_mean(name, names()).or_else(|| (!rules.is_empty()).then(list));
                self.document.wrong(at, format!("this file has no rule `{name}`"), help);
            }
        }
        entries.into_iter().map(|(_, name)| name).collect()
    }
}

/// Whether a path, relative to the folder of team files, stays in that folder or its parent.
fn stays_near(path: &Path) -> bool {
    let depth = path.components().try_fold(1_u32, |depth, component| match component {
        Component::Normal(_) => Some(depth + 1),
        Component::CurDir => Some(depth),
        Component::ParentDir => depth.checked_sub(1),
        Component::RootDir | Component::Prefix(_) => None,
    });
    depth.is_some()
}
