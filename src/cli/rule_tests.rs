//! The tests in team files: each webhook's body, and what the rules make of it.

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;

use crate::compose::Rulebook;
use crate::intake::understand;
use crate::plan;
use crate::rule::{RuleTest, Team};
use crate::source::{Parsed, Settings, json_body};
use crate::toml_file::{Place, Problem};
use crate::track;

/// The most that a webhook's body may be.
const LARGEST: u64 = 25 * 1024 * 1024;

/// Runs the tests of all teams in force.
pub(super) fn failures(rulebook: &Rulebook, settings: &Settings) -> Vec<Problem> {
    let tests = rulebook.files().flat_map(|(file, team)| team.tests.iter().map(move |test| (file, team, test)));
    tests.flat_map(|(file, team, test)| failures_of(test, file, (rulebook, team), settings)).collect()
}

fn failures_of(
    test: &RuleTest,
    file: &Path,
    (rulebook, team): (&Rulebook, &Team),
    settings: &Settings,
) -> Vec<Problem> {
    let problem = |place: &Place, message: String, help: Option<String>| Problem {
        file: file.display().to_string(),
        place: Some(place.clone()),
        message,
        help,
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let body = match read(folder, &test.payload) {
        Ok(body) => body,
        Err(message) => return vec![problem(&test.payload_at, message, None)],
    };
    let events = match understand(test.source, &test.event, &body, Timestamp::now(), settings) {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => {
            let message = format!("no rule can match this payload: {reason}");
            return vec![problem(&test.payload_at, message, None)];
        }
    };
    let tracked = events.into_iter().map(|event| track::track(None, event)).collect::<Vec<_>>();
    let told = tracked.iter().map(|tracked| format!("{} on {}", tracked.event.kind, tracked.event.subject));
    let help = format!("test `{}` tells {}", test.name, told.collect::<Vec<_>>().join(", "));
    let differences = plan::differences(&tracked, rulebook.rules(), team, &test.expect);
    differences.into_iter().map(|message| problem(&test.expect_at, message, Some(help.clone()))).collect()
}

/// The body in a file in the folder of team files, or in the one around it, wherever links lead.
pub(super) fn read(folder: &Path, payload: &Path) -> Result<Vec<u8>, String> {
    let name = payload.display();
    let unreadable = |error: std::io::Error| format!("`{name}` can't be read: {error}");
    let around = folder.join("..").canonicalize().map_err(unreadable)?;
    let path = folder.join(payload).canonicalize().map_err(unreadable)?;
    if !path.starts_with(around) {
        return Err(format!(
            "`{name}` is in another folder: a payload is in this file's folder or in the one around it"
        ));
    }
    // To open a named pipe would wait for a writer for ever.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("`{name}` isn't a regular file"));
    }
    let mut body = Vec::new();
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut body).map_err(unreadable)?;
    if body.len() as u64 > LARGEST {
        return Err(format!("`{name}` is larger than 25 MB, the most that a webhook's body may be"));
    }
    json_body(Some("application/json"), &body).map(|body| body.to_vec()).map_err(|error| format!("`{name}`: {error}"))
}
