//! Whether the program understands the world as it is.
//!
//! The corpus of real bodies is no part of the project: it is read from a folder beside it, or from
//! `MICROALIGN_CORPUS`. Where it is absent these tests pass and say that they did not run.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use microalign::event::{Event, Source};
use microalign::reason::{Code, Reason};
use microalign::source::{Parsed, Settings, json_body, parse};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("MICROALIGN_CORPUS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "NOT RUN: there is no corpus of payloads in {}; MICROALIGN_CORPUS can name another folder",
        folder.display()
    );
    None
}

/// Every body below a folder, by its path from there (`github/push/payload.json`), in order.
fn bodies(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut bodies = Vec::new();
    for source in ["github", "jira"] {
        for event in fs::read_dir(folder.join(source)).unwrap() {
            for file in fs::read_dir(event.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                bodies.push((name, fs::read(path).unwrap()));
            }
        }
    }
    bodies.sort();
    bodies
}

fn understand(name: &str, body: &[u8]) -> Parsed {
    let (source, rest) = name.split_once('/').unwrap();
    let event = rest.split('/').next().unwrap();
    let json = json_body(Some("application/json"), body).unwrap();
    parse(source.parse().unwrap(), event, &json, Timestamp::UNIX_EPOCH, &Settings::default())
}

/// The line that the table should have for this body.
fn line(name: &str, parsed: &Parsed) -> String {
    match parsed {
        Parsed::Events(events) => {
            let Event { kind, actor, subject, url, .. } = &events[0];
            let actor = actor.as_ref().map_or("-", |actor| actor.login.as_str());
            format!("{name}\t{kind}\t{actor}\t{subject}\t{}", url.as_deref().unwrap_or("-"))
        }
        Parsed::Ignored(_) => format!("{name}\tignored\t-\t-\t-"),
    }
}

#[test]
fn every_body_is_understood_or_ignored_with_a_reason() {
    let Some(folder) = corpus() else { return };
    let bodies = bodies(&folder);
    assert!(bodies.len() > 300, "{} bodies", bodies.len());
    for (name, body) in &bodies {
        match understand(name, body) {
            Parsed::Events(events) => assert!(!events.is_empty(), "{name}"),
            Parsed::Ignored(reason) => {
                let sentence = reason.to_string();
                assert!(!sentence.is_empty() && !sentence.contains('\n'), "{name}: {reason}");
                // Nothing in the corpus is so odd that a field we need is missing from a repository's event.
                let no_repository = Reason::FieldMissing { field: "repository".to_owned() };
                assert!(reason.code() != Code::FieldMissing || reason == no_repository, "{name}: {reason}");
            }
        }
    }
}

#[test]
fn each_body_says_who_did_what_to_what() {
    let Some(folder) = corpus() else { return };
    let table = include_str!("fixtures/corpus.tsv");
    let listed = |name: &str| {
        let tabled = ["github/pull_request/", "github/issues/", "github/issue_comment/", "github/pull_request_review/"];
        name.starts_with("jira/")
            || name.starts_with("github/release/")
            || tabled.iter().any(|dir| name.starts_with(dir))
    };
    let bodies: Vec<(String, Vec<u8>)> = bodies(&folder).into_iter().filter(|(name, _)| listed(name)).collect();
    let mut expected: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).collect();
    expected.sort_unstable();
    let mut found: Vec<String> = bodies.iter().map(|(name, body)| line(name, &understand(name, body))).collect();
    found.sort_unstable();
    let wrong: Vec<String> = found.iter().filter(|line| !expected.contains(&line.as_str())).cloned().collect();
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
    assert_eq!(found.len(), expected.len(), "bodies, and lines of the table");
}

static OWN: LazyLock<Vec<(Source, &str, Value)>> = LazyLock::new(own);

