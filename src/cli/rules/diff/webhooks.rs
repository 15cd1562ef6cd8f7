//! Webhook bodies in files, and what rules tell of them.

use std::path::Path;

use jiff::Timestamp;

use super::changes::{Messages, Told};
use crate::app;
use crate::cli::{Failure, github_event, rule_tests};
use crate::compose::{self, Rulebook};
use crate::config::Config;
use crate::event::{Event, Source};
use crate::intake::understand;
use crate::plan;
use crate::source::Parsed;
use crate::track;

/// A webhook in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Webhook {
    source: Source,
    /// GitHub's name for the event; empty for Jira
    event: String,
    body: Vec<u8>,
}

/// The payloads of all tests, each once.
pub(super) fn of_tests<'r>(rulebooks: impl Iterator<Item = &'r Rulebook>) -> Result<Vec<Webhook>, Failure> {
    let mut webhooks = Vec::new();
    for (file, test) in
        rulebooks.flat_map(Rulebook::files).flat_map(|(file, team)| team.tests.iter().map(move |t| (file, t)))
    {
        let folder = file.parent().unwrap_or(Path::new("."));
        let body = rule_tests::read(folder, &test.payload)
            .map_err(|error| Failure::Wrong(format!("{}: test `{}`: {error}", file.display(), test.name)))?;
        let webhook = Webhook { source: test.source, event: test.event.clone(), body };
        if !webhooks.contains(&webhook) {
            webhooks.push(webhook);
        }
    }
    Ok(webhooks)
}

/// The `*.json` files of a folder, in the order of their names.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<Webhook>, Failure> {
    let told = |error: std::io::Error| Failure::Wrong(format!("{} can't be read: {error}", folder.display()));
    let files = std::fs::read_dir(folder).map_err(told)?.collect::<Result<Vec<_>, _>>().map_err(told)?;
    let mut names = files.into_iter().filter_map(|file| file.file_name().into_string().ok()).collect::<Vec<_>>();
    names.retain(|name| !name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == "json"));
    names.sort();
    names.iter().map(|name| of_file(folder, name)).collect()
}

fn of_file(folder: &Path, name: &str) -> Result<Webhook, Failure> {
    let of_file = |error: String| Failure::Wrong(format!("{}: {error}", folder.join(name).display()));
    let event = name.split('.').next().unwrap_or_default();
    let (source, event) = if event == "jira" { (Source::Jira, "") } else { (Source::Github, event) };
    if source == Source::Github && !github_event::is_known(event) {
        let help = "begin the name with GitHub's name for the event, or with `jira`, and a dot";
        return Err(of_file(format!("GitHub has no event `{event}`: {help}, such as pull_request.merged.json")));
    }
    let body = rule_tests::read(folder, Path::new(name)).map_err(of_file)?;
    Ok(Webhook { source, event: event.to_owned(), body })
}

/// What the rules tell of webhooks, each of which is all that is known.
pub(super) fn told(webhooks: &[Webhook], rulebook: &Rulebook, config: &Config) -> Messages {
    let (settings, mut messages) = (app::settings(config), Messages::new());
    for Webhook { source, event, body } in webhooks {
        let Parsed::Events(events) = understand(*source, event, body, Timestamp::now(), &settings) else { continue };
        for tracked in events.into_iter().map(|event| track::track(None, event)) {
            for (team, rule, kind) in plan::matching(&tracked, rulebook.rules()) {
                let event = Event { kind, ..tracked.event.clone() };
                if compose::withheld(team, &event, None).is_some() {
                    continue;
                }
                for to in plan::destinations(rule) {
                    let told = Told { kind: kind.to_string(), subject: event.subject.to_string(), to: to.to_string() };
                    messages.add((team.name.clone(), rule.name.clone()), told);
                }
            }
        }
    }
    messages
}