/// Our own payloads, by source and event name.
fn own() -> Vec<(Source, &'static str, Value)> {
    macro_rules! fixtures {
        ($($source:ident $event:literal $file:literal,)*) => {
            vec![$((Source::$source, $event, serde_json::from_str(include_str!(concat!("fixtures/", $file, ".json"))).unwrap()),)*]
        };
    }
    fixtures![
        Github "pull_request" "github/pull_request_opened",
        Github "pull_request" "github/pull_request_merged_ghost",
        Github "issue_comment" "github/issue_comment_on_pull_request",
        Github "pull_request_review" "github/review_submitted",
        Github "issues" "github/issues_opened",
        Github "push" "github/push",
        Github "release" "github/release_published",
        Github "deployment_status" "github/deployment_status",
        Github "workflow_run" "github/workflow_run",
        Github "discussion" "github/discussion",
        Github "discussion_comment" "github/discussion_comment_edited",
        Github "repository" "github/repository_renamed",
        Github "issues" "github/issues_transferred",
        Github "create" "github/create",
        Jira "" "jira/issue_updated",
        Jira "" "jira/comment_created_adf",
        Jira "" "jira/comment_created_data_center",
        Jira "" "jira/issuelink_created",
        Jira "" "jira/sprint_started",
        Jira "" "jira/version_released",
    ]
}

/// Pointers to everything in a document.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                all.push(at.clone());
                pointers(value, &at, all);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                all.push(at.clone());
                pointers(value, &at, all);
            }
        }
        _ => {}
    }
}

/// Deletes what a pointer points at.
fn delete(value: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(entries) => entries.retain(|name, _| *name != key.replace("~1", "/").replace("~0", "~")),
        Value::Array(items) => drop(items.remove(key.parse().unwrap())),
        _ => panic!("{pointer} points into nothing"),
    }
}

/// What may stand where something else was expected.
fn odd() -> impl Strategy<Value = Option<Value>> {
    let text = prop_oneof![
        Just(String::new()),
        Just("\u{0}\u{202e}é\r\n/assume -".to_owned()),
        Just("a-1_B-2-[x|{code}*!".repeat(50)),
        "\\PC{0,40}",
    ];
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(Value::Array(vec![]))),
        Just(Some(serde_json::json!([[null]]))),
        Just(Some(serde_json::json!({"a": {}}))),
        any::<bool>().prop_map(|flag| Some(flag.into())),
        any::<i64>().prop_map(|number| Some(number.into())),
        any::<f64>().prop_map(|number| Some(number.into())),
        text.prop_map(|text| Some(text.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_odd_payload_panics(which: Index, changes in prop::collection::vec((any::<Index>(), odd()), 1..6)) {
        let (source, name, mut body) = which.get(&OWN).clone();
        for (place, value) in changes {
            let mut all = Vec::new();
            pointers(&body, "", &mut all);
            if all.is_empty() {
                break;
            }
            let pointer = place.get(&all);
            match value {
                None => delete(&mut body, pointer),
                Some(value) => *body.pointer_mut(pointer).unwrap() = value,
            }
        }
        let settings = Settings { jira_projects: vec!["DATA".to_owned()], ..Settings::default() };
        let parsed = parse(source, name, body.to_string().as_bytes(), Timestamp::UNIX_EPOCH, &settings);
        match parsed {
            Parsed::Events(events) => {
                for event in events {
                    // An `@` begins the time of an edit, which notes alone have.
                    let once = event.once.as_deref().unwrap_or_default();
                    prop_assert!(source == Source::Jira || event.note.is_some() || !once.contains('@'), "{}", once);
                    prop_assert!(event.note.is_none() || event.undoing.is_none(), "{:?}", event);
                    prop_assert!(!event.tickets.iter().any(|key| event.listed.contains(key)), "{:?}", event);
                    prop_assert!(!event.subject.is_empty() && !event.about.title().is_empty(), "{:?}", event);
                    let url = event.url.unwrap_or("https://".to_owned());
                    prop_assert!(url.starts_with("http://") || url.starts_with("https://"), "{}", url);
                }
            }
            Parsed::Ignored(reason) => prop_assert!(!reason.to_string().is_empty()),
        }
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>, name: String) {
        for source in [Source::Github, Source::Jira] {
            prop_assert!(matches!(
                parse(source, &name, &body, Timestamp::UNIX_EPOCH, &Settings::default()),
                Parsed::Ignored(_)
            ));
        }
    }
}
